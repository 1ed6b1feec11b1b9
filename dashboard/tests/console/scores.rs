//! A month of three towns, computed by hand, through events, cards and the interface.

use axum::http::StatusCode;
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Asia::Shanghai;
use mingjing_monitor::event::CaseEvent;
use mingjing_monitor::org::{Hall, Level};
use mingjing_monitor::store::{halls, rollups};
use serde_json::{Value, json};

use crate::common::{COUNTY, Console, Person, TOWN_1, TOWN_2};

const TOWN_3: &str = "T3";

/// The first day of last month.
fn first() -> NaiveDate {
    let today = Utc::now().with_timezone(&Shanghai).date_naive();
    today.with_day(1).unwrap() - Months::new(1)
}

/// Noon of a day of last month.
fn noon(day: u64) -> DateTime<Utc> {
    let local = (first() + Days::new(day - 1)).and_time(NaiveTime::from_hms_opt(12, 0, 0).unwrap());
    Shanghai.from_local_datetime(&local).unwrap().to_utc()
}

/// `n` cases of a hall, promised for the 10th and lawful until the 25th, decided on the 10th less `early` and plus `late` days.
/// Only the dates are told: what is told late is not held against them.
async fn cases(console: &Console, hall: &str, what: &str, n: usize, decided: u64) {
    let mut events = Vec::new();
    for i in 0..n {
        let no = format!("{hall}-{what}-{i}");
        let due = json!({"promise_due": noon(10), "legal_due": noon(25), "date_only": true});
        let mut accepted = console.event("a", "case.accepted", &no, hall, "RSJ", due);
        accepted["time"] = json!(noon(2));
        let done = json!({"date_only": true});
        let mut completed = console.event("c", "case.completed", &no, hall, "RSJ", done);
        completed["time"] = json!(noon(decided));
        events.extend([accepted, completed]);
    }
    console.send(&events).await;
}

/// Applicants who were very satisfied, on the 11th.
async fn rate(console: &Console, hall: &str, what: &str, n: usize, grade: &str) {
    let events: Vec<Value> = (0..n)
        .map(|i| {
            let no = format!("{hall}-{what}-{i}");
            let data = json!({"grade": grade, "date_only": true});
            let mut rated = console.event("r", "case.rated", &no, hall, "RSJ", data);
            rated["time"] = json!(noon(11));
            rated
        })
        .collect();
    console.send(&events).await;
}

async fn county() -> (Console, Person) {
    let console = Console::start().await;
    let town = Hall {
        code: TOWN_3.into(),
        parent: Some(COUNTY.into()),
        level: Level::Town,
        name: TOWN_3.into(),
        name_en: String::new(),
        opening: Default::default(),
    };
    let mut connection = console.app.db().acquire().await.unwrap();
    halls::upsert_halls(&mut connection, &[town]).await.unwrap();
    drop(connection);
    console.app.reload_directory().await.unwrap();
    console.end_trial_run().await;
    console.account("li", "inspector", COUNTY, None).await;
    let li = console.sign_in("li").await;
    // Town 1: twenty in time, all of them a day before the promise; five ratings at the top.
    cases(&console, TOWN_1, "early", 20, 9).await;
    rate(&console, TOWN_1, "early", 5, "very_satisfied").await;
    // Town 2: eighteen on the day itself, two of them two days late but within the law.
    cases(&console, TOWN_2, "punctual", 18, 10).await;
    cases(&console, TOWN_2, "late", 2, 12).await;
    // Town 3: nine, too few for a rank.
    cases(&console, TOWN_3, "few", 9, 10).await;
    (console, li)
}

async fn ranking(console: &Console, li: &Person) -> Vec<Value> {
    let path = format!(
        "/api/v1/rankings?level=town&month={}",
        first().format("%Y-%m")
    );
    let (status, ranking) = console.get(&path, li).await;
    assert_eq!(status, StatusCode::OK, "{ranking}");
    ranking["rows"].as_array().unwrap().clone()
}

async fn sheet(console: &Console, li: &Person, town: &str) -> Value {
    let month = first().format("%Y-%m").to_string();
    let path = format!("/api/v1/scores?level=town&subject={town}&month={month}");
    let (status, sheet) = console.get(&path, li).await;
    assert_eq!(status, StatusCode::OK, "{sheet}");
    sheet
}

/// The points of a sheet's lines and parts, added up in hundredths.
fn sum(sheet: &Value) -> i64 {
    let hundredths = |points: &Value| (points.as_f64().unwrap() * 100.0).round() as i64;
    let lines = |lines: &Value| -> i64 {
        let lines = lines.as_array().unwrap().iter();
        lines.map(|line| hundredths(&line["points"])).sum()
    };
    let parts = sheet["sheet"]["parts"].as_array().unwrap().iter();
    let judged = parts.filter(|part| !part["points"].is_null());
    let of_parts: i64 = judged
        .map(|part| hundredths(&part["weight"]) + lines(&part["lines"]))
        .sum();
    of_parts + lines(&sheet["sheet"]["beside"])
}

#[tokio::test]
async fn three_towns_have_the_scores_and_ranks_that_a_hand_computes() {
    let (console, li) = county().await;
    // Judged are timeliness 14, process 14, fees 8, liability 10 and integrity 10, 56 together; of town 1 the ratings too.
    // Town 1: 66 of 66 is 100. All early: +1 for the first tenth and +1 for each of nine more: 110.
    // Town 2: two yellow cards of at least a hundred cases are 2 %, two fifths of the 5 % at which all is lost: 14 - 5.6 = 8.4.
    //         50.4 of 56 are 90. Two late: fewer than three hold no grade down.
    // Town 3: 56 of 56 is 100, without a rank.
    let rows = ranking(&console, &li).await;
    let line = |row: &Value| {
        (
            row["subject"]["code"].clone(),
            row["rank"].clone(),
            row["score"].clone(),
            row["grade"].clone(),
        )
    };
    assert_eq!(
        rows.iter().map(line).collect::<Vec<_>>(),
        [
            (json!(TOWN_1), json!(1), json!(110.0), json!("excellent")),
            (json!(TOWN_2), json!(2), json!(90.0), json!("excellent")),
            (json!(TOWN_3), json!(null), json!(100.0), json!("excellent")),
        ],
        "{rows:#?}"
    );
    for (town, hundredths) in [(TOWN_1, 11_000), (TOWN_2, 9_000), (TOWN_3, 10_000)] {
        let sheet = sheet(&console, &li, town).await;
        assert_eq!(sum(&sheet), hundredths, "{sheet:#}");
        let (low, high) = (&sheet["line"]["band"][0], &sheet["line"]["band"][1]);
        assert!(low.as_f64() <= sheet["line"]["score"].as_f64(), "{low}");
        assert!(high.as_f64() >= sheet["line"]["score"].as_f64(), "{high}");
    }

    // Each deduction of town 2 names its card. One of the two is revoked: one fifth of 14 is lost, 53.2 of 56 are 95.
    let before = sheet(&console, &li, TOWN_2).await;
    let lines = before["sheet"]["parts"][0]["lines"].as_array().unwrap();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(
        lines
            .iter()
            .all(|line| line["points"] == -2.8 && line["rule"] == "R2")
    );
    let card = &lines[0]["card"];
    let (_, found) = console.get(&format!("/api/v1/cards/{card}"), &li).await;
    let path = format!("/api/v1/cards/{card}/revoke");
    let why = json!({"why": "the applicant was away", "revision": found["revision"]});
    let (status, said) = console.post_json(&path, Some(&li), why).await;
    assert_eq!(status, StatusCode::OK, "{said}");
    let after = sheet(&console, &li, TOWN_2).await;
    assert_eq!(
        (sum(&after), &after["line"]["score"]),
        (9_500, &json!(95.0))
    );

    // Who sees one town sees its line alone, and no sheet but its own.
    console.account("zhang", "hall_manager", TOWN_1, None).await;
    let zhang = console.sign_in("zhang").await;
    let rows = ranking(&console, &zhang).await;
    assert_eq!((rows.len(), &rows[0]["rank"]), (1, &json!(1)));
    let foreign = format!("/api/v1/scores?level=town&subject={TOWN_2}");
    assert_eq!(console.get(&foreign, &zhang).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn cards_of_a_trial_run_cost_nothing() {
    let console = Console::start().await;
    console.account("li", "inspector", COUNTY, None).await;
    let li = console.sign_in("li").await;
    cases(&console, TOWN_2, "late", 12, 12).await;
    let cards = sqlx::query_scalar::<_, i64>(
        "SELECT count(*) FROM card WHERE trial AND grade = 'yellow_card'",
    )
    .fetch_one(console.app.db())
    .await
    .unwrap();
    assert_eq!(cards, 12);
    let sheet = sheet(&console, &li, TOWN_2).await;
    assert_eq!(sheet["line"]["score"], 100.0);
    // What is late is late, whoever tries.
    assert_eq!(
        (&sheet["line"]["grade"], &sheet["line"]["held_at"]),
        (&json!("fail"), &json!("far_too_late"))
    );
}

#[tokio::test]
async fn a_red_card_comes_again_for_every_month_that_its_case_goes_on() {
    let (console, li) = county().await;
    // Accepted and due in the month before, and not decided yet.
    let before = |day| noon(day) - Days::new(31);
    let due = json!({"promise_due": before(8), "legal_due": before(15), "date_only": true});
    let mut accepted = console.event("a", "case.accepted", "T3-never", TOWN_3, "RSJ", due);
    accepted["time"] = json!(before(2));
    console.send(&[accepted]).await;
    let sheet = sheet(&console, &li, TOWN_3).await;
    let lines = &sheet["sheet"]["parts"][0]["lines"];
    assert_eq!(lines.as_array().unwrap().len(), 1, "{lines}");
    assert_eq!(
        (&lines[0]["again"], &lines[0]["red"]),
        (&json!(true), &json!(true))
    );
}

#[tokio::test]
async fn roll_ups_counted_anew_are_those_that_grew() {
    let (console, _li) = county().await;
    let dump = async || {
        let rows: Vec<String> = sqlx::query_scalar(
            "SELECT 'day ' || r::text FROM rollup_day r WHERE (accepted, completed, due, due_met, due_over, promised, early, rated_1,
                 rated_2, rated_3, rated_4, rated_5) <> (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
             UNION ALL SELECT 'hour ' || r::text FROM rollup_hour r WHERE (accepted, completed) <> (0, 0)
             UNION ALL SELECT 'bucket ' || r::text FROM rollup_bucket r WHERE n <> 0 ORDER BY 1",
        )
        .fetch_all(console.app.db())
        .await
        .unwrap();
        rows
    };
    let grown = dump().await;
    assert!(
        grown
            .iter()
            .any(|row| row.starts_with("day ") && row.contains(TOWN_1)),
        "{grown:#?}"
    );
    // Somebody has meddled.
    sqlx::query("UPDATE rollup_day SET early = early + 7")
        .execute(console.owner())
        .await
        .unwrap();
    assert_ne!(dump().await, grown);
    let counted = rollups::rebuild(console.app.db(), Shanghai).await.unwrap();
    assert_eq!(counted, 49);
    assert_eq!(dump().await, grown);
}

#[tokio::test]
async fn village_points_are_ranked_by_their_service() {
    let console = Console::start().await;
    let village = |code: &str| Hall {
        code: code.into(),
        parent: Some(TOWN_1.into()),
        level: Level::Village,
        name: code.into(),
        name_en: String::new(),
        opening: Default::default(),
    };
    let mut connection = console.app.db().acquire().await.unwrap();
    let villages = [village("V1"), village("V2")];
    halls::upsert_halls(&mut connection, &villages)
        .await
        .unwrap();
    drop(connection);
    console.app.reload_directory().await.unwrap();
    console.end_trial_run().await;
    console.account("li", "inspector", COUNTY, None).await;
    let li = console.sign_in("li").await;
    // Each day of last month, as history: open from nine to half past five, the terminal up, somebody helped at noon.
    let mut events = Vec::new();
    for day in first()
        .iter_days()
        .take_while(|day| *day < first() + Months::new(1))
    {
        let mut tell = |kind: &str, hour: u32, minute: u32, data: Value| {
            let local = day.and_time(NaiveTime::from_hms_opt(hour, minute, 0).unwrap());
            let mut event = console.event(&format!("{kind}-{day}"), kind, "", "V1", "RSJ", data);
            event["time"] = json!(Shanghai.from_local_datetime(&local).unwrap().to_utc());
            events.push(event);
        };
        let nine = day.and_time(NaiveTime::from_hms_opt(9, 0, 0).unwrap());
        let since = json!({"up_since": Shanghai.from_local_datetime(&nine).unwrap().to_utc()});
        tell("hall.opened", 9, 0, json!({}));
        tell("service.assisted", 12, 0, json!({"kind": "query"}));
        tell("terminal.heartbeat", 17, 30, since);
        // On the first days it closed an hour early.
        let hour = if day.day() <= 14 { 16 } else { 17 };
        tell("hall.closed", hour, 30, json!({}));
    }
    let read = |event: &Value| CaseEvent::from_cloudevent(event, Utc::now(), Shanghai).unwrap();
    let batch = events.iter().map(read).collect();
    let applied = console
        .app
        .engine()
        .batch(batch, true)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(applied.outcome.rejected, []);

    let month = first().format("%Y-%m").to_string();
    let path = format!("/api/v1/rankings?level=village&month={month}");
    let (_, ranking) = console.get(&path, &li).await;
    let rows = ranking["rows"].as_array().unwrap();
    assert_eq!(rows[0]["subject"]["code"], "V1");
    assert_eq!(rows[0]["rank"], 1, "{ranking}");
    assert_eq!(rows[1]["score"], Value::Null, "the other told nothing");
    let days = rows[0]["services"].as_u64().unwrap();
    assert!((15..=23).contains(&days), "one a day of opening: {days}");
    let parts = rows[0]["parts"].as_array().unwrap().iter();
    let parts: Vec<&Value> = parts.map(|part| &part["part"]).collect();
    assert_eq!(
        parts,
        ["opening", "terminal", "assistance", "answers", "cases"]
    );
    let path = format!("/api/v1/scores?level=village&subject=V1&month={month}");
    let (_, shown) = console.get(&path, &li).await;
    let score = (shown["line"]["score"].as_f64().unwrap() * 100.0).round() as i64;
    assert_eq!(sum(&shown), score, "{shown}");
    let lines = shown["sheet"]["parts"][0]["lines"].as_array().unwrap();
    assert!(
        !lines.is_empty()
            && lines.iter().all(|line| line["because"] == "closed"
                && line["whole"] == 510
                && line["part"] == 450)
    );
}
