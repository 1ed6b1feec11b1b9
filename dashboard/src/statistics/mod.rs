//! Statistics 统计分析: what is counted, in one table form each. All of them read roll-ups and small lists, none reads events.

mod cases;
pub mod export;
mod names;
mod process;
pub mod table;
mod trouble;

use std::str::FromStr;

use chrono::{DateTime, Days, Months, NaiveDate, Utc};
use mingjing_monitor::store::statistics::{By, FIRST, Filter, LAST};

use crate::app::App;
use crate::problem::{Problem, Result};
use crate::store::Seen;
use names::Names;
pub use names::named;
pub use table::{Language, Table, Unit, Words};

/// So many millionths make a workday.
const WORKDAY: f64 = 1_000_000.0;
/// A longer span is shown month by month.
const MOST_DAYS: i64 = 62;
/// The longest span, in days: about thirty years.
const LONGEST: i64 = 11_000;

/// The names of all statistics, in the order of the page.
pub const NAMES: [&str; 13] = [
    "volumes",
    "durations",
    "distribution",
    "timeliness",
    "bottleneck",
    "process",
    "variants",
    "anomalies",
    "ratings",
    "complaints",
    "channels",
    "levels",
    "presence",
];

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    filter: Filter,
    by: By,
    now: DateTime<Utc>,
}

/// The question as it came.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// First day; 30 days up to `to` where it is left out.
    pub from: Option<NaiveDate>,
    /// Last day; today where it is left out.
    pub to: Option<NaiveDate>,
    /// Only this unit.
    pub unit: Option<String>,
    /// Only this item.
    pub item: Option<String>,
    /// `time`, `hall`, `unit` or `item`.
    pub by: Option<String>,
}

impl Asked {
    /// Of what the caller sees. `None`: the unit asked for lies outside it, so there is nothing to count.
    ///
    /// # Errors
    /// `invalid` when the span is none or too long, or `by` is no word.
    pub fn new(app: &App, question: Question, seen: Seen) -> Result<Option<Self>> {
        let now = app.now();
        let today = now.with_timezone(&app.directory().zone()).date_naive();
        let to = question.to.unwrap_or(today);
        let from = question.from.unwrap_or(to - Days::new(29));
        if from > to || from < FIRST || to > LAST || (to - from).num_days() > LONGEST {
            return Err(Problem::invalid(
                "from must not lie after to, nor more than thirty years before it",
            ));
        }
        let by = match question.by.as_deref().unwrap_or("time") {
            "time" if (to - from).num_days() < MOST_DAYS => By::Day,
            "time" => By::Month,
            "hall" => By::Hall,
            "unit" => By::Unit,
            "item" => By::Item,
            other => {
                return Err(Problem::invalid(format!(
                    "by {other:?}: give time, hall, unit or item"
                )));
            }
        };
        let text = |text: Option<String>| text.filter(|text| !text.is_empty());
        let unit = match (text(question.unit), seen.unit) {
            (Some(asked), Some(only)) if asked != only => return Ok(None),
            (asked, only) => asked.or(only),
        };
        let filter = Filter {
            hall: seen.hall,
            unit,
            item: text(question.item),
            from,
            to,
        };
        Ok(Some(Self { filter, by, now }))
    }

    /// Of a whole month in this hall and what is below it, day by day.
    pub fn of_month(hall: &str, first: NaiveDate, now: DateTime<Utc>) -> Self {
        let filter = Filter {
            hall: hall.to_owned(),
            unit: None,
            item: None,
            from: first,
            to: first + Months::new(1) - Days::new(1),
        };
        let by = By::Day;
        Self { filter, by, now }
    }

    /// The days of the span, or the months that it touches, as the keys of rows.
    fn times(&self) -> Vec<String> {
        let Filter { from, to, .. } = self.filter;
        if self.by == By::Day {
            let days = from.iter_days().take_while(|day| *day <= to);
            return days.map(|day| day.to_string()).collect();
        }
        let mut months = Vec::new();
        let mut month = chrono::Datelike::with_day(&from, 1).unwrap_or(from);
        while month <= to {
            months.push(month.format("%Y-%m").to_string());
            month = month + Months::new(1);
        }
        months
    }

    /// The span in instants of the county's zone.
    fn instants(&self, app: &App) -> (DateTime<Utc>, DateTime<Utc>) {
        let zone = app.directory().zone();
        let midnight = |day: NaiveDate| {
            mingjing_monitor::calendar::local_to_utc(day.and_time(chrono::NaiveTime::MIN), zone)
        };
        (
            midnight(self.filter.from),
            midnight(self.filter.to + Days::new(1)),
        )
    }
}

/// One of [`NAMES`].
///
/// # Errors
/// `not-found` when there is no such statistic; else when the database cannot be asked.
pub async fn table(app: &App, name: &str, asked: &Asked) -> Result<Table> {
    let names = Names::new(app);
    let mut table = match name {
        "volumes" => cases::volumes(app, asked, &names).await?,
        "durations" => cases::durations(app, asked, &names).await?,
        "distribution" => cases::distribution(app, asked).await?,
        "timeliness" => cases::timeliness(app, asked, &names).await?,
        "ratings" => cases::ratings(app, asked, &names).await?,
        "channels" => cases::channels(app, asked).await?,
        "levels" => cases::levels(app, asked, &names).await?,
        "bottleneck" => process::bottleneck(app, asked, &names).await?,
        "process" => process::map(app, asked, &names).await?,
        "variants" => process::variants(app, asked, &names).await?,
        "anomalies" => trouble::anomalies(app, asked).await?,
        "complaints" => trouble::complaints(app, asked).await?,
        "presence" => trouble::presence(),
        _ => return Err(Problem::not_found("statistic")),
    };
    table.about = names.about(&asked.filter);
    Ok(table)
}

/// `volumes.csv` → `volumes` and `csv`; without an ending the second is empty.
///
/// # Errors
/// `not-found` when there is no such statistic.
pub fn split(file: &str) -> Result<(&'static str, &str)> {
    let (name, ending) = file.split_once('.').unwrap_or((file, ""));
    let name = NAMES.iter().find(|known| **known == name);
    let name = name.ok_or_else(|| Problem::not_found("statistic"))?;
    Ok((name, ending))
}

/// Reads `2026-10-01`.
///
/// # Errors
/// `invalid` when it is no date.
pub fn date(text: &str) -> Result<NaiveDate> {
    NaiveDate::from_str(text)
        .map_err(|_| Problem::invalid(format!("date {text:?} is none: write it like 2026-10-01")))
}

/// A part of a whole; nothing where there is no whole.
fn share(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Of millionths of a workday.
fn workdays(sum: i64, n: i64) -> Option<f64> {
    share(sum, n).map(|mean| mean / WORKDAY)
}
