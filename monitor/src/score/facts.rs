//! What a score is made of: the facts of one subject (a hall, or a unit of one) and one month.

use serde::{Deserialize, Serialize};

use super::{Points, Service};

/// The nine parts (domain.md section 7), and the five of the service of village points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// 时效
    Timeliness,
    /// 流程
    Process,
    /// 收费
    Fees,
    /// 督办
    Supervision,
    /// 行为
    Conduct,
    /// 满意度
    Satisfaction,
    /// 法律责任
    Liability,
    /// 廉政
    Integrity,
    /// 公开
    Disclosure,
    /// 开放: the point was open when it was to be.
    Opening,
    /// 终端: its terminal was up.
    Terminal,
    /// 帮办: queries assisted.
    Assistance,
    /// 答复: complaints and orders answered.
    Answers,
    /// 办件: what went wrong with the cases that it handles itself.
    Cases,
}

impl Part {
    /// The five of service, in the order of the sheet.
    pub const SERVICE: [Self; 5] = [
        Self::Opening,
        Self::Terminal,
        Self::Assistance,
        Self::Answers,
        Self::Cases,
    ];
    /// The nine, in the order of the sheet.
    pub const ALL: [Self; 9] = [
        Self::Timeliness,
        Self::Process,
        Self::Fees,
        Self::Supervision,
        Self::Conduct,
        Self::Satisfaction,
        Self::Liability,
        Self::Integrity,
        Self::Disclosure,
    ];
}

/// A yellow or red card that weighs on the subject in the month. Which part a rule belongs to is the rules' business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// Its number.
    pub id: i64,
    /// The part it counts in.
    pub part: Part,
    /// Its rule, `R2`.
    pub rule: String,
    /// Red, or yellow.
    pub red: bool,
    /// It fell due in an earlier month, and its case still lay past the legal limit in this one: another red.
    pub again: bool,
    /// An appeal against it waits for its decision.
    pub appealed: bool,
}

/// Which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderRef {
    /// The correction order that went out with this card.
    Card(i64),
    /// The supervision order of this number.
    Order(i64),
}

/// How an order that was to be answered in the month came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Which.
    pub which: OrderRef,
    /// Answered in time, and the answer accepted.
    pub met: bool,
    /// It was to be answered in an earlier month, and was not when this one began: it counts again.
    pub again: bool,
}

/// So many of so many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Of {
    /// How many.
    pub part: u64,
    /// Of how many; at least `part`.
    pub whole: u64,
}

/// The facts. What is `None` was not measured, and is left out of the score.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Cases due in the month, finished or not, that are judged; immediate items apart.
    pub due: u64,
    /// Of them, decided in time.
    pub met: u64,
    /// Cases decided in the month that had a promise, immediate items apart.
    pub promised: u64,
    /// Of them, decided on a day before the promise's.
    pub early: u64,
    /// What was promised for the decided cases together, as far as promise and law count in the same unit.
    pub promise: u64,
    /// What the law allows for the same.
    pub legal: u64,
    /// The cards.
    pub cards: Vec<Card>,
    /// The orders that were to be answered.
    pub orders: Vec<Order>,
    /// Numbers of the complaints that were closed as upheld.
    pub upheld: Vec<String>,
    /// How many complaints were closed, upheld or not.
    pub complaints: u64,
    /// How many ratings of each level, the best first.
    pub ratings: [u64; 5],
    /// Minutes at which somebody sat where somebody should.
    pub presence: Option<Of>,
    /// Fields of published items that are there and agree.
    pub disclosure: Option<Of>,
    /// What the month before was given back at the floor of a part.
    pub carried: Vec<(Part, Points)>,
    /// Of a village point: its service, by which it is scored in place of the nine parts.
    pub service: Option<Service>,
}
