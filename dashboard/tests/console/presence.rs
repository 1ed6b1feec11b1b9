//! Presence at the windows over the console's interface: from a camera's word to a card that an inspector confirms, and pauses and
//! leave that people enter and decide about.

use axum::http::StatusCode;
use chrono::{Datelike, Days, TimeDelta, Utc, Weekday};
use mingjing_dashboard::uplink::ClockOffset;
use mingjing_dashboard::watch;
use mingjing_ingest::camera::{CameraHealth, CameraState};
use mingjing_ingest::picture::{Presence, WindowPresence};
use mingjing_monitor::calendar::{OpeningHours, Span};
use mingjing_monitor::org::{Hall, Level};
use mingjing_monitor::store::halls::{self, Camera};
use mingjing_monitor::store::presence::{self, Minute};
use serde_json::{Value, json};

use crate::common::{COUNTY, Console, Person, TOWN_1};

/// The first town is open day and night, but on holidays, and has a camera over window 1.
async fn watched(console: &Console) {
    let all_day = Span::new("00:00:00".parse().unwrap(), "23:59:00".parse().unwrap()).unwrap();
    let mut opening = OpeningHours::closed();
    let mut day = Weekday::Mon;
    for _ in 0..7 {
        opening = opening.with(day, Some(all_day));
        day = day.succ();
    }
    let town = Hall {
        code: TOWN_1.into(),
        parent: Some(COUNTY.into()),
        level: Level::Town,
        name: TOWN_1.into(),
        name_en: String::new(),
        opening,
    };
    let camera = Camera {
        id: "cam-1".into(),
        hall: TOWN_1.into(),
        name: "一号窗口".into(),
        windows: vec!["1".into()],
        edge: "local".into(),
    };
    let mut connection = console.app.db().acquire().await.unwrap();
    halls::upsert_halls(&mut connection, &[town]).await.unwrap();
    halls::upsert_cameras(&mut connection, &[camera])
        .await
        .unwrap();
    drop(connection);
    console.app.reload_directory().await.unwrap();
    console.app.engine().reload();
}

/// What the camera says of window 1.
fn says(console: &Console, state: Presence, since: chrono::DateTime<Utc>) {
    let mut health = CameraHealth::connecting("cam-1", since);
    health.state = CameraState::Live;
    health.presence = vec![WindowPresence {
        window: "1".into(),
        state,
        since,
        people: None,
    }];
    console.app.edges().heard("local", health, Utc::now());
}

async fn act(console: &Console, by: &Person, path: &str, body: Value) -> (StatusCode, Value) {
    console.post_json(path, Some(by), body).await
}

#[tokio::test]
async fn an_empty_window_becomes_a_card_that_an_inspector_confirms() {
    let console = Console::start().await;
    watched(&console).await;
    console.end_trial_run().await;
    console.account("li", "inspector", COUNTY, None).await;
    console.account("zhou", "hall_manager", TOWN_1, None).await;
    let (li, zhou) = (console.sign_in("li").await, console.sign_in("zhou").await);
    console
        .app
        .edges()
        .connected("local", None, ClockOffset::default());
    tokio::spawn(watch::run(console.app.clone()));
    // Longer ago than any holiday lasts: today the hall may be closed.
    says(&console, Presence::Empty, Utc::now() - TimeDelta::days(20));
    let yellow = |message: &Value| {
        message["data"]["rule"] == "R9" && message["data"]["grade"] == "yellow_card"
    };
    let told = console.wait_for_message(&li, yellow).await;
    let card = &told["data"];
    assert_eq!(
        (
            &card["state"],
            &card["about"],
            &card["subject"],
            &card["camera"]
        ),
        (
            &json!("unconfirmed"),
            &json!("window"),
            &json!("T1/1"),
            &json!("c1")
        )
    );
    let path = format!("/api/v1/cards/{}", card["id"]);
    let actions = async |person: &Person| -> Vec<String> {
        let (_, card) = console.get(&path, person).await;
        let all = card["actions"].as_array().unwrap().iter();
        all.map(|one| one["action"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(actions(&li).await, ["confirm", "dismiss"]);
    assert!(actions(&zhou).await.is_empty());
    let (_, inbox) = console.get("/api/v1/inbox", &li).await;
    assert_eq!(inbox["items"][0]["state"], "unconfirmed", "{inbox}");
    let (_, inbox) = console.get("/api/v1/inbox", &zhou).await;
    assert_eq!(inbox["counts"]["cards"], 0, "{inbox}");
    let (_, overview) = console.get("/api/v1/overview", &li).await;
    assert_eq!(
        (
            &overview["cards"]["unconfirmed"],
            &overview["cards"]["yellow_card"]
        ),
        (&json!(1), &json!(0))
    );
    let (status, done) = act(
        &console,
        &li,
        &format!("{path}/confirm"),
        json!({"revision": card["revision"]}),
    )
    .await;
    assert_eq!((status, &done["state"]), (StatusCode::OK, &json!("issued")));
    let (_, inbox) = console.get("/api/v1/inbox", &zhou).await;
    assert_eq!(inbox["counts"]["cards"], 1, "now the hall answers");
    let (_, list) = console
        .get("/api/v1/cards?view=unconfirmed&rule=R9", &li)
        .await;
    assert_eq!(list["counts"]["unconfirmed"], 0);
}

#[tokio::test]
async fn leave_is_asked_for_by_the_hall_and_decided_above_it() {
    let console = Console::start().await;
    watched(&console).await;
    for (login, role, hall) in [
        ("zhou", "hall_manager", TOWN_1),
        ("qian", "hall_manager", COUNTY),
        ("li", "inspector", COUNTY),
    ] {
        console.account(login, role, hall, None).await;
    }
    let zhou = console.sign_in("zhou").await;
    let (qian, li) = (console.sign_in("qian").await, console.sign_in("li").await);
    let now = Utc::now();
    let new = |kind: &str, from: i64, to: i64| {
        json!({"hall": TOWN_1, "window": "1", "kind": kind, "why": "就医",
            "starts": now + TimeDelta::minutes(from), "ends": now + TimeDelta::minutes(to)})
    };
    let enter = async |by: &Person, body: Value| act(&console, by, "/api/v1/absences", body).await;
    let (status, leave) = enter(&zhou, new("leave", 60, 180)).await;
    assert_eq!(status, StatusCode::CREATED, "{leave}");
    let late = enter(&zhou, new("paused", -60, 10)).await;
    assert_eq!(late.0, StatusCode::UNPROCESSABLE_ENTITY, "beforehand");
    let by_inspector = enter(&li, new("paused", 0, 10)).await;
    assert_eq!(by_inspector.0, StatusCode::FORBIDDEN);

    let path = format!("/api/v1/absences/{}", leave["id"]);
    let decide = async |by: &Person, action: &str, why: Value| {
        act(&console, by, &format!("{path}/{action}"), why).await.0
    };
    assert_eq!(
        decide(&zhou, "approve", json!({})).await,
        StatusCode::FORBIDDEN,
        "not the hall itself"
    );
    assert_eq!(
        decide(&li, "refuse", json!({})).await,
        StatusCode::UNPROCESSABLE_ENTITY,
        "a refusal says why"
    );
    let (_, asked) = console.get("/api/v1/absences?view=asked", &qian).await;
    assert_eq!(asked["items"][0]["actions"][0], "approve", "{asked}");
    let waiting = async |by: &Person| {
        let (_, inbox) = console.get("/api/v1/inbox", by).await;
        assert_eq!(
            inbox["items"].as_array().unwrap().len(),
            inbox["counts"]["leaves"]
        );
        (
            inbox["counts"]["leaves"].clone(),
            inbox["items"][0]["text_zh"].clone(),
        )
    };
    let asked = (json!(1), json!("就医"));
    assert_eq!(
        (waiting(&qian).await, waiting(&li).await),
        (asked.clone(), asked)
    );
    assert_eq!(waiting(&zhou).await.0, 0, "whoever asks does not decide");
    assert_eq!(
        decide(&qian, "approve", json!({})).await,
        StatusCode::NO_CONTENT,
        "the manager of the hall above"
    );
    assert_eq!(waiting(&li).await.0, 0);
    assert_eq!(
        decide(&li, "refuse", json!({"why": "迟了"})).await,
        StatusCode::CONFLICT
    );
    let (_, standing) = console.get("/api/v1/absences", &zhou).await;
    let row = &standing["items"][0];
    assert_eq!(
        (&row["approval"], &row["decided_by"]),
        (&json!("approved"), &json!("qian"))
    );
    assert_eq!(
        decide(&zhou, "end", json!({})).await,
        StatusCode::NO_CONTENT
    );
    let (_, standing) = console.get("/api/v1/absences", &zhou).await;
    assert_eq!(standing["items"], json!([]), "called off");
    let codes: Vec<String> =
        sqlx::query_scalar("SELECT action FROM audit WHERE action LIKE 'absence.%' ORDER BY seq")
            .fetch_all(console.app.db())
            .await
            .unwrap();
    assert_eq!(
        codes,
        ["absence.entered", "absence.decided", "absence.entered"]
    );
}

#[tokio::test]
async fn the_share_of_minutes_with_somebody_there_is_the_conduct_of_a_month() {
    let console = Console::start().await;
    console.account("li", "inspector", COUNTY, None).await;
    let li = console.sign_in("li").await;
    let today = Utc::now().date_naive();
    let first = today.with_day(1).unwrap();
    let window = |staffed| Minute {
        hall: TOWN_1.into(),
        no: "1".into(),
        unit: Some("RSJ".into()),
        staffed,
    };
    let sheet = async || {
        let month = first.format("%Y-%m");
        let path = format!("/api/v1/scores?level=town&subject={TOWN_1}&month={month}");
        let (status, sheet) = console.get(&path, &li).await;
        assert_eq!(status, StatusCode::OK, "{sheet}");
        let parts = sheet["sheet"]["parts"].as_array().unwrap();
        let conduct = parts.iter().find(|part| part["part"] == "conduct");
        conduct.unwrap().clone()
    };
    assert_eq!(sheet().await["points"], Value::Null, "nothing is known");
    let mut connection = console.app.db().acquire().await.unwrap();
    let begin = Utc::now() - TimeDelta::hours(1);
    // Three minutes of four; the third is told twice.
    for (minute, staffed) in [(0, true), (1, true), (2, false), (2, false), (3, true)] {
        let at = begin + TimeDelta::minutes(minute);
        presence::count(&mut connection, first, at, &[window(staffed)])
            .await
            .unwrap();
    }
    // Another month's.
    let before = first - Days::new(1);
    presence::count(&mut connection, before, begin, &[window(false)])
        .await
        .unwrap();
    let conduct = sheet().await;
    assert_eq!(conduct["points"], 7.5, "{conduct}");
    assert_eq!(
        conduct["lines"][0],
        json!({"points": -2.5, "because": "absent", "part": 3, "whole": 4})
    );
}
