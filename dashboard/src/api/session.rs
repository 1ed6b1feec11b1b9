//! Signing in, step by step, and out. The steps are those of [`crate::auth::stage`].

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use chrono::Utc;
use mingjing_monitor::audit::Action;
use mingjing_monitor::store::accounts::Account;
use mingjing_monitor::store::{StoreError, sessions};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::app::App;
use crate::audit::{Record, Trail};
use crate::auth::entrance::{self, Origin, Place, Proof};
use crate::auth::lockout::Attempt;
use crate::auth::stage::Factor;
use crate::auth::{self, Stage, cookie, secret};
use crate::caller::{Caller, Who};
use crate::clock;
use crate::policy::Role;
use crate::problem::{Json, Problem, Result};

/// What a person types.
#[derive(Deserialize, ToSchema)]
pub struct SignIn {
    login: String,
    password: String,
}

/// One of the two.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecondFactor {
    /// Six digits from the authenticator; each code is good once.
    Code(String),
    /// One of the ten recovery codes; each is good once.
    RecoveryCode(String),
}

/// Signed in, or what is asked for next.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum SignedIn {
    /// Signed in.
    Session(Box<Session>),
    /// Not yet.
    Step(Step),
}

/// What is asked for next.
#[derive(Debug, Serialize, ToSchema)]
pub struct Step {
    /// `second_factor`: `POST /api/v1/session/totp`; `new_password`: `POST /api/v1/account/password`; `enrolment`:
    /// `POST /api/v1/account/totp`, then `…/confirm`.
    step: Stage,
    login: String,
    name: String,
    /// Send it back as `X-CSRF-Token` with every changing call.
    csrf: String,
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
    hall_name_en: String,
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

/// Signs in: the first step.
#[utoipa::path(
    post, path = "/api/v1/session", tag = "session", operation_id = "sign_in", request_body = SignIn,
    responses((status = 200, body = SignedIn), (status = 401, body = Problem), (status = 429, body = Problem))
)]
pub async fn open(
    State(app): State<App>,
    place: Place,
    trail: Trail,
    headers: HeaderMap,
    jar: CookieJar,
    Json(sign_in): Json<SignIn>,
) -> Result<(CookieJar, Json<SignedIn>)> {
    if !auth::same_site(&headers) {
        return Err(Problem::forbidden("Sign in from the console's own page."));
    }
    let now = Utc::now();
    let login = sign_in.login.trim().to_lowercase();
    sessions::drop_ended(app.db(), app.config().sign_in.idle(), now).await?;
    let from = (&place, &trail);
    let (account, attempt) =
        entrance::by_password(&app, &login, sign_in.password, from, now).await?;
    let old = cookie::sent(&app, place.client, &headers).map(|name| secret::hash(&name));
    enter(&app, jar, (&account, attempt, Factor::Unproven), from, old).await
}

/// Proves the second factor.
#[utoipa::path(
    post, path = "/api/v1/session/totp", tag = "session", operation_id = "prove_second_factor",
    request_body = SecondFactor,
    responses((status = 200, body = SignedIn), (status = 401, body = Problem), (status = 429, body = Problem))
)]
pub async fn prove(
    State(app): State<App>,
    place: Place,
    trail: Trail,
    caller: Caller,
    jar: CookieJar,
    Json(proof): Json<SecondFactor>,
) -> Result<(CookieJar, Json<SignedIn>)> {
    let now = Utc::now();
    let account = entrance::own(&app, &caller).await?;
    let (old, _) = entrance::session(&caller)?;
    let (from, who) = ((&place, &trail), (account.login.as_str(), Some(account.id)));
    let attempt = entrance::attempt(&app, who, from, "second_factor", now).await?;
    let proof = match proof {
        SecondFactor::Code(code) => Proof::Code(code),
        SecondFactor::RecoveryCode(code) => Proof::Recovery(code),
    };
    if !entrance::is_proven(&app, &account, &proof, now).await? {
        entrance::refused(&app, &trail, "second_factor", attempt.locks()).await;
        return Err(Problem::bad_code());
    }
    if matches!(proof, Proof::Recovery(_)) {
        let used = Record::of(Action::FactorChanged).on("account", &account.login);
        let used = used.after(json!({"recovery_code": "used"}));
        trail.record(app.db(), used).await?;
    }
    enter(
        &app,
        jar,
        (&account, attempt, Factor::Own),
        from,
        Some(old.to_vec()),
    )
    .await
}

/// The next stage of an account whose password was right.
async fn enter(
    app: &App,
    jar: CookieJar,
    (account, attempt, factor): (&Account, Attempt, Factor),
    (place, trail): (&Place, &Trail),
    old: Option<Vec<u8>>,
) -> Result<(CookieJar, Json<SignedIn>)> {
    let now = Utc::now();
    let stage = Stage::next(account, factor, &app.config().sign_in, now);
    if stage == Stage::SecondFactor {
        attempt.take_back(app).await?;
    } else {
        // Who it is has been shown; what may still be asked for is not a matter of guessing.
        attempt.came_in(app, account.id, now).await?;
    }
    let mut connection = app.db().acquire().await.map_err(StoreError::from)?;
    let renewed = entrance::renew(
        app,
        &mut connection,
        account,
        stage,
        place,
        Origin {
            old: old.as_deref(),
            ..Origin::default()
        },
        now,
    )
    .await?;
    drop(connection);
    let (jar, caller) = renewed.hand_over(app, place, jar, old).await?;
    if stage == Stage::Open {
        entrance::opened(app, trail, &caller).await?;
    }
    Ok((jar, Json(view(app, caller)?)))
}

/// Who is signed in, or what is asked for next.
#[utoipa::path(
    get, path = "/api/v1/session", tag = "session", operation_id = "show_session",
    responses((status = 200, body = SignedIn), (status = 401, body = Problem))
)]
pub async fn show(State(app): State<App>, caller: Caller) -> Result<Json<SignedIn>> {
    view(&app, caller).map(Json)
}

/// What is left to do after signing out.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignedOut {
    /// Where the provider of single sign-on ends its own session; the browser goes there.
    continue_at: String,
}

/// Signs out, or breaks off signing in. Who came through single sign-on is told where to sign out there.
#[utoipa::path(
    delete, path = "/api/v1/session", tag = "session", operation_id = "sign_out",
    responses((status = 204), (status = 200, body = SignedOut), (status = 401, body = Problem),
              (status = 403, body = Problem))
)]
pub async fn close(
    State(app): State<App>,
    place: Place,
    trail: Trail,
    caller: Caller,
    jar: CookieJar,
) -> Result<Response> {
    let (session, stage) = entrance::session(&caller)?;
    let id_token = sessions::end(app.db(), session).await?;
    app.session_ended(session.to_vec());
    if stage == Stage::Open {
        let closed = Record::of(Action::SessionClosed);
        trail.record(app.db(), closed).await?;
    }
    let jar = jar.remove(cookie::forget(&app, place.client));
    let end = |id_token: String| app.oidc()?.ends_at(&id_token);
    Ok(match id_token.and_then(end) {
        Some(continue_at) => (jar, Json(SignedOut { continue_at })).into_response(),
        None => (jar, StatusCode::NO_CONTENT).into_response(),
    })
}

/// The session of `caller`, as its owner sees it.
///
/// # Errors
/// `unavailable` while there is no county.
pub fn view(app: &App, caller: Caller) -> Result<SignedIn> {
    let Who::Account {
        login,
        name,
        csrf,
        stage,
        ..
    } = caller.who
    else {
        return Err(Problem::unauthenticated());
    };
    if stage != Stage::Open {
        return Ok(SignedIn::Step(Step {
            step: stage,
            login,
            name,
            csrf,
        }));
    }
    let directory = app.directory();
    let county = directory
        .county()
        .ok_or_else(|| Problem::unavailable("The county is not set up yet."))?;
    Ok(SignedIn::Session(Box::new(Session {
        account: AccountView {
            login,
            name,
            role: caller.role,
            hall_name: directory.hall_name(&caller.scope.hall),
            hall_name_en: directory
                .hall(&caller.scope.hall)
                .map_or_else(String::new, |hall| hall.name_en.clone()),
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
    })))
}
