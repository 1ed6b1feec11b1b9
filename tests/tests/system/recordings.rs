//! Looking back: recordings of the console's own ingest and of an edge, over the console's interface.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_tests::county::{COUNTY, ITEM, TOWN_1, TOWN_2, UNIT};
use mingjing_tests::edge::Edge;
use mingjing_tests::proxy::Wire;
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

/// Posts a case of which only the date of acceptance is told, and whose promise ran out at `due`; its number.
async fn overdue(stage: &Stage, token: &str, due: DateTime<Utc>) -> String {
    let no = "2026-320382-000417";
    let place = json!({"hall": TOWN_1, "window": "1", "unit": UNIT, "item": ITEM});
    let event = |id: &str, kind: &str, at: DateTime<Utc>, more: Value| {
        let mut data = place.clone();
        data.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!({"specversion": "1.0", "id": id, "source": "//approval.county", "type": kind, "subject": no, "time": at, "data": data})
    };
    // Two weeks: of the warning before it nothing is kept within the hour that is asked for. Over a weekend two days can be an hour of work.
    let begun = due - TimeDelta::days(14);
    let applicant = json!({"date_only": true, "channel": "window", "applicant": {"name": "张三丰", "phone": "13812345678"}});
    let limits = json!({"date_only": true, "kind": "promised", "promise_due": due, "legal_due": due + TimeDelta::days(30)});
    let events = [
        event("a-1", "case.applied", begun, applicant),
        event("a-2", "case.accepted", begun, limits),
    ];
    let answer = Client::new()
        .post(format!("{}/api/v1/events", stage.url))
        .bearer_auth(token)
        .header("content-type", "application/cloudevents-batch+json")
        .body(json!(events).to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    no.to_owned()
}

/// How many times are kept for a card, and how many of them the edge has written down.
async fn pins(stage: &Stage, card: i64) -> (i64, i64) {
    sqlx::query_as(
        "SELECT count(*), count(told_at) FROM recording_pin WHERE kind = 'card' AND subject = $1 AND NOT released",
    )
    .bind(card.to_string())
    .fetch_one(stage.database.store.pool())
    .await
    .unwrap()
}

#[tokio::test]
async fn what_a_card_points_to_stays_when_retention_takes_the_rest_and_leaves_as_evidence() {
    let Some(clip_file) = shared_data("video/opencv_vtest_h264.mp4") else {
        return;
    };
    let clip_file = format!("clip={}", clip_file.display());
    let mut rtsp = Rtsp::start(&["--clip", &clip_file, "--loop", "20"].map(str::to_owned)).await;
    let stage = Stage::new(&[]).await;
    let far = StageCamera::new("far", TOWN_1, rtsp.url("clip"));
    let mut edge = Edge::start(&stage, "town", &[far]).await;
    let leader = signed_in(&stage, "leader", "leader", COUNTY).await;
    let token = stage.token(&["--role", "source"]).await;
    let recorded = async |spans: usize| {
        wait_for(&format!("{spans} spans"), PATIENCE, async || {
            let found = recordings(&stage, &leader, "far").await;
            found["spans"].as_array().is_some_and(|found| {
                found.len() >= spans && length(&found[spans - 1]) > TimeDelta::seconds(4)
            })
        })
        .await;
        recordings(&stage, &leader, "far").await["spans"].clone()
    };
    let first = recorded(1).await[0].clone();
    rtsp.say("stop all").await;
    wait_for("the gap is known", PATIENCE, async || {
        let found = recordings(&stage, &leader, "far").await;
        found["gaps"]
            .as_array()
            .and_then(|gaps| Some(gaps.last()?["reason"] == "offline"))
            == Some(true)
    })
    .await;
    rtsp.say("start all").await;
    recorded(2).await;

    // The edge is cut off when the card is issued: five minutes before and after its instant are to be kept, which reaches two seconds
    // into the first recording.
    edge.uplink.set(Wire::Dead);
    let due = instant(&first["from"]) - TimeDelta::minutes(5) + TimeDelta::seconds(2);
    let case = overdue(&stage, &token, due).await;
    let issued = async || {
        let url = format!("{}/api/v1/cards?case={case}&rule=R2", stage.url);
        let found: Value = leader.get(url).send().await.unwrap().json().await.unwrap();
        found["items"][0]["id"].as_i64()
    };
    wait_for("the card", PATIENCE, async || issued().await.is_some()).await;
    let card = issued().await.unwrap();
    wait_for("what it points to is known", PATIENCE, async || {
        pins(&stage, card).await == (1, 0)
    })
    .await;
    edge.uplink.set(Wire::Whole);
    wait_for("the edge has written it down", PATIENCE, async || {
        pins(&stage, card).await == (1, 1)
    })
    .await;
    let found = recordings(&stage, &leader, "far").await;
    assert_eq!(
        instant(&found["pinned"][0]["to"]),
        instant(&first["from"]) + TimeDelta::seconds(2),
        "{found}"
    );

    // The evidence: who made it, what is in it, and that one altered byte is named.
    let url = format!("{}/api/v1/cards/{card}/evidence.zip", stage.url);
    let answer = leader.get(&url).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    let manifest = answer.headers()["x-evidence-manifest"].to_str().unwrap();
    let manifest = manifest.to_owned();
    let mut bytes = answer.bytes().await.unwrap().to_vec();
    // Nothing in it is compressed.
    let has = |bytes: &[u8], text: &[u8]| bytes.windows(text.len()).any(|part| part == text);
    assert!(has(&bytes, case.as_bytes()) && has(&bytes, "138****5678".as_bytes()));
    assert!(!has(&bytes, b"13812345678") && !has(&bytes, "三丰".as_bytes()));
    let file = stage.path("evidence.zip");
    let file_name = file.to_string_lossy().into_owned();
    std::fs::write(&file, &bytes).unwrap();
    let verify = [
        "evidence",
        "verify",
        &file_name,
        "--json",
        "--manifest",
        &manifest,
    ];
    let told: Value = serde_json::from_str(&stage.run(&verify, "").await).unwrap();
    assert_eq!(
        (&told["whole"], &told["recordings"]),
        (&json!(true), &json!(1)),
        "{told}"
    );
    let noted: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM audit WHERE action = 'export.made' AND subject = $1 AND after::jsonb->>'manifest' = $2",
    )
    .bind(card.to_string())
    .bind(&manifest)
    .fetch_one(stage.database.store.pool())
    .await
    .unwrap();
    assert_eq!(noted, 1);
    let picture = bytes.windows(4).rposition(|part| part == b"mdat").unwrap() + 40;
    bytes[picture] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    let output = stage.command(&verify).output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let name = told["faults"][0]["name"].as_str().unwrap();
    assert!(name.starts_with("recordings/far/"), "{told}");
    assert_eq!(told["faults"].as_array().unwrap().len(), 1);
    let stranger = signed_in(&stage, "manager", "hall_manager", TOWN_2).await;
    assert_eq!(
        stranger.get(&url).send().await.unwrap().status().as_u16(),
        404
    );

    // Retention takes all that is finished and not kept, when the edge is back with hardly any room.
    edge.kill().await;
    edge.set("[recording]\n", "[recording]\nmax_bytes = 1\n");
    edge.run().await;
    recorded(1).await;
    rtsp.say("stop all").await;
    wait_for("retention has run", PATIENCE, async || {
        let found = recordings(&stage, &leader, "far").await;
        let gaps = found["gaps"].as_array();
        gaps.is_some_and(|gaps| gaps.iter().any(|gap| gap["reason"] == "retention"))
    })
    .await;
    let found = recordings(&stage, &leader, "far").await;
    let kept = &found["spans"][0];
    // Whole files stay. They change with the clock, so the one that is kept may end before the first recording did.
    assert!(
        instant(&kept["from"]) == instant(&first["from"]) && length(kept) >= TimeDelta::seconds(2),
        "{found}"
    );
    let gone = found["gaps"]
        .as_array()
        .unwrap()
        .iter()
        .find(|gap| gap["reason"] == "retention")
        .unwrap();
    assert!(instant(&gone["from"]) >= instant(&kept["to"]), "{found}");

    // When the time of what it was for is over, it is let go.
    sqlx::query("UPDATE recording_pin SET until = now() WHERE kind = 'card' AND subject = $1")
        .bind(card.to_string())
        .execute(stage.database.store.pool())
        .await
        .unwrap();
    wait_for("it is let go", PATIENCE, async || {
        let found = recordings(&stage, &leader, "far").await;
        found["pinned"] == json!([])
    })
    .await;
}
