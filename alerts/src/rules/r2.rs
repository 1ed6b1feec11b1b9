//! R2 over: yellow past the promise, red past the legal limit, the instant it happens.

use chrono::{DateTime, Utc};
use mingjing_monitor::case::LimitKind;
use mingjing_monitor::clock::{Deadline, NearDue};

use super::facts::{Facts, Sentence, local, number, of_limit, put_limit};
use super::{Anomaly, Case, Rule};
use crate::card::{Grade, Kind};
use crate::profile::OverAt;

pub(super) fn find(case: &Case<'_>, found: &mut Vec<Anomaly>) {
    for (grade, over_at) in [
        (Grade::YellowCard, case.rules.r2.yellow),
        (Grade::RedCard, case.rules.r2.red),
    ] {
        if let Some((deadline, due_at)) = due(case, over_at)
            && case.until() > due_at
            && !said_before(case, due_at)
        {
            found.push(anomaly(case, grade, over_at, &deadline, due_at));
        }
    }
}

/// Where the profile asks for less than the whole limit, the case clock does not tick there by itself.
pub(super) fn also_at(case: &Case<'_>) -> Option<DateTime<Utc>> {
    [case.rules.r2.yellow, case.rules.r2.red]
        .into_iter()
        .filter(|over_at| !over_at.share.is_whole())
        .filter_map(|over_at| Some(due(case, over_at)?.1 + chrono::TimeDelta::microseconds(1)))
        .filter(|&at| at > case.now)
        .min()
}

/// What ran out while an earlier case of the same applicant had the clock was said of that one.
fn said_before(case: &Case<'_>, due_at: DateTime<Utc>) -> bool {
    let earlier = case.clock.continued.as_ref();
    earlier.is_some_and(|earlier| due_at < earlier.stop)
}

/// The limit, and the instant past which the card is due. None while the clock has not started, and for a limit that is only
/// expected: it never turns red by itself.
fn due(case: &Case<'_>, over_at: OverAt) -> Option<(Deadline, DateTime<Utc>)> {
    let clock = case.clock.clock()?;
    let deadline = case.clock.due(over_at.of)?.deadline;
    if deadline.expected {
        return None;
    }
    if over_at.share.is_whole() {
        return Some((deadline, deadline.due));
    }
    let near = NearDue {
        workdays: f64::from(u32::MAX),
        share: 1.0 - over_at.share.get(),
    };
    Some((deadline, clock.warning(&deadline, &near)?))
}

fn anomaly(
    case: &Case<'_>,
    grade: Grade,
    over_at: OverAt,
    deadline: &Deadline,
    due_at: DateTime<Utc>,
) -> Anomaly {
    let (name_zh, name_en) = match over_at.of {
        LimitKind::Promise => ("承诺", "promised"),
        LimitKind::Legal => ("法定", "legal"),
    };
    let mut facts = Facts::new();
    put_limit(&mut facts, deadline);
    facts.insert("share".into(), over_at.share.get().into());
    let (limit_zh, limit_en) = of_limit(deadline);
    let by = local(case.calendar, deadline.due);
    let (mut zh, mut en) = if over_at.share.is_whole() {
        (
            format!("办件超过{name_zh}时限{limit_zh}，应于 {by} 前办结"),
            format!("Over the {name_en} limit{limit_en}, due {by}"),
        )
    } else {
        let percent = number(over_at.share.get() * 100.0);
        (
            format!("办件已用去{name_zh}时限{limit_zh}的 {percent}%，应于 {by} 前办结"),
            format!("{percent}% of the {name_en} limit{limit_en} is used, due {by}"),
        )
    };
    if let Some(earlier) = &case.clock.continued {
        let since = local(case.calendar, earlier.start);
        zh.push_str(&format!(
            "，自 {since} 起连续计时（曾撤回：{}）",
            earlier.case_no
        ));
        en.push_str(&format!(
            ", counted from {since} (withdrawn before as {})",
            earlier.case_no
        ));
        facts.insert("continues".into(), earlier.case_no.clone().into());
    }
    if let Some(decided) = &case.fold.decided {
        let at = local(case.calendar, decided.at);
        zh.push_str(&format!("，实际 {at} 办结"));
        en.push_str(&format!(", decided {at}"));
        facts.insert(
            "decided".into(),
            decided
                .at
                .to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
                .into(),
        );
    }
    Anomaly {
        rule: Rule::R2,
        kind: Kind::Timeliness,
        grade,
        cause_key: format!("R2:{}:{}", case.fold.case_no, grade.as_str()),
        cause: case.overrun_cause(),
        due_at,
        cleared_at: None,
        until: case.fold.decided.as_ref().map(|decided| decided.at),
        facts,
        sentence: Sentence { zh, en },
        bearer: case.bearer(due_at),
    }
}
