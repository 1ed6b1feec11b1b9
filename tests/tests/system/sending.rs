//! A console that is killed while it sends: after the next start nothing is lost, and what was on its way comes twice at most.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use mingjing_tests::county::{COUNTY, ITEM, UNIT};
use mingjing_tests::stage::{Stage, wait_for};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

/// Waiting for a state, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);
/// Cards of a round.
const CARDS: usize = 4;

/// Where the console dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// The receiver has the message and has not answered.
    Unanswered,
    /// The receiver has answered; whether the console wrote that down, chance decides.
    Answered,
}

/// A program that takes messages and answers when it is let.
struct Receiver {
    address: std::net::SocketAddr,
    /// How often each message came, by `idempotency-key`.
    came: Arc<Mutex<BTreeMap<String, usize>>>,
    /// One for each message that waits for its answer; dropped, it gets none.
    waiting: mpsc::UnboundedReceiver<oneshot::Sender<oneshot::Sender<()>>>,
}

impl Receiver {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let came = Arc::new(Mutex::new(BTreeMap::new()));
        let (arrived, waiting) = mpsc::unbounded_channel();
        let own = Arc::clone(&came);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(take(stream, Arc::clone(&own), arrived.clone()));
            }
        });
        Self {
            address,
            came,
            waiting,
        }
    }
}

/// Reads one request, waits to be let, answers, and tells that it has.
async fn take(
    stream: TcpStream,
    came: Arc<Mutex<BTreeMap<String, usize>>>,
    arrived: mpsc::UnboundedSender<oneshot::Sender<oneshot::Sender<()>>>,
) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let (mut key, mut length) = (None, 0);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("idempotency-key:") {
            key = Some(value.trim().to_owned());
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    *came.lock().unwrap().entry(key?).or_insert(0) += 1;
    let (may, wait) = oneshot::channel();
    arrived.send(may).ok()?;
    let answered = wait.await.ok()?;
    let answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    stream.write_all(answer).await.ok()?;
    stream.flush().await.ok()?;
    answered.send(()).ok()
}

/// Cases that are each a yellow card at once.
async fn overdue(stage: &Stage, token: &str, round: usize) {
    let (now, due) = (Utc::now(), Utc::now() - TimeDelta::hours(1));
    let events: Vec<Value> = (0..CARDS)
        .map(|nth| {
            let no = format!("2026-{round}-{nth}");
            json!({
                "specversion": "1.0", "id": no, "source": "//approval.county", "type": "case.accepted", "subject": no,
                "time": now - TimeDelta::days(5),
                "data": {"hall": COUNTY, "window": "1", "unit": UNIT, "item": ITEM, "handler": "0731", "kind": "promised",
                         "date_only": true, "promise_due": due, "legal_due": now + TimeDelta::days(30)},
            })
        })
        .collect();
    let answer = reqwest::Client::new()
        .post(format!("{}/api/v1/events", stage.url))
        .bearer_auth(token)
        .header("content-type", "application/cloudevents-batch+json")
        .body(Value::from(events).to_string())
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
}

/// Deliveries by state.
async fn states(stage: &Stage) -> BTreeMap<String, i64> {
    let rows: Vec<(String, i64)> =
        sqlx::query_as("SELECT state, count(*) FROM delivery GROUP BY state")
            .fetch_all(stage.database.store.pool())
            .await
            .unwrap();
    rows.into_iter().collect()
}

#[tokio::test]
async fn a_console_killed_while_it_sends_loses_no_message_and_repeats_one_at_most() {
    let mut receiver = Receiver::start().await;
    let mut stage = Stage::new(&[]).await;
    stage.account("sysadmin", "sysadmin", COUNTY).await;
    stage.account("inspector", "inspector", COUNTY).await;
    let (_, mut sysadmin) = stage.enrol("sysadmin").await;
    let (_, mut inspector) = stage.enrol("inspector").await;
    let token = stage.token(&["--role", "source"]).await;
    let channel = json!({
        "name": "office", "kind": "webhook", "enabled": true, "per_minute": 600,
        "settings": {"url": format!("http://{}/in", receiver.address)}, "secrets": {"secret": "0123456789abcdef"},
    });
    let channel = stage.post("/channels", &mut sysadmin, &channel).await;
    assert!(channel["id"].is_number(), "{channel}");
    let wish = json!({"channel": channel["id"], "grades": ["yellow_card", "red_card"]});
    let wish = stage
        .post("/account/subscriptions", &mut inspector, &wish)
        .await;
    assert!(wish["id"].is_number(), "{wish}");

    let moments = [
        Moment::Unanswered,
        Moment::Answered,
        Moment::Unanswered,
        Moment::Answered,
    ];
    for (round, moment) in moments.into_iter().enumerate() {
        overdue(&stage, &token, round).await;
        let first = tokio::time::timeout(PATIENCE, receiver.waiting.recv());
        let let_go = first.await.unwrap().unwrap();
        if moment == Moment::Answered {
            let (answered, is_answered) = oneshot::channel();
            let_go.send(answered).unwrap();
            is_answered.await.unwrap();
            stage.kill().await;
        } else {
            stage.kill().await;
            drop(let_go);
        }
        while receiver.waiting.try_recv().is_ok() {}
        stage.start().await;
        let expected = i64::try_from((round + 1) * CARDS).unwrap();
        let sent = wait_for("all of it is sent", PATIENCE, async || {
            states(&stage).await == BTreeMap::from([("sent".to_owned(), expected)])
        });
        let answering = async {
            while let Some(let_go) = receiver.waiting.recv().await {
                let _ = let_go.send(oneshot::channel().0);
            }
        };
        tokio::select! {
            () = sent => {}
            () = answering => panic!("the receiver ended"),
        }
    }

    let came = receiver.came.lock().unwrap().clone();
    assert_eq!(
        came.len(),
        moments.len() * CARDS,
        "nothing is lost: {came:?}"
    );
    let again: Vec<usize> = came.values().filter(|&&times| times > 1).copied().collect();
    assert!(
        again.len() <= moments.len() && again.iter().all(|&times| times == 2),
        "one a kill is repeated at most: {came:?}"
    );
    let unanswered = moments
        .iter()
        .filter(|&&moment| moment == Moment::Unanswered)
        .count();
    assert!(
        again.len() >= unanswered,
        "what nobody answered came again: {came:?}"
    );
    // The log tells of each, also of one that the console had begun and not yet carried anywhere.
    let told: Vec<Vec<String>> = sqlx::query_scalar(
        "SELECT array_agg(outcome ORDER BY n) FROM delivery_attempt GROUP BY delivery HAVING 'interrupted' = ANY(array_agg(outcome))",
    )
    .fetch_all(stage.database.store.pool())
    .await
    .unwrap();
    assert!(
        (again.len()..=moments.len()).contains(&told.len()),
        "{told:?}"
    );
    assert!(
        told.iter()
            .all(|outcomes| outcomes == &["interrupted", "sent"]),
        "{told:?}"
    );
}
