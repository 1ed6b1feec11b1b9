//! The boxes themselves (ISO/IEC 14496-12), by mp4-atom.

use bytes::{BufMut, Bytes, BytesMut};
use chrono::{DateTime, Utc};
use mp4_atom::{
    Audio, Codec, Decode, Dinf, Dref, Encode, Ftyp, Hdlr, Jpeg, Mdhd, Mdia, Mfhd, Minf, Moof, Moov,
    Mvex, Mvhd, Smhd, Sowt, Stbl, Stco, Stsd, Tfdt, Tfhd, Tkhd, Traf, Trak, Trex, Trun, TrunEntry,
    Visual, Vmhd,
};

use super::audio::{AudioTrack, Entry};
use super::clock::TIMESCALE;
use super::timeline::Times;

/// The track of the pictures.
const TRACK: u32 = 1;

/// The track of the sound, where there is any.
pub(crate) const AUDIO: u32 = 2;

/// Sample flags (14496-12 section 8.8.3.1): depends on no other picture.
const KEY: u32 = 0x0200_0000;

/// Sample flags: depends on others, is no sync sample.
const NOT_KEY: u32 = 0x0101_0000;

/// Seconds from the NTP epoch (1900) to the Unix epoch (1970).
const NTP_TO_UNIX: i64 = 2_208_988_800;

/// Why boxes could not be made.
#[derive(Debug, thiserror::Error)]
pub enum BoxError {
    /// mp4-atom refuses, or cannot read what retina made.
    #[error("the stream's parameters do not fit MP4: {0}")]
    Mp4(#[from] mp4_atom::Error),
    /// A sample entry that cannot be written.
    #[error("the sound's parameters do not fit MP4")]
    Audio,
    /// An access unit larger than a fragment can carry.
    #[error("a picture of {0} bytes is too large")]
    TooLarge(usize),
}

/// What a sample entry (an `avc1` or `hvc1` box) says.
pub fn codec(mut sample_entry: &[u8]) -> Result<Codec, BoxError> {
    Ok(Codec::decode(&mut sample_entry)?)
}

/// Motion JPEG. Each picture holds all that is needed to decode it.
pub fn jpeg(width: u16, height: u16) -> Codec {
    let visual = Visual {
        data_reference_index: 1,
        width,
        height,
        ..Default::default()
    };
    Codec::Jpeg(Jpeg {
        visual,
        ..Default::default()
    })
}

/// `ftyp` and `moov` for the pictures, and for the sound where there is any.
pub fn init_segment(
    codec: Codec,
    width: u16,
    height: u16,
    audio: Option<&AudioTrack>,
) -> Result<Bytes, BoxError> {
    let tracks = if audio.is_some() { AUDIO } else { TRACK };
    let entry = audio.map(|audio| audio.entry.coded());
    let sound = entry.map(audio_track);
    let mut out = BytesMut::with_capacity(1024);
    Ftyp {
        major_brand: b"iso6".into(),
        minor_version: 0,
        compatible_brands: vec![b"iso6".into(), b"iso5".into(), b"mp41".into()],
    }
    .encode(&mut out)?;
    Moov {
        mvhd: Mvhd {
            timescale: TIMESCALE,
            rate: 1.into(),
            next_track_id: tracks + 1,
            ..Default::default()
        },
        mvex: Some(Mvex {
            mehd: None,
            trex: (TRACK..=tracks)
                .map(|track_id| Trex {
                    track_id,
                    default_sample_description_index: 1,
                    ..Default::default()
                })
                .collect(),
        }),
        trak: [track(codec, width, height)]
            .into_iter()
            .chain(sound)
            .collect(),
        ..Default::default()
    }
    .encode(&mut out)?;
    if let Some(Entry::G711 { kind, .. }) = audio.map(|audio| &audio.entry) {
        // The last one there: the sound's track is the second.
        let place = out.windows(4).rposition(|four| four == b"sowt");
        let place = place.ok_or(BoxError::Audio)?;
        out[place..place + 4].copy_from_slice(kind);
    }
    Ok(out.freeze())
}

impl Entry {
    /// As mp4-atom can write it. It has no entry for G.711: one of the same form takes its place, and gets its letters afterwards.
    fn coded(&self) -> Codec {
        match self {
            Self::Known(codec) => (**codec).clone(),
            Self::G711 { channels, rate, .. } => Codec::Sowt(Sowt {
                audio: Audio {
                    data_reference_index: 1,
                    channel_count: *channels,
                    sample_size: 16,
                    sample_rate: (*rate).into(),
                },
                pcmc: None,
                chnl: None,
                btrt: None,
            }),
        }
    }
}

/// The pictures' track.
fn track(codec: Codec, width: u16, height: u16) -> Trak {
    let head = Tkhd {
        track_id: TRACK,
        width: width.into(),
        height: height.into(),
        ..Default::default()
    };
    let media = Minf {
        vmhd: Some(Vmhd::default()),
        ..Default::default()
    };
    trak(head, (b"vide", "video"), media, codec)
}

/// The sound's track.
fn audio_track(codec: Codec) -> Trak {
    let head = Tkhd {
        track_id: AUDIO,
        volume: 1.into(),
        ..Default::default()
    };
    let media = Minf {
        smhd: Some(Smhd::default()),
        ..Default::default()
    };
    trak(head, (b"soun", "sound"), media, codec)
}

fn trak(head: Tkhd, (handler, name): (&[u8; 4], &str), media: Minf, codec: Codec) -> Trak {
    Trak {
        tkhd: Tkhd {
            enabled: true,
            in_movie: true,
            ..head
        },
        mdia: Mdia {
            mdhd: Mdhd {
                timescale: TIMESCALE,
                language: "und".into(),
                ..Default::default()
            },
            hdlr: Hdlr {
                handler: handler.into(),
                name: name.into(),
            },
            minf: Minf {
                dinf: dinf(),
                stbl: stbl(codec),
                ..media
            },
        },
        ..Default::default()
    }
}

fn dinf() -> Dinf {
    Dinf {
        dref: Dref {
            entries: vec![mp4_atom::Url::default().into()],
        },
    }
}

/// The tables are empty: every picture and all sound stands in a fragment.
fn stbl(codec: Codec) -> Stbl {
    Stbl {
        stsd: Stsd {
            codecs: vec![codec],
        },
        stco: Some(Stco::default()),
        ..Default::default()
    }
}

/// `prft`, `moof` and `mdat` for one access unit, and where in them the access unit begins.
pub fn fragment(
    sequence: u64,
    times: Times,
    key: bool,
    captured_at: DateTime<Utc>,
    access_unit: &[u8],
) -> Result<(Bytes, usize), BoxError> {
    let too_large = || BoxError::TooLarge(access_unit.len());
    let mdat_size = u32::try_from(access_unit.len() + 8).map_err(|_| too_large())?;
    let mut out = BytesMut::with_capacity(access_unit.len() + 192);
    prft(&mut out, times.presentation, captured_at);

    let mut moof = moof(sequence, times, key, mdat_size - 8);
    let begin = out.len();
    moof.encode(&mut out)?;
    // Now the size of moof is known, and with it where the data begins, counted from the start of moof.
    let size = out.len() - begin;
    moof.traf[0].trun[0].data_offset = Some(i32::try_from(size + 8).map_err(|_| too_large())?);
    out.truncate(begin);
    moof.encode(&mut out)?;

    out.put_u32(mdat_size);
    out.put_slice(b"mdat");
    let data = out.len();
    out.put_slice(access_unit);
    Ok((out.freeze(), data))
}

/// `moof` and the head of `mdat` for sound that begins at `begin` on its track and is cut into samples, each with its length in ticks and in
/// bytes. The bytes follow.
pub fn audio(
    out: &mut BytesMut,
    sequence: u64,
    begin: i64,
    samples: impl Iterator<Item = (i64, usize)>,
) -> Result<(), BoxError> {
    let mut bytes = 0;
    let samples: Vec<TrunEntry> = samples
        .map(|(duration, size)| {
            bytes += size;
            TrunEntry {
                duration: Some(u32::try_from(duration).unwrap_or(u32::MAX)),
                size: u32::try_from(size).ok(),
                ..Default::default()
            }
        })
        .collect();
    let too_large = || BoxError::TooLarge(bytes);
    let mdat = u32::try_from(bytes + 8).map_err(|_| too_large())?;
    let mut moof = Moof {
        mfhd: Mfhd {
            sequence_number: sequence as u32,
        },
        traf: vec![Traf {
            tfhd: Tfhd {
                track_id: AUDIO,
                default_base_is_moof: true,
                ..Default::default()
            },
            tfdt: Some(Tfdt {
                base_media_decode_time: u64::try_from(begin).unwrap_or(0),
            }),
            trun: vec![Trun {
                data_offset: Some(0),
                samples: samples.into(),
            }],
            ..Default::default()
        }],
    };
    let at = out.len();
    moof.encode(out)?;
    let size = out.len() - at;
    moof.traf[0].trun[0].data_offset = Some(i32::try_from(size + 8).map_err(|_| too_large())?);
    out.truncate(at);
    moof.encode(out)?;
    out.put_u32(mdat);
    out.put_slice(b"mdat");
    Ok(())
}

/// Bytes of our `prft`.
pub(crate) const PRFT: u32 = 32;

/// `prft` (14496-12, 8.16.5) by hand: in mp4-atom it changes its size with the time, and a recording moves that time.
fn prft(out: &mut BytesMut, presentation: i64, captured_at: DateTime<Utc>) {
    out.put_u32(PRFT);
    out.put_slice(b"prft");
    // Version 1; flags 0: the instant is the picture's, as it went into the encoder.
    out.put_u32(1 << 24);
    out.put_u32(TRACK);
    out.put_u64(ntp(captured_at));
    out.put_u64(u64::try_from(presentation).unwrap_or(0));
}

/// The same fragment with another instant of capture, for whoever knows better; bytes that are none of ours are left alone.
pub fn stamped(fragment: &Bytes, captured_at: DateTime<Utc>) -> Bytes {
    // ISO 14496-12, 8.16.5: size, type, version and flags, track, then the instant in NTP's format.
    const NTP: std::ops::Range<usize> = 16..24;
    if fragment.get(4..8) != Some(b"prft") || fragment.len() < NTP.end {
        return fragment.clone();
    }
    let mut bytes = BytesMut::from(&fragment[..]);
    bytes[NTP].copy_from_slice(&ntp(captured_at).to_be_bytes());
    bytes.freeze()
}

fn moof(sequence: u64, times: Times, key: bool, size: u32) -> Moof {
    let sample = TrunEntry {
        duration: Some(u32::try_from(times.duration).unwrap_or(u32::MAX)),
        size: Some(size),
        flags: Some(if key { KEY } else { NOT_KEY }),
        cts: Some(times.presentation - times.decode),
    };
    Moof {
        // 32 bits wide in the file; a player only wants it to change.
        mfhd: Mfhd {
            sequence_number: sequence as u32,
        },
        traf: vec![Traf {
            tfhd: Tfhd {
                track_id: TRACK,
                default_base_is_moof: true,
                ..Default::default()
            },
            tfdt: Some(Tfdt {
                base_media_decode_time: u64::try_from(times.decode).unwrap_or(0),
            }),
            trun: vec![Trun {
                data_offset: Some(0),
                samples: vec![sample].into(),
            }],
            ..Default::default()
        }],
    }
}

/// An instant in NTP's format: seconds since 1900 in the upper 32 bits (which wrap in 2036, as NTP's do), fraction below.
fn ntp(at: DateTime<Utc>) -> u64 {
    let seconds = (at.timestamp() + NTP_TO_UNIX) as u64;
    let fraction = (u64::from(at.timestamp_subsec_nanos()) << 32) / 1_000_000_000;
    (seconds << 32) | fraction.min(u64::from(u32::MAX))
}

/// The instant of [`ntp`], in the 68 years before or after 2036.
pub(crate) fn from_ntp(ntp: u64) -> Option<DateTime<Utc>> {
    let (seconds, fraction) = ((ntp >> 32) as i64, ntp & u64::from(u32::MAX));
    let era = if seconds < 1 << 31 { 1 << 32 } else { 0 };
    let nanos = u32::try_from((fraction * 1_000_000_000 + (1 << 31)) >> 32).ok()?;
    DateTime::from_timestamp(seconds + era - NTP_TO_UNIX, nanos)
}

#[cfg(test)]
mod tests {
    use mp4_atom::{Any, Mdat, Prft};

    use super::*;

    #[test]
    fn a_fragment_says_when_and_where() {
        let times = Times {
            decode: 5_000_000_000,
            duration: 9_000,
            presentation: 4_999_991_000,
        };
        let captured = DateTime::from_timestamp(1_795_305_600, 500_000_000).unwrap();
        let (bytes, data) = fragment(7, times, true, captured, b"\0\0\0\x02\x65\x88").unwrap();
        assert_eq!(&bytes[data..], b"\0\0\0\x02\x65\x88");

        let mut rest = bytes.clone();
        let prft = Prft::decode(&mut rest).unwrap();
        assert_eq!(
            prft.ntp_timestamp >> 32,
            (1_795_305_600 + 2_208_988_800) & 0xFFFF_FFFF
        );
        assert_eq!(prft.ntp_timestamp & 0xFFFF_FFFF, 1 << 31);
        assert_eq!(prft.media_time, 4_999_991_000);
        let before_moof = bytes.len() - rest.len();
        let moof = Moof::decode(&mut rest).unwrap();
        assert_eq!(moof.mfhd.sequence_number, 7);
        let traf = &moof.traf[0];
        assert_eq!(
            traf.tfdt.as_ref().unwrap().base_media_decode_time,
            5_000_000_000
        );
        assert_eq!(
            before_moof + traf.trun[0].data_offset.unwrap() as usize,
            data
        );
        let sample = traf.trun[0].samples.get(0).unwrap();
        assert_eq!(
            (sample.size, sample.flags, sample.cts),
            (Some(6), Some(KEY), Some(-9_000))
        );
        assert!(matches!(
            Any::decode(&mut rest).unwrap(),
            Any::Mdat(Mdat { .. })
        ));
        assert!(rest.is_empty());

        let later = captured + chrono::TimeDelta::hours(1);
        let (expected, _) = fragment(7, times, true, later, b"\0\0\0\x02\x65\x88").unwrap();
        assert_eq!(stamped(&bytes, later), expected);
        let foreign = Bytes::from_static(b"\0\0\0\x08free");
        assert_eq!(stamped(&foreign, later), foreign);
    }

    #[test]
    fn garbage_parameters_are_refused() {
        assert!(codec(b"").is_err());
        assert!(codec(b"\0\0\0\x10avc1\0\0\0\0\0\0\0\x01").is_err());
    }
}
