//! Rule profiles (监察规则方案): the numbers of the rules as a county sets them, read from TOML.
//!
//! What a file leaves out is the standard (`deploy/profiles/standard.toml`). A key that is not known, or a value out of range,
//! is an error that names it and its line: a misspelt rule must not silently stay at its default.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use mingjing_monitor::case::{ClockRules, LimitKind};
use mingjing_monitor::clock::Mode;
use mingjing_monitor::org::Level;
use serde::Deserialize;

use crate::card::Grade;

/// The standard profile, as shipped.
pub const STANDARD: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../deploy/profiles/standard.toml"
));

/// What is wrong with a profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// A key or value, with its line.
    #[error("{0}")]
    Toml(String),
    /// More overrides than are taken.
    #[error("{0} scopes are too many: at most {max}", max = MAX_SCOPES)]
    TooManyScopes(usize),
    /// An override that names nothing.
    #[error("scope {0} names none of level, hall, unit and item: put it into the rules themselves")]
    EmptyScope(usize),
}

/// The most `[[scope]]` tables in a profile; which of them fit a case is kept as a bit each.
pub const MAX_SCOPES: usize = 64;

/// When R2 gives a card.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverAt {
    /// Of which limit.
    pub of: LimitKind,
    /// How much of it is used up; 1 when all of it is.
    #[serde(default)]
    pub share: Share,
}

/// A part of a whole, over 0 and up to 1.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "f64")]
pub struct Share(f64);

impl Share {
    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }

    /// Whether it is the whole.
    pub fn is_whole(self) -> bool {
        self.0 >= 1.0
    }
}

impl Default for Share {
    fn default() -> Self {
        Self(1.0)
    }
}

impl TryFrom<f64> for Share {
    type Error = String;

    fn try_from(share: f64) -> Result<Self, String> {
        if share > 0.0 && share <= 1.0 {
            Ok(Self(share))
        } else {
            Err(format!(
                "{share} is no share: give a number over 0, up to 1"
            ))
        }
    }
}

/// Workdays, with fractions.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "f64")]
struct Days(f64);

impl TryFrom<f64> for Days {
    type Error = String;

    fn try_from(days: f64) -> Result<Self, String> {
        if (0.0..=1000.0).contains(&days) {
            Ok(Self(days))
        } else {
            Err(format!("{days} is out of range: give 0 to 1000 workdays"))
        }
    }
}

/// A whole number of workdays.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "i64")]
struct WholeDays(u32);

impl TryFrom<i64> for WholeDays {
    type Error = String;

    fn try_from(days: i64) -> Result<Self, String> {
        match u32::try_from(days) {
            Ok(days @ 0..=1000) => Ok(Self(days)),
            _ => Err(format!("{days} is out of range: give 0 to 1000 workdays")),
        }
    }
}

/// How limits in workdays are counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DayCount {
    /// As workdays.
    #[default]
    Workday,
    /// As calendar days.
    Calendar,
}

/// The numbers of all rules for one kind of case.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleSet {
    /// Clock mode, lawful suspensions, extension, and the numbers of R1 and R13.
    pub clock: ClockRules,
    /// How limits in workdays are counted.
    pub days: DayCount,
    /// R1 near due.
    pub r1: bool,
    /// R2 over.
    pub r2: bool,
    /// When R2 gives a yellow card.
    pub r2_yellow: OverAt,
    /// When R2 gives a red card.
    pub r2_red: OverAt,
    /// R3 step over its limit.
    pub r3: bool,
    /// What R3 gives.
    pub r3_grade: Grade,
    /// R13 special procedure.
    pub r13: bool,
    /// A correction order with a yellow card is to be answered within so many workdays (R12).
    pub answer_yellow: u32,
    /// With a red card.
    pub answer_red: u32,
}

impl Default for RuleSet {
    fn default() -> Self {
        Self {
            clock: ClockRules::default(),
            days: DayCount::default(),
            r1: true,
            r2: true,
            r2_yellow: OverAt {
                of: LimitKind::Promise,
                share: Share::default(),
            },
            r2_red: OverAt {
                of: LimitKind::Legal,
                share: Share::default(),
            },
            r3: true,
            r3_grade: Grade::YellowCard,
            r13: true,
            answer_yellow: 3,
            answer_red: 1,
        }
    }
}

impl RuleSet {
    /// Workdays in which a card of this grade is to be answered; `None` for what asks for no answer.
    pub fn answer_within(&self, grade: Grade) -> Option<u32> {
        match grade {
            Grade::YellowCard => Some(self.answer_yellow),
            Grade::RedCard => Some(self.answer_red),
            Grade::Notice | Grade::Warning => None,
        }
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ClockPart {
    mode: Option<Mode>,
    days: Option<DayCount>,
    lawful: Option<BTreeSet<String>>,
    max_extension: Option<WholeDays>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct R1Part {
    on: Option<bool>,
    workdays: Option<Days>,
    share: Option<Share>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct R2Part {
    on: Option<bool>,
    yellow: Option<OverAt>,
    red: Option<OverAt>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct R3Part {
    on: Option<bool>,
    grade: Option<Grade>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct R12Part {
    yellow: Option<WholeDays>,
    red: Option<WholeDays>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct R13Part {
    on: Option<bool>,
    near: Option<WholeDays>,
    red_after: Option<WholeDays>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    name: Option<String>,
    clock: ClockPart,
    #[serde(rename = "R1")]
    r1: R1Part,
    #[serde(rename = "R2")]
    r2: R2Part,
    #[serde(rename = "R3")]
    r3: R3Part,
    #[serde(rename = "R12")]
    r12: R12Part,
    #[serde(rename = "R13")]
    r13: R13Part,
    scope: Vec<Scope>,
}

/// Part of a county with numbers of its own.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Scope {
    level: Option<Level>,
    hall: Option<String>,
    unit: Option<String>,
    item: Option<String>,
    clock: ClockPart,
    #[serde(rename = "R1")]
    r1: R1Part,
    #[serde(rename = "R2")]
    r2: R2Part,
    #[serde(rename = "R3")]
    r3: R3Part,
    #[serde(rename = "R12")]
    r12: R12Part,
    #[serde(rename = "R13")]
    r13: R13Part,
}

fn set<T: Copy>(kept: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *kept = given;
    }
}

impl Scope {
    fn fits(&self, subject: &Subject<'_>) -> bool {
        let fits =
            |wanted: &Option<String>, is: &str| wanted.as_ref().is_none_or(|wanted| wanted == is);
        self.level.is_none_or(|level| Some(level) == subject.level)
            && fits(&self.hall, subject.hall)
            && fits(&self.unit, subject.unit)
            && fits(&self.item, subject.item)
    }

    fn apply(&self, rules: &mut RuleSet) {
        set(&mut rules.clock.mode, self.clock.mode);
        set(&mut rules.days, self.clock.days);
        if let Some(lawful) = &self.clock.lawful {
            rules.clock.lawful.clone_from(lawful);
        }
        set(
            &mut rules.clock.max_extension,
            self.clock.max_extension.map(|days| days.0),
        );
        set(&mut rules.r1, self.r1.on);
        set(
            &mut rules.clock.near.workdays,
            self.r1.workdays.map(|days| days.0),
        );
        set(&mut rules.clock.near.share, self.r1.share.map(Share::get));
        set(&mut rules.r2, self.r2.on);
        set(&mut rules.r2_yellow, self.r2.yellow);
        set(&mut rules.r2_red, self.r2.red);
        set(&mut rules.r3, self.r3.on);
        set(&mut rules.r3_grade, self.r3.grade);
        set(&mut rules.answer_yellow, self.r12.yellow.map(|days| days.0));
        set(&mut rules.answer_red, self.r12.red.map(|days| days.0));
        set(&mut rules.r13, self.r13.on);
        set(
            &mut rules.clock.special_near,
            self.r13.near.map(|days| days.0),
        );
        set(
            &mut rules.clock.special_red,
            self.r13.red_after.map(|days| days.0),
        );
    }
}

/// What a case is judged as: decides which overrides fit.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Level of its hall; `None` when the hall is not known.
    pub level: Option<Level>,
    /// Code of its hall.
    pub hall: &'a str,
    /// Code of its unit.
    pub unit: &'a str,
    /// Code of its item.
    pub item: &'a str,
}

/// A profile in force: its version and its rules.
#[derive(Debug)]
pub struct Profile {
    /// Its version; a card names the one that issued it.
    pub version: i32,
    /// Its name.
    pub name: String,
    base: Arc<RuleSet>,
    scopes: Vec<Scope>,
    /// The rules for each combination of overrides that has come up.
    combined: Mutex<HashMap<u64, Arc<RuleSet>>>,
}

impl Profile {
    /// Reads a profile. `version` is the number under which it is stored.
    pub fn parse(text: &str, version: i32) -> Result<Self, ProfileError> {
        let file: File = toml::from_str(text)
            .map_err(|error| ProfileError::Toml(error.to_string().trim_end().to_owned()))?;
        if file.scope.len() > MAX_SCOPES {
            return Err(ProfileError::TooManyScopes(file.scope.len()));
        }
        let empty = |scope: &Scope| {
            scope.level.is_none()
                && scope.hall.is_none()
                && scope.unit.is_none()
                && scope.item.is_none()
        };
        if let Some(at) = file.scope.iter().position(empty) {
            return Err(ProfileError::EmptyScope(at + 1));
        }
        let mut base = RuleSet::default();
        let whole = Scope {
            clock: file.clock,
            r1: file.r1,
            r2: file.r2,
            r3: file.r3,
            r12: file.r12,
            r13: file.r13,
            ..Scope::default()
        };
        whole.apply(&mut base);
        Ok(Self {
            version,
            name: file.name.unwrap_or_else(|| "unnamed".to_owned()),
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

    const SHIPPED: [(&str, &str); 4] = [
        ("standard", STANDARD),
        (
            "warning-1wd",
            include_str!("../../deploy/profiles/warning-1wd.toml"),
        ),
        (
            "promise-90-percent",
            include_str!("../../deploy/profiles/promise-90-percent.toml"),
        ),
        (
            "calendar-days",
            include_str!("../../deploy/profiles/calendar-days.toml"),
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
            (both.clock.near.workdays, both.r2, both.clock.near.share),
            (5.0, false, 0.3)
        );
        assert_eq!(rules(Level::Town, "A").clock.near.workdays, 5.0);
    }

    #[test]
    fn a_mistake_is_named_with_its_line() {
        for (text, key) in [
            ("[R2]\nyelow = { of = 'promise' }", "yelow"),
            ("[R1]\nshare = 30", "share"),
            ("[R1]\non = true\n[R4]\non = true", "R4"),
            ("[R2]\nred = { of = 'law' }", "law"),
            ("[R3]\ngrade = 'yellow'", "yellow"),
            ("[R13]\nnear = -1", "near"),
            ("[[scope]]\nlevel = 'city'", "city"),
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
    }
}
