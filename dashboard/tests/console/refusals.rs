//! What is refused is refused clearly, and stands in the audit log: each thing that somebody may try, on a real connection, and
//! the entry that it leaves, read from the table.

use std::net::SocketAddr;
use std::time::Duration;

use crate::common::wire::{PATIENCE, get, goes_on, post, raw, status};
use crate::common::{COUNTY, Console, PASSWORD, Person};
use mingjing_dashboard::auth::secret;
use mingjing_dashboard::transport::listener::Patience;
use mingjing_monitor::store::audit;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// Everything about a person that a browser would send.
fn signed(person: &Person) -> String {
    let lines = person.headers().into_iter();
    lines
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect()
}

/// Waits for the entry of a refusal whose subject holds `subject` and whose facts hold `why`.
async fn entry(console: &Console, subject: &str, why: &str) {
    let found = async {
        loop {
            let there: bool = sqlx::query_scalar(
                "SELECT EXISTS (SELECT FROM audit WHERE action = 'access.denied'
                   AND strpos(coalesce(subject, ''), $1) > 0 AND strpos(after, $2) > 0 AND address = '127.0.0.1')",
            )
            .bind(subject)
            .bind(why)
            .fetch_one(console.app.db())
            .await
            .unwrap();
            if there {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    if timeout(Duration::from_secs(10), found).await.is_err() {
        let all: Vec<(Option<String>, Option<String>)> =
            sqlx::query_as("SELECT subject, after FROM audit WHERE action = 'access.denied'")
                .fetch_all(console.app.db())
                .await
                .unwrap();
        panic!("no entry for {subject:?}, {why:?}: {all:#?}");
    }
}

/// Asks, expects this status and kind of problem, and the entry of it.
async fn refused(
    console: &Console,
    address: SocketAddr,
    request: impl AsRef<[u8]>,
    (code, kind): (u16, &str),
    subject: &str,
) {
    let answer = raw(address, request.as_ref()).await;
    assert_eq!(status(&answer), code, "{subject}: {answer}");
    assert!(
        answer.contains(&format!("/problems/{kind}")),
        "{subject}: {answer}"
    );
    assert!(answer.contains("\"detail\":"), "{subject}: {answer}");
    entry(console, subject, &format!("\"why\":\"{kind}\"")).await;
}

#[tokio::test]
async fn sessions_that_are_none_any_more() {
    let console = Console::start().await;
    let address = console.listen().await;
    console.account("wang", "leader", COUNTY, None).await;
    let unknown = async |person: &Person, path: &str| {
        let request = get(path, &signed(person));
        refused(&console, address, request, (401, "unauthenticated"), path).await;
    };
    // Made up.
    let forged = Person {
        cookie: format!("mingjing_session={}", secret::random()),
        csrf: Some("x".into()),
        login: "wang".into(),
    };
    unknown(&forged, "/api/v1/cases").await;
    // Planted before somebody signs in (fixation): it does not become theirs.
    let body = json!({"login": "wang", "password": PASSWORD});
    let (_, _, wang) = console
        .step("/api/v1/session", Some(&forged), body.clone())
        .await;
    let wang = wang.unwrap();
    assert_ne!(wang.cookie, forged.cookie);
    unknown(&forged, "/api/v1/cards").await;
    // Rotated away by the next sign-in of the same browser.
    let (_, _, again) = console.step("/api/v1/session", Some(&wang), body).await;
    let again = again.unwrap();
    unknown(&wang, "/api/v1/overview").await;
    // Out of time.
    sqlx::query("UPDATE session SET expires = now() WHERE hash = $1")
        .bind(again.hash())
        .execute(console.app.db())
        .await
        .unwrap();
    unknown(&again, "/api/v1/matrix").await;
    // Replayed after the sign-out.
    let wang = console.sign_in("wang").await;
    let sign_out = format!(
        "DELETE /api/v1/session HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{}\r\n",
        signed(&wang)
    );
    assert_eq!(status(&raw(address, sign_out.as_bytes()).await), 204);
    unknown(&wang, "/api/v1/sources").await;
    goes_on(address).await;
}

#[tokio::test]
async fn requests_of_foreign_pages() {
    let console = Console::start().await;
    let address = console.listen().await;
    console.account("wang", "leader", COUNTY, None).await;
    let wang = console.sign_in("wang").await;
    let cookie = signed(&wang.without_csrf());
    let wrong = format!("{cookie}x-csrf-token: {}\r\n", secret::random());
    for (headers, path) in [
        (&cookie, "/api/v1/account/totp"),
        (&wrong, "/api/v1/account/recovery-codes"),
    ] {
        let request = post(path, "application/json", headers, b"{}");
        refused(&console, address, request, (403, "csrf"), path).await;
    }
    let login = json!({"login": "wang", "password": PASSWORD}).to_string();
    let foreign = "sec-fetch-site: cross-site\r\norigin: http://evil.example\r\n";
    let request = post(
        "/api/v1/session",
        "application/json",
        foreign,
        login.as_bytes(),
    );
    refused(
        &console,
        address,
        request,
        (403, "forbidden"),
        "POST /api/v1/session",
    )
    .await;
    for path in ["/api/v1/live", "/api/v1/cameras/c1/live"] {
        let socket = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
            sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\norigin: http://evil.example\r\n";
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{socket}{cookie}\r\n");
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = [0; 64];
        let read = timeout(PATIENCE, stream.read(&mut head))
            .await
            .unwrap()
            .unwrap();
        let head = String::from_utf8_lossy(&head[..read]);
        assert_eq!(status(&head), 403, "{path}: {head}");
        let route = path.replace("c1", "{id}");
        entry(&console, &route, "\"why\":\"forbidden\"").await;
    }
    goes_on(address).await;
}

#[tokio::test]
async fn paths_that_climb() {
    let console = Console::start().await;
    let address = console.listen().await;
    console.account("wang", "leader", COUNTY, None).await;
    let wang = signed(&console.sign_in("wang").await);
    for path in [
        "/api/v1/cameras/..%2f..%2f..%2fetc%2fpasswd/snapshot.jpg",
        "/api/v1/cameras/%2e%2e/live",
        "/api/v1/cameras/c1/../c2/snapshot.jpg",
        "/api/v1/cameras/c1%00/thumbnail.jpg",
        "/api/v1/cases/%252e%252e%252fsecret.key",
        "/assets/../../../../etc/passwd",
        "/assets/..%5c..%5cmingjing.toml",
        "/assets/%c0%ae%c0%ae/Cargo.toml",
        "/..;/..;/etc/passwd",
    ] {
        refused(&console, address, get(path, &wang), (400, "path"), path).await;
    }
    goes_on(address).await;
}

#[tokio::test]
async fn requests_that_are_too_large_or_say_two_things() {
    let console = Console::start().await;
    let address = console.listen().await;
    let promised = "POST /api/v1/session HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
        content-length: 99999999999\r\n\r\n";
    let route = "POST /api/v1/session";
    refused(&console, address, promised, (413, "too-large"), route).await;
    // Not promised: counted while it comes; told of the route that read it.
    let path = "/api/v1/session/totp";
    console.account("li", "inspector", COUNTY, None).await;
    let (_, _, half) = console.password("li", PASSWORD).await;
    let mut chunked = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
         transfer-encoding: chunked\r\n{}\r\n",
        signed(&half.unwrap())
    )
    .into_bytes();
    let chunk = [b"100000\r\n".as_slice(), &vec![b' '; 1 << 20], b"\r\n"].concat();
    (0..8).for_each(|_| chunked.extend(&chunk));
    refused(&console, address, chunked, (413, "too-large"), path).await;
    // An expansion bomb: not a byte of it is expanded.
    let coded = "content-encoding: gzip\r\n";
    let bomb = post(
        "/api/v1/events",
        "application/json",
        coded,
        &[0x1f, 0x8b, 8, 0],
    );
    refused(
        &console,
        address,
        bomb,
        (415, "compressed"),
        "POST /api/v1/events",
    )
    .await;
    let two = get("/api/v1/halls", "host: elsewhere.example\r\n");
    refused(&console, address, two, (400, "ambiguous"), "/api/v1/halls").await;

    let long = get(
        "/health/live",
        &format!("x-long: {}\r\n", "x".repeat(64 << 10)),
    );
    assert_eq!(status(&raw(address, long.as_bytes()).await), 431);
    entry(&console, "", "head too large").await;
    // A line break inside a header's value, and two lengths.
    for broken in [
        "x: a\rset-cookie: evil=1\r\n",
        "content-length: 1\r\ncontent-length: 2\r\n",
    ] {
        let answer = raw(address, get("/health/live", broken).as_bytes()).await;
        assert_eq!(status(&answer), 400, "{answer}");
        assert!(!answer.contains("evil"), "{answer}");
    }
    entry(&console, "", "malformed request").await;
    goes_on(address).await;
    let verdict = audit::verify(console.app.db(), &[], |_, _| {})
        .await
        .unwrap();
    assert!(verdict.fault.is_none(), "{verdict:?}");
}

#[tokio::test]
async fn requests_that_never_end() {
    let console = Console::start().await;
    let short = Duration::from_millis(400);
    let address = console
        .listen_with(Patience {
            head: short,
            body: short,
            ..Patience::default()
        })
        .await;
    // A connection that only waits for its next request is no harm, and nobody hears of it.
    let mut idle = TcpStream::connect(address).await.unwrap();
    let request = "GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n";
    idle.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    timeout(PATIENCE, idle.read_to_end(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(status(&String::from_utf8_lossy(&answer)), 200);

    let body = "POST /api/v1/session HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
        content-length: 100\r\n\r\n{";
    let route = "POST /api/v1/session";
    refused(&console, address, body, (408, "timeout"), route).await;
    let told: i64 = sqlx::query_scalar("SELECT count(*) FROM audit WHERE after LIKE '%slow%'")
        .fetch_one(console.app.db())
        .await
        .unwrap();
    assert_eq!(told, 0);
    let answer = raw(address, b"GET /api/v1/cases HTTP/1.1\r\nhost: loc").await;
    assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
    entry(&console, "", "head too slow").await;
    goes_on(address).await;
}

/// What the pages themselves ask for is no news.
#[tokio::test]
async fn what_is_asked_as_it_should_be_leaves_no_entry() {
    let console = Console::start().await;
    let address = console.listen().await;
    for path in [
        "/",
        "/signin",
        "/assets/none.js",
        "/api/v1/session",
        "/health/ready",
    ] {
        raw(address, get(path, "").as_bytes()).await;
    }
    let denied: Vec<Value> =
        sqlx::query_scalar("SELECT to_jsonb(audit) FROM audit WHERE action = 'access.denied'")
            .fetch_all(console.app.db())
            .await
            .unwrap();
    assert!(denied.is_empty(), "{denied:?}");
}
