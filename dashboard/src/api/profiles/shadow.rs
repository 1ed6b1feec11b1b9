//! Shadow runs over the console's interface: begun, watched, called off.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use mingjing_alerts::profile::Profile;
use mingjing_alerts::shadow::{self, Question, Unlike};
use mingjing_alerts::store::drafts;
use mingjing_alerts::versions::Versions;
use mingjing_monitor::audit::Action;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::bounded;
use crate::app::App;
use crate::audit::{Record, Trail};
use crate::caller::Caller;
use crate::directory::Directory;
use crate::problem::{Json, Problem, Result};
use crate::shadow::{Ending, Run};

/// Longest span of a run.
const MAX_SPAN: TimeDelta = TimeDelta::days(3 * 366);

/// What to try over which span.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ShadowAsked {
    /// A draft, as it stands now; or `text`.
    draft: Option<i64>,
    /// TOML that stands nowhere yet.
    text: Option<String>,
    /// What fell due from here.
    from: DateTime<Utc>,
    /// And before this.
    to: DateTime<Utc>,
}

/// Cards of one rule, hall and grade.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShadowCell {
    rule: String,
    hall: String,
    hall_name: String,
    grade: String,
    /// How many the draft would have issued.
    would: u64,
    /// How many were issued.
    was: u64,
}

/// Grade and due instant of a card.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShadowCard {
    grade: String,
    due_at: DateTime<Utc>,
}

/// A card that would be different.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShadowDifference {
    /// `new`, `gone`, `grade` or `moved`.
    #[schema(value_type = String)]
    unlike: Unlike,
    rule: String,
    /// What it is about: `case`, `complaint`, `source`, `camera`, …
    about: String,
    /// The number of the case or complaint, or which source, camera or unit.
    case: String,
    hall: String,
    hall_name: String,
    was: Option<ShadowCard>,
    would: Option<ShadowCard>,
    /// The card that was.
    card: Option<i64>,
}

/// What came out of a run.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShadowOutcome {
    cases: u64,
    cells: Vec<ShadowCell>,
    /// How many differences of each kind.
    #[schema(value_type = Object)]
    unlike: BTreeMap<Unlike, u64>,
    /// The first thousand of them, by case.
    differences: Vec<ShadowDifference>,
    /// There are more.
    cut: bool,
    /// Not the draft's: evidence that came after a card was issued.
    by_evidence: u64,
}

/// The newest run since the console started.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShadowView {
    id: u64,
    by: String,
    draft: Option<i64>,
    name: String,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    begun: DateTime<Utc>,
    ended: Option<DateTime<Utc>>,
    /// `going`, `done`, `cancelled` or `failed`.
    state: &'static str,
    /// Cases looked at, and of how many.
    done: u64,
    total: u64,
    outcome: Option<ShadowOutcome>,
}

/// The newest shadow run; null where there was none since the console started.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShadowNow {
    run: Option<ShadowView>,
}

impl ShadowView {
    fn new(run: &Run, directory: &Directory) -> Self {
        let (done, total) = run.progress();
        let (ended, ending) = run.ending().unzip();
        let (state, outcome) = match ending {
            None => ("going", None),
            Some(Ending::Cancelled) => ("cancelled", None),
            Some(Ending::Failed) => ("failed", None),
            Some(Ending::Done(outcome)) => ("done", Some(view(&outcome, directory))),
        };
        Self {
            id: run.id,
            by: run.by.clone(),
            draft: run.draft,
            name: run.name.clone(),
            from: run.from,
            to: run.to,
            begun: run.begun,
            ended,
            state,
            done,
            total,
            outcome,
        }
    }
}

fn view(outcome: &shadow::Outcome, directory: &Directory) -> ShadowOutcome {
    let card = |card: &(String, DateTime<Utc>)| ShadowCard {
        grade: card.0.clone(),
        due_at: card.1,
    };
    let cells = outcome.cells.iter().map(|cell| ShadowCell {
        rule: cell.rule.clone(),
        hall_name: directory.hall_name(&cell.hall),
        hall: cell.hall.clone(),
        grade: cell.grade.clone(),
        would: cell.would,
        was: cell.was,
    });
    let differences = outcome.differences.iter().map(|found| ShadowDifference {
        unlike: found.unlike,
        rule: found.rule.clone(),
        about: found.about.clone(),
        case: found.case.clone(),
        hall_name: directory.hall_name(&found.hall),
        hall: found.hall.clone(),
        was: found.was.as_ref().map(card),
        would: found.would.as_ref().map(card),
        card: found.card,
    });
    ShadowOutcome {
        cases: outcome.cases,
        cells: cells.collect(),
        unlike: outcome.unlike.clone(),
        cut: outcome.unlike.values().sum::<u64>() > outcome.differences.len() as u64,
        differences: differences.collect(),
        by_evidence: outcome.by_evidence,
    }
}

/// The newest shadow run: how far it is, or what came out.
#[utoipa::path(
    get, path = "/api/v1/profiles/shadow", tag = "rules", operation_id = "show_shadow",
    responses((status = 200, body = ShadowNow), (status = 403, body = Problem))
)]
pub async fn show(State(app): State<App>) -> Json<ShadowNow> {
    let run = app.shadows().newest();
    let run = run.map(|run| ShadowView::new(&run, &app.directory()));
    Json(ShadowNow { run })
}

/// Begins a shadow run: what these rules would have issued over a past span, against what was. One goes on at a time.
#[utoipa::path(
    post, path = "/api/v1/profiles/shadow", tag = "rules", operation_id = "begin_shadow", request_body = ShadowAsked,
    responses((status = 202, body = ShadowNow), (status = 409, body = Problem), (status = 422, body = Problem))
)]
pub async fn begin(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Json(asked): Json<ShadowAsked>,
) -> Result<(StatusCode, Json<ShadowNow>)> {
    if asked.from >= asked.to || asked.to - asked.from > MAX_SPAN {
        return Err(Problem::invalid(
            "from, to: give a span that ends after it begins, of at most three years",
        ));
    }
    let now = app.now();
    let (text, name) = text(&app, &asked).await?;
    let profile = Profile::parse(&text, 0)
        .map_err(|_| Problem::invalid("The profile has faults: take them out first."))?;
    let reference = app
        .reference()
        .ok_or_else(|| Problem::unavailable("The rules are not loaded yet."))?;
    let question = Question {
        reference,
        draft: Versions::only(profile),
        from: asked.from,
        to: asked.to.min(now),
        now,
    };
    let record = Record::of(Action::ProfileChanged)
        .on("shadow", &name)
        .after(json!({"step": "shadow", "draft": asked.draft, "from": asked.from, "to": asked.to}));
    trail.record(app.db(), record).await?;
    let begun = app
        .shadows()
        .begin(&app, caller.name(), (asked.draft, &name), question);
    let run = begun.map_err(|_| {
        Problem::conflict("A shadow run goes on already: wait for its end, or call it off.")
    })?;
    let run = Some(ShadowView::new(&run, &app.directory()));
    Ok((StatusCode::ACCEPTED, Json(ShadowNow { run })))
}

async fn text(app: &App, asked: &ShadowAsked) -> Result<(String, String)> {
    match (asked.draft, &asked.text) {
        (Some(id), None) => {
            let draft = drafts::find(app.db(), id).await?;
            let draft = draft.ok_or_else(|| Problem::not_found("draft"))?;
            Ok((draft.body, draft.name))
        }
        (None, Some(text)) => {
            bounded(text)?;
            Ok((text.clone(), String::new()))
        }
        _ => Err(Problem::invalid("give either draft or text")),
    }
}

/// Calls the shadow run that goes on off.
#[utoipa::path(
    delete, path = "/api/v1/profiles/shadow", tag = "rules", operation_id = "cancel_shadow",
    responses((status = 204), (status = 409, body = Problem))
)]
pub async fn cancel(State(app): State<App>) -> Result<StatusCode> {
    if app.shadows().cancel() {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::conflict("No shadow run goes on."))
    }
}
