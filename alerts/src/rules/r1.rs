//! R1 near due: a warning when little remains of the promise, or of the legal limit where nothing is promised.

use mingjing_monitor::case::{CaseClock, LimitKind};
use mingjing_monitor::limit::LimitUnit;

use super::facts::{Facts, Sentence, local, number, of_limit, put_limit, unit_en};
use super::{Anomaly, Case, Rule};
use crate::card::{Grade, Kind};

/// Which limit it warns of.
pub(super) fn limit_of(clock: &CaseClock<'_>) -> LimitKind {
    if clock.promise.is_some() {
        LimitKind::Promise
    } else {
        LimitKind::Legal
    }
}

pub(super) fn find(case: &Case<'_>, found: &mut Vec<Anomaly>) {
    let which = limit_of(case.clock);
    let Some(due) = case.clock.due(which) else {
        return;
    };
    let (name_zh, name_en) = match which {
        LimitKind::Promise => ("承诺", "promised"),
        LimitKind::Legal => ("法定", "legal"),
    };
    let (Some(clock), Some(at)) = (case.clock.clock(), due.warning_at) else {
        return;
    };
    let decided = case.fold.decided.as_ref().map(|decided| decided.at);
    if at > case.now || decided.is_some_and(|decided| decided <= at) {
        return;
    }
    // Over, it is R2's affair; decided, nobody's.
    let over = due.deadline.over_from();
    let cleared_at = [decided, over]
        .into_iter()
        .flatten()
        .min()
        .filter(|&cleared| cleared <= case.now);
    let left = clock.remaining(&due.deadline, at);
    let mut facts = Facts::new();
    put_limit(&mut facts, &due.deadline);
    facts.insert("remaining_workdays".into(), left.into());
    let (limit_zh, limit_en) = of_limit(&due.deadline);
    let (left, by) = (number(left), local(case.calendar, due.deadline.due));
    let workdays = unit_en(LimitUnit::Workday, left == "1");
    found.push(Anomaly {
        rule: Rule::R1,
        kind: Kind::Timeliness,
        grade: Grade::Warning,
        cause_key: format!("R1:{}", case.fold.case_no),
        cause: format!("near:{}", case.fold.case_no),
        due_at: at,
        cleared_at,
        until: cleared_at,
        facts,
        sentence: Sentence {
            zh: format!("{name_zh}时限{limit_zh}即将届满，剩余 {left} 个工作日，应于 {by} 前办结"),
            en: format!(
                "The {name_en} limit{limit_en} runs out soon: {left} {workdays} left, due {by}"
            ),
        },
        bearer: case.bearer(at),
    });
}
