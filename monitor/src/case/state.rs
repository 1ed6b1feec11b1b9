//! What is known of a case: plain data, stored as JSON beside the case and advanced event by event.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Prior;
use crate::event::{Applicant, EventRef, Extends, OrderKey, RatingGrade, Yuan};
use crate::item::HandlingKind;
use crate::limit::Limit;

/// When something happened, and since when we know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// When it happened, by the source's word.
    pub at: DateTime<Utc>,
    /// Whether the source knows only the date.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub date_only: bool,
    /// When we received the word. For history loaded with an `--initial-load` token this is `at` itself.
    pub received: DateTime<Utc>,
}

/// Where a case stands in its life.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum CaseStatus {
    /// Known, but neither applied for nor accepted as far as we heard.
    #[default]
    Unknown,
    /// Applied for, not yet accepted.
    Applied,
    /// More was asked of the applicant.
    Supplement,
    /// Accepted: the clock runs.
    Accepted,
    /// A special procedure was begun and no event has ended it. Whether it stops the clock, and until when, is for
    /// `CaseClock` to say.
    Suspended,
    /// Decided.
    Completed,
    /// Decided against the applicant.
    Refused,
    /// Taken back by the applicant.
    Withdrawn,
    /// Voided by the hall.
    Voided,
}

impl CaseStatus {
    /// Whether the case is over: the clock has stopped for good.
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Refused | Self::Withdrawn | Self::Voided
        )
    }

    /// The word that lists and interfaces use, e.g. `accepted`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Applied => "applied",
            Self::Supplement => "supplement",
            Self::Accepted => "accepted",
            Self::Suspended => "suspended",
            Self::Completed => "completed",
            Self::Refused => "refused",
            Self::Withdrawn => "withdrawn",
            Self::Voided => "voided",
        }
    }
}

/// One special procedure (特别程序) as the events tell it. Whether it is lawful, and so stops the clock, depends on the
/// rule profile and is not decided here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    /// Its ground, e.g. `hearing`.
    pub kind: String,
    /// When it began.
    pub start: Moment,
    /// Declared length in workdays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared_days: Option<u32>,
    /// Who approved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver: Option<String>,
    /// The written notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
    /// The event that ended it; `None` while there is none (it may still have ended by itself).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed: Option<Moment>,
}

/// The extension of a case's limit: the first one, cut to what the law allows only when the clock is computed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// When it was decided.
    pub at: Moment,
    /// What it moves.
    pub limit: Extends,
    /// By how many workdays, as declared.
    pub days: u32,
    /// The written notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
}

/// One run of a step (环节). The same step done twice makes two runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRun {
    /// Code of the step.
    pub step: String,
    /// Hall in which it is done.
    pub hall: String,
    /// Unit that does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Window at which it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
    /// Who does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handler: Option<String>,
    /// In which role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Whether it happens outside the system.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub offline: bool,
    /// When it began; `None` when only its end was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Moment>,
    /// When it ended; `None` while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<Moment>,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
}

/// A fee charged on a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeCharged {
    /// When.
    pub at: Moment,
    /// What was charged.
    pub charged: Yuan,
    /// What the standard asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard: Option<Yuan>,
    /// Why less than the standard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relief_reason: Option<String>,
}

/// The applicant's rating of the case; the first one counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rating {
    /// When.
    pub at: Moment,
    /// The grade.
    pub grade: RatingGrade,
    /// The rater's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// How the facts of a case contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnomalyKind {
    /// A step's end lies before its beginning.
    StepFinishedBeforeStarted,
    /// The case ends before it was accepted.
    EndsBeforeStart,
    /// Accepted before it was applied for.
    AcceptedBeforeApplied,
    /// Accepted twice; the first counts.
    AcceptedTwice,
    /// Ended a second time; the clock stopped at the first.
    EndedTwice,
    /// Resumed without having been suspended.
    ResumedWithoutSuspension,
    /// Extended more than once; the first counts.
    ExtendedTwice,
    /// Rated more than once; the first counts.
    RatedTwice,
    /// Something lies in the future.
    InFuture,
}

/// Facts that contradict each other: kept and shown, never mended in silence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DataAnomaly {
    /// What kind of contradiction.
    pub kind: AnomalyKind,
    /// The event time of the event that brought it to light.
    pub at: DateTime<Utc>,
    /// That event; `None` for what only the present instant shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<EventRef>,
    /// The step it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
}

/// Everything that the events of one case add up to. Made by folding events in their order; see `CaseFold::fold` and
/// `CaseFold::advance`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseFold {
    /// The case number.
    pub case_no: String,
    /// The source of the first event.
    #[serde(default)]
    pub source: String,
    /// Hall that accepted it; until then the hall of the first event.
    #[serde(default)]
    pub hall: String,
    /// Window that accepted it; until then the first named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
    /// Unit that accepted it; until then the first named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Item under which it was accepted; until then the first named. Its version is the one in force at acceptance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// How it is handled, when the events say; else the item's kind holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<HandlingKind>,
    /// Who handled it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handler: Option<String>,
    /// How the application came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// Who applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applicant: Option<Applicant>,
    /// Where it stands, by the events alone.
    #[serde(default)]
    pub status: CaseStatus,
    /// Application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<Moment>,
    /// Acceptance: the clock starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Moment>,
    /// Decision, refusal, withdrawal or voiding: the clock stops. The first of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<Moment>,
    /// Result or reason given with the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Delivery of the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered: Option<Moment>,
    /// Promise limit of this case, over the item's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promise_limit: Option<Limit>,
    /// Legal limit of this case, over the item's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_limit: Option<Limit>,
    /// Due instant of the promise by the system of record; wins over limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promise_due: Option<DateTime<Utc>>,
    /// Due instant of the legal limit by the system of record; wins over limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_due: Option<DateTime<Utc>>,
    /// The extension, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<Extension>,
    /// Special procedures, in order of their beginning.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suspensions: Vec<Suspension>,
    /// Supplement notices: when asked, when received.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub supplements: Vec<Supplement>,
    /// Runs of steps, in order of the events that opened them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepRun>,
    /// Fees.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fees: Vec<FeeCharged>,
    /// The rating.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<Rating>,
    /// The call back after a bad rating.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub called_back: Option<Moment>,
    /// When what a bad rating was about was put right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub put_right: Option<Moment>,
    /// Contradictions among the facts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data_anomalies: Vec<DataAnomaly>,
    /// The case of the same applicant for the same item that was withdrawn last before this one was applied for. No event tells of
    /// it: it is put in by whoever knows other cases, after each fold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior: Option<Box<Prior>>,
    /// The place of the latest event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<OrderKey>,
    /// Events that a correction took out: they stay out when they arrive after it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub replaced: BTreeSet<EventRef>,
    /// How many events were folded.
    #[serde(default)]
    pub events: u32,
}

impl CaseFold {
    /// Application, or acceptance where that alone is known.
    pub fn opened(&self) -> Option<&Moment> {
        self.applied.as_ref().or(self.accepted.as_ref())
    }

    /// What cases of the same applicant for the same item share; `None` where one of the two is not known.
    pub fn applicant_and_item(&self) -> Option<(String, &str)> {
        let item = self.item.as_deref().filter(|item| !item.is_empty())?;
        Some((self.applicant.as_ref()?.key()?, item))
    }
}

/// One supplement notice (补正通知).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supplement {
    /// When more was asked.
    pub requested: Moment,
    /// When it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<Moment>,
}
