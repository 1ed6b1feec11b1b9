//! A camera that is given to an edge on the console's page: a real console, a real `mingjing-ingest` and a camera server.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_tests::county::{COUNTY, TOWN_1};
use mingjing_tests::edge::Edge;
use mingjing_tests::rtsp::{PASSWORD, Rtsp, USER};
use mingjing_tests::shared_data;
use mingjing_tests::stage::{ACCOUNT_PASSWORD, Session, Stage, wait_for};
use reqwest::{Client, Method};
use serde_json::{Value, json};

/// Waiting for a state, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);
const SETTINGS: &str = "/camera-settings";
const FAR: &str = "/camera-settings/far";

struct County {
    stage: Stage,
    edge: Edge,
    rtsp: Rtsp,
    /// A sysadmin.
    admin: Session,
    /// Somebody who looks back at recordings.
    leader: Client,
}

async fn leader(stage: &Stage) -> Client {
    stage.account("leader", "leader", COUNTY).await;
    let answer = Client::new()
        .post(format!("{}/api/v1/session", stage.url))
        .json(&json!({"login": "leader", "password": ACCOUNT_PASSWORD}))
        .send()
        .await
        .unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    let cookie = cookie.split(';').next().unwrap().parse().unwrap();
    Client::builder()
        .default_headers([(reqwest::header::COOKIE, cookie)].into_iter().collect())
        .build()
        .unwrap()
}

impl County {
    async fn get(&self, path: &str) -> Value {
        let url = format!("{}/api/v1{path}", self.stage.url);
        match self.leader.get(url).send().await {
            Ok(answer) => answer.json().await.unwrap_or_default(),
            Err(_) => Value::Null,
        }
    }

    /// The row of the camera on the page.
    async fn far(&self) -> Value {
        let list = self
            .stage
            .ask(Method::GET, SETTINGS, &self.admin, None)
            .await;
        let items = list["items"].as_array().cloned().unwrap_or_default();
        let mut items = items.into_iter();
        items
            .find(|camera| camera["id"] == "far")
            .unwrap_or_default()
    }

    async fn wait(&self, what: &str, wanted: impl Fn(&Value) -> bool) {
        wait_for(what, PATIENCE, async || wanted(&self.far().await)).await;
    }

    fn camera(&self, mount: &str, revision: Option<i64>) -> Value {
        json!({"id": "far", "name": "East door", "hall": TOWN_1, "edge": "town", "windows": ["1"], "url": self.rtsp.url(mount),
            "username": USER, "password": PASSWORD, "revision": revision})
    }

    /// What is recorded of the camera.
    async fn spans(&self) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
        let found = self.get("/cameras/far/recordings").await;
        let instant = |value: &Value| value.as_str().unwrap().parse().unwrap();
        let span = |span: &Value| (instant(&span["from"]), instant(&span["to"]));
        let spans = found["spans"].as_array();
        spans.map_or(Vec::new(), |spans| spans.iter().map(span).collect())
    }
}

/// Cameras that tell of themselves are looked for, and asked, by the edge.
async fn found_in_the_networks_of_the_edge(county: &County) {
    let ask = async |path: &str, body: Value| {
        let (stage, admin) = (&county.stage, &county.admin);
        stage.ask(Method::POST, path, admin, Some(&body)).await
    };
    let found = ask("/camera-discoveries", json!({"edge": "town"})).await;
    let mut urls = Vec::new();
    for camera in found["items"].as_array().expect("a list") {
        if camera["name"] != "two" {
            continue;
        }
        let mut asked = json!({"edge": "town", "service": camera["service"], "username": USER, "password": "guess"});
        let refused = ask("/camera-profiles", asked.clone()).await;
        assert_eq!(refused["refusal"], "refused", "{refused}");
        asked["password"] = json!(PASSWORD);
        let told = ask("/camera-profiles", asked).await;
        urls.push(told["items"][0]["url"].clone());
    }
    // Another test's cameras may have answered too.
    assert!(
        urls.contains(&json!(county.rtsp.url("two"))),
        "{found} {urls:?}"
    );
    let nobody = ask("/camera-discoveries", json!({"edge": "no-such"})).await;
    assert_eq!(nobody["status"], 503, "{nobody}");
}

#[tokio::test]
async fn a_camera_of_an_edge_is_added_changed_recorded_without_the_console_and_removed_from_the_page()
 {
    let Some(file) = shared_data("video/opencv_vtest_h264.mp4") else {
        return;
    };
    let file = file.display();
    let [one, two] = [format!("one={file}"), format!("two={file}")];
    let arguments = [
        "--clip", &one, "--clip", &two, "--onvif", "two", "--loop", "20",
    ];
    let rtsp = Rtsp::start(&arguments.map(str::to_owned)).await;
    let stage = Stage::new(&[]).await;
    stage.account("admin2", "sysadmin", COUNTY).await;
    let (_, admin) = stage.enrol("admin2").await;
    let leader = leader(&stage).await;
    let edge = Edge::start(&stage, "town", &[]).await;
    let mut county = County {
        stage,
        edge,
        rtsp,
        admin,
        leader,
    };
    let stage = &county.stage;
    wait_for("the edge can be given cameras", PATIENCE, async || {
        let list = stage.ask(Method::GET, SETTINGS, &county.admin, None).await;
        list["edges"][0]["state"] == "ready"
    })
    .await;

    found_in_the_networks_of_the_edge(&county).await;

    // Looked at from the edge before it is saved.
    let mut at = county.camera("one", None);
    at["id"] = Value::Null;
    let looked = stage
        .ask(Method::POST, "/camera-looks", &county.admin, Some(&at))
        .await;
    assert_eq!(
        (&looked["state"], &looked["width"]),
        (&json!("live"), &json!(768)),
        "{looked}"
    );
    let picture = looked["picture"].as_str().unwrap();
    assert!(
        picture.starts_with("/9j/") && picture.len() > 10_000,
        "no JPEG"
    );

    // Added: live at the edge, and seen at the console.
    let new = county.camera("one", None);
    let made = stage
        .ask(Method::POST, SETTINGS, &county.admin, Some(&new))
        .await;
    assert_eq!(made["revision"], 1, "{made}");
    county
        .wait("it is live, at the edge", |far| {
            (&far["state"], &far["edge"], &far["push"]["state"])
                == (&json!("live"), &json!("town"), &json!("applied"))
        })
        .await;
    wait_for("its picture is seen", PATIENCE, async || {
        !county.get("/cameras/far").await["picture_at"].is_null()
    })
    .await;

    // Changed, without a restart of anything: to a stream that is there, from one that is not any more.
    county.rtsp.say("stop one").await;
    county
        .wait("it is away", |far| far["state"] != "live")
        .await;
    let change = county.camera("two", Some(1));
    let stage = &county.stage;
    let changed = stage
        .ask(Method::PUT, FAR, &county.admin, Some(&change))
        .await;
    assert_eq!(changed["revision"], 2, "{changed}");
    county
        .wait("the change is in force", |far| {
            far["push"]["state"] == "applied" && far["state"] == "live"
        })
        .await;
    let log = county.edge.log();
    assert_eq!(log.matches("events are taken at").count(), 1, "{log}");

    // The edge is started again while the console is away, and records.
    county.stage.kill().await;
    county.edge.kill().await;
    let alone = Utc::now();
    county.edge.run().await;
    wait_for("pictures are recorded", PATIENCE, async || {
        // What is written down within a second or two, and safe from a crash.
        newest(&county.stage.path("town/data/recordings/far")) > alone + TimeDelta::seconds(3)
    })
    .await;
    let sealed = std::fs::read(county.stage.path("town/data/cameras.sealed")).unwrap();
    let sealed = String::from_utf8_lossy(&sealed).into_owned();
    assert!(
        !sealed.contains(PASSWORD) && !sealed.contains("rtsp"),
        "{sealed}"
    );
    let back = Utc::now();
    county.stage.start().await;
    wait_for("what it recorded alone is there", PATIENCE, async || {
        let spans = county.spans().await;
        spans.iter().any(|(from, to)| *from < back && back < *to)
    })
    .await;
    county
        .wait("it is live again", |far| {
            far["state"] == "live" && far["push"]["state"] == "applied"
        })
        .await;

    what_the_edge_recorded_is_found_after_the_camera_was_moved(&mut county).await;

    // Taken away.
    county
        .stage
        .ask(Method::DELETE, FAR, &county.admin, None)
        .await;
    county
        .wait("it is gone from the page", Value::is_null)
        .await;
    wait_for("the edge lets go of it", PATIENCE, async || {
        let list = county.get("/cameras").await;
        let sealed = std::fs::read(county.stage.path("town/data/cameras.sealed")).unwrap();
        !list.to_string().contains("\"far\"") && sealed.len() < 150
    })
    .await;
    assert_eq!(county.far().await, Value::Null, "it does not come back");
    for (which, log) in [("edge", county.edge.log()), ("console", county.stage.log())] {
        for secret in [PASSWORD, "rtsp://"] {
            assert!(!log.contains(secret), "{which} tells {secret}: {log}");
        }
    }
}

/// Given to the console's own ingest: its old recordings stay at the edge, are played from there, and when it is away the time line says so.
async fn what_the_edge_recorded_is_found_after_the_camera_was_moved(county: &mut County) {
    let mut moved = county.camera("two", Some(2));
    moved["edge"] = json!("local");
    let answer = county
        .stage
        .ask(Method::PUT, FAR, &county.admin, Some(&moved))
        .await;
    assert_eq!(answer["revision"], 3, "{answer}");
    county
        .wait("it is live at the console", |far| {
            (&far["state"], &far["edge"]) == (&json!("live"), &json!("local"))
        })
        .await;
    let at_the_edge = |span: &Value| {
        let parameters = span["parameters"].as_str().unwrap();
        parameters.ends_with("@town")
    };
    let list = || async {
        let found = county.get("/cameras/far/recordings").await;
        let spans = found["spans"].as_array().cloned().unwrap_or_default();
        let (old, new): (Vec<Value>, Vec<Value>) = spans.into_iter().partition(at_the_edge);
        (old, new, found)
    };
    // Clips hold whole groups of pictures: `until` says how far they reach.
    wait_for("both are on the time line", PATIENCE, async || {
        let (old, new, found) = list().await;
        let later = |than: &Value| found["until"].as_str() > than["from"].as_str();
        !old.is_empty() && new.first().is_some_and(later)
    })
    .await;
    let (old, new, found) = list().await;
    let gaps = found["gaps"].as_array().unwrap();
    assert!(gaps.iter().all(|gap| gap["reason"] != "away"), "{found}");
    let span = |span: &Value| {
        let instant = |key: &str| span[key].as_str().unwrap().replace('+', "%2B");
        (instant("from"), instant("to"))
    };
    let clip = async |(from, to): (String, String)| {
        let path = format!("/api/v1/cameras/far/recording.mp4?from={from}&to={to}");
        let url = format!("{}{path}", county.stage.url);
        let answer = county.leader.get(url).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.bytes().await.unwrap())
    };
    let (of_the_edge, own) = (span(&old[0]), span(&new[0]));
    let (status, bytes) = clip(of_the_edge.clone()).await;
    assert_eq!((status, &bytes[4..8]), (200, &b"ftyp"[..]));
    assert!(bytes.len() > 100_000, "{} bytes", bytes.len());
    assert_eq!(clip(own.clone()).await.0, 200);

    county.edge.kill().await;
    let (edge, leader, stage) = (&mut county.edge, &county.leader, &county.stage);
    wait_for("its time is a gap that says why", PATIENCE, async || {
        let url = format!("{}/api/v1/cameras/far/recordings", stage.url);
        let found: Value = leader.get(url).send().await.unwrap().json().await.unwrap();
        let gaps = found["gaps"].as_array().cloned().unwrap_or_default();
        let away = |gap: &Value| gap["reason"] == "away" && gap["detail"] == "town";
        let spans = found["spans"].as_array().cloned().unwrap_or_default();
        gaps.iter().any(away) && !spans.is_empty() && !spans.iter().any(at_the_edge)
    })
    .await;
    for ((from, to), status) in [(of_the_edge, 503), (own, 200)] {
        let path = format!("/api/v1/cameras/far/recording.mp4?from={from}&to={to}");
        let answer = leader.get(format!("{}{path}", stage.url)).send().await;
        assert_eq!(answer.unwrap().status().as_u16(), status, "{from}");
    }
    edge.run().await;
}

/// When something was written last in a directory or below it.
fn newest(directory: &std::path::Path) -> DateTime<Utc> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let of = |entry: std::fs::DirEntry| {
        let path = entry.path();
        match path.is_dir() {
            true => newest(&path),
            false => entry.metadata().unwrap().modified().unwrap().into(),
        }
    };
    entries.map(of).max().unwrap_or(DateTime::UNIX_EPOCH)
}
