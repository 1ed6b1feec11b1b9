//! The kinds of events and what each carries (`docs/api.md`, "Events").

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::item::HandlingKind;
use crate::limit::Limit;

/// An amount of money in fen (1/100 yuan), written as a number of yuan, e.g. `12.5`.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "f64", into = "f64")]
pub struct Yuan {
    /// The amount in fen.
    pub fen: i64,
}

impl TryFrom<f64> for Yuan {
    type Error = String;

    fn try_from(yuan: f64) -> Result<Self, String> {
        let fen = yuan * 100.0;
        // Far beyond any fee, and far inside what an f64 tells apart to the fen.
        if !(0.0..1e13).contains(&fen) || (fen - fen.round()).abs() > 1e-3 {
            return Err(format!(
                "{yuan} is not an amount: give yuan, not negative, with at most two decimals"
            ));
        }
        Ok(Self {
            fen: fen.round() as i64,
        })
    }
}

impl From<Yuan> for f64 {
    fn from(amount: Yuan) -> f64 {
        amount.fen as f64 / 100.0
    }
}

/// What every event may say: where it happened, about which item, and the limits of the case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Code of the hall. Empty only for `source.heartbeat`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hall: String,
    /// Number of the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
    /// Code of the unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Code of the item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// Who did it, as the source names them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handler: Option<String>,
    /// A promise limit of this case, over the item's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promise_limit: Option<Limit>,
    /// A legal limit of this case, over the item's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_limit: Option<Limit>,
    /// The instant when the promise falls due, by the system of record; wins over every limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promise_due: Option<DateTime<Utc>>,
    /// The instant when the legal limit falls due, by the system of record; wins over every limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_due: Option<DateTime<Utc>>,
}

/// The person or firm that applies. Personal data: masked for all but who must act.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applicant {
    /// Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// A hash of the identity number, made by the source: it tells the same applicant again without the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_hash: Option<String>,
}

impl Applicant {
    /// What tells this applicant again: the hash of the identity number, or name and telephone number together. `None` where too
    /// little is known. The database reckons the same (migration 0023).
    pub fn key(&self) -> Option<String> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        given(&self.id_hash)
            .or_else(|| Some(format!("{} {}", given(&self.name)?, given(&self.phone)?)))
    }
}

/// `case.applied`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// How it came in: `window`, `web`, `phone`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// Who applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applicant: Option<Applicant>,
}

/// `case.accepted`: the case clock starts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// How it is handled; the item's kind when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<HandlingKind>,
}

/// `case.supplement_requested`: the applicant is asked for more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupplementRequested {
    /// What is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `case.step_started` and `case.step_finished`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepEvent {
    /// Code of the step.
    pub step: String,
    /// The role in which the handler did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Whether it happens outside the system (site survey, collective decision); its return is checked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub offline: bool,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
}

/// `case.suspended`: a special procedure (特别程序) begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspended {
    /// Its ground: `hearing`, `tender`, `auction`, `inspection`, `testing`, `quarantine`, `appraisal`, `expert_review`, or
    /// another word that the rule profile knows, or knows not.
    pub kind: String,
    /// Declared length in workdays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared_days: Option<u32>,
    /// Who approved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver: Option<String>,
    /// The written notice to the applicant (its number).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
}

/// Which limit an extension moves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Extends {
    /// The legal limit alone.
    #[default]
    Legal,
    /// The promise alone; needs a notice.
    Promise,
    /// Both; the promise only with a notice.
    Both,
}

/// `case.extended`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extended {
    /// What it moves.
    #[serde(default)]
    pub limit: Extends,
    /// By how many workdays.
    pub days: u32,
    /// The written notice to the applicant (its number).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
}

/// `case.completed`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completed {
    /// What was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
}

/// `case.refused`, `case.withdrawn`, `case.voided`, `complaint.refused`: an end and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `case.fee`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fee {
    /// What was charged.
    pub charged: Yuan,
    /// What the standard asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard: Option<Yuan>,
    /// Why less than the standard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relief_reason: Option<String>,
}

/// The five grades of the service rating (好差评), best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RatingGrade {
    /// 非常满意
    VerySatisfied,
    /// 满意
    Satisfied,
    /// 基本满意
    FairlySatisfied,
    /// 不满意: a bad rating.
    Dissatisfied,
    /// 非常不满意: a bad rating.
    VeryDissatisfied,
}

/// `case.rated`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rated {
    /// The grade.
    pub grade: RatingGrade,
    /// The rater's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// `case.called_back` and `case.put_right`: what was done about a bad rating.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RatingAnswer {
    /// What was said or done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// `complaint.received`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComplaintReceived {
    /// `infringement`, `irregularity` or `consultation`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// `web`, `phone`, `leader_mailbox`, `village_point`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The case that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// What it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// `complaint.handling`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComplaintHandling {
    /// `self`, `assigned` or `transferred`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// To whom it was assigned or transferred.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// `complaint.extended`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComplaintExtended {
    /// By how many workdays.
    pub days: u32,
    /// The written notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
}

/// `complaint.replied`, `complaint.called_back`, `complaint.closed`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComplaintAnswer {
    /// What was answered or found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Whether the complaint is upheld.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upheld: Option<bool>,
}

/// `window.paused` and `window.leave`: an absence entered beforehand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absence {
    /// Until when; open when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who approved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver: Option<String>,
    /// In which role: a leave is approved above the hall.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver_role: Option<String>,
    /// Of which hall.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver_hall: Option<String>,
}

/// `source.heartbeat`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The source has sent everything that happened up to here.
    pub complete_until: DateTime<Utc>,
}

/// `terminal.heartbeat`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalBeat {
    /// Which terminal of the hall.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal: Option<String>,
    /// It has been up without a break since then; what lies before the day of the heartbeat does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_since: Option<DateTime<Utc>>,
}

/// `service.assisted`: somebody was helped who brought no case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assisted {
    /// `query`, `guidance`, `form`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// `terminal`, `window`, `phone`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// Who was helped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applicant: Option<Applicant>,
}

/// Makes the enum of event kinds and everything that goes by its list: the CloudEvents type, the parser of the data, the
/// life-cycle rank.
macro_rules! event_kinds {
    ($( $(#[$doc:meta])* $variant:ident $(($data:ty))? = $name:literal, rank $rank:literal; )*) => {
        /// What happened, with what the kind carries. Serialised as `{"type": "case.accepted", "data": {…}}`.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "type", content = "data")]
        pub enum EventKind {
            $( $(#[$doc])* #[serde(rename = $name)] $variant $(($data))?, )*
        }

        impl EventKind {
            /// Every CloudEvents type that is understood.
            pub const TYPES: &'static [&'static str] = &[$($name),*];

            /// The CloudEvents type, e.g. `case.accepted`.
            pub fn type_name(&self) -> &'static str {
                match self { $( event_kinds!(@pattern $variant $(($data))?) => $name, )* }
            }

            /// The place in a case's life, which orders events that carry the same instant and sequence.
            pub fn rank(&self) -> u8 {
                match self { $( event_kinds!(@pattern $variant $(($data))?) => $rank, )* }
            }

            /// Reads the data of an event of this type; `None` when the type is not known.
            pub(super) fn read(
                type_name: &str,
                data: &serde_json::Value,
            ) -> Option<Result<Self, serde_path_to_error::Error<serde_json::Error>>> {
                match type_name {
                    $( $name => Some(event_kinds!(@read data $variant $(($data))?)), )*
                    _ => None,
                }
            }

            /// What this kind carries, as the JSON that a sender would write.
            pub(super) fn write(&self) -> serde_json::Value {
                match self { $( event_kinds!(@bind inner $variant $(($data))?) => event_kinds!(@write inner $(($data))?), )* }
            }
        }
    };
    (@pattern $variant:ident) => { EventKind::$variant };
    (@pattern $variant:ident ($data:ty)) => { EventKind::$variant(_) };
    (@bind $inner:ident $variant:ident) => { EventKind::$variant };
    (@bind $inner:ident $variant:ident ($data:ty)) => { EventKind::$variant($inner) };
    (@read $value:ident $variant:ident) => { Ok(EventKind::$variant) };
    (@read $value:ident $variant:ident ($data:ty)) => {
        serde_path_to_error::deserialize::<_, $data>($value).map(EventKind::$variant)
    };
    (@write $inner:ident) => { serde_json::Value::Object(serde_json::Map::new()) };
    (@write $inner:ident ($data:ty)) => {
        serde_json::to_value($inner).expect("plain structs with string keys always serialise")
    };
}

event_kinds! {
    /// An application comes in; the acceptance clock starts.
    Applied(Applied) = "case.applied", rank 10;
    /// More is asked of the applicant.
    SupplementRequested(SupplementRequested) = "case.supplement_requested", rank 20;
    /// The applicant supplied it.
    SupplementReceived = "case.supplement_received", rank 30;
    /// Accepted; the case clock starts.
    Accepted(Accepted) = "case.accepted", rank 40;
    /// A step begins.
    StepStarted(StepEvent) = "case.step_started", rank 50;
    /// A step ends.
    StepFinished(StepEvent) = "case.step_finished", rank 60;
    /// A special procedure begins.
    Suspended(Suspended) = "case.suspended", rank 70;
    /// It ends, the clock runs again.
    Resumed = "case.resumed", rank 80;
    /// The limit is extended.
    Extended(Extended) = "case.extended", rank 90;
    /// A fee is charged.
    Fee(Fee) = "case.fee", rank 100;
    /// Decided; the clock stops.
    Completed(Completed) = "case.completed", rank 110;
    /// Refused; the clock stops.
    Refused(Ended) = "case.refused", rank 111;
    /// Withdrawn by the applicant; the clock stops.
    Withdrawn(Ended) = "case.withdrawn", rank 112;
    /// Voided; the clock stops.
    Voided(Ended) = "case.voided", rank 113;
    /// The result reached the applicant.
    Delivered = "case.delivered", rank 120;
    /// The applicant rated the service.
    Rated(Rated) = "case.rated", rank 130;
    /// The applicant who gave a bad rating was called back.
    CalledBack(RatingAnswer) = "case.called_back", rank 140;
    /// What the bad rating was about is put right.
    PutRight(RatingAnswer) = "case.put_right", rank 150;
    /// A complaint comes in.
    ComplaintReceived(ComplaintReceived) = "complaint.received", rank 10;
    /// It is accepted.
    ComplaintAccepted = "complaint.accepted", rank 20;
    /// It is refused.
    ComplaintRefused(Ended) = "complaint.refused", rank 30;
    /// It is being handled.
    ComplaintHandling(ComplaintHandling) = "complaint.handling", rank 40;
    /// Its limit is extended.
    ComplaintExtended(ComplaintExtended) = "complaint.extended", rank 50;
    /// It is answered.
    ComplaintReplied(ComplaintAnswer) = "complaint.replied", rank 60;
    /// The complainant was called back.
    ComplaintCalledBack(ComplaintAnswer) = "complaint.called_back", rank 70;
    /// It is closed.
    ComplaintClosed(ComplaintAnswer) = "complaint.closed", rank 80;
    /// A window is paused, entered beforehand.
    WindowPaused(Absence) = "window.paused", rank 10;
    /// A leave is approved for a window.
    WindowLeave(Absence) = "window.leave", rank 10;
    /// A window serves again.
    WindowResumed = "window.resumed", rank 20;
    /// A hall opened.
    HallOpened = "hall.opened", rank 10;
    /// It closed.
    HallClosed = "hall.closed", rank 20;
    /// A terminal of a hall is up.
    TerminalUp(TerminalBeat) = "terminal.heartbeat", rank 10;
    /// A query was assisted.
    Assisted(Assisted) = "service.assisted", rank 10;
    /// A source is alive, and complete up to an instant.
    Heartbeat(Heartbeat) = "source.heartbeat", rank 10;
}
