//! `POST /api/v1/events` (`interfaces.md`, "Case events").

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use chrono::Utc;
use chrono_tz::Tz;
use mingjing_monitor::event::CaseEvent;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::{MAX_BODY, Parsed, Refusal, parse};
use crate::config::IntakeConfig;
use crate::spool::SpoolError;
use crate::uplink::protocol::Rejection;
use crate::uplink::{Courier, Delivery, Outbound, Scope, TokenTable, token_hash};

/// Bodies in hand at once, in KiB: twelve of the largest.
const MAX_BODIES_KIB: u32 = 64 << 10;
/// A sender that takes longer for a body than this holds a place for nothing.
const BODY: Duration = Duration::from_secs(30);
/// Bodies from this size on are parsed beside the runtime's own threads.
const LARGE: usize = 64 << 10;

/// What the intake needs; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Intake {
    courier: Courier,
    tokens: watch::Receiver<TokenTable>,
    zone: Tz,
    batches: Arc<Semaphore>,
    bodies: Arc<Semaphore>,
}

impl Intake {
    pub(crate) fn new(
        courier: Courier,
        tokens: watch::Receiver<TokenTable>,
        zone: Tz,
        config: &IntakeConfig,
    ) -> Self {
        let batches = Arc::new(Semaphore::new(
            config.max_in_flight.clamp(1, Semaphore::MAX_PERMITS),
        ));
        Self {
            courier,
            tokens,
            zone,
            batches,
            bodies: Arc::new(Semaphore::new(MAX_BODIES_KIB as usize)),
        }
    }
}

/// The intake's route.
pub(crate) fn router(intake: Intake) -> Router {
    Router::new()
        .route("/api/v1/events", post(receive))
        .with_state(intake)
}

/// The answer to a batch.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Answer {
    /// 200
    Committed {
        accepted: usize,
        duplicate: usize,
        rejected: Vec<Rejection>,
    },
    /// 202
    Spooled {
        spooled: usize,
        rejected: Vec<Rejection>,
    },
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::Committed { .. } => StatusCode::OK,
            Self::Spooled { .. } => StatusCode::ACCEPTED,
        };
        (status, axum::Json(self)).into_response()
    }
}

/// An error as problem+json (RFC 9457).
#[derive(Debug, PartialEq, Eq)]
struct Problem {
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    detail: String,
    retry_after: Option<u32>,
}

impl Problem {
    fn new(
        status: StatusCode,
        kind: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            status,
            kind,
            title,
            detail: detail.into(),
            retry_after: None,
        }
    }

    fn after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    fn unauthenticated(detail: &str) -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthenticated",
            "No valid token",
            detail,
        )
    }

    fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "Outside the token's scope",
            detail,
        )
    }

    fn too_many(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many",
            "Too much at once",
            detail,
        )
    }

    fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "Not possible now",
            detail,
        )
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.to_string();
        match refusal {
            Refusal::MediaType(_) => Self::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "media-type",
                "Unknown content type",
                detail,
            ),
            Refusal::TooManyEvents(_) | Refusal::TooLarge => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-large",
                "Batch too large",
                detail,
            ),
            Refusal::Malformed(_) => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid",
                "Not readable",
                detail,
            ),
        }
    }
}

impl From<SpoolError> for Problem {
    fn from(error: SpoolError) -> Self {
        match error {
            SpoolError::Full { .. } => Self::too_many(error.to_string()).after(10),
            _ => {
                tracing::error!(%error, "events can be kept nowhere");
                Self::unavailable("the events could be kept nowhere: send them again later")
                    .after(10)
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::json!({
            "type": format!("/problems/{}", self.kind),
            "title": self.title,
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        let mut response = (self.status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            "content-type",
            HeaderValue::from_static("application/problem+json"),
        );
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert("www-authenticate", HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

async fn receive(State(intake): State<Intake>, request: Request) -> Result<Answer, Problem> {
    let received = Utc::now();
    let (parts, body) = request.into_parts();
    let scope = authenticate(&intake, &parts.headers)?;
    let _batch = Arc::clone(&intake.batches)
        .try_acquire_owned()
        .map_err(|_| busy())?;
    let (body, _bytes) = read_body(&intake, &parts.headers, body).await?;
    let zone = intake.zone;
    let take = move || parse(&parts.headers, &body, received, zone);
    let parsed = if _bytes.num_permits() * 1024 > LARGE {
        tokio::task::spawn_blocking(take)
            .await
            .map_err(|error| Problem::unavailable(error.to_string()))?
    } else {
        take()
    };
    let Parsed {
        events,
        mut rejected,
    } = parsed?;
    let refused_before = rejected.len();
    let events = admit(events, &scope, &mut rejected);
    if events.is_empty() && rejected.len() > refused_before {
        // Nothing is left of the batch, and the token is why.
        let first = rejected.swap_remove(refused_before);
        return Err(Problem::forbidden(first.reason));
    }
    let answer = deliver(&intake, &scope, events, rejected).await?;
    count(&answer);
    Ok(answer)
}

/// Counts what became of events, for `/metrics`.
fn count(answer: &Answer) {
    let add = |outcome: &'static str, n: usize| {
        metrics::counter!("mingjing_intake_events_total", "outcome" => outcome).increment(n as u64);
    };
    let rejected = match answer {
        Answer::Committed {
            accepted,
            duplicate,
            rejected,
        } => {
            add("accepted", *accepted);
            add("duplicate", *duplicate);
            rejected
        }
        Answer::Spooled { spooled, rejected } => {
            add("spooled", *spooled);
            rejected
        }
    };
    add("rejected", rejected.len());
}

/// Finds the sender's token in the list that the console gave.
fn authenticate(intake: &Intake, headers: &HeaderMap) -> Result<Scope, Problem> {
    let bearer = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    let Some(token) = bearer else {
        return Err(Problem::unauthenticated(
            "send `Authorization: Bearer <source token>`",
        ));
    };
    let Some(table) = intake.tokens.borrow().clone() else {
        let detail = "the list of tokens has not come from the console yet: send again later";
        return Err(Problem::unavailable(detail).after(5));
    };
    let known = table.get(&token_hash(token));
    known
        .filter(|scope| scope.holds(Utc::now()))
        .cloned()
        .ok_or_else(|| {
            Problem::unauthenticated(
                "this token is unknown, revoked or has run out: ask for a new one of role `source`",
            )
        })
}

fn busy() -> Problem {
    Problem::too_many("too many batches are being taken: send this one again").after(1)
}

/// Reads the body within the bounds on one and on all.
async fn read_body(
    intake: &Intake,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Bytes, OwnedSemaphorePermit), Problem> {
    let length = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    let length = length
        .and_then(|text| text.parse::<usize>().ok())
        .unwrap_or(MAX_BODY);
    if length > MAX_BODY {
        return Err(Refusal::TooLarge.into());
    }
    let kib =
        u32::try_from(length.div_ceil(1024).max(1)).expect("a body is bounded far below 4 TiB");
    let permit = Arc::clone(&intake.bodies)
        .try_acquire_many_owned(kib)
        .map_err(|_| busy())?;
    match tokio::time::timeout(BODY, axum::body::to_bytes(body, MAX_BODY)).await {
        Ok(Ok(bytes)) => Ok((bytes, permit)),
        Ok(Err(error)) if is_too_large(&error) => Err(Refusal::TooLarge.into()),
        Ok(Err(_)) => Err(Refusal::Malformed("the body ended before its end".into()).into()),
        Err(_) => Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "timeout",
            "Too slow",
            format!("the body did not come within {} s", BODY.as_secs()),
        )),
    }
}

fn is_too_large(error: &axum::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if inner.to_string().contains("length limit exceeded") {
            return true;
        }
        source = inner.source();
    }
    false
}

/// Keeps what the token may post; the rest is rejected by name.
fn admit(
    events: Vec<(usize, CaseEvent)>,
    scope: &Scope,
    rejected: &mut Vec<Rejection>,
) -> Vec<(usize, CaseEvent)> {
    let mut admitted = Vec::with_capacity(events.len());
    for (index, mut event) in events {
        match outside(&event, scope) {
            Some(reason) => rejected.push(Rejection {
                index,
                id: Some(event.id),
                reason,
            }),
            None => {
                event.initial_load = scope.initial_load;
                if scope.initial_load {
                    // History counts as received when it happened.
                    event.received = event.time;
                }
                admitted.push((index, event));
            }
        }
    }
    admitted
}

/// Why the token may not post an event.
fn outside(event: &CaseEvent, scope: &Scope) -> Option<String> {
    if let Some(source) = scope
        .source
        .as_ref()
        .filter(|source| **source != event.source)
    {
        return Some(format!(
            "`source` is {:?}: this token speaks only for {source:?}",
            event.source
        ));
    }
    let hall = &event.place.hall;
    let foreign = scope
        .halls
        .as_ref()
        .is_some_and(|halls| !hall.is_empty() && !halls.contains(hall));
    foreign.then(|| format!("`data.hall` is {hall:?}: it lies outside the halls of this token"))
}

async fn deliver(
    intake: &Intake,
    scope: &Scope,
    events: Vec<(usize, CaseEvent)>,
    mut rejected: Vec<Rejection>,
) -> Result<Answer, Problem> {
    if events.is_empty() {
        rejected.sort_by_key(|rejection| rejection.index);
        return Ok(Answer::Committed {
            accepted: 0,
            duplicate: 0,
            rejected,
        });
    }
    let sent: Vec<_> = events.iter().map(|(_, event)| event).collect();
    let batch = Outbound::new(&sent, scope.initial_load, Some(scope.sha256.clone()))
        .map_err(|error| Problem::unavailable(error.to_string()))?;
    let delivery = intake.courier.deliver(batch).await?;
    let answer = match delivery {
        Delivery::Committed(outcome) => {
            // The console counts within what it was sent; the sender within what it sent.
            rejected.extend(outcome.rejected.into_iter().map(|mut rejection| {
                rejection.index = events
                    .get(rejection.index)
                    .map_or(rejection.index, |(index, _)| *index);
                rejection
            }));
            rejected.sort_by_key(|rejection| rejection.index);
            Answer::Committed {
                accepted: outcome.accepted,
                duplicate: outcome.duplicate,
                rejected,
            }
        }
        Delivery::Spooled => {
            rejected.sort_by_key(|rejection| rejection.index);
            Answer::Spooled {
                spooled: events.len(),
                rejected,
            }
        }
    };
    Ok(answer)
}
