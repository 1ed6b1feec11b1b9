//! What the console sees of cameras, halls, edges and windows, told to the one writer when it changes (R9, R14 and what holds them
//! back); and the minutes that somebody was at the windows, counted as they pass.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_alerts::rules::watched::{Thing, Trouble};
use mingjing_alerts::store::episodes::key;
use mingjing_alerts::supervisor::{Sight, Sighting, Sightings};
use mingjing_ingest::camera::CameraState;
use mingjing_ingest::picture::PictureFaultKind;
use mingjing_monitor::presence::window_key;
use mingjing_monitor::store::halls::Camera;
use mingjing_monitor::store::presence::Minute;
use mingjing_monitor::store::windows::Seat;
use mingjing_monitor::store::{self, StoreError, sources};
use tokio::time::{MissedTickBehavior, interval};

use crate::app::{App, Ready};
use crate::directory::Directory;
use crate::presence::{self, Watched, Window};
use crate::publish;
use crate::views::KnownHealth;

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(2);
/// Edges that are not back so long after a start are away†.
const START: TimeDelta = TimeDelta::seconds(30);

/// Looks until the console stops. On the clock of a log nothing is watched: its cameras are of another day.
pub async fn run(app: App) {
    if app.clock().is_of_log() {
        return;
    }
    let started = Utc::now();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut told, mut shown) = (None, BTreeMap::new());
    let mut counted = presence::minute(started);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = app.stopping().cancelled() => return,
        }
        if app.ready() != Ready::Yes {
            continue;
        }
        let (directory, minute) = (app.directory(), presence::minute(Utc::now()));
        let seats = presence::seats_now(&app, &directory);
        if minute > counted {
            counted = minute;
            if let Err(error) = count_minute(&app, &directory, &seats, minute).await {
                tracing::debug!(%error, "who is at the windows could not be counted");
            }
        }
        let changed = shown != seats;
        let Ok(seen) = look(&app, &directory, &seats, Utc::now() - started > START).await else {
            continue;
        };
        if changed {
            publish::windows_changed(&app, differing(&shown, &seats)).await;
            shown = seats;
        }
        if told.as_ref() == Some(&seen) {
            continue;
        }
        match app.engine().observe(seen.clone()).await {
            Ok(Ok(())) => told = Some(seen),
            Ok(Err(error)) => tracing::debug!(%error, "what is watched could not be written"),
            Err(_) => return,
        }
    }
}

/// The windows of which something else is seen than before.
fn differing(
    before: &BTreeMap<Window, Watched>,
    after: &BTreeMap<Window, Watched>,
) -> BTreeSet<Window> {
    let all = before.keys().chain(after.keys());
    all.filter(|window| before.get(*window) != after.get(*window))
        .cloned()
        .collect()
}

/// Counts a minute of the windows that are open and seen, and that nothing excuses.
async fn count_minute(
    app: &App,
    directory: &Directory,
    seats: &BTreeMap<Window, Watched>,
    minute: DateTime<Utc>,
) -> Result<(), StoreError> {
    if seats.is_empty() {
        return Ok(());
    }
    let places = presence::places(app, &directory.root(), seats).await?;
    let minutes = places.iter().filter_map(|((hall, no), place)| {
        let staffed = match place.seat? {
            Seat::Staffed(_) => true,
            Seat::Empty(_) => false,
            Seat::Unknown(_) => return None,
        };
        let window = directory.window(hall, no)?;
        (!place.excused).then(|| Minute {
            hall: hall.clone(),
            no: no.clone(),
            unit: window.unit.clone(),
            staffed,
        })
    });
    let minutes: Vec<Minute> = minutes.collect();
    let day = minute.with_timezone(&directory.zone()).date_naive();
    let mut connection = app.db().acquire().await?;
    store::presence::count(&mut connection, day, minute, &minutes).await
}

/// Everything that can be seen now. `settled`: whoever was to come back after the start has had the time.
async fn look(
    app: &App,
    directory: &Directory,
    seats: &BTreeMap<Window, Watched>,
    settled: bool,
) -> Result<Sightings, StoreError> {
    let cameras: Vec<&Camera> = directory.cameras().collect();
    let away = |edge: &str| !app.edges().is_connected(edge);
    // When an edge went is known of those that were here before.
    let missed: HashMap<String, DateTime<Utc>> = if cameras.iter().any(|it| away(&it.edge)) {
        sources::missed_edges(app.db()).await?.into_iter().collect()
    } else {
        HashMap::new()
    };
    let edge = |name: &str| match (away(name), missed.get(name)) {
        (false, _) => Sight::Well,
        (true, Some(&since)) if settled => Sight::Trouble(Trouble::Offline, since),
        (true, _) => Sight::Unknown,
    };
    let mut things = sightings(directory, &cameras, &edge, &|id| app.edges().health(id));
    things.extend(
        seats
            .iter()
            .map(|(window, watched)| window_sighting(directory, window, watched)),
    );
    Ok(Sightings { things })
}

fn window_sighting(directory: &Directory, (hall, no): &Window, watched: &Watched) -> Sighting {
    let window = directory.window(hall, no);
    let mut above = vec![key(Thing::Hall, hall)];
    // What is over one of several cameras is not over the window.
    if let [camera] = watched.cameras.as_slice() {
        above.push(key(Thing::Camera, camera));
    }
    if let [edge] = watched.edges.as_slice() {
        above.push(key(Thing::Edge, edge));
    }
    Sighting {
        thing: Thing::Window,
        subject: window_key(hall, no),
        name: format!(
            "{}{}",
            directory.hall_name(hall),
            window.map_or_else(|| format!("{no} 号窗口"), |window| window.name.clone())
        ),
        hall: hall.clone(),
        unit: window.and_then(|window| window.unit.clone()),
        above,
        cameras: 0,
        sight: match watched.seat {
            Seat::Staffed(_) => Sight::Well,
            Seat::Unknown(_) => Sight::Unknown,
            Seat::Empty(since) => Sight::Trouble(Trouble::Empty, since),
        },
    }
}

fn sightings(
    directory: &Directory,
    cameras: &[&Camera],
    edge: &dyn Fn(&str) -> Sight,
    health: &dyn Fn(&str) -> Option<KnownHealth>,
) -> Vec<Sighting> {
    let mut halls: BTreeMap<&str, Vec<(&Camera, Sight)>> = BTreeMap::new();
    let mut edges: BTreeMap<&str, Vec<&Camera>> = BTreeMap::new();
    let mut all = Vec::with_capacity(cameras.len());
    for &camera in cameras {
        let sight = camera_sight(health(&camera.id).as_ref());
        halls.entry(&camera.hall).or_default().push((camera, sight));
        edges.entry(&camera.edge).or_default().push(camera);
        all.push(Sighting {
            thing: Thing::Camera,
            subject: camera.id.clone(),
            name: camera.name.clone(),
            hall: camera.hall.clone(),
            unit: None,
            above: vec![
                key(Thing::Hall, &camera.hall),
                key(Thing::Edge, &camera.edge),
            ],
            cameras: 0,
            sight,
        });
    }
    for (code, of_hall) in &halls {
        let through: Vec<&str> = of_hall
            .iter()
            .map(|(camera, _)| camera.edge.as_str())
            .collect();
        all.push(Sighting {
            thing: Thing::Hall,
            subject: (*code).to_owned(),
            name: directory.hall_name(code),
            hall: (*code).to_owned(),
            unit: None,
            above: distinct(through.iter().map(|edge| key(Thing::Edge, edge))),
            cameras: count(of_hall.len()),
            sight: hall_sight(
                of_hall,
                through.iter().all(|name| edge(name) == Sight::Well),
            ),
        });
    }
    for (name, of_edge) in &edges {
        let of_halls = distinct(of_edge.iter().map(|camera| camera.hall.clone()));
        all.push(Sighting {
            thing: Thing::Edge,
            subject: (*name).to_owned(),
            name: (*name).to_owned(),
            hall: above_all(directory, &of_halls),
            unit: None,
            // Where it serves one hall alone, work on that hall is work on it.
            above: match of_halls.as_slice() {
                [one] => vec![key(Thing::Hall, one)],
                _ => Vec::new(),
            },
            cameras: count(of_edge.len()),
            sight: edge(name),
        });
    }
    all
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn distinct(words: impl Iterator<Item = String>) -> Vec<String> {
    words
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect()
}

fn camera_sight(known: Option<&KnownHealth>) -> Sight {
    let Some(known) = known else {
        return Sight::Unknown;
    };
    if let Some(lost) = known.lost {
        return Sight::Trouble(Trouble::Offline, lost);
    }
    match known.health.state {
        CameraState::Live => match known.health.picture_fault {
            Some(fault) => Sight::Trouble(trouble(fault.kind), fault.since),
            None => Sight::Well,
        },
        // Taken out of service, nobody expects it to be there.
        CameraState::Stopped => Sight::Well,
        CameraState::Connecting | CameraState::Unknown => Sight::Unknown,
        _ => Sight::Trouble(Trouble::Offline, known.health.since),
    }
}

/// What R14 calls a fault of the picture.
fn trouble(fault: PictureFaultKind) -> Trouble {
    match fault {
        PictureFaultKind::Frozen => Trouble::Frozen,
        PictureFaultKind::Black => Trouble::Black,
        PictureFaultKind::Overexposed => Trouble::Overexposed,
        PictureFaultKind::Covered => Trouble::Covered,
        PictureFaultKind::Defocused => Trouble::Defocused,
        PictureFaultKind::Moved => Trouble::Moved,
    }
}

/// A hall's network is down when all of its cameras are, of two at least, while their edges are there.
fn hall_sight(cameras: &[(&Camera, Sight)], edges_are_there: bool) -> Sight {
    if !edges_are_there {
        return Sight::Unknown;
    }
    let down = cameras.iter().map(|(_, sight)| match sight {
        Sight::Trouble(Trouble::Offline, since) => Some(*since),
        _ => None,
    });
    let down: Option<Vec<DateTime<Utc>>> = down.collect();
    let since = down
        .filter(|down| down.len() > 1)
        .and_then(|down| down.into_iter().max());
    match since {
        Some(since) => Sight::Trouble(Trouble::Offline, since),
        None if cameras.iter().any(|(_, sight)| *sight == Sight::Unknown) => Sight::Unknown,
        None => Sight::Well,
    }
}

/// The lowest hall that stands above all of these, or is the only one.
fn above_all(directory: &Directory, halls: &[String]) -> String {
    let tree = directory.tree();
    let Some(first) = halls.first() else {
        return directory.root();
    };
    let above = tree.ancestors(first).map(|hall| hall.code.clone());
    std::iter::once(first.clone())
        .chain(above)
        .find(|code| halls.iter().all(|hall| tree.contains(code, hall)))
        .unwrap_or_else(|| directory.root())
}

#[cfg(test)]
mod tests {
    use mingjing_ingest::camera::CameraHealth;
    use mingjing_ingest::picture::PictureFault;
    use mingjing_monitor::org::{Hall, Level};

    use super::*;

    fn camera(id: &str, hall: &str, edge: &str) -> Camera {
        Camera {
            id: id.into(),
            hall: hall.into(),
            name: id.into(),
            windows: Vec::new(),
            edge: edge.into(),
        }
    }

    fn directory() -> Directory {
        let hall = |code: &str, parent: Option<&str>, level| Hall {
            code: code.into(),
            parent: parent.map(Into::into),
            level,
            name: code.into(),
            name_en: String::new(),
            opening: Default::default(),
        };
        Directory::of_halls(vec![
            hall("C", None, Level::County),
            hall("T1", Some("C"), Level::Town),
            hall("T2", Some("C"), Level::Town),
        ])
    }

    /// `thing:subject hall sight` of everything that is not well.
    fn bad(cameras: &[Camera], down: &[&str], lost_edge: Option<&str>) -> Vec<String> {
        let now = Utc::now();
        let health = |id: &str| {
            let mut health = CameraHealth::connecting(id, now);
            let is_down = down.contains(&id);
            health.state = if is_down {
                CameraState::OfflineUnreachable
            } else {
                CameraState::Live
            };
            let edge = cameras.iter().find(|camera| camera.id == id);
            let lost = edge.is_some_and(|camera| Some(camera.edge.as_str()) == lost_edge);
            Some(KnownHealth {
                health,
                lost: lost.then_some(now),
            })
        };
        let edge = |name: &str| {
            if Some(name) == lost_edge {
                Sight::Trouble(Trouble::Offline, now)
            } else {
                Sight::Well
            }
        };
        let all: Vec<&Camera> = cameras.iter().collect();
        sightings(&directory(), &all, &edge, &health)
            .into_iter()
            .filter(|it| it.sight != Sight::Well)
            .map(|it| {
                let what = if it.sight == Sight::Unknown {
                    "unknown"
                } else {
                    "away"
                };
                format!("{} {} {what}", key(it.thing, &it.subject), it.hall)
            })
            .collect()
    }

    #[test]
    fn one_camera_that_is_away_is_no_network_that_is_down() {
        let two = [camera("a", "T1", "t1"), camera("b", "T1", "t1")];
        assert_eq!(bad(&two, &["a"], None), ["camera:a T1 away"]);
        assert_eq!(
            bad(&two, &["a", "b"], None),
            ["camera:a T1 away", "camera:b T1 away", "hall:T1 T1 away"]
        );
        let one = [camera("a", "T1", "t1")];
        assert_eq!(bad(&one, &["a"], None), ["camera:a T1 away"]);
    }

    #[test]
    fn an_edge_that_is_cut_off_stands_over_its_halls_and_cameras() {
        let all = [
            camera("a", "T1", "towns"),
            camera("b", "T2", "towns"),
            camera("c", "C", "local"),
        ];
        assert_eq!(
            bad(&all, &[], Some("towns")),
            [
                "camera:a T1 away",
                "camera:b T2 away",
                "hall:T1 T1 unknown",
                "hall:T2 T2 unknown",
                "edge:towns C away"
            ]
        );
    }

    #[test]
    fn a_picture_that_lies_is_a_trouble_by_its_name_and_no_network_that_is_down() {
        let since = Utc::now();
        for kind in PictureFaultKind::ALL {
            let mut health = CameraHealth::connecting("a", since);
            health.state = CameraState::Live;
            health.picture_fault = Some(PictureFault { kind, since });
            let known = KnownHealth { health, lost: None };
            let Sight::Trouble(trouble, from) = camera_sight(Some(&known)) else {
                panic!("{kind:?} is no trouble");
            };
            assert_eq!((trouble.as_str(), from), (kind.code(), since));
            let (a, b) = (camera("a", "T1", "t1"), camera("b", "T1", "t1"));
            let both = [
                (&a, camera_sight(Some(&known))),
                (&b, camera_sight(Some(&known))),
            ];
            assert_eq!(hall_sight(&both, true), Sight::Well);
        }
    }
}
