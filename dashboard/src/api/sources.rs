//! The systems that send events, and whether they do.

use axum::extract::State;
use mingjing_monitor::store::sources::{self, Source};

use super::list::List;
use crate::app::App;
use crate::caller::Caller;
use crate::problem::{Json, Problem, Result};
use crate::views::SourceView;

/// The sources that speak of the caller's halls, by id; of the whole county, all.
#[utoipa::path(
    get, path = "/api/v1/sources", tag = "monitoring", operation_id = "list_sources",
    responses((status = 200, body = List<SourceView>), (status = 401, body = Problem))
)]
pub async fn list(State(app): State<App>, caller: Caller) -> Result<Json<List<SourceView>>> {
    let (seq, now) = (app.live().seq(&caller), app.now());
    let sources = seen(&app, &caller.scope.hall).await?;
    Ok(Json(List {
        items: sources
            .iter()
            .map(|source| SourceView::new(source, now))
            .collect(),
        next: None,
        seq,
    }))
}

/// The sources that whoever sees `hall` and what is below it may know of.
///
/// # Errors
/// When the database cannot be asked.
pub async fn seen(app: &App, hall: &str) -> Result<Vec<Source>> {
    let mut all = sources::sources(app.db()).await?;
    if hall != app.directory().root() {
        let speaking = sources::speaking_of(app.db(), hall).await?;
        all.retain(|source| speaking.contains(&source.id));
    }
    Ok(all)
}
