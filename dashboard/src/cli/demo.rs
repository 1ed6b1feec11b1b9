//! `mingjing demo`

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::{CliError, output};
use crate::config::Config;
use crate::demo::plan::Plan;
use crate::demo::run;

/// A demo county: 516 halls, six months of cases, live traffic and cameras. It keeps its database and its accounts.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  DATABASE_URL=$(scripts/timescaledb url) mingjing demo --cameras 6\n\n\
    The county lives in a database beside the one that DATABASE_URL names (mingjing_demo beside mingjing), and in .mingjing/demo (or demo \
    under MINGJING_STATE)."
)]
pub struct Demo {
    /// Cameras to draw, 0 to 32
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u8).range(0..=32))]
    cameras: u8,
    /// What the county and its story are made from
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Days of history before the first start
    #[arg(long, value_name = "DAYS", default_value_t = Plan::HISTORY_DAYS as u16, value_parser = clap::value_parser!(u16).range(1..=730))]
    days: u16,
    /// Print the second-factor codes of this moment for the demo's accounts, and end
    #[arg(long)]
    codes: bool,
    /// Address and port [default: server.listen of the configuration, 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

impl Demo {
    /// Runs the command.
    ///
    /// # Errors
    /// One sentence that says what is in the way.
    pub async fn run(self, config: Config) -> Result<(), CliError> {
        let state = std::env::var_os("MINGJING_STATE")
            .map_or_else(|| PathBuf::from(".mingjing"), PathBuf::from);
        let dir = state.join("demo");
        if self.codes {
            output::line(&run::codes(&dir)?);
            return Ok(());
        }
        let demo = run::Demo {
            cameras: self.cameras.into(),
            seed: self.seed,
            days: self.days.into(),
            listen: self.listen.unwrap_or(config.server.listen),
            dir,
        };
        let console = config.database_url()?;
        let owner = config.owner_url()?.unwrap_or_else(|| console.clone());
        demo.run(&owner, &console).await
    }
}
