//! Cases: the list, and one case with its clock, steps, events and cards.

pub mod replay;
pub mod unmask;

use axum::extract::State;
use axum::http::Method;
use chrono::{DateTime, Utc};
use mingjing_monitor::case::CaseFold;
use mingjing_monitor::clock::Timer;
use mingjing_monitor::event::EventRef;
use mingjing_monitor::org::Level;
use mingjing_monitor::personal::{mask_name, mask_phone};
use mingjing_monitor::store::cases::{self, Filter};
use mingjing_monitor::store::events::{self, Stored};
use mingjing_monitor::store::{StoreError, paging, retention};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::list::{List, Page};
use crate::app::App;
use crate::caller::Caller;
use crate::clockbar::{self, AnomalyView, StepView};
use crate::masking;
use crate::policy;
use crate::problem::{Json, Path, Problem, Query, Result};
use crate::publish::case_marks;
use crate::store::{Seen, cards};
use crate::views::{CardRow, CaseRow};

/// Cards shown on a case page at most.
const MOST_CARDS: u32 = 500;

/// Cases asked for by their numbers at once, at most.
const MOST_ASKED: usize = 200;

/// What the list is narrowed to.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Narrow {
    /// `open` or `completed`.
    state: Option<String>,
    /// `on_time`, `over_promise_only`, `over_legal` or `no_deadline`; `any`: one of the four, so the clock has started.
    bucket: Option<String>,
    /// Code of the unit.
    unit: Option<String>,
    /// Code of the item.
    item: Option<String>,
    /// Number of the window.
    window: Option<String>,
    /// Beginning of the case number.
    q: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// Rows, 1 to 500 (100).
    limit: Option<u32>,
    /// Only this hall and what is below it.
    hall: Option<String>,
    /// Accepted (or applied for) not before.
    from: Option<DateTime<Utc>>,
    /// Accepted (or applied for) before.
    to: Option<DateTime<Utc>>,
    /// Whose promise, or legal limit where nothing is promised, falls due not before.
    due_from: Option<DateTime<Utc>>,
    /// Whose promise, or legal limit where nothing is promised, falls due before.
    due_before: Option<DateTime<Utc>>,
    /// Decided not before. What was never accepted counts as decided on no day.
    decided_from: Option<DateTime<Utc>>,
    /// Decided before.
    decided_to: Option<DateTime<Utc>>,
    /// True: only cases that rankings judge, which are over or were decided in time; immediate items apart.
    judged: Option<bool>,
    /// Only cases of halls of this level: `county`, `town` or `village`.
    #[param(value_type = Option<String>)]
    level: Option<Level>,
    /// False: only cases of `hall` itself, none of those below it.
    below: Option<bool>,
    /// Only the cases of these numbers, with commas: what of them is still in the list.
    only: Option<String>,
}

/// The cases that the caller sees, newest first.
#[utoipa::path(
    get, path = "/api/v1/cases", tag = "cases", operation_id = "list_cases", params(Narrow),
    responses((status = 200, body = List<CaseRow>), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(narrow): Query<Narrow>,
) -> Result<Json<List<CaseRow>>> {
    let seq = app.live().seq(&caller);
    let seen = app
        .directory()
        .seen(&caller.scope, narrow.hall.as_deref())?;
    let page = Page {
        cursor: narrow.cursor.clone(),
        limit: narrow.limit,
        ..Page::default()
    }
    .keyed()?;
    let Some(filter) = filter(narrow, &seen)? else {
        return Ok(Json(List {
            items: Vec::new(),
            next: None,
            seq,
        }));
    };
    let (rows, next) = cases::list(app.db(), &seen.hall, &filter, &page).await?;
    let items = with_marks(&app, rows).await?;
    Ok(Json(List {
        items,
        next: next.as_ref().map(paging::Cursor::encode),
        seq,
    }))
}

/// `None`: nothing of what is asked for lies in the scope.
fn filter(narrow: Narrow, seen: &Seen) -> Result<Option<Filter>> {
    let text = |value: Option<String>| {
        value
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
    };
    let is_open = match text(narrow.state).as_deref() {
        None => None,
        Some("open") => Some(true),
        Some("completed") => Some(false),
        Some(other) => {
            return Err(Problem::invalid(format!(
                "state {other:?}: give open or completed"
            )));
        }
    };
    let (bucket, timed) = match text(narrow.bucket) {
        Some(any) if any == "any" => (None, true),
        Some(other) if !BUCKETS.contains(&other.as_str()) => {
            return Err(Problem::invalid(format!(
                "bucket {other:?}: give any or one of {}",
                BUCKETS.join(", ")
            )));
        }
        bucket => (bucket, false),
    };
    let Some(unit) = within(text(narrow.unit), seen.unit.as_ref()) else {
        return Ok(None);
    };
    let Some(window) = within(text(narrow.window), seen.window.as_ref()) else {
        return Ok(None);
    };
    Ok(Some(Filter {
        is_open,
        bucket,
        unit,
        item: text(narrow.item),
        window,
        query: text(narrow.q),
        from: narrow.from,
        to: narrow.to,
        due_from: narrow.due_from,
        due_before: narrow.due_before,
        decided_from: narrow.decided_from,
        decided_to: narrow.decided_to,
        timed,
        judged: narrow.judged.unwrap_or(false),
        level: narrow.level,
        hall_alone: narrow.below == Some(false),
        only: text(narrow.only).map(|only| asked(&only)).transpose()?,
    }))
}

fn asked(only: &str) -> Result<Vec<String>> {
    let numbers: Vec<String> = only.split(',').map(|no| no.trim().to_owned()).collect();
    if numbers.len() > MOST_ASKED {
        return Err(Problem::invalid(format!(
            "only: {} cases asked for, give {MOST_ASKED} at most",
            numbers.len()
        )));
    }
    Ok(numbers)
}

const BUCKETS: [&str; 4] = ["on_time", "over_promise_only", "over_legal", "no_deadline"];

/// What is asked for, inside what may be seen; `None` when the two exclude each other.
fn within(asked: Option<String>, only: Option<&String>) -> Option<Option<String>> {
    match (asked, only) {
        (Some(asked), Some(only)) => (asked == *only).then_some(Some(asked)),
        (asked, only) => Some(asked.or_else(|| only.cloned())),
    }
}

/// Rows with the gravest card that stands on each.
///
/// # Errors
/// When the database cannot be asked.
pub async fn with_marks(app: &App, rows: Vec<cases::CaseRow>) -> Result<Vec<CaseRow>> {
    let numbers: Vec<String> = rows.iter().map(|row| row.no.clone()).collect();
    let mut marks = case_marks(app, &numbers).await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let mark = marks.remove(&row.no);
            CaseRow::new(row, mark)
        })
        .collect())
}

/// A case with everything that is known of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct CaseDetail {
    #[serde(flatten)]
    row: CaseRow,
    source: String,
    handler: Option<String>,
    /// Masked.
    applicant: Option<ApplicantView>,
    applied_at: Option<DateTime<Utc>>,
    delivered_at: Option<DateTime<Utc>>,
    /// The clock bar; empty while the case has not been accepted.
    #[schema(value_type = Object)]
    timer: Timer,
    steps: Vec<StepView>,
    events: Vec<EventView>,
    /// Events from before this instant went by retention (`[retention]`): the list lacks some. Null: it is whole.
    events_dropped_before: Option<DateTime<Utc>>,
    anomalies: Vec<AnomalyView>,
    cards: Vec<CardRow>,
    /// Cameras that see its window.
    cameras: Vec<String>,
    /// Something of a person is masked here, and the caller's role may ask for it in the clear.
    may_unmask: bool,
}

/// Who applies.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApplicantView {
    name: Option<String>,
    phone: Option<String>,
}

/// An event with its three instants.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventView {
    source: String,
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    time: DateTime<Utc>,
    /// The source knows only the date.
    date_only: bool,
    received: DateTime<Utc>,
    committed: DateTime<Utc>,
    /// A later event corrects it: it no longer counts.
    replaced: bool,
    /// As the source sent it, personal data masked.
    #[schema(value_type = Object)]
    data: Map<String, Value>,
}

/// A case's number.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct No {
    /// The case.
    pub(super) no: String,
}

/// One case: its clock, steps, events and cards.
#[utoipa::path(
    get, path = "/api/v1/cases/{no}", tag = "cases", operation_id = "show_case", params(No),
    responses((status = 200, body = CaseDetail), (status = 404, body = Problem))
)]
pub async fn one(
    State(app): State<App>,
    caller: Caller,
    Path(No { no }): Path<No>,
) -> Result<Json<CaseDetail>> {
    detail(&app, &caller, &no).await.map(Json)
}

/// A case as the caller reads it, persons masked.
///
/// # Errors
/// `not-found`, or when the database cannot be asked.
pub(super) async fn detail(app: &App, caller: &Caller, no: &str) -> Result<CaseDetail> {
    let (row, fold) = find(app, caller, no).await?;
    let reference = app
        .reference()
        .ok_or_else(|| Problem::unavailable("The rules are not loaded yet."))?;
    let clock = clockbar::look(&reference, &fold, row.opened_at, app.now());
    let events = events::of_case(app.db(), no).await?;
    let events_dropped_before = match events.len() < fold.events as usize {
        true => {
            let mut connection = app.db().acquire().await.map_err(StoreError::from)?;
            retention::dropped_until(&mut connection).await?
        }
        false => None,
    };
    let directory = app.directory();
    let cards = cards_of(app, caller, no).await?;
    let cameras = row
        .window
        .as_deref()
        .map(|window| directory.cameras_of(&row.hall, window))
        .unwrap_or_default();
    let mark = case_marks(app, &[no.to_owned()]).await?.remove(no);
    let masked = fold.applicant.is_some()
        || events
            .iter()
            .any(|stored| !masking::hidden(&stored.event.data()).is_empty());
    Ok(CaseDetail {
        row: CaseRow::new(row, mark),
        source: fold.source.clone(),
        handler: fold.handler.clone(),
        applicant: fold.applicant.as_ref().map(|applicant| ApplicantView {
            name: applicant.name.as_deref().map(mask_name),
            phone: applicant.phone.as_deref().map(mask_phone),
        }),
        applied_at: fold.applied.as_ref().map(|moment| moment.at),
        delivered_at: fold.delivered.as_ref().map(|moment| moment.at),
        timer: clock.timer,
        steps: clock.steps,
        events: events
            .into_iter()
            .map(|stored| event(stored, &fold))
            .collect(),
        events_dropped_before,
        anomalies: clock.anomalies,
        cards: cards
            .iter()
            .map(|card| CardRow::new(card, &directory))
            .collect(),
        cameras,
        may_unmask: masked
            && policy::row(&Method::POST, unmask::PATH)
                .is_some_and(|row| row.access.admits(caller.role)),
    })
}

/// The case as the caller may see it; what lies outside their scope does not exist.
///
/// # Errors
/// `not-found`, or when the database cannot be asked.
pub async fn find(app: &App, caller: &Caller, no: &str) -> Result<(cases::CaseRow, CaseFold)> {
    let found = cases::find(app.db(), &caller.scope.hall, no).await?;
    let (row, fold, _) = found.ok_or_else(|| Problem::not_found("case"))?;
    if !app.directory().sees(
        &caller.scope,
        &row.hall,
        Some(&row.unit),
        row.window.as_deref(),
    ) {
        return Err(Problem::not_found("case"));
    }
    Ok((row, fold))
}

/// The cards of a case that the caller sees, newest first.
///
/// # Errors
/// When the database cannot be asked.
pub async fn cards_of(app: &App, caller: &Caller, no: &str) -> Result<Vec<cards::Card>> {
    let seen = app.directory().seen(&caller.scope, None)?;
    let filter = cards::Filter {
        case: Some(no.to_owned()),
        ..cards::Filter::default()
    };
    let page = paging::Page {
        after: None,
        limit: MOST_CARDS,
    };
    Ok(cards::list(app.db(), &seen, &filter, &page).await?.0)
}

fn event(stored: Stored, fold: &CaseFold) -> EventView {
    let Stored { event, committed } = stored;
    let identity = EventRef {
        source: event.source.clone(),
        id: event.id.clone(),
    };
    let mut data = event.data();
    masking::mask(&mut data);
    EventView {
        kind: event.kind.type_name(),
        time: event.time,
        date_only: event.date_only,
        received: event.received,
        committed,
        replaced: fold.replaced.contains(&identity),
        data,
        source: identity.source,
        id: identity.id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_head_cannot_ask_for_another_unit() {
        let only = "a".to_owned();
        assert_eq!(within(None, Some(&only)), Some(Some("a".into())));
        assert_eq!(
            within(Some("a".into()), Some(&only)),
            Some(Some("a".into()))
        );
        assert_eq!(within(Some("b".into()), Some(&only)), None);
        assert_eq!(within(Some("b".into()), None), Some(Some("b".into())));
    }
}
