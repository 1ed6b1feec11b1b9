//! A month of two towns, computed by hand, as statistics show it; and from where they read.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::common::{COUNTY, Console, Person, TOWN_1, TOWN_2};

/// September 2025 has no holiday in its first four weeks; the 1st is a Monday.
const MONTH: &str = "from=2025-09-01&to=2025-09-30";

/// Noon of a day of that month. Only the dates are told: what is told late is not held against anybody.
fn told(console: &Console, kind: &str, no: &str, hall: &str, day: u32, mut data: Value) -> Value {
    data["date_only"] = json!(true);
    let mut event = console.event(&format!("{kind}-{day}"), kind, no, hall, "RSJ", data);
    event["time"] = json!(format!("2025-09-{day:02}T12:00:00+08:00"));
    event
}

/// Four cases of item A, promised for Friday the 5th and lawful until Friday the 12th: four and nine workdays from Monday noon.
pub async fn county() -> (Console, Person) {
    let console = Console::start().await;
    console.end_trial_run().await;
    console.account("li", "inspector", COUNTY, None).await;
    let li = console.sign_in("li").await;
    let due = json!({"promise_due": "2025-09-05T12:00:00+08:00", "legal_due": "2025-09-12T12:00:00+08:00"});
    let event = |kind: &str, no: &str, hall: &str, day: u32, data: Value| {
        told(&console, kind, no, hall, day, data)
    };
    let review = json!({"step": "review"});
    let mut events = Vec::new();
    for (no, hall) in [("a", TOWN_1), ("b", TOWN_1), ("c", TOWN_2), ("d", TOWN_2)] {
        events.push(event(
            "case.applied",
            no,
            hall,
            1,
            json!({"channel": if no == "a" { "web" } else { "window" }}),
        ));
        events.push(event("case.accepted", no, hall, 1, due.clone()));
    }
    events.extend([
        // One workday, in time and early; nobody told when its step began.
        event("case.step_finished", "a", TOWN_1, 2, review.clone()),
        event("case.completed", "a", TOWN_1, 2, json!({})),
        event(
            "case.rated",
            "a",
            TOWN_1,
            3,
            json!({"grade": "very_satisfied"}),
        ),
        // Seven workdays, over the promise: its step waited two of them and took three.
        event("case.step_started", "b", TOWN_1, 3, review.clone()),
        event("case.step_finished", "b", TOWN_1, 8, review),
        event("case.completed", "b", TOWN_1, 10, json!({})),
        event(
            "case.rated",
            "b",
            TOWN_1,
            11,
            json!({"grade": "dissatisfied"}),
        ),
        // Two workdays, refused; and one that was taken back, which counts in no time.
        event(
            "case.refused",
            "c",
            TOWN_2,
            3,
            json!({"reason": "材料不符"}),
        ),
        event("case.withdrawn", "d", TOWN_2, 4, json!({})),
        event(
            "complaint.received",
            "k",
            TOWN_2,
            4,
            json!({"kind": "irregularity", "channel": "phone"}),
        ),
    ]);
    console.send(&events).await;
    (console, li)
}

async fn statistic(console: &Console, person: &Person, name: &str, query: &str) -> Value {
    let path = format!("/api/v1/statistics/{name}?{MONTH}&{query}");
    let (status, table) = console.get(&path, person).await;
    assert_eq!(status, StatusCode::OK, "{path}: {table}");
    table
}

/// The numbers of the row that is about `code`; empty: the whole. To a thousandth.
fn row(table: &Value, code: &str) -> Vec<Option<f64>> {
    let rows = table["rows"].as_array().unwrap();
    let row = rows.iter().find(|row| row[0]["code"] == code);
    let row = row.unwrap_or_else(|| panic!("{code:?} stands in {table}"));
    let cells = row.as_array().unwrap().iter().skip(1);
    cells
        .map(|cell| cell.as_f64().map(|it| (it * 1000.0).round() / 1000.0))
        .collect()
}

/// Within what the histogram is exact to.
fn about(found: Option<f64>, exact: f64) -> bool {
    found.is_some_and(|found| (found - exact).abs() <= exact / 32.0 + 0.001)
}

#[tokio::test]
async fn a_month_computed_by_hand_is_what_statistics_show() {
    let (console, li) = county().await;
    let n = |values: &[f64]| values.iter().map(|it| Some(*it)).collect::<Vec<_>>();

    let volumes = statistic(&console, &li, "volumes", "by=hall").await;
    assert_eq!(row(&volumes, TOWN_1), n(&[2.0, 2.0, 0.0, 0.0, 0.0]));
    assert_eq!(row(&volumes, TOWN_2), n(&[2.0, 2.0, 1.0, 1.0, 0.0]));
    assert_eq!(row(&volumes, ""), n(&[4.0, 4.0, 1.0, 1.0, 0.0]));
    let by_day = statistic(&console, &li, "volumes", "").await;
    assert_eq!(
        by_day["rows"].as_array().unwrap().len(),
        31,
        "each day, and the whole"
    );
    assert_eq!(row(&by_day, "2025-09-03"), n(&[0.0, 1.0, 1.0, 0.0, 0.0]));

    // Due were three: one in time in town 1 of two, the refusal in town 2; 10 workdays were taken where 27 were lawful and 12 promised.
    let timeliness = statistic(&console, &li, "timeliness", "by=hall").await;
    assert_eq!(
        row(&timeliness, ""),
        n(&[3.0, 2.0, 0.667, 0.667, 0.63, 0.556])
    );
    assert_eq!(
        row(&timeliness, TOWN_1),
        n(&[2.0, 1.0, 0.5, 0.5, 0.556, 0.556])
    );

    let durations = statistic(&console, &li, "durations", "by=hall").await;
    let whole = row(&durations, "");
    assert_eq!(whole[..2], n(&[3.0, 3.333]), "1, 2 and 7 workdays");
    assert!(about(whole[2], 2.0) && about(whole[3], 7.0), "{whole:?}");
    let distribution = statistic(&console, &li, "distribution", "").await;
    let counts: f64 = distribution["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row[1].as_f64().unwrap())
        .sum();
    assert_eq!(counts, 3.0);

    let bottleneck = statistic(&console, &li, "bottleneck", "").await;
    // Two runs: waiting 2 and working 3 of the one, 1 undivided of the other; the whole time of all steps.
    assert_eq!(
        row(&bottleneck, "RSJ"),
        n(&[2.0, 2.0, 3.0, 1.0, 0.0, 0.0, 1.0])
    );

    let ratings = statistic(&console, &li, "ratings", "by=hall").await;
    assert_eq!(
        row(&ratings, TOWN_1),
        n(&[2.0, 1.0, 0.0, 0.0, 1.0, 0.0, 65.0, 0.5])
    );

    let channels = statistic(&console, &li, "channels", "").await;
    assert_eq!(
        (row(&channels, "web"), row(&channels, "window")),
        (n(&[1.0, 0.25]), n(&[3.0, 0.75]))
    );

    let complaints = statistic(&console, &li, "complaints", "").await;
    assert_eq!(row(&complaints, "irregularity")[..3], n(&[1.0, 0.0, 1.0]));

    let levels = statistic(&console, &li, "levels", "").await;
    assert_eq!(
        row(&levels, "A"),
        [Some(0.0), Some(4.0), Some(0.0), Some(1.0), None]
    );

    // b fell over its promise: a yellow card under R2.
    let anomalies = statistic(&console, &li, "anomalies", "").await;
    assert_eq!(row(&anomalies, "R2")[2], Some(1.0));

    // Three cases were decided, two of them by one step: start → review → end, start → end.
    let process = statistic(&console, &li, "process", "item=A").await;
    let mut edges: Vec<f64> = process["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row[1].as_f64().unwrap())
        .collect();
    edges.sort_by(f64::total_cmp);
    assert_eq!(edges, [1.0, 2.0, 2.0]);
    assert_eq!(process["flow"]["nodes"].as_array().unwrap().len(), 3);
    let variants = statistic(&console, &li, "variants", "item=A").await;
    let ways: Vec<f64> = variants["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row[1].as_f64().unwrap())
        .collect();
    assert_eq!(ways, [2.0, 1.0]);

    let presence = statistic(&console, &li, "presence", "").await;
    assert_eq!(
        presence["rows"],
        json!([]),
        "nothing is said of what nobody measures"
    );
}

#[tokio::test]
async fn a_town_sees_its_own_and_files_say_what_the_table_says() {
    let (console, li) = county().await;
    console.account("zhang", "hall_manager", TOWN_1, None).await;
    let zhang = console.sign_in("zhang").await;
    let own = statistic(&console, &zhang, "volumes", "by=hall").await;
    assert_eq!(
        own["rows"].as_array().unwrap().len(),
        2,
        "their hall, and the whole: {own}"
    );
    let path = format!("/api/v1/statistics/volumes?hall={TOWN_2}");
    assert_eq!(console.get(&path, &zhang).await.0, StatusCode::NOT_FOUND);

    let csv = format!("/api/v1/statistics/volumes.csv?{MONTH}&by=hall&lang=en");
    let (status, csv) = console.text(&csv, &li).await;
    assert_eq!(status, StatusCode::OK);
    assert!(csv.starts_with("\u{feff}Hall,Accepted,Ended"), "{csv}");
    assert!(csv.trim_end().ends_with("Total,4,4,1,1,0"), "{csv}");
    let (status, svg) = console
        .text(&format!("/api/v1/charts/volumes.svg?{MONTH}"), &li)
        .await;
    assert_eq!(status, StatusCode::OK);
    assert!(svg.starts_with("<svg") && svg.contains("业务量") && svg.contains("Noto Sans CJK SC"));
    for (file, status) in [
        ("statistics/volumes.pdf", StatusCode::NOT_FOUND),
        ("statistics/nothing", StatusCode::NOT_FOUND),
        ("charts/presence.svg", StatusCode::NOT_FOUND),
        (
            "statistics/volumes?from=2025-09-31",
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            "statistics/volumes?from=2025-09-02&to=2025-09-01",
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            "statistics/volumes?by=week",
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
    ] {
        assert_eq!(
            console.get(&format!("/api/v1/{file}"), &li).await.0,
            status,
            "{file}"
        );
    }
}

#[tokio::test]
async fn no_number_of_overview_ranking_or_statistics_is_read_from_a_hypertable() {
    let (console, li) = county().await;
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT hypertable_name::text FROM timescaledb_information.hypertables")
            .fetch_all(console.owner())
            .await
            .unwrap();
    assert!(tables.contains(&"case_event".to_owned()), "{tables:?}");
    // Under another name nobody finds them: whatever reads one is refused by the database.
    for table in tables {
        let hide = sqlx::AssertSqlSafe(format!("ALTER TABLE {table} RENAME TO {table}_hidden"));
        sqlx::query(hide).execute(console.owner()).await.unwrap();
    }
    let mut paths: Vec<String> = mingjing_dashboard::statistics::NAMES
        .iter()
        .flat_map(|name| {
            ["time", "hall", "item"].map(|by| {
                format!("/api/v1/statistics/{name}?from=2024-08-15&to=2025-10-20&by={by}")
            })
        })
        .collect();
    paths.push("/api/v1/overview".into());
    paths.extend(
        ["county", "town", "village"]
            .map(|level| format!("/api/v1/rankings?level={level}&month=2025-09")),
    );
    for path in paths {
        let (status, answer) = console.get(&path, &li).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
    }
}
