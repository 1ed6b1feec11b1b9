//! What is wrong with a profile, all at once and line by line, for whoever writes it.

use std::fmt;

use crate::profile::{MAX_SCOPES, Profile, ProfileError};

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
            ProfileError::Toml { line, .. } => *line,
            ProfileError::EmptyScope(nth) => nth_scope(&lines, *nth),
            ProfileError::TooManyScopes(_) => nth_scope(&lines, MAX_SCOPES + 1),
            ProfileError::Formula(_) => None,
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

/// What is wrong, without the excerpt that the TOML reader puts around it.
fn words(error: &ProfileError) -> String {
    match error {
        ProfileError::Toml { what, .. } => what.clone(),
        other => other.to_string(),
    }
}

fn nth_scope(lines: &[&str], nth: usize) -> Option<usize> {
    let heads = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.trim_start().starts_with("[[scope]]"));
    heads.map(|(i, _)| i + 1).nth(nth - 1)
}

/// Empties a line; a table's head goes with what stands under it, which would else fall to the table before, and a list that
/// goes on over further lines goes whole.
fn take_out(lines: &mut [&str], at: usize) {
    let is_head = |line: &str| line.trim_start().starts_with('[');
    let reads = |lines: &[&str]| lines.join("\n").parse::<toml::Table>().is_ok();
    let (head, read) = (is_head(lines[at]), reads(lines));
    lines[at] = "";
    if head {
        for line in lines[at + 1..].iter_mut().take_while(|line| !is_head(line)) {
            *line = "";
        }
    }
    for further in at + 1..lines.len() {
        if !read || reads(lines) {
            break;
        }
        lines[further] = "";
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
    fn a_fault_in_a_list_over_several_lines_is_named_where_it_stands() {
        let text = "[clock]\nlawful = [\n  'hearing',\n  7,\n  'tender',\n]\ndays = 'weekday'\n[score]\nratings = [\n  100,\n  80,\n]\n\
                    [R15]\nonline_chanels = [\n  'web',\n]\nonline = 1.5\n";
        let faults = faults(text);
        let named: Vec<(usize, &str)> = faults
            .iter()
            .map(|fault| (fault.line, fault.what.split('`').nth(1).unwrap_or_default()))
            .collect();
        let lines: Vec<usize> = named.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [4, 7, 9, 14, 17], "{faults:#?}");
        assert_eq!(named[1].1, "weekday");
        let crowd = "[[scope]]\nlevel = 'town'\n".repeat(MAX_SCOPES + 1);
        let one_too_many = super::faults(&crowd);
        assert_eq!(one_too_many.len(), 1, "{one_too_many:#?}");
        assert_eq!(one_too_many[0].line, 2 * MAX_SCOPES + 1);
    }

    #[test]
    fn rubbish_ends() {
        let rubbish = "[[[=\n".repeat(1_000);
        let found = faults(&rubbish).len();
        assert!((1..=MAX_FAULTS).contains(&found), "{found}");
    }
}
