//! Supervision orders: the board's list, one order with all that belongs to it, what people do to them, and new ones.

pub mod about;

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use mingjing_alerts::card;
use mingjing_alerts::order::{self, Needs, Origin, Rung, Standing};
use mingjing_alerts::store::attachments::{Attached, With, list as attached};
use mingjing_alerts::supervisor::{NewOrder, OrderAction};
use mingjing_monitor::personal::mask_text;
use mingjing_monitor::store::paging;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::attachments::{self, Attachment, IdFile};
use super::cards::{self, actor, short};
use super::list::Page;
use crate::app::App;
use crate::audit::Trail;
use crate::caller::Caller;
use crate::engine::Deed;
use crate::problem::{Json, Path, Problem, Query, Result};
use crate::store::orders::{self, Filter, Order};
use crate::views::{CardRow, OrderRow};

/// What the list is narrowed to.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Narrow {
    /// A state, or several with commas.
    state: Option<String>,
    /// `unanswered`, `inspector` or `instruction`.
    origin: Option<String>,
    /// Who has it: `hall_manager`, `unit_head`, `inspector` or `commission`.
    rung: Option<String>,
    /// Number of the card that it follows or is about.
    card: Option<i64>,
    /// Case number.
    case: Option<String>,
    /// Part of the text, the case number or the complaint's.
    q: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// Rows, 1 to 500 (100).
    limit: Option<u32>,
    /// Only this hall and what is below it.
    hall: Option<String>,
    /// Issued not before.
    from: Option<DateTime<Utc>>,
    /// Issued before.
    to: Option<DateTime<Utc>>,
}

/// A page of orders.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderList {
    items: Vec<OrderRow>,
    next: Option<String>,
    seq: u64,
    /// How many stand in each state, in the whole of what is seen.
    counts: Counts,
}

/// Orders in each state.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = OrderCounts)]
pub struct Counts {
    issued: i64,
    received: i64,
    answered: i64,
    returned: i64,
    escalated: i64,
    closed: i64,
    cancelled: i64,
    /// Of those that await feedback, past their due instant.
    over: i64,
}

/// The orders that the caller sees, newest first.
#[utoipa::path(
    get, path = "/api/v1/orders", tag = "orders", operation_id = "list_orders", params(Narrow),
    responses((status = 200, body = OrderList), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(narrow): Query<Narrow>,
) -> Result<Json<OrderList>> {
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
    let (rows, next) = orders::list(app.db(), &seen, &filter, &page).await?;
    let mut counts = Counts::default();
    for (state, count, over) in orders::counts(app.db(), &seen, app.now()).await? {
        counts.over += over;
        let place = match order::State::parse(&state) {
            Some(order::State::Issued) => &mut counts.issued,
            Some(order::State::Received) => &mut counts.received,
            Some(order::State::Answered) => &mut counts.answered,
            Some(order::State::Returned) => &mut counts.returned,
            Some(order::State::Escalated) => &mut counts.escalated,
            Some(order::State::Closed) => &mut counts.closed,
            Some(order::State::Cancelled) | None => &mut counts.cancelled,
        };
        *place += count;
    }
    Ok(Json(OrderList {
        items: rows
            .iter()
            .map(|order| OrderRow::new(order, &directory))
            .collect(),
        next: next.as_ref().map(paging::Cursor::encode),
        seq,
        counts,
    }))
}

fn filter(narrow: Narrow) -> Result<Filter> {
    let text = |value: Option<String>| {
        value
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
    };
    let known = |what: &str, word: Option<String>, known: &dyn Fn(&str) -> bool| match word {
        Some(word) if !known(&word) => Err(Problem::invalid(format!(
            "{word:?} is no {what} of an order"
        ))),
        word => Ok(word),
    };
    let states = text(narrow.state).map(|states| {
        let one = |state: &str| {
            known("state", Some(state.trim().to_owned()), &|word| {
                order::State::parse(word).is_some()
            })
        };
        states.split(',').map(one).collect::<Result<Vec<_>>>()
    });
    Ok(Filter {
        states: states
            .transpose()?
            .map(|states| states.into_iter().flatten().collect()),
        origin: known("origin", text(narrow.origin), &|word| {
            Origin::parse(word).is_some()
        })?,
        rung: known("rung", text(narrow.rung), &|word| {
            Rung::parse(word).is_some()
        })?,
        card: narrow.card,
        case: text(narrow.case),
        query: text(narrow.q),
        from: narrow.from,
        to: narrow.to,
    })
}

/// An order with all that belongs to it.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderDetail {
    #[serde(flatten)]
    row: OrderRow,
    history: Vec<Line>,
    /// What this caller may do to it now.
    actions: Vec<Action>,
    /// The rungs that it climbs, lowest first.
    ladder: Vec<Step>,
    /// The card that it follows or is about, where the caller sees it.
    about_card: Option<CardRow>,
}

/// A line of its history.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderLine)]
pub struct Line {
    at: DateTime<Utc>,
    /// When it truly fell due, for what time brought about.
    due_at: Option<DateTime<Utc>>,
    transition: String,
    from: Option<String>,
    to: String,
    /// Who had it from then on.
    rung: String,
    who: String,
    role: String,
    why: Option<String>,
    /// Of feedback: whether the cause was an objective one.
    objective: Option<bool>,
    /// Of feedback: which measures were taken.
    measures: Option<String>,
    attachments: Vec<Attachment>,
}

/// Something that the caller may do.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = OrderAction)]
pub struct Action {
    #[schema(value_type = String)]
    action: &'static str,
    /// What has to be said with it: `nothing`, `why`, or `feedback` (`why`, `measures` and `objective`).
    #[schema(value_type = String)]
    needs: &'static str,
}

/// A rung of its ladder.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderStep)]
pub struct Step {
    #[schema(value_type = String)]
    rung: &'static str,
    /// Who stands on it.
    name: String,
    /// When it came there; null: not yet.
    since: Option<DateTime<Utc>>,
    current: bool,
}

/// An order's number.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct Id {
    /// The order.
    id: i64,
}

/// One order.
#[utoipa::path(
    get, path = "/api/v1/orders/{id}", tag = "orders", operation_id = "show_order", params(Id),
    responses((status = 200, body = OrderDetail), (status = 404, body = Problem))
)]
pub async fn one(
    State(app): State<App>,
    caller: Caller,
    Path(Id { id }): Path<Id>,
) -> Result<Json<OrderDetail>> {
    detail(&app, &caller, id).await.map(Json)
}

async fn detail(app: &App, caller: &Caller, id: i64) -> Result<OrderDetail> {
    let order = find(app, caller, id).await?;
    let directory = app.directory();
    let lines = orders::history(app.db(), id).await?;
    let files = attached(app.db(), With::Order(id)).await?;
    let about_card = match order.card {
        Some(card) => cards::find(app, caller, card).await.ok(),
        None => None,
    };
    Ok(OrderDetail {
        row: OrderRow::new(&order, &directory),
        actions: actions(&order, caller),
        ladder: ladder(&order, &lines, |rung| {
            directory.holder_name(rung, &order.hall, order.unit.as_deref())
        }),
        about_card: about_card.map(|card| CardRow::new(&card, &directory)),
        history: lines.into_iter().map(|one| line(one, &files)).collect(),
    })
}

/// The rungs from the addressee up, and when the order came to each.
fn ladder(order: &Order, lines: &[orders::Line], name: impl Fn(&str) -> String) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut next = Rung::parse(&order.addressee);
    while let Some(rung) = next {
        let here = |line: &&orders::Line| line.rung == rung.as_str();
        steps.push(Step {
            rung: rung.as_str(),
            name: name(rung.as_str()),
            since: lines.iter().find(here).map(|line| line.at),
            current: order.closed_at.is_none() && order.rung == rung.as_str(),
        });
        next = rung.above(order.unit.is_some());
    }
    steps
}

fn line(line: orders::Line, files: &[Attached]) -> Line {
    Line {
        attachments: attachments::of_line(files, line.id),
        at: line.at,
        due_at: line.due_at,
        transition: line.transition,
        from: line.from_state,
        to: line.to_state,
        rung: line.rung,
        who: line.who,
        role: line.role,
        // Officials write numbers of applicants into reasons.
        why: line.why.as_deref().map(mask_text),
        objective: line.objective,
        measures: line.measures.as_deref().map(mask_text),
    }
}

/// What the table of transitions lets this caller do to an order as it stands.
fn actions(order: &Order, caller: &Caller) -> Vec<Action> {
    let role = caller
        .account()
        .and_then(|_| card::Role::of_account(caller.role.code()));
    let (Some(role), Some(state), Some(rung), Some(addressee)) = (
        role,
        order::State::parse(&order.state),
        Rung::parse(&order.rung),
        Rung::parse(&order.addressee),
    ) else {
        return Vec::new();
    };
    let standing = Standing {
        state,
        rung,
        addressee,
    };
    let action = |row: &order::Transition| Action {
        action: row.name,
        needs: match row.needs {
            Needs::Nothing => "nothing",
            Needs::Why => "why",
            Needs::Feedback => "feedback",
        },
    };
    order::transitions(standing, role).map(action).collect()
}

/// The order as the caller may see it; what lies outside their scope does not exist.
async fn find(app: &App, caller: &Caller, id: i64) -> Result<Order> {
    let seen = app.directory().seen(&caller.scope, None)?;
    let found = orders::of_ids(app.db(), &seen, &[id]).await?.pop();
    found.ok_or_else(|| Problem::not_found("order"))
}

/// What a person does.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = OrderAct)]
pub struct Act {
    /// The revision that the person saw.
    revision: i32,
    /// Why; of feedback, what was found.
    why: Option<String>,
    /// Of feedback: whether the cause was an objective one.
    objective: Option<bool>,
    /// Of feedback: which measures were taken.
    measures: Option<String>,
    /// Files that the caller brought and that go with it.
    #[serde(default)]
    attachments: Vec<i64>,
}

/// An order and an action.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct IdAction {
    /// The order.
    id: i64,
    /// One that the order's `actions` names.
    action: String,
}

/// Acts on an order: one of the actions that it names for this caller.
#[utoipa::path(
    post, path = "/api/v1/orders/{id}/{action}", tag = "orders", operation_id = "act_on_order", params(IdAction),
    request_body = Act,
    responses(
        (status = 200, body = OrderDetail), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)
    )
)]
pub async fn act(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(IdAction { id, action }): Path<IdAction>,
    Json(act): Json<Act>,
) -> Result<Json<OrderDetail>> {
    short("why", act.why.as_deref())?;
    short("measures", act.measures.as_deref())?;
    let attachments = attachments::checked(act.attachments)?;
    find(&app, &caller, id).await?;
    let action = OrderAction {
        order: id,
        revision: act.revision,
        action,
        why: act.why,
        objective: act.objective,
        measures: act.measures,
        attachments,
        actor: actor(&caller, &trail)?,
    };
    cards::perform(&app, Deed::Order(action)).await?;
    detail(&app, &caller, id).await.map(Json)
}

/// An order to be written.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewOrder)]
pub struct Write {
    /// `hall_manager` or `unit_head`.
    #[schema(value_type = String)]
    to: Rung,
    #[serde(flatten)]
    #[schema(inline)]
    about: about::Written,
    /// What it asks.
    text: String,
    /// Files that the caller brought and that go with it.
    #[serde(default)]
    attachments: Vec<i64>,
    /// Code of the hall; where nothing that it is about tells one.
    hall: Option<String>,
}

/// Writes an order; of a leader it is an instruction (批示).
#[utoipa::path(
    post, path = "/api/v1/orders", tag = "orders", operation_id = "issue_order", request_body = Write,
    responses(
        (status = 200, body = OrderDetail), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem)
    )
)]
pub async fn issue(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Json(write): Json<Write>,
) -> Result<Json<OrderDetail>> {
    short("text", Some(&write.text))?;
    let attachments = attachments::checked(write.attachments)?;
    let bearer = about::resolve(&app, &caller, write.about, write.hall).await?;
    let new = NewOrder {
        to: write.to,
        hall: bearer.hall,
        unit: bearer.unit,
        window: bearer.window,
        about: bearer.about,
        text: write.text,
        attachments,
        actor: actor(&caller, &trail)?,
    };
    let id = cards::perform(&app, Deed::NewOrder(new)).await?;
    detail(&app, &caller, id).await.map(Json)
}

/// A file that goes with an order.
#[utoipa::path(
    get, path = "/api/v1/orders/{id}/attachments/{file}", tag = "attachments", operation_id = "order_attachment", params(IdFile),
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>), (status = 404, body = Problem))
)]
pub async fn attachment(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(IdFile { id, file }): Path<IdFile>,
) -> Result<Response> {
    let hall = find(&app, &caller, id).await?.hall;
    attachments::hand_out(&app, &trail, With::Order(id), ("order", id, hall), file).await
}
