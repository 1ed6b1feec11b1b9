//! The clock of a case: its fold, seen with limits, calendar, rules and the present instant.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::prior::{Continued, continued};
use super::{CaseFold, CaseStatus, Extension, Suspension};
use crate::calendar::Calendar;
use crate::clock::{Clock, Deadline, Mode, NearDue, Pause, Timer, TimerContinues, TimerSuspension};
use crate::event::Extends;
use crate::item::{HandlingKind, ItemVersion};
use crate::limit::Limit;

/// The grounds that stop the clock, as shipped (Administrative Licensing Law, article 45).
pub const LAWFUL_GROUNDS: [&str; 8] = [
    "hearing",
    "tender",
    "auction",
    "inspection",
    "testing",
    "quarantine",
    "appraisal",
    "expert_review",
];

/// What the rule profile says about case clocks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClockRules {
    /// How limits in workdays run.
    pub mode: Mode,
    /// Grounds on which a special procedure stops the clock.
    pub lawful: BTreeSet<String>,
    /// The longest extension, in workdays; what is declared beyond it is cut off.
    pub max_extension: u32,
    /// The legal limit of a joint item that has none of its own (Administrative Licensing Law, article 42).
    pub joint_limit: Option<Limit>,
    /// The longest extension of a joint item, in workdays.
    pub joint_extension: u32,
    /// Applied for again within so many workdays of its withdrawal, a case goes on with its old clock; 0: never.
    pub reapplied: u32,
    /// Workdays in which a supplement notice goes out; after them the application counts as accepted on the day it was received
    /// (article 32).
    pub supplement: u32,
    /// When a warning is due (R1).
    pub near: NearDue,
    /// How many workdays before the declared end of a special procedure its warning is due (R13).
    pub special_near: u32,
    /// How many workdays past its declared end a special procedure turns red (R13).
    pub special_red: u32,
}

impl Default for ClockRules {
    fn default() -> Self {
        Self {
            mode: Mode::Day,
            lawful: LAWFUL_GROUNDS.map(String::from).into(),
            max_extension: 10,
            joint_limit: Some(Limit::workdays(45)),
            joint_extension: 15,
            reapplied: 10,
            supplement: 5,
            near: NearDue::default(),
            special_near: 2,
            special_red: 1,
        }
    }
}

/// What the clock does at the present instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockState {
    /// Not accepted yet.
    NotStarted,
    /// Running.
    Running,
    /// Standing still: a lawful special procedure.
    Suspended,
    /// Over for good.
    Stopped,
}

impl ClockState {
    /// The word that lists and interfaces use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotStarted => "not_started",
            Self::Running => "running",
            Self::Suspended => "suspended",
            Self::Stopped => "stopped",
        }
    }
}

/// How a case stands against its limits: as of now while it is open, at its decision afterwards. Disjoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bucket {
    /// Within every limit it has.
    OnTime,
    /// Past the promise, within the law.
    OverPromiseOnly,
    /// Past the legal limit.
    OverLegal,
    /// It has no limit.
    NoDeadline,
}

impl Bucket {
    /// The word that lists and interfaces use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OnTime => "on_time",
            Self::OverPromiseOnly => "over_promise_only",
            Self::OverLegal => "over_legal",
            Self::NoDeadline => "no_deadline",
        }
    }
}

/// Which of a case's two limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LimitKind {
    /// 承诺时限
    Promise,
    /// 法定时限
    Legal,
}

/// Something about a case that time alone brings about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tick {
    /// The application counts as accepted.
    Deemed,
    /// A limit comes near (R1).
    Near(LimitKind),
    /// A limit has run out (R2).
    Over(LimitKind),
    /// The declared end of a special procedure comes near (R13); the index is that of [`CaseFold::suspensions`].
    SpecialNear(usize),
    /// Its declared length has run: a lawful one has ended by itself (R13).
    SpecialEnd(usize),
    /// It is past its declared end by more than the rules bear (R13).
    SpecialRed(usize),
    /// A step has run over its limit (R3); the index is that of [`CaseFold::steps`].
    StepOver(usize),
}

/// One of the two limits of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaseDue {
    /// When it runs out.
    pub deadline: Deadline,
    /// When its warning is due; `None` when it is only expected, or lies before acceptance.
    pub warning_at: Option<DateTime<Utc>>,
}

/// A special procedure with its instants. The indices of [`CaseFold::suspensions`] and of these agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpecialClock {
    /// Whether it stops the clock: its ground is lawful, and approver, written notice and declared length are there.
    pub lawful: bool,
    /// When its declared length has run; `None` when none was declared.
    pub declared_end: Option<DateTime<Utc>>,
    /// When its warning is due; not before its start.
    pub near_at: Option<DateTime<Utc>>,
    /// From when it is red.
    pub red_from: Option<DateTime<Utc>>,
    /// When it ended or will end: by its event or by itself, whichever comes first. `None` when neither is known.
    pub end: Option<DateTime<Utc>>,
}

/// A run of a step that has a limit, with its deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepClock {
    /// Its index in [`CaseFold::steps`].
    pub run: usize,
    /// Its limit.
    pub limit: Limit,
    /// When the limit runs out.
    pub deadline: Deadline,
    /// When it was finished, or the case was over; `None` while it runs.
    pub stopped: Option<DateTime<Utc>>,
}

/// The clock of a case at one instant.
#[derive(Debug, Clone)]
pub struct CaseClock<'a> {
    /// What it does now.
    pub state: ClockState,
    /// Whether the case is still open.
    pub open: bool,
    /// How it stands; `None` while the clock has not started, and for cases withdrawn or voided.
    pub bucket: Option<Bucket>,
    /// The promise; `None` when there is none, or the clock has not started and no instant was given.
    pub promise: Option<CaseDue>,
    /// The legal limit, likewise.
    pub legal: Option<CaseDue>,
    /// Special procedures.
    pub special: Vec<SpecialClock>,
    /// Runs of steps that have a limit.
    pub steps: Vec<StepClock>,
    /// The instant at which it is judged: the decision, or now.
    pub judged_at: DateTime<Utc>,
    /// When the time for a supplement notice ran out without acceptance, notice or end: past it the application counts as
    /// accepted on the day it was received, which is when the clock then started. It may still lie ahead.
    pub deemed: Option<DateTime<Utc>>,
    /// The clock of an earlier case of the same applicant for the same item, with which it goes on.
    pub continued: Option<Continued>,
    clock: Option<Clock<'a>>,
    mode: Mode,
    /// Which special procedures no event has ended.
    unresumed: Vec<bool>,
}

impl<'a> CaseClock<'a> {
    /// The clock of `fold` at `now`. `item` is the version under which the case is handled; without it only limits and
    /// instants that events gave count.
    pub fn of(
        fold: &CaseFold,
        item: Option<&ItemVersion>,
        calendar: &'a Calendar,
        rules: &ClockRules,
        now: DateTime<Utc>,
    ) -> Self {
        let special: Vec<SpecialClock> = fold
            .suspensions
            .iter()
            .map(|suspension| special_clock(suspension, calendar, rules))
            .collect();
        let pauses = || standing_still(fold, &special);
        let decided = fold.decided.as_ref().map(|decided| decided.at);
        let judged_at = decided.unwrap_or(now);
        let deemed = deemed_accepted(fold, calendar, rules);
        let start = started_by(fold, deemed, now);
        let continued =
            start.and_then(|_| continued(fold.prior.as_deref(), fold.opened(), calendar, rules));
        let clock = start.map(|start| {
            let (first, earlier) = match &continued {
                Some(earlier) => (earlier.start, earlier.until(start)),
                None => (start, Vec::new()),
            };
            let pauses = earlier.into_iter().chain(pauses());
            Clock::new(calendar, rules.mode, first, pauses)
        });
        let joint = fold.kind.or(item.map(|item| item.kind)) == Some(HandlingKind::Joint);
        let promise_limit = fold.promise_limit.or_else(|| item?.promise);
        let legal_limit = fold.legal_limit.or_else(|| item?.legal);
        let legal_limit = legal_limit.or(rules.joint_limit.filter(|_| joint));
        let longest = if joint {
            rules.joint_extension
        } else {
            rules.max_extension
        };
        let earlier = continued.as_ref().and_then(|it| it.extension.as_ref());
        let extension = earlier.or(fold.extension.as_ref());
        let (promise_extension, legal_extension) = extensions(extension, longest);
        let due = |given, limit: Option<Limit>, extension| {
            // A due instant stands even before acceptance; there is then nothing yet to measure it from.
            let unstarted = || {
                Clock::new(
                    calendar,
                    rules.mode,
                    fold.applied
                        .as_ref()
                        .map_or(judged_at, |applied| applied.at),
                    [],
                )
            };
            let deadline = match (given, limit, &clock) {
                (Some(instant), _, Some(clock)) => clock.by_instant(instant),
                (Some(instant), _, None) => unstarted().by_instant(instant),
                (None, Some(limit), Some(clock)) => clock.by_limit(limit, extension),
                _ => return None,
            };
            let warning_at = match &clock {
                Some(clock) if !deadline.expected => clock.warning(&deadline, &rules.near),
                _ => None,
            };
            // What was near, or over, when an earlier case was withdrawn is near when this one is taken up; over was said of that.
            let warning_at = match (warning_at, start) {
                (Some(at), Some(start)) if continued.is_some() => {
                    Some(at.max(start)).filter(|&at| at < deadline.due)
                }
                (at, _) => at,
            };
            Some(CaseDue {
                deadline,
                warning_at,
            })
        };
        let promise = due(fold.promise_due, promise_limit, promise_extension);
        let legal = due(fold.legal_due, legal_limit, legal_extension);
        let steps = step_clocks(fold, item, |start| {
            Clock::new(calendar, rules.mode, start, pauses())
        });
        let state = match &clock {
            _ if decided.is_some() => ClockState::Stopped,
            None => ClockState::NotStarted,
            Some(clock) if clock.is_paused(now) => ClockState::Suspended,
            Some(_) => ClockState::Running,
        };
        let counted = match fold.status {
            CaseStatus::Withdrawn | CaseStatus::Voided => false,
            _ => state != ClockState::NotStarted,
        };
        Self {
            state,
            open: decided.is_none(),
            bucket: counted.then(|| bucket(promise.as_ref(), legal.as_ref(), judged_at)),
            promise,
            legal,
            special,
            steps,
            judged_at,
            deemed,
            continued,
            clock,
            mode: rules.mode,
            unresumed: fold
                .suspensions
                .iter()
                .map(|suspension| suspension.resumed.is_none())
                .collect(),
        }
    }

    /// One of its two limits.
    pub fn due(&self, which: LimitKind) -> Option<&CaseDue> {
        match which {
            LimitKind::Promise => self.promise.as_ref(),
            LimitKind::Legal => self.legal.as_ref(),
        }
    }

    /// Whether one of its due instants is only expected (预计).
    pub fn expected(&self) -> bool {
        [&self.promise, &self.legal]
            .into_iter()
            .flatten()
            .any(|due| due.deadline.expected)
    }

    /// Everything that time alone brings about in an open case, past and to come, in no particular order. A case that is
    /// over has none.
    pub fn ticks(&self) -> impl Iterator<Item = (DateTime<Utc>, Tick)> + '_ {
        let started = self.open && self.clock.is_some();
        let limits = [LimitKind::Promise, LimitKind::Legal]
            .into_iter()
            .filter_map(move |which| Some((which, self.due(which).filter(|_| started)?)))
            .flat_map(|(which, due)| {
                let near = due.warning_at.map(|at| (at, Tick::Near(which)));
                let over = due.deadline.over_from().map(|at| (at, Tick::Over(which)));
                near.into_iter().chain(over)
            });
        let special = self
            .special
            .iter()
            .enumerate()
            .filter(|(i, _)| self.open && self.unresumed[*i])
            .flat_map(|(i, special)| {
                let near = special.near_at.map(|at| (at, Tick::SpecialNear(i)));
                let end = special
                    .declared_end
                    .map(|at| (past(at), Tick::SpecialEnd(i)));
                let red = special.red_from.map(|at| (at, Tick::SpecialRed(i)));
                near.into_iter().chain(end).chain(red)
            });
        let steps = self
            .steps
            .iter()
            .filter(|step| self.open && step.stopped.is_none())
            .filter_map(|step| Some((step.deadline.over_from()?, Tick::StepOver(step.run))));
        let deemed = self.deemed.filter(|_| self.open).map(past);
        let deemed = deemed.map(|at| (at, Tick::Deemed));
        limits.chain(special).chain(steps).chain(deemed)
    }

    /// The next instant after `now` at which anything about the case changes by time alone.
    pub fn next_after(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.ticks().map(|(at, _)| at).filter(|&at| at > now).min()
    }

    /// The clock itself; `None` while the case has not been accepted.
    pub fn clock(&self) -> Option<&Clock<'a>> {
        self.clock.as_ref()
    }

    /// The clock bar; `None` while the case has not been accepted. `fold` is the one that this clock was made of.
    pub fn timer(&self, fold: &CaseFold) -> Option<Timer> {
        let clock = self.clock.as_ref()?;
        let deadline = |due: &Option<CaseDue>| due.map(|due| due.deadline);
        let (promise, legal) = (deadline(&self.promise), deadline(&self.legal));
        let (cells, truncated) = clock.cells(promise.as_ref(), legal.as_ref(), self.judged_at);
        let suspension = |(suspension, special): (&Suspension, &SpecialClock)| TimerSuspension {
            kind: suspension.kind.clone(),
            start: suspension.start.at,
            end: suspension.resumed.as_ref().map(|resumed| resumed.at),
            declared_end: special.declared_end,
            lawful: special.lawful,
        };
        let first_due = self.promise.as_ref().or(self.legal.as_ref());
        Some(Timer {
            mode: self.mode,
            warning_at: first_due.and_then(|due| due.warning_at),
            continues: self.continued.as_ref().map(|earlier| TimerContinues {
                case: earlier.case_no.clone(),
                since: earlier.start,
                withdrawn: earlier.stop,
            }),
            promise: promise.map(|deadline| clock.measure(&deadline, self.judged_at)),
            legal: legal.map(|deadline| clock.measure(&deadline, self.judged_at)),
            suspensions: fold
                .suspensions
                .iter()
                .zip(&self.special)
                .map(suspension)
                .collect(),
            cells,
            truncated,
        })
    }
}

fn past(at: DateTime<Utc>) -> DateTime<Utc> {
    at + TimeDelta::microseconds(1)
}

fn bucket(promise: Option<&CaseDue>, legal: Option<&CaseDue>, at: DateTime<Utc>) -> Bucket {
    let over = |due: Option<&CaseDue>| due.is_some_and(|due| due.deadline.is_over(at));
    if promise.is_none() && legal.is_none() {
        Bucket::NoDeadline
    } else if over(legal) {
        Bucket::OverLegal
    } else if over(promise) {
        Bucket::OverPromiseOnly
    } else {
        Bucket::OnTime
    }
}

/// When the clock started: at acceptance, or at the application where that counts as accepted.
pub(super) fn started(
    fold: &CaseFold,
    calendar: &Calendar,
    rules: &ClockRules,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    started_by(fold, deemed_accepted(fold, calendar, rules), now)
}

fn started_by(
    fold: &CaseFold,
    deemed: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let accepted = fold.accepted.as_ref().map(|accepted| accepted.at);
    let by_law = deemed.filter(|&at| now > at && accepted.is_none_or(|accepted| accepted > at));
    match by_law {
        Some(_) => fold.applied.as_ref().map(|applied| applied.at),
        None => accepted,
    }
}

/// When lawful special procedures let the clock of a case stand still.
pub(super) fn lawful_pauses(
    fold: &CaseFold,
    calendar: &Calendar,
    rules: &ClockRules,
) -> Vec<Pause> {
    let special = fold.suspensions.iter();
    let special: Vec<_> = special
        .map(|it| special_clock(it, calendar, rules))
        .collect();
    standing_still(fold, &special).collect()
}

fn standing_still<'a>(
    fold: &'a CaseFold,
    special: &'a [SpecialClock],
) -> impl Iterator<Item = Pause> + 'a {
    let both = fold.suspensions.iter().zip(special);
    both.filter(|(_, clock)| clock.lawful)
        .filter_map(|(suspension, clock)| {
            Some(Pause {
                start: suspension.start.at,
                end: clock.end?,
            })
        })
}

/// When an application that nobody answers counts as accepted; `None` where it was answered in time, or a year is not loaded.
fn deemed_accepted(
    fold: &CaseFold,
    calendar: &Calendar,
    rules: &ClockRules,
) -> Option<DateTime<Utc>> {
    let applied = fold.applied.as_ref().filter(|_| rules.supplement > 0)?.at;
    let notice = fold.supplements.first().map(|asked| asked.requested.at);
    let answers = [&fold.accepted, &fold.decided].map(|moment| moment.as_ref().map(|it| it.at));
    let answered = answers.into_iter().chain([notice]).flatten().min();
    // Most are answered within hours, and need no look at the calendar.
    let soon = applied + TimeDelta::days(i64::from(rules.supplement) - 1);
    if answered.is_some_and(|answered| answered <= soon) {
        return None;
    }
    let limit = Clock::new(calendar, rules.mode, applied, [])
        .by_limit(Limit::workdays(rules.supplement), 0);
    let unanswered = answered.is_none_or(|answered| answered > limit.due);
    (unanswered && !limit.expected).then_some(limit.due)
}

/// By how many workdays the promise and the legal limit are extended, at most `longest`. The promise moves only with a notice.
fn extensions(extension: Option<&Extension>, longest: u32) -> (u32, u32) {
    let Some(extension) = extension else {
        return (0, 0);
    };
    let days = extension.days.min(longest);
    let promise =
        matches!(extension.limit, Extends::Promise | Extends::Both) && extension.notice.is_some();
    let legal = matches!(extension.limit, Extends::Legal | Extends::Both);
    (if promise { days } else { 0 }, if legal { days } else { 0 })
}

fn special_clock(suspension: &Suspension, calendar: &Calendar, rules: &ClockRules) -> SpecialClock {
    let start = suspension.start.at;
    let declared = suspension.declared_days.map(|days| days.min(Limit::MAX));
    let formal = suspension.approver.is_some() && suspension.notice.is_some() && declared.is_some();
    let after = |days: u32| calendar.workdays_after(start, days);
    let declared_end = declared.map(after);
    let resumed = suspension.resumed.as_ref().map(|resumed| resumed.at);
    SpecialClock {
        lawful: formal && rules.lawful.contains(&suspension.kind),
        declared_end,
        near_at: declared.map(|days| match days.saturating_sub(rules.special_near) {
            0 => start,
            days => after(days),
        }),
        red_from: declared.map(|days| {
            past(after(
                days.saturating_add(rules.special_red).min(2 * Limit::MAX),
            ))
        }),
        end: match (resumed, declared_end) {
            (Some(resumed), Some(declared)) => Some(resumed.min(declared)),
            (resumed, declared) => resumed.or(declared),
        },
    }
}

fn step_clocks<'a>(
    fold: &CaseFold,
    item: Option<&ItemVersion>,
    clock: impl Fn(DateTime<Utc>) -> Clock<'a>,
) -> Vec<StepClock> {
    let Some(item) = item else { return Vec::new() };
    let decided = fold.decided.as_ref().map(|decided| decided.at);
    let step_clock = |(run, step): (usize, &super::StepRun)| {
        let limit = item.step(&step.step)?.limit?;
        let started = step.started.as_ref()?.at;
        let stopped = step
            .finished
            .as_ref()
            .map(|finished| finished.at)
            .or(decided);
        Some(StepClock {
            run,
            limit,
            deadline: clock(started).by_limit(limit, 0),
            stopped,
        })
    };
    fold.steps
        .iter()
        .enumerate()
        .filter_map(step_clock)
        .collect()
}
