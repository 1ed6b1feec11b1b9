//! When a camera is recorded: hours of the week, in the county's time zone.

use chrono::{DateTime, Datelike, NaiveTime, Timelike, Utc};
use chrono_tz::Tz;
use serde::Deserialize;

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Hours of the week; none at all means always.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct Schedule(Vec<Hours>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Hours {
    /// Monday first.
    days: [bool; 7],
    /// Seconds after midnight.
    from: u32,
    /// The same; 86,400 is the end of the day.
    to: u32,
}

/// A line of a schedule that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no schedule: write days and hours like \"mon-fri 08:00-18:30\", \"sat,sun 09:00-12:00\" or \"daily 00:00-24:00\"; \
     hours over midnight are two lines"
)]
pub struct ScheduleError(String);

impl TryFrom<Vec<String>> for Schedule {
    type Error = ScheduleError;

    fn try_from(lines: Vec<String>) -> Result<Self, ScheduleError> {
        let read = |line: &String| hours(line).ok_or_else(|| ScheduleError(line.clone()));
        lines.iter().map(read).collect::<Result<_, _>>().map(Self)
    }
}

impl Schedule {
    /// Whether it is recorded at `now`.
    pub fn is_on(&self, now: DateTime<Utc>, zone: Tz) -> bool {
        let local = now.with_timezone(&zone);
        let day = local.weekday().num_days_from_monday() as usize;
        let second = local.time().num_seconds_from_midnight();
        let holds = |hours: &Hours| hours.days[day] && (hours.from..hours.to).contains(&second);
        self.0.is_empty() || self.0.iter().any(holds)
    }
}

fn hours(line: &str) -> Option<Hours> {
    let line = line.trim().to_ascii_lowercase();
    let (days, hours) = line.split_once(char::is_whitespace)?;
    let (from, to) = hours.trim().split_once('-')?;
    let (from, to) = (clock(from.trim())?, clock(to.trim())?);
    let days = week(days)?;
    (from < to).then_some(Hours { days, from, to })
}

fn week(text: &str) -> Option<[bool; 7]> {
    if text == "daily" {
        return Some([true; 7]);
    }
    let day = |name: &str| DAYS.iter().position(|day| *day == name);
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (day(first)?, day(last)?);
        days.get_mut(first..=last)?.fill(true);
    }
    days.contains(&true).then_some(days)
}

fn clock(text: &str) -> Option<u32> {
    if text == "24:00" {
        return Some(86_400);
    }
    let time = NaiveTime::parse_from_str(text, "%H:%M").ok()?;
    Some(time.num_seconds_from_midnight())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(lines: &[&str]) -> Result<Schedule, ScheduleError> {
        Schedule::try_from(
            lines
                .iter()
                .map(|&line| line.to_owned())
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn hours_are_those_of_the_county() {
        let office = schedule(&["mon-fri 08:00-18:30", "sat 09:00-12:00"]).unwrap();
        let on = |at: &str| office.is_on(at.parse().unwrap(), chrono_tz::Asia::Shanghai);
        // 2026-11-20 is a Friday.
        assert!(on("2026-11-20T08:00:00+08:00"));
        assert!(on("2026-11-20T10:29:59Z"));
        assert!(!on("2026-11-20T18:30:00+08:00"));
        assert!(!on("2026-11-20T07:59:59+08:00"));
        assert!(on("2026-11-21T09:00:00+08:00"));
        assert!(!on("2026-11-22T09:00:00+08:00"));
        assert!(Schedule::default().is_on(DateTime::UNIX_EPOCH, chrono_tz::UTC));
        assert!(
            schedule(&["daily 00:00-24:00"])
                .unwrap()
                .is_on(Utc::now(), chrono_tz::UTC)
        );
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for wrong in [
            "",
            "mon",
            "mon 8-9",
            "fri-mon 08:00-09:00",
            "mon 22:00-06:00",
            "mo 08:00-09:00",
            "mon 08:00-25:00",
        ] {
            assert!(schedule(&[wrong]).is_err(), "{wrong}");
        }
    }
}
