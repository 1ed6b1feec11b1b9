//! The cameras of an ingest: added, replaced, taken out and looked at while it runs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::camera::{
    Camera, CameraConfig, CameraConfigError, CameraHandle, Failure, Look, Service, probe,
};
use crate::config::{self, IngestConfig, RecordingConfig};
use crate::picture::checks::Limits;
use crate::picture::presence::PresenceConfig;
use crate::picture::presence::person::{DetectorError, PersonDetector};
use crate::picture::view::ViewFile;
use crate::picture::{PictureBudget, Watching};
use crate::recording::{CameraRecorder, Recorder};
use crate::uplink::Roster;

/// The cameras of a running ingest. Clones are the same cameras.
#[derive(Debug, Clone)]
pub struct Cameras(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    roster: Arc<Roster>,
    /// What each was started with, by id. Held while a camera is exchanged, so that two changes of one camera do not cross.
    carried: Mutex<BTreeMap<String, config::Camera>>,
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
            carried: Mutex::default(),
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

    /// As what a camera is carried now.
    pub fn settings(&self, id: &str) -> Option<config::Camera> {
        self.carried().get(id).cloned()
    }

    /// Adds a camera, or replaces the one with its id; viewers go on with the new session. One that is reached and recorded as before keeps
    /// its session: whoever draws a region or renames it interrupts neither picture nor recording.
    ///
    /// # Errors
    /// A configuration that cannot work; nothing is changed then.
    pub fn put(&self, camera: config::Camera) -> Result<(), CameraConfigError> {
        camera.session.validate()?;
        camera
            .sub
            .as_ref()
            .map(CameraConfig::validate)
            .transpose()?;
        let inner = &self.0;
        let mut carried = self.carried();
        let id = camera.description.id.clone();
        let old = self.get(&id);
        let watching = inner.looking.at(&camera);
        let same = |known: &config::Camera| {
            known.session == camera.session
                && known.sub == camera.sub
                && known.recording == camera.recording
        };
        if let Some(running) = &old
            && carried.get(&id).is_some_and(same)
        {
            running.watch(watching);
            inner.roster.describe(camera.description.clone());
            carried.insert(id, camera);
            return Ok(());
        }
        if let Some(old) = &old {
            old.stop();
        }
        let budget = Arc::clone(&inner.budget);
        let service = Service {
            session: camera.session.clone(),
            sub: camera.sub.clone(),
            recorder: self.recorder_of(&camera),
            watching,
        };
        let handle = Camera::spawn_after(old, service, budget, &inner.shutdown)?;
        inner.roster.put(camera.description.clone(), handle);
        carried.insert(id, camera);
        Ok(())
    }

    /// Takes a camera out of service; `false` when it is not here.
    pub fn remove(&self, id: &str) -> bool {
        let mut carried = self.carried();
        if let Some(camera) = carried.remove(id) {
            self.0.looking.view_of(&camera).forget();
        }
        let removed = self.0.roster.take(id);
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
        sub: Option<CameraConfig>,
        patience: Duration,
    ) -> Result<Result<Look, Failure>, CameraConfigError> {
        probe(config, sub, Arc::clone(&self.0.budget), patience).await
    }

    /// Waits until every camera has ended.
    pub(crate) async fn stopped(&self) {
        let roster = self.0.roster.now();
        let cameras = roster.values().map(|running| running.handle.stopped());
        futures::future::join_all(cameras).await;
    }

    fn carried(&self) -> MutexGuard<'_, BTreeMap<String, config::Camera>> {
        let carried = &self.0.carried;
        carried.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recorder_of(&self, camera: &config::Camera) -> Option<CameraRecorder> {
        let rules = camera.recording.rules(&self.0.recording)?;
        Some(self.0.recorder.camera(&camera.description.id, rules))
    }
}

/// How cameras are looked at.
#[derive(Debug)]
pub(crate) struct Looking {
    data_dir: PathBuf,
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
            data_dir: config.data_dir.clone(),
            checks: config.checks,
            detector: detector.map(Arc::new),
            presence,
        })
    }

    fn view_of(&self, camera: &config::Camera) -> ViewFile {
        ViewFile::new(&self.data_dir, &camera.description.id, &camera.session.url)
    }

    fn at(&self, camera: &config::Camera) -> Watching {
        Watching {
            checks: camera.checks.then_some(self.checks),
            view: camera.checks.then(|| self.view_of(camera)),
            regions: camera.regions.clone(),
            presence: self.presence.clone(),
            detector: self.detector.clone(),
        }
    }
}
