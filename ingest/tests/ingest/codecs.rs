//! What cameras send beside H.264.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use mingjing_ingest::camera::{Camera, CameraState, Service, probe};
use mingjing_ingest::picture::Watching;
use tokio_util::sync::CancellationToken;

use crate::support::{RtspServer, decoded, fragments, shared, spawn, until, until_state};

/// Ten seconds of H.265 with B-pictures, made by ffmpeg.
fn h265() -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().suffix(".mp4").tempfile().unwrap();
    let source = "testsrc2=size=320x240:rate=10:duration=10";
    let made = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", source])
        .args(["-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1"])
        .args([
            "-x265-params",
            "keyint=10:open-gop=0:bframes=2:log-level=none",
        ])
        .args(["-pix_fmt", "yuv420p"])
        .arg(file.path())
        .status()
        .expect("ffmpeg is there: run scripts/setup test");
    assert!(made.success());
    file
}

#[tokio::test]
async fn h265_is_received_as_it_is_and_said_not_to_be_decoded() {
    let clip = h265();
    let clip = format!("new={}", clip.path().display());
    let server = RtspServer::start(&["--h265", &clip, "--loop", "5"]).await;
    let camera = spawn(server.camera("new"));
    let (inits, fragments) = fragments(&mut camera.subscribe(), 40).await;
    assert!(inits[0].codec.starts_with("hvc1."), "{}", inits[0].codec);
    assert!(fragments[0].key && !fragments[1].key);
    assert_eq!(decoded(&inits[0], &fragments), "hevc,320,240,40");
    let health = until_state(&camera, CameraState::Live).await;
    assert_eq!((health.picture_at, health.picture_errors), (None, 0));

    let patience = Duration::from_secs(9);
    let look = probe(server.camera("new"), None, Arc::default(), patience).await;
    let look = look.unwrap().unwrap();
    assert!(look.picture.is_none() && look.health.state.is_live());
    assert_eq!(
        (look.health.width, look.health.height),
        (Some(320), Some(240))
    );
}

#[tokio::test]
async fn motion_jpeg_is_decoded_looked_at_and_a_file_that_plays() {
    let server = RtspServer::start(&["--mjpeg", "old"]).await;
    let camera = spawn(server.camera("old"));
    let (inits, fragments) = fragments(&mut camera.subscribe(), 20).await;
    assert_eq!(inits[0].codec, "mp4v.6C");
    assert!(fragments.iter().all(|fragment| fragment.key));
    assert_eq!(decoded(&inits[0], &fragments), "mjpeg,320,240,20");
    let health = until(&camera, |health| health.picture_at.is_some()).await;
    assert_eq!(
        (health.state, health.picture_errors),
        (CameraState::Live, 0)
    );
    let picture = camera.pictures().borrow().clone().unwrap();
    assert_eq!(
        (picture.snapshot.width, picture.snapshot.height),
        (320, 240)
    );
}

#[tokio::test]
async fn a_sub_stream_gives_the_pictures_of_what_is_not_decoded() {
    let Some(small) = shared("video/opencv_vtest_h264.mp4") else {
        return;
    };
    let large = h265();
    let (large, small) = (large.path().display(), small.display());
    let (large, small) = (format!("large={large}"), format!("small={small}"));
    let arguments = ["--h265", &large, "--clip", &small, "--loop", "5"];
    let mut server = RtspServer::start(&arguments).await;
    let both = || (server.camera("large"), Some(server.camera("small")));
    let (session, sub) = both();
    let patience = Duration::from_secs(9);
    let look = probe(session, sub, Arc::default(), patience).await;
    let look = look.unwrap().unwrap();
    assert!(look.health.codec.unwrap().starts_with("hvc1."));
    assert_eq!(look.picture.unwrap().snapshot.width, 768);

    let (session, sub) = both();
    let service = Service {
        session,
        sub,
        recorder: None,
        watching: Watching::default(),
    };
    let stop = CancellationToken::new();
    let camera = Camera::spawn_after(None, service, Arc::default(), &stop).unwrap();
    let health = until(&camera, |health| health.picture_at.is_some()).await;
    let sub = health.sub.expect("it has one");
    assert_eq!((sub.state, sub.width), (CameraState::Live, Some(768)));
    let (inits, _) = fragments(&mut camera.subscribe(), 3).await;
    assert!(inits[0].codec.starts_with("hvc1."));
    let (inits, _) = fragments(&mut camera.subscribe_sub().unwrap(), 3).await;
    assert!(inits[0].codec.starts_with("avc1."));

    // One may fail without the other, and each says so.
    server.command("stop small").await;
    let health = until(&camera, |health| {
        health.sub.as_ref().is_some_and(|sub| !sub.state.is_live())
    });
    assert_eq!(health.await.state, CameraState::Live);
    server.command("start small").await;
    until(&camera, |health| {
        health.sub.as_ref().is_some_and(|sub| sub.state.is_live())
    })
    .await;
    camera.stop();
    camera.stopped().await;
}
