//! The hub without sockets: what an edge is asked, and what a viewer is given.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use mingjing_ingest::camera::CameraState;
use mingjing_ingest::media::Message;
use mingjing_ingest::uplink::protocol::{MediaFrame, MediaToConsole, MediaToIngest};

use super::{Attachment, MediaHub};

const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

fn hub_with(edge: &str, camera: &str) -> MediaHub {
    let hub = MediaHub::default();
    hub.assign(edge, [camera.to_owned()]);
    hub
}

fn init(attachment: &Attachment, camera: &str) {
    attachment.text(MediaToConsole::Init {
        camera: camera.into(),
        codec: "avc1.640028".into(),
        width: 16,
        height: 16,
    });
    attachment.frame(MediaFrame::Init {
        camera: camera.into(),
        segment: Bytes::from_static(b"moov"),
    });
}

fn fragment(attachment: &Attachment, camera: &str, key: bool) {
    attachment.frame(MediaFrame::Fragment {
        camera: camera.into(),
        key,
        captured_at: NOW,
        bytes: Bytes::from_static(b"moof"),
    });
}

fn watch(camera: &str) -> MediaToIngest {
    MediaToIngest::Watch {
        camera: camera.into(),
    }
}

#[tokio::test]
async fn video_flows_only_while_somebody_watches() {
    let hub = hub_with("local", "a");
    let (edge, mut asked) = hub.attach("local");
    let mut first = hub.watch("a", NOW).unwrap();
    let second = hub.watch("a", NOW).unwrap();
    assert_eq!(asked.try_recv().unwrap(), watch("a"));
    assert!(
        asked.try_recv().is_err(),
        "the second viewer asks for nothing"
    );
    init(&edge, "a");
    fragment(&edge, "a", true);
    assert!(matches!(first.next().await, Some(Message::Init(_))));
    assert!(matches!(first.next().await, Some(Message::Fragment(_))));
    drop(second);
    assert!(asked.try_recv().is_err());
    drop(first);
    assert_eq!(
        asked.try_recv().unwrap(),
        MediaToIngest::Unwatch { camera: "a".into() }
    );
}

#[tokio::test]
async fn a_viewer_outlives_the_edge_and_goes_on_with_it() {
    let hub = hub_with("local", "a");
    let mut viewer = hub.watch("a", NOW).unwrap();
    assert_eq!(
        viewer.next().await,
        Some(Message::Offline {
            since: NOW,
            state: CameraState::Unknown
        })
    );
    let (edge, mut asked) = hub.attach("local");
    assert_eq!(
        asked.try_recv().unwrap(),
        watch("a"),
        "the edge learns who is watched"
    );
    init(&edge, "a");
    fragment(&edge, "a", true);
    assert!(matches!(viewer.next().await, Some(Message::Init(_))));
    assert!(matches!(viewer.next().await, Some(Message::Fragment(_))));
    drop(edge);
    assert!(matches!(
        viewer.next().await,
        Some(Message::Offline {
            state: CameraState::Unknown,
            ..
        })
    ));
}

#[tokio::test]
async fn an_old_socket_that_dies_late_does_not_take_the_new_one_down() {
    let hub = hub_with("local", "a");
    let (old, _asked) = hub.attach("local");
    let (new, mut asked) = hub.attach("local");
    drop(old);
    let _viewer = hub.watch("a", NOW).unwrap();
    assert_eq!(asked.try_recv().unwrap(), watch("a"));
    drop(new);
}

#[test]
fn an_edge_speaks_only_of_its_own_cameras() {
    let hub = hub_with("hall", "a");
    hub.assign("other", ["b".to_owned()]);
    let (edge, _asked) = hub.attach("other");
    let thumbnail = |camera: &str| MediaFrame::Thumbnail {
        camera: camera.into(),
        captured_at: NOW,
        jpeg: Bytes::from_static(b"jpeg"),
    };
    edge.frame(thumbnail("a"));
    edge.frame(thumbnail("b"));
    assert_eq!(hub.thumbnail("a"), None);
    assert!(hub.thumbnail("b").is_some());
    assert!(hub.watch("nobody's", NOW).is_none());
}

#[tokio::test]
async fn a_camera_that_is_no_longer_named_ends() {
    let hub = hub_with("local", "a");
    let (_edge, _asked) = hub.attach("local");
    let mut viewer = hub.watch("a", NOW).unwrap();
    hub.assign("local", []);
    assert_eq!(viewer.next().await, None);
}
