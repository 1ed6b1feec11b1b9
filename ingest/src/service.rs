//! An ingest as a whole: cameras, intake, spool and uplink, started and stopped together.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::camera::Secret;
use crate::cameras::{Cameras, Looking};
use crate::config::{ConfigError, IngestConfig};
use crate::events::Intake;
use crate::managed::Managed;
use crate::managed::follow::Following;
use crate::managed::kept::Kept;
use crate::picture::presence::person::DetectorError;
use crate::recording::Recorder;
use crate::spool::{Fill, Spool, SpoolError};
use crate::uplink::{
    Endpoint, EndpointError, EventsLink, LinkState, MediaLink, Recordings, Roster, Tokens,
};

/// Everything ends within this at [`Ingest::stop`].
const STOP: Duration = Duration::from_secs(5);

/// Why an ingest cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The console's address or token.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The spool.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The model that finds people.
    #[error(transparent)]
    Detector(#[from] DetectorError),
    /// The directory of the recordings.
    #[error("recordings cannot be kept in {path}: {source}; check `recording.dir` and who owns it")]
    Recordings {
        /// The directory.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

/// A running ingest.
#[derive(Debug)]
pub struct Ingest {
    cameras: Cameras,
    recorder: Arc<Recorder>,
    intake: Intake,
    spool: Spool,
    link: watch::Receiver<LinkState>,
    tasks: Vec<JoinHandle<()>>,
    shutdown: CancellationToken,
}

impl Ingest {
    /// Starts the cameras of `config`, opens the spool and connects to `console` (`wss://host`, or `ws://` on this machine)
    /// with the `edge` token. A console that is away is no error: the uplink goes on trying. Ends by itself when
    /// `shutdown` is cancelled; [`Ingest::stop`] waits for that.
    ///
    /// # Errors
    /// What is wrong with the configuration, the address, the token, the spool or the recordings' directory; nothing is
    /// left running then.
    pub async fn start(
        config: IngestConfig,
        token: Secret,
        console: Url,
        shutdown: &CancellationToken,
    ) -> Result<Self, StartError> {
        let cameras = config.cameras()?;
        let endpoint = Endpoint::new(console, token, &config.uplink)?;
        let spool = Spool::open(&config.data_dir, config.spool.max_bytes).await?;
        let tokens = Tokens::open(spool.clone()).await;
        let table = tokens.table();
        // Cameras end after the links, so that their last state is still told.
        let (shutdown, roster) = (shutdown.child_token(), Arc::new(Roster::default()));
        let recorder = open_recorder(&config)?;
        let carried = Cameras::new(
            Arc::clone(&roster),
            Arc::clone(&recorder),
            config.recording.clone(),
            Looking::new(&config)?,
            shutdown.clone(),
        );
        for camera in cameras {
            carried.put(camera).map_err(ConfigError::Camera)?;
        }
        let in_file = config.cameras.iter().map(|entry| entry.id.clone());
        let (managed, following) = Following::start(
            Kept::new(config.secrets.clone(), config.data_dir.clone()),
            Managed::new(carried.clone(), in_file),
            shutdown.clone(),
        );
        let events = EventsLink {
            endpoint: endpoint.clone(),
            name: config.name.clone(),
            roster: Arc::clone(&roster),
            spool: spool.clone(),
            tokens,
            recorder: Arc::clone(&recorder),
            managed,
            shutdown: shutdown.clone(),
        };
        let (courier, link, events) = events.start();
        let recordings = Recordings {
            endpoint: endpoint.clone(),
            name: config.name.clone(),
            recorder: Arc::clone(&recorder),
            cameras: carried.clone(),
        };
        let media = MediaLink {
            endpoint,
            name: config.name.clone(),
            roster,
            recordings,
            shutdown: shutdown.clone(),
        };
        let intake = Intake::new(courier, table, config.timezone, &config.intake);
        let watch = tokio::spawn(Arc::clone(&recorder).watch(shutdown.clone()));
        let tasks = vec![events, media.start(), watch, following];
        Ok(Self {
            cameras: carried,
            recorder,
            intake,
            spool,
            link,
            tasks,
            shutdown,
        })
    }

    /// `POST /api/v1/events`, to be served here or mounted in the console.
    pub fn router(&self) -> axum::Router {
        crate::events::router(self.intake.clone())
    }

    /// How the uplink stands, as it changes.
    pub fn link(&self) -> watch::Receiver<LinkState> {
        self.link.clone()
    }

    /// How full the spool is.
    pub fn spool(&self) -> Fill {
        self.spool.fill()
    }

    /// What is recorded.
    pub fn recorder(&self) -> &Arc<Recorder> {
        &self.recorder
    }

    /// Its cameras, to be changed while it runs.
    pub fn cameras(&self) -> &Cameras {
        &self.cameras
    }

    /// Stops everything: waits for what is under way, then for cameras and sockets, 5 s at most. What the console did not
    /// acknowledge is in the spool. Requests still being answered find the spool open as long as their router lives.
    pub async fn stop(self) {
        self.shutdown.cancel();
        let cameras = self.cameras.stopped();
        let everything = futures::future::join(cameras, futures::future::join_all(self.tasks));
        if tokio::time::timeout(STOP, everything).await.is_err() {
            tracing::warn!("cameras or sockets did not end in time; they are given up");
        }
    }
}

fn open_recorder(config: &IngestConfig) -> Result<Arc<Recorder>, StartError> {
    let recording = &config.recording;
    let directory = recording.directory(&config.data_dir);
    let path = directory.display().to_string();
    let opened = Recorder::open(
        directory,
        config.timezone,
        recording.min_free_bytes,
        recording.rules(),
    );
    opened.map_err(|source| StartError::Recordings { path, source })
}
