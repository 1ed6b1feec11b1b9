//! What is wrong with a profile, all at once and line by line, for whoever writes it.

use std::fmt;

use crate::profile::{Profile, ProfileError};

/// Faults named at most: who has made more begins with these.
const MAX_FAULTS: usize = 50;

/// A fault of a profile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Its line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.what)
    }
}

/// Every fault, in the order of the lines. Reading stops at the first, so that each is taken out of a copy and the rest is
/// read again.
pub fn faults(text: &str) -> Vec<Fault> {
    let mut lines: Vec<&str> = text.lines().collect();
    let mut faults = Vec::new();
    // A line that is taken out cannot be found again.
    while faults.len() < MAX_FAULTS {
        let error = match Profile::parse(&lines.join("\n"), 1) {
            Ok(_) => break,
            Err(error) => error,
        };
        let line = match &error {
            ProfileError::Toml(message) => line_of(message),
            ProfileError::EmptyScope(nth) => nth_scope(&lines, *nth),
            ProfileError::TooManyScopes(_) | ProfileError::Formula(_) => None,
        };
        let Some(line) =
            line.filter(|line| lines.get(line - 1).is_some_and(|text| !text.is_empty()))
        else {
            // What lies between lines stands at the table that it is about, and nothing can be taken out for it.
            let table = lines.iter().position(|line| line.starts_with("[score"));
            let formula = matches!(error, ProfileError::Formula(_));
            faults.push(Fault {
                line: table.filter(|_| formula).map_or(1, |at| at + 1),
                what: words(&error),
            });
            break;
        };
        faults.push(Fault {
            line,
            what: words(&error),
        });
        take_out(&mut lines, line - 1);
    }
    faults.sort();
    faults
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
        let lines: Vec<usize> = faults.iter().map(|fault| fault.line).collect();
        assert_eq!(lines, [3, 4, 7, 8], "{faults:#?}");
        assert!(faults[0].what.contains("yelow"), "{faults:#?}");
        assert!(super::faults(crate::profile::STANDARD).is_empty());
    }

    #[test]
    fn rubbish_ends() {
        let rubbish = "[[[=\n".repeat(1_000);
        let found = faults(&rubbish).len();
        assert!((1..=MAX_FAULTS).contains(&found), "{found}");
    }
}
