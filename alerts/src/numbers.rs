//! The numbers of a profile as a table that people read, and what one text changes of another.
//!
//! Both come from the text and from the one list of numbers: a rule that gets another number needs nothing here.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value as Json;
use toml::{Table, Value};

use crate::profile::{STANDARD, at, catalogue, plain};

/// The keys of a scope that say where it holds.
const PLACE: [&str; 4] = ["level", "hall", "unit", "item"];

/// Where a scope holds: `level` `village`, `hall` `320382-T07`.
pub type Place = Vec<(String, String)>;

/// A number, or another setting, of a rule; what it is called and may be says `profile::catalogue`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Number {
    /// The rule, `R1`; `clock` or `score`.
    pub part: &'static str,
    /// Its key there; of a table within, `yellow.share`.
    pub key: &'static str,
    /// What it is.
    pub value: Json,
    /// What the standard says, where that is something else.
    pub standard: Option<Json>,
    /// Where it is something else.
    pub scopes: Vec<Elsewhere>,
}

/// What a number is in part of the county.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Elsewhere {
    /// Which override says it, from 0.
    pub scope: usize,
    /// Where it holds.
    pub place: Place,
    /// What it is there.
    pub value: Json,
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

/// Every number of a text, with those that it leaves to the standard; none of a text that is no TOML.
pub fn numbers(text: &str) -> Vec<Number> {
    let Ok(own) = text.parse::<Table>() else {
        return Vec::new();
    };
    let scopes = scopes(&own);
    let all = catalogue().iter().map(|number| {
        let said = |table: &Table| at(table, number.part, &number.key).map(plain);
        let value = said(&own).unwrap_or_else(|| number.standard.clone());
        let elsewhere = scopes.iter().enumerate().filter_map(|(scope, table)| {
            Some(Elsewhere {
                scope,
                place: place(table),
                value: said(table)?,
            })
        });
        Number {
            part: number.part,
            key: &number.key,
            standard: Some(&number.standard)
                .filter(|&standard| *standard != value)
                .cloned(),
            value,
            scopes: elsewhere.collect(),
        }
    });
    all.collect()
}

/// Where the overrides of a text hold, in its order; one that says nothing yet is among them.
pub fn places(text: &str) -> Vec<Place> {
    scopes(&read(text)).into_iter().map(place).collect()
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
    for scope in scopes(&own) {
        let words: Vec<String> = place(scope)
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        for ((part, key), value) in settings(scope) {
            // Of several that say the same place the later one holds, as the rules read it.
            flat.insert(format!("{} {part}.{key}", words.join(" ")), value);
        }
    }
    flat
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

fn scopes(table: &Table) -> Vec<&Table> {
    let list = table.get("scope").and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(Value::as_table)
        .collect()
}

fn place(scope: &Table) -> Place {
    let named = |key: &str| Some((key.to_owned(), scope.get(key)?.as_str()?.to_owned()));
    PLACE.iter().filter_map(|key| named(key)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
        assert_eq!((&near.value, &near.standard), (&json!(1), &Some(json!(2))));
        assert_eq!(
            (near.scopes[0].scope, &near.scopes[0].value),
            (0, &json!(3.5))
        );
        assert_eq!(
            near.scopes[0].place,
            [("level".to_owned(), "village".to_owned())]
        );
        assert_eq!(one("R2", "yellow.share").scopes[0].value, json!(0.5));
        assert_eq!(one("R1", "share").standard, None);
        assert_eq!(all[0].part, "clock");
        assert_eq!(all.last().expect("not empty").part, "score");
        assert_eq!(places(OURS).len(), 2);
        assert_eq!(numbers("[R1\n"), [], "no TOML");
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
