//! When was a picture taken?
//!
//! RTP says how far apart two pictures are, in the camera's own time. Cameras also report their clock (RTCP), which in
//! the field is wrong by seconds or years, so it is not used: the answer is told by *this* machine's clock. A picture
//! cannot arrive before it is taken, and what delays it (network, encoder, a burst) only ever adds; the smallest
//! difference between arrival and presentation time seen lately is therefore the best guess for all pictures, and
//! distances between capture instants are those of the camera, free of jitter. The guess is never later than the
//! arrival. It lacks what the camera itself always takes to encode and send (20 to 100 ms is usual).

use std::time::{Duration, Instant};

/// Ticks a second of every presentation time here: RFC 6184 fixes 90 kHz for H.264.
pub const TIMESCALE: u32 = 90_000;

/// The smallest difference is that of the last one to two spans of so many seconds. Some servers send their first picture
/// a second ahead of all others: that must be forgotten soon.
const SPAN: f64 = 5.0;

/// How fast the guess may grow, seconds a second: pictures near each other keep their distances.
const SLEW: f64 = 0.1;

/// A difference that changes by more than this is a new time line (camera restarted, stream spliced), not jitter.
const JUMP: f64 = 2.0;

/// Maps presentation times of one session to instants.
#[derive(Debug, Default)]
pub struct CaptureClock {
    anchor: Option<Anchor>,
}

#[derive(Debug)]
struct Anchor {
    arrived: Instant,
    presentation: i64,
    /// The guess: (arrival − presentation) of a picture that nothing delays, in seconds, relative to the anchor's own.
    delay: f64,
    /// Smallest difference in the span before this one, and in this one.
    smallest: [f64; 2],
    /// When this span began, in seconds after the anchor.
    span: f64,
    /// When the last picture arrived, in seconds after the anchor.
    last: f64,
}

impl Anchor {
    fn new(arrived: Instant, presentation: i64) -> Self {
        let smallest = [f64::INFINITY; 2];
        Self {
            arrived,
            presentation,
            delay: 0.0,
            smallest,
            span: 0.0,
            last: 0.0,
        }
    }

    /// The guess after one more difference, at `wall` seconds after the anchor.
    fn guess(&mut self, difference: f64, wall: f64) -> f64 {
        if wall - self.span > SPAN {
            self.smallest = [self.smallest[1], f64::INFINITY];
            self.span = wall;
        }
        self.smallest[1] = self.smallest[1].min(difference);
        let smallest = self.smallest[0].min(self.smallest[1]);
        let most = self.delay + SLEW * (wall - self.last).max(0.0);
        self.last = wall;
        self.delay = smallest.min(most);
        self.delay
    }
}

impl CaptureClock {
    /// The instant at which the picture with this presentation time (in [`TIMESCALE`] ticks) was taken, having arrived
    /// at `arrived`. Never later than `arrived`.
    pub fn captured(&mut self, presentation: i64, arrived: Instant) -> Instant {
        let anchor = self
            .anchor
            .get_or_insert_with(|| Anchor::new(arrived, presentation));
        let media = presentation.saturating_sub(anchor.presentation) as f64 / f64::from(TIMESCALE);
        let wall = arrived
            .saturating_duration_since(anchor.arrived)
            .as_secs_f64();
        let difference = wall - media;
        if (difference - anchor.delay).abs() > JUMP {
            *anchor = Anchor::new(arrived, presentation);
            return arrived;
        }
        // How long the picture took: what is over the smallest delay.
        let late = (difference - anchor.guess(difference, wall)).max(0.0);
        arrived
            .checked_sub(Duration::from_secs_f64(late))
            .unwrap_or(arrived)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(value: u64) -> Duration {
        Duration::from_millis(value)
    }

    #[test]
    fn jitter_disappears_and_nothing_is_taken_after_it_arrived() {
        let (mut clock, start) = (CaptureClock::default(), Instant::now());
        let mut last = None;
        for frame in 0..500_u64 {
            let taken = start + ms(40 * frame);
            let arrived = taken + ms(20 + (frame * 37) % 60);
            let told = clock.captured(3_600 * frame as i64, arrived);
            assert!(told <= arrived);
            if frame > 100 {
                let apart = told.duration_since(last.unwrap()).as_secs_f64();
                assert!((apart - 0.04).abs() < 0.002, "frame {frame}: {apart}");
                let wrong = told.duration_since(taken).as_secs_f64();
                assert!((0.018..0.03).contains(&wrong), "frame {frame}: {wrong}");
            }
            last = Some(told);
        }
    }

    #[test]
    fn a_picture_shown_later_than_it_is_sent_keeps_its_place() {
        // One P picture, then the two B pictures that are shown before it.
        let (mut clock, start) = (CaptureClock::default(), Instant::now());
        let order = [0_i64, 3, 1, 2, 6, 4, 5, 9, 7, 8];
        let mut told: Vec<_> = (0..200)
            .flat_map(|group| order.map(|n| n + 10 * group))
            .enumerate()
            .map(|(sent, shown)| {
                (
                    shown,
                    clock.captured(shown * 9_000, start + ms(300 + 100 * sent as u64)),
                )
            })
            .skip(100)
            .collect();
        told.sort_by_key(|(shown, _)| *shown);
        for pair in told.windows(2) {
            let apart = pair[1].1.duration_since(pair[0].1).as_secs_f64();
            let expected = 0.1 * (pair[1].0 - pair[0].0) as f64;
            assert!((apart - expected).abs() < 0.01, "{pair:?}");
        }
    }

    #[test]
    fn a_slow_camera_clock_is_followed() {
        let (mut clock, start) = (CaptureClock::default(), Instant::now());
        for frame in 0..90_000_u64 {
            let arrived = start + ms(40 * frame);
            let told = clock.captured((3_600.0 * frame as f64 * 0.9998) as i64, arrived);
            assert!(arrived.duration_since(told) < ms(5));
        }
    }

    #[test]
    fn a_first_picture_that_came_early_is_forgotten() {
        let (mut clock, start) = (CaptureClock::default(), Instant::now());
        clock.captured(0, start);
        let mut late = Duration::ZERO;
        for frame in 1..500_u64 {
            let arrived = start + ms(1_000 + 100 * frame);
            late = arrived.duration_since(clock.captured(9_000 * frame as i64, arrived));
        }
        assert!(late < ms(1), "{late:?}");
    }

    #[test]
    fn a_new_time_line_is_taken_as_it_is() {
        let (mut clock, start) = (CaptureClock::default(), Instant::now());
        clock.captured(1_000_000, start);
        for presentation in [0, i64::MAX, i64::MIN, 5] {
            assert_eq!(clock.captured(presentation, start + ms(40)), start + ms(40));
        }
    }
}
