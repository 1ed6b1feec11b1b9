//! Supervision orders (督办单): their states, the ladder that they climb, and the one table of what may become of them.
//!
//! An order follows a card whose correction order stayed unanswered, or is written by hand: by an inspector, or as a leader's
//! instruction (批示). It stays open until its feedback is dealt with. As with cards ([`crate::card::TABLE`]), everything that
//! moves an order asks [`TABLE`]; what stands in no row cannot happen.

use serde::{Deserialize, Serialize};

use crate::card::Role;

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $( $(#[$doc:meta])* $variant:ident = $word:literal, )* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $( $(#[$doc])* $variant, )* }

        impl $name {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word of interface and database.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// Reads [`Self::as_str`].
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == word)
            }
        }
    };
}

words!(
    /// Where an order stands.
    State {
        /// 已发
        Issued = "issued",
        /// 签收
        Received = "received",
        /// 已反馈: feedback waits to be dealt with.
        Answered = "answered",
        /// 打回: the feedback did not convince; another one is due.
        Returned = "returned",
        /// 上报: nobody answered in time, and the next rung has it.
        Escalated = "escalated",
        /// 办结
        Closed = "closed",
        /// 撤销: taken back, or the card behind it was.
        Cancelled = "cancelled",
    }
);

words!(
    /// The rungs of the ladder, lowest first: who has the order now.
    Rung {
        /// 大厅负责人
        HallManager = "hall_manager",
        /// 单位负责人
        UnitHead = "unit_head",
        /// 监察员
        Inspector = "inspector",
        /// 纪检部门
        Commission = "commission",
    }
);

words!(
    /// Where an order comes from.
    Origin {
        /// A correction order stayed unanswered (R12).
        Unanswered = "unanswered",
        /// An inspector wrote it.
        Inspector = "inspector",
        /// 批示: a leader's instruction.
        Instruction = "instruction",
    }
);

impl State {
    /// Whether nothing is awaited from anybody.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Closed | Self::Cancelled)
    }

    /// Whether feedback is due.
    pub fn awaits_feedback(self) -> bool {
        matches!(
            self,
            Self::Issued | Self::Received | Self::Returned | Self::Escalated
        )
    }

    /// Who must act next on an order at this rung.
    pub fn holder(self, rung: Rung) -> Option<Role> {
        match self {
            Self::Closed | Self::Cancelled => None,
            Self::Answered if rung == Rung::Commission => Some(Role::Commission),
            Self::Answered => Some(Role::Inspector),
            _ => Some(rung.role()),
        }
    }
}

impl Rung {
    /// The role that stands on it.
    pub fn role(self) -> Role {
        match self {
            Self::HallManager => Role::HallManager,
            Self::UnitHead => Role::UnitHead,
            Self::Inspector => Role::Inspector,
            Self::Commission => Role::Commission,
        }
    }

    /// The next one. An order about no unit has no unit's head to go to.
    pub fn above(self, has_unit: bool) -> Option<Self> {
        match self {
            Self::HallManager if has_unit => Some(Self::UnitHead),
            Self::HallManager | Self::UnitHead => Some(Self::Inspector),
            Self::Inspector => Some(Self::Commission),
            Self::Commission => None,
        }
    }

    /// The rung that answers when an order is sent back down from here: those above give no feedback themselves.
    pub fn answering(self, has_unit: bool) -> Self {
        match self {
            Self::Inspector | Self::Commission if has_unit => Self::UnitHead,
            Self::Inspector | Self::Commission => Self::HallManager,
            rung => rung,
        }
    }
}

impl Origin {
    /// Where an order comes from that somebody of this role writes; `None`: the role writes none.
    pub fn of(role: Role) -> Option<Self> {
        match role {
            Role::System => Some(Self::Unanswered),
            Role::Inspector | Role::Commission => Some(Self::Inspector),
            Role::Leader => Some(Self::Instruction),
            Role::HallManager | Role::UnitHead => None,
        }
    }
}

/// What has to be said with a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// Why.
    Why,
    /// What was found, which measures were taken, and whether the cause was an objective one.
    Feedback,
}

/// Whose order it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// At any rung.
    Any,
    /// At the role's own rung.
    Mine,
    /// Addressed to the role's rung or one below it, and by now at the role's rung or one above: whoever had it may still
    /// answer after it went up, and nobody answers before it comes to them.
    Own,
    /// Not yet at the top.
    BelowTop,
    /// Answered, or gone up to whoever decides: at the top only the top decides.
    Decided,
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// Its name, in the history and in `POST /api/v1/orders/{id}/{action}`.
    pub name: &'static str,
    /// From any of these states; empty: a new order.
    pub from: &'static [State],
    /// To this one.
    pub to: State,
    /// By any of these roles.
    pub by: &'static [Role],
    /// What has to be said.
    pub needs: Needs,
    /// Whose order it must be.
    pub at: At,
}

use Role::{Commission, HallManager, Inspector, Leader, System, UnitHead};
use State::{Answered, Cancelled, Closed, Escalated, Issued, Received, Returned};

const AWAITING: &[State] = &[Issued, Received, Returned, Escalated];
const OPEN: &[State] = &[Issued, Received, Answered, Returned, Escalated];

const fn row(
    name: &'static str,
    from: &'static [State],
    to: State,
    by: &'static [Role],
    needs: Needs,
    at: At,
) -> Transition {
    Transition {
        name,
        from,
        to,
        by,
        needs,
        at,
    }
}

/// Every transition there is (domain.md section 5).
pub const TABLE: &[Transition] = &[
    row(
        "issue",
        &[],
        Issued,
        &[System, Inspector, Commission, Leader],
        Needs::Why,
        At::Any,
    ),
    row(
        "receive",
        &[Issued, Returned, Escalated],
        Received,
        &[HallManager, UnitHead],
        Needs::Nothing,
        At::Mine,
    ),
    row(
        "answer",
        AWAITING,
        Answered,
        &[HallManager, UnitHead],
        Needs::Feedback,
        At::Own,
    ),
    // By time: unanswered.
    row(
        "escalate",
        AWAITING,
        Escalated,
        &[System],
        Needs::Why,
        At::BelowTop,
    ),
    // Or by hand, before its time.
    row(
        "escalate",
        AWAITING,
        Escalated,
        &[Inspector],
        Needs::Why,
        At::BelowTop,
    ),
    // Sent back: the feedback does not convince, or whoever it went up to sends it down again.
    row(
        "return",
        &[Answered, Escalated],
        Returned,
        &[Inspector, Commission],
        Needs::Why,
        At::Decided,
    ),
    row(
        "close",
        &[Answered, Escalated],
        Closed,
        &[Inspector, Commission],
        Needs::Why,
        At::Decided,
    ),
    row(
        "cancel",
        OPEN,
        Cancelled,
        &[System, Inspector, Commission],
        Needs::Why,
        At::Any,
    ),
];

/// What decides beside the table which transitions an order has: where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Its state.
    pub state: State,
    /// Who has it now.
    pub rung: Rung,
    /// To whom it was written.
    pub addressee: Rung,
}

impl Transition {
    fn leads_on(&self, order: Standing, role: Role) -> bool {
        let own = |rung: &&Rung| rung.role() == role;
        let own = Rung::ALL.iter().find(own);
        let fits = match self.at {
            At::Any => true,
            At::Mine => order.rung.role() == role,
            At::Own => own.is_some_and(|own| (order.addressee..=order.rung).contains(own)),
            At::BelowTop => order.rung != Rung::Commission,
            At::Decided => match order.rung {
                Rung::Commission => role == Commission,
                Rung::Inspector => true,
                Rung::HallManager | Rung::UnitHead => order.state == Answered,
            },
        };
        fits && self.from.contains(&order.state) && self.by.contains(&role)
    }
}

/// The rows that lead on from where an order stands, for somebody of this role.
pub fn transitions(order: Standing, role: Role) -> impl Iterator<Item = &'static Transition> {
    TABLE.iter().filter(move |row| row.leads_on(order, role))
}

/// The row called `name` that leads on from there for this role.
pub fn transition(name: &str, order: Standing, role: Role) -> Option<&'static Transition> {
    transitions(order, role).find(|row| row.name == name)
}

#[cfg(test)]
mod tests;
