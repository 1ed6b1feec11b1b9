//! The demo county, small: told over HTTP alone, alive, stopped by Ctrl-C without a trace, and going on where it stopped.

use std::collections::HashSet;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use mingjing_dashboard::demo::county::County;
use mingjing_dashboard::demo::history;
use mingjing_dashboard::demo::plan::Plan;
use mingjing_dashboard::demo::state::{Progress, Secrets};
use mingjing_monitor::calendar::Calendar;
use mingjing_monitor::store::Store;
use mingjing_monitor::store::testing::TestDatabase;
use mingjing_tests::stage::{free_port, program, project, wait_for};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::sync::OnceCell;

/// Waiting for a state, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(120);

/// A demo's address, state and database; the program is started and stopped again and again.
struct Demo {
    port: u16,
    url: String,
    server: String,
    state: TempDir,
    /// The leader's session.
    cookie: OnceCell<String>,
}

impl Demo {
    fn command(&self, state: &Path, database: &str, port: u16) -> Command {
        let mut command = Command::new(program("mingjing"));
        command
            .args(["demo", "--days", "3", "--cameras", "4", "--listen"])
            .arg(format!("127.0.0.1:{port}"))
            .current_dir(project())
            .env("MINGJING_STATE", state)
            .env("DATABASE_URL", database)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Starts it and waits until the console is ready and the demo's log says `line`.
    async fn start(&self, log: &str, line: &str) -> Child {
        let path = self.state.path().join(log);
        let file = std::fs::File::create(&path).unwrap();
        let mut child = self
            .command(self.state.path(), &self.server, self.port)
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        let ready = format!("{}/health/ready", self.url);
        let begun = Instant::now();
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("the demo ended ({status}): {}", self.log(log));
            }
            let up = reqwest::get(&ready).await;
            if up.is_ok_and(|answer| answer.status().is_success()) && self.log(log).contains(line) {
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "not {line}: {}", self.log(log));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        child
    }

    fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.state.path().join(name)).unwrap_or_default()
    }

    fn kept<T: DeserializeOwned>(&self, name: &str) -> T {
        let file = self.state.path().join("demo").join(name);
        serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
    }

    /// What a leader sees first.
    async fn overview(&self) -> Value {
        self.asked("overview").await
    }

    /// What the console answers the leader, who signs in once.
    async fn asked(&self, path: &str) -> Value {
        let client = reqwest::Client::new();
        let signed_in = async || {
            let secrets: Secrets = self.kept("secrets.json");
            let session = client
                .post(format!("{}/api/v1/session", self.url))
                .json(&json!({"login": "leader", "password": secrets.accounts["leader"]}))
                .send()
                .await
                .unwrap();
            let Some(cookie) = session.headers().get("set-cookie") else {
                let status = session.status();
                panic!("{status}: {}", session.text().await.unwrap_or_default());
            };
            let cookie = cookie.to_str().unwrap().to_owned();
            cookie.split(';').next().unwrap().to_owned()
        };
        let cookie = self.cookie.get_or_init(signed_in).await;
        client
            .get(format!("{}/api/v1/{path}", self.url))
            .header("cookie", cookie)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    /// Starts another one that cannot work; answers how it ended and what it said.
    async fn refused(&self, state: &Path, database: &str, port: u16) -> (ExitStatus, String) {
        let output = self.command(state, database, port).output();
        let output = tokio::time::timeout(PATIENCE, output)
            .await
            .unwrap()
            .unwrap();
        (
            output.status,
            String::from_utf8(output.stderr).unwrap().trim().to_owned(),
        )
    }
}

/// Ctrl-C; then nothing of what it started may be left. `log` is what it says by then.
async fn interrupt(mut child: Child, log: impl Fn() -> String) {
    let pid = child.id().unwrap();
    let family = descendants(pid);
    assert!(
        !family.is_empty(),
        "the camera server is a process of its own"
    );
    let sent = Command::new("kill")
        .args(["-INT", &pid.to_string()])
        .status()
        .await;
    assert!(sent.unwrap().success());
    let status = tokio::time::timeout(PATIENCE, child.wait())
        .await
        .unwrap()
        .unwrap();
    assert!(status.success(), "{status}: {}", log());
    wait_for("everything that it started is gone", PATIENCE, async || {
        family.iter().all(|pid| parent(*pid).is_none())
    })
    .await;
}

/// The parent of a process that runs.
fn parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may hold anything; then come state and parent.
    let mut rest = stat.rsplit_once(") ")?.1.split(' ');
    (rest.next()? != "Z").then(|| rest.next()?.parse().ok())?
}

fn descendants(root: u32) -> Vec<u32> {
    let all: Vec<(u32, u32)> = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid: u32| Some((pid, parent(pid)?)))
        .collect();
    let mut family = vec![root];
    let mut seen = 0;
    while seen < family.len() {
        let one = family[seen];
        family.extend(
            all.iter()
                .filter(|(_, above)| *above == one)
                .map(|(pid, _)| *pid),
        );
        seen += 1;
    }
    family.split_off(1)
}

async fn count(db: &PgPool, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(db).await.unwrap()
}

async fn identities(db: &PgPool) -> HashSet<(String, String)> {
    sqlx::query_as("SELECT source, id FROM event_identity")
        .fetch_all(db)
        .await
        .unwrap()
        .into_iter()
        .collect()
}

/// Every event once, and none that the console refused.
async fn once_each(db: &PgPool) {
    assert_eq!(count(db, "SELECT count(*) FROM event_quarantine").await, 0);
    let twice = "SELECT count(*) FROM (SELECT FROM case_event GROUP BY source, id HAVING count(*) > 1) twice";
    assert_eq!(count(db, twice).await, 0);
}

/// The county's cameras are of the kinds that halls have: with a sub-stream, of H.265, and at a town with an ingest of its own, where its
/// recordings lie and from where they are fetched.
async fn its_cameras(demo: &Demo) {
    let list = demo.asked("cameras").await;
    let cameras = list["items"].as_array().unwrap();
    let codec = |of: &Value, prefix: &str| of.as_str().is_some_and(|it| it.starts_with(prefix));
    let live = |camera: &&Value| camera["sub"]["state"] == "live";
    let two_streams: Vec<&Value> = cameras.iter().filter(live).collect();
    assert_eq!(two_streams.len(), 2, "{list}");
    for camera in &two_streams {
        assert!(codec(&camera["sub"]["codec"], "avc1."), "{camera}");
        assert!(camera["sub"]["width"].as_i64() < camera["width"].as_i64());
    }
    let h265 = two_streams
        .iter()
        .filter(|one| codec(&one["codec"], "hvc1."));
    assert_eq!(h265.count(), 1, "{list}");

    let county = County::new(1);
    let town = county.cameras(4).into_iter().find_map(|one| one.edge);
    let town = town.expect("a town has an edge");
    let at_the_edge: Vec<&Value> = cameras.iter().filter(|one| one["edge"] == town).collect();
    assert_eq!(at_the_edge.len(), 2, "{list}");
    for camera in cameras {
        let id = camera["id"].as_str().unwrap();
        let path = format!("cameras/{id}/recordings");
        wait_for("its recordings", PATIENCE, async || {
            let spans = demo.asked(&path).await;
            spans["spans"].as_array().is_some_and(|it| !it.is_empty())
        })
        .await;
    }
    let own = demo.state.path().join("demo/edge/recordings");
    let kept = std::fs::read_dir(own).unwrap().count();
    assert_eq!(kept, 2, "the edge keeps its own");
}

const FROM_PORTAL: &str = "SELECT count(*) FROM case_event WHERE source = '//portal.mingjing'";

async fn story(demo: &Demo, database: &str) {
    let child = demo.start("first.log", "days of history").await;
    let store = Store::connect(database).await.unwrap();
    let db = store.pool();

    // The history is what was planned.
    let progress: Progress = demo.kept("progress.json");
    let plan = Plan {
        county: County::new(1),
        calendar: Calendar::default(),
    };
    let last = plan.calendar.date(progress.cut);
    assert_eq!((last - progress.first_day).num_days(), 3);
    let planned: HashSet<(String, String)> = progress
        .first_day
        .iter_days()
        .take_while(|day| *day <= last)
        .flat_map(|day| history::batches(&plan, day, progress.cut))
        .flatten()
        .map(|event| {
            let text = |key: &str| event[key].as_str().unwrap().to_owned();
            (text("source"), text("id"))
        })
        .collect();
    assert!(planned.len() > 500, "{}", planned.len());
    let missing: Vec<_> = planned.difference(&identities(db).await).cloned().collect();
    assert!(missing.is_empty(), "not in the console: {missing:?}");
    assert_eq!(count(db, "SELECT count(*) FROM hall").await, 516);
    assert!(count(db, "SELECT count(*) FROM item").await >= 300);

    // It lives.
    wait_for("cases of the portal", PATIENCE, async || {
        count(db, FROM_PORTAL).await > 0
    })
    .await;
    wait_for("a card that nobody made", PATIENCE, async || {
        count(db, "SELECT count(*) FROM card WHERE rule = 'R2'").await > 0
    })
    .await;
    wait_for("four cameras", PATIENCE, async || {
        demo.overview().await["cameras"]["live"] == 4
    })
    .await;
    its_cameras(demo).await;
    once_each(db).await;

    // Whoever starts it again beside itself is told what is in the way.
    let other = TempDir::new().unwrap();
    let port = free_port();
    let nowhere = format!("postgres://mingjing@127.0.0.1:{}/mingjing", free_port());
    for (state, database, port, words) in [
        (
            other.path(),
            demo.server.as_str(),
            demo.port,
            "cannot listen on",
        ),
        (
            other.path(),
            demo.server.as_str(),
            port,
            "another demo runs on the database",
        ),
        (
            demo.state.path(),
            demo.server.as_str(),
            port,
            "another demo runs with this directory",
        ),
        (
            other.path(),
            nowhere.as_str(),
            port,
            "the database cannot be reached",
        ),
    ] {
        let (status, said) = demo.refused(state, database, port).await;
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(
            said.contains(words) && said.lines().count() == 1,
            "{said:?} has no {words:?}"
        );
    }

    interrupt(child, || demo.log("first.log")).await;
    let (told, from_portal) = (identities(db).await, count(db, FROM_PORTAL).await);

    // The second start tells nothing twice and forgets nothing.
    let child = demo.start("second.log", "ready after").await;
    wait_for("more cases of the portal", PATIENCE, async || {
        count(db, FROM_PORTAL).await > from_portal
    })
    .await;
    assert!(told.is_subset(&identities(db).await));
    assert!(
        !demo.log("second.log").contains("days of history"),
        "loaded again"
    );
    once_each(db).await;
    interrupt(child, || demo.log("second.log")).await;
    let refused = [demo.log("first.log"), demo.log("second.log")].concat();
    assert!(!refused.contains("was refused"), "{refused}");
}

#[tokio::test]
async fn a_county_is_told_over_http_stops_without_a_trace_and_goes_on() {
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let beside = TestDatabase::new().await;
    let port = free_port();
    let demo = Demo {
        port,
        url: format!("http://127.0.0.1:{port}"),
        server: beside.url.clone(),
        state: TempDir::new().unwrap(),
        cookie: OnceCell::new(),
    };
    let database = format!("{}_demo", beside.url);
    let told = tokio::spawn(async move { story(&demo, &database).await }).await;
    // The demo made it, whatever became of the test.
    let name = beside.url.rsplit_once('/').unwrap().1;
    let drop = format!("DROP DATABASE IF EXISTS \"{name}_demo\" WITH (FORCE)");
    sqlx::query(AssertSqlSafe(drop))
        .execute(beside.store.pool())
        .await
        .unwrap();
    if let Err(failed) = told {
        std::panic::resume_unwind(failed.into_panic());
    }
}
