//! `mingjing bulletin`

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::Args;
use serde_json::json;

use super::{CliError, database, output};
use crate::app::App;
use crate::bulletin::{self, Language, Of};
use crate::config::Config;
use crate::problem::Problem;

/// Print the bulletin of a month as PDF, Word and HTML.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mingjing bulletin 2026-10 --out /srv/bulletins\n  mingjing bulletin 2026-10 --town T07 --out /srv/bulletins\n\n\
    The same data give the same bytes. What is published is written as it was published, with its addenda.\n    Files that are there already are replaced."
)]
pub struct Bulletin {
    /// The month, like 2026-10
    month: Month,
    /// Directory to write into; made where it is missing
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Of this town, by its code, instead of the county
    #[arg(long, value_name = "CODE")]
    town: Option<String>,
    /// In English
    #[arg(long)]
    english: bool,
    /// Print JSON: the files and their SHA-256
    #[arg(long)]
    json: bool,
}

/// The first day of a month.
#[derive(Debug, Clone, Copy)]
struct Month(NaiveDate);

impl std::str::FromStr for Month {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let first = NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d");
        first
            .map(Self)
            .map_err(|_| "write a month like 2026-10".to_owned())
    }
}

impl Bulletin {
    /// Runs the command.
    ///
    /// # Errors
    /// When the database cannot be asked, there is no such town, a font is missing, or a file cannot be written.
    pub async fn run(self, config: Config) -> Result<(), CliError> {
        let db = database(&config).await?;
        let app = App::new(config, db, None);
        app.reload_directory()
            .await
            .map_err(|error| CliError::store("reading the county", &error))?;
        let failed = |problem: Problem| CliError::Failed(problem.detail().to_owned());
        let of = Of::new(&app, self.month.0, self.town.as_deref()).map_err(failed)?;
        let language = match self.english {
            true => Language::En,
            false => Language::Zh,
        };
        let printed = bulletin::publish::of_month(&app, &of, language)
            .await
            .map_err(failed)?;
        let written = |what: &std::path::Path, error: std::io::Error| {
            CliError::Failed(format!("{} cannot be written: {error}", what.display()))
        };
        std::fs::create_dir_all(&self.out).map_err(|error| written(&self.out, error))?;
        let mut files = Vec::new();
        for (name, bytes) in printed {
            let file = self.out.join(name);
            std::fs::write(&file, &bytes).map_err(|error| written(&file, error))?;
            files.push((file, bytes));
        }
        let sum = |bytes: &[u8]| hex::encode(<sha2::Sha256 as sha2::Digest>::digest(bytes));
        if self.json {
            let files: Vec<_> = files
                .iter()
                .map(|(file, bytes)| json!({"file": file, "bytes": bytes.len(), "sha256": sum(bytes)}))
                .collect();
            output::json(
                &json!({"month": self.month.0.format("%Y-%m").to_string(), "town": self.town, "files": files}),
            );
        } else {
            for (file, bytes) in &files {
                output::line(&format!("{}  {}", sum(bytes), file.display()));
            }
        }
        Ok(())
    }
}
