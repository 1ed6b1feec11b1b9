//! Items (事项): what may be applied for, and the versions of the rules it is handled under.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::event::Yuan;
use crate::limit::Limit;

/// How a case of an item is handled.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum HandlingKind {
    /// Done on the spot, the same day (即办件).
    Immediate,
    /// Done within a promised limit (承诺件).
    #[default]
    Promised,
    /// Received here and sent up to a higher level (上报件).
    Forwarded,
    /// Handled by several units together (联办件).
    Joint,
}

/// One step (环节) of an item's process, in the order in which it stands in [`ItemVersion::steps`]. Where it says no more than
/// its code, it is to be done once, by anybody, after all that stand before it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Code, as events name it.
    pub code: String,
    /// Name for the screen.
    pub name: String,
    /// How long the step may take; `None` when it has no limit of its own (then R3 does not judge it).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// The role that may do it; `None` when anybody may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Whether a case may do without it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// Whether a case may do it more than once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeatable: bool,
    /// Whether it happens outside the system (site survey, collective decision): its return is checked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub offline: bool,
    /// The steps that must be done before it; `None`: all that stand before it. An empty list: it may be done at any time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Vec<String>>,
}

/// One version of an item: the limits and steps in force from a day on. A case is handled under one version for its
/// whole life, the one in force when it was accepted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemVersion {
    /// The item's code.
    pub code: String,
    /// Counts up from 1.
    pub version: u32,
    /// The instant from which it is in force.
    pub valid_from: DateTime<Utc>,
    /// Name in Chinese.
    pub name: String,
    /// Name in English; empty when there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name_en: String,
    /// Code of the unit that answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// How its cases are handled.
    pub kind: HandlingKind,
    /// The hall's promise; `None` when nothing is promised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promise: Option<Limit>,
    /// What the law allows; `None` when the law sets no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal: Option<Limit>,
    /// The ordered steps; empty when the item's process is not described.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// What a case costs; `None` when the fee standard is not known here, 0 when nothing may be charged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee: Option<Yuan>,
    /// Whether the result is delivered to the applicant, and the source tells of it: only then is a delivery missed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub delivers: bool,
}

impl ItemVersion {
    /// The step with this code.
    pub fn step(&self, code: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.code == code)
    }

    /// Whether its steps can be followed: no code twice, and no step after one that is not there, or after itself.
    ///
    /// # Errors
    /// What is wrong, naming the step.
    pub fn check_steps(&self) -> Result<(), String> {
        for (nth, step) in self.steps.iter().enumerate() {
            let code = &step.code;
            if self.steps[..nth].iter().any(|other| other.code == *code) {
                return Err(format!("step {code} stands there twice"));
            }
            let missing = |after: &&String| self.step(after).is_none();
            if let Some(after) = step.after.iter().flatten().find(missing) {
                return Err(format!(
                    "step {code} comes after {after}, which is no step of it"
                ));
            }
            let (mut seen, mut next) = (HashSet::new(), vec![step]);
            while let Some(one) = next.pop() {
                for earlier in self.before(one).filter(|it| seen.insert(it.code.as_str())) {
                    if earlier.code == *code {
                        return Err(format!("step {code} comes after itself"));
                    }
                    next.push(earlier);
                }
            }
        }
        Ok(())
    }

    /// The steps that must be done before `step`, which is one of its own.
    pub fn before<'a>(&'a self, step: &'a Step) -> impl Iterator<Item = &'a Step> {
        let listed = self
            .steps
            .iter()
            .take_while(move |earlier| earlier.code != step.code)
            .filter(|_| step.after.is_none());
        let named = step.after.iter().flatten();
        listed.chain(named.filter_map(|code| self.step(code)))
    }
}

/// An item with all its versions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<ItemVersion>", into = "Vec<ItemVersion>")]
pub struct Item {
    versions: Vec<ItemVersion>,
}

impl From<Vec<ItemVersion>> for Item {
    fn from(mut versions: Vec<ItemVersion>) -> Self {
        versions.sort_by_key(|version| (version.valid_from, version.version));
        Self { versions }
    }
}

impl From<Item> for Vec<ItemVersion> {
    fn from(item: Item) -> Self {
        item.versions
    }
}

impl Item {
    /// Every version, oldest first.
    pub fn versions(&self) -> &[ItemVersion] {
        &self.versions
    }

    /// The version in force at `instant`. Before the first version was in force the first one
    /// answers: a case accepted earlier than the catalogue reaches is better judged by the oldest known rule than by none.
    pub fn at(&self, instant: DateTime<Utc>) -> Option<&ItemVersion> {
        let later = self
            .versions
            .partition_point(|version| version.valid_from <= instant);
        self.versions.get(later.saturating_sub(1))
    }

    /// The version with this number.
    pub fn version(&self, number: u32) -> Option<&ItemVersion> {
        self.versions
            .iter()
            .find(|version| version.version == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(number: u32, from: &str) -> ItemVersion {
        ItemVersion {
            code: "T07-PENSION".into(),
            version: number,
            valid_from: from.parse().unwrap(),
            name: "养老保险待遇核定".into(),
            promise: Some(Limit::workdays(7)),
            legal: Some(Limit::workdays(20)),
            ..ItemVersion::default()
        }
    }

    #[test]
    fn a_step_comes_after_those_listed_before_it_or_those_it_names() {
        let step = |code: &str, after: Option<&[&str]>| Step {
            code: code.into(),
            after: after.map(|codes| codes.iter().map(|&code| code.into()).collect()),
            ..Step::default()
        };
        let item = ItemVersion {
            steps: vec![
                step("a", None),
                step("b", None),
                step("c", Some(&["a"])),
                step("d", Some(&[])),
                step("e", None),
            ],
            ..ItemVersion::default()
        };
        let before = |code: &str| {
            let codes = item.before(item.step(code).unwrap());
            codes.map(|step| step.code.as_str()).collect::<String>()
        };
        assert_eq!(
            ["a", "b", "c", "d", "e"].map(before),
            ["", "a", "a", "", "abcd"]
        );
        assert_eq!(item.check_steps(), Ok(()));
        let refused = |steps: Vec<Step>| {
            let item = ItemVersion {
                steps,
                ..ItemVersion::default()
            };
            item.check_steps().unwrap_err()
        };
        assert!(refused(vec![step("a", None), step("a", None)]).contains("twice"));
        assert!(refused(vec![step("a", Some(&["b"]))]).contains("no step"));
        let round = vec![step("a", Some(&["b"])), step("b", None)];
        assert!(refused(round).contains("after itself"));
    }

    #[test]
    fn the_version_in_force_at_an_instant() {
        let item = Item::from(vec![
            version(2, "2025-07-01T00:00:00Z"),
            version(1, "2020-01-01T00:00:00Z"),
        ]);
        let at = |instant: &str| {
            item.at(instant.parse().unwrap())
                .map(|version| version.version)
        };
        assert_eq!(at("2025-06-30T23:59:59Z"), Some(1));
        assert_eq!(at("2025-07-01T00:00:00Z"), Some(2));
        assert_eq!(
            at("2019-12-31T00:00:00Z"),
            Some(1),
            "older than the catalogue: the oldest rule known"
        );
        assert_eq!(
            Item::default().at("2025-07-01T00:00:00Z".parse().unwrap()),
            None
        );
    }
}
