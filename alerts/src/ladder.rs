//! R12: what follows when an answer that was due does not come (domain.md sections 4 and 5).
//!
//! A correction order is answered within the workdays that the profile gives its card's grade. Unanswered, a yellow card is
//! followed by the next grade, a red card under R12; a red card by a supervision order to the hall's manager, which climbs the
//! ladder a rung for every answer that stays out. The R12 card has a cause of its own: not answering is another wrong than the
//! one that was asked about, and each counts where it belongs.

use chrono::{DateTime, Utc};
use mingjing_monitor::calendar::Calendar;
use mingjing_monitor::clock::{Clock, Mode};
use mingjing_monitor::limit::Limit;

use crate::card::{Grade, State};
use crate::order::Rung;
use crate::profile::RuleSet;
use crate::rules::Sentence;
use crate::store::cards::CardRecord;

/// The end of so many workdays, the first of them the day after `from`.
pub fn workdays_after(calendar: &Calendar, from: DateTime<Utc>, days: u32) -> DateTime<Utc> {
    let clock = Clock::new(calendar, Mode::Day, from, []);
    clock.by_limit(Limit::workdays(days), 0).due
}

/// Until when a card may be appealed against; `None`: it has not gone out.
pub fn appeal_until(
    calendar: &Calendar,
    rules: &RuleSet,
    issued_at: Option<DateTime<Utc>>,
) -> Option<DateTime<Utc>> {
    issued_at.map(|issued| workdays_after(calendar, issued, rules.r12.appeal.get()))
}

/// What follows an unanswered correction order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follows {
    /// A card of the next grade.
    Card(Grade),
    /// A supervision order.
    Order(Rung),
}

impl Follows {
    /// After this card.
    pub fn after(card: &CardRecord) -> Self {
        match card.grade {
            Grade::RedCard => Self::Order(Rung::HallManager),
            Grade::Notice | Grade::Warning | Grade::YellowCard => Self::Card(Grade::RedCard),
        }
    }
}

/// Whether an answer to a card in this state is due, and its clock runs.
pub fn awaits_answer(state: State, grade: Grade) -> bool {
    grade.is_card() && matches!(state, State::Issued | State::Received | State::Returned)
}

/// What is wrong when nobody answered: of the card, of the order that follows it.
pub fn unanswered(card: &CardRecord, due: DateTime<Utc>, calendar: &Calendar) -> Sentence {
    let (zh, en) = match card.grade {
        Grade::RedCard => ("红牌", "red card"),
        _ => ("黄牌", "yellow card"),
    };
    let day = due.with_timezone(&calendar.zone).format("%Y-%m-%d %H:%M");
    Sentence {
        zh: format!("{zh} {} 的纠错通知应于 {day} 前答复，逾期未答复", card.id),
        en: format!(
            "The correction order of {en} {} was to be answered by {day} and was not",
            card.id
        ),
    }
}

/// The cause of what follows a card that nobody answered.
pub fn cause(card: i64) -> String {
    format!("R12:card:{card}")
}

/// What follows once, however often it is found: the card and the answer that was due.
pub fn cause_key(card: i64, due: DateTime<Utc>) -> String {
    format!("{}:{}", cause(card), due.timestamp())
}
