//! What the camera tests share: a real RTSP server of another make, and waits that end.

pub mod clips;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use mingjing_ingest::camera::{
    Camera, CameraConfig, CameraHandle, CameraHealth, CameraState, LiveStream, Secret,
};
use mingjing_ingest::media::{Fragment, InitSegment, Message};
use mingjing_ingest::picture::PictureBudget;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// User and password of every stream of the test server.
pub const USER: &str = "hall";
pub const PASSWORD: &str = "mirror on high";

/// Longer than anything here may take on a busy machine, and still an end.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The project's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("a member stands in the workspace")
}

/// A file of the shared test data. `None`, with a printed line, only where there is no shared data at all.
pub fn shared(path: &str) -> Option<PathBuf> {
    // A worktree lies one deeper than a clone.
    let mut places = ["../shared/data", "../../shared/data"]
        .iter()
        .map(|up| root().join(up));
    let Some(data) = places.find(|place| place.is_dir()) else {
        println!("skipped: no ../shared/data beside the project");
        return None;
    };
    let file = data.join(path);
    assert!(
        file.exists(),
        "{} is missing from the shared test data",
        file.display()
    );
    Some(file)
}

/// `scripts/test-rtsp`, ended with this value.
pub struct RtspServer {
    _process: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    base: String,
    listeners: Vec<(String, u16)>,
}

impl RtspServer {
    /// Starts it and waits until it serves.
    pub async fn start(arguments: &[&str]) -> Self {
        let mut process = Command::new(root().join("scripts/test-rtsp"))
            .args(["--user", USER])
            .args(arguments)
            .env("TEST_RTSP_PASSWORD", PASSWORD)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("scripts/test-rtsp can be started");
        let commands = process.stdin.take().expect("stdin is piped");
        let mut answers = BufReader::new(process.stdout.take().expect("stdout is piped")).lines();
        let mut listeners = Vec::new();
        let base = loop {
            let line = timeout(PATIENCE, answers.next_line())
                .await
                .expect("the server starts in time");
            let line = line
                .expect("readable")
                .expect("scripts/test-rtsp starts: run scripts/setup test");
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["listener", name, port] => {
                    listeners.push((name.to_owned(), port.parse().expect("a port")))
                }
                ["ready", base] => break base.to_owned(),
                _ => panic!("unexpected line: {line}"),
            }
        };
        Self {
            _process: process,
            commands,
            answers,
            base,
            listeners,
        }
    }

    /// Gives a command and returns what follows `ok`.
    pub async fn command(&mut self, command: &str) -> String {
        self.commands
            .write_all(format!("{command}\n").as_bytes())
            .await
            .expect("the server listens");
        let answer = timeout(PATIENCE, self.answers.next_line())
            .await
            .expect("an answer in time");
        let answer = answer.expect("readable").expect("an answer");
        answer
            .strip_prefix("ok")
            .unwrap_or_else(|| panic!("{command}: {answer}"))
            .trim()
            .to_owned()
    }

    /// A camera at one of the mounts, with the right password.
    pub fn camera(&self, mount: &str) -> CameraConfig {
        let mut config = CameraConfig::new(
            mount,
            format!("{}{mount}", self.base).parse().expect("a URL"),
        );
        config.username = Some(USER.into());
        config.password = Some(Secret::new(PASSWORD));
        config
    }

    /// A camera at one of the listeners that do not speak RTSP.
    pub fn listener(&self, name: &str) -> CameraConfig {
        let (_, port) = self
            .listeners
            .iter()
            .find(|(known, _)| known == name)
            .expect("a listener of that name");
        CameraConfig::new(
            name,
            format!("rtsp://127.0.0.1:{port}/").parse().expect("a URL"),
        )
    }
}

/// Starts a camera.
pub fn spawn(config: CameraConfig) -> CameraHandle {
    Camera::spawn(
        config,
        Arc::new(PictureBudget::default()),
        &CancellationToken::new(),
    )
    .expect("a valid camera")
}

/// Waits until the health is as wanted.
pub async fn until(camera: &CameraHandle, wanted: impl Fn(&CameraHealth) -> bool) -> CameraHealth {
    let mut health = camera.health();
    match timeout(PATIENCE, health.wait_for(|health| wanted(health))).await {
        Ok(found) => found.expect("the camera runs").clone(),
        Err(_) => panic!("never came; now: {:?}", camera.health().borrow()),
    }
}

/// Waits until the camera is in a state.
pub async fn until_state(camera: &CameraHandle, state: CameraState) -> CameraHealth {
    until(camera, |health| health.state == state).await
}

/// The next message of a live stream.
pub async fn next(stream: &mut LiveStream) -> Option<Message> {
    timeout(PATIENCE, stream.next())
        .await
        .expect("a message in time")
}

/// What ffmpeg makes of them as one file, which it must decode without a complaint: codec, width, height and number of pictures.
pub fn decoded(init: &InitSegment, fragments: &[Fragment]) -> String {
    let mut file = tempfile::Builder::new().suffix(".mp4").tempfile().unwrap();
    file.write_all(&init.segment).unwrap();
    fragments
        .iter()
        .for_each(|fragment| file.write_all(&fragment.bytes).unwrap());
    let shown = "stream=codec_name,nb_read_frames,width,height";
    let probed = std::process::Command::new("ffprobe")
        .args(["-v", "warning", "-count_frames", "-select_streams", "v"])
        .args(["-show_entries", shown, "-of", "csv=p=0"])
        .arg(file.path())
        .output()
        .expect("ffprobe is installed: run scripts/setup test");
    let complaints = String::from_utf8_lossy(&probed.stderr);
    // It misses the end of JPEGs that end as they should (FF D9).
    let mut complaints = complaints.lines();
    let other = complaints.find(|line| !line.ends_with("EOI missing, emulating"));
    assert_eq!(other, None);
    String::from_utf8_lossy(&probed.stdout).trim().to_owned()
}

/// The next so many fragments, with the parameters before the first and in between.
pub async fn fragments(
    stream: &mut LiveStream,
    count: usize,
) -> (Vec<Arc<InitSegment>>, Vec<Fragment>) {
    let (mut inits, mut fragments) = (Vec::new(), Vec::new());
    while fragments.len() < count {
        match next(stream).await.expect("the camera runs") {
            Message::Init(init) => inits.push(init),
            Message::Fragment(fragment) => fragments.push(fragment),
            other => panic!("after {} fragments: {other:?}", fragments.len()),
        }
    }
    (inits, fragments)
}
