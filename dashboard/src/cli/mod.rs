//! The command line of `mingjing`. Exit codes: 0 done, 1 failed, 2 used wrongly.

pub mod audit;
pub mod bulletin;
pub mod demo;
pub mod doctor;
pub mod evidence;
pub mod import;
pub mod migrate;
pub mod output;
pub mod policy;
pub mod profile;
pub mod replay;
pub mod retention;
pub mod rollup;
pub mod secret;
pub mod serve;
pub mod token;
pub mod user;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mingjing_monitor::store::{Store, StoreError};
use sqlx::PgPool;

use crate::config::{Config, ConfigError};
use crate::store;

/// Real-time supervision of service halls: the clocks of their cases and the pictures of their windows, live.
#[derive(Debug, Parser)]
#[command(
    name = "mingjing",
    version,
    about,
    after_help = "Example:\n  mingjing serve --config /etc/mingjing.toml"
)]
pub struct Cli {
    /// Configuration file [default: mingjing.toml of the working directory, where there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the console, and an ingest for the cameras in its configuration
    Serve(serve::Serve),
    /// Run a demo county: halls, cases, cameras
    Demo(demo::Demo),
    /// Bring the database to this version, and let the console's role work in it
    Migrate(migrate::Migrate),
    /// Check the audit log, write its head down, export it
    Audit(audit::Audit),
    /// Check an evidence file
    Evidence(evidence::EvidenceCommand),
    /// Import halls, items, calendars and cameras
    Import(import::Import),
    /// Add accounts, change passwords, disable accounts
    User(user::User),
    /// Create, list and revoke bearer tokens for programs
    Token(token::Token),
    /// Seal passwords of cameras, and replace the key that seals secrets
    Secret(secret::Secret),
    /// Replay an event log on its own clock
    Replay(replay::Replay),
    /// Drop events that are old and settled, or say what would go
    Retention(retention::Retention),
    /// Count the roll-ups again
    Rollup(rollup::Rollup),
    /// Print who may what: routes, messages, menu
    Policy(policy::Policy),
    /// Print the bulletin of a month as PDF, Word and HTML
    Bulletin(bulletin::Bulletin),
    /// Check a rule profile, or try it on the past
    Profile(profile::ProfileCommand),
    /// Check database, cameras, clock, disk and font
    Doctor(doctor::Doctor),
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// Used wrongly: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Anything else: what, where and what to do.
    #[error("{0}")]
    Failed(String),
}

impl CliError {
    /// Says what was being done when the database refused.
    pub fn store(what: &str, error: &StoreError) -> Self {
        Self::Failed(format!("{what}: {error}"))
    }

    fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Config(_) | Self::Failed(_) => 1,
        }
    }
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    // HTTP clients take the process's provider; the workspace builds none into them.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mingjing: {error}");
            ExitCode::from(error.code())
        }
    }
}

fn run(cli: Cli) -> Result<(), CliError> {
    let config = Config::load(cli.config.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::Failed(format!("the runtime cannot be started: {error}")))?;
    let done = runtime.block_on(async {
        match cli.command {
            Command::Serve(serve) => serve.run(config).await,
            Command::Demo(demo) => demo.run(config).await,
            Command::Migrate(migrate) => migrate.run(config).await,
            Command::Audit(audit) => audit.run(config).await,
            Command::Evidence(evidence) => evidence.run(),
            Command::Import(import) => import.run(config).await,
            Command::User(user) => user.run(config).await,
            Command::Token(token) => token.run(config).await,
            Command::Secret(secret) => {
                let file = Config::file(cli.config);
                secret.run(config, file.as_deref()).await
            }
            Command::Replay(replay) => replay.run(config).await,
            Command::Retention(retention) => retention.run(config).await,
            Command::Rollup(rollup) => rollup.run(config).await,
            Command::Policy(policy) => {
                policy.run();
                Ok(())
            }
            Command::Bulletin(bulletin) => bulletin.run(config).await,
            Command::Profile(profile) => profile.run(config).await,
            Command::Doctor(doctor) => doctor.run(config).await,
        }
    });
    // Nothing that blocks may hold up the end.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    done
}

/// Connects to the configured database and brings it to this version.
///
/// # Errors
/// When it cannot be reached or refuses.
pub async fn database(config: &Config) -> Result<PgPool, CliError> {
    let store = Store::connect_with(&config.database_url()?, config.database.max_connections)
        .await
        .map_err(|error| CliError::Failed(error.to_string()))?;
    store::found_county(store.pool(), &config.county)
        .await
        .map_err(|error| CliError::store("founding the county", &error))?;
    Ok(store.pool().clone())
}
