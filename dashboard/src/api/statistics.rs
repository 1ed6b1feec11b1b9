//! Statistics as tables, files for spreadsheets, and charts.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::app::App;
use crate::caller::Caller;
use crate::chart;
use crate::problem::{Json, Path, Problem, Query, Result};
use crate::statistics::{self, Asked, Language, Question, Table, export};

/// What is counted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Narrow {
    /// First day, `2026-10-01`; 30 days up to `to` where it is left out.
    from: Option<String>,
    /// Last day, included; today where it is left out.
    to: Option<String>,
    /// Only this hall and what is below it.
    hall: Option<String>,
    /// Code of the unit.
    unit: Option<String>,
    /// Code of the item.
    item: Option<String>,
    /// What a row stands for: `time` (a day, of more than 62 days a month), `hall`, `unit` or `item`. Of `volumes`, `durations`, `timeliness`
    /// and `ratings`; others have rows of their own.
    by: Option<String>,
    /// Language of a file: `zh` or `en`.
    #[param(value_type = Option<String>)]
    lang: Option<Language>,
}

/// A statistic: `volumes`, `durations`, `distribution`, `timeliness`, `bottleneck`, `process`, `variants`, `anomalies`, `ratings`,
/// `complaints`, `channels`, `levels` or `presence`; with `.csv` or `.xlsx` after its name the same table as a file.
#[utoipa::path(
    get, path = "/api/v1/statistics/{name}", tag = "performance", operation_id = "statistic", params(Narrow),
    responses((status = 200, body = Table), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(file): Path<String>,
    Query(narrow): Query<Narrow>,
) -> Result<Response> {
    let (name, ending) = statistics::split(&file)?;
    let language = narrow.lang.unwrap_or_default();
    let table = table(&app, &caller, name, narrow).await?;
    match ending {
        "" => Ok(Json(table).into_response()),
        "csv" => Ok(file_of(
            &file,
            "text/csv; charset=utf-8",
            export::csv(&table, language).into_bytes(),
        )),
        "xlsx" => {
            let book = export::xlsx(&table, language).map_err(Problem::internal)?;
            let kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
            Ok(file_of(&file, kind, book))
        }
        _ => Err(Problem::not_found("statistic")),
    }
}

/// The chart of a statistic: `volumes.svg`, `volumes.png`. The same numbers as the table's.
#[utoipa::path(
    get, path = "/api/v1/charts/{file}", tag = "performance", operation_id = "chart", params(Narrow),
    responses((status = 200, content_type = "image/svg+xml", body = String), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub async fn chart(
    State(app): State<App>,
    caller: Caller,
    Path(file): Path<String>,
    Query(narrow): Query<Narrow>,
) -> Result<Response> {
    let (name, ending) = statistics::split(&file)?;
    let language = narrow.lang.unwrap_or_default();
    let kind = match ending {
        "svg" => "image/svg+xml",
        "png" => "image/png",
        _ => return Err(Problem::not_found("chart")),
    };
    let table = table(&app, &caller, name, narrow).await?;
    if table.drawn.is_none() {
        return Err(Problem::not_found("chart"));
    }
    // Fonts are read and pixels are set here: no work for the threads that answer.
    let svg = ending == "svg";
    let drawn = tokio::task::spawn_blocking(move || match svg {
        true => chart::svg(&table, language).map(String::into_bytes),
        false => chart::png(&table, language),
    });
    let picture = drawn.await.map_err(Problem::internal)?;
    Ok(file_of(&file, kind, picture.map_err(Problem::internal)?))
}

async fn table(app: &App, caller: &Caller, name: &str, narrow: Narrow) -> Result<Table> {
    let seen = app
        .directory()
        .seen(&caller.scope, narrow.hall.as_deref())?;
    let date = |text: Option<String>| {
        let text = text.filter(|text| !text.is_empty());
        text.as_deref().map(statistics::date).transpose()
    };
    let question = Question {
        from: date(narrow.from)?,
        to: date(narrow.to)?,
        unit: narrow.unit,
        item: narrow.item,
        by: narrow.by.filter(|by| !by.is_empty()),
    };
    let asked = Asked::new(app, question, seen)?;
    let asked = asked.ok_or_else(|| Problem::not_found("unit"))?;
    statistics::table(app, name, &asked).await
}

/// Bytes that are saved under the name that was asked for.
fn file_of(name: &str, kind: &'static str, bytes: Vec<u8>) -> Response {
    // The name was looked up in a list of words.
    let disposition = format!("attachment; filename=\"{name}\"");
    let disposition = HeaderValue::from_str(&disposition)
        .unwrap_or_else(|_| HeaderValue::from_static("attachment"));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    (headers, bytes).into_response()
}
