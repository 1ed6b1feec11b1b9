//! `mingjing profile`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use mingjing_alerts::profile::{Profile, ProfileError};
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
            output::json(&json!({"file": file, "ok": faults.is_empty(), "faults": faults}));
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

/// Every fault, as `line: what`, in the order of the lines. Reading stops at the first, so that each is taken out of a copy and the rest is read again.
fn faults(text: &str) -> Vec<String> {
    let mut lines: Vec<&str> = text.lines().collect();
    let mut faults = Vec::new();
    // A line that is taken out cannot be found again, and there are only so many.
    for _ in 0..=lines.len() {
        let error = match Profile::parse(&lines.join("\n"), 1) {
            Ok(_) => break,
            Err(error) => error,
        };
        let line = match &error {
            ProfileError::Toml(message) => line_of(message),
            ProfileError::EmptyScope(nth) => nth_scope(&lines, *nth),
            ProfileError::TooManyScopes(_) => None,
        };
        let Some(line) =
            line.filter(|line| lines.get(line - 1).is_some_and(|text| !text.is_empty()))
        else {
            faults.push((1, words(&error)));
            break;
        };
        faults.push((line, words(&error)));
        take_out(&mut lines, line - 1);
    }
    faults.sort_by_key(|(line, _)| *line);
    let written = faults.iter().map(|(line, what)| format!("{line}: {what}"));
    written.collect()
}

/// The line (from 1) that a message of the TOML reader names.
fn line_of(message: &str) -> Option<usize> {
    let rest = message.split_once("at line ")?.1;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok().filter(|&line| line > 0)
}

/// What is wrong, without the excerpt that the TOML reader puts around it.
fn words(error: &ProfileError) -> String {
    let text = error.to_string();
    match error {
        ProfileError::Toml(_) => {
            let drawn = |line: &&str| {
                !line.contains(" | ")
                    && !line.trim_end().ends_with('|')
                    && !line.starts_with("TOML parse error")
            };
            let words: Vec<&str> = text.lines().filter(drawn).map(str::trim).collect();
            words.join(" ")
        }
        _ => text,
    }
}

fn nth_scope(lines: &[&str], nth: usize) -> Option<usize> {
    let heads = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.trim_start().starts_with("[[scope]]"));
    heads.map(|(i, _)| i + 1).nth(nth - 1)
}

/// Empties a line; a table's head goes with what stands under it, which would else fall to the table before.
fn take_out(lines: &mut [&str], at: usize) {
    let is_head = |line: &str| line.trim_start().starts_with('[');
    let head = is_head(lines[at]);
    lines[at] = "";
    if head {
        for line in lines[at + 1..].iter_mut().take_while(|line| !is_head(line)) {
            *line = "";
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_named_with_its_line() {
        let text = "name = \"ours\"\n[R2]\nyelow = { of = \"promise\" }\n[R99]\non = true\n[R1]\nshare = 30\n[[scope]]\nR1 = { on = false }\n";
        let faults = faults(text);
        let lines: Vec<&str> = faults
            .iter()
            .filter_map(|fault| fault.split(':').next())
            .collect();
        assert_eq!(lines, ["3", "4", "7", "8"], "{faults:#?}");
        assert!(
            faults.iter().any(|fault| fault.contains("yelow")),
            "{faults:#?}"
        );
        assert!(super::faults(mingjing_alerts::profile::STANDARD).is_empty());
    }
}
