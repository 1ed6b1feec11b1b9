//! Cameras: one supervised RTSP session each, from an address to fragments, pictures and an honest state.
//!
//! ```text
//! supervise ─ session (retina) ─┬─ fragment ─▶ LiveHub ─▶ LiveStream (one a viewer, one for the recording)
//!                               └─ key frame ─▶ picture ─▶ thumbnail, snapshot
//! ```

mod audio;
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

pub use audio::{AudioHealth, AudioState};
pub(crate) use config::exposed;
pub use config::{Audio, CameraConfig, CameraConfigError, Secret, Transport};
pub use failure::Failure;
pub use live::{LiveHub, LiveStream};
pub use probe::{Look, probe};
pub use state::{CameraHealth, CameraState, SubStream};

use self::reporter::Reporter;
use self::session::Context;
use crate::fragment::Fragmenter;
use crate::picture::checks::Limits;
use crate::picture::{self, KeyFrame, Picture, PictureBudget, Watching};
use crate::recording::CameraRecorder;

/// How long a camera that replaces another waits for that one to end.
const PREDECESSOR: Duration = Duration::from_secs(5);

/// Starts cameras.
#[derive(Debug)]
pub struct Camera;

/// What a camera does while it runs.
#[derive(Debug)]
pub struct Service {
    /// How it is reached.
    pub session: CameraConfig,
    /// The same for its sub-stream: while that is live, it gives the pictures.
    pub sub: Option<CameraConfig>,
    /// What records it.
    pub recorder: Option<CameraRecorder>,
    /// What its pictures are looked at for.
    pub watching: Watching,
}

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
        let service = Service {
            session: config,
            sub: None,
            recorder: None,
            watching: Watching {
                checks: Some(Limits::default()),
                ..Watching::default()
            },
        };
        Self::spawn_after(None, service, budget, shutdown)
    }

    /// As [`Camera::spawn`], once `predecessor` (stopped by the caller) has ended: many cameras serve one client only.
    ///
    /// # Errors
    /// As [`Camera::spawn`].
    pub fn spawn_after(
        predecessor: Option<CameraHandle>,
        service: Service,
        budget: Arc<PictureBudget>,
        shutdown: &CancellationToken,
    ) -> Result<CameraHandle, CameraConfigError> {
        let Service {
            session,
            sub,
            recorder,
            watching,
        } = service;
        session.validate()?;
        sub.as_ref().map(CameraConfig::validate).transpose()?;
        let (picture_sender, pictures) = watch::channel(None);
        let (key_frames, key_frame_receiver) = watch::channel(None);
        let (watching, watched) = watch::channel(watching);
        let stop = shutdown.child_token();
        let done = CancellationToken::new();
        let sub = sub.map(|config| {
            let name = format!("{} (sub-stream)", config.id);
            Stream::new(config, name, key_frames.clone(), None)
        });
        let in_its_place = sub.as_ref().map(|sub| sub.health.clone());
        let name = session.id.clone();
        let main = Stream::new(session, name, key_frames, in_its_place.clone());
        let handle = CameraHandle {
            health: main.health,
            pictures,
            hub: main.context.hub.clone(),
            sub: sub.as_ref().map(|sub| sub.context.hub.clone()),
            watching,
            stop: stop.clone(),
            done: done.clone(),
        };
        let (reporter, hub) = (main.context.reporter.clone(), handle.hub.clone());
        let (seen, still) = (reporter.clone(), stop.clone());
        tokio::spawn(picture::run(
            key_frame_receiver,
            picture_sender,
            budget,
            watched,
            still,
            move |outcome| seen.picture(outcome),
        ));
        if let Some(health) = in_its_place {
            tokio::spawn(tell_sub(health, reporter.clone()));
        }
        tokio::spawn(async move {
            let _done = done.drop_guard();
            if let Some(predecessor) = predecessor {
                let _ = tokio::time::timeout(PREDECESSOR, predecessor.stopped()).await;
            }
            let recording = async move {
                if let Some(recorder) = recorder {
                    recorder.run(hub, |how| reporter.recording(how)).await;
                }
            };
            let beside = async {
                if let Some(sub) = sub {
                    supervise::run(sub.context, stop.clone()).await;
                }
            };
            tokio::join!(
                supervise::run(main.context, stop.clone()),
                beside,
                recording
            );
        });
        Ok(handle)
    }
}

/// One of a camera's streams, before it is received.
struct Stream {
    context: Context,
    health: watch::Receiver<CameraHealth>,
}

impl Stream {
    fn new(
        config: CameraConfig,
        name: String,
        key_frames: watch::Sender<Option<KeyFrame>>,
        in_its_place: Option<watch::Receiver<CameraHealth>>,
    ) -> Self {
        let hub = LiveHub::default();
        let (health_sender, health) = watch::channel(CameraHealth::connecting(&*name, Utc::now()));
        let context = Context {
            group: Arc::new(SessionGroup::default().named(name)),
            config,
            reporter: Reporter::new(health_sender, hub.clone()),
            hub,
            key_frames,
            in_its_place,
            fragmenter: Fragmenter::new(Instant::now()),
        };
        Self { context, health }
    }
}

/// Puts into a camera's health how its sub-stream is, until that ends.
async fn tell_sub(mut sub: watch::Receiver<CameraHealth>, reporter: Reporter) {
    loop {
        reporter.sub(&sub.borrow_and_update());
        if sub.changed().await.is_err() {
            return;
        }
    }
}

/// A running camera. Clones are the same camera; dropping them does not stop it.
#[derive(Clone, Debug)]
pub struct CameraHandle {
    health: watch::Receiver<CameraHealth>,
    pictures: watch::Receiver<Option<Arc<Picture>>>,
    hub: LiveHub,
    sub: Option<LiveHub>,
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

    /// The same of its sub-stream, where it has one.
    pub fn subscribe_sub(&self) -> Option<LiveStream> {
        self.sub.as_ref().map(LiveHub::subscribe)
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
