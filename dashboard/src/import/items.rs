//! Items.
//!
//! JSON: `[{"code","version","valid_from","name","name_en","unit","kind","promise":{"n":7,"unit":"workday"},"legal","steps":
//! [{"code","name","limit","role","optional","repeatable","offline","after":["code"]}],"fee":12.5,"delivers":true}]`. CSV:
//! `code,name,name_en,unit,kind,promise,legal,version,valid_from,fee,delivers`; a limit is `7` (workdays), `7 day` or `4 hour`;
//! steps need JSON. `version` is 1 and `valid_from` 2000-01-01 where they are left out. What the fields of a step mean stands in
//! `docs/items.md`.

use std::collections::HashSet;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use mingjing_monitor::event::Yuan;
use mingjing_monitor::item::{HandlingKind, ItemVersion};
use mingjing_monitor::limit::{Limit, LimitUnit};
use mingjing_monitor::store::items;
use serde::Deserialize;
use serde_json::Value;
use sqlx::PgConnection;

use super::{Format, ImportError, Source};

#[derive(Deserialize)]
struct Row {
    code: String,
    name: String,
    #[serde(default)]
    name_en: String,
    unit: Option<String>,
    kind: HandlingKind,
    promise: Option<String>,
    legal: Option<String>,
    version: Option<u32>,
    valid_from: Option<NaiveDate>,
    fee: Option<Yuan>,
    delivers: Option<bool>,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Entry(serde_json::Map<String, Value>);

pub(super) async fn write(
    connection: &mut PgConnection,
    file: &Source,
) -> Result<Vec<(&'static str, usize)>, ImportError> {
    let versions = match file.format {
        Format::Json => from_json(file)?,
        Format::Csv => from_csv(file)?,
    };
    let mut seen = HashSet::new();
    if let Some(twice) = versions
        .iter()
        .find(|item| !seen.insert((item.code.as_str(), item.version)))
    {
        return Err(file.whole(format!(
            "item {} has version {} twice",
            twice.code, twice.version
        )));
    }
    for item in &versions {
        item.check_steps()
            .map_err(|what| file.whole(format!("item {}: {what}", item.code)))?;
    }
    items::upsert(connection, &versions).await?;
    Ok(vec![("items", versions.len())])
}

/// From when an item holds that does not say: before any case.
fn always() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + chrono::TimeDelta::days(10_957)
}

fn from_json(file: &Source) -> Result<Vec<ItemVersion>, ImportError> {
    let entries: Vec<Entry> = file.json()?;
    let read = |(nth, Entry(mut entry)): (usize, Entry)| {
        let code = entry
            .get("code")
            .and_then(Value::as_str)
            .unwrap_or("without a code")
            .to_owned();
        entry.entry("version").or_insert(1.into());
        entry
            .entry("valid_from")
            .or_insert(always().to_rfc3339().into());
        serde_json::from_value(Value::Object(entry))
            .map_err(|error| file.whole(format!("entry {} (item {code}): {error}", nth + 1)))
    };
    entries.into_iter().enumerate().map(read).collect()
}

fn from_csv(file: &Source) -> Result<Vec<ItemVersion>, ImportError> {
    let mut versions = Vec::new();
    for (line, row) in file.rows::<Row>()? {
        let limit = |name: &str, text: Option<String>| match text.filter(|text| !text.is_empty()) {
            None => Ok(None),
            Some(text) => read_limit(&text)
                .map(Some)
                .map_err(|what| file.line(line, format!("{name} {text:?}: {what}"))),
        };
        versions.push(ItemVersion {
            code: row.code,
            version: row.version.unwrap_or(1),
            valid_from: row
                .valid_from
                .map_or_else(always, |day| day.and_time(NaiveTime::MIN).and_utc()),
            name: row.name,
            name_en: row.name_en,
            unit: row.unit.filter(|unit| !unit.is_empty()),
            kind: row.kind,
            promise: limit("promise", row.promise)?,
            legal: limit("legal", row.legal)?,
            steps: Vec::new(),
            fee: row.fee,
            delivers: row.delivers.unwrap_or(false),
        });
    }
    Ok(versions)
}

fn read_limit(text: &str) -> Result<Limit, String> {
    let wrong = || "write it like 7, 7 day or 4 hour".to_owned();
    let (n, unit) = text.split_once(' ').unwrap_or((text, "workday"));
    let unit = match unit.trim() {
        "workday" => LimitUnit::Workday,
        "day" => LimitUnit::Day,
        "hour" => LimitUnit::Hour,
        _ => return Err(wrong()),
    };
    Limit::new(n.parse().map_err(|_| wrong())?, unit).map_err(|error| error.to_string())
}
