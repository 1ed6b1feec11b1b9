//! `mingjing secret`

use std::path::Path;

use clap::Args;
use mingjing_ingest::seal::command::{self, CommandError, SecretCommand};

use super::{CliError, output};
use crate::config::Config;

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
    /// When the key or the configuration cannot be used; everything still opens then.
    pub fn run(self, config: &Config, file: Option<&Path>) -> Result<(), CliError> {
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
