//! Old logs: each has its own span (`[retention]`), and what holds a chunk of it back.

use chrono::{DateTime, Months, Utc};
use mingjing_monitor::audit::Action;
use mingjing_monitor::store::StoreError;
use mingjing_monitor::store::logs::{self, Log};
use serde_json::json;
use sqlx::PgPool;

use super::Old;
use crate::audit::{Record, Trail};
use crate::config::Retention;

/// Months for which a log is kept, `LEAST` or more; none: for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "u16")]
pub struct KeptLog<const LEAST: u16, const USUAL: u16>(u16);

impl<const LEAST: u16, const USUAL: u16> KeptLog<LEAST, USUAL> {
    /// How many; `None`: for good.
    pub fn months(self) -> Option<u32> {
        (self.0 > 0).then_some(u32::from(self.0))
    }
}

impl<const LEAST: u16, const USUAL: u16> Default for KeptLog<LEAST, USUAL> {
    fn default() -> Self {
        Self(USUAL)
    }
}

impl<const LEAST: u16, const USUAL: u16> TryFrom<u16> for KeptLog<LEAST, USUAL> {
    type Error = String;

    fn try_from(months: u16) -> Result<Self, String> {
        if months > 0 && months < LEAST {
            return Err(format!(
                "{months} months are too few: give {LEAST} or more, or 0 to keep the log for good"
            ));
        }
        Ok(Self(months))
    }
}

/// A log and what a look at its old chunks came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweptLog {
    /// Which.
    pub log: Log,
    /// Rows before this instant are old; `None`: the log is kept for good.
    pub horizon: Option<DateTime<Utc>>,
    /// The chunks before it.
    pub old: Vec<Old>,
}

impl SweptLog {
    pub(super) fn say(&self) {
        let log = self.log.table();
        for old in &self.old {
            let (from, to) = (old.chunk.from_at, old.chunk.to_at);
            match old.went {
                Some(rows) => tracing::info!(log, %from, %to, rows, "an old log was dropped"),
                None => {
                    tracing::info!(log, %from, %to, held = ?old.held, "an old log is still needed")
                }
            }
        }
    }
}

/// For how many months a log is kept; `None`: for good.
fn months(kept: &Retention, log: Log) -> Option<u32> {
    match log {
        Log::CameraHealth => kept.camera_health_months.months(),
        Log::SourceHealth => kept.source_health_months.months(),
        Log::Metric => kept.metric_months.months(),
        Log::DeliveryAttempt => kept.delivery_months.months(),
    }
}

/// Looks at the old chunks of every log and changes nothing.
///
/// # Errors
/// When the database cannot be asked.
pub async fn look(
    db: &PgPool,
    kept: &Retention,
    now: DateTime<Utc>,
) -> Result<Vec<SweptLog>, StoreError> {
    let mut all = Vec::new();
    for log in Log::ALL {
        let horizon = months(kept, log).map(|months| now - Months::new(months));
        let mut old = Vec::new();
        if let Some(horizon) = horizon {
            for chunk in logs::chunks(db, log, horizon).await? {
                let held = logs::held(db, log, &chunk, now).await?;
                old.push(Old {
                    chunk,
                    held,
                    went: None,
                });
            }
        }
        all.push(SweptLog { log, horizon, old });
    }
    Ok(all)
}

/// Drops the old chunks of every log that nothing needs, each in a transaction with its entry in the audit log.
///
/// # Errors
/// When the database refuses; what went until then is gone and written down.
pub async fn sweep(
    db: &PgPool,
    kept: &Retention,
    now: DateTime<Utc>,
    trail: &Trail,
) -> Result<Vec<SweptLog>, StoreError> {
    let mut all = look(db, kept, now).await?;
    for swept in &mut all {
        for old in swept.old.iter_mut().filter(|old| old.held.is_empty()) {
            let mut transaction = db.begin().await?;
            old.went = logs::drop(&mut transaction, swept.log, &old.chunk, now).await?;
            let Some(rows) = old.went else { continue };
            let (from, to) = (old.chunk.from_at, old.chunk.to_at);
            let record = Record::of(Action::EventsDropped)
                .on(swept.log.table(), from.to_rfc3339())
                .after(json!({"from": from, "to": to, "rows": rows}));
            trail.append(&mut transaction, record).await?;
            transaction.commit().await?;
        }
    }
    Ok(all)
}
