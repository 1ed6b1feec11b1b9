//! Sound: recorded in step with the pictures where the setting says so, and else not even asked for.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use mingjing_ingest::camera::{Audio, AudioState, Camera, CameraConfig, CameraHandle, Service};
use mingjing_ingest::picture::Watching;
use mingjing_ingest::recording::archive::Archive;
use mingjing_ingest::recording::clip::Clip;
use mingjing_ingest::recording::index::{Index, Segment};
use mingjing_ingest::recording::{Recorder, Rules, Schedule};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::support::{RtspServer, fragments, until};

/// Sound may be off by so much, in milliseconds: a tenth of what people notice.
const STEP: f64 = 10.0;

/// A clip that flashes and beeps for an eighth of each second, at once.
fn flashes(codec: &[&str], suffix: &str) -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().suffix(suffix).tempfile().unwrap();
    let picture = "color=black:size=320x240:rate=25:duration=60,\
                   drawbox=color=white:t=fill:enable='lt(mod(t,1),0.12)'";
    let made = Command::new("ffmpeg")
        .args([
            "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", picture,
        ])
        .args(["-f", "lavfi", "-i"])
        .arg("aevalsrc='if(lt(mod(t,1),0.12),0.8*sin(2*PI*880*t),0)':s=8000:d=60")
        .args(["-c:v", "libx264", "-preset", "ultrafast", "-g", "25"])
        .args(["-pix_fmt", "yuv420p"])
        .args(codec)
        .arg(file.path())
        .status()
        .expect("ffmpeg is there: run scripts/setup test");
    assert!(made.success());
    file
}

const AAC: &[&str] = &["-c:a", "aac", "-ar", "16000", "-ac", "1", "-b:a", "32k"];
const A_LAW: &[&str] = &["-c:a", "pcm_alaw", "-f", "mov"];
const OPUS: &[&str] = &["-c:a", "libopus", "-strict", "-2", "-ar", "48000"];

/// A camera that is recorded.
struct Recorded {
    camera: CameraHandle,
    recorder: Arc<Recorder>,
    _directory: TempDir,
}

impl Recorded {
    fn start(mut session: CameraConfig, audio: Audio) -> Self {
        session.audio = audio;
        let directory = tempfile::tempdir().unwrap();
        let rules = Rules {
            days: 1,
            max_bytes: 1 << 30,
            schedule: Schedule::default(),
        };
        let place = directory.path().to_path_buf();
        let recorder = Recorder::open(place, chrono_tz::UTC, 0, rules.clone()).unwrap();
        let service = Service {
            recorder: Some(recorder.camera(&session.id, rules)),
            session,
            sub: None,
            watching: Watching::default(),
        };
        let stop = CancellationToken::new();
        let camera = Camera::spawn_after(None, service, Arc::default(), &stop).unwrap();
        Self {
            camera,
            recorder,
            _directory: directory,
        }
    }

    /// Waits until so many seconds are recorded in one file, and gives that file. Files change with the clock, so one may end on the way; and one
    /// that begins with a camera of whose sound nothing is known yet may come first.
    async fn clip(&self, id: &str, seconds: i64) -> tempfile::NamedTempFile {
        let (begun, mut wanted) = (Utc::now(), TimeDelta::seconds(seconds));
        let archive = loop {
            until(&self.camera, |health| {
                let recorded = health.recording.and_then(|recorded| recorded.until);
                recorded.is_some_and(|until| until - begun > wanted)
            })
            .await;
            let archive = self.recorder.of(id).unwrap();
            if longest(&archive).millis >= 1_000 * seconds as u32 {
                break archive;
            }
            wanted += TimeDelta::seconds(1);
        };
        self.camera.stop();
        self.camera.stopped().await;
        let longest = longest(&archive);
        let clip = Clip::plan(&archive, longest.start, longest.end()).unwrap();
        written(&Arc::new(clip))
    }
}

fn longest(archive: &Archive) -> Segment {
    let longest = |index: &Index| index.segments().copied().max_by_key(|it| it.millis);
    archive.read(longest).expect("a file")
}

fn written(clip: &Arc<Clip>) -> tempfile::NamedTempFile {
    use std::io::Write as _;
    let mut file = tempfile::Builder::new().suffix(".mp4").tempfile().unwrap();
    let mut reader = clip.reader(0, clip.len());
    while let Some(bytes) = reader.read().unwrap() {
        file.write_all(&bytes).unwrap();
    }
    file
}

/// What a program of ffmpeg's prints, on both outputs.
fn printed(program: &str, arguments: &[&str], file: &Path) -> String {
    let done = Command::new(program)
        .args(arguments)
        .arg(file)
        .stdin(Stdio::null())
        .output()
        .expect("ffmpeg is there: run scripts/setup test");
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr)
}

/// Codec, begin and end of each of its tracks, in seconds; nothing may be wrong with it.
fn tracks(file: &Path) -> Vec<(String, f64, f64)> {
    let warnings = printed("ffprobe", &["-v", "warning", "-count_packets"], file);
    assert_eq!(warnings, "");
    let shown = "stream=index,codec_name:packet=stream_index,pts_time,duration_time";
    let all = printed(
        "ffprobe",
        &["-v", "error", "-show_entries", shown, "-of", "csv"],
        file,
    );
    let rows = || all.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let mut tracks: Vec<(String, f64, f64)> = rows()
        .filter(|row| row[0] == "stream")
        .map(|row| (row[2].to_owned(), f64::INFINITY, 0.0))
        .collect();
    for row in rows().filter(|row| row[0] == "packet") {
        let track = &mut tracks[row[1].parse::<usize>().unwrap()];
        let begin: f64 = row[2].parse().unwrap();
        // Of the last packet ffprobe may not know how long it is.
        let long: f64 = row[3].parse().unwrap_or(0.0);
        track.1 = track.1.min(begin);
        track.2 = track.2.max(begin + long);
    }
    tracks
}

/// Instants in a file's time at which it begins to flash, and to beep.
fn onsets(file: &Path) -> (Vec<f64>, Vec<f64>) {
    let name = file.display().to_string();
    let filter = |of: &str, filter: &str| {
        let ffmpeg = [
            "-nostdin", "-v", "info", "-i", &name, of, filter, "-f", "null",
        ];
        printed("ffmpeg", &ffmpeg, Path::new("-"))
    };
    let seconds = |text: &str, after: &str| -> Vec<f64> {
        let found = text.split(after).skip(1);
        found
            .map(|rest| rest.trim_start().split([' ', '\n', '|']).next().unwrap())
            .map(|number| number.parse().unwrap())
            .collect()
    };
    let seen = filter("-vf", "blackdetect=d=0.3:pix_th=0.3");
    let heard = filter("-af", "silencedetect=noise=-20dB:d=0.3");
    (
        seconds(&seen, "black_end:"),
        seconds(&heard, "silence_end:"),
    )
}

/// How far sound leaves the pictures, in milliseconds, at each beep.
fn apart(file: &Path) -> Vec<f64> {
    let (seen, mut heard) = onsets(file);
    // Both filters end what they are in at the end of the file.
    heard.pop();
    let nearest = |beep: &f64| {
        let apart = seen.iter().map(|flash| (beep - flash) * 1_000.0);
        apart.min_by(|a, b| a.abs().total_cmp(&b.abs()))
    };
    let all: Vec<f64> = heard
        .iter()
        .filter_map(nearest)
        .filter(|ms| ms.abs() < 400.0)
        .collect();
    println!(
        "{} flashes, {} beeps, apart by {all:.1?} ms",
        seen.len(),
        heard.len()
    );
    all
}

/// A clip whose sound is kept: both tracks as long, and in step.
async fn is_kept(mount: &str, clip: tempfile::NamedTempFile, codec: &str, name: &str) {
    let argument = format!("hall={}", clip.path().display());
    let mut server = RtspServer::start(&[mount, &argument]).await;
    let recorded = Recorded::start(server.camera("hall"), Audio::Keep);
    let health = until(&recorded.camera, |health| {
        let state = health.audio.as_ref().map(|audio| audio.state);
        health.state.is_live() && state == Some(AudioState::Kept)
    });
    assert_eq!(health.await.audio.unwrap().codec.as_deref(), Some(name));
    assert_eq!(server.command("setups hall").await, "2");
    let (inits, live) = fragments(&mut recorded.camera.subscribe(), 40).await;
    let init = mp4_atom_tracks(&inits[0].segment);
    assert_eq!(init, 1, "live has no sound");
    assert!(live.iter().any(|fragment| !fragment.audio.is_empty()));

    let file = recorded.clip("hall", 12).await;
    let tracks = tracks(file.path());
    println!("{tracks:?}");
    let [video, audio] = tracks.as_slice() else {
        panic!("two tracks: {tracks:?}")
    };
    assert_eq!((video.0.as_str(), audio.0.as_str()), ("h264", codec));
    assert!(
        audio.1 >= 0.0 && audio.1 < 0.3,
        "it begins with the pictures"
    );
    assert!((video.2 - audio.2).abs() < 0.4, "and ends with them");
    let apart = apart(file.path());
    assert!(apart.len() >= 9, "{apart:?}");
    // Until the camera has told of its clock (RTCP, in the first seconds) the instants of arrival must do, and this server sends its first
    // pictures ahead of their time.
    let later = &apart[apart.len() - 5..];
    assert!(later.iter().all(|ms| ms.abs() <= STEP), "{apart:?}");
    assert!(apart.iter().all(|ms| ms.abs() <= 400.0), "{apart:?}");
}

fn mp4_atom_tracks(init: &[u8]) -> usize {
    init.windows(4).filter(|four| four == b"trak").count()
}

#[tokio::test]
async fn aac_is_recorded_in_step_with_the_pictures() {
    is_kept("--aac", flashes(AAC, ".mp4"), "aac", "AAC").await;
}

#[tokio::test]
async fn g711_is_recorded_as_it_is() {
    is_kept("--alaw", flashes(A_LAW, ".mov"), "pcm_alaw", "G.711 A-law").await;
}

#[tokio::test]
async fn sound_that_is_ignored_is_not_asked_for() {
    let clip = flashes(AAC, ".mp4");
    let argument = format!("hall={}", clip.path().display());
    let mut server = RtspServer::start(&["--aac", &argument]).await;
    let recorded = Recorded::start(server.camera("hall"), Audio::Ignore);
    let health = until(&recorded.camera, |health| health.state.is_live()).await;
    assert_eq!(health.audio, None);
    let file = recorded.clip("hall", 3).await;
    assert_eq!(server.command("setups hall").await, "1");
    let tracks = tracks(file.path());
    assert!(
        matches!(tracks.as_slice(), [only] if only.0 == "h264"),
        "{tracks:?}"
    );
}

#[tokio::test]
async fn pictures_go_on_where_the_sound_cannot_be_kept_and_the_state_says_why() {
    let clip = flashes(OPUS, ".mp4");
    let opus = format!("opus={}", clip.path().display());
    let mute = format!("mute={}", clip.path().display());
    let mut server = RtspServer::start(&["--opus", &opus, "--clip", &mute]).await;
    for (mount, state, codec) in [
        ("opus", AudioState::Unsupported, Some("opus")),
        ("mute", AudioState::NotOffered, None),
    ] {
        let recorded = Recorded::start(server.camera(mount), Audio::Keep);
        let health = until(&recorded.camera, |health| health.state.is_live()).await;
        let audio = health.audio.expect("it is to be kept");
        assert_eq!((audio.state, audio.codec.as_deref()), (state, codec));
        let file = recorded.clip(mount, 3).await;
        assert_eq!(server.command(&format!("setups {mount}")).await, "1");
        let tracks = tracks(file.path());
        assert!(
            matches!(tracks.as_slice(), [only] if only.0 == "h264"),
            "{tracks:?}"
        );
    }
}
