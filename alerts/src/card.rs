//! Cards (蓝牌, 预警, 黄牌, 红牌): their grades and states, and the one table of what may become of them.
//!
//! Everything that moves a card asks [`TABLE`]: the supervisor, the buttons of the pages, the tests. What stands in no row
//! cannot happen.

use serde::{Deserialize, Serialize};

/// How grave a card is, lightest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// 蓝牌提醒
    Notice,
    /// 预警: clears by itself, cannot be appealed.
    Warning,
    /// 黄牌
    YellowCard,
    /// 红牌
    RedCard,
}

impl Grade {
    /// The word of interface and database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::YellowCard => "yellow_card",
            Self::RedCard => "red_card",
        }
    }

    /// Reads [`Grade::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Notice, Self::Warning, Self::YellowCard, Self::RedCard]
            .into_iter()
            .find(|grade| grade.as_str() == word)
    }

    /// Whether it is a card proper: it asks for an answer, counts in the score, and only evidence or a person removes it.
    pub fn is_card(self) -> bool {
        self >= Self::YellowCard
    }
}

/// What kind of wrong a card is about (domain.md section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// 时效
    Timeliness,
    /// 流程
    Process,
    /// 内容
    Content,
    /// 裁量(收费)
    Discretion,
    /// 行为(视频)
    Conduct,
    /// 投诉
    Complaint,
    /// 数据
    Data,
}

impl Kind {
    /// The word of interface and database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Timeliness => "timeliness",
            Self::Process => "process",
            Self::Content => "content",
            Self::Discretion => "discretion",
            Self::Conduct => "conduct",
            Self::Complaint => "complaint",
            Self::Data => "data",
        }
    }
}

macro_rules! states {
    ($( $(#[$doc:meta])* $variant:ident = $word:literal; )*) => {
        /// Where a card stands.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum State { $( $(#[$doc])* $variant, )* }

        impl State {
            /// Every state.
            pub const ALL: &'static [State] = &[$(State::$variant),*];

            /// The word of interface and database.
            pub fn as_str(self) -> &'static str {
                match self { $(State::$variant => $word,)* }
            }

            /// Reads [`State::as_str`].
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|state| state.as_str() == word)
            }
        }
    };
}

states! {
    /// 暂定: shown, neither counted nor sent, until the source is complete past the due instant.
    Provisional = "provisional";
    /// 待发: waits for a person to issue it.
    Pending = "pending";
    /// 待核实: seen by a camera, and a person has to look before it counts.
    Unconfirmed = "unconfirmed";
    /// 已发: it counts, and an answer is due.
    Issued = "issued";
    /// 签收
    Received = "received";
    /// 已反馈
    Answered = "answered";
    /// 申诉中: an appeal waits for its decision. It counts as an answer.
    Appealed = "appealed";
    /// 打回: the answer did not convince; another one is due.
    Returned = "returned";
    /// 上报: the appeal is decided one step higher.
    Referred = "referred";
    /// 存疑: evidence came after the card was firm; an inspector decides.
    Contested = "contested";
    /// 并入: another card on the same cause stands above it.
    Superseded = "superseded";
    /// 凭证撤回: evidence showed in time that it should not be. Never deleted.
    Withdrawn = "withdrawn";
    /// 解除: a warning whose reason is gone.
    Cleared = "cleared";
    /// 撤牌: revoked by a person; the score is restored.
    Revoked = "revoked";
    /// 取消: cancelled before it was signed for.
    Cancelled = "cancelled";
    /// 不予认定: a person looked, and it is not what the camera took it for.
    Dismissed = "dismissed";
    /// 办结
    Closed = "closed";
}

impl State {
    /// Whether the matter is over: nothing is awaited from anybody.
    pub fn is_over(self) -> bool {
        matches!(
            self,
            Self::Superseded
                | Self::Withdrawn
                | Self::Cleared
                | Self::Revoked
                | Self::Cancelled
                | Self::Dismissed
                | Self::Closed
        )
    }

    /// Whether the card stands: firm, and neither over nor under another one.
    pub fn stands(self) -> bool {
        !self.is_over() && !self.awaits_issue() && self != Self::Provisional
    }

    /// Whether it waits for a person before it goes out.
    pub fn awaits_issue(self) -> bool {
        matches!(self, Self::Pending | Self::Unconfirmed)
    }

    /// Whether a card in this state weighs upon its cause: firm, and not taken back. A closed card still does.
    pub fn weighs(self) -> bool {
        self.stands() || self == Self::Closed
    }

    /// Who must act next on a card of this grade. What asks for no answer is done with once it is signed for.
    pub fn holder(self, grade: Grade) -> Option<Role> {
        match self {
            Self::Issued => Some(Role::HallManager),
            Self::Received | Self::Returned if grade.is_card() => Some(Role::HallManager),
            Self::Pending
            | Self::Unconfirmed
            | Self::Answered
            | Self::Appealed
            | Self::Contested => Some(Role::Inspector),
            Self::Referred => Some(Role::Commission),
            _ => None,
        }
    }
}

/// Who may do a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// By rule, by time, by evidence.
    System,
    /// 监察员
    Inspector,
    /// 纪检部门, the top of the ladder.
    Commission,
    /// 大厅负责人, of the hall that bears the card.
    HallManager,
    /// 首席代表, of the unit that bears the card.
    UnitHead,
    /// 领导: instructs by supervision orders, and does nothing to cards.
    Leader,
}

/// What exempts from a card, named with an appeal or a revocation (domain.md section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ground {
    /// 虚假材料: the applicant's papers were false.
    FalseMaterials,
    /// 不可抗力
    ForceMajeure,
    /// 自行纠正: put right before it did harm.
    SelfCorrection,
}

impl Ground {
    /// The word of interface and database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FalseMaterials => "false_materials",
            Self::ForceMajeure => "force_majeure",
            Self::SelfCorrection => "self_correction",
        }
    }
}

impl Role {
    /// The word of interface and database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Inspector => "inspector",
            Self::Commission => "commission",
            Self::HallManager => "hall_manager",
            Self::UnitHead => "unit_head",
            Self::Leader => "leader",
        }
    }

    /// The role of an account, if accounts of that role ever act on cards or orders.
    pub fn of_account(word: &str) -> Option<Self> {
        [
            Self::Inspector,
            Self::Commission,
            Self::HallManager,
            Self::UnitHead,
            Self::Leader,
        ]
        .into_iter()
        .find(|role| role.as_str() == word)
    }
}

/// Where a transition leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// To this state.
    To(State),
    /// Back to where it stood before it came to the present state. The history tells; the row's states say what is possible.
    Back(&'static [State]),
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// Its name, in the history and in `POST /api/v1/cards/{id}/{action}`.
    pub name: &'static str,
    /// From any of these states; empty: a new card.
    pub from: &'static [State],
    /// To where.
    pub to: Target,
    /// By any of these roles.
    pub by: &'static [Role],
    /// Whether it must be said why.
    pub needs_why: bool,
    /// The grades it is for.
    pub grades: Grades,
}

/// Which grades a transition is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grades {
    /// Every grade.
    Any,
    /// Notices and warnings.
    Light,
    /// Yellow and red cards.
    Cards,
}

impl Grades {
    /// Whether `grade` is one of them.
    pub fn hold(self, grade: Grade) -> bool {
        match self {
            Self::Any => true,
            Self::Light => !grade.is_card(),
            Self::Cards => grade.is_card(),
        }
    }
}

use Role::{Commission, HallManager, Inspector, System, UnitHead};
use State::{
    Answered, Appealed, Cancelled, Cleared, Closed, Contested, Dismissed, Issued, Pending,
    Provisional, Received, Referred, Returned, Revoked, Superseded, Unconfirmed, Withdrawn,
};
use Target::{Back, To};

const FIRM: &[State] = &[
    Issued, Received, Answered, Appealed, Returned, Referred, Closed,
];
const BEFORE_SUPERSEDED: &[State] = &[
    Issued, Received, Answered, Appealed, Returned, Referred, Contested,
];
const DECIDERS: &[Role] = &[Inspector, Commission];
const ANSWERERS: &[Role] = &[HallManager, UnitHead];

/// A row in one line.
const fn row(
    name: &'static str,
    from: &'static [State],
    to: Target,
    by: &'static [Role],
    needs_why: bool,
    grades: Grades,
) -> Transition {
    Transition {
        name,
        from,
        to,
        by,
        needs_why,
        grades,
    }
}

/// Every transition there is (domain.md section 5).
pub const TABLE: &[Transition] = &[
    // By rule.
    row(
        "propose",
        &[],
        To(Provisional),
        &[System],
        false,
        Grades::Any,
    ),
    // Where the profile leaves issuing to people.
    row("prepare", &[], To(Pending), &[System], false, Grades::Cards),
    row(
        "prepare",
        &[Provisional],
        To(Pending),
        &[System],
        false,
        Grades::Cards,
    ),
    // What only a camera saw waits for a person.
    row(
        "detect",
        &[],
        To(Unconfirmed),
        &[System],
        false,
        Grades::Cards,
    ),
    row(
        "detect",
        &[Provisional],
        To(Unconfirmed),
        &[System],
        false,
        Grades::Cards,
    ),
    row(
        "issue",
        &[],
        To(Issued),
        &[System, Inspector],
        false,
        Grades::Any,
    ),
    row(
        "issue",
        &[Provisional],
        To(Issued),
        &[System],
        false,
        Grades::Any,
    ),
    row(
        "issue",
        &[Pending],
        To(Issued),
        DECIDERS,
        false,
        Grades::Cards,
    ),
    row(
        "supersede",
        BEFORE_SUPERSEDED,
        To(Superseded),
        &[System],
        false,
        Grades::Cards,
    ),
    row(
        "revive",
        &[Superseded],
        Back(BEFORE_SUPERSEDED),
        &[System],
        false,
        Grades::Cards,
    ),
    row(
        "clear",
        &[Provisional, Issued, Received],
        To(Cleared),
        &[System],
        false,
        Grades::Light,
    ),
    // By evidence.
    row(
        "withdraw",
        &[Provisional],
        To(Withdrawn),
        &[System],
        true,
        Grades::Any,
    ),
    row(
        "withdraw",
        &[Pending, Unconfirmed],
        To(Withdrawn),
        &[System],
        true,
        Grades::Cards,
    ),
    row(
        "withdraw",
        FIRM,
        To(Withdrawn),
        &[System],
        true,
        Grades::Cards,
    ),
    row(
        "withdraw",
        &[Contested, Superseded],
        To(Withdrawn),
        &[System],
        true,
        Grades::Cards,
    ),
    row(
        "contest",
        FIRM,
        To(Contested),
        &[System],
        true,
        Grades::Cards,
    ),
    row(
        "restore",
        &[Contested],
        Back(FIRM),
        &[System],
        true,
        Grades::Cards,
    ),
    // Another hall or unit bears it, as is known now: whoever signed and answered was not the one.
    row("transfer", FIRM, To(Issued), &[System], true, Grades::Any),
    row(
        "reinstate",
        &[Withdrawn],
        To(Provisional),
        &[System],
        true,
        Grades::Any,
    ),
    row(
        "reinstate",
        &[Cleared],
        To(Provisional),
        &[System],
        true,
        Grades::Light,
    ),
    // By people.
    row(
        "confirm",
        &[Unconfirmed],
        To(Issued),
        DECIDERS,
        false,
        Grades::Cards,
    ),
    row(
        "dismiss",
        &[Unconfirmed],
        To(Dismissed),
        DECIDERS,
        true,
        Grades::Cards,
    ),
    row(
        "cancel",
        &[Pending, Issued],
        To(Cancelled),
        DECIDERS,
        true,
        Grades::Any,
    ),
    row(
        "receive",
        &[Issued],
        To(Received),
        ANSWERERS,
        false,
        Grades::Any,
    ),
    row(
        "reply",
        &[Issued, Received, Returned],
        To(Answered),
        ANSWERERS,
        true,
        Grades::Cards,
    ),
    row(
        "review",
        &[Answered],
        To(Closed),
        DECIDERS,
        true,
        Grades::Cards,
    ),
    row(
        "return",
        &[Answered, Appealed, Referred],
        To(Returned),
        DECIDERS,
        true,
        Grades::Cards,
    ),
    row(
        "appeal",
        &[Issued, Received, Answered, Returned],
        To(Appealed),
        ANSWERERS,
        true,
        Grades::Cards,
    ),
    row(
        "refer",
        &[Appealed],
        To(Referred),
        // By time, when nobody decided.
        &[System, Inspector],
        true,
        Grades::Cards,
    ),
    row(
        "revoke",
        &[
            Issued, Received, Answered, Appealed, Returned, Contested, Closed,
        ],
        To(Revoked),
        DECIDERS,
        true,
        Grades::Cards,
    ),
    row(
        "revoke",
        &[Referred],
        To(Revoked),
        &[Commission],
        true,
        Grades::Cards,
    ),
    row(
        "uphold",
        &[Contested],
        Back(FIRM),
        DECIDERS,
        true,
        Grades::Cards,
    ),
    row(
        "close",
        &[Issued, Received, Returned],
        To(Closed),
        DECIDERS,
        true,
        Grades::Cards,
    ),
];

/// The rows that lead on from `state` for a card of this grade and somebody of this role.
pub fn transitions(
    state: State,
    grade: Grade,
    role: Role,
) -> impl Iterator<Item = &'static Transition> {
    TABLE.iter().filter(move |row| {
        row.from.contains(&state) && row.grades.hold(grade) && row.by.contains(&role)
    })
}

/// The row called `name` that leads on from `state` (or begins a card, for `None`) for this grade and role.
pub fn transition(
    name: &str,
    state: Option<State>,
    grade: Grade,
    role: Role,
) -> Option<&'static Transition> {
    TABLE.iter().find(|row| {
        let from = match state {
            None => row.from.is_empty(),
            Some(state) => row.from.contains(&state),
        };
        row.name == name && from && row.grades.hold(grade) && row.by.contains(&role)
    })
}

impl Transition {
    /// The state it leads to. `former`: where the card stood before its present state, for a transition that leads back.
    pub fn target(&self, former: Option<State>) -> State {
        match self.to {
            To(state) => state,
            // The history of a card that stands here names one of them; the first is where every card begins.
            Back(possible) => former
                .filter(|state| possible.contains(state))
                .unwrap_or(possible[0]),
        }
    }
}

#[cfg(test)]
mod tests;
