//! Office hours, which measure time, and opening hours, which only decide presence.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveTime, Timelike, Weekday};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Hours that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HoursError {
    /// A time that is not `HH:MM`.
    #[error("{0:?} is not a time of day: write it like 09:00")]
    Time(String),
    /// Closing at or before opening.
    #[error("opens {opens} and closes {closes}: it must open before it closes, on the same day")]
    Order {
        /// Opening time.
        opens: NaiveTime,
        /// Closing time.
        closes: NaiveTime,
    },
    /// A weekday that is not 1 (Monday) to 7 (Sunday).
    #[error("{0:?} is not a weekday: write 1 (Monday) to 7 (Sunday)")]
    Weekday(String),
}

/// A part of one day, from `opens` (included) to `closes` (excluded), in whole seconds; written `["09:00","17:30"]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "(String, String)", into = "(String, String)")]
pub struct Span {
    opens: NaiveTime,
    closes: NaiveTime,
}

impl Span {
    /// From `opens` to `closes` of the same day; an error unless it opens before it closes.
    pub fn new(opens: NaiveTime, closes: NaiveTime) -> Result<Self, HoursError> {
        let whole = |time: NaiveTime| time.with_nanosecond(0).unwrap_or(time);
        let (opens, closes) = (whole(opens), whole(closes));
        if opens < closes {
            Ok(Self { opens, closes })
        } else {
            Err(HoursError::Order { opens, closes })
        }
    }

    /// Opening time.
    pub fn opens(&self) -> NaiveTime {
        self.opens
    }

    /// Closing time.
    pub fn closes(&self) -> NaiveTime {
        self.closes
    }

    /// Whether `time` lies in it.
    pub fn contains(&self, time: NaiveTime) -> bool {
        self.opens <= time && time < self.closes
    }

    /// Its length in seconds.
    pub fn seconds(&self) -> i64 {
        (self.closes - self.opens).num_seconds()
    }
}

impl TryFrom<(String, String)> for Span {
    type Error = HoursError;

    fn try_from((opens, closes): (String, String)) -> Result<Self, HoursError> {
        Span::new(time_of_day(&opens)?, time_of_day(&closes)?)
    }
}

impl From<Span> for (String, String) {
    fn from(span: Span) -> Self {
        let text = |time: NaiveTime| {
            time.format(if time.second() == 0 {
                "%H:%M"
            } else {
                "%H:%M:%S"
            })
            .to_string()
        };
        (text(span.opens), text(span.closes))
    }
}

fn time_of_day(text: &str) -> Result<NaiveTime, HoursError> {
    NaiveTime::parse_from_str(text, "%H:%M")
        .or_else(|_| NaiveTime::parse_from_str(text, "%H:%M:%S"))
        .map_err(|_| HoursError::Time(text.to_owned()))
}

/// The county's office hours on statutory workdays. They give a workday's closing time, service hours, and fractions of
/// a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OfficeHours(pub Span);

impl Default for OfficeHours {
    /// 09:00 to 17:30.
    fn default() -> Self {
        let time = |hour, minute| NaiveTime::from_hms_opt(hour, minute, 0).expect("a time of day");
        Self(Span {
            opens: time(9, 0),
            closes: time(17, 30),
        })
    }
}

/// When a hall is open to the public, per weekday; a weekday left out is closed. Written
/// `{"1":["09:00","17:30"], …}` with ISO weekdays, 1 for Monday.
///
/// It decides presence only: a hall open on Saturday advances no deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OpeningHours {
    days: [Option<Span>; 7],
}

impl Default for OpeningHours {
    /// Monday to Friday in the default office hours.
    fn default() -> Self {
        let mut days = [Some(OfficeHours::default().0); 7];
        days[5..].fill(None);
        Self { days }
    }
}

impl OpeningHours {
    /// Never open.
    pub fn closed() -> Self {
        Self { days: [None; 7] }
    }

    /// The same hours with `span` on `weekday`; `None` closes it.
    pub fn with(mut self, weekday: Weekday, span: Option<Span>) -> Self {
        self.days[weekday.num_days_from_monday() as usize] = span;
        self
    }

    /// The hours of `weekday`; `None` when closed.
    pub fn on(&self, weekday: Weekday) -> Option<Span> {
        self.days[weekday.num_days_from_monday() as usize]
    }

    /// Whether it is open at this local date and time.
    pub fn open_at(&self, local: chrono::NaiveDateTime) -> bool {
        self.on(local.weekday())
            .is_some_and(|span| span.contains(local.time()))
    }
}

impl Serialize for OpeningHours {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            self.days
                .iter()
                .enumerate()
                .filter_map(|(i, span)| Some(((i + 1).to_string(), (*span)?))),
        )
    }
}

impl<'de> Deserialize<'de> for OpeningHours {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut hours = Self::closed();
        for (Day(number), span) in BTreeMap::<Day, Option<Span>>::deserialize(deserializer)? {
            hours.days[number] = span;
        }
        Ok(hours)
    }
}

/// A weekday as it is written, counted from 0 for Monday. Read key by key, so that a wrong one is found where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
struct Day(usize);

impl TryFrom<String> for Day {
    type Error = HoursError;

    fn try_from(day: String) -> Result<Self, HoursError> {
        match day.parse::<usize>() {
            Ok(number @ 1..=7) => Ok(Self(number - 1)),
            _ => Err(HoursError::Weekday(day)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opening_hours_are_written_by_iso_weekday() {
        let text = r#"{"1":["09:00","17:30"],"6":["09:30","12:00"]}"#;
        let hours: OpeningHours = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&hours).unwrap(), text);
        let at = |text: &str| hours.open_at(text.parse().unwrap());
        assert!(at("2026-11-21T09:30:00"), "a Saturday");
        assert!(
            !at("2026-11-21T12:00:00"),
            "closed from the closing time on"
        );
        assert!(!at("2026-11-24T10:00:00"), "a Tuesday");
    }

    #[test]
    fn wrong_hours_say_what_is_wrong() {
        let error = |text: &str| {
            serde_json::from_str::<OpeningHours>(text)
                .unwrap_err()
                .to_string()
        };
        assert!(error(r#"{"8":["09:00","17:30"]}"#).contains("not a weekday"));
        assert!(error(r#"{"1":["9 am","17:30"]}"#).contains("like 09:00"));
        assert!(error(r#"{"1":["18:00","17:30"]}"#).contains("before it closes"));
    }
}
