//! R6 fees: a charge that is not the standard, relief without reason, and what is paid before acceptance.

use mingjing_monitor::case::{FeeCharged, Moment};
use mingjing_monitor::event::Yuan;

use super::facts::{Facts, Sentence, local};
use super::{Anomaly, Case, Findings, Rule};
use crate::card::Kind;

pub(super) fn find(case: &Case<'_>, found: &mut Findings) {
    for (i, fee) in case.fold.fees.iter().enumerate() {
        // What is published binds; where nothing is, the source's own word.
        let published = case.item.and_then(|item| item.fee);
        if let Some(standard) = published.or(fee.standard).filter(|it| is_wrong(fee, *it)) {
            found.event(fee.at.at, || amount(case, i, fee, standard));
        }
        if is_early(fee, case.fold.accepted.as_ref()) {
            found.event(fee.at.at, || early(case, i, fee));
        }
    }
}

/// More than the standard, or less without saying why.
fn is_wrong(fee: &FeeCharged, standard: Yuan) -> bool {
    let relieved = fee
        .relief_reason
        .as_ref()
        .is_some_and(|why| !why.trim().is_empty());
    fee.charged > standard || (fee.charged < standard && !relieved)
}

fn is_early(fee: &FeeCharged, accepted: Option<&Moment>) -> bool {
    !fee.at.date_only
        && accepted.is_none_or(|accepted| accepted.at > fee.at.at && !accepted.date_only)
}

fn facts(fee: &FeeCharged) -> Facts {
    let mut facts = Facts::new();
    facts.insert("charged".into(), f64::from(fee.charged).into());
    facts
}

fn amount(case: &Case<'_>, i: usize, fee: &FeeCharged, standard: Yuan) -> Anomaly {
    let mut facts = facts(fee);
    facts.insert("standard".into(), f64::from(standard).into());
    let (charged, asked) = (f64::from(fee.charged), f64::from(standard));
    let at = local(case.calendar, fee.at.at);
    let sentence = if fee.charged > standard {
        Sentence {
            zh: format!("{at} 收费 {charged} 元，标准为 {asked} 元，超标准收费"),
            en: format!("Charged {charged} yuan {at}; the standard is {asked} yuan"),
        }
    } else {
        Sentence {
            zh: format!("{at} 收费 {charged} 元，标准为 {asked} 元，减免未说明理由"),
            en: format!(
                "Charged {charged} yuan {at} against a standard of {asked} yuan: relief without a reason"
            ),
        }
    };
    Anomaly {
        grade: case.rules.r6.amount,
        facts,
        sentence,
        ..case.anomaly(
            Rule::R6,
            Kind::Discretion,
            &format!("{i}:amount"),
            fee.at.at,
        )
    }
}

fn early(case: &Case<'_>, i: usize, fee: &FeeCharged) -> Anomaly {
    let (charged, at) = (f64::from(fee.charged), local(case.calendar, fee.at.at));
    let accepted = case.fold.accepted.as_ref();
    let accepted = accepted.map(|accepted| local(case.calendar, accepted.at));
    let sentence = match accepted {
        Some(accepted) => Sentence {
            zh: format!("{at} 收费 {charged} 元，早于 {accepted} 的受理"),
            en: format!("Charged {charged} yuan {at}, before acceptance {accepted}"),
        },
        None => Sentence {
            zh: format!("{at} 收费 {charged} 元，尚未受理"),
            en: format!("Charged {charged} yuan {at}; the case is not accepted"),
        },
    };
    Anomaly {
        grade: case.rules.r6.early,
        facts: facts(fee),
        sentence,
        ..case.anomaly(Rule::R6, Kind::Discretion, &format!("{i}:early"), fee.at.at)
    }
}
