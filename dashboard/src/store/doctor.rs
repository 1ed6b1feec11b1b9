//! What `mingjing doctor` asks the database.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// The server.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Server {
    /// Version of PostgreSQL.
    pub version: String,
    /// Version of TimescaleDB in this database; `None`: it is not there.
    pub timescale: Option<String>,
    /// Its licence setting: `timescale` or `apache`.
    pub license: Option<String>,
}

/// The server's clock.
pub async fn clock(connection: &mut PgConnection) -> sqlx::Result<DateTime<Utc>> {
    sqlx::query_scalar("SELECT clock_timestamp()")
        .fetch_one(connection)
        .await
}

/// Versions and edition.
pub async fn server(connection: &mut PgConnection) -> sqlx::Result<Server> {
    sqlx::query_as(
        "SELECT current_setting('server_version') AS version,
                (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb') AS timescale,
                current_setting('timescaledb.license', true) AS license",
    )
    .fetch_one(connection)
    .await
}

/// The migrations that were applied, with the checksum of what they were made from; none in an empty database.
pub async fn migrations(connection: &mut PgConnection) -> sqlx::Result<Vec<(i64, Vec<u8>)>> {
    let exists: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await?;
    if !exists {
        return Ok(Vec::new());
    }
    sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations WHERE success ORDER BY version")
        .fetch_all(connection)
        .await
}
