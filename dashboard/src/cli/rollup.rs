//! `mingjing rollup`

use clap::{Args, Subcommand};
use mingjing_monitor::store::{county, retention, rollups, service};

use super::{CliError, database, output};
use crate::config::Config;

/// Roll-ups: the counts beside the cases, of which every page reads.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  mingjing rollup rebuild --config /etc/mingjing.toml\n\n\
    The console may go on meanwhile: what comes in waits until the count is done."
)]
pub struct Rollup {
    #[command(subcommand)]
    command: RollupCommand,
}

#[derive(Debug, Subcommand)]
enum RollupCommand {
    /// Count everything again from the states of the cases
    Rebuild,
}

impl Rollup {
    /// Runs the command.
    ///
    /// # Errors
    /// When the database cannot be reached or refuses; nothing is changed then.
    pub async fn run(self, config: Config) -> Result<(), CliError> {
        let RollupCommand::Rebuild = self.command;
        let db = database(&config).await?;
        let failed = |error| CliError::store("counting the roll-ups again", &error);
        let county = county::county(&db).await.map_err(failed)?;
        let zone = county.map_or(chrono_tz::Asia::Shanghai, |county| county.zone());
        let counted = rollups::rebuild(&db, zone).await.map_err(failed)?;
        output::line(&format!("counted again from {counted} cases"));
        let mut transaction = db.begin().await.map_err(|error| failed(error.into()))?;
        let days = service::rebuild(&mut transaction, zone)
            .await
            .map_err(failed)?;
        transaction
            .commit()
            .await
            .map_err(|error| failed(error.into()))?;
        output::line(&format!("counted again {days} days of service of halls"));
        let mut connection = db.acquire().await.map_err(|error| failed(error.into()))?;
        if let Some(until) = retention::dropped_until(&mut connection)
            .await
            .map_err(failed)?
        {
            let day = until.with_timezone(&zone).date_naive();
            output::line(&format!(
                "events before {day} were dropped as old: what they came to was counted from the states of their cases, and is as it was"
            ));
        }
        Ok(())
    }
}
