//! One camera's recording: a viewer like any other, that writes once a second.
//!
//! The camera never waits for the disk: while a write is under way, pictures gather in memory, up to a bound; then some are left
//! out, and the recording says so.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::index::{Mark, Reason};
use super::writer::{Step, Writer};
use super::{DiskState, Recorded, Recorder, RecordingState, Rules, name};
use crate::camera::{CameraState, LiveHub, LiveStream};
use crate::media::{InitSegment, Message};

/// How often is written: what is younger is lost with the process.
const WRITE: Duration = Duration::from_secs(1);

/// Bytes of one camera that wait for the disk at most.
const WAITING: usize = 32 << 20;

/// After the disk refused to write.
const RETRY: Duration = Duration::from_secs(5);

/// After the directory could not be read.
const REOPEN: Duration = Duration::from_secs(30);

/// What records one camera.
#[derive(Debug, Clone)]
pub struct CameraRecorder {
    pub(super) recorder: Arc<Recorder>,
    pub(super) camera: String,
    pub(super) rules: Rules,
}

impl CameraRecorder {
    /// Records what `hub` publishes until it is closed; `told` hears once a second how it goes.
    pub async fn run(self, hub: LiveHub, told: impl Fn(Recorded)) {
        let archive = loop {
            match self
                .recorder
                .archive(&self.camera, self.rules.clone())
                .await
            {
                Ok(archive) => break archive,
                Err(error) => {
                    tracing::error!(camera = self.camera, %error, "the recordings of a camera cannot be read");
                    told(self.recorded(RecordingState::Failed, None));
                }
            }
            sleep(REOPEN).await;
            if hub.is_closed() {
                return;
            }
        };
        let writer = Writer::new(archive, phase(&self.camera));
        let (stream, init) = (hub.subscribe(), None);
        let task = Task {
            quiet: None,
            offline: None,
            failed: None,
            needs_key: true,
            steps: Vec::new(),
            waiting: 0,
            of: self,
            init,
        };
        task.run(stream, writer, told).await;
    }

    fn recorded(&self, state: RecordingState, until: Option<DateTime<Utc>>) -> Recorded {
        let disk = self.recorder.disk();
        Recorded { state, until, disk }
    }
}

/// When in a minute the camera's files are cut.
fn phase(camera: &str) -> i64 {
    i64::from(name::parameters(camera.as_bytes()) % 60_000)
}

type Job = JoinHandle<(Writer, io::Result<()>)>;

struct Task {
    of: CameraRecorder,
    init: Option<Arc<InitSegment>>,
    /// Why nothing is recorded now.
    quiet: Option<Mark>,
    /// The camera's state, while it sends nothing.
    offline: Option<Mark>,
    /// The disk refused, until then.
    failed: Option<Instant>,
    /// Pictures were left out: the next one must be a key frame.
    needs_key: bool,
    steps: Vec<Step>,
    waiting: usize,
}

impl Task {
    async fn run(mut self, mut stream: LiveStream, writer: Writer, told: impl Fn(Recorded)) {
        let (mut idle, mut job): (Option<Writer>, Option<Job>) = (Some(writer), None);
        let mut tick = interval(WRITE);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                done = async { job.as_mut().expect("checked").await }, if job.is_some() => {
                    job = None;
                    let Ok((writer, written)) = done else { return };
                    self.written(written);
                    told(self.state(&writer));
                    idle = Some(writer);
                }
                _ = tick.tick() => {
                    self.decide(Utc::now());
                    if let Some(writer) = idle.take() {
                        job = Some(self.write(writer));
                    }
                }
                message = stream.next() => match message {
                    Some(message) => self.heard(message, Utc::now()),
                    None => break,
                },
            }
        }
        let writer = match job {
            Some(job) => job.await.ok().map(|(writer, _)| writer),
            None => idle,
        };
        let Some(mut writer) = writer else { return };
        self.push_gap(
            Utc::now(),
            Mark {
                reason: Reason::Stopped,
                detail: None,
            },
        );
        let steps = std::mem::take(&mut self.steps);
        let last = tokio::task::spawn_blocking(move || writer.write(steps)).await;
        if let Ok(Err(error)) = last {
            tracing::warn!(camera = self.of.camera, %error, "the last pictures could not be recorded");
        }
    }

    /// Hands what has gathered to a thread that may block.
    fn write(&mut self, mut writer: Writer) -> Job {
        let steps = std::mem::take(&mut self.steps);
        self.waiting = 0;
        let Rules {
            days, max_bytes, ..
        } = self.of.rules;
        tokio::task::spawn_blocking(move || {
            let written = writer
                .write(steps)
                .and_then(|()| writer.enforce(Utc::now(), days, max_bytes));
            (writer, written)
        })
    }

    fn written(&mut self, written: io::Result<()>) {
        let Err(error) = written else { return };
        tracing::error!(camera = self.of.camera, %error, "a recording cannot be written");
        metrics::counter!("mingjing_recording_failures_total").increment(1);
        self.failed = Some(Instant::now() + RETRY);
        self.decide(Utc::now());
    }

    /// Whether it is recorded now, and if not, why.
    fn decide(&mut self, now: DateTime<Utc>) {
        self.failed = self.failed.filter(|until| Instant::now() < *until);
        let because = |reason| {
            Some(Mark {
                reason,
                detail: None,
            })
        };
        let recorder = &self.of.recorder;
        let quiet = if !self.of.rules.schedule.is_on(now, recorder.zone()) {
            because(Reason::Schedule)
        } else if self.failed.is_some() || recorder.disk() == DiskState::Full {
            because(Reason::Disk)
        } else {
            self.offline.clone()
        };
        if quiet == self.quiet {
            return;
        }
        if let Some(mark) = &quiet {
            self.push_gap(now, mark.clone());
        }
        self.quiet = quiet;
    }

    fn heard(&mut self, message: Message, now: DateTime<Utc>) {
        match message {
            Message::Init(init) => self.init = Some(init),
            Message::Fragment(fragment) => {
                self.offline = None;
                if self
                    .quiet
                    .as_ref()
                    .is_some_and(|mark| mark.reason == Reason::Offline)
                {
                    self.quiet = None;
                }
                let Some(init) = self.init.clone().filter(|_| self.quiet.is_none()) else {
                    return;
                };
                if self.waiting + fragment.len() > WAITING {
                    return self.leave_out(now);
                }
                if self.needs_key && !fragment.key {
                    return;
                }
                self.needs_key = false;
                self.waiting += fragment.len();
                self.steps.push(Step::Picture(init, fragment));
            }
            Message::Dropped { .. } => self.leave_out(now),
            // The end, which follows, says more.
            Message::Offline {
                state: CameraState::Stopped,
                ..
            } => {}
            Message::Offline { state, .. } => {
                let detail = Some(state.code().to_owned());
                self.offline = Some(Mark {
                    reason: Reason::Offline,
                    detail,
                });
                self.decide(now);
            }
        }
    }

    fn leave_out(&mut self, now: DateTime<Utc>) {
        if !self.needs_key && self.quiet.is_none() {
            tracing::warn!(
                camera = self.of.camera,
                "pictures were left out of a recording"
            );
            self.push_gap(
                now,
                Mark {
                    reason: Reason::Loss,
                    detail: None,
                },
            );
        }
    }

    fn push_gap(&mut self, at: DateTime<Utc>, mark: Mark) {
        self.needs_key = true;
        self.steps.push(Step::Gap(at, mark));
    }

    fn state(&self, writer: &Writer) -> Recorded {
        let state = match self.quiet.as_ref().map(|mark| mark.reason) {
            Some(Reason::Schedule) => RecordingState::Schedule,
            Some(Reason::Disk) if self.failed.is_some() => RecordingState::Failed,
            Some(Reason::Disk) => RecordingState::DiskFull,
            None if writer.is_open() => RecordingState::Recording,
            _ => RecordingState::Waiting,
        };
        self.of.recorded(state, writer.until())
    }
}
