//! An ingest whose clock is off: its stamps, by the console's clock.
//!
//! `received` decides whose word counts and the age of a picture whether it is live, so neither may hang on the clock of a
//! machine in a town.

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_ingest::camera::CameraHealth;
use mingjing_ingest::fragment;
use mingjing_ingest::uplink::protocol::{Answer, MediaFrame, MediaToConsole};
use mingjing_monitor::event::CaseEvent;

/// A smaller difference may be the message's own way.
const TRUSTED: TimeDelta = TimeDelta::seconds(1);
/// What the console takes itself to have received, it received within this: an ingest spools after two seconds.
const LIVE: TimeDelta = TimeDelta::seconds(5);

/// How far an ingest's clock is behind the console's; negative: ahead.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClockOffset(TimeDelta);

impl ClockOffset {
    /// Of an ingest that wrote `theirs` in a message that came at `ours`.
    pub fn between(theirs: DateTime<Utc>, ours: DateTime<Utc>) -> Self {
        let offset = ours - theirs;
        Self(if offset.abs() < TRUSTED {
            TimeDelta::zero()
        } else {
            offset
        })
    }

    /// In whole seconds.
    pub fn seconds(self) -> i64 {
        self.0.num_seconds()
    }

    /// Puts right when events were received: never in the future, and now if nobody spooled them.
    pub fn received(self, events: &mut [CaseEvent], spooled: bool, now: DateTime<Utc>) {
        for event in events {
            let stamp = self.right(event.received).min(now);
            event.received = if spooled || now - stamp < LIVE {
                stamp
            } else {
                now
            };
        }
    }

    /// Puts a camera's instants right.
    pub fn health(self, health: &mut CameraHealth) {
        if self.0.is_zero() {
            return;
        }
        health.since = self.right(health.since);
        for at in [&mut health.last_frame_at, &mut health.picture_at] {
            *at = at.map(|at| self.right(at));
        }
        if let Some(recording) = &mut health.recording {
            recording.until = recording.until.map(|at| self.right(at));
        }
        if let Some(fault) = &mut health.picture_fault {
            fault.since = self.right(fault.since);
        }
        for window in &mut health.presence {
            window.since = self.right(window.since);
        }
    }

    /// When the ingest said that something is so, by our clock.
    pub fn right(self, stamp: DateTime<Utc>) -> DateTime<Utc> {
        stamp.checked_add_signed(self.0).unwrap_or(stamp)
    }

    /// The ingest's own stamp for an instant by our clock.
    pub fn theirs(self, instant: DateTime<Utc>) -> DateTime<Utc> {
        instant.checked_sub_signed(self.0).unwrap_or(instant)
    }

    /// Puts right what an ingest says of its recordings.
    pub fn answer(self, mut answer: Answer) -> Answer {
        match &mut answer {
            Answer::Coverage {
                spans,
                gaps,
                pinned,
                until,
                begins,
            } => {
                for pin in pinned {
                    (pin.from, pin.to) = (self.right(pin.from), self.right(pin.to));
                }
                for span in spans {
                    (span.from, span.to) = (self.right(span.from), self.right(span.to));
                }
                for gap in gaps {
                    (gap.from, gap.to) = (self.right(gap.from), self.right(gap.to));
                }
                (*until, *begins) = (
                    until.map(|at| self.right(at)),
                    begins.map(|at| self.right(at)),
                );
            }
            Answer::Clip { begins, ends, .. } => {
                (*begins, *ends) = (self.right(*begins), self.right(*ends));
            }
            Answer::Preview { captured_at } => *captured_at = self.right(*captured_at),
            Answer::Sums { files } => {
                for file in files {
                    file.start = self.right(file.start);
                }
            }
            Answer::Parameters { at } => *at = self.right(*at),
            Answer::Looked { .. }
            | Answer::Discovered { .. }
            | Answer::Profiles { .. }
            | Answer::Unusable { .. }
            | Answer::OutOfRange { .. }
            | Answer::Nothing
            | Answer::Unreadable => {}
        }
        answer
    }

    /// Puts right since when a camera is offline.
    pub fn message(self, mut message: MediaToConsole) -> MediaToConsole {
        if let MediaToConsole::Offline { since, .. } = &mut message {
            *since = self.right(*since);
        }
        message
    }

    /// Puts right when a picture was taken, in its fragment too, where the page reads it.
    pub fn frame(self, mut frame: MediaFrame) -> MediaFrame {
        if self.0.is_zero() {
            return frame;
        }
        match &mut frame {
            MediaFrame::Init { .. } => {}
            MediaFrame::Fragment {
                captured_at, bytes, ..
            } => {
                *captured_at = self.right(*captured_at);
                *bytes = fragment::stamped(bytes, *captured_at);
            }
            MediaFrame::Thumbnail { captured_at, .. }
            | MediaFrame::Snapshot { captured_at, .. } => *captured_at = self.right(*captured_at),
        }
        frame
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use mingjing_ingest::picture::{PictureFault, PictureFaultKind, Presence, WindowPresence};

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_763_600_000 + seconds, 0).unwrap()
    }

    fn received(offset: ClockOffset, stamp: i64, spooled: bool) -> DateTime<Utc> {
        let event = json!({"specversion": "1.0", "id": "1", "source": "//s", "type": "case.accepted", "subject": "c",
            "time": "2025-11-20T09:12:00+08:00", "data": {"hall": "h"}});
        let mut events =
            [CaseEvent::from_cloudevent(&event, at(stamp), chrono_tz::Asia::Shanghai).unwrap()];
        offset.received(&mut events, spooled, at(0));
        events[0].received
    }

    #[test]
    fn an_edge_does_not_receive_in_the_past_by_having_its_clock_behind() {
        let hour_behind = ClockOffset::between(at(-3_600), at(0));
        assert_eq!(hour_behind.seconds(), 3_600);
        assert_eq!(received(hour_behind, -3_660, true), at(-60));
        assert_eq!(received(hour_behind, -3_600, false), at(0));
        let hour_ahead = ClockOffset::between(at(3_600), at(0));
        assert_eq!(received(hour_ahead, 3_540, true), at(-60));
        // Its clock was put right since it said hello, or it lies.
        assert_eq!(received(hour_behind, -1, true), at(0));
        assert_eq!(received(ClockOffset::default(), -3_600, false), at(0));
        assert_eq!(received(ClockOffset::default(), -3_600, true), at(-3_600));
        assert_eq!(
            ClockOffset::between(at(0) - TimeDelta::milliseconds(300), at(0)),
            ClockOffset::default()
        );
    }

    #[test]
    fn a_picture_is_as_old_as_it_is_by_the_consoles_clock() {
        let offset = ClockOffset::between(at(-3_600), at(0));
        let mut health = CameraHealth::connecting("c1", at(-3_600));
        health.last_frame_at = Some(at(-3_601));
        health.picture_fault = Some(PictureFault {
            kind: PictureFaultKind::Frozen,
            since: at(-3_603),
        });
        health.presence = vec![WindowPresence {
            window: "1".into(),
            state: Presence::Empty,
            since: at(-3_604),
            people: None,
        }];
        offset.health(&mut health);
        assert_eq!((health.since, health.last_frame_at), (at(0), Some(at(-1))));
        assert_eq!(health.picture_fault.map(|it| it.since), Some(at(-3)));
        assert_eq!(health.presence[0].since, at(-4));
        let frame = MediaFrame::Thumbnail {
            camera: "c1".into(),
            captured_at: at(-3_602),
            jpeg: bytes::Bytes::new(),
        };
        match offset.frame(frame) {
            MediaFrame::Thumbnail { captured_at, .. } => assert_eq!(captured_at, at(-2)),
            other => panic!("{other:?}"),
        }
    }
}
