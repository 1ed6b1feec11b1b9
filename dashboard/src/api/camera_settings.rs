//! Cameras as people manage them: added, changed and taken away without a restart, and looked at before that. Passwords come in and
//! never go out.

mod edges;
pub mod looks;
mod pictures;

use axum::extract::State;
use axum::http::StatusCode;
use mingjing_ingest::camera::{CameraConfig, CameraConfigError, Secret};
use mingjing_ingest::managed::{self, transport};
use mingjing_ingest::seal::belongs_to_camera;
use mingjing_ingest::uplink::MAX_CAMERA_ID;
use mingjing_monitor::audit::Action;
use mingjing_monitor::store::halls::{self, Camera};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;
use utoipa::{IntoParams, ToSchema};

use self::edges::{EdgeView, PushView};
use self::looks::Looked;
use self::pictures::{PicturesView, RecordingDefault};
use crate::app::App;
use crate::audit::{Record, Trail};
use crate::cameras::{in_file, reach};
use crate::problem::{Json, Path, Problem, Result};
use crate::store::cameras::{self, Connection};
use crate::store::{Notice, notify};
use crate::uplink::edges::LOCAL;
use crate::views::CameraView;

/// Longest name, address, user or password, in characters.
const MOST: usize = 500;

/// Where a camera's connection is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// Here: it is managed on the pages.
    Here,
    /// In the configuration file of this console.
    File,
    /// In the configuration of its edge.
    Edge,
    /// Nowhere: it was carried once, and is no longer.
    Nowhere,
}

/// A camera, and how it is reached.
#[derive(Debug, Serialize, ToSchema)]
pub struct CameraSetting {
    #[serde(flatten)]
    camera: CameraView,
    kept: Kept,
    /// Only where it is kept here.
    connection: Option<ConnectionView>,
    /// Only where it is given to an edge.
    push: Option<PushView>,
}

/// How a camera is reached; never its password.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConnectionView {
    url: String,
    sub_url: Option<String>,
    username: Option<String>,
    has_password: bool,
    /// `tcp` or `udp`.
    transport: String,
    pictures: PicturesView,
    /// Send it back with a change.
    revision: i32,
}

/// The cameras.
#[derive(Debug, Serialize, ToSchema)]
pub struct CameraSettings {
    /// By id.
    items: Vec<CameraSetting>,
    /// The edges that cameras can be given to, by name.
    edges: Vec<EdgeView>,
    /// Of cameras that say nothing of it themselves.
    recording: RecordingDefault,
}

/// How a camera is to be reached.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Reach {
    /// `rtsp://host[:port]/path`, without user and password.
    url: String,
    /// Of its sub-stream: the same host and port, and the same user and password.
    sub_url: Option<String>,
    username: Option<String>,
    /// Left out: the one that is kept stays, as long as address and user stay too. Empty: none.
    password: Option<String>,
    /// `tcp` (where it is left out) or `udp`.
    transport: Option<String>,
}

/// A camera to add.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewCamera {
    /// Stable code, unique in the county.
    id: String,
    #[serde(flatten)]
    write: WriteCamera,
}

/// What people say of a camera.
#[derive(Debug, Deserialize, ToSchema)]
pub struct WriteCamera {
    name: String,
    hall: String,
    /// The ingest that receives it: `local`, that of this console, or an edge. Left out: as it was, and `local` for a new one.
    edge: Option<String>,
    /// Numbers of the windows that it sees.
    #[serde(default)]
    windows: Vec<String>,
    #[serde(flatten)]
    reach: Reach,
    /// Left out: as it was, or for a new camera checked, recorded as the configuration says, and without regions.
    pictures: Option<PicturesView>,
    /// For a camera that is kept here: the revision that was read.
    revision: Option<i32>,
}

/// What to look at.
#[derive(Debug, Deserialize, ToSchema)]
pub struct LookAt {
    /// The camera whose password is meant where none is given.
    id: Option<String>,
    /// From where: `local`, also where it is left out, or an edge.
    edge: Option<String>,
    #[serde(flatten)]
    reach: Reach,
}

/// Which camera.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct CameraId {
    /// Its id.
    id: String,
}

/// Every camera of the county, with how it is reached where that is kept here.
#[utoipa::path(
    get, path = "/api/v1/camera-settings", tag = "cameras", operation_id = "list_camera_settings",
    responses((status = 200, body = CameraSettings), (status = 403, body = Problem))
)]
pub async fn list(State(app): State<App>) -> Result<Json<CameraSettings>> {
    let managed = cameras::managed(app.db()).await?;
    let pushes = cameras::pushes(app.db()).await?;
    let directory = app.directory();
    let setting = |camera: &Camera| {
        let known = app.edges().health(&camera.id);
        let here = managed.iter().find(|one| one.row.id == camera.id);
        CameraSetting {
            camera: CameraView::new(camera, known.as_ref(), &directory),
            kept: kept(&app, camera, here.is_some()),
            connection: here.map(|one| ConnectionView::of(&one.connection)),
            push: here.and_then(|one| PushView::of(&app, one, &pushes)),
        }
    };
    let items = directory.cameras().map(setting).collect();
    let all = &app.config().recording;
    let recording = RecordingDefault {
        enabled: all.enabled,
        days: all.days,
    };
    let edges = edges::known(&app).await?;
    Ok(Json(CameraSettings {
        items,
        edges,
        recording,
    }))
}

fn kept(app: &App, camera: &Camera, managed: bool) -> Kept {
    match camera.edge.as_str() {
        LOCAL if in_file(app, &camera.id) => Kept::File,
        _ if managed => Kept::Here,
        LOCAL => Kept::Nowhere,
        _ => Kept::Edge,
    }
}

impl ConnectionView {
    fn of(connection: &Connection) -> Self {
        Self {
            url: connection.url.clone(),
            sub_url: connection.sub_url.clone(),
            username: connection.username.clone(),
            has_password: connection.password.is_some(),
            transport: connection.transport.clone(),
            pictures: PicturesView::of(&connection.pictures),
            revision: connection.revision,
        }
    }
}

/// Adds a camera to the ingest of this console, or to an edge.
#[utoipa::path(
    post, path = "/api/v1/camera-settings", tag = "cameras", operation_id = "add_camera", request_body = NewCamera,
    responses((status = 201, body = ConnectionView), (status = 409, body = Problem), (status = 422, body = Problem))
)]
pub async fn add(
    State(app): State<App>,
    trail: Trail,
    Json(new): Json<NewCamera>,
) -> Result<(StatusCode, Json<ConnectionView>)> {
    let id = new.id.trim();
    if id.is_empty() || id.len() > MAX_CAMERA_ID || !id.chars().all(is_of_code) {
        return Err(Problem::invalid(format!(
            "id: give letters, digits, dots, dashes and underscores, at most {MAX_CAMERA_ID}"
        )));
    }
    let row = row(&app, id, &new.write, None).await?;
    let mut tx = app.db().begin().await?;
    if cameras::is_known(&mut tx, id).await? || in_file(&app, id) {
        return Err(Problem::conflict(format!(
            "There is a camera {id} already."
        )));
    }
    let mut connection = connection(&app, id, &new.write.reach, None)?;
    if let Some(pictures) = &new.write.pictures {
        connection.pictures = pictures.checked(&row.windows)?;
    }
    halls::upsert_cameras(&mut tx, std::slice::from_ref(&row)).await?;
    cameras::put(&mut tx, &connection).await?;
    notify(&mut tx, Notice::Organisation).await?;
    let record = Record::of(Action::CameraChanged)
        .on("camera", id)
        .hall(row.hall.clone())
        .after(told("add", &row, &connection));
    trail.append(&mut tx, record).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(ConnectionView::of(&connection))))
}

/// Changes a camera that is kept here, or takes one that is kept nowhere into service again.
#[utoipa::path(
    put, path = "/api/v1/camera-settings/{id}", tag = "cameras", operation_id = "change_camera", params(CameraId),
    request_body = WriteCamera,
    responses((status = 200, body = ConnectionView), (status = 404, body = Problem), (status = 409, body = Problem),
              (status = 422, body = Problem))
)]
pub async fn change(
    State(app): State<App>,
    trail: Trail,
    Path(CameraId { id }): Path<CameraId>,
    Json(write): Json<WriteCamera>,
) -> Result<Json<ConnectionView>> {
    let before = own(&app, &id)?;
    let row = row(&app, &id, &write, Some(&before)).await?;
    let mut tx = app.db().begin().await?;
    let held = cameras::hold(&mut tx, &id).await?;
    if held.as_ref().map(|held| held.revision) != write.revision {
        return Err(Problem::conflict(
            "The camera has changed since you read it: read it again.",
        ));
    }
    if held.is_none() && before.edge != LOCAL {
        return Err(elsewhere(&before));
    }
    if row.edge != before.edge {
        given_anew(&write.reach, held.as_ref())?;
    }
    let mut connection = connection(&app, &id, &write.reach, held.as_ref())?;
    let kept = PicturesView::of(&connection.pictures);
    connection.pictures = write
        .pictures
        .as_ref()
        .unwrap_or(&kept)
        .checked(&row.windows)?;
    halls::upsert_cameras(&mut tx, std::slice::from_ref(&row)).await?;
    cameras::put(&mut tx, &connection).await?;
    notify(&mut tx, Notice::Organisation).await?;
    let mut record = Record::of(Action::CameraChanged)
        .on("camera", &id)
        .hall(row.hall.clone())
        .after(told("change", &row, &connection));
    if let Some(held) = &held {
        record = record.before(told("change", &before, held));
    }
    trail.append(&mut tx, record).await?;
    tx.commit().await?;
    Ok(Json(ConnectionView::of(&connection)))
}

/// Takes a camera away. What was recorded stays until it is old enough.
#[utoipa::path(
    delete, path = "/api/v1/camera-settings/{id}", tag = "cameras", operation_id = "remove_camera", params(CameraId),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub async fn remove(
    State(app): State<App>,
    trail: Trail,
    Path(CameraId { id }): Path<CameraId>,
) -> Result<StatusCode> {
    let before = own(&app, &id)?;
    let mut tx = app.db().begin().await?;
    let held = cameras::hold(&mut tx, &id).await?;
    if held.is_none() && before.edge != LOCAL {
        return Err(elsewhere(&before));
    }
    if !cameras::remove(&mut tx, &id).await? {
        return Err(Problem::not_found("camera"));
    }
    notify(&mut tx, Notice::Organisation).await?;
    let mut record = Record::of(Action::CameraChanged)
        .on("camera", &id)
        .hall(before.hall.clone())
        .after(json!({"step": "remove"}));
    if let Some(held) = &held {
        record = record.before(told("remove", &before, held));
    }
    trail.append(&mut tx, record).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Connects to a camera once and shows its picture, or says why there is none; nothing is kept.
#[utoipa::path(
    post, path = "/api/v1/camera-looks", tag = "cameras", operation_id = "look_at_camera", request_body = LookAt,
    responses((status = 200, body = Looked), (status = 409, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub async fn look(
    State(app): State<App>,
    trail: Trail,
    Json(at): Json<LookAt>,
) -> Result<Json<Looked>> {
    let id = at.id.as_deref().unwrap_or("new");
    let mut connection_now = app.db().acquire().await?;
    let held = cameras::hold(&mut connection_now, id).await?;
    drop(connection_now);
    let edge = at.edge.as_deref().unwrap_or(LOCAL);
    let directory = app.directory();
    if directory.given_to(id).is_some_and(|now| now != edge) {
        given_anew(&at.reach, held.as_ref())?;
    }
    let connection = connection(&app, id, &at.reach, held.as_ref())?;
    let reach = opened(&app, &connection)?;
    let record = Record::of(Action::CameraTested)
        .on("camera", id)
        .after(json!({"host": host(&connection.url), "edge": edge}));
    trail.record(app.db(), record).await?;
    let looked = match edge {
        LOCAL => looks::here(&app, id, &reach).await,
        edge => looks::at_edge(&app, edge, id, reach).await,
    };
    looked.map(Json)
}

/// A password goes only where it was meant to go: what answers at this address in the network of another ingest may be somebody else's.
fn given_anew(reach: &Reach, held: Option<&Connection>) -> Result<()> {
    if reach.password.is_none() && held.is_some_and(|held| held.password.is_some()) {
        return Err(Problem::invalid(
            "password: another ingest shall receive the camera, so the password that is kept is not sent there; give it again",
        ));
    }
    Ok(())
}

/// A camera that may be changed here.
fn own(app: &App, id: &str) -> Result<Camera> {
    let directory = app.directory();
    let camera = directory
        .camera(id)
        .ok_or_else(|| Problem::not_found("camera"))?;
    if camera.edge == LOCAL && in_file(app, id) {
        return Err(Problem::conflict(
            "This camera stands in the configuration file of the console: change it there.",
        ));
    }
    Ok(camera.clone())
}

/// An edge carries it that nobody gave it to here.
fn elsewhere(camera: &Camera) -> Problem {
    Problem::conflict(format!(
        "This camera stands in the configuration of the edge {}: change it there.",
        camera.edge
    ))
}

async fn row(app: &App, id: &str, write: &WriteCamera, before: Option<&Camera>) -> Result<Camera> {
    let directory = app.directory();
    let name = text("name", &write.name)?;
    if directory.hall(&write.hall).is_none() {
        return Err(Problem::invalid("hall: there is no such hall"));
    }
    let unknown = write
        .windows
        .iter()
        .find(|no| directory.window(&write.hall, no).is_none());
    if let Some(no) = unknown {
        return Err(Problem::invalid(format!(
            "windows: the hall has no window {no:?}"
        )));
    }
    let edge = edges::checked(app, write, before).await?;
    Ok(Camera {
        id: id.to_owned(),
        hall: write.hall.clone(),
        name: if name.is_empty() { id.to_owned() } else { name },
        windows: write.windows.clone(),
        edge,
    })
}

/// The connection that is asked for, its password sealed. A password that is kept goes only where it was meant to go.
fn connection(app: &App, id: &str, reach: &Reach, held: Option<&Connection>) -> Result<Connection> {
    let url = text("url", &reach.url)?;
    let address: Url = url
        .parse()
        .map_err(|_| Problem::invalid("url: give rtsp://host[:port]/path"))?;
    let sub_url = reach.sub_url.as_deref().unwrap_or_default();
    let sub_url = Some(text("sub_url", sub_url)?).filter(|url| !url.is_empty());
    if let Some(sub) = &sub_url {
        let sub: Url = sub
            .parse()
            .map_err(|_| Problem::invalid("sub_url: give rtsp://host[:port]/path"))?;
        if !same_place(&url, &sub) {
            return Err(Problem::invalid(
                "sub_url: give the same host and port as for url: user and password are sent there too",
            ));
        }
        CameraConfig::new(id, sub).validate().map_err(faulty)?;
    }
    let username = reach.username.as_deref().unwrap_or_default();
    let username = Some(text("username", username)?).filter(|user| !user.is_empty());
    let password = match (&reach.password, held) {
        (Some(given), _) if given.is_empty() => None,
        (Some(given), _) => {
            text("password", given)?;
            let sealer = app.sealer().map_err(Problem::internal)?;
            Some(sealer.seal(given.as_bytes(), &belongs_to_camera(id)))
        }
        (None, Some(held)) if held.password.is_some() => {
            if !same_place(&held.url, &address) || held.username != username {
                return Err(Problem::invalid(
                    "password: address or user changed, so the password that is kept is not sent there; give it again",
                ));
            }
            held.password.clone()
        }
        (None, _) => None,
    };
    let transport_word = reach.transport.as_deref().unwrap_or("tcp");
    let mut config = CameraConfig::new(id, address);
    config.username.clone_from(&username);
    config.password = password.as_ref().map(|_| Secret::new(""));
    config.transport = transport(transport_word).map_err(Problem::invalid)?;
    config.validate().map_err(faulty)?;
    Ok(Connection {
        camera: id.to_owned(),
        url,
        sub_url,
        username,
        password,
        transport: transport_word.to_owned(),
        pictures: held.map(|held| held.pictures.clone()).unwrap_or_default(),
        revision: held.map_or(1, |held| held.revision + 1),
    })
}

fn same_place(before: &str, now: &Url) -> bool {
    let place = |url: &Url| (url.host_str().map(str::to_owned), url.port().unwrap_or(554));
    before
        .parse()
        .is_ok_and(|before: Url| place(&before) == place(now))
}

fn opened(app: &App, connection: &Connection) -> Result<managed::Reach> {
    let sealer = app.sealer().map_err(Problem::internal)?;
    reach(&sealer, connection).map_err(|_| {
        Problem::invalid("password: the one that is kept does not open any more; give it again")
    })
}

fn faulty(error: CameraConfigError) -> Problem {
    Problem::invalid(error.to_string())
}

fn text(what: &str, value: &str) -> Result<String> {
    let value = value.trim();
    if value.chars().count() > MOST || value.chars().any(char::is_control) {
        return Err(Problem::invalid(format!(
            "{what}: give at most {MOST} characters on one line"
        )));
    }
    Ok(value.to_owned())
}

fn is_of_code(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._".contains(c)
}

/// Host and port: paths of some cameras hold a password.
fn host(url: &str) -> Option<String> {
    let url: Url = url.parse().ok()?;
    Some(format!("{}:{}", url.host_str()?, url.port().unwrap_or(554)))
}

/// What the audit log keeps of it.
fn told(step: &str, row: &Camera, connection: &Connection) -> Value {
    json!({
        "step": step, "name": row.name, "hall": row.hall, "edge": row.edge, "windows": row.windows, "host": host(&connection.url),
        "sub_stream": connection.sub_url.is_some(), "username": connection.username, "password": connection.password.is_some(), "transport": connection.transport,
        "pictures": pictures::told(&connection.pictures),
    })
}
