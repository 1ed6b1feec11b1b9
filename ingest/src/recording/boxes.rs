//! Reading what [`crate::fragment`] writes: where fragments begin and end, and where decoding can begin.
//!
//! A file is `ftyp`, `moov`, then `prft`, `moof`, `mdat` for every picture, and, once it is finished, `mfra`: the standard's
//! table of key frames, so that nobody has to read a file to find his way in it. Where sound is kept, `moof` and `mdat` of what was
//! heard stand between two pictures, on a track of its own; the first picture of such a file is decoded not at zero but at its lead
//! ([`crate::fragment::audio::LEAD`]), so that sound can begin before it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use chrono::{DateTime, TimeDelta, Utc};

use mp4_atom::{Decode as _, Encode as _, FragmentInfo, Mfra, Mfro, Tfra};

use crate::fragment::{AUDIO, PRFT, TIMESCALE, from_ntp};

/// Two pictures' estimates of the same instant differ by more: this machine's clock was set.
const CLOCK_SET: TimeDelta = TimeDelta::milliseconds(2_500);

/// Enough for the boxes before a picture's bytes; ours take about 170.
const HEAD: usize = 1024;

/// Sample flags (14496-12 section 8.8.3.1): not a sync sample.
const NOT_SYNC: u32 = 0x0001_0000;

/// Where decoding can begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Decode time, in ticks since the file begins.
    pub decode: u64,
    /// Byte at which the fragment begins.
    pub offset: u64,
}

/// Ticks as a time.
pub fn time(ticks: u64) -> TimeDelta {
    TimeDelta::microseconds((ticks * 1_000 / (u64::from(TIMESCALE) / 1_000)) as i64)
}

/// What stands before a picture's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Bytes of the whole fragment.
    pub len: u64,
    /// Decode time in ticks.
    pub decode: u64,
    /// Ticks until the next picture is decoded.
    pub duration: u64,
    /// Whether decoding can begin here.
    pub key: bool,
    /// Presentation time in ticks, and the instant at which the picture was taken.
    pub shown: (u64, DateTime<Utc>),
    /// Duration, size, flags and offset of presentation, as they stand in `trun`.
    sample: [u32; 4],
    /// Where the decode time stands (8 bytes).
    decode_at: usize,
    /// Where `prft` repeats the presentation time (8 bytes).
    shown_at: usize,
}

impl Head {
    /// Reads the boxes at the beginning of `bytes`, which may end anywhere after them.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (mut at, mut shown_at, mut traf) = (0, None, None);
        loop {
            let (kind, size) = header(bytes, at)?;
            match &kind {
                b"prft" => shown_at = (size == PRFT as usize).then_some(at + 16),
                b"moof" => traf = Some(inside(bytes, at + 8, at + size, *b"traf")?),
                b"mdat" => {
                    let len = (at + size) as u64;
                    return Self::of(bytes, traf?, len, shown_at?);
                }
                _ => return None,
            }
            at += size;
        }
    }

    fn of(bytes: &[u8], (begin, end): (usize, usize), len: u64, prft_at: usize) -> Option<Self> {
        let (tfdt, _) = inside(bytes, begin, end, *b"tfdt")?;
        let (trun, _) = inside(bytes, begin, end, *b"trun")?;
        // Version 1: 64 bits, as ours always are.
        let decode_at = (*bytes.get(tfdt)? == 1).then_some(tfdt + 4)?;
        let present = u32_at(bytes, trun)?;
        let mut field = trun + 8;
        let mut next = |bit: u32| {
            let there = present & bit != 0;
            let value = if there { u32_at(bytes, field) } else { None };
            field += if there { 4 } else { 0 };
            value
        };
        // Where the data begins, then the flags of the first (here: only) sample, then the fields of each sample.
        let (_data, first_flags) = (next(0x1), next(0x4));
        let (duration, size, own_flags) = (next(0x100)?, next(0x200)?, next(0x400));
        let cts = next(0x800).unwrap_or(0);
        let flags = own_flags.or(first_flags)?;
        Some(Self {
            len,
            decode: u64_at(bytes, decode_at)?,
            duration: duration.into(),
            key: flags & NOT_SYNC == 0,
            sample: [duration, size, flags, cts],
            decode_at,
            shown: (
                u64_at(bytes, prft_at + 8)?,
                from_ntp(u64_at(bytes, prft_at)?)?,
            ),
            shown_at: prft_at + 8,
        })
    }

    /// Bytes of the picture itself: the last ones of the fragment.
    pub fn picture_len(&self) -> u64 {
        u64::from(self.sample[1]).min(self.len)
    }

    /// Moves the fragment that begins at `bytes` by `ticks` on its time line.
    pub fn shift(&self, bytes: &mut [u8], ticks: i64) {
        for at in [self.decode_at, self.shown_at] {
            move_by(bytes, at, ticks);
        }
    }
}

/// What stands before the sound between two pictures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioHead {
    /// Bytes of `moof` and `mdat`.
    pub len: u64,
    /// Where it begins on its track, in ticks.
    pub decode: u64,
    /// Ticks and bytes of each sample.
    samples: Vec<[u32; 2]>,
    /// Where its begin stands (8 bytes).
    decode_at: usize,
}

impl AudioHead {
    /// Reads the boxes at the beginning of `bytes`, which may end anywhere after them.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (kind, moof) = header(bytes, 0)?;
        let (next, mdat) = header(bytes, moof)?;
        if (&kind, &next) != (b"moof", b"mdat") {
            return None;
        }
        let (begin, end) = inside(bytes, 8, moof, *b"traf")?;
        let (tfhd, _) = inside(bytes, begin, end, *b"tfhd")?;
        let (tfdt, _) = inside(bytes, begin, end, *b"tfdt")?;
        let (trun, trun_end) = inside(bytes, begin, end, *b"trun")?;
        // As ours always are: a begin of 64 bits; where the data begins, then duration and size of each sample.
        let ours = u32_at(bytes, tfhd + 4)? == AUDIO
            && *bytes.get(tfdt)? == 1
            && u32_at(bytes, trun)? & 0xFF_FFFF == 0x301;
        let (count, rows) = (
            u32_at(bytes, trun + 4)? as usize,
            bytes.get(trun + 12..trun_end)?,
        );
        if !ours || rows.len() != count.checked_mul(8)? {
            return None;
        }
        let sample = |row: &[u8]| Some([u32_at(row, 0)?, u32_at(row, 4)?]);
        let samples: Vec<_> = rows.chunks_exact(8).map(sample).collect::<Option<_>>()?;
        let of_samples: u64 = samples.iter().map(|[_, size]| u64::from(*size)).sum();
        (of_samples + 8 == mdat as u64).then_some(Self {
            len: (moof + mdat) as u64,
            decode: u64_at(bytes, tfdt + 4)?,
            samples,
            decode_at: tfdt + 4,
        })
    }

    /// Moves what begins at `bytes` by `ticks` on its track.
    pub fn shift(&self, bytes: &mut [u8], ticks: i64) {
        move_by(bytes, self.decode_at, ticks);
    }
}

/// A sample of sound: its begin on its track, ticks and bytes, and where the bytes stand.
struct Sample {
    begin: i64,
    ticks: u32,
    size: u32,
    at: usize,
}

/// Moves the time of 64 bits that stands at `at`.
fn move_by(bytes: &mut [u8], at: usize, ticks: i64) {
    if let Some(Ok(field)) = bytes.get_mut(at..at + 8).map(<&mut [u8; 8]>::try_from) {
        *field = u64::from_be_bytes(*field)
            .saturating_add_signed(ticks)
            .to_be_bytes();
    }
}

/// A group of pictures, with the sound in it, as one fragment of the same size, moved by `ticks`. Sound that would then begin before the time
/// line is left out. ffmpeg, and with it Chromium, takes pictures twice when it
/// seeks by a `sidx` to a place with several `moof`; what is won by having one is filled up (`free`).
pub fn one_fragment(mut group: Vec<u8>, ticks: i64) -> Vec<u8> {
    let (mut heads, mut sound, mut at) = (Vec::new(), Vec::new(), 0);
    while let Some(rest) = group.get(at..) {
        if let Some(head) = Head::read(rest) {
            heads.push((at, head));
            at += head.len as usize;
        } else if let Some(head) = AudioHead::read(rest) {
            sound.push((at, head.clone()));
            at += head.len as usize;
        } else {
            break;
        }
    }
    let Some((_, first)) = heads.first().copied().filter(|_| at == group.len()) else {
        return group;
    };
    first.shift(&mut group, ticks);
    if heads.len() == 1 && sound.is_empty() {
        return group;
    }
    let heard = heard(&sound, ticks);
    // moof with mfhd, and for each track traf with tfhd, tfdt and trun: the first fragment's, but for the sizes and the last of them.
    let rows = 16 * heads.len() as u32;
    let trun = 20 + rows;
    let traf = 8 + 16 + 20 + trun;
    let traf_of_sound = match heard.len() as u32 {
        0 => 0,
        samples => 8 + 16 + 20 + 20 + 8 * samples,
    };
    let moof = 8 + 16 + traf + traf_of_sound;
    let pictures: u32 = heads.iter().map(|(_, head)| head.sample[1]).sum();
    let begin = PRFT as usize;
    let mut out = Vec::with_capacity(group.len());
    out.extend_from_slice(&group[..begin]);
    let put = |out: &mut Vec<u8>, numbers: &[u32]| {
        numbers
            .iter()
            .for_each(|number| out.extend(number.to_be_bytes()))
    };
    let sequence = u32_at(&group, begin + 20).unwrap_or(0);
    put(
        &mut out,
        &[moof, number(b"moof"), 16, number(b"mfhd"), 0, sequence],
    );
    // Data begins where moof begins and counts from there.
    put(
        &mut out,
        &[traf, number(b"traf"), 16, number(b"tfhd"), 0x02_0000, 1],
    );
    put(&mut out, &[20, number(b"tfdt"), 1 << 24]);
    out.extend_from_slice(&group[first.decode_at..first.decode_at + 8]);
    put(
        &mut out,
        &[
            trun,
            number(b"trun"),
            1 << 24 | 0xF01,
            heads.len() as u32,
            moof + 8,
        ],
    );
    heads
        .iter()
        .for_each(|(_, head)| put(&mut out, &head.sample));
    if let Some(first) = heard.first() {
        let samples = heard.len() as u32;
        put(
            &mut out,
            &[
                traf_of_sound,
                number(b"traf"),
                16,
                number(b"tfhd"),
                0x02_0000,
                AUDIO,
            ],
        );
        put(&mut out, &[20, number(b"tfdt"), 1 << 24]);
        out.extend(first.begin.unsigned_abs().to_be_bytes());
        put(
            &mut out,
            &[
                20 + 8 * samples,
                number(b"trun"),
                0x301,
                samples,
                moof + 8 + pictures,
            ],
        );
        heard
            .iter()
            .for_each(|sample| put(&mut out, &[sample.ticks, sample.size]));
    }
    let sounds: u32 = heard.iter().map(|sample| sample.size).sum();
    put(&mut out, &[pictures + sounds + 8, number(b"mdat")]);
    for (at, head) in &heads {
        let end = at + head.len as usize;
        out.extend_from_slice(&group[end - head.sample[1] as usize..end]);
    }
    for sample in &heard {
        out.extend_from_slice(&group[sample.at..sample.at + sample.size as usize]);
    }
    let left = (group.len() - out.len()) as u32;
    put(&mut out, &[left, number(b"free")]);
    out.resize(group.len(), 0);
    out
}

/// The samples of sound in a group that is moved by `ticks`, without a hole: what is missing is given to the sample before it.
fn heard(pieces: &[(usize, AudioHead)], ticks: i64) -> Vec<Sample> {
    let mut heard: Vec<Sample> = Vec::new();
    for (at, head) in pieces {
        let bytes: u32 = head.samples.iter().map(|[_, size]| size).sum();
        let mut begin = head.decode as i64 + ticks;
        let mut at = at + head.len as usize - bytes as usize;
        for [duration, size] in &head.samples {
            if begin >= 0 {
                if let Some(before) = heard.last_mut() {
                    before.ticks = u32::try_from(begin - before.begin).unwrap_or(before.ticks);
                }
                heard.push(Sample {
                    begin,
                    ticks: *duration,
                    size: *size,
                    at,
                });
            }
            begin += i64::from(*duration);
            at += *size as usize;
        }
    }
    heard
}

/// A box's type as a number.
const fn number(kind: &[u8; 4]) -> u32 {
    u32::from_be_bytes(*kind)
}

/// Type and size of the box at `at`.
fn header(bytes: &[u8], at: usize) -> Option<([u8; 4], usize)> {
    let size = u32_at(bytes, at)? as usize;
    let kind = bytes.get(at + 4..at + 8)?.try_into().ok()?;
    (size >= 8).then_some((kind, size))
}

/// Begin and end of the body of the first box of a kind between `begin` and `end`.
fn inside(bytes: &[u8], begin: usize, end: usize, wanted: [u8; 4]) -> Option<(usize, usize)> {
    let mut at = begin;
    while at < end {
        let (kind, size) = header(bytes, at)?;
        if kind == wanted {
            return Some((at + 8, at + size));
        }
        at += size;
    }
    None
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..at + 4)?;
    Some(u32::from_be_bytes(field.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let field = bytes.get(at..at + 8)?;
    Some(u64::from_be_bytes(field.try_into().ok()?))
}

/// When the first picture of a file was taken, from all of them: each was taken at its own instant less the time since the
/// first. Estimates are never too early (see [`crate::fragment::CaptureClock`]), and the first pictures of a session are often
/// sent in a burst and estimated late, so the earliest holds.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    /// The earliest estimate.
    pub at: DateTime<Utc>,
    /// Presentation time of the first picture.
    shown: u64,
    last: DateTime<Utc>,
    /// The machine's clock was set meanwhile: what it says since is about another time line.
    pub clock_set: bool,
}

impl Start {
    /// From a file's first picture.
    pub fn of(head: &Head) -> Self {
        let (shown, at) = head.shown;
        Self {
            at,
            shown,
            last: at,
            clock_set: false,
        }
    }

    /// Takes another picture into account.
    pub fn hear(&mut self, head: &Head) {
        let (shown, taken) = head.shown;
        let ticks = shown as i64 - self.shown as i64;
        let estimate =
            taken - TimeDelta::microseconds(ticks * 1_000 / (i64::from(TIMESCALE) / 1_000));
        self.clock_set |= (estimate - self.last).abs() > CLOCK_SET;
        self.last = estimate;
        if !self.clock_set {
            self.at = self.at.min(estimate);
        }
    }
}

/// What stands in a file, found by reading through it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// Bytes of the initialization segment.
    pub init: u64,
    /// Decode time of the first picture, in ticks.
    pub lead: u64,
    /// Key frames, in order.
    pub keys: Vec<Key>,
    /// Where the last whole fragment ends.
    pub end: u64,
    /// Ticks from the first picture's decode time to the end of the last one.
    pub ticks: u64,
    /// When the first picture was taken, as far as all of them together tell.
    pub start: Option<DateTime<Utc>>,
}

/// Reads through a file, fragment by fragment, as far as they are whole.
///
/// # Errors
/// When the file cannot be read. What makes no sense in it ends it, without an error.
pub fn walk(file: &File) -> io::Result<Contents> {
    let size = file.metadata()?.len();
    let init = init_size(file)?;
    let mut contents = Contents {
        init,
        lead: 0,
        keys: Vec::new(),
        end: init,
        ticks: 0,
        start: None,
    };
    let mut start: Option<Start> = None;
    let mut buffer = [0; HEAD];
    loop {
        let read = read_at(file, &mut buffer, contents.end)?;
        let Some(head) = Head::read(&buffer[..read]) else {
            match AudioHead::read(&buffer[..read]) {
                Some(head) if head.len <= size - contents.end && !contents.keys.is_empty() => {
                    contents.end += head.len;
                    continue;
                }
                _ => return Ok(contents),
            }
        };
        let offset = contents.end;
        if head.len > size - offset || (contents.keys.is_empty() && !head.key) {
            return Ok(contents);
        }
        if contents.keys.is_empty() {
            contents.lead = head.decode;
        }
        if head.key {
            contents.keys.push(Key {
                decode: head.decode.saturating_sub(contents.lead),
                offset,
            });
        }
        let start = start.get_or_insert_with(|| Start::of(&head));
        start.hear(&head);
        contents.start = Some(start.at);
        contents.end += head.len;
        contents.ticks = (head.decode + head.duration).saturating_sub(contents.lead);
    }
}

/// Bytes of `ftyp` and `moov` at the beginning of a file; 0 when they are not there, or not whole.
pub fn init_size(file: &File) -> io::Result<u64> {
    let size = file.metadata()?.len();
    let mut buffer = [0; 16];
    let mut end = 0;
    for wanted in [b"ftyp", b"moov"] {
        let read = read_at(file, &mut buffer, end)?;
        match header(&buffer[..read], 0) {
            Some((kind, len)) if &kind == wanted && end + len as u64 <= size => end += len as u64,
            _ => return Ok(0),
        }
    }
    Ok(end)
}

/// As much as there is at `offset`.
pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match file.read_at(&mut buffer[read..], offset + read as u64)? {
            0 => break,
            more => read += more,
        }
    }
    Ok(read)
}

/// The table of key frames that ends a file. Its times are decode times: players use it to seek, where they differ from
/// presentation times by two pictures or so; `lead` is that of the first picture.
pub fn table(keys: &[Key], lead: u64) -> Vec<u8> {
    let infos = keys.iter().map(|key| FragmentInfo {
        time: key.decode + lead,
        moof_offset: key.offset + u64::from(PRFT),
        traf_number: 1,
        trun_number: 1,
        sample_delta: 1,
    });
    let mut mfra = Mfra {
        tfra: vec![Tfra {
            track_id: 1,
            entries: infos.collect(),
        }],
        mfro: Mfro { parent_size: 0 },
    };
    let mut out = Vec::new();
    // Its own size stands at its end; encoding into memory cannot fail.
    for _ in 0..2 {
        out.clear();
        if mfra.encode(&mut out).is_err() {
            return Vec::new();
        }
        mfra.mfro.parent_size = u32::try_from(out.len()).unwrap_or(0);
    }
    out
}

/// Where what can be found in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// Key frames, in order.
    pub keys: Vec<Key>,
    /// Where its fragments end.
    pub end: u64,
    /// Decode time of the first picture, in ticks.
    pub lead: u64,
}

/// The key frames of a file from its table; `None` when it has no table.
///
/// # Errors
/// When it cannot be read.
pub fn read_table(file: &File) -> io::Result<Option<Keys>> {
    const MFRO: u64 = 16;
    let size = file.metadata()?.len();
    let mut tail = [0; MFRO as usize];
    if size < MFRO || read_at(file, &mut tail, size - MFRO)? < tail.len() {
        return Ok(None);
    }
    let Some((kind, _)) = header(&tail, 0) else {
        return Ok(None);
    };
    let length = u64::from(u32_at(&tail, 12).unwrap_or(0));
    if &kind != b"mfro" || length > size || length > 64 << 20 {
        return Ok(None);
    }
    let mut bytes = vec![0; length as usize];
    read_at(file, &mut bytes, size - length)?;
    let Ok(mut mfra) = Mfra::decode(&mut bytes.as_slice()) else {
        return Ok(None);
    };
    let Some(table) = mfra.tfra.pop() else {
        return Ok(None);
    };
    let lead = table.entries.first().map_or(0, |info| info.time);
    let keys = table.entries.iter().map(|info| Key {
        decode: info.time.saturating_sub(lead),
        offset: info.moof_offset.saturating_sub(PRFT.into()),
    });
    Ok(Some(Keys {
        keys: keys.collect(),
        end: size - length,
        lead,
    }))
}

/// Key frames of a file, by its table or, where it has none, by reading through it.
///
/// # Errors
/// When it cannot be read.
pub fn keys(file: &File) -> io::Result<Keys> {
    match read_table(file)? {
        Some(found) => Ok(found),
        None => walk(file).map(|contents| Keys {
            keys: contents.keys,
            end: contents.end,
            lead: contents.lead,
        }),
    }
}
