//! `GET /api/v1/session/sso/callback`

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::CookieJar;
use chrono::Utc;
use mingjing_monitor::store::sessions;
use mingjing_monitor::store::single_sign_on::{self, Taken};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{configured, refused};
use crate::app::App;
use crate::audit::Trail;
use crate::auth::entrance::{self, Origin, Place};
use crate::auth::oidc::flow::Flow;
use crate::auth::oidc::{Refusal, Told, accounts};
use crate::auth::stage::Factor;
use crate::auth::{Stage, cookie, secret};
use crate::problem::{Problem, Query};
use crate::store::{Notice, notify};

/// Longest word by which a provider says what went wrong.
const WORD: usize = 60;

/// What a provider answers.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Answer {
    /// What we sent.
    state: Option<String>,
    /// What we get tokens for.
    code: Option<String>,
    /// Why there is no code.
    error: Option<String>,
    /// Who answers (RFC 9207).
    iss: Option<String>,
}

/// Takes the provider's answer: begins a session and leads on, or leads back to the sign-in page, which says why not.
#[utoipa::path(
    get, path = "/api/v1/session/sso/callback", tag = "session", operation_id = "finish_single_sign_on", params(Answer),
    responses((status = 303, description = "On, or to `/signin?sso=…`"), (status = 422, body = Problem))
)]
pub async fn callback(
    State(app): State<App>,
    place: Place,
    trail: Trail,
    headers: HeaderMap,
    jar: CookieJar,
    Query(answer): Query<Answer>,
) -> Response {
    // Nothing that an answer holds stands in an address that a page could see.
    let (client, begun) = (
        place.client,
        cookie::sent_flow(&app, place.client, &headers),
    );
    let old = cookie::sent(&app, client, &headers).map(|name| secret::hash(&name));
    let told = match come_back(&app, answer, begun.map(Flow::from_cookie)).await {
        Ok(told) => told,
        // The cookie of a sign-in that may still be under way stays: a stranger's link must not break it off.
        Err(refusal @ Refusal::Foreign) => return refused(&app, &trail, jar, refusal).await,
        Err(refusal) => {
            let jar = jar.remove(cookie::forget_flow(&app, client));
            return refused(&app, &trail, jar, refusal).await;
        }
    };
    let jar = jar.remove(cookie::forget_flow(&app, client));
    match enter(&app, (&place, &trail), jar.clone(), &told, old).await {
        Ok(entered) => entered.into_response(),
        Err(refusal) => refused(&app, &trail, jar, refusal).await,
    }
}

/// Who the provider says it is, and where they want to go on.
async fn come_back(
    app: &App,
    answer: Answer,
    begun: Option<Flow>,
) -> Result<(Told, String), Refusal> {
    let oidc = configured(app)?;
    let state = answer.state.unwrap_or_default();
    let flow = begun
        .filter(|flow| secret::same(&flow.state(), &state))
        .ok_or(Refusal::Foreign)?;
    let next = match single_sign_on::take_flow(app.db(), &secret::hash(&state), Utc::now()).await? {
        Taken::Fresh(next) => next,
        Taken::Used => return Err(Refusal::Used),
        Taken::Expired | Taken::Unknown => return Err(Refusal::Expired),
    };
    if !oidc.is_answer_of(answer.iss.as_deref()) {
        return Err(Refusal::Invalid("issuer"));
    }
    if let Some(error) = answer.error {
        let fit = |c: &char| c.is_ascii_alphanumeric() || *c == '_' || *c == '-';
        return Err(Refusal::Provider(
            error.chars().filter(fit).take(WORD).collect(),
        ));
    }
    let code = answer.code.ok_or(Refusal::Invalid("code"))?;
    Ok((oidc.finish(&flow, code).await?, next))
}

/// Begins the session, under a name that nobody knew before.
async fn enter(
    app: &App,
    (place, trail): (&Place, &Trail),
    jar: CookieJar,
    (told, next): &(Told, String),
    old: Option<Vec<u8>>,
) -> Result<(CookieJar, Redirect), Refusal> {
    let oidc = configured(app)?;
    let (now, rules) = (Utc::now(), &app.config().sign_in);
    sessions::drop_ended(app.db(), rules.idle(), now).await?;
    let mut transaction = app.db().begin().await?;
    let entered = accounts::enter(app, &mut transaction, (oidc.settings(), told), now).await?;
    let factor = if told.second_factor {
        Factor::Provider
    } else {
        Factor::Unproven
    };
    let stage = Stage::next(&entered.account, factor, rules, now);
    let origin = Origin {
        old: old.as_deref(),
        ends: None,
        told: Some(told),
    };
    let renewed = entrance::renew(
        app,
        &mut transaction,
        &entered.account,
        stage,
        place,
        origin,
        now,
    )
    .await?;
    if let Some(record) = entered.record {
        notify(&mut transaction, Notice::Access).await?;
        let trail = trail.clone().claiming(&entered.account.login);
        trail.append(&mut transaction, record).await?;
    }
    transaction.commit().await?;
    for hash in entered.ended {
        app.session_ended(hash);
    }
    let (jar, caller) = renewed.hand_over(app, place, jar, old).await?;
    if stage == Stage::Open {
        entrance::opened(app, trail, &caller).await?;
        return Ok((jar, Redirect::to(next)));
    }
    // The sign-in page asks for what is missing, and goes on from there.
    let go_on: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
    Ok((jar, Redirect::to(&format!("/signin?to={go_on}"))))
}
