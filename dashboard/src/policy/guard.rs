//! What every request passes: who calls, whether the row admits them, and whether the page itself sent it.

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::{Access, Row, Verb, row};
use crate::app::App;
use crate::auth;
use crate::caller::Caller;
use crate::problem::Problem;

/// Lets a request through to its handler, or not.
pub(super) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let path = parts
        .extensions
        .get::<MatchedPath>()
        .map(|path| path.as_str().to_owned());
    let Some(row) = path.as_deref().and_then(|path| row(&parts.method, path)) else {
        return Problem::method().into_response();
    };
    if row.socket && !own_origin(&parts.headers) {
        return Problem::forbidden("This socket may only be opened from the console's own pages.")
            .into_response();
    }
    match admit(&app, row, &parts).await {
        Ok(caller) => {
            if let Some(caller) = caller {
                parts.extensions.insert(caller);
            }
            next.run(Request::from_parts(parts, body)).await
        }
        Err(problem) => problem.into_response(),
    }
}

async fn admit(app: &App, row: &Row, parts: &Parts) -> Result<Option<Caller>, Problem> {
    match row.access {
        Access::Public | Access::Intake => return Ok(None),
        Access::LoopbackOr(_) if from_loopback(parts) => return Ok(None),
        _ => {}
    }
    let caller = auth::identify(app, &parts.headers).await?;
    if !row.access.admits(caller.role) {
        return Err(Problem::forbidden("Your role may not do this."));
    }
    if row.method != Verb::Get {
        auth::check_csrf(&caller, &parts.headers)?;
    }
    Ok(Some(caller))
}

/// A browser sends `Origin` with every socket; it must be the host that it was told to connect to. Programs send none.
fn own_origin(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let origin = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.split_once("://"))
        .map(|(_, host)| host);
    origin.is_some() && origin == host
}

/// Whether the request comes from this machine, and not through a proxy on it.
fn from_loopback(parts: &Parts) -> bool {
    let peer = parts.extensions.get::<ConnectInfo<std::net::SocketAddr>>();
    let forwarded =
        parts.headers.contains_key("x-forwarded-for") || parts.headers.contains_key("forwarded");
    peer.is_some_and(|peer| peer.0.ip().is_loopback()) && !forwarded
}
