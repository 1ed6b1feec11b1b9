//! Cameras as people manage them, with the ingest of this console beside it.

use axum::http::{Method, StatusCode};
use mingjing_dashboard::cameras;
use mingjing_ingest::Ingest;
use mingjing_ingest::camera::{CameraState, Secret};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::common::{COUNTY, Console, Person, TOWN_1};

const SETTINGS: &str = "/api/v1/camera-settings";
/// Nobody listens there: a camera of it is refused at once.
const NOBODY: &str = "rtsp://127.0.0.1:1/hall";

struct Stage {
    console: Console,
    ingest: Ingest,
    admin: Person,
    _data: tempfile::TempDir,
}

/// A console that follows its table of cameras, as `mingjing serve` does.
async fn stage() -> Stage {
    let data = tempfile::tempdir().unwrap();
    let dir = data.path().to_owned();
    let console = Console::start_with(|config| config.storage.dir = dir).await;
    let url = format!("ws://{}", console.listen().await).parse().unwrap();
    let app = &console.app;
    let (config, token) = (app.config().ingest(), Secret::new(app.edge_token()));
    let ingest = Ingest::start(config, token, url, &CancellationToken::new())
        .await
        .unwrap();
    app.set_cameras(Some(ingest.cameras().clone()));
    tokio::spawn(cameras::follow(app.clone(), ingest.cameras().clone()));
    tokio::spawn(mingjing_dashboard::boot::follow_changes(
        app.clone(),
        |_| {},
    ));
    console.account("admin2", "sysadmin", COUNTY, None).await;
    let admin = console.sign_in("admin2").await;
    Stage {
        console,
        ingest,
        admin,
        _data: data,
    }
}

impl Stage {
    async fn write(&self, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
        let body = Some(body.to_string());
        self.console
            .call(method, path, Some(&self.admin), body)
            .await
    }

    /// The row of a camera, once it is as it should be.
    async fn wait(&self, what: &str, wanted: impl Fn(Option<&Value>) -> bool) {
        let mut last = Value::Null;
        let seen = async {
            loop {
                let (_, list) = self.console.get(SETTINGS, &self.admin).await;
                let mut items = list["items"].as_array().unwrap().iter();
                if wanted(items.find(|camera| camera["id"] == "t1-door")) {
                    return;
                }
                last = list;
                tokio::task::yield_now().await;
            }
        };
        let seen = tokio::time::timeout(std::time::Duration::from_secs(30), seen).await;
        assert!(seen.is_ok(), "{what}: {last}");
    }
}

#[tokio::test]
async fn a_camera_is_added_changed_and_removed_without_a_restart_and_its_password_stays_here() {
    let stage = stage().await;
    let new = json!({"id": "t1-door", "name": "东门", "hall": TOWN_1, "windows": ["1"], "url": NOBODY, "username": "admin",
        "password": "geheim-77", "transport": "tcp"});
    let (status, made) = stage.write(Method::POST, SETTINGS, &new).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!(
        (&made["has_password"], &made["revision"]),
        (&json!(true), &json!(1))
    );
    stage
        .wait("it is carried and its state is told", |camera| {
            camera.is_some_and(|camera| {
                camera["state"] == "offline_refused" && camera["kept"] == "here"
            })
        })
        .await;
    let (status, _) = stage.write(Method::POST, SETTINGS, &new).await;
    assert_eq!(status, StatusCode::CONFLICT, "an id stands for one camera");

    // What is kept goes only where it was meant to go.
    let path = format!("{SETTINGS}/t1-door");
    let mut change = json!({"name": "西门", "hall": TOWN_1, "windows": [], "url": NOBODY, "username": "admin", "revision": 1});
    let (status, changed) = stage.write(Method::PUT, &path, &change).await;
    assert_eq!(status, StatusCode::OK, "{changed}");
    assert_eq!(changed["has_password"], true);
    let (status, _) = stage.write(Method::PUT, &path, &change).await;
    assert_eq!(status, StatusCode::CONFLICT, "somebody was faster");
    change["revision"] = json!(2);
    change["url"] = json!("rtsp://127.0.0.1:2/hall");
    for (method, path) in [
        (Method::PUT, path.as_str()),
        (Method::POST, "/api/v1/camera-looks"),
    ] {
        let mut body = change.clone();
        body["id"] = json!("t1-door");
        let (status, problem) = stage.write(method, path, &body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
        assert!(
            problem["detail"].as_str().unwrap().starts_with("password"),
            "{problem}"
        );
    }
    stage
        .wait("the new name is there", |camera| {
            camera.is_some_and(|camera| camera["name"] == "西门")
        })
        .await;

    let sealed: String = sqlx::query_scalar("SELECT password FROM camera_connection")
        .fetch_one(stage.console.owner())
        .await
        .unwrap();
    let audit: String = sqlx::query_scalar("SELECT string_agg(audit::text, ' ') FROM audit")
        .fetch_one(stage.console.owner())
        .await
        .unwrap();
    let (_, list) = stage.console.text(SETTINGS, &stage.admin).await;
    for text in [&sealed, &audit, &list] {
        assert!(!text.contains("geheim-77"), "{text}");
    }
    assert!(audit.contains("camera.changed"), "{audit}");

    let (status, _) = stage
        .console
        .call(Method::DELETE, &path, Some(&stage.admin), None)
        .await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    stage.wait("it is gone", |camera| camera.is_none()).await;
    while stage.ingest.cameras().get("t1-door").is_some() {
        tokio::task::yield_now().await;
    }
    let known: i64 = sqlx::query_scalar("SELECT count(*) FROM camera WHERE id = 't1-door'")
        .fetch_one(stage.console.owner())
        .await
        .unwrap();
    assert_eq!(known, 0, "the list of its ingest does not bring it back");
}

#[tokio::test]
async fn a_look_says_why_there_is_no_picture_and_keeps_nothing() {
    let stage = stage().await;
    let look = async |body: Value| {
        stage
            .write(Method::POST, "/api/v1/camera-looks", &body)
            .await
    };
    let (status, looked) = look(json!({"url": NOBODY})).await;
    assert_eq!(status, StatusCode::OK, "{looked}");
    assert_eq!(looked["state"], CameraState::OfflineRefused.code());
    assert_eq!(looked["picture"], Value::Null);
    for wrong in ["http://127.0.0.1/", "rtsp://u:geheim@127.0.0.1/", "nothing"] {
        let (status, problem) = look(json!({"url": wrong})).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        assert!(!problem.to_string().contains("geheim"), "{problem}");
    }
    let (_, list) = stage.console.get(SETTINGS, &stage.admin).await;
    let there = list["items"].as_array().unwrap().iter();
    assert_eq!(there.filter(|camera| camera["kept"] == "here").count(), 0);
}
