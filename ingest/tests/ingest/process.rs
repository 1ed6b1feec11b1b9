//! `mingjing-ingest` as a process: how it is used wrongly, how it ends, and what it keeps when it is killed.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::console::{Console, any_port, commit, within};
use mingjing_ingest::uplink::protocol::ToIngest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

fn program(dir: &Path, console: SocketAddr, listen: SocketAddr) -> Command {
    std::fs::write(dir.join("token"), crate::console::EDGE).unwrap();
    let config = format!(
        "name = \"t07\"\nlisten = \"{listen}\"\ndata_dir = {:?}\n",
        dir.join("data")
    );
    std::fs::write(dir.join("edge.toml"), config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mingjing-ingest"));
    command
        .args(["--console", &format!("ws://{console}/"), "--token-file"])
        .arg(dir.join("token"))
        .arg("--config")
        .arg(dir.join("edge.toml"))
        .stderr(Stdio::null())
        .kill_on_drop(true);
    command
}

/// A port that is free now.
async fn free() -> SocketAddr {
    any_port().await.local_addr().unwrap()
}

#[tokio::test]
async fn wrong_use_is_2_and_failure_is_1_with_a_sentence() {
    let bare = Command::new(env!("CARGO_BIN_EXE_mingjing-ingest"))
        .output()
        .await
        .unwrap();
    assert_eq!(bare.status.code(), Some(2));
    let help = Command::new(env!("CARGO_BIN_EXE_mingjing-ingest"))
        .arg("--help")
        .output()
        .await
        .unwrap();
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&help.stdout).contains("Example"));

    let dir = tempfile::tempdir().unwrap();
    let mut command = program(dir.path(), free().await, free().await);
    std::fs::write(dir.path().join("edge.toml"), "[spol]\n").unwrap();
    let wrong = command.stderr(Stdio::piped()).output().await.unwrap();
    assert_eq!(wrong.status.code(), Some(1));
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(said.contains("line 1") && said.contains("spol"), "{said}");
}

/// Posts one event; the status, or `None` when there was no whole answer.
async fn post(address: SocketAddr, id: &str) -> Option<u16> {
    let body = format!(
        "{{\"specversion\":\"1.0\",\"id\":\"{id}\",\"source\":\"//approval\",\"type\":\"case.accepted\",\"subject\":\"c\",\
         \"time\":\"2026-11-20T09:12:00+08:00\",\"data\":{{\"hall\":\"T07\"}}}}"
    );
    let request = format!(
        "POST /api/v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer all\r\nconnection: close\r\n\
         content-type: application/cloudevents+json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await.ok()?;
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let whole = head
        .to_ascii_lowercase()
        .contains(&format!("content-length: {}", body.len()));
    whole
        .then(|| head.split(' ').nth(1)?.parse().ok())
        .flatten()
}

async fn serving(child: &mut Child, address: SocketAddr) {
    within(async {
        while TcpStream::connect(address).await.is_err() {
            assert!(child.try_wait().unwrap().is_none(), "it ended");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn sigterm_ends_it_in_order() {
    let console = Console::good().await;
    let (dir, listen) = (tempfile::tempdir().unwrap(), free().await);
    let mut child = program(dir.path(), console.address, listen)
        .spawn()
        .unwrap();
    serving(&mut child, listen).await;
    let pid = child.id().unwrap().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .await
            .unwrap()
            .success()
    );
    assert_eq!(within(child.wait()).await.unwrap().code(), Some(0));
}

/// The process is killed again and again while senders post and the console commits, stalls and refuses by turns: every
/// event that was answered with 200 or 202 has reached the console in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_survives_kill_9() {
    let batches = AtomicU64::new(0);
    let good = Arc::new(AtomicBool::new(false));
    let always = Arc::clone(&good);
    let script: crate::console::Script =
        Arc::new(
            move |number, batch| match batches.fetch_add(1, Ordering::Relaxed) % 4 {
                1 if !always.load(Ordering::Relaxed) => None,
                3 if !always.load(Ordering::Relaxed) => Some(ToIngest::Retry {
                    number,
                    after_ms: 20,
                }),
                _ => Some(commit(number, batch)),
            },
        );
    let console = Console::start(any_port().await, script);
    let (dir, listen) = (tempfile::tempdir().unwrap(), free().await);
    let answered = Arc::new(Mutex::new(HashSet::new()));
    let done = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..4)
        .map(|sender| {
            let (answered, done) = (Arc::clone(&answered), Arc::clone(&done));
            tokio::spawn(async move {
                for n in 0u64.. {
                    if done.load(Ordering::Relaxed) {
                        return;
                    }
                    let id = format!("{sender}-{n}");
                    match post(listen, &id).await {
                        Some(200 | 202) => drop(answered.lock().await.insert(id)),
                        _ => tokio::time::sleep(Duration::from_millis(5)).await,
                    }
                }
            })
        })
        .collect();
    for _ in 0..8 {
        let mut child = program(dir.path(), console.address, listen)
            .spawn()
            .unwrap();
        serving(&mut child, listen).await;
        let before = answered.lock().await.len();
        let more = rand::random_range(1..30);
        within(async {
            while answered.lock().await.len() < before + more {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
        child.kill().await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    for sender in senders {
        within(sender).await.unwrap();
    }
    good.store(true, Ordering::Relaxed);
    let mut child = program(dir.path(), console.address, listen)
        .spawn()
        .unwrap();
    serving(&mut child, listen).await;
    let answered = answered.lock().await.clone();
    assert!(answered.len() >= 8);
    let mut missing = answered;
    while !missing.is_empty() {
        for id in console.batch().await.0 {
            missing.remove(&id);
        }
    }
}

/// Runs `secret …` with `input`; gives what it prints.
async fn secret(config: &Path, arguments: &[&str], input: &str) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mingjing-ingest"))
        .arg("secret")
        .args(arguments)
        .arg("--config")
        .arg(config)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    let output = child.wait_with_output().await.unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{error}");
    assert!(!error.contains("geheim"), "{error}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn a_password_is_sealed_and_stays_readable_under_a_new_key() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("edge.toml");
    let head = format!("data_dir = {:?}\n", dir.path().join("data"));
    std::fs::write(&file, &head).unwrap();
    let sealed = secret(&file, &["seal", "--camera", "t07-1"], "geheim-3\n").await;
    assert!(sealed.starts_with("sealed:") && !sealed.contains("geheim"));
    let camera =
        "[[camera]]\nid = \"t07-1\"\nhall = \"h\"\nurl = \"rtsp://c/\"\nusername = \"u\"\n";
    std::fs::write(&file, format!("{head}{camera}password = \"{sealed}\"\n")).unwrap();
    let key = || std::fs::read_to_string(dir.path().join("data/secret.key")).unwrap();
    let password = || {
        let config: mingjing_ingest::config::IngestConfig =
            mingjing_ingest::config::load(Some(&file)).unwrap();
        let cameras = config.cameras().unwrap();
        cameras[0]
            .session
            .password
            .as_ref()
            .unwrap()
            .expose()
            .to_owned()
    };
    let first = key();
    assert_eq!(password(), "geheim-3");
    let said = secret(&file, &["rotate"], "").await;
    assert!(said.contains("1 passwords"), "{said}");
    assert_eq!(password(), "geheim-3");
    assert!(key() != first && key().lines().count() == 1);
    assert!(!std::fs::read_to_string(&file).unwrap().contains(&sealed));
}
