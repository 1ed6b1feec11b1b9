//! Retention of raw events: a chunk of the hypertable, a month of them, goes when nothing needs it any more. Roll-ups, states of cases, cards
//! and what was published do not depend on it.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{PgConnection, PgPool};

use super::StoreError;

/// Days for which events are kept after what they are about was over: as long as recordings are.
pub const SETTLED_DAYS: i64 = 180;

/// Events that lie together.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Chunk {
    /// From here on.
    pub from_at: DateTime<Utc>,
    /// Up to here, not included.
    pub to_at: DateTime<Utc>,
}

/// What holds a chunk back.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Held {
    /// `case`, `card`, `complaint`, `order`, `evidence` or `loading source`.
    pub reason: String,
    /// How many cases, complaints or sources.
    pub held: i64,
}

/// The chunks whose events all lie before `horizon`, oldest first.
pub async fn chunks(pool: &PgPool, horizon: DateTime<Utc>) -> Result<Vec<Chunk>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT range_start AS from_at, range_end AS to_at FROM timescaledb_information.chunks
         WHERE hypertable_name = 'case_event' AND range_end <= $1 ORDER BY range_start",
    );
    Ok(rows.bind(horizon).fetch_all(pool).await?)
}

/// What needs a chunk at `now`; nothing: it may go.
pub async fn held(
    pool: &PgPool,
    chunk: &Chunk,
    now: DateTime<Utc>,
) -> Result<Vec<Held>, StoreError> {
    let rows = sqlx::query_as("SELECT reason, held FROM case_event_held($1, $2, $3)");
    let rows = rows.bind(chunk.from_at).bind(chunk.to_at);
    Ok(rows.bind(settled(now)).fetch_all(pool).await?)
}

/// Drops a chunk unless something needs it; how many events went, `None`: it stays. Who takes events in waits meanwhile.
///
/// # Errors
/// When the database refuses, also where the chunk is not thirteen months old by its clock.
pub async fn drop(
    connection: &mut PgConnection,
    chunk: &Chunk,
    now: DateTime<Utc>,
) -> Result<Option<i64>, StoreError> {
    let went = sqlx::query_scalar("SELECT drop_case_events($1, $2, $3)");
    let went = went.bind(chunk.from_at).bind(chunk.to_at);
    Ok(went.bind(settled(now)).fetch_one(connection).await?)
}

fn settled(now: DateTime<Utc>) -> DateTime<Utc> {
    now - TimeDelta::days(SETTLED_DAYS)
}

/// Until when events went: from then on every one is there. `None`: none ever went.
pub async fn dropped_until(
    connection: &mut PgConnection,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let row = sqlx::query_scalar("SELECT max(to_at) FROM case_event_dropped");
    Ok(row.fetch_one(connection).await?)
}
