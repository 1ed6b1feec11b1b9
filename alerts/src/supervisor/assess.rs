//! A case at an instant: what its row says, and what the rules find.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_monitor::calendar::Calendar;
use mingjing_monitor::case::{CaseClock, CaseFold, Spent};
use mingjing_monitor::item::{Item, ItemVersion};
use mingjing_monitor::org::Level;
use mingjing_monitor::store::items::kind_word;
use mingjing_monitor::store::sources::{Outage, Source};
use mingjing_monitor::store::states::CaseRecord;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::profile::{Profile, RuleSet, Subject};
use crate::rules::{Anomaly, Evaluation, Hearing, as_counted, evaluate};
use crate::store::deliveries::Heard;
use crate::versions::{Term, Versions};

/// What a case is judged by beside its events: data that changes without a restart.
#[derive(Debug, Clone)]
pub struct Reference {
    /// Statutory workdays, office hours, zone.
    pub calendar: Calendar,
    /// The rules, by the time they were, are or will be in force.
    pub profiles: Versions,
    /// Code of the hall at the root; empty before there is any.
    pub root: String,
    /// Level of every hall, by code.
    pub halls: HashMap<String, Level>,
    /// Every item, by code.
    pub items: HashMap<String, Item>,
    /// The county is in its trial run.
    pub trial: bool,
    /// What anybody outside hears of.
    pub heard: Heard,
    /// How the words of sources reach us.
    pub hearings: Hearings,
}

/// How the words of each source reach us.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hearings {
    of: HashMap<String, Hearing>,
    /// Of sources that declared nothing.
    others: Hearing,
}

impl Hearings {
    /// These sources, and the outages that we recorded. One that lasts is known of up to `now`.
    pub fn new(sources: &[Source], outages: &[Outage], now: DateTime<Utc>) -> Self {
        let away = |source: Option<&str>| {
            let cut_off = |outage: &&Outage| match outage.what.as_str() {
                "console" => true,
                "source" => source == Some(&outage.subject),
                // While the console is away, so is its own ingest, which hears on behalf of everybody else.
                _ => outage.subject == "local",
            };
            let spans = outages.iter().filter(cut_off);
            disjoint(spans.map(|outage| (outage.since, outage.until.unwrap_or(now))))
        };
        let cut_off = outages.iter().filter(|outage| outage.what == "source");
        let mut of: HashMap<String, Hearing> = cut_off
            .map(|outage| outage.subject.as_str())
            .chain(sources.iter().map(|source| source.id.as_str()))
            .map(|source| {
                let (lag, away) = (TimeDelta::zero(), away(Some(source)));
                (source.to_owned(), Hearing { lag, away })
            })
            .collect();
        for source in sources {
            if let Some(hearing) = of.get_mut(&source.id) {
                hearing.lag = TimeDelta::seconds(source.lag_seconds);
            }
        }
        Self {
            of,
            others: Hearing {
                away: away(None),
                ..Hearing::default()
            },
        }
    }

    /// How this one's reach us.
    pub fn of(&self, source: &str) -> &Hearing {
        self.of.get(source).unwrap_or(&self.others)
    }

    /// Whether every source has the lag that it had.
    pub(super) fn lags_as(&self, before: &Self) -> bool {
        let lag = |all: &Self, source: &String| all.of(source).lag;
        let mut sources = self.of.keys().chain(before.of.keys());
        sources.all(|source| lag(self, source) == lag(before, source))
    }
}

/// Spans sorted, those that meet put together.
fn disjoint(
    spans: impl Iterator<Item = (DateTime<Utc>, DateTime<Utc>)>,
) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let mut spans: Vec<_> = spans.filter(|(from, to)| from < to).collect();
    spans.sort_unstable();
    let mut apart: Vec<(DateTime<Utc>, DateTime<Utc>)> = Vec::with_capacity(spans.len());
    for (from, to) in spans {
        match apart.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => apart.push((from, to)),
        }
    }
    apart
}

/// What a look at a case gives.
#[derive(Debug)]
pub struct Assessment {
    /// Its row.
    pub record: CaseRecord,
    /// What the rules find, each by the version in force when it fell due.
    pub found: Vec<Found>,
    /// The rules that hold for it now.
    pub rules: Arc<RuleSet>,
}

/// An anomaly, and the version of the rule profile that found it.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// What was found.
    pub anomaly: Anomaly,
    /// By which version.
    pub version: i32,
}

impl Deref for Found {
    type Target = Anomaly;

    fn deref(&self) -> &Anomaly {
        &self.anomaly
    }
}

/// What the row of a case says of its clock.
struct Timing {
    clock: &'static str,
    bucket: Option<&'static str>,
    open: bool,
    promise_due: Option<DateTime<Utc>>,
    legal_due: Option<DateTime<Utc>>,
    expected: bool,
    spent: Spent,
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

    /// The rules by which the clock of a case is shown at `now`: those in force, or those that were when it was decided.
    pub fn rules_of(&self, fold: &CaseFold, now: DateTime<Utc>) -> Arc<RuleSet> {
        self.profiles
            .at(judged_at(fold, now))
            .rules(&self.subject(fold))
    }

    fn subject<'a>(&self, fold: &'a CaseFold) -> Subject<'a> {
        Subject {
            level: self.halls.get(&fold.hall).copied(),
            hall: &fold.hall,
            unit: fold.unit.as_deref().unwrap_or_default(),
            item: fold.item.as_deref().unwrap_or_default(),
        }
    }

    /// Looks at a case at `now`.
    pub fn assess(&self, fold: CaseFold, now: DateTime<Utc>) -> Assessment {
        let opened_at = opened_at(&fold).unwrap_or(now);
        let item = self.item_of(&fold, opened_at);
        let judged = judged_at(&fold, now);
        let (mut found, mut next_instant, mut timing) = (Vec::new(), None, None);
        for term in self.profiles.terms(opened_at.min(judged), now) {
            let (evaluation, of_term) = self.look(&fold, item, term.profile, now);
            let before = found.len();
            keep(&mut found, evaluation.anomalies, &term);
            // What an earlier version found may still clear; else only the version in force has anything to wait for.
            if term.to.is_none() || found.len() > before {
                next_instant = [next_instant, evaluation.next_instant]
                    .into_iter()
                    .flatten()
                    .min();
            }
            if term.holds(judged) {
                timing = Some(of_term);
            }
        }
        let rules = self.profiles.at(now).rules(&self.subject(&fold));
        let timing = timing.expect("the terms reach over the instant of judgement");
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
            clock: timing.clock.to_owned(),
            bucket: timing.bucket.map(str::to_owned),
            is_open: timing.open,
            opened_at,
            promise_due: timing.promise_due,
            legal_due: timing.legal_due,
            expected: timing.expected,
            next_instant,
            spent: Some(timing.spent),
            fold,
        };
        Assessment {
            record,
            found,
            rules,
        }
    }

    /// What one version says of a case, over all its life, and of its clock.
    fn look(
        &self,
        fold: &CaseFold,
        item: Option<&ItemVersion>,
        profile: &Profile,
        now: DateTime<Utc>,
    ) -> (Evaluation, Timing) {
        let rules = profile.rules(&self.subject(fold));
        let (counted, counted_item) = as_counted(fold, item, &rules);
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
            self.hearings.of(&fold.source),
            now,
        );
        let timing = Timing {
            clock: clock.state.as_str(),
            bucket: clock.bucket.map(|bucket| bucket.as_str()),
            open: clock.open,
            promise_due: clock.promise.map(|due| due.deadline.due),
            legal_due: clock.legal.map(|due| due.deadline.due),
            expected: clock.expected(),
            spent: Spent::of(&counted, &clock),
        };
        (evaluation, timing)
    }
}

/// Takes over what fell due in the term of the version that finds it, and what had fallen due before by this version, was
/// not found by the one that was in force then, and still goes on: it falls due with the change.
pub(super) fn keep(found: &mut Vec<Found>, anomalies: Vec<Anomaly>, term: &Term<'_>) {
    for mut anomaly in anomalies {
        let missed = term.from.filter(|&from| anomaly.due_at < from);
        if let Some(from) = missed.filter(|&from| anomaly.goes_on_at(from)) {
            anomaly.due_at = from;
        }
        let known = |found: &Found| found.cause_key == anomaly.cause_key;
        if term.holds(anomaly.due_at) && !found.iter().any(known) {
            found.push(Found {
                anomaly,
                version: term.profile.version,
            });
        }
    }
}

/// The instant by whose rules the clock of a case is shown.
fn judged_at(fold: &CaseFold, now: DateTime<Utc>) -> DateTime<Utc> {
    fold.decided
        .as_ref()
        .map_or(now, |decided| decided.at.min(now))
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

/// A hash of the facts that rules about time, procedure and fees look at. An inspector who upholds a card has judged these facts; other words
/// about the case (a delivery, a rating) do not call that in question.
pub(super) fn facts_hash(fold: &CaseFold) -> Vec<u8> {
    type Run<'a> = (
        &'a str,
        &'a Option<String>,
        Option<DateTime<Utc>>,
        Option<DateTime<Utc>>,
    );
    #[derive(Serialize)]
    struct Facts<'a> {
        accepted: Option<DateTime<Utc>>,
        decided: Option<DateTime<Utc>>,
        dues: [Option<DateTime<Utc>>; 2],
        limits: [Option<mingjing_monitor::limit::Limit>; 2],
        item: &'a Option<String>,
        extension: &'a Option<mingjing_monitor::case::Extension>,
        #[serde(skip_serializing_if = "Option::is_none")]
        prior: &'a Option<Box<mingjing_monitor::case::Prior>>,
        suspensions: &'a [mingjing_monitor::case::Suspension],
        steps: Vec<Run<'a>>,
        fees: &'a [mingjing_monitor::case::FeeCharged],
        outcome: &'a Option<String>,
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
        prior: &fold.prior,
        suspensions: &fold.suspensions,
        steps: fold
            .steps
            .iter()
            .map(|run| {
                (
                    run.step.as_str(),
                    &run.role,
                    at(&run.started),
                    at(&run.finished),
                )
            })
            .collect(),
        fees: &fold.fees,
        outcome: &fold.outcome,
    };
    let json = serde_json::to_vec(&facts).expect("plain structs with string keys always serialise");
    Sha256::digest(json).to_vec()
}
