//! What may be written for each number of a profile: its words, unit and range, for whoever edits it by form. What a text may
//! say is decided by the types (`value`, `mingjing_monitor::score`); this describes them, and a test holds the two together.

use std::sync::LazyLock;

use serde::Serialize;
use serde_json::Value as Json;

use super::{STANDARD, numbers, score};

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Workdays.
    Workday,
    /// Minutes.
    Minute,
    /// Seconds.
    Second,
    /// Points of the score.
    Point,
    /// How many of what its words name.
    Count,
}

impl Unit {
    /// All of them, each at its own number.
    pub(super) const ALL: [Self; 5] = [
        Self::Workday,
        Self::Minute,
        Self::Second,
        Self::Point,
        Self::Count,
    ];
}

/// What may be written.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Kind {
    /// True or false.
    Switch,
    /// A number.
    Number {
        /// What it counts.
        unit: Unit,
        /// Not less.
        least: f64,
        /// Not more.
        most: f64,
        /// Digits after the point.
        digits: u8,
    },
    /// A part of a whole, over 0 and up to 1.
    Share,
    /// One of these words.
    Word {
        /// The words.
        of: &'static [&'static str],
    },
    /// Any words; those of the standard are known.
    Words,
    /// A row of whole numbers, none greater than the one before it.
    Falling {
        /// How many.
        count: usize,
        /// Not more.
        most: u8,
    },
}

/// One key of a value: of a plain value the value itself, of a table within a rule each of its keys.
#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) key: &'static str,
    pub(super) words: [&'static str; 2],
    pub(super) kind: Kind,
}

/// A number of a rule, as the list of them has it.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) part: &'static str,
    pub(super) key: &'static str,
    pub(super) words: [&'static str; 2],
    pub(super) leaves: &'static [Leaf],
}

/// A number, or another setting, that a profile may say.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Described {
    /// The rule, `R1`; `clock` or `score`.
    pub part: &'static str,
    /// Its key there; of a table within, `yellow.share`.
    pub key: String,
    /// What it is called, in Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
    /// What may be written for it.
    #[serde(flatten)]
    pub kind: Kind,
    /// Whether an override for part of the county may say it.
    pub scoped: bool,
    /// What the standard says.
    pub standard: Json,
}

/// Every number that a profile may say, the clock first, then the rules by their numbers, then the score.
pub fn catalogue() -> &'static [Described] {
    static ALL: LazyLock<Vec<Described>> = LazyLock::new(|| {
        let standard: toml::Table = STANDARD.parse().unwrap_or_default();
        let rules = numbers::FIELDS
            .iter()
            .flat_map(|field| field.leaves.iter().map(|leaf| of_rule(field, leaf)));
        let score = score::NUMBERS.iter().map(of_score);
        let with_standard = |mut number: Described| {
            let said = at(&standard, number.part, &number.key);
            number.standard = said.map_or(Json::Null, plain);
            number
        };
        rules.chain(score).map(with_standard).collect()
    });
    &ALL
}

/// The number of this name; `None`: there is none.
pub fn described(part: &str, key: &str) -> Option<&'static Described> {
    let mut all = catalogue().iter();
    all.find(|number| number.part == part && number.key == key)
}

fn of_rule(field: &Field, leaf: &Leaf) -> Described {
    let joined = |mark: &str, own: &str, more: &str| match more {
        "" => own.to_owned(),
        more => format!("{own}{mark}{more}"),
    };
    Described {
        part: field.part,
        key: joined(".", field.key, leaf.key),
        zh: joined("：", field.words[0], leaf.words[0]),
        en: joined(": ", field.words[1], leaf.words[1]),
        kind: leaf.kind,
        scoped: true,
        standard: Json::Null,
    }
}

fn of_score(number: &score::Number) -> Described {
    Described {
        part: "score",
        key: number.key.to_owned(),
        zh: number.words[0].to_owned(),
        en: number.words[1].to_owned(),
        kind: number.kind,
        scoped: false,
        standard: Json::Null,
    }
}

/// What a text says for a number, where it says something.
pub(crate) fn at<'a>(table: &'a toml::Table, part: &str, key: &str) -> Option<&'a toml::Value> {
    key.split('.')
        .try_fold(table.get(part)?, |value, key| value.get(key))
}

/// A value without what only TOML tells apart: `2` and `2.0` are the same number.
pub(crate) fn plain(value: &toml::Value) -> Json {
    match value {
        toml::Value::Boolean(on) => Json::from(*on),
        toml::Value::Integer(number) => Json::from(*number),
        toml::Value::Float(number) if number.fract() == 0.0 && number.abs() < 1e9 => {
            Json::from(*number as i64)
        }
        toml::Value::Float(number) => Json::from(*number),
        toml::Value::String(word) => Json::from(word.as_str()),
        toml::Value::Array(items) => items.iter().map(plain).collect(),
        other => Json::from(other.to_string()),
    }
}
