//! R5: a refusal of the application, or of its acceptance, without a reason.

use mingjing_monitor::case::CaseStatus;

use super::facts::{Sentence, local};
use super::{Anomaly, Case, Findings, Rule};
use crate::card::Kind;

pub(super) fn find(case: &Case<'_>, found: &mut Findings) {
    let fold = case.fold;
    let is_blank = |reason: &Option<String>| reason.as_ref().is_none_or(|it| it.trim().is_empty());
    let Some(decided) = &fold.decided else { return };
    if fold.status != CaseStatus::Refused || !is_blank(&fold.outcome) {
        return;
    }
    found.event(decided.at, || {
        let at = local(case.calendar, decided.at);
        let (zh, en) = match fold.accepted {
            Some(_) => ("不予许可", "Refused"),
            None => ("不予受理", "Acceptance refused"),
        };
        Anomaly {
            grade: case.rules.r5.grade,
            sentence: Sentence {
                zh: format!("{at} {zh}，未说明理由"),
                en: format!("{en} {at} without a reason"),
            },
            ..case.anomaly(Rule::R5, Kind::Content, "refused", decided.at)
        }
    });
}
