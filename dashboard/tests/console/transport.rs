//! The way in: TLS, proxies, headers, bounds; on real connections.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::common::Console;
use mingjing_dashboard::config::{Config, Tls};
use mingjing_dashboard::replay::post;
use mingjing_ingest::Ingest;
use mingjing_ingest::camera::Secret;
use mingjing_ingest::config::{IngestConfig, UplinkConfig};
use mingjing_ingest::uplink::LinkState;
use mingjing_monitor::event::CaseEvent;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(30);

/// Writes a new certificate for `localhost` with its key.
fn certificate(dir: &Path) -> Tls {
    let new = rcgen::generate_simple_self_signed(["localhost".into()]).unwrap();
    let tls = Tls {
        cert: dir.join("cert.pem"),
        key: dir.join("key.pem"),
    };
    std::fs::write(&tls.cert, new.cert.pem()).unwrap();
    std::fs::write(&tls.key, new.signing_key.serialize_pem()).unwrap();
    tls
}

/// A TLS connection that trusts the certificate in `cert` alone.
async fn secure(
    address: SocketAddr,
    cert: &Path,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(cert).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

/// Sends `request` and reads until the other side ends.
async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &[u8]) -> String {
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    // A cut connection ends the answer too.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer))
        .await
        .expect("the console ends the connection");
    String::from_utf8_lossy(&answer).into_owned()
}

async fn plain(address: SocketAddr, request: &[u8]) -> String {
    exchange(TcpStream::connect(address).await.unwrap(), request).await
}

fn get(path: &str, more: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{more}\r\n")
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}

#[tokio::test]
async fn tls_is_spoken_in_both_versions_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let tls = certificate(dir.path());
    let cert = tls.cert.clone();
    let console = Console::start_with(|config| config.server.tls = Some(tls)).await;
    let address = console.listen().await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let stream = secure(address, &cert, &[version]).await.unwrap();
        let answer = exchange(stream, get("/health/live", "").as_bytes()).await;
        assert_eq!(status(&answer), "200", "{answer}");
        assert!(answer.contains("strict-transport-security: max-age=31536000"));
    }
    let told = plain(address, get("/health/live", "").as_bytes()).await;
    assert!(
        status(&told) == "400" && told.contains("https://"),
        "{told}"
    );
}

#[tokio::test]
async fn garbage_in_a_handshake_harms_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let tls = certificate(dir.path());
    let cert = tls.cert.clone();
    let console = Console::start_with(|config| config.server.tls = Some(tls)).await;
    let address = console.listen().await;
    let records: [&[u8]; 4] = [
        &[22; 4096],
        // A record that promises more than TLS allows.
        &[22, 3, 1, 0xff, 0xff, 1, 2, 3],
        // A hello of SSL 3.
        &[22, 3, 0, 0, 5, 1, 0, 0, 1, 0],
        &[22, 3, 3, 0, 0],
    ];
    for garbage in records {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(garbage).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = timeout(PATIENCE, stream.read_to_end(&mut answer))
            .await
            .expect("the console ends the connection");
        // An alert at most, never HTTP.
        assert!(answer.len() < 32 && !answer.starts_with(b"HTTP"));
    }
    let stream = secure(address, &cert, rustls::ALL_VERSIONS).await.unwrap();
    let answer = exchange(stream, get("/health/live", "").as_bytes()).await;
    assert_eq!(status(&answer), "200");
}

#[tokio::test]
async fn a_renewed_certificate_is_served_without_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let tls = certificate(dir.path());
    let cert = tls.cert.clone();
    let console = Console::start_with(|config| config.server.tls = Some(tls)).await;
    let address = console.listen().await;
    let mut old = secure(address, &cert, rustls::ALL_VERSIONS).await.unwrap();
    certificate(dir.path());
    let renewed = async {
        // The new certificate is trusted alone: the handshake succeeds once it is served.
        while secure(address, &cert, rustls::ALL_VERSIONS).await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(PATIENCE, renewed).await.expect("it is served");
    // Who was connected goes on.
    old.write_all(get("/health/live", "").as_bytes())
        .await
        .unwrap();
    let mut answer = [0; 12];
    old.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
}

#[tokio::test]
async fn every_answer_carries_the_headers() {
    let console = Console::start().await;
    let address = console.listen().await;
    for path in [
        "/",
        "/health/live",
        "/api/v1/overview",
        "/api/nothing",
        "/assets/nothing.js",
    ] {
        let answer = plain(address, get(path, "").as_bytes()).await;
        for header in [
            "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self';",
            "frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "referrer-policy: same-origin",
            "cross-origin-opener-policy: same-origin",
            "cross-origin-resource-policy: same-origin",
            "permissions-policy: camera=()",
        ] {
            assert!(answer.contains(header), "{path}: no {header}: {answer}");
        }
        assert!(!answer.contains("unsafe"), "{answer}");
        assert!(!answer.contains("strict-transport"), "plain HTTP");
        assert!(
            !path.starts_with("/api/") || answer.contains("cache-control: no-store"),
            "{path}: {answer}"
        );
    }
}

/// A console that sits behind a proxy on this machine.
fn behind_a_proxy(config: &mut Config) {
    config.server.trusted_proxies = vec!["127.0.0.0/8".to_owned().try_into().unwrap()];
}

#[tokio::test]
async fn what_a_proxy_says_counts_only_from_a_trusted_one() {
    let said = "x-forwarded-for: 198.51.100.7\r\nx-forwarded-proto: https\r\n";
    let trusting = Console::start_with(behind_a_proxy).await.listen().await;
    let answer = plain(trusting, get("/health/live", said).as_bytes()).await;
    assert!(answer.contains("strict-transport-security"), "{answer}");
    let console = Console::start().await;
    let wary = console.listen().await;
    let answer = plain(wary, get("/health/live", said).as_bytes()).await;
    assert!(!answer.contains("strict-transport-security"), "{answer}");
    // The metrics are for this machine, and not for what comes through it.
    let answer = plain(wary, get("/metrics", said).as_bytes()).await;
    assert_eq!(status(&answer), "401");
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let console = Console::start_with(|config| {
        behind_a_proxy(config);
        config.limits.requests_per_address = 2;
    })
    .await;
    let address = console.listen().await;
    let ask = async |from: &str| {
        let from = format!("x-forwarded-for: {from}\r\n");
        plain(address, get("/health/live", &from).as_bytes()).await
    };
    let mut refused = None;
    for _ in 0..60 {
        let answer = ask("198.51.100.7").await;
        if status(&answer) == "429" {
            refused = Some(answer);
            break;
        }
        assert_eq!(status(&answer), "200");
    }
    let refused = refused.expect("the bucket is empty at last").to_lowercase();
    assert!(refused.contains("retry-after: 1\r\n"), "{refused}");
    assert!(refused.contains("/problems/too-many"), "{refused}");
    assert_eq!(status(&ask("198.51.100.8").await), "200", "another address");
    // This machine is not counted.
    for _ in 0..60 {
        let answer = plain(address, get("/health/live", "").as_bytes()).await;
        assert_eq!(status(&answer), "200");
    }
}

#[tokio::test]
async fn an_ingest_reaches_the_console_over_tls_and_only_the_one_that_it_trusts() {
    let dir = tempfile::tempdir().unwrap();
    let tls = certificate(dir.path());
    let trusted = tls.cert.clone();
    let console = Console::start_with(|config| config.server.tls = Some(tls)).await;
    let address = console.listen().await;
    let other = tempfile::tempdir().unwrap();
    let stranger = certificate(other.path()).cert;
    let ingest = async |ca_file: &Path, data: &str| {
        let config = IngestConfig {
            data_dir: dir.path().join(data),
            uplink: UplinkConfig {
                ca_file: Some(ca_file.to_owned()),
                ..UplinkConfig::default()
            },
            ..IngestConfig::default()
        };
        let url = format!("wss://localhost:{}", address.port())
            .parse()
            .unwrap();
        let token = Secret::new(console.app.edge_token());
        Ingest::start(config, token, url, &CancellationToken::new())
            .await
            .unwrap()
    };
    let link = async |ingest: &Ingest, wanted: fn(&LinkState) -> bool| {
        let mut link = ingest.link();
        let state = timeout(PATIENCE, link.wait_for(wanted)).await;
        state.expect("the link comes to it").unwrap().clone()
    };
    let good = ingest(&trusted, "good").await;
    link(&good, |link| *link == LinkState::Up).await;
    let wary = ingest(&stranger, "wary").await;
    let down = link(&wary, |link| matches!(link, LinkState::Down { .. })).await;
    assert!(format!("{down:?}").contains("certificate"), "{down:?}");

    // A replay posts to the same console.
    console.app.set_intake(Some(good.router()));
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = format!("https://localhost:{}", address.port())
        .parse()
        .unwrap();
    let event = console.event(
        "a",
        "case.accepted",
        "A-1",
        "T1",
        "RSJ",
        serde_json::json!({}),
    );
    let now = chrono::Utc::now();
    let event = CaseEvent::from_cloudevent(&event, now, chrono_tz::Asia::Shanghai).unwrap();
    let send = async |client: reqwest::Client| {
        post::post(
            &client,
            &url,
            "no such token",
            std::slice::from_ref(&event),
            |_| {},
        )
        .await
        .unwrap_err()
        .to_string()
    };
    let heard = send(post::client(Some(&trusted)).unwrap()).await;
    assert!(heard.contains("401"), "{heard}");
    for wary in [Some(stranger.as_path()), None] {
        let refused = send(post::client(wary).unwrap()).await;
        assert!(refused.contains("--ca-file"), "{refused}");
    }
    good.stop().await;
    wary.stop().await;
}
