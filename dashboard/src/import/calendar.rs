//! Years of the statutory calendar, on top of those that are shipped.
//!
//! JSON: `{"year","notice","holidays":["2027-01-01"],"makeup":[]}` or a list of them. CSV: `date,kind,notice` with `holiday`
//! or `makeup`; the years are those of the dates.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use mingjing_monitor::calendar::WorkdayYear;
use mingjing_monitor::store::calendars;
use serde::Deserialize;
use sqlx::PgConnection;

use super::{Format, ImportError, Source};

#[derive(Deserialize)]
struct Row {
    date: NaiveDate,
    kind: Kind,
    #[serde(default)]
    notice: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Holiday,
    Makeup,
}

/// The years of a file, as they stand there.
pub(super) fn years(file: &Source) -> Result<Vec<WorkdayYear>, ImportError> {
    match file.format {
        Format::Json if file.text.trim_start().starts_with('{') => {
            Ok(vec![file.json::<WorkdayYear>()?])
        }
        Format::Json => file.json::<Vec<WorkdayYear>>(),
        Format::Csv => from_csv(file),
    }
}

pub(super) async fn write(
    connection: &mut PgConnection,
    file: &Source,
) -> Result<Vec<(&'static str, usize)>, ImportError> {
    let years = years(file)?;
    for year in &years {
        calendars::set_year(connection, year).await?;
    }
    Ok(vec![("years", years.len())])
}

fn from_csv(file: &Source) -> Result<Vec<WorkdayYear>, ImportError> {
    let mut years: BTreeMap<i32, WorkdayYear> = BTreeMap::new();
    for (_, row) in file.rows::<Row>()? {
        let year = years.entry(row.date.year()).or_insert_with(|| WorkdayYear {
            year: row.date.year(),
            notice: String::new(),
            holidays: Vec::new(),
            makeup: Vec::new(),
        });
        match row.kind {
            Kind::Holiday => year.holidays.push(row.date),
            Kind::Makeup => year.makeup.push(row.date),
        }
        if !row.notice.is_empty() && !year.notice.lines().any(|line| line == row.notice) {
            year.notice = [year.notice.as_str(), &row.notice]
                .join("\n")
                .trim()
                .to_owned();
        }
    }
    Ok(years.into_values().collect())
}
