//! The county's calendar: statutory workdays, office hours and time zone together, and the scales on which time is
//! measured with them.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{
    DateTime, Datelike, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc,
};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{DayKind, OfficeHours, OpeningHours, Span, WorkdayYear, Workdays, local_to_utc};

/// Microseconds in a second, the finest step of every clock (it is the database's too).
const MICRO: i64 = 1_000_000;
/// Microseconds in a day.
const DAY: i64 = 86_400 * MICRO;

/// What every statutory clock of a county is measured by.
#[derive(Debug, Clone)]
pub struct Calendar {
    /// Statutory workdays.
    pub workdays: Arc<Workdays>,
    /// Office hours on workdays.
    pub office: OfficeHours,
    /// The county's time zone.
    pub zone: Tz,
}

impl Default for Calendar {
    /// The shipped workdays, 09:00 to 17:30, Asia/Shanghai.
    fn default() -> Self {
        Self {
            workdays: Arc::new(Workdays::shipped()),
            office: OfficeHours::default(),
            zone: Tz::Asia__Shanghai,
        }
    }
}

/// What tells one calendar from another, small enough to be kept beside what was judged by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarMark {
    /// Office hours and zone.
    hours: String,
    /// A hash of each year.
    years: BTreeMap<i32, String>,
}

impl CalendarMark {
    /// Whether it says the same as `before` of every year that `before` had: it may have more years.
    pub fn continues(&self, before: &Self) -> bool {
        let mut years = before.years.iter();
        self.hours == before.hours && years.all(|(year, hash)| self.years.get(year) == Some(hash))
    }

    /// The first year of which the two do not say the same; `None`: they differ in hours at most.
    pub fn first_change(&self, before: &Self) -> Option<i32> {
        let all = self.years.keys().chain(before.years.keys());
        all.copied()
            .filter(|year| self.years.get(year) != before.years.get(year))
            .min()
    }
}

impl Calendar {
    /// What tells it from another one.
    pub fn mark(&self) -> CalendarMark {
        let hash = |year: &WorkdayYear| {
            let mut days = [year.holidays.clone(), year.makeup.clone()];
            days.iter_mut().for_each(|days| days.sort_unstable());
            let digest = Sha256::digest(format!("{days:?}"));
            digest[..8]
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect()
        };
        let (opens, closes) = (self.office.0.opens(), self.office.0.closes());
        CalendarMark {
            hours: format!("{opens} {closes} {}", self.zone),
            years: self
                .workdays
                .years()
                .map(|year| (year.year, hash(year)))
                .collect(),
        }
    }

    /// The first instant of a year.
    pub fn new_year(&self, year: i32) -> DateTime<Utc> {
        self.midnight(NaiveDate::from_yo_opt(year, 1).unwrap_or(NaiveDate::MIN))
    }

    /// The local date and time of an instant.
    pub fn local(&self, instant: DateTime<Utc>) -> NaiveDateTime {
        instant.with_timezone(&self.zone).naive_local()
    }

    /// The local date of an instant.
    pub fn date(&self, instant: DateTime<Utc>) -> NaiveDate {
        self.local(instant).date()
    }

    /// The instant of a local time; see [`local_to_utc`].
    pub fn instant(&self, local: NaiveDateTime) -> DateTime<Utc> {
        local_to_utc(local, self.zone)
    }

    /// The first instant of a local date.
    pub fn midnight(&self, date: NaiveDate) -> DateTime<Utc> {
        self.instant(date.and_time(NaiveTime::MIN))
    }

    /// The closing time of a date, whether or not it is a workday.
    pub fn closing(&self, date: NaiveDate) -> DateTime<Utc> {
        self.instant(date.and_time(self.office.0.closes()))
    }

    /// The calendar month in which an instant lies: its first instant, and that of the next one.
    pub fn month_of(&self, instant: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
        let date = self.date(instant);
        let first = date.with_day(1).unwrap_or(date);
        let next = first.checked_add_months(Months::new(1)).unwrap_or(first);
        (self.midnight(first), self.midnight(next))
    }

    /// When a hall with these hours is open on a date; `None`: not at all. On a weekday off it is closed; a weekend day that is
    /// worked (调休) has office hours where the hall's own week has none.
    pub fn open_on(&self, opening: &OpeningHours, date: NaiveDate) -> Option<Span> {
        let own = opening.on(date.weekday());
        match self.workdays.kind(date) {
            DayKind::Holiday => None,
            DayKind::Makeup => own.or(Some(self.office.0)),
            DayKind::Workday | DayKind::Weekend => own,
        }
    }

    /// The closing time at or after which a day's work that begins at `at` is late: that of its day, or of the next workday where
    /// the day is none or its closing time has passed.
    pub fn next_closing(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        let local = self.local(at);
        let closed = self.workdays.counts(local.date()) && local.time() > self.office.0.closes();
        let ordinal = self.workdays.ordinal(local.date()) + i64::from(closed);
        self.closing(self.workdays.nth(ordinal))
    }

    /// Whether every year from `from` to `to` is loaded: if not, what was computed across them is only *expected* (预计).
    pub fn covers(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> bool {
        self.workdays.covers(self.date(from), self.date(to))
    }

    /// Service time: office hours on workdays.
    pub fn service(&self) -> Scale<'_> {
        let since_midnight = |time: NaiveTime| i64::from(time.num_seconds_from_midnight()) * MICRO;
        let (opens, closes) = (self.office.0.opens(), self.office.0.closes());
        Scale {
            calendar: self,
            opens: since_midnight(opens),
            length: since_midnight(closes) - since_midnight(opens),
        }
    }

    /// Working time: wall-clock time on workdays, 24 hours each.
    pub fn working(&self) -> Scale<'_> {
        Scale {
            calendar: self,
            opens: 0,
            length: DAY,
        }
    }

    /// The instant `n` workdays of wall-clock time after `start`: the same time of day on the n-th workday after it.
    pub fn workdays_after(&self, start: DateTime<Utc>, n: u32) -> DateTime<Utc> {
        let scale = self.working();
        scale.instant(scale.position(start) + i64::from(n) * DAY)
    }
}

/// A measure of time that runs in a part of each workday and stands still otherwise. A *position* is the time that has
/// run since a fixed point in the past, in microseconds.
#[derive(Debug, Clone, Copy)]
pub struct Scale<'a> {
    calendar: &'a Calendar,
    opens: i64,
    length: i64,
}

impl Scale<'_> {
    /// Microseconds that run in one workday.
    pub fn length(&self) -> i64 {
        self.length
    }

    /// The position of an instant. Never decreases from one instant to a later one.
    pub fn position(&self, instant: DateTime<Utc>) -> i64 {
        let local = self.calendar.local(instant);
        let workdays = &self.calendar.workdays;
        let whole = workdays.ordinal(local.date()) * self.length;
        if !workdays.counts(local.date()) {
            return whole;
        }
        let time = local.time();
        let since_midnight = i64::from(time.num_seconds_from_midnight()) * MICRO
            + i64::from(time.nanosecond() / 1_000);
        whole + (since_midnight - self.opens).clamp(0, self.length)
    }

    /// The first instant that has this position.
    pub fn instant(&self, position: i64) -> DateTime<Utc> {
        let day = (position - 1).div_euclid(self.length);
        let run = position - day * self.length;
        let midnight = self.calendar.workdays.nth(day).and_time(NaiveTime::MIN);
        let local = midnight.checked_add_signed(TimeDelta::microseconds(self.opens + run));
        self.calendar.instant(local.unwrap_or(midnight))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(&format!("{text}+08:00"))
            .unwrap()
            .with_timezone(&Utc)
    }

    #[test]
    fn an_end_of_a_day_is_reached_at_its_end_and_not_at_the_next_beginning() {
        let calendar = Calendar::default();
        // A Friday and the Monday after it.
        let friday = calendar.workdays.ordinal("2026-11-20".parse().unwrap());
        let service = calendar.service();
        assert_eq!(
            service.instant((friday + 1) * service.length()),
            instant("2026-11-20T17:30:00")
        );
        assert_eq!(
            service.instant((friday + 1) * service.length() + 1),
            instant("2026-11-23T09:00:00.000001")
        );
        let working = calendar.working();
        assert_eq!(
            working.instant((friday + 1) * DAY),
            instant("2026-11-21T00:00:00")
        );
    }

    #[test]
    fn the_next_closing_time_is_todays_or_that_of_the_next_workday() {
        let calendar = Calendar::default();
        for (at, closing) in [
            ("2026-11-20T10:00:00", "2026-11-20T17:30:00"),
            ("2026-11-20T17:30:00", "2026-11-20T17:30:00"),
            ("2026-11-20T17:30:01", "2026-11-23T17:30:00"),
            ("2026-11-21T10:00:00", "2026-11-23T17:30:00"),
            ("2026-11-23T05:00:00", "2026-11-23T17:30:00"),
        ] {
            assert_eq!(calendar.next_closing(instant(at)), instant(closing), "{at}");
        }
    }

    #[test]
    fn a_mark_tells_calendars_apart_by_what_they_say() {
        let year = |year: i32, holidays: &[&str]| WorkdayYear {
            year,
            notice: "测试".into(),
            holidays: holidays.iter().map(|day| day.parse().unwrap()).collect(),
            makeup: vec![],
        };
        let with = |years: &[WorkdayYear]| {
            let mut workdays = Workdays::shipped();
            for year in years {
                workdays = workdays.with_year(year.clone()).unwrap();
            }
            Calendar {
                workdays: Arc::new(workdays),
                ..Calendar::default()
            }
        };
        let shipped = with(&[]).mark();
        let more = with(&[year(2027, &["2027-01-01"])]).mark();
        assert!(more.continues(&shipped) && !shipped.continues(&more));
        assert_eq!(more.first_change(&shipped), Some(2027));
        let other = with(&[year(2026, &["2026-01-01"])]).mark();
        assert!(!other.continues(&shipped));
        assert_eq!(other.first_change(&more), Some(2026));
        let turned = |days: &[&str]| with(&[year(2027, days)]).mark();
        assert_eq!(
            turned(&["2027-01-01", "2027-02-10"]),
            turned(&["2027-02-10", "2027-01-01"]),
            "the order of the file does not matter"
        );
        let zone = Tz::Europe__Amsterdam;
        let moved = Calendar { zone, ..with(&[]) }.mark();
        assert!(!moved.continues(&shipped));
        assert_eq!(moved.first_change(&shipped), None);
    }

    #[test]
    fn positions_and_instants_are_inverse_while_the_measure_runs() {
        let calendar = Calendar::default();
        for scale in [calendar.service(), calendar.working()] {
            for text in [
                "2026-11-20T09:00:01",
                "2026-11-20T17:30:00",
                "2018-10-15T10:00:00",
                "2031-03-03T12:34:56.789",
            ] {
                assert_eq!(
                    scale.instant(scale.position(instant(text))),
                    instant(text),
                    "{text}"
                );
            }
        }
        let service = calendar.service();
        for still in [
            "2026-11-20T17:30:00",
            "2026-11-20T23:00:00",
            "2026-11-21T12:00:00",
            "2026-11-23T09:00:00",
        ] {
            assert_eq!(
                service.position(instant(still)),
                service.position(instant("2026-11-20T17:30:00")),
                "{still}"
            );
        }
    }
}
