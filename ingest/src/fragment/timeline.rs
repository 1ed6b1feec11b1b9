//! Decode times for a stream that only has presentation times.
//!
//! RTP carries when a picture is *shown*. Where a stream has B-pictures they arrive out of that order, and a player must
//! be told when to *decode* each, in order of arrival. Equal times for both make Chromium freeze without an error, and
//! waiting for the next picture to learn this one's duration would cost a frame of delay. So decode times are made up:
//! each is the one before plus the usual distance of two pictures, slewed so that decoding stays just ahead of showing.
//!
//! Media Source Extensions drop everything up to the next key frame when a decode time is not the one before plus its
//! duration (or near it). Here it always is exactly that, except at key frames, where a jump is free.

use std::collections::VecDeque;

use super::clock::TIMESCALE;

/// Pictures looked back on, to tell the usual distance and how far they are reordered. H.264 reorders by 16 at most.
const WINDOW: usize = 24;

/// Ticks a second, as the type of a time.
const SECOND: i64 = TIMESCALE as i64;

/// A presentation time that leaves the others by more is a new time line, unless the pictures come so slowly.
const JUMP: i64 = 10 * SECOND;

/// Distance of two pictures until the stream itself has shown one.
const DEFAULT_DISTANCE: i64 = SECOND / 25;

/// When one picture is decoded and shown, in ticks of [`TIMESCALE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// When it is decoded; rises from picture to picture.
    pub decode: i64,
    /// From this picture's decode time to the next one's.
    pub duration: i64,
    /// When it is shown.
    pub presentation: i64,
}

/// Places the pictures of a camera on one time line that goes on over reconnects.
#[derive(Debug)]
pub struct Timeline {
    /// Added to the source's presentation times; unknown until the first picture of a session.
    shift: Option<i64>,
    /// Where the first picture of this session shall be shown.
    begin: i64,
    /// Distance of two pictures that the source declares.
    declared: Option<i64>,
    next_decode: i64,
    newest_presentation: i64,
    presentations: VecDeque<i64>,
    /// Presentation less decode time of the last pictures.
    leads: VecDeque<i64>,
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            shift: None,
            begin: SECOND,
            declared: None,
            next_decode: 0,
            newest_presentation: 0,
            presentations: VecDeque::with_capacity(WINDOW + 1),
            leads: VecDeque::with_capacity(WINDOW + 1),
        }
    }
}

impl Timeline {
    /// A new session begins: its first picture is shown at `at` or, where that is taken, right after what was there.
    /// `declared` is the distance of two pictures in ticks as the source tells it, if it does.
    pub fn begin(&mut self, at: i64, declared: Option<i64>) {
        self.shift = None;
        // A second for pictures that are shown before the first one that came.
        self.begin = (at + SECOND).max(self.newest_presentation + DEFAULT_DISTANCE);
        self.declared = declared.filter(|ticks| (1..=JUMP).contains(ticks));
        self.presentations.clear();
        self.leads.clear();
    }

    /// Places the next picture in order of arrival. `source` is its presentation time as the source counts.
    pub fn place(&mut self, source: i64, key: bool) -> Times {
        let presentation = self.presentation(source);
        let distance = self.distance();
        let jump = key && (presentation - self.next_decode).abs() > SECOND.max(2 * distance);
        if jump || self.leads.is_empty() {
            // Two pictures of room: what most encoders reorder by.
            self.next_decode = self.next_decode.max(presentation - 2 * distance);
            self.leads.clear();
        }
        let decode = self.next_decode;
        remember(&mut self.leads, presentation - decode);
        // Decoding shall be ahead of showing for every picture, and no more than it must. The window makes the loop
        // slow: a gain over 1/16 would swing.
        let least = self.leads.iter().copied().min().unwrap_or(0);
        let duration = (distance + least / 32)
            .clamp(distance / 2, 2 * distance)
            .max(1);
        self.next_decode = decode + duration;
        Times {
            decode,
            duration,
            presentation,
        }
    }

    /// The presentation time on this time line, which never leaves it for a jump of the source's clock.
    fn presentation(&mut self, source: i64) -> i64 {
        let distance = self.distance();
        let mut presentation = match self.shift {
            Some(shift) => source.wrapping_add(shift),
            None => self.begin,
        };
        let jump = JUMP.max(16 * distance);
        let expected = self.newest_presentation;
        let first = self.shift.is_none();
        if !first && (presentation.saturating_sub(expected).saturating_abs() > jump) {
            presentation = expected + distance;
            self.presentations.clear();
        }
        self.shift = Some(presentation.wrapping_sub(source));
        self.newest_presentation = self.newest_presentation.max(presentation);
        remember(&mut self.presentations, presentation);
        presentation
    }

    /// The usual distance of two pictures: the median over the last ones, in order of showing.
    fn distance(&self) -> i64 {
        let mut times: Vec<i64> = self.presentations.iter().copied().collect();
        times.sort_unstable();
        let mut distances: Vec<i64> = times
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .filter(|d| *d > 0)
            .collect();
        distances.sort_unstable();
        let median = distances.get(distances.len() / 2).copied();
        median.or(self.declared).unwrap_or(DEFAULT_DISTANCE)
    }
}

fn remember(window: &mut VecDeque<i64>, value: i64) {
    if window.len() == WINDOW {
        window.pop_front();
    }
    window.push_back(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: i64 = SECOND / 10;

    /// One P picture and then the B pictures shown before it, as `opencv_vtest_h264.mp4` has them.
    fn with_b_pictures(pictures: i64) -> Vec<i64> {
        let mut order = vec![0];
        for group in 0..pictures / 4 {
            order.extend([4, 2, 1, 3].map(|n| 4 * group + n));
        }
        order
    }

    fn place_all(timeline: &mut Timeline, sources: &[i64]) -> Vec<Times> {
        sources
            .iter()
            .enumerate()
            .map(|(n, source)| timeline.place(source * FRAME, n == 0))
            .collect()
    }

    fn assert_seamless(times: &[Times]) {
        for pair in times.windows(2) {
            assert_eq!(pair[0].decode + pair[0].duration, pair[1].decode);
            assert!(pair[0].duration > 0);
        }
    }

    #[test]
    fn b_pictures_keep_their_presentation_and_get_rising_decode_times() {
        let mut timeline = Timeline::default();
        timeline.begin(0, None);
        let sources = with_b_pictures(400);
        let times = place_all(&mut timeline, &sources);
        assert_seamless(&times);
        for (placed, source) in times.iter().zip(&sources) {
            assert_eq!(placed.presentation, SECOND + source * FRAME);
        }
        for placed in &times[200..] {
            let lead = placed.presentation - placed.decode;
            assert!(
                (-FRAME / 20..=5 * FRAME + FRAME / 4).contains(&lead),
                "{placed:?}"
            );
            assert!((placed.duration - FRAME).abs() < FRAME / 10, "{placed:?}");
        }
    }

    #[test]
    fn a_slower_picture_rate_is_followed() {
        let mut timeline = Timeline::default();
        timeline.begin(0, Some(SECOND / 25));
        let mut times: Vec<_> = (0..100)
            .map(|n| timeline.place(n * SECOND / 25, n == 0))
            .collect();
        times.extend((1..100).map(|n| timeline.place(4 * SECOND + n * SECOND / 5, false)));
        assert_seamless(&times);
        let last = times.last().unwrap();
        assert!(
            (last.duration - SECOND / 5).abs() < SECOND / 100,
            "{last:?}"
        );
        assert!(
            (0..SECOND).contains(&(last.presentation - last.decode)),
            "{last:?}"
        );
    }

    #[test]
    fn a_clock_that_jumps_does_not_move_the_pictures() {
        let mut timeline = Timeline::default();
        timeline.begin(0, None);
        let mut times = place_all(&mut timeline, &[0, 1, 2, 3, 4, 5, 6, 7]);
        for jump in [
            i64::from(u32::MAX),
            -5_000_000_000,
            i64::MAX - 100 * SECOND,
            i64::MIN + SECOND,
        ] {
            times.extend((0..8).map(|n| timeline.place(jump + n * FRAME, false)));
        }
        assert_seamless(&times);
        assert_eq!(
            times.last().unwrap().presentation,
            SECOND + FRAME * (times.len() as i64 - 1)
        );
    }

    #[test]
    fn a_gap_is_shown_and_decoding_catches_up_at_the_next_key_frame() {
        let mut timeline = Timeline::default();
        timeline.begin(0, None);
        place_all(&mut timeline, &[0, 1, 2, 3, 4, 5, 6, 7]);
        let mut times: Vec<_> = (57..80).map(|n| timeline.place(n * FRAME, false)).collect();
        assert_seamless(&times);
        assert_eq!(times[0].presentation, SECOND + 57 * FRAME);
        times.push(timeline.place(80 * FRAME, true));
        let key = times.last().unwrap();
        assert!(
            (0..SECOND).contains(&(key.presentation - key.decode)),
            "{key:?}"
        );
    }

    #[test]
    fn a_source_without_times_still_moves_on() {
        let mut timeline = Timeline::default();
        timeline.begin(0, None);
        let times: Vec<_> = (0..2_000).map(|n| timeline.place(0, n % 10 == 0)).collect();
        assert!(times.windows(2).all(|pair| pair[0].decode < pair[1].decode));
    }

    #[test]
    fn a_reconnected_camera_goes_on_where_time_is() {
        let mut timeline = Timeline::default();
        timeline.begin(0, None);
        let before = place_all(&mut timeline, &with_b_pictures(40));
        timeline.begin(60 * SECOND, None);
        let after = place_all(&mut timeline, &with_b_pictures(40));
        assert_eq!(after[0].presentation, 61 * SECOND);
        assert!(after[0].decode > before.last().unwrap().decode);
        // At once, on a clock that stands still: never before what was there.
        timeline.begin(0, None);
        let again = place_all(&mut timeline, &[0, 1, 2]);
        assert!(again[0].presentation > after.iter().map(|t| t.presentation).max().unwrap());
        assert!(again[0].decode > after.last().unwrap().decode);
    }
}
