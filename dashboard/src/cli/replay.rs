//! `mingjing replay`

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use mingjing_alerts::supervisor::Supervisor;
use mingjing_monitor::store::rollups::Buckets;
use serde_json::json;
use url::Url;

use super::{CliError, output};
use crate::config::Config;
use crate::replay::{self, Loaded, ReplayError, Scratch, Summary, post};

/// Skipped rows that the table for people lists; JSON has more.
const LISTED: usize = 20;

/// Replay an event log (XES or CSV, gzipped or not) on its own clock and print what became of its cases.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mingjing replay receipt.xes.gz --map deploy/mappings/receipt.toml\n  \
    mingjing replay requests.csv --map city.toml --as-of 2022-06-01 --json\n  \
    mingjing replay receipt.xes.gz --map receipt.toml --into http://127.0.0.1:8080 --token-file token.txt\n\n\
    Without --into the replay has a database of its own beside the configured one, dropped at the end; the configured one \
    is not touched."
)]
pub struct Replay {
    /// The log
    file: PathBuf,
    /// Mapping file: what its columns mean (docs/mapping.md)
    #[arg(long, value_name = "MAP.toml")]
    map: PathBuf,
    /// End here and leave out what came later: an instant, or a date (its start) [default: the log's last event]
    #[arg(long, value_name = "INSTANT")]
    as_of: Option<String>,
    /// Stop at the first thing that cannot be read
    #[arg(long)]
    strict: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Keep the scratch database and print its name
    #[arg(long, conflicts_with = "into")]
    keep: bool,
    /// Post the events to a running console instead
    #[arg(long, value_name = "URL")]
    into: Option<Url>,
    /// Source token of that console
    #[arg(
        long,
        requires = "into",
        env = "MINGJING_TOKEN",
        hide_env_values = true
    )]
    token: Option<String>,
    /// A file that holds the token, for those who keep it off the command line
    #[arg(long, value_name = "FILE", requires = "into", conflicts_with = "token")]
    token_file: Option<PathBuf>,
    /// The only certificate authorities to trust (PEM), where the console has a certificate of the county's own
    #[arg(long, value_name = "FILE", requires = "into")]
    ca_file: Option<PathBuf>,
}

impl Replay {
    /// Runs the command.
    ///
    /// # Errors
    /// What cannot be read, or what the database or the console refuses.
    pub async fn run(self, config: Config) -> Result<(), CliError> {
        match self.into.clone() {
            Some(console) => self.post(&console).await,
            None => self.in_scratch(&config).await,
        }
    }

    async fn read(&self) -> Result<Loaded, CliError> {
        let bar = spinner("reading");
        let (file, map, strict, shown) = (
            self.file.clone(),
            self.map.clone(),
            self.strict,
            bar.clone(),
        );
        let read = tokio::task::spawn_blocking(move || {
            replay::load(&file, &map, strict, |events| shown.set_position(events))
        });
        let log = read
            .await
            .map_err(|error| CliError::Failed(format!("reading the log broke off: {error}")))?;
        bar.finish_and_clear();
        Ok(log?)
    }

    async fn in_scratch(&self, config: &Config) -> Result<(), CliError> {
        // Databases are made by the owner.
        let url = match config.owner_url()? {
            Some(owner) => owner,
            None => config.database_url()?,
        };
        let log = self.read().await?;
        let end = log.end(self.as_of.as_deref())?;
        if log.until(end).is_empty() {
            return Err(ReplayError::Empty.into());
        }
        let scratch = Scratch::create(&url).await?;
        let done = tokio::select! {
            done = self.replay(&scratch, &log, end) => done,
            _ = tokio::signal::ctrl_c() => Err(CliError::Failed("stopped".into())),
        };
        let kept = self.keep && done.is_ok();
        let name = scratch.name.clone();
        if !kept {
            scratch.drop_database().await?;
        }
        let summary = done?;
        let name = kept.then_some(name);
        if self.json {
            let mut value = json!(summary);
            value["database"] = json!(name);
            output::json(&value);
        } else {
            print(&summary);
            if let Some(name) = name {
                output::line(&format!(
                    "\nkept in the database {name}: serve it by putting this name into DATABASE_URL, drop it with DROP DATABASE"
                ));
            }
        }
        Ok(())
    }

    async fn replay(
        &self,
        scratch: &Scratch,
        log: &Loaded,
        end: DateTime<Utc>,
    ) -> Result<Summary, CliError> {
        let name = self.file.file_name().unwrap_or_default().to_string_lossy();
        let store = &scratch.store;
        replay::import(store, log, &name)
            .await
            .map_err(ReplayError::from)?;
        let events = log.until(end);
        let bar = bar(events.len() as u64);
        let first = events.first().map_or(end, |event| event.time);
        let mut supervisor = Supervisor::start(store.pool().clone(), first)
            .await
            .map_err(ReplayError::from)?;
        let outcome = replay::drive(&mut supervisor, events, &log.source, end, |n| bar.inc(n))
            .await
            .map_err(ReplayError::from)?;
        bar.finish_and_clear();
        let mut summary = replay::summarise(store.pool(), log, end)
            .await
            .map_err(ReplayError::from)?;
        // Two events of the log with one id and different content: the first stands.
        for rejection in outcome.rejected {
            summary.reject(&rejection.id, rejection.reason);
        }
        Ok(summary)
    }

    async fn post(&self, console: &Url) -> Result<(), CliError> {
        let token = self.token()?;
        let client = post::client(self.ca_file.as_deref())?;
        let log = self.read().await?;
        let end = log.end(self.as_of.as_deref())?;
        let events = log.until(end);
        if events.is_empty() {
            return Err(ReplayError::Empty.into());
        }
        let bar = bar(events.len() as u64);
        let posted = tokio::select! {
            posted = post::post(&client, console, &token, events, |n| bar.inc(n)) => posted?,
            _ = tokio::signal::ctrl_c() => {
                return Err(CliError::Failed("stopped: the same command goes on where this one ended".into()));
            }
        };
        bar.finish_and_clear();
        if self.json {
            let (skipped, skips) = (log.report.skipped, &log.report.skips);
            output::json(
                &json!({"as_of": end, "events": events.len(), "posted": posted, "skipped": skipped, "skips": skips}),
            );
        } else {
            output::line(&format!(
                "{} events: {} accepted, {} duplicate, {} spooled, {} rejected",
                events.len(),
                posted.accepted,
                posted.duplicate,
                posted.spooled,
                posted.rejected
            ));
            print_skips(log.report.skipped, &log.report.skips);
        }
        refusals(&posted)
    }

    fn token(&self) -> Result<String, CliError> {
        match (&self.token, &self.token_file) {
            (Some(token), _) => Ok(token.trim().to_owned()),
            (None, Some(file)) => std::fs::read_to_string(file)
                .map(|token| token.trim().to_owned())
                .map_err(|error| CliError::Failed(format!("{}: {error}", file.display()))),
            (None, None) => Err(CliError::Usage(
                "--into needs a source token of that console: --token-file FILE, --token TOKEN or MINGJING_TOKEN \
                 (mingjing token create --role source)"
                    .into(),
            )),
        }
    }
}

/// A console that did not take everything: what it said, and what to import there.
fn refusals(posted: &post::Posted) -> Result<(), CliError> {
    if posted.rejected == 0 {
        return Ok(());
    }
    let mut text = format!("the console refused {} events:", posted.rejected);
    for (reason, events) in posted.reasons.iter().take(LISTED) {
        text.push_str(&format!("\n  {events} × {reason}"));
    }
    if posted
        .reasons
        .keys()
        .any(|reason| reason.contains("import halls"))
    {
        let halls: Vec<String> = posted
            .refused_halls
            .iter()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .cloned()
            .collect();
        let file = replay::import_file(&halls, "CODE-OF-THE-HALL-ABOVE");
        text.push_str(&format!(
            "\nIf the halls are missing there, import this as halls.json, then replay again:\n{file}"
        ));
    }
    Err(CliError::Failed(text))
}

impl From<ReplayError> for CliError {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::AsOf(_) => Self::Usage(error.to_string()),
            other => Self::Failed(other.to_string()),
        }
    }
}

fn spinner(what: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {msg}: {pos} events")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar = ProgressBar::no_length()
        .with_style(style)
        .with_message(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

fn bar(events: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} events, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(events).with_style(style)
}

fn print(summary: &Summary) {
    let Summary { cases, events, .. } = summary;
    output::line(&format!(
        "{cases} cases, {events} events, as of {}",
        summary.as_of.to_rfc3339()
    ));
    if summary.later > 0 {
        output::line(&format!(
            "{} events came later and are left out",
            summary.later
        ));
    }
    output::line("");
    let head = [
        "",
        "cases",
        "on time",
        "over promise",
        "over legal",
        "no deadline",
    ];
    let row = |what: &str, buckets: &Buckets| {
        let cells = [
            buckets.total(),
            buckets.on_time,
            buckets.over_promise_only,
            buckets.over_legal,
            buckets.no_deadline,
        ];
        let [sum, on_time, promise, legal, none] = cells.map(|cell| cell.to_string());
        [what.to_owned(), sum, on_time, promise, legal, none]
    };
    let mut rows = vec![
        row("completed", &summary.completed),
        row("open", &summary.open),
    ];
    for hall in &summary.by_hall {
        rows.push(row(&format!("{} completed", hall.hall), &hall.completed));
        rows.push(row(&format!("{} open", hall.hall), &hall.open));
    }
    output::table(head, rows);
    output::line(&format!(
        "\n{} suspended and resumed, {} extended, {} not started",
        summary.suspended_and_resumed, summary.extended, summary.not_started
    ));
    if !summary.cards.is_empty() {
        output::line("");
        let cards = summary.cards.iter();
        output::table(
            ["rule", "grade", "cards"],
            cards.map(|card| {
                [
                    card.rule.clone(),
                    card.grade.clone(),
                    card.cards.to_string(),
                ]
            }),
        );
    }
    print_skips(summary.skipped, &summary.skips);
}

fn print_skips(skipped: u64, skips: &[mingjing_ingest::logs::Skip]) {
    if skipped == 0 {
        return;
    }
    output::line(&format!("\nskipped: {skipped}"));
    for skip in skips.iter().take(LISTED) {
        output::line(&format!("  line {}: {}", skip.line, skip.reason));
    }
    if skips.len() > LISTED {
        output::line("  … (--json lists more)");
    }
}
