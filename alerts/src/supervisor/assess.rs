//! A case at an instant: what its row says, and what the rules find.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use mingjing_monitor::calendar::Calendar;
use mingjing_monitor::case::{CaseClock, CaseFold};
use mingjing_monitor::item::{Item, ItemVersion};
use mingjing_monitor::org::Level;
use mingjing_monitor::store::items::kind_word;
use mingjing_monitor::store::states::CaseRecord;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::profile::{Profile, RuleSet, Subject};
use crate::rules::{Evaluation, as_counted, evaluate};

/// What a case is judged by beside its events: data that changes without a restart.
#[derive(Debug)]
pub struct Reference {
    /// Statutory workdays, office hours, zone.
    pub calendar: Calendar,
    /// The rules in force.
    pub profile: Profile,
    /// Level of every hall, by code.
    pub halls: HashMap<String, Level>,
    /// Every item, by code.
    pub items: HashMap<String, Item>,
    /// The county is in its trial run.
    pub trial: bool,
}

/// What a look at a case gives.
#[derive(Debug)]
pub struct Assessment {
    /// Its row.
    pub record: CaseRecord,
    /// What the rules find.
    pub evaluation: Evaluation,
    /// The rules that hold for it.
    pub rules: Arc<RuleSet>,
}

impl Reference {
    /// The version of the item under which a case is handled: the one in force when it was accepted.
    pub fn item_of(&self, fold: &CaseFold, opened_at: DateTime<Utc>) -> Option<&ItemVersion> {
        let accepted = fold
            .accepted
            .as_ref()
            .map_or(opened_at, |accepted| accepted.at);
        self.items.get(fold.item.as_deref()?)?.at(accepted)
    }

    /// The rules for a case.
    pub fn rules_of(&self, fold: &CaseFold) -> Arc<RuleSet> {
        self.profile.rules(&Subject {
            level: self.halls.get(&fold.hall).copied(),
            hall: &fold.hall,
            unit: fold.unit.as_deref().unwrap_or_default(),
            item: fold.item.as_deref().unwrap_or_default(),
        })
    }

    /// Looks at a case at `now`.
    pub fn assess(&self, fold: CaseFold, now: DateTime<Utc>) -> Assessment {
        let rules = self.rules_of(&fold);
        let opened_at = opened_at(&fold).unwrap_or(now);
        let item = self.item_of(&fold, opened_at);
        let (counted, counted_item) = as_counted(&fold, item, &rules);
        let clock = CaseClock::of(
            &counted,
            counted_item.as_deref(),
            &self.calendar,
            &rules.clock,
            now,
        );
        let evaluation = evaluate(
            &counted,
            counted_item.as_deref(),
            &clock,
            &rules,
            &self.calendar,
            now,
        );
        let (hall, unit, window) = holder(&fold);
        let kind = fold
            .kind
            .or(item.map(|item| item.kind))
            .map_or("promised", kind_word);
        let record = CaseRecord {
            hall,
            unit,
            window,
            item: fold.item.clone().unwrap_or_default(),
            item_version: item.map(|item| item.version.cast_signed()),
            kind: kind.to_owned(),
            clock: clock.state.as_str().to_owned(),
            bucket: clock.bucket.map(|bucket| bucket.as_str().to_owned()),
            is_open: clock.open,
            opened_at,
            promise_due: clock.promise.map(|due| due.deadline.due),
            legal_due: clock.legal.map(|due| due.deadline.due),
            expected: clock.expected(),
            next_instant: evaluation.next_instant,
            fold: CaseFold::default(),
        };
        drop(clock);
        drop((counted, counted_item));
        Assessment {
            record: CaseRecord { fold, ..record },
            evaluation,
            rules,
        }
    }
}

/// Acceptance, or application, or whatever came last of a case of which neither is known.
fn opened_at(fold: &CaseFold) -> Option<DateTime<Utc>> {
    let moment = fold.accepted.as_ref().or(fold.applied.as_ref());
    moment
        .map(|moment| moment.at)
        .or(fold.last.as_ref().map(|last| last.time))
}

/// Who has the case: who accepted it, until a step is done in another hall.
fn holder(fold: &CaseFold) -> (String, String, Option<String>) {
    match fold
        .steps
        .last()
        .filter(|run| run.hall != fold.hall && !run.hall.is_empty())
    {
        Some(run) => (
            run.hall.clone(),
            run.unit.clone().unwrap_or_default(),
            run.window.clone(),
        ),
        None => (
            fold.hall.clone(),
            fold.unit.clone().unwrap_or_default(),
            fold.window.clone(),
        ),
    }
}

/// A hash of the facts that rules about time look at. An inspector who upholds a card has judged these facts; other words
/// about the case (a delivery, a rating) do not call that in question.
pub(super) fn facts_hash(fold: &CaseFold) -> Vec<u8> {
    type Run<'a> = (&'a str, Option<DateTime<Utc>>, Option<DateTime<Utc>>);
    #[derive(Serialize)]
    struct Facts<'a> {
        accepted: Option<DateTime<Utc>>,
        decided: Option<DateTime<Utc>>,
        dues: [Option<DateTime<Utc>>; 2],
        limits: [Option<mingjing_monitor::limit::Limit>; 2],
        item: &'a Option<String>,
        extension: &'a Option<mingjing_monitor::case::Extension>,
        suspensions: &'a [mingjing_monitor::case::Suspension],
        steps: Vec<Run<'a>>,
    }
    let at =
        |moment: &Option<mingjing_monitor::case::Moment>| moment.as_ref().map(|moment| moment.at);
    let facts = Facts {
        accepted: at(&fold.accepted),
        decided: at(&fold.decided),
        dues: [fold.promise_due, fold.legal_due],
        limits: [fold.promise_limit, fold.legal_limit],
        item: &fold.item,
        extension: &fold.extension,
        suspensions: &fold.suspensions,
        steps: fold
            .steps
            .iter()
            .map(|run| (run.step.as_str(), at(&run.started), at(&run.finished)))
            .collect(),
    };
    let json = serde_json::to_vec(&facts).expect("plain structs with string keys always serialise");
    Sha256::digest(json).to_vec()
}
