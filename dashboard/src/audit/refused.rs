//! Refusals: somebody asked for what they may not have, in a way that they may not, or too often.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use mingjing_monitor::audit::Action;
use serde_json::json;

use super::Record;
use crate::policy::Row;
use crate::problem::Kind;

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
    let why = kind.map(|kind| kind.trim_start_matches("/problems/"));
    let facts = json!({"status": status.as_u16(), "why": why});
    Some(
        Record::of(Action::AccessDenied)
            .on("route", route)
            .after(facts),
    )
}

fn is_news(status: StatusCode, kind: Option<&str>, bears_name: bool) -> bool {
    match status {
        StatusCode::UNAUTHORIZED => {
            bears_name && kind.is_none_or(|kind| kind == "/problems/unauthenticated")
        }
        StatusCode::TOO_MANY_REQUESTS => kind != Some("/problems/locked"),
        StatusCode::FORBIDDEN
        | StatusCode::PAYLOAD_TOO_LARGE
        | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => true,
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
