//! Cameras that are given to an edge: sent to it, changed and taken away, refused where they must be. The edge is a real ingest, connected
//! over a socket with a token of its own.

use std::path::Path;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use chrono::Utc;
use mingjing_dashboard::audit::Trail;
use mingjing_dashboard::auth::secret;
use mingjing_dashboard::import;
use mingjing_ingest::camera::Secret;
use mingjing_ingest::config::{CameraEntry, IngestConfig};
use mingjing_ingest::uplink::LinkState;
use mingjing_ingest::{Ingest, StartError};
use mingjing_monitor::store::tokens;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::common::{COUNTY, Console, Person, TOWN_1, TOWN_2};

const SETTINGS: &str = "/api/v1/camera-settings";
const DOOR: &str = "/api/v1/camera-settings/t1-door";
/// Nobody listens there: a camera of it is refused at once.
const NOBODY: &str = "rtsp://127.0.0.1:1/hall";
const PATIENCE: Duration = Duration::from_secs(30);

struct Stage {
    console: Console,
    url: Url,
    admin: Person,
    /// Of the first town.
    token: String,
    data: TempDir,
}

async fn stage() -> Stage {
    let data = tempfile::tempdir().unwrap();
    let console = Console::start().await;
    let url = format!("ws://{}", console.listen().await).parse().unwrap();
    tokio::spawn(mingjing_dashboard::boot::follow_changes(
        console.app.clone(),
        |_| {},
    ));
    console.account("admin2", "sysadmin", COUNTY, None).await;
    let admin = console.sign_in("admin2").await;
    let token = token(&console, TOWN_1).await;
    Stage {
        console,
        url,
        admin,
        token,
        data,
    }
}

async fn token(console: &Console, hall: &str) -> String {
    let secret = secret::random();
    let new = tokens::NewToken {
        name: hall,
        hash: &secret::hash(&secret),
        role: "edge",
        hall,
        source: None,
        initial_load: false,
        expires: None,
    };
    let mut connection = console.app.db().acquire().await.unwrap();
    tokens::create(&mut connection, &new, Utc::now())
        .await
        .unwrap();
    secret
}

/// Waits, and not for ever.
async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !done().await {
            tokio::task::yield_now().await;
        }
    };
    let came = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(came.is_ok(), "still not: {what}");
}

impl Stage {
    /// The edge "town", with cameras of its own file.
    async fn edge(&self, of_file: &[&str]) -> Ingest {
        self.edge_as(&self.token, self.data.path(), of_file).await
    }

    async fn edge_as(&self, token: &str, data: &Path, of_file: &[&str]) -> Ingest {
        let entry = |id: &&str| {
            let entry = json!({"id": id, "hall": TOWN_1, "url": NOBODY});
            serde_json::from_value::<CameraEntry>(entry).unwrap()
        };
        let config = IngestConfig {
            name: "town".into(),
            data_dir: data.into(),
            cameras: of_file.iter().map(entry).collect(),
            ..IngestConfig::default()
        };
        loop {
            let (config, shutdown) = (config.clone(), CancellationToken::new());
            let token = Secret::new(token);
            match Ingest::start(config, token, self.url.clone(), &shutdown).await {
                Ok(ingest) => return ingest,
                // The one before closes its spool with its last answer.
                Err(StartError::Spool(_)) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    }

    async fn write(&self, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
        let body = Some(body.to_string());
        self.console
            .call(method, path, Some(&self.admin), body)
            .await
    }

    async fn list(&self) -> Value {
        self.console.get(SETTINGS, &self.admin).await.1
    }

    /// Waits until the row of the camera is as it should be.
    async fn wait(&self, what: &str, wanted: impl Fn(&Value) -> bool) {
        let mut last = Value::Null;
        let seen = async {
            loop {
                let list = self.list().await;
                let mut items = list["items"].as_array().unwrap().iter();
                let found = items.find(|camera| camera["id"] == "t1-door").cloned();
                last = found.unwrap_or_default();
                if wanted(&last) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        let seen = tokio::time::timeout(PATIENCE, seen).await;
        assert!(seen.is_ok(), "{what}: {last}");
    }

    /// Waits until the edge has come so far.
    async fn pushed(&self, state: &str, why: Value) {
        self.wait(&format!("it is {state}"), |camera| {
            camera["push"]["state"] == state && camera["push"]["why"] == why
        })
        .await;
    }

    /// Waits until the console says that the edge "town" is so.
    async fn edge_is(&self, state: &str) {
        until(&format!("the edge is {state}"), async || {
            self.list().await["edges"] == json!([{"name": "town", "state": state, "hall": TOWN_1}])
        })
        .await;
    }
}

fn door() -> Value {
    json!({"id": "t1-door", "name": "东门", "hall": TOWN_1, "windows": ["1"], "url": NOBODY, "username": "admin", "password": "geheim-78",
        "edge": "town"})
}

#[tokio::test]
async fn a_camera_given_to_an_edge_is_in_force_there_and_follows_what_is_changed() {
    let stage = stage().await;
    let (status, problem) = stage.write(Method::POST, SETTINGS, &door()).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("ever connected")
    );
    let edge = stage.edge(&["of-file"]).await;
    stage.edge_is("ready").await;

    // Not of a hall that its token does not speak for.
    let mut outside = door();
    outside["hall"] = json!(TOWN_2);
    let (status, problem) = stage.write(Method::POST, SETTINGS, &outside).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
    assert!(
        problem["detail"].as_str().unwrap().starts_with("edge:"),
        "{problem}"
    );

    let (status, made) = stage.write(Method::POST, SETTINGS, &door()).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    stage.pushed("applied", Value::Null).await;
    stage
        .wait("its state is told", |camera| {
            camera["state"] == "offline_refused"
                && (&camera["kept"], &camera["edge"]) == (&json!("here"), &json!("town"))
        })
        .await;
    let carried = |id: &str| edge.cameras().settings(id);
    assert_eq!(
        carried("t1-door").unwrap().session.password,
        Some(Secret::new("geheim-78"))
    );

    let mut change = door();
    change["revision"] = json!(1);
    change["name"] = json!("西门");
    change.as_object_mut().unwrap().remove("password");
    let (status, changed) = stage.write(Method::PUT, DOOR, &change).await;
    assert_eq!(status, StatusCode::OK, "{changed}");
    until("the new name is there", async || {
        carried("t1-door").is_some_and(|camera| camera.description.name == "西门")
    })
    .await;
    stage.pushed("applied", Value::Null).await;

    // An import may rename it, and says nothing of which ingest receives it.
    let file = stage.data.path().join("cameras.csv");
    let line = format!("id,hall,name,windows,edge\nt1-door,{TOWN_1},北门,1,local\n");
    std::fs::write(&file, line).unwrap();
    let db = stage.console.app.db();
    import::import(db, &Trail::command(), import::Subject::Cameras, &file)
        .await
        .unwrap();
    until("the imported name is there", async || {
        carried("t1-door").is_some_and(|camera| camera.description.name == "北门")
    })
    .await;
    stage
        .wait("it stays the edge's", |camera| {
            (&camera["name"], &camera["edge"]) == (&json!("北门"), &json!("town"))
        })
        .await;

    // What an edge has in its file is neither changed nor taken away here.
    stage
        .console
        .call(
            Method::DELETE,
            &format!("{SETTINGS}/of-file"),
            Some(&stage.admin),
            None,
        )
        .await;
    let (status, problem) = stage
        .write(
            Method::PUT,
            &format!("{SETTINGS}/of-file"),
            &json!({"name": "x", "hall": TOWN_1, "url": NOBODY}),
        )
        .await;
    assert_eq!(status, StatusCode::CONFLICT, "{problem}");
    assert!(carried("of-file").is_some());

    // A look from there, before anything is saved, with the password that is kept; and none with it from elsewhere.
    let look = async |mut body: Value, edge: &str| {
        body["edge"] = json!(edge);
        stage
            .write(Method::POST, "/api/v1/camera-looks", &body)
            .await
    };
    let kept = json!({"id": "t1-door", "url": NOBODY, "username": "admin"});
    let (status, looked) = look(kept.clone(), "town").await;
    assert_eq!(status, StatusCode::OK, "{looked}");
    assert_eq!(
        (&looked["state"], &looked["picture"]),
        (&json!("offline_refused"), &Value::Null)
    );
    let (status, problem) = look(kept, "local").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
    assert!(
        problem["detail"].as_str().unwrap().starts_with("password:"),
        "{problem}"
    );
    let (status, problem) = look(json!({"url": NOBODY}), "nobody").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{problem}");

    // To the console's own ingest: its password has to be given again, and the edge gives it up.
    change["revision"] = json!(2);
    change["edge"] = json!("local");
    let (status, problem) = stage.write(Method::PUT, DOOR, &change).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
    assert!(
        problem["detail"].as_str().unwrap().starts_with("password:"),
        "{problem}"
    );
    change["password"] = json!("geheim-79");
    let (status, changed) = stage.write(Method::PUT, DOOR, &change).await;
    assert_eq!(status, StatusCode::OK, "{changed}");
    until("the edge gives it up", async || {
        carried("t1-door").is_none()
    })
    .await;
    stage
        .wait("it is the console's", |camera| {
            camera["edge"] == "local" && camera["push"].is_null() && camera["state"] == "unknown"
        })
        .await;

    let audit: String = sqlx::query_scalar("SELECT string_agg(audit::text, ' ') FROM audit")
        .fetch_one(stage.console.owner())
        .await
        .unwrap();
    let sealed: String = sqlx::query_scalar("SELECT password FROM camera_connection")
        .fetch_one(stage.console.owner())
        .await
        .unwrap();
    for text in [&audit, &sealed, &stage.list().await.to_string()] {
        assert!(!text.contains("geheim"), "{text}");
    }
    assert!(audit.contains("town"), "{audit}");
}

#[tokio::test]
async fn what_happens_while_an_edge_is_away_waits_until_it_is_back() {
    let stage = stage().await;
    let edge = stage.edge(&[]).await;
    stage.edge_is("ready").await;
    let (status, made) = stage.write(Method::POST, SETTINGS, &door()).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    stage.pushed("applied", Value::Null).await;
    edge.stop().await;
    stage.edge_is("away").await;
    stage
        .wait("nothing is known of it", |camera| {
            camera["state"] == "unknown"
        })
        .await;
    stage.pushed("applied", Value::Null).await;
    let mut change = door();
    change["revision"] = json!(1);
    change["url"] = json!("rtsp://127.0.0.1:1/other");
    // Its hall is known while it is away.
    change["hall"] = json!(TOWN_2);
    let (status, problem) = stage.write(Method::PUT, DOOR, &change).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
    change["hall"] = json!(TOWN_1);
    let (status, changed) = stage.write(Method::PUT, DOOR, &change).await;
    assert_eq!(status, StatusCode::OK, "{changed}");
    stage.pushed("waiting", Value::Null).await;

    // Whoever comes under its name with another token gets nothing, be it of another town or of the same.
    let mut second = String::new();
    for (hall, why) in [(TOWN_2, "outside"), (TOWN_1, "is of the token")] {
        let elsewhere = tempfile::tempdir().unwrap();
        second = token(&stage.console, hall).await;
        let posing = stage.edge_as(&second, elsewhere.path(), &[]).await;
        let mut link = posing.link();
        let refused = |state: &LinkState| matches!(state, LinkState::Down { reason, .. } if reason.contains(why));
        tokio::time::timeout(PATIENCE, link.wait_for(refused))
            .await
            .unwrap()
            .unwrap();
        assert!(posing.cameras().get("t1-door").is_none());
        posing.stop().await;
    }

    // Meanwhile somebody has written a camera of this id into its file: the file has the word.
    let edge = stage.edge(&["t1-door"]).await;
    stage.pushed("refused", json!("in_file")).await;
    assert_eq!(
        edge.cameras()
            .settings("t1-door")
            .unwrap()
            .session
            .url
            .path(),
        "/hall"
    );
    edge.stop().await;
    let edge = stage.edge(&[]).await;
    stage.pushed("applied", Value::Null).await;
    assert_eq!(
        edge.cameras()
            .settings("t1-door")
            .unwrap()
            .session
            .url
            .path(),
        "/other"
    );

    // Taken away while it is gone, it does not come back with it.
    edge.stop().await;
    stage.edge_is("away").await;
    let (status, _) = stage
        .console
        .call(Method::DELETE, DOOR, Some(&stage.admin), None)
        .await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let edge = stage.edge(&[]).await;
    assert!(
        edge.cameras().get("t1-door").is_some(),
        "as it was told last"
    );
    until("it is taken out", async || {
        edge.cameras().get("t1-door").is_none()
    })
    .await;
    stage.edge_is("ready").await;
    let known: i64 = sqlx::query_scalar("SELECT count(*) FROM camera WHERE id = 't1-door'")
        .fetch_one(stage.console.owner())
        .await
        .unwrap();
    assert_eq!(
        known, 0,
        "what the edge told of itself did not bring it back"
    );

    // A new token has the name once the old one is void.
    edge.stop().await;
    let hash = secret::hash(&stage.token);
    let first = tokens::by_hash(stage.console.app.db(), &hash, Utc::now()).await;
    let first = first.unwrap().unwrap().id;
    let mut connection = stage.console.app.db().acquire().await.unwrap();
    assert!(
        tokens::revoke(&mut connection, first, Utc::now())
            .await
            .unwrap()
    );
    let edge = stage.edge_as(&second, stage.data.path(), &[]).await;
    let mut link = edge.link();
    tokio::time::timeout(
        PATIENCE,
        link.wait_for(|state| matches!(state, LinkState::Up)),
    )
    .await
    .unwrap()
    .unwrap();
    edge.stop().await;
}
