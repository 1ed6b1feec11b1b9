//! What happens again and again is written once at once, and then as a count: neither a page that fetches a picture every
//! five seconds nor a stranger who tries a thousand doors a second may fill the disk.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_monitor::audit::{Action, Actor, ActorKind, Draft};
use mingjing_monitor::store::{StoreError, audit};
use serde_json::{Map, Value, json};
use sqlx::PgPool;

/// For how long the like of it is counted.
fn span(action: Action) -> TimeDelta {
    match action {
        Action::AccessDenied | Action::SessionRefused => TimeDelta::minutes(5),
        _ => TimeDelta::hours(1),
    }
}

/// How many different ones are told apart within their span; what exceeds it is counted together. A flood of refusals from ever
/// new addresses so costs at most 401 entries in five minutes.
fn most(action: Action) -> usize {
    match action {
        Action::AccessDenied | Action::SessionRefused => 200,
        _ => 10_000,
    }
}

/// The like of it: everything but the instant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    action: Action,
    /// `None`: all those that were too many to be told apart.
    of: Option<String>,
}

#[derive(Debug)]
struct Count {
    /// As the first was, or would have been, written.
    draft: Draft,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    /// Those that are not written yet.
    times: u64,
}

/// Counts of what happens again and again.
#[derive(Debug, Default)]
pub struct Tally(Mutex<HashMap<Key, Count>>);

impl Tally {
    fn counts(&self) -> MutexGuard<'_, HashMap<Key, Count>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts `draft`; the first of its like is written at once.
    pub async fn note(&self, db: &PgPool, draft: Draft) {
        let Some(key) = self.count(&draft) else {
            return;
        };
        if let Err(error) = audit::record(db, &[draft]).await {
            tracing::warn!(%error, "an entry of the audit log waits for the database");
            if let Some(count) = self.counts().get_mut(&key) {
                count.times += 1;
            }
        }
    }

    /// The key, when this is the first of its like and so to be written.
    fn count(&self, draft: &Draft) -> Option<Key> {
        let mut counts = self.counts();
        let mut key = Key {
            action: draft.action,
            of: Some(like(draft)),
        };
        if !counts.contains_key(&key) {
            let others = counts.keys().filter(|other| other.action == draft.action);
            if others.count() >= most(draft.action) {
                key.of = None;
            }
        }
        if let Some(count) = counts.get_mut(&key) {
            count.times += 1;
            count.until = draft.at;
            return None;
        }
        let mut first = draft.clone();
        let together = key.of.is_none();
        if together {
            first.actor = Actor::of(ActorKind::Nobody);
            (first.subject, first.hall, first.reason) = (None, None, None);
            first.after = Some(json!({"together": true}));
        }
        let count = Count {
            draft: first,
            since: draft.at,
            until: draft.at,
            times: u64::from(together),
        };
        counts.insert(key.clone(), count);
        (!together).then_some(key)
    }

    /// Writes the counts whose span is over at `now`, or all of them.
    pub(super) async fn write(
        &self,
        db: &PgPool,
        now: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError> {
        let is_due =
            |count: &Count| now.is_none_or(|now| now - count.since >= span(count.draft.action));
        let due: Vec<(Key, Count)> = self.counts().extract_if(|_, count| is_due(count)).collect();
        let drafts: Vec<Draft> = due
            .iter()
            .filter(|(_, count)| count.times > 0)
            .map(|(_, count)| total(count))
            .collect();
        if drafts.is_empty() {
            return Ok(());
        }
        let written = audit::record(db, &drafts).await;
        if written.is_err() {
            let mut counts = self.counts();
            for (key, count) in due {
                let times = count.times;
                let merged = counts.entry(key).or_insert(Count { times: 0, ..count });
                merged.times += times;
            }
        }
        written.map(|_| ())
    }
}

fn like(draft: &Draft) -> String {
    let Actor {
        kind,
        id,
        login,
        address,
        ..
    } = &draft.actor;
    format!(
        "{kind:?} {id:?} {login:?} {address:?} {:?} {:?}",
        draft.subject, draft.after
    )
}

/// The entry that tells how often it happened again.
fn total(count: &Count) -> Draft {
    let mut draft = count.draft.clone();
    let mut after = match draft.after.take() {
        Some(Value::Object(facts)) => facts,
        _ => Map::new(),
    };
    after.insert("times".into(), count.times.into());
    after.insert("since".into(), json!(count.since));
    draft.at = count.until;
    draft.after = Some(after.into());
    draft
}

#[cfg(test)]
mod tests {
    use mingjing_monitor::store::paging::Page;
    use mingjing_monitor::store::testing::TestDatabase;

    use super::*;

    fn denied(address: &str, second: i64) -> Draft {
        let mut actor = Actor::of(ActorKind::Nobody);
        actor.address = Some(address.into());
        Draft {
            at: DateTime::UNIX_EPOCH + TimeDelta::seconds(second),
            actor,
            action: Action::AccessDenied,
            subject: Some(("route", "GET /api/v1/cases".into())),
            hall: None,
            before: None,
            after: Some(json!({"status": 401})),
            reason: None,
        }
    }

    async fn written(test: &TestDatabase) -> Vec<(Option<String>, Value)> {
        let (filter, limit) = (audit::Filter::default(), 1_000);
        let page = Page { after: None, limit };
        let (mut rows, _) = audit::list(test.store.pool(), &filter, &page)
            .await
            .unwrap();
        rows.sort_by_key(|row| row.seq);
        rows.into_iter()
            .map(|row| {
                (
                    row.address,
                    serde_json::from_str(&row.after.unwrap()).unwrap(),
                )
            })
            .collect()
    }

    #[tokio::test]
    async fn the_first_is_written_at_once_and_the_rest_as_a_count() {
        let test = TestDatabase::new().await;
        let (tally, db) = (Tally::default(), test.store.pool());
        for second in 0..100 {
            tally.note(db, denied("10.0.0.1", second)).await;
        }
        tally.note(db, denied("10.0.0.2", 100)).await;
        assert_eq!(written(&test).await.len(), 2);
        let at = |second| Some(DateTime::UNIX_EPOCH + TimeDelta::seconds(second));
        tally.write(db, at(299)).await.unwrap();
        assert_eq!(written(&test).await.len(), 2);
        tally.write(db, at(300)).await.unwrap();
        let rows = written(&test).await;
        assert_eq!(rows.len(), 3);
        assert_eq!(
            rows[2],
            (
                Some("10.0.0.1".into()),
                json!({"status": 401, "times": 99, "since": "1970-01-01T00:00:00Z"})
            )
        );
        // The next one begins anew; what happened once leaves no count.
        tally.write(db, None).await.unwrap();
        tally.note(db, denied("10.0.0.1", 301)).await;
        assert_eq!(written(&test).await.len(), 4);
    }

    #[tokio::test]
    async fn a_flood_from_ever_new_addresses_is_bounded() {
        let test = TestDatabase::new().await;
        let (tally, db) = (Tally::default(), test.store.pool());
        for n in 0..1_000 {
            tally
                .note(db, denied(&format!("10.0.{}.{}", n / 250, n % 250), n))
                .await;
        }
        assert_eq!(written(&test).await.len(), 200);
        tally.write(db, None).await.unwrap();
        let rows = written(&test).await;
        assert_eq!(rows.len(), 201);
        assert_eq!(rows[200].0, None);
        assert_eq!(
            (&rows[200].1["together"], &rows[200].1["times"]),
            (&json!(true), &json!(800))
        );
    }

    #[tokio::test]
    async fn what_the_database_missed_is_written_when_it_is_back() {
        let test = TestDatabase::new().await;
        let tally = Tally::default();
        let away = crate::store::pool("postgres://127.0.0.1:9/none", 1).unwrap();
        tally.note(&away, denied("10.0.0.1", 0)).await;
        assert!(tally.write(&away, None).await.is_err());
        tally.write(test.store.pool(), None).await.unwrap();
        assert_eq!(written(&test).await[0].1["times"], json!(1));
    }
}
