//! R9 presence (在岗): a window with nobody at it while its hall is open, with neither a paused sign nor approved leave.
//!
//! A yellow card waits until a person has looked at the picture. The so-many-th that was confirmed of a window's month is followed
//! by a red one on the same cause: the red rests on people's word, and waits for nobody.

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use mingjing_monitor::presence::excused;

use super::facts::{Sentence, local, number};
use super::watched::{Hold, Look};
use super::{Anomaly, Evaluation, Rule};
use crate::card::{Grade, Kind};

pub(super) fn find(look: &Look<'_>) -> Evaluation {
    let r9 = &look.rules.r9;
    if !r9.on {
        return Evaluation {
            anomalies: Vec::new(),
            next_instant: None,
        };
    }
    let excuses = excuses(look);
    let (held, unseen) = (&look.setting.holds, &look.episode.unseen);
    let holds: Vec<Hold> = held.iter().chain(unseen).chain(&excuses).copied().collect();
    let minutes = |n: u32| TimeDelta::minutes(n.into());
    let lengths = [r9.notice_minutes.get(), r9.yellow_minutes.get()].map(minutes);
    let mut found = look.in_two_steps(&holds, lengths, |grade, due_at| {
        let sentence = words(look, grade, due_at, &excuses, None);
        look.anomaly(Rule::R9, Kind::Conduct, grade, due_at, sentence)
    });
    let mut yellow = found.anomalies.iter();
    let yellow = yellow.rfind(|found| found.grade == Grade::YellowCard);
    if let Some((due_at, nth)) = yellow.and_then(|yellow| Some((yellow.due_at, nth(look, yellow)?)))
    {
        let sentence = words(look, Grade::RedCard, due_at, &excuses, Some(nth));
        let mut red = look.anomaly(Rule::R9, Kind::Conduct, Grade::RedCard, due_at, sentence);
        red.facts.insert("nth".into(), nth.into());
        found.anomalies.push(red);
    }
    found
}

/// The pauses and leave that excuse any of the month that can be counted.
fn excuses(look: &Look<'_>) -> Vec<Hold> {
    let pauses = TimeDelta::minutes(look.rules.r9.pause_minutes.get().into());
    let since = look.episode.since;
    let span = (since, since + TimeDelta::days(32));
    let (opening, absences) = (&look.setting.opening, look.setting.absences);
    let spans = excused(absences, opening, look.calendar, pauses, span);
    spans.into_iter().map(Hold::from).collect()
}

/// Which of the month's confirmed cards this one is, once it is confirmed itself and that makes it red.
fn nth(look: &Look<'_>, yellow: &Anomaly) -> Option<usize> {
    let confirmed = look.setting.confirmed;
    let own = confirmed.iter().any(|(cause, _)| *cause == yellow.cause);
    let month = look.calendar.month_of(yellow.due_at);
    let earlier = confirmed.iter().filter(|(cause, due)| {
        let before = (*due, cause) < (yellow.due_at, &yellow.cause);
        before && month.0 <= *due && *due < month.1
    });
    let (nth, from) = (earlier.count() + 1, look.rules.r9.red_from.get() as usize);
    (own && from > 0 && nth >= from).then_some(nth)
}

fn words(
    look: &Look<'_>,
    grade: Grade,
    due_at: DateTime<Utc>,
    excuses: &[Hold],
    nth: Option<usize>,
) -> Sentence {
    let (r9, name) = (&look.rules.r9, &look.episode.name);
    let since = local(look.calendar, look.episode.since);
    let minutes = match grade {
        Grade::Notice => r9.notice_minutes.get(),
        _ => r9.yellow_minutes.get(),
    };
    let (taken_zh, taken_en) = match taken(look.episode.since, due_at, excuses) {
        0.0 => (String::new(), String::new()),
        taken => {
            let taken = number(taken);
            let en = format!(", {taken} minutes of pauses and leave not counted");
            (format!("，已扣除暂停、请假 {taken} 分钟"), en)
        }
    };
    let what_zh = format!(
        "{name}自 {since} 起空岗，未挂暂停牌、无批准的请假，开放时间内已超过 {minutes} 分钟{taken_zh}"
    );
    let what_en = format!(
        "{name} has been empty since {since} without a paused sign or approved leave, for over {minutes} minutes of opening \
         hours{taken_en}"
    );
    let Some(nth) = nth else {
        return Sentence {
            zh: what_zh,
            en: what_en,
        };
    };
    let (from, date) = (r9.red_from.get(), look.calendar.date(due_at));
    let (year, month) = (date.year(), date.month());
    Sentence {
        zh: format!(
            "{what_zh}；{year} 年 {month} 月第 {nth} 次经核实的空岗黄牌，自第 {from} 次起为红牌"
        ),
        en: format!(
            "{what_en}; confirmed yellow card {nth} of {year}-{month:02}, red from number {from} on"
        ),
    }
}

/// Minutes of [since, due) that were excused.
fn taken(since: DateTime<Utc>, due_at: DateTime<Utc>, excuses: &[Hold]) -> f64 {
    let mut reached = since;
    let mut taken = TimeDelta::zero();
    for excuse in excuses {
        let (from, until) = (
            excuse.from.max(reached),
            excuse.until.unwrap_or(due_at).min(due_at),
        );
        if from < until {
            taken += until - from;
            reached = until;
        }
    }
    taken.num_seconds() as f64 / 60.0
}
