//! `mingjing-ingest` at a console, over a network that fails: whose word counts afterwards, cameras, and what its log tells.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_tests::county::{COUNTY, ITEM, TOWN_1, TOWN_2, UNIT};
use mingjing_tests::edge::Edge;
use mingjing_tests::proxy::{Proxy, Wire};
use mingjing_tests::rtsp::{PASSWORD, Rtsp};
use mingjing_tests::shared_data;
use mingjing_tests::stage::{ACCOUNT_PASSWORD, Stage, StageCamera, wait_for};
use serde_json::{Value, json};

/// Waiting for a state, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);

async fn post(url: &str, token: &str, event: Value) -> (u16, Value) {
    let answer = reqwest::Client::new()
        .post(format!("{url}/api/v1/events"))
        .bearer_auth(token)
        .header("content-type", "application/cloudevents+json")
        .body(event.to_string())
        .send()
        .await
        .unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

fn event(case: &str, kind: &str, source: &str, time: DateTime<Utc>, more: Value) -> Value {
    let mut data = json!({"hall": TOWN_1, "window": "1", "unit": UNIT, "item": ITEM});
    data.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    json!({"specversion": "1.0", "id": format!("{case}-{kind}"), "source": source, "type": kind, "subject": case, "time": time,
        "data": data})
}

/// A case accepted a day ago whose promise runs out at `due`.
fn accepted(case: &str, source: &str, due: DateTime<Utc>) -> Value {
    let more =
        json!({"kind": "promised", "promise_due": due, "legal_due": due + TimeDelta::days(30)});
    event(
        case,
        "case.accepted",
        source,
        due - TimeDelta::days(1),
        more,
    )
}

/// States of a case's yellow cards.
async fn cards(stage: &Stage, case: &str) -> Vec<String> {
    sqlx::query_scalar("SELECT state FROM card WHERE case_no = $1 AND rule = 'R2'")
        .bind(case)
        .fetch_all(stage.database.store.pool())
        .await
        .unwrap()
}

/// How many outages last.
async fn open(stage: &Stage) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM outage WHERE until IS NULL")
        .fetch_one(stage.database.store.pool())
        .await
        .unwrap()
}

async fn becomes(stage: &Stage, case: &str, state: &str) {
    wait_for(
        &format!("the card of {case} is {state}"),
        PATIENCE,
        async || cards(stage, case).await == [state],
    )
    .await;
}

#[tokio::test]
async fn evidence_that_an_edge_took_while_it_was_cut_off_withdraws_a_card_and_other_late_evidence_does_not()
 {
    let mut stage = Stage::new(&[]).await;
    let token = stage.token(&["--role", "source"]).await;
    let edge = Edge::start(&stage, "town", &[]).await;
    // The same system speaks at the county hall too: its word there is not excused by what happens to the town.
    let (town, county) = ("//approval.town", "//approval.county");
    let due = Utc::now() + TimeDelta::seconds(4);
    for (case, source, url) in [
        ("late-town", town, &edge.url),
        ("after", town, &edge.url),
        ("late-county", county, &stage.url),
    ] {
        wait_for("the uplink is up", PATIENCE, async || {
            post(url, &token, accepted(case, source, due)).await.0 == 200
        })
        .await;
    }
    edge.uplink.set(Wire::Dead);
    for case in ["late-town", "after", "late-county"] {
        becomes(&stage, case, "issued").await;
    }
    // Decided in time; the town's edge hears of it after the card, as does the county's.
    let decided = |case: &str, source: &str| {
        event(
            case,
            "case.completed",
            source,
            due - TimeDelta::hours(1),
            json!({}),
        )
    };
    let (status, answer) = post(&edge.url, &token, decided("late-town", town)).await;
    assert_eq!((status, &answer["spooled"]), (202, &json!(1)));
    let (status, _) = post(&stage.url, &token, decided("late-county", county)).await;
    assert_eq!(status, 200);
    becomes(&stage, "late-county", "contested").await;
    assert_eq!(cards(&stage, "late-town").await, ["issued"]);

    // The console is started anew while the edge is away, and still knows that it is.
    wait_for("the outage is recorded", PATIENCE, async || {
        open(&stage).await == 1
    })
    .await;
    stage.kill().await;
    stage.start().await;
    edge.uplink.set(Wire::Whole);
    becomes(&stage, "late-town", "withdrawn").await;
    // What comes over the uplink again is evidence like any other.
    wait_for("the uplink is back", PATIENCE, async || {
        let heartbeat = json!({"specversion": "1.0", "id": Utc::now().to_rfc3339(), "source": "//other", "time": Utc::now(),
            "type": "source.heartbeat", "data": {"complete_until": Utc::now()}});
        post(&edge.url, &token, heartbeat).await.0 == 200
    })
    .await;
    let (status, answer) = post(&edge.url, &token, decided("after", town)).await;
    assert_eq!(status, 200, "{answer}");
    becomes(&stage, "after", "contested").await;
    wait_for("nothing is out any more", PATIENCE, async || {
        open(&stage).await == 0
    })
    .await;
}

/// What the console says of a camera.
async fn camera(stage: &Stage, client: &reqwest::Client, id: &str) -> Value {
    let url = format!("{}/api/v1/cameras/{id}", stage.url);
    match client.get(url).send().await.unwrap().json().await {
        Ok(camera) => camera,
        Err(_) => Value::Null,
    }
}

async fn signed_in(stage: &Stage) -> reqwest::Client {
    stage.account("leader", "leader", COUNTY).await;
    let answer = reqwest::Client::new()
        .post(format!("{}/api/v1/session", stage.url))
        .header("content-type", "application/json")
        .body(json!({"login": "leader", "password": ACCOUNT_PASSWORD}).to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    let cookie = cookie.split(';').next().unwrap().parse().unwrap();
    reqwest::Client::builder()
        .default_headers([(reqwest::header::COOKIE, cookie)].into_iter().collect())
        .build()
        .unwrap()
}

#[tokio::test]
async fn cameras_over_bad_networks_are_live_or_say_why_and_no_log_tells_their_addresses() {
    let Some(clip) = shared_data("video/opencv_vtest_h264.mp4") else {
        return;
    };
    let clip = clip.to_string_lossy();
    let arguments = [
        "--clip",
        &format!("clip={clip}"),
        "--no-key-frame",
        &format!("headless={clip}"),
        "--garbage",
        "garbage",
        "--loop",
        "20",
    ];
    let rtsp = Rtsp::start(&arguments.map(str::to_owned)).await;
    let server = url_port(&rtsp.url("clip"));
    let lossy = Proxy::losing(([127, 0, 0, 1], server).into(), Some(500)).await;
    let mut over_udp = StageCamera::new("udp", TOWN_1, rtsp.url("clip"));
    over_udp.transport = "udp";
    let mut locked = StageCamera::new("locked", TOWN_1, rtsp.url("clip"));
    locked.password = "not this one".into();
    let nowhere = "rtsp://no-such-host.invalid/stream".to_owned();
    let through_proxy = format!("rtsp://{}/clip", lossy.address);
    let cameras = [
        StageCamera::new("lossy", TOWN_1, through_proxy),
        over_udp,
        locked,
        StageCamera::new("nowhere", TOWN_1, nowhere),
        StageCamera::new("garbage", TOWN_2, rtsp.url("garbage")),
        StageCamera::new("headless", TOWN_2, rtsp.url("headless")),
    ];
    let stage = Stage::new(&[StageCamera::new("own", COUNTY, rtsp.url("garbage"))]).await;
    let client = signed_in(&stage).await;
    let edge = Edge::start(&stage, "town", &cameras).await;
    for (id, state) in [
        ("lossy", "live"),
        ("udp", "live"),
        ("locked", "wrong_password"),
        ("nowhere", "offline_no_host"),
        ("garbage", "not_rtsp"),
        ("headless", "no_key_frame"),
        ("own", "not_rtsp"),
    ] {
        wait_for(&format!("{id} is {state}"), PATIENCE, async || {
            camera(&stage, &client, id).await["state"] == state
        })
        .await;
    }
    // Packets are lost: counted, and no reason to give up.
    wait_for("losses are told", PATIENCE, async || {
        let lossy = camera(&stage, &client, "lossy").await;
        assert_eq!(lossy["state"], "live");
        lossy["losses"].as_u64().unwrap() > 1 && !lossy["picture_at"].is_null()
    })
    .await;
    assert_eq!(camera(&stage, &client, "udp").await["reconnects"], 0);

    for (which, log) in [("edge", edge.log()), ("console", stage.log())] {
        assert!(log.contains("not_rtsp"), "{which}: {log}");
        for secret in [
            "rtsp://",
            "no-such-host",
            &format!(":{server}"),
            &lossy.address.to_string(),
            PASSWORD,
            "not this one",
        ] {
            assert!(!log.contains(secret), "{which} tells {secret}: {log}");
        }
    }
}

fn url_port(url: &str) -> u16 {
    let url: reqwest::Url = url.parse().unwrap();
    url.port().unwrap()
}

#[tokio::test]
async fn a_camera_belongs_to_one_edge_until_that_one_gives_it_up() {
    let stage = Stage::new(&[]).await;
    let client = signed_in(&stage).await;
    let nowhere =
        |id: &str| StageCamera::new(id, TOWN_1, "rtsp://no-such-host.invalid/stream".into());
    let carried_by = async |id: &str, edge: &str| {
        wait_for(
            &format!("{id} is carried by {edge}"),
            PATIENCE,
            async || camera(&stage, &client, id).await["edge"] == edge,
        )
        .await;
    };
    let mut first = Edge::start(&stage, "first", &[nowhere("c1")]).await;
    carried_by("c1", "first").await;
    let _second = Edge::start(&stage, "second", &[nowhere("c1"), nowhere("c2")]).await;
    carried_by("c2", "second").await;
    assert_eq!(camera(&stage, &client, "c1").await["edge"], "first");
    assert!(stage.log().contains("another ingest carries it"));
    first.kill().await;
    carried_by("c1", "second").await;
}
