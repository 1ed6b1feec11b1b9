//! `GET /api/v1/session/sso`

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::CookieJar;
use chrono::{TimeDelta, Utc};
use mingjing_monitor::store::single_sign_on;
use serde::Deserialize;
use url::Url;
use utoipa::IntoParams;

use super::{configured, refused};
use crate::app::App;
use crate::audit::Trail;
use crate::auth::entrance::Place;
use crate::auth::oidc::Refusal;
use crate::auth::oidc::flow::{Flow, own_path};
use crate::auth::{cookie, secret};
use crate::problem::{Problem, Query};

/// How long somebody may take at the provider.
pub const LASTS: TimeDelta = TimeDelta::minutes(10);
/// How long a state is remembered after that, to tell one that comes late from one that nobody knows.
const REMEMBERED: TimeDelta = TimeDelta::hours(1);
/// Sign-ins under way at once: whoever begins them without end fills no disk.
const MOST: i64 = 10_000;

/// Where to go on.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct GoOn {
    /// A path of the pages; anything else is the start page.
    to: Option<String>,
}

/// Begins to sign in through the county's provider: leads the browser there, or back to the sign-in page, which says why not.
#[utoipa::path(
    get, path = "/api/v1/session/sso", tag = "session", operation_id = "begin_single_sign_on", params(GoOn),
    responses((status = 303, description = "To the provider, or to `/signin?sso=…`"), (status = 422, body = Problem))
)]
pub async fn begin(
    State(app): State<App>,
    place: Place,
    trail: Trail,
    jar: CookieJar,
    Query(go_on): Query<GoOn>,
) -> Response {
    match leave(&app, go_on.to.as_deref()).await {
        Ok((url, flow)) => {
            let kept = cookie::keep_flow(&app, place.client, flow.cookie(), LASTS);
            (jar.add(kept), Redirect::to(url.as_str())).into_response()
        }
        Err(refusal) => refused(&app, &trail, jar, refusal).await,
    }
}

async fn leave(app: &App, to: Option<&str>) -> Result<(Url, Flow), Refusal> {
    let oidc = configured(app)?;
    let flow = Flow::random();
    let url = oidc.begin(&flow).await?;
    let (state, next) = (secret::hash(&flow.state()), own_path(to));
    let now = Utc::now();
    let times = (now + LASTS, now - REMEMBERED);
    if single_sign_on::begin_flow(app.db(), (&state, &next), times, MOST).await? {
        Ok((url, flow))
    } else {
        Err(Refusal::Busy)
    }
}
