//! What real cameras answer, replayed to a session: each answer leads to a state that says what is so.

use std::path::Path;

use crate::support::{shared, spawn, until};
use mingjing_ingest::camera::{CameraConfig, CameraState, Secret};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A server that answers DESCRIBE with `describe` and refuses every SETUP with 461: a session that gets so far has
/// understood the description and chosen a stream.
async fn replay(describe: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(answer(connection, describe.clone()));
        }
    });
    port
}

async fn answer(connection: TcpStream, describe: Vec<u8>) -> Option<()> {
    let (read, mut write) = connection.into_split();
    let mut lines = BufReader::new(read).lines();
    loop {
        let method = lines.next_line().await.ok()??;
        let mut cseq = String::new();
        loop {
            let line = lines.next_line().await.ok()??;
            if line.is_empty() {
                break;
            }
            if let Some(number) = line.strip_prefix("CSeq: ") {
                cseq = number.to_owned();
            }
        }
        let answer = if method.starts_with("DESCRIBE") {
            with_cseq(&describe, &cseq)
        } else {
            format!("RTSP/1.0 461 Unsupported Transport\r\nCSeq: {cseq}\r\n\r\n").into_bytes()
        };
        write.write_all(&answer).await.ok()?;
    }
}

/// The recorded answer with the number of this request.
fn with_cseq(recorded: &[u8], cseq: &str) -> Vec<u8> {
    let end = recorded
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap_or(recorded.len());
    let (head, body) = recorded.split_at(end);
    let head = String::from_utf8_lossy(head);
    let mut lines: Vec<&str> = head
        .split("\r\n")
        .filter(|line| !line.to_ascii_lowercase().starts_with("cseq:"))
        .collect();
    let number = format!("CSeq: {cseq}");
    lines.insert(1, &number);
    [lines.join("\r\n").as_bytes(), body].concat()
}

/// A whole answer: some recordings hold the description alone.
fn recorded(file: &Path) -> Vec<u8> {
    let content = std::fs::read(file).unwrap();
    if content.starts_with(b"RTSP/") {
        return content;
    }
    let head = format!(
        "RTSP/1.0 200 OK\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n",
        content.len()
    );
    [head.as_bytes(), &content].concat()
}

#[tokio::test]
async fn recorded_descriptions_lead_to_their_stream_or_to_a_clear_state() {
    let Some(folder) = shared("parsers/rtsp-sdp") else {
        return;
    };
    let names = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let is_description = |name: &String| {
        name.contains("describe") || name.ends_with("_sdp.txt") || name.contains("unauthorized")
    };
    let mut names: Vec<String> = names.filter(is_description).collect();
    names.sort();
    assert!(names.len() >= 20, "{names:?}");
    for name in names {
        let port = replay(recorded(&folder.join(&name))).await;
        let mut config = CameraConfig::new(
            name.clone(),
            format!("rtsp://127.0.0.1:{port}/main").parse().unwrap(),
        );
        config.username = Some("admin".into());
        config.password = Some(Secret::new("secret"));
        let camera = spawn(config);
        let health = until(&camera, |health| health.state != CameraState::Connecting).await;
        let expected = match name.as_str() {
            "longse_unauthorized.txt" => (CameraState::WrongPassword, None),
            _ => (CameraState::Error, Some("RTSP status 461")),
        };
        assert_eq!((health.state, health.detail.as_deref()), expected, "{name}");
    }
}

#[tokio::test]
async fn damaged_descriptions_lead_to_a_clear_state() {
    let Some(folder) = shared("parsers/rtsp-sdp") else {
        return;
    };
    let whole = recorded(&folder.join("hikvision_describe.txt"));
    for cut in (0..whole.len()).step_by(97) {
        // The end is missing, so the camera says nothing more; or a byte is another.
        let mut flipped = whole.clone();
        flipped[cut] ^= 0x5A;
        let port = replay(flipped).await;
        let camera = spawn(CameraConfig::new(
            "x",
            format!("rtsp://127.0.0.1:{port}/main").parse().unwrap(),
        ));
        let health = until(&camera, |health| health.state != CameraState::Connecting).await;
        assert!(!health.state.is_live(), "{cut}: {health:?}");
    }
}
