//! Tables: CSV with a header (RFC 4180, and what is commonly made of it).

use csv::{ErrorKind, Position, Reader, ReaderBuilder, StringRecord, Trim};

use super::LogError;
use super::input::Input;

/// A CSV table being read, row by row.
pub struct Table {
    reader: Reader<Input>,
    header: StringRecord,
    row: StringRecord,
}

/// A row that was read: its line; or its line and what is wrong with it.
type Row = Result<u64, (u64, String)>;

impl Table {
    /// Reads the header.
    ///
    /// # Errors
    /// The header cannot be read.
    pub(super) fn new(input: Input, delimiter: char) -> Result<Self, LogError> {
        let delimiter = u8::try_from(delimiter).unwrap_or(b',');
        let mut reader = ReaderBuilder::new()
            .delimiter(delimiter)
            .trim(Trim::Headers)
            .from_reader(input);
        let header = reader
            .headers()
            .map_err(|error| LogError::Damaged {
                line: line(&error),
                reason: reason(&error),
            })?
            .clone();
        reader.get_mut().piece();
        Ok(Self {
            reader,
            header,
            row: StringRecord::new(),
        })
    }

    /// Opens a table over any bytes.
    ///
    /// # Errors
    /// The header cannot be read.
    pub fn open(
        bytes: impl std::io::Read + Send + 'static,
        delimiter: char,
    ) -> Result<Self, LogError> {
        let unreadable = |error: std::io::Error| LogError::Damaged {
            line: 1,
            reason: error.to_string(),
        };
        let input = super::input::open(std::io::BufReader::new(bytes)).map_err(unreadable)?;
        Self::new(input, delimiter)
    }

    /// Names of the columns, in order.
    pub fn header(&self) -> &StringRecord {
        &self.header
    }

    /// The cells of the row read last.
    pub fn row(&self) -> &StringRecord {
        &self.row
    }

    /// Reads the next row into [`Table::row`]; gives its line, or what is wrong with it; `None` at the end.
    ///
    /// # Errors
    /// Nothing more can be read.
    pub fn next_row(&mut self) -> Result<Option<Row>, LogError> {
        let outcome = self.reader.read_record(&mut self.row);
        self.reader.get_mut().piece();
        match outcome {
            Ok(false) => Ok(None),
            Ok(true) => {
                let line = self.row.position().map_or(0, Position::line);
                Ok(Some(Ok(line)))
            }
            Err(error) => match error.kind() {
                ErrorKind::UnequalLengths { .. } | ErrorKind::Utf8 { .. } => {
                    Ok(Some(Err((line(&error), reason(&error)))))
                }
                _ => {
                    let here = self.reader.position().line();
                    Err(LogError::Damaged {
                        line: line(&error).max(here),
                        reason: reason(&error),
                    })
                }
            },
        }
    }
}

fn line(error: &csv::Error) -> u64 {
    error.position().map_or(1, Position::line)
}

fn reason(error: &csv::Error) -> String {
    match error.kind() {
        ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => {
            format!(
                "the row has {len} cells and the header {expected_len}: a quote or a separator is wrong"
            )
        }
        ErrorKind::Utf8 { .. } => "the row is not UTF-8: export the table as UTF-8".into(),
        _ => error.to_string(),
    }
}
