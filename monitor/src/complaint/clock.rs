//! The clocks of a complaint: until it is accepted, and until it is answered (R10).

use chrono::{DateTime, Utc};

use super::ComplaintFold;
use crate::calendar::Calendar;
use crate::case::Moment;
use crate::clock::{Clock, Deadline, Mode, NearDue};
use crate::limit::Limit;

/// The numbers of R10, in workdays, and when a warning is due, as R1 has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ComplaintLimits {
    /// How limits in workdays run.
    pub mode: Mode,
    /// Accepted or refused within.
    pub accept: u32,
    /// Answered within, from acceptance.
    pub finish: u32,
    /// The longest extension, once.
    pub extension: u32,
    /// When a warning is due.
    pub near: NearDue,
}

impl Default for ComplaintLimits {
    /// 3, 10 and 10 workdays (domain.md section 4).
    fn default() -> Self {
        Self {
            mode: Mode::Day,
            accept: 3,
            finish: 10,
            extension: 10,
            near: NearDue::default(),
        }
    }
}

/// Which of the two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Until it is accepted or refused.
    Accept,
    /// Until the complainant has an answer.
    Finish,
}

impl Stage {
    /// The word in keys and interfaces.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Finish => "finish",
        }
    }
}

/// One clock of a complaint.
#[derive(Debug, Clone)]
pub struct ComplaintDue<'a> {
    /// Which.
    pub stage: Stage,
    /// The deadline, extension in it.
    pub deadline: Deadline,
    /// When its warning is due.
    pub warning_at: Option<DateTime<Utc>>,
    /// When it was stopped: what it waited for has happened.
    pub stopped: Option<&'a Moment>,
    clock: Clock<'a>,
}

impl ComplaintDue<'_> {
    /// What remains at `at`, in workdays.
    pub fn remaining(&self, at: DateTime<Utc>) -> f64 {
        self.clock.remaining(&self.deadline, at)
    }

    /// Whether it is over, as far as is known at `now`. What was done on a day of which only the date is known was in time if
    /// the deadline lies on that day.
    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        let until = self.stopped.map_or(now, |stopped| stopped.at);
        self.deadline.is_over(until.min(now))
    }
}

/// The clocks of one complaint.
#[derive(Debug, Clone)]
pub struct ComplaintClock<'a> {
    /// From receipt to acceptance; `None` while nobody has told of its receipt.
    pub accept: Option<ComplaintDue<'a>>,
    /// From acceptance (where nobody told of that, from receipt) to the answer; `None` before, and of what was refused.
    pub finish: Option<ComplaintDue<'a>>,
}

impl<'a> ComplaintClock<'a> {
    /// The clocks of a complaint.
    pub fn of(fold: &'a ComplaintFold, calendar: &'a Calendar, limits: &ComplaintLimits) -> Self {
        let due = |stage, start: &Moment, within, extension, stopped| {
            let clock = Clock::new(calendar, limits.mode, start.at, []);
            let deadline = clock.by_limit(Limit::workdays(within), extension);
            ComplaintDue {
                stage,
                warning_at: clock.warning(&deadline, &limits.near),
                deadline,
                stopped,
                clock,
            }
        };
        let accept = fold
            .received
            .as_ref()
            .map(|received| due(Stage::Accept, received, limits.accept, 0, fold.taken_up()));
        let handled = fold
            .accepted
            .as_ref()
            .or_else(|| fold.taken_up().and(fold.received.as_ref()));
        let extension = fold
            .extension
            .as_ref()
            .map_or(0, |extended| extended.days.min(limits.extension));
        let finish = handled
            .filter(|_| fold.refused.is_none() || fold.accepted.is_some())
            .map(|start| {
                due(
                    Stage::Finish,
                    start,
                    limits.finish,
                    extension,
                    fold.finished(),
                )
            });
        Self { accept, finish }
    }

    /// Both clocks, as far as they run or ran.
    pub fn dues(&self) -> impl Iterator<Item = &ComplaintDue<'a>> {
        self.accept.iter().chain(&self.finish)
    }

    /// The next instant after `now` at which time alone changes anything.
    pub fn next_instant(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.dues()
            .filter(|due| due.stopped.is_none())
            .flat_map(|due| [due.warning_at, due.deadline.over_from()])
            .flatten()
            .filter(|&at| at > now)
            .min()
    }
}
