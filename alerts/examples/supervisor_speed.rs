//! How fast the supervisor takes events in and fires deadlines, beside the same writes by plain SQL.
//!
//! `cargo run -p mingjing-alerts --example supervisor_speed -- [EVENTS] [DUE]`: batches of 10,000 events about half as many
//! cases, the same again, then DUE cases falling due in one instant. Prints events a second and ratios.

use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_alerts::supervisor::Supervisor;
use mingjing_monitor::event::CaseEvent;
use mingjing_monitor::item::{HandlingKind, ItemVersion};
use mingjing_monitor::limit::Limit;
use mingjing_monitor::org::{Hall, Level};
use mingjing_monitor::store::events::{Hashed, insert};
use mingjing_monitor::store::testing::TestDatabase;
use mingjing_monitor::store::{Store, halls, items};
use serde_json::json;

const BATCH: usize = 10_000;

type Error = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let events = arguments.next().map_or(Ok(50_000), |n| n.parse())?;
    let due = arguments.next().map_or(Ok(100_000), |n| n.parse())?;
    plain(events).await?;
    supervised(events).await?;
    deadlines(due).await
}

/// Event `i`: an acceptance for even, a step or a decision of the same case for odd ones.
fn event(i: usize, at: DateTime<Utc>) -> Result<CaseEvent, Error> {
    let kind = if i.is_multiple_of(2) {
        "case.accepted"
    } else {
        "case.completed"
    };
    let cloudevent = json!({
        "specversion": "1.0", "id": format!("e{i}"), "source": "//speed", "type": kind, "subject": format!("2026-{:07}", i / 2),
        "time": at + TimeDelta::milliseconds(i64::try_from(i)?),
        "data": {"hall": format!("H{}", i / 2 % 26), "unit": "人社局", "item": "A", "window": (i / 2 % 9).to_string(), "handler": "0731"},
    });
    Ok(CaseEvent::from_cloudevent(
        &cloudevent,
        at,
        chrono_tz::Asia::Shanghai,
    )?)
}

fn batches(events: usize, at: DateTime<Utc>) -> Result<Vec<Vec<CaseEvent>>, Error> {
    (0..events)
        .collect::<Vec<_>>()
        .chunks(BATCH)
        .map(|ids| ids.iter().map(|&i| event(i, at)).collect())
        .collect()
}

async fn county(store: &Store) -> Result<(), Error> {
    let mut connection = store.pool().acquire().await?;
    let hall = |i: usize| Hall {
        code: format!("H{i}"),
        parent: (i > 0).then(|| "H0".to_owned()),
        level: if i == 0 { Level::County } else { Level::Town },
        name: format!("{i}"),
        name_en: String::new(),
        opening: mingjing_monitor::calendar::OpeningHours::default(),
    };
    halls::upsert_halls(&mut connection, &(0..26).map(hall).collect::<Vec<_>>()).await?;
    let item = ItemVersion {
        code: "A".into(),
        version: 1,
        valid_from: DateTime::UNIX_EPOCH,
        name: "A".into(),
        name_en: String::new(),
        unit: None,
        kind: HandlingKind::Promised,
        promise: Some(Limit::workdays(7)),
        legal: Some(Limit::workdays(20)),
        steps: vec![],
    };
    Ok(items::upsert(&mut connection, &[item]).await?)
}

fn rate(what: &str, n: usize, since: Instant) -> f64 {
    let seconds = since.elapsed().as_secs_f64();
    println!(
        "{what}: {n} in {seconds:.2} s, {:.0} a second",
        n as f64 / seconds
    );
    seconds
}

/// The events and identities alone, in the same batches.
async fn plain(events: usize) -> Result<(), Error> {
    let database = TestDatabase::new().await;
    let now = "2026-11-02T02:00:00Z".parse()?;
    let batches = batches(events, now)?;
    let begun = Instant::now();
    for batch in batches {
        let hashed: Vec<Hashed> = batch.into_iter().map(Hashed::from).collect();
        let mut transaction = database.store.pool().begin().await?;
        insert(&mut transaction, &hashed, now).await?;
        transaction.commit().await?;
    }
    rate("events and identities alone", events, begun);
    Ok(())
}

async fn supervised(events: usize) -> Result<(), Error> {
    let database = TestDatabase::new().await;
    county(&database.store).await?;
    let now = "2026-11-02T02:00:00Z".parse()?;
    let mut supervisor = Supervisor::start(database.store.pool().clone(), now).await?;
    let mut seconds = [0.0; 2];
    for (what, seconds) in ["first time", "again"].into_iter().zip(&mut seconds) {
        let batches = batches(events, now)?;
        let begun = Instant::now();
        for batch in batches {
            supervisor
                .apply_batch(batch, false, now + TimeDelta::hours(1))
                .await?;
        }
        *seconds = rate(what, events, begun);
    }
    println!("seen already: {:.1} times as fast", seconds[0] / seconds[1]);
    Ok(())
}

async fn deadlines(due: usize) -> Result<(), Error> {
    let database = TestDatabase::new().await;
    county(&database.store).await?;
    let now = "2026-11-02T02:00:00Z".parse()?;
    let mut supervisor = Supervisor::start(database.store.pool().clone(), now).await?;
    let begun = Instant::now();
    for first in (0..due).step_by(BATCH) {
        let batch: Result<Vec<_>, _> = (first..due.min(first + BATCH))
            .map(|i| event(2 * i, now))
            .collect();
        supervisor.apply_batch(batch?, false, now).await?;
    }
    rate("accepted, all open", due, begun);
    let begun = Instant::now();
    let mut supervisor = Supervisor::start(database.store.pool().clone(), now).await?;
    rate("restart to ready", due, begun);
    while let Some(instant) = supervisor
        .next_due()
        .filter(|&at| at < now + TimeDelta::days(40))
    {
        let (begun, mut deltas) = (Instant::now(), 0);
        while supervisor.next_due() == Some(instant) {
            deltas += supervisor.fire_due(instant).await?.len();
        }
        println!(
            "{instant}: {deltas} deltas in {:.2} s",
            begun.elapsed().as_secs_f64()
        );
    }
    Ok(())
}
