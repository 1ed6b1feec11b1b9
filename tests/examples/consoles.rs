//! `make bench`: what it costs the console to tell a thousand pages ten things a second, beside a bare axum that broadcasts one shared message of the
//! same length to as many; and how long an event takes from its sender to all of them. Prints a table with the bounds of the project beside what was
//! measured, writes it to `bench/results/consoles.json`, and ends with exit code 1 when a bound is missed.
//!
//! `target/release/examples/consoles [ROUNDS] [PAGES] [SECONDS]` (5, 1,000 and 20); the programs must be built. The pages are sockets
//! of this program, on the same machine: no number counts what they cost.

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::ws::{Message, Utf8Bytes, WebSocketUpgrade};
use axum::routing::any;
use chrono::Utc;
use futures::StreamExt;
use mingjing_tests::bench::{Bound, Error, Table, arguments, processor_time, sorted_part};
use mingjing_tests::county::{COUNTY, ITEM, UNIT};
use mingjing_tests::stage::{ACCOUNT_PASSWORD, Session, Stage};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::broadcast;
use tokio::task::JoinSet;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_util::sync::CancellationToken;

/// Things that are told a second.
const RATE: u32 = 10;
/// What is told last has reached everybody, or never will.
const PATIENCE: Duration = Duration::from_secs(10);
/// Pages that connect at once.
const TOGETHER: usize = 50;
/// What is told carries its number after this.
const MARK: &str = "bench-";

#[tokio::main]
async fn main() -> Result<(), Error> {
    if std::env::args().nth(1).as_deref() == Some("bare") {
        return bare().await;
    }
    let [rounds, pages, seconds] = arguments([5, 1_000, 20])?;
    allow_open_files()?;
    let stage = Stage::new(&[]).await;
    stage.account("leader", "leader", COUNTY).await;
    let mut session = Session::default();
    let typed = json!({"login": "leader", "password": ACCOUNT_PASSWORD});
    stage.post("/session", &mut session, &typed).await;
    let token = stage.token(&["--role", "source"]).await;
    let mut bare = Bare::start().await?;
    let mut table = Table::default();
    let mut told = 0;
    for _ in 0..rounds {
        let things = told..told + seconds as u32 * RATE;
        told = things.end;
        let live = format!("{}/api/v1/live", stage.url.replacen("http", "ws", 1));
        let heard = Pages::open(&live, Some(session.cookie()), pages).await?;
        let ours = heard
            .told(things.clone(), stage.pid(), async |n| {
                post(&stage, &token, n).await
            })
            .await?;
        let heard = Pages::open(&bare.url, None, pages).await?;
        let length = ours.length;
        let theirs = heard
            .told(things, bare.pid, async |n| bare.tell(n, length).await)
            .await?;
        table.add(
            "console: processor time for a message to a page",
            "µs",
            Bound::None,
            ours.each,
        );
        table.add(
            "bare axum of the same length",
            "µs",
            Bound::None,
            theirs.each,
        );
        table.add(
            "console beside it",
            "ratio",
            Bound::AtMost(1.2),
            ours.each / theirs.each,
        );
        table.add(
            "bytes of a message",
            "bytes",
            Bound::None,
            ours.length as f64,
        );
        table.add(
            "first page to any page, p99",
            "ms",
            Bound::AtMost(50.0),
            ours.spread,
        );
        table.add("the same of bare axum", "ms", Bound::None, theirs.spread);
        table.add(
            "event sent to a page, p99",
            "ms",
            Bound::AtMost(250.0),
            ours.late,
        );
    }
    table.finish(
        "consoles",
        json!({"rounds": rounds, "pages": pages, "seconds": seconds}),
    )
}

/// Every page is an open file, and the usual bound is 1,024.
fn allow_open_files() -> Result<(), Error> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    Ok(setrlimit(Resource::Nofile, limit)?)
}

/// Something happens to case `n`.
async fn post(stage: &Stage, token: &str, n: u32) -> Result<(), Error> {
    let event = json!({
        "specversion": "1.0", "id": format!("{MARK}{n}"), "source": "//approval.county", "type": "case.accepted",
        "subject": format!("{MARK}{n}"), "time": Utc::now().to_rfc3339(),
        "data": {"hall": COUNTY, "window": "1", "unit": UNIT, "item": ITEM, "handler": "0731"},
    });
    let sent = reqwest::Client::new()
        .post(format!("{}/api/v1/events", stage.url))
        .bearer_auth(token)
        .header("content-type", "application/cloudevents-batch+json")
        .body(Value::from(vec![event]).to_string());
    let status = sent.send().await?.status();
    match status.is_success() {
        true => Ok(()),
        false => Err(format!("an event was answered {status}").into()),
    }
}

/// Pages that are connected.
struct Pages {
    all: JoinSet<Heard>,
    stop: CancellationToken,
}

/// What a page heard: its messages and their bytes, and when it heard of which number.
#[derive(Default)]
struct Heard {
    messages: usize,
    bytes: usize,
    at: Vec<(u32, Instant)>,
}

/// What was measured of one server.
struct Measured {
    /// Microseconds of processor time for a message to a page.
    each: f64,
    /// Bytes of a message that carries a number.
    length: usize,
    /// Milliseconds between the first page's hearing and any page's, of a hundred the 99th.
    spread: f64,
    /// Milliseconds from sending to hearing, of a hundred the 99th.
    late: f64,
}

impl Pages {
    async fn open(url: &str, cookie: Option<&str>, pages: usize) -> Result<Self, Error> {
        let (mut all, stop) = (JoinSet::new(), CancellationToken::new());
        let mut opened = futures::stream::iter(0..pages)
            .map(async |_| -> Result<_, Error> {
                let mut request = url.into_client_request()?;
                if let Some(cookie) = cookie {
                    request.headers_mut().insert("cookie", cookie.parse()?);
                }
                Ok(connect_async(request).await?.0)
            })
            .buffer_unordered(TOGETHER);
        while let Some(socket) = opened.next().await {
            let (mut socket, stop) = (socket?, stop.clone());
            all.spawn(async move {
                let mut heard = Heard::default();
                while let Some(Some(Ok(message))) = stop.run_until_cancelled(socket.next()).await {
                    let Ok(text) = message.to_text() else {
                        continue;
                    };
                    heard.messages += 1;
                    if let Some(n) = numbered(text) {
                        heard.bytes += text.len();
                        heard.at.push((n, Instant::now()));
                    }
                }
                socket.close(None).await.ok();
                heard
            });
        }
        Ok(Self { all, stop })
    }

    /// Has `things` told, and gathers what every page heard of them.
    async fn told(
        self,
        things: std::ops::Range<u32>,
        pid: u32,
        mut tell: impl AsyncFnMut(u32) -> Result<(), Error>,
    ) -> Result<Measured, Error> {
        let first = things.start;
        let count = things.len();
        let mut ticks = tokio::time::interval(Duration::from_secs(1) / RATE);
        let (before, mut sent) = (processor_time(&pid.to_string())?, Vec::new());
        for n in things {
            ticks.tick().await;
            sent.push(Instant::now());
            tell(n).await?;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let used = processor_time(&pid.to_string())? - before;
        self.stop.cancel();
        let pages = tokio::time::timeout(PATIENCE, self.all.join_all()).await?;
        let mut heard: Vec<Vec<Instant>> = vec![Vec::new(); count];
        for (n, at) in pages.iter().flat_map(|page| &page.at) {
            if let Some(heard) = n.checked_sub(first).and_then(|n| heard.get_mut(n as usize)) {
                heard.push(*at);
            }
        }
        if let Some(n) = heard.iter().position(|heard| heard.len() < pages.len()) {
            let (some, all) = (heard[n].len(), pages.len());
            return Err(format!("{some} of {all} pages heard of number {n}").into());
        }
        let milliseconds = |from: &Instant, to: &Instant| (*to - *from).as_secs_f64() * 1e3;
        let (mut spread, mut late) = (Vec::new(), Vec::new());
        for (sent, heard) in sent.iter().zip(&heard) {
            let first = heard.iter().min().unwrap_or(sent);
            spread.extend(heard.iter().map(|at| milliseconds(first, at)));
            late.extend(heard.iter().map(|at| milliseconds(sent, at)));
        }
        let messages: usize = pages.iter().map(|page| page.messages).sum();
        let bytes: usize = pages.iter().map(|page| page.bytes).sum();
        Ok(Measured {
            each: used * 1e6 / messages as f64,
            length: bytes / (count * pages.len()),
            spread: sorted_part(spread, 0.99),
            late: sorted_part(late, 0.99),
        })
    }
}

/// The number that a message carries.
fn numbered(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once(MARK)?;
    let end = rest.find(|c: char| !c.is_ascii_digit())?;
    rest[..end].parse().ok()
}

/// This program again, as the bare axum.
struct Bare {
    _child: Child,
    stdin: ChildStdin,
    pid: u32,
    url: String,
}

impl Bare {
    async fn start() -> Result<Self, Error> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("bare")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let mut lines = BufReader::new(stdout.ok_or("no output")?).lines();
        let port = lines.next_line().await?.ok_or("the bare server ended")?;
        Ok(Self {
            pid: child.id().ok_or("the bare server ended")?,
            _child: child,
            stdin: stdin.ok_or("no input")?,
            url: format!("ws://127.0.0.1:{port}/"),
        })
    }

    async fn tell(&mut self, n: u32, length: usize) -> Result<(), Error> {
        let text = format!("{MARK}{n} ");
        let line = format!("{text:.<length$}\n");
        Ok(self.stdin.write_all(line.as_bytes()).await?)
    }
}

/// An axum that broadcasts every line of its input.
async fn bare() -> Result<(), Error> {
    let (lines, _) = broadcast::channel::<Utf8Bytes>(1_024);
    let all = Arc::new(lines);
    let news = Arc::clone(&all);
    let socket = any(async move |upgrade: WebSocketUpgrade| {
        let mut lines = news.subscribe();
        upgrade.on_upgrade(async move |mut socket| {
            while let Ok(line) = lines.recv().await {
                if socket.send(Message::Text(line)).await.is_err() {
                    return;
                }
            }
        })
    });
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("{}", listener.local_addr()?.port());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", socket)).await });
    let mut input = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = input.next_line().await? {
        all.send(line.into()).ok();
    }
    Ok(())
}
