//! A batch of events: identified, stored, folded, judged and counted in one transaction.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use mingjing_monitor::case::{Advance, CaseFold};
use mingjing_monitor::event::{CaseEvent, EventKind};
use mingjing_monitor::store::events::{Hashed, Identity};
use mingjing_monitor::store::sources::{self, Source, SourceState};
use mingjing_monitor::store::states::CaseRecord;
use mingjing_monitor::store::windows::Heard;
use mingjing_monitor::store::{
    StoreError, absences, events, halls, health, items, retention, service, states,
};
use sqlx::PgConnection;

use super::again;
use super::delta::{Applied, BatchOutcome, Delta, Deltas, Rejection};
use super::tell;
use super::watch::Looked;
use super::write::{Rows, Touched};
use super::{FIRE_CHUNK, Supervisor, by_code};
use crate::store::cards;

/// An event that may go in, with its place in the batch.
struct Candidate {
    index: usize,
    hashed: Hashed,
}

impl Supervisor {
    /// Takes a batch of events in: one transaction, committed when this returns. Known events change nothing; an event that
    /// cannot go in is named and does not spoil the rest. `initial_load`: history, which counts as received when it happened.
    ///
    /// A source that is heard of for the first time with `initial_load` is *loading*: its deadlines fire only as far as its events
    /// reach, and nothing of it is announced, until it sends a heartbeat or a batch without `initial_load`. A source that was
    /// heard of before cannot go back in time: its history is taken in as of `now`.
    pub async fn apply_batch(
        &mut self,
        events: Vec<CaseEvent>,
        initial_load: bool,
        now: DateTime<Utc>,
    ) -> Result<Applied, StoreError> {
        self.recover().await?;
        let mut outcome = BatchOutcome::default();
        let mut tally = Tally::default();
        let candidates = self
            .admit(events, initial_load, &mut outcome, &mut tally)
            .await?;
        let mut transaction = self.pool.begin().await?;
        let new = identify(&mut transaction, candidates, &mut outcome, &mut tally).await?;
        let before = self.sources.clone();
        self.sources = super::by_id(sources::load(&mut transaction).await?);
        let mut deltas = Deltas::default();
        let heard = tally.hear(&mut self.sources, &new, now);
        let done = match self
            .take_in(&mut transaction, &new, &heard, now, &mut deltas)
            .await
        {
            Ok(next) => transaction
                .commit()
                .await
                .map(|()| next)
                .map_err(StoreError::from),
            Err(error) => Err(error),
        };
        match done {
            Ok((next, heard_again)) => {
                self.queue.extend(next);
                self.remember(heard_again);
            }
            Err(error) => {
                self.sources = before;
                self.stale = true;
                return Err(error);
            }
        }
        if heard.ended_loading {
            // What was held back while history was loaded is due now.
            self.queue.insert(now);
            self.round.again(now);
            self.closings.again(now);
        }
        outcome.accepted = new.len();
        outcome.rejected.sort_by_key(|rejection| rejection.index);
        Ok(Applied {
            outcome,
            deltas: self.give_out(deltas, now),
        })
    }

    /// A heartbeat that did not come as an event: the source is alive and complete up to an instant.
    pub async fn heartbeat(
        &mut self,
        source: &str,
        complete_until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Delta>, StoreError> {
        let event = CaseEvent {
            source: source.to_owned(),
            id: format!("heartbeat:{}", complete_until.timestamp_micros()),
            case_no: None,
            time: now,
            date_only: false,
            seq: None,
            replaces: None,
            received: now,
            initial_load: false,
            place: mingjing_monitor::event::Place::default(),
            kind: EventKind::Heartbeat(mingjing_monitor::event::Heartbeat { complete_until }),
        };
        Ok(self.apply_batch(vec![event], false, now).await?.deltas)
    }

    /// Leaves out what cannot go in: unknown halls, and an id used twice within the batch.
    async fn admit(
        &mut self,
        events: Vec<CaseEvent>,
        initial_load: bool,
        outcome: &mut BatchOutcome,
        tally: &mut Tally,
    ) -> Result<Vec<Candidate>, StoreError> {
        self.learn(&events).await?;
        let mut first: HashMap<(String, String), [u8; 32]> = HashMap::with_capacity(events.len());
        let mut candidates = Vec::with_capacity(events.len());
        for (index, mut event) in events.into_iter().enumerate() {
            event.initial_load |= initial_load;
            if event.initial_load {
                event.received = event.time;
            }
            let about_source = matches!(event.kind, EventKind::Heartbeat(_));
            if !about_source && !self.reference.halls.contains_key(&event.place.hall) {
                let hall = &event.place.hall;
                let reason = format!(
                    "hall {hall} is not known: import it with `mingjing import halls FILE`"
                );
                tally.reject(outcome, index, &event, reason);
                continue;
            }
            let hashed = Hashed::from(event);
            let event = &hashed.event;
            match first.get(&(event.source.clone(), event.id.clone())) {
                None => {
                    first.insert((event.source.clone(), event.id.clone()), hashed.hash);
                    candidates.push(Candidate { index, hashed });
                }
                Some(hash) if *hash == hashed.hash => tally.duplicate(outcome, event),
                Some(_) => tally.reject(outcome, index, event, conflict("in this batch")),
            }
        }
        Ok(candidates)
    }

    /// Looks up halls and items that were imported since they were read.
    async fn learn(&mut self, events: &[CaseEvent]) -> Result<(), StoreError> {
        let (mut unknown_halls, mut unknown_items) = (BTreeSet::new(), BTreeSet::new());
        for event in events {
            if !event.place.hall.is_empty() && !self.reference.halls.contains_key(&event.place.hall)
            {
                unknown_halls.insert(event.place.hall.clone());
            }
            if let Some(item) = event
                .place
                .item
                .as_ref()
                .filter(|item| !self.reference.items.contains_key(*item))
            {
                unknown_items.insert(item.clone());
            }
        }
        if !unknown_halls.is_empty() {
            let wanted: Vec<String> = unknown_halls.into_iter().collect();
            if !halls::known(&self.pool, &wanted).await?.is_empty() {
                let tree = halls::tree(&self.pool).await?;
                self.reference.halls = tree
                    .halls()
                    .iter()
                    .map(|hall| (hall.code.clone(), hall.level))
                    .collect();
            }
        }
        if !unknown_items.is_empty() {
            let wanted: Vec<String> = unknown_items.into_iter().collect();
            self.reference
                .items
                .extend(by_code(items::versions(&self.pool, Some(&wanted)).await?));
        }
        Ok(())
    }

    /// Stores and works on what is new; the instants to look again at.
    async fn take_in(
        &self,
        connection: &mut PgConnection,
        new: &[Hashed],
        heard: &HeardSources,
        now: DateTime<Utc>,
        deltas: &mut Deltas,
    ) -> Result<(Vec<DateTime<Utc>>, Looked), StoreError> {
        let changed: Vec<&Source> = heard
            .sources
            .iter()
            .filter_map(|id| self.sources.get(id))
            .collect();
        sources::heard(&mut *connection, &changed).await?;
        for source in &changed {
            if self.is_silent(&source.id) {
                health::source(&mut *connection, now, &source.id, SourceState::Ok.as_str()).await?;
            }
            if source.loading_until.is_none() {
                deltas.add(Delta::SourceChanged {
                    id: source.id.clone(),
                });
            }
        }
        let heard_again = self
            .end_silence(&mut *connection, heard.sources.iter(), now, deltas)
            .await?;
        if !new.is_empty() {
            events::insert(&mut *connection, new, now).await?;
            self.hear_windows(&mut *connection, new, deltas).await?;
            let new = new.iter().map(|hashed| &hashed.event);
            let about: Vec<&CaseEvent> = new.filter(|event| event.is_about_service()).collect();
            let zone = self.reference.calendar.zone;
            if let Some(since) = service::hear(&mut *connection, &about, zone).await? {
                deltas.scores_from(since);
            }
        }
        let absences = self
            .hear_absences(&mut *connection, new, now, deltas)
            .await?;
        let mut touched = self.fold(&mut *connection, new, heard, now).await?;
        let writer = self.writer(now);
        writer
            .write(&mut *connection, &mut touched, Rows::Whole, deltas)
            .await?;
        tell::applicants(&mut *connection, &self.reference, new, &touched, now).await?;
        let mut next: Vec<DateTime<Utc>> = touched.iter().flat_map(Touched::instants).collect();
        next.extend(
            self.take_complaints(&mut *connection, new, &heard.complete, now, deltas)
                .await?,
        );
        for source in changed {
            if let Some(until) = source.loading_until {
                next.extend(
                    self.fire_loading(&mut *connection, &source.id, until, deltas)
                        .await?,
                );
            }
        }
        Ok((next, heard_again.and(absences)))
    }

    /// Pauses and leave: what was found of their windows is looked at again.
    async fn hear_absences(
        &self,
        connection: &mut PgConnection,
        new: &[Hashed],
        now: DateTime<Utc>,
        deltas: &mut Deltas,
    ) -> Result<Looked, StoreError> {
        let about: Vec<&CaseEvent> = new
            .iter()
            .map(|hashed| &hashed.event)
            .filter(|event| event.kind.type_name().starts_with("window."))
            .collect();
        if about.is_empty() {
            return Ok(Looked::default());
        }
        let tree = halls::tree_in(&mut *connection).await?;
        let touched = absences::hear(&mut *connection, &about, &tree).await?;
        let since = touched.iter().map(|(_, from)| *from).min().unwrap_or(now);
        // What one pause uses up of a day, another has less of.
        let since = self
            .reference
            .calendar
            .midnight(self.reference.calendar.date(since));
        let windows: Vec<String> = touched.into_iter().map(|(window, _)| window).collect();
        self.look_at_windows(connection, &windows, since, now, deltas)
            .await
    }

    async fn hear_windows(
        &self,
        connection: &mut PgConnection,
        new: &[Hashed],
        deltas: &mut Deltas,
    ) -> Result<(), StoreError> {
        let mut windows = Heard::default();
        for hashed in new {
            windows.take(&hashed.event);
        }
        windows.write(connection).await?;
        let quiet: HashSet<(&str, &str)> = new
            .iter()
            .map(|hashed| &hashed.event)
            .filter(|event| self.is_loading(&event.source))
            .filter_map(|event| Some((event.place.hall.as_str(), event.place.window.as_deref()?)))
            .collect();
        for (hall, no) in windows.touched().filter(|window| !quiet.contains(window)) {
            deltas.add(Delta::WindowChanged {
                hall: hall.to_owned(),
                no: no.to_owned(),
            });
        }
        Ok(())
    }

    fn is_loading(&self, source: &str) -> bool {
        self.sources
            .get(source)
            .is_some_and(|source| source.loading_until.is_some())
    }

    /// Advances the touched cases: in place where their events come in order, afresh from all their events where not.
    async fn fold(
        &self,
        connection: &mut PgConnection,
        new: &[Hashed],
        heard: &HeardSources,
        now: DateTime<Utc>,
    ) -> Result<Vec<Touched>, StoreError> {
        let mut of_case: BTreeMap<&str, Vec<&CaseEvent>> = BTreeMap::new();
        for event in new
            .iter()
            .map(|hashed| &hashed.event)
            .filter(|event| event.is_about_case())
        {
            of_case
                .entry(event.case_no.as_deref().unwrap_or_default())
                .or_default()
                .push(event);
        }
        let mut firmed = BTreeSet::new();
        for (source, until) in &heard.complete {
            firmed.extend(cards::to_firm(&mut *connection, source, *until).await?);
        }
        for case in &firmed {
            of_case.entry(case).or_default();
        }
        let numbers: Vec<&str> = of_case.keys().copied().collect();
        if numbers.is_empty() {
            return Ok(Vec::new());
        }
        let known = states::load(&mut *connection, &numbers).await?;
        let mut known: HashMap<String, CaseRecord> = known
            .into_iter()
            .map(|record| (record.fold.case_no.clone(), record))
            .collect();
        let mut late = Vec::new();
        let mut folds: Vec<(&str, Option<CaseRecord>, Option<CaseFold>)> =
            Vec::with_capacity(numbers.len());
        for (&no, events) in &mut of_case {
            events.sort_by(|a, b| a.cmp_order(b));
            let before = known.remove(no);
            let fold = match &before {
                None => Some(CaseFold::fold(no, events.iter().copied())),
                Some(before) => advance(before.fold.clone(), events),
            };
            if fold.is_none() {
                late.push(no);
            }
            folds.push((no, before, fold));
        }
        let mut refolded = refold(&mut *connection, &late).await?;
        let dropped = match late.is_empty() {
            true => None,
            false => retention::dropped_until(&mut *connection).await?,
        };
        let mut taken = Vec::with_capacity(folds.len());
        for (no, before, fold) in folds {
            let told = of_case.get(no).map_or(&[][..], Vec::as_slice);
            let Some(fold) = fold.or_else(|| {
                let again = refolded.remove(no)?;
                let known = again.loaded - told.len();
                let whole = before
                    .as_ref()
                    .is_none_or(|it| is_whole(&it.fold, known, dropped));
                whole.then_some(again.fold)
            }) else {
                // Folded from what is left it would be another case: it stays as it was.
                for event in told {
                    events::note_unfolded(&mut *connection, event, UNFOLDED).await?;
                }
                continue;
            };
            taken.push((before, fold));
        }
        let folds = again::follow(connection, taken).await?;
        let touched = folds.into_iter().map(|(before, fold)| {
            let loading = self
                .sources
                .get(&fold.source)
                .and_then(|source| source.loading_until);
            let at = loading.unwrap_or(now);
            Touched::new(
                before,
                self.reference.assess(fold, at),
                at,
                loading.is_some(),
            )
        });
        Ok(touched.collect())
    }

    /// History moves time forward for its own source: what fell due up to its latest event fires.
    async fn fire_loading(
        &self,
        connection: &mut PgConnection,
        source: &str,
        until: DateTime<Utc>,
        deltas: &mut Deltas,
    ) -> Result<Vec<DateTime<Utc>>, StoreError> {
        let mut next = Vec::new();
        loop {
            let records =
                states::due_of_source(&mut *connection, until, source, FIRE_CHUNK).await?;
            let last_chunk = (records.len() as i64) < FIRE_CHUNK;
            next.extend(
                self.fire(&mut *connection, records, until, true, deltas)
                    .await?,
            );
            if last_chunk {
                break;
            }
        }
        next.extend(
            self.fire_complaints(connection, Some(source), until, deltas)
                .await?,
        );
        Ok(next)
    }
}

/// The fold with these events, which are in order among themselves; `None` when one belongs further back.
fn advance(mut fold: CaseFold, events: &[&CaseEvent]) -> Option<CaseFold> {
    events
        .iter()
        .all(|event| fold.advance(event) == Advance::InOrder)
        .then_some(fold)
}

/// Why an event that was kept moved nothing.
pub(super) const UNFOLDED: &str = "it came after the earlier events of its case or complaint were dropped as old: what they came to stays as it was";

/// Whether `known` events are all that a case had, where events of before `dropped` are no longer kept. One that was replaced was not folded.
fn is_whole(fold: &CaseFold, known: usize, dropped: Option<DateTime<Utc>>) -> bool {
    let Some(dropped) = dropped else { return true };
    let old = fold.opened().is_none_or(|opened| opened.at < dropped);
    let replaced = if old { fold.replaced.len() } else { 0 };
    known >= fold.events as usize + replaced
}

/// A case from all its events that there are.
struct Refolded {
    fold: CaseFold,
    /// How many events.
    loaded: usize,
}

async fn refold(
    connection: &mut PgConnection,
    cases: &[&str],
) -> Result<HashMap<String, Refolded>, StoreError> {
    if cases.is_empty() {
        return Ok(HashMap::new());
    }
    let mut of_case: HashMap<String, Vec<CaseEvent>> = HashMap::with_capacity(cases.len());
    for event in events::of_cases(connection, cases).await? {
        of_case
            .entry(event.case_no.clone().unwrap_or_default())
            .or_default()
            .push(event);
    }
    Ok(of_case
        .into_iter()
        .map(|(no, events)| {
            let fold = CaseFold::fold(no.clone(), &events);
            let loaded = events.len();
            (no, Refolded { fold, loaded })
        })
        .collect())
}

async fn identify(
    connection: &mut PgConnection,
    candidates: Vec<Candidate>,
    outcome: &mut BatchOutcome,
    tally: &mut Tally,
) -> Result<Vec<Hashed>, StoreError> {
    let (places, hashed): (Vec<usize>, Vec<Hashed>) = candidates
        .into_iter()
        .map(|candidate| (candidate.index, candidate.hashed))
        .unzip();
    let identities = events::identify(connection, &hashed).await?;
    let mut new = Vec::with_capacity(hashed.len());
    for ((index, hashed), identity) in places.into_iter().zip(hashed).zip(identities) {
        match identity {
            Identity::New => new.push(hashed),
            Identity::Duplicate => tally.duplicate(outcome, &hashed.event),
            Identity::Conflict(time) => {
                tally.reject(
                    outcome,
                    index,
                    &hashed.event,
                    conflict(&format!("of {}", time.to_rfc3339())),
                );
            }
        }
    }
    Ok(new)
}

fn conflict(of: &str) -> String {
    format!(
        "conflict: another event {of} has this source and id, with other content. Send a correction under an id of its own, \
         with `data.replaces`"
    )
}

/// What each source sent in this batch.
#[derive(Default)]
struct Tally {
    sources: BTreeMap<String, (i64, i64)>,
}

/// What was heard of the sources of a batch.
struct HeardSources {
    sources: BTreeSet<String>,
    /// Sources that vouched for being complete.
    complete: Vec<(String, DateTime<Utc>)>,
    /// A source stopped loading history.
    ended_loading: bool,
}

impl Tally {
    fn duplicate(&mut self, outcome: &mut BatchOutcome, event: &CaseEvent) {
        outcome.duplicate += 1;
        self.sources.entry(event.source.clone()).or_default().0 += 1;
    }

    fn reject(
        &mut self,
        outcome: &mut BatchOutcome,
        index: usize,
        event: &CaseEvent,
        reason: String,
    ) {
        let (id, source) = (event.id.clone(), event.source.clone());
        self.sources.entry(source.clone()).or_default().1 += 1;
        outcome.rejected.push(Rejection {
            index,
            id,
            source,
            reason,
        });
    }

    /// Brings the sources up to what was heard of them.
    fn hear(
        &self,
        sources: &mut BTreeMap<String, Source>,
        new: &[Hashed],
        now: DateTime<Utc>,
    ) -> HeardSources {
        let mut heard = HeardSources {
            sources: self.sources.keys().cloned().collect(),
            complete: Vec::new(),
            ended_loading: false,
        };
        for (id, (duplicate, rejected)) in &self.sources {
            let source = sources.entry(id.clone()).or_insert_with(|| Source::new(id));
            source.duplicate += duplicate;
            source.rejected += rejected;
        }
        for event in new.iter().map(|hashed| &hashed.event) {
            let source = sources
                .entry(event.source.clone())
                .or_insert_with(|| Source::new(&event.source));
            heard.sources.insert(event.source.clone());
            let unheard = source.accepted == 0;
            source.accepted += 1;
            if let EventKind::Heartbeat(heartbeat) = &event.kind {
                source.last_heartbeat = Some(now);
                source.complete_until = source.complete_until.max(Some(heartbeat.complete_until));
            } else {
                source.last_event = Some(now);
            }
            let history = event.initial_load && !matches!(event.kind, EventKind::Heartbeat(_));
            if history && (unheard || source.loading_until.is_some()) {
                source.loading_until = source.loading_until.max(Some(event.time.min(now)));
            } else if !history && source.loading_until.take().is_some() {
                heard.ended_loading = true;
            }
        }
        heard.complete = heard
            .sources
            .iter()
            .filter_map(|id| sources.get(id))
            .filter(|source| source.lag_seconds > 0)
            .filter_map(|source| Some((source.id.clone(), source.complete_until?)))
            .collect();
        heard
    }
}
