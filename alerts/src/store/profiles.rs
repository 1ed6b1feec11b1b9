//! Rule profiles, by version.

use chrono::{DateTime, Utc};
use mingjing_monitor::store::StoreError;
use serde_json::json;
use sqlx::{PgConnection, PgPool};

use crate::profile::{Profile, STANDARD};
use crate::versions::Versions;

/// Key of the lock under which versions are numbered.
const LOCK: i64 = 0x7275_6c65;

/// Every version with its instant; the standard is put in force as version 1 where there is none.
pub async fn versions(pool: &PgPool, now: DateTime<Utc>) -> Result<Versions, StoreError> {
    if let Some(versions) = load(pool).await? {
        return Ok(versions);
    }
    let mut transaction = pool.begin().await?;
    let version = put_in_force(
        &mut transaction,
        STANDARD,
        "mingjing",
        "mingjing",
        DateTime::UNIX_EPOCH,
    )
    .await?;
    settle(&mut transaction, version, now).await?;
    transaction.commit().await?;
    load(pool)
        .await?
        .ok_or_else(|| StoreError::Stored("no rule profile is in force".to_owned()))
}

async fn load(pool: &PgPool) -> Result<Option<Versions>, StoreError> {
    let rows: Vec<(DateTime<Utc>, i32, String)> = sqlx::query_as(
        "SELECT in_force, version, body->>'toml' FROM rule_profile ORDER BY version",
    )
    .fetch_all(pool)
    .await?;
    let read = |(from, version, text): (DateTime<Utc>, i32, String)| {
        Profile::parse(&text, version)
            .map(|profile| (from, profile))
            .map_err(|error| StoreError::Stored(format!("rule profile v{version}: {error}")))
    };
    let all = rows.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Ok(Versions::new(all))
}

/// The newest version under which every case was looked at; 0: none.
pub async fn settled(pool: &PgPool) -> Result<i32, StoreError> {
    let version = sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM rule_profile_settled");
    Ok(version.fetch_one(pool).await?)
}

/// Every case was looked at under this version.
pub async fn settle(
    connection: &mut PgConnection,
    version: i32,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO rule_profile_settled (version, at) VALUES ($1, $2) ON CONFLICT DO NOTHING",
    )
    .bind(version)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// A version, to be put in force.
#[derive(Debug, Clone, Copy)]
pub struct Enforced<'a> {
    /// TOML.
    pub text: &'a str,
    /// What it is called.
    pub name: &'a str,
    /// Why there is it.
    pub remark: &'a str,
    /// Login and name of who wrote it.
    pub drafted_by: (&'a str, &'a str),
    /// Login and name of who puts it in force: somebody else.
    pub enforced_by: (&'a str, &'a str),
    /// The draft it was.
    pub draft: Option<i64>,
    /// When it was put in force.
    pub at: DateTime<Utc>,
    /// From when it is.
    pub from: DateTime<Utc>,
}

/// Stores a profile as the next version, in force from `from`; the version. A text that does not hold is refused, and an
/// instant before that of the version before: of two versions the later one always has the higher number.
pub async fn enforce(connection: &mut PgConnection, new: &Enforced<'_>) -> Result<i32, StoreError> {
    Profile::parse(new.text, 0).map_err(|error| StoreError::Import(error.to_string()))?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(LOCK)
        .execute(&mut *connection)
        .await?;
    let last: Option<(i32, DateTime<Utc>)> =
        sqlx::query_as("SELECT version, in_force FROM rule_profile ORDER BY version DESC LIMIT 1")
            .fetch_optional(&mut *connection)
            .await?;
    if let Some((version, from)) = last.filter(|(_, from)| *from > new.from) {
        return Err(StoreError::Import(format!(
            "version {version} comes into force at {}: put the next one in force then or later",
            from.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
        )));
    }
    let version = last.map_or(1, |(version, _)| version + 1);
    sqlx::query(
        "INSERT INTO rule_profile (version, in_force, drafted_by, enforced_by, body, name, remark, drafter, enforcer,
             enforced_at, draft)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(version)
    .bind(new.from)
    .bind(new.drafted_by.0)
    .bind(new.enforced_by.0)
    .bind(json!({ "toml": new.text }))
    .bind(new.name)
    .bind(new.remark)
    .bind(new.drafted_by.1)
    .bind(new.enforced_by.1)
    .bind(new.at)
    .bind(new.draft)
    .execute(connection)
    .await?;
    Ok(version)
}

/// The same of a text alone, by two people known by one word each.
pub async fn put_in_force(
    connection: &mut PgConnection,
    text: &str,
    drafted_by: &str,
    enforced_by: &str,
    from: DateTime<Utc>,
) -> Result<i32, StoreError> {
    let name = Profile::parse(text, 0).map(|profile| profile.name);
    let new = Enforced {
        text,
        name: &name.unwrap_or_default(),
        remark: "",
        drafted_by: (drafted_by, drafted_by),
        enforced_by: (enforced_by, enforced_by),
        draft: None,
        at: from,
        from,
    };
    enforce(connection, &new).await
}

/// A version, as lists show it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Version {
    /// Its number.
    pub version: i32,
    /// What it is called.
    pub name: String,
    /// Why there is it.
    pub remark: String,
    /// From when it is in force.
    pub in_force: DateTime<Utc>,
    /// When it was put in force; `None`: before that was kept.
    pub enforced_at: Option<DateTime<Utc>>,
    /// Name of who wrote it.
    pub drafter: String,
    /// Name of who put it in force.
    pub enforcer: String,
    /// The draft it was.
    pub draft: Option<i64>,
    /// TOML.
    pub text: String,
}

/// Every version, the newest first.
pub async fn list(pool: &PgPool) -> Result<Vec<Version>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT version, name, remark, in_force, enforced_at, drafter, enforcer, draft, body->>'toml' AS text
         FROM rule_profile ORDER BY version DESC",
    );
    Ok(rows.fetch_all(pool).await?)
}

/// The highest version and its text.
pub async fn last(connection: &mut PgConnection) -> Result<Option<(i32, String)>, StoreError> {
    let row = sqlx::query_as(
        "SELECT version, body->>'toml' FROM rule_profile ORDER BY version DESC LIMIT 1",
    );
    Ok(row.fetch_optional(connection).await?)
}

/// How many cards name each version: those of `hall` and what is below it, and of `unit` alone where one is given.
pub async fn cards(
    pool: &PgPool,
    hall: &str,
    unit: Option<&str>,
) -> Result<Vec<(i32, i64)>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT c.profile_version, count(*) FROM card c JOIN hall h ON h.code = c.hall
         WHERE h.path @> ARRAY[$1::text] AND ($2::text IS NULL OR c.unit = $2) GROUP BY 1",
    );
    Ok(rows.bind(hall).bind(unit).fetch_all(pool).await?)
}
