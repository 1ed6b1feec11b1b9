//! Loading the months before the first start: each case's past in one batch, day after day.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use super::client::Client;
use super::plan::{Plan, PlannedEvent, Source};

/// Events in a request: few enough that live events never wait long behind one.
const BATCH: usize = 2_000;
/// Requests under way at once.
const AT_ONCE: usize = 3;

/// Word that came so long before the first start, and late, is left to the halls' own systems: what it contests still is.
const STILL_CONTESTED: TimeDelta = TimeDelta::days(6);

/// Whether the event is one that history leaves out, because it contests a card that nobody has decided on by `cut`.
pub fn contests(event: &PlannedEvent, cut: DateTime<Utc>) -> bool {
    event.told_late() && event.told > cut - STILL_CONTESTED
}

/// The batches of one day: cases and days of a village point are never split, and only what was told by `cut` is in them.
pub fn batches(plan: &Plan, day: NaiveDate, cut: DateTime<Utc>) -> Vec<Vec<Value>> {
    let mut batches = vec![Vec::new()];
    let cases = plan.day(day).into_iter().map(|case| case.events);
    for events in cases.chain(plan.complaints(day)).chain(plan.services(day)) {
        let past: Vec<Value> = events
            .iter()
            .take_while(|event| event.told <= cut && !contests(event, cut))
            .map(|event| event.cloudevent())
            .collect();
        if batches
            .last()
            .is_some_and(|last: &Vec<Value>| last.len() + past.len() > BATCH)
        {
            batches.push(Vec::new());
        }
        if let Some(last) = batches.last_mut() {
            last.extend(past);
        }
    }
    batches.retain(|batch| !batch.is_empty());
    batches
}

/// Posts the days from `first` to `last`, several at once; tells `done` of every day that is in, in their order. False: the
/// console is stopping.
///
/// # Errors
/// What the console says when it refuses.
pub async fn load(
    plan: &Plan,
    client: &Client,
    token: &str,
    (first, last, cut): (NaiveDate, NaiveDate, DateTime<Utc>),
    mut done: impl FnMut(NaiveDate, usize) -> Result<(), String>,
) -> Result<bool, String> {
    let days = stream::iter(first.iter_days().take_while(|day| *day <= last));
    let mut posts = days
        .map(|day| async move {
            let mut posted = 0;
            for batch in batches(plan, day, cut) {
                let Some(answer) = client.post(token, &batch).await? else {
                    return Ok(None);
                };
                if let Some(first) = answer.rejected.first() {
                    return Err(format!(
                        "{} events of {day} were refused, the first: {first}",
                        answer.rejected.len()
                    ));
                }
                posted += answer.accepted + answer.spooled + answer.duplicate;
            }
            Ok::<_, String>(Some((day, posted)))
        })
        .buffered(AT_ONCE);
    while let Some(day) = posts.try_next().await? {
        let Some((day, posted)) = day else {
            return Ok(false);
        };
        done(day, posted)?;
    }
    Ok(true)
}

/// A source's heartbeat: it has told everything up to `complete_until`.
pub fn heartbeat(source: Source, now: DateTime<Utc>) -> Value {
    json!({
        "specversion": "1.0",
        "id": format!("heartbeat-{}", now.timestamp()),
        "source": source.id(),
        "type": "source.heartbeat",
        "time": now.to_rfc3339(),
        "data": {"complete_until": (now - source.lag()).to_rfc3339()},
    })
}
