//! The supervisor: the one writer of cases, cards and roll-ups.
//!
//! It takes batches, due instants and people's actions in turn. Each is one transaction; what changed is given out after its
//! commit. Because it is the only writer of its halls, no lock is taken and no order has to be argued about. Only when hundreds
//! of deadlines fire at once are there two transactions, each with cases of its own.
//!
//! The queue of deadlines holds *instants*, not cases: when one comes, the database's index tells which cases are meant. Due
//! instants are closing times for the most part, so a million open cases share a few hundred instants; where every case has its
//! own (second mode), an entry costs the tree about 16 bytes.

mod absent;
mod act;
mod again;
mod answers;
mod assess;
mod batch;
mod by_hand;
mod closings;
mod complaints;
mod delta;
mod diff;
mod fire;
mod months;
mod quiet;
mod subjects;
mod sweep;
mod tell;
mod watch;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use mingjing_monitor::item::{Item, ItemVersion};
use mingjing_monitor::store::sources::Source;
use mingjing_monitor::store::{StoreError, calendars, county, halls, items, sources, states, ways};
use sqlx::{PgConnection, PgPool};

use crate::store::episodes::{self, EpisodeRecord};
use crate::store::{acknowledgements, cards, deliveries, orders, profiles};
use closings::Closings;
use delta::Deltas;
use months::Round;
use sweep::Sweep;
use write::Writer;

pub use absent::{Absent, LONGEST_LEAVE, LONGEST_PAUSE};
pub use assess::{Assessment, Found, Hearings, Reference};
pub use delta::{
    ActError, Actor, Applied, BatchOutcome, CardAction, Delta, NewCard, NewOrder, OrderAction,
    Rejection,
};
pub use quiet::{LONGEST_ACKNOWLEDGEMENT, LONGEST_MAINTENANCE, Quiet, QuietError};
pub use tell::remind;
pub use watch::{Holder, Sight, Sighting, Sightings, held_back};

/// How many cases are looked at in one go when deadlines fire.
const FIRE_CHUNK: i64 = 5_000;

/// The one writer. Owned by one task of the console; see the module.
pub struct Supervisor {
    pool: PgPool,
    reference: Reference,
    queue: BTreeSet<DateTime<Utc>>,
    sources: BTreeMap<String, Source>,
    /// What has gone wrong of what is watched and goes on, by `thing:subject`: silent sources, cameras that are away.
    episodes: BTreeMap<String, EpisodeRecord>,
    /// When acknowledgements run out.
    acknowledged: BTreeSet<DateTime<Utc>>,
    /// How far the months were looked at.
    round: Round,
    /// The months that close, and are scored again.
    closings: Closings,
    /// How far open cases have been looked at since the rules changed.
    sweep: Sweep,
    /// Whether unanswered answers have consequences (R12).
    answers: bool,
    /// A transaction failed, perhaps after the server had committed it: the queue has to be read again.
    stale: bool,
}

impl Supervisor {
    /// Loads what cases are judged by and the queue of deadlines. What fell due while nobody ran is due at once: call
    /// [`Supervisor::fire_due`] while [`Supervisor::next_due`] has passed. Where no rule profile is in force, the standard is
    /// put in force.
    pub async fn start(pool: PgPool, now: DateTime<Utc>) -> Result<Self, StoreError> {
        let reference = load_reference(&pool, now).await?;
        let mut connection = pool.acquire().await?;
        let queue = instants(&mut connection).await?;
        let sources = by_id(sources::load(&mut connection).await?);
        let episodes = by_key(episodes::going_on(&mut connection).await?);
        let acknowledged = acknowledgements::instants(&mut connection).await?;
        let round = episodes::round(&mut connection, "R8").await?;
        drop(connection);
        let settled = profiles::settled(&pool).await?;
        let sweep = Sweep::new(settled, &reference.profiles, now);
        let mut supervisor = Self {
            pool,
            reference,
            queue,
            sources,
            episodes,
            acknowledged: acknowledged.into_iter().collect(),
            round: Round::new(round, now),
            closings: Closings::new(now),
            sweep,
            answers: true,
            stale: false,
        };
        let midnight = supervisor.midnight_after(now);
        if round.is_none() {
            supervisor.round = Round::new(None, midnight);
        }
        if supervisor.reference.trial {
            supervisor.closings.next_at = midnight;
        }
        supervisor.catch_up_with_calendar(now).await?;
        supervisor.take_unfolded_complaints(now).await?;
        supervisor.measure_unmeasured(now).await?;
        Ok(supervisor)
    }

    /// Nobody answers here: a log is replayed, in which there are no answers. So nothing follows from their absence.
    pub fn ignore_answers(&mut self) {
        self.answers = false;
    }

    /// Reads again what may be changed beside us without a restart: county, calendar, halls, items, rule profile, lags of
    /// sources. Cases whose deadline was only expected are looked at again when their year has come.
    pub async fn reload(&mut self, now: DateTime<Utc>) -> Result<Vec<Delta>, StoreError> {
        let before = std::mem::replace(&mut self.reference, load_reference(&self.pool, now).await?);
        self.sweep.learn(&self.reference.profiles, now);
        if !self.reference.trial {
            self.closings.again(now);
        }
        // A year that was not there before concerns only what was expected; else every deadline may be another.
        let (mark, known) = (self.reference.calendar.mark(), before.calendar.mark());
        if !mark.continues(&known) {
            self.follow_calendar(&known, now);
        }
        if !self.reference.hearings.lags_as(&before.hearings) {
            self.sweep.again(None, now);
        }
        let mut connection = self.pool.acquire().await?;
        self.sources = by_id(sources::load(&mut connection).await?);
        drop(connection);
        let deltas = self.look_again_at_expected(now).await?;
        if mark != known && !self.sweep.goes_on_again() {
            let mut connection = self.pool.acquire().await?;
            calendars::settle(&mut connection, &mark, now).await?;
        }
        Ok(deltas)
    }

    /// Reads again how the words of sources reach us, because an edge is back: what the sources behind it tell late was not theirs
    /// to tell sooner. Silent ones have a moment to be heard of.
    pub async fn hear_again(&mut self, now: DateTime<Utc>) -> Result<Vec<Delta>, StoreError> {
        self.recover().await?;
        self.reference.hearings = hearings(&self.pool, now).await?;
        let mut deltas = Deltas::default();
        self.look_at_episodes_again(now, &mut deltas).await?;
        Ok(deltas.into_vec())
    }

    /// What cases are judged by. The pages use it to show the clock as the rules see it.
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// The sources as they stand.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.sources.values()
    }

    /// The earliest instant at which [`Supervisor::fire_due`] has something to do.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        if self.stale {
            return Some(DateTime::UNIX_EPOCH);
        }
        let turns_silent = |source: &Source| {
            let heard = source.loading_until.is_none() && !self.is_silent(&source.id);
            source.silent_from().filter(|_| heard)
        };
        let silence = self.sources.values().filter_map(turns_silent).min();
        [
            self.queue.first().copied(),
            silence,
            self.sweep.due(),
            self.next_of_episodes(),
            self.acknowledged.first().copied(),
            Some(self.round.next_at),
            Some(self.closings.next_at),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// How many instants the queue holds.
    pub fn queue_len(&self) -> usize {
        self.queue.len()
    }

    /// Reads the queue again after a transaction that failed.
    async fn recover(&mut self) -> Result<(), StoreError> {
        if self.stale {
            let mut connection = self.pool.acquire().await?;
            self.queue = instants(&mut connection).await?;
            self.sources = by_id(sources::load(&mut connection).await?);
            self.episodes = by_key(episodes::going_on(&mut connection).await?);
            let acknowledged = acknowledgements::instants(&mut connection).await?;
            self.acknowledged = acknowledged.into_iter().collect();
            self.stale = false;
        }
        Ok(())
    }

    /// Writes what a transaction at `now` comes to.
    fn writer(&self, now: DateTime<Utc>) -> Writer<'_> {
        Writer {
            reference: &self.reference,
            sources: &self.sources,
            answers: self.answers,
            now,
        }
    }

    /// Ids of the sources whose history is being loaded.
    fn loading(&self) -> Vec<String> {
        self.sources
            .values()
            .filter(|source| source.loading_until.is_some())
            .map(|source| source.id.clone())
            .collect()
    }
}

/// Every instant at which time alone changes something: of cases, of complaints, of answers to cards and orders.
async fn instants(connection: &mut PgConnection) -> Result<BTreeSet<DateTime<Utc>>, StoreError> {
    let mut all: BTreeSet<_> = states::instants(&mut *connection)
        .await?
        .into_iter()
        .collect();
    all.extend(mingjing_monitor::store::complaints::instants(&mut *connection).await?);
    all.extend(cards::instants(&mut *connection).await?);
    all.extend(orders::instants(connection).await?);
    Ok(all)
}

fn by_key(records: Vec<EpisodeRecord>) -> BTreeMap<String, EpisodeRecord> {
    records
        .into_iter()
        .map(|record| (record.key(), record))
        .collect()
}

fn by_id(sources: Vec<Source>) -> BTreeMap<String, Source> {
    sources
        .into_iter()
        .map(|source| (source.id.clone(), source))
        .collect()
}

/// Reads what cases are judged by.
pub async fn load_reference(pool: &PgPool, now: DateTime<Utc>) -> Result<Reference, StoreError> {
    let county = county::county(pool).await?;
    let tree = halls::tree(pool).await?;
    Ok(Reference {
        root: tree
            .halls()
            .first()
            .map(|hall| hall.code.clone())
            .unwrap_or_default(),
        calendar: county::calendar(pool).await?,
        profiles: profiles::versions(pool, now).await?,
        halls: tree
            .halls()
            .iter()
            .map(|hall| (hall.code.clone(), hall.level))
            .collect(),
        items: by_code(items::versions(pool, None).await?),
        // Before a county is set up, nothing may count.
        trial: county.is_none_or(|county| county.trial_run),
        heard: deliveries::heard(pool).await?,
        hearings: hearings(pool, now).await?,
    })
}

async fn hearings(pool: &PgPool, now: DateTime<Utc>) -> Result<Hearings, StoreError> {
    let mut connection = pool.acquire().await?;
    let known = sources::load(&mut connection).await?;
    let mut outages = sources::long_outages(&mut connection).await?;
    outages.extend(ways::long_cut_off(&mut connection).await?);
    Ok(Hearings::new(&known, &outages, now))
}

fn by_code(versions: Vec<ItemVersion>) -> std::collections::HashMap<String, Item> {
    let mut items: std::collections::HashMap<String, Vec<ItemVersion>> =
        std::collections::HashMap::new();
    for version in versions {
        items.entry(version.code.clone()).or_default().push(version);
    }
    items
        .into_iter()
        .map(|(code, versions)| (code, Item::from(versions)))
        .collect()
}
