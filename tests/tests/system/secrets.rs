//! Passwords of cameras and secrets of channels through a whole run: in no log, no answer, no row of the database.

use std::time::Duration;

use mingjing_tests::county::{COUNTY, TOWN_1};
use mingjing_tests::stage::{Stage, wait_for};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Row};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

const PATIENCE: Duration = Duration::from_secs(60);
/// One stands sealed in the configuration, one as it is.
const SEALED: &str = "Spiegel-hoch-4711";
const PLAIN: &str = "Spiegel-tief-4712";
/// What a channel signs with.
const CHANNEL: &str = "Spiegel-weit-4713";

/// A camera that knows no password, and asks for it in the way that shows it: gives its address.
async fn camera() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (reading, mut writing) = stream.into_split();
                let mut lines = BufReader::new(reading).lines();
                let mut cseq = String::new();
                while let Ok(Some(line)) = lines.next_line().await {
                    if let Some(number) = line.strip_prefix("CSeq:") {
                        cseq = number.trim().to_owned();
                    }
                    if line.is_empty() {
                        let answer = format!(
                            "RTSP/1.0 401 Unauthorized\r\nCSeq: {cseq}\r\nWWW-Authenticate: Basic realm=\"hall\"\r\n\r\n"
                        );
                        writing.write_all(answer.as_bytes()).await.ok();
                    }
                }
            });
        }
    });
    address
}

/// A service that takes whatever a channel sends: its address.
async fn service() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let taken = axum::Router::new().fallback(|| async { axum::http::StatusCode::NO_CONTENT });
    tokio::spawn(async move { axum::serve(listener, taken).await });
    address
}

/// How the secrets of the only channel lie in the database.
async fn envelope(stage: &Stage) -> String {
    let pool = sqlx::PgPool::connect(&stage.database.url).await.unwrap();
    sqlx::query_scalar("SELECT secrets FROM channel")
        .fetch_one(&pool)
        .await
        .unwrap()
}

/// What nobody may find: each password, and as `Basic` carries it.
fn needles() -> Vec<String> {
    // base64 of "viewer:Spiegel-hoch-4711" and of "viewer:Spiegel-tief-4712".
    let basic = [
        "dmlld2VyOlNwaWVnZWwtaG9jaC00NzEx",
        "dmlld2VyOlNwaWVnZWwtdGllZi00NzEy",
    ];
    let plain = [SEALED, PLAIN, CHANNEL];
    plain.into_iter().chain(basic).map(str::to_owned).collect()
}

fn assert_clean(place: &str, text: &str) {
    for needle in needles() {
        let at = text.find(&needle).map(|at| {
            let from = text[..at].rfind('\n').map_or(0, |end| end + 1);
            text[from..].lines().next().unwrap_or_default().to_owned()
        });
        assert!(at.is_none(), "{place} holds {needle}: {at:?}");
    }
}

/// How a check of `mingjing doctor --json` came out.
fn verdict(said: &str, check: &str) -> String {
    let said: Value = serde_json::from_str(said).unwrap();
    let checks = said["checks"].as_array().unwrap();
    let found = checks.iter().find(|found| found["check"] == check);
    found.unwrap()["verdict"].as_str().unwrap().to_owned()
}

/// Every row of every table, as text.
async fn everything(stage: &Stage) -> String {
    let pool = sqlx::PgPool::connect(&stage.database.url).await.unwrap();
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert!(tables.iter().any(|table| table == "camera"), "{tables:?}");
    let mut text = String::new();
    for table in tables {
        let query = format!("SELECT t::text AS row FROM \"{table}\" t");
        let rows = sqlx::query(AssertSqlSafe(query))
            .fetch_all(&pool)
            .await
            .unwrap();
        rows.iter()
            .for_each(|row| text += &format!("{table}: {}\n", row.get::<String, _>("row")));
    }
    text
}

#[tokio::test]
async fn passwords_and_secrets_of_channels_come_out_nowhere_and_outlive_a_new_key() {
    let mut stage = Stage::new(&[]).await;
    stage.kill().await;
    let sealed = stage
        .run(&["secret", "seal", "--camera", "sealed"], SEALED)
        .await;
    let address = camera().await;
    let entry = |id: &str, hall: &str, password: &str| {
        format!(
            "[[camera]]\nid = \"{id}\"\nhall = \"{hall}\"\nurl = \"rtsp://{address}/main\"\nusername = \"viewer\"\npassword = \"{password}\"\n"
        )
    };
    let file = stage.path("mingjing.toml");
    let old = std::fs::read_to_string(&file).unwrap();
    let cameras = [
        entry("sealed", COUNTY, sealed.trim()),
        entry("plain", TOWN_1, PLAIN),
    ]
    .concat();
    std::fs::write(&file, format!("{old}\n[log]\nlevel = \"debug\"\n{cameras}")).unwrap();
    stage.start().await;
    let token = stage.token(&["--role", "reader"]).await;

    stage.account("sysadmin", "sysadmin", COUNTY).await;
    let (_, mut sysadmin) = stage.enrol("sysadmin").await;
    let made = json!({
        "name": "office", "kind": "webhook", "enabled": true,
        "settings": {"url": format!("http://{}/in", service().await)}, "secrets": {"secret": CHANNEL},
    });
    let made = stage.post("/channels", &mut sysadmin, &made).await;
    assert_eq!(made["secrets"], json!(["secret"]), "{made}");
    let test = format!("/channels/{}/test", made["id"]);
    let tested = stage
        .post(&test, &mut sysadmin, &json!({"language": "en"}))
        .await;
    assert_eq!(tested["sent"], true, "{tested}");

    // Both were tried, and refused by the camera: the state has come to the database.
    wait_for("the cameras' health is known", PATIENCE, async || {
        let text = everything(&stage).await;
        ["sealed", "plain"].iter().all(|id| {
            let mut health = text.lines().filter(|line| line.starts_with("camera_"));
            health.any(|line| line.contains(id))
        })
    })
    .await;
    let said = stage.run(&["doctor", "--json"], "").await;
    assert!(
        said.contains("in the clear in the configuration: plain"),
        "{said}"
    );
    assert_eq!(verdict(&said, "channel office"), "ok", "{said}");
    assert_clean("doctor", &said);

    let client = reqwest::Client::new();
    let get = async |path: &str| {
        let answer = client
            .get(format!("{}{path}", stage.url))
            .bearer_auth(&token);
        answer.send().await.unwrap().text().await.unwrap()
    };
    let document = get("/api/openapi.json").await;
    assert_clean("the OpenAPI document", &document);
    let document: Value = serde_json::from_str(&document).unwrap();
    for path in document["paths"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .chain(["/metrics", "/health/ready"])
    {
        let path = path
            .replace("{id}", "sealed")
            .replace("{no}", "sealed")
            .replace("{month}", "2026-11");
        assert_clean(&path, &get(&path).await);
    }
    let before = envelope(&stage).await;
    let said = stage.run(&["secret", "rotate"], "").await;
    assert!(
        said.contains("1 passwords, 1 second factors and the secrets of 1 channels sealed again"),
        "{said}"
    );
    assert_ne!(envelope(&stage).await, before);
    // A running console opens them with the new key, and so does one that starts with it.
    for start in [false, true] {
        if start {
            stage.kill().await;
            stage.start().await;
        }
        let tested = stage
            .post(&test, &mut sysadmin, &json!({"language": "en"}))
            .await;
        assert_eq!(tested["sent"], true, "{tested}");
    }
    assert_clean("the database", &everything(&stage).await);
    let log = stage.log();
    assert!(log.contains("DEBUG"), "the log is detailed");
    assert_clean("the log", &log);
}
