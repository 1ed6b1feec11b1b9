//! `mingjing replay` on logs that others made, judged by what the logs themselves say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use chrono::{DateTime, Utc};
use mingjing_alerts::supervisor::Supervisor;
use mingjing_dashboard::replay::{self, Loaded, Summary};
use mingjing_monitor::store::testing::{TestDatabase, server_url};
use mingjing_tests::shared_data;
use mingjing_tests::stage::{program, project};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::process::Command;

const RECEIPT: &str = "eventlogs/receipt.xes.gz";
const BPIC15: &str = "eventlogs/BPIC15_1.xes.gz";
const BOSTON: &str = "eventlogs/qsv_boston311-100.csv";
const NEW_YORK: &str = "eventlogs/nyc311-100.csv";

fn mapping(name: &str) -> PathBuf {
    project().join("deploy/mappings").join(name)
}

/// What a run of `mingjing replay` gave.
struct Run {
    process: u32,
    success: bool,
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Run {
    fn json(&self) -> Value {
        assert!(self.success, "{}", self.stderr);
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

async fn mingjing(log: &Path, map: &str, more: &[&str]) -> Run {
    let directory = tempfile::tempdir().unwrap();
    let child = Command::new(program("mingjing"))
        .current_dir(&directory)
        .arg("replay")
        .arg(log)
        .arg("--map")
        .arg(mapping(map))
        .args(more)
        .env("DATABASE_URL", server_url())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let process = child.id().unwrap();
    let output = child.wait_with_output().await.unwrap();
    Run {
        process,
        success: output.status.success(),
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// What Python's own parsers read in the log.
async fn oracle(reader: &str, log: &Path) -> Value {
    let output = Command::new("python3")
        .arg(project().join("tests/oracles/log_verdicts.py"))
        .arg(reader)
        .arg(log)
        .output()
        .await
        .expect("python3 can be run");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Databases that a replay of this process made and that are still there.
async fn left_behind(process: u32) -> Vec<String> {
    let server = PgPool::connect(&server_url()).await.unwrap();
    let mine = format!("mingjing\\_replay\\_{process}\\_%");
    sqlx::query_scalar("SELECT datname::text FROM pg_database WHERE datname LIKE $1")
        .bind(mine)
        .fetch_all(&server)
        .await
        .unwrap()
}

fn sum(buckets: &Value) -> i64 {
    buckets
        .as_object()
        .unwrap()
        .values()
        .map(|n| n.as_i64().unwrap())
        .sum()
}

#[tokio::test]
async fn the_receipt_log_comes_out_as_its_own_dates_say() {
    let Some(log) = shared_data(RECEIPT) else {
        return;
    };
    let run = mingjing(&log, "receipt.toml", &["--json"]).await;
    let counts = run.json();
    assert_eq!(counts["cases"], 1_434);
    assert_eq!(
        counts["completed"],
        json!({"on_time": 952, "over_promise_only": 377, "over_legal": 0, "no_deadline": 0})
    );
    assert_eq!(sum(&counts["open"]), 105);
    assert_eq!(
        (&counts["skipped"], &counts["later"]),
        (&json!(0), &json!(0))
    );

    let department = |row: &Value| {
        let of = &row["completed"];
        let numbers = json!({"on_time": of["on_time"], "over": of["over_promise_only"], "open": sum(&row["open"])});
        (row["hall"].as_str().unwrap().to_owned(), numbers)
    };
    let found: BTreeMap<String, Value> = counts["by_hall"]
        .as_array()
        .unwrap()
        .iter()
        .map(department)
        .collect();
    assert_eq!(json!(found), oracle("receipt", &log).await);
    assert_eq!(found.len(), 3);

    // A case over its promise has a yellow card, whether it was finished late or is still open; nobody else has.
    let late = 377 + counts["open"]["over_promise_only"].as_i64().unwrap();
    let yellow = counts["cards"]
        .as_array()
        .unwrap()
        .iter()
        .find(|cards| cards["rule"] == "R2")
        .unwrap();
    assert_eq!(
        (&yellow["grade"], &yellow["cards"]),
        (&json!("yellow_card"), &json!(late))
    );
    assert_eq!(
        left_behind(run.process).await,
        Vec::<String>::new(),
        "the scratch database is dropped"
    );

    let table = mingjing(&log, "receipt.toml", &[]).await;
    assert!(
        table.success && table.stdout.contains("1434 cases"),
        "{}{}",
        table.stdout,
        table.stderr
    );
}

#[tokio::test]
async fn building_permits_are_suspended_resumed_and_extended() {
    let Some(log) = shared_data(BPIC15) else {
        return;
    };
    let counts = mingjing(&log, "bpic15.toml", &["--json"]).await.json();
    let found = json!({"cases": counts["cases"], "resumed": counts["suspended_and_resumed"], "extended": counts["extended"]});
    assert_eq!(found, json!({"cases": 1_199, "resumed": 3, "extended": 63}));
    assert_eq!(found, oracle("bpic15", &log).await);
}

#[tokio::test]
async fn boston_as_of_june_is_what_the_city_says() {
    let Some(log) = shared_data(BOSTON) else {
        return;
    };
    let run = mingjing(
        &log,
        "boston311.toml",
        &["--as-of", "2022-06-01", "--json", "--keep"],
    )
    .await;
    let counts = run.json();
    let name = counts["database"].as_str().unwrap().to_owned();
    assert_eq!(
        left_behind(run.process).await,
        [name.as_str()],
        "--keep keeps it"
    );
    let options: sqlx::postgres::PgConnectOptions = server_url().parse().unwrap();
    let kept = PgPool::connect_with(options.database(&name)).await.unwrap();
    let verdicts: Vec<(String, String)> = sqlx::query_as("SELECT no, bucket FROM case_state")
        .fetch_all(&kept)
        .await
        .unwrap();
    kept.close().await;
    let server = PgPool::connect(&server_url()).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(format!(
        "DROP DATABASE \"{name}\" WITH (FORCE)"
    )))
    .execute(&server)
    .await
    .unwrap();

    let found: BTreeMap<String, Option<&str>> = verdicts
        .into_iter()
        .map(|(no, bucket)| match bucket.as_str() {
            "no_deadline" => (no, None),
            "on_time" => (no, Some("ONTIME")),
            _ => (no, Some("OVERDUE")),
        })
        .collect();
    assert_eq!(json!(found), oracle("boston", &log).await);
    let judged = found.values().flatten().count();
    assert_eq!((judged, found.len() - judged), (89, 11));
}

#[tokio::test]
async fn an_earlier_instant_leaves_out_what_came_later() {
    let Some(log) = shared_data(BOSTON) else {
        return;
    };
    let counts = mingjing(
        &log,
        "boston311.toml",
        &["--as-of", "2022-01-15T00:00:00-05:00", "--json"],
    )
    .await
    .json();
    assert!(counts["later"].as_u64().unwrap() > 0, "{counts}");
    assert_eq!(
        counts["events"].as_u64().unwrap() + counts["later"].as_u64().unwrap(),
        185
    );
    let wrong = mingjing(&log, "boston311.toml", &["--as-of", "June"]).await;
    assert_eq!(wrong.code, Some(2), "{}", wrong.stderr);
}

#[tokio::test]
async fn new_york_closes_33_in_time_and_8_late() {
    let Some(log) = shared_data(NEW_YORK) else {
        return;
    };
    let counts = mingjing(&log, "nyc311.toml", &["--json"]).await.json();
    let found = json!({"in_time": counts["completed"]["on_time"], "late": counts["completed"]["over_promise_only"]});
    assert_eq!(found, json!({"in_time": 33, "late": 8}));
    assert_eq!(found, oracle("new_york", &log).await);
}

#[tokio::test]
async fn the_certification_log_is_read_and_the_one_without_times_is_refused() {
    let Some(log) = shared_data("parsers/xes/LevelB1.xes.gz") else {
        return;
    };
    let counts = mingjing(&log, "levelb1.toml", &["--json"]).await.json();
    assert_eq!(
        (&counts["cases"], &counts["events"]),
        (&json!(1_104), &json!(11_855))
    );
    let timeless = shared_data("parsers/xes/LevelA1.xes.gz").unwrap();
    let refused = mingjing(&timeless, "levelb1.toml", &["--json"]).await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("time"), "{}", refused.stderr);
    assert_eq!(refused.stdout, "");
    assert_eq!(left_behind(refused.process).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_cannot_be_read_is_listed_and_strict_reading_stops_there() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("requests.csv");
    std::fs::write(
        &log,
        "case_enquiry_id,open_dt,target_dt,closed_dt,ontime,closure_reason,type,queue,department,source\n\
         1,2022-01-03 09:00:00,2022-01-05 09:00:00,2022-01-04 09:00:00,,,A,Q,D,web\n\
         2,yesterday,2022-01-05 09:00:00,,,,A,Q,D,web\n\
         3,2022-01-03 09:00:00,2022-01-04 09:00:00,2022-01-05 09:00:00,,,A,Q,D,web\n",
    )
    .unwrap();
    let counts = mingjing(&log, "boston311.toml", &["--json"]).await.json();
    assert_eq!(
        (&counts["cases"], &counts["skipped"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(counts["skips"][0]["line"], 3, "{counts}");
    assert!(
        counts["skips"][0]["reason"]
            .as_str()
            .unwrap()
            .contains("yesterday")
    );
    let strict = mingjing(&log, "boston311.toml", &["--strict"]).await;
    assert_eq!(strict.code, Some(1));
    assert!(strict.stderr.contains("line 3"), "{}", strict.stderr);
}

/// A log and a database of its own with the log's county.
async fn county_of(log: &str, map: &str) -> Option<(TestDatabase, Loaded)> {
    let path = shared_data(log)?;
    let loaded = replay::load(&path, &mapping(map), true, |_| ()).unwrap();
    let database = TestDatabase::new().await;
    replay::import(&database.store, &loaded, log).await.unwrap();
    Some((database, loaded))
}

async fn supervisor(database: &TestDatabase, log: &Loaded) -> Supervisor {
    let pool = database.store.pool().clone();
    let mut supervisor = Supervisor::start(pool, log.events[0].time).await.unwrap();
    // As a replay does: in a log nobody answers.
    supervisor.ignore_answers();
    supervisor
}

/// Case, rule, grade, due instant and state of a card.
type Card = (String, String, String, DateTime<Utc>, String);

async fn cards(database: &TestDatabase) -> BTreeSet<Card> {
    let rows: Vec<Card> =
        sqlx::query_as("SELECT case_no, rule, grade, due_at, state FROM card WHERE about = 'case'")
            .fetch_all(database.store.pool())
            .await
            .unwrap();
    rows.into_iter().collect()
}

async fn counts(database: &TestDatabase, log: &Loaded, end: DateTime<Utc>) -> Summary {
    replay::summarise(database.store.pool(), log, end)
        .await
        .unwrap()
}

#[tokio::test]
async fn the_same_log_again_changes_nothing() {
    let Some((database, log)) = county_of(RECEIPT, "receipt.toml").await else {
        return;
    };
    let end = log.end(None).unwrap();
    let mut writer = supervisor(&database, &log).await;
    let first = replay::drive(&mut writer, &log.events, &log.source, end, |_| ())
        .await
        .unwrap();
    assert_eq!((first.accepted, first.duplicate), (11_340, 0));
    let (before, cards_before) = (counts(&database, &log, end).await, cards(&database).await);
    // A console that was killed and started again loads everything afresh.
    let mut writer = supervisor(&database, &log).await;
    let again = replay::drive(&mut writer, &log.events, &log.source, end, |_| ())
        .await
        .unwrap();
    assert_eq!(
        (again.accepted, again.duplicate, again.rejected.len()),
        (0, 11_340, 0)
    );
    assert_eq!(counts(&database, &log, end).await, before);
    assert_eq!(cards(&database).await, cards_before);
    assert_eq!(before.cases, 1_434);
}
