//! The versions of the rule profile with the instants from which they are in force.
//!
//! What is found is judged by the version in force when it fell due (`docs/decisions/0013-profile-changes.md`).

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::profile::Profile;

/// Every version that was, is or will be in force, earliest first. Never empty.
#[derive(Debug, Clone)]
pub struct Versions(Vec<(DateTime<Utc>, Arc<Profile>)>);

/// The time during which a version was in force, as far as it is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Term<'a> {
    /// The version.
    pub profile: &'a Profile,
    /// From here; `None`: nothing before matters.
    pub from: Option<DateTime<Utc>>,
    /// Before this; `None`: it still is.
    pub to: Option<DateTime<Utc>>,
}

impl Term<'_> {
    /// Whether `at` lies in it.
    pub fn holds(&self, at: DateTime<Utc>) -> bool {
        self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at < to)
    }
}

impl Versions {
    /// These versions, each with the instant from which it is in force; of several at one instant the highest holds. `None`
    /// where there are none.
    pub fn new(versions: impl IntoIterator<Item = (DateTime<Utc>, Profile)>) -> Option<Self> {
        let mut all: Vec<_> = versions
            .into_iter()
            .map(|(from, profile)| (from, Arc::new(profile)))
            .collect();
        all.sort_by_key(|(from, profile)| (*from, std::cmp::Reverse(profile.version)));
        all.dedup_by_key(|(from, _)| *from);
        (!all.is_empty()).then_some(Self(all))
    }

    /// One profile, as if it had always been in force.
    pub fn only(profile: Profile) -> Self {
        Self(vec![(DateTime::<Utc>::MIN_UTC, Arc::new(profile))])
    }

    /// The version in force at `at`; the first, where none was yet.
    pub fn at(&self, at: DateTime<Utc>) -> &Arc<Profile> {
        let after = self.0.partition_point(|(from, _)| *from <= at);
        &self.0[after.saturating_sub(1)].1
    }

    /// When a version higher than `settled` comes into force first.
    pub fn first_after(&self, settled: i32) -> Option<DateTime<Utc>> {
        let newer = self.0.iter().find(|(_, profile)| profile.version > settled);
        newer.map(|(from, _)| *from)
    }

    /// The versions in force from `from` to `to`, both included, earliest first. The first term reaches back for ever.
    pub fn terms(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> impl Iterator<Item = Term<'_>> {
        let index = |at| self.0.partition_point(|(from, _)| *from <= at).max(1) - 1;
        let (first, last) = (index(from), index(to.max(from)));
        (first..=last).map(move |i| Term {
            profile: &self.0[i].1,
            from: (i > first).then(|| self.0[i].0),
            to: (i < last).then(|| self.0[i + 1].0),
        })
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn at(day: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(day)
    }

    fn versions(list: &[(i64, i32)]) -> Versions {
        let profile = |version| Profile::parse("", version).expect("an empty profile holds");
        Versions::new(list.iter().map(|&(day, v)| (at(day), profile(v)))).expect("not empty")
    }

    #[test]
    fn the_version_of_an_instant() {
        let all = versions(&[(10, 2), (0, 1), (20, 3), (20, 4)]);
        let of = |day| all.at(at(day)).version;
        assert_eq!([-5, 0, 9, 10, 19, 20, 99].map(of), [1, 1, 1, 2, 2, 4, 4]);
        assert_eq!(all.first_after(1), Some(at(10)));
        assert_eq!(all.first_after(2), Some(at(20)));
        assert_eq!(all.first_after(4), None);
        assert!(Versions::new([]).is_none());
    }

    #[test]
    fn terms_meet_and_do_not_overlap() {
        let all = versions(&[(0, 1), (10, 2), (20, 3)]);
        let terms = |from, to| -> Vec<_> {
            let terms = all.terms(at(from), at(to));
            let ends = |term: Term<'_>| (term.profile.version, term.from, term.to);
            terms.map(ends).collect()
        };
        assert_eq!(terms(12, 15), [(2, None, None)]);
        assert_eq!(
            terms(5, 20),
            [
                (1, None, Some(at(10))),
                (2, Some(at(10)), Some(at(20))),
                (3, Some(at(20)), None)
            ]
        );
        for day in 0..30 {
            let holding = all.terms(at(0), at(30)).filter(|term| term.holds(at(day)));
            assert_eq!(holding.count(), 1, "{day}");
        }
    }
}
