//! One's own second factor: set up, taken off, recovery codes.

use axum::extract::State;
use axum_extra::extract::CookieJar;
use chrono::Utc;
use mingjing_monitor::audit::Action;
use mingjing_monitor::store::accounts::Account;
use mingjing_monitor::store::{second_factors, sessions};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::session::{self, SignedIn};
use crate::app::App;
use crate::audit::{Record, Trail};
use crate::auth::entrance::{self, Change, Place};
use crate::auth::totp::{self, SharedSecret};
use crate::auth::{Stage, stage};
use crate::caller::Caller;
use crate::problem::{Json, Problem, Result};

/// The password, again.
#[derive(Deserialize, ToSchema)]
pub struct Confirmed {
    /// Not needed where signing in asks for a second factor: it has just been typed.
    #[serde(default)]
    password: Option<String>,
}

/// What an authenticator has to be told.
#[derive(Debug, Serialize, ToSchema)]
pub struct Enrolment {
    /// The secret, to be typed where no camera is.
    secret: String,
    /// The same as `otpauth://totp/…`.
    uri: String,
    /// The same as a picture for a camera: an SVG document.
    picture: String,
}

/// Begins to set up a second factor. It is on once a code of it is confirmed, in this session; until then the old one holds.
#[utoipa::path(
    post, path = "/api/v1/account/totp", tag = "account", operation_id = "enrol_second_factor",
    request_body = Confirmed,
    responses((status = 200, body = Enrolment), (status = 401, body = Problem), (status = 422, body = Problem),
              (status = 429, body = Problem))
)]
pub async fn enrol(
    State(app): State<App>,
    place: Place,
    trail: Trail,
    caller: Caller,
    Json(confirmed): Json<Confirmed>,
) -> Result<Json<Enrolment>> {
    let account = entrance::own(&app, &caller).await?;
    let (own, stage) = entrance::session(&caller)?;
    if stage == Stage::Open {
        confirm(&app, &account, confirmed, (&place, &trail)).await?;
    }
    let secret = SharedSecret::random();
    let sealed = app
        .sealer()?
        .seal(secret.as_bytes(), &totp::belongs_to(account.id));
    if !sessions::enrol(app.db(), own, &sealed).await? {
        return Err(Problem::unauthenticated());
    }
    let uri = secret.uri(&account.login);
    let picture = totp::picture(&uri).map_err(Problem::internal)?;
    Ok(Json(Enrolment {
        secret: secret.text(),
        uri,
        picture,
    }))
}

/// A code of the new second factor.
#[derive(Deserialize, ToSchema)]
pub struct FirstCode {
    /// Six digits.
    code: String,
}

/// Ten codes for who loses the authenticator. They are shown only now.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecoveryCodes {
    recovery_codes: Vec<String>,
}

/// A second factor that is on from now.
#[derive(Debug, Serialize, ToSchema)]
pub struct Enrolled {
    recovery_codes: Vec<String>,
    /// The session goes on under a new name.
    session: SignedIn,
}

/// Sets the second factor up, with a first code of it. Every other session of the account ends.
#[utoipa::path(
    post, path = "/api/v1/account/totp/confirm", tag = "account", operation_id = "confirm_second_factor",
    request_body = FirstCode,
    responses((status = 200, body = Enrolled), (status = 401, body = Problem), (status = 409, body = Problem),
              (status = 429, body = Problem))
)]
pub async fn confirm_enrolment(
    State(app): State<App>,
    place: Place,
    trail: Trail,
    caller: Caller,
    jar: CookieJar,
    Json(first): Json<FirstCode>,
) -> Result<(CookieJar, Json<Enrolled>)> {
    let now = Utc::now();
    let account = entrance::own(&app, &caller).await?;
    let (own, _) = entrance::session(&caller)?;
    let idle = app.config().sign_in.idle();
    let row = sessions::by_hash(app.db(), own, idle, now).await?;
    let sealed = row
        .and_then(|row| row.enrolling)
        .ok_or_else(|| Problem::conflict("No second factor is being set up: begin again."))?;
    let opened = app.sealer()?.open(&sealed, &totp::belongs_to(account.id))?;
    let (from, who) = ((&place, &trail), (account.login.as_str(), Some(account.id)));
    let attempt = entrance::attempt(&app, who, from, "enrolment", now).await?;
    let Some(step) = SharedSecret::from_bytes(opened).step(&first.code, now) else {
        entrance::refused(&app, &trail, "enrolment", attempt.locks()).await;
        return Err(Problem::bad_code());
    };
    attempt.take_back(&app).await?;

    let (codes, hashes) = totp::recovery_codes();
    let mut change = Change::begin(&app, &account, &caller).await?;
    second_factors::set(
        change.connection(),
        account.id,
        &sealed,
        Some(step),
        &hashes,
    )
    .await?;
    let record = factor(&account, "on");
    let (jar, caller) = change.commit(&app, from, record, jar).await?;
    let enrolled = Enrolled {
        recovery_codes: codes,
        session: session::view(&app, caller)?,
    };
    Ok((jar, Json(enrolled)))
}

/// Takes one's second factor off, where the role does not ask for one.
#[utoipa::path(
    post, path = "/api/v1/account/totp/remove", tag = "account", operation_id = "remove_second_factor",
    request_body = Confirmed,
    responses((status = 200, body = SignedIn), (status = 422, body = Problem), (status = 429, body = Problem))
)]
pub async fn remove(
    State(app): State<App>,
    place: Place,
    trail: Trail,
    caller: Caller,
    jar: CookieJar,
    Json(confirmed): Json<Confirmed>,
) -> Result<(CookieJar, Json<SignedIn>)> {
    let account = entrance::own(&app, &caller).await?;
    if stage::needs_second_factor(&account, &app.config().sign_in) {
        return Err(Problem::invalid(
            "Your role signs in with a second factor only. To use another device, set it up anew.",
        ));
    }
    confirm(&app, &account, confirmed, (&place, &trail)).await?;
    let mut change = Change::begin(&app, &account, &caller).await?;
    second_factors::remove(change.connection(), account.id).await?;
    let record = factor(&account, "off");
    let (jar, caller) = change.commit(&app, (&place, &trail), record, jar).await?;
    Ok((jar, Json(session::view(&app, caller)?)))
}

/// Gives ten new recovery codes; the old ones are void.
#[utoipa::path(
    post, path = "/api/v1/account/recovery-codes", tag = "account", operation_id = "renew_recovery_codes",
    request_body = Confirmed,
    responses((status = 200, body = RecoveryCodes), (status = 409, body = Problem), (status = 422, body = Problem),
              (status = 429, body = Problem))
)]
pub async fn renew_codes(
    State(app): State<App>,
    place: Place,
    trail: Trail,
    caller: Caller,
    Json(confirmed): Json<Confirmed>,
) -> Result<Json<RecoveryCodes>> {
    let account = entrance::own(&app, &caller).await?;
    if account.totp.is_none() {
        return Err(Problem::conflict("Set up a second factor first."));
    }
    confirm(&app, &account, confirmed, (&place, &trail)).await?;
    let (codes, hashes) = totp::recovery_codes();
    let mut transaction = app.db().begin().await?;
    second_factors::set_codes(&mut transaction, account.id, &hashes).await?;
    let record = Record::of(Action::FactorChanged).on("account", &account.login);
    trail
        .append(
            &mut transaction,
            record.after(json!({"recovery_codes": "renewed"})),
        )
        .await?;
    transaction.commit().await?;
    Ok(Json(RecoveryCodes {
        recovery_codes: codes,
    }))
}

/// What is written down of a second factor that changes.
fn factor(account: &Account, now: &str) -> Record {
    let was = if account.totp.is_some() { "on" } else { "off" };
    Record::of(Action::FactorChanged)
        .before(json!({"second_factor": was}))
        .after(json!({"second_factor": now}))
}

async fn confirm(
    app: &App,
    account: &Account,
    confirmed: Confirmed,
    from: (&Place, &Trail),
) -> Result<()> {
    let password = confirmed.password.unwrap_or_default();
    entrance::confirm_password(app, account, password, from, Utc::now()).await
}
