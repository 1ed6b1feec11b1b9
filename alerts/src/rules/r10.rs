//! R10 complaints: accepted within so many workdays, answered within so many; near and over as R1 and R2.

use chrono::{DateTime, Utc};
use mingjing_monitor::calendar::Calendar;
use mingjing_monitor::complaint::{
    ComplaintClock, ComplaintDue, ComplaintFold, ComplaintLimits, Stage,
};

use super::facts::{Facts, Sentence, local, number, of_limit, put_limit};
use super::{Anomaly, Bearer, Evaluation, Rule};
use crate::card::{Grade, Kind};
use crate::profile::RuleSet;

/// The numbers by which a complaint's clocks run.
pub fn limits(rules: &RuleSet) -> ComplaintLimits {
    ComplaintLimits {
        mode: rules.counting.mode,
        accept: rules.r10.accept.get(),
        finish: rules.r10.finish.get(),
        extension: rules.r10.extension.get(),
        near: rules.clock.near,
    }
}

/// All anomalies that a complaint has given rise to up to `now`, and the next instant at which time alone changes that.
pub fn evaluate(
    fold: &ComplaintFold,
    rules: &RuleSet,
    calendar: &Calendar,
    now: DateTime<Utc>,
) -> Evaluation {
    let clock = ComplaintClock::of(fold, calendar, &limits(rules));
    let mut anomalies = Vec::new();
    if rules.r10.on {
        for due in clock.dues() {
            let complaint = Complaint {
                fold,
                rules,
                calendar,
                due,
            };
            anomalies.extend(complaint.near(now));
            anomalies.extend(complaint.over(now));
        }
    }
    Evaluation {
        anomalies,
        next_instant: clock.next_instant(now).filter(|_| rules.r10.on),
    }
}

struct Complaint<'a> {
    fold: &'a ComplaintFold,
    rules: &'a RuleSet,
    calendar: &'a Calendar,
    due: &'a ComplaintDue<'a>,
}

impl Complaint<'_> {
    fn near(&self, now: DateTime<Utc>) -> Option<Anomaly> {
        let at = self.due.warning_at.filter(|&at| at <= now)?;
        let stopped = self.due.stopped.map(|stopped| stopped.at);
        if stopped.is_some_and(|stopped| stopped <= at) {
            return None;
        }
        let cleared_at = [stopped, self.due.deadline.over_from()]
            .into_iter()
            .flatten()
            .min()
            .filter(|&cleared| cleared <= now);
        let left = self.due.remaining(at);
        let mut facts = self.facts();
        facts.insert("remaining_workdays".into(), left.into());
        let (noun_zh, noun_en) = self.noun();
        let (task_zh, task_en) = self.task();
        let (limit_zh, limit_en) = of_limit(&self.due.deadline);
        let (left, by) = (number(left), local(self.calendar, self.due.deadline.due));
        Some(Anomaly {
            cleared_at,
            ..self.anomaly(
                self.rules.r10.near,
                "near",
                at,
                facts,
                Sentence {
                    zh: format!("{noun_zh}{task_zh}时限{limit_zh}即将届满，剩余 {left} 个工作日，应于 {by} 前{task_zh}"),
                    en: format!("{noun_en}: the limit{limit_en} to be {task_en} runs out soon: {left} workdays left, due {by}"),
                },
            )
        })
    }

    fn over(&self, now: DateTime<Utc>) -> Option<Anomaly> {
        if !self.due.is_over(now) {
            return None;
        }
        let mut facts = self.facts();
        let (noun_zh, noun_en) = self.noun();
        let (task_zh, task_en) = self.task();
        let (limit_zh, limit_en) = of_limit(&self.due.deadline);
        let by = local(self.calendar, self.due.deadline.due);
        let mut sentence = Sentence {
            zh: format!("{noun_zh}超过{task_zh}时限{limit_zh}，应于 {by} 前{task_zh}"),
            en: format!("{noun_en}: over the limit{limit_en} to be {task_en}, due {by}"),
        };
        if let Some(stopped) = self.due.stopped {
            let at = local(self.calendar, stopped.at);
            sentence.zh.push_str(&format!("，实际 {at} {task_zh}"));
            sentence.en.push_str(&format!(", {task_en} {at}"));
            facts.insert("done".into(), instant(stopped.at).into());
        }
        Some(self.anomaly(
            self.rules.r10.grade,
            "over",
            self.due.deadline.due,
            facts,
            sentence,
        ))
    }

    fn noun(&self) -> (&'static str, &'static str) {
        if self.fold.is_consultation() {
            ("咨询", "Consultation")
        } else {
            ("投诉", "Complaint")
        }
    }

    fn task(&self) -> (&'static str, &'static str) {
        match self.due.stage {
            Stage::Accept => ("受理", "accepted"),
            Stage::Finish => ("办结答复", "answered"),
        }
    }

    fn facts(&self) -> Facts {
        let mut facts = Facts::new();
        put_limit(&mut facts, &self.due.deadline);
        facts.insert("stage".into(), self.due.stage.as_str().into());
        if let Some(case) = &self.fold.case {
            facts.insert("case".into(), case.as_str().into());
        }
        if let Some(extension) = self
            .fold
            .extension
            .as_ref()
            .filter(|_| self.due.stage == Stage::Finish)
        {
            facts.insert("extended_days".into(), extension.days.into());
        }
        facts
    }

    fn anomaly(
        &self,
        grade: Grade,
        what: &str,
        due_at: DateTime<Utc>,
        facts: Facts,
        sentence: Sentence,
    ) -> Anomaly {
        let (no, stage) = (&self.fold.no, self.due.stage.as_str());
        Anomaly {
            rule: Rule::R10,
            kind: Kind::Complaint,
            grade,
            cause_key: format!("R10:{no}:{stage}:{what}"),
            cause: format!("complaint:{no}:{stage}:{what}"),
            due_at,
            cleared_at: None,
            until: self.due.stopped.map(|stopped| stopped.at),
            facts,
            sentence,
            bearer: Bearer {
                hall: self.fold.hall.clone(),
                unit: self.fold.unit.clone(),
                window: self.fold.window.clone(),
            },
        }
    }
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}
