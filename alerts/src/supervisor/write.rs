//! From looks at cases to rows: what every transaction of the supervisor shares.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use mingjing_monitor::case::CaseFold;
use mingjing_monitor::event::CaseEvent;
use mingjing_monitor::store::rollups::Changes;
use mingjing_monitor::store::sources::{Outage, Source, outages};
use mingjing_monitor::store::states::CaseRecord;
use mingjing_monitor::store::{StoreError, events, states};
use sqlx::PgConnection;

use super::answers::{SYSTEM, TAKEN_BACK, TRANSFERRED, undo_what_followed};
use super::assess::{Assessment, Found, Reference, facts_hash};
use super::delta::{Delta, Deltas};
use super::diff::{self, Ground, Taken, Working};
use super::tell;
use crate::card::{Role, State};
use crate::profile::RuleSet;
use crate::store::cards::{self, CardRecord, HistoryLine};

/// A case that is being written.
pub(super) struct Touched {
    pub before: Option<CaseRecord>,
    pub after: CaseRecord,
    pub anomalies: Vec<Found>,
    pub rules: Arc<RuleSet>,
    pub cards: Vec<Working>,
    /// At what instant it was looked at.
    pub at: DateTime<Utc>,
    /// Its source is loading history.
    pub lived: bool,
}

impl Touched {
    pub(super) fn new(
        before: Option<CaseRecord>,
        assessment: Assessment,
        at: DateTime<Utc>,
        lived: bool,
    ) -> Self {
        Self {
            before,
            after: assessment.record,
            anomalies: assessment.found,
            rules: assessment.rules,
            cards: Vec::new(),
            at,
            lived,
        }
    }

    /// When it, or one of its cards, has to be looked at next.
    pub(super) fn instants(&self) -> impl Iterator<Item = DateTime<Utc>> {
        let cards = answers_due(&self.cards);
        self.after.next_instant.into_iter().chain(cards)
    }

    /// Whether the row is worth writing.
    fn is_changed(&self) -> bool {
        self.before.as_ref() != Some(&self.after)
    }

    /// Whether a screen shows anything different: more than when to look again.
    fn is_seen_to_change(&self) -> bool {
        let cards = self.cards.iter().any(|working| !working.taken.is_empty());
        let row = self
            .before
            .as_ref()
            .is_none_or(|before| !before.looks_like(&self.after));
        cards || row
    }
}

/// The cards of one subject, to be written.
pub(super) struct CardSet<'a> {
    pub cards: &'a mut Vec<Working>,
    /// Its source is loading history.
    pub lived: bool,
}

/// How case rows are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    /// Whole: events changed them.
    Whole,
    /// Only what time changes.
    Advance,
}

/// One transaction's writing.
pub(super) struct Writer<'a> {
    pub reference: &'a Reference,
    pub sources: &'a std::collections::BTreeMap<String, Source>,
    /// Whether unanswered answers have consequences.
    pub answers: bool,
    pub now: DateTime<Utc>,
}

impl Writer<'_> {
    /// Settles the cards of the touched cases and writes cases, cards, history, orders and roll-ups. Deltas are left out for
    /// cases whose history is being loaded.
    pub(super) async fn write(
        &self,
        connection: &mut PgConnection,
        touched: &mut [Touched],
        rows: Rows,
        deltas: &mut Deltas,
    ) -> Result<(), StoreError> {
        self.load_cards(&mut *connection, touched).await?;
        let in_time = self.evidence_in_time(&mut *connection, touched).await?;
        for case in touched.iter_mut() {
            self.settle(case, &in_time);
        }
        let changes = self
            .write_cases(&mut *connection, touched, rows, deltas)
            .await?;
        let mut sets: Vec<CardSet<'_>> = touched
            .iter_mut()
            .map(|case| CardSet {
                cards: &mut case.cards,
                lived: case.lived,
            })
            .collect();
        self.write_cards(&mut *connection, &mut sets, deltas)
            .await?;
        // Last: these rows are shared by many cases, and are locked until the commit.
        if !changes.is_empty() {
            let day = changes.first_day();
            changes.write(connection).await?;
            deltas.add(Delta::OverviewChanged);
            deltas.add(Delta::RankingChanged);
            if let Some(day) = day {
                deltas.scores_from(self.reference.calendar.midnight(day));
            }
        }
        Ok(())
    }

    async fn load_cards(
        &self,
        connection: &mut PgConnection,
        touched: &mut [Touched],
    ) -> Result<(), StoreError> {
        // A case known before may have cards that its anomalies do not tell of; a new one has none.
        let numbers: Vec<&str> = touched
            .iter()
            .filter(|case| case.before.is_some())
            .map(|case| case.after.fold.case_no.as_str())
            .collect();
        if numbers.is_empty() {
            return Ok(());
        }
        let mut of_case: HashMap<String, Vec<Working>> = HashMap::new();
        for card in cards::of_cases(connection, &numbers).await? {
            let case = card.case_no.clone().unwrap_or_default();
            of_case.entry(case).or_default().push(Working::from(card));
        }
        for case in touched.iter_mut() {
            case.cards = of_case.remove(&case.after.fold.case_no).unwrap_or_default();
        }
        Ok(())
    }

    /// Of the firm cards whose anomaly is gone, those that would not have come about had only that been known which was
    /// received before they were firm, or during an outage that we recorded ourselves.
    async fn evidence_in_time(
        &self,
        connection: &mut PgConnection,
        touched: &[Touched],
    ) -> Result<HashSet<i64>, StoreError> {
        let gone: Vec<(&Touched, Vec<&CardRecord>)> = touched
            .iter()
            .filter(|case| !case.cards.is_empty())
            .map(|case| {
                let facts = || facts_hash(&case.after.fold);
                (case, diff::to_look_up(&case.cards, &case.anomalies, &facts))
            })
            .filter(|(_, cards)| !cards.is_empty())
            .collect();
        let mut in_time = HashSet::new();
        if gone.is_empty() {
            return Ok(in_time);
        }
        let numbers: Vec<&str> = gone
            .iter()
            .map(|(case, _)| case.after.fold.case_no.as_str())
            .collect();
        let mut events: HashMap<String, Vec<CaseEvent>> = HashMap::new();
        for event in events::of_cases(&mut *connection, &numbers).await? {
            events
                .entry(event.case_no.clone().unwrap_or_default())
                .or_default()
                .push(event);
        }
        let subjects = gone
            .iter()
            .flat_map(|(case, _)| [case.after.fold.source.clone(), case.after.hall.clone()])
            .collect::<Vec<_>>();
        let since = gone
            .iter()
            .flat_map(|(_, cards)| cards)
            .map(|card| card.due_at)
            .min()
            .unwrap_or(self.now);
        let outages = outages(connection, &subjects, since).await?;
        for (case, cards) in gone {
            let events = events
                .get(&case.after.fold.case_no)
                .map_or(&[][..], Vec::as_slice);
            let of_case: Vec<&Outage> = outages
                .iter()
                .filter(|outage| {
                    outage.what == "console"
                        || outage.subject == case.after.fold.source
                        || outage.subject == case.after.hall
                })
                .collect();
            for card in cards {
                if self.would_not_be(case, card, events, &of_case) {
                    in_time.insert(card.id);
                }
            }
        }
        Ok(in_time)
    }

    fn would_not_be(
        &self,
        case: &Touched,
        card: &CardRecord,
        events: &[CaseEvent],
        outages: &[&Outage],
    ) -> bool {
        let firm = card.issued_at.unwrap_or(card.created_at);
        let counts = |event: &&CaseEvent| {
            event.received <= firm || outages.iter().any(|outage| outage.covers(event.received))
        };
        let mut fold = CaseFold::fold(
            case.after.fold.case_no.clone(),
            events.iter().filter(counts),
        );
        fold.prior.clone_from(&case.after.fold.prior);
        let assessment = self.reference.assess(fold, case.at);
        // What would have fallen due only later was no ground for it then.
        !assessment
            .found
            .iter()
            .any(|anomaly| anomaly.cause_key == card.cause_key && anomaly.due_at <= firm)
    }

    fn settle(&self, case: &mut Touched, in_time: &HashSet<i64>) {
        if case.cards.is_empty() && case.anomalies.is_empty() {
            return;
        }
        let facts = || facts_hash(&case.after.fold);
        let source = self.sources.get(&case.after.fold.source);
        let lagging = source.filter(|source| source.lag_seconds > 0 && !case.lived);
        let ground = Ground {
            calendar: &self.reference.calendar,
            rules: &case.rules,
            now: if case.lived { case.at } else { self.now },
            lived: case.lived,
            complete_until: lagging.map(|source| source.complete_until),
            trial: self.reference.trial,
            about: "case",
            case_no: Some(&case.after.fold.case_no),
            subject: None,
            source: Some(&case.after.fold.source),
            item: &case.after.item,
            facts: &facts,
            in_time,
        };
        diff::settle(&mut case.cards, &case.anomalies, &ground);
    }

    /// Writes the rows that changed; what that changes of the roll-ups.
    async fn write_cases(
        &self,
        connection: &mut PgConnection,
        touched: &[Touched],
        rows: Rows,
        deltas: &mut Deltas,
    ) -> Result<Changes, StoreError> {
        let changed: Vec<&Touched> = touched.iter().filter(|case| case.is_changed()).collect();
        let mut changes = Changes::default();
        for case in &changed {
            changes.replace(
                case.before.as_ref(),
                &case.after,
                self.reference.calendar.zone,
            );
            if !case.lived && case.is_seen_to_change() {
                deltas.add(Delta::CaseChanged {
                    no: case.after.fold.case_no.clone(),
                    hall: case.after.hall.clone(),
                });
            }
        }
        let records: Vec<&CaseRecord> = changed.iter().map(|case| &case.after).collect();
        if !records.is_empty() {
            match rows {
                Rows::Whole => states::upsert(connection, &records, self.now).await?,
                Rows::Advance => states::advance(connection, &records, self.now).await?,
            }
        }
        Ok(changes)
    }

    pub(super) async fn write_cards(
        &self,
        connection: &mut PgConnection,
        touched: &mut [CardSet<'_>],
        deltas: &mut Deltas,
    ) -> Result<(), StoreError> {
        // Nobody was asked at the time when history that is being loaded happened.
        let unasked = touched.iter_mut().filter(|set| set.lived || !self.answers);
        for working in unasked.flat_map(|set| set.cards.iter_mut()) {
            if !working.taken.is_empty() {
                working.card.next_instant = None;
            }
        }
        let fresh = |working: &&mut Working| working.card.id == 0;
        let mut new: Vec<&mut Working> = touched
            .iter_mut()
            .flat_map(|case| case.cards.iter_mut())
            .filter(fresh)
            .collect();
        let ids = cards::insert(
            &mut *connection,
            &new.iter().map(|working| &working.card).collect::<Vec<_>>(),
        )
        .await?;
        for (working, &id) in new.iter_mut().zip(&ids) {
            working.card.id = id;
        }
        let inserted: HashSet<i64> = ids.into_iter().collect();
        let changed = |working: &&Working| !working.taken.is_empty() || working.amended;
        let all: Vec<(&Working, bool)> = touched
            .iter()
            .flat_map(|case| {
                case.cards
                    .iter()
                    .filter(changed)
                    .map(|working| (working, case.lived))
            })
            .collect();
        let old: Vec<&CardRecord> = all
            .iter()
            .map(|(working, _)| &working.card)
            .filter(|card| !inserted.contains(&card.id))
            .collect();
        cards::update(&mut *connection, &old).await?;
        let history: Vec<HistoryLine> = all
            .iter()
            .flat_map(|(working, _)| working.taken.iter().map(|taken| line(working, taken)))
            .collect();
        cards::append_history(&mut *connection, &history).await?;
        let orders: Vec<(&CardRecord, Option<DateTime<Utc>>)> = all
            .iter()
            .filter(|(working, _)| working.card.grade.is_card() && goes_out(working))
            .map(|(working, _)| (&working.card, None))
            .collect();
        cards::write_orders(&mut *connection, &orders).await?;
        let told = all.iter().filter(|(_, lived)| !lived);
        tell::of_moved(
            &mut *connection,
            self.reference,
            told.map(|(working, _)| *working),
            self.now,
        )
        .await?;
        for (working, lived) in &all {
            card_deltas(working, *lived, deltas);
        }
        let withdrawn = |working: &Working| {
            let gone = |taken: &Taken| taken.to == State::Withdrawn;
            working.taken.iter().any(gone) && working.card.state == State::Withdrawn
        };
        let transferred = |working: &Working| working.former.is_some();
        let ids = |of: &dyn Fn(&Working) -> bool| -> Vec<i64> {
            let those = all.iter().filter(|(working, _)| of(working));
            those.map(|(working, _)| working.card.id).collect()
        };
        for (gone, why) in [
            (ids(&withdrawn), TAKEN_BACK),
            (ids(&transferred), TRANSFERRED),
        ] {
            let gone = (&gone[..], why);
            undo_what_followed(&mut *connection, self.reference, gone, self.now, deltas).await?;
        }
        Ok(())
    }
}

/// When the cards that took a step fall due for an answer.
pub(super) fn answers_due(cards: &[Working]) -> impl Iterator<Item = DateTime<Utc>> {
    let moved = cards.iter().filter(|it| !it.taken.is_empty());
    moved.filter_map(|it| it.card.next_instant)
}

/// Whether an order goes out, or goes out again, with what happened to the card.
pub(super) fn goes_out(working: &Working) -> bool {
    working.taken.iter().any(|taken| match taken.to {
        State::Issued | State::Returned => true,
        // Back from under another card, or from being contested: the answer is due anew.
        State::Received => taken.transition != "receive",
        _ => false,
    })
}

fn card_deltas(working: &Working, lived: bool, deltas: &mut Deltas) {
    deltas.add(Delta::OverviewChanged);
    deltas.scores_from(working.card.due_at);
    if lived {
        return;
    }
    let (id, hall) = (working.card.id, working.card.hall.clone());
    if let Some(former) = &working.former {
        deltas.add(Delta::CardLeft {
            id,
            hall: former.hall.clone(),
            unit: former.unit.clone(),
            window: former.window.clone(),
        });
    }
    let firm = |taken: &Taken| taken.to == State::Issued && matches!(taken.transition, "issue");
    // A card that came and went in one transaction was never new to anybody.
    if working.taken.iter().any(firm) && working.card.state == State::Issued {
        deltas.add(Delta::CardIssued { id, hall });
    } else {
        deltas.add(Delta::CardChanged { id, hall });
    }
}

pub(super) fn line(working: &Working, taken: &Taken) -> HistoryLine {
    HistoryLine {
        card: working.card.id,
        at: taken.at,
        transition: taken.transition,
        from: taken.from,
        to: taken.to,
        account: None,
        who: SYSTEM.to_owned(),
        role: Role::System.as_str(),
        why: taken.why.clone(),
        ground: None,
    }
}
