//! Cameras against a real RTSP server (GStreamer's): live video, and each way of failing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::{RtspServer, decoded, fragments, next, shared, spawn, until, until_state};
use bytes::Bytes;
use mingjing_ingest::camera::{CameraConfig, CameraState, probe};
use mingjing_ingest::media::Message;
use mp4_atom::{Decode as _, Moof, Prft};

/// The clip with B-pictures, as an argument of the server.
fn clip(name: &str) -> Option<String> {
    Some(format!(
        "{name}={}",
        shared("video/opencv_vtest_h264.mp4")?.display()
    ))
}

/// Decode and presentation time of a fragment.
fn times(bytes: &Bytes) -> (i64, i64) {
    let mut rest = bytes.clone();
    let prft = Prft::decode(&mut rest).unwrap();
    let traf = Moof::decode(&mut rest).unwrap().traf.remove(0);
    let decode = traf.tfdt.unwrap().base_media_decode_time as i64;
    let presentation = decode + traf.trun[0].samples.get(0).unwrap().cts.unwrap();
    assert_eq!(prft.media_time as i64, presentation);
    (decode, presentation)
}

#[tokio::test]
async fn pictures_of_a_camera_with_b_pictures_and_digest_authentication_are_a_file_that_plays() {
    let Some(clip) = clip("hall") else { return };
    let server = RtspServer::start(&["--clip", &clip]).await;
    let camera = spawn(server.camera("hall"));
    let (inits, fragments) = fragments(&mut camera.subscribe(), 120).await;
    assert_eq!(inits.len(), 1);
    assert!(fragments[0].key);
    assert!(
        fragments
            .windows(2)
            .all(|pair| pair[0].sequence + 1 == pair[1].sequence)
    );

    // Chromium wants rising decode times; the clip's pictures come in another order than they are shown.
    let times: Vec<_> = fragments
        .iter()
        .map(|fragment| times(&fragment.bytes))
        .collect();
    assert!(times.windows(2).all(|pair| pair[0].0 < pair[1].0));
    assert!(
        times.windows(2).any(|pair| pair[0].1 > pair[1].1),
        "the clip has no B-pictures"
    );
    let mut shown: Vec<_> = times
        .iter()
        .map(|(_, presentation)| *presentation)
        .collect();
    shown.sort_unstable();
    let whole = &shown[..100];
    assert!(
        whole
            .windows(2)
            .all(|pair| (pair[1] - pair[0] - 9_000).abs() < 90),
        "{whole:?}"
    );

    assert_eq!(decoded(&inits[0], &fragments), "h264,768,576,120");

    let health = until(&camera, |health| (9.0..11.0).contains(&health.frame_rate)).await;
    assert_eq!(health.state, CameraState::Live);
    assert_eq!((health.width, health.height), (Some(768), Some(576)));
    assert_eq!(health.codec.as_deref(), Some(inits[0].codec.as_str()));
    assert!(
        health.bit_rate > 100_000 && health.last_frame_at.is_some(),
        "{health:?}"
    );
    assert_eq!(
        (health.losses, health.damaged_packets, health.reconnects),
        (0, 0, 0)
    );
}

#[tokio::test]
async fn a_viewer_who_comes_later_starts_at_once_on_a_key_frame() {
    let Some(clip) = clip("hall") else { return };
    let server = RtspServer::start(&["--clip", &clip]).await;
    let camera = spawn(server.camera("hall"));
    fragments(&mut camera.subscribe(), 20).await;
    let mut late = camera.subscribe();
    // No wait: what is needed is already there.
    let first = tokio::time::timeout(Duration::ZERO, late.next()).await;
    assert!(matches!(first, Ok(Some(Message::Init(_)))));
    let second = tokio::time::timeout(Duration::ZERO, late.next()).await;
    assert!(matches!(second, Ok(Some(Message::Fragment(fragment))) if fragment.key));
}

#[tokio::test]
async fn thumbnails_and_snapshots_show_the_scene() {
    let Some(clip) = clip("hall") else { return };
    let server = RtspServer::start(&["--clip", &clip]).await;
    let camera = spawn(server.camera("hall"));
    let mut pictures = camera.pictures();
    let wait = pictures.wait_for(Option::is_some);
    let picture = tokio::time::timeout(crate::support::PATIENCE, wait)
        .await
        .expect("in time")
        .unwrap()
        .clone()
        .unwrap();
    let thumbnail = image::load_from_memory(&picture.thumbnail)
        .unwrap()
        .to_luma8();
    assert_eq!(thumbnail.dimensions(), (320, 240));
    let snapshot = image::load_from_memory(&picture.snapshot.jpeg).unwrap();
    assert_eq!((snapshot.width(), snapshot.height()), (768, 576));
    // A scene and not a grey or green field.
    let brightness = |x, y| i32::from(thumbnail.get_pixel(x, y).0[0]);
    let spread = (0..320)
        .step_by(16)
        .map(|x| brightness(x, 120))
        .fold((255, 0), |(l, h), b| (l.min(b), h.max(b)));
    assert!(spread.1 - spread.0 > 40, "{spread:?}");
    let health = until(&camera, |health| health.picture_at.is_some()).await;
    assert_eq!(health.picture_errors, 0);
}

#[tokio::test]
async fn a_camera_that_dies_says_so_and_plays_again_by_itself() {
    let Some(clip) = clip("hall") else { return };
    let mut server = RtspServer::start(&["--clip", &clip]).await;
    let camera = spawn(server.camera("hall"));
    let mut stream = camera.subscribe();
    let (_, before) = fragments(&mut stream, 15).await;

    server.command("stop all").await;
    let health = until(&camera, |health| !health.state.is_live()).await;
    assert!(
        matches!(
            health.state,
            CameraState::OfflineClosed | CameraState::OfflineRefused
        ),
        "{health:?}"
    );
    assert_eq!((health.bit_rate, health.frame_rate), (0, 0.0));
    let health = until_state(&camera, CameraState::OfflineRefused).await;
    let told = loop {
        match next(&mut stream).await.expect("the camera runs") {
            Message::Offline {
                since,
                state: CameraState::OfflineRefused,
            } => break since,
            Message::Fragment(_) | Message::Offline { .. } => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(told, health.since);

    server.command("start all").await;
    let (inits, after) = fragments(&mut stream, 15).await;
    assert_eq!(inits.len(), 1);
    assert!(after[0].key);
    let (last, first) = (times(&before[14].bytes), times(&after[0].bytes));
    assert!(
        first.0 > last.0 && first.1 > last.1,
        "time goes on: {last:?} {first:?}"
    );
    assert!(until_state(&camera, CameraState::Live).await.reconnects > 0);
}

#[tokio::test]
async fn every_failure_has_its_own_state() {
    let (Some(clip), Some(headless)) = (clip("hall"), clip("headless")) else {
        return;
    };
    let mut server = RtspServer::start(&[
        "--clip",
        &clip,
        "--no-key-frame",
        &headless,
        "--vp8",
        "other",
        "--garbage",
        "garbage",
        "--mute",
        "mute",
        "--mute",
        "refused",
    ])
    .await;
    server.command("stop refused").await;
    let mut wrong = server.camera("hall");
    wrong.password = Some(mingjing_ingest::camera::Secret::new("guess"));
    let mut anonymous = server.camera("hall");
    (anonymous.username, anonymous.password) = (None, None);
    let mut nowhere = server.camera("hall");
    nowhere.url.set_host(Some("camera.invalid")).unwrap();
    let expected = [
        (wrong, CameraState::WrongPassword, None),
        (anonymous, CameraState::WrongPassword, None),
        (server.camera("nothing-here"), CameraState::NotFound, None),
        (nowhere, CameraState::OfflineNoHost, None),
        (
            server.listener("refused"),
            CameraState::OfflineRefused,
            None,
        ),
        (server.listener("garbage"), CameraState::NotRtsp, None),
        (server.listener("mute"), CameraState::Silent, None),
        (server.camera("headless"), CameraState::NoKeyFrame, None),
        (
            server.camera("other"),
            CameraState::UnsupportedCodec,
            Some("vp8"),
        ),
    ];
    let cameras = expected.map(|(config, state, detail)| (spawn(config), state, detail));
    for (camera, state, detail) in cameras {
        let health = until(&camera, |health| health.state != CameraState::Connecting).await;
        assert_eq!((health.state, health.detail.as_deref()), (state, detail));
        let text = serde_json::to_string(&health).unwrap();
        assert!(
            !text.contains("127.0.0.1") && !text.contains("camera.invalid"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_stopped_camera_lets_go_of_its_session_and_ends_its_viewers() {
    let Some(clip) = clip("hall") else { return };
    let mut server = RtspServer::start(&["--clip", &clip]).await;
    let camera = spawn(server.camera("hall"));
    let mut stream = camera.subscribe();
    fragments(&mut stream, 3).await;
    assert_eq!(server.command("stats").await, "1");
    camera.stop();
    tokio::time::timeout(crate::support::PATIENCE, camera.stopped())
        .await
        .expect("it stops");
    assert_eq!(camera.health().borrow().state, CameraState::Stopped);
    while next(&mut stream).await.is_some() {}
    while server.command("stats").await != "0" {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_look_shows_the_picture_or_the_reason_and_lets_go() {
    let Some(clip) = clip("hall") else { return };
    let server = RtspServer::start(&["--clip", &clip, "--loop", "3"]).await;
    let patience = Duration::from_secs(9);
    let look = async |config| {
        let begun = Instant::now();
        let found = probe(config, None, Arc::default(), patience).await.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(12), "{found:?}");
        found
    };
    let seen = look(server.camera("hall")).await.unwrap();
    let snapshot = &seen.picture.unwrap().snapshot;
    assert_eq!((snapshot.width, snapshot.height), (768, 576));
    assert!(seen.health.codec.unwrap().starts_with("avc1."));
    let refused = look(server.camera("nothing")).await.unwrap_err();
    assert_eq!(refused.state, CameraState::NotFound);
    let nobody = CameraConfig::new("nobody", "rtsp://127.0.0.1:1/".parse().unwrap());
    assert_eq!(
        look(nobody).await.unwrap_err().state,
        CameraState::OfflineRefused
    );
}
