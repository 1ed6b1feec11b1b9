//! `mingjing policy`

use clap::Args;

use super::output;
use crate::policy;

/// Print who may what: every route, message and page, as the console decides by it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mingjing policy --json | jq '.routes[] | select(.public)'")]
pub struct Policy {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Policy {
    /// Runs the command.
    pub fn run(&self) {
        if self.json {
            output::json(&policy::print::json());
        } else {
            output::line(policy::print::markdown().trim_end());
        }
    }
}
