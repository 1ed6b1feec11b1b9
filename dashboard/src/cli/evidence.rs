//! `mingjing evidence`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{CliError, output};
use crate::evidence::verify::{Fault, verify};

/// Evidence files: check one, without a console.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mingjing evidence verify evidence-card-17.zip")]
pub struct EvidenceCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check that everything in an evidence file is as it was; name what is not, and then exit with 1
    #[command(
        after_help = "Example:\n  mingjing evidence verify evidence-card-17.zip --manifest 9f2c…\n\n\
        Who can alter the file can make its manifest anew. The SHA-256 of the true one stands in the audit log, with the export: \
        give it with --manifest."
    )]
    Verify {
        /// The evidence file
        file: PathBuf,
        /// SHA-256 of the manifest, from the audit log
        #[arg(long, value_name = "SHA256")]
        manifest: Option<String>,
        /// Directory of an ingest's recordings: the files that the recordings were taken from are checked too
        #[arg(long, value_name = "DIR")]
        recordings: Option<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

impl EvidenceCommand {
    /// Runs it.
    ///
    /// # Errors
    /// When the file is not as it was, or cannot be checked.
    pub fn run(self) -> Result<(), CliError> {
        let Command::Verify {
            file,
            manifest,
            recordings,
            json,
        } = self.command;
        let name = file.display().to_string();
        let found = verify(&file, recordings.as_deref())
            .map_err(|error| CliError::Failed(format!("{name}: {error}")))?;
        let other = manifest
            .as_ref()
            .is_some_and(|wanted| !wanted.eq_ignore_ascii_case(&found.manifest_sha256));
        if json {
            let faults: Vec<_> = found
                .faults
                .iter()
                .map(|(name, fault)| json!({"name": name, "fault": fault}))
                .collect();
            output::json(&json!({
                "whole": found.whole && !other, "about": found.manifest.about, "made_at": found.manifest.made_at,
                "manifest": found.manifest_sha256, "manifest_is_other": other, "files": found.manifest.files.len(),
                "recordings": found.manifest.recordings.len(), "missing": found.manifest.missing, "faults": faults,
            }));
        } else {
            let made = &found.manifest;
            output::line(&format!(
                "{}: made {} by {} ({}), {} files, {} recordings, {} times missing",
                made.about,
                made.made_at.to_rfc3339(),
                made.made_by.name,
                made.made_by.role,
                made.files.len(),
                made.recordings.len(),
                made.missing.len()
            ));
            output::line(&format!("manifest.json SHA-256 {}", found.manifest_sha256));
            for (name, fault) in &found.faults {
                let fault = match fault {
                    Fault::Altered => "ALTERED",
                    Fault::Missing => "MISSING",
                    Fault::Added => "ADDED",
                };
                output::line(&format!("{fault} {name}"));
            }
        }
        match (found.whole, other) {
            (true, false) => Ok(()),
            (_, true) => Err(CliError::Failed(format!(
                "{name}: its manifest is not the one that was named"
            ))),
            (false, false) => Err(CliError::Failed(format!(
                "{name}: not everything in it is as it was"
            ))),
        }
    }
}
