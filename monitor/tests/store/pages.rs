//! What pages read: cases, roll-ups, rankings, windows, health, metrics.

use chrono::{Datelike, TimeDelta};
use mingjing_monitor::case::{CaseFold, Spent};
use mingjing_monitor::event::CaseEvent;
use mingjing_monitor::org::Level;
use mingjing_monitor::store::cases::{self, Filter};
use mingjing_monitor::store::health::{self, CameraPoint};
use mingjing_monitor::store::paging::{Cursor, Page};
use mingjing_monitor::store::rollups::{self, Changes};
use mingjing_monitor::store::states::{self, CaseRecord};
use mingjing_monitor::store::testing::TestDatabase;
use mingjing_monitor::store::{metrics, rankings, windows};
use serde_json::json;

use crate::{at, county_database};

/// A case accepted at minute `i` in `hall`; even ones are decided five minutes later, every third is over its promise.
fn record(i: i64, hall: &str) -> CaseRecord {
    let no = format!("2026-{i:03}");
    let event = |kind: &str, minutes: i64| {
        let cloudevent = json!({
            "specversion": "1.0", "id": format!("{no}{kind}"), "source": "//a", "type": kind, "subject": no, "time": at(minutes),
            "data": {"hall": hall, "unit": "U1", "item": "A", "window": "2"},
        });
        CaseEvent::from_cloudevent(&cloudevent, at(minutes), chrono_tz::UTC).unwrap()
    };
    let mut events = vec![event("case.accepted", i)];
    if i % 2 == 0 {
        events.push(event("case.completed", i + 5));
    }
    CaseRecord {
        fold: CaseFold::fold(no, &events),
        hall: hall.into(),
        unit: "U1".into(),
        window: Some("2".into()),
        item: "A".into(),
        item_version: None,
        kind: "promised".into(),
        clock: if i % 2 == 0 { "stopped" } else { "running" }.into(),
        bucket: Some(
            if i % 3 == 0 {
                "over_promise_only"
            } else {
                "on_time"
            }
            .into(),
        ),
        is_open: i % 2 != 0,
        opened_at: at(i),
        promise_due: Some(at(i + 60)),
        legal_due: None,
        expected: false,
        next_instant: (i % 2 != 0).then(|| at(i + 60)),
        spent: Some(Spent::default()),
    }
}

/// 30 cases: every fifth in T1, every seventh in V1, the others in C.
async fn cases_database() -> (TestDatabase, Vec<CaseRecord>) {
    let test = county_database().await;
    let hall = |i: i64| {
        if i % 5 == 0 {
            "T1"
        } else if i % 7 == 0 {
            "V1"
        } else {
            "C"
        }
    };
    let records: Vec<CaseRecord> = (0..30).map(|i| record(i, hall(i))).collect();
    let mut connection = test.store.pool().acquire().await.unwrap();
    states::upsert(&mut connection, &records.iter().collect::<Vec<_>>(), at(0))
        .await
        .unwrap();
    let mut changes = Changes::default();
    for record in &records {
        changes.replace(None, record, chrono_tz::Asia::Shanghai);
    }
    changes.write(&mut connection).await.unwrap();
    drop(connection);
    (test, records)
}

#[tokio::test]
async fn a_case_comes_back_as_it_was_written() {
    let (test, records) = cases_database().await;
    let mut connection = test.store.pool().acquire().await.unwrap();
    let back = states::load(&mut connection, &["2026-003", "2026-004", "nothing"])
        .await
        .unwrap();
    assert_eq!(back, [records[3].clone(), records[4].clone()]);
    let mut later = records[3].clone();
    later.bucket = Some("over_legal".into());
    later.next_instant = None;
    states::advance(&mut connection, &[&later], at(1))
        .await
        .unwrap();
    assert_eq!(
        states::load(&mut connection, &["2026-003"]).await.unwrap(),
        [later]
    );
}

#[tokio::test]
async fn the_due_are_found_by_instant_and_source() {
    let (test, _) = cases_database().await;
    let mut connection = test.store.pool().acquire().await.unwrap();
    let numbers = |records: Vec<CaseRecord>| {
        records
            .into_iter()
            .map(|record| record.fold.case_no)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        numbers(states::due(&mut connection, at(63), &[], 10).await.unwrap()),
        ["2026-001", "2026-003"]
    );
    assert_eq!(
        numbers(states::due(&mut connection, at(99), &[], 1).await.unwrap()),
        ["2026-001"]
    );
    assert!(
        states::due(&mut connection, at(99), &["//a".into()], 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        states::due_of_source(&mut connection, at(61), "//a", 10)
            .await
            .unwrap()
            .len(),
        1
    );
    assert!(
        states::due_of_source(&mut connection, at(61), "//b", 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(states::instants(&mut connection).await.unwrap().len(), 15);
    assert!(
        states::expected(&mut connection, "", 10)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn pages_of_cases_neither_repeat_nor_miss_any_and_stay_in_the_subtree() {
    let (test, records) = cases_database().await;
    let pool = test.store.pool();
    for (scope, filter, expected) in [
        ("C", Filter::default(), records.iter().collect::<Vec<_>>()),
        (
            "T1",
            Filter::default(),
            records.iter().filter(|case| case.hall != "C").collect(),
        ),
        ("T2", Filter::default(), vec![]),
        (
            "C",
            Filter {
                is_open: Some(true),
                ..Filter::default()
            },
            records.iter().filter(|case| case.is_open).collect(),
        ),
        (
            "C",
            Filter {
                bucket: Some("over_promise_only".into()),
                unit: Some("U1".into()),
                ..Filter::default()
            },
            records
                .iter()
                .filter(|case| case.bucket.as_deref() == Some("over_promise_only"))
                .collect(),
        ),
        (
            "C",
            Filter {
                query: Some("2026-01".into()),
                ..Filter::default()
            },
            records[10..20].iter().collect(),
        ),
        (
            "C",
            Filter {
                only: Some(vec![records[3].fold.case_no.clone(), "none".into()]),
                is_open: Some(records[3].is_open),
                ..Filter::default()
            },
            vec![&records[3]],
        ),
        (
            "C",
            Filter {
                query: Some("%".into()),
                ..Filter::default()
            },
            vec![],
        ),
        (
            "C",
            Filter {
                from: Some(at(5)),
                to: Some(at(8)),
                ..Filter::default()
            },
            records[5..8].iter().collect(),
        ),
        (
            "C",
            Filter {
                due_before: Some(at(62)),
                ..Filter::default()
            },
            records[..2].iter().collect(),
        ),
        (
            "C",
            Filter {
                due_from: Some(at(61)),
                due_before: Some(at(64)),
                ..Filter::default()
            },
            records[1..4].iter().collect(),
        ),
        (
            "C",
            Filter {
                decided_from: Some(at(9)),
                decided_to: Some(at(13)),
                ..Filter::default()
            },
            vec![&records[4], &records[6]],
        ),
        (
            "C",
            Filter {
                judged: true,
                timed: true,
                ..Filter::default()
            },
            records
                .iter()
                .filter(|case| !case.is_open || case.bucket.as_deref() != Some("on_time"))
                .collect(),
        ),
        (
            "C",
            Filter {
                level: Some(Level::Village),
                ..Filter::default()
            },
            records.iter().filter(|case| case.hall == "V1").collect(),
        ),
        (
            "T1",
            Filter {
                hall_alone: true,
                ..Filter::default()
            },
            records.iter().filter(|case| case.hall == "T1").collect(),
        ),
        (
            "C",
            Filter {
                window: Some("9".into()),
                ..Filter::default()
            },
            vec![],
        ),
        (
            "C",
            Filter {
                item: Some("A".into()),
                window: Some("2".into()),
                ..Filter::default()
            },
            records.iter().collect(),
        ),
    ] {
        let (mut found, mut page) = (
            Vec::new(),
            Page {
                after: None,
                limit: 4,
            },
        );
        loop {
            let (rows, next) = cases::list(pool, scope, &filter, &page).await.unwrap();
            assert!(rows.len() <= 4);
            found.extend(rows.into_iter().map(|row| row.no));
            let Some(next) = next else { break };
            page.after = Cursor::decode(&next.encode());
        }
        let mut expected: Vec<&str> = expected
            .into_iter()
            .map(|case| case.fold.case_no.as_str())
            .collect();
        expected.reverse();
        assert_eq!(found, expected, "{scope} {filter:?}");
    }
    assert!(
        cases::find(pool, "C", "2026-003")
            .await
            .unwrap()
            .is_some_and(|(row, fold, _)| row.no == fold.case_no)
    );
    assert!(
        cases::find(pool, "T1", "2026-003").await.unwrap().is_none(),
        "outside the subtree there is nothing"
    );
    assert_eq!(
        cases::due_before(pool, "C", None, at(66)).await.unwrap(),
        2,
        "1 and 5; 3 is over, 0, 2 and 4 are decided"
    );
    assert_eq!(
        cases::due_before(pool, "C", Some("U2"), at(66))
            .await
            .unwrap(),
        0
    );
    let row = cases::rows(pool, "C", &["2026-005".into()])
        .await
        .unwrap()
        .remove(0);
    assert_eq!(
        (
            row.hall_name.as_str(),
            row.unit_name.as_deref(),
            row.item_name
        ),
        ("大厅T1", Some("单位U1"), None)
    );
}

#[tokio::test]
async fn roll_ups_and_rankings_count_what_is_there() {
    let (test, records) = cases_database().await;
    let pool = test.store.pool();
    let day = "2026-11-02".parse().unwrap();
    let of = |scope: &str| -> Vec<&CaseRecord> {
        records
            .iter()
            .filter(|case| scope == "C" || (case.hall != "C" && scope == "T1"))
            .collect()
    };
    for scope in ["C", "T1", "T2"] {
        let cases = of(scope);
        let counted = rollups::days(pool, scope, None, day, day).await.unwrap();
        let over = |case: &&&CaseRecord| case.bucket.as_deref() != Some("on_time");
        assert_eq!(counted.accepted, cases.len() as i64);
        assert_eq!(
            counted.completed,
            cases.iter().filter(|case| !case.is_open).count() as i64
        );
        assert_eq!(counted.due, cases.len() as i64);
        assert_eq!(counted.over, cases.iter().filter(over).count() as i64);
        assert_eq!(
            counted.met,
            cases
                .iter()
                .filter(|case| !case.is_open && case.bucket.as_deref() == Some("on_time"))
                .count() as i64
        );
        let buckets = rollups::buckets(pool, scope, None).await.unwrap();
        assert_eq!(
            buckets
                .iter()
                .map(|hall| hall.open.total() + hall.completed.total())
                .sum::<i64>(),
            cases.len() as i64
        );
        let hours = rollups::hours(pool, scope, at(0), at(60)).await.unwrap();
        assert_eq!(
            hours.iter().map(|hour| hour.accepted).sum::<i64>(),
            cases.len() as i64
        );
    }
    let month = day.with_day(1).unwrap();
    let towns = rankings::halls(pool, "C", "town", month).await.unwrap();
    assert_eq!(
        towns
            .iter()
            .map(|town| town.code.as_str())
            .collect::<Vec<_>>(),
        ["T1", "T2"]
    );
    assert!(towns[0].due >= towns[0].met && towns[0].due > 0 && towns[1].due == 0);
    assert_eq!(
        towns[0].open,
        records
            .iter()
            .filter(|case| case.hall == "T1" && case.is_open)
            .count() as i64
    );
    let units = rankings::units(pool, "C", month).await.unwrap();
    assert_eq!(
        units
            .iter()
            .map(|unit| unit.code.as_str())
            .collect::<Vec<_>>(),
        ["U1"],
        "U2 has no window in the county hall"
    );
    assert!(rankings::units(pool, "T1", month).await.unwrap().is_empty());

    // A case that is counted otherwise from now on moves its counts; nothing is counted twice.
    let mut changes = Changes::default();
    let later = CaseRecord {
        hall: "T2".into(),
        bucket: Some("over_legal".into()),
        ..records[1].clone()
    };
    changes.replace(Some(&records[1]), &later, chrono_tz::Asia::Shanghai);
    let mut connection = pool.acquire().await.unwrap();
    changes.write(&mut connection).await.unwrap();
    assert_eq!(
        rollups::days(pool, "C", None, day, day)
            .await
            .unwrap()
            .accepted,
        30
    );
    assert_eq!(
        rollups::buckets(pool, "T2", None).await.unwrap()[0]
            .open
            .over_legal,
        1
    );
    let mut nothing = Changes::default();
    nothing.replace(Some(&later), &later, chrono_tz::Asia::Shanghai);
    assert!(nothing.is_empty());
}

#[tokio::test]
async fn a_window_without_a_word_of_its_own_has_its_halls_source() {
    let test = county_database().await;
    let pool = test.store.pool();
    sqlx::query("INSERT INTO window_state (hall, no, source, last_event, last_case) VALUES ('C', '2', '//a', $1, 'x')")
        .bind(at(0))
        .execute(pool)
        .await
        .unwrap();
    let rows = windows::windows(pool, "C").await.unwrap();
    let sources: Vec<(&str, Option<&str>)> = rows
        .iter()
        .map(|row| (row.no.as_str(), row.source.as_deref()))
        .collect();
    assert_eq!(
        sources,
        [("2", Some("//a")), ("10", Some("//a")), ("1", None)]
    );
    assert_eq!(windows::windows(pool, "T1").await.unwrap().len(), 1);
}

#[tokio::test]
async fn health_and_metrics_over_time() {
    let test = county_database().await;
    let pool = test.store.pool();
    let mut connection = pool.acquire().await.unwrap();
    let point = |minutes: i64, state: &str| CameraPoint {
        time: at(minutes),
        camera: "cam".into(),
        state: state.into(),
        bit_rate: Some(4_000_000),
        frame_rate: Some(25.0),
        losses: 1,
        reconnects: 0,
    };
    let points = [point(0, "live"), point(10, "connecting"), point(20, "live")];
    health::camera(&mut connection, &points).await.unwrap();
    assert_eq!(
        health::of_camera(pool, "cam", at(0), at(20), 10)
            .await
            .unwrap(),
        points[..2]
    );
    health::source(&mut connection, at(0), "//a", "silent")
        .await
        .unwrap();
    metrics::store(
        &mut connection,
        at(0),
        &[("cases.open", None, 10.0), ("cases.open", Some("T1"), 3.0)],
    )
    .await
    .unwrap();
    metrics::store(&mut connection, at(30), &[("cases.open", None, 20.0)])
        .await
        .unwrap();
    metrics::store(&mut connection, at(60), &[("cases.open", None, 40.0)])
        .await
        .unwrap();
    assert_eq!(
        metrics::last(&mut connection, "cases.open").await.unwrap(),
        Some(at(60))
    );
    assert_eq!(metrics::last(&mut connection, "none").await.unwrap(), None);
    let read = async |hall| {
        let points = metrics::read(
            pool,
            "cases.open",
            hall,
            TimeDelta::hours(1),
            at(0),
            at(120),
        )
        .await
        .unwrap();
        points
            .into_iter()
            .map(|point| (point.time, point.value))
            .collect::<Vec<_>>()
    };
    assert_eq!(read(None).await, [(at(0), 15.0), (at(60), 40.0)]);
    assert_eq!(read(Some("T1")).await, [(at(0), 3.0)]);
}
