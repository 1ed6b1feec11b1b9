//! Signing in through the county's provider of OpenID Connect ([`crate::auth::oidc`]), one file a route.

pub mod begin;
pub mod callback;
pub mod logout;
pub mod ways;

use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::CookieJar;

use crate::app::App;
use crate::audit::Trail;
use crate::auth::entrance;
use crate::auth::oidc::{Oidc, Refusal};

/// The provider, where there is one.
fn configured(app: &App) -> Result<&Oidc, Refusal> {
    app.oidc().ok_or(Refusal::Off)
}

/// Writes down why somebody was not let in, and leads to the sign-in page, which says it.
async fn refused(app: &App, trail: &Trail, jar: CookieJar, refusal: Refusal) -> Response {
    let trail = match refusal.who() {
        Some(login) => trail.clone().claiming(login),
        None => trail.clone(),
    };
    entrance::refused_for(app, &trail, refusal.facts()).await;
    let page = format!("/signin?sso={}", refusal.code());
    (jar, Redirect::to(&page)).into_response()
}
