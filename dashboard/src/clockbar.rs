//! A case's clock as the rules see it now: the clock bar, its steps, and what contradicts itself.

use chrono::{DateTime, Utc};
use mingjing_alerts::rules::as_counted;
use mingjing_alerts::supervisor::Reference;
use mingjing_monitor::case::{AnomalyKind, CaseClock, CaseFold, DataAnomaly};
use mingjing_monitor::clock::{Mode, Timer};
use mingjing_monitor::limit::Limit;
use serde::Serialize;
use utoipa::ToSchema;

/// A step of a case.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StepView {
    step: String,
    name: String,
    handler: Option<String>,
    role: Option<String>,
    started: Option<DateTime<Utc>>,
    finished: Option<DateTime<Utc>>,
    #[schema(value_type = Option<Object>)]
    limit: Option<Limit>,
    due: Option<DateTime<Utc>>,
    /// It took longer than its limit, or does so now.
    over: bool,
}

/// A contradiction among the facts of a case.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AnomalyView {
    code: String,
    sentence_zh: String,
    sentence_en: String,
}

/// What the case page shows of a clock.
#[derive(Debug)]
pub struct ClockView {
    /// The clock bar; without measures and cells while the case has not been accepted.
    pub timer: Timer,
    /// Its steps.
    pub steps: Vec<StepView>,
    /// Contradictions.
    pub anomalies: Vec<AnomalyView>,
}

/// Looks at a case at `now`. `opened_at` is its row's.
pub fn look(
    reference: &Reference,
    fold: &CaseFold,
    opened_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> ClockView {
    let rules = reference.rules_of(fold, now);
    let item = reference.item_of(fold, opened_at);
    let (counted, counted_item) = as_counted(fold, item, &rules);
    let clock = CaseClock::of(
        &counted,
        counted_item.as_deref(),
        &reference.calendar,
        &rules.clock,
        now,
    );
    let step = |(i, run): (usize, &mingjing_monitor::case::StepRun)| {
        let timed = clock.steps.iter().find(|step| step.run == i);
        let known = item.and_then(|item| item.step(&run.step));
        StepView {
            step: run.step.clone(),
            name: known.map_or_else(|| run.step.clone(), |step| step.name.clone()),
            handler: run.handler.clone(),
            role: run.role.clone(),
            started: run.started.as_ref().map(|moment| moment.at),
            finished: run.finished.as_ref().map(|moment| moment.at),
            limit: timed.map(|timed| timed.limit),
            due: timed.map(|timed| timed.deadline.due),
            over: timed.is_some_and(|timed| timed.deadline.is_over(timed.stopped.unwrap_or(now))),
        }
    };
    let future = fold.in_future(now);
    ClockView {
        timer: clock
            .timer(&counted)
            .unwrap_or_else(|| not_started(rules.clock.mode)),
        steps: fold.steps.iter().enumerate().map(step).collect(),
        anomalies: fold
            .data_anomalies
            .iter()
            .chain(&future)
            .map(anomaly)
            .collect(),
    }
}

fn not_started(mode: Mode) -> Timer {
    Timer {
        mode,
        warning_at: None,
        promise: None,
        legal: None,
        continues: None,
        suspensions: Vec::new(),
        cells: Vec::new(),
        truncated: false,
    }
}

fn anomaly(anomaly: &DataAnomaly) -> AnomalyView {
    let (zh, en) = match anomaly.kind {
        AnomalyKind::StepFinishedBeforeStarted => {
            ("环节的完成时间早于开始时间", "a step ends before it begins")
        }
        AnomalyKind::EndsBeforeStart => (
            "办结时间早于受理时间",
            "the case ends before it was accepted",
        ),
        AnomalyKind::AcceptedBeforeApplied => {
            ("受理时间早于申请时间", "accepted before it was applied for")
        }
        AnomalyKind::AcceptedTwice => {
            ("重复受理，以第一次为准", "accepted twice; the first counts")
        }
        AnomalyKind::EndedTwice => ("重复办结，以第一次为准", "ended twice; the first counts"),
        AnomalyKind::ResumedWithoutSuspension => {
            ("未暂停即恢复计时", "resumed without having been suspended")
        }
        AnomalyKind::ExtendedTwice => (
            "多次延期，以第一次为准",
            "extended more than once; the first counts",
        ),
        AnomalyKind::RatedTwice => (
            "重复评价，以第一次为准",
            "rated more than once; the first counts",
        ),
        AnomalyKind::InFuture => ("时间在未来", "something lies in the future"),
    };
    let at = anomaly.at.format("%Y-%m-%d %H:%M UTC");
    let step = anomaly.step.as_deref();
    let code = serde_json::to_value(anomaly.kind)
        .ok()
        .and_then(|code| code.as_str().map(str::to_owned));
    AnomalyView {
        code: code.unwrap_or_default(),
        sentence_zh: step.map_or_else(
            || format!("{zh}（{at}）"),
            |step| format!("「{step}」{zh}（{at}）"),
        ),
        sentence_en: step.map_or_else(
            || format!("{en} ({at})"),
            |step| format!("{step}: {en} ({at})"),
        ),
    }
}
