//! Refusals: somebody asked for what they may not have, in a way that they may not, or too often. The guard tells those of its
//! routes, [`at_the_door`] those that no route came to, and the listener ([`of_connections`]) what was no request at all.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use mingjing_monitor::audit::Action;
use serde_json::json;

use super::{Record, Trail};
use crate::app::App;
use crate::policy::Row;
use crate::problem::Kind;
use crate::transport::client::{self, Client};
use crate::transport::listener::Tell;

/// Bytes of a path that are written down.
const PATH: usize = 120;

/// Marks an answer that has been judged already.
#[derive(Debug, Clone, Copy)]
pub struct Judged;

/// Whether a request says who sends it: only then is it news that nobody is known by that name. A page that asks who is signed
/// in before anybody is says nothing.
pub fn bears_name(headers: &HeaderMap) -> bool {
    headers.contains_key(header::AUTHORIZATION) || headers.contains_key(header::COOKIE)
}

/// What is to be written down of an answer that refuses: once at once, then as a count. What signing in refuses is written
/// there, where it is known why.
pub fn refused(row: &Row, bears_name: bool, response: &Response) -> Option<Record> {
    let status = response.status();
    let kind = response.extensions().get::<Kind>().map(|kind| kind.0);
    if !is_news(status, kind, bears_name) {
        return None;
    }
    let route = format!("{} {}", row.method.method(), row.path);
    Some(record(route, status, kind))
}

fn record(route: String, status: StatusCode, kind: Option<&str>) -> Record {
    let why = kind.map(|kind| kind.trim_start_matches("/problems/"));
    let facts = json!({"status": status.as_u16(), "why": why});
    Record::of(Action::AccessDenied)
        .on("route", route)
        .after(facts)
}

/// Writes down what is refused before a route is found: bodies that are compressed, paths that climb, requests that say two
/// things.
pub async fn at_the_door(State(app): State<App>, request: Request, next: Next) -> Response {
    let path: String = request.uri().path().chars().take(PATH).collect();
    let route = format!("{} {path}", request.method());
    let peer = client::peer(request.extensions());
    let response = next.run(request).await;
    let kind = response.extensions().get::<Kind>().map(|kind| kind.0);
    let judged = response.extensions().get::<Judged>().is_some();
    if !judged && kind.is_some_and(|kind| AT_THE_DOOR.contains(&kind)) {
        let client = response.extensions().get::<Client>();
        let address = client.map_or(peer, |client| client.address());
        let trail = Trail::new(None, Some(address));
        trail
            .tally(&app, record(route, response.status(), kind))
            .await;
    }
    response
}

/// Kinds of problems that no handler has.
const AT_THE_DOOR: [&str; 3] = [
    "/problems/ambiguous",
    "/problems/compressed",
    "/problems/path",
];

/// Writes down what a connection was ended for.
pub fn of_connections(app: App) -> Tell {
    Arc::new(move |peer: IpAddr, why: &'static str| {
        let app = app.clone();
        Box::pin(async move {
            let facts = json!({"why": why});
            let record = Record::of(Action::AccessDenied).after(facts);
            Trail::new(None, Some(peer)).tally(&app, record).await;
        })
    })
}

fn is_news(status: StatusCode, kind: Option<&str>, bears_name: bool) -> bool {
    match status {
        StatusCode::UNAUTHORIZED => {
            bears_name && kind.is_none_or(|kind| kind == "/problems/unauthenticated")
        }
        StatusCode::TOO_MANY_REQUESTS => kind != Some("/problems/locked"),
        StatusCode::FORBIDDEN | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT => true,
        StatusCode::UNPROCESSABLE_ENTITY => kind == Some("/problems/unfit-file"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_refusal() {
        let news = |status, kind, bears_name| {
            is_news(StatusCode::from_u16(status).unwrap(), kind, bears_name)
        };
        assert!(news(403, Some("/problems/csrf"), true) && news(403, None, false));
        assert!(news(401, Some("/problems/unauthenticated"), true) && news(401, None, true));
        assert!(!news(401, Some("/problems/unauthenticated"), false));
        assert!(!news(401, Some("/problems/bad-credentials"), true));
        assert!(news(429, Some("/problems/too-many"), false));
        assert!(!news(429, Some("/problems/locked"), false));
        assert!(news(422, Some("/problems/unfit-file"), true));
        assert!(!news(422, Some("/problems/invalid"), true));
        assert!(!news(404, None, true) && !news(200, None, true));
    }
}
