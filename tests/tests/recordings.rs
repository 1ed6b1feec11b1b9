//! Looking back: recordings of the console's own ingest and of an edge, over the console's interface.

#![allow(clippy::unwrap_used, reason = "a failed test is what it is for")]

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_tests::county::{COUNTY, TOWN_1, TOWN_2};
use mingjing_tests::edge::Edge;
use mingjing_tests::rtsp::Rtsp;
use mingjing_tests::shared_data;
use mingjing_tests::stage::{ACCOUNT_PASSWORD, Stage, StageCamera, wait_for};
use reqwest::{Client, Response};
use serde_json::{Value, json};

/// Waiting for a state, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);

async fn signed_in(stage: &Stage, login: &str, role: &str, hall: &str) -> Client {
    stage.account(login, role, hall).await;
    let answer = Client::new()
        .post(format!("{}/api/v1/session", stage.url))
        .json(&json!({"login": login, "password": ACCOUNT_PASSWORD}))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    let cookie = cookie.split(';').next().unwrap().parse().unwrap();
    Client::builder()
        .default_headers([(reqwest::header::COOKIE, cookie)].into_iter().collect())
        .build()
        .unwrap()
}

/// What is recorded of a camera in the last hour.
async fn recordings(stage: &Stage, client: &Client, camera: &str) -> Value {
    let url = format!("{}/api/v1/cameras/{camera}/recordings", stage.url);
    match client.get(url).send().await.unwrap() {
        answer if answer.status().is_success() => answer.json().await.unwrap(),
        _ => Value::Null,
    }
}

fn instant(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}

fn length(span: &Value) -> TimeDelta {
    instant(&span["to"]) - instant(&span["from"])
}

/// A part of what is recorded, as one file.
async fn clip(
    stage: &Stage,
    client: &Client,
    camera: &str,
    found: &Value,
    range: Option<&str>,
) -> Response {
    let first = found["spans"][0]["from"].as_str().unwrap();
    let until = found["until"].as_str().unwrap();
    let url = format!(
        "{}/api/v1/cameras/{camera}/recording.mp4?from={first}&to={until}",
        stage.url
    );
    let mut asked = client.get(url);
    if let Some(range) = range {
        asked = asked.header("range", range);
    }
    asked.send().await.unwrap()
}

/// Pictures that ffprobe can decode, and how long it takes the file to be. Nothing may be wrong with it.
fn probed(bytes: &[u8]) -> (i64, f64) {
    let file = tempfile::Builder::new().suffix(".mp4").tempfile().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let decoded = std::process::Command::new("ffprobe")
        .args(["-v", "warning", "-count_frames", "-select_streams", "v"])
        .args([
            "-show_entries",
            "stream=nb_read_frames:format=duration",
            "-of",
            "csv=p=0",
        ])
        .arg(file.path())
        .output()
        .expect("ffprobe is installed: run scripts/setup test");
    assert_eq!(String::from_utf8_lossy(&decoded.stderr), "");
    let told = String::from_utf8_lossy(&decoded.stdout).into_owned();
    let (frames, duration) = told.trim().split_once('\n').unwrap();
    (frames.parse().unwrap(), duration.parse().unwrap())
}

#[tokio::test]
async fn recordings_of_the_console_and_of_an_edge_are_played_over_a_gap_by_those_who_may() {
    let Some(clip_file) = shared_data("video/opencv_vtest_h264.mp4") else {
        return;
    };
    let clip_file = format!("clip={}", clip_file.display());
    let mut rtsp = Rtsp::start(&["--clip", &clip_file, "--loop", "20"].map(str::to_owned)).await;
    let stage = Stage::new(&[StageCamera::new("own", COUNTY, rtsp.url("clip"))]).await;
    let mut edge = Edge::start(
        &stage,
        "town",
        &[StageCamera::new("far", TOWN_1, rtsp.url("clip"))],
    )
    .await;
    let leader = signed_in(&stage, "leader", "leader", COUNTY).await;
    let begun = async |camera: &str, spans: usize| {
        wait_for(
            &format!("{camera} is recorded, {spans} times"),
            PATIENCE,
            async || {
                let found = recordings(&stage, &leader, camera).await;
                let found = found["spans"].as_array();
                found.is_some_and(|found| {
                    found.len() >= spans && length(&found[spans - 1]) > TimeDelta::seconds(4)
                })
            },
        )
        .await;
    };
    for camera in ["own", "far"] {
        begun(camera, 1).await;
    }
    rtsp.say("stop all").await;
    wait_for("the gap is explained", PATIENCE, async || {
        let found = recordings(&stage, &leader, "far").await;
        let gap = found["gaps"]
            .as_array()
            .and_then(|gaps| gaps.last().cloned());
        gap.is_some_and(|gap| gap["reason"] == "offline" && length(&gap) > TimeDelta::seconds(3))
    })
    .await;
    rtsp.say("start all").await;

    for camera in ["own", "far"] {
        begun(camera, 2).await;
        let found = recordings(&stage, &leader, camera).await;
        let gaps = found["gaps"].as_array().unwrap();
        assert_eq!(gaps[0]["reason"], "not_yet");
        assert!(
            gaps[1]["detail"].as_str().unwrap().starts_with("offline_"),
            "{found}"
        );
        // The first byte of a clip, over the uplink.
        let mut fastest = Duration::MAX;
        for _ in 0..5 {
            let asked = Instant::now();
            let mut answer = clip(&stage, &leader, camera, &found, Some("bytes=0-")).await;
            assert!(answer.chunk().await.unwrap().is_some());
            fastest = fastest.min(asked.elapsed());
        }
        println!("{camera}: first bytes after {fastest:?}");
        let whole = clip(&stage, &leader, camera, &found, None).await;
        assert_eq!(whole.status().as_u16(), 200);
        assert_eq!(whole.headers()["content-type"], "video/mp4");
        assert_eq!(whole.headers()["accept-ranges"], "bytes");
        let from = whole.headers()["x-recorded-from"]
            .to_str()
            .unwrap()
            .to_owned();
        assert_eq!(
            from.parse::<DateTime<Utc>>().unwrap(),
            instant(&found["begins"])
        );
        let tag = whole.headers()["etag"].clone();
        let whole = whole.bytes().await.unwrap();
        let (pictures, seconds) = probed(&whole);
        let spans = found["spans"].as_array().unwrap();
        let recorded: TimeDelta = spans.iter().map(length).sum();
        println!("{camera}: {pictures} pictures in {seconds} s, {recorded} recorded");
        // The gap takes no time; the group of pictures that is being written is not in it.
        assert!(
            seconds < recorded.as_seconds_f64() + 1.5 && seconds > 4.0,
            "{seconds} {recorded}"
        );
        // Ten a second, and the first ones of each session closer: how far apart they are is learned from them.
        let (least, most) = (seconds * 9.0, seconds * 10.0 + 16.0);
        assert!(
            (least..most).contains(&(pictures as f64)),
            "{pictures} in {seconds} s"
        );

        let (begin, end) = (whole.len() / 3, whole.len() / 3 + 99_999);
        let part = clip(
            &stage,
            &leader,
            camera,
            &found,
            Some(&format!("bytes={begin}-{end}")),
        )
        .await;
        assert_eq!(part.status().as_u16(), 206);
        assert_eq!(part.headers()["etag"], tag);
        let told = format!("bytes {begin}-{end}/{}", whole.len());
        assert_eq!(part.headers()["content-range"], told.as_str());
        assert_eq!(part.bytes().await.unwrap(), whole[begin..=end]);
        let none = clip(&stage, &leader, camera, &found, Some("bytes=99999999-")).await;
        assert_eq!(none.status().as_u16(), 416);
    }

    // Each view is on record, once and then as a count.
    let viewed: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM audit WHERE action = 'recording.viewed' AND subject = 'far'",
    )
    .fetch_one(stage.database.store.pool())
    .await
    .unwrap();
    assert!(viewed >= 1, "{viewed}");

    // Not outside the own halls, and not without an account.
    let found = recordings(&stage, &leader, "far").await;
    let stranger = signed_in(&stage, "manager", "hall_manager", TOWN_2).await;
    assert_eq!(
        clip(&stage, &stranger, "far", &found, None)
            .await
            .status()
            .as_u16(),
        404
    );
    assert_eq!(recordings(&stage, &stranger, "far").await, Value::Null);
    assert_eq!(
        clip(&stage, &Client::new(), "far", &found, None)
            .await
            .status()
            .as_u16(),
        401
    );

    // An edge that is away keeps its recordings to itself, says the console; its own it has.
    edge.kill().await;
    wait_for("the edge is missed", PATIENCE, async || {
        clip(&stage, &leader, "far", &found, None)
            .await
            .status()
            .as_u16()
            == 503
    })
    .await;
    let own = recordings(&stage, &leader, "own").await;
    assert_eq!(
        clip(&stage, &leader, "own", &own, None)
            .await
            .status()
            .as_u16(),
        200
    );
}
