//! What is supervised beside cases, and how its cards are written: the same comparison, the same table, one transaction.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use mingjing_monitor::store::StoreError;
use sqlx::PgConnection;

use super::assess::{Found, Reference, keep};
use super::delta::Deltas;
use super::diff::{self, Ground, Working};
use super::write::{CardSet, Writer, answers_due};
use crate::profile::{RuleSet, Subject};
use crate::rules::Evaluation;
use crate::store::cards;

/// Something other than a case, looked at at an instant.
pub(super) struct Affair {
    /// What it is: `complaint`, `camera`, … as cards name it.
    pub about: &'static str,
    /// Its id.
    pub subject: String,
    /// On whose word it rests; `None`: on our own.
    pub source: Option<String>,
    /// The item that it is about; empty: none.
    pub item: String,
    /// Of its cards only those of this cause; `None`: all of them.
    pub cause: Option<String>,
    /// What the rules find.
    pub found: Vec<Found>,
    /// The rules that hold for it now.
    pub rules: Arc<RuleSet>,
    /// A hash of its facts, for cards that an inspector upheld.
    pub facts: Vec<u8>,
    /// At what instant it was looked at.
    pub at: DateTime<Utc>,
    /// Its source is loading history.
    pub lived: bool,
    /// Ids of cards whose anomaly is gone by evidence that came in time; of what we recorded ourselves, all.
    pub in_time: HashSet<i64>,
    /// Its cards.
    pub cards: Vec<Working>,
}

impl Reference {
    /// What the rules find, each anomaly by the version in force when it fell due; when to look again; the rules that hold now.
    pub(super) fn judge(
        &self,
        subject: &Subject<'_>,
        from: DateTime<Utc>,
        now: DateTime<Utc>,
        look: impl Fn(&RuleSet) -> Evaluation,
    ) -> (Vec<Found>, Option<DateTime<Utc>>, Arc<RuleSet>) {
        let (mut found, mut next) = (Vec::new(), None);
        for term in self.profiles.terms(from.min(now), now) {
            let evaluation = look(&term.profile.rules(subject));
            let before = found.len();
            keep(&mut found, evaluation.anomalies, &term);
            if term.to.is_none() || found.len() > before {
                next = [next, evaluation.next_instant].into_iter().flatten().min();
            }
        }
        (found, next, self.profiles.at(now).rules(subject))
    }

    /// A hall, and perhaps a unit in it, as the scopes of a profile see it.
    pub(super) fn place<'a>(&self, hall: &'a str, unit: &'a str, item: &'a str) -> Subject<'a> {
        Subject {
            level: self.halls.get(hall).copied(),
            hall,
            unit,
            item,
        }
    }
}

impl Writer<'_> {
    /// Loads the cards that there are.
    pub(super) async fn load_affairs(
        &self,
        connection: &mut PgConnection,
        affairs: &mut [Affair],
    ) -> Result<(), StoreError> {
        let mut kinds: HashMap<&'static str, Vec<String>> = HashMap::new();
        for affair in affairs.iter() {
            kinds
                .entry(affair.about)
                .or_default()
                .push(affair.subject.clone());
        }
        for (about, subjects) in kinds {
            let wanted: Vec<&str> = subjects.iter().map(String::as_str).collect();
            for card in cards::of_subjects(&mut *connection, about, &wanted).await? {
                let of = |affair: &&mut Affair| {
                    affair.about == about
                        && Some(&affair.subject) == card.subject.as_ref()
                        && affair
                            .cause
                            .as_ref()
                            .is_none_or(|cause| *cause == card.cause)
                };
                if let Some(affair) = affairs.iter_mut().find(of) {
                    affair.cards.push(Working::from(card));
                }
            }
        }
        Ok(())
    }

    /// Settles the cards of affairs whose cards are loaded, and writes them; when answers to them fall due.
    pub(super) async fn write_affairs(
        &self,
        connection: &mut PgConnection,
        affairs: &mut [Affair],
        deltas: &mut Deltas,
    ) -> Result<Vec<DateTime<Utc>>, StoreError> {
        for affair in affairs.iter_mut() {
            self.settle_affair(affair);
        }
        let mut sets: Vec<CardSet<'_>> = affairs
            .iter_mut()
            .map(|affair| CardSet {
                cards: &mut affair.cards,
                lived: affair.lived,
            })
            .collect();
        self.write_cards(connection, &mut sets, deltas).await?;
        Ok(affairs
            .iter()
            .flat_map(|affair| answers_due(&affair.cards))
            .collect())
    }

    fn settle_affair(&self, affair: &mut Affair) {
        if affair.cards.is_empty() && affair.found.is_empty() {
            return;
        }
        if affair.source.is_none() {
            let ids = affair.cards.iter().map(|working| working.card.id);
            affair.in_time = ids.collect();
        }
        let source = affair.source.as_ref();
        let lagging = source
            .and_then(|source| self.sources.get(source))
            .filter(|source| source.lag_seconds > 0 && !affair.lived);
        let facts = || affair.facts.clone();
        let ground = Ground {
            calendar: &self.reference.calendar,
            rules: &affair.rules,
            now: if affair.lived { affair.at } else { self.now },
            lived: affair.lived,
            complete_until: lagging.map(|source| source.complete_until),
            trial: self.reference.trial,
            about: affair.about,
            case_no: None,
            subject: Some(&affair.subject),
            source: affair.source.as_deref(),
            item: &affair.item,
            facts: &facts,
            in_time: &affair.in_time,
        };
        diff::settle(&mut affair.cards, &affair.found, &ground);
    }
}
