//! Events: their identities and the events themselves.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::types::Json;
use sqlx::{PgConnection, PgPool};

use super::StoreError;
use crate::event::CaseEvent;

/// What is known of an event's identity (`source` + `id`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// Never seen.
    New,
    /// Seen with the same content.
    Duplicate,
    /// Seen with other content, at this event time.
    Conflict(DateTime<Utc>),
}

/// An event with its content hash, computed once.
#[derive(Debug, Clone)]
pub struct Hashed {
    /// The event.
    pub event: CaseEvent,
    /// [`CaseEvent::content_hash`].
    pub hash: [u8; 32],
}

impl From<CaseEvent> for Hashed {
    fn from(event: CaseEvent) -> Self {
        Self {
            hash: event.content_hash(),
            event,
        }
    }
}

/// An event as it is kept, with the instant of its commit.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The event.
    pub event: CaseEvent,
    /// When it was committed: the third of its three instants.
    pub committed: DateTime<Utc>,
}

/// Tells for each event whether its identity is known, in the order given.
pub async fn identify(
    connection: &mut PgConnection,
    events: &[Hashed],
) -> Result<Vec<Identity>, StoreError> {
    let known: Vec<(i64, DateTime<Utc>, Vec<u8>)> = sqlx::query_as(
        "SELECT q.i, e.time, e.hash
         FROM UNNEST($1::text[], $2::text[]) WITH ORDINALITY AS q (source, id, i)
         JOIN event_identity e ON e.source = q.source AND e.id = q.id",
    )
    .bind(
        events
            .iter()
            .map(|hashed| hashed.event.source.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(
        events
            .iter()
            .map(|hashed| hashed.event.id.as_str())
            .collect::<Vec<_>>(),
    )
    .fetch_all(connection)
    .await?;
    let mut identities = vec![Identity::New; events.len()];
    for (i, time, hash) in known {
        let i = usize::try_from(i - 1).unwrap_or_default();
        let same = events
            .get(i)
            .is_some_and(|hashed| hashed.hash[..] == hash[..]);
        if let Some(identity) = identities.get_mut(i) {
            *identity = if same {
                Identity::Duplicate
            } else {
                Identity::Conflict(time)
            };
        }
    }
    Ok(identities)
}

/// Stores new events and their identities. Fails as a whole when an identity is taken: then another writer was faster,
/// and the batch has to be looked at again.
pub async fn insert(
    connection: &mut PgConnection,
    events: &[Hashed],
    committed: DateTime<Utc>,
) -> Result<(), StoreError> {
    let column = |pick: fn(&CaseEvent) -> &str| {
        events
            .iter()
            .map(|hashed| pick(&hashed.event))
            .collect::<Vec<_>>()
    };
    let sources = column(|event| &event.source);
    let ids = column(|event| &event.id);
    let times: Vec<_> = events.iter().map(|hashed| hashed.event.time).collect();
    sqlx::query(
        "INSERT INTO event_identity (source, id, time, hash)
         SELECT * FROM UNNEST($1::text[], $2::text[], $3::timestamptz[], $4::bytea[])",
    )
    .bind(&sources)
    .bind(&ids)
    .bind(&times)
    .bind(
        events
            .iter()
            .map(|hashed| &hashed.hash[..])
            .collect::<Vec<_>>(),
    )
    .execute(&mut *connection)
    .await?;
    let hall = |event: &CaseEvent| (!event.place.hall.is_empty()).then(|| event.place.hall.clone());
    sqlx::query(
        "INSERT INTO case_event (time, date_only, received, committed, source, id, case_no, hall, type, seq, data)
         SELECT time, date_only, received, $1, source, id, case_no, hall, type, seq, data
         FROM UNNEST($2::timestamptz[], $3::bool[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[],
                     $9::text[], $10::bigint[], $11::jsonb[])
              AS e (time, date_only, received, source, id, case_no, hall, type, seq, data)",
    )
    .bind(committed)
    .bind(&times)
    .bind(events.iter().map(|hashed| hashed.event.date_only).collect::<Vec<_>>())
    .bind(events.iter().map(|hashed| hashed.event.received).collect::<Vec<_>>())
    .bind(&sources)
    .bind(&ids)
    .bind(events.iter().map(|hashed| hashed.event.case_no.as_deref()).collect::<Vec<_>>())
    .bind(events.iter().map(|hashed| hall(&hashed.event)).collect::<Vec<_>>())
    .bind(column(|event| event.kind.type_name()))
    .bind(events.iter().map(|hashed| hashed.event.seq).collect::<Vec<_>>())
    .bind(events.iter().map(|hashed| Json(hashed.event.data())).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct Row {
    time: DateTime<Utc>,
    received: DateTime<Utc>,
    committed: DateTime<Utc>,
    source: String,
    id: String,
    case_no: Option<String>,
    r#type: String,
    data: Json<Map<String, Value>>,
}

impl TryFrom<Row> for Stored {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let cloudevent = serde_json::json!({
            "specversion": "1.0", "source": row.source, "id": row.id, "type": row.r#type, "subject": row.case_no,
            "time": row.time, "data": row.data.0,
        });
        let event = CaseEvent::from_cloudevent(&cloudevent, row.received, chrono_tz::UTC).map_err(
            |error| StoreError::Stored(format!("event {} of {}: {error}", row.id, row.source)),
        )?;
        Ok(Self {
            event,
            committed: row.committed,
        })
    }
}

/// Every event of these cases, by case and time.
pub async fn of_cases(
    connection: &mut PgConnection,
    cases: &[&str],
) -> Result<Vec<CaseEvent>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT time, received, committed, source, id, case_no, type, data FROM case_event
         WHERE case_no = ANY($1) AND type LIKE 'case.%' ORDER BY case_no, time",
    )
    .bind(cases)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| Ok(Stored::try_from(row)?.event))
        .collect()
}

/// Every event of these complaints, by number and time.
pub async fn of_complaints(
    connection: &mut PgConnection,
    numbers: &[&str],
) -> Result<Vec<CaseEvent>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT time, received, committed, source, id, case_no, type, data FROM case_event
         WHERE case_no = ANY($1) AND type LIKE 'complaint.%' ORDER BY case_no, time",
    )
    .bind(numbers)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| Ok(Stored::try_from(row)?.event))
        .collect()
}

/// Every event of a case in its order, as the case page shows them.
pub async fn of_case(pool: &PgPool, case: &str) -> Result<Vec<Stored>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT time, received, committed, source, id, case_no, type, data FROM case_event
         WHERE case_no = $1 AND type LIKE 'case.%' ORDER BY time",
    )
    .bind(case)
    .fetch_all(pool)
    .await?;
    let mut events = rows
        .into_iter()
        .map(Stored::try_from)
        .collect::<Result<Vec<_>, _>>()?;
    events.sort_by(|a, b| a.event.cmp_order(&b.event));
    Ok(events)
}

/// How many events there are. Counts them all: for replays and tests, not for pages.
pub async fn count(pool: &PgPool) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("SELECT count(*) FROM event_identity")
        .fetch_one(pool)
        .await?)
}

/// Notes an event that is kept, but moves nothing: what it would have to be put in order with was dropped.
pub async fn note_unfolded(
    connection: &mut PgConnection,
    event: &CaseEvent,
    reason: &str,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO event_quarantine (received, source, event_id, reason, body) VALUES ($1, $2, $3, $4, $5)")
        .bind(event.received)
        .bind(&event.source)
        .bind(&event.id)
        .bind(reason)
        .bind(Value::from(event.data()))
        .execute(connection)
        .await?;
    Ok(())
}

/// Keeps an event that was refused after its sender had been told that it is kept.
pub async fn quarantine(
    pool: &PgPool,
    received: DateTime<Utc>,
    source: Option<&str>,
    id: Option<&str>,
    reason: &str,
    body: &Value,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO event_quarantine (received, source, event_id, reason, body) VALUES ($1, $2, $3, $4, $5)")
        .bind(received)
        .bind(source)
        .bind(id)
        .bind(reason)
        .bind(body)
        .execute(pool)
        .await?;
    Ok(())
}
