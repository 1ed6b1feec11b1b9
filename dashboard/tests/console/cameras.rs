//! Cameras as people manage them, with the ingest of this console beside it.

use axum::http::{Method, StatusCode};
use mingjing_dashboard::cameras;
use mingjing_ingest::Ingest;
use mingjing_ingest::camera::{Audio, CameraState, Secret};
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

#[tokio::test]
async fn regions_drawn_on_a_picture_are_followed_without_a_new_session() {
    let stage = stage().await;
    let seat = json!([[0.2, 0.4], [0.3, 0.4], [0.3, 0.55], [0.2, 0.55]]);
    let mut camera =
        json!({"id": "t1-door", "name": "东门", "hall": TOWN_1, "windows": ["1"], "url": NOBODY});
    let (status, made) = stage.write(Method::POST, SETTINGS, &camera).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!(
        made["pictures"],
        json!({"checks": true, "audio": "ignore", "regions": [], "recording": {"enabled": null, "days": null, "hours": null}})
    );
    let carried = stage.ingest.cameras();
    while carried.get("t1-door").is_none() {
        tokio::task::yield_now().await;
    }
    let session = carried.get("t1-door").unwrap().health();

    let path = format!("{SETTINGS}/t1-door");
    camera["revision"] = json!(1);
    camera["sub_url"] = json!("rtsp://127.0.0.2:1/small");
    let (status, problem) = stage.write(Method::PUT, &path, &camera).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
    camera.as_object_mut().unwrap().remove("sub_url");
    let pictures = |region: Value, days: i32, hours: &str| json!({"checks": false, "regions": [region], "recording": {"enabled": null, "days": days, "hours": [hours]}});
    let office = "mon-fri 08:00-18:30";
    let outside = json!([[0.2, 0.4], [1.3, 0.4], [0.3, 0.55]]);
    for (wrong, said) in [
        (
            pictures(json!({"window": "2", "seat": seat}), 5, office),
            "windows",
        ),
        (
            pictures(json!({"window": "1", "seat": outside}), 5, office),
            "window 1",
        ),
        (
            pictures(
                json!({"window": "1", "seat": seat, "waiting": []}),
                5,
                office,
            ),
            "window 1",
        ),
        (
            pictures(json!({"window": "1", "seat": seat}), 0, office),
            "days",
        ),
        (
            pictures(json!({"window": "1", "seat": seat}), 5, "mon 18-8"),
            "mon 18-8",
        ),
        (
            json!({"checks": true, "audio": "louder", "regions": [], "recording": {"enabled": null, "days": 5, "hours": null}}),
            "audio",
        ),
    ] {
        camera["pictures"] = wrong;
        let (status, problem) = stage.write(Method::PUT, &path, &camera).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
        assert!(
            problem["detail"].as_str().unwrap().contains(said),
            "{problem}"
        );
    }
    camera["pictures"] = json!({"checks": false, "audio": "ignore", "regions": [{"window": "1", "seat": seat, "waiting": seat}],
        "recording": {"enabled": null, "days": null, "hours": null}});
    let (status, changed) = stage.write(Method::PUT, &path, &camera).await;
    assert_eq!(status, StatusCode::OK, "{changed}");
    assert_eq!(changed["pictures"], camera["pictures"]);
    let settings = || carried.settings("t1-door").unwrap();
    while settings().regions.is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        (settings().regions[0].window.as_str(), settings().checks),
        ("1", false)
    );
    assert_ne!(
        session.borrow().state,
        CameraState::Stopped,
        "its session stays"
    );

    camera["revision"] = json!(2);
    camera["sub_url"] = json!("rtsp://127.0.0.1:1/small");
    camera["pictures"] = pictures(json!({"window": "1", "seat": seat}), 5, office);
    camera["pictures"]["audio"] = json!("keep");
    let (status, changed) = stage.write(Method::PUT, &path, &camera).await;
    assert_eq!(status, StatusCode::OK, "{changed}");
    assert_eq!(changed["pictures"]["audio"], "keep");
    while settings().recording.days != Some(5) {
        tokio::task::yield_now().await;
    }
    assert_eq!(settings().sub.unwrap().url.path(), "/small");
    assert_eq!(settings().session.audio, Audio::Keep);
    // Who says nothing of the pictures changes nothing of them.
    camera["revision"] = json!(3);
    camera["name"] = json!("西门");
    let kept = camera.as_object_mut().unwrap().remove("pictures");
    let (status, renamed) = stage.write(Method::PUT, &path, &camera).await;
    assert_eq!(status, StatusCode::OK, "{renamed}");
    assert_eq!(
        renamed["pictures"]["regions"][0]["seat"],
        kept.unwrap()["regions"][0]["seat"]
    );

    let audit: String = sqlx::query_scalar("SELECT string_agg(audit::text, ' ') FROM audit")
        .fetch_one(stage.console.owner())
        .await
        .unwrap();
    assert!(audit.contains("mon-fri 08:00-18:30"), "{audit}");
}
