//! `GET /api/v1/session/ways`

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::problem::Json;

/// How one can sign in here, beside login and password, which always work.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ways {
    /// Through the county's provider; none where there is none.
    single_sign_on: Option<SingleSignOn>,
}

/// Single sign-on.
#[derive(Debug, Serialize, ToSchema)]
pub struct SingleSignOn {
    /// What the button says in Chinese.
    zh: String,
    /// What the button says in English.
    en: String,
    /// Whether the provider answered when it was last asked.
    available: bool,
}

/// How one can sign in here.
#[utoipa::path(
    get, path = "/api/v1/session/ways", tag = "session", operation_id = "show_ways_in",
    responses((status = 200, body = Ways))
)]
pub async fn show(State(app): State<App>) -> Json<Ways> {
    let single_sign_on = app.oidc().map(|oidc| SingleSignOn {
        zh: oidc.settings().label.zh.clone(),
        en: oidc.settings().label.en.clone(),
        available: oidc.provider().answers(),
    });
    Json(Ways { single_sign_on })
}
