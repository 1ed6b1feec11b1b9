//! One's own account: password and sessions.

use axum::extract::State;
use axum::http::StatusCode;
use axum_extra::extract::CookieJar;
use chrono::{DateTime, Utc};
use mingjing_monitor::audit::Action;
use mingjing_monitor::store::{accounts, second_factors, sessions};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::session::{self, SignedIn};
use crate::app::App;
use crate::audit::{Record, Trail};
use crate::auth::entrance::{self, Change, Place};
use crate::auth::password::{self, Unfit};
use crate::auth::{Stage, stage};
use crate::caller::Caller;
use crate::problem::{Json, Path, Problem, Result};
use crate::store::{Notice, notify};

/// An account, as its owner sees it beside the session.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnAccount {
    login: String,
    name: String,
    /// Comes from single sign-on: it has no password here, and its second factor is set up when signing in.
    single_sign_on: bool,
    /// When the password was set; for who comes from single sign-on, when the account was made.
    password_set: DateTime<Utc>,
    /// When another has to be chosen; none: never.
    password_ends: Option<DateTime<Utc>>,
    second_factor: OwnSecondFactor,
}

/// One's second factor.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnSecondFactor {
    /// Set up.
    on: bool,
    /// The role comes in with one only.
    required: bool,
    /// Recovery codes that are still good.
    recovery_codes: usize,
}

/// One's own account.
#[utoipa::path(
    get, path = "/api/v1/account", tag = "account", operation_id = "show_account",
    responses((status = 200, body = OwnAccount), (status = 401, body = Problem))
)]
pub async fn show(State(app): State<App>, caller: Caller) -> Result<Json<OwnAccount>> {
    let account = entrance::own(&app, &caller).await?;
    let rules = &app.config().sign_in;
    let second_factor = OwnSecondFactor {
        on: account.totp.is_some(),
        required: stage::needs_second_factor(&account, rules),
        recovery_codes: second_factors::codes(app.db(), account.id).await?.len(),
    };
    Ok(Json(OwnAccount {
        single_sign_on: account.issuer.is_some(),
        password_set: account.password_set,
        password_ends: stage::runs_out(&account, rules),
        second_factor,
        login: account.login,
        name: account.name,
    }))
}

/// A new password.
#[derive(Deserialize, ToSchema)]
pub struct NewPassword {
    /// The present one. Not needed where signing in asks for a new one: it has just been typed.
    #[serde(default)]
    current: Option<String>,
    new: String,
}

/// Changes one's own password. Every other session of the account ends.
#[utoipa::path(
    post, path = "/api/v1/account/password", tag = "account", operation_id = "change_password",
    request_body = NewPassword,
    responses((status = 200, body = SignedIn), (status = 401, body = Problem), (status = 422, body = Problem),
              (status = 429, body = Problem))
)]
pub async fn change_password(
    State(app): State<App>,
    place: Place,
    trail: Trail,
    caller: Caller,
    jar: CookieJar,
    Json(wanted): Json<NewPassword>,
) -> Result<(CookieJar, Json<SignedIn>)> {
    let account = entrance::own(&app, &caller).await?;
    let (_, stage) = entrance::session(&caller)?;
    if stage == Stage::Open {
        let current = wanted.current.unwrap_or_default();
        entrance::confirm_password(&app, &account, current, (&place, &trail), Utc::now()).await?;
    }
    password::check(&wanted.new, &account.login, &account.name)?;
    let old = Some(account.password_hash.clone());
    if password::verify(wanted.new.clone(), old).await {
        return Err(Unfit::Same.into());
    }
    let hash = password::hash_in_turn(wanted.new).await?;
    let mut change = Change::begin(&app, &account, &caller).await?;
    accounts::choose_password(change.connection(), account.id, &hash, Utc::now()).await?;
    let record = Record::of(Action::PasswordChanged);
    let (jar, caller) = change.commit(&app, (&place, &trail), record, jar).await?;
    Ok((jar, Json(session::view(&app, caller)?)))
}

/// One's sessions.
#[derive(Debug, Serialize, ToSchema)]
pub struct Sessions {
    /// The last used first.
    sessions: Vec<OwnSession>,
}

/// One of them.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnSession {
    /// Its number, to end it by.
    id: i64,
    /// The one that asks.
    current: bool,
    /// Not signed in yet: on one of the steps.
    step: Option<Stage>,
    /// Where it was begun.
    address: String,
    /// The browser, as it calls itself.
    agent: String,
    /// When it was begun.
    created: DateTime<Utc>,
    /// When it was last used, to the minute.
    seen: DateTime<Utc>,
    /// When it ends at the latest.
    ends: DateTime<Utc>,
}

/// One's own sessions.
#[utoipa::path(
    get, path = "/api/v1/account/sessions", tag = "account", operation_id = "list_own_sessions",
    responses((status = 200, body = Sessions), (status = 401, body = Problem))
)]
pub async fn list_sessions(State(app): State<App>, caller: Caller) -> Result<Json<Sessions>> {
    let account = entrance::own(&app, &caller).await?;
    let (own, _) = entrance::session(&caller)?;
    let idle = app.config().sign_in.idle();
    let rows = sessions::of_account(app.db(), account.id, idle, Utc::now()).await?;
    let sessions = rows.into_iter().map(|row| OwnSession {
        id: row.id,
        current: row.hash == own,
        step: Stage::parse(&row.stage).filter(|stage| *stage != Stage::Open),
        address: row.address,
        agent: row.agent,
        created: row.created,
        seen: row.seen,
        ends: row.expires,
    });
    Ok(Json(Sessions {
        sessions: sessions.collect(),
    }))
}

/// Ends one of one's own sessions; what is open in it falls at once.
#[utoipa::path(
    delete, path = "/api/v1/account/sessions/{id}", tag = "account", operation_id = "end_own_session",
    params(("id" = i64, Path, description = "Its number")),
    responses((status = 204), (status = 401, body = Problem), (status = 404, body = Problem))
)]
pub async fn end_session(
    State(app): State<App>,
    trail: Trail,
    caller: Caller,
    Path(id): Path<i64>,
) -> Result<StatusCode> {
    let account = entrance::own(&app, &caller).await?;
    let mut transaction = app.db().begin().await?;
    let ended = sessions::end_one(&mut transaction, account.id, id).await?;
    let hash = ended.ok_or_else(|| Problem::not_found("session"))?;
    notify(&mut transaction, Notice::Access).await?;
    let record = Record::of(Action::SessionEnded).on("account", &account.login);
    trail
        .append(&mut transaction, record.after(json!({"session": id})))
        .await?;
    transaction.commit().await?;
    app.session_ended(hash);
    Ok(StatusCode::NO_CONTENT)
}

/// Ends all of one's own sessions but the one that asks.
#[utoipa::path(
    delete, path = "/api/v1/account/sessions", tag = "account", operation_id = "end_other_own_sessions",
    responses((status = 204), (status = 401, body = Problem))
)]
pub async fn end_other_sessions(
    State(app): State<App>,
    trail: Trail,
    caller: Caller,
) -> Result<StatusCode> {
    let account = entrance::own(&app, &caller).await?;
    let (own, _) = entrance::session(&caller)?;
    let mut transaction = app.db().begin().await?;
    let ended = sessions::end_others(&mut transaction, account.id, own).await?;
    notify(&mut transaction, Notice::Access).await?;
    let record = Record::of(Action::SessionEnded).on("account", &account.login);
    trail
        .append(
            &mut transaction,
            record.after(json!({"others": ended.len()})),
        )
        .await?;
    transaction.commit().await?;
    for hash in ended {
        app.session_ended(hash);
    }
    Ok(StatusCode::NO_CONTENT)
}
