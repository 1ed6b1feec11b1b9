//! `mingjing replay --into`: a log posted to a running console, which is killed in the middle of it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use mingjing_tests::county::COUNTY;
use mingjing_tests::shared_data;
use mingjing_tests::stage::{Stage, project, wait_for};
use serde_json::{Value, json};
use tokio::process::Command;

const RECEIPT: &str = "eventlogs/receipt.xes.gz";
const EVENTS: i64 = 11_340;
const PATIENCE: Duration = Duration::from_secs(120);

/// Every table whose rows a log makes.
const TABLES: [&str; 10] = [
    "case_event",
    "event_identity",
    "event_quarantine",
    "case_state",
    "card",
    "card_transition",
    "correction_order",
    "rollup_day",
    "rollup_hour",
    "rollup_bucket",
];

fn replay(stage: &Stage, log: &Path, token: &str) -> Command {
    let map = project().join("deploy/mappings/receipt.toml");
    let (log, map) = (log.to_string_lossy(), map.to_string_lossy());
    let mut command = stage.command(&[
        "replay", &log, "--map", &map, "--into", &stage.url, "--json",
    ]);
    command
        .env("MINGJING_TOKEN", token)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// What a replay into `stage` prints.
async fn replayed(stage: &Stage, log: &Path, token: &str) -> Value {
    let output = replay(stage, log, token).output().await.unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}{}", stage.log());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A console with the log's halls, imported from the file that its refusal prints, and a token for the log.
async fn console(log: &Path) -> (Stage, String) {
    let stage = Stage::new(&[]).await;
    let made = [
        "--name",
        "receipt",
        "--role",
        "source",
        "--hall",
        COUNTY,
        "--initial-load",
    ];
    let token = stage.token(&made).await;
    let refused = replay(&stage, log, &token).output().await.unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("import this as halls.json"), "{said}");
    let file = said[said.find('{').unwrap()..].replace("CODE-OF-THE-HALL-ABOVE", COUNTY);
    let path = stage.path("missing.json");
    std::fs::write(&path, file).unwrap();
    stage
        .run(&["import", "halls", &path.to_string_lossy()], "")
        .await;
    (stage, token)
}

async fn count(stage: &Stage, table: &str) -> i64 {
    sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}")))
        .fetch_one(stage.database.store.pool())
        .await
        .unwrap()
}

async fn rows(stage: &Stage) -> Vec<(&'static str, i64)> {
    let mut all = Vec::new();
    for table in TABLES {
        all.push((table, count(stage, table).await));
    }
    all
}

/// Cases by what they came to, and every card by its cause.
async fn held(stage: &Stage) -> (Vec<(bool, String, i64)>, Vec<(String, String, String)>) {
    let pool = stage.database.store.pool();
    let cases = sqlx::query_as(
        "SELECT decided_at IS NOT NULL, bucket, count(*) FROM case_state GROUP BY 1, 2 ORDER BY 1, 2",
    );
    let cards = sqlx::query_as(
        "SELECT cause_key, grade, state FROM card WHERE about = 'case' ORDER BY cause_key",
    );
    (
        cases.fetch_all(pool).await.unwrap(),
        cards.fetch_all(pool).await.unwrap(),
    )
}

#[tokio::test]
async fn a_console_killed_in_the_middle_of_a_replay_loses_and_doubles_nothing() {
    let Some(log) = shared_data(RECEIPT) else {
        return;
    };
    let ((undisturbed, its_token), (mut killed, token)) =
        tokio::join!(console(&log), console(&log));
    assert_eq!(count(&killed, "case_event").await, 0, "nothing was taken");
    let posted = replayed(&undisturbed, &log, &its_token).await;
    assert_eq!(posted["posted"]["accepted"], EVENTS);

    let under_way = replay(&killed, &log, &token).spawn().unwrap();
    wait_for("the first events are in", PATIENCE, || async {
        count(&killed, "case_event").await > 0
    })
    .await;
    killed.kill().await;
    let before = count(&killed, "case_event").await;
    assert!(before < EVENTS, "killed in the middle of it: {before}");
    killed.start().await;
    let output = under_way.wait_with_output().await.unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}{}", killed.log());
    let posted: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(posted["posted"]["rejected"], 0);
    wait_for("what was spooled is in", PATIENCE, || async {
        count(&killed, "case_event").await >= EVENTS
    })
    .await;

    let (cases, cards) = held(&killed).await;
    let of = |decided: bool, bucket: &str| {
        let found = cases
            .iter()
            .find(|case| case.0 == decided && case.1 == bucket);
        found.map_or(0, |case| case.2)
    };
    assert_eq!(
        (of(true, "on_time"), of(true, "over_promise_only")),
        (952, 377)
    );
    let open: i64 = cases.iter().filter(|case| !case.0).map(|case| case.2).sum();
    assert_eq!(open, 105);
    assert!(cards.len() > 377);
    assert_eq!((cases, cards), held(&undisturbed).await);
    assert_eq!(rows(&killed).await, rows(&undisturbed).await);

    let before = rows(&killed).await;
    let again = replayed(&killed, &log, &token).await;
    assert_eq!(again["posted"]["accepted"], 0);
    assert_eq!(again["posted"]["duplicate"], json!(EVENTS));
    assert_eq!(
        rows(&killed).await,
        before,
        "the same file again changes nothing"
    );
}
