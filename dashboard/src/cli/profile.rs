//! `mingjing profile`

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use mingjing_alerts::check::faults;
use mingjing_alerts::profile::Profile;
use mingjing_alerts::shadow::{self, Outcome, Question, Unlike};
use mingjing_alerts::supervisor::load_reference;
use mingjing_alerts::versions::Versions;
use mingjing_monitor::calendar::Calendar;
use serde_json::json;

use super::{CliError, database, output};
use crate::config::Config;

/// Rule profiles.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mingjing profile check our-rules.toml\n  mingjing profile shadow our-rules.toml --from 2026-10-01 --to 2026-11-01"
)]
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
    /// Say what a profile would have issued over a past span, against what was issued
    #[command(
        after_help = "Example:\n  mingjing profile shadow our-rules.toml --from 2026-10-01 --to 2026-11-01"
    )]
    Shadow {
        /// The profile
        file: PathBuf,
        /// What fell due from here: a day of the county, or an instant (RFC 3339)
        #[arg(long, value_name = "DAY")]
        from: When,
        /// And before this
        #[arg(long, value_name = "DAY")]
        to: When,
        /// Print JSON, with the first thousand differences
        #[arg(long)]
        json: bool,
    },
}

/// A day of the county, or an instant.
#[derive(Debug, Clone, Copy)]
enum When {
    Day(NaiveDate),
    Instant(DateTime<Utc>),
}

impl std::str::FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let day = text.parse().map(Self::Day);
        day.or_else(|_| text.parse().map(Self::Instant))
            .map_err(|_| {
                "write a day like 2026-10-01, or an instant like 2026-10-01T09:00:00+08:00"
                    .to_owned()
            })
    }
}

impl When {
    fn instant(self, calendar: &Calendar) -> DateTime<Utc> {
        match self {
            Self::Day(day) => calendar.midnight(day),
            Self::Instant(at) => at,
        }
    }
}

impl ProfileCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// The file cannot be read, or has faults: each is named with its line. The database cannot be asked.
    pub async fn run(self, config: Config) -> Result<(), CliError> {
        match self.command {
            Command::Check { file, json } => check(&file, json),
            Command::Shadow {
                file,
                from,
                to,
                json,
            } => shadow(&config, &file, (from, to), json).await,
        }
    }
}

fn read(file: &Path) -> Result<String, CliError> {
    std::fs::read_to_string(file).map_err(|error| {
        let what = match error.kind() {
            std::io::ErrorKind::InvalidData => "this is no text in UTF-8".into(),
            _ => error.to_string(),
        };
        CliError::Failed(format!("{}: {what}", file.display()))
    })
}

fn check(file: &Path, json: bool) -> Result<(), CliError> {
    let text = read(file)?;
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

async fn shadow(
    config: &Config,
    file: &Path,
    (from, to): (When, When),
    json: bool,
) -> Result<(), CliError> {
    let text = read(file)?;
    let profile = Profile::parse(&text, 0).map_err(|_| {
        CliError::Failed(format!(
            "{} has faults: `mingjing profile check` names them",
            file.display()
        ))
    })?;
    let db = database(config).await?;
    let now = Utc::now();
    let failed = |error| CliError::store("the shadow run", &error);
    let reference = load_reference(&db, now).await.map_err(failed)?;
    let (from, to) = (
        from.instant(&reference.calendar),
        to.instant(&reference.calendar).min(now),
    );
    if from >= to {
        return Err(CliError::Usage(
            "--to must come after --from, and the past is what can be shadowed".to_owned(),
        ));
    }
    let question = Question {
        reference: Arc::new(reference),
        draft: Versions::only(profile),
        from,
        to,
        now,
    };
    let bar = ProgressBar::new(0).with_style(
        ProgressStyle::with_template("{bar:40} {pos}/{len} cases")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let outcome = shadow::run(&db, question, |done, of| {
        bar.set_length(of);
        bar.set_position(done);
        true
    });
    let outcome = outcome.await.map_err(failed)?.unwrap_or_default();
    bar.finish_and_clear();
    if json {
        output::json(&outcome);
    } else {
        print(&outcome);
    }
    Ok(())
}

fn print(outcome: &Outcome) {
    let rows = outcome.cells.iter().map(|cell| {
        let change = i128::from(cell.would) - i128::from(cell.was);
        [
            cell.rule.clone(),
            cell.hall.clone(),
            cell.grade.clone(),
            cell.was.to_string(),
            cell.would.to_string(),
            format!("{change:+}"),
        ]
    });
    output::table(["rule", "hall", "grade", "was", "would be", "change"], rows);
    let of = |kind| outcome.unlike.get(&kind).copied().unwrap_or(0);
    output::line(&format!(
        "{} cases: {} cards more, {} less, {} of another grade, {} at another time; {} differ by later evidence alone",
        outcome.cases,
        of(Unlike::New),
        of(Unlike::Gone),
        of(Unlike::Grade),
        of(Unlike::Moved),
        outcome.by_evidence,
    ));
}
