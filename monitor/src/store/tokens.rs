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
    /// `source`, `edge` or `reader`; `unassigned` until one is granted.
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
    /// When it runs out; `None`: not by itself.
    pub expires: Option<DateTime<Utc>>,
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
    /// When it runs out; `None`: not by itself.
    pub expires: Option<DateTime<Utc>>,
}

/// Creates a token; its id.
pub async fn create(
    connection: &mut PgConnection,
    token: &NewToken<'_>,
    now: DateTime<Utc>,
) -> Result<i64, StoreError> {
    sqlx::query_scalar(
        "INSERT INTO token (name, hash, role, hall, source, initial_load, created, expires)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
    )
    .bind(token.name)
    .bind(token.hash)
    .bind(token.role)
    .bind(token.hall)
    .bind(token.source)
    .bind(token.initial_load)
    .bind(now)
    .bind(token.expires)
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
        "SELECT id, name, role, hall, source, initial_load, created, last_used, revoked, expires FROM token
         ORDER BY id DESC",
    );
    Ok(rows.fetch_all(pool).await?)
}

/// The tokens of a subtree, newest first: at most `limit` of those before id `after`. `valid`: only those that hold at `now`,
/// or only those that do not.
pub async fn of_halls(
    pool: &PgPool,
    scope: &str,
    valid: Option<bool>,
    after: Option<i64>,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Vec<Token>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT t.id, t.name, t.role, t.hall, t.source, t.initial_load, t.created, t.last_used, t.revoked, t.expires
         FROM token t JOIN hall h ON h.code = t.hall
         WHERE h.path @> ARRAY[$1] AND ($2::bigint IS NULL OR t.id < $2)
           AND ($4::boolean IS NULL OR $4 = (t.revoked IS NULL AND (t.expires IS NULL OR t.expires > $5)))
         ORDER BY t.id DESC LIMIT $3",
    );
    Ok(rows
        .bind(scope)
        .bind(after)
        .bind(limit)
        .bind(valid)
        .bind(now)
        .fetch_all(pool)
        .await?)
}

/// One token of a subtree, locked until the transaction ends.
pub async fn one(
    connection: &mut PgConnection,
    scope: &str,
    id: i64,
) -> Result<Option<Token>, StoreError> {
    let row = sqlx::query_as(
        "SELECT t.id, t.name, t.role, t.hall, t.source, t.initial_load, t.created, t.last_used, t.revoked, t.expires
         FROM token t JOIN hall h ON h.code = t.hall
         WHERE h.path @> ARRAY[$1] AND t.id = $2 FOR UPDATE OF t",
    );
    Ok(row.bind(scope).bind(id).fetch_optional(connection).await?)
}

/// What a token is granted.
#[derive(Debug, Clone, Copy)]
pub struct Grant<'a> {
    /// `source`, `edge`, `reader`, or `unassigned` to take away what it had.
    pub role: &'a str,
    /// The hall whose subtree it may speak for or read.
    pub hall: &'a str,
    /// The only CloudEvents source that it may speak for.
    pub source: Option<&'a str>,
    /// May post history.
    pub initial_load: bool,
}

/// Gives a token its role, in place of the one that it had.
pub async fn grant(
    connection: &mut PgConnection,
    id: i64,
    grant: Grant<'_>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE token SET role = $2, hall = $3, source = $4, initial_load = $5 WHERE id = $1",
    )
    .bind(id)
    .bind(grant.role)
    .bind(grant.hall)
    .bind(grant.source)
    .bind(grant.initial_load)
    .execute(connection)
    .await
    .map_err(named_reference)?;
    Ok(())
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

/// The tokens of a role that hold at `now`.
pub async fn valid(
    pool: &PgPool,
    role: &str,
    now: DateTime<Utc>,
) -> Result<Vec<ValidToken>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT t.id, t.name, t.role, t.hall, t.source, t.initial_load, t.created, t.last_used, t.revoked, t.expires, t.hash,
                ARRAY(SELECT h.code FROM hall h WHERE h.path @> ARRAY[t.hall] ORDER BY h.path) AS halls
         FROM token t WHERE t.role = $1 AND t.revoked IS NULL AND (t.expires IS NULL OR t.expires > $2) ORDER BY t.id",
    );
    Ok(rows.bind(role).bind(now).fetch_all(pool).await?)
}

/// The token with this hash, if it holds at `now`.
pub async fn by_hash(
    pool: &PgPool,
    hash: &[u8],
    now: DateTime<Utc>,
) -> Result<Option<Token>, StoreError> {
    let row = sqlx::query_as(
        "SELECT id, name, role, hall, source, initial_load, created, last_used, revoked, expires
         FROM token WHERE hash = $1 AND revoked IS NULL AND (expires IS NULL OR expires > $2)",
    );
    Ok(row.bind(hash).bind(now).fetch_optional(pool).await?)
}

/// The token with this id, if it holds at `now`.
pub async fn by_id(
    pool: &PgPool,
    id: i64,
    now: DateTime<Utc>,
) -> Result<Option<Token>, StoreError> {
    let row = sqlx::query_as(
        "SELECT id, name, role, hall, source, initial_load, created, last_used, revoked, expires
         FROM token WHERE id = $1 AND revoked IS NULL AND (expires IS NULL OR expires > $2)",
    );
    Ok(row.bind(id).bind(now).fetch_optional(pool).await?)
}

/// When the next token after `now` runs out by itself.
pub async fn next_expiry(
    pool: &PgPool,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let next =
        sqlx::query_scalar("SELECT min(expires) FROM token WHERE revoked IS NULL AND expires > $1");
    Ok(next.bind(now).fetch_one(pool).await?)
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

/// Remembers when the token with this hash was used.
pub async fn used_by_hash(
    pool: &PgPool,
    hash: &[u8],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE token SET last_used = greatest(last_used, $2) WHERE hash = $1")
        .bind(hash)
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
