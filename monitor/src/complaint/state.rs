//! What is known of a complaint: plain data, stored as JSON beside it and advanced event by event.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::case::Moment;
use crate::event::{EventRef, OrderKey};

/// Where a complaint stands.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum ComplaintStatus {
    /// Heard of, but not of its receipt.
    #[default]
    Unknown,
    /// Came in; to be accepted or refused.
    Received,
    /// Refused, with a reason.
    Refused,
    /// Accepted; to be handled and answered.
    Accepted,
    /// Somebody handles it: the hall itself, or whom it was assigned or transferred to.
    Handling,
    /// The complainant has the answer.
    Replied,
    /// The complainant was asked whether the answer will do.
    CalledBack,
    /// Over.
    Closed,
}

impl ComplaintStatus {
    /// The word that lists and interfaces use, e.g. `called_back`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Received => "received",
            Self::Refused => "refused",
            Self::Accepted => "accepted",
            Self::Handling => "handling",
            Self::Replied => "replied",
            Self::CalledBack => "called_back",
            Self::Closed => "closed",
        }
    }

    /// Whether nothing more is awaited.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Refused | Self::Closed)
    }
}

/// Who handles it, from when on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handling {
    /// Since when.
    pub at: Moment,
    /// `self`, `assigned` or `transferred`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// To whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// Its one extension, cut to what the rules allow only when the clock is computed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extended {
    /// When it was decided.
    pub at: Moment,
    /// By how many workdays, as declared.
    pub days: u32,
    /// The written notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
}

/// Which contradiction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contradiction {
    /// Received twice; the first counts.
    ReceivedTwice,
    /// Accepted twice, or accepted and refused; the first counts.
    DecidedTwice,
    /// Accepted, refused, handled or answered before it came in.
    BeforeReceived,
    /// Handled or answered without having been accepted, or after it was refused.
    NotAccepted,
    /// Extended more than once; the first counts.
    ExtendedTwice,
    /// Extended after it was answered.
    ExtendedTooLate,
    /// Called back without an answer.
    CalledBackUnanswered,
    /// Something after it was closed.
    AfterClosed,
}

/// Facts that contradict each other: kept and shown, never mended in silence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Contradicted {
    /// What kind.
    pub kind: Contradiction,
    /// The event that brought it to light.
    pub event: EventRef,
}

/// Everything that the events of one complaint add up to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ComplaintFold {
    /// Its number.
    pub no: String,
    /// The source of the first event.
    pub source: String,
    /// Hall that accepted it; until then the hall of the first event.
    pub hall: String,
    /// Unit that accepted it; until then the first named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Window that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
    /// Item that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// `infringement`, `irregularity` or `consultation`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// How it came in: `web`, `phone`, `leader_mailbox`, `village_point`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The case that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// Where it stands, by the events alone.
    pub status: ComplaintStatus,
    /// When it came in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received: Option<Moment>,
    /// When it was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Moment>,
    /// When it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<Moment>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who handled it, one after another.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub handling: Vec<Handling>,
    /// Its extension.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extension: Option<Extended>,
    /// When the complainant was first answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replied: Option<Moment>,
    /// When the complainant was called back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub called_back: Option<Moment>,
    /// When it was closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed: Option<Moment>,
    /// Whether it was upheld: the last word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upheld: Option<bool>,
    /// What contradicts itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contradictions: Vec<Contradicted>,
    /// Events that others correct: they leave the fold.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub replaced: BTreeSet<EventRef>,
    /// The place of the last event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<OrderKey>,
    /// How many events it is made of.
    pub events: u32,
}

impl ComplaintFold {
    /// Whether it is a consultation (咨询): somebody asks, nobody is accused. Its clocks are the same.
    pub fn is_consultation(&self) -> bool {
        self.kind.as_deref() == Some("consultation")
    }

    /// When it came in, as far as that is known.
    pub fn opened_at(&self) -> Option<chrono::DateTime<chrono::Utc>> {
        let first = self.received.as_ref().or(self.accepted.as_ref());
        first
            .map(|moment| moment.at)
            .or(self.last.as_ref().map(|last| last.time))
    }

    /// When acceptance was decided, one way or the other. Handling or answering it decides it too.
    pub fn taken_up(&self) -> Option<&Moment> {
        let first_handled = self.handling.first().map(|handling| &handling.at);
        [
            self.accepted.as_ref(),
            self.refused.as_ref(),
            first_handled,
            self.replied.as_ref(),
            self.closed.as_ref(),
        ]
        .into_iter()
        .flatten()
        .min_by_key(|moment| moment.at)
    }

    /// When it was finished: answered, refused or closed, whichever came first.
    pub fn finished(&self) -> Option<&Moment> {
        [
            self.replied.as_ref(),
            self.refused.as_ref(),
            self.closed.as_ref(),
        ]
        .into_iter()
        .flatten()
        .min_by_key(|moment| moment.at)
    }
}

impl ComplaintFold {
    /// When it was closed with a word on whether it was upheld.
    pub fn decided_at(&self) -> Option<DateTime<Utc>> {
        self.upheld?;
        self.closed.as_ref().map(|moment| moment.at)
    }
}
