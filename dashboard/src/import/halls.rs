//! Halls with their windows; units; the county.
//!
//! JSON: `{"county": {...}, "units": [{"code","name","name_en"}], "halls": [{"code","parent","level","name","name_en",
//! "opening": {"1": ["09:00","17:30"]}, "windows": [{"no","unit","name","name_en"}]}]}`, each of the three optional.
//! CSV: a row a window, `code,parent,level,name,name_en,opening,window,unit,window_name`; `opening` like
//! `1-5 09:00-17:30; 6 09:00-12:00`. A unit that a CSV names and nobody described takes its code for a name.

use std::collections::{BTreeMap, HashSet};

use chrono::{NaiveTime, Weekday};
use mingjing_monitor::calendar::{OpeningHours, Span};
use mingjing_monitor::org::{Hall, Level, Unit, Window};
use mingjing_monitor::store::{county, halls};
use serde::Deserialize;
use sqlx::PgConnection;

use super::{Format, ImportError, Source};
use crate::store::import as store;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    county: Option<CountyEntry>,
    #[serde(default)]
    units: Vec<Unit>,
    #[serde(default)]
    halls: Vec<HallEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CountyEntry {
    code: String,
    name: String,
    #[serde(default)]
    name_en: String,
    #[serde(default = "shanghai")]
    time_zone: String,
    #[serde(default)]
    office_hours: Option<Span>,
    /// Everything works, nothing counts.
    #[serde(default)]
    trial_run: bool,
}

fn shanghai() -> String {
    "Asia/Shanghai".into()
}

/// A [`Hall`] with its windows, field by field: what is wrong in it is found on its own line, and no key goes unread.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HallEntry {
    code: String,
    #[serde(default)]
    parent: Option<String>,
    level: Level,
    name: String,
    #[serde(default)]
    name_en: String,
    #[serde(default)]
    opening: OpeningHours,
    #[serde(default)]
    windows: Vec<WindowEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WindowEntry {
    no: String,
    unit: Option<String>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    name_en: String,
}

#[derive(Deserialize)]
struct Row {
    code: String,
    parent: Option<String>,
    level: Level,
    name: String,
    #[serde(default)]
    name_en: String,
    opening: Option<String>,
    window: Option<String>,
    unit: Option<String>,
    window_name: Option<String>,
}

#[derive(Default)]
struct Parsed {
    units: Vec<Unit>,
    halls: Vec<Hall>,
    windows: Vec<Window>,
}

pub(super) async fn write(
    connection: &mut PgConnection,
    file: &Source,
) -> Result<Vec<(&'static str, usize)>, ImportError> {
    let parsed = match file.format {
        Format::Json => {
            let content: File = file.json()?;
            if let Some(entry) = content.county {
                county::set_county(connection, &entry.county()).await?;
            }
            from_json(content.units, content.halls)
        }
        Format::Csv => {
            let mut parsed = from_csv(file)?;
            let known: HashSet<String> = store::unit_codes(connection).await?.into_iter().collect();
            parsed.units.retain(|unit| !known.contains(&unit.code));
            parsed
        }
    };
    halls::upsert_units(connection, &parsed.units).await?;
    halls::upsert_halls(connection, &parsed.halls).await?;
    halls::upsert_windows(connection, &parsed.windows).await?;
    if parsed.halls.iter().any(|hall| hall.parent.is_none()) {
        let codes: Vec<String> = parsed.halls.iter().map(|hall| hall.code.clone()).collect();
        store::leave_placeholder(connection, &codes).await?;
    }
    Ok(vec![
        ("units", parsed.units.len()),
        ("halls", parsed.halls.len()),
        ("windows", parsed.windows.len()),
    ])
}

impl CountyEntry {
    fn county(self) -> county::County {
        let hours = self
            .office_hours
            .unwrap_or(mingjing_monitor::calendar::OfficeHours::default().0);
        county::County {
            code: self.code,
            name: self.name,
            name_en: self.name_en,
            time_zone: self.time_zone,
            office_opens: hours.opens(),
            office_closes: hours.closes(),
            trial_run: self.trial_run,
        }
    }
}

fn from_json(units: Vec<Unit>, entries: Vec<HallEntry>) -> Parsed {
    let mut parsed = Parsed {
        units,
        ..Parsed::default()
    };
    for entry in entries {
        let windows = entry.windows.into_iter().map(|window| Window {
            hall: entry.code.clone(),
            no: window.no,
            unit: window.unit,
            name: window.name,
            name_en: window.name_en,
        });
        parsed.windows.extend(windows);
        parsed.halls.push(Hall {
            code: entry.code,
            parent: entry.parent,
            level: entry.level,
            name: entry.name,
            name_en: entry.name_en,
            opening: entry.opening,
        });
    }
    parsed
}

fn from_csv(file: &Source) -> Result<Parsed, ImportError> {
    let mut parsed = Parsed::default();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut units = HashSet::new();
    for (line, row) in file.rows::<Row>()? {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let opening = match given(row.opening) {
            Some(text) => read_opening(&text).map_err(|what| file.line(line, what))?,
            None => OpeningHours::default(),
        };
        let hall = Hall {
            code: row.code,
            parent: given(row.parent),
            level: row.level,
            name: row.name,
            name_en: row.name_en,
            opening,
        };
        match seen.get(&hall.code) {
            Some(&at) if parsed.halls[at] != hall => {
                return Err(file.line(
                    line,
                    format!(
                        "hall {} is described differently in an earlier row",
                        hall.code
                    ),
                ));
            }
            Some(_) => {}
            None => {
                seen.insert(hall.code.clone(), parsed.halls.len());
                parsed.halls.push(hall.clone());
            }
        }
        let unit = given(row.unit);
        if let Some(code) = unit.clone().filter(|code| units.insert(code.clone())) {
            parsed.units.push(Unit {
                name: code.clone(),
                code,
                name_en: String::new(),
            });
        }
        if let Some(no) = given(row.window) {
            let name = given(row.window_name).unwrap_or_else(|| no.clone());
            parsed.windows.push(Window {
                hall: hall.code,
                no,
                unit,
                name,
                name_en: String::new(),
            });
        }
    }
    Ok(parsed)
}

/// `1-5 09:00-17:30; 6 09:00-12:00`, weekdays from 1 for Monday.
fn read_opening(text: &str) -> Result<OpeningHours, String> {
    let wrong = || format!("opening {text:?}: write it like 1-5 09:00-17:30; 6 09:00-12:00");
    let mut hours = OpeningHours::closed();
    for part in text
        .split(';')
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        let (days, span) = part.split_once(' ').ok_or_else(wrong)?;
        let (opens, closes) = span.trim().split_once('-').ok_or_else(wrong)?;
        let time =
            |text: &str| NaiveTime::parse_from_str(text.trim(), "%H:%M").map_err(|_| wrong());
        let span =
            Span::new(time(opens)?, time(closes)?).map_err(|error| format!("opening: {error}"))?;
        let (first, last) = days.split_once('-').unwrap_or((days, days));
        let day = |text: &str| {
            text.trim()
                .parse::<u8>()
                .ok()
                .filter(|day| (1..=7).contains(day))
                .ok_or_else(wrong)
        };
        for day in day(first)?..=day(last)? {
            hours = hours.with(Weekday::try_from(day - 1).map_err(|_| wrong())?, Some(span));
        }
    }
    Ok(hours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opening_hours_of_a_csv_are_those_of_json() {
        let read = read_opening("1-5 09:00-17:30; 6 09:00-12:00").unwrap();
        let json = r#"{"1":["09:00","17:30"],"2":["09:00","17:30"],"3":["09:00","17:30"],"4":["09:00","17:30"],
            "5":["09:00","17:30"],"6":["09:00","12:00"]}"#;
        assert_eq!(read, serde_json::from_str(json).unwrap());
        for wrong in ["1-5", "8 09:00-10:00", "1 9-10", "1 12:00-09:00"] {
            assert!(read_opening(wrong).is_err(), "{wrong}");
        }
    }
}
