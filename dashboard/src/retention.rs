//! Raw events that are old and settled give way once a day (`[retention]`), and old logs with them ([`logs`]). Published figures, roll-ups and the states of cases stay as they are.

pub mod logs;

use std::time::Duration;

use chrono::{DateTime, Days, Months, NaiveTime, Utc};
use mingjing_alerts::closing::State;
use mingjing_alerts::store::closings;
use mingjing_monitor::audit::Action;
use mingjing_monitor::calendar::local_to_utc;
use mingjing_monitor::store::StoreError;
use mingjing_monitor::store::retention::{self, Chunk, Held};
use serde_json::json;
use sqlx::PgPool;

use crate::app::{App, Ready};
use crate::audit::{Record, Trail};

/// When it is done, by the county's clock.
const HOUR: NaiveTime = NaiveTime::from_hms_opt(3, 30, 0).expect("a time of day");
/// Between two looks at a console that is not ready.
const AGAIN: Duration = Duration::from_secs(60);

/// Runs until the console stops.
pub async fn run(app: App) {
    let mut wait = AGAIN;
    loop {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = app.stopping().cancelled() => return,
        }
        if app.ready() != Ready::Yes {
            wait = AGAIN;
            continue;
        }
        let (now, zone) = (Utc::now(), app.directory().zone());
        match sweep(
            app.db(),
            app.config().retention.events_months,
            now,
            zone,
            &Trail::system(),
        )
        .await
        {
            Ok(swept) => swept.log(),
            Err(error) => tracing::warn!(%error, "old events could not be dropped"),
        }
        match logs::sweep(app.db(), &app.config().retention, now, &Trail::system()).await {
            Ok(swept) => swept.iter().for_each(logs::SweptLog::say),
            Err(error) => tracing::warn!(%error, "old logs could not be dropped"),
        }
        let tomorrow = now.with_timezone(&zone).date_naive() + Days::new(1);
        let next = local_to_utc(tomorrow.and_time(HOUR), zone);
        wait = (next - now).to_std().unwrap_or(AGAIN);
    }
}

/// Months for which events are kept; none: for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "u16")]
pub struct KeptMonths(u16);

/// What a case, its appeals, its month and the year that is made of months may need.
const LEAST: u16 = 13;

impl KeptMonths {
    /// How many; `None`: for good.
    pub fn months(self) -> Option<u32> {
        (self.0 > 0).then_some(u32::from(self.0))
    }
}

impl Default for KeptMonths {
    fn default() -> Self {
        Self(60)
    }
}

impl TryFrom<u16> for KeptMonths {
    type Error = String;

    fn try_from(months: u16) -> Result<Self, String> {
        if months > 0 && months < LEAST {
            return Err(format!(
                "events_months = {months}: give {LEAST} or more, or 0 to keep events for good"
            ));
        }
        Ok(Self(months))
    }
}

/// A chunk that is old enough: a month of events, or a stretch of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Old {
    /// Which.
    pub chunk: Chunk,
    /// What needs it; nothing: it goes.
    pub held: Vec<Held>,
    /// How many events or rows went; `None`: it stays, or this was only a look.
    pub went: Option<i64>,
}

/// What a look at the old events came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swept {
    /// Events before this instant are old; `None`: events are kept for good.
    pub horizon: Option<DateTime<Utc>>,
    /// The months before it.
    pub old: Vec<Old>,
}

impl Swept {
    fn log(&self) {
        for old in &self.old {
            let (from, to) = (old.chunk.from_at, old.chunk.to_at);
            match old.went {
                Some(events) => tracing::info!(%from, %to, events, "old events were dropped"),
                None => tracing::info!(%from, %to, held = ?old.held, "old events are still needed"),
            }
        }
    }
}

/// Before when events are old at `now`: so many months back, and before every month that is to close yet.
///
/// # Errors
/// When the database cannot be asked.
async fn horizon(
    db: &PgPool,
    kept: KeptMonths,
    now: DateTime<Utc>,
    zone: chrono_tz::Tz,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let Some(months) = kept.months() else {
        return Ok(None);
    };
    let closings = closings::months(db).await?;
    let is_open = |state: State| state != State::Closed;
    // Months before the first closing were lived in a trial run, or before this console.
    let open = closings.iter().find(|(_, closing)| is_open(closing.state));
    let open = open.map(|(month, _)| *month);
    let open = open.or_else(|| {
        closings
            .keys()
            .next_back()
            .map(|last| *last + Months::new(1))
    });
    let open = open.map(|month| local_to_utc(month.and_time(NaiveTime::MIN), zone));
    let old = now - Months::new(months);
    Ok(Some(open.map_or(old, |open| open.min(old))))
}

/// Looks at the old events and changes nothing.
///
/// # Errors
/// When the database cannot be asked.
pub async fn look(
    db: &PgPool,
    kept: KeptMonths,
    now: DateTime<Utc>,
    zone: chrono_tz::Tz,
) -> Result<Swept, StoreError> {
    let Some(horizon) = horizon(db, kept, now, zone).await? else {
        return Ok(Swept {
            horizon: None,
            old: Vec::new(),
        });
    };
    let mut old = Vec::new();
    for chunk in retention::chunks(db, horizon).await? {
        let held = retention::held(db, &chunk, now).await?;
        old.push(Old {
            chunk,
            held,
            went: None,
        });
    }
    Ok(Swept {
        horizon: Some(horizon),
        old,
    })
}

/// Drops the old events that nothing needs, each month in a transaction with its entry in the audit log.
///
/// # Errors
/// When the database refuses; what went until then is gone and written down.
pub async fn sweep(
    db: &PgPool,
    kept: KeptMonths,
    now: DateTime<Utc>,
    zone: chrono_tz::Tz,
    trail: &Trail,
) -> Result<Swept, StoreError> {
    let mut swept = look(db, kept, now, zone).await?;
    for old in swept.old.iter_mut().filter(|old| old.held.is_empty()) {
        let mut transaction = db.begin().await?;
        old.went = retention::drop(&mut transaction, &old.chunk, now).await?;
        let Some(events) = old.went else { continue };
        let (from, to) = (old.chunk.from_at, old.chunk.to_at);
        let record = Record::of(Action::EventsDropped)
            .on("events", from.to_rfc3339())
            .after(json!({"from": from, "to": to, "events": events}));
        trail.append(&mut transaction, record).await?;
        transaction.commit().await?;
    }
    Ok(swept)
}
