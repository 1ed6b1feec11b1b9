//! Statistics of published logs, as three halls of one county, held against what pm4py measures in the same logs.

use std::process::Stdio;
use std::time::Duration;

use mingjing_tests::county::{COUNTY, TOWN_1, TOWN_2};
use mingjing_tests::shared_data;
use mingjing_tests::stage::{Session, Stage, project, wait_for};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::process::Command;

/// The item of all cases: without limits, so that only the logs' own due dates count.
const PERMIT: &str = "PERMIT";
/// A third town beside the two of the county.
const TOWN_3: &str = "320382-T03";
const PATIENCE: Duration = Duration::from_secs(180);
/// A median or a 90 % quantile comes from a histogram (decision 37).
const HISTOGRAM: f64 = 1.0 / 32.0;

struct Log {
    hall: &'static str,
    file: &'static str,
    /// Both the mapping's name and that of what the oracle knows of the log.
    kind: &'static str,
}

const LOGS: [Log; 3] = [
    Log {
        hall: TOWN_3,
        file: "eventlogs/receipt.xes.gz",
        kind: "receipt",
    },
    Log {
        hall: TOWN_1,
        file: "eventlogs/BPIC15_1.xes.gz",
        kind: "bpic15",
    },
    Log {
        hall: TOWN_2,
        file: "eventlogs/BPIC15_2.xes.gz",
        kind: "bpic15",
    },
];

/// What pm4py measures in a log.
async fn measured(log: &Log) -> Value {
    let oracles = project().join("tests/oracles");
    let packages = output(&mut Command::new(oracles.join("setup"))).await;
    let file = shared_data(log.file).expect("the first log is there, so all are");
    let mut python = Command::new("python3");
    python
        .env("PYTHONPATH", packages.trim())
        .arg(oracles.join("event_logs.py"))
        .args([log.kind.as_ref(), file.as_os_str()]);
    serde_json::from_str(&output(&mut python).await).expect("the oracle prints JSON")
}

async fn output(command: &mut Command) -> String {
    let output = command.output().await.expect("it can be run");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The shipped mapping, with every case of the log at one hall and of one item, and every event a step: pm4py knows no pauses.
fn mapping(log: &Log) -> String {
    let shipped = project().join(format!("deploy/mappings/{}.toml", log.kind));
    let shipped = std::fs::read_to_string(shipped).expect("the mapping is there");
    let steps_only = shipped.split("[event.types]").next().unwrap_or_default();
    let set = |line: &str| match line.split_once(" = ") {
        Some(("hall", _)) => format!("hall = {{ value = {:?} }}", log.hall),
        Some(("item", _)) => format!("item = {{ value = {PERMIT:?} }}"),
        Some(("unit", _)) => String::new(),
        Some(("id", of)) if of.starts_with("\"//") => {
            format!("id = \"//{}\"", log.hall.to_lowercase())
        }
        _ => line.to_owned(),
    };
    steps_only.lines().map(set).collect::<Vec<_>>().join("\n")
}

async fn import(stage: &Stage, kind: &str, content: &Value) {
    let file = stage.path("import.json");
    std::fs::write(&file, content.to_string()).expect("the file can be written");
    stage
        .run(&["import", kind, &file.to_string_lossy()], "")
        .await;
}

/// Posts the log to the console as its source would; how many events it had.
async fn replayed(stage: &Stage, log: &Log, token: &str) -> i64 {
    let map = stage.path(&format!("{}.toml", log.hall));
    std::fs::write(&map, mapping(log)).expect("the mapping can be written");
    let file = shared_data(log.file).expect("the first log is there, so all are");
    let (file, map) = (file.to_string_lossy(), map.to_string_lossy());
    let mut replay = stage.command(&[
        "replay", &file, "--map", &map, "--into", &stage.url, "--json",
    ]);
    replay
        .env("MINGJING_TOKEN", token)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let said = output(replay.stdout(Stdio::piped()).stderr(Stdio::piped())).await;
    let said: Value = serde_json::from_str(&said).expect("--json prints JSON");
    assert_eq!(said["posted"]["rejected"], 0, "{said}");
    said["posted"]["accepted"].as_i64().expect("a count")
}

/// A source that loads history is judged as of its events; its first live word ends that.
async fn go_live(stage: &Stage) {
    let token = stage.token(&["--role", "source"]).await;
    let now = chrono::Utc::now();
    let heartbeat = |log: &Log| {
        json!({
            "specversion": "1.0", "id": format!("live-{}", log.hall), "source": format!("//{}", log.hall.to_lowercase()),
            "type": "source.heartbeat", "time": now, "data": {"hall": log.hall, "complete_until": now},
        })
    };
    let batch: Vec<Value> = LOGS.iter().map(heartbeat).collect();
    let answer = reqwest::Client::new()
        .post(format!("{}/api/v1/events", stage.url))
        .bearer_auth(token)
        .header("content-type", "application/cloudevents-batch+json")
        .body(json!(batch).to_string())
        .send()
        .await
        .expect("the console answers");
    assert_eq!(answer.status(), 200, "{:?}", answer.text().await);
}

/// A statistic of one hall over all years of the logs.
async fn statistic(stage: &Stage, session: &Session, name: &str, hall: &str) -> Value {
    let span = "from=2009-01-01&to=2016-12-31";
    let path = format!("/statistics/{name}?{span}&hall={hall}&item={PERMIT}&by=item");
    stage.ask(Method::GET, &path, session, None).await
}

/// The value of a column in the last row, which is that of all.
fn total<'a>(table: &'a Value, column: &str) -> &'a Value {
    let columns = table["columns"].as_array().expect("columns");
    let at = columns.iter().position(|it| it["key"] == column);
    let last = table["rows"].as_array().and_then(|rows| rows.last());
    &last.unwrap_or_else(|| panic!("no rows: {table}"))[at.expect("the column")]
}

fn near(found: &Value, expected: &Value, share: f64, what: &str) {
    let (found, expected) = (found.as_f64(), expected.as_f64());
    let (found, expected) = (found.expect("a number"), expected.expect("a number"));
    let off = (found - expected).abs() / expected;
    assert!(off <= share, "{what}: {found}, pm4py {expected}");
}

#[tokio::test]
async fn durations_rates_and_ways_of_three_halls_are_what_pm4py_measures() {
    if shared_data(LOGS[0].file).is_none() {
        return;
    }
    let stage = Stage::new(&[]).await;
    let town = json!({"code": TOWN_3, "parent": COUNTY, "level": "town", "name": "临河镇政务服务中心", "name_en": "Linhe Town Centre", "windows": []});
    import(&stage, "halls", &json!({"halls": [town]})).await;
    let permit = json!([{"code": PERMIT, "name": "许可", "name_en": "Permit", "unit": "RSJ", "kind": "promised", "steps": []}]);
    import(&stage, "items", &permit).await;
    stage.account("li", "inspector", COUNTY).await;
    let (_, session) = stage.enrol("li").await;

    let mut posted = 0;
    for log in &LOGS {
        let made = [
            "--name",
            log.hall,
            "--role",
            "source",
            "--hall",
            log.hall,
            "--initial-load",
        ];
        let token = stage.token(&made).await;
        posted += replayed(&stage, log, &token).await;
    }
    go_live(&stage).await;
    // All events are in, and every instant that has passed is dealt with.
    wait_for("the logs are in", PATIENCE, async || {
        let sql = "SELECT (SELECT count(*) FROM event_identity), (SELECT count(*) FROM case_state WHERE next_instant < now())";
        let pool = stage.database.store.pool();
        let found: (i64, i64) = sqlx::query_as(sql).fetch_one(pool).await.unwrap();
        found == (posted + LOGS.len() as i64, 0)
    })
    .await;

    for log in &LOGS {
        let theirs = measured(log).await;
        let durations = statistic(&stage, &session, "durations", log.hall).await;
        near(
            total(&durations, "decided"),
            &theirs["decided"],
            0.0,
            log.file,
        );
        near(total(&durations, "mean"), &theirs["mean"], 1e-6, log.file);
        near(
            total(&durations, "median"),
            &theirs["median"],
            HISTOGRAM,
            log.file,
        );
        near(
            total(&durations, "p90"),
            &theirs["p90"],
            HISTOGRAM,
            log.file,
        );

        let timeliness = statistic(&stage, &session, "timeliness", log.hall).await;
        if theirs["due"] == 0 {
            let rate = total(&timeliness, "on_time");
            assert!(
                rate.is_null(),
                "{}: nothing was due: {timeliness}",
                log.file
            );
        } else {
            near(total(&timeliness, "due"), &theirs["due"], 0.0, log.file);
            near(total(&timeliness, "met"), &theirs["in_time"], 0.0, log.file);
        }
        let variants = statistic(&stage, &session, "variants", log.hall).await;
        let ways = variants["rows"].as_array().unwrap();
        let counts: Vec<f64> = ways.iter().filter_map(|way| way[1].as_f64()).collect();
        let all = theirs["ways"].as_array().unwrap();
        let most: Vec<f64> = all.iter().filter_map(Value::as_f64).collect();
        let most = &most[..counts.len()];
        assert_eq!(counts, most, "{}", log.file);
        let note = format!("{} ways in all", all.len());
        assert!(
            variants["notes"].to_string().contains(&note),
            "{note}: {}",
            variants["notes"]
        );
    }
}
