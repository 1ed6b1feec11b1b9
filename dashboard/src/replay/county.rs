//! A county for a log: what the log names, at the simplest.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveTime, Utc};
use mingjing_monitor::calendar::OpeningHours;
use mingjing_monitor::item::ItemVersion;
use mingjing_monitor::org::{Hall, Level, Unit};
use mingjing_monitor::store::{Store, StoreError, county, halls, items};
use serde_json::{Value, json};

use super::Loaded;

/// Writes the county, a hall a department under one root, the units and the items that `log` names. In no trial run:
/// everything counts. Gives the root's code.
///
/// # Errors
/// The database refuses.
pub async fn import(store: &Store, log: &Loaded, name: &str) -> Result<String, StoreError> {
    let root = root_code(&log.report.halls);
    let office = |hour, minute| NaiveTime::from_hms_opt(hour, minute, 0).unwrap_or_default();
    let county = county::County {
        code: root.clone(),
        name: name.to_owned(),
        name_en: name.to_owned(),
        time_zone: log.zone.name().to_owned(),
        office_opens: office(9, 0),
        office_closes: office(17, 30),
        trial_run: false,
    };
    let hall = |code: &str, parent: Option<&str>, level, name: &str| Hall {
        code: code.to_owned(),
        parent: parent.map(Into::into),
        level,
        name: name.to_owned(),
        name_en: name.to_owned(),
        opening: OpeningHours::default(),
    };
    let mut all = vec![hall(&root, None, Level::County, name)];
    let towns = log.report.halls.keys();
    all.extend(towns.map(|code| hall(code, Some(&root), Level::Town, code)));
    let unit = |code: &String| Unit {
        code: code.clone(),
        name: code.clone(),
        name_en: code.clone(),
    };
    let units: Vec<Unit> = log.units.iter().map(unit).collect();
    let item = |code: &String| ItemVersion {
        code: code.clone(),
        version: 1,
        valid_from: DateTime::<Utc>::UNIX_EPOCH,
        name: code.clone(),
        name_en: code.clone(),
        ..ItemVersion::default()
    };
    let catalogue: Vec<ItemVersion> = log.report.items.keys().map(item).collect();
    let mut transaction = store.pool().begin().await?;
    county::set_county(&mut transaction, &county).await?;
    halls::upsert_halls(&mut transaction, &all).await?;
    halls::upsert_units(&mut transaction, &units).await?;
    items::upsert(&mut transaction, &catalogue).await?;
    transaction.commit().await?;
    Ok(root)
}

/// A code for the root that no hall of the log has.
fn root_code(halls: &BTreeMap<String, u64>) -> String {
    let mut code = "replay".to_owned();
    while halls.contains_key(&code) {
        code.push('-');
    }
    code
}

/// What a console lacks to take the log's events: the content of a file for `mingjing import halls`, under the hall `parent`.
pub fn import_file(missing: &[String], parent: &str) -> Value {
    let hall =
        |code: &String| json!({"code": code, "parent": parent, "level": "town", "name": code});
    json!({"halls": missing.iter().map(hall).collect::<Vec<_>>()})
}
