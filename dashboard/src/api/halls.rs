//! The halls that the caller sees.

use axum::extract::State;
use mingjing_monitor::calendar::OpeningHours;
use mingjing_monitor::org::Level;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::caller::Caller;
use crate::problem::{Json, Problem, Result};

/// Halls and units.
#[derive(Debug, Serialize, ToSchema)]
pub struct Halls {
    /// Parents before children.
    halls: Vec<Hall>,
    units: Vec<Unit>,
}

/// A hall.
#[derive(Debug, Serialize, ToSchema)]
pub struct Hall {
    code: String,
    /// Code of the hall above; null at the top of what the caller sees.
    parent: Option<String>,
    /// `county`, `town` or `village`.
    #[schema(value_type = String)]
    level: Level,
    name: String,
    name_en: String,
    /// Opening hours by ISO weekday, `{"1":["09:00","17:30"]}`.
    #[schema(value_type = Object)]
    opening: OpeningHours,
    windows: Vec<Window>,
}

/// A window.
#[derive(Debug, Serialize, ToSchema)]
pub struct Window {
    no: String,
    name: String,
    /// Null: shared by all.
    unit: Option<String>,
    /// Cameras that see it.
    cameras: Vec<String>,
}

/// A unit.
#[derive(Debug, Serialize, ToSchema)]
pub struct Unit {
    code: String,
    name: String,
    name_en: String,
}

/// The halls of the caller's subtree, with their windows, and the units.
#[utoipa::path(get, path = "/api/v1/halls", tag = "county", operation_id = "list_halls", responses((status = 200, body = Halls), (status = 401, body = Problem)))]
pub async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Halls>> {
    let directory = app.directory();
    let scope = &caller.scope;
    let halls = directory.halls(scope).iter().map(|hall| Hall {
        code: hall.code.clone(),
        parent: hall.parent.clone().filter(|_| hall.code != scope.hall),
        level: hall.level,
        name: hall.name.clone(),
        name_en: hall.name_en.clone(),
        opening: hall.opening,
        windows: directory
            .windows(scope, &hall.code)
            .map(|window| Window {
                no: window.no.clone(),
                name: window.name.clone(),
                unit: window.unit.clone(),
                cameras: directory.cameras_of(&window.hall, &window.no),
            })
            .collect(),
    });
    let units = directory
        .units()
        .filter(|unit| scope.unit.as_ref().is_none_or(|only| *only == unit.code));
    let units = units.map(|unit| Unit {
        code: unit.code.clone(),
        name: unit.name.clone(),
        name_en: unit.name_en.clone(),
    });
    Ok(Json(Halls {
        halls: halls.collect(),
        units: units.collect(),
    }))
}
