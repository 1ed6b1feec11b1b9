//! The one place that writes a camera's health.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use chrono::Utc;
use tokio::sync::watch;

use super::failure::Failure;
use super::live::LiveHub;
use super::{AudioHealth, CameraHealth, CameraState, SubStream};
use crate::media::InitSegment;
use crate::picture::{Outcome, Presence};
use crate::recording::Recorded;

/// Writes health, and tells viewers when a camera goes away.
#[derive(Clone, Debug)]
pub struct Reporter {
    health: watch::Sender<CameraHealth>,
    hub: LiveHub,
}

impl Reporter {
    /// For the camera that `health` names.
    pub fn new(health: watch::Sender<CameraHealth>, hub: LiveHub) -> Self {
        Self { health, hub }
    }

    /// The pictures move.
    pub fn live(&self, init: &InitSegment) {
        self.health.send_modify(|health| {
            health.codec = Some(init.codec.clone());
            health.width = Some(init.width);
            health.height = Some(init.height);
        });
        self.enter(CameraState::Live.into());
    }

    /// They do not.
    pub fn failed(&self, failure: Failure) {
        self.health.send_modify(|health| {
            health.bit_rate = 0;
            health.frame_rate = 0.0;
            health.audio = None;
            unseen(health);
        });
        self.enter(failure);
        let (state, since) = {
            let health = self.health.borrow();
            (health.state, health.since)
        };
        self.hub.offline(since, state);
    }

    fn enter(&self, failure: Failure) {
        let entered = self.health.send_if_modified(|health| {
            let new = health.state != failure.state;
            if new {
                health.since = Utc::now();
            }
            let changed = new || health.detail != failure.detail;
            health.state = failure.state;
            health.detail = failure.detail;
            changed
        });
        if entered {
            let health = self.health.borrow();
            let (camera, state) = (health.camera.as_str(), health.state.code());
            tracing::info!(
                camera,
                state,
                detail = health.detail.as_deref(),
                "camera state"
            );
        }
    }

    /// How its sound is.
    pub fn audio(&self, now: AudioHealth) {
        self.health.send_if_modified(|health| {
            let changed = health.audio.as_deref() != Some(&now);
            health.audio = Some(Box::new(now));
            changed
        });
    }

    /// Another session begins.
    pub fn reconnecting(&self) {
        self.health.send_modify(|health| health.reconnects += 1);
    }

    /// How its sub-stream is now. When it goes away nothing is seen, until the pictures come from the main stream.
    pub fn sub(&self, now: &CameraHealth) {
        self.health.send_if_modified(|health| {
            let now = SubStream {
                state: now.state,
                codec: now.codec.clone(),
                width: now.width,
                height: now.height,
            };
            let changed = health.sub.as_ref() != Some(&now);
            let was_live = health.sub.as_ref().is_some_and(|sub| sub.state.is_live());
            if was_live && !now.state.is_live() {
                unseen(health);
            }
            health.sub = Some(now);
            changed
        });
    }

    /// What was received since the last time.
    pub fn received(&self, counts: &mut Counts, rate: Rate) {
        let counts = std::mem::take(counts);
        self.health.send_modify(|health| {
            health.losses += counts.losses;
            health.damaged_packets += counts.damaged_packets;
            health.bit_rate = rate.bits;
            health.frame_rate = rate.frames;
            if counts.last_frame.is_some() {
                health.last_frame_at = counts.last_frame;
            }
        });
    }

    /// A key frame was decoded, or could not be.
    pub fn picture(&self, outcome: Outcome) {
        if let Some(fault) = outcome
            .seen
            .as_ref()
            .and_then(|seen| seen.fault.filter(|_| seen.new_fault))
        {
            let camera = self.health.borrow().camera.clone();
            tracing::info!(camera, fault = fault.kind.code(), "picture fault");
        }
        self.health.send_modify(|health| {
            health.picture_stretched = outcome.stretched;
            match outcome.captured_at {
                Some(at) => {
                    let interval = health
                        .picture_at
                        .map(|before| (at - before).num_milliseconds() as f32 / 1_000.0);
                    health.picture_interval_seconds = interval.filter(|seconds| *seconds > 0.0);
                    health.picture_at = Some(at);
                }
                None => health.picture_errors += 1,
            }
            if let Some(seen) = outcome.seen {
                health.picture_fault = seen.fault;
                health.presence = seen.presence;
            }
        });
    }

    /// How its recording goes. Told with the next word about the camera, at once where its state changed.
    pub fn recording(&self, recorded: Recorded) {
        self.health.send_if_modified(|health| {
            let state = |recorded: &Recorded| (recorded.state, recorded.disk);
            let changed = health.recording.as_ref().map(state) != Some(state(&recorded));
            health.recording = Some(recorded);
            changed
        });
    }

    /// Whether pictures move now.
    pub fn is_live(&self) -> bool {
        self.health.borrow().state.is_live()
    }
}

/// Of a camera that sends nothing its last picture says nothing.
fn unseen(health: &mut CameraHealth) {
    health.picture_fault = None;
    for window in &mut health.presence {
        if window.state != Presence::Unknown {
            (window.state, window.since, window.people) = (Presence::Unknown, Utc::now(), None);
        }
    }
}

/// What a session has met since it last reported.
#[derive(Debug, Default)]
pub struct Counts {
    /// RTP packets that did not come.
    pub losses: u64,
    /// Packets that made no sense.
    pub damaged_packets: u64,
    /// When the last picture arrived.
    pub last_frame: Option<chrono::DateTime<Utc>>,
}

/// How much comes in a second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rate {
    /// Bits.
    pub bits: u64,
    /// Pictures.
    pub frames: f32,
}

/// Measures [`Rate`] over the last seconds.
#[derive(Debug)]
pub struct Meter {
    /// Begin, bytes and pictures of each report interval.
    intervals: VecDeque<(Instant, u64, u32)>,
}

impl Meter {
    /// Over how many intervals.
    const INTERVALS: usize = 4;

    /// Begins at `now`.
    pub fn new(now: Instant) -> Self {
        Self {
            intervals: VecDeque::from([(now, 0, 0)]),
        }
    }

    /// A picture of so many bytes came.
    pub fn count(&mut self, bytes: usize) {
        if let Some((_, sum, pictures)) = self.intervals.back_mut() {
            *sum += bytes as u64;
            *pictures += 1;
        }
    }

    /// So many bytes came beside the pictures.
    pub fn count_beside(&mut self, bytes: usize) {
        if let Some((_, sum, _)) = self.intervals.back_mut() {
            *sum += bytes as u64;
        }
    }

    /// Bytes and pictures in the current interval, and how long it has run.
    pub fn current(&self, now: Instant) -> (u64, u32, Duration) {
        let (begin, bytes, pictures) = self.intervals.back().copied().unwrap_or((now, 0, 0));
        (bytes, pictures, now.saturating_duration_since(begin))
    }

    /// Ends the current interval and tells the rate up to now.
    pub fn rate(&mut self, now: Instant) -> Rate {
        let begin = self.intervals.front().map_or(now, |(begin, ..)| *begin);
        let seconds = now
            .saturating_duration_since(begin)
            .as_secs_f64()
            .max(0.001);
        let bytes: u64 = self.intervals.iter().map(|(_, bytes, _)| bytes).sum();
        let pictures: u32 = self.intervals.iter().map(|(.., pictures)| pictures).sum();
        self.intervals.push_back((now, 0, 0));
        if self.intervals.len() > Self::INTERVALS {
            self.intervals.pop_front();
        }
        Rate {
            bits: (bytes as f64 * 8.0 / seconds) as u64,
            frames: (f64::from(pictures) / seconds) as f32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_told_over_the_last_intervals_only() {
        let start = Instant::now();
        let mut meter = Meter::new(start);
        let mut rate = Rate::default();
        for second in 1..=20_u64 {
            let frames = if second <= 10 { 100 } else { 10 };
            for _ in 0..frames {
                meter.count(1_000);
            }
            rate = meter.rate(start + Duration::from_secs(second));
        }
        assert_eq!(
            rate,
            Rate {
                bits: 80_000,
                frames: 10.0
            }
        );
    }
}
