//! Event logs and tables of any system, read as case events: XES (IEEE 1849) and CSV, gzipped or not, by a mapping file.
//!
//! A log is streamed: memory holds one case of an XES log, or one row of a table. Bytes are bounded everywhere (size of one
//! element, of one case, of what a gzip expands to). What cannot be read is counted and listed in the [`Report`] with its
//! line, and the rest goes in; strict reading stops instead.

mod build;
mod input;
mod mapping;
mod report;
mod table;
mod times;
mod xes;

use std::collections::HashSet;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use mingjing_monitor::event::CaseEvent;

pub use mapping::{Mapping, MappingError};
pub use report::{Report, Skip};
pub use table::Table;

use build::Builder;
use xes::Xes;

/// Why a log cannot be read, or not any further. What stood before has been given out.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file cannot be opened or read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is damaged, or exceeds a bound.
    #[error("line {line}: {reason}")]
    Damaged {
        /// Line in the (expanded) file.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// The table has no such column.
    #[error(
        "the table has no column {0:?} for the case's number (`[case] id`): correct the mapping"
    )]
    NoCaseColumn(String),
    /// Not one event has a time.
    #[error(
        "none of the {events} events of the log has a time ({column:?}): without times nothing can be supervised; export it \
         with timestamps, or correct `[event] time` in the mapping"
    )]
    NoTimes {
        /// Events read.
        events: u64,
        /// Where the mapping looks for the time.
        column: String,
    },
    /// Something could not be read, and reading is strict.
    #[error("line {}: {}", .0.line, .0.reason)]
    Strict(Skip),
}

/// The values of one row, case or event that the mapping asks for, by column or attribute key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// A value; blank ones count as absent.
    fn get(&self, key: &str) -> Option<&str> {
        let value = self
            .0
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.trim());
        value.filter(|value| !value.is_empty())
    }
}

/// A case with its events, as an XES log gives it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Trace {
    line: u64,
    fields: Fields,
    events: Vec<(u64, Fields)>,
}

enum Format {
    Xes(Box<Xes>),
    Table(Box<Table>),
}

/// A log being read, case by case.
pub struct Log {
    format: Format,
    builder: Builder,
    strict: bool,
}

impl Log {
    /// Opens a log. Format (XES or CSV) and compression are told by the content, not by the name.
    ///
    /// # Errors
    /// The file cannot be read, or is a table without a column for the case's number.
    pub fn open(path: &Path, mapping: Mapping, strict: bool) -> Result<Self, LogError> {
        let unreadable = |source| LogError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let file = std::fs::File::open(path).map_err(unreadable)?;
        let input =
            input::open(std::io::BufReader::with_capacity(1 << 16, file)).map_err(unreadable)?;
        Self::read(input, mapping, strict).map_err(|error| match error {
            LogError::Unreadable { source, .. } => unreadable(source),
            other => other,
        })
    }

    fn read(mut input: input::Input, mapping: Mapping, strict: bool) -> Result<Self, LogError> {
        let unreadable = |source| LogError::Unreadable {
            path: PathBuf::new(),
            source,
        };
        let start = input.fill_buf().map_err(unreadable)?;
        let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
        let is_xml = start.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<');
        let wanted: HashSet<String> = mapping.columns().map(str::to_owned).collect();
        let mut builder = Builder::new(mapping);
        let format = if is_xml {
            Format::Xes(Box::new(Xes::new(input, wanted)))
        } else {
            let table = Table::new(input, builder.mapping().source.delimiter)?;
            builder.check_header(table.header())?;
            Format::Table(Box::new(table))
        };
        let log = Self {
            format,
            builder,
            strict,
        };
        log.stop_if_strict()?;
        Ok(log)
    }

    /// The events of the next case (XES) or row (CSV), `None` at the end. A case or row that cannot be read gives none.
    ///
    /// # Errors
    /// The log is damaged from here on; or, read strictly, something in it cannot be read; or, at its end, it turns out to
    /// have no times at all.
    pub fn next_case(&mut self) -> Result<Option<Vec<CaseEvent>>, LogError> {
        let mut events = Vec::new();
        match &mut self.format {
            Format::Xes(xes) => match xes.next_trace()? {
                Some(trace) => self.builder.trace(&trace, &mut events),
                None => return self.builder.finish().map(|()| None),
            },
            Format::Table(table) => match table.next_row()? {
                Some(Ok(line)) => {
                    let fields = self.builder.fields(table.row());
                    self.builder.row(line, &fields, &mut events);
                }
                Some(Err((line, reason))) => self.builder.skip(line, reason),
                None => return self.builder.finish().map(|()| None),
            },
        }
        self.stop_if_strict()?;
        Ok(Some(events))
    }

    fn stop_if_strict(&self) -> Result<(), LogError> {
        match self.builder.report().skips.first() {
            Some(skip) if self.strict => Err(LogError::Strict(skip.clone())),
            _ => Ok(()),
        }
    }

    /// What was read so far.
    pub fn report(&self) -> &Report {
        self.builder.report()
    }
}

#[cfg(test)]
mod tests;
