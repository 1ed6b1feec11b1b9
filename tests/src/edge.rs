//! `mingjing-ingest` as a program of its own, at a stage's console, over a network that a test can cut.

use std::path::PathBuf;
use std::process::Stdio;

use tokio::process::{Child, Command};

use crate::proxy::Proxy;
use crate::stage::{
    PATIENCE, RECORDING, Stage, StageCamera, camera_tables, free_port, program, wait_for,
};

/// An edge; ends with this value.
pub struct Edge {
    /// Where it takes events: `http://127.0.0.1:PORT`.
    pub url: String,
    /// Its way to the console.
    pub uplink: Proxy,
    directory: PathBuf,
    process: Option<Child>,
}

impl Edge {
    /// Makes its token and configuration, starts it and waits until it takes events.
    ///
    /// # Panics
    /// When any of it fails.
    pub async fn start(stage: &Stage, name: &str, cameras: &[StageCamera]) -> Self {
        let directory = stage.path(name);
        std::fs::create_dir(&directory).expect("a directory for the edge");
        let token = stage.token(&["--role", "edge"]).await;
        std::fs::write(directory.join("token"), token).expect("written");
        let port = free_port();
        let config = format!(
            "name = {name:?}\nlisten = \"127.0.0.1:{port}\"\ndata_dir = {:?}\n\n{RECORDING}{}",
            directory.join("data"),
            camera_tables(&directory, cameras)
        );
        std::fs::write(directory.join("edge.toml"), config).expect("written");
        let console = stage.url.trim_start_matches("http://");
        let mut edge = Self {
            url: format!("http://127.0.0.1:{port}"),
            uplink: Proxy::start(console.parse().expect("the console's address")).await,
            directory,
            process: None,
        };
        edge.run().await;
        edge
    }

    /// Starts it again after [`Edge::kill`]. Its log is added to.
    ///
    /// # Panics
    /// When it does not take events in time.
    pub async fn run(&mut self) {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.directory.join("log"))
            .expect("the log can be opened");
        let process = Command::new(program("mingjing-ingest"))
            .args(["--console", &format!("ws://{}", self.uplink.address)])
            .arg("--token-file")
            .arg(self.directory.join("token"))
            .arg("--config")
            .arg(self.directory.join("edge.toml"))
            .stdin(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn();
        self.process = Some(process.expect("mingjing-ingest can be run"));
        let live = format!("{}/health/live", self.url);
        wait_for("the edge takes events", PATIENCE, async || {
            reqwest::get(&live).await.is_ok()
        })
        .await;
    }

    /// Ends it as a power cut would.
    ///
    /// # Panics
    /// When it does not run.
    pub async fn kill(&mut self) {
        let mut process = self.process.take().expect("a running edge");
        process.kill().await.expect("the edge can be killed");
    }

    /// Changes its configuration; it reads it when it is run again.
    ///
    /// # Panics
    /// When `old` does not stand there.
    pub fn set(&self, old: &str, new: &str) {
        let file = self.directory.join("edge.toml");
        let config = std::fs::read_to_string(&file).expect("the configuration");
        assert!(config.contains(old), "{old:?} is not in it");
        std::fs::write(file, config.replacen(old, new, 1)).expect("written");
    }

    /// What it wrote.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }
}
