//! The one place of this crate that does input and output: TimescaleDB through sqlx.
//!
//! Every module holds the queries of one subject as plain functions over a pool (reading) or a connection (writing, so
//! that the caller decides what is one transaction). What a person may see is narrowed here, in SQL: reading functions
//! take the `scope`, a hall's code, and answer for that hall's subtree only (`hall.path @> ARRAY[scope]`).

pub mod absences;
pub mod accounts;
pub mod administration;
pub mod attempts;
pub mod audit;
pub mod calendars;
pub mod cases;
pub mod complaints;
pub mod county;
pub mod events;
pub mod halls;
pub mod health;
pub mod items;
pub mod logs;
pub mod metrics;
pub mod paging;
pub mod presence;
pub mod rankings;
pub mod retention;
pub mod roles;
pub mod rollups;
pub mod second_factors;
pub mod service;
pub mod sessions;
pub mod single_sign_on;
pub mod sources;
pub mod states;
pub mod statistics;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tokens;
pub mod ways;
pub mod windows;

use std::time::Duration;

use sqlx::PgPool;
use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

/// The migrations of the whole database; every crate's tables stand in this one folder.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// What can go wrong between us and the database. The texts are for operators; none holds a query or a password.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address cannot be read.
    #[error(
        "DATABASE_URL is not a PostgreSQL address: {0}. Write it like postgres://user:password@host:5432/database"
    )]
    Address(#[source] sqlx::Error),
    /// No connection.
    #[error(
        "the database cannot be reached: {0}. Is it running (`scripts/timescaledb start`), and is DATABASE_URL right?"
    )]
    Unreachable(#[source] sqlx::Error),
    /// The server lacks the extension.
    #[error(
        "the database has no TimescaleDB: {0}. Install the extension beside the server, add it to \
         shared_preload_libraries, or use `scripts/timescaledb start`"
    )]
    NoTimescale(String),
    /// A migration failed; the database stays at the version before it.
    #[error("the database could not be brought up to date: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The tables are not those of this program, and the role may not alter them.
    #[error(
        "the tables of the database are older than this program, and its role may not alter them: run `mingjing migrate` with \
         the owner's address (DATABASE_OWNER_URL)"
    )]
    MayNotMigrate,
    /// A query failed.
    #[error("the database refused: {0}")]
    Query(#[from] sqlx::Error),
    /// Stored data that this version cannot read.
    #[error("stored data cannot be read: {0}")]
    Stored(String),
    /// Data to import that contradicts itself or what is stored.
    #[error("{0}")]
    Import(String),
    /// The last enabled administrator of a kind would go.
    #[error("{0}: enable or appoint another one first")]
    LastAdministrator(String),
}

impl StoreError {
    /// Whether the same call may succeed a moment later: the database is away, restarting or out of connections.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Query(error) => match error {
                sqlx::Error::Io(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
                | sqlx::Error::Tls(_)
                | sqlx::Error::Protocol(_) => true,
                // Class 08 connection, 53 resources, 57 operator intervention, 40 rolled back by the server.
                sqlx::Error::Database(error) => error.code().is_some_and(|code| {
                    ["08", "53", "57", "40"]
                        .iter()
                        .any(|class| code.starts_with(class))
                }),
                _ => false,
            },
            _ => false,
        }
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Stored(error.to_string())
    }
}

/// Which TimescaleDB serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edition {
    /// What Debian ships: no compression, no policies, no jobs.
    Apache,
    /// With compression and retention policies.
    Community,
}

impl Edition {
    /// The name for the start-up line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apache => "TimescaleDB Apache edition",
            Self::Community => "TimescaleDB community edition",
        }
    }
}

/// A connection to a database that is up to date.
#[derive(Debug, Clone)]
pub struct Store {
    pool: PgPool,
    edition: Edition,
    compression: logs::Compression,
}

impl Store {
    /// Connects, makes sure of the extension and brings the schema up to date. Several processes may do so at once: an
    /// advisory lock lets one migrate while the others wait.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::connect_with(url, 16).await
    }

    /// Like [`Store::connect`], with at most `connections` connections.
    pub async fn connect_with(url: &str, connections: u32) -> Result<Self, StoreError> {
        let pool = connect(url, connections).await?;
        require_timescale(&pool).await?;
        bring_up_to_date(&pool).await?;
        let license: String = sqlx::query_scalar("SELECT current_setting('timescaledb.license')")
            .fetch_one(&pool)
            .await?;
        let edition = if license == "timescale" {
            Edition::Community
        } else {
            Edition::Apache
        };
        let compression = logs::compress(&pool, edition).await;
        Ok(Self {
            pool,
            edition,
            compression,
        })
    }

    /// Brings the schema up to date as its owner, and lets `console`, another role, work in it ([`roles::let_work`]).
    pub async fn migrate(owner_url: &str, console: Option<&str>) -> Result<(), StoreError> {
        let store = Self::connect_with(owner_url, 1).await?;
        if let Some(console) = console {
            let mut connection = store.pool.acquire().await?;
            roles::let_work(&mut connection, console).await?;
        }
        store.pool.close().await;
        Ok(())
    }

    /// The pool, for the modules' functions.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// What becomes of old chunks of the logs before they go.
    pub fn compression(&self) -> &logs::Compression {
        &self.compression
    }

    /// Which TimescaleDB serves.
    pub fn edition(&self) -> Edition {
        self.edition
    }
}

async fn connect(url: &str, connections: u32) -> Result<PgPool, StoreError> {
    // sqlx takes any scheme and then looks for a host of that name.
    if !["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| url.starts_with(scheme))
    {
        let reason = "it does not begin with postgres://";
        return Err(StoreError::Address(sqlx::Error::Configuration(
            reason.into(),
        )));
    }
    let options: PgConnectOptions = url.parse().map_err(StoreError::Address)?;
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(5))
        .connect_with(options)
        .await
        .map_err(StoreError::Unreachable)
}

/// Runs the migrations that are missing. Where none is, nothing is tried that takes an owner.
async fn bring_up_to_date(pool: &PgPool) -> Result<(), StoreError> {
    if is_up_to_date(pool).await? {
        return Ok(());
    }
    MIGRATIONS.run(pool).await.map_err(|error| {
        let cause = match &error {
            MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _) => Some(cause),
            _ => None,
        };
        let code = cause.and_then(|cause| cause.as_database_error()?.code());
        // Insufficient privilege.
        if code.as_deref() == Some("42501") {
            StoreError::MayNotMigrate
        } else {
            error.into()
        }
    })
}

async fn is_up_to_date(pool: &PgPool) -> Result<bool, StoreError> {
    let exists: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(pool)
        .await?;
    if !exists {
        return Ok(false);
    }
    let done: Vec<(i64, Vec<u8>)> = sqlx::query_as(
        "SELECT version, checksum FROM _sqlx_migrations WHERE success ORDER BY version",
    )
    .fetch_all(pool)
    .await?;
    let mut ours: Vec<(i64, Vec<u8>)> = MIGRATIONS
        .iter()
        .map(|migration| (migration.version, migration.checksum.to_vec()))
        .collect();
    ours.sort_unstable();
    Ok(ours == done)
}

/// The extension must be in this database before the first migration makes a hypertable.
async fn require_timescale(pool: &PgPool) -> Result<(), StoreError> {
    let present = "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')";
    if sqlx::query_scalar(present).fetch_one(pool).await? {
        return Ok(());
    }
    // `IF NOT EXISTS` still fails when two processes create at the same instant; then the other one has made it.
    match sqlx::query("CREATE EXTENSION IF NOT EXISTS timescaledb")
        .execute(pool)
        .await
    {
        Ok(_) => Ok(()),
        Err(_) if sqlx::query_scalar(present).fetch_one(pool).await? => Ok(()),
        Err(error) => Err(StoreError::NoTimescale(error.to_string())),
    }
}
