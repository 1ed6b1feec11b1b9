//! The store against the real database: every query at least once, the subtree in every one that takes a scope.
#![allow(clippy::unwrap_used)]

mod administration;
mod audit;
mod county;
mod entrance;
mod outages;
mod pages;
mod schema;
mod single_sign_on;

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_monitor::calendar::OpeningHours;
use mingjing_monitor::org::{Hall, Level, Unit, Window};
use mingjing_monitor::store::halls;
use mingjing_monitor::store::testing::TestDatabase;

/// An instant, in minutes after a Monday morning.
fn at(minutes: i64) -> DateTime<Utc> {
    "2026-11-02T01:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minutes)
}

fn hall(code: &str, parent: Option<&str>, level: Level) -> Hall {
    Hall {
        code: code.into(),
        parent: parent.map(Into::into),
        level,
        name: format!("大厅{code}"),
        name_en: format!("Hall {code}"),
        opening: OpeningHours::default(),
    }
}

fn window(hall: &str, no: &str, unit: Option<&str>) -> Window {
    Window {
        hall: hall.into(),
        no: no.into(),
        unit: unit.map(Into::into),
        name: no.into(),
        name_en: String::new(),
    }
}

/// County C with towns T1 (village V1) and T2; units U1, U2; windows C/2, C/10, T1/1.
async fn county_database() -> TestDatabase {
    let test = TestDatabase::new().await;
    let mut connection = test.store.pool().acquire().await.unwrap();
    let tree = [
        hall("V1", Some("T1"), Level::Village),
        hall("C", None, Level::County),
        hall("T1", Some("C"), Level::Town),
        hall("T2", Some("C"), Level::Town),
    ];
    halls::upsert_halls(&mut connection, &tree).await.unwrap();
    let unit = |code: &str| Unit {
        code: code.into(),
        name: format!("单位{code}"),
        name_en: code.into(),
    };
    halls::upsert_units(&mut connection, &[unit("U1"), unit("U2")])
        .await
        .unwrap();
    let windows = [
        window("C", "10", Some("U1")),
        window("C", "2", None),
        window("T1", "1", Some("U2")),
    ];
    halls::upsert_windows(&mut connection, &windows)
        .await
        .unwrap();
    drop(connection);
    test
}
