//! Times as logs write them.

use chrono::format::{Item, StrftimeItems};
use chrono::{
    DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, SubsecRound, TimeDelta, Utc,
};
use chrono_tz::Tz;
use mingjing_monitor::calendar::local_to_utc;

/// What is tried after the mapping's own formats: ISO 8601 without offset.
const LOCAL: [&str; 3] = [
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
];
const DATE: &str = "%Y-%m-%d";

/// A time read from a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Time {
    pub(super) at: DateTime<Utc>,
    /// The log gives only the date; `at` is the start of that day.
    pub(super) date_only: bool,
}

/// How a log writes times.
#[derive(Debug, Clone)]
pub(super) struct Times {
    pub(super) zone: Tz,
    pub(super) formats: Vec<String>,
    /// A time of exactly midnight, local, stands for the date.
    pub(super) midnight_is_date: bool,
}

impl Times {
    /// Reads a time; `None` when it is none, or outside the years that can be supervised.
    pub(super) fn read(&self, text: &str) -> Option<Time> {
        let time = self.parse(text)?;
        (1900..2200).contains(&time.at.year()).then_some(Time {
            at: time.at.trunc_subsecs(6),
            ..time
        })
    }

    /// Reads a due instant: one that is only a date lasts to the end of that day.
    pub(super) fn read_due(&self, text: &str) -> Option<DateTime<Utc>> {
        let time = self.read(text)?;
        if !time.date_only {
            return Some(time.at);
        }
        let tomorrow = time.at.with_timezone(&self.zone).date_naive().succ_opt()?;
        Some(
            local_to_utc(tomorrow.and_time(NaiveTime::MIN), self.zone) - TimeDelta::microseconds(1),
        )
    }

    fn parse(&self, text: &str) -> Option<Time> {
        for format in &self.formats {
            if let Ok(at) = DateTime::parse_from_str(text, format) {
                return Some(self.instant(at.with_timezone(&Utc)));
            }
            if let Some(time) = self.local(text, format) {
                return Some(time);
            }
        }
        if let Ok(at) = DateTime::parse_from_rfc3339(text) {
            return Some(self.instant(at.with_timezone(&Utc)));
        }
        LOCAL
            .iter()
            .chain([&DATE])
            .find_map(|format| self.local(text, format))
    }

    fn instant(&self, at: DateTime<Utc>) -> Time {
        let midnight = at.with_timezone(&self.zone).time() == NaiveTime::MIN;
        Time {
            at,
            date_only: self.midnight_is_date && midnight,
        }
    }

    fn local(&self, text: &str, format: &str) -> Option<Time> {
        if let Ok(local) = NaiveDateTime::parse_from_str(text, format) {
            return Some(self.instant(local_to_utc(local, self.zone)));
        }
        let date = NaiveDate::parse_from_str(text, format).ok()?;
        Some(Time {
            at: local_to_utc(date.and_time(NaiveTime::MIN), self.zone),
            date_only: true,
        })
    }
}

/// Whether a format can be used.
pub(super) fn is_format(format: &str) -> bool {
    let mut items = StrftimeItems::new(format).peekable();
    items.peek().is_some() && items.all(|item| !matches!(item, Item::Error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(formats: &[&str]) -> Times {
        let formats = formats.iter().map(|format| format.to_string()).collect();
        Times {
            zone: chrono_tz::America::New_York,
            formats,
            midnight_is_date: true,
        }
    }

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn times_are_read_as_logs_write_them() {
        let read = |text: &str| {
            times(&["%m/%d/%Y %I:%M:%S %p", "%d.%m.%Y"])
                .read(text)
                .map(|time| (time.at, time.date_only))
        };
        assert_eq!(
            read("04/18/2019 09:55:45 PM"),
            Some((utc("2019-04-19T01:55:45Z"), false))
        );
        assert_eq!(
            read("2022-01-21 13:47:00"),
            Some((utc("2022-01-21T18:47:00Z"), false))
        );
        assert_eq!(
            read("2011-10-11T13:42:22.688+02:00"),
            Some((utc("2011-10-11T11:42:22.688Z"), false))
        );
        assert_eq!(
            read("31.12.2021"),
            Some((utc("2021-12-31T05:00:00Z"), true))
        );
        assert_eq!(
            read("2022-01-21"),
            Some((utc("2022-01-21T05:00:00Z"), true))
        );
        assert_eq!(
            read("2022-01-21T00:00:00-05:00"),
            Some((utc("2022-01-21T05:00:00Z"), true))
        );
        for bad in [
            "",
            "yesterday",
            "13/45/2019 09:55:45 PM",
            "0001-01-01T00:00:00Z",
            "2022-01-21 25:00:00",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_due_date_lasts_to_the_end_of_its_day() {
        let due = |text: &str| times(&[]).read_due(text);
        assert_eq!(due("2022-01-21"), Some(utc("2022-01-22T04:59:59.999999Z")));
        assert_eq!(
            due("2022-01-21 13:00:00"),
            Some(utc("2022-01-21T18:00:00Z"))
        );
    }

    #[test]
    fn formats_are_checked() {
        assert!(is_format("%m/%d/%Y"));
        assert!(!is_format("%Q") && !is_format(""));
    }
}
