//! Months that close: where each stands, what was done to it, and the scores that came out otherwise since.

use axum::extract::State;
use chrono::{DateTime, Months, NaiveDate, Utc};
use mingjing_alerts::closing::{Closing, Done};
use mingjing_alerts::store::closings::{self, Explained};
use mingjing_monitor::audit::Action;
use mingjing_monitor::org::Level;
use mingjing_monitor::score::{Figures, Grade, Points};

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::rankings::{self, Standstill, Subject};
use crate::app::App;
use crate::audit::{Record, Trail};
use crate::caller::{Caller, Who};
use crate::performance;
use crate::problem::{Json, Path, Problem, Query, Result};
use crate::store::{Notice, notify};

/// Longest reason, in characters.
const MAX_WHY: usize = 1_000;
/// Months that are not closed are listed back to here.
const BACK: u32 = 24;

/// Something that was done to a month.
#[derive(Debug, Serialize, ToSchema)]
pub struct MonthStep {
    at: DateTime<Utc>,
    /// `close`, `ask` (to open it again), `take_back`, `refuse` or `reopen`.
    step: String,
    /// When it fell due, of what time brought about.
    due_at: Option<DateTime<Utc>>,
    who: String,
    role: String,
    why: Option<String>,
}

/// A month.
#[derive(Debug, Serialize, ToSchema)]
pub struct MonthRow {
    month: String,
    standing: Standstill,
    /// The version of the rule profile whose formula scored what is published.
    profile_version: Option<i32>,
    /// What the caller may do to it: `ask`, `take_back`, `refuse`, `reopen`.
    actions: Vec<&'static str>,
    /// What was done to it, the first first.
    steps: Vec<MonthStep>,
}

/// The months.
#[derive(Debug, Serialize, ToSchema)]
pub struct MonthList {
    /// The newest first; the running one too.
    months: Vec<MonthRow>,
}

/// Where the months stand.
#[utoipa::path(
    get, path = "/api/v1/months", tag = "performance", operation_id = "months",
    responses((status = 200, body = MonthList))
)]
pub async fn list(State(app): State<App>, caller: Caller) -> Result<Json<MonthList>> {
    let steps = closings::steps(app.db()).await?;
    let reference = performance::reference(&app).await?;
    let running = performance::this_month(&app);
    let first_step = steps.keys().next().copied().unwrap_or(running);
    let mut month = first_step.max(running - Months::new(BACK));
    let mut months = Vec::new();
    while month <= running {
        let done = steps.get(&month).map_or(&[][..], Vec::as_slice);
        let closing = Closing::of(done);
        let closes_at = reference.closes_at(month, &closing);
        months.push(row(
            &caller,
            month,
            &closing,
            done,
            closes_at,
            month == running,
        ));
        month = mingjing_alerts::performance::month_after(month);
    }
    months.reverse();
    Ok(Json(MonthList { months }))
}

fn row(
    caller: &Caller,
    month: NaiveDate,
    closing: &Closing,
    steps: &[Done],
    closes_at: Option<DateTime<Utc>>,
    running: bool,
) -> MonthRow {
    let step = |done: &Done| MonthStep {
        at: done.at,
        step: done.step.clone(),
        due_at: done.due_at,
        who: done.who.clone(),
        role: done.role.clone(),
        why: done.why.clone(),
    };
    let actions = match &caller.who {
        Who::Account { login, .. } if caller.role == crate::policy::Role::Inspector => {
            closing.open_to(login).map(|step| step.name).collect()
        }
        _ => Vec::new(),
    };
    MonthRow {
        month: rankings::text(month),
        standing: Standstill::new(closing, closes_at, running),
        profile_version: closing
            .published
            .as_ref()
            .and_then(|done| done.profile_version),
        actions,
        steps: steps.iter().map(step).collect(),
    }
}

/// A month and an action.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct MonthAction {
    /// `2026-10`.
    month: String,
    /// `ask`, `take_back`, `refuse` or `reopen`.
    action: String,
}

/// What an inspector does to a month.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ActOnMonth {
    /// Why; who asks or refuses has to say.
    why: Option<String>,
}

/// Asks for a closed month to be opened again, takes that back, refuses it, or opens it: whoever asked does neither of the last two.
/// What was published stays as it was; the month closes again by itself, as many workdays later as a month does.
#[utoipa::path(
    post, path = "/api/v1/months/{month}/{action}", tag = "performance", operation_id = "act_on_month", params(MonthAction),
    request_body = ActOnMonth,
    responses((status = 200, body = MonthRow), (status = 403, body = Problem), (status = 404, body = Problem),
              (status = 409, body = Problem), (status = 422, body = Problem))
)]
pub async fn act(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(MonthAction { month, action }): Path<MonthAction>,
    Json(act): Json<ActOnMonth>,
) -> Result<Json<MonthRow>> {
    let (login, name) = match &caller.who {
        Who::Account { login, name, .. } => (login.clone(), name.clone()),
        Who::Token { .. } => return Err(Problem::forbidden("A person has to do this.")),
    };
    let first = rankings::month(&month)?;
    let why = act
        .why
        .map(|why| why.trim().to_owned())
        .filter(|why| !why.is_empty());
    if why
        .as_ref()
        .is_some_and(|why| why.chars().count() > MAX_WHY || why.contains('\0'))
    {
        return Err(Problem::invalid(format!(
            "why: at most {MAX_WHY} characters"
        )));
    }
    let now = app.now();
    let mut tx = app.db().begin().await?;
    let before = closings::hold(&mut tx, first).await?;
    let Some(step) = before.open_to(&login).find(|step| step.name == action) else {
        return Err(match before.asker.as_deref() {
            Some(asker) if asker == login => {
                Problem::forbidden("You asked for this: another inspector has to answer.")
            }
            _ => Problem::conflict(format!(
                "A month that is {} does not allow that.",
                before.state.as_str()
            )),
        });
    };
    if step.needs_why && why.is_none() {
        return Err(Problem::invalid("why: say why"));
    }
    let done = Done {
        id: 0,
        month: first,
        step: step.name.to_owned(),
        at: now,
        due_at: None,
        login: Some(login),
        who: name,
        role: caller.role.code().to_owned(),
        why: why.clone(),
        profile_version: None,
    };
    closings::append(&mut tx, &done).await?;
    notify(&mut tx, Notice::Organisation).await?;
    let record = Record::of(Action::MonthChanged)
        .on("month", rankings::text(first))
        .before(json!({"state": before.state.as_str()}))
        .after(json!({"step": step.name, "state": step.to.as_str()}));
    let record = match why {
        Some(why) => record.reason(why),
        None => record,
    };
    trail.append(&mut tx, record).await?;
    tx.commit().await?;
    let steps = closings::steps(app.db()).await?;
    let steps = steps.get(&first).map_or(&[][..], Vec::as_slice);
    let closing = Closing::of(steps);
    let reference = performance::reference(&app).await?;
    let closes_at = reference.closes_at(first, &closing);
    Ok(Json(row(&caller, first, &closing, steps, closes_at, false)))
}

/// A score and its grade.
#[derive(Debug, Serialize, ToSchema)]
pub struct Scored {
    #[schema(value_type = Option<f64>)]
    score: Option<Points>,
    #[schema(value_type = Option<String>)]
    grade: Option<Grade>,
}

impl From<&Figures> for Scored {
    fn from(figures: &Figures) -> Self {
        Self {
            score: figures.score,
            grade: figures.grade,
        }
    }
}

/// A score of a closed month that came out otherwise.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ScoreChange)]
pub struct Change {
    id: i64,
    /// Whose month it is.
    month: String,
    level: String,
    subject: Subject,
    /// When it was noticed.
    at: DateTime<Utc>,
    /// Null: it did not stand in what was published.
    before: Option<Scored>,
    after: Scored,
    /// `[{"part","points","turn":"came"|"went"|"changed","reason":{"because",…},"cause":{"transition","at","who","why"}}]`: what
    /// counts otherwise, and what was done to the card that it is about. The points together are what the score rose by.
    #[schema(value_type = Vec<Object>)]
    differences: Vec<Explained>,
}

impl From<closings::Change> for Change {
    fn from(change: closings::Change) -> Self {
        // The database knows no other word.
        let level = Level::parse(&change.level).unwrap_or(Level::County);
        Self {
            id: change.id,
            month: rankings::text(change.month),
            level: change.level,
            subject: Subject::new(level, change.subject, change.name, change.name_en),
            at: change.at,
            before: change.before.as_ref().map(|figures| (&figures.0).into()),
            after: (&change.figures.0).into(),
            differences: change.differences.0,
        }
    }
}

/// Which corrections.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WhichChanges {
    /// `2026-11`: those noticed in this month, which its bulletin lists.
    noticed: Option<String>,
    /// `2026-10`: those of this month's scores.
    month: Option<String>,
    /// `county`, `town` or `village` alone.
    #[param(value_type = Option<String>)]
    level: Option<Level>,
}

/// Corrections.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangeList {
    /// The newest first.
    changes: Vec<Change>,
}

/// The scores of closed months that came out otherwise, of the caller's halls.
#[utoipa::path(
    get, path = "/api/v1/score-changes", tag = "performance", operation_id = "score_changes", params(WhichChanges),
    responses((status = 200, body = ChangeList), (status = 422, body = Problem))
)]
pub async fn changes(
    State(app): State<App>,
    caller: Caller,
    Query(which): Query<WhichChanges>,
) -> Result<Json<ChangeList>> {
    let directory = app.directory();
    let seen = directory.seen(&caller.scope, None)?;
    let month = which.month.as_deref().map(rankings::month).transpose()?;
    let noticed = which.noticed.as_deref().map(rankings::month).transpose()?;
    let reference = performance::reference(&app).await?;
    let of = closings::Which {
        noticed: noticed.map(|first| reference.grounds(app.now()).span(first)),
        month,
        subject: None,
    };
    let level = which.level;
    let found = closings::changes(app.db(), of).await?;
    let changes = found
        .into_iter()
        .filter(|change| level.is_none_or(|level| level.as_str() == change.level))
        .map(|change| (Level::parse(&change.level), change))
        .filter(|(level, change)| {
            level.is_some_and(|level| rankings::visible(&directory, &seen, level, &change.subject))
        })
        .map(|(_, change)| Change::from(change))
        .collect();
    Ok(Json(ChangeList { changes }))
}
