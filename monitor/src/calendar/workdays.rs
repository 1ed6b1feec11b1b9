//! Statutory workdays: weekdays less holidays plus make-up workdays, a table per year.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use chrono::{Datelike, NaiveDate, Weekday};
use serde::{Deserialize, Serialize};

/// The years that come with the program.
const SHIPPED: &str = include_str!("../../data/workdays.toml");

/// Years outside this range are refused: a typing error would make the table reach across them.
const YEARS: std::ops::RangeInclusive<i32> = 1949..=2199;

/// One year of statutory workdays: where it differs from Monday to Friday.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkdayYear {
    /// The year.
    pub year: i32,
    /// The State Council notices that set it, one a line.
    #[serde(default)]
    pub notice: String,
    /// Days off. Saturdays and Sundays may be listed and change nothing.
    pub holidays: Vec<NaiveDate>,
    /// Saturdays and Sundays worked in exchange (调休).
    pub makeup: Vec<NaiveDate>,
}

/// What is wrong with a calendar.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// Not a file of `[[year]]` tables.
    #[error("the calendar cannot be read: {0}")]
    Format(String),
    /// A year that no calendar of ours reaches.
    #[error("{0} is not a year from {first} to {last}", first = YEARS.start(), last = YEARS.end())]
    Year(i32),
    /// A date of another year.
    #[error("{date} stands in the calendar of {year}: move it to its own year")]
    OtherYear {
        /// The year of the table.
        year: i32,
        /// The date.
        date: NaiveDate,
    },
    /// A date that is both off and worked.
    #[error("{0} is both a holiday and a make-up workday: it can be only one")]
    Both(NaiveDate),
}

/// Reads a calendar file: one `[[year]]` table a year.
pub fn read_years(text: &str) -> Result<Vec<WorkdayYear>, CalendarError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        year: Vec<WorkdayYear>,
    }
    let file: File =
        toml::from_str(text).map_err(|error| CalendarError::Format(error.to_string()))?;
    Ok(file.year)
}

/// What kind of day a date is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DayKind {
    /// An ordinary workday.
    Workday,
    /// A Saturday or Sunday off.
    Weekend,
    /// A weekday off.
    Holiday,
    /// A Saturday or Sunday worked.
    Makeup,
}

impl DayKind {
    /// Whether a limit in workdays counts it.
    pub fn is_workday(self) -> bool {
        matches!(self, Self::Workday | Self::Makeup)
    }
}

/// The statutory workdays of all loaded years; by Monday to Friday beyond them.
///
/// Every workday has an *ordinal*: the number of workdays before it. Arithmetic goes by ordinals and costs the same for a
/// week and for ten years: one look-up in a table of the loaded years, a division outside it.
#[derive(Debug, Clone, Default)]
pub struct Workdays {
    years: BTreeMap<i32, WorkdayYear>,
    /// Day number (`num_days_from_ce`) of the first day in the table.
    first: i32,
    /// `before[i]`: workdays in the first `i` days of the table.
    before: Vec<u32>,
    /// Day number of every workday in the table.
    days: Vec<i32>,
}

impl Workdays {
    /// The years 2004 to 2026, as the State Council set them.
    pub fn shipped() -> Self {
        static TABLE: LazyLock<Workdays> = LazyLock::new(|| {
            let years = read_years(SHIPPED).expect("the shipped calendar is read by a test");
            Workdays::new(years).expect("the shipped calendar is checked by a test")
        });
        TABLE.clone()
    }

    /// A calendar of these years; a later one replaces an earlier one of the same year.
    pub fn new(years: impl IntoIterator<Item = WorkdayYear>) -> Result<Self, CalendarError> {
        let mut table = BTreeMap::new();
        for year in years {
            check(&year)?;
            table.insert(year.year, year);
        }
        Ok(Self::build(table))
    }

    /// The same calendar with this year added or replaced.
    pub fn with_year(mut self, year: WorkdayYear) -> Result<Self, CalendarError> {
        check(&year)?;
        self.years.insert(year.year, year);
        Ok(Self::build(self.years))
    }

    fn build(years: BTreeMap<i32, WorkdayYear>) -> Self {
        let (Some((&from, _)), Some((&to, _))) = (years.first_key_value(), years.last_key_value())
        else {
            return Self::default();
        };
        let first = first_day(from);
        let (mut before, mut days) = (vec![0], Vec::new());
        for day in first..first_day(to + 1) {
            if kind_in(&years, date_of(day)).is_workday() {
                days.push(day);
            }
            before.push(u32::try_from(days.len()).expect("a few hundred years of days"));
        }
        Self {
            years,
            first,
            before,
            days,
        }
    }

    /// The loaded years, oldest first.
    pub fn years(&self) -> impl Iterator<Item = &WorkdayYear> {
        self.years.values()
    }

    /// Whether the table of this year is loaded.
    pub fn is_loaded(&self, year: i32) -> bool {
        self.years.contains_key(&year)
    }

    /// Whether the tables of all years from that of `from` to that of `to` are loaded.
    pub fn covers(&self, from: NaiveDate, to: NaiveDate) -> bool {
        (from.year()..=to.year()).all(|year| self.is_loaded(year))
    }

    /// Whether `date` is a statutory workday; `None` when its year is not loaded.
    pub fn is_workday(&self, date: NaiveDate) -> Option<bool> {
        self.is_loaded(date.year()).then(|| self.counts(date))
    }

    /// What kind of day `date` is; Monday to Friday are workdays where the year is not loaded.
    pub fn kind(&self, date: NaiveDate) -> DayKind {
        kind_in(&self.years, date)
    }

    /// Whether `date` counts as a workday; by Monday to Friday where the year is not loaded.
    pub fn counts(&self, date: NaiveDate) -> bool {
        let day = date.num_days_from_ce();
        match usize::try_from(day - self.first) {
            Ok(i) if i + 1 < self.before.len() => self.before[i] < self.before[i + 1],
            _ => is_weekday(date),
        }
    }

    /// The number of workdays before `date`, from a fixed point in the past. For a day off it is the ordinal of the next
    /// workday.
    pub fn ordinal(&self, date: NaiveDate) -> i64 {
        let day = date.num_days_from_ce();
        let Ok(i) = usize::try_from(day - self.first) else {
            return weekdays_before(day);
        };
        match self.before.get(i) {
            Some(&count) => weekdays_before(self.first) + i64::from(count),
            None => weekdays_before(day) + self.shift(),
        }
    }

    /// The workday with this ordinal.
    pub fn nth(&self, ordinal: i64) -> NaiveDate {
        let Ok(i) = usize::try_from(ordinal - weekdays_before(self.first)) else {
            return weekday_with(ordinal);
        };
        match self.days.get(i) {
            Some(&day) => date_of(day),
            None => weekday_with(ordinal - self.shift()),
        }
    }

    /// The `n`-th workday after `date`, which itself is not counted; `date` or the next workday for `n` = 0.
    pub fn after(&self, date: NaiveDate, n: u32) -> NaiveDate {
        let past = i64::from(self.counts(date) && n > 0);
        self.nth(self.ordinal(date) + past + i64::from(n.saturating_sub(1)))
    }

    /// The number of workdays in [`from`, `to`); negative when `to` lies before `from`.
    pub fn between(&self, from: NaiveDate, to: NaiveDate) -> i64 {
        self.ordinal(to) - self.ordinal(from)
    }

    /// How far ordinals after the table run ahead of (or behind) a plain count of weekdays.
    fn shift(&self) -> i64 {
        let end =
            self.first + i32::try_from(self.before.len()).expect("a few hundred years of days") - 1;
        let count = i64::from(self.before.last().copied().unwrap_or(0));
        match self.before.is_empty() {
            true => 0,
            false => weekdays_before(self.first) + count - weekdays_before(end),
        }
    }
}

fn check(year: &WorkdayYear) -> Result<(), CalendarError> {
    if !YEARS.contains(&year.year) {
        return Err(CalendarError::Year(year.year));
    }
    for &date in year.holidays.iter().chain(&year.makeup) {
        if date.year() != year.year {
            return Err(CalendarError::OtherYear {
                year: year.year,
                date,
            });
        }
    }
    match year.holidays.iter().find(|date| year.makeup.contains(date)) {
        Some(&date) => Err(CalendarError::Both(date)),
        None => Ok(()),
    }
}

fn kind_in(years: &BTreeMap<i32, WorkdayYear>, date: NaiveDate) -> DayKind {
    let year = years.get(&date.year());
    let weekday = is_weekday(date);
    if weekday && year.is_some_and(|year| year.holidays.contains(&date)) {
        DayKind::Holiday
    } else if !weekday && year.is_some_and(|year| year.makeup.contains(&date)) {
        DayKind::Makeup
    } else if weekday {
        DayKind::Workday
    } else {
        DayKind::Weekend
    }
}

fn is_weekday(date: NaiveDate) -> bool {
    !matches!(date.weekday(), Weekday::Sat | Weekday::Sun)
}

fn first_day(year: i32) -> i32 {
    NaiveDate::from_yo_opt(year, 1)
        .expect("years are checked to be four digits")
        .num_days_from_ce()
}

/// Day numbers come from dates or lie within a limit of one; out of range they stop at the ends of the calendar.
fn date_of(day: i32) -> NaiveDate {
    let end = if day > 0 {
        NaiveDate::MAX
    } else {
        NaiveDate::MIN
    };
    NaiveDate::from_num_days_from_ce_opt(day).unwrap_or(end)
}

/// Mondays to Fridays before this day, from Monday 0001-01-01, which is day 1.
fn weekdays_before(day: i32) -> i64 {
    let (weeks, rest) = (
        (i64::from(day) - 1).div_euclid(7),
        (i64::from(day) - 1).rem_euclid(7),
    );
    weeks * 5 + rest.min(5)
}

/// The day with so many weekdays before it.
fn weekday_with(before: i64) -> NaiveDate {
    let day = before.div_euclid(5) * 7 + before.rem_euclid(5) + 1;
    date_of(i32::try_from(day).unwrap_or(if day > 0 { i32::MAX } else { i32::MIN }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn ordinals_count_every_day_inside_and_outside_the_table() {
        for workdays in [Workdays::shipped(), Workdays::default()] {
            let (mut day, mut ordinal) = (date("2001-01-01"), workdays.ordinal(date("2001-01-01")));
            while day < date("2031-01-01") {
                assert_eq!(workdays.ordinal(day), ordinal, "{day}");
                assert_eq!(
                    workdays.counts(day),
                    workdays.kind(day).is_workday(),
                    "{day}"
                );
                if workdays.counts(day) {
                    assert_eq!(workdays.nth(ordinal), day);
                    ordinal += 1;
                }
                day = day.succ_opt().unwrap();
            }
        }
    }

    #[test]
    fn a_year_not_loaded_is_unknown_and_counted_by_weekdays() {
        let workdays = Workdays::shipped();
        assert_eq!(workdays.is_workday(date("2027-01-01")), None);
        assert!(workdays.counts(date("2027-01-01")));
        assert!(!workdays.covers(date("2026-12-31"), date("2027-01-01")));
        assert_eq!(workdays.after(date("2026-12-31"), 2), date("2027-01-04"));
        let year = WorkdayYear {
            year: 2027,
            notice: "测试".into(),
            holidays: vec![date("2027-01-01")],
            makeup: vec![date("2027-01-03")],
        };
        let workdays = workdays.with_year(year).unwrap();
        assert_eq!(workdays.is_workday(date("2027-01-01")), Some(false));
        assert_eq!(workdays.after(date("2026-12-31"), 1), date("2027-01-03"));
        assert_eq!(workdays.kind(date("2027-01-03")), DayKind::Makeup);
    }

    #[test]
    fn a_gap_between_loaded_years_goes_by_weekdays() {
        let year = |year: i32| WorkdayYear {
            year,
            notice: String::new(),
            holidays: vec![],
            makeup: vec![],
        };
        let workdays = Workdays::new([year(2020), year(2022)]).unwrap();
        assert_eq!(workdays.is_workday(date("2021-06-01")), None);
        assert_eq!(
            workdays.between(date("2021-01-01"), date("2022-01-01")),
            261
        );
    }

    #[test]
    fn a_replaced_year_replaces_the_shipped_one() {
        let year = WorkdayYear {
            year: 2026,
            notice: String::new(),
            holidays: vec![],
            makeup: vec![],
        };
        let workdays = Workdays::shipped().with_year(year).unwrap();
        assert_eq!(workdays.is_workday(date("2026-10-01")), Some(true));
        assert_eq!(workdays.is_workday(date("2025-10-01")), Some(false));
    }

    #[test]
    fn wrong_calendars_are_refused_with_the_reason() {
        let error = |text: &str| {
            read_years(text)
                .and_then(Workdays::new)
                .unwrap_err()
                .to_string()
        };
        let year = |holidays: &str, makeup: &str| {
            format!("[[year]]\nyear = 2030\nholidays = [{holidays}]\nmakeup = [{makeup}]\n")
        };
        assert!(
            error(&year("\"2031-01-01\"", ""))
                .contains("2031-01-01 stands in the calendar of 2030")
        );
        assert!(error(&year("\"2030-01-05\"", "\"2030-01-05\"")).contains("both a holiday"));
        assert!(error(&year("\"2030-02-30\"", "")).contains("cannot be read"));
        assert!(
            error("[[year]]\nyear = 203\nholidays = []\nmakeup = []").contains("203 is not a year")
        );
    }
}
