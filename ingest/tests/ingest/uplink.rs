//! The ingest's side of the uplink, and the intake before it, against a console that does as each test says.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::console::{
    Console, Script, any_port, commit, committing, same_port, token_hash, within,
};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use mingjing_ingest::Ingest;
use mingjing_ingest::camera::Secret;
use mingjing_ingest::config::IngestConfig;
use mingjing_ingest::events::MAX_BODY;
use mingjing_ingest::spool::Spool;
use mingjing_ingest::uplink::LinkState;
use mingjing_ingest::uplink::protocol::{Rejection, ToConsole, ToIngest};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

struct Edge {
    ingest: Ingest,
    router: Router,
    dir: tempfile::TempDir,
}

impl Edge {
    async fn start(console: SocketAddr) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), console, |_| ()).await
    }

    async fn start_in(
        dir: tempfile::TempDir,
        console: SocketAddr,
        change: impl FnOnce(&mut IngestConfig),
    ) -> Self {
        let mut config = IngestConfig {
            data_dir: dir.path().into(),
            ..IngestConfig::default()
        };
        change(&mut config);
        let url = format!("ws://{console}/").parse().unwrap();
        let shutdown = CancellationToken::new();
        let ingest = Ingest::start(config, Secret::new(crate::console::EDGE), url, &shutdown)
            .await
            .unwrap();
        Self {
            router: ingest.router(),
            ingest,
            dir,
        }
    }

    async fn connected(&self) {
        let mut link = self.ingest.link();
        within(link.wait_for(|state| *state == LinkState::Up))
            .await
            .unwrap();
    }

    async fn disconnected(&self) {
        let mut link = self.ingest.link();
        within(link.wait_for(|state| matches!(state, LinkState::Down { .. })))
            .await
            .unwrap();
    }

    async fn post(&self, token: &str, events: Value) -> (StatusCode, Value) {
        let request = Request::post("/api/v1/events")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/cloudevents-batch+json")
            .body(Body::from(events.to_string()))
            .unwrap();
        self.send(request).await
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, Value) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX)
            .await
            .unwrap();
        (
            status,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        )
    }

    async fn drained(&self) {
        within(async {
            while self.ingest.spool().entries > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }
}

fn event(id: &str) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "//approval", "type": "case.accepted", "subject": "c-1",
        "time": "2026-11-20T09:12:00+08:00", "data": {"hall": "T07"}})
}

#[tokio::test]
async fn a_batch_is_answered_after_the_commit_with_the_senders_indexes() {
    let console = Console::good().await;
    let edge = Edge::start(console.address).await;
    edge.connected().await;
    let answer = edge
        .post("all", json!([event("a"), 7, event("refuse-b"), event("c")]))
        .await;
    assert_eq!(answer.0, StatusCode::OK);
    assert_eq!(
        (&answer.1["accepted"], &answer.1["duplicate"]),
        (&json!(2), &json!(0))
    );
    let indexes: Vec<_> = answer.1["rejected"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["index"].clone())
        .collect();
    assert_eq!(indexes, [json!(1), json!(2)]);
    assert_eq!(answer.1["rejected"][1]["id"], "refuse-b");
    assert_eq!(
        console.batch().await,
        (vec!["a".into(), "refuse-b".into(), "c".into()], false)
    );
    assert_eq!(edge.ingest.spool().entries, 0);
}

#[tokio::test]
async fn while_the_console_is_away_events_are_spooled_and_then_delivered_in_order() {
    let console = Console::good().await;
    let edge = Edge::start(console.address).await;
    edge.connected().await;
    let address = console.address;
    drop(console);
    edge.disconnected().await;
    for i in 0..5 {
        let before = std::time::Instant::now();
        let answer = edge.post("all", json!([event(&format!("s{i}")), {}])).await;
        assert_eq!(answer.0, StatusCode::ACCEPTED);
        assert_eq!(
            (&answer.1["spooled"], &answer.1["rejected"][0]["index"]),
            (&json!(1), &json!(1))
        );
        assert!(
            before.elapsed() < Duration::from_secs(2),
            "it is known to be away: no waiting"
        );
    }
    // What is spooled survives the ingest itself, and so does what it knows of tokens.
    let Edge {
        ingest,
        router,
        dir,
        ..
    } = edge;
    ingest.stop().await;
    drop(router);
    let edge = reopen(dir, address).await;
    edge.disconnected().await;
    assert_eq!(
        edge.post("all", json!([event("s5")])).await.0,
        StatusCode::ACCEPTED
    );
    assert_eq!(
        edge.post("unknown", json!([])).await.0,
        StatusCode::UNAUTHORIZED
    );

    let console = Console::start(same_port(address).await, committing());
    let mut ids = Vec::new();
    while ids.len() < 6 {
        let (batch, spooled) = console.batch().await;
        assert!(spooled);
        ids.extend(batch);
    }
    assert_eq!(ids, ["s0", "s1", "s2", "s3", "s4", "s5"]);
    edge.drained().await;
    assert_eq!(
        edge.post("all", json!([event("live")])).await.0,
        StatusCode::OK
    );
}

async fn reopen(dir: tempfile::TempDir, console: SocketAddr) -> Edge {
    // The spool's thread closes its file a moment after the last handle is gone.
    within(async {
        while let Err(error) = Spool::open(dir.path(), 1).await {
            assert!(error.to_string().contains("already open"), "{error}");
            tokio::task::yield_now().await;
        }
        while tokio::fs::metadata(dir.path()).await.is_err() {}
    })
    .await;
    within(async {
        let mut config = IngestConfig {
            data_dir: dir.path().into(),
            ..IngestConfig::default()
        };
        config.name = "again".into();
        let url: url::Url = format!("ws://{console}/").parse().unwrap();
        let shutdown = CancellationToken::new();
        loop {
            let token = Secret::new(crate::console::EDGE);
            match Ingest::start(config.clone(), token, url.clone(), &shutdown).await {
                Ok(ingest) => {
                    return Edge {
                        router: ingest.router(),
                        ingest,
                        dir,
                    };
                }
                Err(error) => assert!(error.to_string().contains("already open"), "{error}"),
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

#[tokio::test]
async fn a_console_that_does_not_answer_makes_senders_wait_two_seconds_and_no_more() {
    let console = Console::start(any_port().await, Arc::new(|_, _| None));
    let edge = Edge::start(console.address).await;
    edge.connected().await;
    let before = std::time::Instant::now();
    let answer = edge.post("all", json!([event("a")])).await;
    assert_eq!(answer.0, StatusCode::ACCEPTED);
    assert!(before.elapsed() >= Duration::from_secs(2));
    assert_eq!(edge.ingest.spool().entries, 1);
}

#[tokio::test]
async fn a_retry_is_honoured() {
    let script: Script = Arc::new(|number, batch| {
        Some(if number <= 3 {
            ToIngest::Retry {
                number,
                after_ms: 300,
            }
        } else {
            commit(number, batch)
        })
    });
    let console = Console::start(any_port().await, script);
    let edge = Edge::start(console.address).await;
    edge.connected().await;
    let before = std::time::Instant::now();
    assert_eq!(
        edge.post("all", json!([event("a")])).await.0,
        StatusCode::ACCEPTED
    );
    assert!(
        before.elapsed() < Duration::from_secs(2),
        "the console said no: no waiting"
    );
    edge.drained().await;
    assert!(
        before.elapsed() >= Duration::from_millis(900),
        "three refusals, 300 ms each"
    );
    for spooled in [false, true, true, true] {
        assert_eq!(console.batch().await, (vec!["a".into()], spooled));
    }
    edge.connected().await;
    assert_eq!(
        edge.post("all", json!([event("b")])).await.0,
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_late_acknowledgement_is_taken_and_nothing_is_sent_twice() {
    // The console says nothing to the first batch, and acknowledges it when the second comes.
    let script: Script = Arc::new(|number, batch| (number == 2).then(|| acknowledge(1, batch, 0)));
    let console = Console::start(any_port().await, script);
    let edge = Edge::start(console.address).await;
    edge.connected().await;
    assert_eq!(
        edge.post("all", json!([event("late")])).await.0,
        StatusCode::ACCEPTED
    );
    assert_eq!(edge.ingest.spool().entries, 1);
    let second = edge.post("all", json!([event("second")]));
    futures::future::join(second, edge.drained()).await;
    assert_eq!(console.batch().await, (vec!["late".into()], false));
    assert_eq!(console.batch().await, (vec!["second".into()], false));
    assert_eq!(console.batch_now().await, None);
}

#[tokio::test]
async fn a_late_refusal_is_told_again_as_spooled_for_the_quarantine() {
    let script: Script = Arc::new(|number, batch| match number {
        1 => None,
        2 => Some(acknowledge(1, batch, 1)),
        _ => Some(commit(number, batch)),
    });
    let console = Console::start(any_port().await, script);
    let edge = Edge::start(console.address).await;
    edge.connected().await;
    let late = edge.post("all", json!([event("refuse-late")])).await;
    assert_eq!(late.0, StatusCode::ACCEPTED);
    edge.post("all", json!([event("second")])).await;
    let mut sent = Vec::new();
    while sent.last() != Some(&(vec!["refuse-late".to_owned()], true)) {
        sent.push(console.batch().await);
    }
    assert_eq!(sent[0], (vec!["refuse-late".into()], false));
}

/// The acknowledgement of another batch than the one that came, with so many refusals.
fn acknowledge(number: u64, batch: &ToConsole, refused: usize) -> ToIngest {
    let mut ack = commit(number, batch);
    if let ToIngest::Ack { outcome, .. } = &mut ack {
        let reason = || "conflict".to_owned();
        let refusal = |index| Rejection {
            index,
            id: None,
            reason: reason(),
        };
        outcome.rejected = (0..refused).map(refusal).collect();
    }
    ack
}

#[tokio::test]
async fn what_was_under_way_when_the_connection_broke_is_sent_again() {
    let console = Console::start(any_port().await, Arc::new(|_, _| None));
    let address = console.address;
    let edge = Edge::start(address).await;
    edge.connected().await;
    let posted = edge.post("all", json!([event("a")]));
    let cut = async {
        console.batch().await;
        drop(console);
    };
    let (answer, ()) = futures::future::join(posted, cut).await;
    assert_eq!(answer.0, StatusCode::ACCEPTED);
    let console = Console::start(same_port(address).await, committing());
    assert_eq!(console.batch().await, (vec!["a".into()], true));
    edge.drained().await;
}

#[tokio::test]
async fn a_connection_that_falls_silent_is_noticed_within_ten_seconds() {
    // A hole: bytes go in and nothing comes out, as when a cable is pulled.
    let console = Console::good().await;
    let proxy = any_port().await;
    let address = proxy.local_addr().unwrap();
    let hole = CancellationToken::new();
    let (target, fallen) = (console.address, hole.clone());
    tokio::spawn(async move {
        while let Ok((mut near, _)) = proxy.accept().await {
            let fallen = fallen.clone();
            tokio::spawn(async move {
                let mut far = tokio::net::TcpStream::connect(target).await.unwrap();
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                    () = fallen.cancelled() => std::future::pending().await,
                }
            });
        }
    });
    let edge = Edge::start(address).await;
    edge.connected().await;
    hole.cancel();
    let before = std::time::Instant::now();
    edge.disconnected().await;
    assert!(
        before.elapsed() <= Duration::from_secs(11),
        "{:?}",
        before.elapsed()
    );
}

#[tokio::test]
async fn tokens_bound_what_may_be_posted() {
    let console = Console::good().await;
    let edge = Edge::start(console.address).await;
    edge.connected().await;
    let elsewhere = |id: &str| {
        let mut event = event(id);
        event["data"]["hall"] = json!("T08");
        event
    };
    let request = Request::post("/api/v1/events").body(Body::empty()).unwrap();
    assert_eq!(edge.send(request).await.0, StatusCode::UNAUTHORIZED);
    let (status, problem) = edge.post("wrong", json!([event("a")])).await;
    assert_eq!(
        (status, &problem["type"]),
        (
            StatusCode::UNAUTHORIZED,
            &json!("/problems/unauthenticated")
        )
    );

    let (status, problem) = edge.post("t07", json!([elsewhere("a")])).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(problem["detail"].as_str().unwrap().contains("T08"));
    let (status, answer) = edge.post("t07", json!([elsewhere("a"), event("b")])).await;
    assert_eq!((status, &answer["accepted"]), (StatusCode::OK, &json!(1)));
    assert_eq!(answer["rejected"][0]["index"], 0);

    let mut foreign = event("a");
    foreign["source"] = json!("//other");
    assert_eq!(
        edge.post("bound", json!([foreign])).await.0,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        edge.post("bound", json!([event("a")])).await.0,
        StatusCode::OK
    );
}

#[tokio::test]
async fn an_initial_load_is_marked_and_received_when_it_happened() {
    let (sender, mut seen) = mpsc::unbounded_channel();
    let script: Script = Arc::new(move |number, batch| {
        let _ = sender.send(batch.clone());
        Some(commit(number, batch))
    });
    let console = Console::start(any_port().await, script);
    let edge = Edge::start(console.address).await;
    edge.connected().await;
    edge.post("history", json!([event("old")])).await;
    let Some(ToConsole::Batch {
        initial_load: true,
        token: Some(token),
        events,
        ..
    }) = seen.recv().await
    else {
        panic!("it is not marked")
    };
    assert_eq!(token, token_hash("history"));
    assert!(events[0].initial_load && events[0].received == events[0].time);
}

#[tokio::test]
async fn too_much_and_the_wrong_kind_are_refused_with_a_problem() {
    let console = Console::start(any_port().await, Arc::new(|_, _| None));
    let dir = tempfile::tempdir().unwrap();
    let edge = Edge::start_in(dir, console.address, |config| {
        config.intake.max_in_flight = 1;
        config.spool.max_bytes = 600;
    })
    .await;
    edge.connected().await;
    let request = |kind: &str, body: Body| {
        Request::post("/api/v1/events")
            .header("authorization", "Bearer all")
            .header("content-type", kind)
            .body(body)
            .unwrap()
    };
    let kind = "application/cloudevents+json";
    assert_eq!(
        edge.send(request("text/csv", Body::empty())).await.0,
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    assert_eq!(
        edge.send(request(kind, Body::from("{"))).await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let large = Body::from(vec![b' '; MAX_BODY + 1]);
    assert_eq!(
        edge.send(request(kind, large)).await.0,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    let chunks =
        futures::stream::iter((0..6).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1 << 20])));
    assert_eq!(
        edge.send(request(kind, Body::from_stream(chunks))).await.0,
        StatusCode::PAYLOAD_TOO_LARGE
    );

    // One batch is in hand (the console does not answer), the next finds no place.
    let first = edge.post("all", json!([event("a")]));
    let second = async {
        console.batch().await;
        let response = edge
            .router
            .clone()
            .oneshot(request(kind, Body::from(event("b").to_string())));
        let response = response.await.unwrap();
        (
            response.status(),
            response.headers().contains_key("retry-after"),
        )
    };
    let (first, second) = futures::future::join(first, second).await;
    assert_eq!(first.0, StatusCode::ACCEPTED);
    assert_eq!(second, (StatusCode::TOO_MANY_REQUESTS, true));

    // The spool's bound: the second event no longer fits.
    drop(console);
    edge.disconnected().await;
    assert_eq!(
        edge.post("all", json!([event("c")])).await.0,
        StatusCode::TOO_MANY_REQUESTS
    );
}

#[tokio::test]
async fn a_refused_token_is_said_and_stopping_is_quick() {
    let console = Console::good().await;
    let dir = tempfile::tempdir().unwrap();
    let config = IngestConfig {
        data_dir: dir.path().into(),
        ..IngestConfig::default()
    };
    let url = format!("ws://{}/", console.address).parse().unwrap();
    let shutdown = CancellationToken::new();
    let ingest = Ingest::start(config, Secret::new("wrong"), url, &shutdown)
        .await
        .unwrap();
    let mut link = ingest.link();
    let refused = |state: &LinkState| matches!(state, LinkState::Down { reason, .. } if reason.contains("401"));
    within(link.wait_for(refused)).await.unwrap();
    let before = std::time::Instant::now();
    ingest.stop().await;
    assert!(before.elapsed() < Duration::from_secs(5));
}
