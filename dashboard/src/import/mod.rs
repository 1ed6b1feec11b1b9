//! `mingjing import`: the county's halls, items, calendars, cameras and sources from JSON or CSV, by the file's extension.
//!
//! A file goes in whole or not at all; what is wrong is named with its line. Importing the same file again changes nothing.

mod calendar;
mod cameras;
mod halls;
mod items;
mod sources;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mingjing_monitor::audit::Action;
use mingjing_monitor::calendar::WorkdayYear;
use mingjing_monitor::store::StoreError;
use serde::de::DeserializeOwned;
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::PgPool;

use crate::audit::{Record, Trail};
use crate::store::import as store;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Halls, their windows, units, and the county itself.
    Halls,
    /// Items and their versions.
    Items,
    /// Years of the statutory calendar.
    Calendar,
    /// Cameras and the windows that they see.
    Cameras,
    /// Sources, with the lag that each declares.
    Sources,
}

/// Why a file was not imported. Nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It cannot be read.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// Neither JSON nor CSV.
    #[error("{}: name the file .json or .csv, by what it holds", .0.display())]
    Extension(PathBuf),
    /// A line that does not hold what it must.
    #[error("{}:{line}: {what}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Its line, from 1.
        line: u64,
        /// What is wrong.
        what: String,
    },
    /// What the lines say does not fit together, or does not fit the county.
    #[error("{}: {what}", path.display())]
    Whole {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for ImportError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Reads `path` and writes what it holds, in one transaction, and down who did so; the running console learns of it at once. Returns what went
/// in, counted, e.g. `[("halls", 516), ("windows", 771)]`.
///
/// # Errors
/// The first thing that is wrong.
pub async fn import(
    db: &PgPool,
    trail: &Trail,
    subject: Subject,
    path: &Path,
) -> Result<Vec<(&'static str, usize)>, ImportError> {
    let file = Source::read(path)?;
    let mut tx = db.begin().await?;
    let counts = match subject {
        Subject::Halls => halls::write(&mut tx, &file).await,
        Subject::Items => items::write(&mut tx, &file).await,
        Subject::Calendar => calendar::write(&mut tx, &file).await,
        Subject::Cameras => cameras::write(&mut tx, &file).await,
        Subject::Sources => sources::write(&mut tx, &file).await,
    };
    let counts = counts.map_err(|error| match error {
        ImportError::Store(StoreError::Import(what)) => file.whole(what),
        other => other,
    })?;
    store::announce(&mut tx).await?;
    let counted: BTreeMap<_, _> = counts.iter().copied().collect();
    let made = Record::of(Action::ImportMade)
        .on("file", path.display())
        .after(json!({"sha256": file.sha256(), "counts": counted}));
    trail.append(&mut tx, made).await?;
    tx.commit().await?;
    Ok(counts)
}

/// The years of a calendar file that was sent, and its SHA-256.
///
/// # Errors
/// The first thing that is wrong, with its line.
pub fn calendar_years(name: &Path, text: &str) -> Result<(Vec<WorkdayYear>, String), ImportError> {
    let file = Source::new(name, text)?;
    Ok((calendar::years(&file)?, file.sha256()))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Csv,
}

impl Format {
    fn of(path: &Path) -> Result<Self, ImportError> {
        let extension = path
            .extension()
            .and_then(|extension| extension.to_str())
            .map(str::to_lowercase);
        match extension.as_deref() {
            Some("json") => Ok(Self::Json),
            Some("csv") => Ok(Self::Csv),
            _ => Err(ImportError::Extension(path.to_owned())),
        }
    }
}

/// A file in memory.
struct Source {
    path: PathBuf,
    format: Format,
    text: String,
}

impl Source {
    fn read(path: &Path) -> Result<Self, ImportError> {
        // The name is looked at first: nothing is read that could not be understood.
        Format::of(path)?;
        let file = |error| ImportError::File {
            path: path.to_owned(),
            error,
        };
        let bytes = std::fs::read(path).map_err(file)?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = before.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
            ImportError::Line {
                path: path.to_owned(),
                line,
                what: "is not UTF-8: save the file as UTF-8".into(),
            }
        })?;
        Self::new(path, &text)
    }

    fn new(path: &Path, text: &str) -> Result<Self, ImportError> {
        Ok(Self {
            path: path.to_owned(),
            format: Format::of(path)?,
            // Spreadsheets put a byte-order mark before UTF-8.
            text: text.strip_prefix('\u{feff}').unwrap_or(text).to_owned(),
        })
    }

    /// Of its text: which file it was can be told later.
    fn sha256(&self) -> String {
        hex::encode(Sha256::digest(&self.text))
    }

    fn line(&self, line: u64, what: impl ToString) -> ImportError {
        ImportError::Line {
            path: self.path.clone(),
            line,
            what: what.to_string(),
        }
    }

    fn whole(&self, what: impl ToString) -> ImportError {
        ImportError::Whole {
            path: self.path.clone(),
            what: what.to_string(),
        }
    }

    /// The whole file as JSON.
    fn json<T: DeserializeOwned>(&self) -> Result<T, ImportError> {
        serde_json::from_str(&self.text).map_err(|error| {
            let text = error.to_string();
            let what = text
                .rfind(" at line ")
                .map_or(text.as_str(), |end| &text[..end]);
            self.line(error.line() as u64, what)
        })
    }

    /// The rows of a CSV with a head, each with its line.
    fn rows<T: DeserializeOwned>(&self) -> Result<Vec<(u64, T)>, ImportError> {
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_reader(self.text.as_bytes());
        let head = reader
            .headers()
            .map_err(|error| self.line(1, error))?
            .clone();
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| {
                self.line(error.position().map_or(1, csv::Position::line), &error)
            })?;
            let line = record.position().map_or(0, csv::Position::line);
            let row = record
                .deserialize(Some(&head))
                .map_err(|error| match error.kind() {
                    csv::ErrorKind::Deserialize { err, .. } => {
                        let column = err.field().and_then(|field| head.get(field as usize));
                        self.line(
                            line,
                            column.map_or_else(
                                || err.to_string(),
                                |column| format!("{column}: {}", err.kind()),
                            ),
                        )
                    }
                    _ => self.line(line, &error),
                })?;
            rows.push((line, row));
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests;
