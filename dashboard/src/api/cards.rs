//! Cards: the list with its saved views, one card with all that belongs to it, and what people do to them.

pub mod by_hand;

use axum::extract::State;
use chrono::{DateTime, Utc};
use mingjing_alerts::card::{self, Grade};
use mingjing_alerts::ladder;
use mingjing_alerts::store::attachments::{Attached, With, list as attached};
use mingjing_alerts::supervisor::{ActError, Actor, CardAction};
use mingjing_monitor::clock::Timer;
use mingjing_monitor::personal::mask_text;
use mingjing_monitor::store::paging;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::attachments::{self, Attachment};
use super::cases;
use super::list::Page;
use crate::app::App;
use crate::audit::Trail;
use crate::caller::Caller;
use crate::clockbar;
use crate::engine::Deed;
use crate::problem::{Json, Path, Problem, Query, Result};
use crate::store::cards::{self, Card, Filter, Trial};
use crate::store::{complaints, orders};
use crate::views::{CardRow, OrderRow};

/// Longest reason, in characters.
const MAX_WHY: usize = 4_000;
/// Cards named in one call at most.
const MAX_BULK: usize = 500;

/// What the list is narrowed to.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Narrow {
    /// `notice`, `warning`, `yellow_card` or `red_card`.
    grade: Option<String>,
    /// A state, or several with commas.
    state: Option<String>,
    /// `R2`
    rule: Option<String>,
    /// Case number.
    case: Option<String>,
    /// Number of the window.
    window: Option<String>,
    /// `to_answer`, `unsigned`, `pending`, `unconfirmed`, `provisional`, `contested` or `all`, without those of a trial run but while the county is in it; `trial`: those.
    view: Option<String>,
    /// Part of the case number, the sentence or the item.
    q: Option<String>,
    /// Only these cards of the list, by number, with commas; 500 at most.
    only: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// Rows, 1 to 500 (100).
    limit: Option<u32>,
    /// Only this hall and what is below it.
    hall: Option<String>,
    /// Fell due not before.
    from: Option<DateTime<Utc>>,
    /// Fell due before.
    to: Option<DateTime<Utc>>,
}

/// A page of cards.
#[derive(Debug, Serialize, ToSchema)]
pub struct CardList {
    items: Vec<CardRow>,
    next: Option<String>,
    seq: u64,
    /// How many stand in each view, in the whole of what is seen.
    counts: Counts,
}

/// Cards in each saved view.
#[derive(Debug, Serialize, ToSchema)]
pub struct Counts {
    to_answer: i64,
    unsigned: i64,
    pending: i64,
    unconfirmed: i64,
    provisional: i64,
    contested: i64,
    all: i64,
    /// Cards of a trial run: they count nowhere else once it is over.
    trial: i64,
}

/// The cards that the caller sees, newest first.
#[utoipa::path(
    get, path = "/api/v1/cards", tag = "cards", operation_id = "list_cards", params(Narrow),
    responses((status = 200, body = CardList), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(narrow): Query<Narrow>,
) -> Result<Json<CardList>> {
    let seq = app.live().seq(&caller);
    let directory = app.directory();
    let seen = directory.seen(&caller.scope, narrow.hall.as_deref())?;
    let page = Page {
        cursor: narrow.cursor.clone(),
        limit: narrow.limit,
        ..Page::default()
    }
    .keyed()?;
    let filter = filter(narrow)?;
    let ((rows, next), views) = tokio::try_join!(
        cards::list(app.db(), &seen, &filter, &page),
        cards::counts(app.db(), &seen)
    )?;
    Ok(Json(CardList {
        items: rows
            .iter()
            .map(|card| CardRow::new(card, &directory))
            .collect(),
        next: next.as_ref().map(paging::Cursor::encode),
        seq,
        counts: Counts {
            to_answer: views.to_answer,
            unsigned: views.unsigned,
            pending: views.pending,
            unconfirmed: views.unconfirmed,
            provisional: views.provisional,
            contested: views.contested,
            all: views.all_cards,
            trial: views.trial,
        },
    }))
}

fn filter(narrow: Narrow) -> Result<Filter> {
    let text = |value: Option<String>| {
        value
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
    };
    let list = |words: &[&str]| {
        Some(
            words
                .iter()
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>(),
        )
    };
    let grade = text(narrow.grade);
    if let Some(other) = grade
        .as_deref()
        .filter(|grade| Grade::parse(grade).is_none())
    {
        return Err(Problem::invalid(format!(
            "grade {other:?}: give notice, warning, yellow_card or red_card"
        )));
    }
    let mut filter = Filter {
        grade,
        rule: text(narrow.rule),
        case: text(narrow.case),
        window: text(narrow.window),
        query: text(narrow.q),
        only: text(narrow.only).map(|only| numbers(&only)).transpose()?,
        from: narrow.from,
        to: narrow.to,
        trial: Trial::Counted,
        ..Filter::default()
    };
    match text(narrow.view).as_deref() {
        None | Some("all") => {}
        Some("to_answer") => {
            filter.states = list(&["issued", "received", "returned"]);
            filter.grades = list(&["yellow_card", "red_card"]);
        }
        Some("unsigned") => filter.states = list(&["issued"]),
        Some("pending") => filter.states = list(&["pending"]),
        Some("unconfirmed") => filter.states = list(&["unconfirmed"]),
        Some("provisional") => filter.states = list(&["provisional"]),
        Some("contested") => filter.states = list(&["contested"]),
        Some("trial") => filter.trial = Trial::Only,
        Some(other) => {
            let what = format!(
                "view {other:?}: give to_answer, unsigned, pending, unconfirmed, provisional, contested, all or trial"
            );
            return Err(Problem::invalid(what));
        }
    }
    if let Some(states) = text(narrow.state) {
        let asked: Vec<String> = states
            .split(',')
            .map(|state| state.trim().to_owned())
            .collect();
        if let Some(other) = asked
            .iter()
            .find(|state| card::State::parse(state).is_none())
        {
            return Err(Problem::invalid(format!(
                "state {other:?} is no state of a card"
            )));
        }
        let of_view = |state: &String| {
            filter
                .states
                .as_ref()
                .is_none_or(|of_view| of_view.contains(state))
        };
        filter.states = Some(asked.into_iter().filter(of_view).collect());
    }
    Ok(filter)
}

fn numbers(only: &str) -> Result<Vec<i64>> {
    let numbers: Vec<i64> = only
        .split(',')
        .map(|one| one.trim().parse())
        .collect::<std::result::Result<_, _>>()
        .map_err(|_| {
            Problem::invalid(format!("only {only:?}: give numbers of cards, with commas"))
        })?;
    if numbers.len() > MAX_BULK {
        return Err(Problem::invalid(format!(
            "only: {} cards asked for, give {MAX_BULK} at most",
            numbers.len()
        )));
    }
    Ok(numbers)
}

/// A card with all that belongs to it.
#[derive(Debug, Serialize, ToSchema)]
pub struct CardDetail {
    #[serde(flatten)]
    row: CardRow,
    /// The numbers of the sentence.
    #[schema(value_type = Object)]
    facts: Value,
    /// The clock bar of its case.
    #[schema(value_type = Option<Object>)]
    timer: Option<Timer>,
    history: Vec<Line>,
    /// What this caller may do to it now.
    actions: Vec<Action>,
    order: Option<Order>,
    /// Until when it may be appealed against; null: it has not gone out, or nobody can.
    appeal_until: Option<DateTime<Utc>>,
    /// By when an appeal is decided; null: there is none.
    decide_due: Option<DateTime<Utc>>,
    /// Supervision orders that follow it or are about it.
    orders: Vec<OrderRow>,
    dimensions: Dimensions,
}

/// A line of its history.
#[derive(Debug, Serialize, ToSchema)]
pub struct Line {
    at: DateTime<Utc>,
    transition: String,
    from: Option<String>,
    to: String,
    who: String,
    role: String,
    why: Option<String>,
    /// Of an appeal or a revocation: the exempting ground.
    ground: Option<String>,
    attachments: Vec<Attachment>,
}

/// Something that the caller may do.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Action {
    #[schema(value_type = String)]
    action: &'static str,
    needs_why: bool,
}

/// The correction order that went out with it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Order {
    id: i64,
    issued_at: DateTime<Utc>,
    answer_due: Option<DateTime<Utc>>,
    answered_at: Option<DateTime<Utc>>,
}

/// The six dimensions of its case.
#[derive(Debug, Serialize, ToSchema)]
pub struct Dimensions {
    electronic: Electronic,
    video: Video,
    own_control: OwnControl,
    complaints: Complaints,
    replay: Replay,
    satisfaction: Satisfaction,
}

/// Cards of the case.
#[derive(Debug, Serialize, ToSchema)]
pub struct Electronic {
    cards: usize,
}

/// Cameras that see its window.
#[derive(Debug, Serialize, ToSchema)]
pub struct Video {
    cameras: Vec<String>,
}

/// Answers that the supervised have given.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnControl {
    answers: usize,
}

/// Complaints about the case that are open.
#[derive(Debug, Serialize, ToSchema)]
pub struct Complaints {
    open: i64,
}

/// Events that the replay has.
#[derive(Debug, Serialize, ToSchema)]
pub struct Replay {
    events: u32,
}

/// The applicant's rating.
#[derive(Debug, Serialize, ToSchema)]
pub struct Satisfaction {
    #[schema(value_type = Option<String>)]
    grade: Option<mingjing_monitor::event::RatingGrade>,
}

/// A card's number.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct Id {
    /// The card.
    pub(super) id: i64,
}

/// One card.
#[utoipa::path(
    get, path = "/api/v1/cards/{id}", tag = "cards", operation_id = "show_card", params(Id),
    responses((status = 200, body = CardDetail), (status = 404, body = Problem))
)]
pub async fn one(
    State(app): State<App>,
    caller: Caller,
    Path(Id { id }): Path<Id>,
) -> Result<Json<CardDetail>> {
    detail(&app, &caller, id).await.map(Json)
}

/// A card as the caller reads it.
///
/// # Errors
/// `not-found`, or when the database cannot be asked.
pub(super) async fn detail(app: &App, caller: &Caller, id: i64) -> Result<CardDetail> {
    let card = find(app, caller, id).await?;
    let directory = app.directory();
    let lines = cards::history(app.db(), id).await?;
    let order = cards::order(app.db(), id).await?;
    let files = attached(app.db(), With::Card(id)).await?;
    let seen = directory.seen(&caller.scope, None)?;
    let about = orders::Filter {
        card: Some(id),
        ..orders::Filter::default()
    };
    let (of_card, _) = orders::list(app.db(), &seen, &about, &paging::Page::default()).await?;
    let appeal_until = appeal_until(app, &card);
    let late = appeal_until.is_some_and(|until| until < app.now());
    let cameras = card
        .win
        .as_deref()
        .map(|window| directory.cameras_of(&card.hall, window))
        .unwrap_or_default();
    let mut detail = CardDetail {
        row: CardRow::new(&card, &directory),
        facts: card.facts.0.clone(),
        timer: None,
        actions: actions(&card, caller, late),
        appeal_until,
        decide_due: card.decide_due,
        orders: of_card
            .iter()
            .map(|order| OrderRow::new(order, &directory))
            .collect(),
        order: order.map(|order| Order {
            id: order.id,
            issued_at: order.issued_at,
            answer_due: order.answer_due,
            answered_at: order.answered_at,
        }),
        dimensions: Dimensions {
            electronic: Electronic { cards: 1 },
            video: Video { cameras },
            own_control: OwnControl {
                answers: answers(&lines),
            },
            complaints: Complaints { open: 0 },
            replay: Replay { events: 0 },
            satisfaction: Satisfaction { grade: None },
        },
        history: lines.into_iter().map(|one| line(one, &files)).collect(),
    };
    if let Some(no) = &card.case_no {
        about_case(app, caller, no, &mut detail).await?;
    }
    Ok(detail)
}

/// Until when a card may be appealed against, as the writer will judge it.
fn appeal_until(app: &App, card: &Card) -> Option<DateTime<Utc>> {
    if !Grade::parse(&card.grade).is_some_and(Grade::is_card) {
        return None;
    }
    let reference = app.reference()?;
    let (unit, item) = (card.unit.as_deref(), card.item.as_deref());
    let rules = reference.rules_for(&card.hall, unit, item, app.now());
    ladder::appeal_until(&reference.calendar, &rules, card.issued_at)
}

/// Adds what the card's case tells. A card may lie in the caller's scope and its case, meanwhile in another hall, not: then the
/// page shows the card alone.
async fn about_case(app: &App, caller: &Caller, no: &str, detail: &mut CardDetail) -> Result<()> {
    let (row, fold) = match cases::find(app, caller, no).await {
        Ok(found) => found,
        Err(problem) if problem.status() == axum::http::StatusCode::NOT_FOUND => return Ok(()),
        Err(problem) => return Err(problem),
    };
    let reference = app
        .reference()
        .ok_or_else(|| Problem::unavailable("The rules are not loaded yet."))?;
    detail.timer = Some(clockbar::look(&reference, &fold, row.opened_at, app.now()).timer);
    detail.dimensions.electronic.cards = cases::cards_of(app, caller, no).await?.len();
    detail.dimensions.complaints.open = complaints::open_about(app.db(), no).await?;
    detail.dimensions.replay.events = fold.events;
    detail.dimensions.satisfaction.grade = fold.rating.map(|rating| rating.grade);
    Ok(())
}

fn line(line: cards::Line, files: &[Attached]) -> Line {
    Line {
        attachments: attachments::of_line(files, line.id),
        ground: line.ground,
        at: line.at,
        transition: line.transition,
        from: line.from_state,
        to: line.to_state,
        who: line.who,
        role: line.role,
        // Officials write numbers of applicants into reasons.
        why: line.why.as_deref().map(mask_text),
    }
}

fn answers(lines: &[cards::Line]) -> usize {
    lines
        .iter()
        .filter(|line| matches!(line.transition.as_str(), "reply" | "appeal"))
        .count()
}

/// What the table of transitions lets this caller do to a card as it stands.
fn actions(card: &Card, caller: &Caller, late: bool) -> Vec<Action> {
    let role = caller
        .account()
        .and_then(|_| card::Role::of_account(caller.role.code()));
    let (Some(role), Some(state), Some(grade)) = (
        role,
        card::State::parse(&card.state),
        Grade::parse(&card.grade),
    ) else {
        return Vec::new();
    };
    let mut actions: Vec<Action> = Vec::new();
    let in_time = |row: &&card::Transition| !(late && row.name == "appeal");
    for row in card::transitions(state, grade, role).filter(in_time) {
        let action = Action {
            action: row.name,
            needs_why: row.needs_why,
        };
        if !actions.contains(&action) {
            actions.push(action);
        }
    }
    actions
}

/// The card as the caller may see it; what lies outside their scope does not exist.
pub(super) async fn find(app: &App, caller: &Caller, id: i64) -> Result<Card> {
    let seen = app.directory().seen(&caller.scope, None)?;
    let found = cards::of_ids(app.db(), &seen, &[id]).await?.pop();
    found.ok_or_else(|| Problem::not_found("card"))
}

/// What a person does.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Act {
    /// The revision that the person saw.
    revision: i32,
    /// Why; some actions need it.
    why: Option<String>,
    /// Of an appeal or a revocation, the exempting ground where it is one: `false_materials`, `force_majeure` or `self_correction`.
    #[schema(value_type = Option<String>)]
    ground: Option<card::Ground>,
    /// Files that the caller brought and that go with it.
    #[serde(default)]
    attachments: Vec<i64>,
}

/// A card and an action.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct IdAction {
    /// The card.
    id: i64,
    /// One that the card's `actions` names.
    action: String,
}

/// Acts on a card: one of the actions that it names for this caller.
#[utoipa::path(
    post, path = "/api/v1/cards/{id}/{action}", tag = "cards", operation_id = "act_on_card", params(IdAction), request_body = Act,
    responses(
        (status = 200, body = CardDetail), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)
    )
)]
pub async fn act(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(IdAction { id, action }): Path<IdAction>,
    Json(act): Json<Act>,
) -> Result<Json<CardDetail>> {
    act_on(&app, (&caller, &trail), id, &action, act).await?;
    detail(&app, &caller, id).await.map(Json)
}

/// Refuses what is too long to be read.
///
/// # Errors
/// `invalid`, naming the field.
pub(super) fn short(field: &str, text: Option<&str>) -> Result<()> {
    if text.is_some_and(|text| text.chars().count() > MAX_WHY) {
        return Err(Problem::invalid(format!(
            "`{field}` is longer than {MAX_WHY} characters: attach less, say more"
        )));
    }
    Ok(())
}

/// Who acts.
///
/// # Errors
/// `forbidden` for programs.
pub(super) fn actor(caller: &Caller, trail: &Trail) -> Result<Actor> {
    let account = caller
        .account()
        .ok_or_else(|| Problem::forbidden("Only people act on cards and orders."))?;
    Ok(Actor {
        account,
        who: caller.name().to_owned(),
        role: caller.role.code().to_owned(),
        trail: trail.actor().clone(),
        at: Utc::now(),
    })
}

/// Has the one writer do it; the number of the card or order.
///
/// # Errors
/// Why it was not done.
pub(super) async fn perform(app: &App, deed: Deed) -> Result<i64> {
    let away = |_| Problem::unavailable("The console is starting or stopping; try again.");
    app.engine()
        .perform(deed)
        .await
        .map_err(away)?
        .map_err(refused)
}

async fn act_on(
    app: &App,
    (caller, trail): (&Caller, &Trail),
    card: i64,
    action: &str,
    act: Act,
) -> Result<()> {
    short("why", act.why.as_deref())?;
    let attachments = attachments::checked(act.attachments)?;
    find(app, caller, card).await?;
    let action = CardAction {
        card,
        revision: act.revision,
        action: action.to_owned(),
        why: act.why,
        ground: act.ground,
        attachments,
        actor: actor(caller, trail)?,
    };
    perform(app, Deed::Card(action)).await.map(|_| ())
}

fn refused(error: ActError) -> Problem {
    match error {
        ActError::NotFound(_) => Problem::not_found("card or order"),
        ActError::Conflict { .. } => Problem::conflict(error.to_string()),
        ActError::NotAllowed { .. } => Problem::forbidden(error.to_string()),
        ActError::NeedsWhy(_)
        | ActError::NeedsFeedback
        | ActError::TooLate(_)
        | ActError::Addressee
        | ActError::Attachments => Problem::invalid(error.to_string()),
        ActError::Store(error) => error.into(),
    }
}

/// Cards to acknowledge.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Receive {
    cards: Vec<Seen>,
}

/// A card as the person saw it.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Seen {
    id: i64,
    revision: i32,
}

/// What became of each.
#[derive(Debug, Serialize, ToSchema)]
pub struct Received {
    done: Vec<i64>,
    failed: Vec<Failed>,
}

/// A card that was not acknowledged, and why.
#[derive(Debug, Serialize, ToSchema)]
pub struct Failed {
    id: i64,
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    kind: &'static str,
    detail: String,
}

/// Acknowledges many cards; each for itself.
#[utoipa::path(
    post, path = "/api/v1/cards/receive", tag = "cards", operation_id = "receive_cards", request_body = Receive,
    responses((status = 200, body = Received), (status = 422, body = Problem))
)]
pub async fn receive(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Json(receive): Json<Receive>,
) -> Result<Json<Received>> {
    if receive.cards.len() > MAX_BULK {
        return Err(Problem::invalid(format!(
            "more than {MAX_BULK} cards at once: send them in parts"
        )));
    }
    let mut answer = Received {
        done: Vec::new(),
        failed: Vec::new(),
    };
    for Seen { id, revision } in receive.cards {
        let act = Act {
            revision,
            why: None,
            ground: None,
            attachments: Vec::new(),
        };
        match act_on(&app, (&caller, &trail), id, "receive", act).await {
            Ok(()) => answer.done.push(id),
            Err(problem) => {
                answer.failed.push(Failed {
                    id,
                    kind: problem.kind(),
                    detail: problem.detail().to_owned(),
                });
            }
        }
    }
    Ok(Json(answer))
}
