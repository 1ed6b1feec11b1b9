//! Rule profiles, by version.

use chrono::{DateTime, Utc};
use mingjing_monitor::store::StoreError;
use serde_json::json;
use sqlx::{PgConnection, PgPool};

use crate::profile::{Profile, STANDARD};

/// The profile in force at `now`; the standard is put in force as version 1 where there is none.
pub async fn in_force(pool: &PgPool, now: DateTime<Utc>) -> Result<Profile, StoreError> {
    if let Some(profile) = newest(pool, now).await? {
        return Ok(profile);
    }
    let mut connection = pool.acquire().await?;
    put_in_force(
        &mut connection,
        STANDARD,
        "mingjing",
        "mingjing",
        DateTime::UNIX_EPOCH,
    )
    .await?;
    newest(pool, now)
        .await?
        .ok_or_else(|| StoreError::Stored("no rule profile is in force".to_owned()))
}

async fn newest(pool: &PgPool, now: DateTime<Utc>) -> Result<Option<Profile>, StoreError> {
    let row: Option<(i32, String)> = sqlx::query_as(
        "SELECT version, body->>'toml' FROM rule_profile WHERE in_force <= $1 ORDER BY in_force DESC, version DESC LIMIT 1",
    )
    .bind(now)
    .fetch_optional(pool)
    .await?;
    let read = |(version, text): (i32, String)| {
        Profile::parse(&text, version)
            .map_err(|error| StoreError::Stored(format!("rule profile v{version}: {error}")))
    };
    row.map(read).transpose()
}

/// Stores a profile as the next version, in force from `from`; the version. A text that does not hold is refused.
pub async fn put_in_force(
    connection: &mut PgConnection,
    text: &str,
    drafted_by: &str,
    enforced_by: &str,
    from: DateTime<Utc>,
) -> Result<i32, StoreError> {
    Profile::parse(text, 0).map_err(|error| StoreError::Import(error.to_string()))?;
    let version = sqlx::query_scalar(
        "INSERT INTO rule_profile (version, in_force, drafted_by, enforced_by, body)
         SELECT coalesce(max(version), 0) + 1, $1, $2, $3, $4 FROM rule_profile RETURNING version",
    );
    Ok(version
        .bind(from)
        .bind(drafted_by)
        .bind(enforced_by)
        .bind(json!({ "toml": text }))
        .fetch_one(connection)
        .await?)
}
