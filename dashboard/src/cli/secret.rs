//! `mingjing secret`

use std::path::Path;

use clap::Args;
use mingjing_ingest::seal::command::{self, CommandError, SecretCommand};

use super::{CliError, output};
use crate::config::Config;
use crate::store::secret as store;

/// Seal passwords of cameras, and replace the key that seals them.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mingjing secret seal --camera t07-1 < password.txt\n  mingjing secret rotate --config /etc/mingjing.toml\n\n\
    The key lies in secret.key in [storage] dir. Run it as the user of the console."
)]
pub struct Secret {
    #[command(subcommand)]
    command: SecretCommand,
}

impl Secret {
    /// Runs the command. `file`: the configuration, where there is one.
    ///
    /// # Errors
    /// When key, configuration or database cannot be used; everything still opens then.
    pub async fn run(self, config: &Config, file: Option<&Path>) -> Result<(), CliError> {
        if matches!(self.command, SecretCommand::Rotate) {
            refuse_second_factors(config).await?;
        }
        let ingest = config.ingest();
        let (secrets, data) = (&ingest.secrets, &ingest.data_dir);
        let done = match self.command {
            SecretCommand::Seal { camera } => secrets
                .sealer(data)
                .map_err(CommandError::from)
                .and_then(|sealer| command::seal(&sealer, &camera)),
            SecretCommand::Rotate => secrets
                .file(data)
                .ok_or(CommandError::NoFile)
                .and_then(|key| command::rotate(&key, file))
                .map(|sealed| format!("a new key; {sealed} passwords sealed again")),
        };
        output::line(&done.map_err(|error| CliError::Failed(error.to_string()))?);
        Ok(())
    }
}

/// Second factors are not sealed again here: with their key dropped, nobody who has one came in any more.
async fn refuse_second_factors(config: &Config) -> Result<(), CliError> {
    let db = super::database(config).await?;
    let sealed = store::second_factors(&db)
        .await
        .map_err(|error| CliError::store("looking for second factors", &error))?;
    if sealed == 0 {
        return Ok(());
    }
    Err(CliError::Failed(format!(
        "{sealed} second factors are sealed with this key, and `secret rotate` seals passwords of cameras alone: \
         nothing was changed"
    )))
}
