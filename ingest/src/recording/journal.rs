//! What files cannot say: since when and why nothing is recorded, what retention took, what must stay.
//!
//! One file of JSON lines a camera, only ever appended to; a line that a crash tore is passed over. It is written anew, shorter,
//! when it has grown.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::index::{Index, Mark, Reason};

/// Lines after which it is written anew: some two years of a camera that is offline every hour.
const LONG: usize = 20_000;

/// Marks older than this are forgotten when it is written anew.
const MEMORY: TimeDelta = TimeDelta::days(400);

/// One line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Line {
    /// Nothing is recorded from `at` on.
    Gap {
        /// Since when.
        at: DateTime<Utc>,
        /// Why.
        reason: Reason,
        /// The camera's state.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// Retention took what was here.
    Removed {
        /// Begin.
        from: DateTime<Utc>,
        /// End.
        to: DateTime<Utc>,
    },
    /// Keep what is here.
    Pin {
        /// Who says so, e.g. `card:17`.
        owner: String,
        /// Begin.
        from: DateTime<Utc>,
        /// End.
        to: DateTime<Utc>,
    },
    /// No longer.
    Unpin {
        /// Who said so.
        owner: String,
    },
}

impl Line {
    /// Whether a pin already stands so, or is already gone.
    pub(super) fn holds(&self, index: &Index) -> bool {
        match self {
            Self::Pin { owner, from, to } => index.pins().get(owner) == Some(&(*from, *to)),
            Self::Unpin { owner } => !index.pins().contains_key(owner),
            Self::Gap { .. } | Self::Removed { .. } => false,
        }
    }

    fn apply(self, index: &mut Index) {
        match self {
            Self::Gap { at, reason, detail } => index.mark(at, Mark { reason, detail }),
            Self::Removed { from, to } => index.removed(from, to),
            Self::Pin { owner, from, to } => index.pin(owner, from, to),
            Self::Unpin { owner } => {
                index.unpin(&owner);
            }
        }
    }
}

/// The file.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    lines: usize,
}

impl Journal {
    /// Reads what there is into `index`, and opens the file.
    ///
    /// # Errors
    /// When it cannot be read or opened.
    pub fn open(camera: &Path, index: &mut Index) -> io::Result<Self> {
        let path = camera.join("journal.jsonl");
        let text = match std::fs::read(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let lines = text
            .lines()
            .filter_map(|line| serde_json::from_str::<Line>(line).ok());
        lines.for_each(|line| line.apply(index));
        let mut file = appending(&path)?;
        if !text.is_empty() && !text.ends_with('\n') {
            file.write_all(b"\n")?;
        }
        let lines = text.lines().count();
        Ok(Self { path, file, lines })
    }

    /// Writes a line and takes it into `index`; `safe`: it is on the disk when this returns.
    ///
    /// # Errors
    /// When it cannot be written; the index is not changed then.
    pub fn note(&mut self, line: Line, index: &mut Index, safe: bool) -> io::Result<()> {
        self.file.write_all(text(&line)?.as_bytes())?;
        if safe {
            self.file.sync_data()?;
        }
        line.apply(index);
        self.lines += 1;
        if self.lines > LONG {
            self.shorten(index)?;
        }
        Ok(())
    }

    fn shorten(&mut self, index: &Index) -> io::Result<()> {
        let newest = index
            .marks()
            .next_back()
            .map_or(DateTime::<Utc>::MIN_UTC, |(at, _)| *at);
        let marks = index.marks().rev().take(LONG / 4).collect::<Vec<_>>();
        let marks = marks
            .into_iter()
            .rev()
            .filter(|(at, _)| newest - **at < MEMORY);
        let gaps = marks.map(|(at, mark)| Line::Gap {
            at: *at,
            reason: mark.reason,
            detail: mark.detail.clone(),
        });
        let removed = index
            .all_removed()
            .iter()
            .map(|&(from, to)| Line::Removed { from, to });
        let pins = index.pins().iter().map(|(owner, &(from, to))| Line::Pin {
            owner: owner.clone(),
            from,
            to,
        });
        let lines = gaps
            .chain(removed)
            .chain(pins)
            .map(|line| text(&line))
            .collect::<io::Result<Vec<_>>>()?;
        let other = self.path.with_extension("new");
        let mut file = File::create(&other)?;
        file.write_all(lines.concat().as_bytes())?;
        file.sync_data()?;
        std::fs::rename(&other, &self.path)?;
        self.file = appending(&self.path)?;
        self.lines = lines.len();
        Ok(())
    }
}

fn appending(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

fn text(line: &Line) -> io::Result<String> {
    Ok(format!("{}\n", serde_json::to_string(line)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_305_600 + second, 0).unwrap()
    }

    #[test]
    fn it_is_read_again_with_a_torn_line_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let (mut index, gap) = (Index::default(), |second| Line::Gap {
            at: at(second),
            reason: Reason::Offline,
            detail: Some("silent".into()),
        });
        let mut journal = Journal::open(dir.path(), &mut index).unwrap();
        journal.note(gap(5), &mut index, false).unwrap();
        journal
            .note(
                Line::Pin {
                    owner: "card:1".into(),
                    from: at(0),
                    to: at(9),
                },
                &mut index,
                true,
            )
            .unwrap();
        journal
            .file
            .write_all(b"{\"kind\":\"unpin\",\"own")
            .unwrap();
        drop(journal);
        let mut again = Index::default();
        let mut journal = Journal::open(dir.path(), &mut again).unwrap();
        assert_eq!(
            again.marks().collect::<Vec<_>>(),
            index.marks().collect::<Vec<_>>()
        );
        assert_eq!(again.pins(), index.pins());
        journal.note(gap(7), &mut again, false).unwrap();
        let mut third = Index::default();
        Journal::open(dir.path(), &mut third).unwrap();
        assert_eq!(third.marks().count(), 2);
    }

    #[test]
    fn it_is_written_anew_when_it_has_grown() {
        let dir = tempfile::tempdir().unwrap();
        let mut index = Index::default();
        let mut journal = Journal::open(dir.path(), &mut index).unwrap();
        for second in 0..=LONG as i64 {
            journal
                .note(
                    Line::Removed {
                        from: at(second),
                        to: at(second + 1),
                    },
                    &mut index,
                    false,
                )
                .unwrap();
        }
        assert_eq!(journal.lines, 1);
        let mut again = Index::default();
        Journal::open(dir.path(), &mut again).unwrap();
        assert_eq!(again.all_removed(), [(at(0), at(LONG as i64 + 1))]);
    }
}
