//! Names of directories and files. The directory is the truth: what is recorded, from when and how long, stands here.
//!
//! ```text
//! RECORDINGS/CAMERA/2026-11-20/20261120T011200.040Z-1a2b3c4d.mp4           being written
//! RECORDINGS/CAMERA/2026-11-20/20261120T011200.040Z-1a2b3c4d-60040.mp4     finished, 60,040 ms long
//! ```
//!
//! The eight digits tell the stream's parameters: files that share them can be played as one.

use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDateTime, Utc};
use sha2::{Digest, Sha256};

const STAMP: &str = "%Y%m%dT%H%M%S%.3fZ";

/// What a file's name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name {
    /// Capture instant of its first picture, to the millisecond.
    pub start: DateTime<Utc>,
    /// Of its parameters: [`parameters`].
    pub parameters: u32,
    /// Its length in milliseconds; `None`: it is being written, or was when a crash came.
    pub millis: Option<u32>,
}

impl Name {
    /// Reads a file's name; `None` for files that are no recordings.
    pub fn parse(name: &str) -> Option<Self> {
        let mut parts = name.strip_suffix(".mp4")?.split('-');
        let start = NaiveDateTime::parse_from_str(parts.next()?, STAMP)
            .ok()?
            .and_utc();
        let parameters = parts.next().filter(|digits| digits.len() == 8)?;
        let parameters = u32::from_str_radix(parameters, 16).ok()?;
        let millis = parts.next().map(str::parse).transpose().ok()?;
        parts.next().is_none().then_some(Self {
            start,
            parameters,
            millis,
        })
    }

    /// Its path below the camera's directory.
    pub fn path(&self, camera: &Path) -> PathBuf {
        let day = self.start.format("%Y-%m-%d").to_string();
        let stamp = self.start.format(STAMP);
        let length = self
            .millis
            .map_or(String::new(), |millis| format!("-{millis}"));
        camera
            .join(day)
            .join(format!("{stamp}-{:08x}{length}.mp4", self.parameters))
    }
}

/// The short name of a stream's parameters (its initialization segment).
pub fn parameters(init: &[u8]) -> u32 {
    let digest = Sha256::digest(init);
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

/// The directory of a camera: its id, with everything but letters, digits, `-` and `_` as `%XX`.
pub fn directory(camera: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let encoded = camera.bytes().map(|byte| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    encoded.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_when_and_how_long() {
        let start = "2026-11-20T01:12:00.040Z".parse().unwrap();
        let mut name = Name {
            start,
            parameters: 0x1a2b_3c4d,
            millis: Some(60_040),
        };
        let finished = name.path(Path::new("cam"));
        assert_eq!(
            finished,
            Path::new("cam/2026-11-20/20261120T011200.040Z-1a2b3c4d-60040.mp4")
        );
        let parsed = |path: PathBuf| Name::parse(path.file_name().unwrap().to_str().unwrap());
        assert_eq!(parsed(finished), Some(name));
        name.millis = None;
        assert_eq!(parsed(name.path(Path::new("cam"))), Some(name));
        for foreign in [
            "journal.jsonl",
            "20261120T011200.040Z.mp4",
            "20261120T011200.040Z-1a2b3c4d-1-2.mp4",
            "x-1a2b3c4d.mp4",
        ] {
            assert_eq!(Name::parse(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn no_camera_leaves_the_directory() {
        assert_eq!(directory("t07-1"), "t07-1");
        assert_eq!(directory("../大厅 1"), "%2E%2E%2F%E5%A4%A7%E5%8E%85%201");
    }
}
