//! Events as sources send them: what happened to a case, a complaint, a window, a hall or a source.
//!
//! An event comes in as a CloudEvent ([`CaseEvent::from_cloudevent`]) and is kept as this type. Its place among the other
//! events of its case is its [`OrderKey`]; its content is told apart by [`CaseEvent::content_hash`].

mod data;
mod hash;
mod parse;

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use data::*;
pub use parse::EventError;

/// Who sent an event and under which id: the identity of an event, for ever.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventRef {
    /// The source, as in the CloudEvent, e.g. `//approval.county`.
    pub source: String,
    /// The id that the source gave it.
    pub id: String,
}

/// One event, checked and normalised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseEvent {
    /// The system that sent it.
    pub source: String,
    /// Its id inside the source.
    pub id: String,
    /// The number of the case (`case.*`) or complaint (`complaint.*`); `None` for what is about neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_no: Option<String>,
    /// When it happened, by the source's word.
    pub time: DateTime<Utc>,
    /// Whether the source knows only the date; `time` is then the start of that day in the county's time zone, and the
    /// event never raises an anomaly of order or backdating.
    #[serde(default)]
    pub date_only: bool,
    /// The source's own counter; orders events of the same instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<i64>,
    /// The earlier event of the same source that this one corrects; the corrected one leaves the fold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// When we received it: our stamp, not the sender's.
    pub received: DateTime<Utc>,
    /// Whether it came with an `--initial-load` token: history that counts as received when it happened.
    #[serde(default)]
    pub initial_load: bool,
    /// Where and about what: the fields that every kind of event may carry.
    #[serde(default)]
    pub place: Place,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// The place of an event in its case: event time, then the source's sequence, then life-cycle rank, then source and id.
///
/// An event without a sequence number comes before those of the same instant that have one, so that the order is total.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OrderKey {
    /// Event time.
    pub time: DateTime<Utc>,
    /// The source's own sequence number.
    pub seq: Option<i64>,
    /// Life-cycle rank, see [`EventKind::rank`].
    pub rank: u8,
    /// Source.
    pub source: String,
    /// Id.
    pub id: String,
}

impl CaseEvent {
    /// Whether it is about a case (`case.*`), and so part of a fold.
    pub fn is_about_case(&self) -> bool {
        self.kind.type_name().starts_with("case.")
    }

    /// Whether it is about a complaint (`complaint.*`).
    pub fn is_about_complaint(&self) -> bool {
        self.kind.type_name().starts_with("complaint.")
    }

    /// Whether it tells of the service of a hall: that it is open, that its terminal is up, whom it helped.
    pub fn is_about_service(&self) -> bool {
        matches!(
            self.kind,
            EventKind::HallOpened
                | EventKind::HallClosed
                | EventKind::TerminalUp(_)
                | EventKind::Assisted(_)
        )
    }

    /// Its identity.
    pub fn identity(&self) -> EventRef {
        EventRef {
            source: self.source.clone(),
            id: self.id.clone(),
        }
    }

    /// Its place in the order of its case.
    pub fn order_key(&self) -> OrderKey {
        OrderKey {
            time: self.time,
            seq: self.seq,
            rank: self.kind.rank(),
            source: self.source.clone(),
            id: self.id.clone(),
        }
    }

    /// Compares by [`OrderKey`] without making one.
    pub fn cmp_order(&self, other: &Self) -> Ordering {
        let key = |event: &Self| (event.time, event.seq, event.kind.rank());
        key(self)
            .cmp(&key(other))
            .then_with(|| self.source.cmp(&other.source))
            .then_with(|| self.id.cmp(&other.id))
    }
}
