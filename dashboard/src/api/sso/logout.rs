//! `POST /api/v1/session/sso/logout`

use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use mingjing_monitor::audit::Action;
use mingjing_monitor::store::single_sign_on;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::app::App;
use crate::audit::{Record, Trail};
use crate::auth::oidc::logout::Wrong;
use crate::auth::{entrance, secret};
use crate::problem::Problem;
use crate::store::{Notice, notify};

/// What a provider sends when one of its sessions has ended.
#[derive(Deserialize, ToSchema)]
pub struct LogoutToken {
    logout_token: String,
}

/// Takes the provider's word that a session has ended (OpenID Connect Back-Channel Logout): ours that came from it end too, and
/// what is open in them.
#[utoipa::path(
    post, path = "/api/v1/session/sso/logout", tag = "session", operation_id = "end_by_provider",
    request_body(content = LogoutToken, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200), (status = 400, description = "The token does not hold"), (status = 503, body = Problem))
)]
pub async fn logout(
    State(app): State<App>,
    trail: Trail,
    form: Result<Form<LogoutToken>, FormRejection>,
) -> Result<Response, Problem> {
    let token = form.map(|Form(form)| form.logout_token).unwrap_or_default();
    // In a task of its own: a provider that hangs up too soon does not undo what it asked for.
    let ending = tokio::spawn({
        let (app, trail) = (app.clone(), trail.clone());
        async move { end(&app, &trail, &token).await }
    });
    match ending.await.map_err(Problem::internal)?? {
        Ok(()) => Ok((StatusCode::OK, [(header::CACHE_CONTROL, "no-store")]).into_response()),
        Err(Wrong(what)) => {
            let facts = json!({"step": "single_sign_on", "why": "logout", "wrong": what});
            entrance::refused_for(&app, &trail, facts).await;
            let answer = json!({"error": "invalid_request", "error_description": what});
            let headers = [(header::CACHE_CONTROL, "no-store")];
            Ok((StatusCode::BAD_REQUEST, headers, axum::Json(answer)).into_response())
        }
    }
}

async fn end(app: &App, trail: &Trail, token: &str) -> Result<Result<(), Wrong>, Problem> {
    let Some(oidc) = app.oidc() else {
        return Ok(Err(Wrong("off")));
    };
    let now = Utc::now();
    let logout = match oidc.logout(token, now).await {
        Ok(logout) => logout,
        Err(wrong) => return Ok(Err(wrong)),
    };
    let mut transaction = app.db().begin().await?;
    let jti = secret::hash(&logout.jti);
    if !single_sign_on::take_logout(&mut transaction, &jti, logout.expires, now).await? {
        return Ok(Err(Wrong("used")));
    }
    let whose = (logout.subject.as_deref(), logout.sid.as_deref());
    let issuer = oidc.settings().issuer.as_str();
    let ended = single_sign_on::end_sessions(&mut transaction, issuer, whose).await?;
    if let Some(first) = ended.first() {
        notify(&mut transaction, Notice::Access).await?;
        let record = Record::of(Action::SessionEnded).on("account", &first.login);
        let facts = json!({"by": "single_sign_on", "sessions": ended.len()});
        trail.append(&mut transaction, record.after(facts)).await?;
    }
    transaction.commit().await?;
    for session in ended {
        app.session_ended(session.hash);
    }
    Ok(Ok(()))
}
