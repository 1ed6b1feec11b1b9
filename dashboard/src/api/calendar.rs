//! The statutory calendar by years, and the hours of offices and halls. A year comes in as a file; what it would change is
//! shown before.

use std::path::Path as FilePath;

use axum::extract::State;
use chrono::{Datelike, NaiveDate};
use mingjing_monitor::audit::Action;
use mingjing_monitor::calendar::{DayKind, OpeningHours, WorkdayYear, Workdays};
use mingjing_monitor::org::Level;
use mingjing_monitor::store::{calendars, states};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::audit::{Record, Trail};
use crate::caller::Caller;
use crate::import::{self, ImportError};
use crate::problem::{Json, Problem, Query, Result};
use crate::store::{Notice, notify};

/// Longest file, in bytes: a year takes three thousand.
const MAX_FILE: usize = 256 * 1024;

/// Which year.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WhichYear {
    /// The current one where it is left out.
    year: Option<i32>,
}

/// A year, and the hours.
#[derive(Debug, Serialize, ToSchema)]
pub struct CalendarView {
    year: i32,
    /// False: deadlines that reach it are only expected.
    loaded: bool,
    /// The notices that set it, one a line.
    notice: String,
    /// Days that are no ordinary workdays or weekends.
    days: Vec<SpecialDay>,
    workdays: u32,
    /// Every loaded year, the first first.
    years: Vec<LoadedYear>,
    /// Office hours on statutory workdays: `09:00`.
    office_opens: String,
    office_closes: String,
    time_zone: String,
    /// Open cases whose deadline lies in a year that is not loaded.
    expected: i64,
    /// Opening hours of the caller's halls.
    halls: Vec<HallHours>,
}

/// A day that is not as its weekday.
#[derive(Debug, Serialize, ToSchema)]
pub struct SpecialDay {
    #[schema(value_type = String)]
    date: NaiveDate,
    /// `holiday` or `makeup`.
    #[schema(value_type = String)]
    kind: DayKind,
}

/// A year that is loaded.
#[derive(Debug, Serialize, ToSchema)]
pub struct LoadedYear {
    year: i32,
    /// It came by import, not with the program.
    imported: bool,
}

/// When a hall is open to the public.
#[derive(Debug, Serialize, ToSchema)]
pub struct HallHours {
    code: String,
    name: String,
    name_en: String,
    #[schema(value_type = String)]
    level: Level,
    /// `{"1":["09:00","17:30"]}`, 1 is Monday.
    #[schema(value_type = Object)]
    opening: OpeningHours,
}

/// A calendar file.
#[derive(Debug, Deserialize, ToSchema)]
pub struct CalendarFile {
    /// Its name; it ends in `.json` or `.csv`.
    name: String,
    text: String,
}

/// What a file changes.
#[derive(Debug, Serialize, ToSchema)]
pub struct CalendarChange {
    years: Vec<YearChange>,
    /// It was applied.
    applied: bool,
}

/// What a file changes of a year.
#[derive(Debug, Serialize, ToSchema)]
pub struct YearChange {
    year: i32,
    /// The year was loaded before.
    replaces: bool,
    holidays: usize,
    makeup: usize,
    notice: String,
    /// Days that become another kind than they were, or were taken for.
    days: Vec<DayChange>,
}

/// A day that becomes another kind.
#[derive(Debug, Serialize, ToSchema)]
pub struct DayChange {
    #[schema(value_type = String)]
    date: NaiveDate,
    /// `workday`, `weekend`, `holiday` or `makeup`.
    #[schema(value_type = String)]
    before: DayKind,
    #[schema(value_type = String)]
    after: DayKind,
}

/// A year of the statutory calendar, the years that are loaded, and the hours of offices and halls.
#[utoipa::path(
    get, path = "/api/v1/calendar", tag = "rules", operation_id = "show_calendar", params(WhichYear),
    responses((status = 200, body = CalendarView), (status = 422, body = Problem))
)]
pub async fn show(
    State(app): State<App>,
    caller: Caller,
    Query(WhichYear { year }): Query<WhichYear>,
) -> Result<Json<CalendarView>> {
    let directory = app.directory();
    let (Some(county), Some(calendar)) = (directory.county(), directory.calendar()) else {
        return Err(Problem::unavailable("The county is not set up yet."));
    };
    let year = year.unwrap_or_else(|| app.now().with_timezone(&calendar.zone).year());
    if !(1949..=2199).contains(&year) {
        return Err(Problem::invalid("year: give one from 1949 to 2199"));
    }
    let days = &calendar.workdays;
    let imported: Vec<i32> = calendars::years(app.db())
        .await?
        .into_iter()
        .map(|year| year.year)
        .collect();
    let special = dates(year).filter_map(|date| {
        let kind = days.kind(date);
        matches!(kind, DayKind::Holiday | DayKind::Makeup).then_some(SpecialDay { date, kind })
    });
    let table = days.years().find(|table| table.year == year);
    let halls = directory.halls(&caller.scope).iter().map(|hall| HallHours {
        code: hall.code.clone(),
        name: hall.name.clone(),
        name_en: hall.name_en.clone(),
        level: hall.level,
        opening: hall.opening,
    });
    Ok(Json(CalendarView {
        year,
        loaded: days.is_loaded(year),
        notice: table.map(|table| table.notice.clone()).unwrap_or_default(),
        days: special.collect(),
        workdays: u32::try_from(dates(year).filter(|date| days.counts(*date)).count())
            .unwrap_or_default(),
        years: days
            .years()
            .map(|table| LoadedYear {
                year: table.year,
                imported: imported.contains(&table.year),
            })
            .collect(),
        office_opens: county.office_opens.format("%H:%M").to_string(),
        office_closes: county.office_closes.format("%H:%M").to_string(),
        time_zone: county.time_zone.clone(),
        expected: states::expected_count(app.db(), &caller.scope.hall).await?,
        halls: halls.collect(),
    }))
}

fn dates(year: i32) -> impl Iterator<Item = NaiveDate> {
    let first = NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or_default();
    first
        .iter_days()
        .take_while(move |date| date.year() == year)
}

/// Says what a calendar file would change; nothing is kept.
#[utoipa::path(
    post, path = "/api/v1/calendar/check", tag = "rules", operation_id = "check_calendar", request_body = CalendarFile,
    responses((status = 200, body = CalendarChange), (status = 422, body = Problem))
)]
pub async fn check(
    State(app): State<App>,
    Json(file): Json<CalendarFile>,
) -> Result<Json<CalendarChange>> {
    let (years, _) = read(&file)?;
    change(&app, &years, false).await.map(Json)
}

/// Takes the years of a calendar file in. Deadlines follow at once: those that were only expected become certain.
#[utoipa::path(
    post, path = "/api/v1/calendar", tag = "rules", operation_id = "import_calendar", request_body = CalendarFile,
    responses((status = 200, body = CalendarChange), (status = 422, body = Problem))
)]
pub async fn take(
    State(app): State<App>,
    trail: Trail,
    Json(file): Json<CalendarFile>,
) -> Result<Json<CalendarChange>> {
    let (years, sha256) = read(&file)?;
    let change = change(&app, &years, true).await?;
    let mut tx = app.db().begin().await?;
    for year in &years {
        calendars::set_year(&mut tx, year).await?;
    }
    notify(&mut tx, Notice::Organisation).await?;
    let record = Record::of(Action::ImportMade).on("file", &file.name).after(
        json!({"sha256": sha256, "counts": {"years": years.len()}, "changes": change.years}),
    );
    trail.append(&mut tx, record).await?;
    tx.commit().await?;
    Ok(Json(change))
}

fn read(file: &CalendarFile) -> Result<(Vec<WorkdayYear>, String)> {
    if file.text.len() > MAX_FILE {
        return Err(Problem::invalid(format!(
            "the file is over {} KiB: a year takes 3",
            MAX_FILE / 1024
        )));
    }
    // Only a name: what stands before it, and what no name has, does not matter to us and is not kept.
    let name = file.name.rsplit(['/', '\\']).next().unwrap_or_default();
    let read = import::calendar_years(FilePath::new(name), &file.text);
    let (years, sha256) = read.map_err(|error| match error {
        ImportError::Store(error) => error.into(),
        other => Problem::invalid(other.to_string()),
    })?;
    if years.is_empty() {
        return Err(Problem::invalid("the file holds no year"));
    }
    Workdays::new(years.clone()).map_err(|error| Problem::invalid(error.to_string()))?;
    Ok((years, sha256))
}

async fn change(app: &App, years: &[WorkdayYear], applied: bool) -> Result<CalendarChange> {
    let before = calendars::workdays(app.db()).await?;
    let mut after = before.clone();
    for year in years {
        after = after
            .with_year(year.clone())
            .map_err(|error| Problem::invalid(error.to_string()))?;
    }
    let of_year = |year: &WorkdayYear| YearChange {
        year: year.year,
        replaces: before.is_loaded(year.year),
        holidays: year.holidays.len(),
        makeup: year.makeup.len(),
        notice: year.notice.clone(),
        days: dates(year.year)
            .map(|date| DayChange {
                date,
                before: before.kind(date),
                after: after.kind(date),
            })
            .filter(|day| day.before != day.after)
            .collect(),
    };
    Ok(CalendarChange {
        years: years.iter().map(of_year).collect(),
        applied,
    })
}
