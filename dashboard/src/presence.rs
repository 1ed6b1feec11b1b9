//! Who is at the windows: what all cameras see of each, with the hours, pauses and leave that go with it.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_ingest::picture::Presence;
use mingjing_monitor::presence::{away_since, excused, window_key};
use mingjing_monitor::store::halls::Camera;
use mingjing_monitor::store::windows::{Place, Seat};
use mingjing_monitor::store::{StoreError, absences};

use crate::app::App;
use crate::directory::Directory;
use crate::views::KnownHealth;

/// A window, as hall and number.
pub type Window = (String, String);

/// A window that cameras watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// What they see together.
    pub seat: Seat,
    /// The cameras.
    pub cameras: Vec<String>,
    /// The ingests that carry them.
    pub edges: Vec<String>,
}

/// The windows of which cameras say whether somebody sits there. A window is staffed if any camera sees somebody, and unknown
/// if none can say: a camera that is away, or whose picture is at fault, says nothing.
pub fn seats<'a>(
    cameras: impl IntoIterator<Item = &'a Camera>,
    health: &dyn Fn(&str) -> Option<KnownHealth>,
) -> BTreeMap<Window, Watched> {
    let mut all: BTreeMap<Window, Watched> = BTreeMap::new();
    for camera in cameras {
        let Some(known) = health(&camera.id) else {
            continue;
        };
        for (no, seat) in seen_by(&known) {
            let watched = all
                .entry((camera.hall.clone(), no))
                .and_modify(|watched| watched.seat = together(watched.seat, seat))
                .or_insert_with(|| Watched {
                    seat,
                    cameras: Vec::new(),
                    edges: Vec::new(),
                });
            watched.cameras.push(camera.id.clone());
            if !watched.edges.contains(&camera.edge) {
                watched.edges.push(camera.edge.clone());
            }
        }
    }
    all
}

/// What one camera says of each of its windows.
fn seen_by(known: &KnownHealth) -> impl Iterator<Item = (String, Seat)> {
    let health = &known.health;
    let fault = health.picture_fault.map(|fault| fault.since);
    let stopped = (!health.state.is_live()).then_some(health.since);
    let blind = [known.lost, stopped, fault].into_iter().flatten().max();
    health.presence.iter().map(move |it| {
        let seat = match (blind, it.state) {
            (Some(since), _) => Seat::Unknown(since),
            (None, Presence::Staffed) => Seat::Staffed(it.since),
            (None, Presence::Empty) => Seat::Empty(it.since),
            (None, Presence::Unknown) => Seat::Unknown(it.since),
        };
        (it.window.clone(), seat)
    })
}

/// What two cameras see of one seat.
fn together(one: Seat, other: Seat) -> Seat {
    use Seat::{Empty, Staffed, Unknown};
    match (one, other) {
        (Staffed(a), Staffed(b)) => Staffed(a.min(b)),
        (Staffed(a), _) | (_, Staffed(a)) => Staffed(a),
        // The last one to see somebody leave is right.
        (Empty(a), Empty(b)) => Empty(a.max(b)),
        (Empty(a), _) | (_, Empty(a)) => Empty(a),
        (Unknown(a), Unknown(b)) => Unknown(a.max(b)),
    }
}

/// What is known now of the windows of a subtree beside their events. Windows that are not named are in halls that are closed, or
/// nothing is known of them.
///
/// # Errors
/// When the database cannot be asked.
pub async fn places(
    app: &App,
    scope: &str,
    seats: &BTreeMap<Window, Watched>,
) -> Result<HashMap<Window, Place>, StoreError> {
    let (directory, now) = (app.directory(), app.now());
    let Some(calendar) = directory.calendar() else {
        return Ok(HashMap::new());
    };
    let today = calendar.midnight(calendar.date(now));
    let entered = absences::standing(app.db(), scope, today, now).await?;
    let reference = app.reference();
    let mut all = HashMap::new();
    for hall in directory.tree().subtree(scope) {
        let local = calendar.local(now);
        let hours = calendar.open_on(&hall.opening, local.date());
        if !hours.is_some_and(|hours| hours.contains(local.time())) {
            continue;
        }
        for window in directory.windows_of(&hall.code) {
            let entries = entered.get(&window_key(&hall.code, &window.no));
            let entries = entries.map_or(&[][..], Vec::as_slice);
            let pauses = reference.as_ref().map_or(TimeDelta::zero(), |reference| {
                let rules = reference.rules_for(&hall.code, window.unit.as_deref(), None, now);
                TimeDelta::minutes(rules.r9.pause_minutes.get().into())
            });
            let span = (today, now + TimeDelta::seconds(1));
            let excuses = excused(entries, &hall.opening, calendar, pauses, span);
            let key = (hall.code.clone(), window.no.clone());
            let place = Place {
                open: true,
                seat: seats.get(&key).map(|watched| watched.seat),
                away: away_since(entries, now),
                excused: excuses.iter().any(|excuse| excuse.holds_at(now)),
            };
            all.insert(key, place);
        }
    }
    Ok(all)
}

/// What the cameras of the county see now.
pub fn seats_now(app: &App, directory: &Directory) -> BTreeMap<Window, Watched> {
    seats(directory.cameras(), &|id| app.edges().health(id))
}

/// The minute in which an instant lies.
pub fn minute(at: DateTime<Utc>) -> DateTime<Utc> {
    chrono::DurationRound::duration_trunc(at, TimeDelta::minutes(1)).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use mingjing_ingest::camera::{CameraHealth, CameraState};
    use mingjing_ingest::picture::{PictureFault, PictureFaultKind, WindowPresence};

    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    fn camera(id: &str) -> Camera {
        Camera {
            id: id.into(),
            hall: "T1".into(),
            name: id.into(),
            windows: vec!["1".into()],
            edge: "t1".into(),
        }
    }

    fn health(state: Presence, since: i64) -> KnownHealth {
        let mut health = CameraHealth::connecting("a", at(0));
        health.state = CameraState::Live;
        health.presence = vec![WindowPresence {
            window: "1".into(),
            state,
            since: at(since),
            people: None,
        }];
        KnownHealth { health, lost: None }
    }

    fn seat(known: &[KnownHealth]) -> Option<Seat> {
        let cameras: Vec<Camera> = ["a", "b"].map(camera).into();
        let health = |id: &str| known.get(usize::from(id == "b")).cloned();
        let all = seats(&cameras, &health);
        all.get(&("T1".to_owned(), "1".to_owned()))
            .map(|watched| watched.seat)
    }

    #[test]
    fn one_camera_that_sees_somebody_is_enough_and_none_that_knows_is_unknown() {
        let (empty, staffed) = (health(Presence::Empty, 5), health(Presence::Staffed, 7));
        let unknown = health(Presence::Unknown, 9);
        assert_eq!(seat(&[]), None, "nobody watches");
        assert_eq!(seat(std::slice::from_ref(&empty)), Some(Seat::Empty(at(5))));
        assert_eq!(seat(&[empty.clone(), staffed]), Some(Seat::Staffed(at(7))));
        assert_eq!(
            seat(&[empty.clone(), unknown.clone()]),
            Some(Seat::Empty(at(5)))
        );
        assert_eq!(
            seat(&[empty, health(Presence::Empty, 6)]),
            Some(Seat::Empty(at(6)))
        );
        assert_eq!(seat(&[unknown]), Some(Seat::Unknown(at(9))));
    }

    #[test]
    fn a_camera_that_sees_nothing_makes_nobody_absent() {
        let mut dark = health(Presence::Empty, 5);
        dark.health.picture_fault = Some(PictureFault {
            kind: PictureFaultKind::Black,
            since: at(8),
        });
        assert_eq!(seat(&[dark]), Some(Seat::Unknown(at(8))));
        let mut gone = health(Presence::Empty, 5);
        gone.lost = Some(at(9));
        assert_eq!(seat(&[gone]), Some(Seat::Unknown(at(9))));
        let mut stopped = health(Presence::Staffed, 5);
        stopped.health.state = CameraState::OfflineClosed;
        stopped.health.since = at(6);
        assert_eq!(seat(&[stopped]), Some(Seat::Unknown(at(6))));
    }
}
