//! What was read of a log, and what was not.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

/// Skips listed at most; more are only counted.
const LISTED: usize = 1_000;

/// Something that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skip {
    /// Line in the (expanded) file where it begins.
    pub line: u64,
    /// What it is, what is wrong, what to do.
    pub reason: String,
}

/// What was read of a log, and what was not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Cases read, those without one good event included.
    pub cases: u64,
    /// Events (XES) or rows (CSV) read, good or bad.
    pub rows: u64,
    /// Case events made.
    pub events: u64,
    /// What was skipped: cases, events, rows, single times.
    pub skipped: u64,
    /// The first of them.
    pub skips: Vec<Skip>,
    /// Codes of halls, with their cases.
    pub halls: BTreeMap<String, u64>,
    /// Codes of units, with their cases.
    pub units: BTreeMap<String, u64>,
    /// Codes of items, with their cases.
    pub items: BTreeMap<String, u64>,
    /// Earliest event.
    pub first: Option<DateTime<Utc>>,
    /// Latest event: the end of the log's own time.
    pub last: Option<DateTime<Utc>>,
}

impl Report {
    pub(super) fn skip(&mut self, line: u64, reason: String) {
        self.skipped += 1;
        if self.skips.len() < LISTED {
            self.skips.push(Skip { line, reason });
        }
    }

    pub(super) fn count(&mut self, time: DateTime<Utc>) {
        self.events += 1;
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.last = Some(self.last.map_or(time, |last| last.max(time)));
    }
}
