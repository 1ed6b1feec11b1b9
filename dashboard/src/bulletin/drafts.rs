//! Bulletins draft themselves: of each month that is closed, for the county and each town.

use std::time::Duration;

use chrono::Months;
use mingjing_monitor::audit::Action;
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use super::Of;
use crate::app::{App, Ready};
use crate::audit::{Record, Trail};
use crate::performance;
use crate::problem::Result;
use crate::store::bulletins::{self, Done};

/// How often it is looked whether a month has closed.
const LOOK: Duration = Duration::from_secs(5);
/// Months back whose bulletin of the county is still drafted†, where history came in before the console did.
const BACK: u32 = 13;
/// The same of towns†.
const BACK_IN_TOWNS: u32 = 3;

/// Runs until the console stops.
pub async fn run(app: App) {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = app.stopping().cancelled() => return,
        }
        if app.ready() != Ready::Yes {
            continue;
        }
        let drafting = async {
            tokio::select! {
                drafted = write_missing(&app) => drafted,
                () = app.stopping().cancelled() => Ok(()),
            }
        };
        if let Err(problem) = drafting.await {
            tracing::warn!(reason = problem.detail(), "a bulletin could not be drafted");
        }
    }
}

/// Drafts what closed months have no bulletin yet. A stop in between leaves the rest to the next time.
///
/// # Errors
/// When the database cannot be asked.
pub async fn write_missing(app: &App) -> Result<()> {
    let back = |months| performance::this_month(app) - Months::new(months);
    let (county, towns) = (back(BACK), back(BACK_IN_TOWNS));
    let root = app.directory().root();
    for (month, hall) in bulletins::missing(app.db(), county, towns).await? {
        let town = (hall != root).then_some(hall.as_str());
        let of = Of::new(app, month, town)?;
        let document = super::draft(app, &of).await?;
        let now = app.now();
        let mut tx = app.db().begin().await?;
        let Some(id) = bulletins::begin(&mut tx, (month, &hall), &document, now).await? else {
            continue;
        };
        let done = Done {
            at: now,
            step: "draft".to_owned(),
            login: None,
            who: "mingjing".to_owned(),
            role: "system".to_owned(),
            revision: 1,
            why: None,
        };
        bulletins::append(&mut tx, id, &done).await?;
        let record = Record::of(Action::BulletinChanged)
            .on("bulletin", of.name())
            .hall(hall)
            .after(json!({"step": "draft"}));
        Trail::system().append(&mut tx, record).await?;
        tx.commit().await?;
        tracing::info!(bulletin = of.name(), "a bulletin is drafted");
    }
    Ok(())
}
