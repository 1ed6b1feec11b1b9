//! Old events go; no figure that a page or a bulletin shows does.

use axum::http::StatusCode;
use chrono::{NaiveDate, Utc};
use mingjing_dashboard::audit::Trail;
use mingjing_dashboard::bulletin::{Of, figures::Figures};
use mingjing_dashboard::retention::{KeptMonths, Swept, logs, look, sweep};
use mingjing_dashboard::statistics::NAMES;
use mingjing_monitor::store::rollups;
use serde_json::{Value, json};

use crate::common::{Console, Person};
use crate::statistics::county;

const ZONE: chrono_tz::Tz = chrono_tz::Asia::Shanghai;

async fn figures(console: &Console, person: &Person) -> Vec<Value> {
    let mut paths = vec!["overview".to_owned()];
    for name in NAMES {
        paths.extend(
            ["time", "hall", "item"]
                .map(|by| format!("statistics/{name}?from=2025-09-01&to=2025-12-31&by={by}")),
        );
    }
    for level in ["county", "town", "village"] {
        paths.extend(
            ["2025-09", "2025-10"].map(|month| format!("rankings?level={level}&month={month}")),
        );
    }
    let mut all = Vec::new();
    for path in paths {
        let (status, mut answer) = console.get(&format!("/api/v1/{path}"), person).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        for moving in ["at", "seq", "epoch"] {
            answer.as_object_mut().map(|answer| answer.remove(moving));
        }
        all.push(answer);
    }
    let month = NaiveDate::from_ymd_opt(2025, 9, 1).unwrap();
    let of = Of::new(&console.app, month, None).unwrap();
    let bulletin = Figures::read(&console.app, &of).await.unwrap();
    all.push(json!(format!("{bulletin:?}")));
    all
}

fn reasons(swept: &Swept) -> Vec<&str> {
    let held = swept.old.iter().flat_map(|old| &old.held);
    let mut reasons: Vec<&str> = held.map(|held| held.reason.as_str()).collect();
    reasons.sort_unstable();
    reasons.dedup();
    reasons
}

#[tokio::test]
async fn dropping_old_events_and_counting_again_changes_no_figure() {
    let (console, li) = county().await;
    // All in the console's own role, that owns no table.
    let (db, trail, now) = (console.app.db(), Trail::command(), Utc::now());
    let kept = KeptMonths::try_from(13).unwrap();
    let swept = sweep(db, kept, now, ZONE, &trail).await.unwrap();
    assert_eq!(
        reasons(&swept),
        ["card", "complaint"],
        "one card and one complaint are open"
    );
    assert!(swept.old.iter().all(|old| old.went.is_none()), "{swept:?}");
    for sql in [
        "UPDATE card SET closed_at = '2025-10-15'",
        "UPDATE complaint SET is_open = false, decided_at = '2025-10-15'",
        "UPDATE source SET loading_until = '2025-10-15'",
    ] {
        sqlx::query(sql).execute(console.owner()).await.unwrap();
    }
    let swept = sweep(db, kept, now, ZONE, &trail).await.unwrap();
    assert_eq!(reasons(&swept), ["loading source"], "more may come");
    let loaded = sqlx::query("UPDATE source SET loading_until = NULL");
    loaded.execute(console.owner()).await.unwrap();

    let before = figures(&console, &li).await;
    let seen = look(db, kept, now, ZONE).await.unwrap();
    assert!(
        seen.old
            .iter()
            .all(|old| old.held.is_empty() && old.went.is_none())
    );
    assert_eq!(
        rows(&console, "case_event").await,
        18,
        "a look changes nothing"
    );
    let case = shown(&console, &li).await;
    assert_ne!(case["events"], json!([]));
    assert_eq!(case["events_dropped_before"], Value::Null);
    let swept = sweep(db, kept, now, ZONE, &trail).await.unwrap();
    assert_eq!(swept.old.iter().filter_map(|old| old.went).sum::<i64>(), 18);
    assert_eq!(rows(&console, "case_event").await, 0);
    let case = shown(&console, &li).await;
    assert_eq!(case["events"], json!([]));
    let dropped = case["events_dropped_before"].as_str();
    assert!(
        dropped.is_some_and(|at| at > "2025-09"),
        "it says why: {case}"
    );
    assert_eq!(figures(&console, &li).await, before, "after the drop");
    rollups::rebuild(console.owner(), ZONE).await.unwrap();
    assert_eq!(figures(&console, &li).await, before, "counted again");

    let written: Vec<String> = sqlx::query_scalar(
        "SELECT after::jsonb ->> 'events' FROM audit WHERE action = 'events.dropped'",
    )
    .fetch_all(console.owner())
    .await
    .unwrap();
    let written: i64 = written.iter().map(|n| n.parse::<i64>().unwrap()).sum();
    assert_eq!(written, 18, "the audit log knows");
}

/// The newest case, as its page shows it.
async fn shown(console: &Console, person: &Person) -> Value {
    let (_, list) = console.get("/api/v1/cases?limit=1", person).await;
    let no = list["items"][0]["no"].as_str().expect("a case").to_owned();
    let (status, case) = console.get(&format!("/api/v1/cases/{no}"), person).await;
    assert_eq!(status, StatusCode::OK, "{case}");
    case
}

async fn rows(console: &Console, table: &str) -> i64 {
    let sql = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    sqlx::query_scalar(sql)
        .fetch_one(console.owner())
        .await
        .unwrap()
}

#[tokio::test]
async fn the_database_itself_keeps_what_is_young() {
    let console = Console::start().await;
    let drop = sqlx::query_scalar::<_, Option<i64>>(
        "SELECT drop_case_events(now() - interval '13 months', now() - interval '12 months', now() - interval '1 year')",
    );
    let refused = drop.fetch_one(console.app.db()).await.unwrap_err();
    assert!(refused.to_string().contains("thirteen months"), "{refused}");
    assert_eq!(KeptMonths::try_from(0).unwrap().months(), None);
    assert!(KeptMonths::try_from(12).unwrap_err().contains("13 or more"));
}

#[tokio::test]
async fn events_of_months_that_are_to_close_yet_are_not_old() {
    let console = Console::start().await;
    let step = async |month: &str, step: &str| {
        let month: NaiveDate = month.parse().unwrap();
        let query = "INSERT INTO month_step (month, step, at, who, role, profile_version)
                     VALUES ($1, $2, now(), 'li', 'inspector', CASE $2 WHEN 'close' THEN 1 END)";
        let query = sqlx::query(query).bind(month).bind(step);
        query.execute(console.owner()).await.unwrap();
    };
    let kept = KeptMonths::try_from(13).unwrap();
    let horizon = async || {
        let seen = look(console.app.db(), kept, Utc::now(), ZONE).await;
        let horizon = seen.unwrap().horizon.unwrap();
        horizon.with_timezone(&ZONE).date_naive().to_string()
    };
    for month in ["2024-07-01", "2024-08-01"] {
        step(month, "close").await;
    }
    assert_eq!(
        horizon().await,
        "2024-09-01",
        "September is the next to close"
    );
    step("2024-07-01", "ask").await;
    assert_eq!(horizon().await, "2024-07-01", "somebody asks for July");
    step("2024-07-01", "reopen").await;
    assert_eq!(horizon().await, "2024-07-01", "July was opened again");
    step("2024-07-01", "close").await;
    assert_eq!(horizon().await, "2024-09-01");
    let for_good = KeptMonths::try_from(0).unwrap();
    let seen = look(console.app.db(), for_good, Utc::now(), ZONE).await;
    assert_eq!(seen.unwrap().horizon, None);
}

#[tokio::test]
async fn old_logs_go_by_their_own_spans_unless_something_needs_them() {
    let console = Console::start().await;
    let (db, trail, now) = (console.app.db(), Trail::command(), Utc::now());
    for sql in [
        "INSERT INTO camera_health (time, camera, state) SELECT now() - n * interval '1 month', 'c-1', 'offline' FROM generate_series(0, 30) AS n",
        "INSERT INTO source_health (time, source, state) SELECT now() - n * interval '1 month', '//s', 'silent' FROM generate_series(0, 30) AS n",
        "INSERT INTO metric (time, name, value) SELECT now() - n * interval '1 month', 'cases.open', n FROM generate_series(0, 30) AS n",
        "INSERT INTO delivery_attempt (at, delivery, channel, n, outcome, answer)
             SELECT now() - n * interval '1 month', 1, 1, 1, 'sent', '' FROM generate_series(0, 70) AS n",
        // A camera has been dark for 28 months.
        "INSERT INTO episode (thing, subject, name, hall, trouble, since) SELECT 'camera', 'c-1', 'c-1', code, 'offline', now() - interval '28 months' FROM hall LIMIT 1",
    ] {
        sqlx::query(sql).execute(console.owner()).await.unwrap();
    }
    let kept = mingjing_dashboard::config::Retention::default();
    let seen = logs::look(db, &kept, now).await.unwrap();
    assert!(
        seen.iter()
            .all(|log| log.old.iter().all(|old| old.went.is_none()))
    );
    let swept = logs::sweep(db, &kept, now, &trail).await.unwrap();
    let went: Vec<(&str, i64)> = swept
        .iter()
        .map(|log| {
            (
                log.log.table(),
                log.old.iter().filter_map(|old| old.went).sum(),
            )
        })
        .collect();
    // Rows 25 to 30 of what is kept for 24 months lie in chunks of a week or a month that are old as a whole; a month's chunk may reach into the 24th.
    let of = |table: &str| went.iter().find(|(name, _)| *name == table).unwrap().1;
    assert!((5..=6).contains(&of("source_health")), "{went:?}");
    assert_eq!(of("metric"), 6, "{went:?}");
    assert!((9..=10).contains(&of("delivery_attempt")), "{went:?}");
    assert!((2..=3).contains(&of("camera_health")), "{went:?}");
    let held: Vec<&str> = swept[0]
        .old
        .iter()
        .flat_map(|old| &old.held)
        .map(|held| held.reason.as_str())
        .collect();
    assert!(
        held.iter().all(|reason| *reason == "trouble") && !held.is_empty(),
        "{held:?}"
    );
    assert_eq!(rows(&console, "metric").await, 25);
    // What is young stays whoever asks, and nothing but logs goes.
    for (log, words) in [("metric", "three months"), ("card", "no log")] {
        let drop = sqlx::query_scalar::<_, Option<i64>>(
            "SELECT drop_log($1, now() - interval '2 months', now() - interval '1 month', now() - interval '1 year')",
        );
        let refused = drop.bind(log).fetch_one(db).await.unwrap_err();
        assert!(refused.to_string().contains(words), "{refused}");
    }
    assert!(
        logs::KeptLog::<3, 24>::try_from(2)
            .unwrap_err()
            .contains("3 or more")
    );
    let written: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM audit WHERE action = 'events.dropped' AND after LIKE '%rows%'",
    )
    .fetch_one(console.owner())
    .await
    .unwrap();
    assert!(written >= 22, "{written}");
}
