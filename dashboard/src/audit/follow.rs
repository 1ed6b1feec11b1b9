//! What goes on beside requests: counts that are due, and the head of the log told to the program's own log.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_monitor::store::{StoreError, audit};
use tokio::time::{MissedTickBehavior, interval};

use crate::app::App;

/// How often counts that are due are looked for.
const LOOK: Duration = Duration::from_secs(15);
/// How often the head is told: whoever keeps the program's log elsewhere can prove each day's entries.
const TELL: TimeDelta = TimeDelta::days(1);

/// Runs until the console stops; then writes every count, and tells the head once more.
pub async fn follow(app: App) {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told: Option<DateTime<Utc>> = None;
    loop {
        let now = tokio::select! {
            _ = ticks.tick() => Some(Utc::now()),
            () = app.stopping().cancelled() => None,
        };
        if let Err(error) = app.tally().write(app.db(), now).await {
            tracing::warn!(%error, "counts for the audit log wait for the database");
        }
        let is_due = match (now, told) {
            (Some(now), Some(told)) => now - told >= TELL,
            _ => true,
        };
        if is_due && tell_head(&app).await.is_ok() {
            told = now;
        }
        if now.is_none() {
            return;
        }
    }
}

async fn tell_head(app: &App) -> Result<(), StoreError> {
    let mut connection = app.db().acquire().await?;
    let head = audit::head(&mut connection).await?;
    tracing::info!(%head, "the audit log ends here (mingjing audit verify --head)");
    Ok(())
}
