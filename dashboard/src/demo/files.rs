//! The county as files that `mingjing import` takes.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::county::units::UNITS;
use super::county::{CODE, County, DemoCamera, NAME, NAME_EN};
use crate::uplink::edges::LOCAL;

/// `halls.json`: the county, its units, halls and windows. It is past its trial run.
pub fn halls(county: &County) -> Value {
    let units: Vec<Value> = UNITS
        .iter()
        .map(|unit| json!({"code": unit.code, "name": unit.name, "name_en": unit.name_en}))
        .collect();
    let hall = |hall: &super::county::DemoHall| {
        let window = |window: &super::county::DemoWindow| {
            let unit = &UNITS[window.unit];
            json!({"no": window.no, "unit": unit.code, "name": window.name, "name_en": format!("Window {}", window.no)})
        };
        json!({
            "code": hall.code,
            "parent": hall.parent.map(|parent| county.halls[parent].code.as_str()),
            "level": hall.level,
            "name": hall.name,
            "name_en": hall.name_en,
            "opening": hall.opening,
            "windows": hall.windows.iter().map(window).collect::<Vec<_>>(),
        })
    };
    json!({
        "county": {"code": CODE, "name": NAME, "name_en": NAME_EN, "time_zone": "Asia/Shanghai", "trial_run": false},
        "units": units,
        "halls": county.halls.iter().map(hall).collect::<Vec<_>>(),
    })
}

/// `items.json`, in force from `since` on.
pub fn items(county: &County, since: DateTime<Utc>) -> Value {
    let item = |item: &super::county::items::DemoItem| {
        json!({
            "code": item.code,
            "version": 1,
            "valid_from": since.to_rfc3339(),
            "name": item.name,
            "name_en": item.name_en,
            "unit": UNITS[item.unit].code,
            "kind": item.kind,
            "promise": item.promise,
            "legal": item.legal,
            "steps": item.steps,
            "fee": item.fee,
            "delivers": true,
        })
    };
    county.items.iter().map(item).collect()
}

/// `cameras.json`
pub fn cameras(county: &County, cameras: &[DemoCamera]) -> Value {
    let camera = |camera: &DemoCamera| {
        json!({"id": camera.id, "hall": county.halls[camera.hall].code, "name": camera.name, "windows": camera.windows,
        "edge": camera.edge.as_deref().unwrap_or(LOCAL)})
    };
    cameras.iter().map(camera).collect()
}

/// What the camera server draws: for each camera its hall and the signs of its windows.
pub fn scenes(county: &County, cameras: &[DemoCamera]) -> Value {
    let scene = |camera: &DemoCamera| {
        let hall = &county.halls[camera.hall];
        let sign = |no: &String| {
            let window = hall.windows.iter().find(|window| window.no == *no);
            format!(
                "{no} {}",
                window.map_or("综合", |window| UNITS[window.unit].code)
            )
        };
        json!({
            "id": camera.id,
            "hall": hall.name,
            "title": camera.name,
            "windows": camera.windows.iter().map(sign).collect::<Vec<_>>(),
            "codec": if camera.h265 { "h265" } else { "h264" },
            "sub": camera.sub,
        })
    };
    cameras.iter().map(scene).collect()
}
