//! What a camera usually shows, kept on disk: one that was covered or turned while its ingest was off is found when it is on again.

use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;

use super::checks::Normal;
use crate::recording::name;

/// It is written anew so often at most.
const EVERY: TimeDelta = TimeDelta::minutes(10);

/// The file of one camera's usual view, `views/CAMERA.json` in the data directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewFile {
    path: PathBuf,
    /// A hash of where the camera is reached: another camera shows something else.
    address: String,
    written: Option<DateTime<Utc>>,
}

#[derive(Serialize, Deserialize)]
struct Kept<N> {
    address: String,
    view: N,
}

impl ViewFile {
    /// The file of the camera `id`, reached at `address`, below `data_dir`.
    pub fn new(data_dir: &Path, id: &str, address: &Url) -> Self {
        let name = format!("{}.json", name::directory(id));
        Self {
            path: data_dir.join("views").join(name),
            address: hex::encode(Sha256::digest(address.as_str())),
            written: None,
        }
    }

    /// What was kept. `None` when there is nothing, it is of another camera, or it cannot be read; the log says the last.
    pub fn read(&self) -> Option<Normal> {
        let bytes = match std::fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => return self.unreadable(&error),
        };
        match serde_json::from_slice::<Kept<Normal>>(&bytes) {
            Ok(kept) if !kept.view.is_whole() => self.unreadable(&"it has another size"),
            Ok(kept) => (kept.address == self.address).then_some(kept.view),
            Err(error) => self.unreadable(&error),
        }
    }

    fn unreadable(&self, error: &dyn std::fmt::Display) -> Option<Normal> {
        tracing::warn!(path = %self.path.display(), %error, "the camera's usual view cannot be read and is learned anew");
        None
    }

    /// Keeps what is known at `now`, when it is time to; a disk that refuses is told once in a while and changes nothing.
    pub fn keep(&mut self, view: &Normal, now: DateTime<Utc>) {
        if self.written.is_some_and(|before| now - before < EVERY) || !view.is_learned() {
            return;
        }
        self.written = Some(now);
        if let Err(error) = self.write(view) {
            tracing::warn!(path = %self.path.display(), %error, "the camera's usual view cannot be kept");
        }
    }

    /// Takes it off the disk: a camera that is taken away leaves no picture of its hall behind.
    pub fn forget(&self) {
        if let Err(error) = std::fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.path.display(), %error, "the usual view of a camera that was taken away cannot be deleted");
        }
    }

    /// Whole or not at all: a crash leaves what was there before. For nobody else's eyes: it is a picture of the hall, however coarse.
    fn write(&self, view: &Normal) -> io::Result<()> {
        let directory = self.path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(directory)?;
        let address = self.address.clone();
        let bytes = serde_json::to_vec(&Kept { address, view })?;
        let beside = self.path.with_extension("new");
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, &self.path)
    }
}
