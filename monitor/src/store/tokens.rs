//! Bearer tokens of programs. Only their SHA-256 is stored.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

use super::StoreError;
use super::halls::named_reference;

/// A token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Token {
    /// Id.
    pub id: i64,
    /// What it is for.
    pub name: String,
    /// `source`, `edge` or `reader`.
    pub role: String,
    /// The hall whose subtree it may speak for or read.
    pub hall: String,
    /// The only CloudEvents source that it may speak for, if bound.
    pub source: Option<String>,
    /// May post history.
    pub initial_load: bool,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// When it was last used.
    pub last_used: Option<DateTime<Utc>>,
    /// Since when it is void.
    pub revoked: Option<DateTime<Utc>>,
}

/// A token to create.
#[derive(Debug, Clone)]
pub struct NewToken<'a> {
    /// What it is for.
    pub name: &'a str,
    /// SHA-256 of the secret.
    pub hash: &'a [u8],
    /// `source`, `edge` or `reader`.
    pub role: &'a str,
    /// The hall whose subtree it may speak for or read.
    pub hall: &'a str,
    /// The only CloudEvents source that it may speak for.
    pub source: Option<&'a str>,
    /// May post history.
    pub initial_load: bool,
}

/// Creates a token; its id.
pub async fn create(
    connection: &mut PgConnection,
    token: &NewToken<'_>,
    now: DateTime<Utc>,
) -> Result<i64, StoreError> {
    sqlx::query_scalar(
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
    .fetch_one(connection)
    .await
    .map_err(|error| match error.as_database_error() {
        Some(database) if database.is_check_violation() => StoreError::Import(format!(
            "{:?} is not a role of tokens: give source, edge or reader",
            token.role
        )),
        _ => named_reference(error),
    })
}

/// Every token, newest first.
pub async fn list(pool: &PgPool) -> Result<Vec<Token>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT id, name, role, hall, source, initial_load, created, last_used, revoked FROM token ORDER BY id DESC",
    );
    Ok(rows.fetch_all(pool).await?)
}

/// A token that holds, with its hash: what an edge needs to check senders while it is cut off.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ValidToken {
    /// The token.
    #[sqlx(flatten)]
    pub token: Token,
    /// SHA-256 of the secret.
    pub hash: Vec<u8>,
    /// Its hall and everything below.
    pub halls: Vec<String>,
}

/// The tokens of a role that are not revoked.
pub async fn valid(pool: &PgPool, role: &str) -> Result<Vec<ValidToken>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT t.id, t.name, t.role, t.hall, t.source, t.initial_load, t.created, t.last_used, t.revoked, t.hash,
                ARRAY(SELECT h.code FROM hall h WHERE h.path @> ARRAY[t.hall] ORDER BY h.path) AS halls
         FROM token t WHERE t.role = $1 AND t.revoked IS NULL ORDER BY t.id",
    );
    Ok(rows.bind(role).fetch_all(pool).await?)
}

/// The token with this hash, unless it is revoked.
pub async fn by_hash(pool: &PgPool, hash: &[u8]) -> Result<Option<Token>, StoreError> {
    let row = sqlx::query_as(
        "SELECT id, name, role, hall, source, initial_load, created, last_used, revoked
         FROM token WHERE hash = $1 AND revoked IS NULL",
    );
    Ok(row.bind(hash).fetch_optional(pool).await?)
}

/// Remembers when a token was used.
pub async fn used(pool: &PgPool, id: i64, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query("UPDATE token SET last_used = greatest(last_used, $2) WHERE id = $1")
        .bind(id)
        .bind(now)
        .execute(pool)
        .await?;
    Ok(())
}

/// Voids a token at once. False when there is none, or it was void already.
pub async fn revoke(
    connection: &mut PgConnection,
    id: i64,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let changed = sqlx::query("UPDATE token SET revoked = $2 WHERE id = $1 AND revoked IS NULL")
        .bind(id)
        .bind(now)
        .execute(connection)
        .await?;
    Ok(changed.rows_affected() == 1)
}
