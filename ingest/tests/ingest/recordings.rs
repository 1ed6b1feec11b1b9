//! Recordings of a real camera (GStreamer's RTSP server) by the real program, which is killed again and again.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command as Blocking, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::{PASSWORD, PATIENCE, RtspServer, USER, shared};
use chrono::{DateTime, TimeDelta, Utc};
use mingjing_ingest::recording::archive::Archive;
use mingjing_ingest::recording::boxes;
use mingjing_ingest::recording::clip::Clip;
use mingjing_ingest::recording::index::{Reason, Segment};
use tokio::process::{Child, Command};

const KILLS: usize = 20;

/// A killed process may take at most this from a recording.
const LOST: TimeDelta = TimeDelta::seconds(2);

/// Writes the configuration of an ingest with one camera, `hall`.
fn configure(dir: &Path, server: &RtspServer) {
    let url = server.camera("hall").url;
    let config = format!(
        "name = \"t07\"\nlisten = \"127.0.0.1:0\"\ndata_dir = {:?}\n\n[recording]\nmin_free_bytes = 0\n\n[[camera]]\nid = \"hall\"\n\
         hall = \"T07\"\nurl = \"{url}\"\nusername = \"{USER}\"\npassword = \"{PASSWORD}\"\n",
        dir.join("data")
    );
    std::fs::write(dir.join("edge.toml"), config).unwrap();
    std::fs::write(dir.join("token"), "of nobody").unwrap();
}

/// Starts it; its console is away.
fn start(dir: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_mingjing-ingest"))
        .args(["--console", "ws://127.0.0.1:9/", "--token-file"])
        .arg(dir.join("token"))
        .arg("--config")
        .arg(dir.join("edge.toml"))
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Recordings that lie there, by name.
fn files(recordings: &Path) -> Vec<PathBuf> {
    let days = std::fs::read_dir(recordings).into_iter().flatten();
    let files = days.flat_map(|day| std::fs::read_dir(day.unwrap().path()).into_iter().flatten());
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "mp4"));
    files.sort();
    files
}

/// Milliseconds of whole pictures in a file as it lies there.
fn millis(path: &Path) -> i64 {
    // It may be finished and renamed at this moment.
    let read = std::fs::File::open(path).and_then(|file| boxes::walk(&file));
    read.map_or(0, |contents| contents.ticks as i64 / 90)
}

/// When the last whole picture of a file ends.
fn ends(path: &Path) -> DateTime<Utc> {
    let contents = boxes::walk(&std::fs::File::open(path).unwrap()).unwrap();
    contents.start.unwrap() + TimeDelta::milliseconds(contents.ticks as i64 / 90)
}

/// Whether a file was finished: then its name tells its length.
fn is_finished(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_string_lossy();
    name.matches('-').count() == 2
}

/// Waits until the program has recorded for `long` milliseconds into the file that it writes.
async fn recording(child: &mut Child, recordings: &Path, long: i64) {
    let begun = Instant::now();
    loop {
        let open: Vec<PathBuf> = files(recordings)
            .into_iter()
            .filter(|path| !is_finished(path))
            .collect();
        if matches!(open.as_slice(), [only] if millis(only) >= long) {
            return;
        }
        assert!(child.try_wait().unwrap().is_none(), "it ended");
        assert!(begun.elapsed() < PATIENCE, "nothing is recorded");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What ffprobe says of a file: pictures that it could decode. Nothing may be wrong with it.
fn probed(path: &Path) -> u64 {
    let decoded = Blocking::new("ffprobe")
        .args(["-v", "warning", "-count_frames", "-select_streams", "v"])
        .args(["-show_entries", "stream=nb_read_frames", "-of", "csv=p=0"])
        .arg(path)
        .output()
        .expect("ffprobe is installed: run scripts/setup test");
    assert_eq!(
        String::from_utf8_lossy(&decoded.stderr),
        "",
        "{}",
        path.display()
    );
    String::from_utf8_lossy(&decoded.stdout)
        .trim()
        .parse()
        .unwrap()
}

/// All of it as one file.
fn plays_as_one(archive: Arc<Archive>, segments: &[Segment]) {
    let (first, last) = (segments[0].start, segments[segments.len() - 1].end());
    let clip = Arc::new(Clip::plan(&archive, first, last).unwrap());
    let mut file = tempfile::Builder::new().suffix(".mp4").tempfile().unwrap();
    let mut reader = clip.reader(0, clip.len());
    while let Some(bytes) = reader.read().unwrap() {
        file.write_all(&bytes).unwrap();
    }
    let each: u64 = segments
        .iter()
        .map(|segment| probed(&archive.path(segment)))
        .sum();
    let pictures = probed(file.path());
    println!("one clip of {pictures} pictures; {each} in the files");
    // Groups that were recorded twice, because the server sends the first half second ahead of its time, are in it once.
    assert!(
        pictures <= each && pictures * 10 >= each * 6,
        "{pictures} of {each}"
    );
}

#[tokio::test]
async fn twenty_times_kill_9_costs_two_seconds_each_at_most_and_the_index_matches_the_disk() {
    let Some(clip) = shared("video/opencv_vtest_h264.mp4") else {
        return;
    };
    let clip = format!("hall={}", clip.display());
    let server = RtspServer::start(&["--clip", &clip, "--loop", "20"]).await;
    let dir = tempfile::tempdir().unwrap();
    configure(dir.path(), &server);
    let recordings = dir.path().join("data/recordings/hall");
    let mut worst = TimeDelta::zero();
    for round in 0..KILLS {
        let before = files(&recordings);
        let mut child = start(dir.path());
        // It adopts what the one before left; only then is there anything new to wait for.
        let adopted = Instant::now();
        while files(&recordings)
            .iter()
            .any(|path| before.contains(path) && !is_finished(path))
        {
            assert!(
                adopted.elapsed() < PATIENCE,
                "the last recording is not adopted"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // At another moment of the second in which it writes each time.
        recording(&mut child, &recordings, 300).await;
        tokio::time::sleep(Duration::from_millis(137 * (round as u64 % 8))).await;
        let killed = Utc::now();
        child.kill().await.unwrap();
        let left = files(&recordings);
        let open = left.iter().find(|path| !is_finished(path));
        let lost = killed - ends(open.or(left.last()).unwrap());
        assert!(lost <= LOST, "{lost} are gone");
        worst = worst.max(lost);
    }

    let archive = Archive::open(recordings.clone()).unwrap();
    let segments: Vec<Segment> = archive.read(|index| index.segments().copied().collect());
    let on_disk = files(&recordings);
    let indexed: Vec<PathBuf> = segments
        .iter()
        .map(|segment| archive.path(segment))
        .collect();
    assert_eq!(indexed, on_disk, "the index matches the disk");
    println!(
        "{} files, at most {} ms lost",
        segments.len(),
        worst.num_milliseconds()
    );
    for segment in &segments {
        let path = archive.path(segment);
        assert_eq!(std::fs::metadata(&path).unwrap().len(), segment.bytes);
        // The clip has ten pictures a second.
        let (pictures, expected) = (probed(&path) as i64, i64::from(segment.millis) / 100);
        assert!(
            (pictures - expected).abs() <= 2,
            "{path:?}: {pictures} pictures in {} ms",
            segment.millis
        );
    }
    plays_as_one(archive.into(), &segments);
    let archive = Archive::open(recordings).unwrap();
    let (first, last) = (segments[0].start, segments[segments.len() - 1].end());
    let (spans, gaps) = archive.read(|index| index.spans(first, last, Utc::now()));
    // Some leave no gap at all: GStreamer sends the first half second ahead of its time, as cameras send what they have kept.
    assert_eq!(spans.len(), gaps.len() + 1, "{gaps:?}");
    assert!(
        gaps.iter().all(|gap| gap.reason == Reason::Stopped),
        "{gaps:?}"
    );
}

#[tokio::test]
async fn a_program_that_is_stopped_finishes_its_files_and_a_camera_that_is_away_is_a_gap() {
    let Some(clip) = shared("video/opencv_vtest_h264.mp4") else {
        return;
    };
    let clip = format!("hall={}", clip.display());
    let mut server = RtspServer::start(&["--clip", &clip, "--loop", "20"]).await;
    let dir = tempfile::tempdir().unwrap();
    configure(dir.path(), &server);
    let recordings = dir.path().join("data/recordings/hall");
    let mut child = start(dir.path());
    recording(&mut child, &recordings, 1_000).await;
    server.command("stop all").await;
    let finished = Instant::now();
    while !files(&recordings).iter().all(|path| is_finished(path)) {
        assert!(finished.elapsed() < PATIENCE, "the file is not finished");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.command("start all").await;
    recording(&mut child, &recordings, 500).await;
    let stopped = Utc::now();
    let pid = child.id().unwrap().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .await
            .unwrap()
            .success()
    );
    assert_eq!(
        tokio::time::timeout(PATIENCE, child.wait())
            .await
            .unwrap()
            .unwrap()
            .code(),
        Some(0)
    );

    // What lies there now was finished by the program itself, to the last picture.
    let names: Vec<PathBuf> = files(&recordings);
    let archive = Archive::open(recordings.clone()).unwrap();
    assert_eq!(files(&recordings), names, "nothing was left to adopt");
    let segments: Vec<Segment> = archive.read(|index| index.segments().copied().collect());
    assert_eq!(segments.len(), 2, "{names:?} {segments:?}");
    assert!(
        stopped - segments[1].end() < TimeDelta::milliseconds(500),
        "{:?} {stopped}",
        segments[1].end()
    );
    let (from, to) = (
        segments[0].start,
        segments[1].end() + TimeDelta::seconds(60),
    );
    let (spans, gaps) = archive.read(|index| index.spans(from, to, to));
    assert_eq!(spans.len(), 2);
    assert_eq!(gaps[0].reason, Reason::Offline);
    assert!(
        gaps[0]
            .detail
            .as_deref()
            .is_some_and(|state| state.starts_with("offline_")),
        "{gaps:?}"
    );
    assert_eq!(gaps.last().unwrap().reason, Reason::Stopped);
}
