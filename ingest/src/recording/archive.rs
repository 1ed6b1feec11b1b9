//! The directory of one camera: scanned at the start, files that a crash left adopted, what is over removed.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};

use super::boxes;
use super::index::{Index, Reason, Segment};
use super::journal::{Journal, Line};
use super::name::Name;
use crate::fragment::TIMESCALE;

/// The recordings of one camera. All that is done to it reads and writes files: keep it off the tasks' threads.
#[derive(Debug)]
pub struct Archive {
    directory: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    index: Index,
    journal: Journal,
}

impl Archive {
    /// Scans `directory` (made when missing), adopts what a crash left, and reads the journal.
    ///
    /// # Errors
    /// When the directory cannot be read. A file that cannot is left alone, and said in the log.
    pub fn open(directory: PathBuf) -> io::Result<Self> {
        std::fs::create_dir_all(&directory)?;
        let mut index = Index::default();
        let mut journal = Journal::open(&directory, &mut index)?;
        for day in sorted(&directory)?.into_iter().filter(|path| path.is_dir()) {
            for path in sorted(&day)? {
                match found(&path, &directory) {
                    Ok(Some((segment, adopted))) => {
                        index.put(segment);
                        if adopted {
                            journal.note(killed(&segment), &mut index, false)?;
                        }
                    }
                    Ok(None) => {}
                    Err(error) => {
                        tracing::warn!(file = %path.display(), %error, "a recording cannot be read; it is left where it is");
                    }
                }
            }
        }
        let inner = Mutex::new(Inner { index, journal });
        Ok(Self { directory, inner })
    }

    /// Where its files are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What is recorded.
    pub fn read<T>(&self, read: impl FnOnce(&Index) -> T) -> T {
        read(&self.lock().index)
    }

    /// Changes what is known of the file that is being written.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Index) -> T) -> T {
        change(&mut self.lock().index)
    }

    /// Writes into the journal; `safe`: it is on the disk when this returns.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note(&self, line: Line, safe: bool) -> io::Result<()> {
        let Inner { index, journal } = &mut *self.lock();
        journal.note(line, index, safe)
    }

    /// Writes lines into the journal; all are on the disk when this returns. What already holds is not written again.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn note_all(&self, mut lines: Vec<Line>) -> io::Result<()> {
        let Inner { index, journal } = &mut *self.lock();
        lines.retain(|line| !line.holds(index));
        let last = lines.len().saturating_sub(1);
        let mut numbered = lines.into_iter().enumerate();
        numbered.try_for_each(|(n, line)| journal.note(line, index, n == last))
    }

    /// Where a file is now.
    pub fn path(&self, segment: &Segment) -> PathBuf {
        name(segment).path(&self.directory)
    }

    /// Opens a file for reading, whether it was finished meanwhile or not.
    ///
    /// # Errors
    /// When it is gone (retention), or cannot be opened.
    pub fn open_file(&self, start: DateTime<Utc>) -> io::Result<File> {
        // Held while it is opened: it is renamed under the same lock.
        let inner = self.lock();
        let segment = inner.index.get(start).ok_or(io::ErrorKind::NotFound)?;
        File::open(self.path(&segment))
    }

    /// A start, near `at`, that no file has, to the millisecond.
    pub(super) fn unused(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        let millisecond = TimeDelta::milliseconds(1);
        let mut start = at.duration_trunc(millisecond).unwrap_or(at);
        while self.read(|index| index.get(start)).is_some() {
            start += millisecond;
        }
        start
    }

    /// Puts right when the file that is being written begins.
    ///
    /// # Errors
    /// When it cannot be renamed; nothing is changed then.
    pub(super) fn rename(&self, open: &mut Segment, start: DateTime<Utc>) -> io::Result<()> {
        let right = Segment {
            start: self.unused(start),
            ..*open
        };
        make_day(&self.path(&right))?;
        let mut inner = self.lock();
        std::fs::rename(self.path(open), self.path(&right))?;
        inner.index.take(open.start);
        *open = right;
        Ok(())
    }

    /// Makes a file that was written a finished one: its table, its bytes on the disk, its name.
    ///
    /// # Errors
    /// When it cannot be renamed; it is adopted at the next start then.
    pub(super) fn finish(
        &self,
        file: &File,
        open: Segment,
        keys: &[boxes::Key],
        lead: u64,
    ) -> io::Result<Segment> {
        let table = boxes::table(keys, lead);
        // A disk that is full has no room for the table: without it the file is as good, and slower to open.
        let written = file.write_all_at(&table, open.bytes);
        let bytes = if written.is_ok() {
            open.bytes + table.len() as u64
        } else {
            open.bytes
        };
        file.set_len(bytes)?;
        file.sync_data()?;
        let finished = Segment {
            bytes,
            finished: true,
            ..open
        };
        let mut inner = self.lock();
        std::fs::rename(self.path(&open), self.path(&finished))?;
        inner.index.put(finished);
        inner.index.open = Default::default();
        Ok(finished)
    }

    /// Removes what is over by days and bytes; how many files.
    ///
    /// # Errors
    /// When a file cannot be removed, or the journal not be written.
    pub fn enforce(&self, now: DateTime<Utc>, days: u32, max_bytes: u64) -> io::Result<usize> {
        let due = self.read(|index| index.due(now, days, max_bytes));
        due.iter().try_for_each(|segment| self.remove(segment))?;
        Ok(due.len())
    }

    /// The oldest file that may go when the disk is full.
    pub fn oldest(&self) -> Option<Segment> {
        self.read(Index::oldest)
    }

    /// Removes a file, and says that it was there.
    ///
    /// # Errors
    /// As [`Archive::enforce`].
    pub fn remove(&self, segment: &Segment) -> io::Result<()> {
        let path = self.path(segment);
        let mut inner = self.lock();
        let Inner { index, journal } = &mut *inner;
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        index.take(segment.start);
        journal.note(
            Line::Removed {
                from: segment.start,
                to: segment.end(),
            },
            index,
            false,
        )?;
        // The day's directory, with its last file. Others are not empty, and stay.
        if let Some(day) = path.parent() {
            let _ = std::fs::remove_dir(day);
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn name(segment: &Segment) -> Name {
    Name {
        start: segment.start,
        parameters: segment.parameters,
        millis: segment.finished.then_some(segment.millis),
    }
}

/// Makes the directory of a file's day.
pub(super) fn make_day(file: &Path) -> io::Result<()> {
    file.parent().map_or(Ok(()), std::fs::create_dir_all)
}

fn sorted(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(directory)?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// Whoever wrote it was killed, and could not say so.
fn killed(segment: &Segment) -> Line {
    Line::Gap {
        at: segment.end(),
        reason: Reason::Stopped,
        detail: None,
    }
}

/// The recording at `path`, and whether it had to be adopted; `None` for other files.
fn found(path: &Path, camera: &Path) -> io::Result<Option<(Segment, bool)>> {
    let file_name = path.file_name().and_then(|name| name.to_str());
    let Some(name) = file_name.and_then(Name::parse) else {
        return Ok(None);
    };
    let Some(millis) = name.millis else {
        return Ok(adopt(path, name, camera)?.map(|segment| (segment, true)));
    };
    let bytes = std::fs::metadata(path)?.len();
    let segment = Segment {
        start: name.start,
        millis,
        bytes,
        parameters: name.parameters,
        finished: true,
    };
    Ok((bytes > 0).then_some((segment, false)))
}

/// A file that a crash left: cut after its last whole fragment, finished and renamed. Without a whole one it is no
/// recording; it is put aside, not removed.
fn adopt(path: &Path, mut name: Name, camera: &Path) -> io::Result<Option<Segment>> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let contents = boxes::walk(&file)?;
    if contents.keys.is_empty() {
        tracing::warn!(file = %path.display(), "a recording holds no whole picture; it is put aside");
        std::fs::rename(path, path.with_extension("unreadable"))?;
        return Ok(None);
    }
    let lost = file.metadata()?.len() - contents.end;
    let table = boxes::table(&contents.keys, contents.lead);
    file.set_len(contents.end)?;
    file.write_all_at(&table, contents.end)?;
    file.sync_data()?;
    let millis = millis(contents.ticks);
    name.millis = Some(millis);
    if let Some(start) = contents.start {
        name.start = start
            .duration_trunc(TimeDelta::milliseconds(1))
            .unwrap_or(name.start);
    }
    let finished = name.path(camera);
    make_day(&finished)?;
    std::fs::rename(path, &finished)?;
    tracing::info!(file = %finished.display(), cut = lost, "a recording that was not finished is adopted");
    Ok(Some(Segment {
        start: name.start,
        millis,
        bytes: contents.end + table.len() as u64,
        parameters: name.parameters,
        finished: true,
    }))
}

/// Ticks as milliseconds.
pub(super) fn millis(ticks: u64) -> u32 {
    u32::try_from(ticks * 1_000 / u64::from(TIMESCALE)).unwrap_or(u32::MAX)
}
