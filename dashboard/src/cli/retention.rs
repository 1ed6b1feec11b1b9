//! `mingjing retention`

use clap::Args;
use mingjing_monitor::store::county;

use super::{CliError, database, output};
use crate::audit::Trail;
use crate::config::Config;
use crate::retention;

/// Old events: what goes, and what is still needed.
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
        let zone = county.map_or(chrono_tz::Asia::Shanghai, |county| county.zone());
        let (kept, now) = (config.retention.events_months, chrono::Utc::now());
        let swept = match self.dry_run {
            true => retention::look(&db, kept, now, zone).await,
            false => retention::sweep(&db, kept, now, zone, &Trail::command()).await,
        };
        let swept = swept.map_err(failed)?;
        let Some(horizon) = swept.horizon else {
            output::line("events are kept for good ([retention] events_months = 0)");
            return Ok(());
        };
        let day = |at: chrono::DateTime<chrono::Utc>| at.with_timezone(&zone).date_naive();
        output::line(&format!("events before {} are old", day(horizon)));
        for old in &swept.old {
            let span = format!("{} to {}", day(old.chunk.from_at), day(old.chunk.to_at));
            let held: Vec<String> = old
                .held
                .iter()
                .map(|held| format!("{} {}", held.held, held.reason))
                .collect();
            output::line(&match (old.went, held.is_empty()) {
                (Some(events), _) => format!("{span}: {events} events dropped"),
                (None, true) => format!("{span}: would go"),
                (None, false) => format!("{span}: stays, still needed for {}", held.join(", ")),
            });
        }
        Ok(())
    }
}
