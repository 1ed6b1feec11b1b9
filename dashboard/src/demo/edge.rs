//! The edge of the demo: `mingjing-ingest` at one town, in a process of its own, which reaches the console as any town's does.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

/// Time that it has to end by itself: it writes down what it recorded.
const END: Duration = Duration::from_secs(8);

/// Runs a program until standard input is closed, then ends it and waits for it.
const UNTIL_CLOSED: &str = r#""$@" & cat >/dev/null; kill "$!"; wait "$!""#;

/// The running edge. It ends when its standard input closes: with this process, however that ends.
#[derive(Debug)]
pub struct EdgeProcess(Child);

impl EdgeProcess {
    /// Starts it; it comes to the console as soon as that listens, and comes back by itself.
    ///
    /// # Errors
    /// One sentence that says why it does not start.
    pub fn start(console: &str, config: &Path, token_file: &Path) -> Result<Self, String> {
        let program = program()?;
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", UNTIL_CLOSED, "sh"])
            .arg(&program)
            .args(["--console", console, "--token-file"])
            .arg(token_file)
            .arg("--config")
            .arg(config)
            .env("RUST_LOG", "warn")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            // Ctrl-C on the terminal is for the console, which ends its edge.
            .process_group(0);
        let child = command
            .spawn()
            .map_err(|error| format!("{} cannot be started: {error}", program.display()))?;
        Ok(Self(child))
    }

    /// Ends it and waits until it is gone.
    pub async fn stop(mut self) {
        drop(self.0.stdin.take());
        if tokio::time::timeout(END, self.0.wait()).await.is_err() {
            let _ = self.0.kill().await;
        }
    }
}

/// It is built beside this program.
fn program() -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let program = own.with_file_name("mingjing-ingest");
    match program.is_file() {
        true => Ok(program),
        false => Err(format!(
            "{} is not there: build it (make build)",
            program.display()
        )),
    }
}
