//! Any span as one MP4, of which any bytes can be asked for, without holding or encoding anything.
//!
//! `ftyp`, `moov` of the first file, `sidx` over all groups of pictures, then the groups as they lie in the files, moved on their time
//! line. What a day needs in memory is where its groups lie: about 1 MB. Gaps take no time in it: [`super::index::Index::spans`]
//! says which instant stands where.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use mp4_atom::{Encode as _, SegmentReference, Sidx};
use sha2::{Digest, Sha256};

use super::archive::Archive;
use super::boxes::{self, Key, Keys};
use super::index::{NEAR, Segment};
use crate::fragment::TIMESCALE;

/// A `sidx` numbers its references with 16 bits: past this, several groups share one.
const REFERENCES: usize = 60_000;

/// Why there is no clip.
#[derive(Debug, thiserror::Error)]
pub enum ClipError {
    /// Nothing is recorded there.
    #[error("nothing is recorded there")]
    Nothing,
    /// The picture's parameters change: no player takes both from one file.
    #[error("the picture's parameters change at {0}")]
    Parameters(DateTime<Utc>),
    /// A file cannot be read.
    #[error("a recording cannot be read: {0}")]
    Unreadable(#[from] io::Error),
}

/// A span as one file.
#[derive(Debug)]
pub struct Clip {
    /// Capture instant of its first picture: the key frame at or before what was asked for.
    pub begins: DateTime<Utc>,
    /// End of its last picture.
    pub ends: DateTime<Utc>,
    /// Tells it from any other content.
    pub tag: String,
    archive: Arc<Archive>,
    head: Bytes,
    pieces: Vec<Piece>,
    len: u64,
}

/// The part of one file.
#[derive(Debug)]
struct Piece {
    /// The file, by its start.
    file: DateTime<Utc>,
    /// Its place in the clip.
    at: u64,
    /// What is added to its times.
    shift: i64,
    /// Decode time of the file's first picture, in ticks.
    lead: u64,
    groups: Vec<Group>,
}

/// A group of pictures: from a key frame to the next.
#[derive(Debug, Clone, Copy)]
struct Group {
    offset: u64,
    end: u64,
    /// Decode times in ticks since the file begins.
    decode: u64,
    decode_end: u64,
}

impl Piece {
    fn first(&self) -> u64 {
        self.groups.first().map_or(0, |group| group.offset)
    }

    fn len(&self) -> u64 {
        self.groups.last().map_or(0, |group| group.end) - self.first()
    }
}

impl Clip {
    /// What is recorded from the key frame at or before `from` up to `to`, whole groups of pictures. The group that is being
    /// written is not yet in it.
    ///
    /// # Errors
    /// See [`ClipError`].
    pub fn plan(
        archive: &Arc<Archive>,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Self, ClipError> {
        let segments = archive.read(|index| index.covering(from, to));
        let first = segments.first().ok_or(ClipError::Nothing)?;
        if let Some(other) = segments.iter().find(|it| it.parameters != first.parameters) {
            return Err(ClipError::Parameters(other.start));
        }
        let mut pieces: Vec<Piece> = Vec::with_capacity(segments.len());
        // Place in the clip, its time in ticks, and the instant up to which it is filled.
        let (mut at, mut cursor, mut filled) = (0, 0_i64, None::<DateTime<Utc>>);
        let mut begins = None;
        for segment in &segments {
            let (mut groups, lead) = groups(archive, segment)?;
            let instant = |ticks: u64| segment.start + boxes::time(ticks);
            let wanted = |group: &Group| {
                let (begin, end) = (instant(group.decode), instant(group.decode_end));
                begin < to && end > from && filled.is_none_or(|filled| end > filled)
            };
            groups.retain(wanted);
            let (Some(head), Some(last)) = (groups.first().copied(), groups.last().copied()) else {
                continue;
            };
            let begin = instant(head.decode);
            begins.get_or_insert(begin);
            if let Some(filled) = filled {
                let hole = begin - filled;
                let marked = archive.read(|index| index.is_marked(filled, begin));
                if hole > TimeDelta::zero() && hole <= NEAR && !marked {
                    cursor += ticks(hole);
                }
            }
            let piece = Piece {
                file: segment.start,
                at,
                shift: cursor - (head.decode + lead) as i64,
                lead,
                groups,
            };
            at += piece.len();
            cursor += (last.decode_end - head.decode) as i64;
            filled = Some(instant(last.decode_end));
            pieces.push(piece);
        }
        let (Some(begins), Some(ends)) = (begins, filled) else {
            return Err(ClipError::Nothing);
        };
        let head = head(archive, &pieces, cursor)?;
        let head_len = head.len() as u64;
        pieces.iter_mut().for_each(|piece| piece.at += head_len);
        let tag = tag(&head, &pieces);
        let archive = Arc::clone(archive);
        Ok(Self {
            begins,
            ends,
            tag,
            archive,
            head,
            pieces,
            len: at + head_len,
        })
    }

    /// Whether all its files are still there, under the same begin.
    pub fn is_there(&self) -> bool {
        self.archive.read(|index| {
            let mut files = self.pieces.iter();
            files.all(|piece| index.get(piece.file).is_some())
        })
    }

    /// Bytes of the whole clip.
    #[allow(clippy::len_without_is_empty, reason = "no clip is empty")]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Reads from byte `first` up to `last`, that one included.
    pub fn reader(self: &Arc<Self>, first: u64, last: u64) -> Reader {
        Reader {
            clip: Arc::clone(self),
            at: first,
            end: (last + 1).min(self.len),
            file: None,
        }
    }
}

/// Ticks in a time.
fn ticks(time: TimeDelta) -> i64 {
    time.num_milliseconds() * i64::from(TIMESCALE) / 1_000
}

/// The groups of a file, and the decode time of its first picture. Of one that is being written, those that are whole.
fn groups(archive: &Archive, segment: &Segment) -> io::Result<(Vec<Group>, u64)> {
    let written = archive.read(|index| {
        let now = index.get(segment.start)?;
        (!now.finished).then(|| (index.open.keys.clone(), index.open.lead))
    });
    let (keys, end, lead) = match written {
        Some((mut keys, lead)) => {
            let last = keys.pop();
            (keys, last, lead)
        }
        None => {
            let Keys { keys, end, lead } = boxes::keys(&archive.open_file(segment.start)?)?;
            let ends = archive
                .read(|index| index.get(segment.start))
                .unwrap_or(*segment);
            let decode = u64::from(ends.millis) * u64::from(TIMESCALE) / 1_000;
            (
                keys,
                Some(Key {
                    decode,
                    offset: end,
                }),
                lead,
            )
        }
    };
    let ends = keys.iter().copied().skip(1).chain(end);
    let groups = keys.iter().zip(ends).map(|(key, next)| Group {
        offset: key.offset,
        end: next.offset,
        decode: key.decode,
        decode_end: next.decode.max(key.decode),
    });
    Ok((groups.collect(), lead))
}

/// Initialization segment and index.
fn head(archive: &Archive, pieces: &[Piece], end: i64) -> io::Result<Bytes> {
    let first = pieces.first().ok_or(io::ErrorKind::NotFound)?;
    let file = archive.open_file(first.file)?;
    let mut out = vec![0; boxes::init_size(&file)? as usize];
    file.read_exact_at(&mut out, 0)?;
    let all: Vec<(u64, i64)> = pieces
        .iter()
        .flat_map(|piece| {
            piece.groups.iter().map(|group| {
                let begin = (group.decode + piece.lead) as i64 + piece.shift;
                (group.end - group.offset, begin)
            })
        })
        .collect();
    let together = all.len().div_ceil(REFERENCES).max(1);
    let chunks: Vec<&[(u64, i64)]> = all.chunks(together).collect();
    let begin = |chunk: &[(u64, i64)]| chunk.first().map_or(end, |(_, begin)| *begin);
    let references = chunks.iter().enumerate().map(|(n, chunk)| {
        let next = chunks.get(n + 1).map_or(end, |next| begin(next));
        SegmentReference {
            reference_type: false,
            referenced_size: chunk.iter().map(|(bytes, _)| *bytes).sum::<u64>() as u32,
            subsegment_duration: (next - begin(chunk)) as u32,
            starts_with_sap: true,
            sap_type: 1,
            sap_delta_time: 0,
        }
    });
    let sidx = Sidx {
        reference_id: 1,
        timescale: TIMESCALE,
        earliest_presentation_time: 0,
        first_offset: 0,
        references: references.collect(),
    };
    sidx.encode(&mut out).map_err(io::Error::other)?;
    Ok(out.into())
}

fn tag(head: &[u8], pieces: &[Piece]) -> String {
    let mut digest = Sha256::new();
    digest.update(head);
    for piece in pieces {
        digest.update(piece.file.timestamp_millis().to_be_bytes());
        digest.update(piece.first().to_be_bytes());
    }
    hex::encode(&digest.finalize()[..12])
}

/// Reads a clip, a group of pictures at a time. Blocks.
#[derive(Debug)]
pub struct Reader {
    clip: Arc<Clip>,
    at: u64,
    end: u64,
    /// The piece that is open.
    file: Option<(usize, File)>,
}

impl Reader {
    /// The next bytes; none at the end.
    ///
    /// # Errors
    /// When a file is gone meanwhile (retention), or cannot be read.
    pub fn read(&mut self) -> io::Result<Option<Bytes>> {
        if self.at >= self.end {
            return Ok(None);
        }
        let head = &self.clip.head;
        let (bytes, begin) = match usize::try_from(self.at).ok().filter(|at| *at < head.len()) {
            Some(_) => (head.clone(), 0),
            None => self.group()?,
        };
        let skip = (self.at - begin) as usize;
        let take = bytes.len().min((self.end - begin) as usize);
        let part = bytes.slice(skip..take);
        self.at += part.len() as u64;
        Ok(Some(part))
    }

    /// The group of pictures at which reading has arrived, and its place in the clip.
    fn group(&mut self) -> io::Result<(Bytes, u64)> {
        let clip = Arc::clone(&self.clip);
        let number = clip.pieces.partition_point(|piece| piece.at <= self.at) - 1;
        let piece = &clip.pieces[number];
        let within = self.at - piece.at + piece.first();
        let group = piece.groups[piece.groups.partition_point(|group| group.offset <= within) - 1];
        if self.file.as_ref().is_none_or(|(open, _)| *open != number) {
            self.file = Some((number, clip.archive.open_file(piece.file)?));
        }
        let Some((_, file)) = &self.file else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let mut bytes = vec![0; (group.end - group.offset) as usize];
        file.read_exact_at(&mut bytes, group.offset)?;
        let bytes = boxes::one_fragment(bytes, piece.shift);
        Ok((bytes.into(), piece.at + group.offset - piece.first()))
    }
}
