//! R13 special procedure (特别程序): a warning before its declared end, yellow past it, red further on.
//!
//! Past its declared end a lawful procedure no longer stops the clock: from the yellow card on it shares its cause with R2.

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_monitor::case::{SpecialClock, Suspension};

use super::facts::{Facts, Sentence, ground, local};
use super::{Anomaly, Case, Rule};
use crate::card::{Grade, Kind};

pub(super) fn find(case: &Case<'_>, found: &mut Vec<Anomaly>) {
    for (i, (suspension, special)) in case
        .fold
        .suspensions
        .iter()
        .zip(&case.clock.special)
        .enumerate()
    {
        // A declared end that lies in a year not loaded is only expected.
        let Some(end) = special
            .declared_end
            .filter(|&end| case.calendar.covers(suspension.start.at, end))
        else {
            continue;
        };
        let until = ended(case, suspension);
        let reached = |at| until.unwrap_or(case.now).min(case.now) > at;
        if let Some(near) = special
            .near_at
            .filter(|&near| near <= case.now && until.is_none_or(|until| until > near))
        {
            // At the end itself it is still in time, and the yellow card's affair from the next instant on.
            let over = end + TimeDelta::microseconds(1);
            let cleared = until.map_or(over, |until| until.min(over));
            let mut warning = anomaly(case, i, suspension, special, Grade::Warning, near);
            warning.cleared_at = Some(cleared).filter(|&cleared| cleared <= case.now);
            warning.until = Some(cleared);
            found.push(warning);
        }
        if reached(end) {
            found.push(anomaly(
                case,
                i,
                suspension,
                special,
                Grade::YellowCard,
                end,
            ));
        }
        // `red_from` is the first instant past it.
        if let Some(red) = special
            .red_from
            .map(|red| red - TimeDelta::microseconds(1))
            .filter(|&red| reached(red))
        {
            found.push(anomaly(case, i, suspension, special, Grade::RedCard, red));
        }
    }
}

/// When the procedure was over: resumed, or the case decided.
fn ended(case: &Case<'_>, suspension: &Suspension) -> Option<DateTime<Utc>> {
    let over = suspension.resumed.as_ref().map(|resumed| resumed.at);
    let decided = case.fold.decided.as_ref().map(|decided| decided.at);
    [over, decided].into_iter().flatten().min()
}

fn anomaly(
    case: &Case<'_>,
    i: usize,
    suspension: &Suspension,
    special: &SpecialClock,
    grade: Grade,
    due_at: DateTime<Utc>,
) -> Anomaly {
    let end = special.declared_end.unwrap_or(suspension.start.at);
    let days = suspension.declared_days.unwrap_or_default();
    let mut facts = Facts::new();
    facts.insert("kind".into(), suspension.kind.as_str().into());
    facts.insert("declared_days".into(), days.into());
    facts.insert(
        "due".into(),
        end.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
            .into(),
    );
    let (ground_zh, ground_en) = ground(&suspension.kind);
    let by = local(case.calendar, end);
    let (zh, en) = match grade {
        Grade::Notice | Grade::Warning => ("即将到期", "ends soon"),
        Grade::YellowCard => ("已过期限仍未恢复办理", "is past its declared end"),
        Grade::RedCard => ("严重超期仍未恢复办理", "is far past its declared end"),
    };
    // Only once the clock runs again by itself is it the case's own overrun.
    let cause = if grade.is_card() && special.lawful {
        case.overrun_cause()
    } else {
        format!(
            "special:{}:{i}{}",
            case.fold.case_no,
            if grade.is_card() { ":over" } else { "" }
        )
    };
    Anomaly {
        rule: Rule::R13,
        kind: Kind::Timeliness,
        grade,
        cause_key: format!("R13:{}:{i}:{}", case.fold.case_no, grade.as_str()),
        cause,
        due_at,
        cleared_at: None,
        until: ended(case, suspension),
        facts,
        sentence: Sentence {
            zh: format!("特别程序「{ground_zh}」申报 {days} 个工作日，应于 {by} 结束，{zh}"),
            en: format!(
                "Special procedure \"{ground_en}\" of {days} declared workdays, to end {by}, {en}"
            ),
        },
        bearer: case.bearer(due_at),
    }
}
