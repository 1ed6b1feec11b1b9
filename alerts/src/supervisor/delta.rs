//! What the supervisor answers: what became of a batch, and what changed on the screens.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use mingjing_monitor::audit;
use mingjing_monitor::store::StoreError;

use crate::card::{Grade, Ground, Kind};
use crate::order::Rung;
use crate::store::orders::About;

/// What became of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BatchOutcome {
    /// Newly stored.
    pub accepted: usize,
    /// Known already, with the same content.
    pub duplicate: usize,
    /// Refused.
    pub rejected: Vec<Rejection>,
}

/// One refused event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Index in the batch as it came.
    pub index: usize,
    /// The event's id.
    pub id: String,
    /// Its source.
    pub source: String,
    /// What, where and what to do.
    pub reason: String,
}

/// Something that changed and that a screen may show. Given out after the commit, never before.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Delta {
    /// A card is new or became firm.
    CardIssued {
        /// The card.
        id: i64,
        /// Code of the hall that bears it.
        hall: String,
    },
    /// A card changed.
    CardChanged {
        /// The card.
        id: i64,
        /// Code of the hall that bears it.
        hall: String,
    },
    /// Another hall or unit bears a card now: whoever saw it where it was sees it go.
    CardLeft {
        /// The card.
        id: i64,
        /// Code of the hall that bore it.
        hall: String,
        /// Code of the unit.
        unit: Option<String>,
        /// Number of the window.
        window: Option<String>,
    },
    /// A case changed.
    CaseChanged {
        /// Its number.
        no: String,
        /// Code of the hall that has it.
        hall: String,
    },
    /// A window was heard of.
    WindowChanged {
        /// Code of its hall.
        hall: String,
        /// Its number.
        no: String,
    },
    /// A source was heard of, or turned silent.
    SourceChanged {
        /// Its id.
        id: String,
    },
    /// A supervision order is new.
    OrderIssued {
        /// The order.
        id: i64,
        /// Code of its hall.
        hall: String,
    },
    /// A supervision order changed.
    OrderChanged {
        /// The order.
        id: i64,
        /// Code of its hall.
        hall: String,
    },
    /// Counts of the overview moved, or what is held back, acknowledged or under maintenance.
    OverviewChanged,
    /// Counts of the rankings moved.
    RankingChanged,
}

/// Deltas while they are gathered: each once.
#[derive(Debug, Default)]
pub(super) struct Deltas {
    all: BTreeSet<Delta>,
    since: Option<DateTime<Utc>>,
}

impl Deltas {
    pub(super) fn add(&mut self, delta: Delta) {
        self.all.insert(delta);
    }

    /// What counts in the scores from `since` on moved.
    pub(super) fn scores_from(&mut self, since: DateTime<Utc>) {
        self.add(Delta::RankingChanged);
        self.since = Some(self.since.map_or(since, |earlier| earlier.min(since)));
    }

    pub(super) fn extend(&mut self, mut others: Self) {
        self.all.append(&mut others.all);
        self.since = self.since.into_iter().chain(others.since).min();
    }

    /// From when on scores may have moved; `None`: they did not.
    pub(super) fn since(&self) -> Option<DateTime<Utc>> {
        self.since
    }

    /// All of them, cards first.
    pub(super) fn into_vec(self) -> Vec<Delta> {
        self.all.into_iter().collect()
    }
}

/// What a batch came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// For the sender.
    pub outcome: BatchOutcome,
    /// For the screens.
    pub deltas: Vec<Delta>,
}

/// Who acts on a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The account.
    pub account: i64,
    /// The person's name, as the history keeps it.
    pub who: String,
    /// The account's role.
    pub role: String,
    /// The same, and from where, for the audit log.
    pub trail: audit::Actor,
    /// When, by the wall clock: the audit log follows no replay.
    pub at: DateTime<Utc>,
}

/// What a person does to a card. Whether the card lies in the person's subtree is for the caller to have asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardAction {
    /// The card.
    pub card: i64,
    /// The revision that the person saw.
    pub revision: i32,
    /// The transition's name.
    pub action: String,
    /// Why.
    pub why: Option<String>,
    /// Of an appeal or a revocation: the exempting ground, where it is one.
    pub ground: Option<Ground>,
    /// Files that the person brought and that go with it.
    pub attachments: Vec<i64>,
    /// Who.
    pub actor: Actor,
}

/// What a person does to a supervision order. Whether it lies in the person's subtree is for the caller to have asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderAction {
    /// The order.
    pub order: i64,
    /// The revision that the person saw.
    pub revision: i32,
    /// The transition's name.
    pub action: String,
    /// Why; of feedback, what was found.
    pub why: Option<String>,
    /// Of feedback: whether the cause was an objective one.
    pub objective: Option<bool>,
    /// Of feedback: which measures were taken.
    pub measures: Option<String>,
    /// Files that the person brought and that go with it.
    pub attachments: Vec<i64>,
    /// Who.
    pub actor: Actor,
}

/// A supervision order that a person writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrder {
    /// To the hall's manager or the unit's head.
    pub to: Rung,
    /// Code of the hall.
    pub hall: String,
    /// Code of the unit.
    pub unit: Option<String>,
    /// Number of the window.
    pub window: Option<String>,
    /// What it is about.
    pub about: About,
    /// What it asks.
    pub text: String,
    /// Files that the person brought and that go with it.
    pub attachments: Vec<i64>,
    /// Who.
    pub actor: Actor,
}

/// A card that an inspector writes (`manual_card`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCard {
    /// How grave.
    pub grade: Grade,
    /// What kind of wrong.
    pub kind: Kind,
    /// Code of the hall that bears it.
    pub hall: String,
    /// Code of the unit.
    pub unit: Option<String>,
    /// Number of the window.
    pub window: Option<String>,
    /// The item.
    pub item: Option<String>,
    /// What it is about.
    pub about: About,
    /// What happened.
    pub sentence: String,
    /// Why it is issued.
    pub why: String,
    /// Files that the person brought and that go with it.
    pub attachments: Vec<i64>,
    /// Who.
    pub actor: Actor,
}

/// Why nothing was done to a card or an order.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// There is no such card or order.
    #[error("there is no {0}")]
    NotFound(i64),
    /// Somebody was faster.
    #[error("it has changed since you saw it (revision {seen}, now {now}): look at it again")]
    Conflict {
        /// The revision that the person saw.
        seen: i32,
        /// The revision that it has.
        now: i32,
    },
    /// The table has no such row.
    #[error("{action:?} cannot be done by {role} to a {grade} that is {state}")]
    NotAllowed {
        /// What was asked for.
        action: String,
        /// The role.
        role: String,
        /// The grade, or that it is an order.
        grade: &'static str,
        /// The state.
        state: &'static str,
    },
    /// A reason is missing.
    #[error("`why` is missing: {0:?} has to say why")]
    NeedsWhy(&'static str),
    /// Feedback is not whole.
    #[error(
        "feedback says what was found (`why`), which measures were taken (`measures`) and whether the cause was objective (`objective`)"
    )]
    NeedsFeedback,
    /// It is too late for an appeal.
    #[error("an appeal was to be made by {0}: reply instead")]
    TooLate(String),
    /// To whom an order cannot go.
    #[error("an order goes to a hall's manager, or to the head of the unit that it names")]
    Addressee,
    /// A file is not there, not the person's, or goes with something else already.
    #[error(
        "an attachment is not yours to attach, or goes with another step already: bring it again"
    )]
    Attachments,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}
