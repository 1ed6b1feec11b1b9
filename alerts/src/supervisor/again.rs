//! Cases that were withdrawn and applied for again by the same applicant for the same item: each fold is told which case came
//! before it, and the cases that come after one are looked at when it changes.
//!
//! What a fold is told depends on the cases that there are and on nothing else, so the order in which events come does not matter.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_monitor::case::{CaseFold, LOOK_BACK, Prior};
use mingjing_monitor::store::StoreError;
use mingjing_monitor::store::states::{self, CaseRecord};
use sqlx::PgConnection;

/// Of times that are only a date, the other one may lie so much before.
const DAY: TimeDelta = TimeDelta::days(1);

/// A case before and after.
type Folded = (Option<CaseRecord>, CaseFold);

/// Tells each of these which case came before it; with them, others that follow one of them and are no longer what they were.
pub(super) async fn follow(
    connection: &mut PgConnection,
    mut folded: Vec<Folded>,
) -> Result<Vec<Folded>, StoreError> {
    if folded
        .iter()
        .all(|(before, fold)| keys(before, fold).next().is_none())
    {
        return Ok(folded);
    }
    add_followers(&mut *connection, &mut folded).await?;
    let wanted: Vec<(String, &str)> = folded
        .iter()
        .filter_map(|(_, fold)| fold.applicant_and_item())
        .collect();
    let mut priors: BTreeMap<String, (String, String, Prior)> = BTreeMap::new();
    let opened = folded.iter().filter_map(|(_, fold)| fold.opened());
    let first = opened.map(|opened| opened.at).min().unwrap_or_default();
    let since = first - LOOK_BACK - DAY;
    for stored in states::withdrawn(connection, &wanted, since).await? {
        keep(&mut priors, &stored);
    }
    // Those at hand as they are now, the first opened first: each may follow one that itself follows another.
    for (_, fold) in &folded {
        priors.remove(&fold.case_no);
    }
    let mut order: Vec<usize> = (0..folded.len()).collect();
    order.sort_by_key(|&i| {
        let fold = &folded[i].1;
        (fold.opened().map(|opened| opened.at), fold.case_no.clone())
    });
    for i in order {
        let fold = &mut folded[i].1;
        let before = before(fold, &priors);
        fold.prior = before.map(Box::new);
        keep(&mut priors, fold);
    }
    Ok(folded)
}

fn keys<'a>(
    before: &'a Option<CaseRecord>,
    fold: &'a CaseFold,
) -> impl Iterator<Item = (String, &'a str)> {
    let before = before.as_ref().map(|before| &before.fold);
    [before, Some(fold)]
        .into_iter()
        .flatten()
        .filter_map(CaseFold::applicant_and_item)
}

fn keep(priors: &mut BTreeMap<String, (String, String, Prior)>, fold: &CaseFold) {
    if let (Some((applicant, item)), Some(prior)) = (fold.applicant_and_item(), Prior::of(fold)) {
        let item = item.to_owned();
        priors.insert(fold.case_no.clone(), (applicant, item, prior));
    }
}

/// The case that was withdrawn last before this one was opened.
fn before(fold: &CaseFold, priors: &BTreeMap<String, (String, String, Prior)>) -> Option<Prior> {
    let (applicant, item) = fold.applicant_and_item()?;
    let opened = fold.opened()?;
    let same = priors
        .values()
        .filter(|(whose, of, _)| *whose == applicant && of == item)
        .map(|(_, _, prior)| prior)
        .filter(|prior| prior.is_before(opened, &fold.case_no));
    same.max_by_key(|prior| (prior.withdrawn.at, prior.case_no.as_str()))
        .cloned()
}

/// Where the withdrawal of a case is new, other or gone, the cases that come after it are looked at too, and those after them.
async fn add_followers(
    connection: &mut PgConnection,
    folded: &mut Vec<Folded>,
) -> Result<(), StoreError> {
    let (mut changed, mut since): (Vec<(String, String)>, Option<DateTime<Utc>>) = (vec![], None);
    for (before, fold) in folded.iter() {
        let was = before.as_ref().and_then(|before| Prior::of(&before.fold));
        let is = Prior::of(fold);
        if was == is {
            continue;
        }
        let owned = |(applicant, item): (String, &str)| (applicant, item.to_owned());
        changed.extend(keys(before, fold).map(owned));
        let instants = [&was, &is].into_iter().flatten();
        let first = instants.map(|prior| prior.withdrawn.at).min();
        since = [since, first].into_iter().flatten().min();
    }
    changed.sort();
    changed.dedup();
    let Some(since) = since.filter(|_| !changed.is_empty()) else {
        return Ok(());
    };
    let known: BTreeSet<String> = folded
        .iter()
        .map(|(_, fold)| fold.case_no.clone())
        .collect();
    let wanted: Vec<(String, &str)> = changed
        .iter()
        .map(|(applicant, item)| (applicant.clone(), item.as_str()))
        .collect();
    for record in states::of_applicants(connection, &wanted, since - DAY).await? {
        if !known.contains(&record.fold.case_no) {
            let fold = record.fold.clone();
            folded.push((Some(record), fold));
        }
    }
    Ok(())
}
