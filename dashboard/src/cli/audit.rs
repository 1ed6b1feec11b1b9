//! `mingjing audit`

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use mingjing_monitor::audit::{Action, Head};
use mingjing_monitor::store::audit::{self, Filter};
use mingjing_monitor::store::paging::Page;
use serde_json::json;
use sqlx::PgPool;

use super::{CliError, database, output};
use crate::audit::{Record, Trail, csv};
use crate::config::Config;

/// Rows that an export reads at once.
const EXPORT: u32 = 5_000;

/// The audit log: check it, write its head down, take it away as a file.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mingjing audit head > head-2026-11-22.txt\n  \
    mingjing audit verify --head \"$(cat head-2026-11-22.txt)\"\n  mingjing audit export --from 2026-11-01T00:00:00Z --out audit.csv"
)]
pub struct Audit {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Follow the chain from its first entry; name the first broken link, and then exit with 1
    #[command(after_help = "Example:\n  mingjing audit verify --head 1207:9f2c…\n\n\
        Without --head a log that somebody made anew from its first entry, or whose end and head were cut off together, is not told \
        from the true one: keep heads where nobody who can write to the database can write.")]
    Verify {
        /// A head that was written down earlier; may be given more than once
        #[arg(long, value_name = "NUMBER:HASH")]
        head: Vec<Head>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print where the log ends, to be kept elsewhere
    #[command(after_help = "Example:\n  mingjing audit head")]
    Head {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Write entries as CSV, newest first; the taking is itself an entry
    #[command(after_help = "Example:\n  mingjing audit export --action session --out sign-ins.csv")]
    Export {
        /// Not before (RFC 3339)
        #[arg(long, value_name = "INSTANT")]
        from: Option<DateTime<Utc>>,
        /// Before (RFC 3339)
        #[arg(long, value_name = "INSTANT")]
        to: Option<DateTime<Utc>>,
        /// Login of who acted
        #[arg(long, value_name = "LOGIN")]
        actor: Option<String>,
        /// An action, or the first part of several: session
        #[arg(long, value_name = "ACTION")]
        action: Option<String>,
        /// File to write [default: standard output]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

impl Audit {
    /// Runs the command.
    ///
    /// # Errors
    /// What failed, or the first broken link.
    pub async fn run(self, config: Config) -> Result<(), CliError> {
        let db = database(&config).await?;
        match self.command {
            Command::Verify { head, json } => verify(&db, &head, json).await,
            Command::Head { json } => {
                let mut connection = db.acquire().await.map_err(|error| reading(&error.into()))?;
                let head = audit::head(&mut connection)
                    .await
                    .map_err(|error| reading(&error))?;
                if json {
                    output::json(&json!({"seq": head.seq, "hash": hex::encode(head.hash)}));
                } else {
                    output::line(&head.to_string());
                }
                Ok(())
            }
            Command::Export {
                from,
                to,
                actor,
                action,
                out,
            } => {
                let filter = Filter {
                    from,
                    to,
                    actor,
                    action,
                    ..Filter::default()
                };
                export(&db, &filter, out).await
            }
        }
    }
}

fn reading(error: &mingjing_monitor::store::StoreError) -> CliError {
    CliError::store("reading the audit log", error)
}

async fn verify(db: &PgPool, known: &[Head], as_json: bool) -> Result<(), CliError> {
    let bar = ProgressBar::new(0).with_style(
        ProgressStyle::with_template("{bar:40} {pos}/{len} entries")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let followed = |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    };
    let verdict = audit::verify(db, known, followed)
        .await
        .map_err(|error| reading(&error))?;
    bar.finish_and_clear();
    if as_json {
        let fault = verdict.fault.map(
            |fault| json!({"kind": fault.kind(), "seq": fault.seq(), "detail": fault.to_string()}),
        );
        output::json(&json!({
            "whole": fault.is_none(), "entries": verdict.entries, "head": verdict.head.to_string(), "fault": fault,
        }));
    } else if verdict.fault.is_none() {
        output::line(&format!(
            "{} entries, whole; head {}",
            verdict.entries, verdict.head
        ));
    }
    match verdict.fault {
        None => Ok(()),
        Some(fault) => Err(CliError::Failed(format!(
            "the audit log is not whole: {fault} (sound up to {})",
            verdict.head.seq
        ))),
    }
}

async fn export(db: &PgPool, filter: &Filter, out: Option<PathBuf>) -> Result<(), CliError> {
    let told = json!({
        "from": filter.from, "to": filter.to, "actor": filter.actor, "action": filter.action,
    });
    let taken = Record::of(Action::ExportMade)
        .on(
            "audit",
            out.as_ref()
                .map_or("-".into(), |out| out.display().to_string()),
        )
        .after(told);
    Trail::command()
        .record(db, taken)
        .await
        .map_err(|error| reading(&error))?;
    let writing = |error: std::io::Error| CliError::Failed(format!("the file: {error}"));
    let mut file: Box<dyn Write> = match &out {
        Some(path) => Box::new(BufWriter::new(File::create(path).map_err(writing)?)),
        None => Box::new(BufWriter::new(std::io::stdout())),
    };
    file.write_all(csv::head().as_bytes()).map_err(writing)?;
    let mut page = Page {
        after: None,
        limit: EXPORT,
    };
    loop {
        let (rows, next) = audit::list(db, filter, &page)
            .await
            .map_err(|error| reading(&error))?;
        file.write_all(csv::rows(&rows).as_bytes())
            .map_err(writing)?;
        page.after = next;
        if page.after.is_none() {
            return file.flush().map_err(writing);
        }
    }
}
