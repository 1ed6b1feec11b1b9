//! Complaints and consultations: folded in the transaction that stores their events, judged by R10.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use mingjing_monitor::case::Advance;
use mingjing_monitor::complaint::{ComplaintClock, ComplaintFold};
use mingjing_monitor::event::CaseEvent;
use mingjing_monitor::store::complaints::ComplaintRecord;
use mingjing_monitor::store::events::Hashed;
use mingjing_monitor::store::sources::outages;
use mingjing_monitor::store::{StoreError, complaints, events, retention};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use super::assess::{Found, Reference};
use super::batch::UNFOLDED;
use super::delta::Deltas;
use super::diff;
use super::subjects::Affair;
use super::{FIRE_CHUNK, Supervisor};
use crate::rules::r10;
use crate::store::cards;

/// As cards name them.
const ABOUT: &str = "complaint";

impl Reference {
    /// What the rules find of a complaint at `at`.
    pub(crate) fn of_complaint(&self, fold: ComplaintFold, at: DateTime<Utc>) -> Vec<Found> {
        self.complaint(fold, at, false).affair.found
    }

    /// Looks at a complaint at `at`.
    fn complaint(&self, fold: ComplaintFold, at: DateTime<Utc>, lived: bool) -> Looked {
        let opened_at = fold.opened_at().unwrap_or(at);
        let unit = fold.unit.clone().unwrap_or_default();
        let item = fold.item.clone().unwrap_or_default();
        let place = self.place(&fold.hall, &unit, &item);
        let (found, next_instant, rules) = self.judge(&place, opened_at, at, |rules| {
            r10::evaluate(&fold, rules, &self.calendar, at)
        });
        let clock = ComplaintClock::of(&fold, &self.calendar, &r10::limits(&rules));
        let due = |due: &Option<mingjing_monitor::complaint::ComplaintDue<'_>>| {
            due.as_ref().map(|due| due.deadline.due)
        };
        let (accept_due, finish_due) = (due(&clock.accept), due(&clock.finish));
        let affair = Affair {
            about: ABOUT,
            subject: fold.no.clone(),
            source: Some(fold.source.clone()),
            item: item.clone(),
            cause: None,
            found,
            facts: facts(&fold),
            rules,
            at,
            lived,
            in_time: Default::default(),
            cards: Vec::new(),
        };
        let record = ComplaintRecord {
            is_open: !fold.status.is_final(),
            opened_at,
            accept_due,
            finish_due,
            next_instant,
            fold,
        };
        Looked { record, affair }
    }
}

struct Looked {
    record: ComplaintRecord,
    affair: Affair,
}

/// What R10 looks at, as a hash: an inspector who upheld a card has judged these facts.
pub(super) fn facts(fold: &ComplaintFold) -> Vec<u8> {
    let facts = (
        &fold.received,
        &fold.accepted,
        &fold.refused,
        fold.taken_up(),
        &fold.extension,
        fold.finished(),
    );
    let json = serde_json::to_vec(&facts).expect("plain structs with string keys always serialise");
    Sha256::digest(json).to_vec()
}

impl Supervisor {
    /// Takes the complaints in that new events tell of, or whose provisional cards have become firm; when to look again.
    pub(super) async fn take_complaints(
        &self,
        connection: &mut PgConnection,
        new: &[Hashed],
        complete: &[(String, DateTime<Utc>)],
        now: DateTime<Utc>,
        deltas: &mut Deltas,
    ) -> Result<Vec<DateTime<Utc>>, StoreError> {
        let mut told: BTreeMap<String, Vec<&CaseEvent>> = BTreeMap::new();
        for event in new
            .iter()
            .map(|hashed| &hashed.event)
            .filter(|event| event.is_about_complaint())
        {
            let no = event.case_no.clone().unwrap_or_default();
            told.entry(no).or_default().push(event);
        }
        for (source, until) in complete {
            for no in cards::complaints_to_firm(&mut *connection, source, *until).await? {
                told.entry(no).or_default();
            }
        }
        self.look_at_complaints(connection, told, now, deltas).await
    }

    /// Folds afresh complaints whose events were stored before there were rows for them.
    pub(super) async fn take_unfolded_complaints(
        &mut self,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        let numbers = complaints::unfolded(&mut transaction).await?;
        let told = numbers.into_iter().map(|no| (no, Vec::new())).collect();
        let next = self
            .look_at_complaints(&mut transaction, told, now, &mut Deltas::default())
            .await?;
        transaction.commit().await?;
        self.queue.extend(next);
        Ok(())
    }

    async fn look_at_complaints(
        &self,
        connection: &mut PgConnection,
        mut told: BTreeMap<String, Vec<&CaseEvent>>,
        now: DateTime<Utc>,
        deltas: &mut Deltas,
    ) -> Result<Vec<DateTime<Utc>>, StoreError> {
        if told.is_empty() {
            return Ok(Vec::new());
        }
        let numbers: Vec<&str> = told.keys().map(String::as_str).collect();
        let known = complaints::load(&mut *connection, &numbers).await?;
        let mut known: HashMap<String, ComplaintFold> = known
            .into_iter()
            .map(|record| (record.fold.no.clone(), record.fold))
            .collect();
        let (mut folds, mut late) = (Vec::with_capacity(told.len()), Vec::new());
        for (no, events) in &mut told {
            events.sort_by(|a, b| a.cmp_order(b));
            let fold = known.remove(no);
            let before = fold
                .as_ref()
                .map_or(0, |it| it.events as usize + it.replaced.len());
            let mut fold = fold.unwrap_or_else(|| ComplaintFold::new(no.as_str()));
            let in_order = events
                .iter()
                .all(|event| fold.advance(event) == Advance::InOrder);
            if in_order && fold.events > 0 {
                folds.push(fold);
            } else {
                late.push((no.clone(), before));
            }
        }
        let numbers: Vec<&str> = late.iter().map(|(no, _)| no.as_str()).collect();
        let mut refolded = refold(connection, &numbers).await?;
        let dropped = match late.is_empty() {
            true => None,
            false => retention::dropped_until(&mut *connection).await?,
        };
        for (no, before) in late {
            let Some((fold, loaded)) = refolded.remove(&no) else {
                continue;
            };
            let new = told.get(&no).map_or(&[][..], Vec::as_slice);
            if dropped.is_none() || loaded - new.len() >= before {
                folds.push(fold);
                continue;
            }
            for event in new {
                events::note_unfolded(&mut *connection, event, UNFOLDED).await?;
            }
        }
        let looked = folds
            .into_iter()
            .map(|fold| {
                let loading = self.loading_until(&fold.source);
                self.reference
                    .complaint(fold, loading.unwrap_or(now), loading.is_some())
            })
            .collect();
        self.write_complaints(connection, looked, now, deltas).await
    }

    fn loading_until(&self, source: &str) -> Option<DateTime<Utc>> {
        self.sources
            .get(source)
            .and_then(|source| source.loading_until)
    }

    /// Complaints that have fallen due by `at`, of one source that is loading history or of all that are not; when to look again.
    pub(super) async fn fire_complaints(
        &self,
        connection: &mut PgConnection,
        source: Option<&str>,
        at: DateTime<Utc>,
        deltas: &mut Deltas,
    ) -> Result<Vec<DateTime<Utc>>, StoreError> {
        let loading = source.map_or_else(|| self.loading(), |_| Vec::new());
        let mut next = Vec::new();
        loop {
            let records =
                complaints::due(&mut *connection, at, source, &loading, FIRE_CHUNK).await?;
            let last_chunk = (records.len() as i64) < FIRE_CHUNK;
            let looked = records
                .into_iter()
                .map(|record| self.reference.complaint(record.fold, at, source.is_some()))
                .collect();
            let again = self
                .write_complaints(&mut *connection, looked, at, deltas)
                .await?;
            next.extend(again);
            if last_chunk {
                return Ok(next);
            }
        }
    }

    /// The rules changed: every complaint that is open is looked at again.
    pub(super) async fn look_at_open_complaints(
        &mut self,
        now: DateTime<Utc>,
        deltas: &mut Deltas,
    ) -> Result<(), StoreError> {
        let mut after = String::new();
        loop {
            let mut transaction = self.pool.begin().await?;
            let records = complaints::open(&mut transaction, &after, FIRE_CHUNK).await?;
            let Some(last) = records.last() else {
                return Ok(());
            };
            after.clone_from(&last.fold.no);
            let looked = records
                .into_iter()
                .map(|record| {
                    let loading = self.loading_until(&record.fold.source);
                    self.reference
                        .complaint(record.fold, loading.unwrap_or(now), loading.is_some())
                })
                .collect();
            let next = self
                .write_complaints(&mut transaction, looked, now, deltas)
                .await?;
            transaction.commit().await?;
            self.queue.extend(next);
        }
    }

    async fn write_complaints(
        &self,
        connection: &mut PgConnection,
        looked: Vec<Looked>,
        now: DateTime<Utc>,
        deltas: &mut Deltas,
    ) -> Result<Vec<DateTime<Utc>>, StoreError> {
        let (records, mut affairs): (Vec<ComplaintRecord>, Vec<Affair>) = looked
            .into_iter()
            .map(|looked| (looked.record, looked.affair))
            .unzip();
        let writer = self.writer(now);
        writer.load_affairs(&mut *connection, &mut affairs).await?;
        for (record, affair) in records.iter().zip(&mut affairs) {
            self.evidence_in_time(&mut *connection, record, affair)
                .await?;
        }
        for decided in records.iter().filter_map(|record| record.fold.decided_at()) {
            deltas.scores_from(decided);
        }
        complaints::upsert(&mut *connection, &records.iter().collect::<Vec<_>>(), now).await?;
        let mut next = writer
            .write_affairs(connection, &mut affairs, deltas)
            .await?;
        next.extend(records.iter().filter_map(|record| record.next_instant));
        Ok(next)
    }

    /// Of firm cards whose anomaly is gone: those that would not have come about had only that been known which was received
    /// before they were firm, or during an outage that we recorded ourselves.
    async fn evidence_in_time(
        &self,
        connection: &mut PgConnection,
        record: &ComplaintRecord,
        affair: &mut Affair,
    ) -> Result<(), StoreError> {
        let gone = diff::to_look_up(&affair.cards, &affair.found, &|| affair.facts.clone());
        if gone.is_empty() {
            return Ok(());
        }
        let no = record.fold.no.as_str();
        let events = events::of_complaints(&mut *connection, &[no]).await?;
        let subjects = [record.fold.source.clone(), record.fold.hall.clone()];
        let since = gone.iter().map(|card| card.due_at).min();
        let outages = outages(connection, &subjects, since.unwrap_or(affair.at)).await?;
        let mut in_time = Vec::new();
        for card in gone {
            let firm = card.issued_at.unwrap_or(card.created_at);
            let counts = |event: &&CaseEvent| {
                event.received <= firm || outages.iter().any(|outage| outage.covers(event.received))
            };
            let fold = ComplaintFold::fold(no, events.iter().filter(counts));
            let found = self.reference.complaint(fold, affair.at, affair.lived);
            let is_same = |found: &Found| found.cause_key == card.cause_key;
            if !found.affair.found.iter().any(is_same) {
                in_time.push(card.id);
            }
        }
        affair.in_time.extend(in_time);
        Ok(())
    }
}

async fn refold(
    connection: &mut PgConnection,
    numbers: &[&str],
) -> Result<HashMap<String, (ComplaintFold, usize)>, StoreError> {
    if numbers.is_empty() {
        return Ok(HashMap::new());
    }
    let mut events: HashMap<String, Vec<CaseEvent>> = HashMap::new();
    for event in events::of_complaints(connection, numbers).await? {
        let no = event.case_no.clone().unwrap_or_default();
        events.entry(no).or_default().push(event);
    }
    Ok(events
        .into_iter()
        .map(|(no, events)| {
            let fold = ComplaintFold::fold(no.clone(), &events);
            (no, (fold, events.len()))
        })
        .collect())
}
