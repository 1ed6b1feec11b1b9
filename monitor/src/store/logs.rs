//! Logs, of which nothing is counted: what cameras and sources did, counters of the county, attempts to deliver. Old ones give way, a chunk at a
//! time; where the community edition of TimescaleDB serves, old chunks are compressed before that.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{AssertSqlSafe, PgConnection, PgPool};

use super::retention::{Chunk, Held, SETTLED_DAYS};
use super::{Edition, StoreError};

/// A log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    /// What cameras did.
    CameraHealth,
    /// What sources did.
    SourceHealth,
    /// Counters and gauges of the county.
    Metric,
    /// Attempts to deliver a message.
    DeliveryAttempt,
}

impl Log {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::CameraHealth,
        Self::SourceHealth,
        Self::Metric,
        Self::DeliveryAttempt,
    ];

    /// Its table.
    pub fn table(self) -> &'static str {
        match self {
            Self::CameraHealth => "camera_health",
            Self::SourceHealth => "source_health",
            Self::Metric => "metric",
            Self::DeliveryAttempt => "delivery_attempt",
        }
    }
}

/// The chunks of a log whose rows all lie before `horizon`, oldest first.
pub async fn chunks(
    pool: &PgPool,
    log: Log,
    horizon: DateTime<Utc>,
) -> Result<Vec<Chunk>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT range_start AS from_at, range_end AS to_at FROM timescaledb_information.chunks
         WHERE hypertable_name = $1 AND range_end <= $2 ORDER BY range_start",
    );
    Ok(rows.bind(log.table()).bind(horizon).fetch_all(pool).await?)
}

/// What needs a chunk of a log at `now`; nothing: it may go.
pub async fn held(
    pool: &PgPool,
    log: Log,
    chunk: &Chunk,
    now: DateTime<Utc>,
) -> Result<Vec<Held>, StoreError> {
    let rows = sqlx::query_as("SELECT reason, held FROM log_held($1, $2, $3, $4)");
    let rows = rows.bind(log.table()).bind(chunk.from_at).bind(chunk.to_at);
    Ok(rows.bind(settled(now)).fetch_all(pool).await?)
}

/// Drops a chunk of a log unless something needs it; how many rows went, `None`: it stays.
///
/// # Errors
/// When the database refuses, also where the chunk is younger by its clock than it keeps of the log at least.
pub async fn drop(
    connection: &mut PgConnection,
    log: Log,
    chunk: &Chunk,
    now: DateTime<Utc>,
) -> Result<Option<i64>, StoreError> {
    let went = sqlx::query_scalar("SELECT drop_log($1, $2, $3, $4)");
    let went = went.bind(log.table()).bind(chunk.from_at).bind(chunk.to_at);
    Ok(went.bind(settled(now)).fetch_one(connection).await?)
}

fn settled(now: DateTime<Utc>) -> DateTime<Utc> {
    now - TimeDelta::days(SETTLED_DAYS)
}

/// What becomes of old chunks before they go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compression {
    /// The edition that serves has none.
    Unavailable,
    /// Those of so many tables are compressed.
    On(u64),
    /// It could not be set up.
    Failed(String),
}

impl std::fmt::Display for Compression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unavailable => write!(f, "not available in the Apache edition"),
            Self::On(tables) => write!(f, "on, in {tables} tables"),
            Self::Failed(why) => write!(f, "could not be set up: {why}"),
        }
    }
}

/// Tables with what is looked up in them, and from which age on their chunks are compressed.
const COMPRESSED: [(&str, &str, &str, &str); 5] = [
    ("camera_health", "camera", "time DESC", "30 days"),
    ("source_health", "source", "time DESC", "60 days"),
    ("metric", "name", "time DESC", "30 days"),
    ("delivery_attempt", "channel", "at DESC", "60 days"),
    // A case is looked up by its number; late events are still written, and refolded, after a year.
    ("case_event", "hall", "case_no, time", "13 months"),
];

/// Sets compression of old chunks up where the edition has it, as the owner of the tables; what is set up stays as it is. It never keeps
/// the console from starting.
pub async fn compress(pool: &PgPool, edition: Edition) -> Compression {
    if edition == Edition::Apache {
        return Compression::Unavailable;
    }
    let mut connection = match pool.acquire().await {
        Ok(connection) => connection,
        Err(error) => return Compression::Failed(error.to_string()),
    };
    for (table, by, order, after) in COMPRESSED {
        if let Err(error) = compress_one(&mut connection, table, by, order, after).await {
            return Compression::Failed(format!("{table}: {error}"));
        }
    }
    Compression::On(COMPRESSED.len() as u64)
}

async fn compress_one(
    connection: &mut PgConnection,
    table: &str,
    by: &str,
    order: &str,
    after: &str,
) -> Result<(), sqlx::Error> {
    if compressed(&mut *connection)
        .await?
        .iter()
        .any(|one| one == table)
    {
        return Ok(());
    }
    for statement in [
        format!(
            "ALTER TABLE {table} SET (timescaledb.compress, timescaledb.compress_segmentby = '{by}', timescaledb.compress_orderby = '{order}')"
        ),
        format!(
            "SELECT add_compression_policy('{table}', INTERVAL '{after}', if_not_exists => true)"
        ),
    ] {
        sqlx::query(AssertSqlSafe(statement))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// The tables whose old chunks a policy of the database compresses.
///
/// # Errors
/// When the database cannot be asked.
pub async fn compressed(connection: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT hypertable_name::text FROM timescaledb_information.jobs WHERE proc_name LIKE 'policy_compression%' ORDER BY 1",
    )
    .fetch_all(connection)
    .await
}
