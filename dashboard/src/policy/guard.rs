//! What every request passes: who calls, whether the row admits them, and whether the page itself sent it.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::{Access, Row, Verb, row};
use crate::app::App;
use crate::auth;
use crate::caller::Caller;
use crate::problem::Problem;
use crate::transport::client::{self, Client};

/// Lets a request through to its handler, or not.
pub(super) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let path = parts
        .extensions
        .get::<MatchedPath>()
        .map(|path| path.as_str().to_owned());
    let Some(client) = client::of(&parts.extensions) else {
        return Problem::internal("a request came without its client").into_response();
    };
    let Some(row) = path.as_deref().and_then(|path| row(&parts.method, path)) else {
        return Problem::method().into_response();
    };
    if row.socket && !client.owns_origin(&parts.headers) {
        return Problem::forbidden("This socket may only be opened from the console's own pages.")
            .into_response();
    }
    match admit(&app, row, &parts, client).await {
        Ok(caller) => {
            if let Some(caller) = caller {
                parts.extensions.insert(caller);
            }
            next.run(Request::from_parts(parts, body)).await
        }
        Err(problem) => problem.into_response(),
    }
}

async fn admit(
    app: &App,
    row: &Row,
    parts: &Parts,
    client: Client,
) -> Result<Option<Caller>, Problem> {
    match row.access {
        Access::Public | Access::Intake => return Ok(None),
        Access::LoopbackOr(_) if client.is_here() => return Ok(None),
        _ => {}
    }
    let caller = auth::identify(app, &parts.headers).await?;
    if !client.is_here() {
        app.rates().caller(&caller, Instant::now())?;
    }
    if !row.access.admits(caller.role) {
        return Err(Problem::forbidden("Your role may not do this."));
    }
    if row.method != Verb::Get {
        auth::check_csrf(&caller, &parts.headers)?;
    }
    Ok(Some(caller))
}
