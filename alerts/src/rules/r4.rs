//! R4 procedure: steps skipped, reordered or repeated, offline steps without return, steps done without the role for them
//! (越权), suspensions that are not lawful, and cases that never passed through acceptance.
//!
//! What an item's process is stands in its version; where a case has none, nothing is said of order and roles. A time that is
//! only a date says nothing about order either.

use chrono::{DateTime, Utc};
use mingjing_monitor::case::{CaseStatus, Moment, SpecialClock, StepRun, Suspension};
use mingjing_monitor::item::{ItemVersion, Step};

use super::facts::{Facts, Sentence, ground, local, stamp};
use super::{Anomaly, Case, Findings, Rule};
use crate::card::{Grade, Kind};

pub(super) fn find(case: &Case<'_>, found: &mut Findings) {
    not_accepted(case, found);
    suspensions(case, found);
    let Some(item) = case.item.filter(|item| !item.steps.is_empty()) else {
        return without_return(case, found);
    };
    for step in &item.steps {
        order(case, item, step, found);
        runs(case, step, found);
    }
}

/// Completed, and nothing was ever accepted, nor did it count as accepted.
fn not_accepted(case: &Case<'_>, found: &mut Findings) {
    let fold = case.fold;
    let Some(decided) = &fold.decided else { return };
    if fold.status != CaseStatus::Completed || case.clock.clock().is_some() {
        return;
    }
    found.event(decided.at, || {
        let at = local(case.calendar, decided.at);
        let mut facts = Facts::new();
        facts.insert("decided".into(), stamp(decided.at));
        Anomaly {
            grade: case.rules.r4.not_accepted,
            facts,
            sentence: Sentence {
                zh: format!("未经受理即于 {at} 办结"),
                en: format!("Decided {at} without ever having been accepted"),
            },
            ..blank(case, "accepted", decided.at)
        }
    });
}

/// An anomaly of this rule at an instant, its own cause; its name is its place in the case.
fn blank(case: &Case<'_>, name: &str, at: DateTime<Utc>) -> Anomaly {
    case.anomaly(Rule::R4, Kind::Process, name, at)
}

fn suspensions(case: &Case<'_>, found: &mut Findings) {
    let all = case.fold.suspensions.iter().zip(&case.clock.special);
    for (i, (suspension, special)) in all.enumerate().filter(|(_, (_, clock))| !clock.lawful) {
        found.event(suspension.start.at, || {
            unlawful(case, i, suspension, special)
        });
    }
}

fn unlawful(case: &Case<'_>, i: usize, suspension: &Suspension, special: &SpecialClock) -> Anomaly {
    let (ground_zh, ground_en) = ground(&suspension.kind);
    let lawful = case.rules.clock.lawful.contains(&suspension.kind);
    let lacks = [
        (!lawful, "不属于法定事由", "its ground is not a lawful one"),
        (
            suspension.approver.is_none(),
            "无批准人",
            "nobody approved it",
        ),
        (
            suspension.notice.is_none(),
            "无书面告知",
            "no written notice",
        ),
        (
            special.declared_end.is_none(),
            "未申报时长",
            "no declared length",
        ),
    ];
    let lacks = lacks.iter().filter(|(lacks, ..)| *lacks);
    let (zh, en): (Vec<&str>, Vec<&str>) = lacks.map(|&(_, zh, en)| (zh, en)).unzip();
    let (zh, en) = (zh.join("、"), en.join(", "));
    let mut facts = Facts::new();
    facts.insert("kind".into(), suspension.kind.as_str().into());
    facts.insert("lawful_ground".into(), lawful.into());
    let at = local(case.calendar, suspension.start.at);
    Anomaly {
        grade: case.rules.r4.suspension,
        // Past its declared end R13 speaks of the same matter.
        cause: format!("special:{}:{i}:over", case.fold.case_no),
        facts,
        sentence: Sentence {
            zh: format!("{at} 起的特别程序「{ground_zh}」{zh}，不停止计时"),
            en: format!(
                "Special procedure \"{ground_en}\" from {at} does not stop the clock: {en}"
            ),
        },
        ..blank(case, &format!("suspension:{i}"), suspension.start.at)
    }
}

/// Which step went on before another one was done, and when.
struct Breach<'a> {
    at: DateTime<Utc>,
    /// The run that went on; `None`: the decision.
    by: Option<&'a StepRun>,
}

/// How a step stands at an instant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Done,
    /// Begun and not back.
    Under,
    /// Not begun, but begun later.
    Later,
    /// Never begun.
    Never,
    /// Dates alone do not tell.
    Unknown,
}

/// Whether what comes after `step` waited for it.
fn order(case: &Case<'_>, item: &ItemVersion, step: &Step, found: &mut Findings) {
    let fold = case.fold;
    let own: Vec<&StepRun> = runs_of(case, step).collect();
    let is_offline = step.offline || own.iter().any(|run| run.offline);
    let first_break = fold
        .steps
        .iter()
        .filter_map(|run| {
            let after = item.step(&run.step)?;
            let waits = item.before(after).any(|before| before.code == step.code);
            let begun = begun(run).filter(|_| waits)?;
            let standing = standing(&own, begun);
            is_breach(standing, step).then_some((begun.at, Some(run), standing))
        })
        .min_by_key(|(at, ..)| *at);
    let at_end = fold.decided.as_ref().and_then(|decided| {
        let standing = standing(&own, decided);
        let missed = match fold.status {
            CaseStatus::Completed => match standing {
                Standing::Never | Standing::Later => !step.optional,
                Standing::Under => is_offline,
                Standing::Done | Standing::Unknown => false,
            },
            CaseStatus::Refused => standing == Standing::Under && is_offline,
            _ => false,
        };
        missed.then_some((decided.at, None, standing))
    });
    if let Some((at, by, standing)) = first_break.or(at_end) {
        let breach = Breach { at, by };
        found.event(at, || {
            out_of_order(case, item, step, &breach, (standing, is_offline))
        });
    }
}

fn is_breach(standing: Standing, step: &Step) -> bool {
    match standing {
        Standing::Done | Standing::Unknown => false,
        Standing::Under | Standing::Later => true,
        Standing::Never => !step.optional,
    }
}

fn runs_of<'a>(case: &Case<'a>, step: &'a Step) -> impl Iterator<Item = &'a StepRun> {
    let runs = case.fold.steps.iter();
    runs.filter(move |run| run.step == step.code)
}

/// When a run began, as far as was told.
fn begun(run: &StepRun) -> Option<&Moment> {
    run.started.as_ref().or(run.finished.as_ref())
}

fn standing(runs: &[&StepRun], at: &Moment) -> Standing {
    let Some(first) = runs.first() else {
        return Standing::Never;
    };
    let unclear = |moment: &Moment| moment.date_only || at.date_only;
    let finished = runs.iter().filter_map(|run| run.finished.as_ref());
    if finished.clone().any(|finished| finished.at <= at.at) {
        return Standing::Done;
    }
    match (finished.clone().next(), begun(first)) {
        (Some(finished), _) if unclear(finished) => Standing::Unknown,
        (_, Some(begun)) if unclear(begun) => Standing::Unknown,
        (_, Some(begun)) if begun.at > at.at => Standing::Later,
        _ => Standing::Under,
    }
}

fn out_of_order(
    case: &Case<'_>,
    item: &ItemVersion,
    step: &Step,
    breach: &Breach<'_>,
    (standing, is_offline): (Standing, bool),
) -> Anomaly {
    let name = &step.name;
    let at = local(case.calendar, breach.at);
    let (then_zh, then_en) = match breach.by {
        Some(run) => {
            let next = item
                .step(&run.step)
                .map_or(run.step.as_str(), |it| &it.name);
            (
                format!("{at} 即办理环节「{next}」"),
                format!("step \"{next}\" was begun {at}"),
            )
        }
        None => (format!("{at} 即办结"), format!("the case was decided {at}")),
    };
    let (what, zh, en) = match standing {
        Standing::Under if is_offline => (
            "not_returned",
            format!("线下环节「{name}」未返回，{then_zh}"),
            format!("Offline step \"{name}\" had not returned when {then_en}"),
        ),
        Standing::Later | Standing::Under => (
            "reordered",
            format!("环节「{name}」未完成，{then_zh}，顺序颠倒"),
            format!("Out of order: step \"{name}\" was not done when {then_en}"),
        ),
        _ => (
            "skipped",
            format!("跳过环节「{name}」，{then_zh}"),
            format!("Step \"{name}\" was skipped: {then_en}"),
        ),
    };
    let mut facts = Facts::new();
    facts.insert("what".into(), what.into());
    facts.insert("step".into(), step.code.as_str().into());
    if let Some(run) = breach.by {
        facts.insert("before".into(), run.step.as_str().into());
    }
    let bearer = match breach.by {
        Some(run) => case.bearer_of(run),
        None => case.bearer(breach.at),
    };
    Anomaly {
        grade: case.rules.r4.grade,
        facts,
        sentence: Sentence { zh, en },
        bearer,
        ..blank(case, &format!("order:{}", step.code), breach.at)
    }
}

/// Without a description of the process: what an event said is done outside, and had not returned at the decision.
fn without_return(case: &Case<'_>, found: &mut Findings) {
    let decided = case.fold.decided.as_ref();
    let judged = matches!(
        case.fold.status,
        CaseStatus::Completed | CaseStatus::Refused
    );
    let Some(decided) = decided.filter(|_| judged) else {
        return;
    };
    let open = |run: &&StepRun| run.offline && run.finished.is_none();
    for run in case.fold.steps.iter().filter(open) {
        found.event(decided.at, || {
            let (name, at) = (&run.step, local(case.calendar, decided.at));
            let mut facts = Facts::new();
            facts.insert("what".into(), "not_returned".into());
            facts.insert("step".into(), name.as_str().into());
            Anomaly {
                grade: case.rules.r4.grade,
                facts,
                sentence: Sentence {
                    zh: format!("线下环节「{name}」未返回，{at} 即办结"),
                    en: format!(
                        "Offline step \"{name}\" had not returned when the case was decided {at}"
                    ),
                },
                ..blank(case, &format!("order:{name}"), decided.at)
            }
        });
    }
}

/// What is wrong with the runs of a step by themselves: too many of them, or by the wrong hands.
fn runs(case: &Case<'_>, step: &Step, found: &mut Findings) {
    for (nth, run) in runs_of(case, step).enumerate() {
        let Some(begun) = begun(run) else { continue };
        if nth == 1 && !step.repeatable {
            found.event(begun.at, || repeated(case, step, run, begun.at));
        }
        let role = step.role.as_deref().zip(run.role.as_deref());
        if let Some((due, had)) = role.filter(|(due, had)| due != had) {
            found.event(begun.at, || {
                overreach(case, step, (run, nth, begun.at), (due, had))
            });
        }
    }
}

fn repeated(case: &Case<'_>, step: &Step, run: &StepRun, at: DateTime<Utc>) -> Anomaly {
    let name = &step.name;
    let mut facts = Facts::new();
    facts.insert("what".into(), "repeated".into());
    facts.insert("step".into(), step.code.as_str().into());
    facts.insert("times".into(), runs_of(case, step).count().into());
    let when = local(case.calendar, at);
    Anomaly {
        grade: case.rules.r4.grade,
        facts,
        sentence: Sentence {
            zh: format!("环节「{name}」只应办理一次，{when} 重复办理"),
            en: format!("Step \"{name}\" is to be done once and was done again {when}"),
        },
        bearer: case.bearer_of(run),
        ..blank(case, &format!("repeated:{}", step.code), at)
    }
}

fn overreach(
    case: &Case<'_>,
    step: &Step,
    (run, nth, at): (&StepRun, usize, DateTime<Utc>),
    (due, had): (&str, &str),
) -> Anomaly {
    let name = &step.name;
    let mut facts = Facts::new();
    facts.insert("what".into(), "overreach".into());
    facts.insert("step".into(), step.code.as_str().into());
    facts.insert("role".into(), had.into());
    facts.insert("needs".into(), due.into());
    if let Some(handler) = &run.handler {
        facts.insert("handler".into(), handler.as_str().into());
    }
    let (who_zh, who_en) = match &run.handler {
        Some(handler) => (format!("由 {handler} "), format!(" by {handler}")),
        None => (String::new(), String::new()),
    };
    let when = local(case.calendar, at);
    let grade: Grade = case.rules.r4.overreach;
    Anomaly {
        grade,
        facts,
        sentence: Sentence {
            zh: format!(
                "越权办理：环节「{name}」应由「{due}」办理，{when} {who_zh}以「{had}」身份办理"
            ),
            en: format!(
                "Overreach: step \"{name}\" is for role \"{due}\", and was done {when}{who_en} in role \"{had}\""
            ),
        },
        bearer: case.bearer_of(run),
        ..blank(case, &format!("role:{}:{}", step.code, nth + 1), at)
    }
}
