//! R3: a step (环节) over its own limit, even when the case is in time.

use std::collections::HashMap;

use mingjing_monitor::case::{StepClock, StepRun};
use mingjing_monitor::clock::Clock;

use super::facts::{
    Facts, Sentence, limit_en, limit_zh, local, number, put_limit, unit_en, unit_zh,
};
use super::{Anomaly, Case, Rule};
use crate::card::Kind;

pub(super) fn find(case: &Case<'_>, found: &mut Vec<Anomaly>) {
    // The same step done again is another occurrence; they are told apart by their order.
    let mut occurrence: HashMap<&str, u32> = HashMap::new();
    let mut steps = case.clock.steps.iter().peekable();
    for (i, run) in case.fold.steps.iter().enumerate() {
        let nth = occurrence
            .entry(&run.step)
            .and_modify(|n| *n += 1)
            .or_insert(1);
        let Some(step) = steps.next_if(|step| step.run == i) else {
            continue;
        };
        let until = step.stopped.unwrap_or(case.now).min(case.now);
        if step.deadline.is_over(until) {
            found.push(anomaly(case, run, step, *nth));
        }
    }
}

fn anomaly(case: &Case<'_>, run: &StepRun, step: &StepClock, nth: u32) -> Anomaly {
    let name = case
        .item
        .and_then(|item| item.step(&run.step))
        .map_or(run.step.as_str(), |step| &step.name);
    let mut facts = Facts::new();
    put_limit(&mut facts, &step.deadline);
    facts.insert("step".into(), run.step.as_str().into());
    let limit = (limit_zh(step.limit), limit_en(step.limit));
    let sentence = match used(case, run, step) {
        Some(used) => {
            facts.insert("used".into(), used.into());
            let unit = (unit_zh(step.limit.unit), unit_en(step.limit.unit, false));
            let used = number(used);
            Sentence {
                zh: format!("环节「{name}」用时 {used} {}，时限 {}", unit.0, limit.0),
                en: format!(
                    "Step \"{name}\" took {used} {}, its limit is {}",
                    unit.1, limit.1
                ),
            }
        }
        None => {
            let by = local(case.calendar, step.deadline.due);
            Sentence {
                zh: format!("环节「{name}」超过时限 {}，应于 {by} 前完成", limit.0),
                en: format!("Step \"{name}\" is over its limit of {}, due {by}", limit.1),
            }
        }
    };
    let cause_key = format!("R3:{}:{}:{nth}", case.fold.case_no, run.step);
    Anomaly {
        rule: Rule::R3,
        kind: Kind::Timeliness,
        grade: case.rules.r3.grade,
        cause: cause_key.clone(),
        cause_key,
        due_at: step.deadline.due,
        cleared_at: None,
        until: step.stopped,
        facts,
        sentence,
        bearer: case.bearer_of(run),
    }
}

/// What the step took, in the unit of its limit; `None` while it runs.
fn used(case: &Case<'_>, run: &StepRun, step: &StepClock) -> Option<f64> {
    let (started, stopped) = (
        run.started.as_ref()?.at,
        step.stopped.filter(|&at| at <= case.now)?,
    );
    let pauses = case
        .clock
        .clock()
        .map_or(&[][..], Clock::pauses)
        .iter()
        .copied();
    let clock = Clock::new(case.calendar, case.rules.clock.mode, started, pauses);
    Some(clock.measure(&step.deadline, stopped).used)
}
