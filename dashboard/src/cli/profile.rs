//! `mingjing profile`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use mingjing_alerts::check::faults;
use mingjing_alerts::profile::Profile;
use serde_json::json;

use super::{CliError, output};

/// Rule profiles.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mingjing profile check our-rules.toml")]
pub struct ProfileCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check a rule profile without putting it in force
    #[command(after_help = "Example:\n  mingjing profile check deploy/profiles/standard.toml")]
    Check {
        /// The profile
        file: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

impl ProfileCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// The file cannot be read, or has faults: each is named with its line.
    pub fn run(self) -> Result<(), CliError> {
        let Command::Check { file, json } = self.command;
        let text = std::fs::read_to_string(&file).map_err(|error| {
            let what = match error.kind() {
                std::io::ErrorKind::InvalidData => "this is no text in UTF-8".into(),
                _ => error.to_string(),
            };
            CliError::Failed(format!("{}: {what}", file.display()))
        })?;
        let faults = faults(&text);
        if json {
            let written: Vec<String> = faults.iter().map(ToString::to_string).collect();
            output::json(&json!({"file": file, "ok": faults.is_empty(), "faults": written}));
        } else if faults.is_empty() {
            let name = Profile::parse(&text, 1).map(|profile| profile.name);
            output::line(&format!(
                "{}: no fault; its name is {:?}",
                file.display(),
                name.unwrap_or_default()
            ));
        } else {
            for fault in &faults {
                output::line(&format!("{}:{fault}", file.display()));
            }
        }
        match faults.len() {
            0 => Ok(()),
            1 => Err(CliError::Failed(format!("{} has a fault", file.display()))),
            n => Err(CliError::Failed(format!(
                "{} has {n} faults",
                file.display()
            ))),
        }
    }
}
