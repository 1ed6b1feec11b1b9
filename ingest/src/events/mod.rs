//! Intake of case events: CloudEvents 1.0 over HTTP, structured, batched or binary.
//!
//! [`parse`] is pure: bytes in, checked events and named rejections out. `router` answers only when a batch is committed
//! by the console or fsynced in the spool.

mod envelope;
mod http;

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use mingjing_monitor::event::CaseEvent;
use serde_json::Value;
use serde_json::value::RawValue;

pub(crate) use http::{Intake, router};

use crate::uplink::protocol::Rejection;

/// Largest body taken, in bytes.
pub const MAX_BODY: usize = 5 << 20;

/// Most events taken in one batch.
pub const MAX_EVENTS: usize = 10_000;

/// Deepest nesting of an event's JSON. What is understood of an event is four deep.
pub const MAX_DEPTH: usize = 32;

/// The longest id repeated in an answer, in characters.
const MAX_ECHO: usize = 200;

/// A request taken apart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parsed {
    /// Good events, each with its index in the request.
    pub events: Vec<(usize, CaseEvent)>,
    /// Bad ones, by index.
    pub rejected: Vec<Rejection>,
}

/// Why a request is refused as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// 415.
    #[error(
        "the content type {0:?} is not taken: send application/cloudevents+json, application/cloudevents-batch+json, or \
         application/json with the attributes as ce- headers"
    )]
    MediaType(String),
    /// 413.
    #[error("the batch holds {0} events: send at most {MAX_EVENTS} at once")]
    TooManyEvents(usize),
    /// 413.
    #[error("the body is larger than {MAX_BODY} bytes: send smaller batches")]
    TooLarge,
    /// 422: nothing in it can be told apart.
    #[error("{0}")]
    Malformed(String),
}

/// Takes a request apart. `received` is the present instant; `zone` the county's, for times that are only a date.
///
/// # Errors
/// The request as a whole cannot be read. A single bad event is no error: it stands in [`Parsed::rejected`].
pub fn parse(
    headers: &HeaderMap,
    body: &[u8],
    received: DateTime<Utc>,
    zone: Tz,
) -> Result<Parsed, Refusal> {
    if body.len() > MAX_BODY {
        return Err(Refusal::TooLarge);
    }
    let candidates = match Mode::of(headers)? {
        Mode::Structured => vec![structured(body)?],
        Mode::Batched => batched(body)?,
        Mode::Binary => vec![envelope::from_headers(headers, body)],
    };
    let mut parsed = Parsed::default();
    for (index, candidate) in candidates.into_iter().enumerate() {
        match read(candidate, received, zone) {
            Ok(event) => parsed.events.push((index, event)),
            Err((id, reason)) => parsed.rejected.push(Rejection { index, id, reason }),
        }
    }
    Ok(parsed)
}

/// One event as JSON, or why not even that.
type Candidate = Result<Value, String>;

fn read(
    candidate: Candidate,
    received: DateTime<Utc>,
    zone: Tz,
) -> Result<CaseEvent, (Option<String>, String)> {
    let mut event = candidate.map_err(|reason| (None, reason))?;
    let id = event
        .get("id")
        .and_then(Value::as_str)
        .map(|id| id.chars().take(MAX_ECHO).collect::<String>());
    envelope::check(&mut event)
        .and_then(|()| {
            CaseEvent::from_cloudevent(&event, received, zone).map_err(|error| error.to_string())
        })
        .map_err(|reason| (id, reason))
}

/// The three ways of CloudEvents over HTTP.
enum Mode {
    Structured,
    Batched,
    Binary,
}

impl Mode {
    fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let text = headers
            .get(CONTENT_TYPE)
            .map_or("", |value| value.to_str().unwrap_or("?"));
        let refused = || Refusal::MediaType(text.chars().take(MAX_ECHO).collect());
        let (kind, parameters) = text.split_once(';').unwrap_or((text, ""));
        if !is_utf8(parameters) {
            return Err(refused());
        }
        match kind.trim().to_ascii_lowercase().as_str() {
            "application/cloudevents+json" => Ok(Self::Structured),
            "application/cloudevents-batch+json" => Ok(Self::Batched),
            "application/json" if headers.contains_key("ce-specversion") => Ok(Self::Binary),
            // An event without data needs no content type.
            "" if headers.contains_key("ce-specversion") => Ok(Self::Binary),
            _ => Err(refused()),
        }
    }
}

/// Whether a media type's parameters leave the text UTF-8.
fn is_utf8(parameters: &str) -> bool {
    parameters
        .split(';')
        .filter_map(|parameter| parameter.split_once('='))
        .all(|(name, value)| {
            let value = value.trim().trim_matches('"');
            !name.trim().eq_ignore_ascii_case("charset")
                || value.eq_ignore_ascii_case("utf-8")
                || value.eq_ignore_ascii_case("us-ascii")
        })
}

fn structured(body: &[u8]) -> Result<Candidate, Refusal> {
    let raw: &RawValue = serde_json::from_slice(body).map_err(malformed)?;
    if raw.get().starts_with('[') {
        let hint = "the body is an array: send a batch as application/cloudevents-batch+json";
        return Err(Refusal::Malformed(hint.into()));
    }
    Ok(value(raw))
}

/// Splits a batch without looking into its events, so that one that is nested absurdly spoils only itself.
fn batched(body: &[u8]) -> Result<Vec<Candidate>, Refusal> {
    let raw: Vec<&RawValue> = serde_json::from_slice(body).map_err(malformed)?;
    if raw.len() > MAX_EVENTS {
        return Err(Refusal::TooManyEvents(raw.len()));
    }
    Ok(raw.into_iter().map(value).collect())
}

fn value(raw: &RawValue) -> Candidate {
    let event = serde_json::from_str(raw.get())
        .map_err(|error| format!("the event cannot be read: {error}"))?;
    if depth(&event) > MAX_DEPTH {
        return Err(format!(
            "the event is nested deeper than {MAX_DEPTH}: flatten it"
        ));
    }
    Ok(event)
}

/// Nesting of a value. `serde_json` has already refused what is over 128 deep, so the recursion is bounded.
fn depth(value: &Value) -> usize {
    let inner = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(fields) => fields.values().map(depth).max(),
        _ => return 0,
    };
    1 + inner.unwrap_or(0)
}

fn malformed(error: serde_json::Error) -> Refusal {
    Refusal::Malformed(format!(
        "the body is not the JSON that its content type says: {error}"
    ))
}

#[cfg(test)]
mod tests;
