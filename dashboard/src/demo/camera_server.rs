//! The cameras of the demo: a GStreamer RTSP server with drawn scenes, `scripts/demo-cameras`, as a process of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// Time that the server has to come up: the first start encodes what later ones send.
const START: Duration = Duration::from_secs(120);
/// User that the cameras ask for.
pub const USER: &str = "viewer";
/// Debian's Python, which has GStreamer's bindings.
const PYTHON: &str = "/usr/bin/python3";

/// The running server. It ends when its standard input closes: with this process, however that ends.
#[derive(Debug)]
pub struct CameraServer {
    child: Child,
    /// Where it serves, e.g. `rtsp://127.0.0.1:40001/`.
    pub url: String,
    /// Where the clerks sit in the picture of each camera, by its id: as the `region` of its configuration.
    pub regions: BTreeMap<String, toml::Value>,
}

/// What to serve.
#[derive(Debug)]
pub struct Options<'a> {
    /// File with the scenes.
    pub scenes: &'a Path,
    /// Port; 0 for any.
    pub port: u16,
    /// Password of the cameras.
    pub password: &'a str,
    /// Seed of rooms and people.
    pub seed: u64,
    /// Which camera fails again and again, from 1.
    pub failing: usize,
}

impl CameraServer {
    /// Starts it and waits until it serves.
    ///
    /// # Errors
    /// One sentence that says why it does not.
    pub async fn start(script: &Path, options: &Options<'_>) -> Result<Self, String> {
        let mut command = Command::new(PYTHON);
        command
            .arg(script)
            .args([
                "--port",
                &options.port.to_string(),
                "--user",
                USER,
                "--seed",
                &options.seed.to_string(),
            ])
            .args([
                "--fail-camera",
                &options.failing.to_string(),
                "--fail-every",
                "240",
                "--fail-for",
                "45",
            ])
            .arg("--cameras")
            .arg(options.scenes)
            .env("DEMO_CAMERA_PASSWORD", options.password)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            // Ctrl-C on the terminal is for the console, which ends its cameras last.
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command
            .spawn()
            .map_err(|error| format!("{PYTHON} cannot be started: {error}"))?;
        let stdout = child
            .stdout
            .take()
            .ok_or("the camera server has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let mut regions = BTreeMap::new();
        let ready = async {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some(said) = line.strip_prefix("regions ") {
                    regions = serde_json::from_str(said).unwrap_or_default();
                }
                if let Some(url) = line.strip_prefix("ready ") {
                    return Some(url.trim().to_owned());
                }
            }
            None
        };
        match tokio::time::timeout(START, ready).await {
            Ok(Some(url)) => Ok(Self {
                child,
                url,
                regions,
            }),
            Ok(None) => Err("the camera server ended at once: run scripts/setup run, which installs what it needs".into()),
            Err(_) => Err(format!("the camera server did not come up in {} s", START.as_secs())),
        }
    }

    /// Ends it and waits until it is gone.
    pub async fn stop(mut self) {
        drop(self.child.stdin.take());
        if tokio::time::timeout(Duration::from_secs(2), self.child.wait())
            .await
            .is_err()
        {
            let _ = self.child.kill().await;
        }
    }
}

/// Where the script lies: in the working directory, or beside a folder that this program was built in.
pub fn find_script() -> Option<PathBuf> {
    let script = Path::new("scripts/demo-cameras");
    let program = std::env::current_exe().ok();
    let above = program
        .iter()
        .flat_map(|program| program.ancestors().skip(1))
        .map(Path::to_owned);
    std::iter::once(PathBuf::from("."))
        .chain(above)
        .map(|dir| dir.join(script))
        .find(|path| path.is_file())
}
