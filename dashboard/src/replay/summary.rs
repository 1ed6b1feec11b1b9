//! What a replay came to, in numbers.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use mingjing_ingest::logs::Skip;
use mingjing_monitor::store::StoreError;
use mingjing_monitor::store::rollups::Buckets;
use serde::Serialize;
use sqlx::PgPool;

use super::Loaded;
use crate::store::replay as store;

/// The cases of a hall.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct OfHall {
    /// Its code.
    pub hall: String,
    /// All its cases.
    pub cases: i64,
    /// Decided, refused, withdrawn or voided.
    pub completed: Buckets,
    /// Applied for or accepted, and not over.
    pub open: Buckets,
}

/// Cards of a rule and grade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cards {
    /// The rule.
    pub rule: String,
    /// `warning`, `yellow_card`, `red_card`.
    pub grade: String,
    /// How many; those taken back on evidence are left out.
    pub cards: i64,
}

/// What a replay came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The instant at which it ended.
    pub as_of: DateTime<Utc>,
    /// Cases of which an event was taken in.
    pub cases: i64,
    /// Events taken in, or known already.
    pub events: u64,
    /// Events after `as_of`: left out.
    pub later: u64,
    /// Decided, refused, withdrawn or voided.
    pub completed: Buckets,
    /// Applied for or accepted, and not over.
    pub open: Buckets,
    /// Cases of which neither application nor acceptance nor end is known.
    pub not_started: i64,
    /// Cases with a special procedure that an event ended.
    pub suspended_and_resumed: i64,
    /// Cases whose limit was extended.
    pub extended: i64,
    /// The same by hall.
    pub by_hall: Vec<OfHall>,
    /// Cards by rule and grade.
    pub cards: Vec<Cards>,
    /// Cases, rows and times that could not be read.
    pub skipped: u64,
    /// The first of them, with line and reason.
    pub skips: Vec<Skip>,
}

/// Counts what is in the database after a replay that ended at `end`.
///
/// # Errors
/// The database refuses.
pub async fn summarise(
    db: &PgPool,
    log: &Loaded,
    end: DateTime<Utc>,
) -> Result<Summary, StoreError> {
    let taken = log.until(end).len() as u64;
    let mut summary = Summary {
        as_of: end,
        cases: 0,
        events: taken,
        later: log.events.len() as u64 - taken,
        completed: Buckets::default(),
        open: Buckets::default(),
        not_started: 0,
        suspended_and_resumed: 0,
        extended: 0,
        by_hall: Vec::new(),
        cards: Vec::new(),
        skipped: log.report.skipped,
        skips: log.report.skips.clone(),
    };
    let mut halls: BTreeMap<String, OfHall> = BTreeMap::new();
    for row in store::cases(db).await? {
        summary.cases += row.cases;
        summary.suspended_and_resumed += row.resumed;
        summary.extended += row.extended;
        let hall = halls.entry(row.hall.clone()).or_default();
        hall.hall = row.hall;
        hall.cases += row.cases;
        // A decided case whose clock never started had no deadline.
        let bucket = row.bucket.as_deref().unwrap_or("no_deadline");
        if row.is_decided {
            summary.completed.add(bucket, row.cases);
            hall.completed.add(bucket, row.cases);
        } else if row.is_open {
            summary.open.add(bucket, row.cases);
            hall.open.add(bucket, row.cases);
        } else {
            summary.not_started += row.cases;
        }
    }
    summary.by_hall = halls.into_values().collect();
    let of_rule = |(rule, grade, cards)| Cards { rule, grade, cards };
    summary.cards = store::cards(db).await?.into_iter().map(of_rule).collect();
    Ok(summary)
}

impl Summary {
    /// Lists an event that was read and not taken in.
    pub fn reject(&mut self, id: &str, reason: String) {
        self.skipped += 1;
        self.events = self.events.saturating_sub(1);
        self.skips.push(Skip {
            line: 0,
            reason: format!("event {id}: {reason}"),
        });
    }
}
