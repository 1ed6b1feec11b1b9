//! `mingjing retention`

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use clap::Args;
use mingjing_monitor::store::county;

use super::{CliError, database, output};
use crate::audit::Trail;
use crate::config::Config;
use crate::retention::{self, Old, logs};

/// Old events and logs: what goes, and what is still needed.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mingjing retention --dry-run\n  mingjing retention --config /etc/mingjing.toml\n\n\
    The console does it by itself once a day. Figures, cards and the states of cases stay; only the events that they were made of go."
)]
pub struct Retention {
    /// Say what would go, and change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Retention {
    /// Runs the command.
    ///
    /// # Errors
    /// When the database cannot be reached or refuses.
    pub async fn run(self, config: Config) -> Result<(), CliError> {
        let db = database(&config).await?;
        let failed = |error| CliError::store("dropping old events", &error);
        let county = county::county(&db).await.map_err(failed)?;
        let zone = county.map_or(Tz::Asia__Shanghai, |county| county.zone());
        let (kept, now) = (config.retention.events_months, Utc::now());
        let swept = match self.dry_run {
            true => retention::look(&db, kept, now, zone).await,
            false => retention::sweep(&db, kept, now, zone, &Trail::command()).await,
        };
        let swept = swept.map_err(failed)?;
        let logs = match self.dry_run {
            true => logs::look(&db, &config.retention, now).await,
            false => logs::sweep(&db, &config.retention, now, &Trail::command()).await,
        };
        say("events", swept.horizon, &swept.old, zone);
        for log in logs.map_err(failed)? {
            say(log.log.table(), log.horizon, &log.old, zone);
        }
        Ok(())
    }
}

/// What goes of one thing, and what stays.
fn say(what: &str, horizon: Option<DateTime<Utc>>, old: &[Old], zone: Tz) {
    let Some(horizon) = horizon else {
        output::line(&format!("{what}: kept for good ([retention])"));
        return;
    };
    let day = |at: DateTime<Utc>| at.with_timezone(&zone).date_naive();
    output::line(&format!("{what} before {}: old", day(horizon)));
    for old in old {
        let span = format!("{} to {}", day(old.chunk.from_at), day(old.chunk.to_at));
        let held: Vec<String> = old
            .held
            .iter()
            .map(|held| format!("{} {}", held.held, held.reason))
            .collect();
        output::line(&match (old.went, held.is_empty()) {
            (Some(rows), _) => format!("{span}: {rows} {what} dropped"),
            (None, true) => format!("{span}: would go"),
            (None, false) => format!("{span}: stays, still needed for {}", held.join(", ")),
        });
    }
}
