//! What somebody tries who means harm, on real connections: each is refused with a clear answer, and the console goes on.

use std::net::SocketAddr;
use std::time::Duration;

use crate::common::wire::{PATIENCE, get, goes_on, post, raw, status};
use crate::common::{COUNTY, Console};
use mingjing_dashboard::auth::secret;
use mingjing_ingest::Ingest;
use mingjing_ingest::camera::Secret;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// A token of `role` for the whole county.
async fn token(console: &Console, role: &str) -> String {
    let token = secret::random();
    sqlx::query(
        "INSERT INTO token (name, hash, role, hall, initial_load, created) VALUES ($1, $2, $1, $3, false, now())",
    )
    .bind(role)
    .bind(secret::hash(&token))
    .bind(COUNTY)
    .execute(console.app.db())
    .await
    .unwrap();
    console.app.reload_tokens().await.unwrap();
    token
}

#[tokio::test]
async fn no_path_leads_out_of_the_pages() {
    let console = Console::start().await;
    let address = console.listen().await;
    let reader = format!(
        "authorization: Bearer {}\r\n",
        token(&console, "reader").await
    );
    let ups = [
        "..",
        "%2e%2e",
        "..%2f..",
        "%2e%2e%2f",
        "..%5c",
        "%252e%252e",
        "%c0%ae%c0%ae",
        "....//",
        "..;",
    ];
    let goals = [
        "etc/passwd",
        "Cargo.toml",
        "data/secret.key",
        "mingjing.toml",
    ];
    for up in ups {
        for goal in goals {
            let climb = [up; 8].join("/");
            for path in [
                format!("/{climb}/{goal}"),
                format!("/assets/{climb}/{goal}"),
                format!("/assets/{climb}%2f{goal}%00.js"),
                format!("/api/v1/cameras/{climb}%2f{goal}/snapshot.jpg"),
                format!("/api/v1/cases/{climb}%2f{goal}"),
                format!("//{goal}"),
                format!("/{goal}"),
            ] {
                let answer = raw(address, get(&path, &reader).as_bytes()).await;
                let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
                let page = body.contains("id=\"app\"") || body.contains("pages were not built");
                let refused = matches!(status(&answer), 400 | 403 | 404 | 405);
                assert!(page || refused, "{path}: {answer}");
                assert!(
                    !answer.contains("root:") && !body.contains("[package]"),
                    "{path}: {answer}"
                );
            }
        }
    }
    goes_on(address).await;
}

#[tokio::test]
async fn what_is_sent_comes_back_in_no_header() {
    let console = Console::start().await;
    let address = console.listen().await;
    let reader = format!(
        "authorization: Bearer {}\r\n",
        token(&console, "reader").await
    );
    let injected = "%0d%0aset-cookie:%20evil=1%0d%0a%0d%0a<script>";
    for path in [
        format!("/{injected}"),
        format!("/api/v1/cases/{injected}"),
        format!("/api/v1/cards?rule={injected}&cursor={injected}"),
        format!("/api/v1/search?q={injected}"),
        format!("/api/v1/cameras/{injected}/snapshot.jpg"),
    ] {
        let answer = raw(address, get(&path, &reader).as_bytes()).await;
        assert!(
            !answer.to_lowercase().contains("\r\nset-cookie"),
            "{path}: {answer}"
        );
        assert!(
            !answer.contains("<script>") || answer.contains("json"),
            "{path}: {answer}"
        );
    }
    let login = json!({"login": "a\r\nset-cookie: evil=1", "password": "b\r\nx: y"}).to_string();
    let answer = raw(
        address,
        &post("/api/v1/session", "application/json", "", login.as_bytes()),
    )
    .await;
    assert_eq!(status(&answer), 401, "{answer}");
    assert!(!answer.contains("evil"), "{answer}");
    // A line break inside a header's value ends the request.
    let answer = raw(
        address,
        get("/health/live", "x: a\rset-cookie: evil=1\r\n").as_bytes(),
    )
    .await;
    assert_eq!(status(&answer), 400, "{answer}");
    goes_on(address).await;
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_it_is_kept() {
    let console = Console::start().await;
    let address = console.listen().await;
    let long = "x".repeat(64 << 10);
    let lines: String = (0..200).map(|n| format!("x-{n}: y\r\n")).collect();
    for request in [
        get("/health/live", &format!("x-long: {long}\r\n")),
        get("/health/live", &lines),
        get(&format!("/{long}"), ""),
    ] {
        let answer = raw(address, request.as_bytes()).await;
        assert!(matches!(status(&answer), 414 | 431), "{answer}");
    }
    // Only promised: not a byte of it is waited for.
    let promised = "POST /api/v1/session HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
        content-length: 99999999999\r\n\r\n";
    assert_eq!(status(&raw(address, promised.as_bytes()).await), 413);
    // Not promised: counted while it comes.
    let mut chunked = b"POST /api/v1/session HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
        transfer-encoding: chunked\r\n\r\n"
        .to_vec();
    let chunk = [b"100000\r\n".as_slice(), &vec![b' '; 1 << 20], b"\r\n"].concat();
    (0..8).for_each(|_| chunked.extend(&chunk));
    assert_eq!(status(&raw(address, &chunked).await), 413);
    let deep = "[".repeat(100_000);
    let answer = raw(
        address,
        &post("/api/v1/session", "application/json", "", deep.as_bytes()),
    )
    .await;
    assert_eq!(status(&answer), 422, "{answer}");
    let zipped = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0];
    let answer = raw(
        address,
        &post(
            "/api/v1/session",
            "application/json",
            "content-encoding: gzip\r\n",
            &zipped,
        ),
    )
    .await;
    assert!(
        status(&answer) == 415 && answer.contains("Content-Encoding"),
        "{answer}"
    );
    goes_on(address).await;
}

#[tokio::test]
async fn one_request_is_one_request() {
    let console = Console::start().await;
    let address = console.listen().await;
    let hidden = "GET /health/live HTTP/1.1\r\nhost: localhost\r\nx-hidden: yes\r\n\r\n";
    let heads = [
        format!("content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n{hidden}"),
        format!("transfer-encoding: xchunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n{hidden}"),
        format!(
            "content-length: 0\r\ncontent-length: {}\r\n\r\n{hidden}",
            hidden.len()
        ),
        format!("content-length: +0\r\n\r\n{hidden}"),
        format!("content-length : 0\r\n\r\n{hidden}"),
        format!(" content-length: 0\r\n\r\n{hidden}"),
        format!("host: elsewhere.example\r\nconnection: close\r\n\r\n{hidden}"),
        format!("transfer-encoding: chunked\r\n\r\nffffffffffffffff1\r\n{hidden}"),
        format!("x: \0\r\n\r\n{hidden}"),
    ];
    for head in heads {
        let request = format!(
            "POST /api/v1/session HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{head}"
        );
        let answer = raw(address, request.as_bytes()).await;
        assert!(status(&answer) >= 400, "{head:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{head:?}: {answer}");
    }
    let two = raw(
        address,
        get("/health/live", "host: elsewhere.example\r\n").as_bytes(),
    )
    .await;
    assert_eq!(status(&two), 400, "{two}");
    goes_on(address).await;
}

/// Asks for a socket; gives the connection and the head of the answer.
async fn upgrade(address: SocketAddr, path: &str, more: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(timeout(PATIENCE, stream.read_u8()).await.unwrap().unwrap());
    }
    (stream, String::from_utf8(head).unwrap())
}

#[tokio::test]
async fn a_socket_takes_only_its_own_page_and_small_frames() {
    let console = Console::start().await;
    let address = console.listen().await;
    let bearer = format!(
        "authorization: Bearer {}\r\n",
        token(&console, "reader").await
    );
    for foreign in [
        "http://evil.example",
        "https://localhost",
        "http://localhost:1",
        "null",
        "http://localhost.evil.example",
    ] {
        let (_, head) = upgrade(
            address,
            "/api/v1/live",
            &format!("{bearer}origin: {foreign}\r\n"),
        )
        .await;
        assert_eq!(status(&head), 403, "{foreign}: {head}");
    }
    // Masked frames with a promise of 2⁴⁰ and 5,000 bytes, a fragment that never ends, a reserved opcode, an unmasked one.
    let promise = |length: u64| {
        [
            [0x82, 0xff].as_slice(),
            &length.to_be_bytes(),
            &[0; 4],
            &[0; 1000],
        ]
        .concat()
    };
    let fragments = [[0x02, 0xfe, 0x0f, 0xa0, 0, 0, 0, 0].as_slice(), &[0; 4000]].concat();
    let endless = [
        fragments.clone(),
        [[0x00].as_slice(), &fragments[1..]].concat(),
    ]
    .concat();
    for frame in [
        promise(1 << 40),
        promise(u64::MAX),
        promise(5_000),
        endless,
        vec![0x83, 0x80, 0, 0, 0, 0],
        vec![0x81, 0x01, b'x'],
    ] {
        let own = format!("{bearer}origin: http://localhost\r\n");
        let (mut stream, head) = upgrade(address, "/api/v1/live", &own).await;
        assert_eq!(status(&head), 101, "{head}");
        let _ = stream.write_all(&frame).await;
        let mut rest = Vec::new();
        let _ = timeout(PATIENCE, stream.read_to_end(&mut rest))
            .await
            .expect("the console ends the socket");
    }
    goes_on(address).await;
}

#[tokio::test]
async fn absurd_events_spoil_neither_the_console_nor_their_batch() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().to_owned();
    let console = Console::start_with(|config| config.storage.dir = data).await;
    let address = console.listen().await;
    let url = format!("ws://{address}").parse().unwrap();
    let own = Secret::new(console.app.edge_token());
    let ingest = Ingest::start(
        console.app.config().ingest(),
        own,
        url,
        &CancellationToken::new(),
    )
    .await
    .unwrap();
    console.app.set_intake(Some(ingest.router()));
    let bearer = format!(
        "authorization: Bearer {}\r\n",
        token(&console, "source").await
    );
    let send = async |kind: &str, body: Vec<u8>| {
        let kind = format!("application/cloudevents{kind}+json");
        let begun = std::time::Instant::now();
        loop {
            let answer = raw(address, &post("/api/v1/events", &kind, &bearer, &body)).await;
            // The ingest may not have been told of the token yet.
            if !matches!(status(&answer), 401 | 503) || begun.elapsed() > PATIENCE {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let event = |id: &str, time: &str| {
        json!({"specversion": "1.0", "id": id, "source": "//approval.county", "type": "case.accepted", "subject": "A-1",
            "time": time, "data": {"hall": COUNTY, "unit": "RSJ", "item": "A"}})
    };
    let times = [
        "9999-12-31T23:59:60Z",
        "-0001-01-01T00:00:00Z",
        "+999999999-01-01T00:00:00Z",
        "0000-00-00T00:00:00Z",
        "1e400",
        "yesterday",
        "",
    ];
    let mut batch: Vec<Value> = times
        .iter()
        .map(|time| event(&format!("odd {time}"), time))
        .collect();
    let mut deep = json!(1);
    (0..100).for_each(|_| deep = json!([deep]));
    let mut nested = event("deep", "2026-11-20T09:12:00+08:00");
    nested["data"]["deep"] = deep;
    batch.push(nested);
    let now = chrono::Utc::now().to_rfc3339();
    batch.push(event("good", &now));
    let answer = send("-batch", serde_json::to_vec(&batch).unwrap()).await;
    let body: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    let taken = body["accepted"].as_u64().or(body["spooled"].as_u64());
    assert_eq!(taken, Some(1), "{answer}");
    assert_eq!(
        body["rejected"].as_array().unwrap().len(),
        times.len() + 1,
        "{answer}"
    );
    for rejection in body["rejected"].as_array().unwrap() {
        assert!(!rejection["reason"].as_str().unwrap().is_empty());
    }
    let many = vec![json!({}); 10_001];
    let answer = send("-batch", serde_json::to_vec(&many).unwrap()).await;
    assert!(
        status(&answer) == 413 && answer.contains("10001"),
        "{answer}"
    );
    let answer = send("-batch", vec![b' '; (5 << 20) + 1]).await;
    assert!(
        status(&answer) == 413 && answer.contains("5242880 bytes"),
        "{answer}"
    );
    let answer = send("", "[".repeat(1 << 20).into_bytes()).await;
    assert_eq!(status(&answer), 422, "{answer}");
    goes_on(address).await;
    ingest.stop().await;
}
