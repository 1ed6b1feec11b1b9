//! The county that most tests use: a county hall, two towns, a village.

use serde_json::{Value, json};

/// Code of the county and of its hall.
pub const COUNTY: &str = "320382";
/// A town centre with two windows.
pub const TOWN_1: &str = "320382-T01";
/// Another one: what nobody of [`TOWN_1`] may see.
pub const TOWN_2: &str = "320382-T02";
/// A village point of [`TOWN_1`].
pub const VILLAGE: &str = "320382-T01-V01";
/// A unit with windows in all halls.
pub const UNIT: &str = "RSJ";
/// An item with a promise of 5 and a legal limit of 10 workdays, and a survey step of 2.
pub const ITEM: &str = "RSJ-001";

/// For `mingjing import halls`. Every hall is open around the clock, so that tests do not depend on the hour.
pub fn halls() -> Value {
    let always: serde_json::Map<_, _> = (1..=7)
        .map(|day| (day.to_string(), json!(["00:00", "23:59"])))
        .collect();
    let hall = |code: &str,
                parent: Option<&str>,
                level: &str,
                name: &str,
                name_en: &str,
                windows: u32| {
        let windows: Vec<_> = (1..=windows)
            .map(|no| json!({"no": no.to_string(), "unit": UNIT, "name": format!("{no}号窗口")}))
            .collect();
        json!({"code": code, "parent": parent, "level": level, "name": name, "name_en": name_en, "opening": always, "windows": windows})
    };
    json!({
        "county": {"code": COUNTY, "name": "明镜县", "name_en": "Mingjing County"},
        "units": [{"code": UNIT, "name": "人社局", "name_en": "Human Resources"}, {"code": "GAJ", "name": "公安局", "name_en": "Public Security"}],
        "halls": [
            hall(COUNTY, None, "county", "明镜县政务服务大厅", "Mingjing County Hall", 4),
            hall(TOWN_1, Some(COUNTY), "town", "清河镇政务服务中心", "Qinghe Town Centre", 2),
            hall(TOWN_2, Some(COUNTY), "town", "白塔镇政务服务中心", "Baita Town Centre", 2),
            hall(VILLAGE, Some(TOWN_1), "village", "柳树村政务查询点", "Liushu Village Point", 1),
        ],
    })
}

/// For `mingjing import items`.
pub fn items() -> Value {
    json!([{
        "code": ITEM, "name": "养老保险待遇申领", "name_en": "Pension claim", "unit": UNIT, "kind": "promised",
        "promise": {"n": 5, "unit": "workday"}, "legal": {"n": 10, "unit": "workday"},
        "steps": [{"code": "survey", "name": "现场踏勘", "limit": {"n": 2, "unit": "workday"}, "role": null}],
    }])
}
