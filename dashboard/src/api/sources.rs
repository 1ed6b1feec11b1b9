//! The systems that send events, and whether they do.

use axum::extract::State;
use mingjing_monitor::store::sources;

use super::list::List;
use crate::app::App;
use crate::caller::Caller;
use crate::problem::{Json, Problem, Result};
use crate::views::SourceView;

/// Every source, by id.
#[utoipa::path(
    get, path = "/api/v1/sources", tag = "monitoring", operation_id = "list_sources",
    responses((status = 200, body = List<SourceView>), (status = 401, body = Problem))
)]
pub async fn list(State(app): State<App>, caller: Caller) -> Result<Json<List<SourceView>>> {
    let (seq, now) = (app.live().seq(&caller), app.now());
    let sources = sources::sources(app.db()).await?;
    Ok(Json(List {
        items: sources
            .iter()
            .map(|source| SourceView::new(source, now))
            .collect(),
        next: None,
        seq,
    }))
}
