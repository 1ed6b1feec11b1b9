//! Accounts and sessions.

use chrono::{DateTime, Duration, Utc};
use sqlx::PgPool;

/// A row of `account`, without its password.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Account {
    /// Row.
    pub id: i64,
    /// Login.
    pub login: String,
    /// Name.
    pub name: String,
    /// Code of the role.
    pub role: String,
    /// Top of the subtree.
    pub hall: String,
    /// For a unit's head.
    pub unit: Option<String>,
    /// For a clerk.
    pub win: Option<String>,
    /// May not sign in.
    pub disabled: bool,
}

/// What signing in needs.
#[derive(Debug, sqlx::FromRow)]
pub struct Credentials {
    /// Row.
    pub id: i64,
    /// PHC string.
    pub password_hash: String,
    /// May not sign in.
    pub disabled: bool,
    /// Locked until then.
    pub locked_until: Option<DateTime<Utc>>,
}

/// A valid session with its account.
#[derive(Debug, sqlx::FromRow)]
pub struct Session {
    /// Whose.
    #[sqlx(flatten)]
    pub account: Account,
    /// What the page must send back.
    pub csrf: String,
}

/// Failures in a row, from anywhere, after which an account is locked.
const LOCK_AFTER: i32 = 20;
/// Minutes for which it is locked.
const LOCK_MINUTES: i64 = 15;

/// What signing in as `login` needs.
pub async fn credentials(db: &PgPool, login: &str) -> sqlx::Result<Option<Credentials>> {
    sqlx::query_as("SELECT id, password_hash, disabled, locked_until FROM account WHERE login = $1")
        .bind(login)
        .fetch_optional(db)
        .await
}

/// Counts a failed attempt; locks the account when there were too many.
pub async fn failed(db: &PgPool, id: i64, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE account SET failures = CASE WHEN failures + 1 >= $3 THEN 0 ELSE failures + 1 END,
             locked_until = CASE WHEN failures + 1 >= $3 THEN $2 ELSE locked_until END
         WHERE id = $1",
    )
    .bind(id)
    .bind(now + Duration::minutes(LOCK_MINUTES))
    .bind(LOCK_AFTER)
    .execute(db)
    .await?;
    Ok(())
}

/// A new session, stored by its hash; forgets failures and sessions that have run out.
pub async fn open_session(
    db: &PgPool,
    account: i64,
    hash: &[u8],
    csrf: &str,
    now: DateTime<Utc>,
    expires: DateTime<Utc>,
) -> sqlx::Result<()> {
    let mut tx = db.begin().await?;
    sqlx::query("UPDATE account SET failures = 0, locked_until = NULL WHERE id = $1")
        .bind(account)
        .execute(&mut *tx)
        .await?;
    sqlx::query("DELETE FROM session WHERE expires < $1")
        .bind(now)
        .execute(&mut *tx)
        .await?;
    sqlx::query("INSERT INTO session (hash, account, csrf, created, seen, expires) VALUES ($1, $2, $3, $4, $4, $5)")
        .bind(hash)
        .bind(account)
        .bind(csrf)
        .bind(now)
        .bind(expires)
        .execute(&mut *tx)
        .await?;
    tx.commit().await
}

/// The session with this hash, while it is valid and its account enabled.
pub async fn session(
    db: &PgPool,
    hash: &[u8],
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Session>> {
    sqlx::query_as(
        "SELECT a.id, a.login, a.name, a.role, a.hall, a.unit, a.win, a.disabled, s.csrf
         FROM session s JOIN account a ON a.id = s.account
         WHERE s.hash = $1 AND s.expires > $2 AND NOT a.disabled",
    )
    .bind(hash)
    .bind(now)
    .fetch_optional(db)
    .await
}

/// Ends a session.
pub async fn close_session(db: &PgPool, hash: &[u8]) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM session WHERE hash = $1")
        .bind(hash)
        .execute(db)
        .await?;
    Ok(())
}

/// A new account.
#[derive(Debug)]
pub struct NewAccount<'a> {
    /// Login.
    pub login: &'a str,
    /// Name.
    pub name: &'a str,
    /// Code of the role.
    pub role: &'a str,
    /// Top of the subtree.
    pub hall: &'a str,
    /// For a unit's head.
    pub unit: Option<&'a str>,
    /// For a clerk.
    pub win: Option<&'a str>,
    /// PHC string.
    pub password_hash: &'a str,
}

/// Adds an account.
///
/// # Errors
/// A unique violation when the login is taken, a foreign-key violation when hall or unit do not exist.
pub async fn add(db: &PgPool, account: &NewAccount<'_>, now: DateTime<Utc>) -> sqlx::Result<i64> {
    sqlx::query_scalar(
        "INSERT INTO account (login, name, role, hall, unit, win, password_hash, created)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
    )
    .bind(account.login)
    .bind(account.name)
    .bind(account.role)
    .bind(account.hall)
    .bind(account.unit)
    .bind(account.win)
    .bind(account.password_hash)
    .bind(now)
    .fetch_one(db)
    .await
}

/// Sets a new password and ends the account's sessions. False: no such account.
pub async fn set_password(db: &PgPool, login: &str, password_hash: &str) -> sqlx::Result<bool> {
    change(
        db,
        login,
        "UPDATE account SET password_hash = $2, failures = 0, locked_until = NULL WHERE login = $1",
        password_hash,
    )
    .await
}

/// Disables an account and ends its sessions. False: no such account.
pub async fn disable(db: &PgPool, login: &str) -> sqlx::Result<bool> {
    change(
        db,
        login,
        "UPDATE account SET disabled = true WHERE login = $1 AND $2 = ''",
        "",
    )
    .await
}

async fn change(db: &PgPool, login: &str, update: &'static str, value: &str) -> sqlx::Result<bool> {
    let mut tx = db.begin().await?;
    let changed = sqlx::query(update)
        .bind(login)
        .bind(value)
        .execute(&mut *tx)
        .await?
        .rows_affected();
    sqlx::query("DELETE FROM session WHERE account = (SELECT id FROM account WHERE login = $1)")
        .bind(login)
        .execute(&mut *tx)
        .await?;
    sqlx::query("SELECT pg_notify('mingjing', 'access')")
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(changed > 0)
}

/// How many accounts there are.
pub async fn count(db: &PgPool) -> sqlx::Result<i64> {
    sqlx::query_scalar("SELECT count(*) FROM account")
        .fetch_one(db)
        .await
}
