//! The mapping file: which column or attribute of a log means what (`interfaces.md`, "Mapping file"; `docs/mapping.md`).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use chrono_tz::Tz;
use mingjing_monitor::event::EventKind;
use mingjing_monitor::item::HandlingKind;
use mingjing_monitor::limit::Limit;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::times;

/// A mapping, checked. Strict: an unknown key is an error with its line.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// The system that the log comes from.
    pub source: Source,
    /// Columns of a table, or attributes of a case.
    pub case: Case,
    /// Columns of a table whose rows are events, or attributes of an event. Left out: a row of a table is a whole case.
    #[serde(default)]
    pub event: Option<Event>,
}

/// The system that a log comes from, and how it writes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The CloudEvents source of all its events.
    pub id: String,
    /// For times that carry no offset.
    #[serde(default = "shanghai")]
    pub timezone: Tz,
    /// How it writes times, tried in turn before ISO 8601: `["%m/%d/%Y %I:%M:%S %p"]`.
    #[serde(default, deserialize_with = "formats")]
    pub time_formats: Vec<String>,
    /// A time of exactly midnight stands for the date alone.
    #[serde(default)]
    pub midnight_is_date: bool,
    /// What separates the cells of a table.
    #[serde(default = "comma")]
    pub delimiter: char,
}

/// Where the fields of a case stand. Each `…_at` that has a value makes one event.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The case's number.
    pub id: String,
    /// Code of the hall.
    pub hall: Field,
    /// Code of the unit.
    #[serde(default)]
    pub unit: Option<Field>,
    /// Code of the item.
    #[serde(default)]
    pub item: Option<Field>,
    /// Number of the window.
    #[serde(default)]
    pub window: Option<Field>,
    /// Who accepted it.
    #[serde(default)]
    pub handler: Option<Field>,
    /// How the application came in.
    #[serde(default)]
    pub channel: Option<Field>,
    /// How it is handled, for all cases alike.
    #[serde(default)]
    pub kind: Option<HandlingKind>,
    /// What was decided.
    #[serde(default)]
    pub result: Option<Field>,
    /// When it was applied for.
    #[serde(default)]
    pub applied_at: Option<String>,
    /// When it was accepted: the clock starts.
    #[serde(default)]
    pub accepted_at: Option<String>,
    /// When it was decided; no value: open.
    #[serde(default)]
    pub completed_at: Option<String>,
    /// When it was refused.
    #[serde(default)]
    pub refused_at: Option<String>,
    /// When it was withdrawn.
    #[serde(default)]
    pub withdrawn_at: Option<String>,
    /// When it was voided.
    #[serde(default)]
    pub voided_at: Option<String>,
    /// When the result was delivered.
    #[serde(default)]
    pub delivered_at: Option<String>,
    /// The instant when the promise falls due. Only a date: the end of that day.
    #[serde(default)]
    pub promise_due: Option<String>,
    /// The instant when the legal limit falls due.
    #[serde(default)]
    pub legal_due: Option<String>,
    /// Promise limit of all cases alike.
    #[serde(default)]
    pub promise_limit: Option<Limit>,
    /// Legal limit of all cases alike.
    #[serde(default)]
    pub legal_limit: Option<Limit>,
    /// The first event of a case is its acceptance (beside what it is itself), for a log that has no date of it.
    #[serde(default)]
    pub accepted_with_first_event: bool,
}

/// Where the fields of an event stand.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Code of the step, and the key into `types`.
    pub step: String,
    /// When.
    pub time: String,
    /// Who.
    #[serde(default)]
    pub handler: Option<Field>,
    /// The event's own id; left out, it is a hash of case, type, step, time, handler and occurrence.
    #[serde(default)]
    pub id: Option<String>,
    /// The role in which the handler acts.
    #[serde(default)]
    pub role: Option<Field>,
    /// What came of the step.
    #[serde(default)]
    pub result: Option<Field>,
    /// Unit that does the step, where it is not the case's.
    #[serde(default)]
    pub unit: Option<Field>,
    /// Where the life cycle of a step stands (`lifecycle:transition`); see `transitions`.
    #[serde(default)]
    pub lifecycle: Option<String>,
    /// What a value of `lifecycle` means. Left out: `start` is a started step. Comes after `types`.
    #[serde(default = "transitions")]
    pub transitions: BTreeMap<String, EventType>,
    /// What a step means when it is more than a step. What is not listed is a finished step.
    #[serde(default)]
    pub types: BTreeMap<String, EventType>,
    /// Values of `step` in which a case waits for somebody else: from such an event to the next of its case the clock stands
    /// still. The constants of `case.suspended` say on what ground.
    #[serde(default)]
    pub waiting: BTreeSet<String>,
    /// Data of an event type that the log does not have: `[event.constants."case.suspended"] kind = "hearing"`.
    #[serde(default)]
    pub constants: BTreeMap<EventType, toml::Table>,
    /// The kinds of `types` and `transitions` with their constants, checked.
    #[serde(skip)]
    pub(super) kinds: HashMap<String, EventKind>,
}

/// The type of an event of a case or of a hall's service, or `ignore`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventType(pub(super) String);

/// Types that a row may make: `ignore` leaves the event out.
pub(super) const IGNORE: &str = "ignore";

/// The type that a waiting state makes.
pub(super) const SUSPENDED: &str = "case.suspended";

/// A value: from a column (`"group"`), a constant (`{ value = "WABO" }`), or a column with a stand-in for where it is empty
/// (`{ column = "group", default = "none" }`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The column or attribute.
    pub column: Option<String>,
    /// The constant, or the stand-in.
    pub default: Option<String>,
}

/// Why a mapping cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// The file cannot be read.
    #[error("cannot read the mapping {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A key or value is wrong; the text names its line.
    #[error("{0}")]
    Wrong(String),
    /// Data of an event type is wrong or missing.
    #[error("[event.constants.{event_type:?}]: {reason}")]
    Constants {
        /// The type.
        event_type: String,
        /// What is wrong.
        reason: String,
    },
}

impl Mapping {
    /// Reads a mapping file.
    ///
    /// # Errors
    /// The first wrong key or value, with its line.
    pub fn load(path: &Path) -> Result<Self, MappingError> {
        let text = std::fs::read_to_string(path).map_err(|source| MappingError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        match Self::parse(&text) {
            Err(MappingError::Wrong(message)) => Err(MappingError::Wrong(format!(
                "{}: {message}",
                path.display()
            ))),
            outcome => outcome,
        }
    }

    /// Reads a mapping.
    ///
    /// # Errors
    /// The first wrong key or value, with its line.
    pub fn parse(text: &str) -> Result<Self, MappingError> {
        let mut mapping: Self =
            toml::from_str(text).map_err(|error| MappingError::Wrong(error.to_string()))?;
        if let Some(event) = &mut mapping.event {
            event.kinds = event.check_kinds()?;
        }
        Ok(mapping)
    }

    /// Every column or attribute that it names.
    pub(super) fn columns(&self) -> impl Iterator<Item = &str> {
        let case = &self.case;
        let fields = [
            &case.unit,
            &case.item,
            &case.window,
            &case.handler,
            &case.channel,
            &case.result,
        ];
        let times = [
            &case.applied_at,
            &case.accepted_at,
            &case.completed_at,
            &case.refused_at,
            &case.withdrawn_at,
            &case.voided_at,
            &case.delivered_at,
            &case.promise_due,
            &case.legal_due,
        ];
        let of_case = fields
            .into_iter()
            .flatten()
            .chain([&case.hall])
            .filter_map(|field| field.column.as_ref())
            .chain(times.into_iter().flatten())
            .chain([&case.id]);
        of_case
            .chain(self.event.iter().flat_map(Event::columns))
            .map(String::as_str)
    }
}

impl Event {
    fn columns(&self) -> impl Iterator<Item = &String> {
        let fields = [&self.handler, &self.role, &self.result, &self.unit];
        fields
            .into_iter()
            .flatten()
            .filter_map(|field| field.column.as_ref())
            .chain([&self.step, &self.time])
            .chain(&self.id)
            .chain(&self.lifecycle)
    }

    /// A kind for each type that can come up. Steps get their code later.
    fn check_kinds(&self) -> Result<HashMap<String, EventKind>, MappingError> {
        let suspended = EventType(SUSPENDED.into());
        let used = self
            .types
            .values()
            .chain(self.transitions.values())
            .chain(self.constants.keys())
            .chain((!self.waiting.is_empty()).then_some(&suspended));
        let mut kinds = HashMap::new();
        for EventType(name) in used {
            if name == IGNORE || kinds.contains_key(name) {
                continue;
            }
            let wrong = |reason: String| MappingError::Constants {
                event_type: name.clone(),
                reason,
            };
            let constants = self
                .constants
                .get(&EventType(name.clone()))
                .cloned()
                .unwrap_or_default();
            let mut data =
                serde_json::to_value(&constants).map_err(|error| wrong(error.to_string()))?;
            if name.starts_with("case.step_") && data.get("step").is_none() {
                data["step"] = "".into();
            }
            let json = serde_json::json!({ "type": name, "data": data });
            // A kind that carries nothing has no data at all.
            let bare = || {
                constants
                    .is_empty()
                    .then(|| serde_json::from_value(serde_json::json!({ "type": name })).ok())
            };
            let kind: EventKind = match (serde_json::from_value(json), bare().flatten()) {
                (Ok(kind), _) | (Err(_), Some(kind)) => kind,
                (Err(error), None) => {
                    return Err(wrong(format!(
                        "{error}; set it here, because the log does not have it"
                    )));
                }
            };
            let understood =
                serde_json::to_value(&kind).map_err(|error| wrong(error.to_string()))?;
            if let Some(key) = constants
                .keys()
                .find(|key| understood["data"].get(key.as_str()).is_none())
            {
                return Err(wrong(format!("`{key}` is no field of {name}")));
            }
            kinds.insert(name.clone(), kind);
        }
        Ok(kinds)
    }
}

fn shanghai() -> Tz {
    chrono_tz::Asia::Shanghai
}

fn comma() -> char {
    ','
}

fn transitions() -> BTreeMap<String, EventType> {
    BTreeMap::from([("start".into(), EventType("case.step_started".into()))])
}

fn formats<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let formats = Vec::<String>::deserialize(deserializer)?;
    match formats.iter().find(|format| !times::is_format(format)) {
        Some(bad) => Err(D::Error::custom(format!(
            "{bad:?} is no time format: write it like \"%m/%d/%Y %I:%M:%S %p\""
        ))),
        None => Ok(formats),
    }
}

/// What a row may be: something of its case, or of the service of its hall.
fn types() -> impl Iterator<Item = &'static str> {
    let of_log = ["case.", "hall.", "terminal.", "service."];
    let known = EventKind::TYPES.iter().copied();
    known.filter(move |name| of_log.iter().any(|family| name.starts_with(family)))
}

impl<'de> Deserialize<'de> for EventType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        if name == IGNORE || types().any(|known| known == name) {
            Ok(Self(name))
        } else {
            let types: Vec<_> = types().collect();
            Err(D::Error::custom(format!(
                "{name:?} is no type of an event that a log tells: use one of {types:?} or \"{IGNORE}\""
            )))
        }
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldVisitor)
    }
}

struct FieldVisitor;

impl<'de> Visitor<'de> for FieldVisitor {
    type Value = Field;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a column's name, { value = \"…\" }, or { column = \"…\", default = \"…\" }")
    }

    fn visit_str<E: serde::de::Error>(self, column: &str) -> Result<Field, E> {
        Ok(Field {
            column: Some(column.to_owned()),
            default: None,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Field, A::Error> {
        let (mut column, mut default, mut value) = (None, None, None);
        while let Some(key) = map.next_key::<String>()? {
            let place = match key.as_str() {
                "column" => &mut column,
                "default" => &mut default,
                "value" => &mut value,
                other => {
                    return Err(A::Error::unknown_field(
                        other,
                        &["column", "default", "value"],
                    ));
                }
            };
            *place = Some(map.next_value::<String>()?);
        }
        match (column, default, value) {
            (None, None, Some(value)) => Ok(Field {
                column: None,
                default: Some(value),
            }),
            (Some(column), default, None) => Ok(Field {
                column: Some(column),
                default,
            }),
            _ => Err(A::Error::custom(
                "give either `value`, or `column` with or without `default`",
            )),
        }
    }
}
