//! The cameras that people manage on the pages. The table is the truth of them (`docs/architecture.md`); the ingest in
//! this process follows it, now and whenever the county changes. Cameras of a configuration file stay what their file says.

use std::collections::BTreeMap;
use std::time::Duration;

use mingjing_ingest::Cameras;
use mingjing_ingest::camera::{CameraConfig, Secret, Transport};
use mingjing_ingest::config::{Camera, CameraRecording};
use mingjing_ingest::picture::presence::{Area, WindowRegion};
use mingjing_ingest::recording::Schedule;
use mingjing_ingest::seal::{Sealer, belongs_to_camera};
use mingjing_ingest::uplink::protocol::CameraDescription;

use crate::app::App;
use crate::store::cameras::{self, Connection, Managed, Pictures, Region};

/// When the table could not be read, it is read again after this.
const RETRY: Duration = Duration::from_secs(5);

/// Keeps the cameras of this console's ingest as the table has them, until the console stops.
pub async fn follow(app: App, carried: Cameras) {
    let mut changes = app.watch_directory();
    let mut known: BTreeMap<String, Managed> = BTreeMap::new();
    while !app.stopping().is_cancelled() {
        changes.borrow_and_update();
        let read = cameras::managed(app.db()).await;
        let again = match read {
            Ok(rows) => !settle(&app, &carried, &mut known, rows),
            Err(error) => {
                tracing::debug!(%error, "cameras could not be read; trying again");
                true
            }
        };
        tokio::select! {
            () = app.stopping().cancelled() => return,
            changed = changes.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(RETRY), if again => {}
        }
    }
}

/// Makes the ingest carry what the rows say; `false`: a camera could not be started.
fn settle(
    app: &App,
    carried: &Cameras,
    known: &mut BTreeMap<String, Managed>,
    rows: Vec<Managed>,
) -> bool {
    let rows: BTreeMap<String, Managed> = rows
        .into_iter()
        .filter(|managed| !in_file(app, &managed.row.id))
        .map(|managed| (managed.row.id.clone(), managed))
        .collect();
    known.retain(|id, _| rows.contains_key(id) || !carried.remove(id));
    let mut whole = true;
    for (id, managed) in rows {
        if known.get(&id) == Some(&managed) && carried.get(&id).is_some() {
            continue;
        }
        match start(app, carried, &managed) {
            Ok(()) => drop(known.insert(id, managed)),
            Err(error) => {
                tracing::warn!(camera = id, error, "a camera cannot be started");
                whole = false;
            }
        }
    }
    whole
}

fn start(app: &App, carried: &Cameras, managed: &Managed) -> Result<(), String> {
    let sealer = app.sealer().map_err(|error| error.to_string())?;
    let (session, sub) = sessions(&sealer, &managed.connection)?;
    let (row, pictures) = (&managed.row, &managed.connection.pictures);
    let camera = Camera {
        description: CameraDescription {
            id: row.id.clone(),
            name: row.name.clone(),
            hall: row.hall.clone(),
            windows: row.windows.clone(),
            sub: sub.is_some(),
        },
        session,
        sub,
        recording: recording(pictures)?,
        checks: pictures.checks,
        regions: regions(&pictures.regions)?,
    };
    carried.put(camera).map_err(|error| error.to_string())
}

/// Where windows are in the pictures, as the ingest wants it.
///
/// # Errors
/// The first area that is none, by its window.
pub fn regions(regions: &[Region]) -> Result<Vec<WindowRegion>, String> {
    let area = |window: &str, corners: &[[f64; 2]]| {
        let corners: Vec<_> = corners
            .iter()
            .map(|at| at.map(|part| part as f32))
            .collect();
        Area::try_from(corners).map_err(|error| format!("window {window}: {error}"))
    };
    let region = |region: &Region| {
        let waiting = region.waiting.as_deref();
        Ok(WindowRegion {
            window: region.window.clone(),
            seat: area(&region.window, &region.seat)?,
            waiting: waiting
                .map(|corners| area(&region.window, corners))
                .transpose()?,
        })
    };
    regions.iter().map(region).collect()
}

/// What is kept of the pictures, as the ingest wants it.
///
/// # Errors
/// The first line of the schedule that is none.
pub fn recording(pictures: &Pictures) -> Result<CameraRecording, String> {
    let hours = pictures.record_hours.clone();
    let schedule = hours.map(Schedule::try_from).transpose();
    Ok(CameraRecording {
        enabled: pictures.recorded,
        days: pictures
            .record_days
            .and_then(|days| u32::try_from(days).ok()),
        max_bytes: None,
        schedule: schedule.map_err(|error| error.to_string())?,
    })
}

/// What the sessions of a camera and of its sub-stream need, with the password open.
///
/// # Errors
/// A password that does not open, or an address that is none.
pub fn sessions(
    sealer: &Sealer,
    connection: &Connection,
) -> Result<(CameraConfig, Option<CameraConfig>), String> {
    let id = &connection.camera;
    let open = |sealed: &String| {
        let bytes = sealer
            .open(sealed, &belongs_to_camera(id))
            .map_err(|error| error.to_string())?;
        String::from_utf8(bytes)
            .map(Secret::new)
            .map_err(|_| format!("the password of camera {id} is no text: set it anew"))
    };
    let address = |url: &str| {
        url.parse()
            .map_err(|_| format!("camera {id}: the address is none"))
    };
    let mut config = CameraConfig::new(id.as_str(), address(&connection.url)?);
    config.username.clone_from(&connection.username);
    config.password = connection.password.as_ref().map(open).transpose()?;
    config.transport = transport(&connection.transport);
    let sub = connection.sub_url.as_deref().map(address).transpose()?;
    let sub = sub.map(|url| config.at(url));
    Ok((config, sub))
}

/// Reads `tcp` and `udp`.
pub fn transport(word: &str) -> Transport {
    match word {
        "udp" => Transport::Udp,
        _ => Transport::Tcp,
    }
}

/// Whether the console's configuration file has a camera of this id: then the file is its truth.
pub fn in_file(app: &App, id: &str) -> bool {
    app.config().cameras.iter().any(|entry| entry.id == id)
}
