//! Cameras: one supervised RTSP session each, from an address to fragments, pictures and an honest state.
//!
//! ```text
//! supervise ─ session (retina) ─┬─ fragment ─▶ LiveHub ─▶ LiveStream (one a viewer, one for the recording)
//!                               └─ key frame ─▶ picture ─▶ thumbnail, snapshot
//! ```

mod config;
mod failure;
mod live;
mod probe;
mod reporter;
mod session;
mod state;
mod supervise;

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use retina::client::SessionGroup;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use config::{CameraConfig, CameraConfigError, Secret, Transport};
pub use failure::Failure;
pub use live::{LiveHub, LiveStream};
pub use probe::{Look, probe};
pub use state::{CameraHealth, CameraState};

use self::reporter::Reporter;
use self::session::Context;
use crate::fragment::Fragmenter;
use crate::picture::checks::Limits;
use crate::picture::{self, Picture, PictureBudget, Watching};
use crate::recording::CameraRecorder;

/// How long a camera that replaces another waits for that one to end.
const PREDECESSOR: Duration = Duration::from_secs(5);

/// Starts cameras.
#[derive(Debug)]
pub struct Camera;

impl Camera {
    /// Starts receiving `config`'s camera, in the background, until `shutdown` or [`CameraHandle::stop`]. Cameras share
    /// `budget` for decoding. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// A configuration that cannot work, before anything is started.
    pub fn spawn(
        config: CameraConfig,
        budget: Arc<PictureBudget>,
        shutdown: &CancellationToken,
    ) -> Result<CameraHandle, CameraConfigError> {
        let watching = Watching {
            checks: Some(Limits::default()),
            ..Watching::default()
        };
        Self::spawn_after(None, config, None, watching, budget, shutdown)
    }

    /// As [`Camera::spawn`], with `recorder` recording it and its pictures looked at for what `watching` says, once `predecessor` (stopped by the caller) has ended: many
    /// cameras serve one client only.
    ///
    /// # Errors
    /// As [`Camera::spawn`].
    pub fn spawn_after(
        predecessor: Option<CameraHandle>,
        config: CameraConfig,
        recorder: Option<CameraRecorder>,
        watching: Watching,
        budget: Arc<PictureBudget>,
        shutdown: &CancellationToken,
    ) -> Result<CameraHandle, CameraConfigError> {
        config.validate()?;
        let hub = LiveHub::default();
        let (health_sender, health) =
            watch::channel(CameraHealth::connecting(config.id.as_str(), Utc::now()));
        let (picture_sender, pictures) = watch::channel(None);
        let (key_frames, key_frame_receiver) = watch::channel(None);
        let (watching, watched) = watch::channel(watching);
        let stop = shutdown.child_token();
        let done = CancellationToken::new();
        let handle = CameraHandle {
            health,
            pictures,
            hub: hub.clone(),
            watching,
            stop: stop.clone(),
            done: done.clone(),
        };
        let reporter = Reporter::new(health_sender, hub.clone());
        let context = Context {
            group: Arc::new(SessionGroup::default().named(config.id.clone())),
            config,
            reporter: reporter.clone(),
            hub: hub.clone(),
            key_frames,
            fragmenter: Fragmenter::new(Instant::now()),
        };
        let (still, recorded) = (stop.clone(), reporter.clone());
        tokio::spawn(picture::run(
            key_frame_receiver,
            picture_sender,
            budget,
            watched,
            still,
            move |outcome| {
                reporter.picture(outcome);
            },
        ));
        tokio::spawn(async move {
            let _done = done.drop_guard();
            if let Some(predecessor) = predecessor {
                let _ = tokio::time::timeout(PREDECESSOR, predecessor.stopped()).await;
            }
            let recording = async move {
                if let Some(recorder) = recorder {
                    recorder.run(hub, |how| recorded.recording(how)).await;
                }
            };
            tokio::join!(supervise::run(context, stop), recording);
        });
        Ok(handle)
    }
}

/// A running camera. Clones are the same camera; dropping them does not stop it.
#[derive(Clone, Debug)]
pub struct CameraHandle {
    health: watch::Receiver<CameraHealth>,
    pictures: watch::Receiver<Option<Arc<Picture>>>,
    hub: LiveHub,
    watching: watch::Sender<Watching>,
    stop: CancellationToken,
    done: CancellationToken,
}

impl CameraHandle {
    /// State and health: now, and at each change (at least once a second while live).
    pub fn health(&self) -> watch::Receiver<CameraHealth> {
        self.health.clone()
    }

    /// The newest still, once there is one.
    pub fn pictures(&self) -> watch::Receiver<Option<Arc<Picture>>> {
        self.pictures.clone()
    }

    /// Live video from the newest key frame on.
    pub fn subscribe(&self) -> LiveStream {
        self.hub.subscribe()
    }

    /// Looks in its pictures for what `watching` says, from the next one on.
    pub fn watch(&self, watching: Watching) {
        self.watching.send_replace(watching);
    }

    /// Ends the camera: its state becomes [`CameraState::Stopped`] and live streams end.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits until the camera has ended, its session is torn down (2 s at most after [`CameraHandle::stop`]) and its
    /// recording is written.
    pub async fn stopped(&self) {
        self.done.cancelled().await;
    }
}
