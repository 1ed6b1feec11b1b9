//! `mingjing replay --serve` and `--speed`: the pages' interface on the clock of a log.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::StreamExt;
use mingjing_monitor::store::testing::server_url;
use mingjing_tests::shared_data;
use mingjing_tests::stage::{program, project, wait_for};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

const RECEIPT: &str = "eventlogs/receipt.xes.gz";
const PATIENCE: Duration = Duration::from_secs(120);

/// A replay that is served, and its inspector.
struct Served {
    child: Child,
    stdout: ChildStdout,
    base: String,
    client: reqwest::Client,
    cookie: String,
    session: Value,
    _directory: tempfile::TempDir,
}

fn replay(log: &Path, more: &[&str]) -> (Command, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(program("mingjing"));
    command
        .current_dir(&directory)
        .arg("replay")
        .arg(log)
        .arg("--map")
        .arg(project().join("deploy/mappings/receipt.toml"))
        .args(more)
        .env("DATABASE_URL", server_url())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    (command, directory)
}

impl Served {
    async fn start(log: &Path, more: &[&str]) -> Self {
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let (mut command, directory) = replay(log, more);
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (mut base, mut password) = (None, None);
        while password.is_none() {
            let next = tokio::time::timeout(PATIENCE, lines.next_line());
            let line = next.await.unwrap().unwrap().expect("an announcement");
            let last = line.split_whitespace().last().map(str::to_owned);
            if line.contains("served at") {
                base = last;
            } else if line.contains("one-time password") {
                password = last;
            }
        }
        // Whoever writes to a pipe that nobody reads waits.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let mut served = Self {
            child,
            stdout,
            base: base.unwrap(),
            client: reqwest::Client::new(),
            cookie: String::new(),
            session: Value::Null,
            _directory: directory,
        };
        served.sign_in(&password.unwrap()).await;
        served
    }

    async fn sign_in(&mut self, password: &str) {
        let url = format!("{}/health/ready", self.base);
        wait_for("the console is ready", PATIENCE, || async {
            let answer = self.client.get(&url).send().await;
            answer.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
        let body = json!({"login": "inspector", "password": password}).to_string();
        let request = self
            .client
            .post(format!("{}/api/v1/session", self.base))
            .header("content-type", "application/json")
            .body(body);
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        self.cookie = cookie.split(';').next().unwrap().to_owned();
        self.session = answer.json().await.unwrap();
    }

    async fn get(&self, path: &str) -> Value {
        let request = self
            .client
            .get(format!("{}/api/v1/{path}", self.base))
            .header("cookie", &self.cookie);
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {answer:?}");
        answer.json().await.unwrap()
    }

    async fn clock(&self) -> (DateTime<Utc>, f64) {
        let clock = self.get("session").await["clock"].take();
        assert_eq!(clock["replay"], true);
        (
            serde_json::from_value(clock["at"].clone()).unwrap(),
            clock["rate"].as_f64().unwrap(),
        )
    }

    /// The next message of this kind on the live stream.
    async fn told(&self, kind: &str) -> Value {
        let address = self.base.replacen("http", "ws", 1) + "/api/v1/live";
        let mut request = address.into_client_request().unwrap();
        let cookie = self.cookie.parse().unwrap();
        request.headers_mut().insert("cookie", cookie);
        let (mut socket, _) = connect_async(request).await.unwrap();
        let heard = async {
            loop {
                let message = socket.next().await.unwrap().unwrap();
                if let Ok(message) = serde_json::from_slice::<Value>(&message.into_data())
                    && message["type"] == kind
                {
                    return message["data"].clone();
                }
            }
        };
        tokio::time::timeout(PATIENCE, heard).await.expect(kind)
    }

    /// Ctrl-C; what was printed, and that nothing is left behind.
    async fn interrupt(mut self) -> String {
        let process = self.child.id().unwrap();
        let sent = Command::new("kill")
            .args(["-INT", &process.to_string()])
            .status()
            .await;
        assert!(sent.unwrap().success());
        let mut printed = String::new();
        self.stdout.read_to_string(&mut printed).await.unwrap();
        let ended: ExitStatus = tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .unwrap()
            .unwrap();
        assert!(ended.success(), "{ended}");
        let server = PgPool::connect(&server_url()).await.unwrap();
        let left: i64 =
            sqlx::query_scalar("SELECT count(*) FROM pg_database WHERE datname LIKE $1")
                .bind(format!("mingjing\\_replay\\_{process}\\_%"))
                .fetch_one(&server)
                .await
                .unwrap();
        assert_eq!(left, 0, "the scratch database is dropped");
        printed
    }
}

fn sum(buckets: &Value) -> i64 {
    let all = buckets.as_object().unwrap().values();
    all.map(|n| n.as_i64().unwrap()).sum()
}

fn time(value: &Value) -> DateTime<Utc> {
    serde_json::from_value(value.clone()).unwrap()
}

#[tokio::test]
async fn the_pages_of_a_finished_log_stand_at_its_end() {
    let Some(log) = shared_data(RECEIPT) else {
        return;
    };
    let served = Served::start(&log, &["--serve", "--json"]).await;
    let overview = served.get("overview").await;
    let completed = &overview["cases"]["completed"];
    assert_eq!(
        (&completed["on_time"], &completed["over_promise_only"]),
        (&json!(952), &json!(377))
    );
    assert_eq!(sum(&overview["cases"]["open"]), 105);

    // One now, wherever it is asked for, and it stands.
    let (end, rate) = served.clock().await;
    assert_eq!(rate, 0.0);
    assert_eq!(time(&overview["at"]), end);
    assert_eq!(time(&served.get("matrix").await["at"]), end);
    assert_eq!(
        served.get("rankings?level=town").await["month"],
        end.format("%Y-%m").to_string()
    );
    assert_eq!(served.get("sources").await["items"][0]["state"], "ok");
    let open = served.get("cases?state=open&limit=500").await;
    let open = open["items"].as_array().unwrap();
    assert_eq!(open.len(), 105);
    // A clock bar of an open case has run until the log's end, not until today: what is left or over is that instant's.
    let case = open.iter().find(|case| case["bucket"] == "on_time");
    let no = case.unwrap()["no"].as_str().unwrap().replace(' ', "%20");
    let case = served.get(&format!("cases/{no}")).await;
    let promise = &case["timer"]["promise"];
    assert!(
        time(&promise["due"]) > end && promise["remaining"].as_f64().unwrap() >= 0.0,
        "{promise}"
    );
    // Nor did any deadline fire by today's clock, and nobody fell silent.
    let cards = served.get("cards?limit=500&view=all").await;
    assert!(
        cards["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|card| time(&card["due_at"]) <= end)
    );
    assert_eq!(served.get("overview").await["sources"]["silent"], 0);

    let printed: Value = serde_json::from_str(&served.interrupt().await).unwrap();
    assert_eq!(printed["cases"], 1_434);
    assert_eq!(time(&printed["as_of"]), end);
}

#[tokio::test]
async fn a_log_that_goes_on_at_a_pace_ends_where_it_ends_at_once() {
    let Some(log) = shared_data(RECEIPT) else {
        return;
    };
    // Two months: each deadline is a transaction of its own.
    let until = ["--as-of", "2010-12-01", "--json"];
    let (mut at_once, _directory) = replay(&log, &until);
    let at_once = at_once.output().await.unwrap();
    let at_once: Value = serde_json::from_slice(&at_once.stdout).unwrap();
    assert!(at_once["cases"].as_i64().unwrap() > 100, "{at_once}");

    let served = Served::start(&log, &[&until[..], &["--speed", "864000"]].concat()).await;
    let (begun, _) = served.clock().await;
    let end = time(&at_once["as_of"]);
    assert!(begun < end);
    let told = served.told("clock.changed").await;
    assert!(time(&told["at"]) > begun, "{told}");
    assert_eq!(told["rate"], 864_000.0);
    wait_for("the log has ended", PATIENCE, || {
        let clock = served.clock();
        async move { clock.await == (end, 0.0) }
    })
    .await;
    let overview = served.get("overview").await;
    let cases = sum(&overview["cases"]["completed"]) + sum(&overview["cases"]["open"]);
    assert_eq!(time(&overview["at"]), end);
    assert_eq!(json!(cases), at_once["cases"]);

    let paced: Value = serde_json::from_str(&served.interrupt().await).unwrap();
    assert_eq!(paced, at_once);
}
