//! Accounts of people. Passwords come here hashed, second factors sealed; how is the console's affair.

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
    /// When the password was set.
    pub password_set: DateTime<Utc>,
    /// Somebody else made the password: it is good for choosing one's own, and for nothing else.
    pub must_change: bool,
    /// The sealed secret of the second factor.
    pub totp: Option<String>,
    /// The provider of single sign-on that the account comes from; `None`: it was made here.
    pub issuer: Option<String>,
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
    /// Whether the person has to choose another password at the first sign-in.
    pub must_change: bool,
}

/// The account with this login.
pub async fn by_login<'e>(
    db: impl sqlx::PgExecutor<'e>,
    login: &str,
) -> Result<Option<Account>, StoreError> {
    let row = sqlx::query_as(
        "SELECT id, login, name, role, hall, unit, win, password_hash, disabled, password_set, must_change, totp, issuer
         FROM account WHERE login = $1",
    );
    Ok(row.bind(login).fetch_optional(db).await?)
}

/// The account with this id.
pub async fn by_id<'e>(
    db: impl sqlx::PgExecutor<'e>,
    id: i64,
) -> Result<Option<Account>, StoreError> {
    let row = sqlx::query_as(
        "SELECT id, login, name, role, hall, unit, win, password_hash, disabled, password_set, must_change, totp, issuer
         FROM account WHERE id = $1",
    );
    Ok(row.bind(id).fetch_optional(db).await?)
}

/// Every account, by login.
pub async fn list(pool: &PgPool) -> Result<Vec<Account>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT id, login, name, role, hall, unit, win, password_hash, disabled, password_set, must_change, totp, issuer
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
        "INSERT INTO account (login, name, role, hall, unit, win, password_hash, must_change, created, password_set)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) RETURNING id",
    )
    .bind(account.login)
    .bind(account.name)
    .bind(account.role)
    .bind(account.hall)
    .bind(account.unit)
    .bind(account.window)
    .bind(account.password_hash)
    .bind(account.must_change)
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

/// Sets a new password hash and ends the account's sessions. `must_change`: the person has to choose another at the next
/// sign-in. False when there is no such account.
pub async fn set_password(
    connection: &mut PgConnection,
    login: &str,
    hash: &str,
    must_change: bool,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let id: Option<i64> = sqlx::query_scalar(
        "UPDATE account SET password_hash = $2, must_change = $3, password_set = $4 WHERE login = $1 RETURNING id",
    )
    .bind(login)
    .bind(hash)
    .bind(must_change)
    .bind(now)
    .fetch_optional(&mut *connection)
    .await
    .map_err(|error| no_password(error, login))?;
    end_sessions_of(connection, id).await
}

/// Names the refusal of migration 0012.
fn no_password(error: sqlx::Error, login: &str) -> StoreError {
    match error.as_database_error() {
        Some(database) if database.is_check_violation() => StoreError::Import(format!(
            "{login} comes from single sign-on and has no password here: it is changed where the account was made"
        )),
        _ => error.into(),
    }
}

/// Sets the password that a person chose; which sessions end is the caller's affair.
pub async fn choose_password(
    connection: &mut PgConnection,
    account: i64,
    hash: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE account SET password_hash = $2, must_change = false, password_set = $3 WHERE id = $1",
    )
    .bind(account)
    .bind(hash)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// Puts a hash of the same password, made with other parameters, in the place of `old`.
pub async fn rehash(pool: &PgPool, account: i64, old: &str, new: &str) -> Result<(), StoreError> {
    sqlx::query("UPDATE account SET password_hash = $3 WHERE id = $1 AND password_hash = $2")
        .bind(account)
        .bind(old)
        .bind(new)
        .execute(pool)
        .await?;
    Ok(())
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

pub(super) async fn end_sessions_of(
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
