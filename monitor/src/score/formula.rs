//! The formula of the score: weights, caps and cuts, as a county sets them in its rule profile (`[score]`).

use serde::Deserialize;

use super::{Part, Points, ServiceFormula};
use crate::org::Level;
use crate::share::Share;

/// How a month is scored. What a profile leaves out is the standard (domain.md section 7).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Formula {
    /// What each part weighs; together 100.
    pub weights: Weights,
    /// At this share of cases carded, timeliness and process are worth nothing.
    pub worthless: Share,
    /// A share is taken of at least so many cases, so that one card of few cases does not weigh as one of hundreds.
    pub of_at_least: u64,
    /// What a yellow card costs where cards are counted one by one.
    pub yellow: Points,
    /// What a red card costs there.
    pub red: Points,
    /// What a complaint upheld costs.
    pub complaint: Points,
    /// What a confirmed breach of integrity costs.
    pub integrity: Points,
    /// What each level of rating is worth of 100, the best first.
    pub ratings: [u8; 5],
    /// What can be gained beside the parts.
    pub bonus: Bonus,
    /// The cuts between grades.
    pub grades: Cuts,
    /// Fewer services than this are listed and not ranked.
    pub ranked_from: u64,
    /// Whether what a part is given back at its floor is taken in the month that follows.
    pub carry_over: bool,
    /// A month closes when so many workdays after it are over.
    pub closes_after: u32,
    /// How village points are scored.
    pub service: ServiceFormula,
}

/// What the parts weigh, in points.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Weights {
    /// 时效
    pub timeliness: Points,
    /// 流程
    pub process: Points,
    /// 收费
    pub fees: Points,
    /// 督办
    pub supervision: Points,
    /// 行为
    pub conduct: Points,
    /// 满意度
    pub satisfaction: Points,
    /// 法律责任
    pub liability: Points,
    /// 廉政
    pub integrity: Points,
    /// 公开
    pub disclosure: Points,
}

impl Weights {
    /// What a part of the nine weighs.
    pub fn of(&self, part: Part) -> Points {
        match part {
            Part::Timeliness => self.timeliness,
            Part::Process => self.process,
            Part::Fees => self.fees,
            Part::Supervision => self.supervision,
            Part::Conduct => self.conduct,
            Part::Satisfaction => self.satisfaction,
            Part::Liability => self.liability,
            Part::Integrity => self.integrity,
            Part::Disclosure => self.disclosure,
            _ => Points::ZERO,
        }
    }
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            timeliness: Points::whole(14),
            process: Points::whole(14),
            fees: Points::whole(8),
            supervision: Points::whole(14),
            conduct: Points::whole(10),
            satisfaction: Points::whole(10),
            liability: Points::whole(10),
            integrity: Points::whole(10),
            disclosure: Points::whole(10),
        }
    }
}

/// What is gained beside the parts: so much for the first step, so much for each further one.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bonus {
    /// All of it together.
    pub most: Points,
    /// The first share of cases decided early that is worth something.
    pub early: Share,
    /// What it is worth.
    pub early_points: Points,
    /// How far promises must lie under the law together.
    pub promises_cut: Share,
    /// What that is worth.
    pub promises_points: Points,
    /// Each further share,
    pub further: Share,
    /// is worth as much again.
    pub further_points: Points,
}

impl Default for Bonus {
    fn default() -> Self {
        Self {
            most: Points::whole(10),
            early: Share::of(0.1),
            early_points: Points::whole(1),
            promises_cut: Share::of(0.3),
            promises_points: Points::whole(3),
            further: Share::of(0.1),
            further_points: Points::whole(1),
        }
    }
}

/// Where a grade begins, and what keeps a hall from one.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cuts {
    /// 优秀 from here.
    pub excellent: Points,
    /// 良好 from here.
    pub good: Points,
    /// 合格 from here.
    pub pass: Points,
    /// Under this on-time rate: 合格 at best,
    pub pass_at_best_under: Share,
    /// where at least so many are late.
    pub pass_at_best_late: u64,
    /// Under this on-time rate: 不合格.
    pub fail_under: Share,
}

impl Default for Cuts {
    fn default() -> Self {
        Self {
            excellent: Points::whole(90),
            good: Points::whole(80),
            pass: Points::whole(60),
            pass_at_best_under: Share::of(0.95),
            pass_at_best_late: 3,
            fail_under: Share::of(0.8),
        }
    }
}

impl Default for Formula {
    fn default() -> Self {
        Self {
            weights: Weights::default(),
            worthless: Share::of(0.05),
            of_at_least: 100,
            yellow: Points::whole(2),
            red: Points::whole(5),
            complaint: Points::whole(3),
            integrity: Points::whole(5),
            ratings: [100, 80, 60, 30, 0],
            bonus: Bonus::default(),
            grades: Cuts::default(),
            ranked_from: 10,
            carry_over: true,
            closes_after: 10,
            service: ServiceFormula::default(),
        }
    }
}

impl Formula {
    /// Fewer services than this, and a subject of the level is listed and not ranked.
    pub fn ranked_from(&self, level: Level) -> u64 {
        match level {
            Level::Village => self.service.ranked_from,
            Level::County | Level::Town => self.ranked_from,
        }
    }

    /// Whether its numbers hold together.
    ///
    /// # Errors
    /// What does not, in words.
    pub fn check(&self) -> Result<(), String> {
        let all: Points = Part::ALL.iter().map(|part| self.weights.of(*part)).sum();
        if all != Points::whole(100) {
            return Err(format!("the weights make {all} together, not 100"));
        }
        let cuts = &self.grades;
        if cuts.excellent <= cuts.good || cuts.good <= cuts.pass {
            return Err("grades must fall from excellent over good to pass".into());
        }
        if cuts.fail_under > cuts.pass_at_best_under {
            return Err("grades: fail_under lies over pass_at_best_under".into());
        }
        self.service.check()?;
        if self.closes_after > 60 {
            return Err("closes_after: a month closes within 60 workdays".into());
        }
        if self.ratings[0] > 100 || self.ratings.windows(2).any(|pair| pair[0] < pair[1]) {
            return Err("ratings go down from at most 100, the best first".into());
        }
        Ok(())
    }
}
