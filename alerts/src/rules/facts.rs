//! Numbers and sentences of anomalies, in the two languages of the pages.

use chrono::{DateTime, Utc};
use mingjing_monitor::calendar::Calendar;
use mingjing_monitor::clock::Deadline;
use mingjing_monitor::limit::{Limit, LimitUnit};
use serde_json::{Map, Value};

/// The numbers of an anomaly, as the page shows and sorts them.
pub type Facts = Map<String, Value>;

/// What happened, in one sentence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sentence {
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

impl Sentence {
    /// The sentence with the rule and the profile version that issued it: `… · R3 · v12`.
    pub fn signed(&self, rule: &str, version: i32) -> Sentence {
        Sentence {
            zh: format!("{} · {rule} · v{version}", self.zh),
            en: format!("{} · {rule} · v{version}", self.en),
        }
    }
}

/// `7 个工作日`
pub fn limit_zh(limit: Limit) -> String {
    format!("{} {}", limit.n, unit_zh(limit.unit))
}

/// `7 workdays`
pub fn limit_en(limit: Limit) -> String {
    format!("{} {}", limit.n, unit_en(limit.unit, limit.n == 1))
}

/// The unit in Chinese.
pub fn unit_zh(unit: LimitUnit) -> &'static str {
    match unit {
        LimitUnit::Workday => "个工作日",
        LimitUnit::Day => "天",
        LimitUnit::Hour => "个服务小时",
    }
}

/// The unit in English.
pub fn unit_en(unit: LimitUnit, one: bool) -> &'static str {
    match (unit, one) {
        (LimitUnit::Workday, true) => "workday",
        (LimitUnit::Workday, false) => "workdays",
        (LimitUnit::Day, true) => "day",
        (LimitUnit::Day, false) => "days",
        (LimitUnit::Hour, true) => "service hour",
        (LimitUnit::Hour, false) => "service hours",
    }
}

/// A number with at most one decimal.
pub fn number(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    if rounded.fract() == 0.0 {
        format!("{rounded:.0}")
    } else {
        format!("{rounded:.1}")
    }
}

/// An instant as the interfaces write it.
pub fn stamp(at: DateTime<Utc>) -> Value {
    at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
        .into()
}

/// A ground of a special procedure in the two languages; a word of the county's own stands for itself.
pub fn ground(kind: &str) -> (&str, &str) {
    match kind {
        "hearing" => ("听证", "hearing"),
        "tender" => ("招标", "tender"),
        "auction" => ("拍卖", "auction"),
        "inspection" => ("检验", "inspection"),
        "testing" => ("检测", "testing"),
        "quarantine" => ("检疫", "quarantine"),
        "appraisal" => ("鉴定", "appraisal"),
        "expert_review" => ("专家评审", "expert review"),
        "site_survey" => ("现场踏勘", "site survey"),
        "collective_decision" => ("集体研究", "collective decision"),
        other => (other, other),
    }
}

/// Local date and time.
pub fn local(calendar: &Calendar, at: DateTime<Utc>) -> String {
    calendar.local(at).format("%Y-%m-%d %H:%M").to_string()
}

/// The limit of a deadline, in words; where the system of record gave the instant there is none.
pub fn of_limit(deadline: &Deadline) -> (String, String) {
    match deadline.limit {
        Some(limit) => (
            format!(" {}", limit_zh(limit)),
            format!(" of {}", limit_en(limit)),
        ),
        None => (String::new(), String::new()),
    }
}

/// Puts a limit's numbers in.
pub fn put_limit(facts: &mut Facts, deadline: &Deadline) {
    if let Some(limit) = deadline.limit {
        facts.insert("limit".into(), limit.n.into());
        facts.insert(
            "unit".into(),
            serde_json::to_value(limit.unit).unwrap_or_default(),
        );
    }
    facts.insert("due".into(), stamp(deadline.due));
}
