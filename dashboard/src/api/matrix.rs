//! The window matrix: every window that the caller sees, as it stands now.

use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::caller::Caller;
use crate::problem::{Json, Problem, Query, Result};
use crate::publish;
use crate::views::WindowTile;

/// Which halls.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Where {
    /// Only this hall and what is below it.
    hall: Option<String>,
}

/// The windows of one hall.
#[derive(Debug, Serialize, ToSchema)]
pub struct HallTiles {
    hall: String,
    windows: Vec<WindowTile>,
}

/// The matrix.
#[derive(Debug, Serialize, ToSchema)]
pub struct Matrix {
    seq: u64,
    at: DateTime<Utc>,
    halls: Vec<HallTiles>,
}

/// The matrix, hall by hall.
#[utoipa::path(
    get, path = "/api/v1/matrix", tag = "monitoring", operation_id = "matrix", params(Where),
    responses((status = 200, body = Matrix), (status = 404, body = Problem))
)]
pub async fn show(
    State(app): State<App>,
    caller: Caller,
    Query(place): Query<Where>,
) -> Result<Json<Matrix>> {
    let seq = app.live().seq(&caller);
    let seen = app.directory().seen(&caller.scope, place.hall.as_deref())?;
    let mut halls: Vec<HallTiles> = Vec::new();
    for tile in publish::tiles(&app, &seen).await? {
        match halls.last_mut() {
            Some(last) if last.hall == tile.hall() => last.windows.push(tile),
            _ => halls.push(HallTiles {
                hall: tile.hall().to_owned(),
                windows: vec![tile],
            }),
        }
    }
    Ok(Json(Matrix {
        seq,
        at: app.now(),
        halls,
    }))
}
