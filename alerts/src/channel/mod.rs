//! Channels (渠道): what goes out of the console to people and programs, and how each service wants it.
//!
//! Everything here is pure, with `now` as an argument. A [`Notice`] is what a transaction has to say; [`text`] words it,
//! [`body`] packs it as a service wants it, [`answer`] reads what the service says to it, [`retry`] and [`plan`] decide what
//! goes out when. The queue is `store::deliveries`; the connections are made by the console.

pub mod answer;
pub mod body;
pub mod plan;
pub mod retry;
pub mod settings;
pub mod text;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use settings::{Secrets, Settings};

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The word of interface and database.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// Reads [`Self::as_str`].
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|it| it.as_str() == word)
            }
        }
    };
}
use words;

words!(
    /// What a channel speaks.
    Kind {
        /// 短信, by a gateway over HTTP.
        Sms = "sms",
        /// 邮件, by SMTP.
        Mail = "mail",
        /// 企业微信群机器人
        Wecom = "wecom",
        /// 钉钉群机器人
        Dingtalk = "dingtalk",
        /// A program of the county's own, by signed HTTP.
        Webhook = "webhook",
    }
);

impl Kind {
    /// Whether the channel itself is the receiver (a group, a program), and not whoever subscribes.
    pub fn is_shared(self) -> bool {
        matches!(self, Self::Wecom | Self::Dingtalk | Self::Webhook)
    }

    /// Messages a minute: the default, and for the robots what their services refuse beyond.
    pub fn per_minute(self) -> u32 {
        match self {
            Self::Wecom | Self::Dingtalk => 20,
            Self::Sms | Self::Mail | Self::Webhook => 60,
        }
    }

    /// The most that may be set.
    pub fn most_per_minute(self) -> u32 {
        match self {
            Self::Wecom | Self::Dingtalk => 20,
            Self::Sms | Self::Mail | Self::Webhook => 600,
        }
    }
}

words!(
    /// In which language somebody is written to.
    Language {
        /// 中文
        Zh = "zh",
        /// English
        En = "en",
    }
);

words!(
    /// What a notice is about.
    About {
        /// A card.
        Card = "card",
        /// A correction or supervision order.
        Order = "order",
        /// A case, to its applicant.
        Case = "case",
        /// A bulletin.
        Bulletin = "bulletin",
    }
);

words!(
    /// What happened to it.
    What {
        /// It was issued.
        Issued = "issued",
        /// It stands again: the card above it was taken back, or evidence found it again.
        Reinstated = "reinstated",
        /// It came over from another hall or unit, as evidence shows: it is to be answered here.
        Assigned = "assigned",
        /// Another hall or unit bears it now.
        Left = "left",
        /// Evidence that came when it was firm speaks against it: an inspector decides.
        Contested = "contested",
        /// Its answer was sent back, another one is due.
        Returned = "returned",
        /// Nobody answered it in time: the next rung of the ladder has it.
        Escalated = "escalated",
        /// Its answer falls due by the next workday.
        AnswerDue = "answer_due",
        /// Evidence took it back.
        Withdrawn = "withdrawn",
        /// A person took it back.
        Revoked = "revoked",
        /// It was cancelled before anybody signed for it.
        Cancelled = "cancelled",
        /// The case was accepted.
        Accepted = "accepted",
        /// A step of the case was done.
        Step = "step",
        /// The case was decided.
        Completed = "completed",
        /// It was published.
        Published = "published",
    }
);

impl What {
    /// Whether it takes something back: told to whoever was told of it, whatever they subscribe to now.
    pub fn takes_back(self) -> bool {
        matches!(self, Self::Withdrawn | Self::Revoked | Self::Cancelled)
    }

    /// Whether it asks for an answer, by a day that is worth saying.
    pub fn asks(self) -> bool {
        !self.takes_back() && !matches!(self, Self::Left | Self::Contested | Self::Published)
    }

    /// What the transition of a card is to those outside; `None`: nothing is said.
    pub fn of_transition(transition: &str) -> Option<Self> {
        match transition {
            "issue" | "confirm" => Some(Self::Issued),
            "revive" | "restore" | "uphold" => Some(Self::Reinstated),
            "contest" => Some(Self::Contested),
            "transfer" => Some(Self::Assigned),
            "return" => Some(Self::Returned),
            "withdraw" => Some(Self::Withdrawn),
            "revoke" => Some(Self::Revoked),
            "cancel" => Some(Self::Cancelled),
            "escalate" => Some(Self::Escalated),
            _ => None,
        }
    }
}

/// Something to say to whoever wants to hear of it. Handed to `store::deliveries::announce` in the transaction in which it
/// happens: a crash neither loses nor doubles it. Cards, orders and cases say it the same way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// Tells it from every other one, for ever: nothing is sent twice under one key (`card/17/issued/3`).
    pub key: String,
    /// What it is about.
    pub about: About,
    /// Its number.
    pub subject: String,
    /// What happened.
    pub what: What,
    /// When.
    pub at: DateTime<Utc>,
    /// Code of the hall that bears it.
    pub hall: String,
    /// Code of the unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// How grave; by it subscribers choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<crate::card::Grade>,
    /// The rule; by it subscribers choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_no: Option<String>,
    /// What happened, in one sentence; for a step, its name.
    pub sentence_zh: String,
    /// In English.
    pub sentence_en: String,
    /// By when an answer is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<DateTime<Utc>>,
    /// The county is in its trial run: nothing is sent, and the log says so.
    pub trial: bool,
    /// To an applicant: their number, masked. The number itself is read from the case when the message goes out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applicant: Option<String>,
    /// Of what [left](What::Left): code of the hall that bears it now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_hall: Option<String>,
    /// And of the unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_unit: Option<String>,
}
