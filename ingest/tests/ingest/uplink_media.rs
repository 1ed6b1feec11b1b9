//! Pictures and live video from a real RTSP server (GStreamer's) over the uplink.

use crate::console::{Console, Media};
use crate::support::{RtspServer, shared};
use mingjing_ingest::Ingest;
use mingjing_ingest::camera::{CameraState, Secret};
use mingjing_ingest::config::{Camera, CameraRecording, IngestConfig};
use mingjing_ingest::picture::presence::{Area, WindowRegion};
use mingjing_ingest::uplink::protocol::{
    CameraDescription, MediaFrame, MediaToConsole, MediaToIngest, ToConsole, sub_stream,
};
use tokio_util::sync::CancellationToken;

fn described(server: &RtspServer, mount: &str) -> Camera {
    let description = CameraDescription {
        id: mount.into(),
        name: "East door".into(),
        hall: "T07".into(),
        windows: vec!["1".into()],
        managed: false,
        sub: false,
    };
    Camera {
        description,
        session: server.camera(mount),
        sub: None,
        recording: CameraRecording::default(),
        checks: true,
        regions: Vec::new(),
    }
}

/// The parameters of the stream, then its first picture, which is a key frame.
async fn picture_begins(console: &Console) {
    let codec = console
        .media(|media| match media {
            Media::Text(MediaToConsole::Init {
                camera,
                codec,
                width: 768,
                height: 576,
            }) => {
                assert_eq!(camera, "hall");
                Some(codec)
            }
            _ => None,
        })
        .await;
    assert!(codec.starts_with("avc1."), "{codec}");
    let segment = console
        .media(|media| match media {
            Media::Frame(MediaFrame::Init { segment, .. }) => Some(segment),
            Media::Frame(MediaFrame::Fragment { .. }) => panic!("a picture before its parameters"),
            _ => None,
        })
        .await;
    assert_eq!(&segment[4..8], b"ftyp");
    let key = console
        .media(|media| match media {
            Media::Frame(MediaFrame::Fragment { key, .. }) => Some(key),
            _ => None,
        })
        .await;
    assert!(key);
}

#[tokio::test]
async fn pictures_come_by_themselves_and_video_while_somebody_watches() {
    let Some(clip) = shared("video/opencv_vtest_h264.mp4") else {
        return;
    };
    let clip = format!("hall={}", clip.display());
    let mut server = RtspServer::start(&["--clip", &clip, "--loop", "3"]).await;
    let console = Console::good().await;
    let dir = tempfile::tempdir().unwrap();
    let config = IngestConfig {
        data_dir: dir.path().into(),
        ..IngestConfig::default()
    };
    let url = format!("ws://{}/", console.address).parse().unwrap();
    let shutdown = CancellationToken::new();
    let ingest = Ingest::start(config, Secret::new(crate::console::EDGE), url, &shutdown)
        .await
        .unwrap();

    // Added at run time, the camera is told, its health and its pictures come by themselves, and no video does.
    console
        .other(|other| matches!(other, ToConsole::Hello { .. }).then_some(()))
        .await;
    ingest.cameras().put(described(&server, "hall")).unwrap();
    let cameras = |other| match other {
        ToConsole::Cameras { cameras } => Some(cameras),
        _ => None,
    };
    assert_eq!(console.other(cameras).await[0].name, "East door");
    let state = |wanted: CameraState| {
        move |other| match other {
            ToConsole::CameraHealth(health) => (health.state == wanted).then_some(()),
            _ => None,
        }
    };
    console.other(state(CameraState::Live)).await;
    let is_video = |media: &Media| matches!(media, Media::Frame(MediaFrame::Fragment { .. }));
    for _ in 0..2 {
        let jpeg = console
            .media(|media| {
                assert!(!is_video(&media), "nobody watches");
                match media {
                    Media::Frame(MediaFrame::Thumbnail { jpeg, .. }) => Some(jpeg),
                    _ => None,
                }
            })
            .await;
        assert!(jpeg.starts_with(&[0xff, 0xd8]));
    }

    console.say(MediaToIngest::Watch {
        camera: "hall".into(),
    });
    picture_begins(&console).await;

    // The camera goes away and comes back: the viewer is told, and video goes on by itself.
    server.command("stop hall").await;
    let offline = |media| match media {
        Media::Text(MediaToConsole::Offline { camera, .. }) => Some(camera),
        _ => None,
    };
    assert_eq!(console.media(offline).await, "hall");
    server.command("start hall").await;
    picture_begins(&console).await;

    // A region drawn on its picture is followed, and its session goes on.
    let mut drawn = described(&server, "hall");
    let seat = vec![[0.1, 0.1], [0.4, 0.1], [0.4, 0.5]];
    drawn.regions.push(WindowRegion {
        window: "1".into(),
        seat: Area::try_from(seat).unwrap(),
        waiting: None,
    });
    ingest.cameras().put(drawn.clone()).unwrap();
    let presence = |other| match other {
        ToConsole::CameraHealth(health) => health.presence.into_iter().next(),
        _ => None,
    };
    assert_eq!(console.other(presence).await.window, "1");
    let undisturbed = |media| match media {
        Media::Text(MediaToConsole::Init { .. }) => panic!("its session began anew"),
        Media::Frame(MediaFrame::Thumbnail { .. }) => Some(()),
        _ => None,
    };
    console.media(undisturbed).await;

    // Recorded for other days it gets a session of its own, and stays watched.
    drawn.recording.days = Some(5);
    ingest.cameras().put(drawn).unwrap();
    picture_begins(&console).await;

    // Nobody watches: after what was under way only pictures come.
    console.say(MediaToIngest::Unwatch {
        camera: "hall".into(),
    });
    let thumbnail = |media| match media {
        Media::Frame(MediaFrame::Thumbnail { .. }) => Some(()),
        _ => None,
    };
    console.media(thumbnail).await;
    console.media(thumbnail).await;
    let quiet = |media: Media| {
        assert!(!is_video(&media), "nobody watches any more");
        thumbnail(media)
    };
    console.media(quiet).await;

    assert!(ingest.cameras().remove("hall"));
    let without = |other| cameras(other).filter(Vec::is_empty);
    console.other(without).await;
    let before = std::time::Instant::now();
    ingest.stop().await;
    assert!(before.elapsed() < std::time::Duration::from_secs(10));
}

#[tokio::test]
async fn a_sub_stream_is_watched_by_its_own_name() {
    let Some(clip) = shared("video/opencv_vtest_h264.mp4") else {
        return;
    };
    // A mount each: GStreamer's server dies when two begin to play the same one in the same moment.
    let [main, sub] = ["hall", "hall-sub"].map(|name| format!("{name}={}", clip.display()));
    let server = RtspServer::start(&["--clip", &main, "--clip", &sub, "--loop", "3"]).await;
    let console = Console::good().await;
    let dir = tempfile::tempdir().unwrap();
    let config = IngestConfig {
        data_dir: dir.path().into(),
        ..IngestConfig::default()
    };
    let url = format!("ws://{}/", console.address).parse().unwrap();
    let shutdown = CancellationToken::new();
    let ingest = Ingest::start(config, Secret::new(crate::console::EDGE), url, &shutdown)
        .await
        .unwrap();
    let mut camera = described(&server, "hall");
    camera.sub = Some(described(&server, "hall-sub").session);
    camera.description.sub = true;
    ingest.cameras().put(camera).unwrap();
    // Its media socket is open once a picture came.
    let thumbnail = |media| match media {
        Media::Frame(MediaFrame::Thumbnail { .. }) => Some(()),
        _ => None,
    };
    console.media(thumbnail).await;
    let name = sub_stream("hall");
    console.say(MediaToIngest::Watch {
        camera: name.clone(),
    });
    let begun = console
        .media(|media| match media {
            Media::Text(MediaToConsole::Init { camera, .. }) => Some(camera),
            _ => None,
        })
        .await;
    assert_eq!(begun, name);
    let frame = console
        .media(|media| match media {
            Media::Frame(MediaFrame::Fragment { camera, key, .. }) => Some((camera, key)),
            _ => None,
        })
        .await;
    assert_eq!(frame, (name, true));
    ingest.stop().await;
}
