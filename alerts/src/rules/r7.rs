//! R7 for cases: times that were told too long after they happened (backdated), and times that lay in the future when they were
//! told. That a source is silent is said of the source.
//!
//! A time that is only a date is never held against anybody, and history loaded as such counts as received when it happened. Nor
//! is what a source needs anyway: its declared lag, and the time in which we could not hear it.

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_monitor::case::{CaseFold, Moment};

use super::facts::{Facts, Sentence, local, number, stamp};
use super::{Anomaly, Case, Findings, Rule};
use crate::card::Kind;

/// What happened: its name, and in both languages.
struct Named<'a> {
    moment: &'a Moment,
    zh: &'static str,
    en: &'static str,
    step: Option<&'a str>,
}

pub(super) fn find(case: &Case<'_>, found: &mut Findings) {
    let working = case.calendar.working();
    let allowed = (case.rules.r7.backdated.get() * working.length() as f64) as i64;
    let lag = case.hearing.lag;
    let ahead = TimeDelta::minutes(case.rules.r7.ahead_minutes.get().into());
    // A workday has no more than 24 hours: what was told sooner than that needs no calendar.
    let soon = TimeDelta::microseconds(allowed);
    let (mut backdated, mut future) = (Vec::new(), Vec::new());
    for named in moments(case.fold).filter(|named| !named.moment.date_only) {
        let Moment { at, received, .. } = *named.moment;
        if at > received + ahead {
            future.push(named);
        } else if received - at > soon + lag && late(case, named.moment) > allowed {
            backdated.push(named);
        }
    }
    if let Some(first) = backdated.iter().min_by_key(|named| named.moment.received) {
        let worst = backdated.iter().map(|it| late(case, it.moment)).max();
        let days = worst.unwrap_or(0) as f64 / working.length() as f64;
        let more = backdated.len();
        found.event(first.moment.received, || {
            told_late(case, first, (days, more))
        });
    }
    if let Some(first) = future.iter().min_by_key(|named| named.moment.received) {
        found.event(first.moment.received, || {
            in_future(case, first, future.len())
        });
    }
}

/// Working time, in microseconds, between an event and its receipt beyond what the source needs anyway.
fn late(case: &Case<'_>, moment: &Moment) -> i64 {
    let working = case.calendar.working();
    let run = |from, to| (working.position(to) - working.position(from)).max(0);
    let (at, told) = (moment.at, moment.received - case.hearing.lag);
    let away = case.hearing.away.iter();
    let unheard: i64 = away
        .map(|&(from, to)| (from.max(at), to.min(told)))
        .filter(|(from, to)| from < to)
        .map(|(from, to)| run(from, to))
        .sum();
    run(at, told) - unheard
}

/// Every time that a source told of a case.
fn moments(fold: &CaseFold) -> impl Iterator<Item = Named<'_>> {
    let of_case = [
        (&fold.accepted, "受理", "Acceptance"),
        (&fold.decided, "办结", "The decision"),
        (&fold.delivered, "送达", "Delivery"),
    ];
    let of_case = of_case.into_iter().filter_map(|(moment, zh, en)| {
        let moment = moment.as_ref()?;
        Some(Named {
            moment,
            zh,
            en,
            step: None,
        })
    });
    let of_steps = fold.steps.iter().flat_map(|run| {
        let ends = [
            (&run.started, "开始", "The beginning"),
            (&run.finished, "完成", "The end"),
        ];
        ends.into_iter().filter_map(|(moment, zh, en)| {
            let moment = moment.as_ref()?;
            let step = Some(run.step.as_str());
            Some(Named {
                moment,
                zh,
                en,
                step,
            })
        })
    });
    let of_suspensions = fold.suspensions.iter().flat_map(|suspension| {
        let start = (Some(&suspension.start), "特别程序开始", "A suspension");
        let end = (suspension.resumed.as_ref(), "特别程序结束", "A resumption");
        [start, end].into_iter().filter_map(|(moment, zh, en)| {
            let moment = moment?;
            Some(Named {
                moment,
                zh,
                en,
                step: None,
            })
        })
    });
    of_case.chain(of_steps).chain(of_suspensions)
}

/// What it is called, with its step.
fn words(case: &Case<'_>, named: &Named<'_>) -> (String, String) {
    let Some(code) = named.step else {
        return (named.zh.into(), named.en.into());
    };
    let name = case.item.and_then(|item| item.step(code));
    let name = name.map_or(code, |step| &step.name);
    (
        format!("环节「{name}」{}", named.zh),
        format!("{} of step \"{name}\"", named.en),
    )
}

fn blank(case: &Case<'_>, name: &str, named: &Named<'_>, count: usize) -> Anomaly {
    let received: DateTime<Utc> = named.moment.received;
    let mut facts = Facts::new();
    facts.insert("at".into(), stamp(named.moment.at));
    facts.insert("received".into(), stamp(received));
    facts.insert("times".into(), count.into());
    Anomaly {
        grade: case.rules.r7.grade,
        facts,
        bearer: case.bearer(named.moment.at),
        ..case.anomaly(Rule::R7, Kind::Data, name, received)
    }
}

fn told_late(case: &Case<'_>, named: &Named<'_>, (days, count): (f64, usize)) -> Anomaly {
    let (what_zh, what_en) = words(case, named);
    let at = local(case.calendar, named.moment.at);
    let received = local(case.calendar, named.moment.received);
    let (late, limit) = (number(days), number(case.rules.r7.backdated.get()));
    let mut anomaly = blank(case, "backdated", named, count);
    anomaly.facts.insert("workdays".into(), days.into());
    let (mut beyond_zh, mut beyond_en) = (String::new(), String::new());
    if case.hearing.lag > TimeDelta::zero() {
        let hours = case.hearing.lag.num_minutes() as f64 / 60.0;
        anomaly.facts.insert("lag_hours".into(), hours.into());
        let hours = number(hours);
        beyond_zh = format!("（已扣除数据源声明的延迟 {hours} 小时）");
        beyond_en = format!(" beyond the source's declared lag of {hours} h");
    }
    anomaly.sentence = Sentence {
        zh: format!(
            "{what_zh}时间 {at}，{received} 才收到，最多迟报 {late} 个工作日{beyond_zh}，限 {limit} 个工作日"
        ),
        en: format!(
            "{what_en} is dated {at} and was received {received}: up to {late} workdays late{beyond_en}, {limit} allowed"
        ),
    };
    anomaly
}

fn in_future(case: &Case<'_>, named: &Named<'_>, count: usize) -> Anomaly {
    let (what_zh, what_en) = words(case, named);
    let at = local(case.calendar, named.moment.at);
    let received = local(case.calendar, named.moment.received);
    let allowed = case.rules.r7.ahead_minutes.get();
    let mut anomaly = blank(case, "future", named, count);
    anomaly.sentence = Sentence {
        zh: format!("{what_zh}时间 {at} 晚于收到时间 {received}，超出允许的 {allowed} 分钟"),
        en: format!(
            "{what_en} is dated {at} and was received {received}, more than {allowed} minutes before it"
        ),
    };
    anomaly
}
