//! R15 before acceptance and after the decision: acceptance late, immediate items unfinished at closing time, delivery late.

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_monitor::case::CaseStatus;
use mingjing_monitor::clock::Deadline;
use mingjing_monitor::item::HandlingKind;
use mingjing_monitor::limit::Limit;

use super::facts::{Facts, Sentence, limit_en, limit_zh, local, put_limit};
use super::{Anomaly, Case, Findings, Rule};
use crate::card::{Grade, Kind};

pub(super) fn find(case: &Case<'_>, found: &mut Findings) {
    acceptance(case, found);
    closing_time(case, found);
    delivery(case, found);
}

/// A time in which the hall had to answer an application, or what the applicant added to it.
struct Turn {
    start: DateTime<Utc>,
    /// The answer: acceptance, an end, or a supplement notice.
    end: Option<DateTime<Utc>>,
    /// The workdays it had.
    days: u32,
}

/// The clock of the application: it stands still while the applicant is asked for more, and begins anew with what comes.
fn turns(case: &Case<'_>) -> Vec<Turn> {
    let fold = case.fold;
    let Some(applied) = &fold.applied else {
        return Vec::new();
    };
    let numbers = &case.rules.r15;
    let online = fold
        .channel
        .as_ref()
        .is_some_and(|channel| numbers.online_channels.contains(channel));
    let days = if online {
        numbers.online.get()
    } else {
        numbers.other.get()
    };
    let answers = [&fold.accepted, &fold.decided].map(|moment| moment.as_ref().map(|it| it.at));
    let answered = answers.into_iter().flatten().min();
    let (mut turns, mut start) = (Vec::new(), Some(applied.at));
    for supplement in &fold.supplements {
        let asked = supplement.requested.at;
        let Some(from) = start.filter(|&from| asked >= from) else {
            continue;
        };
        if answered.is_some_and(|answered| answered <= asked) {
            break;
        }
        turns.push(Turn {
            start: from,
            end: Some(asked),
            days: days.max(numbers.supplement.get()),
        });
        start = supplement.received.as_ref().map(|received| received.at);
    }
    if let Some(start) = start {
        turns.push(Turn {
            start,
            end: answered,
            days,
        });
    }
    turns
}

fn acceptance(case: &Case<'_>, found: &mut Findings) {
    let numbers = &case.rules.r15;
    for (nth, turn) in turns(case).iter().enumerate() {
        // Most are answered within hours, and need no look at the calendar.
        let soon = TimeDelta::days(i64::from(turn.days) - 1);
        if turn.days == 0 || turn.end.is_some_and(|end| end - turn.start <= soon) {
            continue;
        }
        let Some(limit) = case.workdays_from(turn.start, turn.days) else {
            continue;
        };
        let yellow = case.workdays_from(turn.start, turn.days + numbers.yellow_after.get());
        let red = case.workdays_from(turn.start, turn.days + numbers.red_after.get());
        let grades = [
            (numbers.late, Some(limit), 0),
            (Grade::YellowCard, yellow, numbers.yellow_after.get()),
            (Grade::RedCard, red, numbers.red_after.get()),
        ];
        for (grade, over, beyond) in grades {
            let Some(over) = over else { continue };
            found.over(over.due, turn.end, || {
                let mut anomaly = late(case, turn, nth, (&limit, over.due), (grade, beyond));
                if !grade.is_card() {
                    // Further on it is the cards' affair.
                    let next = yellow.and_then(|yellow| yellow.over_from());
                    let clears = [turn.end, next].into_iter().flatten().min();
                    anomaly.cleared_at = clears.filter(|&cleared| cleared <= case.now);
                }
                anomaly
            });
        }
    }
}

fn late(
    case: &Case<'_>,
    turn: &Turn,
    nth: usize,
    (limit, due): (&Deadline, DateTime<Utc>),
    (grade, beyond): (Grade, u32),
) -> Anomaly {
    let days = Limit::workdays(turn.days);
    let mut facts = Facts::new();
    put_limit(&mut facts, limit);
    let (limit_zh, limit_en) = (limit_zh(days), limit_en(days));
    let (since, by) = (
        local(case.calendar, turn.start),
        local(case.calendar, limit.due),
    );
    let (beyond_zh, beyond_en) = match beyond {
        0 => (String::new(), String::new()),
        n => (
            format!("，逾期已超过 {n} 个工作日"),
            format!(", over by more than {n} workdays"),
        ),
    };
    let (what_zh, what_en) = match nth {
        0 => ("申请", "Applied for"),
        _ => ("补正", "Supplemented"),
    };
    Anomaly {
        grade,
        cause: format!("accept:{}:{nth}", case.fold.case_no),
        facts,
        until: turn.end,
        sentence: Sentence {
            zh: format!("{since} {what_zh}，应于 {limit_zh}内（{by} 前）受理{beyond_zh}"),
            en: format!(
                "{what_en} {since}: acceptance is due within {limit_en}, by {by}{beyond_en}"
            ),
        },
        ..case.anomaly(
            Rule::R15,
            Kind::Timeliness,
            &format!("accept:{nth}:{}", grade.as_str()),
            due,
        )
    }
}

/// An immediate item (即办件) is done by the closing time of the day on which it was accepted, or of the next workday.
fn closing_time(case: &Case<'_>, found: &mut Findings) {
    let fold = case.fold;
    let kind = fold.kind.or(case.item.map(|item| item.kind));
    let explicit = fold.promise_due.or(fold.legal_due).is_some();
    if kind != Some(HandlingKind::Immediate) || explicit {
        return;
    }
    let Some(accepted) = case.clock.clock().map(|clock| clock.start()) else {
        return;
    };
    let due = case.calendar.next_closing(accepted);
    if !case.calendar.covers(accepted, due) {
        return;
    }
    let done = fold.decided.as_ref().map(|decided| decided.at);
    found.over(due, done, || {
        let (since, by) = (local(case.calendar, accepted), local(case.calendar, due));
        Anomaly {
            grade: case.rules.r15.immediate,
            cause: case.overrun_cause(),
            until: done,
            sentence: Sentence {
                zh: format!("即办件 {since} 受理，至 {by} 下班时未办结"),
                en: format!("Immediate item accepted {since} was unfinished at closing time {by}"),
            },
            ..case.anomaly(Rule::R15, Kind::Timeliness, "closing", due)
        }
    });
}

/// The result reaches the applicant within its limit of the decision. Where nobody tells of deliveries, none is missed.
fn delivery(case: &Case<'_>, found: &mut Findings) {
    let fold = case.fold;
    let decision = matches!(fold.status, CaseStatus::Completed | CaseStatus::Refused);
    let told = fold.delivered.is_some() || case.item.is_some_and(|item| item.delivers);
    let Some(decided) = fold.decided.as_ref().filter(|_| decision && told) else {
        return;
    };
    let done = fold.delivered.as_ref().map(|delivered| delivered.at);
    let days = case.rules.r15.delivery.get();
    let soon = TimeDelta::days(i64::from(days) - 1);
    if done.is_some_and(|done| done - decided.at <= soon) {
        return;
    }
    let Some(deadline) = case.workdays_from(decided.at, days) else {
        return;
    };
    found.over(deadline.due, done, || {
        let mut facts = Facts::new();
        put_limit(&mut facts, &deadline);
        let limit = Limit::workdays(days);
        let (limit_zh, limit_en) = (limit_zh(limit), limit_en(limit));
        let (at, by) = (
            local(case.calendar, decided.at),
            local(case.calendar, deadline.due),
        );
        let (done_zh, done_en) = match done {
            None => (String::new(), String::new()),
            Some(done) => {
                let done = local(case.calendar, done);
                (format!("，实际 {done} 送达"), format!(", delivered {done}"))
            }
        };
        Anomaly {
            grade: case.rules.r15.delivery_grade,
            facts,
            until: done,
            sentence: Sentence {
                zh: format!("{at} 办结，应于 {limit_zh}内（{by} 前）送达{done_zh}"),
                en: format!(
                    "Decided {at}: the result is to be delivered within {limit_en}, by {by}{done_en}"
                ),
            },
            ..case.anomaly(Rule::R15, Kind::Timeliness, "delivery", deadline.due)
        }
    });
}
