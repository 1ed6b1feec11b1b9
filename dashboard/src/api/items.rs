//! The catalogue of items. It is public knowledge (disclosure): every role that gets in sees all of it.

use axum::extract::State;
use mingjing_monitor::item::{HandlingKind, Step};
use mingjing_monitor::limit::Limit;
use mingjing_monitor::store::items;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::list::{self, List, Page};
use crate::app::App;
use crate::caller::Caller;
use crate::problem::{Json, Problem, Query, Result};

/// An item in its newest version.
#[derive(Debug, Serialize, ToSchema)]
pub struct Item {
    code: String,
    version: u32,
    name: String,
    name_en: String,
    unit: Option<String>,
    /// `immediate`, `promised`, `forwarded` or `joint`.
    #[schema(value_type = String)]
    kind: HandlingKind,
    /// `{"n":7,"unit":"workday"}`; null: no limit.
    #[schema(value_type = Option<Object>)]
    promise: Option<Limit>,
    #[schema(value_type = Option<Object>)]
    legal: Option<Limit>,
    /// `[{"code","name","limit","role"}]` in the order of handling.
    #[schema(value_type = Vec<Object>)]
    steps: Vec<Step>,
}

/// What to look for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Find {
    /// Part of a code or name.
    q: Option<String>,
    cursor: Option<String>,
    limit: Option<u32>,
}

/// The items, in the order of their codes.
#[utoipa::path(get, path = "/api/v1/items", tag = "county", operation_id = "list_items", params(Find), responses((status = 200, body = List<Item>), (status = 401, body = Problem)))]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(find): Query<Find>,
) -> Result<Json<List<Item>>> {
    let seq = app.live().seq(&caller);
    let page = Page {
        cursor: find.cursor,
        limit: find.limit,
        ..Page::default()
    };
    let (limit, after) = (page.limit()?, page.after::<String>()?);
    let q = find.q.as_deref().unwrap_or_default().trim();
    let mut rows = items::list(app.db(), q, after.as_deref(), i64::from(limit) + 1).await?;
    let next = list::cut(&mut rows, limit, |row| row.code.clone());
    let items = rows.into_iter().map(|row| Item {
        code: row.code,
        version: row.version,
        name: row.name,
        name_en: row.name_en,
        unit: row.unit,
        kind: row.kind,
        promise: row.promise,
        legal: row.legal,
        steps: row.steps,
    });
    Ok(Json(List {
        items: items.collect(),
        next,
        seq,
    }))
}
