//! Checksums of the files that a time lies in: what an evidence file is held against, years later, where they still lie.

use std::io::{self, Read as _};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::archive::Archive;

/// One file as it lies there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// Its name.
    pub name: String,
    /// Capture instant of its first picture.
    pub start: DateTime<Utc>,
    /// Its length in milliseconds.
    pub millis: u32,
    /// Bytes that the checksum is of.
    pub bytes: u64,
    /// SHA-256, hex.
    pub sha256: String,
    /// Nothing is added to it any more.
    pub finished: bool,
}

/// The files that share time with [from, to), oldest first, each read whole. Blocks.
///
/// # Errors
/// When one cannot be read.
pub fn sums(archive: &Archive, from: DateTime<Utc>, to: DateTime<Utc>) -> io::Result<Vec<Sum>> {
    let segments = archive.read(|index| index.covering(from, to));
    let sum = |segment: &super::index::Segment| {
        // The one that is written may be finished, and named anew, meanwhile.
        let now = archive
            .read(|index| index.get(segment.start))
            .unwrap_or(*segment);
        let path = archive.path(&now);
        let mut file = archive.open_file(now.start)?.take(now.bytes);
        let (mut digest, mut buffer) = (Sha256::new(), vec![0; 1 << 18]);
        let mut bytes = 0;
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                n => {
                    digest.update(&buffer[..n]);
                    bytes += n as u64;
                }
            }
        }
        Ok(Sum {
            name: path
                .file_name()
                .map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            start: now.start,
            millis: now.millis,
            bytes,
            sha256: hex::encode(digest.finalize()),
            finished: now.finished,
        })
    };
    segments.iter().map(sum).collect()
}
