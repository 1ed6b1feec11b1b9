//! What is kept quiet, by whom and until when: planned maintenance, what it and parents hold back, acknowledged cards.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use mingjing_alerts::rules::watched::{Hold, Thing};
use mingjing_alerts::store::maintenance::{self, Maintenance};
use mingjing_alerts::supervisor::{ActError, Actor, Holder, Quiet, QuietError, held_back};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::sources;
use crate::app::App;
use crate::audit::Trail;
use crate::caller::Caller;
use crate::directory::Directory;
use crate::problem::{Json, Path, Problem, Query, Result};
use crate::store::cards;
use crate::views::CardRow;

/// Longest reason, in characters.
const MAX_WHY: usize = 1_000;
/// Past maintenance listed at most.
const MOST: i64 = 300;

/// Which halls.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Of {
    /// Only this hall and what is below it.
    hall: Option<String>,
}

/// A number in the path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct Id {
    /// Its number.
    id: i64,
}

/// A planned maintenance.
#[derive(Debug, Serialize, ToSchema)]
pub struct MaintenanceRow {
    id: i64,
    /// `hall`, `camera` or `source`.
    thing: String,
    subject: String,
    /// Its name.
    name: String,
    hall: String,
    hall_name: String,
    starts: DateTime<Utc>,
    ends: DateTime<Utc>,
    why: String,
    /// Who planned it, and when.
    who: String,
    created_at: DateTime<Utc>,
    /// Ended before its time, or called off.
    ended_at: Option<DateTime<Utc>>,
    ended_by: Option<String>,
    /// `current`, `coming` or `past`.
    state: &'static str,
    /// Alerts that it holds or held back.
    held: i64,
}

impl MaintenanceRow {
    fn new(row: Maintenance, directory: &Directory, now: DateTime<Utc>) -> Self {
        let state = if row.until() <= now {
            "past"
        } else if row.starts <= now {
            "current"
        } else {
            "coming"
        };
        Self {
            name: name_of(directory, &row.thing, &row.subject),
            hall_name: directory.hall_name(&row.hall),
            id: row.id,
            thing: row.thing,
            subject: row.subject,
            hall: row.hall,
            starts: row.starts,
            ends: row.ends,
            why: row.why,
            who: row.who,
            created_at: row.created_at,
            ended_at: row.ended_at,
            ended_by: row.ended_by,
            state,
            held: row.held,
        }
    }
}

/// What a hall or camera is called; a source goes by its id.
pub fn name_of(directory: &Directory, thing: &str, subject: &str) -> String {
    match thing {
        "hall" => directory.hall_name(subject),
        "camera" => directory
            .camera(subject)
            .map_or_else(|| subject.to_owned(), |camera| camera.name.clone()),
        _ => subject.to_owned(),
    }
}

/// All of it: what goes on and what is coming first, then what is over.
#[derive(Debug, Serialize, ToSchema)]
pub struct MaintenanceList {
    items: Vec<MaintenanceRow>,
}

/// Planned maintenance in the caller's halls.
#[utoipa::path(
    get, path = "/api/v1/maintenance", tag = "supervision", operation_id = "list_maintenance", params(Of),
    responses((status = 200, body = MaintenanceList), (status = 404, body = Problem))
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(of): Query<Of>,
) -> Result<Json<MaintenanceList>> {
    let (directory, now) = (app.directory(), app.now());
    let seen = directory.seen(&caller.scope, of.hall.as_deref())?;
    Ok(Json(MaintenanceList {
        items: maintenance_of(&app, &directory, &seen.hall, now).await?,
    }))
}

async fn maintenance_of(
    app: &App,
    directory: &Directory,
    hall: &str,
    now: DateTime<Utc>,
) -> Result<Vec<MaintenanceRow>> {
    let mut connection = app.db().acquire().await?;
    let rows = maintenance::list(&mut connection, hall, now, MOST).await?;
    Ok(rows
        .into_iter()
        .map(|row| MaintenanceRow::new(row, directory, now))
        .collect())
}

/// A maintenance to be planned.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Plan {
    /// `hall`, `camera` or `source`.
    thing: String,
    /// Code of the hall, id of the camera or source.
    subject: String,
    starts: DateTime<Utc>,
    /// At most 30 days after it starts.
    ends: DateTime<Utc>,
    why: String,
}

/// What was planned.
#[derive(Debug, Serialize, ToSchema)]
pub struct Planned {
    id: i64,
}

/// Plans maintenance: its alerts are held back, listed and counted meanwhile.
#[utoipa::path(
    post, path = "/api/v1/maintenance", tag = "supervision", operation_id = "plan_maintenance", request_body = Plan,
    responses((status = 201, body = Planned), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub async fn plan(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Json(plan): Json<Plan>,
) -> Result<(StatusCode, Json<Planned>)> {
    let thing =
        Thing::parse(&plan.thing).filter(|thing| !matches!(thing, Thing::Edge | Thing::Window));
    let thing = thing.ok_or_else(|| {
        Problem::invalid("`thing` is what will be worked on: give hall, camera or source")
    })?;
    let hall = place_of(&app, &caller, thing, &plan.subject).await?;
    let ask = Quiet::Plan {
        thing,
        subject: plan.subject,
        hall,
        starts: plan.starts,
        ends: plan.ends,
        why: checked(plan.why)?,
    };
    let id = done(&app, &caller, &trail, ask).await?;
    Ok((StatusCode::CREATED, Json(Planned { id })))
}

/// The hall in whose scope it lies; outside the caller's halls there is no such thing.
async fn place_of(app: &App, caller: &Caller, thing: Thing, subject: &str) -> Result<String> {
    let directory = app.directory();
    let seen = |hall: &str| directory.tree().contains(&caller.scope.hall, hall);
    let found = match thing {
        Thing::Hall => Some(subject.to_owned()).filter(|hall| seen(hall)),
        Thing::Camera => directory
            .camera(subject)
            .map(|camera| camera.hall.clone())
            .filter(|hall| seen(hall)),
        Thing::Source => {
            let known = sources::seen(app, &caller.scope.hall).await?;
            let is_known = known.iter().any(|source| source.id == subject);
            is_known.then(|| caller.scope.hall.clone())
        }
        Thing::Edge | Thing::Window => None,
    };
    found.ok_or_else(|| Problem::not_found("hall, camera or source of this name"))
}

/// Ends maintenance before its time, or calls it off.
#[utoipa::path(
    post, path = "/api/v1/maintenance/{id}/end", tag = "supervision", operation_id = "end_maintenance", params(Id),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub async fn end(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(Id { id }): Path<Id>,
) -> Result<StatusCode> {
    let directory = app.directory();
    let found = {
        let mut connection = app.db().acquire().await?;
        maintenance::find(&mut connection, id, app.now()).await?
    };
    let found = found
        .filter(|row| directory.tree().contains(&caller.scope.hall, &row.hall))
        .ok_or_else(|| Problem::not_found("maintenance"))?;
    let ask = Quiet::End {
        id,
        hall: found.hall,
    };
    done(&app, &caller, &trail, ask).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An alert that is held back.
#[derive(Debug, Serialize, ToSchema)]
pub struct HeldRow {
    /// `source`, `edge`, `hall`, `camera` or `window`.
    thing: &'static str,
    subject: String,
    name: String,
    hall: String,
    hall_name: String,
    /// `silent`, `offline`, `frozen`, `black`, `covered` or `empty`.
    trouble: &'static str,
    since: DateTime<Utc>,
    by: Vec<By>,
}

/// What holds it back.
#[derive(Debug, Serialize, ToSchema)]
pub struct By {
    /// `maintenance`; `source`, `edge` or `hall`, which is down itself; `outage`, when we could not hear it ourselves.
    kind: &'static str,
    name: String,
    /// Until when; null while nobody knows.
    until: Option<DateTime<Utc>>,
}

impl By {
    fn new(holder: &Holder, hold: &Hold, directory: &Directory) -> Self {
        let (kind, name) = match holder {
            Holder::Maintenance(row) => (
                "maintenance",
                format!(
                    "{} · {}",
                    name_of(directory, &row.thing, &row.subject),
                    row.why
                ),
            ),
            Holder::Parent(parent) => (parent.episode.thing.as_str(), parent.episode.name.clone()),
            Holder::Outage => ("outage", String::new()),
        };
        Self {
            kind,
            name,
            until: hold.until,
        }
    }
}

/// Provisional cards that wait for a source which says nothing.
#[derive(Debug, Serialize, ToSchema)]
pub struct WaitingRow {
    source: String,
    cards: i64,
}

/// Everything that is kept quiet now.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuietNow {
    held: Vec<HeldRow>,
    /// By when they come back, soonest first.
    acknowledged: Vec<CardRow>,
    waiting: Vec<WaitingRow>,
    /// What goes on now.
    maintenance: Vec<MaintenanceRow>,
}

/// Everything in the caller's halls that is held back, acknowledged or under maintenance, and until when.
#[utoipa::path(
    get, path = "/api/v1/quiet", tag = "supervision", operation_id = "show_quiet", params(Of),
    responses((status = 200, body = QuietNow), (status = 404, body = Problem))
)]
pub async fn show(
    State(app): State<App>,
    caller: Caller,
    Query(of): Query<Of>,
) -> Result<Json<QuietNow>> {
    let (directory, now) = (app.directory(), app.now());
    let seen = directory.seen(&caller.scope, of.hall.as_deref())?;
    let mut connection = app.db().acquire().await?;
    let held = held_back(&mut connection, now).await?;
    drop(connection);
    let visible = |hall: &str| directory.tree().contains(&seen.hall, hall);
    let held = held
        .into_iter()
        .filter(|(record, _)| visible(&record.episode.hall))
        .map(|(record, holders)| HeldRow {
            thing: record.episode.thing.as_str(),
            subject: record.episode.subject,
            name: record.episode.name,
            hall_name: directory.hall_name(&record.episode.hall),
            hall: record.episode.hall,
            trouble: record.episode.trouble.as_str(),
            since: record.episode.since,
            by: holders
                .iter()
                .map(|(holder, hold)| By::new(holder, hold, &directory))
                .collect(),
        })
        .collect();
    let acknowledged = cards::acknowledged(app.db(), &seen).await?;
    let waiting = cards::waiting(app.db(), &seen).await?;
    let silent = sources::seen(&app, &seen.hall).await?;
    let is_silent = |id: &str| {
        silent.iter().any(|source| {
            source.id == id
                && source.state(now) == mingjing_monitor::store::sources::SourceState::Silent
        })
    };
    let mut maintenance = maintenance_of(&app, &directory, &seen.hall, now).await?;
    maintenance.retain(|row| row.state == "current");
    Ok(Json(QuietNow {
        held,
        acknowledged: acknowledged
            .iter()
            .map(|card| CardRow::new(card, &directory))
            .collect(),
        waiting: waiting
            .into_iter()
            .filter(|(source, _)| is_silent(source))
            .map(|(source, cards)| WaitingRow { source, cards })
            .collect(),
        maintenance,
    }))
}

/// Until when somebody is left alone with a card.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Acknowledge {
    /// At most 7 days from now.
    until: DateTime<Utc>,
    why: String,
}

/// Acknowledges a card: it is kept quiet until then, and comes back by itself.
#[utoipa::path(
    post, path = "/api/v1/cards/{id}/acknowledge", tag = "supervision", operation_id = "acknowledge_card", params(Id),
    request_body = Acknowledge,
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem))
)]
pub async fn acknowledge(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(Id { id }): Path<Id>,
    Json(asked): Json<Acknowledge>,
) -> Result<StatusCode> {
    seen_card(&app, &caller, id).await?;
    let ask = Quiet::Acknowledge {
        card: id,
        until: asked.until,
        why: checked(asked.why)?,
    };
    done(&app, &caller, &trail, ask).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes an acknowledgement back.
#[utoipa::path(
    post, path = "/api/v1/cards/{id}/resume", tag = "supervision", operation_id = "resume_card", params(Id),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub async fn resume(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(Id { id }): Path<Id>,
) -> Result<StatusCode> {
    seen_card(&app, &caller, id).await?;
    done(&app, &caller, &trail, Quiet::Resume { card: id }).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn seen_card(app: &App, caller: &Caller, id: i64) -> Result<()> {
    let seen = app.directory().seen(&caller.scope, None)?;
    let found = cards::of_ids(app.db(), &seen, &[id]).await?;
    if found.is_empty() {
        return Err(Problem::not_found("card"));
    }
    Ok(())
}

/// Refuses what is too long to be read.
///
/// # Errors
/// `invalid`.
pub(super) fn checked(why: String) -> Result<String> {
    if why.contains('\0') {
        return Err(Problem::invalid(
            "`why` contains the character U+0000: take it out",
        ));
    }
    if why.chars().count() > MAX_WHY {
        let what = format!("`why` is longer than {MAX_WHY} characters: say it shorter");
        return Err(Problem::invalid(what));
    }
    Ok(why)
}

async fn done(app: &App, caller: &Caller, trail: &Trail, ask: Quiet) -> Result<i64> {
    let actor = person(caller, trail)?;
    let away = |_| Problem::unavailable("The console is starting or stopping; try again.");
    app.engine()
        .quiet(ask, actor)
        .await
        .map_err(away)?
        .map_err(refused)
}

/// Who keeps something quiet.
///
/// # Errors
/// `forbidden` for programs.
pub(super) fn person(caller: &Caller, trail: &Trail) -> Result<Actor> {
    let account = caller
        .account()
        .ok_or_else(|| Problem::forbidden("Only people keep something quiet."))?;
    Ok(Actor {
        account,
        who: caller.name().to_owned(),
        role: caller.role.code().to_owned(),
        trail: trail.actor().clone(),
        at: Utc::now(),
    })
}

/// Why it was not done.
pub(super) fn refused(error: QuietError) -> Problem {
    match error {
        QuietError::Act(ActError::Store(error)) => error.into(),
        QuietError::Act(ActError::NotFound(_)) => Problem::not_found("card"),
        QuietError::Nothing => Problem::conflict(error.to_string()),
        _ => Problem::invalid(error.to_string()),
    }
}
