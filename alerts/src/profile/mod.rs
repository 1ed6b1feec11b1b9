//! Rule profiles (监察规则方案): the numbers of the rules as a county sets them, read from TOML.
//!
//! What a file leaves out is the standard (`deploy/profiles/standard.toml`). A key that is not known, or a value out of range,
//! is an error that names it and its line: a misspelt rule must not silently stay at its default.
//!
//! `numbers` lists every number once, `kind` says what may be written for each, `edit` writes it into a text; `scope` says for
//! which part of a county a table of them holds.

mod edit;
mod error;
mod kind;
mod numbers;
mod scope;
mod score;
mod value;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

pub use edit::{Edit, EditError, Place, edit};
pub use error::{MAX_SCOPES, ProfileError};
pub use kind::{Described, Kind, Unit, catalogue, described};
pub(crate) use kind::{at, plain};
pub use numbers::{
    Counting, Issue, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10, R11, R12, R13, R14, R15, RuleSet,
};
pub use scope::Subject;
pub use value::{
    Count, DayCount, Days, Issuing, Minutes, OverAt, Seconds, Share, Whole, WholeDays,
};

use mingjing_monitor::score::Formula;
use numbers::{File, Scope};

/// The standard profile, as shipped.
pub const STANDARD: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../deploy/profiles/standard.toml"
));

/// A profile in force: its version and its rules.
#[derive(Debug)]
pub struct Profile {
    /// Its version; a card names the one that issued it.
    pub version: i32,
    /// Its name.
    pub name: String,
    /// How months are scored.
    pub formula: Formula,
    base: Arc<RuleSet>,
    scopes: Vec<Scope>,
    /// The rules for each combination of overrides that has come up.
    combined: Mutex<HashMap<u64, Arc<RuleSet>>>,
}

impl Profile {
    /// Reads a profile. `version` is the number under which it is stored.
    ///
    /// # Errors
    /// The first key or value that is wrong, with its line; too many scopes, or one that names nothing.
    pub fn parse(text: &str, version: i32) -> Result<Self, ProfileError> {
        let file: File = toml::from_str(text).map_err(|error| ProfileError::toml(text, &error))?;
        if file.scope.len() > MAX_SCOPES {
            return Err(ProfileError::TooManyScopes(file.scope.len()));
        }
        if let Some(at) = file.scope.iter().position(Scope::is_empty) {
            return Err(ProfileError::EmptyScope(at + 1));
        }
        file.score.check().map_err(ProfileError::Formula)?;
        let mut base = RuleSet::default();
        file.apply(&mut base);
        Ok(Self {
            version,
            name: file.name.unwrap_or_else(|| "unnamed".to_owned()),
            formula: file.score,
            base: Arc::new(base),
            scopes: file.scope,
            combined: Mutex::default(),
        })
    }

    /// The rules for a case.
    pub fn rules(&self, subject: &Subject<'_>) -> Arc<RuleSet> {
        let fit = |sum: u64, (i, scope): (usize, &Scope)| sum | u64::from(scope.fits(subject)) << i;
        let fitting = self.scopes.iter().enumerate().fold(0, fit);
        if fitting == 0 {
            return Arc::clone(&self.base);
        }
        let mut combined = self.combined.lock().unwrap_or_else(PoisonError::into_inner);
        let rules = combined.entry(fitting).or_insert_with(|| {
            let mut rules = RuleSet::clone(&self.base);
            let chosen = self
                .scopes
                .iter()
                .enumerate()
                .filter(|(i, _)| fitting >> i & 1 == 1);
            chosen.for_each(|(_, scope)| scope.apply(&mut rules));
            Arc::new(rules)
        });
        Arc::clone(rules)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mingjing_monitor::org::Level;

    const SHIPPED: [(&str, &str); 4] = [
        ("standard", STANDARD),
        (
            "warning-1wd",
            include_str!("../../../deploy/profiles/warning-1wd.toml"),
        ),
        (
            "promise-90-percent",
            include_str!("../../../deploy/profiles/promise-90-percent.toml"),
        ),
        (
            "calendar-days",
            include_str!("../../../deploy/profiles/calendar-days.toml"),
        ),
    ];

    fn anywhere<'a>() -> Subject<'a> {
        Subject {
            level: Some(Level::County),
            hall: "320382",
            unit: "人社局",
            item: "A",
        }
    }

    #[test]
    fn the_shipped_profiles_hold() {
        for (name, text) in SHIPPED {
            let profile = Profile::parse(text, 1).expect(name);
            assert_eq!(profile.name, name);
        }
        let standard = Profile::parse(STANDARD, 1).expect("it just held");
        assert_eq!(
            *standard.rules(&anywhere()),
            RuleSet::default(),
            "the file says what the program does without it"
        );
        assert_eq!(standard.formula, Formula::default());
    }

    #[test]
    fn an_override_reaches_its_part_and_a_later_one_wins() {
        let text = "
            [[scope]]
            level = 'village'
            R1 = { workdays = 1 }
            R2 = { on = false }
            [[scope]]
            item = 'A'
            R1 = { workdays = 5 }
        ";
        let profile = Profile::parse(text, 1).expect("it is right");
        let rules = |level, item| {
            profile.rules(&Subject {
                level: Some(level),
                item,
                ..anywhere()
            })
        };
        assert_eq!(rules(Level::Town, "B"), profile.base);
        assert_eq!(rules(Level::Village, "B").clock.near.workdays, 1.0);
        let both = rules(Level::Village, "A");
        assert_eq!(
            (both.clock.near.workdays, both.r2.on, both.clock.near.share),
            (5.0, false, 0.3)
        );
        assert_eq!(rules(Level::Town, "A").clock.near.workdays, 5.0);
    }

    #[test]
    fn a_mistake_is_named_with_its_line() {
        for (text, key) in [
            ("[R2]\nyelow = { of = 'promise' }", "yelow"),
            ("[R1]\nshare = 30", "share"),
            ("[R1]\non = true\n[R99]\non = true", "R99"),
            ("[R4]\noverreach = 'orange'", "orange"),
            ("[R15]\ndelivery = 10.5", "delivery"),
            ("[[scope]]\nhall = 'T1'\nR9 = { notice = 10 }", "notice"),
            ("name = 'a'\n[[scope]]\nhal = 'T1'", "hal"),
            ("[[scope]]\nhall = 'T1'\nname = 'T1'", "name"),
            ("[R2]\nred = { of = 'law' }", "law"),
            ("[R3]\ngrade = 'yellow'", "yellow"),
            ("[issue]\nred_card = 'later'", "later"),
            ("[R13]\nnear = -1", "near"),
            ("[[scope]]\nlevel = 'city'", "city"),
            ("[score]\nweights = { fee = 8 }", "fee"),
            ("[score]\nyellow = 2.125", "2.125"),
            ("[[scope]]\nhall = 'T1'\nscore = { red = 1 }", "score"),
        ] {
            let error = Profile::parse(text, 1).expect_err(text).to_string();
            assert!(
                error.contains(key) && error.contains("line "),
                "{text}: {error}"
            );
        }
        assert_eq!(
            Profile::parse("[[scope]]\nR1 = { on = false }", 1).expect_err("it names nothing"),
            ProfileError::EmptyScope(1)
        );
        let lopsided = Profile::parse("[score.weights]\nfees = 9", 1).expect_err("101 points");
        assert!(lopsided.to_string().contains("[score]"), "{lopsided}");
    }

    #[test]
    fn every_rule_of_the_domain_has_its_numbers_in_the_standard_file() {
        for part in (1..=15).map(|n| format!("R{n}")) {
            assert!(
                catalogue().iter().any(|number| number.part == part),
                "{part}"
            );
        }
        // A number that the file leaves out cannot be found by whoever edits it, and one that is not described by whoever
        // edits the form.
        let mut table: toml::Table = toml::from_str(STANDARD).expect("it is TOML");
        table.remove("name");
        let mut written = 0;
        for value in table.values() {
            count(value, &mut written);
        }
        assert_eq!(written, catalogue().len());
        for number in catalogue() {
            assert!(
                !number.standard.is_null(),
                "{}.{} is not written",
                number.part,
                number.key
            );
        }
    }

    fn count(value: &toml::Value, all: &mut usize) {
        match value {
            toml::Value::Table(inner) => inner.values().for_each(|value| count(value, all)),
            _ => *all += 1,
        }
    }
}
