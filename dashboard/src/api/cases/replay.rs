//! Where a case lay from its first event on, and which cameras saw that: what its replay is made of.

use axum::extract::State;
use chrono::{DateTime, Utc};
use mingjing_monitor::case::{Held, held};
use mingjing_monitor::event::EventRef;
use mingjing_monitor::store::events;
use serde::Serialize;
use utoipa::ToSchema;

use super::{No, find};
use crate::app::App;
use crate::caller::Caller;
use crate::directory::Directory;
use crate::problem::{Json, Path, Problem, Result};

/// The course of a case, from its first event to its last, or to now while it goes on.
#[derive(Debug, Serialize, ToSchema)]
pub struct CaseReplay {
    no: String,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    /// It is not decided yet: the end moves on with time.
    goes_on: bool,
    /// Which window held it, in order, without a gap between them.
    held: Vec<HeldView>,
}

/// A time in which one window held the case.
#[derive(Debug, Serialize, ToSchema)]
pub struct HeldView {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    hall: String,
    hall_name: String,
    /// Null: no event names one.
    window: Option<String>,
    /// The cameras that cover it and that the caller may look through.
    cameras: Vec<CameraName>,
}

/// A camera.
#[derive(Debug, Serialize, ToSchema)]
pub struct CameraName {
    id: String,
    name: String,
}

/// Which window held a case when, and which cameras cover it.
#[utoipa::path(
    get, path = "/api/v1/cases/{no}/replay", tag = "cases", operation_id = "replay_case", params(No),
    responses((status = 200, body = CaseReplay), (status = 404, body = Problem))
)]
pub async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(No { no }): Path<No>,
) -> Result<Json<CaseReplay>> {
    course(&app, &caller, &no).await.map(Json)
}

/// The course of a case as the caller may see it.
///
/// # Errors
/// `not-found`, or when the database cannot be asked.
pub async fn course(app: &App, caller: &Caller, no: &str) -> Result<CaseReplay> {
    let (row, fold) = find(app, caller, no).await?;
    let stored = events::of_case(app.db(), no).await?;
    let counted: Vec<_> = stored
        .iter()
        .map(|stored| &stored.event)
        .filter(|event| {
            let (source, id) = (event.source.clone(), event.id.clone());
            !fold.replaced.contains(&EventRef { source, id })
        })
        .collect();
    let now = app.now();
    let goes_on = row.decided_at.is_none();
    let first = counted.first().map_or(row.opened_at, |event| event.time);
    // Of a case whose events went by retention its decision is what is left.
    let over = row.decided_at.unwrap_or(row.opened_at);
    let last = counted.last().map_or(over, |event| event.time);
    let to = if goes_on { now.max(last) } else { last };
    let directory = app.directory();
    let held = held(counted.iter().copied());
    Ok(CaseReplay {
        held: held
            .into_iter()
            .map(|held| view(held, to, &directory, caller))
            .collect(),
        from: first,
        to,
        goes_on,
        no: no.to_owned(),
    })
}

fn view(held: Held, to: DateTime<Utc>, directory: &Directory, caller: &Caller) -> HeldView {
    let window = held.window.as_deref();
    let covering = window.map_or_else(Vec::new, |no| directory.cameras_of(&held.hall, no));
    let cameras = covering
        .iter()
        .filter_map(|id| directory.camera(id))
        .filter(|camera| directory.sees_camera(&caller.scope, camera))
        .map(|camera| CameraName {
            id: camera.id.clone(),
            name: camera.name.clone(),
        });
    HeldView {
        cameras: cameras.collect(),
        from: held.from,
        to: held.until.unwrap_or(to),
        hall_name: directory.hall_name(&held.hall),
        hall: held.hall,
        window: held.window,
    }
}
