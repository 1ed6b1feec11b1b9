//! Signing in and out.

use std::net::SocketAddr;
use std::time::Instant;

use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use chrono::{Duration, Utc};
use mingjing_monitor::store::accounts;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::{self, password, secret};
use crate::caller::{Caller, Who};
use crate::clock;
use crate::policy::Role;
use crate::problem::{Json, Problem, Result};

/// Failures in a row, from anywhere, after which an account is locked; from one address it has to wait much sooner.
const LOCK_AFTER: i32 = 20;
/// Minutes for which it is locked.
const LOCK_MINUTES: i64 = 15;

/// What a person types.
#[derive(Deserialize, ToSchema)]
pub struct SignIn {
    login: String,
    password: String,
}

/// Who is signed in, and what the frame needs to know.
#[derive(Debug, Serialize, ToSchema)]
pub struct Session {
    account: AccountView,
    /// Send it back as `X-CSRF-Token` with every changing call.
    csrf: String,
    county: CountyView,
    /// The console's clock; `clock.changed` tells when that of a replay goes on.
    clock: clock::Reading,
    /// Functions in the left rail.
    #[schema(value_type = Vec<String>)]
    menu: Vec<&'static str>,
}

/// An account, as its owner sees it.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountView {
    login: String,
    name: String,
    role: Role,
    hall: String,
    hall_name: String,
    unit: Option<String>,
    window: Option<String>,
}

/// The county.
#[derive(Debug, Serialize, ToSchema)]
pub struct CountyView {
    code: String,
    name: String,
    name_en: String,
    time_zone: String,
    office_opens: String,
    office_closes: String,
    trial_run: bool,
}

/// Signs in.
#[utoipa::path(
    post, path = "/api/v1/session", tag = "session", operation_id = "sign_in", request_body = SignIn,
    responses((status = 200, body = Session), (status = 401, body = Problem), (status = 429, body = Problem))
)]
pub async fn open(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    jar: CookieJar,
    Json(sign_in): Json<SignIn>,
) -> Result<(CookieJar, Json<Session>)> {
    if !auth::same_site(&headers) {
        return Err(Problem::forbidden("Sign in from the console's own page."));
    }
    let login = sign_in.login.trim().to_lowercase();
    app.limiter()
        .check(peer.ip(), &login, Instant::now())
        .map_err(Problem::locked)?;
    let account = authenticate(&app, peer, &login, sign_in.password).await?;

    let now = Utc::now();
    let (cookie, csrf) = (secret::random(), secret::random());
    let hash = secret::hash(&cookie);
    let expires = now + Duration::hours(auth::SESSION_HOURS);
    accounts::succeeded(app.db(), account).await?;
    accounts::drop_expired_sessions(app.db(), now).await?;
    accounts::begin_session(app.db(), &hash, account, &csrf, now, expires).await?;
    let caller = auth::by_session(&app, &hash)
        .await?
        .ok_or_else(Problem::bad_credentials)?;
    tracing::info!(login, %peer, "signed in");
    let cookie = session_cookie(auth::cookie_name(&app), cookie);
    Ok((jar.add(cookie), Json(view(&app, caller)?)))
}

async fn authenticate(app: &App, peer: SocketAddr, login: &str, password: String) -> Result<i64> {
    let now = Utc::now();
    let known = accounts::by_login(app.db(), login).await?;
    if let Some(until) = known
        .as_ref()
        .and_then(|account| account.locked_until)
        .filter(|until| *until > now)
    {
        return Err(Problem::locked(
            u64::try_from((until - now).num_seconds()).unwrap_or(0) + 1,
        ));
    }
    let usable = known.as_ref().filter(|account| !account.disabled);
    let stored = usable.map(|account| account.password_hash.clone());
    let id = known.as_ref().map(|account| account.id);
    if let (true, Some(id)) = (password::verify(password, stored).await, id) {
        app.limiter().succeeded(peer.ip(), login);
        return Ok(id);
    }
    app.limiter().failed(peer.ip(), login, Instant::now());
    if let Some(id) = id {
        accounts::failed(
            app.db(),
            id,
            LOCK_AFTER,
            now + Duration::minutes(LOCK_MINUTES),
        )
        .await?;
    }
    tracing::warn!(login, %peer, "sign-in refused");
    Err(Problem::bad_credentials())
}

/// Who is signed in.
#[utoipa::path(
    get, path = "/api/v1/session", tag = "session", operation_id = "show_session",
    responses((status = 200, body = Session), (status = 401, body = Problem))
)]
pub async fn show(State(app): State<App>, caller: Caller) -> Result<Json<Session>> {
    view(&app, caller).map(Json)
}

/// Signs out.
#[utoipa::path(
    delete, path = "/api/v1/session", tag = "session", operation_id = "sign_out",
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem))
)]
pub async fn close(
    State(app): State<App>,
    caller: Caller,
    jar: CookieJar,
) -> Result<(CookieJar, StatusCode)> {
    if let Who::Account { session, .. } = caller.who {
        accounts::end_session(app.db(), &session).await?;
        app.session_ended(session);
    }
    Ok((
        jar.remove(Cookie::build(auth::cookie_name(&app)).path("/")),
        StatusCode::NO_CONTENT,
    ))
}

fn session_cookie(name: &'static str, value: String) -> Cookie<'static> {
    Cookie::build((name, value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .build()
}

fn view(app: &App, caller: Caller) -> Result<Session> {
    let directory = app.directory();
    let county = directory
        .county()
        .ok_or_else(|| Problem::unavailable("The county is not set up yet."))?;
    let Who::Account {
        login, name, csrf, ..
    } = caller.who
    else {
        return Err(Problem::unauthenticated());
    };
    Ok(Session {
        account: AccountView {
            login,
            name,
            role: caller.role,
            hall_name: directory.hall_name(&caller.scope.hall),
            hall: caller.scope.hall,
            unit: caller.scope.unit,
            window: caller.scope.window,
        },
        csrf,
        county: CountyView {
            code: county.code.clone(),
            name: county.name.clone(),
            name_en: county.name_en.clone(),
            time_zone: county.time_zone.clone(),
            office_opens: county.office_opens.format("%H:%M").to_string(),
            office_closes: county.office_closes.format("%H:%M").to_string(),
            trial_run: county.trial_run,
        },
        clock: app.clock().reading(),
        menu: caller.role.menu(),
    })
}
