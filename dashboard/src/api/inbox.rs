//! The inbox: what the caller must act on, and by when.

use axum::extract::State;
use chrono::{DateTime, Utc};
use mingjing_monitor::personal::mask_text;
use mingjing_monitor::store::paging;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::list;
use crate::app::App;
use crate::caller::Caller;
use crate::problem::{Json, Problem, Query, Result};
use crate::store::inbox::{self, Awaiting};

/// Which part of it.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Part {
    /// `next` of the page before.
    cursor: Option<String>,
    /// Rows, 1 to 500 (100).
    limit: Option<u32>,
}

/// Something to act on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InboxItem)]
pub struct Item {
    /// `card`, `order` or `leave`.
    kind: String,
    id: i64,
    /// Of a card.
    grade: Option<String>,
    /// Of an order: `unanswered`, `inspector` or `instruction`.
    origin: Option<String>,
    state: String,
    hall: String,
    hall_name: String,
    unit: Option<String>,
    unit_name: Option<String>,
    window: Option<String>,
    case: Option<String>,
    text_zh: String,
    text_en: String,
    since: DateTime<Utc>,
    /// By when; null where nothing says.
    due: Option<DateTime<Utc>>,
    revision: i32,
}

/// What the caller must act on.
#[derive(Debug, Serialize, ToSchema)]
pub struct Inbox {
    items: Vec<Item>,
    next: Option<String>,
    seq: u64,
    counts: Counts,
}

/// How much it is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InboxCounts)]
pub struct Counts {
    cards: i64,
    orders: i64,
    /// Leave to be decided about.
    leaves: i64,
    /// Of all, past their due instant.
    over: i64,
}

/// Cards, orders and leave that await the caller, the most urgent first.
#[utoipa::path(
    get, path = "/api/v1/inbox", tag = "orders", operation_id = "inbox", params(Part),
    responses((status = 200, body = Inbox), (status = 422, body = Problem))
)]
pub async fn show(
    State(app): State<App>,
    caller: Caller,
    Query(part): Query<Part>,
) -> Result<Json<Inbox>> {
    let seq = app.live().seq(&caller);
    let page = list::Page {
        cursor: part.cursor,
        limit: part.limit,
        ..list::Page::default()
    }
    .keyed()?;
    let directory = app.directory();
    let seen = directory.seen(&caller.scope, None)?;
    let role = caller.role.code();
    let (rows, next) = inbox::list(app.db(), &seen, role, &page).await?;
    let (cards, orders, leaves, over) = inbox::counts(app.db(), &seen, role, app.now()).await?;
    let item = |row: Awaiting| {
        let (grade, origin) = match row.kind.as_str() {
            "card" => (Some(row.sort), None),
            "order" => (None, Some(row.sort)),
            _ => (None, None),
        };
        Item {
            grade,
            origin,
            id: row.id,
            kind: row.kind,
            state: row.state,
            hall_name: directory.hall_name(&row.hall),
            hall: row.hall,
            unit_name: row.unit.as_deref().map(|unit| directory.unit_name(unit)),
            unit: row.unit,
            window: row.win,
            case: row.case_no,
            text_zh: mask_text(&row.text_zh),
            text_en: mask_text(&row.text_en),
            since: row.since,
            due: row.due,
            revision: row.revision,
        }
    };
    Ok(Json(Inbox {
        items: rows.into_iter().map(item).collect(),
        next: next.as_ref().map(paging::Cursor::encode),
        seq,
        counts: Counts {
            cards,
            orders,
            leaves,
            over,
        },
    }))
}
