//! The rules (domain.md section 4), one file each, and the table of them.
//!
//! [`evaluate`] gives *all* anomalies that a case's history has given rise to up to `now`, those that are over by now included,
//! and the next instant at which that changes by time alone. Nothing that was found before enters: the supervisor compares
//! the set with the cards that there are.

mod facts;
mod r1;
pub mod r10;
mod r13;
mod r2;
mod r3;
pub mod r8;
pub mod watched;

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use mingjing_monitor::calendar::Calendar;
use mingjing_monitor::case::{CaseClock, CaseFold, Tick};
use mingjing_monitor::item::ItemVersion;
use mingjing_monitor::limit::{Limit, LimitUnit};

use crate::card::{Grade, Kind};
use crate::profile::{DayCount, RuleSet};

pub use facts::{Facts, Sentence};

/// A rule by its number in domain.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// Near due.
    R1,
    /// Over.
    R2,
    /// A step over its limit.
    R3,
    /// Data: a source that is silent.
    R7,
    /// Voided, returned, withdrawn and suspended cases.
    R8,
    /// Complaints.
    R10,
    /// Special procedure.
    R13,
    /// Cameras.
    R14,
}

impl Rule {
    /// Its number, as cards name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::R1 => "R1",
            Self::R2 => "R2",
            Self::R3 => "R3",
            Self::R7 => "R7",
            Self::R8 => "R8",
            Self::R10 => "R10",
            Self::R13 => "R13",
            Self::R14 => "R14",
        }
    }
}

/// Who held the case when it happened, and so bears the card.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bearer {
    /// Code of the hall.
    pub hall: String,
    /// Code of the unit.
    pub unit: Option<String>,
    /// Number of the window.
    pub window: Option<String>,
}

/// Something wrong with a case, found by a rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Anomaly {
    /// The rule that found it.
    pub rule: Rule,
    /// What kind of wrong.
    pub kind: Kind,
    /// How grave.
    pub grade: Grade,
    /// What it is, for ever the same: rule, case, occurrence.
    pub cause_key: String,
    /// What it shares with others: of one cause only the gravest counts.
    pub cause: String,
    /// When it truly fell due; of a warning, when that was due.
    pub due_at: DateTime<Utc>,
    /// When its reason went away, for what clears by itself.
    pub cleared_at: Option<DateTime<Utc>>,
    /// Until when it went on: the decision, the end of the step. `None`: it goes on; what happens in an instant ends when it
    /// falls due. What goes on when a rule changes is judged by the new rule from then on.
    pub until: Option<DateTime<Utc>>,
    /// The numbers.
    pub facts: Facts,
    /// What happened, in one sentence, without rule and version.
    pub sentence: Sentence,
    /// Who bears it.
    pub bearer: Bearer,
}

impl Anomaly {
    /// Whether it still went on at `at`.
    pub fn goes_on_at(&self, at: DateTime<Utc>) -> bool {
        self.until.is_none_or(|until| until > at)
    }
}

/// What [`evaluate`] finds.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// All anomalies up to now, in the order of the rules.
    pub anomalies: Vec<Anomaly>,
    /// The next instant after now at which time alone changes anything; `None`: never.
    pub next_instant: Option<DateTime<Utc>>,
}

/// What a rule looks at.
pub(crate) struct Case<'a> {
    pub fold: &'a CaseFold,
    pub item: Option<&'a ItemVersion>,
    pub rules: &'a RuleSet,
    pub calendar: &'a Calendar,
    pub clock: &'a CaseClock<'a>,
    pub now: DateTime<Utc>,
}

impl Case<'_> {
    /// Up to when facts count: the decision, or now.
    fn until(&self) -> DateTime<Utc> {
        self.clock.judged_at.min(self.now)
    }

    /// Whoever held the case at an instant: the step that was open then, or who has the case.
    fn bearer(&self, at: DateTime<Utc>) -> Bearer {
        let open = |run: &&mingjing_monitor::case::StepRun| {
            let started = run.started.as_ref().is_some_and(|started| started.at <= at);
            started
                && run
                    .finished
                    .as_ref()
                    .is_none_or(|finished| finished.at > at)
        };
        let run = self.fold.steps.iter().rev().find(open);
        let of_case = || Bearer {
            hall: self.fold.hall.clone(),
            unit: self.fold.unit.clone(),
            window: self.fold.window.clone(),
        };
        match run {
            None => of_case(),
            // The same hall's other fields fill what the step does not say.
            Some(run) if run.hall == self.fold.hall => Bearer {
                hall: run.hall.clone(),
                unit: run.unit.clone().or_else(|| self.fold.unit.clone()),
                window: run.window.clone().or_else(|| self.fold.window.clone()),
            },
            Some(run) => Bearer {
                hall: run.hall.clone(),
                unit: run.unit.clone(),
                window: run.window.clone(),
            },
        }
    }

    /// The cause that everything about the case's own overrun shares.
    fn overrun_cause(&self) -> String {
        format!("over:{}", self.fold.case_no)
    }
}

/// A rule: what it finds, and when it must look again beside the ticks of the case clock.
struct Entry {
    on: fn(&RuleSet) -> bool,
    find: fn(&Case<'_>, &mut Vec<Anomaly>),
    also_at: fn(&Case<'_>) -> Option<DateTime<Utc>>,
}

fn never(_: &Case<'_>) -> Option<DateTime<Utc>> {
    None
}

/// Every rule about cases.
const RULES: &[Entry] = &[
    Entry {
        on: |rules| rules.r1.on,
        find: r1::find,
        also_at: never,
    },
    Entry {
        on: |rules| rules.r2.on,
        find: r2::find,
        also_at: r2::also_at,
    },
    Entry {
        on: |rules| rules.r3.on,
        find: r3::find,
        also_at: never,
    },
    Entry {
        on: |rules| rules.r13.on,
        find: r13::find,
        also_at: never,
    },
];

/// The facts of a case as the profile counts them: where every day counts, limits in workdays become limits in days.
pub fn as_counted<'a>(
    fold: &'a CaseFold,
    item: Option<&'a ItemVersion>,
    rules: &RuleSet,
) -> (Cow<'a, CaseFold>, Option<Cow<'a, ItemVersion>>) {
    if rules.counting.days == DayCount::Workday {
        return (Cow::Borrowed(fold), item.map(Cow::Borrowed));
    }
    let counted = |limit: Limit| match limit.unit {
        LimitUnit::Workday => Limit::days(limit.n),
        LimitUnit::Day | LimitUnit::Hour => limit,
    };
    let mut fold = fold.clone();
    fold.promise_limit = fold.promise_limit.map(counted);
    fold.legal_limit = fold.legal_limit.map(counted);
    let item = item.map(|item| {
        let mut item = item.clone();
        item.promise = item.promise.map(counted);
        item.legal = item.legal.map(counted);
        for step in &mut item.steps {
            step.limit = step.limit.map(counted);
        }
        Cow::Owned(item)
    });
    (Cow::Owned(fold), item)
}

/// What the rules say of a case at `now`. `fold` and `item` are [`as_counted`], `clock` is made of them.
pub fn evaluate(
    fold: &CaseFold,
    item: Option<&ItemVersion>,
    clock: &CaseClock<'_>,
    rules: &RuleSet,
    calendar: &Calendar,
    now: DateTime<Utc>,
) -> Evaluation {
    let case = Case {
        fold,
        item,
        rules,
        calendar,
        clock,
        now,
    };
    let mut anomalies = Vec::new();
    let mut next_instant = next_tick(&case);
    for rule in RULES.iter().filter(|rule| (rule.on)(rules)) {
        (rule.find)(&case, &mut anomalies);
        let also = (rule.also_at)(&case).filter(|&at| at > now && clock.open);
        next_instant = [next_instant, also].into_iter().flatten().min();
    }
    Evaluation {
        anomalies,
        next_instant,
    }
}

/// The next instant of the case clock at which a rule that is on, or the row of the case, has something new to see.
fn next_tick(case: &Case<'_>) -> Option<DateTime<Utc>> {
    let wanted = |tick: &Tick| match tick {
        Tick::Near(which) => case.rules.r1.on && *which == r1::limit_of(case.clock),
        Tick::SpecialNear(_) | Tick::SpecialRed(_) => case.rules.r13.on,
        Tick::StepOver(_) => case.rules.r3.on,
        // The bucket turns, the clock runs again.
        Tick::Over(_) | Tick::SpecialEnd(_) => true,
    };
    let ticks = case.clock.ticks();
    ticks
        .filter(|(at, tick)| *at > case.now && wanted(tick))
        .map(|(at, _)| at)
        .min()
}
