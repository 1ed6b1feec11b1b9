//! Accounts, as their administrators see and change them. One makes and disables, the other grants: neither can do both, and
//! nobody acts on the own account here (`docs/security.md`).

pub mod change;

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use mingjing_monitor::audit::Action;
use mingjing_monitor::store::administration::{self, Find, Listed};
use mingjing_monitor::store::{StoreError, accounts};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use super::list::{ById, List};
use crate::app::App;
use crate::audit::{Record, Trail};
use crate::auth::{lockout, login, password, secret};
use crate::caller::Caller;
use crate::directory::Directory;
use crate::policy::Role;
use crate::problem::{Json, Path, Problem, Query, Result};
use crate::store::{Notice, notify};

/// Longest name of a person or token, in characters.
pub const MAX_NAME: usize = 100;

/// An account.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountRow {
    id: i64,
    login: String,
    name: String,
    /// `unassigned` until a secadmin grants one.
    role: String,
    hall: String,
    hall_name: String,
    unit: Option<String>,
    window: Option<String>,
    disabled: bool,
    /// Whether it has one.
    second_factor: bool,
    /// Failed sign-ins make it wait somewhere; until then at most.
    locked_until: Option<DateTime<Utc>>,
    /// The provider of single sign-on that it comes from; none: it was made here.
    issuer: Option<String>,
    created: DateTime<Utc>,
    /// Sessions that hold.
    sessions: i64,
    last_seen: Option<DateTime<Utc>>,
}

impl AccountRow {
    fn new(row: Listed, directory: &Directory, locked_until: Option<DateTime<Utc>>) -> Self {
        Self {
            id: row.id,
            login: row.login,
            name: row.name,
            role: row.role,
            hall_name: directory.hall_name(&row.hall),
            hall: row.hall,
            unit: row.unit,
            window: row.window,
            disabled: row.disabled,
            second_factor: row.second_factor,
            locked_until,
            issuer: row.issuer,
            created: row.created,
            sessions: row.sessions,
            last_seen: row.last_seen,
        }
    }

    /// Rows with what makes them wait.
    async fn all(app: &App, rows: Vec<Listed>) -> Result<Vec<Self>> {
        let logins = rows.iter().map(|row| row.login.as_str());
        let waits = lockout::waits(app, logins, Utc::now()).await?;
        let directory = app.directory();
        let with = rows.into_iter().zip(waits);
        Ok(with
            .map(|(row, until)| Self::new(row, &directory, until))
            .collect())
    }

    async fn one(app: &App, row: Listed) -> Result<Self> {
        let until = lockout::waits(app, [row.login.as_str()], Utc::now()).await?;
        Ok(Self::new(
            row,
            &app.directory(),
            until.into_iter().flatten().next(),
        ))
    }
}

/// Which accounts.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FindAccounts {
    /// Part of the login or the name.
    q: Option<String>,
    /// Of this role.
    #[param(value_type = Option<String>)]
    role: Option<Role>,
    /// Only those that are disabled, or only those that are not.
    disabled: Option<bool>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// Rows, 1 to 500 (100).
    limit: Option<u32>,
    /// Only this hall and what is below it.
    hall: Option<String>,
}

/// The accounts of the caller's halls, newest first.
#[utoipa::path(
    get, path = "/api/v1/accounts", tag = "administration", operation_id = "list_accounts", params(FindAccounts),
    responses((status = 200, body = List<AccountRow>), (status = 404, body = Problem))
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(find): Query<FindAccounts>,
) -> Result<Json<List<AccountRow>>> {
    let seen = app.directory().seen(&caller.scope, find.hall.as_deref())?;
    let page = ById::read(find.cursor, find.limit)?;
    let text = find.q.as_deref().map(str::trim).filter(|q| !q.is_empty());
    let which = Find {
        text,
        role: find.role.map(Role::code),
        disabled: find.disabled,
    };
    let (after, probe) = (page.after, page.probe());
    let mut rows =
        administration::accounts(app.db(), &seen.hall, which, after, probe, Utc::now()).await?;
    let next = page.cut(&mut rows, |row| row.id);
    Ok(Json(List {
        items: AccountRow::all(&app, rows).await?,
        next,
        seq: app.live().seq(&caller),
    }))
}

/// An account to make.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewAccount {
    login: String,
    name: String,
    /// Where the person works; the caller's own where it is left out. It grants nothing.
    hall: Option<String>,
}

/// An account with its one-time password, shown only now.
#[derive(Serialize, ToSchema)]
pub struct AccountWithPassword {
    account: AccountRow,
    password: String,
}

/// Makes an account. It has no power until a secadmin grants it a role.
#[utoipa::path(
    post, path = "/api/v1/accounts", tag = "administration", operation_id = "create_account", request_body = NewAccount,
    responses((status = 201, body = AccountWithPassword), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub async fn create(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Json(new): Json<NewAccount>,
) -> Result<(StatusCode, Json<AccountWithPassword>)> {
    let login = login::read(&new.login).map_err(Problem::invalid)?;
    let name = name(&new.name)?;
    let hall = app
        .directory()
        .seen(&caller.scope, new.hall.as_deref())?
        .hall;
    let (password, hash) = one_time_password().await?;
    let account = accounts::NewAccount {
        login: &login,
        name: &name,
        role: Role::Unassigned.code(),
        hall: &hall,
        unit: None,
        window: None,
        password_hash: &hash,
        must_change: true,
    };
    let now = Utc::now();
    let mut tx = app.db().begin().await?;
    let id = accounts::create(&mut tx, &account, now)
        .await
        .map_err(named)?;
    let row = find(&mut tx, &caller, id).await?;
    notify(&mut tx, Notice::Access).await?;
    let record = Record::of(Action::AccountCreated)
        .on("account", &row.login)
        .hall(&row.hall)
        .after(facts(&row));
    trail.append(&mut tx, record).await?;
    tx.commit().await?;
    let account = AccountRow::one(&app, row).await?;
    Ok((
        StatusCode::CREATED,
        Json(AccountWithPassword { account, password }),
    ))
}

/// An account's number.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct AccountId {
    /// The account.
    id: i64,
}

/// A session of an account.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountSession {
    created: DateTime<Utc>,
    seen: DateTime<Utc>,
    expires: DateTime<Utc>,
}

/// The sessions of an account.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountSessions {
    /// The last used first.
    items: Vec<AccountSession>,
}

/// The sessions of an account that hold.
#[utoipa::path(
    get, path = "/api/v1/accounts/{id}/sessions", tag = "administration", operation_id = "list_sessions_of_account",
    params(AccountId), responses((status = 200, body = AccountSessions), (status = 404, body = Problem))
)]
pub async fn sessions(
    State(app): State<App>,
    caller: Caller,
    Path(AccountId { id }): Path<AccountId>,
) -> Result<Json<AccountSessions>> {
    let mut connection = app.db().acquire().await?;
    find(&mut connection, &caller, id).await?;
    let rows = administration::sessions(&mut connection, id, Utc::now()).await?;
    let items = rows.into_iter().map(|row| AccountSession {
        created: row.created,
        seen: row.seen,
        expires: row.expires,
    });
    Ok(Json(AccountSessions {
        items: items.collect(),
    }))
}

/// Outside the caller's halls there is no such account.
async fn find(connection: &mut PgConnection, caller: &Caller, id: i64) -> Result<Listed> {
    administration::account(connection, &caller.scope.hall, id, Utc::now())
        .await?
        .ok_or_else(|| Problem::not_found("account"))
}

/// What the store says of wrong names is the caller's to mend.
pub fn named(error: StoreError) -> Problem {
    match error {
        StoreError::Import(detail) => Problem::invalid(detail),
        error => error.into(),
    }
}

/// A name to show.
///
/// # Errors
/// `invalid` when it is empty or too long.
pub fn name(text: &str) -> Result<String> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(Problem::invalid(format!(
            "name: give 1 to {MAX_NAME} characters on one line"
        )));
    }
    Ok(name.to_owned())
}

/// Text that says something.
pub fn filled(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
}

/// What the audit log keeps of an account.
fn facts(row: &Listed) -> Value {
    json!({
        "name": row.name, "role": row.role, "hall": row.hall, "unit": row.unit, "window": row.window,
        "disabled": row.disabled, "second_factor": row.second_factor, "sessions": row.sessions,
    })
}

/// A password and its hash, made beside the runtime's own threads.
async fn one_time_password() -> Result<(String, String)> {
    let password = secret::one_time_password();
    let plain = password.clone();
    let hash = tokio::task::spawn_blocking(move || password::hash(&plain))
        .await
        .map_err(Problem::internal)?;
    Ok((password, hash))
}
