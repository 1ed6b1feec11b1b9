//! The score of a year: the mean of its closed months, from the corrected scores (domain.md section 7).

use chrono::NaiveDate;

use super::{Cuts, Grade, Points};

/// A month of the year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthOfYear {
    /// Its first day.
    pub month: NaiveDate,
    /// Its score.
    pub score: Points,
    /// What it gives to the year: the months together give the year's score exactly.
    pub share: Points,
}

/// A year.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Year {
    /// The months that had a score, earliest first.
    pub months: Vec<MonthOfYear>,
    /// Their mean; `None`: no month had one.
    pub score: Option<Points>,
}

impl Year {
    /// The year of these months; each a first day and its score.
    pub fn new(months: impl IntoIterator<Item = (NaiveDate, Points)>) -> Self {
        let mut months: Vec<_> = months.into_iter().collect();
        months.sort();
        let n = months.len() as u64;
        let mean = |sum: Points| sum.part_of(n);
        let mut sum = Points::ZERO;
        let months: Vec<_> = months
            .into_iter()
            .map(|(month, score)| {
                let before = mean(sum);
                sum += score;
                MonthOfYear {
                    month,
                    score,
                    share: mean(sum) - before,
                }
            })
            .collect();
        Self {
            score: (!months.is_empty()).then(|| mean(sum)),
            months,
        }
    }

    /// Its grade, by the same cuts as a month's.
    pub fn grade(&self, cuts: &Cuts) -> Option<Grade> {
        self.score.map(|score| Grade::of(score, cuts))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn months(scores: &[i64]) -> Year {
        let month = |n: usize| NaiveDate::from_ymd_opt(2026, n as u32 + 1, 1).unwrap();
        let scored = scores.iter().enumerate();
        Year::new(scored.map(|(n, score)| (month(n), Points::hundredths(*score))))
    }

    #[test]
    fn a_year_is_the_mean_of_its_months() {
        // 90, 100 and 95.01 are 285.01, a third of which is 95.00 and a third of a hundredth.
        let year = months(&[9_000, 10_000, 9_501]);
        assert_eq!(year.score, Some(Points::whole(95)));
        assert_eq!(year.grade(&Cuts::default()), Some(Grade::Excellent));
        assert_eq!(months(&[]).score, None);
    }

    proptest! {
        #[test]
        fn a_year_is_the_sum_of_what_its_months_give(scores in prop::collection::vec(0..11_000_i64, 1..12)) {
            let year = months(&scores);
            let shares: Points = year.months.iter().map(|month| month.share).sum();
            prop_assert_eq!(Some(shares), year.score);
            let exact = scores.iter().sum::<i64>() as f64 / scores.len() as f64;
            prop_assert!((shares.in_hundredths() as f64 - exact).abs() <= 0.5);
        }
    }
}
