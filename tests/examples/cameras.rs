//! `make bench`: what it costs to receive and record 32 cameras of 1080p at 25 pictures and 4 Mb a second, beside `ffmpeg -c copy` of the same
//! streams from the same server; and how long a picture takes to whoever watches. Prints a table with the bounds of the project beside what was
//! measured, writes it to `bench/results/cameras.json`, and ends with exit code 1 when a bound is missed.
//!
//! `target/release/examples/cameras [ROUNDS] [CAMERAS] [SECONDS]` (5, 32 and 30). Pictures are decoded for a hundredth of a core, the
//! least there is: what thumbnails and checks may cost is a setting. The camera server is a program of its own, which no number counts.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use mingjing_ingest::camera::{Camera, CameraConfig, CameraHandle, Secret, Service};
use mingjing_ingest::media::Message;
use mingjing_ingest::picture::{PictureBudget, Watching};
use mingjing_ingest::recording::{Recorder, Rules, Schedule};
use mingjing_tests::bench::{Bound, Error, Table, arguments, processor_time, sorted_part};
use mingjing_tests::rtsp::{PASSWORD, Rtsp, USER};
use serde_json::json;
use tokio::process::{Child, Command};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// What Moonfire NVR 0.7.30 takes of a core for a camera, in percent, on a machine of this kind.
const MOONFIRE: f64 = 0.22;
/// Sessions are set up and first files begun.
const WARM: Duration = Duration::from_secs(10);
/// The streams go on for so long after what is measured of them: sessions are begun one after the other.
const SPARE: Duration = Duration::from_secs(30);
/// How long pictures are timed.
const TIMED: Duration = Duration::from_secs(10);
#[tokio::main]
async fn main() -> Result<(), Error> {
    let [rounds, cameras, seconds] = arguments([5, 32, 30])?;
    let place = tempfile::tempdir()?;
    let clip = place.path().join("clip.mp4");
    let span = Duration::from_secs(seconds as u64);
    made(&clip, WARM + span + TIMED + SPARE).await?;
    let mounts = (0..cameras).map(|n| ["--clip".to_owned(), format!("c{n}={}", clip.display())]);
    let server = Rtsp::start(&mounts.flatten().collect::<Vec<_>>()).await;
    let mut table = Table::default();
    for _ in 0..rounds {
        let copied = ffmpeg(&server, cameras, span).await?;
        ours(&server, cameras, span, copied, &mut table).await?;
    }
    table.finish(
        "cameras",
        json!({"rounds": rounds, "cameras": cameras, "seconds": seconds}),
    )
}

/// So much 1080p, as large as a camera's.
async fn made(clip: &Path, long: Duration) -> Result<(), Error> {
    let done = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-f", "lavfi", "-i"])
        .arg(format!(
            "testsrc2=size=1920x1080:rate=25:duration={},noise=alls=20:allf=t",
            long.as_secs()
        ))
        .args(["-c:v", "libx264", "-preset", "ultrafast", "-g", "50"])
        .args(["-pix_fmt", "yuv420p", "-b:v", "4M", "-minrate", "4M"])
        .args(["-maxrate", "4M", "-bufsize", "2M", "-nal-hrd", "cbr"])
        .arg(clip)
        .status()
        .await?;
    if done.success() {
        Ok(())
    } else {
        Err("ffmpeg makes no clip: run scripts/setup test".into())
    }
}

/// Percent of a core that each of `cameras` takes, received and recorded by an ffmpeg of its own.
async fn ffmpeg(server: &Rtsp, cameras: usize, span: Duration) -> Result<f64, Error> {
    let place = tempfile::tempdir()?;
    let start = |n: usize| {
        let with_password = format!("rtsp://{USER}:{}@", PASSWORD.replace(' ', "%20"));
        let url = server.url(&format!("c{n}"));
        Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-rtsp_transport", "tcp", "-i"])
            .arg(url.replacen("rtsp://", &with_password, 1))
            .args(["-c", "copy", "-movflags", "frag_keyframe+empty_moov"])
            .arg(place.path().join(format!("{n}.mp4")))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
    };
    let mut all: Vec<Child> = (0..cameras).map(start).collect::<Result<_, _>>()?;
    sleep(WARM).await;
    let pids: Vec<String> = all
        .iter()
        .filter_map(|child| Some(child.id()?.to_string()))
        .collect();
    let used = || -> Result<f64, Error> { pids.iter().map(|pid| processor_time(pid)).sum() };
    let (before, begun) = (used()?, Instant::now());
    sleep(span).await;
    let used = used()? - before;
    let share = used / begun.elapsed().as_secs_f64() / cameras as f64 * 100.0;
    for child in &mut all {
        if let Some(ended) = child.try_wait()? {
            return Err(format!("ffmpeg ended by itself: {ended}").into());
        }
        child.kill().await?;
    }
    Ok(share)
}

async fn ours(
    server: &Rtsp,
    cameras: usize,
    span: Duration,
    copied: f64,
    table: &mut Table,
) -> Result<(), Error> {
    let directory = tempfile::tempdir()?;
    let rules = Rules {
        days: 1,
        max_bytes: 4 << 30,
        schedule: Schedule::default(),
    };
    let recorder = Recorder::open(
        directory.path().to_path_buf(),
        chrono_tz::UTC,
        0,
        rules.clone(),
    )?;
    let (stop, budget) = (CancellationToken::new(), Arc::new(PictureBudget::new(0.01)));
    let before = resident()?;
    let start = |n: usize| -> Result<CameraHandle, Error> {
        let name = format!("c{n}");
        let mut session = CameraConfig::new(&name, server.url(&name).parse()?);
        session.username = Some(USER.to_owned());
        session.password = Some(Secret::new(PASSWORD));
        let service = Service {
            recorder: Some(recorder.camera(&name, rules.clone())),
            session,
            sub: None,
            watching: Watching::default(),
        };
        Ok(Camera::spawn_after(
            None,
            service,
            Arc::clone(&budget),
            &stop,
        )?)
    };
    let all: Vec<CameraHandle> = (0..cameras).map(start).collect::<Result<_, _>>()?;
    sleep(WARM).await;
    let (used, begun) = (processor_time("self")?, Instant::now());
    sleep(span).await;
    let used = processor_time("self")? - used;
    let share = used / begun.elapsed().as_secs_f64() / cameras as f64 * 100.0;
    let each = (resident()? - before) / cameras as f64;
    for camera in &all {
        let health = camera.health().borrow().clone();
        if !health.state.is_live() || health.recording.is_none() {
            return Err(format!("a camera does not play: {health:?}").into());
        }
    }
    let late = latencies(&all).await;
    let part = |part: f64| sorted_part(late.clone(), part);

    table.add(
        "received and recorded, of a core for a camera",
        "%",
        Bound::AtMost(MOONFIRE),
        share,
    );
    table.add("ffmpeg -c copy of the same", "%", Bound::None, copied);
    table.add(
        "processor time beside ffmpeg's",
        "ratio",
        Bound::AtMost(0.5),
        share / copied,
    );
    table.add(
        "memory for a camera, with what live viewers start from",
        "MB",
        Bound::None,
        each,
    );
    table.add(
        "a picture taken to a viewer, p50",
        "ms",
        Bound::AtMost(5.0),
        part(0.5),
    );
    table.add(
        "a picture taken to a viewer, p99",
        "ms",
        Bound::AtMost(30.0),
        part(0.99),
    );
    stop.cancel();
    for camera in &all {
        camera.stopped().await;
    }
    Ok(())
}

/// Milliseconds from when each picture was taken to when a viewer of its camera has it.
async fn latencies(all: &[CameraHandle]) -> Vec<f64> {
    let until = Instant::now() + TIMED;
    let viewers = all.iter().map(|camera| {
        let mut live = camera.subscribe();
        tokio::spawn(async move {
            let mut late = Vec::new();
            while let Ok(Some(message)) = tokio::time::timeout_at(until.into(), live.next()).await {
                if let Message::Fragment(fragment) = message {
                    let since = Utc::now() - fragment.captured_at;
                    late.push(since.as_seconds_f64() * 1e3);
                }
            }
            // A viewer begins with what is there already.
            late.split_off(late.len().min(100))
        })
    });
    let viewers: Vec<_> = viewers.collect();
    let mut late = Vec::new();
    for viewer in viewers {
        late.extend(viewer.await.unwrap_or_default());
    }
    late
}

/// Memory of this process, in megabytes.
fn resident() -> Result<f64, Error> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    Ok(kilobytes.ok_or("/proc tells no memory")?.parse::<f64>()? / 1024.0)
}
