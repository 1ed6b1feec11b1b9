//! The working time of a case and of its steps: what statistics add up.
//!
//! It is kept beside the case as the rules saw it when they last looked, so that what was added to a sum can be taken out of it again
//! though the calendar has changed since.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{CaseClock, CaseFold, LimitKind};
use crate::clock::Clock;

/// Working time of a case, in millionths of a workday ([`Clock::worked`]).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// From the start of the clock to the decision, lawful special procedures left out; `None` while it is open, or was never accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worked: Option<i64>,
    /// What was promised, extension included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promise: Option<i64>,
    /// What the law allowed, extension included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal: Option<i64>,
    /// The finished runs of steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepSpent>,
}

/// Working time of a finished run of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepSpent {
    /// Its index in [`CaseFold::steps`].
    pub run: usize,
    /// From the end of the step before, or the start of the clock, to its beginning; to its end where nobody told of its beginning.
    pub waited: i64,
    /// From its beginning to its end; `None` where nobody told of its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worked: Option<i64>,
    /// Whether it was finished past its own limit.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub over: bool,
}

impl Spent {
    /// Of the case `fold`, whose clock is `clock`. Where it has not been accepted there is nothing to measure.
    pub fn of(fold: &CaseFold, clock: &CaseClock<'_>) -> Self {
        let Some(running) = clock.clock() else {
            return Self::default();
        };
        let decided = fold.decided.as_ref().map(|moment| moment.at);
        let allowed = |which| Some(running.allowed(&clock.due(which)?.deadline));
        Self {
            worked: decided.map(|at| running.worked(running.start(), at).max(0)),
            promise: allowed(LimitKind::Promise),
            legal: allowed(LimitKind::Legal),
            steps: steps(fold, clock, running),
        }
    }
}

fn steps(fold: &CaseFold, clock: &CaseClock<'_>, running: &Clock<'_>) -> Vec<StepSpent> {
    let at = |index: usize| {
        let run = &fold.steps[index];
        let finished = run.finished.as_ref()?.at;
        Some((finished, run.started.as_ref().map(|started| started.at)))
    };
    // By their ends, so that the end before an instant is found without looking at all of them.
    let mut ends: Vec<(DateTime<Utc>, usize)> = (0..fold.steps.len())
        .filter_map(|index| Some((at(index)?.0, index)))
        .collect();
    ends.sort_unstable();
    let before = |instant: DateTime<Utc>, own: usize| {
        let until =
            ends.partition_point(|&(end, index)| end < instant || (end == instant && index < own));
        let earlier = ends[..until].iter().rev().find(|(_, index)| *index != own);
        earlier.map_or(running.start(), |(end, _)| running.start().max(*end))
    };
    let measured = |run: usize| {
        let (finished, started) = at(run)?;
        let began = started.unwrap_or(finished);
        let judged = clock.steps.iter().find(|step| step.run == run);
        Some(StepSpent {
            run,
            waited: running.worked(before(began, run), began).max(0),
            worked: started.map(|started| running.worked(started, finished).max(0)),
            over: judged.is_some_and(|step| step.deadline.is_over(finished)),
        })
    };
    (0..fold.steps.len()).filter_map(measured).collect()
}
