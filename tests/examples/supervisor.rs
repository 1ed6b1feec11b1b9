//! `make bench`: how fast a console takes events in over HTTP, how fast the supervisor in it does and how fast it fires deadlines, on the real
//! database, beside plain SQL that writes the same in the same batches. Prints a table with the bounds of the project beside what was measured, writes it to
//! `bench/results/supervisor.json`, and ends with exit code 1 when a bound is missed.
//!
//! `target/release/examples/supervisor [ROUNDS] [EVENTS] [DUE]` (5, 20,000 and 100,000); the programs must be built. Speeds are ratios of two
//! runs beside each other, because machines are shared; each line is the median of the rounds, with the least and the most.

use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_alerts::supervisor::Supervisor;
use mingjing_monitor::case::CaseFold;
use mingjing_monitor::event::CaseEvent;
use mingjing_monitor::item::ItemVersion;
use mingjing_monitor::limit::Limit;
use mingjing_monitor::org::{Hall, Level};
use mingjing_monitor::store::events::{Hashed, insert};
use mingjing_monitor::store::states::{self, CaseRecord};
use mingjing_monitor::store::testing::TestDatabase;
use mingjing_monitor::store::{Store, halls, items};
use mingjing_tests::bench::{Bound, Error, Table, arguments};
use mingjing_tests::stage::Stage;
use serde_json::{Value, json};

const BATCH: usize = 10_000;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let [rounds, events, due] = arguments([5, 20_000, 100_000])?;
    let mut table = Table::default();
    for _ in 0..rounds {
        intake(events, &mut table).await?;
        deadlines(due, &mut table).await?;
    }
    table.finish(
        "supervisor",
        json!({"rounds": rounds, "events": events, "due": due}),
    )
}

/// Event `i` as a CloudEvent: an acceptance for even, a decision of the same case for odd ones.
fn cloudevent(i: usize, at: DateTime<Utc>) -> Value {
    let kind = if i.is_multiple_of(2) {
        "case.accepted"
    } else {
        "case.completed"
    };
    json!({
        "specversion": "1.0", "id": format!("e{i}"), "source": "//speed", "type": kind, "subject": format!("2026-{:07}", i / 2),
        "time": at + TimeDelta::milliseconds(i as i64),
        "data": {"hall": format!("H{}", i / 2 % 26), "unit": "人社局", "item": "A", "window": (i / 2 % 9).to_string(), "handler": "0731"},
    })
}

fn event(i: usize, at: DateTime<Utc>) -> Result<CaseEvent, Error> {
    Ok(CaseEvent::from_cloudevent(
        &cloudevent(i, at),
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
        promise: Some(Limit::workdays(7)),
        legal: Some(Limit::workdays(20)),
        ..ItemVersion::default()
    };
    Ok(items::upsert(&mut connection, &[item]).await?)
}

/// A county on a database of its own, and its supervisor.
async fn stage(now: DateTime<Utc>) -> Result<(TestDatabase, Supervisor), Error> {
    let database = TestDatabase::new().await;
    county(&database.store).await?;
    let supervisor = Supervisor::start(database.store.pool().clone(), now).await?;
    Ok((database, supervisor))
}

/// Events in, beside plain SQL that makes the same writes, beside a COPY of the events alone; and the same events again.
async fn intake(events: usize, table: &mut Table) -> Result<(), Error> {
    let now: DateTime<Utc> = "2026-11-02T02:00:00Z".parse()?;
    let (_database, mut supervisor) = stage(now).await?;
    let reference = plain(events, now, &supervisor).await?;
    let copy = copied(events, now).await?;
    let sent = sent(events, now).await?;
    let mut seconds = [0.0; 2];
    for seconds in &mut seconds {
        let batches = batches(events, now)?;
        let begun = Instant::now();
        for batch in batches {
            supervisor
                .apply_batch(batch, false, now + TimeDelta::hours(1))
                .await?;
        }
        *seconds = begun.elapsed().as_secs_f64();
    }
    let [first, again] = seconds;
    let rate = |seconds: f64| events as f64 / seconds;
    table.add("events over HTTP", "/s", Bound::None, rate(sent));
    table.add(
        "events over HTTP: speed of plain SQL with the same writes",
        "ratio",
        Bound::AtLeast(0.8),
        reference / sent,
    );
    table.add("events by the supervisor", "/s", Bound::None, rate(first));
    table.add(
        "events by the supervisor: speed of plain SQL with the same writes",
        "ratio",
        Bound::None,
        reference / first,
    );
    table.add(
        "events: speed of COPY of the events alone",
        "ratio",
        Bound::None,
        copy / first,
    );
    table.add(
        "events seen already: speed of the first time",
        "ratio",
        Bound::AtLeast(1.5),
        first / again,
    );
    Ok(())
}

/// Seconds from the first batch's way to a console until the last one's answer that it is committed.
async fn sent(events: usize, at: DateTime<Utc>) -> Result<f64, Error> {
    let stage = Stage::new(&[]).await;
    county(&stage.database.store).await?;
    let token = stage.token(&["--role", "source"]).await;
    let numbers: Vec<usize> = (0..events).collect();
    let batches = numbers.chunks(BATCH).map(|batch| {
        let batch: Vec<Value> = batch.iter().map(|&i| cloudevent(i, at)).collect();
        (batch.len(), Value::from(batch).to_string())
    });
    let batches: Vec<(usize, String)> = batches.collect();
    let (client, intake) = (
        reqwest::Client::new(),
        format!("{}/api/v1/events", stage.url),
    );
    let begun = Instant::now();
    for (events, batch) in batches {
        let sent = client
            .post(&intake)
            .bearer_auth(&token)
            .header("content-type", "application/cloudevents-batch+json")
            .body(batch);
        let answer: Value = sent.send().await?.json().await?;
        if answer["accepted"] != events {
            return Err(format!("a batch of {events} was answered {answer}").into());
        }
    }
    Ok(begun.elapsed().as_secs_f64())
}

/// Seconds for events, identities and case states by plain SQL; what is written is made beforehand.
async fn plain(events: usize, now: DateTime<Utc>, by: &Supervisor) -> Result<f64, Error> {
    let database = TestDatabase::new().await;
    let prepared = batches(events, now)?.into_iter().map(|batch| {
        let states: Vec<CaseRecord> = batch
            .chunks(2)
            .map(|of_case| {
                let no = of_case[0].case_no.clone().unwrap_or_default();
                by.reference()
                    .assess(CaseFold::fold(no, of_case), now)
                    .record
            })
            .collect();
        let hashed: Vec<Hashed> = batch.into_iter().map(Hashed::from).collect();
        (hashed, states)
    });
    let prepared: Vec<_> = prepared.collect();
    let begun = Instant::now();
    for (hashed, states) in &prepared {
        let mut transaction = database.store.pool().begin().await?;
        insert(&mut transaction, hashed, now).await?;
        states::upsert(&mut transaction, &states.iter().collect::<Vec<_>>(), now).await?;
        transaction.commit().await?;
    }
    Ok(begun.elapsed().as_secs_f64())
}

/// Seconds for a COPY of the events, without identities or states.
async fn copied(events: usize, now: DateTime<Utc>) -> Result<f64, Error> {
    let database = TestDatabase::new().await;
    let line = |event: &CaseEvent| {
        let data = serde_json::Value::from(event.data())
            .to_string()
            .replace('\\', "\\\\");
        let (time, no) = (event.time.to_rfc3339(), event.case_no.as_deref());
        format!(
            "{time}\tf\t{time}\t{time}\t{}\t{}\t{}\t{}\t{}\t{data}\n",
            event.source,
            event.id,
            no.unwrap_or("\\N"),
            event.place.hall,
            event.kind.type_name()
        )
    };
    let batches = batches(events, now)?;
    let texts: Vec<String> = batches
        .iter()
        .map(|batch| batch.iter().map(line).collect())
        .collect();
    let mut connection = database.store.pool().acquire().await?;
    let begun = Instant::now();
    for text in &texts {
        let mut copy = connection
            .copy_in_raw(
                "COPY case_event (time, date_only, received, committed, source, id, case_no, hall, type, data) FROM STDIN",
            )
            .await?;
        copy.send(text.as_bytes()).await?;
        copy.finish().await?;
    }
    Ok(begun.elapsed().as_secs_f64())
}

/// `due` cases with the same deadlines: the warning, the yellow card above it, the red card above that, each in one instant.
async fn deadlines(due: usize, table: &mut Table) -> Result<(), Error> {
    let now: DateTime<Utc> = "2026-11-02T02:00:00Z".parse()?;
    let (database, mut supervisor) = stage(now).await?;
    for first in (0..due).step_by(BATCH) {
        let batch: Result<Vec<_>, _> = (first..due.min(first + BATCH))
            .map(|i| event(2 * i, now))
            .collect();
        supervisor.apply_batch(batch?, false, now).await?;
    }
    let begun = Instant::now();
    let mut supervisor = Supervisor::start(database.store.pool().clone(), now).await?;
    let millions = due as f64 / 1e6;
    table.add(
        "restart to ready, a million open cases",
        "s",
        Bound::AtMost(5.0),
        begun.elapsed().as_secs_f64() / millions,
    );
    let horizon = now + TimeDelta::days(40);
    while let Some(instant) = supervisor.next_due().filter(|&at| at < horizon) {
        let (begun, mut cards) = (Instant::now(), 0);
        while supervisor.next_due() == Some(instant) {
            cards += supervisor.fire_due(instant).await?.len();
        }
        // A source that falls silent on the way is an instant of its own.
        if cards >= due {
            let seconds = begun.elapsed().as_secs_f64() * 1e5 / due as f64;
            let what = format!("100,000 due at {}", instant.format("%m-%d %H:%M"));
            table.add(&what, "s", Bound::AtMost(5.0), seconds);
        }
    }
    let standing: i64 = sqlx::query_scalar(
        "SELECT count(DISTINCT case_no) FROM card WHERE grade = 'red_card' AND state = 'issued'",
    )
    .fetch_one(database.store.pool())
    .await?;
    if usize::try_from(standing)? != due {
        return Err(format!("{standing} of {due} cases have their red card").into());
    }
    Ok(())
}
