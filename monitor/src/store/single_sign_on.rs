//! What signing in through a provider of OpenID Connect keeps: sign-ins under way, the accounts that come from it, logout
//! tokens that were taken. States and `jti`s come here hashed.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

use super::StoreError;
use super::accounts::Account;
use super::administration::Grant;
use super::halls::named_reference;

/// Begins a sign-in under this state, and forgets those that ended before `forgotten`. False: `most` are under way.
pub async fn begin_flow(
    pool: &PgPool,
    (state, next): (&[u8], &str),
    (expires, forgotten): (DateTime<Utc>, DateTime<Utc>),
    most: i64,
) -> Result<bool, StoreError> {
    sqlx::query("DELETE FROM sso_flow WHERE expires < $1")
        .bind(forgotten)
        .execute(pool)
        .await?;
    let begun = sqlx::query(
        "INSERT INTO sso_flow (state, next, expires) SELECT $1, $2, $3
         WHERE (SELECT count(*) FROM sso_flow) < $4",
    )
    .bind(state)
    .bind(next)
    .bind(expires)
    .bind(most)
    .execute(pool)
    .await?;
    Ok(begun.rows_affected() == 1)
}

/// What a state turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It was good, and is not again: where to go on.
    Fresh(String),
    /// It was taken before.
    Used,
    /// It came too late.
    Expired,
    /// Nobody began with it, or so long ago that it is forgotten.
    Unknown,
}

/// Takes a state. Of two at once one gets it.
pub async fn take_flow(
    pool: &PgPool,
    state: &[u8],
    now: DateTime<Utc>,
) -> Result<Taken, StoreError> {
    let fresh: Option<String> = sqlx::query_scalar(
        "UPDATE sso_flow SET used = true WHERE state = $1 AND NOT used AND expires > $2 RETURNING next",
    )
    .bind(state)
    .bind(now)
    .fetch_optional(pool)
    .await?;
    if let Some(next) = fresh {
        return Ok(Taken::Fresh(next));
    }
    let used: Option<bool> = sqlx::query_scalar("SELECT used FROM sso_flow WHERE state = $1")
        .bind(state)
        .fetch_optional(pool)
        .await?;
    Ok(match used {
        Some(true) => Taken::Used,
        Some(false) => Taken::Expired,
        None => Taken::Unknown,
    })
}

/// Waits its turn until the transaction ends: two first sign-ins of one person make one account.
pub async fn in_turn(transaction: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query("SELECT pg_advisory_xact_lock(7365216)")
        .execute(transaction)
        .await?;
    Ok(())
}

/// The account of a provider's subject, locked until the transaction ends.
pub async fn account(
    transaction: &mut PgConnection,
    issuer: &str,
    subject: &str,
) -> Result<Option<Account>, StoreError> {
    let row = sqlx::query_as(
        "SELECT id, login, name, role, hall, unit, win, password_hash, disabled, password_set, must_change, totp, issuer
         FROM account WHERE issuer = $1 AND subject = $2 FOR UPDATE",
    );
    Ok(row
        .bind(issuer)
        .bind(subject)
        .fetch_optional(transaction)
        .await?)
}

/// An account that comes from a provider.
#[derive(Debug, Clone, Copy)]
pub struct NewAccount<'a> {
    /// Name on the screens; it lets nobody in.
    pub login: &'a str,
    /// The person's name.
    pub name: &'a str,
    /// Who says that this is the person.
    pub issuer: &'a str,
    /// What they call the person; never anybody else.
    pub subject: &'a str,
    /// Role, and over what.
    pub grant: Grant<'a>,
}

/// Makes an account that has no password; its id.
pub async fn create(
    transaction: &mut PgConnection,
    account: &NewAccount<'_>,
    now: DateTime<Utc>,
) -> Result<i64, StoreError> {
    sqlx::query_scalar(
        "INSERT INTO account (login, name, role, hall, unit, win, password_hash, created, password_set, issuer, subject)
         VALUES ($1, $2, $3, $4, $5, $6, '', $7, $7, $8, $9) RETURNING id",
    )
    .bind(account.login)
    .bind(account.name)
    .bind(account.grant.role)
    .bind(account.grant.hall)
    .bind(account.grant.unit)
    .bind(account.grant.window)
    .bind(now)
    .bind(account.issuer)
    .bind(account.subject)
    .fetch_one(transaction)
    .await
    .map_err(named_reference)
}

/// Takes over what the provider calls the person now.
pub async fn rename(
    transaction: &mut PgConnection,
    account: i64,
    name: &str,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE account SET name = $2 WHERE id = $1")
        .bind(account)
        .bind(name)
        .execute(transaction)
        .await?;
    Ok(())
}

/// Takes a logout token, and forgets those that nobody would take any more. False: it was taken before.
pub async fn take_logout(
    transaction: &mut PgConnection,
    jti: &[u8],
    expires: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    sqlx::query("DELETE FROM sso_logout WHERE expires < $1")
        .bind(now)
        .execute(&mut *transaction)
        .await?;
    let taken =
        sqlx::query("INSERT INTO sso_logout (jti, expires) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(jti)
            .bind(expires)
            .execute(transaction)
            .await?;
    Ok(taken.rows_affected() == 1)
}

/// A session that a provider ended.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Ended {
    /// SHA-256 of its name.
    pub hash: Vec<u8>,
    /// Whose it was.
    pub login: String,
}

/// Ends the sessions of a provider's person (`subject`), or of its session (`sid`); where both are given, those of the person
/// in that session, and those of which the provider never said which they belong to.
pub async fn end_sessions(
    transaction: &mut PgConnection,
    issuer: &str,
    (subject, sid): (Option<&str>, Option<&str>),
) -> Result<Vec<Ended>, StoreError> {
    let rows = sqlx::query_as(
        "DELETE FROM session s USING account a
         WHERE a.id = s.account AND a.issuer = $1 AND ($2::text IS NOT NULL OR $3::text IS NOT NULL)
           AND ($2::text IS NULL OR a.subject = $2)
           AND ($3::text IS NULL OR s.sso_sid = $3 OR (s.sso_sid IS NULL AND $2::text IS NOT NULL))
         RETURNING s.hash, a.login",
    );
    Ok(rows
        .bind(issuer)
        .bind(subject)
        .bind(sid)
        .fetch_all(transaction)
        .await?)
}
