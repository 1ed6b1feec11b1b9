//! `mingjing replay`

mod print;
mod run;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use tokio::net::TcpListener;
use url::Url;

use self::run::Run;
use super::{CliError, output, serve};
use crate::config::Config;
use crate::replay::{self, Loaded, ReplayError, Scratch, post};

/// Where a replay is served unless it is said: this machine only, a free port.
const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Replay an event log (XES or CSV, gzipped or not) on its own clock and print what became of its cases.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mingjing replay receipt.xes.gz --map deploy/mappings/receipt.toml\n  \
    mingjing replay requests.csv --map city.toml --as-of 2022-06-01 --json\n  \
    mingjing replay receipt.xes.gz --map receipt.toml --serve\n  \
    mingjing replay receipt.xes.gz --map receipt.toml --speed 86400\n  \
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
    /// Then serve the pages on that database, at the instant at which the log ended, until Ctrl-C
    #[arg(long, conflicts_with = "into")]
    serve: bool,
    /// Serve the pages while the log goes on at N of its seconds a second, deadlines and all: 86400 is a day a second
    #[arg(long, value_name = "N", value_parser = speed, conflicts_with = "into")]
    speed: Option<f64>,
    /// Where to serve them [default: 127.0.0.1, a free port]
    #[arg(long, value_name = "ADDR", conflicts_with = "into")]
    listen: Option<SocketAddr>,
    /// Post the events to a running console instead
    #[arg(long, value_name = "URL")]
    into: Option<Url>,
    /// Source token of that console
    // No `requires`: the variable may stand in the environment of a replay that posts nothing.
    #[arg(long, env = "MINGJING_TOKEN", hide_env_values = true)]
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
        let bar = print::spinner("reading");
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
        let listener = match self.listener(config).await? {
            Some(listener) => {
                serve::log(config)?;
                Some(listener)
            }
            None => None,
        };
        let log = self.read().await?;
        let end = log.end(self.as_of.as_deref())?;
        if log.until(end).is_empty() {
            return Err(ReplayError::Empty.into());
        }
        let scratch = Scratch::create(&url).await?;
        let run = Run {
            scratch: &scratch,
            log: &log,
            end,
            kept: self.keep.then_some(scratch.name.as_str()),
            json: self.json,
        };
        let name = self.file.file_name().unwrap_or_default().to_string_lossy();
        let done = run.all(&name, config, listener, self.speed).await;
        if self.keep && done.is_ok() {
            return Ok(());
        }
        let dropped = scratch.drop_database().await;
        done.and(dropped.map_err(CliError::from))
    }

    /// Where the replay is to be served; before anything is made, so that a port that is taken costs nothing.
    async fn listener(&self, config: &Config) -> Result<Option<TcpListener>, CliError> {
        if !self.serve && self.speed.is_none() && self.listen.is_none() {
            return Ok(None);
        }
        let mut config = config.clone();
        config.server.listen = self.listen.unwrap_or(ANY_PORT);
        config.check_listen()?;
        Ok(Some(serve::bind(config.server.listen).await?))
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
        let bar = print::bar(events.len() as u64);
        let posted = tokio::select! {
            posted = post::post(&client, console, &token, events, |n| bar.inc(n)) => posted?,
            () = serve::signalled() => {
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
            print::print_skips(log.report.skipped, &log.report.skips);
        }
        print::refusals(&posted)
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

impl From<ReplayError> for CliError {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::AsOf(_) => Self::Usage(error.to_string()),
            other => Self::Failed(other.to_string()),
        }
    }
}

/// Log-seconds a second.
fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if speed.is_finite() && speed > 0.0 => Ok(speed),
        _ => {
            Err("write how many seconds of the log pass in a second, like 1, 3600 or 86400".into())
        }
    }
}
