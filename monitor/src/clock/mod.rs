//! The clock of a case, a step or an order: when it is due, how much of the limit is used, when a warning is due.
//!
//! Two modes. In `day` mode (the default) the day of acceptance is not counted, a workday is used up when its closing time
//! passes with the clock running, and the limit is due at the closing time of the last day. In `second` mode working time is
//! wall-clock time on workdays, and the limit is due when n × 24 hours of it have run. Limits in service hours run in
//! office hours, limits in calendar days end at a closing time, in both modes.
//!
//! Everything is computed by positions on a [`Scale`], so a limit of a year costs no more than one of a day.

mod timer;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::calendar::{Calendar, Scale};
use crate::limit::{Limit, LimitUnit};

pub use timer::{Cell, CellState, Measure, Timer, TimerContinues, TimerSuspension};

const HOUR: i64 = 3_600_000_000;

/// How a limit in workdays runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// By closing times; the day of acceptance is not counted.
    #[default]
    Day,
    /// By the second, on workdays.
    Second,
}

/// When a warning is due (R1): when what remains is at most the smaller of the two.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct NearDue {
    /// So many workdays.
    pub workdays: f64,
    /// This share of the limit, 0 to 1.
    pub share: f64,
}

impl Default for NearDue {
    /// 2 workdays, 30 % of the limit.
    fn default() -> Self {
        Self {
            workdays: 2.0,
            share: 0.3,
        }
    }
}

/// A time over which the clock stands still: from `start` (included) to `end` (excluded).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// When it begins.
    pub start: DateTime<Utc>,
    /// When it ends.
    pub end: DateTime<Utc>,
}

/// When a limit runs out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// The due instant. What is done at it is in time; after it, it is over.
    pub due: DateTime<Utc>,
    /// Whether a year on the way is not loaded (预计): such a deadline never turns red by itself.
    pub expected: bool,
    /// The limit, with its extension in it where the unit allows; `None` when the instant was given.
    pub limit: Option<Limit>,
    /// Whether the instant was given by the system of record. Suspensions and extensions do not move it.
    pub explicit: bool,
    /// Service time in the whole limit, in microseconds; what R1 takes its share of.
    total: i64,
}

impl Deadline {
    /// Whether it is over at `at`. An expected one is never over.
    pub fn is_over(&self, at: DateTime<Utc>) -> bool {
        at > self.due && !self.expected
    }

    /// The first instant at which it is over, one microsecond past due; `None` when it is only expected.
    pub fn over_from(&self) -> Option<DateTime<Utc>> {
        (!self.expected).then(|| self.due + TimeDelta::microseconds(1))
    }
}

/// A span on `scale` in millionths of a workday.
fn millionths(span: i64, scale: Scale<'_>) -> i64 {
    // Forty years in microseconds, times a million, is past 64 bits; the quotient is far below.
    (i128::from(span) * 1_000_000 / i128::from(scale.length())) as i64
}

/// A clock that was started and may have been paused.
#[derive(Debug, Clone)]
pub struct Clock<'a> {
    calendar: &'a Calendar,
    mode: Mode,
    start: DateTime<Utc>,
    /// Sorted, disjoint, none before `start`.
    pauses: Vec<Pause>,
}

impl<'a> Clock<'a> {
    /// A clock started at `start`. Pauses may overlap and come in any order; what lies before `start` is cut off.
    pub fn new(
        calendar: &'a Calendar,
        mode: Mode,
        start: DateTime<Utc>,
        pauses: impl IntoIterator<Item = Pause>,
    ) -> Self {
        let mut given: Vec<Pause> = pauses
            .into_iter()
            .map(|pause| Pause {
                start: pause.start.max(start),
                end: pause.end,
            })
            .filter(|pause| pause.start < pause.end)
            .collect();
        given.sort_unstable_by_key(|pause| pause.start);
        let mut pauses: Vec<Pause> = Vec::with_capacity(given.len());
        for pause in given {
            match pauses.last_mut() {
                Some(last) if pause.start <= last.end => last.end = last.end.max(pause.end),
                _ => pauses.push(pause),
            }
        }
        Self {
            calendar,
            mode,
            start,
            pauses,
        }
    }

    /// When it was started.
    pub fn start(&self) -> DateTime<Utc> {
        self.start
    }

    /// Its pauses, sorted and disjoint.
    pub fn pauses(&self) -> &[Pause] {
        &self.pauses
    }

    /// Whether it stands still at `at`.
    pub fn is_paused(&self, at: DateTime<Utc>) -> bool {
        self.pauses
            .iter()
            .any(|pause| pause.start <= at && at < pause.end)
    }

    /// The deadline of `limit`, extended by `extension` workdays.
    pub fn by_limit(&self, limit: Limit, extension: u32) -> Deadline {
        let (n, service) = (
            i64::from(limit.n) + i64::from(extension),
            self.calendar.service(),
        );
        let (due, total) = match (limit.unit, self.mode) {
            (LimitUnit::Workday, Mode::Day) => {
                (self.nth_closing(self.start, n), n * service.length())
            }
            (LimitUnit::Workday, Mode::Second) => {
                let working = self.calendar.working();
                (
                    self.run(working, n * working.length()),
                    n * service.length(),
                )
            }
            (LimitUnit::Hour, _) => {
                let total = i64::from(limit.n) * HOUR + i64::from(extension) * service.length();
                (self.run(service, total), total)
            }
            (LimitUnit::Day, _) => {
                let due = self.nth_day(limit.n);
                let due = if extension > 0 {
                    self.nth_closing(due, i64::from(extension))
                } else {
                    due
                };
                (
                    due,
                    self.span(service, self.first_counted(), due, &self.pauses),
                )
            }
        };
        let limit = match limit.unit {
            LimitUnit::Workday => Limit::workdays(limit.n.saturating_add(extension)),
            LimitUnit::Hour | LimitUnit::Day => limit,
        };
        let expected = !self.calendar.covers(self.start, due);
        Deadline {
            due,
            expected,
            limit: Some(limit),
            explicit: false,
            total,
        }
    }

    /// The deadline at an instant that the system of record gives.
    pub fn by_instant(&self, due: DateTime<Utc>) -> Deadline {
        let total = self.span(self.calendar.service(), self.start, due, &[]);
        Deadline {
            due,
            expected: false,
            limit: None,
            explicit: true,
            total,
        }
    }

    /// Working time that ran from `from` to `to`, in millionths of a workday: office hours on workdays, or wall-clock time on workdays
    /// where the clock runs by the second. Pauses are left out; negative when `to` lies before `from`.
    pub fn worked(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> i64 {
        let scale = match self.mode {
            Mode::Day => self.calendar.service(),
            Mode::Second => self.calendar.working(),
        };
        millionths(self.span(scale, from, to, &self.pauses), scale)
    }

    /// Working time in the whole limit of a deadline, in the same unit.
    pub fn allowed(&self, deadline: &Deadline) -> i64 {
        millionths(deadline.total, self.calendar.service())
    }

    /// What remains of a deadline at `at`, in workdays (fractions by office hours); negative when it is over.
    pub fn remaining(&self, deadline: &Deadline, at: DateTime<Utc>) -> f64 {
        let service = self.calendar.service();
        let left = self.span(service, at, deadline.due, self.pauses_of(deadline));
        left.min(deadline.total) as f64 / service.length() as f64
    }

    /// When the warning of a deadline is due (R1): the first instant at which what remains is at most `near`. Not before
    /// the start. `None` when nothing can remain, because the deadline lies before the start.
    pub fn warning(&self, deadline: &Deadline, near: &NearDue) -> Option<DateTime<Utc>> {
        if deadline.total <= 0 {
            return None;
        }
        let service = self.calendar.service();
        let ahead =
            (near.workdays * service.length() as f64).min(near.share * deadline.total as f64);
        let mut position = service.position(deadline.due) - ahead.max(0.0).round() as i64;
        for pause in self
            .pauses_of(deadline)
            .iter()
            .rev()
            .filter(|pause| pause.start < deadline.due)
        {
            let (from, to) = (
                service.position(pause.start),
                service.position(pause.end.min(deadline.due)),
            );
            if position <= to {
                position -= to - from;
            }
        }
        Some(service.instant(position).max(self.start))
    }

    /// The instant from which a limit is counted: in `day` mode, and for calendar days, the day of acceptance does not count.
    fn first_counted(&self) -> DateTime<Utc> {
        self.calendar
            .closing(self.calendar.date(self.start))
            .max(self.start)
    }

    fn pauses_of(&self, deadline: &Deadline) -> &[Pause] {
        if deadline.explicit { &[] } else { &self.pauses }
    }

    /// Time on `scale` from `from` to `to` outside the pauses; negative when `to` lies before `from`.
    fn span(
        &self,
        scale: Scale<'_>,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        pauses: &[Pause],
    ) -> i64 {
        let paused: i64 = pauses
            .iter()
            .map(|pause| (pause.start.max(from), pause.end.min(to)))
            .filter(|(start, end)| start < end)
            .map(|(start, end)| scale.position(end) - scale.position(start))
            .sum();
        scale.position(to) - scale.position(from) - paused
    }

    /// The instant when `length` on `scale` has run since the start.
    fn run(&self, scale: Scale<'_>, length: i64) -> DateTime<Utc> {
        let mut target = scale.position(self.start) + length;
        for pause in &self.pauses {
            let from = scale.position(pause.start);
            if from >= target {
                break;
            }
            target += scale.position(pause.end) - from;
        }
        scale.instant(target)
    }

    /// The closing time of the `n`-th workday after the day of `from` whose closing time finds the clock running.
    fn nth_closing(&self, from: DateTime<Utc>, n: i64) -> DateTime<Utc> {
        let workdays = &self.calendar.workdays;
        let day = self.calendar.date(from);
        let first = workdays.ordinal(day) + i64::from(workdays.counts(day));
        let mut last = first + n - 1;
        for pause in &self.pauses {
            let (start, end) = (
                self.first_closing(pause.start).max(first),
                self.first_closing(pause.end),
            );
            if start > last {
                break;
            }
            last += (end - start).max(0);
        }
        self.calendar.closing(workdays.nth(last))
    }

    /// The ordinal of the first workday whose closing time is at `at` or later.
    fn first_closing(&self, at: DateTime<Utc>) -> i64 {
        let (local, workdays) = (self.calendar.local(at), &self.calendar.workdays);
        let closed =
            workdays.counts(local.date()) && local.time() > self.calendar.office.0.closes();
        workdays.ordinal(local.date()) + i64::from(closed)
    }

    /// The closing time of the `n`-th calendar day after the day of the start whose closing time finds the clock running;
    /// where that is no workday, of the next workday (Civil Code, article 203).
    fn nth_day(&self, n: u32) -> DateTime<Utc> {
        let start_day = self.calendar.date(self.start);
        // Days are numbered from the day of the start, which is 0.
        let first_closing = |at: DateTime<Utc>| {
            let local = self.calendar.local(at);
            (local.date() - start_day).num_days()
                + i64::from(local.time() > self.calendar.office.0.closes())
        };
        let mut last = i64::from(n);
        for pause in &self.pauses {
            let (start, end) = (first_closing(pause.start).max(1), first_closing(pause.end));
            if start > last {
                break;
            }
            last += (end - start).max(0);
        }
        let workdays = &self.calendar.workdays;
        let date = start_day
            .checked_add_signed(TimeDelta::days(last))
            .unwrap_or(start_day);
        let mut ordinal = workdays.ordinal(date);
        for pause in &self.pauses {
            let (start, end) = (
                self.first_closing(pause.start),
                self.first_closing(pause.end),
            );
            if (start..end).contains(&ordinal) {
                ordinal = end;
            }
        }
        self.calendar.closing(workdays.nth(ordinal))
    }
}
