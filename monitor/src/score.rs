//! Ranking by on-time rate: the first figure of a month's evaluation.
//!
//! Halls (or units) of one level are ranked by the share of the cases due in the month that were decided in time. Equal
//! rates share a rank; with too few cases a hall is listed and not ranked.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::Hash;

use serde::{Deserialize, Serialize};

/// Under so many cases due in the month a hall is not ranked, unless the county sets another number.
pub const MIN_CASES: u64 = 10;

/// The cases of one hall or unit that fell due in a month, finished or not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// How many fell due.
    pub due: u64,
    /// How many of them were decided in time; at most `due`.
    pub met: u64,
}

impl Tally {
    /// The share decided in time, 0 to 1; `None` when none was due.
    pub fn rate(&self) -> Option<f64> {
        (self.due > 0).then(|| self.met as f64 / self.due as f64)
    }

    /// Compares rates exactly; a tally without cases is below every other.
    fn cmp_rate(&self, other: &Self) -> Ordering {
        let (own, others) = (u128::from(self.met), u128::from(other.met));
        match (self.due, other.due) {
            (0, 0) => Ordering::Equal,
            (0, _) => Ordering::Less,
            (_, 0) => Ordering::Greater,
            (due, other_due) => (own * u128::from(other_due)).cmp(&(others * u128::from(due))),
        }
    }
}

/// One line of a ranking.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standing<K> {
    /// Who: the code of a hall or a unit.
    pub subject: K,
    /// The rank, from 1; `None` with too few cases.
    pub rank: Option<u32>,
    /// The rank of the month before; `None` when it had none.
    pub previous: Option<u32>,
    /// The cases.
    pub tally: Tally,
    /// The share decided in time; `None` when none was due.
    pub rate: Option<f64>,
    /// How far the rate rose (or fell) since the month before, in shares; `None` when one of the two is missing.
    pub rate_change: Option<f64>,
}

/// Ranks the subjects of one level for a month. `before` are the tallies of the month before. A rank is 1 and the number of
/// subjects with a better rate (1, 2, 2, 4). The answer lists the ranked by rank, then those with too few cases; among equals
/// the one with more cases first, then by subject.
pub fn rank<K>(month: &[(K, Tally)], before: &[(K, Tally)], min_cases: u64) -> Vec<Standing<K>>
where
    K: Clone + Eq + Hash + Ord,
{
    let previous = ranks(before, min_cases);
    let earlier: HashMap<&K, Tally> = before
        .iter()
        .map(|(subject, tally)| (subject, *tally))
        .collect();
    let now = ranks(month, min_cases);
    let mut standings: Vec<Standing<K>> = month
        .iter()
        .map(|(subject, tally)| {
            let rate_before = earlier.get(subject).and_then(Tally::rate);
            Standing {
                subject: subject.clone(),
                rank: now.get(subject).copied(),
                previous: previous.get(subject).copied(),
                tally: *tally,
                rate: tally.rate(),
                rate_change: tally
                    .rate()
                    .zip(rate_before)
                    .map(|(now, before)| now - before),
            }
        })
        .collect();
    standings.sort_by(|a, b| {
        let place = |standing: &Standing<K>| standing.rank.unwrap_or(u32::MAX);
        place(a)
            .cmp(&place(b))
            .then_with(|| b.tally.cmp_rate(&a.tally))
            .then_with(|| b.tally.due.cmp(&a.tally.due))
            .then_with(|| a.subject.cmp(&b.subject))
    });
    standings
}

/// The rank of every subject that has enough cases.
fn ranks<K: Eq + Hash>(tallies: &[(K, Tally)], min_cases: u64) -> HashMap<&K, u32> {
    let enough = |(_, tally): &&(K, Tally)| tally.due >= min_cases.max(1);
    let mut ranked: Vec<&(K, Tally)> = tallies.iter().filter(enough).collect();
    ranked.sort_by(|a, b| b.1.cmp_rate(&a.1));
    let mut ranks = HashMap::with_capacity(ranked.len());
    let mut rank = 0;
    for (i, (subject, tally)) in ranked.iter().enumerate() {
        if i == 0 || ranked[i - 1].1.cmp_rate(tally).is_ne() {
            rank = u32::try_from(i + 1).unwrap_or(u32::MAX);
        }
        ranks.insert(subject, rank);
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(met: u64, due: u64) -> Tally {
        Tally { due, met }
    }

    #[test]
    fn equal_rates_share_a_rank_and_too_few_cases_have_none() {
        let month = [
            ("T1", tally(95, 100)),
            ("T2", tally(99, 100)),
            ("T3", tally(19, 20)),
            ("T4", tally(80, 100)),
            ("T5", tally(9, 9)),
            ("T6", tally(0, 0)),
        ];
        let before = [
            ("T1", tally(100, 100)),
            ("T2", tally(90, 100)),
            ("T4", tally(5, 5)),
        ];
        let standings = rank(&month, &before, MIN_CASES);
        let ranks: Vec<_> = standings
            .iter()
            .map(|standing| (standing.subject, standing.rank, standing.previous))
            .collect();
        assert_eq!(
            ranks,
            [
                ("T2", Some(1), Some(2)),
                ("T1", Some(2), Some(1)),
                ("T3", Some(2), None),
                ("T4", Some(4), None),
                ("T5", None, None),
                ("T6", None, None),
            ]
        );
        assert!((standings[0].rate_change.unwrap() - 0.09).abs() < 1e-12);
        assert_eq!(standings[5].rate, None);
    }

    #[test]
    fn rates_are_compared_exactly() {
        // The two differ by less than an f64 tells apart.
        let (n, m) = (9_007_199_254_740_993, 9_007_199_254_740_992);
        let month = [("A", tally(m - 1, m)), ("B", tally(n - 1, n))];
        let standings = rank(&month, &[], MIN_CASES);
        assert_eq!((standings[0].subject, standings[1].rank), ("B", Some(2)));
    }
}
