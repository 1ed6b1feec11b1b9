//! Which ingests are connected, and the last word about each camera.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_ingest::camera::CameraHealth;
use mingjing_monitor::store::health::CameraPoint;

use super::clock::ClockOffset;
use crate::app::App;
use crate::live::About;
use crate::views::{CameraView, KnownHealth};

/// Between two stored points of a camera whose state does not change.
const STORE_EVERY: TimeDelta = TimeDelta::seconds(10);
/// Name of the console's own ingest.
pub const LOCAL: &str = "local";
/// Points waiting to be stored at most: an hour of a hundred cameras. The oldest go first while the database is away.
const PENDING: usize = 36_000;

/// Ingests and cameras, as they stand.
#[derive(Debug, Default)]
pub struct Edges {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    connected: HashMap<String, Connection>,
    next: u64,
    /// The edge that carries each camera.
    carried: HashMap<String, String>,
    cameras: HashMap<String, Known>,
    /// The edges that ever delivered events of a source.
    sources: HashMap<String, BTreeSet<String>>,
    pending: Vec<CameraPoint>,
    stored: HashMap<String, (DateTime<Utc>, &'static str)>,
}

/// The events socket of an edge.
#[derive(Debug)]
struct Connection {
    /// Tells a reconnect from the socket that it replaces.
    number: u64,
    /// Row of the token that it came with; `None`: the console's own ingest.
    token: Option<i64>,
    clock: ClockOffset,
}

#[derive(Debug)]
struct Known {
    edge: String,
    health: KnownHealth,
}

impl Edges {
    /// An edge is connected; the number of this connection. `None`: its name is [taken](Self::is_taken).
    pub fn connected(&self, edge: &str, token: Option<i64>, clock: ClockOffset) -> Option<u64> {
        if self.is_taken(edge, token) {
            return None;
        }
        let mut inner = self.lock();
        inner.next += 1;
        let number = inner.next;
        let connection = Connection {
            number,
            token,
            clock,
        };
        inner.connected.insert(edge.to_owned(), connection);
        Some(number)
    }

    /// Whether another ingest goes by this name: one that is connected with another token, or the console's own.
    pub fn is_taken(&self, edge: &str, token: Option<i64>) -> bool {
        if token.is_some() && edge == LOCAL {
            return true;
        }
        let inner = self.lock();
        inner
            .connected
            .get(edge)
            .is_some_and(|other| other.token != token)
    }

    /// The clock of an edge.
    pub fn clock(&self, edge: &str) -> ClockOffset {
        let inner = self.lock();
        inner
            .connected
            .get(edge)
            .map_or_else(ClockOffset::default, |connection| connection.clock)
    }

    /// Names of the edges that are connected, but for the console's own ingest.
    pub fn names(&self) -> Vec<String> {
        let inner = self.lock();
        let names = inner.connected.keys().filter(|name| *name != LOCAL);
        names.cloned().collect()
    }

    /// The connection ended. True when it was the edge's newest: its cameras are unknown since it was last `heard`.
    pub fn disconnected(&self, edge: &str, number: u64, heard: DateTime<Utc>) -> bool {
        let mut inner = self.lock();
        let newest = inner.connected.get(edge);
        if newest.is_none_or(|connection| connection.number != number) {
            return false;
        }
        inner.connected.remove(edge);
        for known in inner
            .cameras
            .values_mut()
            .filter(|known| known.edge == edge)
        {
            known.health.lost = Some(heard);
        }
        let lost: Vec<CameraPoint> = inner
            .cameras
            .values()
            .filter(|known| known.edge == edge)
            .map(|known| unknown_point(&known.health.health.camera, heard))
            .collect();
        inner.push(lost);
        true
    }

    /// The edge delivers events of this source.
    pub fn delivers(&self, edge: &str, source: &str) {
        let mut inner = self.lock();
        let edges = inner.sources.entry(source.to_owned()).or_default();
        edges.insert(edge.to_owned());
    }

    /// Which of these sources it is not known to [deliver](Self::delivers), each once.
    pub fn not_known_to_deliver<'a>(
        &self,
        edge: &str,
        sources: impl IntoIterator<Item = &'a str>,
    ) -> Vec<String> {
        let inner = self.lock();
        let known = |source: &str| {
            let edges = inner.sources.get(source);
            edges.is_some_and(|edges| edges.contains(edge))
        };
        let new: BTreeSet<&str> = sources.into_iter().filter(|it| !known(it)).collect();
        new.into_iter().map(str::to_owned).collect()
    }

    /// The sources that cannot be heard now, because every edge by which they came is gone.
    pub fn cut_sources(&self) -> Vec<String> {
        let inner = self.lock();
        let is_there = |edge: &String| inner.connected.contains_key(edge);
        let cut = inner.sources.iter();
        cut.filter(|(_, edges)| !edges.iter().any(is_there))
            .map(|(source, _)| source.clone())
            .collect()
    }

    /// Whether an edge is connected.
    pub fn is_connected(&self, edge: &str) -> bool {
        self.lock().connected.contains_key(edge)
    }

    /// The edge carries exactly these cameras.
    pub fn carries(&self, edge: &str, cameras: &HashSet<String>) {
        let mut inner = self.lock();
        inner
            .cameras
            .retain(|id, known| known.edge != edge || cameras.contains(id));
        inner.carried.retain(|_, by| by != edge);
        let mine = cameras.iter().map(|id| (id.clone(), edge.to_owned()));
        inner.carried.extend(mine);
    }

    /// The other edge that carries a camera now.
    pub fn carried_by_another(&self, camera: &str, edge: &str) -> Option<String> {
        let inner = self.lock();
        let by = inner.carried.get(camera)?;
        (by != edge && inner.connected.contains_key(by)).then(|| by.clone())
    }

    /// A word about a camera; kept for the table when the state changed or the last point is ten seconds old.
    pub fn heard(&self, edge: &str, health: CameraHealth, now: DateTime<Utc>) {
        let mut inner = self.lock();
        let (id, state) = (health.camera.clone(), health.state.code());
        let due = inner
            .stored
            .get(&id)
            .is_none_or(|(at, before)| *before != state || now - *at >= STORE_EVERY);
        if due {
            inner.stored.insert(id.clone(), (now, state));
            inner.push([point(&health, now)]);
        }
        let known = Known {
            edge: edge.to_owned(),
            health: KnownHealth { health, lost: None },
        };
        inner.cameras.insert(id, known);
    }

    /// What is known of a camera.
    pub fn health(&self, camera: &str) -> Option<KnownHealth> {
        self.lock()
            .cameras
            .get(camera)
            .map(|known| known.health.clone())
    }

    /// How many cameras are live.
    pub fn live(&self) -> usize {
        self.lock()
            .cameras
            .values()
            .filter(|known| known.health.is_live())
            .count()
    }

    /// The points to be stored; put back with [`Self::restore`] when that fails.
    pub fn take_points(&self) -> Vec<CameraPoint> {
        std::mem::take(&mut self.lock().pending)
    }

    /// See [`Self::take_points`].
    pub fn restore(&self, mut points: Vec<CameraPoint>) {
        let mut inner = self.lock();
        let newer = std::mem::take(&mut inner.pending);
        points.extend(newer);
        inner.push(points);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn push(&mut self, points: impl IntoIterator<Item = CameraPoint>) {
        self.pending.extend(points);
        if self.pending.len() > PENDING {
            let surplus = self.pending.len() - PENDING;
            self.pending.drain(..surplus);
        }
    }
}

fn point(health: &CameraHealth, time: DateTime<Utc>) -> CameraPoint {
    CameraPoint {
        time,
        camera: health.camera.clone(),
        state: health.state.code().to_owned(),
        bit_rate: i64::try_from(health.bit_rate).ok(),
        frame_rate: Some(health.frame_rate),
        losses: i64::try_from(health.losses).unwrap_or(i64::MAX),
        reconnects: i64::try_from(health.reconnects).unwrap_or(i64::MAX),
    }
}

fn unknown_point(camera: &str, time: DateTime<Utc>) -> CameraPoint {
    CameraPoint {
        time,
        camera: camera.to_owned(),
        state: "unknown".into(),
        bit_rate: None,
        frame_rate: None,
        losses: 0,
        reconnects: 0,
    }
}

/// Tells the screens how a camera stands.
pub fn tell(app: &App, camera: &str) {
    let directory = app.directory();
    let Some(row) = directory.camera(camera) else {
        return;
    };
    let known = app.edges().health(camera);
    let view = CameraView::new(row, known.as_ref(), &directory);
    app.live()
        .publish(&directory, About::Camera(camera), "camera.health", &view);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reconnect_before_the_old_socket_ended_loses_nothing() {
        let (edges, now) = (Edges::default(), Utc::now());
        let connect = || {
            edges
                .connected("T7", Some(7), ClockOffset::default())
                .unwrap()
        };
        let old = connect();
        edges.heard("T7", CameraHealth::connecting("c1", now), now);
        let new = connect();
        assert!(!edges.disconnected("T7", old, now));
        assert_eq!(edges.health("c1").unwrap().lost, None);
        assert!(edges.disconnected("T7", new, now));
        assert_eq!(edges.health("c1").unwrap().lost, Some(now));
        assert!(!edges.is_connected("T7"));
    }

    #[test]
    fn points_are_kept_on_change_and_every_ten_seconds() {
        let (edges, now) = (Edges::default(), Utc::now());
        let mut health = CameraHealth::connecting("c1", now);
        let seconds = |n| now + TimeDelta::seconds(n);
        for n in 0..=10 {
            edges.heard("T7", health.clone(), seconds(n));
        }
        assert_eq!(edges.take_points().len(), 2);
        health.state = mingjing_ingest::camera::CameraState::Live;
        edges.heard("T7", health, seconds(11));
        let points = edges.take_points();
        assert_eq!(points.len(), 1);
        edges.restore(points);
        assert_eq!(edges.take_points().len(), 1);
    }

    #[test]
    fn a_source_is_cut_off_while_its_edge_is_gone() {
        let (edges, now) = (Edges::default(), Utc::now());
        let connect = || {
            edges
                .connected("T7", Some(7), ClockOffset::default())
                .unwrap()
        };
        let number = connect();
        let source = "//approval.t7";
        let new = || edges.not_known_to_deliver("T7", [source, source]);
        assert_eq!(new(), [source]);
        edges.delivers("T7", source);
        assert!(new().is_empty());
        assert!(edges.cut_sources().is_empty());
        edges.disconnected("T7", number, now);
        assert_eq!(edges.cut_sources(), [source]);
        let other = edges.connected("T8", Some(8), ClockOffset::default());
        edges.delivers("T8", source);
        assert!(edges.cut_sources().is_empty(), "it can be heard by another");
        edges.disconnected("T8", other.unwrap(), now);
        connect();
        assert!(edges.cut_sources().is_empty());
    }

    #[test]
    fn two_ingests_do_not_pass_for_one_another_nor_carry_one_camera() {
        let (edges, now) = (Edges::default(), Utc::now());
        let connect = |edge, token| edges.connected(edge, token, ClockOffset::default());
        assert!(connect(LOCAL, None).is_some());
        assert!(connect(LOCAL, Some(1)).is_none());
        let number = connect("T7", Some(1)).unwrap();
        assert!(connect("T7", Some(2)).is_none());
        assert!(connect("T8", Some(2)).is_some());

        edges.carries("T7", &HashSet::from(["c1".to_owned()]));
        assert_eq!(edges.carried_by_another("c1", "T8").as_deref(), Some("T7"));
        assert_eq!(edges.carried_by_another("c1", "T7"), None);
        edges.disconnected("T7", number, now);
        assert_eq!(edges.carried_by_another("c1", "T8"), None);
        assert!(connect("T7", Some(2)).is_some());
    }
}
