//! What is watched while it works: cameras, halls, edges and windows as the console sees them, sources by their own silence. Each
//! time something goes wrong is an episode, recorded by us; a parent that is down and planned maintenance hold its alert back.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_monitor::org::Tree;
use mingjing_monitor::presence::Entry;
use mingjing_monitor::store::sources::{self, Outage, SourceState};
use mingjing_monitor::store::{StoreError, absences, halls, health, ways};
use sqlx::PgConnection;

use super::Supervisor;
use super::assess::{Found, Reference};
use super::delta::{Delta, Deltas};
use super::subjects::Affair;
use crate::profile::RuleSet;
use crate::rules::watched::{self, Episode, Hold, Setting, Thing, Trouble};
use crate::store::cards;
use crate::store::episodes::{self, EpisodeRecord, key};
use crate::store::maintenance::{self, Maintenance};

/// What falls down together is not seen to fall at one instant†.
const TOGETHER: TimeDelta = TimeDelta::seconds(60);
/// After an outage of our own, sources have so long to be heard again before they are called silent†.
const RECOVERY: TimeDelta = TimeDelta::minutes(10);

/// An empty window that no camera could see for so long is not watched any more†.
const FORGOTTEN: TimeDelta = TimeDelta::hours(24);

/// What the console sees of something that is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// What.
    pub thing: Thing,
    /// Which.
    pub subject: String,
    /// Its name for the screen.
    pub name: String,
    /// The hall that bears what goes wrong with it.
    pub hall: String,
    /// Of a window: the unit that staffs it.
    pub unit: Option<String>,
    /// What stands over it, as `thing:subject`.
    pub above: Vec<String>,
    /// Cameras that are away with it.
    pub cameras: u32,
    /// How it is.
    pub sight: Sight,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// Well.
    Well,
    /// Nobody can say: what was known stays. Of a window the time until somebody can does not count.
    Unknown,
    /// Not well, since then.
    Trouble(Trouble, DateTime<Utc>),
}

/// Everything that the console sees at one time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sightings {
    /// Cameras, halls, edges and windows.
    pub things: Vec<Sighting>,
}

impl Reference {
    /// What the rules find of an episode, when to look again, and the rules that hold for it now.
    fn of_episode(
        &self,
        episode: &Episode,
        setting: &Setting<'_>,
        now: DateTime<Utc>,
    ) -> (Vec<Found>, Option<DateTime<Utc>>, Arc<RuleSet>) {
        let unit = episode.unit.as_deref().unwrap_or_default();
        let place = self.place(&episode.hall, unit, "");
        self.judge(&place, episode.since, now, |rules| {
            watched::evaluate(episode, setting, rules, &self.calendar, now)
        })
    }

    /// What the rules find of every episode of which something may have fallen due in [from, to): what it was about, as cards
    /// have it, and what was found.
    pub(crate) async fn of_episodes(
        &self,
        connection: &mut PgConnection,
        (from, to): (DateTime<Utc>, DateTime<Utc>),
        now: DateTime<Utc>,
    ) -> Result<Vec<(&'static str, String, Vec<Found>)>, StoreError> {
        let records = episodes::between(&mut *connection, from, to).await?;
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let around = Around::of(&mut *connection, &records, now).await?;
        let look = |record: &EpisodeRecord| {
            let episode = &record.episode;
            let (found, ..) = self.of_episode(episode, &around.setting(record), now);
            (episode.thing.as_str(), episode.subject.clone(), found)
        };
        Ok(records.iter().map(look).collect())
    }
}

/// Episodes that were looked at, and written.
#[derive(Default)]
pub(super) struct Looked {
    records: Vec<EpisodeRecord>,
    /// When answers to their cards fall due.
    next: Vec<DateTime<Utc>>,
}

impl Looked {
    /// These and others.
    pub(super) fn and(mut self, others: Self) -> Self {
        self.records.extend(others.records);
        self.next.extend(others.next);
        self
    }
}

impl Supervisor {
    /// Takes what the console sees now: what has gone wrong since begins, what is well again ends. What it does not name is no
    /// longer watched. Nothing happens where nothing changed.
    pub async fn observe(
        &mut self,
        seen: &Sightings,
        now: DateTime<Utc>,
    ) -> Result<Vec<Delta>, StoreError> {
        self.recover().await?;
        let mut changed: Vec<EpisodeRecord> = Vec::new();
        for open in self.episodes.values() {
            if open.episode.thing == Thing::Source {
                continue;
            }
            let sighting = seen
                .things
                .iter()
                .find(|it| it.thing == open.episode.thing && it.subject == open.episode.subject);
            let after = after(open, sighting, now);
            if after != *open {
                changed.push(after);
            }
        }
        for it in &seen.things {
            let Sight::Trouble(trouble, since) = it.sight else {
                continue;
            };
            let known = self.episodes.get(&key(it.thing, &it.subject));
            if known.is_none_or(|known| known.episode.trouble != trouble) {
                changed.push(begun(it, trouble, since.min(now)));
            }
        }
        if changed.is_empty() {
            return Ok(Vec::new());
        }
        let mut deltas = Deltas::default();
        let mut transaction = self.pool.begin().await?;
        for record in &mut changed {
            store(&mut transaction, record).await?;
        }
        let all = self.with_those_that_go_on(changed);
        let looked = self
            .look_at_episodes(&mut transaction, all, now, &mut deltas)
            .await?;
        transaction.commit().await?;
        self.remember(looked);
        Ok(self.give_out(deltas, now))
    }

    /// Looks at every episode that goes on again: maintenance was planned or ended, or the rules changed.
    pub(super) async fn look_at_all_episodes(
        &self,
        connection: &mut PgConnection,
        now: DateTime<Utc>,
        deltas: &mut Deltas,
    ) -> Result<Looked, StoreError> {
        let all = self.with_those_that_go_on(Vec::new());
        self.look_at_episodes(connection, all, now, deltas).await
    }

    /// As [`Supervisor::look_at_all_episodes`], in a transaction of its own.
    pub(super) async fn look_at_episodes_again(
        &mut self,
        now: DateTime<Utc>,
        deltas: &mut Deltas,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        let looked = self
            .look_at_all_episodes(&mut transaction, now, deltas)
            .await?;
        transaction.commit().await?;
        self.remember(looked);
        Ok(())
    }

    /// These, and those that go on and may be held back or released by them. What ends comes first: it is counted before what
    /// begins in its place.
    fn with_those_that_go_on(&self, mut changed: Vec<EpisodeRecord>) -> Vec<EpisodeRecord> {
        let ids: Vec<i64> = changed.iter().map(|record| record.id).collect();
        let others = self
            .episodes
            .values()
            .filter(|open| !ids.contains(&open.id));
        changed.extend(others.cloned());
        changed
    }

    /// Keeps in mind what goes on.
    pub(super) fn remember(&mut self, looked: Looked) {
        self.queue.extend(looked.next);
        let (over, open): (Vec<_>, Vec<_>) = looked
            .records
            .into_iter()
            .partition(|record| record.episode.until.is_some());
        for record in over {
            let key = record.key();
            if self
                .episodes
                .get(&key)
                .is_some_and(|open| open.id == record.id)
            {
                self.episodes.remove(&key);
            }
        }
        self.episodes
            .extend(open.into_iter().map(|record| (record.key(), record)));
    }

    /// When the first of what goes on has something new to say.
    pub(super) fn next_of_episodes(&self) -> Option<DateTime<Utc>> {
        self.episodes
            .values()
            .filter_map(|record| record.next_instant)
            .min()
    }

    /// Fires the episodes whose next instant has come.
    pub(super) async fn fire_episodes(
        &mut self,
        now: DateTime<Utc>,
        deltas: &mut Deltas,
    ) -> Result<(), StoreError> {
        let due = |record: &&EpisodeRecord| record.next_instant.is_some_and(|next| next <= now);
        let records: Vec<EpisodeRecord> = self.episodes.values().filter(due).cloned().collect();
        if records.is_empty() {
            return Ok(());
        }
        let mut transaction = self.pool.begin().await?;
        let looked = self
            .look_at_episodes(&mut transaction, records, now, deltas)
            .await?;
        transaction.commit().await?;
        self.remember(looked);
        Ok(())
    }

    /// Sources turn silent: an episode each, kept in their health too.
    pub(super) async fn find_silent(
        &mut self,
        now: DateTime<Utc>,
        deltas: &mut Deltas,
    ) -> Result<(), StoreError> {
        let newly: Vec<(String, String, DateTime<Utc>)> = self
            .sources
            .values()
            .filter(|source| source.state(now) == SourceState::Silent)
            .filter(|source| !self.is_silent(&source.id))
            .map(|source| {
                let since = source.silent_from().unwrap_or(now);
                (source.id.clone(), source.name.clone(), since)
            })
            .collect();
        if newly.is_empty() {
            return Ok(());
        }
        let mut transaction = self.pool.begin().await?;
        let all_ways = ways::ways(&mut transaction).await?;
        let mut records = Vec::with_capacity(newly.len());
        for (id, name, since) in newly {
            health::source(&mut transaction, since, &id, SourceState::Silent.as_str()).await?;
            // Where it comes by one edge alone, that one stands over it; of several none does.
            let mut edges = all_ways.iter().filter(|way| way.source == id);
            let above = edges.next().filter(|_| edges.next().is_none());
            let sighting = Sighting {
                thing: Thing::Source,
                hall: halls::bearing(&mut transaction, &id).await?,
                unit: None,
                subject: id.clone(),
                name,
                above: above
                    .map(|way| key(Thing::Edge, &way.edge))
                    .into_iter()
                    .collect(),
                cameras: 0,
                sight: Sight::Unknown,
            };
            let mut record = begun(&sighting, Trouble::Silent, since);
            store(&mut transaction, &mut record).await?;
            records.push(record);
            deltas.add(Delta::SourceChanged { id });
            deltas.add(Delta::OverviewChanged);
        }
        let looked = self
            .look_at_episodes(&mut transaction, records, now, deltas)
            .await?;
        transaction.commit().await?;
        self.remember(looked);
        Ok(())
    }

    /// Whether a source was found silent and has not been heard of since.
    pub(super) fn is_silent(&self, source: &str) -> bool {
        self.episodes.contains_key(&key(Thing::Source, source))
    }

    /// These sources were heard of: their silence is over. To be [remembered](Self::remember) after the commit.
    pub(super) async fn end_silence(
        &self,
        connection: &mut PgConnection,
        heard: impl Iterator<Item = &String>,
        now: DateTime<Utc>,
        deltas: &mut Deltas,
    ) -> Result<Looked, StoreError> {
        let mut over = Vec::new();
        for source in heard {
            let Some(open) = self.episodes.get(&key(Thing::Source, source)) else {
                continue;
            };
            let mut record = open.clone();
            record.episode.until = Some(now.max(record.episode.since));
            store(&mut *connection, &mut record).await?;
            over.push(record);
        }
        if over.is_empty() {
            return Ok(Looked::default());
        }
        self.look_at_episodes(connection, over, now, deltas).await
    }

    /// Looks again at what was wrong with these windows at or after `since`: something was entered about them, or decided about
    /// their cards. To be [remembered](Self::remember) after the commit.
    pub(super) async fn look_at_windows(
        &self,
        connection: &mut PgConnection,
        windows: &[String],
        since: DateTime<Utc>,
        now: DateTime<Utc>,
        deltas: &mut Deltas,
    ) -> Result<Looked, StoreError> {
        let things: Vec<String> = windows.iter().map(|it| key(Thing::Window, it)).collect();
        let records = episodes::of_things(&mut *connection, &things, since).await?;
        self.look_at_episodes(connection, records, now, deltas)
            .await
    }

    /// Judges these episodes and writes their cards; as they are now.
    async fn look_at_episodes(
        &self,
        connection: &mut PgConnection,
        mut records: Vec<EpisodeRecord>,
        now: DateTime<Utc>,
        deltas: &mut Deltas,
    ) -> Result<Looked, StoreError> {
        if records.is_empty() {
            return Ok(Looked::default());
        }
        let around = Around::of(&mut *connection, &records, now).await?;
        let mut affairs = Vec::with_capacity(records.len());
        for record in &mut records {
            let setting = around.setting(record);
            let episode = &record.episode;
            let (found, next, rules) = self.reference.of_episode(episode, &setting, now);
            affairs.push(Affair {
                about: episode.thing.as_str(),
                subject: episode.subject.clone(),
                source: None,
                item: String::new(),
                cause: Some(episode.cause()),
                found,
                rules,
                facts: Vec::new(),
                at: now,
                lived: false,
                in_time: Default::default(),
                cards: Vec::new(),
            });
            if record.next_instant != next {
                record.next_instant = next;
                episodes::update(&mut *connection, record).await?;
            }
        }
        let writer = self.writer(now);
        writer.load_affairs(&mut *connection, &mut affairs).await?;
        let next = writer
            .write_affairs(connection, &mut affairs, deltas)
            .await?;
        deltas.add(Delta::OverviewChanged);
        Ok(Looked { records, next })
    }
}

/// What goes on, as it is after it was looked at again; `None`: it is not watched any more.
fn after(open: &EpisodeRecord, it: Option<&Sighting>, now: DateTime<Utc>) -> EpisodeRecord {
    let mut after = open.clone();
    let episode = &mut after.episode;
    let now = now.max(episode.since);
    let blind = episode
        .unseen
        .last_mut()
        .filter(|hold| hold.until.is_none());
    match it.map(|it| (it, it.sight)) {
        Some((it, Sight::Trouble(trouble, _))) if trouble == episode.trouble => {
            if let Some(hold) = blind {
                hold.until = Some(now.max(hold.from));
            }
            episode.cameras = it.cameras;
            after.above.clone_from(&it.above);
        }
        // Nobody can say, or its cameras are not heard of yet.
        None | Some((_, Sight::Unknown)) if episode.thing == Thing::Window => match blind {
            None => episode.unseen.push(Hold {
                from: now,
                until: None,
            }),
            Some(hold) if now - hold.from > FORGOTTEN => episode.until = Some(hold.from),
            Some(_) => {}
        },
        Some((_, Sight::Unknown)) => {}
        // Somebody may have come while nobody could see: what is known of it ends there.
        _ => episode.until = Some(blind.map_or(now, |hold| hold.from)),
    }
    after
}

fn begun(it: &Sighting, trouble: Trouble, since: DateTime<Utc>) -> EpisodeRecord {
    EpisodeRecord {
        id: 0,
        episode: Episode {
            thing: it.thing,
            subject: it.subject.clone(),
            name: it.name.clone(),
            hall: it.hall.clone(),
            unit: it.unit.clone(),
            trouble,
            since,
            until: None,
            cameras: it.cameras,
            unseen: Vec::new(),
        },
        above: it.above.clone(),
        next_instant: None,
    }
}

async fn store(
    connection: &mut PgConnection,
    record: &mut EpisodeRecord,
) -> Result<(), StoreError> {
    if record.id == 0 {
        record.id = episodes::insert(connection, record).await?;
        return Ok(());
    }
    episodes::update(connection, record).await
}

/// What may hold episodes back.
pub(crate) struct Around {
    parents: Vec<EpisodeRecord>,
    maintenance: Vec<Maintenance>,
    outages: Vec<Outage>,
    tree: Tree,
    windows: HashMap<String, AboutWindow>,
}

/// What a window's episodes are judged with.
#[derive(Debug, Default)]
struct AboutWindow {
    /// What was entered about it.
    absences: Vec<Entry>,
    /// Its confirmed yellow cards of R9: cause and due instant.
    confirmed: Vec<(String, DateTime<Utc>)>,
}

/// Something that holds an episode back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// What stands over it is down itself.
    Parent(Box<EpisodeRecord>),
    /// It is under maintenance, or what stands over it is.
    Maintenance(Box<Maintenance>),
    /// We could not hear it ourselves.
    Outage,
}

impl Around {
    /// What may hold these back or did.
    pub(crate) async fn of(
        connection: &mut PgConnection,
        records: &[EpisodeRecord],
        now: DateTime<Utc>,
    ) -> Result<Self, StoreError> {
        let mut above: Vec<String> = records.iter().flat_map(|it| it.above.clone()).collect();
        above.sort();
        above.dedup();
        let since = records.iter().map(|it| it.episode.since).min();
        let since = since.unwrap_or(now) - RECOVERY;
        let parents = episodes::of_things(&mut *connection, &above, since).await?;
        above.extend(records.iter().map(EpisodeRecord::key));
        let maintenance = maintenance::of_things(&mut *connection, &above, since).await?;
        let of = |thing| {
            let of_thing = records.iter().filter(move |it| it.episode.thing == thing);
            of_thing.map(|it| it.episode.subject.clone())
        };
        let mut subjects: Vec<String> = of(Thing::Source).collect();
        let windows: Vec<String> = of(Thing::Window).collect();
        let outages = if subjects.is_empty() && windows.is_empty() {
            Vec::new()
        } else {
            let cut_off = ways::cut_off(&mut *connection, &subjects, since).await?;
            // While the console is away, so is its own ingest.
            subjects.push("local".to_owned());
            let mut outages = sources::outages(&mut *connection, &subjects, since).await?;
            outages.extend(cut_off);
            outages
        };
        Ok(Self {
            parents,
            maintenance,
            outages,
            windows: about_windows(&mut *connection, &windows, since, now).await?,
            tree: halls::tree_in(connection).await?,
        })
    }

    /// What this one is judged with beside the rules.
    fn setting(&self, record: &EpisodeRecord) -> Setting<'_> {
        let episode = &record.episode;
        let of_window = self.windows.get(&episode.subject);
        let of_window = of_window.filter(|_| episode.thing == Thing::Window);
        let (absences, confirmed) = of_window.map_or((&[][..], &[][..]), |window| {
            (window.absences.as_slice(), window.confirmed.as_slice())
        });
        let hall = self.tree.get(&episode.hall);
        Setting {
            holds: self.holds(record),
            opening: hall.map(|hall| hall.opening).unwrap_or_default(),
            absences,
            confirmed,
        }
    }

    /// Everything that holds this one back, and when.
    pub(crate) fn holders(&self, record: &EpisodeRecord) -> Vec<(Holder, Hold)> {
        let own = record.key();
        let parents = self
            .parents
            .iter()
            .filter(|parent| parent.id != record.id && record.above.contains(&parent.key()))
            .map(|parent| {
                let hold = Hold {
                    from: parent.episode.since - TOGETHER,
                    until: parent.episode.until,
                };
                (Holder::Parent(Box::new(parent.clone())), hold)
            });
        let planned = self.maintenance.iter().filter_map(|planned| {
            let target = format!("{}:{}", planned.thing, planned.subject);
            let hold = planned.hold()?;
            (target == own || record.above.contains(&target))
                .then(|| (Holder::Maintenance(Box::new(planned.clone())), hold))
        });
        let thing = record.episode.thing;
        let outages = self.outages.iter().filter(|outage| {
            let mine = match thing {
                Thing::Source => {
                    outage.what != "source" || outage.subject == record.episode.subject
                }
                // What the edges of its cameras miss is seen as unknown; while the console is away nobody looks.
                Thing::Window => outage.what == "console",
                Thing::Edge | Thing::Hall | Thing::Camera => false,
            };
            // The first connection of an edge is recorded as an outage that ends as it begins.
            mine && outage.until != Some(outage.since)
        });
        let recovery = match thing {
            Thing::Source => RECOVERY,
            _ => TimeDelta::zero(),
        };
        let outages = outages.map(|outage| {
            let hold = Hold {
                from: outage.since,
                until: outage.until.map(|until| until + recovery),
            };
            (Holder::Outage, hold)
        });
        parents.chain(planned).chain(outages).collect()
    }

    fn holds(&self, record: &EpisodeRecord) -> Vec<Hold> {
        self.holders(record)
            .into_iter()
            .map(|(_, hold)| hold)
            .collect()
    }
}

/// What was entered about these windows and may excuse anything from `since` on, and the cards of that month that were confirmed.
async fn about_windows(
    connection: &mut PgConnection,
    windows: &[String],
    since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<HashMap<String, AboutWindow>, StoreError> {
    let mut all: HashMap<String, AboutWindow> = HashMap::new();
    if windows.is_empty() {
        return Ok(all);
    }
    let (day, month) = (TimeDelta::days(1), TimeDelta::days(32));
    // A pause of the same day uses up what may be paused, however long it is over.
    let entered = absences::of_windows(&mut *connection, windows, since - day, now + month);
    for (window, entries) in entered.await? {
        all.entry(window).or_default().absences = entries;
    }
    for (window, cause, due_at) in
        cards::confirmed_absences(connection, windows, since - month).await?
    {
        all.entry(window)
            .or_default()
            .confirmed
            .push((cause, due_at));
    }
    Ok(all)
}

/// What goes on and is held back at `now`, with all that holds it back.
pub async fn held_back(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
) -> Result<Vec<(EpisodeRecord, Vec<(Holder, Hold)>)>, StoreError> {
    let records = episodes::going_on(&mut *connection).await?;
    let around = Around::of(connection, &records, now).await?;
    Ok(records
        .into_iter()
        .filter_map(|record| {
            let mut holders = around.holders(&record);
            holders.retain(|(_, hold)| hold.holds_at(now));
            (!holders.is_empty()).then_some((record, holders))
        })
        .collect())
}
