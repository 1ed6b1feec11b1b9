//! What changes, told to every open page within moments of its commit.
//!
//! Each [`Audience`] (a subtree, and the kinds of messages it hears) has a ring of the last messages, numbered without gaps. A message
//! is serialised once, wrapped once for each audience that may see it, and shared by all sockets of that audience. A socket
//! reads the ring at its own pace: nobody waits for a slow page, and one that falls out of the ring is told to reload.

mod ended;
pub mod socket;

pub use ended::ended;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::ws::Utf8Bytes;
use serde::Serialize;
use tokio::sync::watch;

use crate::caller::{Caller, Scope};
use crate::directory::Directory;
use crate::policy::{self, Hears};

/// Bytes that one ring holds at most.
const MAX_RING_BYTES: usize = 8 << 20;

/// Those who see the same: one ring.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Audience {
    /// How far they see.
    pub scope: Scope,
    /// Which kinds of messages their roles hear.
    pub hears: Hears,
}

impl Audience {
    /// The audience that a caller belongs to.
    pub fn of(caller: &Caller) -> Self {
        Self {
            scope: caller.scope.clone(),
            hears: Hears::of(caller.role),
        }
    }
}

/// What a message is about, for deciding who may see it.
#[derive(Debug, Clone, Copy)]
pub enum About<'a> {
    /// A case, a card or a window.
    Supervision {
        /// Its hall.
        hall: &'a str,
        /// Its unit.
        unit: Option<&'a str>,
        /// Its window.
        window: Option<&'a str>,
    },
    /// What went from one place to another: those who see only where it was.
    Left {
        /// Where it was.
        from: &'a About<'a>,
        /// Where it is.
        to: &'a About<'a>,
    },
    /// A camera.
    Camera(&'a str),
    /// A source, by the halls that it speaks of; whoever sees the whole county hears of all.
    Source(&'a [String]),
    /// Nobody's: everybody whose role hears it.
    Everybody,
}

/// The rings of all audiences.
#[derive(Debug)]
pub struct Live {
    epoch: String,
    capacity: usize,
    rings: Mutex<HashMap<Audience, Arc<Ring>>>,
    /// Halls whose counts changed since the last tick.
    changed: Mutex<HashSet<String>>,
}

/// The last messages of one audience.
#[derive(Debug)]
pub struct Ring {
    held: Mutex<Held>,
    newest: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Held {
    messages: VecDeque<Utf8Bytes>,
    bytes: usize,
    /// Number of the newest message; 0 before the first.
    newest: u64,
}

/// What a reader gets.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// The messages after the one it had, oldest first; may be empty.
    Messages(Vec<Utf8Bytes>),
    /// Some of them are gone.
    Gap,
}

impl Ring {
    fn new() -> Self {
        Self {
            held: Mutex::default(),
            newest: watch::Sender::new(0),
        }
    }

    /// Number of the newest message.
    pub fn newest(&self) -> u64 {
        self.lock().newest
    }

    /// Tells when there is something new.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// At most `most` messages after number `since`.
    pub fn after(&self, since: u64, most: usize) -> Read {
        let held = self.lock();
        let oldest = held.newest - held.messages.len() as u64 + 1;
        if since > held.newest || since + 1 < oldest {
            return Read::Gap;
        }
        let skip = usize::try_from(since + 1 - oldest).unwrap_or(usize::MAX);
        Read::Messages(
            held.messages
                .iter()
                .skip(skip)
                .take(most)
                .cloned()
                .collect(),
        )
    }

    fn push(&self, capacity: usize, encode: impl FnOnce(u64) -> String) {
        let newest = {
            let mut held = self.lock();
            held.newest += 1;
            let message = Utf8Bytes::from(encode(held.newest));
            held.bytes += message.len();
            held.messages.push_back(message);
            while held.messages.len() > capacity || held.bytes > MAX_RING_BYTES {
                let Some(old) = held.messages.pop_front() else {
                    break;
                };
                held.bytes -= old.len();
            }
            held.newest
        };
        self.newest.send_replace(newest);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    /// Rings of `capacity` messages. `epoch` names this run of the console.
    pub fn new(epoch: String, capacity: usize) -> Self {
        Self {
            epoch,
            capacity: capacity.max(1),
            rings: Mutex::default(),
            changed: Mutex::default(),
        }
    }

    /// Names this run of the console: numbers of another run mean nothing.
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// The ring of an audience; begins with its first reader.
    pub fn ring(&self, audience: &Audience) -> Arc<Ring> {
        let mut rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ring) = rings.get(audience) {
            return Arc::clone(ring);
        }
        let ring = Arc::new(Ring::new());
        rings.insert(audience.clone(), Arc::clone(&ring));
        ring
    }

    /// Where the stream stands for this caller. Read it *before* the snapshot: what commits in between comes twice, never not.
    pub fn seq(&self, caller: &Caller) -> u64 {
        self.ring(&Audience::of(caller)).newest()
    }

    /// Tells every audience that may see it. Call after the commit.
    pub fn publish(
        &self,
        directory: &Directory,
        about: About<'_>,
        kind: &str,
        data: &impl Serialize,
    ) {
        let data = match serde_json::to_string(data) {
            Ok(data) => data,
            Err(error) => {
                tracing::error!(%error, kind, "a live message could not be written as JSON");
                return;
            }
        };
        if !policy::is_live(kind) {
            tracing::error!(
                kind,
                "a live message has no row in policy::MESSAGES and is told to nobody"
            );
        }
        let concerned = |audience: &Audience| {
            audience.hears.hears(kind) && may_see(directory, &audience.scope, about)
        };
        for (_, ring) in self.select(concerned) {
            ring.push(self.capacity, |seq| self.envelope(seq, kind, &data));
        }
    }

    /// Notes that counts of a hall changed; [`Self::tick`] tells it, at most once a second.
    pub fn counts_changed(&self, hall: &str) {
        let mut changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        if !changed.contains(hall) {
            changed.insert(hall.to_owned());
        }
    }

    /// Tells what [`Self::counts_changed`] gathered.
    pub fn tick(&self, directory: &Directory) {
        let changed =
            std::mem::take(&mut *self.changed.lock().unwrap_or_else(PoisonError::into_inner));
        if changed.is_empty() {
            return;
        }
        for kind in ["overview.changed", "ranking.changed"] {
            let concerned = |audience: &Audience| {
                audience.hears.hears(kind)
                    && changed
                        .iter()
                        .any(|hall| directory.tree().contains(&audience.scope.hall, hall))
            };
            for (_, ring) in self.select(concerned) {
                ring.push(self.capacity, |seq| self.envelope(seq, kind, "{}"));
            }
        }
    }

    /// Whether anybody ever looked: while nobody has, nothing needs to be written.
    pub fn has_readers(&self) -> bool {
        !self
            .rings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_empty()
    }

    /// More changed than can be told: everybody takes a new snapshot.
    pub fn reload_all(&self) {
        for (_, ring) in self.select(|_| true) {
            ring.push(self.capacity, |seq| {
                let data = format!(r#"{{"seq":{seq},"epoch":"{}"}}"#, self.epoch);
                self.envelope(seq, "reload", &data)
            });
        }
    }

    /// The envelope of a message that is not in the ring (`hello`, `reload`).
    pub fn control(&self, seq: u64, kind: &str) -> Utf8Bytes {
        let data = format!(r#"{{"seq":{seq},"epoch":"{}"}}"#, self.epoch);
        self.envelope(seq, kind, &data).into()
    }

    fn envelope(&self, seq: u64, kind: &str, data: &str) -> String {
        format!(
            r#"{{"seq":{seq},"epoch":"{}","type":"{kind}","data":{data}}}"#,
            self.epoch
        )
    }

    fn select(&self, keep: impl Fn(&Audience) -> bool) -> Vec<(Audience, Arc<Ring>)> {
        let rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = rings.iter().filter(|(audience, _)| keep(audience));
        kept.map(|(audience, ring)| (audience.clone(), Arc::clone(ring)))
            .collect()
    }
}

fn may_see(directory: &Directory, scope: &Scope, about: About<'_>) -> bool {
    match about {
        About::Supervision { hall, unit, window } => directory.sees(scope, hall, unit, window),
        About::Camera(id) => directory
            .camera(id)
            .is_some_and(|camera| directory.sees_camera(scope, camera)),
        About::Left { from, to } => {
            may_see(directory, scope, *from) && !may_see(directory, scope, *to)
        }
        About::Everybody => true,
        About::Source(halls) => {
            scope.hall == directory.root()
                || halls
                    .iter()
                    .any(|hall| directory.tree().contains(&scope.hall, hall))
        }
    }
}

#[cfg(test)]
mod tests {
    use mingjing_monitor::org::{Hall, Level};

    use super::*;
    use crate::policy::Role;

    fn audience(hall: &str, role: Role) -> Audience {
        Audience {
            scope: Scope {
                hall: hall.into(),
                unit: None,
                window: None,
            },
            hears: Hears::of(role),
        }
    }

    fn county() -> Directory {
        Directory::of_halls(vec![Hall {
            code: "H".into(),
            parent: None,
            level: Level::County,
            name: "H".into(),
            name_en: "H".into(),
            opening: Default::default(),
        }])
    }

    fn messages(read: Read) -> Vec<String> {
        match read {
            Read::Messages(messages) => {
                messages.iter().map(|message| message.to_string()).collect()
            }
            Read::Gap => vec!["gap".into()],
        }
    }

    #[test]
    fn numbers_have_no_gaps_and_what_is_gone_is_a_gap() {
        let live = Live::new("e".into(), 2);
        let ring = live.ring(&audience("H", Role::Leader));
        for _ in 0..3 {
            live.publish(&county(), About::Source(&[]), "source.changed", &1);
        }
        assert_eq!(ring.newest(), 3);
        assert_eq!(
            messages(ring.after(1, 10)),
            [
                r#"{"seq":2,"epoch":"e","type":"source.changed","data":1}"#,
                r#"{"seq":3,"epoch":"e","type":"source.changed","data":1}"#
            ]
        );
        assert_eq!(ring.after(0, 10), Read::Gap);
        assert_eq!(ring.after(3, 10), Read::Messages(vec![]));
        assert_eq!(ring.after(4, 10), Read::Gap, "a number from another life");
        assert_eq!(messages(ring.after(1, 1)).len(), 1);
    }

    #[test]
    fn administrators_hear_of_no_cards() {
        let live = Live::new("e".into(), 8);
        let (inspector, sysadmin) = (
            live.ring(&audience("H", Role::Inspector)),
            live.ring(&audience("H", Role::Sysadmin)),
        );
        let card = About::Supervision {
            hall: "H",
            unit: None,
            window: None,
        };
        live.publish(&county(), card, "card.issued", &1);
        assert_eq!((inspector.newest(), sysadmin.newest()), (1, 0));
    }

    #[test]
    fn counts_are_told_once_a_tick() {
        let live = Live::new("e".into(), 8);
        let ring = live.ring(&audience("H", Role::Inspector));
        (0..100).for_each(|_| live.counts_changed("H"));
        live.tick(&county());
        live.tick(&county());
        assert_eq!(ring.newest(), 2);
    }
}
