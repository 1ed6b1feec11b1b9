//! The numbers of a profile as a table that people read, and what one text changes of another.
//!
//! Both come from the text itself: a rule that gets another number needs nothing here.

use std::collections::BTreeMap;

use serde::Serialize;
use toml::{Table, Value};

use crate::profile::STANDARD;

/// The keys of a scope that say where it holds.
const PLACE: [&str; 4] = ["level", "hall", "unit", "item"];

/// A number, or another setting, of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Number {
    /// The rule, `R1`, or `clock`.
    pub part: String,
    /// Its key there; of a table within, `yellow.share`.
    pub key: String,
    /// What it is, as the file would write it.
    pub value: String,
    /// What the standard says, where that is something else.
    pub standard: Option<String>,
    /// Where it is something else.
    pub scopes: Vec<Elsewhere>,
}

/// What a number is in part of the county.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Elsewhere {
    /// Where: `level` `village`, `hall` `320382-T07`.
    pub place: Vec<(String, String)>,
    /// What it is there.
    pub value: String,
}

/// A setting that is not the same in two profiles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// `R1.workdays`; of a scope `level=village R1.workdays`.
    pub key: String,
    /// What it was; `None`: it was not written, and a scope had it from the county.
    pub before: Option<String>,
    /// What it is.
    pub after: Option<String>,
}

/// Where a scope holds, the settings of its rules.
type Scoped = (Vec<(String, String)>, BTreeMap<(String, String), String>);

/// Every number of a text that holds, with those that it leaves to the standard.
pub fn numbers(text: &str) -> Vec<Number> {
    let (own, standard) = (read(text), read(STANDARD));
    let (base, scopes) = (settings(&own), scopes(&own));
    let shipped = settings(&standard);
    let mut all = shipped.clone();
    all.extend(base);
    let number = |((part, key), value): ((String, String), String)| {
        let at = (part, key);
        let elsewhere = scopes.iter().filter_map(|(place, set)| {
            let value = set.get(&at)?.clone();
            let place = place.clone();
            Some(Elsewhere { place, value })
        });
        let scopes = elsewhere.collect();
        let standard = shipped.get(&at).filter(|of| **of != value).cloned();
        let (part, key) = at;
        Number {
            part,
            key,
            value,
            standard,
            scopes,
        }
    };
    let mut numbers: Vec<Number> = all.into_iter().map(number).collect();
    numbers.sort_by_key(|number| rank(&number.part));
    numbers
}

/// What `after` changes of `before`; both hold.
pub fn changes(before: &str, after: &str) -> Vec<Change> {
    let (old, new) = (flat(before), flat(after));
    let mut keys: Vec<&String> = old.keys().chain(new.keys()).collect();
    keys.sort();
    keys.dedup();
    let change = |key: &String| {
        let (before, after) = (old.get(key).cloned(), new.get(key).cloned());
        (before != after).then(|| Change {
            key: key.clone(),
            before,
            after,
        })
    };
    keys.into_iter().filter_map(change).collect()
}

/// Every setting under one name, with those that are left to the standard.
fn flat(text: &str) -> BTreeMap<String, String> {
    let own = read(text);
    let mut all = settings(&read(STANDARD));
    all.extend(settings(&own));
    let mut flat: BTreeMap<String, String> = all
        .into_iter()
        .map(|((part, key), value)| (format!("{part}.{key}"), value))
        .collect();
    for (place, set) in scopes(&own) {
        let words: Vec<String> = place.iter().map(|(k, v)| format!("{k}={v}")).collect();
        for ((part, key), value) in set {
            // Of several that say the same place the later one holds, as the rules read it.
            flat.insert(format!("{} {part}.{key}", words.join(" ")), value);
        }
    }
    flat
}

/// The clock first, then the rules by their numbers.
fn rank(part: &str) -> u32 {
    part.strip_prefix('R')
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

fn read(text: &str) -> Table {
    text.parse().unwrap_or_default()
}

/// The settings of the rules in a table; what names the table or its scopes is none.
fn settings(table: &Table) -> BTreeMap<(String, String), String> {
    let mut all = BTreeMap::new();
    for (part, value) in table {
        if let Value::Table(rule) = value {
            for (key, value) in rule {
                spread(part, key, value, &mut all);
            }
        }
    }
    all
}

fn spread(part: &str, key: &str, value: &Value, all: &mut BTreeMap<(String, String), String>) {
    match value {
        Value::Table(inner) => {
            for (under, value) in inner {
                spread(part, &format!("{key}.{under}"), value, all);
            }
        }
        other => {
            all.insert((part.to_owned(), key.to_owned()), written(other));
        }
    }
}

/// A value as a reader wants it: no quotes around a word, `2` and `2.0` the same number.
fn written(value: &Value) -> String {
    match value {
        Value::String(word) => word.clone(),
        Value::Float(number) => number.to_string(),
        Value::Array(items) => {
            let words: Vec<String> = items.iter().map(written).collect();
            words.join(", ")
        }
        other => other.to_string(),
    }
}

fn scopes(table: &Table) -> Vec<Scoped> {
    let list = table.get("scope").and_then(Value::as_array);
    let read = |scope: &Value| {
        let scope = scope.as_table()?;
        let place = |key: &str| Some((key.to_owned(), scope.get(key)?.as_str()?.to_owned()));
        let place = PLACE.iter().filter_map(|key| place(key)).collect();
        Some((place, settings(scope)))
    };
    list.into_iter().flatten().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "[R1]\nworkdays = 1\n[[scope]]\nlevel = 'village'\nR1 = { workdays = 3.5 }\n\
                        [[scope]]\nitem = 'A'\nR2 = { yellow = { of = 'legal', share = 0.5 } }";

    #[test]
    fn every_number_stands_once_with_what_the_standard_says() {
        let all = numbers(OURS);
        let one = |part: &str, key: &str| {
            let mut found = all.iter().filter(|n| n.part == part && n.key == key);
            let number = found.next().expect(key);
            assert!(found.next().is_none(), "{part}.{key} stands twice");
            number
        };
        let near = one("R1", "workdays");
        assert_eq!(
            (near.value.as_str(), near.standard.as_deref()),
            ("1", Some("2"))
        );
        assert_eq!(near.scopes[0].value, "3.5");
        assert_eq!(
            near.scopes[0].place,
            [("level".to_owned(), "village".to_owned())]
        );
        assert_eq!(one("R2", "yellow.share").scopes[0].value, "0.5");
        assert_eq!(one("R1", "share").standard, None);
        assert_eq!(all[0].part, "clock");
        assert_eq!(all.last().expect("not empty").part, "R15");
    }

    #[test]
    fn a_change_says_what_was_and_what_is() {
        assert_eq!(changes(STANDARD, ""), []);
        assert_eq!(changes("[R1]\nworkdays = 2.0", "[R1]\nworkdays = 2"), []);
        let found = changes(STANDARD, OURS);
        let lines: Vec<String> = found
            .iter()
            .map(|change| {
                let word = |word: &Option<String>| word.clone().unwrap_or_else(|| "-".to_owned());
                format!(
                    "{}: {} → {}",
                    change.key,
                    word(&change.before),
                    word(&change.after)
                )
            })
            .collect();
        assert_eq!(
            lines,
            [
                "R1.workdays: 2 → 1",
                "item=A R2.yellow.of: - → legal",
                "item=A R2.yellow.share: - → 0.5",
                "level=village R1.workdays: - → 3.5",
            ]
        );
    }
}
