//! What an evidence file says of itself: every file in it with its checksum, and where its recordings were taken from.

use chrono::{DateTime, Utc};
use mingjing_ingest::recording::sums::Sum;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Name of the manifest in the file.
pub const MANIFEST: &str = "manifest.json";

/// The form that this program writes and reads.
pub const FORMAT: &str = "mingjing-evidence/1";

/// The manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// What it is evidence of: `card 17`, `case 2026-320382-000017`.
    pub about: String,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// By whom.
    pub made_by: Maker,
    /// The county.
    pub county: String,
    /// Every file but this one.
    pub files: Vec<Listed>,
    /// Where each recording was taken from.
    pub recordings: Vec<Taken>,
    /// What belongs to it and was not there, and why.
    pub missing: Vec<Missing>,
}

/// Who made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maker {
    /// Login.
    pub login: String,
    /// Name.
    pub name: String,
    /// Role.
    pub role: String,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its name in the evidence file.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256, hex.
    pub sha256: String,
}

/// A recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Taken {
    /// Its name in the evidence file.
    pub file: String,
    /// Id of the camera.
    pub camera: String,
    /// Its name.
    pub camera_name: String,
    /// When its first picture was taken.
    pub begins: DateTime<Utc>,
    /// End of its last one.
    pub ends: DateTime<Utc>,
    /// The files of the ingest that it was taken from, as they lay there.
    pub segments: Vec<Sum>,
}

/// Time of which there is no recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// Id of the camera.
    pub camera: String,
    /// Begin.
    pub from: DateTime<Utc>,
    /// End.
    pub to: DateTime<Utc>,
    /// Why: a reason of the recordings, `away` (the edge that holds them is not connected), `unreadable` or `too_long`.
    pub reason: String,
}

/// SHA-256 and size of what is written bit by bit.
#[derive(Default)]
pub struct Digester {
    digest: Sha256,
    bytes: u64,
}

impl Digester {
    /// Takes more.
    pub fn take(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    /// The line of the manifest.
    pub fn listed(self, name: String) -> Listed {
        Listed {
            name,
            bytes: self.bytes,
            sha256: hex::encode(self.digest.finalize()),
        }
    }
}

/// The line of the manifest for a file that is at hand.
pub fn listed(name: &str, bytes: &[u8]) -> Listed {
    let mut digester = Digester::default();
    digester.take(bytes);
    digester.listed(name.to_owned())
}
