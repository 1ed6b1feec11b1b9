//! Sessions of people. Their names come here hashed.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{PgConnection, PgPool};

use super::StoreError;
use super::accounts::Account;

/// A session to begin.
#[derive(Clone)]
pub struct NewSession<'a> {
    /// SHA-256 of its name.
    pub hash: &'a [u8],
    /// Whose it is.
    pub account: i64,
    /// How far it has come, a word of the console's (`second_factor`, `new_password`, `enrolment`, `open`).
    pub stage: &'a str,
    /// What changing calls must carry.
    pub csrf: &'a str,
    /// Where it was begun.
    pub address: &'a str,
    /// The browser, as it calls itself.
    pub agent: &'a str,
    /// When it ends at the latest.
    pub expires: DateTime<Utc>,
    /// What a provider said of it, where one has just let the person in.
    pub provider: Option<Provider<'a>>,
}

/// What a session has to remember of the provider that let the person in.
#[derive(Clone, Copy)]
pub struct Provider<'a> {
    /// What the provider calls its own session.
    pub sid: Option<&'a str>,
    /// The token that asks the provider to end it.
    pub id_token: &'a str,
}

/// Begins a session. `old`, the one that it takes the place of, ends in the same instant: no name is good for two stages. What
/// `old` remembered of a provider goes on with the same account.
pub async fn begin(
    connection: &mut PgConnection,
    session: &NewSession<'_>,
    old: Option<&[u8]>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "WITH ended AS (DELETE FROM session WHERE hash = $9 RETURNING account, sso_sid, sso_id_token)
         INSERT INTO session (hash, account, stage, csrf, address, agent, created, seen, expires, sso_sid, sso_id_token)
         SELECT $1, $2, $3, $4, $5, $6, $7, $7, $8,
                CASE WHEN $11::text IS NULL THEN ended.sso_sid ELSE $10::text END, coalesce($11::text, ended.sso_id_token)
         FROM (VALUES (true)) AS one (only_one) LEFT JOIN ended ON ended.account = $2",
    )
    .bind(session.hash)
    .bind(session.account)
    .bind(session.stage)
    .bind(session.csrf)
    .bind(session.address)
    .bind(session.agent)
    .bind(now)
    .bind(session.expires)
    .bind(old)
    .bind(session.provider.and_then(|provider| provider.sid))
    .bind(session.provider.map(|provider| provider.id_token))
    .execute(connection)
    .await?;
    Ok(())
}

/// A session that holds.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Session {
    /// Whose it is.
    #[sqlx(flatten)]
    pub account: Account,
    /// How far it has come.
    pub stage: String,
    /// The sealed secret of the second factor that is being set up in it.
    pub enrolling: Option<String>,
    /// What changing calls must carry.
    pub csrf: String,
    /// When it was last used.
    pub seen: DateTime<Utc>,
    /// When it ends at the latest.
    pub expires: DateTime<Utc>,
}

/// The session with this hash that holds at `now` and was used within `idle`, of an account that is not disabled.
pub async fn by_hash(
    pool: &PgPool,
    hash: &[u8],
    idle: TimeDelta,
    now: DateTime<Utc>,
) -> Result<Option<Session>, StoreError> {
    let row = sqlx::query_as(
        "SELECT a.id, a.login, a.name, a.role, a.hall, a.unit, a.win, a.password_hash, a.disabled, a.password_set,
                a.must_change, a.totp, a.issuer, s.stage, s.enrolling, s.csrf, s.seen, s.expires
         FROM session s JOIN account a ON a.id = s.account
         WHERE s.hash = $1 AND s.expires > $2 AND s.seen > $3 AND NOT a.disabled",
    );
    Ok(row
        .bind(hash)
        .bind(now)
        .bind(now - idle)
        .fetch_optional(pool)
        .await?)
}

/// Marks a session as used.
pub async fn touch(pool: &PgPool, hash: &[u8], now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query("UPDATE session SET seen = $2 WHERE hash = $1 AND seen < $2")
        .bind(hash)
        .bind(now)
        .execute(pool)
        .await?;
    Ok(())
}

/// Keeps the sealed secret of a second factor until its first code is shown. False when the session is gone.
pub async fn enrol(pool: &PgPool, hash: &[u8], sealed: &str) -> Result<bool, StoreError> {
    let kept = sqlx::query("UPDATE session SET enrolling = $2 WHERE hash = $1")
        .bind(hash)
        .bind(sealed)
        .execute(pool)
        .await?;
    Ok(kept.rows_affected() == 1)
}

/// A session, as its owner may see it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Listed {
    /// Its number; not its name.
    pub id: i64,
    /// SHA-256 of its name.
    pub hash: Vec<u8>,
    /// How far it has come.
    pub stage: String,
    /// Where it was begun.
    pub address: String,
    /// The browser, as it calls itself.
    pub agent: String,
    /// When it was begun.
    pub created: DateTime<Utc>,
    /// When it was last used.
    pub seen: DateTime<Utc>,
    /// When it ends at the latest.
    pub expires: DateTime<Utc>,
}

/// The sessions of an account that hold at `now` and were used within `idle`, the last used first.
pub async fn of_account(
    pool: &PgPool,
    account: i64,
    idle: TimeDelta,
    now: DateTime<Utc>,
) -> Result<Vec<Listed>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT id, hash, stage, address, agent, created, seen, expires FROM session
         WHERE account = $1 AND expires > $2 AND seen > $3 ORDER BY seen DESC, id DESC",
    );
    Ok(rows
        .bind(account)
        .bind(now)
        .bind(now - idle)
        .fetch_all(pool)
        .await?)
}

/// Ends a session; the token that asks the provider to end its own, where one let the person in.
pub async fn end(pool: &PgPool, hash: &[u8]) -> Result<Option<String>, StoreError> {
    let id_token: Option<Option<String>> =
        sqlx::query_scalar("DELETE FROM session WHERE hash = $1 RETURNING sso_id_token")
            .bind(hash)
            .fetch_optional(pool)
            .await?;
    Ok(id_token.flatten())
}

/// Ends one session of an account; the hash of its name, or `None` when the account has no such session.
pub async fn end_one(
    connection: &mut PgConnection,
    account: i64,
    id: i64,
) -> Result<Option<Vec<u8>>, StoreError> {
    let hash =
        sqlx::query_scalar("DELETE FROM session WHERE account = $1 AND id = $2 RETURNING hash");
    Ok(hash
        .bind(account)
        .bind(id)
        .fetch_optional(connection)
        .await?)
}

/// Ends the sessions of an account but `kept`; the hashes of their names.
pub async fn end_others(
    connection: &mut PgConnection,
    account: i64,
    kept: &[u8],
) -> Result<Vec<Vec<u8>>, StoreError> {
    let hashes =
        sqlx::query_scalar("DELETE FROM session WHERE account = $1 AND hash <> $2 RETURNING hash");
    Ok(hashes
        .bind(account)
        .bind(kept)
        .fetch_all(connection)
        .await?)
}

/// Forgets the sessions that ended before `now`, by time or for want of use.
pub async fn drop_ended(
    pool: &PgPool,
    idle: TimeDelta,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    Ok(
        sqlx::query("DELETE FROM session WHERE expires <= $1 OR seen <= $2")
            .bind(now)
            .bind(now - idle)
            .execute(pool)
            .await?
            .rows_affected(),
    )
}
