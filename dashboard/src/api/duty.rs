//! Patrols through the cameras, and shifts that are handed over with what is open (screens.md, Video inspection).

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use mingjing_monitor::audit::Action;
use mingjing_monitor::store::sources::SourceState;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::list::{ById, List};
use super::sources;
use crate::app::App;
use crate::audit::{Record, Trail};
use crate::caller::Caller;
use crate::directory::Directory;
use crate::problem::{Json, Problem, Query, Result};
use crate::store::Seen;
use crate::store::duty::{self, Handover, Patrol, Stop, Watcher};
use crate::store::{cards, inbox};
use crate::views::CameraView;

/// A patrol that began longer ago is over.
const LONGEST: TimeDelta = TimeDelta::hours(24);
/// Longest look at one hall, in seconds.
const MAX_SECONDS: u32 = 3_600;
/// Longest finding or note, in characters.
const MAX_TEXT: usize = 1_000;
/// Most cameras on one screen.
const MAX_CAMERAS: usize = 16;
/// Most of each kind in what is open.
const MOST: usize = 50;

/// Which of them.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Of {
    /// Only this hall and what is below it.
    hall: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// Rows, 1 to 500 (100).
    limit: Option<u32>,
}

/// A round through the cameras.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Patrol)]
pub struct PatrolView {
    id: i64,
    hall: String,
    hall_name: String,
    begun: DateTime<Utc>,
    who: String,
    role: String,
    stops: Vec<StopView>,
}

/// A hall that was looked at.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PatrolStop)]
pub struct StopView {
    hall: String,
    hall_name: String,
    /// What was on the screen.
    cameras: Vec<String>,
    /// What of it showed a live picture.
    live: Vec<String>,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    /// Null: nothing was found.
    finding: Option<String>,
}

impl StopView {
    fn new(stop: Stop, directory: &Directory) -> Self {
        Self {
            hall_name: directory.hall_name(&stop.hall),
            hall: stop.hall,
            cameras: stop.cameras,
            live: stop.live,
            since: stop.since,
            until: stop.until,
            finding: stop.finding,
        }
    }
}

/// Patrols in the caller's halls, newest first, each with its stops there.
#[utoipa::path(
    get, path = "/api/v1/patrols", tag = "cameras", operation_id = "list_patrols", params(Of),
    responses((status = 200, body = List<PatrolView>), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub async fn patrols(
    State(app): State<App>,
    caller: Caller,
    Query(of): Query<Of>,
) -> Result<Json<List<PatrolView>>> {
    let (seq, directory) = (app.live().seq(&caller), app.directory());
    let seen = directory.seen(&caller.scope, of.hall.as_deref())?;
    let page = ById::read(of.cursor, of.limit)?;
    let mut rows = duty::patrols(app.db(), &seen.hall, page.after, page.probe()).await?;
    let next = page.cut(&mut rows, |row| row.id);
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let mut stops = duty::stops(app.db(), &seen.hall, &ids).await?;
    let view = |row: Patrol| {
        let of_it = stops.extract_if(.., |stop| stop.patrol == row.id);
        PatrolView {
            stops: of_it.map(|stop| StopView::new(stop, &directory)).collect(),
            hall_name: directory.hall_name(&row.hall),
            id: row.id,
            hall: row.hall,
            begun: row.begun,
            who: row.who,
            role: row.role,
        }
    };
    Ok(Json(List {
        items: rows.into_iter().map(view).collect(),
        next,
        seq,
    }))
}

/// A patrol to begin.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = BeginPatrol)]
pub struct Begin {
    /// Through this hall and all below it; left out: through all of the caller's.
    hall: Option<String>,
}

/// Its number.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DutyNumber)]
pub struct Begun {
    id: i64,
}

/// Begins a patrol.
#[utoipa::path(
    post, path = "/api/v1/patrols", tag = "cameras", operation_id = "begin_patrol", request_body = Begin,
    responses((status = 201, body = Begun), (status = 404, body = Problem))
)]
pub async fn begin(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Json(begin): Json<Begin>,
) -> Result<(StatusCode, Json<Begun>)> {
    let seen = app.directory().seen(&caller.scope, begin.hall.as_deref())?;
    let by = watcher(&caller)?;
    let mut tx = app.db().begin().await?;
    let id = duty::begin(&mut tx, &seen.hall, &by, app.now()).await?;
    let record = Record::of(Action::PatrolBegun)
        .on("patrol", id)
        .hall(seen.hall);
    trail.append(&mut tx, record).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(Begun { id })))
}

/// A hall that was looked at.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = AddPatrolStop)]
pub struct Look {
    /// The patrol; the caller's own.
    patrol: Option<i64>,
    hall: String,
    /// The cameras of the hall that were on the screen, 1 to 16.
    #[serde(default)]
    cameras: Vec<String>,
    /// For how many seconds until now, up to an hour.
    #[serde(default)]
    seconds: u32,
    /// What was found; left out or empty: nothing.
    finding: Option<String>,
}

/// Writes down that a hall was looked at.
#[utoipa::path(
    post, path = "/api/v1/patrols/stops", tag = "cameras", operation_id = "add_patrol_stop", request_body = Look,
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem))
)]
pub async fn look(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Json(look): Json<Look>,
) -> Result<StatusCode> {
    let (directory, now) = (app.directory(), app.now());
    let seen = directory.seen(&caller.scope, Some(&look.hall))?;
    let id = look.patrol.ok_or_else(|| {
        Problem::invalid("`patrol` is missing: begin one with POST /api/v1/patrols")
    })?;
    let patrol = duty::patrol(app.db(), id)
        .await?
        .filter(|patrol| Some(patrol.account) == caller.account())
        .ok_or_else(|| Problem::not_found("patrol of yours"))?;
    if now - patrol.begun > LONGEST {
        return Err(Problem::conflict(
            "This patrol began more than a day ago: begin a new one.",
        ));
    }
    if !(1..=MAX_CAMERAS).contains(&look.cameras.len()) {
        let what = format!("`cameras` names 1 to {MAX_CAMERAS} cameras of the hall");
        return Err(Problem::invalid(what));
    }
    for id in &look.cameras {
        let camera = directory.camera(id).filter(|camera| {
            camera.hall == seen.hall && directory.sees_camera(&caller.scope, camera)
        });
        if camera.is_none() {
            let what = format!("`cameras`: there is no camera {id:?} in hall {}", seen.hall);
            return Err(Problem::invalid(what));
        }
    }
    if look.seconds > MAX_SECONDS {
        let what = format!("`seconds` is at most {MAX_SECONDS}");
        return Err(Problem::invalid(what));
    }
    let finding = look
        .finding
        .map(|text| said("finding", &text))
        .transpose()?;
    let is_live = |id: &&String| {
        let known = app.edges().health(id);
        known.is_some_and(|known| known.is_live())
    };
    let stop = Stop {
        patrol: patrol.id,
        hall: seen.hall.clone(),
        live: look.cameras.iter().filter(is_live).cloned().collect(),
        cameras: look.cameras,
        since: now - TimeDelta::seconds(look.seconds.into()),
        until: now,
        finding: finding.filter(|text| !text.is_empty()),
    };
    let mut tx = app.db().begin().await?;
    duty::stop(&mut tx, &stop).await?;
    let record = Record::of(Action::PatrolStopped)
        .on("patrol", patrol.id)
        .hall(seen.hall)
        .after(json!({"cameras": stop.cameras, "live": stop.live, "seconds": look.seconds, "finding": stop.finding}));
    trail.append(&mut tx, record).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is open.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OpenNow)]
pub struct Open {
    /// Yellow and red cards to be answered.
    to_answer: i64,
    /// Cards that an inspector has to issue.
    pending: i64,
    /// Cards of cameras that nobody has looked at.
    unconfirmed: i64,
    contested: i64,
    /// What awaits this role: cards, orders, leave; and what of all is over its time.
    waiting_cards: i64,
    waiting_orders: i64,
    waiting_leaves: i64,
    over: i64,
    /// Cameras that show no good picture, 50 at most.
    cameras: Vec<OpenCamera>,
    /// Sources that say nothing.
    sources: Vec<String>,
    /// What patrols found since the shift before was handed over, 50 at most.
    findings: Vec<StopView>,
}

/// A camera that shows no good picture.
#[derive(Debug, Serialize, ToSchema)]
pub struct OpenCamera {
    id: String,
    name: String,
    hall: String,
    hall_name: String,
    /// Its state, or what is wrong with its picture.
    trouble: &'static str,
}

async fn open(app: &App, caller: &Caller, seen: &Seen) -> Result<Open> {
    let (directory, now) = (app.directory(), app.now());
    let counts = cards::counts(app.db(), seen).await?;
    let waiting = inbox::counts(app.db(), seen, caller.role.code(), now).await?;
    let troubled = |camera: &mingjing_monitor::store::halls::Camera| {
        let known = app.edges().health(&camera.id);
        let trouble = CameraView::new(camera, known.as_ref(), &directory).trouble()?;
        Some(OpenCamera {
            id: camera.id.clone(),
            name: camera.name.clone(),
            hall: camera.hall.clone(),
            hall_name: directory.hall_name(&camera.hall),
            trouble,
        })
    };
    let here = directory.cameras().filter(|camera| {
        directory.tree().contains(&seen.hall, &camera.hall)
            && directory.sees_camera(&caller.scope, camera)
    });
    let sources = sources::seen(app, &seen.hall).await?;
    let silent = sources
        .into_iter()
        .filter(|source| source.state(now) == SourceState::Silent);
    let findings = duty::findings(app.db(), &seen.hall, MOST as i64).await?;
    Ok(Open {
        to_answer: counts.to_answer,
        pending: counts.pending,
        unconfirmed: counts.unconfirmed,
        contested: counts.contested,
        waiting_cards: waiting.0,
        waiting_orders: waiting.1,
        waiting_leaves: waiting.2,
        over: waiting.3,
        cameras: here.filter_map(troubled).take(MOST).collect(),
        sources: silent.map(|source| source.id).collect(),
        findings: findings
            .into_iter()
            .map(|stop| StopView::new(stop, &directory))
            .collect(),
    })
}

/// A shift that was handed over.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Handover)]
pub struct HandoverView {
    id: i64,
    hall: String,
    hall_name: String,
    at: DateTime<Utc>,
    who: String,
    role: String,
    note: String,
    /// What was open then.
    #[schema(value_type = Open)]
    open: Value,
    taken_at: Option<DateTime<Utc>>,
    taken_by: Option<String>,
    /// Whether this caller may take it over now.
    may_take: bool,
}

impl HandoverView {
    fn new(row: Handover, caller: &Caller, directory: &Directory) -> Self {
        Self {
            may_take: may_take(&row, caller).is_ok(),
            hall_name: directory.hall_name(&row.hall),
            id: row.id,
            hall: row.hall,
            at: row.at,
            who: row.who,
            role: row.role,
            note: row.note,
            open: row.open,
            taken_at: row.taken_at,
            taken_by: row.taken_by,
        }
    }
}

/// Whoever stands over the same halls in the same role takes a shift over, and never who handed it over.
fn may_take(row: &Handover, caller: &Caller) -> Result<()> {
    if row.taken_at.is_some() {
        let by = row.taken_by.as_deref().unwrap_or_default();
        let what = format!("{by} has taken this shift over already.");
        return Err(Problem::conflict(what));
    }
    let same = row.hall == caller.scope.hall && row.role == caller.role.code();
    if !same || Some(row.account) == caller.account() {
        return Err(Problem::forbidden(
            "A shift is taken over by somebody else in the same role over the same halls.",
        ));
    }
    Ok(())
}

/// Shifts, and what is open now.
#[derive(Debug, Serialize, ToSchema)]
pub struct Handovers {
    items: Vec<HandoverView>,
    next: Option<String>,
    seq: u64,
    /// What is open now.
    open: Open,
}

/// Shifts that were handed over in the caller's halls, newest first, and what is open now.
#[utoipa::path(
    get, path = "/api/v1/handovers", tag = "supervision", operation_id = "list_handovers", params(Of),
    responses((status = 200, body = Handovers), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub async fn handovers(
    State(app): State<App>,
    caller: Caller,
    Query(of): Query<Of>,
) -> Result<Json<Handovers>> {
    let (seq, directory) = (app.live().seq(&caller), app.directory());
    let seen = directory.seen(&caller.scope, of.hall.as_deref())?;
    let page = ById::read(of.cursor, of.limit)?;
    let mut rows = duty::handovers(app.db(), &seen.hall, page.after, page.probe()).await?;
    let next = page.cut(&mut rows, |row| row.id);
    let view = |row| HandoverView::new(row, &caller, &directory);
    Ok(Json(Handovers {
        items: rows.into_iter().map(view).collect(),
        next,
        seq,
        open: open(&app, &caller, &seen).await?,
    }))
}

/// What whoever comes next should know.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = HandOver)]
pub struct Note {
    note: Option<String>,
}

/// Hands the caller's shift over, with what is open now.
#[utoipa::path(
    post, path = "/api/v1/handovers", tag = "supervision", operation_id = "hand_over", request_body = Note,
    responses((status = 201, body = Begun), (status = 422, body = Problem))
)]
pub async fn hand_over(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Json(note): Json<Note>,
) -> Result<(StatusCode, Json<Begun>)> {
    let note = said("note", &note.note.unwrap_or_default())?;
    if note.is_empty() {
        return Err(Problem::invalid(
            "`note` is empty: say what whoever comes next should know, or that there is nothing",
        ));
    }
    let seen = app.directory().seen(&caller.scope, None)?;
    let by = watcher(&caller)?;
    let now_open = json!(open(&app, &caller, &seen).await?);
    let mut tx = app.db().begin().await?;
    let id = duty::hand_over(&mut tx, &seen.hall, &by, &note, &now_open, app.now()).await?;
    let record = Record::of(Action::ShiftHandedOver)
        .on("handover", id)
        .hall(seen.hall)
        .after(json!({"note": note}));
    trail.append(&mut tx, record).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(Begun { id })))
}

/// Which shift.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = TakeShift)]
pub struct Take {
    id: Option<i64>,
}

/// Takes a shift over that somebody else in the same role over the same halls handed over.
#[utoipa::path(
    post, path = "/api/v1/handovers/take", tag = "supervision", operation_id = "take_shift", request_body = Take,
    responses(
        (status = 204), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)
    )
)]
pub async fn take(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Json(take): Json<Take>,
) -> Result<StatusCode> {
    let id = take.id.ok_or_else(|| Problem::invalid("`id` is missing"))?;
    let directory = app.directory();
    let row = duty::handover(app.db(), id)
        .await?
        .filter(|row| directory.tree().contains(&caller.scope.hall, &row.hall))
        .ok_or_else(|| Problem::not_found("shift"))?;
    may_take(&row, &caller)?;
    let by = watcher(&caller)?;
    let mut tx = app.db().begin().await?;
    if !duty::take(&mut tx, id, &by, app.now()).await? {
        return Err(Problem::conflict(
            "Somebody has taken this shift over already.",
        ));
    }
    let record = Record::of(Action::ShiftTaken)
        .on("handover", id)
        .hall(row.hall);
    trail.append(&mut tx, record).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

fn watcher(caller: &Caller) -> Result<Watcher> {
    Ok(Watcher {
        account: caller
            .account()
            .ok_or_else(|| Problem::forbidden("Only people are on duty."))?,
        who: caller.name().to_owned(),
        role: caller.role.code(),
    })
}

fn said(what: &str, text: &str) -> Result<String> {
    let text = text.trim();
    if text.contains('\0') {
        let what = format!("`{what}` contains the character U+0000: take it out");
        return Err(Problem::invalid(what));
    }
    if text.chars().count() > MAX_TEXT {
        let what = format!("`{what}` is longer than {MAX_TEXT} characters: say it shorter");
        return Err(Problem::invalid(what));
    }
    Ok(text.to_owned())
}
