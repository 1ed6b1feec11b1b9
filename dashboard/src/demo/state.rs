//! What the demo keeps between two starts, in its state directory: files that only their owner reads.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The directory, with a lock on it: two demos in one directory would tell each event twice and fight for the port.
#[derive(Debug)]
pub struct State {
    dir: PathBuf,
    _lock: fs::File,
}

/// Passwords and tokens that the first start made.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Secrets {
    /// Passwords by login.
    #[serde(default)]
    pub accounts: BTreeMap<String, String>,
    /// Secrets of second factors by login, in base32.
    #[serde(default)]
    pub second_factors: BTreeMap<String, String>,
    /// Tokens by what they are for.
    #[serde(default)]
    pub tokens: BTreeMap<String, String>,
    /// Password of the cameras.
    #[serde(default)]
    pub camera: String,
}

/// How far the county's story has been told to the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// First day of the history.
    pub first_day: NaiveDate,
    /// History is what was told before this instant: the first start.
    pub cut: DateTime<Utc>,
    /// The day of history to load next; past `cut`: it is all there.
    pub next_day: NaiveDate,
    /// What the halls' systems told: everything up to here.
    pub halls: Told,
    /// What the portal told.
    pub portal: Told,
}

/// How far a stream of events has been told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Events of minutes began here, at this start or the one before.
    pub from: DateTime<Utc>,
    /// Everything that was to be told by then has been.
    pub until: DateTime<Utc>,
}

impl Progress {
    /// A county whose story begins `days` before now.
    pub fn new(now: DateTime<Utc>, today: NaiveDate, days: i64) -> Self {
        let told = Told {
            from: now,
            until: now,
        };
        let first_day = today - chrono::TimeDelta::days(days);
        Self {
            first_day,
            cut: now,
            next_day: first_day,
            halls: told,
            portal: told,
        }
    }
}

impl State {
    /// Opens the directory, making it where it is missing.
    ///
    /// # Errors
    /// When it cannot be made or written, or another demo runs in it.
    pub fn open(dir: &Path) -> io::Result<Self> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)?;
        let lock = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(dir.join("lock"))?;
        lock.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => io::Error::new(
                io::ErrorKind::ResourceBusy,
                "another demo runs with this directory: stop it, or set MINGJING_STATE to another",
            ),
            fs::TryLockError::Error(error) => error,
        })?;
        // The configuration names files by their whole path.
        Ok(Self {
            dir: dir.canonicalize()?,
            _lock: lock,
        })
    }

    /// The path of a file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Writes a file so that a reader finds the old one or the new one, and nobody else reads either.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(&self, name: &str, content: &[u8]) -> io::Result<PathBuf> {
        let (path, new) = (self.path(name), self.path(&format!("{name}.new")));
        let mut file = fs::OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        Ok(path)
    }

    /// Writes a value as JSON; see [`State::write`].
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn save(&self, name: &str, value: &impl Serialize) -> io::Result<PathBuf> {
        self.write(name, &serde_json::to_vec_pretty(value)?)
    }

    /// Reads a value that [`State::save`] wrote; `None` when there is none, or none that this version understands.
    pub fn load<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_slice(&fs::read(self.path(name)).ok()?).ok()
    }

    /// Forgets a file.
    pub fn forget(&self, name: &str) {
        let _ = fs::remove_file(self.path(name));
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn secrets_are_kept_for_the_owner_alone_and_one_demo_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(&dir.path().join("demo")).unwrap();
        let secrets = Secrets {
            camera: "x".into(),
            ..Secrets::default()
        };
        let path = state.save("secrets.json", &secrets).unwrap();
        assert_eq!(
            fs::metadata(path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(state.load::<Secrets>("secrets.json").unwrap().camera, "x");
        assert!(State::open(&dir.path().join("demo")).is_err());
        drop(state);
        assert!(State::open(&dir.path().join("demo")).is_ok());
    }
}
