//! Pauses and leave of windows: who entered them, who decides about leave, and what that excuses.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use mingjing_alerts::supervisor::Absent;
use mingjing_monitor::presence::approves;
use mingjing_monitor::store::absences::{self, AbsenceRow, Which};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::quiet::{checked, person, refused};
use crate::app::App;
use crate::audit::Trail;
use crate::caller::Caller;
use crate::directory::Directory;
use crate::policy::Role;
use crate::problem::{Json, Path, Problem, Query, Result};

/// Rows at most: a county enters some dozens a day.
const MOST: i64 = 500;

/// Which absences.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Narrow {
    /// Only this hall and what is below it.
    hall: Option<String>,
    /// `asked` (leave that waits for a decision), `standing` (lasts or is to come; the default) or `all`.
    view: Option<String>,
}

/// A pause or leave.
#[derive(Debug, Serialize, ToSchema)]
pub struct Absence {
    id: i64,
    /// `paused` or `leave`.
    kind: String,
    hall: String,
    hall_name: String,
    window: String,
    unit: Option<String>,
    unit_name: Option<String>,
    starts: DateTime<Utc>,
    /// Null: until the window serves again.
    ends: Option<DateTime<Utc>>,
    /// It excuses nothing before.
    entered: DateTime<Utc>,
    reason: Option<String>,
    /// Who entered it: a person, or the source that told of it.
    by: String,
    /// Of a leave: `asked`, `approved` or `refused`.
    approval: Option<&'static str>,
    decided_by: Option<String>,
    decided_at: Option<DateTime<Utc>>,
    decided_why: Option<String>,
    /// What this caller may do now: `approve`, `refuse`, `end`.
    actions: Vec<&'static str>,
}

impl Absence {
    fn new(row: AbsenceRow, caller: &Caller, directory: &Directory, now: DateTime<Utc>) -> Self {
        let mut actions = Vec::new();
        if row.is_asked() && decides(caller, directory, &row) {
            actions.extend(["approve", "refuse"]);
        }
        if caller.role == Role::HallManager && row.ends.is_none_or(|ends| ends > now) {
            actions.push("end");
        }
        let approval = match (row.kind.as_str(), row.approved, row.decided_at) {
            ("leave", true, _) => Some("approved"),
            ("leave", false, Some(_)) => Some("refused"),
            ("leave", false, None) => Some("asked"),
            _ => None,
        };
        Self {
            hall_name: directory.hall_name(&row.hall),
            unit_name: row.unit.as_deref().map(|unit| directory.unit_name(unit)),
            by: row.who.or(row.source).unwrap_or_default(),
            id: row.id,
            kind: row.kind,
            hall: row.hall,
            window: row.no,
            unit: row.unit,
            starts: row.starts,
            ends: row.ends,
            entered: row.entered,
            reason: row.reason,
            approval,
            decided_by: row.decided_by,
            decided_at: row.decided_at,
            decided_why: row.decided_why,
            actions,
        }
    }
}

/// Whether this caller stands above the hall, and did not ask for the leave.
fn decides(caller: &Caller, directory: &Directory, row: &AbsenceRow) -> bool {
    let (hall, role) = (&caller.scope.hall, caller.role.code());
    let own = row.account.is_some() && row.account == caller.account();
    !own && approves(directory.tree(), &row.hall, Some(hall), Some(role))
}

/// The list.
#[derive(Debug, Serialize, ToSchema)]
pub struct AbsenceList {
    items: Vec<Absence>,
}

/// Pauses and leave in the caller's halls, the latest to begin first.
#[utoipa::path(
    get, path = "/api/v1/absences", tag = "monitoring", operation_id = "list_absences", params(Narrow),
    responses((status = 200, body = AbsenceList), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(narrow): Query<Narrow>,
) -> Result<Json<AbsenceList>> {
    let which = match narrow.view.as_deref() {
        None | Some("" | "standing") => Which::Standing,
        Some("asked") => Which::Asked,
        Some("all") => Which::All,
        Some(other) => {
            let what = format!("view {other:?}: give asked, standing or all");
            return Err(Problem::invalid(what));
        }
    };
    let (directory, now) = (app.directory(), app.now());
    let seen = directory.seen(&caller.scope, narrow.hall.as_deref())?;
    let place = (
        seen.hall.as_str(),
        seen.unit.as_deref(),
        seen.window.as_deref(),
    );
    let rows = absences::list(app.db(), place, which, now, MOST).await?;
    let items = rows
        .into_iter()
        .map(|row| Absence::new(row, &caller, &directory, now))
        .collect();
    Ok(Json(AbsenceList { items }))
}

/// A pause or leave to be entered.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Enter {
    hall: String,
    window: Option<String>,
    /// `paused` or `leave`.
    kind: String,
    starts: Option<DateTime<Utc>>,
    ends: Option<DateTime<Utc>>,
    why: Option<String>,
}

/// Its number.
#[derive(Debug, Serialize, ToSchema)]
pub struct Entered {
    id: i64,
}

/// Enters a pause or leave beforehand. Leave waits for somebody above the hall.
#[utoipa::path(
    post, path = "/api/v1/absences", tag = "monitoring", operation_id = "enter_absence", request_body = Enter,
    responses((status = 201, body = Entered), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub async fn enter(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Json(new): Json<Enter>,
) -> Result<(StatusCode, Json<Entered>)> {
    let directory = app.directory();
    let seen = directory.seen(&caller.scope, Some(&new.hall))?;
    let missing = |field: &str| Problem::invalid(format!("`{field}` is missing"));
    let no = new.window.ok_or_else(|| missing("window"))?;
    let window = directory.window(&seen.hall, &no);
    window.ok_or_else(|| Problem::not_found("window"))?;
    let leave = match new.kind.as_str() {
        "paused" => false,
        "leave" => true,
        other => {
            let what = format!("kind {other:?}: give paused or leave");
            return Err(Problem::invalid(what));
        }
    };
    let ask = Absent::Enter {
        hall: seen.hall,
        no,
        leave,
        starts: new.starts.unwrap_or_else(|| app.now()),
        ends: new.ends.ok_or_else(|| missing("ends"))?,
        why: checked(new.why.unwrap_or_default())?,
    };
    let id = done(&app, &caller, &trail, ask).await?;
    Ok((StatusCode::CREATED, Json(Entered { id })))
}

/// Which, and what to do.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct IdAction {
    /// Its number.
    id: i64,
    /// `approve`, `refuse` or `end`.
    action: String,
}

/// Why.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct Said {
    /// A refusal needs it.
    why: Option<String>,
}

/// Decides about leave, above the hall; or ends a pause or leave before its time.
#[utoipa::path(
    post, path = "/api/v1/absences/{id}/{action}", tag = "monitoring", operation_id = "act_on_absence", params(IdAction),
    request_body = Said,
    responses(
        (status = 204), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)
    )
)]
pub async fn act(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(IdAction { id, action }): Path<IdAction>,
    Json(said): Json<Said>,
) -> Result<StatusCode> {
    let (directory, now) = (app.directory(), app.now());
    let found = {
        let mut connection = app.db().acquire().await?;
        absences::find(&mut connection, id).await?
    };
    let row = found
        .filter(|row| directory.sees(&caller.scope, &row.hall, row.unit.as_deref(), Some(&row.no)))
        .ok_or_else(|| Problem::not_found("pause or leave"))?;
    let asked = row.is_asked();
    let known = Absence::new(row, &caller, &directory, now);
    if !known.actions.contains(&action.as_str()) {
        return Err(match action.as_str() {
            "approve" | "refuse" if !asked => {
                Problem::conflict("It is decided already, or is no leave.")
            }
            other if !["approve", "refuse", "end"].contains(&other) => {
                let what = format!("action {other:?}: give approve, refuse or end");
                Problem::invalid(what)
            }
            _ => Problem::forbidden(
                "Leave is decided above the hall, and never by whoever asked for it; the hall's manager ends what it entered.",
            ),
        });
    }
    let ask = match action.as_str() {
        "end" => Absent::Serve { id },
        decision => Absent::Decide {
            id,
            approved: decision == "approve",
            why: said.why.map(checked).transpose()?,
        },
    };
    done(&app, &caller, &trail, ask).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn done(app: &App, caller: &Caller, trail: &Trail, ask: Absent) -> Result<i64> {
    let actor = person(caller, trail)?;
    let away = |_| Problem::unavailable("The console is starting or stopping; try again.");
    app.engine()
        .absent(ask, actor)
        .await
        .map_err(away)?
        .map_err(refused)
}
