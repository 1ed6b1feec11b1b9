//! The console's own SQL: what only its pages ask for. Everything else is `monitor::store` and `alerts::store`.

pub mod bulletins;
pub mod cameras;
pub mod cards;
pub mod complaints;
pub mod doctor;
pub mod duty;
pub mod homes;
pub mod import;
pub mod inbox;
pub mod orders;
pub mod overview;
pub mod pins;
pub mod replay;

use std::str::FromStr;
use std::time::Duration;

use mingjing_monitor::org::{Hall, Level};
use mingjing_monitor::store::{StoreError, county, halls};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{PgConnection, PgPool};

/// The channel on which the console hears of what other processes change.
pub const CHANNEL: &str = "mingjing";

/// What other processes may have changed, as the payload of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// Accounts or sessions.
    Access,
    /// Tokens.
    Tokens,
    /// Halls, units, windows, cameras, items, calendars, rule profiles.
    Organisation,
}

impl Notice {
    /// The payload.
    pub fn code(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Tokens => "tokens",
            Self::Organisation => "organisation",
        }
    }

    /// Reads [`Self::code`].
    pub fn parse(code: &str) -> Option<Self> {
        [Self::Access, Self::Tokens, Self::Organisation]
            .into_iter()
            .find(|notice| notice.code() == code)
    }
}

/// Tells the console, once the transaction commits.
pub async fn notify(connection: &mut PgConnection, notice: Notice) -> sqlx::Result<()> {
    sqlx::query("SELECT pg_notify($1, $2)")
        .bind(CHANNEL)
        .bind(notice.code())
        .execute(connection)
        .await?;
    Ok(())
}

/// A pool that connects when it is first used: the database may be away when the console starts.
///
/// # Errors
/// When `url` is not an address.
pub fn pool(url: &str, max_connections: u32) -> Result<PgPool, StoreError> {
    let options = PgConnectOptions::from_str(url)
        .map_err(StoreError::Address)?
        .application_name("mingjing");
    Ok(PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(Duration::from_secs(2))
        .idle_timeout(Duration::from_secs(600))
        .connect_lazy_with(options))
}

/// What a caller sees, as the console's own queries take it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The hall at the top of the subtree.
    pub hall: String,
    /// Only this unit.
    pub unit: Option<String>,
    /// Only this window.
    pub window: Option<String>,
}

/// Writes the county and the hall at its root into an empty database. False: they were there.
///
/// # Errors
/// When the database cannot be asked.
pub async fn found_county(db: &PgPool, new: &crate::config::County) -> Result<bool, StoreError> {
    if county::county(db).await?.is_some() {
        return Ok(false);
    }
    let time =
        |hour, minute| chrono::NaiveTime::from_hms_opt(hour, minute, 0).expect("a time of day");
    let founded = county::County {
        code: new.code.clone(),
        name: new.name.clone(),
        name_en: new.name_en.clone(),
        time_zone: new.time_zone.clone(),
        office_opens: time(9, 0),
        office_closes: time(17, 30),
        trial_run: true,
    };
    let root = Hall {
        code: new.code.clone(),
        parent: None,
        level: Level::County,
        name: new.name.clone(),
        name_en: new.name_en.clone(),
        opening: Default::default(),
    };
    let mut tx = db.begin().await?;
    county::set_county(&mut tx, &founded).await?;
    halls::upsert_halls(&mut tx, &[root]).await?;
    notify(&mut tx, Notice::Organisation).await?;
    tx.commit().await?;
    Ok(true)
}
