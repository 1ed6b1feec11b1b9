//! Cameras that people manage at the console: what is said of one, and an ingest that carries exactly those beside the cameras of
//! its file. The console's own ingest follows the console's table; an edge follows what the console sends it ([`follow`]), and keeps
//! that sealed on its own disk ([`kept`]).

pub(crate) mod follow;
pub(crate) mod kept;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::camera::{Audio, CameraConfig, Secret, Transport};
use crate::cameras::Cameras;
use crate::config::{Camera, CameraRecording};
use crate::picture::presence::{Area, WindowRegion};
use crate::recording::Schedule;
use crate::uplink::MAX_CAMERA_ID;
use crate::uplink::protocol::CameraDescription;

pub use kept::{file, reseal};

/// A camera as the console's table has it, its password open: it is sealed where it lies, with the key of that machine.
///
/// Its parts are words and numbers as people gave them: whether they can be used is said for each camera by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ManagedCamera {
    /// Stable id.
    pub id: String,
    /// Counts its changes.
    pub revision: i32,
    /// What the screens call it.
    pub name: String,
    /// Code of its hall.
    pub hall: String,
    /// Numbers of the windows that it sees.
    pub windows: Vec<String>,
    /// How it is reached.
    #[serde(flatten)]
    pub reach: Reach,
    /// Whether its sound is recorded with its pictures: `keep` or `ignore`; not said, as in what an edge kept before there was sound: `ignore`.
    #[serde(default = "ignore")]
    pub audio: String,
    /// Whether its pictures are looked at for faults.
    pub checks: bool,
    /// Where its windows are in its picture.
    pub regions: Vec<Region>,
    /// Whether it is recorded; `None`, here and below: as the ingest's own configuration says.
    pub recorded: Option<bool>,
    /// For how many days.
    pub record_days: Option<u32>,
    /// When, as lines of a schedule; none of them: always.
    pub record_hours: Option<Vec<String>>,
}

fn ignore() -> String {
    "ignore".into()
}

/// How a camera is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// `rtsp://…`, without user and password.
    pub url: String,
    /// The same of its sub-stream, where it has one.
    pub sub_url: Option<String>,
    /// User, where the camera asks for one.
    pub username: Option<String>,
    /// Password, where the camera asks for one.
    #[serde(serialize_with = "crate::camera::exposed")]
    pub password: Option<Secret>,
    /// `tcp` or `udp`.
    pub transport: String,
}

/// Where a window is in a camera's picture. Corners are `[x, y]`, as fractions of the picture's width and height from its upper left corner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Region {
    /// Number of the window.
    pub window: String,
    /// Where whoever staffs it sits or stands.
    pub seat: Vec<[f64; 2]>,
    /// Where people wait for it, if they shall be counted.
    pub waiting: Option<Vec<[f64; 2]>>,
}

/// What became of a camera at its ingest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// Its id.
    pub id: String,
    /// Which of its changes.
    pub revision: i32,
    /// Why it is not as asked; `None`: it is.
    pub refused: Option<Refused>,
}

/// Why a camera is not as asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// [`IN_FILE`], [`INVALID`] or [`NOT_KEPT`]; another version may know more.
    pub why: String,
    /// What the code alone does not say, in English; neither address nor password.
    pub detail: Option<String>,
}

/// The ingest's own file has a camera of this id: it is changed there.
pub const IN_FILE: &str = "in_file";
/// Something of it cannot be used; what was carried before goes on.
pub const INVALID: &str = "invalid";
/// It is carried, and could not be written down: after a restart the console must be reached first.
pub const NOT_KEPT: &str = "not_kept";

impl Refused {
    fn new(why: &str, detail: Option<String>) -> Self {
        Self {
            why: why.into(),
            detail,
        }
    }
}

impl ManagedCamera {
    /// The camera, ready to be started.
    ///
    /// # Errors
    /// What of it cannot be used; neither address nor password.
    pub fn camera(&self) -> Result<Camera, String> {
        let id = &self.id;
        if id.is_empty() || id.len() > MAX_CAMERA_ID || id.chars().any(char::is_control) {
            return Err(format!(
                "the id must have 1 to {MAX_CAMERA_ID} bytes on one line"
            ));
        }
        let (mut session, sub) = self.reach.sessions(id)?;
        session.audio = audio(&self.audio)?;
        Ok(Camera {
            description: CameraDescription {
                id: id.clone(),
                name: self.name.clone(),
                hall: self.hall.clone(),
                windows: self.windows.clone(),
                sub: sub.is_some(),
                managed: true,
            },
            session,
            sub,
            recording: recording(self.recorded, self.record_days, self.record_hours.clone())?,
            checks: self.checks,
            regions: regions(&self.regions)?,
        })
    }
}

impl Reach {
    /// What the sessions of camera `id` and of its sub-stream need.
    ///
    /// # Errors
    /// What of it cannot be used; neither address nor password.
    pub fn sessions(&self, id: &str) -> Result<(CameraConfig, Option<CameraConfig>), String> {
        let address = |url: &str| -> Result<Url, String> {
            url.parse().map_err(|_| {
                format!("camera {id}: the address is none; give rtsp://host[:port]/path")
            })
        };
        let mut config = CameraConfig::new(id, address(&self.url)?);
        config.username.clone_from(&self.username);
        config.password.clone_from(&self.password);
        config.transport = transport(&self.transport)?;
        let sub = self.sub_url.as_deref().map(address).transpose()?;
        let sub = sub.map(|url| config.at(url));
        for one in [Some(&config), sub.as_ref()].into_iter().flatten() {
            one.validate().map_err(|error| error.to_string())?;
        }
        Ok((config, sub))
    }
}

/// Reads `tcp` and `udp`.
///
/// # Errors
/// Any other word.
pub fn transport(word: &str) -> Result<Transport, String> {
    match word {
        "tcp" => Ok(Transport::Tcp),
        "udp" => Ok(Transport::Udp),
        other => Err(format!("transport {other:?} is none: give tcp or udp")),
    }
}

/// What becomes of the sound, from its word.
///
/// # Errors
/// Another word.
pub fn audio(word: &str) -> Result<Audio, String> {
    match word {
        "ignore" => Ok(Audio::Ignore),
        "keep" => Ok(Audio::Keep),
        other => Err(format!("audio {other:?} is none: give ignore or keep")),
    }
}

/// Where windows are in the pictures, as cameras take it.
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

/// What is kept of the pictures, as cameras take it.
///
/// # Errors
/// The first line of the schedule that is none.
pub fn recording(
    enabled: Option<bool>,
    days: Option<u32>,
    hours: Option<Vec<String>>,
) -> Result<CameraRecording, String> {
    let schedule = hours.map(Schedule::try_from).transpose();
    Ok(CameraRecording {
        enabled,
        days,
        max_bytes: None,
        schedule: schedule.map_err(|error| error.to_string())?,
    })
}

/// The managed cameras of one ingest.
#[derive(Debug)]
pub struct Managed {
    cameras: Cameras,
    /// Those of the ingest's file: there the file has the word.
    in_file: BTreeSet<String>,
    carried: BTreeSet<String>,
}

impl Managed {
    /// None yet.
    pub fn new(cameras: Cameras, in_file: impl IntoIterator<Item = String>) -> Self {
        Self {
            cameras,
            in_file: in_file.into_iter().collect(),
            carried: BTreeSet::new(),
        }
    }

    /// Makes the ingest carry exactly these beside those of its file, and says what became of each. One that is as it was keeps its
    /// session; one that cannot be used stays as it was, and so do those whose ids are `unchanged`.
    pub fn settle(&mut self, wanted: &[ManagedCamera], unchanged: &[String]) -> Vec<Settled> {
        self.carried.retain(|id| {
            let stays = unchanged.contains(id) || wanted.iter().any(|camera| camera.id == *id);
            if !stays {
                self.cameras.remove(id);
            }
            stays
        });
        let settle = |camera: &ManagedCamera| Settled {
            id: camera.id.clone(),
            revision: camera.revision,
            refused: self.refuses(camera),
        };
        wanted.iter().map(settle).collect()
    }

    /// Carries one; or why not.
    fn refuses(&mut self, camera: &ManagedCamera) -> Option<Refused> {
        if self.in_file.contains(&camera.id) {
            return Some(Refused::new(IN_FILE, None));
        }
        let invalid = |detail| Some(Refused::new(INVALID, Some(detail)));
        let ready = match camera.camera() {
            Ok(ready) => ready,
            Err(detail) => return invalid(detail),
        };
        if self.cameras.settings(&camera.id).as_ref() != Some(&ready)
            && let Err(error) = self.cameras.put(ready)
        {
            return invalid(error.to_string());
        }
        self.carried.insert(camera.id.clone());
        None
    }
}
