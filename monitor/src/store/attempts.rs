//! Failed attempts to sign in, and the places where accounts have come in. What follows from them is the console's affair.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

use super::StoreError;

/// What failures are counted by: SHA-256 of a login, and an address. An empty one stands for any.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Key {
    /// SHA-256 of the login.
    pub login: Vec<u8>,
    /// The address.
    pub address: String,
}

/// Failures in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Failures {
    /// How many.
    pub failures: i32,
    /// The last one.
    pub last: DateTime<Utc>,
}

/// Failures with what they are counted by.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Counted {
    /// By what.
    #[sqlx(flatten)]
    pub key: Key,
    /// How many.
    #[sqlx(flatten)]
    pub failures: Failures,
}

/// The failures of a key; the row stays locked until the transaction ends, so that attempts at once are counted one by one.
pub async fn lock(
    transaction: &mut PgConnection,
    key: &Key,
    now: DateTime<Utc>,
) -> Result<Failures, StoreError> {
    // An update that changes nothing locks the row and returns it, whether it was there or not.
    let row = sqlx::query_as(
        "INSERT INTO sign_in_failure (login, address, failures, last) VALUES ($1, $2, 0, $3)
         ON CONFLICT (login, address) DO UPDATE SET failures = sign_in_failure.failures
         RETURNING failures, last",
    );
    Ok(row
        .bind(&key.login)
        .bind(&key.address)
        .bind(now)
        .fetch_one(transaction)
        .await?)
}

/// The failures of these logins (SHA-256), wherever.
pub async fn of_logins(pool: &PgPool, logins: &[Vec<u8>]) -> Result<Vec<Counted>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT login, address, failures, last FROM sign_in_failure WHERE login = ANY($1)",
    );
    Ok(rows.bind(logins).fetch_all(pool).await?)
}

/// Sets the failures of a key.
pub async fn set(
    connection: &mut PgConnection,
    key: &Key,
    failures: i32,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE sign_in_failure SET failures = $3, last = $4 WHERE login = $1 AND address = $2",
    )
    .bind(&key.login)
    .bind(&key.address)
    .bind(failures)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes one failure back: the attempt was right after all.
pub async fn take_back(connection: &mut PgConnection, key: &Key) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE sign_in_failure SET failures = failures - 1 WHERE login = $1 AND address = $2 AND failures > 0",
    )
    .bind(&key.login)
    .bind(&key.address)
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets the failures of a key.
pub async fn clear(connection: &mut PgConnection, key: &Key) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sign_in_failure WHERE login = $1 AND address = $2")
        .bind(&key.login)
        .bind(&key.address)
        .execute(connection)
        .await?;
    Ok(())
}

/// Forgets every failure of a login, from wherever: an administrator lets it try again.
pub async fn unlock(connection: &mut PgConnection, login: &[u8]) -> Result<u64, StoreError> {
    Ok(sqlx::query("DELETE FROM sign_in_failure WHERE login = $1")
        .bind(login)
        .execute(connection)
        .await?
        .rows_affected())
}

/// Forgets failures older than `failures` and places not used since `places`.
pub async fn forget(
    pool: &PgPool,
    failures: DateTime<Utc>,
    places: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sign_in_failure WHERE last < $1")
        .bind(failures)
        .execute(pool)
        .await?;
    sqlx::query("DELETE FROM sign_in_place WHERE last < $1")
        .bind(places)
        .execute(pool)
        .await?;
    Ok(())
}

/// Whether an account has come in from this address since `since`.
pub async fn came_in(
    pool: &PgPool,
    account: Option<i64>,
    address: &str,
    since: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let there = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM sign_in_place WHERE account = $1 AND address = $2 AND last >= $3)",
    );
    Ok(there
        .bind(account)
        .bind(address)
        .bind(since)
        .fetch_one(pool)
        .await?)
}

/// An account has come in from this address.
pub async fn note_place(
    connection: &mut PgConnection,
    account: i64,
    address: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO sign_in_place (account, address, last) VALUES ($1, $2, $3)
         ON CONFLICT (account, address) DO UPDATE SET last = excluded.last",
    )
    .bind(account)
    .bind(address)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}
