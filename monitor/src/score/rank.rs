//! Ranking inside a level: equal scores share a rank, and who had too few cases is listed without one.

use std::collections::HashMap;
use std::hash::Hash;

use serde::{Deserialize, Serialize};

use super::Points;

/// Who is ranked by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<K> {
    /// Who: the code of a hall or a unit.
    pub subject: K,
    /// The score; `None`: there was nothing to judge by.
    pub score: Option<Points>,
    /// Services of the month: the cases that fell due in it, of a village point the queries assisted too.
    pub services: u64,
}

/// One line of a ranking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing<K> {
    /// Who.
    pub subject: K,
    /// The rank, from 1; `None` with too few services or without a score.
    pub rank: Option<u32>,
    /// The rank of the month before; `None` when it had none.
    pub previous: Option<u32>,
    /// The score.
    pub score: Option<Points>,
    /// How far it rose (or fell) since the month before; `None` when one of the two is missing.
    pub change: Option<Points>,
}

/// Ranks the subjects of one level for a month. `before` are the entries of the month before. A rank is 1 and the number of
/// subjects with a better score (1, 2, 2, 4). The answer lists the ranked by rank, then the others by score; among equals the
/// one with more services first, then by subject.
pub fn rank<K>(month: &[Entry<K>], before: &[Entry<K>], ranked_from: u64) -> Vec<Standing<K>>
where
    K: Clone + Eq + Hash + Ord,
{
    let previous = ranks(before, ranked_from);
    let earlier: HashMap<&K, Option<Points>> = before
        .iter()
        .map(|entry| (&entry.subject, entry.score))
        .collect();
    let now = ranks(month, ranked_from);
    let place = |entry: &Entry<K>| now.get(&entry.subject).copied();
    let mut order: Vec<&Entry<K>> = month.iter().collect();
    order.sort_by(|a, b| {
        let last = |entry| place(entry).unwrap_or(u32::MAX);
        last(a)
            .cmp(&last(b))
            .then_with(|| b.score.cmp(&a.score))
            .then_with(|| b.services.cmp(&a.services))
            .then_with(|| a.subject.cmp(&b.subject))
    });
    order
        .into_iter()
        .map(|entry| Standing {
            subject: entry.subject.clone(),
            rank: place(entry),
            previous: previous.get(&entry.subject).copied(),
            score: entry.score,
            change: entry
                .score
                .zip(earlier.get(&entry.subject).copied().flatten())
                .map(|(now, before)| now - before),
        })
        .collect()
}

/// The rank of every subject that can have one.
fn ranks<K: Eq + Hash>(entries: &[Entry<K>], ranked_from: u64) -> HashMap<&K, u32> {
    let enough = entries
        .iter()
        .filter(|entry| entry.services >= ranked_from.max(1));
    let mut ranked: Vec<(Points, &K)> = enough
        .filter_map(|entry| Some((entry.score?, &entry.subject)))
        .collect();
    ranked.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    let mut ranks = HashMap::with_capacity(ranked.len());
    let mut rank = 0;
    for (i, (score, subject)) in ranked.iter().enumerate() {
        if i == 0 || ranked[i - 1].0 != *score {
            rank = u32::try_from(i + 1).unwrap_or(u32::MAX);
        }
        ranks.insert(*subject, rank);
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(subject: &'static str, score: i64, services: u64) -> Entry<&'static str> {
        Entry {
            subject,
            score: Some(Points::whole(score)),
            services,
        }
    }

    #[test]
    fn equal_scores_share_a_rank_and_too_few_cases_have_none() {
        let nothing = Entry {
            subject: "T6",
            score: None,
            services: 40,
        };
        let month = [
            entry("T1", 95, 100),
            entry("T2", 99, 100),
            entry("T3", 95, 20),
            entry("T4", 80, 100),
            entry("T5", 100, 9),
            nothing,
        ];
        let before = [
            entry("T1", 100, 100),
            entry("T2", 90, 100),
            entry("T4", 85, 5),
        ];
        let standings = rank(&month, &before, 10);
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
        assert_eq!(standings[0].change, Some(Points::whole(9)));
        assert_eq!(standings[3].change, Some(Points::whole(-5)));
    }
}
