//! The search field of the top bar: cases by number, halls, items and cameras by name or code.

use axum::extract::State;
use mingjing_monitor::store::cases::{self, Filter};
use mingjing_monitor::store::paging::Page;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::caller::Caller;
use crate::problem::{Json, Problem, Query, Result};
use crate::publish;
use crate::views::CaseRow;

/// Most hits of each kind.
const MOST: usize = 8;

/// What to look for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Find {
    /// The beginning of a case number, or part of a name or code.
    q: String,
}

/// A hall.
#[derive(Debug, Serialize, ToSchema)]
pub struct HallHit {
    code: String,
    name: String,
    name_en: String,
}

/// An item.
#[derive(Debug, Serialize, ToSchema)]
pub struct ItemHit {
    code: String,
    name: String,
}

/// A camera.
#[derive(Debug, Serialize, ToSchema)]
pub struct CameraHit {
    id: String,
    name: String,
    hall: String,
}

/// At most eight of each.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Hits {
    cases: Vec<CaseRow>,
    halls: Vec<HallHit>,
    items: Vec<ItemHit>,
    cameras: Vec<CameraHit>,
}

/// Searches what the caller sees.
#[utoipa::path(
    get, path = "/api/v1/search", tag = "monitoring", operation_id = "search", params(Find),
    responses((status = 200, body = Hits), (status = 401, body = Problem))
)]
pub async fn find(
    State(app): State<App>,
    caller: Caller,
    Query(find): Query<Find>,
) -> Result<Json<Hits>> {
    let q = find.q.trim();
    if q.is_empty() {
        return Ok(Json(Hits::default()));
    }
    let directory = app.directory();
    let needle = q.to_lowercase();
    let hit = |text: &str| text.to_lowercase().contains(&needle);
    let halls = directory
        .halls(&caller.scope)
        .iter()
        .filter(|hall| hit(&hall.code) || hit(&hall.name) || hit(&hall.name_en))
        .take(MOST)
        .map(|hall| HallHit {
            code: hall.code.clone(),
            name: hall.name.clone(),
            name_en: hall.name_en.clone(),
        })
        .collect();
    let items = directory
        .items()
        .filter(|(code, name)| hit(code) || hit(name))
        .take(MOST)
        .map(|(code, name)| ItemHit {
            code: code.to_owned(),
            name: name.to_owned(),
        })
        .collect();
    let cameras = directory
        .cameras()
        .filter(|camera| directory.sees_camera(&caller.scope, camera))
        .filter(|camera| hit(&camera.id) || hit(&camera.name))
        .take(MOST)
        .map(|camera| CameraHit {
            id: camera.id.clone(),
            name: camera.name.clone(),
            hall: camera.hall.clone(),
        })
        .collect();
    Ok(Json(Hits {
        cases: cases(&app, &caller, q).await?,
        halls,
        items,
        cameras,
    }))
}

async fn cases(app: &App, caller: &Caller, q: &str) -> Result<Vec<CaseRow>> {
    let filter = Filter {
        query: Some(q.to_owned()),
        unit: caller.scope.unit.clone(),
        window: caller.scope.window.clone(),
        ..Filter::default()
    };
    let page = Page {
        after: None,
        limit: 8,
    };
    let (rows, _) = cases::list(app.db(), &caller.scope.hall, &filter, &page).await?;
    let numbers: Vec<String> = rows.iter().map(|row| row.no.clone()).collect();
    let mut marks = publish::case_marks(app, &numbers).await?;
    let rows = rows.into_iter().map(|row| {
        let mark = marks.remove(&row.no);
        CaseRow::new(row, mark)
    });
    Ok(rows.collect())
}
