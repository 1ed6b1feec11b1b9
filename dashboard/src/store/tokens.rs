//! Bearer tokens of programs.

use chrono::{DateTime, Utc};
use sqlx::PgPool;

/// A row of `token`, without its hash.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Token {
    /// Row.
    pub id: i64,
    /// Name.
    pub name: String,
    /// Code of the role.
    pub role: String,
    /// Top of the subtree.
    pub hall: String,
    /// The only CloudEvents source that it may speak for.
    pub source: Option<String>,
    /// May post history.
    pub initial_load: bool,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// When it was last used, to the minute.
    pub last_used: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked: Option<DateTime<Utc>>,
}

/// A source token as edges get it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct SourceToken {
    /// SHA-256.
    pub hash: Vec<u8>,
    /// Top of the subtree.
    pub hall: String,
    /// The only CloudEvents source that it may speak for.
    pub source: Option<String>,
    /// May post history.
    pub initial_load: bool,
}

/// The valid token with this hash; notes its use, at most once a minute.
pub async fn by_hash(db: &PgPool, hash: &[u8], now: DateTime<Utc>) -> sqlx::Result<Option<Token>> {
    let token: Option<Token> = sqlx::query_as(
        "SELECT id, name, role, hall, source, initial_load, created, last_used, revoked
         FROM token WHERE hash = $1 AND revoked IS NULL",
    )
    .bind(hash)
    .fetch_optional(db)
    .await?;
    let stale = |token: &Token| {
        token
            .last_used
            .is_none_or(|used| (now - used).num_seconds() >= 60)
    };
    if let Some(token) = token.as_ref().filter(|token| stale(token)) {
        sqlx::query("UPDATE token SET last_used = $2 WHERE id = $1")
            .bind(token.id)
            .bind(now)
            .execute(db)
            .await?;
    }
    Ok(token)
}

/// A new token.
#[derive(Debug)]
pub struct NewToken<'a> {
    /// Name.
    pub name: &'a str,
    /// SHA-256.
    pub hash: &'a [u8],
    /// Code of the role.
    pub role: &'a str,
    /// Top of the subtree.
    pub hall: &'a str,
    /// The only CloudEvents source that it may speak for.
    pub source: Option<&'a str>,
    /// May post history.
    pub initial_load: bool,
}

/// Adds a token.
///
/// # Errors
/// A foreign-key violation when the hall does not exist.
pub async fn add(db: &PgPool, token: &NewToken<'_>, now: DateTime<Utc>) -> sqlx::Result<i64> {
    let mut tx = db.begin().await?;
    let id = sqlx::query_scalar(
        "INSERT INTO token (name, hash, role, hall, source, initial_load, created)
         VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
    )
    .bind(token.name)
    .bind(token.hash)
    .bind(token.role)
    .bind(token.hall)
    .bind(token.source)
    .bind(token.initial_load)
    .bind(now)
    .fetch_one(&mut *tx)
    .await?;
    sqlx::query("SELECT pg_notify('mingjing', 'tokens')")
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(id)
}

/// All tokens, newest first.
pub async fn list(db: &PgPool) -> sqlx::Result<Vec<Token>> {
    sqlx::query_as(
        "SELECT id, name, role, hall, source, initial_load, created, last_used, revoked FROM token ORDER BY id DESC",
    )
    .fetch_all(db)
    .await
}

/// Revokes a token, at once and for good. False: no such token, or revoked before.
pub async fn revoke(db: &PgPool, id: i64, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let mut tx = db.begin().await?;
    let changed = sqlx::query("UPDATE token SET revoked = $2 WHERE id = $1 AND revoked IS NULL")
        .bind(id)
        .bind(now)
        .execute(&mut *tx)
        .await?
        .rows_affected();
    sqlx::query("SELECT pg_notify('mingjing', 'tokens')")
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(changed > 0)
}

/// The tokens that may post events.
pub async fn of_sources(db: &PgPool) -> sqlx::Result<Vec<SourceToken>> {
    sqlx::query_as("SELECT hash, hall, source, initial_load FROM token WHERE role = 'source' AND revoked IS NULL ORDER BY id")
        .fetch_all(db)
        .await
}

/// Whether a token exists and has not been revoked.
pub async fn is_valid(db: &PgPool, id: i64) -> sqlx::Result<bool> {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM token WHERE id = $1 AND revoked IS NULL)")
        .bind(id)
        .fetch_one(db)
        .await
}
