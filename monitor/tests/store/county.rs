//! Who is supervised: county, halls, units, windows, cameras, items, calendars.

use chrono::{DateTime, TimeDelta};
use mingjing_monitor::calendar::WorkdayYear;
use mingjing_monitor::event::Yuan;
use mingjing_monitor::item::{HandlingKind, ItemVersion, Step};
use mingjing_monitor::limit::Limit;
use mingjing_monitor::org::Level;
use mingjing_monitor::store::county::County;
use mingjing_monitor::store::halls::Camera;
use mingjing_monitor::store::{StoreError, calendars, county, halls, items};

use crate::{county_database, hall, window};

#[tokio::test]
async fn halls_are_a_tree_and_a_scope_sees_its_own_branch() {
    let test = county_database().await;
    let pool = test.store.pool();
    let seen = async |scope: &str| {
        halls::halls(pool, scope)
            .await
            .unwrap()
            .into_iter()
            .map(|hall| hall.code)
            .collect::<Vec<_>>()
    };
    assert_eq!(seen("C").await, ["C", "T1", "V1", "T2"]);
    assert_eq!(seen("T1").await, ["T1", "V1"]);
    assert_eq!(seen("T9").await, [] as [&str; 0]);
    assert_eq!(
        halls::halls(pool, "V1").await.unwrap(),
        [hall("V1", Some("T1"), Level::Village)]
    );
    let mut connection = pool.acquire().await.unwrap();
    // A town moves under another: its villages move with it.
    halls::upsert_halls(&mut connection, &[hall("T1", Some("T2"), Level::Town)])
        .await
        .unwrap();
    assert_eq!(seen("T2").await, ["T2", "T1", "V1"]);
    let circle = halls::upsert_halls(&mut connection, &[hall("T2", Some("V1"), Level::Town)])
        .await
        .unwrap_err();
    assert!(
        matches!(&circle, StoreError::Import(text) if text.contains("above itself")),
        "{circle}"
    );
    let orphan = halls::upsert_halls(&mut connection, &[hall("X", Some("Y"), Level::Town)])
        .await
        .unwrap_err();
    assert!(orphan.to_string().contains('Y'), "{orphan}");
    assert_eq!(halls::tree(pool).await.unwrap().halls().len(), 4);
    let known = halls::known(pool, &["T1".into(), "T9".into()])
        .await
        .unwrap();
    assert_eq!(known, ["T1"]);
}

#[tokio::test]
async fn windows_and_cameras_belong_to_halls() {
    let test = county_database().await;
    let pool = test.store.pool();
    let of = async |scope: &str| {
        halls::windows(pool, scope)
            .await
            .unwrap()
            .into_iter()
            .map(|w| format!("{}/{}", w.hall, w.no))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        of("C").await,
        ["C/2", "C/10", "T1/1"],
        "numbers sort as numbers"
    );
    assert_eq!(of("T1").await, ["T1/1"]);
    assert_eq!(halls::windows(pool, "C").await.unwrap()[0].unit, None);
    let mut connection = pool.acquire().await.unwrap();
    let nowhere = halls::upsert_windows(&mut connection, &[window("C", "3", Some("U9"))])
        .await
        .unwrap_err();
    assert!(
        matches!(&nowhere, StoreError::Import(text) if text.contains("U9")),
        "{nowhere}"
    );
    let camera = |name: &str| Camera {
        id: "cam-1".into(),
        hall: "T1".into(),
        name: name.into(),
        windows: vec!["1".into()],
        edge: "local".into(),
    };
    halls::upsert_cameras(&mut connection, &[camera("旧")])
        .await
        .unwrap();
    halls::upsert_cameras(&mut connection, &[camera("新")])
        .await
        .unwrap();
    assert_eq!(halls::cameras(pool, "C").await.unwrap(), [camera("新")]);
    assert_eq!(halls::cameras(pool, "T2").await.unwrap(), []);
    let units = halls::units(pool).await.unwrap();
    assert_eq!(
        units
            .iter()
            .map(|unit| unit.name_en.as_str())
            .collect::<Vec<_>>(),
        ["U1", "U2"]
    );
}

#[tokio::test]
async fn items_keep_their_versions() {
    let test = county_database().await;
    let pool = test.store.pool();
    let version = |code: &str, version: u32, promise: Option<Limit>| ItemVersion {
        code: code.into(),
        version,
        valid_from: DateTime::UNIX_EPOCH + TimeDelta::days(i64::from(version)),
        name: format!("事项{code}"),
        name_en: format!("Item {code}"),
        unit: Some("U1".into()),
        kind: HandlingKind::Joint,
        promise,
        legal: Some(Limit::days(30)),
        steps: vec![Step {
            code: "s".into(),
            name: "审核".into(),
            limit: None,
            role: Some("主管".into()),
            offline: true,
            after: Some(vec!["r".into()]),
            ..Step::default()
        }],
        fee: (version == 1).then_some(Yuan { fen: 1_250 }),
        delivers: version == 2,
    };
    let all = [
        version("A", 1, Some(Limit::workdays(7))),
        version("A", 2, None),
        version("B", 1, Some(Limit::hours(4))),
    ];
    let mut connection = pool.acquire().await.unwrap();
    items::upsert(&mut connection, &all).await.unwrap();
    items::upsert(&mut connection, &all).await.unwrap();
    assert_eq!(items::versions(pool, None).await.unwrap(), all);
    assert_eq!(
        items::versions(pool, Some(&["B".into()])).await.unwrap(),
        all[2..]
    );
    assert_eq!(
        items::list(pool, "", None, 10).await.unwrap(),
        all[1..],
        "the newest version of each"
    );
    assert_eq!(
        items::list(pool, "事项b", None, 10).await.unwrap(),
        all[2..]
    );
    assert_eq!(
        items::list(pool, "%", None, 10).await.unwrap(),
        [],
        "a search text is no pattern"
    );
    assert_eq!(
        items::list(pool, "", Some("A"), 10).await.unwrap(),
        all[2..]
    );
}

#[tokio::test]
async fn the_county_and_its_calendar() {
    let test = county_database().await;
    let pool = test.store.pool();
    assert_eq!(county::county(pool).await.unwrap(), None);
    let mut the_county = County {
        code: "C".into(),
        name: "测试县".into(),
        name_en: "Test".into(),
        time_zone: "Europe/Amsterdam".into(),
        office_opens: "08:30:00".parse().unwrap(),
        office_closes: "16:00:00".parse().unwrap(),
        trial_run: true,
    };
    let mut connection = pool.acquire().await.unwrap();
    county::set_county(&mut connection, &the_county)
        .await
        .unwrap();
    the_county.trial_run = false;
    county::set_county(&mut connection, &the_county)
        .await
        .unwrap();
    assert_eq!(
        county::county(pool).await.unwrap(),
        Some(the_county.clone())
    );
    let nowhere = County {
        time_zone: "Asia/Atlantis".into(),
        ..the_county.clone()
    };
    assert!(
        county::set_county(&mut connection, &nowhere)
            .await
            .unwrap_err()
            .to_string()
            .contains("Atlantis")
    );
    let backwards = County {
        office_opens: the_county.office_closes,
        ..the_county
    };
    assert!(
        county::set_county(&mut connection, &backwards)
            .await
            .is_err()
    );

    let year = WorkdayYear {
        year: 2027,
        notice: "国办发明电〔2026〕1号".into(),
        holidays: vec!["2027-01-01".parse().unwrap()],
        makeup: vec![],
    };
    calendars::set_year(&mut connection, &year).await.unwrap();
    assert_eq!(
        calendars::years(pool).await.unwrap(),
        std::slice::from_ref(&year)
    );
    let calendar = county::calendar(pool).await.unwrap();
    assert!(calendar.workdays.is_loaded(2027) && calendar.workdays.is_loaded(2004));
    assert_eq!(calendar.zone, chrono_tz::Europe::Amsterdam);
    let stray = WorkdayYear {
        holidays: vec!["2028-01-01".parse().unwrap()],
        ..year
    };
    assert!(calendars::set_year(&mut connection, &stray).await.is_err());
}
