//! The rules (domain.md section 4), one file each, and the table of them.
//!
//! [`evaluate`] gives *all* anomalies that a case's history has given rise to up to `now`, those that are over by now included,
//! and the next instant at which that changes by time alone. Nothing that was found before enters: the supervisor compares
//! the set with the cards that there are.

mod facts;
mod r1;
pub mod r10;
mod r11;
mod r13;
mod r15;
mod r2;
mod r3;
mod r4;
mod r5;
mod r6;
mod r7;
pub mod r8;
mod r9;
pub mod watched;

use std::borrow::Cow;

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_monitor::calendar::Calendar;
use mingjing_monitor::case::{CaseClock, CaseFold, StepRun, Tick};
use mingjing_monitor::clock::{Clock, Deadline};
use mingjing_monitor::item::ItemVersion;
use mingjing_monitor::limit::{Limit, LimitUnit};

use crate::card::{Grade, Kind};
use crate::profile::{DayCount, RuleSet};

pub use facts::{Facts, Sentence, local};

macro_rules! rule_numbers {
    ($( $(#[$doc:meta])* $rule:ident )*) => {
        /// A rule by its number in domain.md.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Rule { $( $(#[$doc])* $rule, )* }

        impl Rule {
            /// Its number, as cards name it.
            pub fn as_str(self) -> &'static str {
                match self { $( Self::$rule => stringify!($rule), )* }
            }
        }
    };
}

rule_numbers! {
    /// Near due.
    R1
    /// Over.
    R2
    /// A step over its limit.
    R3
    /// Procedure.
    R4
    /// Refusal without reason.
    R5
    /// Fees.
    R6
    /// Data: sources that are silent, times that cannot be.
    R7
    /// Voided, returned, withdrawn and suspended cases.
    R8
    /// Presence at the windows.
    R9
    /// Complaints.
    R10
    /// Bad ratings.
    R11
    /// Special procedures.
    R13
    /// Cameras.
    R14
    /// Before acceptance and after the decision.
    R15
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

    /// Whether its card counts only when a person has looked at the picture: every yellow card for what a camera alone has seen
    /// of a hall. A red one of R9 is made of yellow ones that were looked at.
    pub fn awaits_person(&self) -> bool {
        let of_video = match self.rule {
            Rule::R9 => true,
            Rule::R14 => self.facts.get("answers").is_some_and(|who| who == "hall"),
            _ => false,
        };
        of_video && self.grade == Grade::YellowCard
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

/// How the words of a source reach us: what is told late because of it is not backdated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hearing {
    /// Its usual lag, as declared.
    pub lag: TimeDelta,
    /// Spans, sorted and disjoint, in which we could not hear it, recorded by ourselves.
    pub away: Vec<(DateTime<Utc>, DateTime<Utc>)>,
}

impl Default for Hearing {
    /// At once, and always.
    fn default() -> Self {
        Self {
            lag: TimeDelta::zero(),
            away: Vec::new(),
        }
    }
}

/// What a rule looks at.
pub(crate) struct Case<'a> {
    pub fold: &'a CaseFold,
    pub item: Option<&'a ItemVersion>,
    pub rules: &'a RuleSet,
    pub calendar: &'a Calendar,
    pub clock: &'a CaseClock<'a>,
    pub hearing: &'a Hearing,
    pub now: DateTime<Utc>,
}

impl Case<'_> {
    /// Up to when facts count: the decision, or now.
    fn until(&self) -> DateTime<Utc> {
        self.clock.judged_at.min(self.now)
    }

    /// Whoever held the case at an instant: the step that was open then, or who has the case.
    fn bearer(&self, at: DateTime<Utc>) -> Bearer {
        let open = |run: &&StepRun| {
            let started = run.started.as_ref().is_some_and(|started| started.at <= at);
            started
                && run
                    .finished
                    .as_ref()
                    .is_none_or(|finished| finished.at > at)
        };
        match self.fold.steps.iter().rev().find(open) {
            Some(run) => self.bearer_of(run),
            None => Bearer {
                hall: self.fold.hall.clone(),
                unit: self.fold.unit.clone(),
                window: self.fold.window.clone(),
            },
        }
    }

    /// Whoever did a step. In the case's own hall its other fields fill what the step does not say.
    fn bearer_of(&self, run: &StepRun) -> Bearer {
        let same_hall = run.hall == self.fold.hall;
        let or = |said: &Option<String>, of_case: &Option<String>| {
            said.clone()
                .or_else(|| of_case.clone().filter(|_| same_hall))
        };
        Bearer {
            hall: run.hall.clone(),
            unit: or(&run.unit, &self.fold.unit),
            window: or(&run.window, &self.fold.window),
        }
    }

    /// The deadline of so many workdays from an instant that nothing suspends. `None`: the profile asks for none, or a year on
    /// the way is not loaded.
    fn workdays_from(&self, start: DateTime<Utc>, days: u32) -> Option<Deadline> {
        let clock = Clock::new(self.calendar, self.rules.clock.mode, start, []);
        let limit = (days > 0).then(|| Limit::workdays(days))?;
        Some(clock.by_limit(limit, 0)).filter(|deadline| !deadline.expected)
    }

    /// An anomaly that is its own cause and happened in an instant, without words and numbers yet. `name` is its place in the case:
    /// with rule and case it is what the anomaly is for ever.
    fn anomaly(&self, rule: Rule, kind: Kind, name: &str, at: DateTime<Utc>) -> Anomaly {
        let cause_key = format!("{}:{}:{name}", rule.as_str(), self.fold.case_no);
        Anomaly {
            rule,
            kind,
            grade: Grade::Notice,
            cause: cause_key.clone(),
            cause_key,
            due_at: at,
            cleared_at: None,
            until: Some(at),
            facts: Facts::new(),
            sentence: Sentence::default(),
            bearer: self.bearer(at),
        }
    }

    /// The cause that everything about the case's own overrun shares.
    fn overrun_cause(&self) -> String {
        format!("over:{}", self.fold.case_no)
    }
}

/// What the rules have found, and when they must look again beside the ticks of the case clock.
pub(crate) struct Findings {
    now: DateTime<Utc>,
    anomalies: Vec<Anomaly>,
    next: Option<DateTime<Utc>>,
}

impl Findings {
    /// Something that happened at an instant: it is found from then on.
    fn event(&mut self, at: DateTime<Utc>, anomaly: impl FnOnce() -> Anomaly) {
        self.from(at, anomaly);
    }

    /// Something that was due at `due`: found from the first instant past it, unless it was `done` by then.
    fn over(
        &mut self,
        due: DateTime<Utc>,
        done: Option<DateTime<Utc>>,
        anomaly: impl FnOnce() -> Anomaly,
    ) {
        if done.is_none_or(|done| done > due) {
            self.from(due + TimeDelta::microseconds(1), anomaly);
        }
    }

    fn from(&mut self, at: DateTime<Utc>, anomaly: impl FnOnce() -> Anomaly) {
        if at <= self.now {
            self.anomalies.push(anomaly());
        } else {
            self.look_at(Some(at));
        }
    }

    fn look_at(&mut self, at: Option<DateTime<Utc>>) {
        let at = at.filter(|&at| at > self.now);
        self.next = [self.next, at].into_iter().flatten().min();
    }
}

/// A rule: whether it is on, and what it finds.
struct Entry {
    on: fn(&RuleSet) -> bool,
    find: fn(&Case<'_>, &mut Findings),
}

/// Every rule about cases.
const RULES: &[Entry] = &[
    Entry {
        on: |rules| rules.r1.on,
        find: |case, found| r1::find(case, &mut found.anomalies),
    },
    Entry {
        on: |rules| rules.r2.on,
        find: |case, found| {
            r2::find(case, &mut found.anomalies);
            found.look_at(r2::also_at(case).filter(|_| case.clock.open));
        },
    },
    Entry {
        on: |rules| rules.r3.on,
        find: |case, found| r3::find(case, &mut found.anomalies),
    },
    Entry {
        on: |rules| rules.r4.on,
        find: r4::find,
    },
    Entry {
        on: |rules| rules.r5.on,
        find: r5::find,
    },
    Entry {
        on: |rules| rules.r6.on,
        find: r6::find,
    },
    Entry {
        on: |rules| rules.r7.on,
        find: r7::find,
    },
    Entry {
        on: |rules| rules.r11.on,
        find: r11::find,
    },
    Entry {
        on: |rules| rules.r13.on,
        find: |case, found| r13::find(case, &mut found.anomalies),
    },
    Entry {
        on: |rules| rules.r15.on,
        find: r15::find,
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

/// What the rules say of a case at `now`. `fold` and `item` are [`as_counted`], `clock` is made of them, `hearing` is that of the
/// case's source.
pub fn evaluate(
    fold: &CaseFold,
    item: Option<&ItemVersion>,
    clock: &CaseClock<'_>,
    rules: &RuleSet,
    calendar: &Calendar,
    hearing: &Hearing,
    now: DateTime<Utc>,
) -> Evaluation {
    let case = Case {
        fold,
        item,
        rules,
        calendar,
        clock,
        hearing,
        now,
    };
    let mut found = Findings {
        now,
        anomalies: Vec::new(),
        next: next_tick(&case),
    };
    for rule in RULES.iter().filter(|rule| (rule.on)(rules)) {
        (rule.find)(&case, &mut found);
    }
    Evaluation {
        anomalies: found.anomalies,
        next_instant: found.next,
    }
}

/// The next instant of the case clock at which a rule that is on, or the row of the case, has something new to see.
fn next_tick(case: &Case<'_>) -> Option<DateTime<Utc>> {
    let wanted = |tick: &Tick| match tick {
        Tick::Near(which) => case.rules.r1.on && *which == r1::limit_of(case.clock),
        Tick::SpecialNear(_) | Tick::SpecialRed(_) => case.rules.r13.on,
        Tick::StepOver(_) => case.rules.r3.on,
        // The bucket turns, the clock runs again, or starts.
        Tick::Over(_) | Tick::SpecialEnd(_) | Tick::Deemed => true,
    };
    let ticks = case.clock.ticks();
    ticks
        .filter(|(at, tick)| *at > case.now && wanted(tick))
        .map(|(at, _)| at)
        .min()
}
