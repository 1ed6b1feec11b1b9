//! One access unit, one fMP4 fragment: made once when it arrives, sent on at once, shared by every viewer and by the
//! recording.

mod boxes;
mod clock;
mod timeline;

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use retina::codec::VideoParameters;

pub use boxes::{BoxError, stamped};
pub(crate) use boxes::{PRFT, from_ntp};
pub use clock::{CaptureClock, TIMESCALE};
pub use timeline::{Timeline, Times};

use crate::media::{Fragment, InitSegment};

/// Why a stream cannot be put into fragments.
#[derive(Debug, thiserror::Error)]
pub enum FragmentError {
    /// The parameters make no sample entry.
    #[error("the stream's parameters cannot be used: {0}")]
    Parameters(String),
    /// A width or height that no picture has.
    #[error("a picture of {width} × {height} pixels is too large")]
    Dimensions {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
    /// The boxes could not be made.
    #[error(transparent)]
    Box(#[from] BoxError),
}

/// One picture as it arrived.
#[derive(Clone, Copy, Debug)]
pub struct AccessUnit<'a> {
    /// NAL units, each after its length in four bytes.
    pub data: &'a [u8],
    /// Presentation time as the source counts, in ticks of [`TIMESCALE`].
    pub presentation: i64,
    /// Whether it is an IDR picture.
    pub key: bool,
    /// When its first packet arrived.
    pub arrived: Instant,
}

/// What an access unit is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// An IDR picture: decoding can begin here.
    Key,
    /// A picture that needs others.
    Picture,
    /// No picture at all: parameter sets or messages whose picture was lost.
    Nothing,
}

impl Content {
    /// Looks through the NAL units (ISO/IEC 14496-10 table 7-1), each after its length in four bytes. Retina calls
    /// every access unit without a non-IDR slice a key frame, also one without any slice.
    pub fn of(access_unit: &[u8]) -> Self {
        let mut content = Self::Nothing;
        let mut rest = access_unit;
        while let Some((length, tail)) = rest.split_first_chunk::<4>() {
            let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
            match tail.first().map(|header| header & 0x1F) {
                Some(5) => content = Self::Key,
                // A mixture begins nowhere.
                Some(1..=4) => return Self::Picture,
                _ => {}
            }
            rest = tail.get(length..).unwrap_or_default();
        }
        content
    }
}

/// A fragment and the access unit in it.
#[derive(Clone, Debug)]
pub struct Made {
    /// For the viewers.
    pub fragment: Fragment,
    /// The same bytes from where the access unit begins, for the decoder.
    pub access_unit: Bytes,
}

/// Makes the fragments of one camera, over all its sessions, on one time line that begins when the camera is started.
#[derive(Debug)]
pub struct Fragmenter {
    origin: Instant,
    timeline: Timeline,
    clock: CaptureClock,
    init: Option<Arc<InitSegment>>,
}

impl Fragmenter {
    /// `origin` is zero on the time line.
    pub fn new(origin: Instant) -> Self {
        Self {
            origin,
            timeline: Timeline::default(),
            clock: CaptureClock::default(),
            init: None,
        }
    }

    /// A new session begins at `now`: its presentation times have nothing to do with those before. `frame_rate` is what
    /// the camera declares, if it does.
    pub fn begin(&mut self, now: Instant, frame_rate: Option<f32>) {
        let elapsed = now.saturating_duration_since(self.origin).as_secs_f64();
        let distance = frame_rate
            .filter(|rate| *rate > 0.0)
            .map(|rate| (TIMESCALE as f32 / rate) as i64);
        self.timeline
            .begin((elapsed * f64::from(TIMESCALE)) as i64, distance);
        self.clock = CaptureClock::default();
        self.init = None;
    }

    /// The parameters of what follows.
    ///
    /// # Errors
    /// Parameters that no fragment can carry. Those before stay in force.
    pub fn set_parameters(
        &mut self,
        parameters: &VideoParameters,
    ) -> Result<Arc<InitSegment>, FragmentError> {
        let (width, height) = parameters.pixel_dimensions();
        let fits = |pixels: u32| u16::try_from(pixels).ok().filter(|pixels| *pixels > 0);
        let (Some(w), Some(h)) = (fits(width), fits(height)) else {
            return Err(FragmentError::Dimensions { width, height });
        };
        let entry = parameters
            .mp4_sample_entry()
            .build()
            .map_err(|error| FragmentError::Parameters(error.to_string()))?;
        let init = Arc::new(InitSegment {
            codec: parameters.rfc6381_codec().to_owned(),
            width: w,
            height: h,
            segment: boxes::init_segment(&entry, w, h)?,
        });
        self.init = Some(Arc::clone(&init));
        Ok(init)
    }

    /// The parameters in force.
    pub fn init(&self) -> Option<&Arc<InitSegment>> {
        self.init.as_ref()
    }

    /// Wraps one picture, as the `sequence`-th. `now` is the same moment by both clocks.
    ///
    /// # Errors
    /// A picture too large for a fragment.
    pub fn wrap(
        &mut self,
        unit: AccessUnit<'_>,
        sequence: u64,
        now: (Instant, DateTime<Utc>),
    ) -> Result<Made, FragmentError> {
        let captured = self.clock.captured(unit.presentation, unit.arrived);
        let age =
            TimeDelta::from_std(now.0.saturating_duration_since(captured)).unwrap_or_default();
        let captured_at = now.1 - age;
        let times = self.timeline.place(unit.presentation, unit.key);
        let (bytes, data) = boxes::fragment(sequence, times, unit.key, captured_at, unit.data)?;
        let access_unit = bytes.slice(data..);
        Ok(Made {
            fragment: Fragment {
                bytes,
                key: unit.key,
                captured_at,
                sequence,
            },
            access_unit,
        })
    }
}

/// A fragment as the recorder gets it, for tests of other modules.
#[cfg(test)]
pub(crate) fn boxed(
    sequence: u64,
    times: Times,
    key: bool,
    captured_at: DateTime<Utc>,
    picture: &[u8],
) -> Bytes {
    let (bytes, _) = boxes::fragment(sequence, times, key, captured_at, picture).unwrap();
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_picture_without_others_is_a_key_frame() {
        let of = |nals: &[&[u8]]| {
            let framed = nals
                .iter()
                .flat_map(|nal| [&(nal.len() as u32).to_be_bytes()[..], nal].concat());
            Content::of(&framed.collect::<Vec<_>>())
        };
        assert_eq!(
            of(&[&[0x67, 1], &[0x68, 1], &[0x65, 0x88, 0x84]]),
            Content::Key
        );
        assert_eq!(of(&[&[0x09, 0xF0], &[0x41, 0x9A]]), Content::Picture);
        assert_eq!(of(&[&[0x65, 0x88], &[0x41, 0x9A]]), Content::Picture);
        assert_eq!(of(&[&[0x67, 1], &[0x06, 5]]), Content::Nothing);
        assert_eq!(of(&[]), Content::Nothing);
        assert_eq!(Content::of(&[0xFF, 0xFF, 0xFF, 0xFF, 0x65]), Content::Key);
        assert_eq!(Content::of(&[0, 0, 0]), Content::Nothing);
    }
}
