//! Reading a CloudEvent. Unknown fields are ignored, wrong ones are named by their JSON path.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;
use serde::Deserialize;
use serde_json::Value;

use super::{CaseEvent, EventKind, Place};
use crate::calendar::local_to_utc;

/// The longest source, id, case number or code that is taken, in bytes. They are keys in every table.
const MAX_KEY: usize = 200;

/// Why an event is refused. The text says where and what to do; it is safe to show to the sender.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Not a JSON object.
    #[error("an event is a JSON object")]
    NotAnObject,
    /// A required attribute is missing or empty.
    #[error("`{0}` is missing or empty")]
    Missing(&'static str),
    /// A field does not hold what it must.
    #[error("`{path}`: {reason}")]
    Wrong {
        /// JSON path, e.g. `data.declared_days`.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A type that is not understood.
    #[error("`type`: {0:?} is not a known event type")]
    UnknownType(String),
}

impl EventError {
    fn wrong(path: impl Into<String>, reason: impl ToString) -> Self {
        Self::Wrong {
            path: path.into(),
            reason: reason.to_string(),
        }
    }
}

/// The attributes of a CloudEvent that we read; everything else is ignored.
#[derive(Deserialize)]
struct Envelope {
    specversion: Option<String>,
    id: Option<String>,
    source: Option<String>,
    r#type: Option<String>,
    subject: Option<String>,
    time: Option<String>,
}

/// The fields of `data` that belong to the event and not to what happened.
#[derive(Default, Deserialize)]
struct Own {
    seq: Option<i64>,
    replaces: Option<String>,
    #[serde(default)]
    date_only: bool,
}

impl CaseEvent {
    /// Reads a structured CloudEvent (or the attributes and data of a binary one, put together as such).
    ///
    /// `time` is RFC 3339, or a bare date: then the event counts from the start of that day in `zone` and is marked
    /// `date_only`. `received` is the present instant at intake.
    pub fn from_cloudevent(
        event: &Value,
        received: DateTime<Utc>,
        zone: Tz,
    ) -> Result<Self, EventError> {
        if !event.is_object() {
            return Err(EventError::NotAnObject);
        }
        let envelope: Envelope = read(event, "")?;
        if envelope.specversion.as_deref() != Some("1.0") {
            return Err(EventError::wrong("specversion", "must be \"1.0\""));
        }
        let type_name = required("type", envelope.r#type)?;
        let empty = Value::Object(serde_json::Map::new());
        let data = event
            .get("data")
            .filter(|data| !data.is_null())
            .unwrap_or(&empty);
        // A struct is also read from an array of its fields, and nobody means that.
        if !data.is_object() {
            return Err(EventError::wrong("data", "must be an object"));
        }
        let kind = match EventKind::read(&type_name, data) {
            None => {
                return Err(EventError::UnknownType(
                    type_name.chars().take(MAX_KEY).collect(),
                ));
            }
            Some(read) => read.map_err(|error| at_path("data", &error))?,
        };
        let own: Own = read(data, "data")?;
        let place: Place = read(data, "data")?;
        let text = required("time", envelope.time)?;
        let (time, date) = instant(&text, zone)?;
        let parsed = Self {
            source: required("source", envelope.source)?,
            id: required("id", envelope.id)?,
            case_no: envelope.subject.filter(|subject| !subject.is_empty()),
            time,
            date_only: date || own.date_only,
            seq: own.seq,
            replaces: own.replaces,
            received,
            initial_load: false,
            place,
            kind,
        };
        parsed.checked()
    }

    /// The conditions that no single field can state.
    fn checked(mut self) -> Result<Self, EventError> {
        let about = self.kind.type_name();
        let has_subject = about.starts_with("case.") || about.starts_with("complaint.");
        if has_subject && self.case_no.is_none() {
            return Err(EventError::Missing("subject"));
        }
        if !has_subject {
            self.case_no = None;
        }
        if self.place.hall.is_empty() && about != "source.heartbeat" {
            return Err(EventError::Missing("data.hall"));
        }
        if about.starts_with("window.") && self.place.window.is_none() {
            return Err(EventError::Missing("data.window"));
        }
        let step = match &self.kind {
            EventKind::StepStarted(step) | EventKind::StepFinished(step) => {
                Some(step.step.as_str())
            }
            _ => None,
        };
        let keys = [
            ("source", Some(self.source.as_str())),
            ("id", Some(self.id.as_str())),
            ("subject", self.case_no.as_deref()),
            ("data.replaces", self.replaces.as_deref()),
            ("data.hall", Some(self.place.hall.as_str())),
            ("data.window", self.place.window.as_deref()),
            ("data.unit", self.place.unit.as_deref()),
            ("data.item", self.place.item.as_deref()),
            ("data.handler", self.place.handler.as_deref()),
            ("data.step", step),
        ];
        for (path, key) in keys {
            let Some(key) = key else { continue };
            if key.len() > MAX_KEY {
                return Err(EventError::wrong(
                    path,
                    format_args!("is longer than {MAX_KEY} bytes"),
                ));
            }
            if key.chars().any(char::is_control) {
                return Err(EventError::wrong(path, "holds a control character"));
            }
        }
        if self.replaces.as_deref() == Some(self.id.as_str()) {
            return Err(EventError::wrong(
                "data.replaces",
                "an event cannot replace itself: give the correction an id of its own",
            ));
        }
        Ok(self)
    }
}

fn required(name: &'static str, value: Option<String>) -> Result<String, EventError> {
    value
        .filter(|text| !text.is_empty())
        .ok_or(EventError::Missing(name))
}

fn read<T: serde::de::DeserializeOwned>(value: &Value, under: &str) -> Result<T, EventError> {
    serde_path_to_error::deserialize(value).map_err(|error| at_path(under, &error))
}

/// Joins `under` and the path inside it; an error of the whole value has the path ".".
fn at_path(under: &str, error: &serde_path_to_error::Error<serde_json::Error>) -> EventError {
    let inside = error.path().to_string();
    let path = match (under, inside.as_str()) {
        ("", inside) => inside.to_owned(),
        (under, ".") => under.to_owned(),
        (under, inside) => format!("{under}.{inside}"),
    };
    EventError::wrong(path, error.inner())
}

/// An instant and whether it is only a date.
fn instant(text: &str, zone: Tz) -> Result<(DateTime<Utc>, bool), EventError> {
    let reason = "is not a time: write it like 2026-11-20T09:12:00+08:00, or 2026-11-20 where only the date is known";
    let (time, date) = match DateTime::parse_from_rfc3339(text) {
        Ok(time) => (time.with_timezone(&Utc), false),
        Err(_) => match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            Ok(date) => (local_to_utc(date.and_time(NaiveTime::MIN), zone), true),
            Err(_) => return Err(EventError::wrong("time", reason)),
        },
    };
    // What the database can hold and the calendar can count with; nothing supervised happened outside.
    if !(1900..2200).contains(&chrono::Datelike::year(&time)) {
        return Err(EventError::wrong(
            "time",
            "lies outside the years 1900 to 2199",
        ));
    }
    // The database keeps microseconds: cut here, so that an event equals itself after a round trip.
    let cut = chrono::SubsecRound::trunc_subsecs(time, 6);
    Ok((cut, date))
}
