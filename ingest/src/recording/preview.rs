//! Small pictures for whoever looks for a moment: the key frame at or before an instant, decoded when it is asked for.
//!
//! Bounded: one is decoded at a time, whoever asks meanwhile waits for a moment and else goes without; what was decoded lately is kept in mind.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::archive::Archive;
use super::boxes::{self, Head};
use super::index::{NEAR, Segment};
use crate::picture::{self, Parameters};

/// Pictures kept in mind: some 10 KB each.
const KEPT: usize = 512;

/// A key frame of so many bytes is none.
const LARGEST: u64 = 16 << 20;

/// A small picture of what is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// When it was taken.
    pub captured_at: DateTime<Utc>,
    /// JPEG of at most [`picture::THUMBNAIL_WIDTH`] pixels' width.
    pub jpeg: Bytes,
}

/// Camera and instant of the key frame.
type Of = (String, DateTime<Utc>);

/// The pictures that were asked for lately.
#[derive(Debug, Default)]
pub struct Previews {
    kept: Mutex<VecDeque<(Of, Preview)>>,
    /// Held while one is decoded.
    turn: Mutex<()>,
}

impl Previews {
    /// The key frame at or before `at`; `None`: nothing is recorded there, or it cannot be decoded here. Blocks.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn of(
        &self,
        camera: &str,
        archive: &Archive,
        at: DateTime<Utc>,
    ) -> io::Result<Option<Preview>> {
        let Some((segment, taken, offset)) = key_frame(archive, at)? else {
            return Ok(None);
        };
        let of = (camera.to_owned(), taken);
        if let Some(known) = self.known(&of) {
            return Ok(Some(known));
        }
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = self.known(&of) {
            return Ok(Some(known));
        }
        let file = archive.open_file(segment.start)?;
        let Some(jpeg) = decode(&file, offset)? else {
            return Ok(None);
        };
        let preview = Preview {
            captured_at: taken,
            jpeg,
        };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back((of, preview.clone()));
        if kept.len() > KEPT {
            kept.pop_front();
        }
        Ok(Some(preview))
    }

    fn known(&self, of: &Of) -> Option<Preview> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.iter().rev().find(|(known, _)| known == of);
        known.map(|(_, preview)| preview.clone())
    }
}

/// The key frame at or before `at`: its file, when it was taken and where it stands.
fn key_frame(
    archive: &Archive,
    at: DateTime<Utc>,
) -> io::Result<Option<(Segment, DateTime<Utc>, u64)>> {
    let covering = archive.read(|index| index.covering(at - NEAR, at + NEAR));
    for segment in covering.iter().rev().filter(|it| it.start <= at) {
        let written = archive.read(|index| {
            let now = index.get(segment.start)?;
            (!now.finished).then(|| index.open.keys.clone())
        });
        let keys = match written {
            Some(keys) => keys,
            None => boxes::keys(&archive.open_file(segment.start)?)?.keys,
        };
        let taken = |key: &boxes::Key| segment.start + boxes::time(key.decode);
        let found = keys.iter().rev().find(|key| taken(key) <= at);
        if let Some(key) = found {
            return Ok(Some((*segment, taken(key), key.offset)));
        }
    }
    Ok(None)
}

fn decode(file: &File, offset: u64) -> io::Result<Option<Bytes>> {
    let mut init = vec![0; boxes::init_size(file)? as usize];
    file.read_exact_at(&mut init, 0)?;
    let Some(parameters) = Parameters::of_init(&init) else {
        return Ok(None);
    };
    let mut head = vec![0; 1024];
    let read = boxes::read_at(file, &mut head, offset)?;
    let Some(found) = Head::read(&head[..read]).filter(|head| head.len <= LARGEST) else {
        return Ok(None);
    };
    let mut access_unit = vec![0; found.picture_len() as usize];
    file.read_exact_at(&mut access_unit, offset + found.len - found.picture_len())?;
    Ok(picture::thumbnail(&parameters, &access_unit).ok())
}
