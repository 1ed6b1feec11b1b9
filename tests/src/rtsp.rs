//! `scripts/test-rtsp`: GStreamer's RTSP server, with clips and with cameras that misbehave.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// User of all its cameras.
pub const USER: &str = "viewer";
/// Password of all its cameras.
pub const PASSWORD: &str = "a camera's password";
/// Starting it remuxes the clips.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running camera server; ends with this value.
pub struct Rtsp {
    _child: Child,
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
    base: String,
    listeners: HashMap<String, u16>,
}

impl Rtsp {
    /// Starts it with `arguments` (see `scripts/test-rtsp --help`) and digest authentication.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start(arguments: &[String]) -> Self {
        let mut child = Command::new(script())
            .args(arguments)
            .args(["--user", USER])
            .env("TEST_RTSP_PASSWORD", PASSWORD)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("scripts/test-rtsp can be run");
        let stdin = child.stdin.take().expect("stdin is piped");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        let mut server = Self {
            _child: child,
            stdin,
            stdout,
            base: String::new(),
            listeners: HashMap::new(),
        };
        while server.base.is_empty() {
            let line = server.line().await;
            let words: Vec<_> = line.split_whitespace().collect();
            match words.as_slice() {
                ["ready", base] => server.base = (*base).to_owned(),
                ["listener", name, port] => {
                    let port = port.parse().expect("a port");
                    server.listeners.insert((*name).to_owned(), port);
                }
                _ => panic!("scripts/test-rtsp said {line:?}"),
            }
        }
        server
    }

    /// The address of a mount or listener.
    pub fn url(&self, name: &str) -> String {
        match self.listeners.get(name) {
            Some(port) => format!("rtsp://127.0.0.1:{port}/"),
            None => format!("{}{name}", self.base),
        }
    }

    /// Sends `command` (`stop NAME`, `start all`, …) and waits for its `ok`; gives what follows that word.
    ///
    /// # Panics
    /// When it refuses.
    pub async fn say(&mut self, command: &str) -> String {
        self.stdin
            .write_all(format!("{command}\n").as_bytes())
            .await
            .expect("the camera server listens");
        let line = self.line().await;
        let rest = line
            .strip_prefix("ok")
            .unwrap_or_else(|| panic!("{command:?} was answered {line:?}"));
        rest.trim().to_owned()
    }

    async fn line(&mut self) -> String {
        timeout(PATIENCE, self.stdout.next_line())
            .await
            .expect("scripts/test-rtsp answers in time")
            .expect("its output can be read")
            .expect("scripts/test-rtsp ended; run scripts/setup test")
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/test-rtsp")
}
