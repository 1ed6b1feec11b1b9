//! A case that was withdrawn and applied for again by the same applicant for the same item (domain.md section 3): the later case
//! goes on with the clock of the earlier one, so that nobody wins time by it.
//!
//! Which case came before stands in the fold, put there by whoever knows other cases; whether its clock goes on depends on the
//! rules and is worked out here.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::clock::{lawful_pauses, started};
use super::{CaseFold, CaseStatus, ClockRules, Extension, Moment, Supplement, Suspension};
use crate::calendar::Calendar;
use crate::clock::Pause;

/// How long after a withdrawal another application is looked for; a profile asks for less.
pub const LOOK_BACK: TimeDelta = TimeDelta::days(100);

/// What there is to know of a withdrawn case for the clock of the one that follows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prior {
    /// Its number.
    pub case_no: String,
    /// Its application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<Moment>,
    /// Its acceptance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Moment>,
    /// Its withdrawal.
    pub withdrawn: Moment,
    /// Its first supplement notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplement: Option<Supplement>,
    /// Its special procedures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suspensions: Vec<Suspension>,
    /// Its extension.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<Extension>,
    /// The one before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior: Option<Box<Prior>>,
}

/// The clock of an earlier case that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Continued {
    /// The case that was withdrawn last.
    pub case_no: String,
    /// When its clock was started.
    pub start: DateTime<Utc>,
    /// When it was stopped.
    pub stop: DateTime<Utc>,
    /// When it stood still in between.
    pub(super) pauses: Vec<Pause>,
    /// Its extension: there is only one.
    pub(super) extension: Option<Extension>,
}

impl Prior {
    /// The case as one that others may follow; `None` unless it was withdrawn.
    pub fn of(fold: &CaseFold) -> Option<Self> {
        let withdrawn = fold.decided.clone()?;
        (fold.status == CaseStatus::Withdrawn).then(|| Self {
            case_no: fold.case_no.clone(),
            applied: fold.applied.clone(),
            accepted: fold.accepted.clone(),
            withdrawn,
            supplement: fold.supplements.first().cloned(),
            suspensions: fold.suspensions.clone(),
            extension: fold.extension.clone(),
            prior: fold.prior.clone(),
        })
    }

    fn opened(&self) -> Option<&Moment> {
        self.applied.as_ref().or(self.accepted.as_ref())
    }

    /// Whether a case opened then, of this number, comes after it. Of times that are only a date the same day may be after.
    /// A strict order: of two cases at most one comes after the other.
    pub fn is_before(&self, opened: &Moment, case_no: &str) -> bool {
        let Some(own) = self.opened() else {
            return false;
        };
        let dates = self.withdrawn.date_only || opened.date_only;
        let day = TimeDelta::days(i64::from(dates));
        let gap = opened.at - self.withdrawn.at;
        (own.at, self.case_no.as_str()) < (opened.at, case_no)
            && -day < gap + TimeDelta::microseconds(i64::from(!dates))
            && gap <= LOOK_BACK
    }

    /// It, as far as the start of its clock depends on it.
    fn as_fold(&self) -> CaseFold {
        CaseFold {
            applied: self.applied.clone(),
            accepted: self.accepted.clone(),
            decided: Some(self.withdrawn.clone()),
            supplements: self.supplement.iter().cloned().collect(),
            suspensions: self.suspensions.clone(),
            ..CaseFold::default()
        }
    }
}

/// The clock that a case opened then goes on with; `None` where none was running before, or too long ago.
pub(super) fn continued(
    prior: Option<&Prior>,
    opened: Option<&Moment>,
    calendar: &Calendar,
    rules: &ClockRules,
) -> Option<Continued> {
    let (prior, opened) = (prior?, opened?);
    let withdrawn = prior.withdrawn.at;
    if rules.reapplied == 0 || calendar.workdays_after(withdrawn, rules.reapplied) < opened.at {
        return None;
    }
    let older = continued(prior.prior.as_deref(), prior.opened(), calendar, rules);
    let fold = prior.as_fold();
    let Some(start) = started(&fold, calendar, rules, withdrawn) else {
        // Withdrawn before it was accepted: what ran before that still counts.
        return older;
    };
    let own = lawful_pauses(&fold, calendar, rules).into_iter();
    let own = own.map(|pause| Pause {
        end: pause.end.min(withdrawn),
        ..pause
    });
    let case_no = prior.case_no.clone();
    let extension = prior.extension.clone();
    Some(match older {
        None => Continued {
            case_no,
            start,
            stop: withdrawn,
            pauses: own.collect(),
            extension,
        },
        Some(older) => Continued {
            case_no,
            start: older.start,
            stop: withdrawn,
            extension: older.extension.clone().or(extension),
            pauses: older.until(start).into_iter().chain(own).collect(),
        },
    })
}

impl Continued {
    /// When it stood still, up to when it went on.
    pub(super) fn until(&self, resumed: DateTime<Utc>) -> Vec<Pause> {
        let gap = Pause {
            start: self.stop,
            end: resumed,
        };
        self.pauses.iter().copied().chain([gap]).collect()
    }
}
