//! The console's SQL: accounts and tokens, and what the pages read. Writing cases and cards is `monitor::store` and
//! `alerts`; their tables are only read here.

pub mod accounts;
pub mod import;
pub mod org;
pub mod tokens;

use std::str::FromStr;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

/// A pool that connects when it is first used: the database may be away when the console starts.
///
/// # Errors
/// When `url` is not an address.
pub fn pool(url: &str, max_connections: u32) -> sqlx::Result<PgPool> {
    let options = PgConnectOptions::from_str(url)?.application_name("mingjing");
    Ok(PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(Duration::from_secs(2))
        .idle_timeout(Duration::from_secs(600))
        .connect_lazy_with(options))
}

/// What a caller sees, as every query takes it. `halls`: codes of the subtree, `None` for all of the county.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Codes of the halls; `None`: all.
    pub halls: Option<Vec<String>>,
    /// Only this unit.
    pub unit: Option<String>,
    /// Only this window.
    pub window: Option<String>,
}
