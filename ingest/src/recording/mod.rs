//! Recordings: what a camera sent, kept as standard files for as long as it was promised.
//!
//! ```text
//! LiveHub ─▶ task (once a second) ─▶ writer ─▶ files of a minute ─▶ archive (index, journal) ─▶ spans, clips
//!                                                  ▲ disk, retention: Recorder::watch
//! ```
//!
//! The directory is the truth ([`name`]); a file that a crash left is adopted at the next start ([`archive`]); for every second
//! that is missing there is a reason ([`index`]).

pub mod archive;
pub mod boxes;
pub mod clip;
mod disk;
pub mod index;
mod journal;
pub mod name;
pub mod preview;
mod schedule;
pub mod sums;
mod task;
mod writer;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

pub use disk::DiskState;
pub use schedule::{Schedule, ScheduleError};
pub use task::CameraRecorder;

use self::archive::Archive;
use self::clip::{Clip, ClipError};
use self::index::{Gap, Pinned, Span};
use self::journal::Line;
use self::preview::Previews;

/// How often the disk is looked at.
const LOOK: Duration = Duration::from_secs(10);

/// How many looks are between two rounds over all cameras for what is over.
const ROUND: u32 = 6;

/// How much of a span is looked at to say where a clip of it begins.
const BEGIN: TimeDelta = TimeDelta::seconds(1);

/// Recordings removed in one look at most: the next look is soon.
const AT_ONCE: usize = 500;

/// What of a camera is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Days at most.
    pub days: u32,
    /// Bytes at most, pinned recordings not counted.
    pub max_bytes: u64,
    /// When.
    pub schedule: Schedule,
}

/// What the recording of a camera does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingState {
    /// It is written.
    Recording,
    /// The camera sends nothing.
    Waiting,
    /// Outside its hours.
    Schedule,
    /// The disk is full and nothing may give way.
    DiskFull,
    /// The disk refuses to write.
    Failed,
}

impl RecordingState {
    /// The stable code, as in JSON.
    pub fn code(self) -> &'static str {
        match self {
            Self::Recording => "recording",
            Self::Waiting => "waiting",
            Self::Schedule => "schedule",
            Self::DiskFull => "disk_full",
            Self::Failed => "failed",
        }
    }
}

/// How the recording of a camera goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// What it does.
    pub state: RecordingState,
    /// Up to when there are recordings.
    pub until: Option<DateTime<Utc>>,
    /// How its disk stands.
    pub disk: DiskState,
}

/// A span that is kept: its first instant and its last.
pub type Kept = (DateTime<Utc>, DateTime<Utc>);

/// The recordings of all cameras of an ingest.
#[derive(Debug)]
pub struct Recorder {
    directory: PathBuf,
    zone: Tz,
    min_free: u64,
    /// Clips lately asked for: a player asks for one again and again, each time for other bytes.
    clips: Mutex<VecDeque<(Wanted, Arc<Clip>)>>,
    previews: Previews,
    /// Of cameras that are no longer there.
    leftover: Rules,
    /// By the name of its directory.
    cameras: Mutex<HashMap<String, Held>>,
    /// Held while one is opened: adopting what another just began would cut it.
    opening: Mutex<()>,
    disk: AtomicU8,
}

/// Camera, begin and end of a clip.
type Wanted = (String, DateTime<Utc>, DateTime<Utc>);

/// Clips that are kept in mind: a day's is 1 MB.
const CLIPS: usize = 16;

/// What is recorded between two instants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// What is recorded, in order.
    pub spans: Vec<Span>,
    /// Why the rest is not, in order.
    pub gaps: Vec<Gap>,
    /// What retention leaves alone, in order.
    pub pinned: Vec<Pinned>,
    /// Up to when a clip can reach now: what is written later is not yet whole.
    pub until: Option<DateTime<Utc>>,
    /// When the first picture of a clip of this time was taken: the key frame at or before its begin.
    pub begins: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone)]
struct Held {
    archive: Arc<Archive>,
    rules: Rules,
}

impl Recorder {
    /// Recordings below `directory`, which is made when missing. `min_free` bytes of its disk are not for recordings; `leftover`
    /// is for cameras that are no longer configured.
    ///
    /// # Errors
    /// When the directory cannot be made.
    pub fn open(
        directory: PathBuf,
        zone: Tz,
        min_free: u64,
        leftover: Rules,
    ) -> io::Result<Arc<Self>> {
        std::fs::create_dir_all(&directory)?;
        Ok(Arc::new(Self {
            directory,
            zone,
            min_free,
            clips: Mutex::default(),
            previews: Previews::default(),
            leftover,
            cameras: Mutex::default(),
            opening: Mutex::default(),
            disk: AtomicU8::new(0),
        }))
    }

    /// What will record `camera`.
    pub fn camera(self: &Arc<Self>, camera: &str, rules: Rules) -> CameraRecorder {
        CameraRecorder {
            recorder: Arc::clone(self),
            camera: camera.to_owned(),
            rules,
        }
    }

    /// The recordings of a camera, opened when they are not yet.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn archive(self: &Arc<Self>, camera: &str, rules: Rules) -> io::Result<Arc<Archive>> {
        let (recorder, name) = (Arc::clone(self), name::directory(camera));
        let opened = tokio::task::spawn_blocking(move || {
            let archive = recorder.open_archive(&name, &rules)?;
            // The rules may have changed since it was opened.
            let held = Held {
                archive: Arc::clone(&archive),
                rules,
            };
            recorder.lock().insert(name, held);
            Ok(archive)
        });
        opened.await.map_err(io::Error::other)?
    }

    fn open_archive(&self, name: &str, rules: &Rules) -> io::Result<Arc<Archive>> {
        let _one_at_a_time = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(archive) = self.find(name) {
            return Ok(archive);
        }
        let archive = Arc::new(Archive::open(self.directory.join(name))?);
        let held = Held {
            archive: Arc::clone(&archive),
            rules: rules.clone(),
        };
        self.lock().insert(name.to_owned(), held);
        Ok(archive)
    }

    /// What is recorded of a camera between two instants, and why the rest is not. Blocks: it reads a file.
    pub fn coverage(
        &self,
        camera: &str,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Option<Coverage> {
        let archive = self.of(camera)?;
        let (spans, gaps) = archive.read(|index| index.spans(from, to, now));
        let (until, pinned) = archive.read(|index| (index.until(), index.pinned_within(from, to)));
        // As far as it can be played as one.
        let one = spans.first().map(|first| first.to.min(first.from + BEGIN));
        let clip = one.and_then(|end| Clip::plan(&archive, from, end).ok());
        let begins = clip.map(|clip| clip.begins);
        Some(Coverage {
            spans,
            gaps,
            pinned,
            until,
            begins,
        })
    }

    /// The small pictures of what is recorded.
    pub fn previews(&self) -> &Previews {
        &self.previews
    }

    /// What is recorded of a camera between two instants as one file. Blocks: it reads the ends of files.
    ///
    /// # Errors
    /// When there is nothing, or it is not one.
    pub fn clip(
        &self,
        camera: &str,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Arc<Clip>, ClipError> {
        let wanted = (camera.to_owned(), from, to);
        let known = |clips: &VecDeque<(Wanted, Arc<Clip>)>| {
            let known = clips.iter().find(|(known, _)| *known == wanted);
            known.map(|(_, clip)| Arc::clone(clip))
        };
        if let Some(clip) = known(&self.clips()).filter(|clip| clip.is_there()) {
            return Ok(clip);
        }
        self.clips().retain(|(known, _)| *known != wanted);
        let archive = self.of(camera).ok_or(ClipError::Nothing)?;
        let clip = Arc::new(Clip::plan(&archive, from, to)?);
        // What is still being written may be more the next time.
        if archive
            .read(|index| index.until())
            .is_some_and(|until| to <= until)
        {
            let mut clips = self.clips();
            clips.push_back((wanted, Arc::clone(&clip)));
            if clips.len() > CLIPS {
                clips.pop_front();
            }
        }
        Ok(clip)
    }

    fn clips(&self) -> MutexGuard<'_, VecDeque<(Wanted, Arc<Clip>)>> {
        self.clips.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The recordings of a camera, once they are opened.
    pub fn of(&self, camera: &str) -> Option<Arc<Archive>> {
        self.find(&name::directory(camera))
    }

    /// Keeps times of a camera's recordings from retention, each because of an owner (a card, an order, a complaint), or, where there is no time,
    /// lets go of what that owner kept; safely on the disk when this returns. A second time of one owner replaces the first. It may be of
    /// what is not recorded yet.
    ///
    /// # Errors
    /// When it cannot be written down; then some of it may have been.
    pub async fn keep(
        self: &Arc<Self>,
        camera: &str,
        changes: Vec<(String, Option<Kept>)>,
    ) -> io::Result<()> {
        let (recorder, name) = (Arc::clone(self), name::directory(camera));
        let noted = tokio::task::spawn_blocking(move || {
            let archive = recorder.open_archive(&name, &recorder.leftover)?;
            let lines = changes.into_iter().map(|(owner, keep)| match keep {
                Some((from, to)) => Line::Pin { owner, from, to },
                None => Line::Unpin { owner },
            });
            archive.note_all(lines.collect())
        });
        noted.await.map_err(io::Error::other)?
    }

    /// The county's time zone.
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// How the disk stands.
    pub fn disk(&self) -> DiskState {
        match self.disk.load(Ordering::Relaxed) {
            0 => DiskState::Well,
            1 => DiskState::Short,
            2 => DiskState::GivingWay,
            _ => DiskState::Full,
        }
    }

    /// Looks after disk and retention until `shutdown`.
    pub async fn watch(self: Arc<Self>, shutdown: CancellationToken) {
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut round = 0;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let (recorder, all) = (Arc::clone(&self), round % ROUND == ROUND - 1);
            round += 1;
            let looked = tokio::task::spawn_blocking(move || recorder.look(Utc::now(), all)).await;
            if let Ok(Err(error)) = looked {
                tracing::error!(%error, "the disk of the recordings cannot be looked after");
            }
        }
    }

    fn look(&self, now: DateTime<Utc>, all: bool) -> io::Result<()> {
        if all {
            self.adopt_leftovers()?;
            for held in self.all() {
                held.archive
                    .enforce(now, held.rules.days, held.rules.max_bytes)?;
            }
        }
        let held = self.all();
        let used: u64 = held
            .iter()
            .map(|held| held.archive.read(|index| index.bytes()))
            .sum();
        let need: u64 = held
            .iter()
            .map(|held| disk::need(&held.archive, &held.rules, now))
            .sum();
        let free = disk::free(&self.directory)?;
        let mut state = disk::state(free, self.min_free, need, used);
        if state == DiskState::GivingWay && !self.give_way(&held)? {
            state = DiskState::Full;
        }
        metrics::gauge!("mingjing_recording_free_bytes").set(free as f64);
        metrics::gauge!("mingjing_recording_used_bytes").set(used as f64);
        metrics::gauge!("mingjing_recording_disk_state").set(f64::from(state as u8));
        let before = self.disk.swap(state as u8, Ordering::Relaxed);
        if before != state as u8 {
            let state = state.code();
            tracing::warn!(state, free, used, need, "the disk of the recordings");
        }
        Ok(())
    }

    /// Removes the oldest recordings of all until the reserve is free again; `false`: there are no more that may go.
    fn give_way(&self, held: &[Held]) -> io::Result<bool> {
        for _ in 0..AT_ONCE {
            if disk::free(&self.directory)? >= self.min_free {
                return Ok(true);
            }
            let oldest = held
                .iter()
                .filter_map(|held| Some((held, held.archive.oldest()?)));
            let Some((held, segment)) = oldest.min_by_key(|(_, segment)| segment.start) else {
                return Ok(false);
            };
            held.archive.remove(&segment)?;
        }
        Ok(true)
    }

    /// Recordings of cameras that are no longer here run out too.
    fn adopt_leftovers(&self) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.directory)? {
            let path = entry?.path();
            let Some(name) = path
                .file_name()
                .and_then(|name| name.to_str())
                .filter(|_| path.is_dir())
            else {
                continue;
            };
            self.open_archive(name, &self.leftover)?;
        }
        Ok(())
    }

    /// Where the recordings are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    fn all(&self) -> Vec<Held> {
        self.lock().values().cloned().collect()
    }

    fn find(&self, name: &str) -> Option<Arc<Archive>> {
        self.lock().get(name).map(|held| Arc::clone(&held.archive))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Held>> {
        self.cameras.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
