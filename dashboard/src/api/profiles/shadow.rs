//! Shadow runs over the console's interface: begun, watched, called off, and looked at afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use mingjing_alerts::profile::Profile;
use mingjing_alerts::shadow::{self, Question, Unlike};
use mingjing_alerts::store::drafts;
use mingjing_alerts::store::shadows::{self, NewRun, Run};
use mingjing_alerts::supervisor::load_reference;
use mingjing_alerts::versions::Versions;
use mingjing_monitor::audit::Action;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::bounded;
use crate::api::list::{ById, List};
use crate::app::App;
use crate::audit::{Record, Trail};
use crate::caller::Caller;
use crate::directory::Directory;
use crate::problem::{Json, Path, Problem, Query, Result};
use crate::shadow::Going;

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

/// A run.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShadowRow {
    id: i64,
    by: String,
    /// The draft that was tried, and its revision then; null: a text that stands nowhere else.
    draft: Option<i64>,
    revision: Option<i32>,
    name: String,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    /// The version of the rule profile in force when it began.
    compared_with: i32,
    begun: DateTime<Utc>,
    ended: Option<DateTime<Utc>>,
    /// `going`, `done`, `cancelled`, `failed`, or `broken_off` by a stop of the console.
    state: String,
    /// Cases looked at, and of how many; of a run that was broken off nobody knows.
    done: u64,
    total: u64,
    /// How many differences of each kind, of a run that is through.
    #[schema(value_type = Option<Object>)]
    unlike: Option<BTreeMap<Unlike, u64>>,
}

/// A run with what was tried and what came out.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShadowView {
    #[serde(flatten)]
    row: ShadowRow,
    /// What was tried: TOML.
    text: String,
    outcome: Option<ShadowOutcome>,
}

/// The newest shadow run; null where there was none yet.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShadowNow {
    run: Option<ShadowView>,
}

impl ShadowRow {
    /// `going` is to be asked for before the row is read: an end is kept before the run is no longer said to go on.
    fn new(run: Run, going: Option<&Going>) -> Self {
        let going = going.filter(|going| going.id == run.id && run.ended.is_none());
        let count = |n: i64| n.unsigned_abs();
        let (done, total) = match going {
            Some(going) => going.progress(),
            None => (count(run.looked_at), count(run.of_all)),
        };
        let state = match (run.ending, going) {
            (Some(ending), _) => ending,
            (None, Some(_)) => "going".to_owned(),
            (None, None) => "broken_off".to_owned(),
        };
        Self {
            id: run.id,
            by: run.who,
            draft: run.draft,
            revision: run.revision,
            name: run.name,
            from: run.due_from,
            to: run.due_to,
            compared_with: run.compared_with,
            begun: run.begun,
            ended: run.ended,
            state,
            done,
            total,
            unlike: run.unlike.map(|unlike| unlike.0),
        }
    }
}

impl ShadowView {
    async fn of(app: &App, run: Run, going: Option<&Going>) -> Result<Self> {
        let (text, outcome) = shadows::whole(app.db(), run.id).await?;
        let directory = app.directory();
        let row = ShadowRow::new(run, going);
        let outcome = outcome.filter(|_| row.ended.is_some());
        Ok(Self {
            row,
            text,
            outcome: outcome.map(|outcome| view(&outcome, &directory)),
        })
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

/// Which runs.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WantedRuns {
    /// Only of this draft.
    draft: Option<i64>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// Rows, 1 to 500 (100).
    limit: Option<u32>,
}

/// The number of a run.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct RunId {
    /// The run.
    id: i64,
}

/// The newest shadow run: how far it is, or what came out.
#[utoipa::path(
    get, path = "/api/v1/profiles/shadow", tag = "rules", operation_id = "show_shadow",
    responses((status = 200, body = ShadowNow), (status = 403, body = Problem))
)]
pub async fn show(State(app): State<App>) -> Result<Json<ShadowNow>> {
    let going = app.shadows().going().await;
    let run = match shadows::list(app.db(), None, None, 1).await?.pop() {
        Some(run) => Some(ShadowView::of(&app, run, going.as_deref()).await?),
        None => None,
    };
    Ok(Json(ShadowNow { run }))
}

/// The shadow runs that there were, the newest first.
#[utoipa::path(
    get, path = "/api/v1/profiles/shadow/runs", tag = "rules", operation_id = "list_shadow_runs", params(WantedRuns),
    responses((status = 200, body = List<ShadowRow>), (status = 403, body = Problem), (status = 422, body = Problem))
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(wanted): Query<WantedRuns>,
) -> Result<Json<List<ShadowRow>>> {
    let page = ById::read(wanted.cursor, wanted.limit)?;
    let going = app.shadows().going().await;
    let mut runs = shadows::list(app.db(), wanted.draft, page.after, page.probe()).await?;
    let next = page.cut(&mut runs, |run| run.id);
    let row = |run| ShadowRow::new(run, going.as_deref());
    Ok(Json(List {
        items: runs.into_iter().map(row).collect(),
        next,
        seq: app.live().seq(&caller),
    }))
}

/// A shadow run, with what was tried and what came out.
#[utoipa::path(
    get, path = "/api/v1/profiles/shadow/runs/{id}", tag = "rules", operation_id = "show_shadow_run", params(RunId),
    responses((status = 200, body = ShadowView), (status = 403, body = Problem), (status = 404, body = Problem))
)]
pub async fn one(
    State(app): State<App>,
    Path(RunId { id }): Path<RunId>,
) -> Result<Json<ShadowView>> {
    let going = app.shadows().going().await;
    let run = shadows::find(app.db(), id).await?;
    let run = run.ok_or_else(|| Problem::not_found("shadow run"))?;
    Ok(Json(ShadowView::of(&app, run, going.as_deref()).await?))
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
    let now = app.now();
    let (from, to) = (asked.from, asked.to.min(now));
    if from >= to || asked.to - from > MAX_SPAN {
        return Err(Problem::invalid(
            "from, to: give a span of the past that ends after it begins, of at most three years",
        ));
    }
    let tried = Tried::of(&app, &asked).await?;
    let profile = Profile::parse(&tried.text, 0)
        .map_err(|_| Problem::invalid("The profile has faults: take them out first."))?;
    // Read anew: outages too are part of what cases are judged by.
    let reference = Arc::new(load_reference(app.db(), now).await?);
    let vacancy = app.shadows().vacancy().await.ok_or_else(|| {
        Problem::conflict("A shadow run goes on already: wait for its end, or call it off.")
    })?;
    let new = NewRun {
        who: caller.name(),
        draft: tried.draft,
        name: &tried.name,
        body: &tried.text,
        from,
        to,
        compared_with: reference.profiles.at(now).version,
        begun: Utc::now(),
    };
    let mut tx = app.db().begin().await?;
    let id = shadows::begin(&mut tx, &new).await?;
    let record = Record::of(Action::ProfileChanged).on("shadow", id).after(
        json!({"step": "shadow", "name": tried.name, "draft": asked.draft, "from": from, "to": to}),
    );
    trail.append(&mut tx, record).await?;
    tx.commit().await?;
    let question = Question {
        reference,
        draft: Versions::only(profile),
        from,
        to,
        now,
    };
    let going = vacancy.begin(&app, id, question);
    let run = match shadows::find(app.db(), id).await? {
        Some(run) => Some(ShadowView::of(&app, run, Some(&going)).await?),
        None => None,
    };
    Ok((StatusCode::ACCEPTED, Json(ShadowNow { run })))
}

/// What is tried.
struct Tried {
    draft: Option<(i64, i32)>,
    name: String,
    text: String,
}

impl Tried {
    async fn of(app: &App, asked: &ShadowAsked) -> Result<Self> {
        match (asked.draft, &asked.text) {
            (Some(id), None) => {
                let draft = drafts::find(app.db(), id).await?;
                let draft = draft.ok_or_else(|| Problem::not_found("draft"))?;
                Ok(Self {
                    draft: Some((id, draft.revision)),
                    name: draft.name,
                    text: draft.body,
                })
            }
            (None, Some(text)) => {
                bounded(text)?;
                Ok(Self {
                    draft: None,
                    name: String::new(),
                    text: text.clone(),
                })
            }
            _ => Err(Problem::invalid("give either draft or text")),
        }
    }
}

/// Calls the shadow run that goes on off.
#[utoipa::path(
    delete, path = "/api/v1/profiles/shadow", tag = "rules", operation_id = "cancel_shadow",
    responses((status = 204), (status = 409, body = Problem))
)]
pub async fn cancel(State(app): State<App>) -> Result<StatusCode> {
    if app.shadows().cancel().await {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::conflict("No shadow run goes on."))
    }
}
