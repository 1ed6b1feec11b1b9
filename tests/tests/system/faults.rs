//! Nothing accepted is lost or doubled: consoles killed under load, an edge cut off.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_tests::county::{COUNTY, ITEM, UNIT};
use mingjing_tests::edge::Edge;
use mingjing_tests::stage::{Stage, wait_for};
use reqwest::StatusCode;
use serde_json::{Value, json};

/// Waiting for a state, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);

/// A case that was promised for an hour ago: accepted, one step, and every third one decided in time.
fn story(n: usize, now: DateTime<Utc>) -> Vec<Value> {
    let no = format!("2026-{n:06}");
    let event = |part: &str, kind: &str, hours_ago: i64, more: Value| {
        let mut data =
            json!({"hall": COUNTY, "window": "1", "unit": UNIT, "item": ITEM, "handler": "0731"});
        data.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!({
            "specversion": "1.0", "id": format!("{no}-{part}"), "source": "//approval.county", "type": kind, "subject": no,
            "time": (now - TimeDelta::hours(hours_ago)).to_rfc3339(), "data": data,
        })
    };
    let due = (now - TimeDelta::hours(1)).to_rfc3339();
    let law = (now + TimeDelta::days(30)).to_rfc3339();
    let mut events = vec![
        event(
            "accepted",
            "case.accepted",
            30,
            json!({"kind": "promised", "promise_due": due, "legal_due": law}),
        ),
        event("step", "case.step_started", 20, json!({"step": "intake"})),
    ];
    if n.is_multiple_of(3) {
        events.push(event(
            "completed",
            "case.completed",
            2,
            json!({"result": "granted"}),
        ));
    }
    events
}

/// Posts a batch until it is answered, through whatever happens to the console.
async fn post(url: &str, token: &str, events: &[Value]) -> (StatusCode, Value) {
    let client = reqwest::Client::new();
    loop {
        let sent = client
            .post(format!("{url}/api/v1/events"))
            .bearer_auth(token)
            .header("content-type", "application/cloudevents-batch+json")
            .body(Value::from(events).to_string())
            .send()
            .await;
        // Cut off, or not up yet: the sender does not know what became of it, and sends it again.
        if let Ok(answer) = sent
            && (answer.status().is_success() || answer.status().is_client_error())
        {
            let status = answer.status();
            if let Ok(body) = answer.json().await {
                return (status, body);
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What a database holds: events, identities, and every case with its cards.
async fn held(stage: &Stage) -> (i64, i64, Vec<(String, String, Option<String>)>) {
    let pool = stage.database.store.pool();
    let one = |sql| sqlx::query_scalar::<_, i64>(sql).fetch_one(pool);
    let cases = sqlx::query_as(
        "SELECT s.no, s.status, string_agg(c.rule || ' ' || c.grade, ', ' ORDER BY c.rule, c.grade)
         FROM case_state s LEFT JOIN card c ON c.case_no = s.no GROUP BY s.no, s.status ORDER BY s.no",
    );
    (
        one("SELECT count(*) FROM case_event").await.unwrap(),
        one("SELECT count(*) FROM event_identity").await.unwrap(),
        cases.fetch_all(pool).await.unwrap(),
    )
}

#[tokio::test]
async fn a_console_killed_under_load_loses_and_doubles_nothing() {
    let now = Utc::now();
    let mut stage = Stage::new(&[]).await;
    let token = stage.token(&["--role", "source"]).await;
    let stories: Vec<Vec<Value>> = (0..240).map(|n| story(n, now)).collect();
    let events: Vec<Value> = stories.iter().flatten().cloned().collect();
    let (url, sent) = (stage.url.clone(), events.clone());
    let sender = tokio::spawn(async move {
        for batch in sent.chunks(7) {
            let (status, answer) = post(&url, &token, batch).await;
            assert!(status.is_success(), "{status}: {answer}");
            assert_eq!(answer["rejected"], json!([]), "{answer}");
        }
        token
    });
    for share in [4, 2] {
        // Somewhere in the middle of it.
        let enough = events.len() as i64 / share;
        wait_for("events arrive", PATIENCE, async || {
            held(&stage).await.0 >= enough
        })
        .await;
        stage.kill().await;
        stage.start().await;
    }
    let token = sender.await.unwrap();
    wait_for("everything is there", PATIENCE, async || {
        held(&stage).await.0 == events.len() as i64
    })
    .await;
    let once = held(&stage).await;
    assert_eq!(once.1, events.len() as i64);
    assert_eq!(once.2.len(), stories.len());
    for (n, (no, status, cards)) in once.2.iter().enumerate() {
        let decided = n.is_multiple_of(3);
        assert_eq!(
            status,
            if decided { "completed" } else { "accepted" },
            "{no}"
        );
        let yellow = cards
            .as_deref()
            .unwrap_or("")
            .matches("R2 yellow_card")
            .count();
        assert_eq!(yellow, usize::from(!decided), "{no}: {cards:?}");
    }
    // The same again, in another order and other batches: nothing changes.
    let mut again = events.clone();
    again.reverse();
    let mut duplicates = 0;
    for batch in again.chunks(100) {
        let (status, answer) = post(&stage.url, &token, batch).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(answer["accepted"], 0, "{answer}");
        duplicates += answer["duplicate"].as_u64().unwrap();
    }
    assert_eq!(duplicates, events.len() as u64);
    assert_eq!(held(&stage).await, once);
}

#[tokio::test]
async fn an_edge_that_is_cut_off_keeps_what_it_accepted_and_catches_up() {
    let now = Utc::now();
    let mut stage = Stage::new(&[]).await;
    let source = stage.token(&["--role", "source"]).await;
    let edge = Edge::start(&stage, "town", &[]).await;
    let url = edge.url.clone();

    let (status, answer) = post(&url, &source, &story(1, now)).await;
    assert!(status.is_success(), "{status}: {answer}");
    wait_for(
        "the edge's events reach the console",
        PATIENCE,
        async || held(&stage).await.0 == 2,
    )
    .await;

    stage.kill().await;
    for n in 2..6 {
        let (status, answer) = post(&url, &source, &story(n, now)).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        assert_eq!(answer["rejected"], json!([]));
    }
    assert_eq!(held(&stage).await.0, 2, "the console is away");

    stage.start().await;
    wait_for("the spool is delivered", PATIENCE, async || {
        held(&stage).await.0 == 2 + 2 + 3 + 2 + 2
    })
    .await;
    // And what comes now is committed at once again.
    wait_for("the edge is connected again", PATIENCE, async || {
        post(&url, &source, &story(7, now)).await.0 == StatusCode::OK
    })
    .await;
    let cases = held(&stage).await.2;
    assert_eq!(cases.len(), 6, "{cases:?}");
}
