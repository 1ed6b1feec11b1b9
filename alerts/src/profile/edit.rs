//! Changes of single numbers in the text of a profile, as a form makes them. Whatever the change does not touch stays as it was
//! written: comments, order, spaces (`docs/decisions/0031-form-and-text.md`).

use serde::Deserialize;
use serde_json::Value as Json;
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use super::kind::{Described, Kind, at, described, plain};
use super::{MAX_SCOPES, STANDARD};

/// Longest word in a list, or code in a place, in characters.
const MAX_WORD: usize = 64;
/// Words in a list at most.
const MAX_WORDS: usize = 50;

/// A change of a profile's text. Overrides are counted from 0, as the text has them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Edit {
    /// Gives a number a value, in the whole county or in an override.
    Set {
        /// The override; `None`: the whole county.
        scope: Option<usize>,
        /// The rule, `R1`; `clock` or `score`.
        part: String,
        /// Its key there, `yellow.share`.
        key: String,
        /// A value of its kind.
        value: Json,
    },
    /// Takes a number out of an override: there it is again what it is around it. Of a table, `yellow.share`, all goes.
    Unset {
        /// The override.
        scope: usize,
        /// The rule.
        part: String,
        /// Its key there.
        key: String,
    },
    /// Adds an override, after those that are there.
    Add {
        /// Where it holds.
        place: Place,
    },
    /// Takes an override away with all that it says.
    Remove {
        /// The override.
        scope: usize,
    },
}

/// Where an override holds; what is `None` does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Place {
    /// `county`, `town` or `village`.
    pub level: Option<String>,
    /// Code of a hall.
    pub hall: Option<String>,
    /// Code of a unit.
    pub unit: Option<String>,
    /// Code of an item.
    pub item: Option<String>,
}

/// Why a change cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The text is no TOML, or has something else where a table belongs: it has to be put right as text.
    #[error("the text cannot be read")]
    Text,
    /// No such number, or none that an override may say.
    #[error("{0}: there is no such number")]
    Unknown(String),
    /// A value that the number does not take.
    #[error("{at}: {what}")]
    Value {
        /// The number, `R1.share`.
        at: String,
        /// What is wrong.
        what: String,
    },
    /// There are not so many overrides.
    #[error("scope {0}: there is no such override")]
    NoScope(usize),
    /// A place that names nothing, or one that stands already.
    #[error("place: {0}")]
    Place(&'static str),
}

/// The text after a change. That it holds as a whole is not looked at: a weight that goes down waits for another to go up.
///
/// # Errors
/// The text cannot be read; the number, value or override is none.
pub fn edit(text: &str, change: &Edit) -> Result<String, EditError> {
    let mut document: DocumentMut = text.parse().map_err(|_| EditError::Text)?;
    match change {
        Edit::Set {
            scope,
            part,
            key,
            value,
        } => {
            let number = known(part, key)?;
            let value = written(number, value)?;
            match scope {
                None => set_in(whole_county(&mut document, part)?, text, number, value)?,
                Some(nth) if number.scoped => {
                    let scope = nth_scope(&mut document, *nth)?;
                    let table = inner(scope, part, true)?;
                    set_in(table, text, number, value)?;
                    tidy(scope, part);
                }
                Some(_) => return Err(EditError::Unknown(format!("{part}.{key}"))),
            }
        }
        Edit::Unset { scope, part, key } => {
            known(part, key)?;
            unset(nth_scope(&mut document, *scope)?, part, key);
        }
        Edit::Add { place } => add(&mut document, place)?,
        Edit::Remove { scope } => remove(&mut document, *scope)?,
    }
    Ok(document.to_string())
}

fn known(part: &str, key: &str) -> Result<&'static Described, EditError> {
    described(part, key).ok_or_else(|| EditError::Unknown(format!("{part}.{key}")))
}

/// A value of the number's kind, as TOML has it.
fn written(number: &Described, value: &Json) -> Result<Value, EditError> {
    let refused = |what: String| EditError::Value {
        at: format!("{}.{}", number.part, number.key),
        what,
    };
    let float = |most: f64, fits: &dyn Fn(f64) -> bool, what: String| {
        let number = value.as_f64().filter(|&n| fits(n) && n <= most);
        number.map(plain_number).ok_or_else(|| refused(what))
    };
    match number.kind {
        Kind::Switch => value
            .as_bool()
            .map(Value::from)
            .ok_or_else(|| refused("give true or false".to_owned())),
        Kind::Number {
            least,
            most,
            digits,
            ..
        } => {
            let round = 10f64.powi(i32::from(digits));
            let fits = |n: f64| n >= least && ((n * round).round() - n * round).abs() < 1e-6;
            let digits = match digits {
                0 => "a whole number".to_owned(),
                n => format!("a number with at most {n} digits after the point"),
            };
            float(
                most,
                &fits,
                format!("give {digits}, from {least} to {most}"),
            )
        }
        Kind::Share => float(
            1.0,
            &|n| n > 0.0,
            "give a number over 0, up to 1".to_owned(),
        ),
        Kind::Word { of } => value
            .as_str()
            .filter(|word| of.contains(word))
            .map(Value::from)
            .ok_or_else(|| refused(format!("give one of {}", of.join(", ")))),
        Kind::Words => {
            let word = |word: &Json| {
                word.as_str()
                    .map(str::trim)
                    .filter(|word| fit(word))
                    .map(str::to_owned)
            };
            let words = value.as_array().filter(|all| all.len() <= MAX_WORDS);
            let words: Option<Vec<String>> = words.and_then(|all| all.iter().map(word).collect());
            let words = words.map(|all| Value::Array(all.into_iter().collect::<Array>()));
            words.ok_or_else(|| {
                refused(format!(
                    "give at most {MAX_WORDS} words of at most {MAX_WORD} characters"
                ))
            })
        }
        Kind::Falling { count, most } => {
            let number = |n: &Json| n.as_i64().filter(|n| (0..=i64::from(most)).contains(n));
            let numbers = value.as_array().filter(|all| all.len() == count);
            let numbers: Option<Vec<i64>> =
                numbers.and_then(|all| all.iter().map(number).collect());
            let falling = numbers.filter(|all| all.is_sorted_by(|a, b| a >= b));
            let falling = falling.map(|all| Value::Array(all.into_iter().collect::<Array>()));
            falling.ok_or_else(|| {
                refused(format!("give {count} whole numbers from {most} down to 0, none greater than the one before"))
            })
        }
    }
}

fn fit(word: &str) -> bool {
    !word.is_empty() && word.chars().count() <= MAX_WORD && !word.chars().any(char::is_control)
}

fn plain_number(number: f64) -> Value {
    if number.fract() == 0.0 {
        Value::from(number as i64)
    } else {
        Value::from(number)
    }
}

/// Writes a value into the table of its part; of a table within a rule the keys that it needs beside it too.
fn set_in(
    part: &mut dyn TableLike,
    text: &str,
    number: &Described,
    value: Value,
) -> Result<(), EditError> {
    let Some((outer, leaf)) = number.key.split_once('.') else {
        put(part, &number.key, value);
        return Ok(());
    };
    let before = part.get(outer).map(width);
    let new = before.is_none();
    let table = inner(part, outer, number.scoped)?;
    if new && number.scoped {
        for (key, value) in around(text, number.part, outer) {
            table.insert(&key, Item::Value(value));
        }
    }
    put(table, leaf, value);
    tidy(part, outer);
    if let Some(before) = before {
        realign(part, outer, before);
    }
    Ok(())
}

/// What the county has for a table within a rule, or else the standard.
fn around(text: &str, part: &str, outer: &str) -> Vec<(String, Value)> {
    let read = |text: &str| -> Option<toml::Table> {
        let table: toml::Table = text.parse().ok()?;
        at(&table, part, outer)?.as_table().cloned()
    };
    let table = read(text).or_else(|| read(STANDARD)).unwrap_or_default();
    let one = |(key, value): (String, toml::Value)| {
        let value = match plain(&value) {
            Json::String(word) => Value::from(word),
            other => plain_number(other.as_f64()?),
        };
        Some((key, value))
    };
    table.into_iter().filter_map(one).collect()
}

/// Puts a value in the place of another, whose comment stays in its column, or at the end of the table.
fn put(table: &mut dyn TableLike, key: &str, value: Value) {
    let Some(old) = table.get_mut(key).and_then(Item::as_value_mut) else {
        table.insert(key, Item::Value(value));
        return;
    };
    let before = old.to_string().chars().count();
    let decor = old.decor().clone();
    // 2.0 and 2 are the same: who writes one of them goes on with it.
    *old = match value.as_integer() {
        Some(number) if old.is_float() => Value::from(number as f64),
        _ => value,
    };
    *old.decor_mut() = decor;
    realign(table, key, before);
}

fn width(item: &Item) -> usize {
    item.as_value()
        .map_or(0, |value| value.to_string().chars().count())
}

/// Keeps the comment behind a value in its column, where there is room.
fn realign(table: &mut dyn TableLike, key: &str, before: usize) {
    let Some(value) = table.get_mut(key).and_then(Item::as_value_mut) else {
        return;
    };
    let after = value.to_string().chars().count();
    let suffix = value.decor().suffix().and_then(|raw| raw.as_str());
    let Some(comment) = suffix.filter(|suffix| suffix.trim_start().starts_with('#')) else {
        return;
    };
    let comment = comment.to_owned();
    let spaces = comment.len() - comment.trim_start().len();
    let wanted = (spaces + before).saturating_sub(after).max(1);
    let moved = format!("{}{}", " ".repeat(wanted), comment.trim_start());
    value.decor_mut().set_suffix(moved);
}

/// Spaces as usual in a table on one line; one with comments is left as it is.
fn tidy(table: &mut dyn TableLike, key: &str) {
    let inline = table.get_mut(key).and_then(Item::as_value_mut);
    if let Some(Value::InlineTable(inline)) = inline
        && !inline.to_string().contains(['#', '\n'])
    {
        let decor = inline.decor().clone();
        inline.fmt();
        *inline.decor_mut() = decor;
    }
}

/// The table of this name, made where there is none.
fn inner<'a>(
    table: &'a mut dyn TableLike,
    key: &str,
    inline: bool,
) -> Result<&'a mut dyn TableLike, EditError> {
    let new = || {
        if inline {
            Item::Value(Value::InlineTable(InlineTable::new()))
        } else {
            Item::Table(Table::new())
        }
    };
    let item = table.entry(key).or_insert_with(new);
    item.as_table_like_mut().ok_or(EditError::Text)
}

/// The table of a part for the whole county; a new one stands after those of the parts before it.
fn whole_county<'a>(
    document: &'a mut DocumentMut,
    part: &str,
) -> Result<&'a mut dyn TableLike, EditError> {
    if !document.contains_key(part) {
        let own = rank(part);
        let before = document
            .iter()
            .filter(|(key, _)| *key != "scope" && rank(key) < own);
        let place = before.filter_map(|(_, item)| last_position(item)).max();
        let mut table = Table::new();
        table.set_position(Some(place.unwrap_or(0)));
        document.insert(part, Item::Table(table));
    }
    let item = document.get_mut(part).ok_or(EditError::Text)?;
    item.as_table_like_mut().ok_or(EditError::Text)
}

/// The clock first, then the rules by their numbers, then the score.
fn rank(part: &str) -> u32 {
    match part.strip_prefix('R').map(str::parse) {
        Some(Ok(number)) => number,
        _ if part == "clock" => 0,
        _ => u32::MAX,
    }
}

/// Where in the text the last table of an item stands.
fn last_position(item: &Item) -> Option<isize> {
    match item {
        Item::Table(table) => {
            let within = table.iter().filter_map(|(_, item)| last_position(item));
            within.max().max(table.position())
        }
        Item::ArrayOfTables(tables) => {
            let last = |table: &Table| {
                let within = table.iter().filter_map(|(_, item)| last_position(item));
                within.max().max(table.position())
            };
            tables.iter().filter_map(last).max()
        }
        Item::Value(_) | Item::None => None,
    }
}

fn nth_scope(document: &mut DocumentMut, nth: usize) -> Result<&mut dyn TableLike, EditError> {
    let gone = || EditError::NoScope(nth);
    match document.get_mut("scope").ok_or_else(gone)? {
        Item::ArrayOfTables(tables) => {
            let table = tables.get_mut(nth).ok_or_else(gone)?;
            Ok(table)
        }
        Item::Value(Value::Array(tables)) => {
            let table = tables.get_mut(nth).ok_or_else(gone)?;
            let table = table.as_inline_table_mut().ok_or(EditError::Text)?;
            Ok(table)
        }
        _ => Err(EditError::Text),
    }
}

fn unset(scope: &mut dyn TableLike, part: &str, key: &str) {
    let outer = key.split('.').next().unwrap_or(key);
    let Some(table) = scope.get_mut(part).and_then(Item::as_table_like_mut) else {
        return;
    };
    table.remove(outer);
    if table.is_empty() {
        scope.remove(part);
    } else {
        tidy(scope, part);
    }
}

impl Place {
    /// What it names, in the order of the text.
    fn named(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            ("level", &self.level),
            ("hall", &self.hall),
            ("unit", &self.unit),
            ("item", &self.item),
        ];
        all.into_iter()
            .filter_map(|(key, name)| Some((key, name.as_deref()?.trim())))
    }

    fn is(&self, scope: &dyn TableLike) -> bool {
        let said = |key: &str| scope.get(key).and_then(Item::as_str);
        let names = ["level", "hall", "unit", "item"];
        let own = |key: &str| {
            self.named()
                .find(|(named, _)| *named == key)
                .map(|(_, name)| name)
        };
        names.into_iter().all(|key| said(key) == own(key))
    }
}

fn add(document: &mut DocumentMut, place: &Place) -> Result<(), EditError> {
    if place.named().next().is_none() {
        return Err(EditError::Place("name a level, a hall, a unit or an item"));
    }
    if !place.named().all(|(_, name)| fit(name)) {
        return Err(EditError::Place("a code is empty or too long"));
    }
    let mut count = 0;
    while let Ok(scope) = nth_scope(document, count) {
        if place.is(scope) {
            return Err(EditError::Place("there is an override for it already"));
        }
        count += 1;
    }
    if count >= MAX_SCOPES {
        return Err(EditError::Place("there are as many overrides as are taken"));
    }
    let last = document
        .iter()
        .filter_map(|(_, item)| last_position(item))
        .max();
    let mut table = Table::new();
    for (key, name) in place.named() {
        table.insert(key, toml_edit::value(name));
    }
    table.set_position(Some(last.unwrap_or(0) + 1));
    // At the end of the text: what stands there stays before it.
    let end = document.trailing().as_str().unwrap_or_default().to_owned();
    if !end.trim().is_empty() {
        table
            .decor_mut()
            .set_prefix(format!("{}\n\n", end.trim_end()));
        document.set_trailing("");
    }
    let scopes = document
        .entry("scope")
        .or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    match scopes {
        Item::ArrayOfTables(tables) => tables.push(table),
        Item::Value(Value::Array(tables)) => tables.push(table.into_inline_table()),
        _ => return Err(EditError::Text),
    }
    Ok(())
}

fn remove(document: &mut DocumentMut, nth: usize) -> Result<(), EditError> {
    nth_scope(document, nth)?;
    let mut kept = None;
    let mut empty = false;
    match document.get_mut("scope") {
        Some(Item::ArrayOfTables(tables)) => {
            let prefix = |table: &Table| {
                let prefix = table.decor().prefix().and_then(|raw| raw.as_str());
                prefix.unwrap_or("\n").to_owned()
            };
            let above = tables.get(nth).map(prefix);
            tables.remove(nth);
            empty = tables.is_empty();
            // Words above it are kept: they may be about more than this override.
            let above = above.filter(|above| above.contains('#'));
            match (above, tables.get_mut(nth)) {
                (Some(above), Some(next)) => {
                    let joined = format!("{}\n{}", above.trim_end(), prefix(next));
                    next.decor_mut().set_prefix(joined);
                }
                (above, _) => kept = above,
            }
        }
        Some(Item::Value(Value::Array(tables))) => {
            tables.remove(nth);
            empty = tables.is_empty();
        }
        _ => {}
    }
    if empty {
        document.remove("scope");
    }
    if let Some(above) = kept {
        let end = document.trailing().as_str().unwrap_or_default();
        let joined = format!("{}\n{end}", above.trim_end());
        document.set_trailing(joined);
    }
    Ok(())
}
