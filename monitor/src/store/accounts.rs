//! Accounts and sessions of people. Passwords and session names come here hashed; how is the console's affair.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

use super::StoreError;
use super::administration::last_administrator;
use super::halls::named_reference;

/// A person's account.
#[derive(Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Account {
    /// Id.
    pub id: i64,
    /// Name at sign-in.
    pub login: String,
    /// The person's name.
    pub name: String,
    /// Role, a word of the domain (`inspector`, `hall_manager`, …).
    pub role: String,
    /// The hall whose subtree it may see.
    pub hall: String,
    /// The unit of a `unit_head`.
    pub unit: Option<String>,
    /// The window of a `clerk`.
    #[sqlx(rename = "win")]
    pub window: Option<String>,
    /// The hash, in PHC form.
    pub password_hash: String,
    /// May not sign in.
    pub disabled: bool,
    /// Failed sign-ins in a row.
    pub failures: i32,
    /// No sign-in before.
    pub locked_until: Option<DateTime<Utc>>,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account")
            .field("id", &self.id)
            .field("login", &self.login)
            .finish_non_exhaustive()
    }
}

/// An account to create.
#[derive(Clone)]
pub struct NewAccount<'a> {
    /// Name at sign-in.
    pub login: &'a str,
    /// The person's name.
    pub name: &'a str,
    /// Role.
    pub role: &'a str,
    /// The hall whose subtree it may see.
    pub hall: &'a str,
    /// The unit of a `unit_head`.
    pub unit: Option<&'a str>,
    /// The window of a `clerk`.
    pub window: Option<&'a str>,
    /// The hash, in PHC form.
    pub password_hash: &'a str,
}

/// The account with this login.
pub async fn by_login(pool: &PgPool, login: &str) -> Result<Option<Account>, StoreError> {
    let row = sqlx::query_as(
        "SELECT id, login, name, role, hall, unit, win, password_hash, disabled, failures, locked_until
         FROM account WHERE login = $1",
    );
    Ok(row.bind(login).fetch_optional(pool).await?)
}

/// Every account, by login.
pub async fn list(pool: &PgPool) -> Result<Vec<Account>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT id, login, name, role, hall, unit, win, password_hash, disabled, failures, locked_until
         FROM account ORDER BY login",
    );
    Ok(rows.fetch_all(pool).await?)
}

/// Creates an account; its id.
pub async fn create(
    connection: &mut PgConnection,
    account: &NewAccount<'_>,
    now: DateTime<Utc>,
) -> Result<i64, StoreError> {
    sqlx::query_scalar(
        "INSERT INTO account (login, name, role, hall, unit, win, password_hash, created)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
    )
    .bind(account.login)
    .bind(account.name)
    .bind(account.role)
    .bind(account.hall)
    .bind(account.unit)
    .bind(account.window)
    .bind(account.password_hash)
    .bind(now)
    .fetch_one(connection)
    .await
    .map_err(|error| match error.as_database_error() {
        Some(database) if database.is_unique_violation() => {
            StoreError::Import(format!("there is an account {:?} already", account.login))
        }
        Some(database) if database.is_check_violation() => {
            StoreError::Import(format!("{:?} is not a role", account.role))
        }
        _ => named_reference(error),
    })
}

/// Sets a new password hash, unlocks, and ends the account's sessions. False when there is no such account.
pub async fn set_password(
    connection: &mut PgConnection,
    login: &str,
    hash: &str,
) -> Result<bool, StoreError> {
    let id: Option<i64> = sqlx::query_scalar(
        "UPDATE account SET password_hash = $2, failures = 0, locked_until = NULL WHERE login = $1 RETURNING id",
    )
    .bind(login)
    .bind(hash)
    .fetch_optional(&mut *connection)
    .await?;
    end_sessions_of(connection, id).await
}

/// Disables or enables an account; disabling ends its sessions. False when there is no such account.
pub async fn set_disabled(
    connection: &mut PgConnection,
    login: &str,
    disabled: bool,
) -> Result<bool, StoreError> {
    let id: Option<i64> =
        sqlx::query_scalar("UPDATE account SET disabled = $2 WHERE login = $1 RETURNING id")
            .bind(login)
            .bind(disabled)
            .fetch_optional(&mut *connection)
            .await
            .map_err(last_administrator)?;
    if disabled {
        end_sessions_of(connection, id).await
    } else {
        Ok(id.is_some())
    }
}

async fn end_sessions_of(
    connection: &mut PgConnection,
    account: Option<i64>,
) -> Result<bool, StoreError> {
    let Some(id) = account else { return Ok(false) };
    sqlx::query("DELETE FROM session WHERE account = $1")
        .bind(id)
        .execute(connection)
        .await?;
    Ok(true)
}

/// Counts a failed sign-in; from `limit` failures in a row on the account is locked until `until`. The failures so far.
pub async fn failed(
    pool: &PgPool,
    account: i64,
    limit: i32,
    until: DateTime<Utc>,
) -> Result<i32, StoreError> {
    let count = sqlx::query_scalar(
        "UPDATE account SET failures = failures + 1,
                locked_until = CASE WHEN failures + 1 >= $2 THEN $3 ELSE locked_until END
         WHERE id = $1 RETURNING failures",
    );
    Ok(count
        .bind(account)
        .bind(limit)
        .bind(until)
        .fetch_one(pool)
        .await?)
}

/// A successful sign-in forgets the failures.
pub async fn succeeded(pool: &PgPool, account: i64) -> Result<(), StoreError> {
    sqlx::query("UPDATE account SET failures = 0, locked_until = NULL WHERE id = $1")
        .bind(account)
        .execute(pool)
        .await?;
    Ok(())
}

/// Begins a session.
pub async fn begin_session(
    pool: &PgPool,
    hash: &[u8],
    account: i64,
    csrf: &str,
    now: DateTime<Utc>,
    expires: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO session (hash, account, csrf, created, seen, expires) VALUES ($1, $2, $3, $4, $4, $5)")
        .bind(hash)
        .bind(account)
        .bind(csrf)
        .bind(now)
        .bind(expires)
        .execute(pool)
        .await?;
    Ok(())
}

/// A session that holds.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Session {
    /// Whose it is.
    #[sqlx(flatten)]
    pub account: Account,
    /// What changing calls must carry.
    pub csrf: String,
    /// When it was last used.
    pub seen: DateTime<Utc>,
    /// When it ends.
    pub expires: DateTime<Utc>,
}

/// The session with this hash that holds at `now`, of an account that is not disabled.
pub async fn session(
    pool: &PgPool,
    hash: &[u8],
    now: DateTime<Utc>,
) -> Result<Option<Session>, StoreError> {
    let row = sqlx::query_as(
        "SELECT a.id, a.login, a.name, a.role, a.hall, a.unit, a.win, a.password_hash, a.disabled, a.failures,
                a.locked_until, s.csrf, s.seen, s.expires
         FROM session s JOIN account a ON a.id = s.account
         WHERE s.hash = $1 AND s.expires > $2 AND NOT a.disabled",
    );
    Ok(row.bind(hash).bind(now).fetch_optional(pool).await?)
}

/// Marks a session as used and moves its end.
pub async fn touch_session(
    pool: &PgPool,
    hash: &[u8],
    now: DateTime<Utc>,
    expires: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE session SET seen = $2, expires = $3 WHERE hash = $1")
        .bind(hash)
        .bind(now)
        .bind(expires)
        .execute(pool)
        .await?;
    Ok(())
}

/// Ends a session.
pub async fn end_session(pool: &PgPool, hash: &[u8]) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM session WHERE hash = $1")
        .bind(hash)
        .execute(pool)
        .await?;
    Ok(())
}

/// Forgets the sessions that ended before `now`.
pub async fn drop_expired_sessions(pool: &PgPool, now: DateTime<Utc>) -> Result<u64, StoreError> {
    Ok(sqlx::query("DELETE FROM session WHERE expires <= $1")
        .bind(now)
        .execute(pool)
        .await?
        .rows_affected())
}
