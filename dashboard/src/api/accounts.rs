//! Accounts, as their administrators see and change them. One makes and disables, the other grants: neither can do both, and
//! nobody acts on the own account here (`docs/security.md`).

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use mingjing_monitor::audit::Action;
use mingjing_monitor::store::administration::{self, Find, Grant, Listed};
use mingjing_monitor::store::{StoreError, accounts, second_factors};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use super::list::{self, List, Page};
use crate::app::App;
use crate::audit::{Record, Trail};
use crate::auth::{login, password, secret};
use crate::caller::{Caller, Scope};
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
    created: DateTime<Utc>,
    /// Sessions that hold.
    sessions: i64,
    last_seen: Option<DateTime<Utc>>,
}

impl AccountRow {
    fn new(row: Listed, directory: &Directory) -> Self {
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
            created: row.created,
            sessions: row.sessions,
            last_seen: row.last_seen,
        }
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
    let directory = app.directory();
    let seen = directory.seen(&caller.scope, find.hall.as_deref())?;
    let page = Page {
        cursor: find.cursor,
        limit: find.limit,
        ..Page::default()
    };
    let (limit, after) = (page.limit()?, page.after::<i64>()?);
    let text = find.q.as_deref().map(str::trim).filter(|q| !q.is_empty());
    let which = Find {
        text,
        role: find.role.map(Role::code),
        disabled: find.disabled,
    };
    let probe = i64::from(limit) + 1;
    let mut rows =
        administration::accounts(app.db(), &seen.hall, which, after, probe, Utc::now()).await?;
    let next = list::cut(&mut rows, limit, |row| row.id);
    let items = rows.into_iter().map(|row| AccountRow::new(row, &directory));
    Ok(Json(List {
        items: items.collect(),
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
    let account = AccountRow::new(row, &app.directory());
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

/// Disables an account at once: its sessions and sockets end.
#[utoipa::path(
    post, path = "/api/v1/accounts/{id}/disable", tag = "administration", operation_id = "disable_account",
    params(AccountId),
    responses((status = 200, body = AccountRow), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub async fn disable(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(AccountId { id }): Path<AccountId>,
) -> Result<Json<AccountRow>> {
    change(&app, &caller, &trail, id, Change::Disable)
        .await
        .map(Json)
}

/// Enables an account again, with the role that it had.
#[utoipa::path(
    post, path = "/api/v1/accounts/{id}/enable", tag = "administration", operation_id = "enable_account",
    params(AccountId), responses((status = 200, body = AccountRow), (status = 404, body = Problem))
)]
pub async fn enable(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(AccountId { id }): Path<AccountId>,
) -> Result<Json<AccountRow>> {
    change(&app, &caller, &trail, id, Change::Enable)
        .await
        .map(Json)
}

/// Makes a new one-time password, and ends the account's sessions.
#[utoipa::path(
    post, path = "/api/v1/accounts/{id}/reset-password", tag = "administration", operation_id = "reset_password",
    params(AccountId), responses((status = 200, body = AccountWithPassword), (status = 404, body = Problem))
)]
pub async fn reset_password(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(AccountId { id }): Path<AccountId>,
) -> Result<Json<AccountWithPassword>> {
    let (password, hash) = one_time_password().await?;
    let account = change(&app, &caller, &trail, id, Change::Password(hash)).await?;
    Ok(Json(AccountWithPassword { account, password }))
}

/// Takes the second factor of who lost it away, and ends the account's sessions. Who resets passwords may not: together the
/// two open any account.
#[utoipa::path(
    post, path = "/api/v1/accounts/{id}/reset-second-factor", tag = "administration", operation_id = "reset_second_factor",
    params(AccountId), responses((status = 200, body = AccountRow), (status = 404, body = Problem))
)]
pub async fn reset_second_factor(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(AccountId { id }): Path<AccountId>,
) -> Result<Json<AccountRow>> {
    change(&app, &caller, &trail, id, Change::SecondFactor)
        .await
        .map(Json)
}

/// A role, and over what.
#[derive(Debug, Deserialize, ToSchema)]
pub struct GrantRole {
    role: Role,
    /// The hall whose subtree it covers; the caller's own where it is left out.
    hall: Option<String>,
    /// For a `unit_head`, and only for one.
    unit: Option<String>,
    /// For a `clerk`, and only for one.
    window: Option<String>,
}

/// Grants a role in place of the one before; `unassigned` takes it away. The account's sessions end.
#[utoipa::path(
    post, path = "/api/v1/accounts/{id}/role", tag = "administration", operation_id = "grant_role",
    params(AccountId), request_body = GrantRole,
    responses((status = 200, body = AccountRow), (status = 404, body = Problem), (status = 409, body = Problem),
              (status = 422, body = Problem))
)]
pub async fn grant(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(AccountId { id }): Path<AccountId>,
    Json(grant): Json<GrantRole>,
) -> Result<Json<AccountRow>> {
    let directory = app.directory();
    let hall = directory.seen(&caller.scope, grant.hall.as_deref())?.hall;
    let (unit, window) = (filled(grant.unit), filled(grant.window));
    check(
        &directory,
        grant.role,
        &hall,
        unit.as_deref(),
        window.as_deref(),
    )?;
    let role = Change::Role {
        role: grant.role,
        scope: Scope { hall, unit, window },
    };
    change(&app, &caller, &trail, id, role).await.map(Json)
}

/// Ends every session of an account.
#[utoipa::path(
    post, path = "/api/v1/accounts/{id}/end-sessions", tag = "administration", operation_id = "end_sessions",
    params(AccountId), responses((status = 200, body = AccountRow), (status = 404, body = Problem))
)]
pub async fn end_sessions(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(AccountId { id }): Path<AccountId>,
) -> Result<Json<AccountRow>> {
    change(&app, &caller, &trail, id, Change::EndSessions)
        .await
        .map(Json)
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

fn check(
    directory: &Directory,
    role: Role,
    hall: &str,
    unit: Option<&str>,
    window: Option<&str>,
) -> Result<()> {
    if role.is_machine() {
        let what = format!("{} is for programs: grant it to a token", role.code());
        return Err(Problem::invalid(what));
    }
    if (role == Role::UnitHead) != unit.is_some() {
        return Err(Problem::invalid(
            "unit goes with the role unit_head, and only with it",
        ));
    }
    if (role == Role::Clerk) != window.is_some() {
        return Err(Problem::invalid(
            "window goes with the role clerk, and only with it",
        ));
    }
    if unit.is_some_and(|unit| directory.units().all(|known| known.code != unit)) {
        return Err(Problem::not_found("unit"));
    }
    if window.is_some_and(|window| directory.window(hall, window).is_none()) {
        return Err(Problem::not_found("window in that hall"));
    }
    Ok(())
}

enum Change {
    Disable,
    Enable,
    /// The hash of a new one-time password.
    Password(String),
    /// Taken away.
    SecondFactor,
    Role {
        role: Role,
        scope: Scope,
    },
    EndSessions,
}

impl Change {
    fn action(&self) -> Action {
        match self {
            Self::Disable | Self::Enable | Self::Role { .. } => Action::AccountChanged,
            Self::Password(_) => Action::PasswordChanged,
            Self::SecondFactor => Action::FactorChanged,
            Self::EndSessions => Action::SessionEnded,
        }
    }

    async fn apply(&self, connection: &mut PgConnection, row: &Listed) -> Result<(), StoreError> {
        match self {
            Self::Disable => administration::set_disabled(connection, row.id, true).await,
            Self::Enable => administration::set_disabled(connection, row.id, false).await,
            Self::Password(hash) => {
                accounts::set_password(connection, &row.login, hash, true, Utc::now())
                    .await
                    .map(|_| ())
            }
            Self::SecondFactor => second_factors::remove(connection, row.id).await,
            Self::Role { role, scope } => {
                let grant = Grant {
                    role: role.code(),
                    hall: &scope.hall,
                    unit: scope.unit.as_deref(),
                    window: scope.window.as_deref(),
                };
                administration::grant(connection, row.id, grant).await
            }
            Self::EndSessions => Ok(()),
        }
    }
}

/// One change of one account, in one transaction. Whatever it is but enabling, who is signed in with that account is not any more.
async fn change(
    app: &App,
    caller: &Caller,
    trail: &Trail,
    id: i64,
    change: Change,
) -> Result<AccountRow> {
    let mut tx = app.db().begin().await?;
    let before = find(&mut tx, caller, id).await?;
    if caller.account() == Some(id) {
        return Err(Problem::forbidden(
            "Nobody administers the own account; another administrator can.",
        ));
    }
    change.apply(&mut tx, &before).await.map_err(named)?;
    let ended = match change {
        Change::Enable => Vec::new(),
        _ => administration::end_sessions(&mut tx, id).await?,
    };
    let after = find(&mut tx, caller, id).await?;
    notify(&mut tx, Notice::Access).await?;
    let record = Record::of(change.action())
        .on("account", &after.login)
        .hall(&after.hall)
        .before(facts(&before))
        .after(facts(&after));
    trail.append(&mut tx, record).await?;
    tx.commit().await?;
    ended.into_iter().for_each(|hash| app.session_ended(hash));
    app.access_changed();
    Ok(AccountRow::new(after, &app.directory()))
}

/// What the audit log keeps of an account.
fn facts(row: &Listed) -> Value {
    json!({
        "name": row.name, "role": row.role, "hall": row.hall, "unit": row.unit, "window": row.window,
        "disabled": row.disabled, "sessions": row.sessions,
    })
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

/// A password and its hash, made beside the runtime's own threads.
async fn one_time_password() -> Result<(String, String)> {
    let password = secret::one_time_password();
    let plain = password.clone();
    let hash = tokio::task::spawn_blocking(move || password::hash(&plain))
        .await
        .map_err(Problem::internal)?;
    Ok((password, hash))
}
