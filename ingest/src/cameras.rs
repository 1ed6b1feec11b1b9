//! The cameras of an ingest: added, replaced, taken out and looked at while it runs.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::camera::{Camera, CameraConfig, CameraConfigError, CameraHandle, Failure, Look, probe};
use crate::config::{self, IngestConfig, RecordingConfig};
use crate::picture::checks::Limits;
use crate::picture::presence::PresenceConfig;
use crate::picture::presence::person::{DetectorError, PersonDetector};
use crate::picture::{PictureBudget, Watching};
use crate::recording::{CameraRecorder, Recorder};
use crate::uplink::Roster;

/// The cameras of a running ingest. Clones are the same cameras.
#[derive(Debug, Clone)]
pub struct Cameras(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    roster: Arc<Roster>,
    /// Taken while a camera is exchanged, so that two changes of one camera do not cross.
    changing: Mutex<()>,
    budget: Arc<PictureBudget>,
    recorder: Arc<Recorder>,
    recording: RecordingConfig,
    looking: Looking,
    shutdown: CancellationToken,
}

impl Cameras {
    /// None yet. They end with `shutdown`.
    pub(crate) fn new(
        roster: Arc<Roster>,
        recorder: Arc<Recorder>,
        recording: RecordingConfig,
        looking: Looking,
        shutdown: CancellationToken,
    ) -> Self {
        Self(Arc::new(Inner {
            roster,
            changing: Mutex::new(()),
            budget: Arc::new(PictureBudget::default()),
            recorder,
            recording,
            looking,
            shutdown,
        }))
    }

    /// The running session of a camera.
    pub fn get(&self, id: &str) -> Option<CameraHandle> {
        let roster = self.0.roster.now();
        roster.get(id).map(|running| running.handle.clone())
    }

    /// Adds a camera, or replaces the one with its id; viewers go on with the new session.
    ///
    /// # Errors
    /// A configuration that cannot work; nothing is changed then.
    pub fn put(&self, camera: config::Camera) -> Result<(), CameraConfigError> {
        camera.session.validate()?;
        let inner = &self.0;
        let _one_at_a_time = inner
            .changing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let old = self.get(&camera.description.id);
        if let Some(old) = &old {
            old.stop();
        }
        let budget = Arc::clone(&inner.budget);
        let recording = self.recorder_of(&camera);
        let watching = inner.looking.at(&camera);
        let (session, shutdown) = (camera.session, &inner.shutdown);
        let handle = Camera::spawn_after(old, session, recording, watching, budget, shutdown)?;
        inner.roster.put(camera.description, handle);
        Ok(())
    }

    /// Takes a camera out of service; `false` when it is not here.
    pub fn remove(&self, id: &str) -> bool {
        let inner = &self.0;
        let _one_at_a_time = inner
            .changing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let removed = inner.roster.take(id);
        if let Some(running) = &removed {
            running.handle.stop();
        }
        removed.is_some()
    }

    /// Looks at a camera once, beside those in service: nothing of it is kept, recorded or told the console.
    ///
    /// # Errors
    /// As [`probe`].
    pub async fn look(
        &self,
        config: CameraConfig,
        patience: Duration,
    ) -> Result<Result<Look, Failure>, CameraConfigError> {
        probe(config, Arc::clone(&self.0.budget), patience).await
    }

    /// Waits until every camera has ended.
    pub(crate) async fn stopped(&self) {
        let roster = self.0.roster.now();
        let cameras = roster.values().map(|running| running.handle.stopped());
        futures::future::join_all(cameras).await;
    }

    fn recorder_of(&self, camera: &config::Camera) -> Option<CameraRecorder> {
        let rules = camera.recording.rules(&self.0.recording)?;
        Some(self.0.recorder.camera(&camera.description.id, rules))
    }
}

/// How cameras are looked at.
#[derive(Debug)]
pub(crate) struct Looking {
    checks: Limits,
    presence: PresenceConfig,
    detector: Option<Arc<PersonDetector>>,
}

impl Looking {
    /// Loads the model that finds people, where one is configured.
    ///
    /// # Errors
    /// When it cannot be loaded.
    pub(crate) fn new(config: &IngestConfig) -> Result<Self, DetectorError> {
        let presence = config.presence.clone();
        let load = |model: &PathBuf| PersonDetector::load(model, presence.runtime.as_deref());
        let detector = presence.model.as_ref().map(load).transpose()?;
        Ok(Self {
            checks: config.checks,
            detector: detector.map(Arc::new),
            presence,
        })
    }

    fn at(&self, camera: &config::Camera) -> Watching {
        Watching {
            checks: camera.checks.then_some(self.checks),
            regions: camera.regions.clone(),
            presence: self.presence.clone(),
            detector: self.detector.clone(),
        }
    }
}
