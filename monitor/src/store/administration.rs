//! Accounts as their administrators see and change them. Who may do what is the console's affair; that the last administrator
//! of a kind stays is the database's.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

use super::StoreError;
use super::halls::named_reference;

/// What the database raises when the last administrator of a kind would go (migration 0010).
const LAST_ADMINISTRATOR: &str = "MJ001";

/// An account, without anything that lets one in.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Listed {
    /// Id.
    pub id: i64,
    /// Name at sign-in.
    pub login: String,
    /// The person's name.
    pub name: String,
    /// Role; `unassigned` until one is granted.
    pub role: String,
    /// The hall whose subtree it may see.
    pub hall: String,
    /// The unit of a `unit_head`.
    pub unit: Option<String>,
    /// The window of a `clerk`.
    #[sqlx(rename = "win")]
    pub window: Option<String>,
    /// May not sign in.
    pub disabled: bool,
    /// Whether it has a second factor.
    pub second_factor: bool,
    /// The provider of single sign-on that it comes from; `None`: it was made here.
    pub issuer: Option<String>,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// Sessions that hold.
    pub sessions: i64,
    /// When one of them was last used.
    pub last_seen: Option<DateTime<Utc>>,
}

/// Which accounts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Find<'a> {
    /// Part of the login or the name.
    pub text: Option<&'a str>,
    /// Of this role.
    pub role: Option<&'a str>,
    /// Only those that are disabled, or only those that are not.
    pub disabled: Option<bool>,
}

/// The accounts of a subtree, newest first: at most `limit` of those before id `after`.
pub async fn accounts(
    pool: &PgPool,
    scope: &str,
    find: Find<'_>,
    after: Option<i64>,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Vec<Listed>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT a.id, a.login, a.name, a.role, a.hall, a.unit, a.win, a.disabled, a.issuer, a.created, a.totp IS NOT NULL AS second_factor,
                (SELECT count(*) FROM session s WHERE s.account = a.id AND s.expires > $7) AS sessions,
                (SELECT max(s.seen) FROM session s WHERE s.account = a.id) AS last_seen
         FROM account a JOIN hall h ON h.code = a.hall
         WHERE h.path @> ARRAY[$1]
           AND ($2::text IS NULL OR strpos(lower(a.login), lower($2)) > 0 OR strpos(lower(a.name), lower($2)) > 0)
           AND ($3::text IS NULL OR a.role = $3) AND ($4::boolean IS NULL OR a.disabled = $4)
           AND ($5::bigint IS NULL OR a.id < $5)
         ORDER BY a.id DESC LIMIT $6",
    );
    Ok(rows
        .bind(scope)
        .bind(find.text)
        .bind(find.role)
        .bind(find.disabled)
        .bind(after)
        .bind(limit)
        .bind(now)
        .fetch_all(pool)
        .await?)
}

/// One account of a subtree, locked until the transaction ends: what is recorded as *before* is what was changed.
pub async fn account(
    connection: &mut PgConnection,
    scope: &str,
    id: i64,
    now: DateTime<Utc>,
) -> Result<Option<Listed>, StoreError> {
    let row = sqlx::query_as(
        "SELECT a.id, a.login, a.name, a.role, a.hall, a.unit, a.win, a.disabled, a.issuer, a.created, a.totp IS NOT NULL AS second_factor,
                (SELECT count(*) FROM session s WHERE s.account = a.id AND s.expires > $3) AS sessions,
                (SELECT max(s.seen) FROM session s WHERE s.account = a.id) AS last_seen
         FROM account a JOIN hall h ON h.code = a.hall
         WHERE h.path @> ARRAY[$1] AND a.id = $2 FOR UPDATE OF a",
    );
    Ok(row
        .bind(scope)
        .bind(id)
        .bind(now)
        .fetch_optional(connection)
        .await?)
}

/// Disables or enables an account.
///
/// # Errors
/// [`StoreError::LastAdministrator`].
pub async fn set_disabled(
    connection: &mut PgConnection,
    id: i64,
    disabled: bool,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE account SET disabled = $2 WHERE id = $1")
        .bind(id)
        .bind(disabled)
        .execute(connection)
        .await
        .map_err(last_administrator)?;
    Ok(())
}

/// A role, and over what.
#[derive(Debug, Clone, Copy)]
pub struct Grant<'a> {
    /// The role.
    pub role: &'a str,
    /// The hall whose subtree it covers.
    pub hall: &'a str,
    /// The unit of a `unit_head`.
    pub unit: Option<&'a str>,
    /// The window of a `clerk`.
    pub window: Option<&'a str>,
}

/// Gives an account its role, in place of the one that it had.
///
/// # Errors
/// [`StoreError::LastAdministrator`]; [`StoreError::Import`] when the hall or unit is not known.
pub async fn grant(
    connection: &mut PgConnection,
    id: i64,
    grant: Grant<'_>,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE account SET role = $2, hall = $3, unit = $4, win = $5 WHERE id = $1")
        .bind(id)
        .bind(grant.role)
        .bind(grant.hall)
        .bind(grant.unit)
        .bind(grant.window)
        .execute(connection)
        .await
        .map_err(|error| match last_administrator(error) {
            StoreError::Query(error) => named_reference(error),
            last => last,
        })?;
    Ok(())
}

/// A session of somebody else: enough to tell whether it should be there, nothing that lets one in.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct OpenSession {
    /// When it was begun.
    pub created: DateTime<Utc>,
    /// When it was last used.
    pub seen: DateTime<Utc>,
    /// When it ends at the latest.
    pub expires: DateTime<Utc>,
}

/// The sessions of an account that hold at `now`, the last used first.
pub async fn sessions(
    connection: &mut PgConnection,
    id: i64,
    now: DateTime<Utc>,
) -> Result<Vec<OpenSession>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT created, seen, expires FROM session WHERE account = $1 AND expires > $2 ORDER BY seen DESC, hash",
    );
    Ok(rows.bind(id).bind(now).fetch_all(connection).await?)
}

/// Ends every session of an account; the hashes of their names.
pub async fn end_sessions(
    connection: &mut PgConnection,
    id: i64,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let hashes = sqlx::query_scalar("DELETE FROM session WHERE account = $1 RETURNING hash");
    Ok(hashes.bind(id).fetch_all(connection).await?)
}

/// Names the refusal of migration 0010.
pub(super) fn last_administrator(error: sqlx::Error) -> StoreError {
    match error.as_database_error() {
        Some(database) if database.code().as_deref() == Some(LAST_ADMINISTRATOR) => {
            StoreError::LastAdministrator(database.message().to_owned())
        }
        _ => error.into(),
    }
}
