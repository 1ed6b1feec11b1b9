//! R8 voided, returned, withdrawn and suspended cases: too many of a unit's in a month.

use chrono::{DateTime, Datelike, NaiveDate, Utc};

use super::facts::{Facts, Sentence, number};
use super::{Anomaly, Bearer, Rule};
use crate::card::Kind;
use crate::profile::RuleSet;

/// What became of the cases that a unit accepted in a hall in a month. One case may stand in several of the four.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct UnitMonth {
    /// Code of the hall.
    pub hall: String,
    /// Code of the unit.
    pub unit: String,
    /// Cases accepted in the month.
    pub accepted: i64,
    /// Of them: voided by the hall.
    pub voided: i64,
    /// Returned to the applicant: refused.
    pub returned: i64,
    /// Taken back by the applicant.
    pub withdrawn: i64,
    /// Suspended at least once.
    pub suspended: i64,
    /// In one of the four or in several.
    pub touched: i64,
}

/// What the cards of one unit's month share.
pub fn cause(of: &UnitMonth, month: NaiveDate) -> String {
    format!("void:{}:{}:{}", of.hall, of.unit, month.format("%Y-%m"))
}

/// What the rule finds of a month that is over. `month`: its first day; `ended`: the first instant after it.
pub fn evaluate(
    of: &UnitMonth,
    month: NaiveDate,
    ended: DateTime<Utc>,
    rules: &RuleSet,
) -> Option<Anomaly> {
    let r8 = &rules.r8;
    let share = of.touched as f64 / of.accepted.max(1) as f64;
    if !r8.on || of.accepted < i64::from(r8.least.get()) || share <= r8.share.get() {
        return None;
    }
    let mut facts = Facts::new();
    for (key, count) in [
        ("accepted", of.accepted),
        ("voided", of.voided),
        ("returned", of.returned),
        ("withdrawn", of.withdrawn),
        ("suspended", of.suspended),
        ("touched", of.touched),
    ] {
        facts.insert(key.into(), count.into());
    }
    facts.insert("share".into(), share.into());
    let name = month.format("%Y-%m").to_string();
    facts.insert("month".into(), name.as_str().into());
    let (percent, limit) = (number(share * 100.0), number(r8.share.get() * 100.0));
    let (n, touched) = (of.accepted, of.touched);
    let UnitMonth {
        voided,
        returned,
        withdrawn,
        suspended,
        ..
    } = of;
    let (year, number) = (month.year(), month.month());
    Some(Anomaly {
        rule: Rule::R8,
        kind: Kind::Process,
        grade: r8.grade,
        cause_key: format!("R8:{}:{}:{name}", of.hall, of.unit),
        cause: cause(of, month),
        due_at: ended,
        cleared_at: None,
        until: Some(ended),
        facts,
        sentence: Sentence {
            zh: format!(
                "{year} 年 {number} 月受理 {n} 件，其中 {touched} 件作废、退件、撤件或中止（{percent}%），超过 {limit}%：作废 \
                 {voided}、退件 {returned}、撤件 {withdrawn}、中止 {suspended}"
            ),
            en: format!(
                "Of {n} cases accepted in {name}, {touched} were voided, returned, withdrawn or suspended ({percent}%, over \
                 {limit}%): {voided} voided, {returned} returned, {withdrawn} withdrawn, {suspended} suspended"
            ),
        },
        bearer: Bearer {
            hall: of.hall.clone(),
            unit: Some(of.unit.clone()),
            window: None,
        },
    })
}
