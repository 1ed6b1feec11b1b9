//! Cameras that people manage at the console, sent to an edge: in force without a restart, acknowledged, and kept sealed beside it.

use std::net::SocketAddr;
use std::path::Path;

use crate::console::{Console, EDGE, any_port, committing, same_port, within};
use mingjing_ingest::camera::Secret;
use mingjing_ingest::config::{CameraEntry, IngestConfig};
use mingjing_ingest::managed::{IN_FILE, INVALID, ManagedCamera, Reach, Settled, file};
use mingjing_ingest::uplink::protocol::{CameraDescription, ToConsole, ToIngest};
use mingjing_ingest::{Ingest, StartError};
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// Nobody listens there: a camera of it is refused at once.
const NOBODY: &str = "rtsp://127.0.0.1:1/hall";

/// An edge whose file has the camera `of-file`.
async fn edge(dir: &Path, console: SocketAddr) -> Ingest {
    let of_file = json!({"id": "of-file", "hall": "T07", "url": NOBODY});
    let config = IngestConfig {
        data_dir: dir.into(),
        cameras: vec![serde_json::from_value::<CameraEntry>(of_file).unwrap()],
        ..IngestConfig::default()
    };
    let url: url::Url = format!("ws://{console}/").parse().unwrap();
    within(async {
        loop {
            let (config, shutdown) = (config.clone(), CancellationToken::new());
            match Ingest::start(config, Secret::new(EDGE), url.clone(), &shutdown).await {
                Ok(ingest) => return ingest,
                // The one before closes its spool with its last answer.
                Err(StartError::Spool(_)) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    })
    .await
}

fn camera(id: &str, revision: i32, url: &str) -> ManagedCamera {
    ManagedCamera {
        id: id.into(),
        revision,
        name: id.into(),
        hall: "T07".into(),
        windows: vec!["1".into()],
        reach: Reach {
            url: url.into(),
            sub_url: None,
            username: Some("viewer".into()),
            password: Some(Secret::new("geheim-9")),
            transport: "tcp".into(),
        },
        audio: "ignore".into(),
        checks: true,
        regions: Vec::new(),
        recorded: None,
        record_days: Some(5),
        record_hours: None,
    }
}

/// The cameras that the next greeting tells of.
async fn greeted(console: &Console) -> Vec<CameraDescription> {
    let cameras = |message| match message {
        ToConsole::Hello { cameras, .. } => Some(cameras),
        _ => None,
    };
    console.other(cameras).await
}

/// Sends cameras; what became of each.
async fn send(
    console: &Console,
    number: u64,
    cameras: Vec<ManagedCamera>,
    unchanged: &[&str],
) -> Vec<Settled> {
    console.tell(ToIngest::Manage {
        number,
        cameras,
        unchanged: unchanged.iter().map(|id| (*id).to_owned()).collect(),
    });
    let of = |message| match message {
        ToConsole::Managed {
            number: of,
            cameras,
        } => (of == number).then_some(cameras),
        _ => None,
    };
    console.other(of).await
}

fn managed(cameras: &[CameraDescription]) -> Vec<&str> {
    let managed = cameras.iter().filter(|camera| camera.managed);
    managed.map(|camera| camera.id.as_str()).collect()
}

#[tokio::test]
async fn what_the_console_sends_is_in_force_at_once_and_after_a_restart_without_it() {
    let dir = tempfile::tempdir().unwrap();
    let console = Console::good().await;
    let address = console.address;
    let ingest = edge(dir.path(), address).await;
    assert_eq!(managed(&greeted(&console).await), [""; 0]);
    let settled = send(
        &console,
        1,
        vec![
            camera("door", 1, NOBODY),
            camera("gate", 1, NOBODY),
            camera("of-file", 4, "rtsp://127.0.0.1:1/other"),
            camera("wrong", 2, "rtsp://u:geheim-9@127.0.0.1/"),
        ],
        &[],
    )
    .await;
    let refused: Vec<_> = settled
        .iter()
        .map(|one| one.refused.as_ref().map(|refused| refused.why.as_str()))
        .collect();
    assert_eq!(refused, [None, None, Some(IN_FILE), Some(INVALID)]);
    assert_eq!(
        (settled[2].id.as_str(), settled[2].revision),
        ("of-file", 4)
    );
    assert!(!format!("{settled:?}").contains("geheim-9"), "{settled:?}");
    let cameras = ingest.cameras();
    let path = |id: &str| {
        cameras
            .settings(id)
            .map(|camera| camera.session.url.path().to_owned())
    };
    assert_eq!(path("door").as_deref(), Some("/hall"));
    assert_eq!(
        path("of-file").as_deref(),
        Some("/hall"),
        "the file has the word"
    );
    assert_eq!(path("wrong"), None);

    // A change, one that cannot be used, one of which nothing can be said now, and one that was taken away.
    let session = cameras.get("door").unwrap().health();
    let mut door = camera("door", 2, NOBODY);
    door.name = "东门".into();
    let gate = camera("gate", 1, NOBODY);
    send(&console, 2, vec![door.clone(), gate], &[]).await;
    assert!(
        !session.borrow().state.is_live() && session.has_changed().is_ok(),
        "its session stays"
    );
    assert_eq!(cameras.settings("door").unwrap().description.name, "东门");
    let broken = camera("door", 3, "nothing");
    let settled = send(&console, 3, vec![broken], &["gate"]).await;
    assert_eq!(settled.len(), 1);
    assert_eq!(path("door").as_deref(), Some("/hall"), "as it was");
    assert!(path("gate").is_some());
    let views = dir.path().join("views");
    std::fs::create_dir_all(&views).unwrap();
    for id in ["door", "gate"] {
        std::fs::write(views.join(format!("{id}.json")), "{}").unwrap();
    }
    send(&console, 4, vec![door.clone()], &[]).await;
    assert_eq!(path("gate"), None);
    assert!(
        views.join("door.json").exists() && !views.join("gate.json").exists(),
        "a camera that was taken away leaves no view behind"
    );

    // The console is away: the edge starts with what it was sent last.
    drop(console);
    ingest.stop().await;
    let text = std::fs::read_to_string(file(dir.path())).unwrap();
    assert!(
        !text.contains("geheim-9") && !text.contains("127.0.0.1"),
        "{text}"
    );
    let ingest = edge(dir.path(), address).await;
    let carried = ingest.cameras().settings("door").unwrap();
    assert_eq!(carried.session.password, Some(Secret::new("geheim-9")));
    assert_eq!(carried.recording.days, Some(5));

    // It comes back, and has taken the camera away meanwhile.
    let console = Console::start(same_port(address).await, committing());
    assert_eq!(managed(&greeted(&console).await), ["door"]);
    assert_eq!(send(&console, 5, Vec::new(), &[]).await, []);
    assert!(ingest.cameras().get("door").is_none());
    assert!(ingest.cameras().get("of-file").is_some());
    ingest.stop().await;
    let ingest = edge(dir.path(), any_port().await.local_addr().unwrap()).await;
    assert!(ingest.cameras().get("door").is_none());
}

#[tokio::test]
async fn a_disk_that_takes_nothing_is_told_and_the_cameras_are_in_force_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let console = Console::good().await;
    let ingest = edge(dir.path(), console.address).await;
    greeted(&console).await;
    // A directory stands where the file belongs: not even root can put a file in its place.
    std::fs::create_dir_all(file(dir.path()).join("in the way")).unwrap();
    let settled = send(&console, 1, vec![camera("door", 1, NOBODY)], &[]).await;
    let refused = settled[0].refused.as_ref().unwrap();
    assert_eq!(refused.why, mingjing_ingest::managed::NOT_KEPT);
    assert!(ingest.cameras().get("door").is_some());
    within(async { ingest.stop().await }).await;
}
