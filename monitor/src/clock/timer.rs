//! What a screen shows of a clock: the clock bar (`Timer` in `docs/api.md`).

use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::{Clock, Deadline, Mode};
use crate::calendar::DayKind;
use crate::limit::{Limit, LimitUnit};

/// The longest clock bar, in days. A bar that is longer is cut at its end.
const MAX_CELLS: u64 = 800;
const DAY_MICROS: f64 = 86_400_000_000.0;

/// The clock bar of one case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Timer {
    /// How the clock runs.
    pub mode: Mode,
    /// When the warning is due.
    pub warning_at: Option<DateTime<Utc>>,
    /// The promise.
    pub promise: Option<Measure>,
    /// The legal limit.
    pub legal: Option<Measure>,
    /// The earlier case whose clock goes on: withdrawn, and applied for again by the same applicant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continues: Option<TimerContinues>,
    /// Special procedures.
    pub suspensions: Vec<TimerSuspension>,
    /// One cell a day from acceptance to the later of the last due day and today (or the day of the decision).
    pub cells: Vec<Cell>,
    /// Whether days were cut off at the end of `cells`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

/// How much of a limit is used, in `unit`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// The limit; `None` when the system of record gave the due instant.
    pub limit: Option<Limit>,
    /// When it is due.
    pub due: DateTime<Utc>,
    /// Whether a year on the way is not loaded (预计).
    pub expected: bool,
    /// What is used.
    pub used: f64,
    /// What remains; negative when it is over.
    pub remaining: f64,
    /// The unit of `used` and `remaining`.
    pub unit: LimitUnit,
}

/// The clock of an earlier case that goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerContinues {
    /// The number of the case that was withdrawn.
    pub case: String,
    /// When its clock was started.
    pub since: DateTime<Utc>,
    /// When it was withdrawn.
    pub withdrawn: DateTime<Utc>,
}

/// A special procedure on the bar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimerSuspension {
    /// Its ground.
    pub kind: String,
    /// When it began.
    pub start: DateTime<Utc>,
    /// When an event ended it.
    pub end: Option<DateTime<Utc>>,
    /// When its declared length has run.
    pub declared_end: Option<DateTime<Utc>>,
    /// Whether it stops the clock.
    pub lawful: bool,
}

/// What has become of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CellState {
    /// Its closing time has passed with the clock running.
    Used,
    /// The clock stands still at its closing time.
    Suspended,
    /// Still to come.
    Left,
    /// Used after the limit had run out.
    Over,
    /// Not counted: a day off, or the day of acceptance.
    Uncounted,
}

/// One day of the bar.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// The local date.
    pub date: NaiveDate,
    /// Workday, weekend, holiday or make-up workday.
    pub kind: DayKind,
    /// What has become of it.
    pub state: CellState,
    /// The part of the day's office hours that has run, for the day that is running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<f64>,
}

impl Clock<'_> {
    /// How much of a deadline is used at `at`.
    pub fn measure(&self, deadline: &Deadline, at: DateTime<Utc>) -> Measure {
        let unit = deadline
            .limit
            .map_or(LimitUnit::Workday, |limit| limit.unit);
        let service = self.calendar.service().length() as f64;
        let (total, remaining) = match unit {
            LimitUnit::Workday => (
                deadline.total as f64 / service,
                self.remaining(deadline, at),
            ),
            LimitUnit::Hour => {
                let hour = super::HOUR as f64;
                (
                    deadline.total as f64 / hour,
                    self.remaining(deadline, at) * service / hour,
                )
            }
            LimitUnit::Day => {
                let total = self.calendar_days(self.first_counted(), deadline);
                (total, self.calendar_days(at, deadline).min(total))
            }
        };
        Measure {
            limit: deadline.limit,
            due: deadline.due,
            expected: deadline.expected,
            used: (total - remaining).max(0.0),
            remaining,
            unit,
        }
    }

    /// Days of 24 hours from `from` to the due instant, outside the pauses.
    fn calendar_days(&self, from: DateTime<Utc>, deadline: &Deadline) -> f64 {
        let micros = |start: DateTime<Utc>, end: DateTime<Utc>| {
            (end - start).num_microseconds().unwrap_or(i64::MAX) as f64
        };
        let paused: f64 = self
            .pauses
            .iter()
            .map(|pause| (pause.start.max(from), pause.end.min(deadline.due)))
            .filter(|(start, end)| start < end)
            .map(|(start, end)| micros(start, end))
            .sum();
        (micros(from, deadline.due) - paused) / DAY_MICROS
    }

    /// The cells of the clock bar at `at` (now, or the decision), and whether the bar had to be cut.
    pub fn cells(
        &self,
        promise: Option<&Deadline>,
        legal: Option<&Deadline>,
        at: DateTime<Utc>,
    ) -> (Vec<Cell>, bool) {
        let dates = [promise, legal]
            .into_iter()
            .flatten()
            .map(|deadline| self.calendar.date(deadline.due));
        let first = self.calendar.date(self.start);
        let last = dates.fold(self.calendar.date(at), Ord::max);
        let days = u64::try_from((last - first).num_days()).unwrap_or(0) + 1;
        let limiting = promise.or(legal);
        let cells = (0..days.min(MAX_CELLS))
            .filter_map(|i| first.checked_add_days(Days::new(i)))
            .map(|date| self.cell(date, limiting, at))
            .collect();
        (cells, days > MAX_CELLS)
    }

    fn cell(&self, date: NaiveDate, limiting: Option<&Deadline>, at: DateTime<Utc>) -> Cell {
        let kind = self.calendar.workdays.kind(date);
        let closing = self.calendar.closing(date);
        let limit = limiting.and_then(|deadline| deadline.limit);
        let by_days = limit.is_some_and(|limit| limit.unit == LimitUnit::Day);
        let by_closing = by_days
            || (self.mode == Mode::Day
                && limit.is_none_or(|limit| limit.unit == LimitUnit::Workday));
        let acceptance_day = date == self.calendar.date(self.start);
        let state = if !(kind.is_workday() || by_days) || (acceptance_day && by_closing) {
            CellState::Uncounted
        } else if self.is_paused(closing) {
            CellState::Suspended
        } else if closing > at {
            CellState::Left
        } else if limiting.is_some_and(|deadline| closing > deadline.due) {
            CellState::Over
        } else {
            CellState::Used
        };
        let running =
            state == CellState::Left && self.calendar.date(at) == date && !self.is_paused(at);
        let part = running.then(|| {
            let service = self.calendar.service();
            let run = service.position(at) - service.position(self.calendar.midnight(date));
            run as f64 / service.length() as f64
        });
        Cell {
            date,
            kind,
            state,
            part,
        }
    }
}
