//! Cameras: how they are, their newest pictures, live video.

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use mingjing_ingest::uplink::protocol::sub_stream;
use mingjing_monitor::audit::Action;
use serde_json::json;
use tokio::time::Instant;
use utoipa::IntoParams;

use super::list::{self, List, Page};
use crate::app::App;
use crate::audit::{Record, Trail};
use crate::caller::Caller;
use crate::live::ended;
use crate::media::{self, Picture};
use crate::problem::{Json, Path, Problem, Query, Result};
use crate::views::CameraView;

/// A camera's id.
#[derive(Debug, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct Id {
    /// The camera.
    id: String,
}

impl Id {
    /// The camera's id.
    pub(super) fn id(&self) -> &str {
        &self.id
    }
}

/// What of a camera is watched.
#[derive(Debug, serde::Deserialize)]
pub struct Watch {
    /// The main stream where it is left out, or where there is no other.
    stream: Option<Stream>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stream {
    Sub,
}

/// The cameras that the caller sees, by id.
#[utoipa::path(
    get, path = "/api/v1/cameras", tag = "cameras", operation_id = "list_cameras", params(Page),
    responses((status = 200, body = List<CameraView>), (status = 401, body = Problem))
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(page): Query<Page>,
) -> Result<Json<List<CameraView>>> {
    let seq = app.live().seq(&caller);
    let directory = app.directory();
    let seen = directory.seen(&caller.scope, page.hall.as_deref())?;
    let (limit, after) = (page.limit()?, page.after::<String>()?);
    let mut rows: Vec<_> = directory
        .cameras()
        .filter(|camera| directory.tree().contains(&seen.hall, &camera.hall))
        .filter(|camera| directory.sees_camera(&caller.scope, camera))
        .filter(|camera| after.as_ref().is_none_or(|after| camera.id > *after))
        .take(limit as usize + 1)
        .collect();
    let next = list::cut(&mut rows, limit, |camera| camera.id.clone());
    let items = rows.into_iter().map(|camera| {
        let known = app.edges().health(&camera.id);
        CameraView::new(camera, known.as_ref(), &directory)
    });
    Ok(Json(List {
        items: items.collect(),
        next,
        seq,
    }))
}

/// One camera.
#[utoipa::path(
    get, path = "/api/v1/cameras/{id}", tag = "cameras", operation_id = "show_camera", params(Id),
    responses((status = 200, body = CameraView), (status = 404, body = Problem))
)]
pub async fn one(
    State(app): State<App>,
    caller: Caller,
    Path(Id { id }): Path<Id>,
) -> Result<Json<CameraView>> {
    seen(&app, &caller, &id)?;
    let directory = app.directory();
    let camera = directory
        .camera(&id)
        .ok_or_else(|| Problem::not_found("camera"))?;
    let known = app.edges().health(&id);
    Ok(Json(CameraView::new(camera, known.as_ref(), &directory)))
}

/// The newest key frame, about 320 pixels wide.
#[utoipa::path(
    get, path = "/api/v1/cameras/{id}/thumbnail.jpg", tag = "cameras", operation_id = "camera_thumbnail", params(Id),
    responses((status = 200, content_type = "image/jpeg", body = Vec<u8>), (status = 404, body = Problem))
)]
pub async fn thumbnail(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(Id { id }): Path<Id>,
    headers: HeaderMap,
) -> Result<Response> {
    seen(&app, &caller, &id)?;
    let picture = picture(app.media().thumbnail(&id), &headers)?;
    // Of all cameras together: a page shows dozens of these, each anew every few seconds.
    let looked = Record::of(Action::SnapshotViewed).after(json!({"size": "thumbnail"}));
    trail.tally(&app, looked).await;
    Ok(picture)
}

/// The newest key frame, as large as it is.
#[utoipa::path(
    get, path = "/api/v1/cameras/{id}/snapshot.jpg", tag = "cameras", operation_id = "camera_snapshot", params(Id),
    responses((status = 200, content_type = "image/jpeg", body = Vec<u8>), (status = 404, body = Problem))
)]
pub async fn snapshot(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(Id { id }): Path<Id>,
    headers: HeaderMap,
) -> Result<Response> {
    let hall = seen(&app, &caller, &id)?;
    let picture = picture(app.media().snapshot(&id), &headers)?;
    let looked = Record::of(Action::SnapshotViewed)
        .on("camera", &id)
        .hall(hall);
    trail.tally(&app, looked).await;
    Ok(picture)
}

/// Live video: see `docs/api.md`.
pub async fn live(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(Id { id }): Path<Id>,
    Query(Watch { stream }): Query<Watch>,
    upgrade: WebSocketUpgrade,
) -> Result<Response> {
    let hall = seen(&app, &caller, &id)?;
    let (media, now) = (app.media(), Utc::now());
    let sub = match stream {
        Some(Stream::Sub) => media.watch(&sub_stream(&id), now),
        None => None,
    };
    let viewer = sub
        .or_else(|| media.watch(&id, now))
        .ok_or_else(|| Problem::not_found("live video of this camera"))?;
    let about = |action| Record::of(action).on("camera", &id).hall(hall.clone());
    trail.record(app.db(), about(Action::CameraViewed)).await?;
    let left = about(Action::CameraLeft);
    let since = Instant::now();
    Ok(upgrade
        .max_message_size(4096)
        .max_frame_size(4096)
        .on_upgrade(move |socket| async move {
            metrics::gauge!("mingjing_viewers").increment(1.0);
            media::serve(socket, viewer, ended(&app, &caller)).await;
            metrics::gauge!("mingjing_viewers").decrement(1.0);
            let left = left.after(json!({"seconds": since.elapsed().as_secs()}));
            if let Err(error) = trail.record(app.db(), left).await {
                tracing::warn!(%error, "the end of a view could not be written to the audit log");
            }
        }))
}

/// The hall of a camera; outside the caller's subtree there is no such camera.
pub(super) fn seen(app: &App, caller: &Caller, id: &str) -> Result<String> {
    let directory = app.directory();
    let camera = directory
        .camera(id)
        .filter(|camera| directory.sees_camera(&caller.scope, camera));
    camera
        .map(|camera| camera.hall.clone())
        .ok_or_else(|| Problem::not_found("camera"))
}

fn picture(picture: Option<Picture>, headers: &HeaderMap) -> Result<Response> {
    let Picture { captured_at, jpeg } =
        picture.ok_or_else(|| Problem::not_found("picture of this camera yet"))?;
    let text = |text: String| HeaderValue::try_from(text).map_err(Problem::internal);
    let tag = text(format!("\"{}\"", captured_at.timestamp_micros()))?;
    let fixed = [
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, no-cache"),
        ),
        (header::ETAG, tag.clone()),
        (
            header::LAST_MODIFIED,
            text(captured_at.format("%a, %d %b %Y %H:%M:%S GMT").to_string())?,
        ),
        (
            header::HeaderName::from_static("x-captured-at"),
            text(captured_at.to_rfc3339())?,
        ),
    ];
    if headers.get(header::IF_NONE_MATCH) == Some(&tag) {
        return Ok((StatusCode::NOT_MODIFIED, fixed).into_response());
    }
    Ok((
        fixed,
        [(header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg"))],
        jpeg,
    )
        .into_response())
}
