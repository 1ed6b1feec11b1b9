//! What is recorded of a camera: what there is, why the rest is not, and any span of it as one MP4.

use std::io;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use futures::stream;
use mingjing_ingest::uplink::protocol::{Answer, Ask, ByteRange};
use mingjing_monitor::audit::Action;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::cameras::{Id, seen};
use crate::app::App;
use crate::audit::{Record, Trail};
use crate::caller::Caller;
use crate::media::{FetchError, Found};
use crate::problem::{Json, Path, Problem, Query, Result};
use crate::recordings::{self, Covered, RecordingsError};

/// Where nothing is asked for.
const HOUR: TimeDelta = TimeDelta::hours(1);
/// Longest list of what there is.
const LONGEST_LIST: TimeDelta = TimeDelta::days(32);
/// Longest clip.
const LONGEST_CLIP: TimeDelta = TimeDelta::hours(25);

/// Which time.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Time {
    /// Begin; an hour before the end where it is left out.
    from: Option<DateTime<Utc>>,
    /// End; now where it is left out.
    to: Option<DateTime<Utc>>,
}

impl Time {
    fn bounds(self, longest: TimeDelta) -> Result<(DateTime<Utc>, DateTime<Utc>)> {
        let to = self.to.unwrap_or_else(Utc::now);
        let from = self.from.unwrap_or(to - HOUR);
        let length = to - from;
        if length <= TimeDelta::zero() || length > longest {
            let most = longest.num_hours();
            return Err(Problem::invalid(format!(
                "`from` must be before `to`, by {most} hours at most"
            )));
        }
        Ok((from, to))
    }
}

/// Time that is recorded.
#[derive(Debug, Serialize, ToSchema)]
pub struct Span {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    /// Spans of different parameters, or at different ingests, are not in one MP4: this differs then.
    parameters: String,
}

/// Time that is not.
#[derive(Debug, Serialize, ToSchema)]
pub struct Gap {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    /// `offline`, `schedule`, `retention`, `loss`, `disk`, `stopped`, `not_yet`, or `away`: the ingest that carried the camera then is not connected.
    reason: String,
    /// The camera's state, where it was offline; the ingest that is away.
    detail: Option<String>,
}

/// Time that retention leaves alone: a card, an order or a complaint points to it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Pinned {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

/// What is recorded of a camera, and why the rest is not.
#[derive(Debug, Serialize, ToSchema)]
pub struct Recordings {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    spans: Vec<Span>,
    gaps: Vec<Gap>,
    pinned: Vec<Pinned>,
    /// Up to when `recording.mp4` can reach now.
    until: Option<DateTime<Utc>>,
    /// When the first picture of `recording.mp4?from=` was taken: the key frame at or before `from`. In the file, time runs on from
    /// there over the spans, and gaps take none.
    begins: Option<DateTime<Utc>>,
}

/// What is recorded of a camera between two instants, and why the rest is not.
#[utoipa::path(
    get, path = "/api/v1/cameras/{id}/recordings", tag = "cameras", operation_id = "list_recordings", params(Id, Time),
    responses((status = 200, body = Recordings), (status = 404, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Id>,
    Query(time): Query<Time>,
) -> Result<Json<Recordings>> {
    seen(&app, &caller, id.id())?;
    let (from, to) = time.bounds(LONGEST_LIST)?;
    let found = recordings::coverage(&app, id.id(), from, to).await;
    let Covered {
        spans,
        gaps,
        pinned,
        until,
        begins,
    } = found.map_err(unfound)?;
    let spans = spans.into_iter().map(|span| Span {
        from: span.from,
        to: span.to,
        parameters: span.parameters,
    });
    let gaps = gaps.into_iter().map(|gap| Gap {
        from: gap.from,
        to: gap.to,
        reason: gap.reason,
        detail: gap.detail,
    });
    Ok(Json(Recordings {
        from,
        to,
        spans: spans.collect(),
        gaps: gaps.collect(),
        pinned: pinned
            .into_iter()
            .map(|it| Pinned {
                from: it.from,
                to: it.to,
            })
            .collect(),
        until,
        begins,
    }))
}

/// What is recorded between two instants as one MP4, of which any bytes can be asked for (`Range`). It begins with the key frame at or
/// before `from` and leaves gaps out.
#[utoipa::path(
    get, path = "/api/v1/cameras/{id}/recording.mp4", tag = "cameras", operation_id = "recording", params(Id, Time),
    responses(
        (status = 200, content_type = "video/mp4", body = Vec<u8>), (status = 206, content_type = "video/mp4", body = Vec<u8>),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 416, body = Problem), (status = 422, body = Problem),
        (status = 503, body = Problem)
    )
)]
pub async fn clip(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(id): Path<Id>,
    Query(time): Query<Time>,
    headers: HeaderMap,
) -> Result<Response> {
    let hall = seen(&app, &caller, id.id())?;
    let (from, to) = time.bounds(LONGEST_CLIP)?;
    let clip = async |range| {
        let found = recordings::at(&app, id.id(), from, |clock| Ask::Clip {
            from: clock.theirs(from),
            to: clock.theirs(to),
            range,
        });
        found.await.map_err(unfound)
    };
    let mut range = headers.get(header::RANGE).and_then(range);
    let mut found = clip(range).await?;
    // Whoever goes on with another content than there is now gets it whole.
    if let (Some(wanted), Answer::Clip { tag, .. }) = (headers.get(header::IF_RANGE), &found.answer)
        && wanted.as_bytes() != format!("\"{tag}\"").as_bytes()
        && range.take().is_some()
    {
        found = clip(None).await?;
    }
    let response = respond(found, range.is_some())?;
    // A player asks for the same clip again and again, for other bytes: once at once, then as a count.
    let looked = Record::of(Action::RecordingViewed)
        .on("camera", id.id())
        .hall(hall)
        .after(json!({"from": from, "to": to}));
    trail.tally(&app, looked).await;
    Ok(response)
}

fn respond(found: Found, partial: bool) -> Result<Response> {
    let Answer::Clip {
        len,
        first,
        last,
        ref tag,
        begins,
        ends,
    } = found.answer
    else {
        return Err(refused(&found.answer));
    };
    let tag = format!("\"{tag}\"");
    let text = |text: String| HeaderValue::try_from(text).map_err(Problem::internal);
    let name = format!("{}.mp4", begins.format("%Y%m%dT%H%M%SZ"));
    let fixed = [
        (header::CONTENT_TYPE, HeaderValue::from_static("video/mp4")),
        (header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, no-store"),
        ),
        (header::CONTENT_LENGTH, HeaderValue::from(last - first + 1)),
        (header::ETAG, text(tag)?),
        (
            header::CONTENT_DISPOSITION,
            text(format!("inline; filename=\"{name}\""))?,
        ),
        (
            header::HeaderName::from_static("x-recorded-from"),
            text(begins.to_rfc3339())?,
        ),
        (
            header::HeaderName::from_static("x-recorded-to"),
            text(ends.to_rfc3339())?,
        ),
    ];
    let body = body(found, last - first + 1);
    if !partial {
        return Ok((fixed, body).into_response());
    }
    let part = [(
        header::CONTENT_RANGE,
        text(format!("bytes {first}-{last}/{len}"))?,
    )];
    Ok((StatusCode::PARTIAL_CONTENT, part, fixed, body).into_response())
}

/// The bytes as they come; ends in an error when fewer come than were announced.
fn body(found: Found, count: u64) -> Body {
    let bytes = stream::unfold((found.bytes, count), |(mut bytes, left)| async move {
        if left == 0 {
            return None;
        }
        match bytes.recv().await {
            Some(mut part) => {
                part.truncate(usize::try_from(left).unwrap_or(usize::MAX));
                let left = left - part.len() as u64;
                Some((Ok(part), (bytes, left)))
            }
            None => Some((
                Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
                (bytes, 0),
            )),
        }
    });
    Body::from_stream(bytes)
}

/// One range of bytes. Several, or another unit, are answered with everything, as RFC 9110 allows.
fn range(value: &HeaderValue) -> Option<ByteRange> {
    let (first, last) = value
        .to_str()
        .ok()?
        .strip_prefix("bytes=")?
        .split_once('-')?;
    let number = |text: &str| text.trim().parse::<u64>().ok();
    match (first.trim(), last.trim()) {
        ("", count) => Some(ByteRange::Last(number(count)?)),
        (first, "") => Some(ByteRange::From(number(first)?)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(ByteRange::Between(first, last))
        }
    }
}

/// Which instant.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Instant {
    /// The instant.
    at: DateTime<Utc>,
}

/// A small picture of what is recorded: the key frame at or before an instant, for whoever looks for a moment.
#[utoipa::path(
    get, path = "/api/v1/cameras/{id}/preview.jpg", tag = "cameras", operation_id = "recording_preview", params(Id, Instant),
    responses((status = 200, content_type = "image/jpeg", body = Vec<u8>), (status = 404, body = Problem), (status = 503, body = Problem))
)]
pub async fn preview(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(id): Path<Id>,
    Query(Instant { at }): Query<Instant>,
) -> Result<Response> {
    let hall = seen(&app, &caller, id.id())?;
    let found = recordings::at(&app, id.id(), at, |clock| Ask::Preview {
        at: clock.theirs(at),
    });
    let mut found = found.await.map_err(unfound)?;
    let Answer::Preview { captured_at } = found.answer else {
        return Err(refused(&found.answer));
    };
    let Some(jpeg) = found.bytes.recv().await else {
        return Err(Problem::unavailable(
            "The edge went away before the picture came. Try again later.",
        ));
    };
    // One line of dozens of them is a look at a camera's recordings.
    let looked = Record::of(Action::RecordingViewed)
        .on("camera", id.id())
        .hall(hall)
        .after(json!({"size": "preview"}));
    trail.tally(&app, looked).await;
    let captured = HeaderValue::try_from(captured_at.to_rfc3339()).map_err(Problem::internal)?;
    let fixed = [
        (header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg")),
        // What was recorded does not change; the browser alone keeps it.
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, max-age=600"),
        ),
        (header::HeaderName::from_static("x-captured-at"), captured),
    ];
    Ok((fixed, jpeg).into_response())
}

fn unfound(error: RecordingsError) -> Problem {
    match error {
        RecordingsError::Fetch(FetchError::Unknown) => {
            Problem::not_found("recording of this camera")
        }
        RecordingsError::Fetch(error) => Problem::unavailable(format!(
            "Nothing can be played now: {error}. Try again later."
        )),
        RecordingsError::Store(error) => error.into(),
    }
}

/// What an edge says instead of what was asked.
fn refused(answer: &Answer) -> Problem {
    match answer {
        Answer::OutOfRange { len } => Problem::out_of_range(*len),
        Answer::Parameters { at } => Problem::other_parameters(*at),
        Answer::Nothing => Problem::not_found("recording at that time"),
        Answer::Unreadable => Problem::unavailable(
            "The recording cannot be read where it lies; the log of its ingest says why.",
        ),
        Answer::Coverage { .. }
        | Answer::Clip { .. }
        | Answer::Preview { .. }
        | Answer::Looked { .. }
        | Answer::Discovered { .. }
        | Answer::Profiles { .. }
        | Answer::Unusable { .. }
        | Answer::Sums { .. } => Problem::internal("an edge answered what it was not asked"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_players_write_them() {
        let read = |text: &str| range(&HeaderValue::from_str(text).unwrap());
        assert_eq!(read("bytes=0-"), Some(ByteRange::From(0)));
        assert_eq!(read("bytes=5-9"), Some(ByteRange::Between(5, 9)));
        assert_eq!(read("bytes=-500"), Some(ByteRange::Last(500)));
        for whole in [
            "bytes=9-5",
            "bytes=0-1,5-9",
            "bytes=-",
            "pages=1-2",
            "bytes=x-",
        ] {
            assert_eq!(read(whole), None, "{whole}");
        }
    }
}
