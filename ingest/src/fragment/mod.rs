//! One access unit, one fMP4 fragment: made once when it arrives, sent on at once, shared by every viewer and by the
//! recording.

pub mod audio;
mod boxes;
mod clock;
mod timeline;

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use retina::codec::{VideoParameters, VideoParametersCodec};

pub(crate) use boxes::{AUDIO, PRFT, from_ntp};
pub use boxes::{BoxError, stamped};
pub use clock::{CaptureClock, TIMESCALE};
pub use timeline::{Timeline, Times};

use self::audio::{AudioLine, AudioTrack, AudioUnit, Report, Shown};
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

/// How the pictures of a stream are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// ISO/IEC 14496-10.
    H264,
    /// ISO/IEC 23008-2: recorded, shown where the browser can, not decoded here.
    H265,
    /// A JPEG a picture: recorded and decoded here; no browser plays it.
    Jpeg,
}

impl Coding {
    /// All, those that serve best first.
    pub const ALL: [Self; 3] = [Self::H264, Self::H265, Self::Jpeg];

    /// Its name in a session description (RFC 6184, 7798, 2435), in lower case.
    pub fn encoding_name(self) -> &'static str {
        match self {
            Self::H264 => "h264",
            Self::H265 => "h265",
            Self::Jpeg => "jpeg",
        }
    }
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
    /// Looks through the NAL units (ISO/IEC 14496-10 table 7-1, 23008-2 table 7-1), each after its length in four bytes. Retina
    /// calls every access unit without a non-IDR slice a key frame, also one without any slice. Every JPEG stands alone.
    pub fn of(coding: Coding, access_unit: &[u8]) -> Self {
        let slice: fn(u8) -> Option<Self> = match coding {
            Coding::H264 => |header| match header & 0x1F {
                5 => Some(Self::Key),
                1..=4 => Some(Self::Picture),
                _ => None,
            },
            // IDR_W_RADL and IDR_N_LP. After other random access points pictures may follow that cannot be decoded.
            Coding::H265 => |header| match (header >> 1) & 0x3F {
                19 | 20 => Some(Self::Key),
                0..=31 => Some(Self::Picture),
                _ => None,
            },
            Coding::Jpeg if access_unit.is_empty() => return Self::Nothing,
            Coding::Jpeg => return Self::Key,
        };
        let mut content = Self::Nothing;
        let mut rest = access_unit;
        while let Some((length, tail)) = rest.split_first_chunk::<4>() {
            let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
            match tail.first().and_then(|header| slice(*header)) {
                // A mixture begins nowhere.
                Some(Self::Picture) => return Self::Picture,
                Some(found) => content = found,
                None => {}
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
    audio: AudioLine,
    /// The initialization segment with the sound's track.
    with_audio: Option<Bytes>,
    /// The picture that was wrapped last.
    last: Option<Shown>,
}

impl Fragmenter {
    /// `origin` is zero on the time line.
    pub fn new(origin: Instant) -> Self {
        Self {
            origin,
            timeline: Timeline::default(),
            clock: CaptureClock::default(),
            init: None,
            audio: AudioLine::default(),
            with_audio: None,
            last: None,
        }
    }

    /// A new session begins at `now`: its presentation times have nothing to do with those before. `frame_rate` is what
    /// the camera declares, if it does; `audio` is the sound that comes beside the pictures.
    pub fn begin(&mut self, now: Instant, frame_rate: Option<f32>, audio: Option<Arc<AudioTrack>>) {
        let elapsed = now.saturating_duration_since(self.origin).as_secs_f64();
        let distance = frame_rate
            .filter(|rate| *rate > 0.0)
            .map(|rate| (TIMESCALE as f32 / rate) as i64);
        self.timeline
            .begin((elapsed * f64::from(TIMESCALE)) as i64, distance);
        self.clock = CaptureClock::default();
        self.init = None;
        self.audio = AudioLine::new(audio);
        self.last = None;
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
        let codec = match parameters.codec_params() {
            VideoParametersCodec::Jpeg => boxes::jpeg(w, h),
            _ => {
                let entry = parameters.mp4_sample_entry().build();
                let unusable = |error: retina::Error| FragmentError::Parameters(error.to_string());
                boxes::codec(&entry.map_err(unusable)?)?
            }
        };
        let audio = self.audio.track();
        let with_audio = audio.map(|audio| boxes::init_segment(codec.clone(), w, h, Some(audio)));
        self.with_audio = with_audio.transpose()?;
        let init = Arc::new(InitSegment {
            codec: parameters.rfc6381_codec().to_owned(),
            width: w,
            height: h,
            with_audio: self.with_audio.clone(),
            segment: boxes::init_segment(codec, w, h, None)?,
        });
        self.init = Some(Arc::clone(&init));
        Ok(init)
    }

    /// Says whether sound comes: what begins to be recorded while none does, begins without its track.
    pub fn with_sound(&mut self, comes: bool) {
        let wanted = self.with_audio.as_ref().filter(|_| comes);
        if let Some(init) = &self.init
            && init.with_audio.as_ref() != wanted
        {
            let mut init = InitSegment::clone(init);
            init.with_audio = wanted.cloned();
            self.init = Some(Arc::new(init));
        }
    }

    /// Takes a piece of the sound that goes with the pictures.
    pub fn hear(&mut self, unit: AudioUnit) {
        self.audio.hear(unit, self.last);
    }

    /// What the camera said of the times of its pictures, or of its sound.
    pub fn report(&mut self, of_sound: bool, report: Report) {
        match of_sound {
            true => self.audio.of_sound(report),
            false => self.audio.of_pictures(report),
        }
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
        let audio = self.audio.take(sequence)?;
        self.last = Some(Shown {
            source: unit.presentation,
            captured,
            presentation: times.presentation,
        });
        let (bytes, data) = boxes::fragment(sequence, times, unit.key, captured_at, unit.data)?;
        let access_unit = bytes.slice(data..);
        Ok(Made {
            fragment: Fragment {
                bytes,
                audio,
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

/// Sound as the recorder gets it: pieces of `ticks` each, from `begin` on its track.
#[cfg(test)]
pub(crate) fn boxed_audio(
    begin: i64,
    ticks: i64,
    pieces: impl Iterator<Item = Vec<u8>> + Clone,
) -> Bytes {
    let mut out = bytes::BytesMut::new();
    let samples = pieces.clone().map(|piece| (ticks, piece.len()));
    boxes::audio(&mut out, 1, begin, samples).unwrap();
    pieces.for_each(|piece| out.extend_from_slice(&piece));
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_picture_without_others_is_a_key_frame() {
        let framed = |nals: &[&[u8]]| {
            let framed = nals
                .iter()
                .flat_map(|nal| [&(nal.len() as u32).to_be_bytes()[..], nal].concat());
            framed.collect::<Vec<_>>()
        };
        let of = |nals: &[&[u8]]| Content::of(Coding::H264, &framed(nals));
        assert_eq!(
            of(&[&[0x67, 1], &[0x68, 1], &[0x65, 0x88, 0x84]]),
            Content::Key
        );
        assert_eq!(of(&[&[0x09, 0xF0], &[0x41, 0x9A]]), Content::Picture);
        assert_eq!(of(&[&[0x65, 0x88], &[0x41, 0x9A]]), Content::Picture);
        assert_eq!(of(&[&[0x67, 1], &[0x06, 5]]), Content::Nothing);
        assert_eq!(of(&[]), Content::Nothing);
        let unframed = |bytes: &[u8]| Content::of(Coding::H264, bytes);
        assert_eq!(unframed(&[0xFF, 0xFF, 0xFF, 0xFF, 0x65]), Content::Key);
        assert_eq!(unframed(&[0, 0, 0]), Content::Nothing);

        let of = |nals: &[&[u8]]| Content::of(Coding::H265, &framed(nals));
        assert_eq!(
            of(&[&[0x40, 1], &[0x42, 1], &[0x26, 1, 0xAF]]),
            Content::Key
        );
        assert_eq!(of(&[&[0x46, 1], &[0x02, 1, 0xD0]]), Content::Picture);
        assert_eq!(of(&[&[0x2A, 1, 0xAF]]), Content::Picture, "a CRA picture");
        assert_eq!(of(&[&[0x40, 1], &[0x4E, 1]]), Content::Nothing);
        assert_eq!(Content::of(Coding::Jpeg, &[0xFF, 0xD8]), Content::Key);
        assert_eq!(Content::of(Coding::Jpeg, &[]), Content::Nothing);
    }
}
