//! Sound beside the pictures: where each piece of it stands on their time line.
//!
//! The two streams of a session count their time each from a number of its own. What they have in common is the camera's clock, which
//! it tells for each of them by RTCP (RFC 3550 section 6.4.1); until it has, and where what it says cannot be, the instants at which both
//! arrived must do. Once it has, sound steps to where that clock puts it; from then on small differences are made up little by little, as players
//! play sound without looking at its times.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use mp4_atom::Codec;
use retina::codec::AudioParameters;

use super::boxes::{self, BoxError};
use super::clock::{CaptureClock, TIMESCALE};

/// How far sound may begin before the first picture of its file: what was heard before a picture was taken comes after it. The times of a file
/// with sound begin so late, and so do those of the boxes of sound.
pub const LEAD: i64 = TIMESCALE as i64;

/// Sound that leaves its place by more is put anew: a gap, or what was already heard is left out.
const STEP: i64 = TIMESCALE as i64 / 10;

/// One in so much of what it is out of place is made up with each piece.
const SLEW: i64 = 64;

/// Reports that leave the instants of arrival by more are about two settings of the camera's clock.
const TRUSTED: i64 = 5 * TIMESCALE as i64 / 2;

/// Pieces in a `moof`: its head shall be read at one go.
const TOGETHER: usize = 64;

/// Bytes that wait for a picture at most.
const WAITING: usize = 1 << 20;

/// A stream of sound that a recording can hold.
#[derive(Debug, Clone, PartialEq)]
pub struct AudioTrack {
    /// Its codec as people call it.
    pub name: &'static str,
    /// How it stands in a file.
    pub(super) entry: Entry,
}

/// A sample entry.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Entry {
    /// As mp4-atom has it.
    Known(Box<Codec>),
    /// ITU-T G.711, by its registered four letters.
    G711 {
        kind: [u8; 4],
        channels: u16,
        rate: u16,
    },
}

impl AudioTrack {
    /// What a session describes, by its encoding name in lower case; `None`: a recording cannot hold it.
    pub fn of(encoding: &str, parameters: &AudioParameters) -> Option<Self> {
        let g711 = |name, kind: &[u8; 4]| {
            Some(Self {
                name,
                entry: Entry::G711 {
                    kind: *kind,
                    channels: parameters.channels().get(),
                    rate: u16::try_from(parameters.clock_rate()).ok()?,
                },
            })
        };
        match encoding {
            "pcma" => g711("G.711 A-law", b"alaw"),
            "pcmu" => g711("G.711 µ-law", b"ulaw"),
            "mpeg4-generic" => {
                let entry = parameters.mp4_sample_entry().build().ok()?;
                let entry = Entry::Known(Box::new(boxes::codec(&entry).ok()?));
                Some(Self { name: "AAC", entry })
            }
            _ => None,
        }
    }
}

/// A piece of sound as it arrived.
#[derive(Debug)]
pub struct AudioUnit {
    /// Coded.
    pub data: Bytes,
    /// Presentation time as the source counts, in ticks of [`TIMESCALE`].
    pub presentation: i64,
    /// How long it is, in ticks.
    pub duration: i64,
    /// When it arrived.
    pub arrived: Instant,
}

/// What the camera says of one stream: what its clock showed at a presentation time.
#[derive(Debug, Clone, Copy)]
pub struct Report {
    /// The camera's clock, in NTP's format.
    pub ntp: u64,
    /// In ticks of [`TIMESCALE`], as the source counts.
    pub presentation: i64,
}

/// Where a picture was put.
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    /// Its presentation time as the source counts.
    pub source: i64,
    /// When it was taken.
    pub captured: Instant,
    /// Its presentation time on the time line.
    pub presentation: i64,
}

/// The sound of one session.
#[derive(Debug, Default)]
pub struct AudioLine {
    track: Option<Arc<AudioTrack>>,
    clock: CaptureClock,
    /// Of the pictures, and of the sound.
    reports: [Option<Report>; 2],
    /// Where the next piece stands if nothing is missing.
    next: Option<i64>,
    /// Whether the camera's clock says where pieces stand.
    told: bool,
    /// Whether a piece was put since that changed.
    settled: bool,
    waiting: Vec<Piece>,
    bytes: usize,
}

#[derive(Debug, PartialEq)]
struct Piece {
    data: Bytes,
    begin: i64,
    duration: i64,
}

impl AudioLine {
    /// Of a session whose sound is `track`.
    pub fn new(track: Option<Arc<AudioTrack>>) -> Self {
        Self {
            track,
            ..Self::default()
        }
    }

    /// What it is, where there is any.
    pub fn track(&self) -> Option<&Arc<AudioTrack>> {
        self.track.as_ref()
    }

    /// What the camera said of its pictures' times.
    pub fn of_pictures(&mut self, report: Report) {
        self.reports[0] = Some(report);
    }

    /// What the camera said of its sound's times.
    pub fn of_sound(&mut self, report: Report) {
        self.reports[1] = Some(report);
    }

    /// Takes a piece, once there was a picture to place it by.
    pub fn hear(&mut self, unit: AudioUnit, last: Option<Shown>) {
        // It cannot arrive before its end was heard.
        let length = Duration::from_micros(unit.duration.max(0) as u64 * 100 / 9);
        let begun = unit.arrived.checked_sub(length).unwrap_or(unit.arrived);
        let captured = self.clock.captured(unit.presentation, begun);
        let Some(last) = last else { return };
        let by_arrival = ticks(captured, last.captured);
        let by_reports = self
            .by_reports(unit.presentation, last.source)
            .filter(|apart| (apart - by_arrival).abs() <= TRUSTED);
        self.settled &= self.told == by_reports.is_some();
        self.told = by_reports.is_some();
        self.place(last.presentation + by_reports.unwrap_or(by_arrival), unit);
    }

    /// How long after a picture a piece was heard, by the camera's clock.
    fn by_reports(&self, sound: i64, picture: i64) -> Option<i64> {
        let [Some(pictures), Some(sounds)] = self.reports else {
            return None;
        };
        let apart = i128::from(sounds.ntp.wrapping_sub(pictures.ntp) as i64);
        let apart = (apart * i128::from(TIMESCALE)) >> 32;
        let since = |of: i64, report: Report| i128::from(of) - i128::from(report.presentation);
        i64::try_from(apart + since(sound, sounds) - since(picture, pictures)).ok()
    }

    fn place(&mut self, wanted: i64, unit: AudioUnit) {
        let bound = match self.settled {
            true => STEP,
            false => STEP.min(unit.duration / 2),
        };
        let begin = match self.next {
            Some(next) if (wanted - next).abs() <= bound => next,
            Some(next) if wanted < next => return,
            _ => wanted,
        };
        self.settled = true;
        let duration = (unit.duration + (wanted - begin) / SLEW).max(1);
        self.next = Some(begin + duration);
        self.bytes += unit.data.len();
        if begin + LEAD < 0 || self.bytes > WAITING {
            self.bytes -= unit.data.len();
            return;
        }
        self.waiting.push(Piece {
            data: unit.data,
            begin,
            duration,
        });
    }

    /// What came since the last time, for the recording.
    ///
    /// # Errors
    /// A piece that no box can hold.
    pub fn take(&mut self, sequence: u64) -> Result<Bytes, BoxError> {
        if self.waiting.is_empty() {
            return Ok(Bytes::new());
        }
        let waiting = std::mem::take(&mut self.waiting);
        let mut out = BytesMut::with_capacity(self.bytes + 160);
        self.bytes = 0;
        for run in waiting.chunk_by(|one, next| one.begin + one.duration == next.begin) {
            for part in run.chunks(TOGETHER) {
                let samples = part.iter().map(|piece| (piece.duration, piece.data.len()));
                let begin = part.first().map_or(0, |piece| piece.begin + LEAD);
                boxes::audio(&mut out, sequence, begin, samples)?;
                part.iter()
                    .for_each(|piece| out.extend_from_slice(&piece.data));
            }
        }
        Ok(out.freeze())
    }
}

/// How long `later` is after `earlier`, in ticks; negative the other way round.
fn ticks(later: Instant, earlier: Instant) -> i64 {
    let of = |time: Duration| (time.as_micros() * 9 / 100) as i64;
    match later.checked_duration_since(earlier) {
        Some(after) => of(after),
        None => -of(earlier.duration_since(later)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of 20 ms.
    const FRAME: i64 = 1_800;

    fn unit(n: i64, arrived: Instant) -> AudioUnit {
        AudioUnit {
            data: Bytes::from_static(&[0xD5; 160]),
            presentation: 700_000 + n * FRAME,
            duration: FRAME,
            arrived,
        }
    }

    fn shown(source: i64, captured: Instant, presentation: i64) -> Option<Shown> {
        Some(Shown {
            source,
            captured,
            presentation,
        })
    }

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn sound_stands_where_it_was_heard_and_the_cameras_clock_knows_better() {
        let begun = Instant::now();
        // A picture every 40 ms; sound that arrives 100 ms after it was heard.
        let mut line = AudioLine::default();
        let hear = |line: &mut AudioLine, n: i64| {
            let heard = begun + ms(n as u64 * 20);
            let last = shown(5_000 + n * FRAME, heard + ms(120), 90_000 + n * FRAME);
            line.hear(unit(n, heard + ms(120)), last);
        };
        hear(&mut line, 0);
        // By its arrival alone it is late by what it took; the picture of that instant stands at 90 000.
        assert_eq!(line.waiting[0].begin, 90_000 - FRAME);
        line.waiting.clear();

        // The camera's clock says that the sound's 700 000 is 60 ms before the pictures' 5 000.
        let second = 1_u64 << 32;
        line.of_pictures(Report {
            ntp: 77 * second,
            presentation: 5_000,
        });
        line.of_sound(Report {
            ntp: 77 * second - second * 6 / 100,
            presentation: 700_000,
        });
        (1..400).for_each(|n| hear(&mut line, n));
        let wanted = |n: i64| 90_000 + n * FRAME - 5_400;
        // What stands behind the beginning already is left out, and from then on it stands where that clock says.
        assert_eq!(line.waiting.len(), 397);
        for (n, piece) in (3..).zip(&line.waiting) {
            assert_eq!(piece.begin, wanted(n));
        }
    }

    #[test]
    fn a_clock_that_wanders_is_followed_without_a_gap() {
        let begun = Instant::now();
        let mut line = AudioLine::default();
        line.of_pictures(Report {
            ntp: 77 << 32,
            presentation: 5_000,
        });
        for n in 0..1_000 {
            // Each second, 50 pieces, another 2 ms.
            let wandered = n as u64 / 50 * ((1 << 32) / 500);
            line.of_sound(Report {
                ntp: (77 << 32) + wandered,
                presentation: 700_000,
            });
            let heard = begun + ms(n as u64 * 20);
            let last = shown(5_000 + n * FRAME, heard, 90_000 + n * FRAME);
            line.hear(unit(n, heard + ms(20)), last);
        }
        assert_eq!(line.waiting.len(), 1_000);
        for (n, piece) in (0..).zip(&line.waiting) {
            let wanted = 90_000 + n * FRAME + n / 50 * 180;
            assert!((piece.begin - wanted).abs() <= 450, "{n}: {piece:?}");
        }
        let pairs = line.waiting.windows(2);
        let mut gaps = pairs.filter(|pair| pair[0].begin + pair[0].duration != pair[1].begin);
        assert_eq!(gaps.next(), None);
    }

    #[test]
    fn a_clock_that_was_set_between_two_reports_is_not_believed() {
        let begun = Instant::now();
        let mut line = AudioLine::default();
        line.of_pictures(Report {
            ntp: 77 << 32,
            presentation: 5_000,
        });
        line.of_sound(Report {
            ntp: 3_677 << 32,
            presentation: 700_000,
        });
        line.hear(unit(0, begun + ms(20)), shown(5_000, begun, 90_000));
        assert_eq!(line.waiting[0].begin, 90_000);
    }

    #[test]
    fn what_is_missing_is_a_gap_and_what_was_heard_is_left_out() {
        let mut line = AudioLine::default();
        let now = Instant::now();
        line.place(90_000, unit(0, now));
        line.place(90_000 + FRAME, unit(1, now));
        line.place(900_000, unit(2, now));
        line.place(600_000, unit(3, now));
        let begins: Vec<i64> = line.waiting.iter().map(|piece| piece.begin).collect();
        assert_eq!(begins, [90_000, 90_000 + FRAME, 900_000]);
        let boxed = line.take(7).unwrap();
        assert!(line.waiting.is_empty() && line.take(8).unwrap().is_empty());
        // Two runs: two times moof and mdat.
        let moofs = boxed.windows(4).filter(|four| four == b"moof").count();
        assert_eq!(moofs, 2);
    }
}
