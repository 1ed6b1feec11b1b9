//! The cameras that people manage on the pages. The table is the truth of them (`docs/architecture.md`); the ingest in this process
//! follows it, now and whenever the county changes, and so does each edge that cameras are given to ([`push`]). Cameras of a
//! configuration file stay what their file says.

pub mod push;

use std::time::Duration;

use mingjing_ingest::Cameras;
use mingjing_ingest::camera::Secret;
use mingjing_ingest::managed::{self, Managed, ManagedCamera, Reach};
use mingjing_ingest::seal::{Sealer, belongs_to_camera};

use crate::app::App;
use crate::store::cameras::{self, Connection, Region};
use crate::uplink::edges::LOCAL;

/// When the table could not be read, it is read again after this.
const RETRY: Duration = Duration::from_secs(5);

/// Keeps the cameras of this console's ingest as the table has them, until the console stops.
pub async fn follow(app: App, carried: Cameras) {
    let mut changes = app.watch_directory();
    let in_file = app.config().cameras.iter().map(|entry| entry.id.clone());
    let mut managed = Managed::new(carried, in_file);
    while !app.stopping().is_cancelled() {
        changes.borrow_and_update();
        let read = cameras::managed(app.db()).await;
        let again = match read {
            Ok(rows) => !settle(&app, &mut managed, &rows),
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

/// Makes the ingest of this console carry what the rows say; `false`: a camera is not as asked.
fn settle(app: &App, managed: &mut Managed, rows: &[cameras::Managed]) -> bool {
    let own = rows
        .iter()
        .filter(|managed| managed.row.edge == LOCAL && !in_file(app, &managed.row.id));
    let (wanted, locked) = opened(app, own);
    let unchanged: Vec<String> = locked.into_iter().map(|locked| locked.id).collect();
    let mut whole = unchanged.is_empty();
    for one in managed.settle(&wanted, &unchanged) {
        if let Some(refused) = one.refused {
            tracing::warn!(
                camera = one.id,
                detail = refused.detail,
                "a camera cannot be started"
            );
            whole = false;
        }
    }
    whole
}

/// A camera whose password does not open.
struct Locked {
    id: String,
    revision: i32,
    why: String,
}

/// Cameras with their passwords open, and those whose passwords do not open.
fn opened<'a>(
    app: &App,
    rows: impl Iterator<Item = &'a cameras::Managed>,
) -> (Vec<ManagedCamera>, Vec<Locked>) {
    let sealer = app.sealer().map_err(|error| error.to_string());
    let (mut open, mut locked) = (Vec::new(), Vec::new());
    for managed in rows {
        let camera = sealer
            .as_ref()
            .map_err(Clone::clone)
            .and_then(|sealer| described(sealer, managed));
        match camera {
            Ok(camera) => open.push(camera),
            Err(why) => {
                let id = managed.row.id.clone();
                tracing::warn!(camera = id, why, "the password of a camera does not open");
                let revision = managed.connection.revision;
                locked.push(Locked { id, revision, why });
            }
        }
    }
    (open, locked)
}

/// What its ingest is told of a camera.
fn described(sealer: &Sealer, managed: &cameras::Managed) -> Result<ManagedCamera, String> {
    let (row, connection) = (&managed.row, &managed.connection);
    let pictures = &connection.pictures;
    Ok(ManagedCamera {
        id: row.id.clone(),
        revision: connection.revision,
        name: row.name.clone(),
        hall: row.hall.clone(),
        windows: row.windows.clone(),
        reach: reach(sealer, connection)?,
        audio: pictures.audio.clone(),
        checks: pictures.checks,
        regions: regions(&pictures.regions),
        recorded: pictures.recorded,
        record_days: days(pictures.record_days),
        record_hours: pictures.record_hours.clone(),
    })
}

/// Where windows are in the pictures, as an ingest is told it.
pub fn regions(regions: &[Region]) -> Vec<managed::Region> {
    let region = |region: &Region| managed::Region {
        window: region.window.clone(),
        seat: region.seat.clone(),
        waiting: region.waiting.clone(),
    };
    regions.iter().map(region).collect()
}

/// For how long recordings are kept, as an ingest is told it.
pub fn days(days: Option<i32>) -> Option<u32> {
    days.and_then(|days| u32::try_from(days).ok())
}

/// How a camera is reached, with the password open.
///
/// # Errors
/// A password that does not open.
pub fn reach(sealer: &Sealer, connection: &Connection) -> Result<Reach, String> {
    let id = &connection.camera;
    let open = |sealed: &String| {
        let bytes = sealer
            .open(sealed, &belongs_to_camera(id))
            .map_err(|error| error.to_string())?;
        String::from_utf8(bytes)
            .map(Secret::new)
            .map_err(|_| format!("the password of camera {id} is no text: set it anew"))
    };
    Ok(Reach {
        url: connection.url.clone(),
        sub_url: connection.sub_url.clone(),
        username: connection.username.clone(),
        password: connection.password.as_ref().map(open).transpose()?,
        transport: connection.transport.clone(),
    })
}

/// Whether the console's configuration file has a camera of this id: then the file is its truth.
pub fn in_file(app: &App, id: &str) -> bool {
    app.config().cameras.iter().any(|entry| entry.id == id)
}
