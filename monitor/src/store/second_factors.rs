//! Second factors of accounts: a sealed shared secret, the newest code that was used, and recovery codes.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

use super::StoreError;
use super::accounts::end_sessions_of;

/// Gives an account a second factor with these recovery codes, in the place of what it had. `step`: the time step whose
/// code proved it, which is not good again.
pub async fn set(
    connection: &mut PgConnection,
    account: i64,
    sealed: &str,
    step: Option<i64>,
    codes: &[Vec<u8>],
) -> Result<(), StoreError> {
    sqlx::query("UPDATE account SET totp = $2, totp_step = $3 WHERE id = $1")
        .bind(account)
        .bind(sealed)
        .bind(step)
        .execute(&mut *connection)
        .await?;
    set_codes(connection, account, codes).await
}

/// Puts these recovery codes, hashed, in the place of the account's old ones.
pub async fn set_codes(
    connection: &mut PgConnection,
    account: i64,
    codes: &[Vec<u8>],
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM recovery_code WHERE account = $1")
        .bind(account)
        .execute(&mut *connection)
        .await?;
    sqlx::query("INSERT INTO recovery_code (account, hash) SELECT $1, unnest($2::bytea[])")
        .bind(account)
        .bind(codes)
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes the second factor and its recovery codes away.
pub async fn remove(connection: &mut PgConnection, account: i64) -> Result<(), StoreError> {
    sqlx::query("UPDATE account SET totp = NULL, totp_step = NULL WHERE id = $1")
        .bind(account)
        .execute(&mut *connection)
        .await?;
    set_codes(connection, account, &[]).await
}

/// Takes the second factor of `login` away and ends its sessions: for who lost it. False when there is no such account.
pub async fn reset(connection: &mut PgConnection, login: &str) -> Result<bool, StoreError> {
    let id: Option<i64> = sqlx::query_scalar("SELECT id FROM account WHERE login = $1")
        .bind(login)
        .fetch_optional(&mut *connection)
        .await?;
    if let Some(id) = id {
        remove(connection, id).await?;
    }
    end_sessions_of(connection, id).await
}

/// The sealed secrets, by account; locked until the transaction ends, so that none is set up meanwhile and lost.
pub async fn sealed(transaction: &mut PgConnection) -> Result<Vec<(i64, String)>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT id, totp FROM account WHERE totp IS NOT NULL ORDER BY id FOR UPDATE",
    );
    Ok(rows.fetch_all(transaction).await?)
}

/// Puts the same secret, sealed with another key, in its place.
pub async fn reseal(
    transaction: &mut PgConnection,
    account: i64,
    sealed: &str,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE account SET totp = $2 WHERE id = $1")
        .bind(account)
        .bind(sealed)
        .execute(transaction)
        .await?;
    Ok(())
}

/// Uses the code of a time step. False: a code of this step or a later one was used before.
pub async fn use_step(pool: &PgPool, account: i64, step: i64) -> Result<bool, StoreError> {
    let used = sqlx::query(
        "UPDATE account SET totp_step = $2 WHERE id = $1 AND (totp_step IS NULL OR totp_step < $2)",
    );
    Ok(used
        .bind(account)
        .bind(step)
        .execute(pool)
        .await?
        .rows_affected()
        == 1)
}

/// The recovery codes that are still good, hashed.
pub async fn codes(pool: &PgPool, account: i64) -> Result<Vec<Vec<u8>>, StoreError> {
    let rows =
        sqlx::query_scalar("SELECT hash FROM recovery_code WHERE account = $1 AND used IS NULL");
    Ok(rows.bind(account).fetch_all(pool).await?)
}

/// Uses a recovery code. False: it was used before.
pub async fn use_code(
    pool: &PgPool,
    account: i64,
    hash: &[u8],
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let used = sqlx::query(
        "UPDATE recovery_code SET used = $3 WHERE account = $1 AND hash = $2 AND used IS NULL",
    );
    Ok(used
        .bind(account)
        .bind(hash)
        .bind(now)
        .execute(pool)
        .await?
        .rows_affected()
        == 1)
}
