//! What administrators do to one account: each change in one transaction with its entry in the audit log.

use axum::extract::State;
use chrono::Utc;
use mingjing_monitor::audit::Action;
use mingjing_monitor::store::administration::{self, Grant, Listed};
use mingjing_monitor::store::{StoreError, accounts, attempts, second_factors};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::{
    AccountId, AccountRow, AccountWithPassword, facts, filled, find, named, one_time_password,
};
use crate::api::reason::Why;
use crate::app::App;
use crate::audit::{Record, Trail};
use crate::auth::secret;
use crate::caller::{Caller, Scope};
use crate::directory::Directory;
use crate::policy::Role;
use crate::problem::{Json, Path, Problem, Result};
use crate::store::{Notice, notify};

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
    params(AccountId), request_body = Why,
    responses((status = 200, body = AccountRow), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub async fn reset_second_factor(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(AccountId { id }): Path<AccountId>,
    Json(why): Json<Why>,
) -> Result<Json<AccountRow>> {
    let reason = why.read()?.to_owned();
    change(&app, &caller, &trail, id, Change::SecondFactor { reason })
        .await
        .map(Json)
}

/// Forgets the failed sign-ins of an account, so that it need not wait. Its sessions go on.
#[utoipa::path(
    post, path = "/api/v1/accounts/{id}/unlock", tag = "administration", operation_id = "unlock_account",
    params(AccountId), request_body = Why,
    responses((status = 200, body = AccountRow), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub async fn unlock(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(AccountId { id }): Path<AccountId>,
    Json(why): Json<Why>,
) -> Result<Json<AccountRow>> {
    let reason = why.read()?.to_owned();
    change(&app, &caller, &trail, id, Change::Unlock { reason })
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
    SecondFactor {
        reason: String,
    },
    /// Its failed sign-ins are forgotten.
    Unlock {
        reason: String,
    },
    Role {
        role: Role,
        scope: Scope,
    },
    EndSessions,
}

impl Change {
    fn action(&self) -> Action {
        match self {
            Self::Disable | Self::Enable | Self::Unlock { .. } | Self::Role { .. } => {
                Action::AccountChanged
            }
            Self::Password(_) => Action::PasswordChanged,
            Self::SecondFactor { .. } => Action::FactorChanged,
            Self::EndSessions => Action::SessionEnded,
        }
    }

    /// What it makes of the account, for the log.
    fn facts(&self, after: &Listed) -> Value {
        match self {
            Self::Unlock { .. } => json!({"unlocked": true}),
            _ => facts(after),
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
            Self::SecondFactor { .. } => second_factors::remove(connection, row.id).await,
            Self::Unlock { .. } => attempts::unlock(connection, &secret::hash(&row.login))
                .await
                .map(|_| ()),
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

/// One change of one account, in one transaction. Unless it only lets somebody in, who is signed in with that account is not any
/// more.
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
    if before.issuer.is_some() && matches!(change, Change::Role { .. } | Change::Password(_)) {
        return Err(Problem::of_provider());
    }
    change.apply(&mut tx, &before).await.map_err(named)?;
    let ended = match change {
        Change::Enable | Change::Unlock { .. } => Vec::new(),
        _ => administration::end_sessions(&mut tx, id).await?,
    };
    let after = find(&mut tx, caller, id).await?;
    notify(&mut tx, Notice::Access).await?;
    let mut record = Record::of(change.action())
        .on("account", &after.login)
        .hall(&after.hall)
        .before(facts(&before))
        .after(change.facts(&after));
    if let Change::SecondFactor { reason } | Change::Unlock { reason } = &change {
        record = record.reason(reason);
    }
    trail.append(&mut tx, record).await?;
    tx.commit().await?;
    ended.into_iter().for_each(|hash| app.session_ended(hash));
    app.access_changed();
    AccountRow::one(app, after).await
}
