//! Mail, through a server that others made (PyPI's aiosmtpd).

use std::path::{Path, PathBuf};
use std::process::Stdio;

use rcgen::generate_simple_self_signed;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::world::{World, count};
use crate::common::TOWN_1;

struct Server {
    port: u16,
    lines: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl Server {
    async fn start(dir: &Path) -> Self {
        let oracles = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/oracles"));
        let setup = Command::new(oracles.join("setup")).output().await.unwrap();
        assert!(
            setup.status.success(),
            "{}",
            String::from_utf8_lossy(&setup.stderr)
        );
        let packages = String::from_utf8(setup.stdout).unwrap().trim().to_owned();
        let mut process = Command::new("python3")
            .arg(oracles.join("smtp.py"))
            .args([dir.join("cert.pem"), dir.join("key.pem")])
            .args(["console", "pass-4715-word"])
            .env("PYTHONPATH", packages)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let ready = lines
            .next_line()
            .await
            .unwrap()
            .expect("the mail server starts");
        let port = ready.strip_prefix("ready ").unwrap().parse().unwrap();
        Self {
            port,
            lines,
            _process: process,
        }
    }

    async fn letter(&mut self) -> Value {
        serde_json::from_str(&self.lines.next_line().await.unwrap().unwrap()).unwrap()
    }
}

fn settings(port: u16) -> Value {
    json!({"host": "localhost", "port": port, "user": "console", "from": "mingjing@county.example", "from_name": "明镜监察"})
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_go_out_encrypted_with_a_login_and_refusals_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let made = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(dir.path().join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(dir.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let mut server = Server::start(dir.path()).await;
    let ca = dir.path().join("cert.pem");
    let world = World::build_with(move |config| config.channels.ca_file = Some(ca)).await;
    let channel = world
        .channel(
            "mail",
            settings(server.port),
            json!({"password": "pass-4715-word"}),
        )
        .await;
    for to in [
        "nobody@county.example",
        "busy@county.example",
        "li@county.example",
    ] {
        world.subscribe(channel, json!({"address": to})).await;
    }
    world.console.overdue("case-1", TOWN_1, "RSJ").await;
    world
        .until("one is told to come back", |log| {
            count(log, "retrying") == 1
        })
        .await;
    world.time_comes().await;
    let log = world
        .until("two are sent, one is refused", |log| {
            count(log, "sent") == 2 && count(log, "not_sent") == 1
        })
        .await;
    let of = |shown: &str| log.iter().find(|row| row["recipient"] == shown).unwrap();
    assert_eq!(of("n***@county.example")["reason"], "refused");
    assert_eq!(
        of("b***@county.example")["attempts"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert!(
        !format!("{log:?}").contains("li@county"),
        "addresses are masked"
    );
    for _ in 0..2 {
        let letter = server.letter().await;
        assert_eq!(letter["tls"], true);
        let text = letter["letter"].as_str().unwrap();
        assert!(
            text.contains("Message-ID: <d-")
                && text.contains("Content-Type: text/plain; charset=utf-8"),
            "{text}"
        );
    }

    let body = json!({"name": "wrong", "kind": "mail", "settings": settings(server.port), "secrets": {"password": "no"}, "enabled": false});
    let (_, made) = world
        .console
        .post_json("/api/v1/channels", Some(&world.sysadmin), body)
        .await;
    let path = format!("/api/v1/channels/{}/test", made["id"]);
    let (_, tested) = world
        .console
        .post_json(
            &path,
            Some(&world.sysadmin),
            json!({"to": "li@county.example"}),
        )
        .await;
    assert_eq!(tested["reason"], "credentials", "{tested}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_certificate_nobody_vouches_for_gets_no_password() {
    let dir = tempfile::tempdir().unwrap();
    let made = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(dir.path().join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(dir.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let server = Server::start(dir.path()).await;
    let world = World::build().await;
    let channel = world
        .channel(
            "mail",
            settings(server.port),
            json!({"password": "pass-4715-word"}),
        )
        .await;
    let path = format!("/api/v1/channels/{channel}/test");
    let (_, tested) = world
        .console
        .post_json(
            &path,
            Some(&world.sysadmin),
            json!({"to": "li@county.example"}),
        )
        .await;
    assert_eq!(tested["reason"], "unreachable", "{tested}");
    assert!(
        tested["answer"].as_str().unwrap().contains("certificate"),
        "{tested}"
    );
}
