//! The disk, watched ahead of time: what is free, what the retention that was promised will need, and what gives way.

use std::io;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Rules;
use super::archive::Archive;

/// How the disk of the recordings stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiskState {
    /// What retention promises will fit.
    #[default]
    Well,
    /// At this rate it will not: recordings will be removed before their time.
    Short,
    /// The reserve is touched: the oldest recordings give way.
    GivingWay,
    /// Nothing is left that may give way: nothing is recorded.
    Full,
}

impl DiskState {
    /// The stable code, as in JSON.
    pub fn code(self) -> &'static str {
        match self {
            Self::Well => "well",
            Self::Short => "short",
            Self::GivingWay => "giving_way",
            Self::Full => "full",
        }
    }
}

/// Bytes that are free for whoever is not root.
///
/// # Errors
/// When the file system cannot be asked.
pub fn free(directory: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(directory)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Bytes that a camera will need for what its rules promise, at the rate of what it holds.
pub fn need(archive: &Archive, rules: &Rules, now: DateTime<Utc>) -> u64 {
    archive.read(|index| {
        let Some(first) = index.segments().next() else {
            return 0;
        };
        let seconds = (now - first.start).num_seconds().max(600) as f64;
        let in_time = index.bytes() as f64 / seconds * 86_400.0 * f64::from(rules.days);
        (in_time as u64).min(rules.max_bytes).max(index.bytes())
    })
}

/// What to do about it: `free` bytes are there, `reserve` of them are not for recordings, and `need` are needed of which
/// `used` are in use.
pub fn state(free: u64, reserve: u64, need: u64, used: u64) -> DiskState {
    if free < reserve {
        DiskState::GivingWay
    } else if need.saturating_sub(used) > free - reserve {
        DiskState::Short
    } else {
        DiskState::Well
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_will_be_too_small_is_said_before_it_is_full() {
        assert_eq!(state(100, 20, 130, 60), DiskState::Well);
        assert_eq!(state(100, 20, 141, 60), DiskState::Short);
        assert_eq!(state(19, 20, 10, 60), DiskState::GivingWay);
    }

    #[test]
    fn there_is_a_disk() {
        assert!(free(Path::new("/")).is_ok());
        assert!(free(Path::new("/no/such/directory")).is_err());
    }
}
