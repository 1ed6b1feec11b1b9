//! Configuration: defaults, then a TOML file, then `MINGJING_SECTION__KEY` from the environment.
//!
//! A wrong key or value is named with its line, or with its variable. Passwords stand in the file sealed (`seal`), or it names
//! another file, or an environment variable, that holds them. One that stands there as it is works, and `doctor` says so.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use chrono_tz::Tz;
use figment::Figment;
use figment::providers::{Env, Format, Toml};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::camera::{Audio, CameraConfig, CameraConfigError, Secret, Transport};
use crate::picture::checks::Limits;
use crate::picture::presence::{PresenceConfig, WindowRegion};
use crate::recording::{Rules, Schedule};
use crate::seal::{SEALED, SealError, Sealer, belongs_to_camera};
use crate::uplink::MAX_CAMERA_ID;
use crate::uplink::protocol::CameraDescription;

/// What is before every environment variable of the project.
pub const ENV_PREFIX: &str = "MINGJING_";

/// Variables under the same prefix that are no key of a configuration: those of the project's scripts, and the token of
/// `mingjing replay --into`.
const OTHER_VARIABLES: &[&str] = &["state", "db_port", "token"];

/// Configuration of an ingest, in its own process or inside the console.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IngestConfig {
    /// Name of this ingest: how the console tells it from others.
    pub name: String,
    /// Where the spool lives. Made when missing.
    pub data_dir: PathBuf,
    /// Where `POST /api/v1/events` is served by `mingjing-ingest`. Not used inside the console, which serves it itself.
    pub listen: SocketAddr,
    /// Time zone of the county: for events that carry only a date.
    pub timezone: Tz,
    /// The way to the console.
    pub uplink: UplinkConfig,
    /// What opens sealed passwords.
    pub secrets: Secrets,
    /// What is kept while the console is away.
    pub spool: SpoolConfig,
    /// What is kept of the cameras' pictures.
    pub recording: RecordingConfig,
    /// What is a fault of a picture.
    pub checks: Limits,
    /// How it is told who is at the windows.
    pub presence: PresenceConfig,
    /// What the intake takes at once.
    pub intake: IntakeConfig,
    /// The cameras, as `[[camera]]` tables.
    #[serde(rename = "camera")]
    pub cameras: Vec<CameraEntry>,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            name: "local".into(),
            data_dir: PathBuf::from("data"),
            listen: SocketAddr::from(([127, 0, 0, 1], 8081)),
            timezone: chrono_tz::Asia::Shanghai,
            uplink: UplinkConfig::default(),
            secrets: Secrets::default(),
            spool: SpoolConfig::default(),
            recording: RecordingConfig::default(),
            checks: Limits::default(),
            presence: PresenceConfig::default(),
            intake: IntakeConfig::default(),
            cameras: Vec::new(),
        }
    }
}

/// The way to the console.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UplinkConfig {
    /// PEM file of the only certificate authority to trust, where the console has a certificate of the county's own.
    pub ca_file: Option<PathBuf>,
    /// Allow `ws://` to another machine. Off: plain text stays on loopback.
    pub allow_plain: bool,
}

/// `[secrets]`: the key that seals what has to be read again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Secrets {
    /// The key file; without it `secret.key` in the data directory. Made when it is missing.
    pub key_file: Option<PathBuf>,
    /// The key itself, for those who hand it over in the environment (`MINGJING_SECRETS__KEY`). Not both.
    pub key: Option<Secret>,
}

impl Secrets {
    /// Where the key lies; `None` when it is handed over in the environment.
    pub fn file(&self, data_dir: &Path) -> Option<PathBuf> {
        match (&self.key_file, &self.key) {
            (Some(file), _) => Some(file.clone()),
            (None, None) => Some(data_dir.join("secret.key")),
            (None, Some(_)) => None,
        }
    }

    /// What seals and opens.
    ///
    /// # Errors
    /// When the key cannot be read or made.
    pub fn sealer(&self, data_dir: &Path) -> Result<Sealer, SealError> {
        match (self.file(data_dir), &self.key) {
            (Some(file), _) => Sealer::from_file(&file),
            (None, key) => {
                let key = key.as_ref().map_or("", Secret::expose);
                Sealer::from_text(key, "[secrets] key")
            }
        }
    }
}

/// What is kept while the console is away.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SpoolConfig {
    /// Bytes of events kept at most; past that the intake answers 429.
    pub max_bytes: u64,
}

impl Default for SpoolConfig {
    fn default() -> Self {
        Self { max_bytes: 4 << 30 }
    }
}

/// `[recording]`: what is kept of the cameras' pictures. A camera's own `recording` table sets it differently for that camera.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecordingConfig {
    /// Whether cameras are recorded.
    pub enabled: bool,
    /// Where; without it `recordings` in the data directory. Made when missing.
    pub dir: Option<PathBuf>,
    /// Days that a recording is kept at most.
    pub days: u32,
    /// Bytes of one camera at most.
    pub max_bytes: u64,
    /// When: lines like `mon-fri 08:00-18:30` in the county's time zone; none: always.
    pub schedule: Schedule,
    /// Bytes of the disk that are not for recordings: before less is free, the oldest ones give way.
    pub min_free_bytes: u64,
}

impl Default for RecordingConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            dir: None,
            days: 30,
            max_bytes: 64 << 30,
            schedule: Schedule::default(),
            min_free_bytes: 4 << 30,
        }
    }
}

impl RecordingConfig {
    /// Where recordings are.
    pub fn directory(&self, data_dir: &Path) -> PathBuf {
        self.dir
            .clone()
            .unwrap_or_else(|| data_dir.join("recordings"))
    }

    /// What holds for a camera that says nothing itself.
    pub fn rules(&self) -> Rules {
        Rules {
            days: self.days,
            max_bytes: self.max_bytes,
            schedule: self.schedule.clone(),
        }
    }
}

/// A camera's own `recording`: what is left out is as in [`RecordingConfig`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CameraRecording {
    /// Whether it is recorded.
    pub enabled: Option<bool>,
    /// Days.
    pub days: Option<u32>,
    /// Bytes.
    pub max_bytes: Option<u64>,
    /// When.
    pub schedule: Option<Schedule>,
}

impl CameraRecording {
    /// What holds for this camera; `None`: it is not recorded.
    pub fn rules(&self, all: &RecordingConfig) -> Option<Rules> {
        let own = Rules {
            days: self.days.unwrap_or(all.days),
            max_bytes: self.max_bytes.unwrap_or(all.max_bytes),
            schedule: self
                .schedule
                .clone()
                .unwrap_or_else(|| all.schedule.clone()),
        };
        self.enabled.unwrap_or(all.enabled).then_some(own)
    }
}

/// What the intake takes at once.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IntakeConfig {
    /// Batches in hand at most; past that it answers 429.
    pub max_in_flight: usize,
    /// Listen on other addresses than loopback, in plain HTTP. Off: a proxy with TLS stands before this process.
    pub allow_plain: bool,
}

impl Default for IntakeConfig {
    fn default() -> Self {
        Self {
            max_in_flight: 64,
            allow_plain: false,
        }
    }
}

/// One `[[camera]]` of the configuration.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CameraEntry {
    /// Stable code of the camera, unique in the county.
    pub id: String,
    /// What the screens call it; its id when left out.
    #[serde(default)]
    pub name: Option<String>,
    /// Code of its hall.
    pub hall: String,
    /// Numbers of the windows that it sees.
    #[serde(default)]
    pub windows: Vec<String>,
    /// `rtsp://host[:port]/path`, without user or password.
    pub url: Url,
    /// Address of its sub-stream, with the same user, password and transport. It is what is decoded and shown small.
    #[serde(default)]
    pub sub_url: Option<Url>,
    /// User, where the camera asks for one.
    #[serde(default)]
    pub username: Option<String>,
    /// The password: sealed (`sealed:…`, made by `mingjing secret seal`), or as it is.
    #[serde(default)]
    pub password: Option<Secret>,
    /// File whose first line is the password.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// Environment variable that holds the password.
    #[serde(default)]
    pub password_env: Option<String>,
    /// TCP unless the camera cannot.
    #[serde(default)]
    pub transport: Transport,
    /// Whether its sound is recorded with its pictures: `keep`, or `ignore`, also where it is left out.
    #[serde(default)]
    pub audio: Audio,
    /// What is kept of its pictures, where that differs from `[recording]`.
    #[serde(default)]
    pub recording: CameraRecording,
    /// Whether its pictures are looked at for faults; off for one that turns about by itself.
    #[serde(default = "yes")]
    pub checks: bool,
    /// Where its windows are in its picture, as `[[camera.region]]` tables.
    #[serde(default, rename = "region")]
    pub regions: Vec<WindowRegion>,
}

fn yes() -> bool {
    true
}

/// A camera ready to be started: what the console is told, and what the session needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Camera {
    /// Without address or credentials.
    pub description: CameraDescription,
    /// With them.
    pub session: CameraConfig,
    /// The same for its sub-stream, where it has one.
    pub sub: Option<CameraConfig>,
    /// What is kept of its pictures, where that differs from `[recording]`.
    pub recording: CameraRecording,
    /// Whether its pictures are looked at for faults.
    pub checks: bool,
    /// Where its windows are in its picture.
    pub regions: Vec<WindowRegion>,
}

/// Why a configuration cannot be used. The text names the place and what to do; it holds no secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A key or value of the file is wrong; the text of `toml` names line and column.
    #[error("{}: {message}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What and where.
        message: String,
    },
    /// A variable of the environment is wrong.
    #[error("environment variable {variable}: {message}")]
    Environment {
        /// Its name, as far as it can be told.
        variable: String,
        /// What is wrong.
        message: String,
    },
    /// Two cameras have one id.
    #[error("two cameras have the id {0:?}: give each its own")]
    DuplicateCamera(String),
    /// A camera cannot be used.
    #[error(transparent)]
    Camera(#[from] CameraConfigError),
    /// A camera's id does not fit the uplink.
    #[error("camera {0:?}: the id is longer than {MAX_CAMERA_ID} bytes")]
    LongCameraId(String),
    /// A password's file or variable cannot be read.
    #[error("camera {camera}: {message}")]
    Password {
        /// The camera.
        camera: String,
        /// What is wrong; never the password.
        message: String,
    },
    /// A region is of a window that the camera does not see.
    #[error("camera {camera}: a region is of window {window:?}, which is not in its `windows`")]
    Region {
        /// The camera.
        camera: String,
        /// The window.
        window: String,
    },
    /// A sealed password cannot be opened.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// Reads a configuration of any shape: the defaults of `T`, then `file`, then the environment under [`ENV_PREFIX`].
///
/// # Errors
/// The first wrong key or value, with its line in the file or its variable.
pub fn load<T: DeserializeOwned>(file: Option<&Path>) -> Result<T, ConfigError> {
    let mut figment = Figment::new();
    if let Some(path) = file {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        // The file by itself first: only the TOML parser knows lines.
        if let Err(error) = toml::from_str::<T>(&text) {
            return Err(ConfigError::File {
                path: path.to_owned(),
                message: place_and_reason(&text, &error),
            });
        }
        figment = figment.merge(Toml::string(&text));
    }
    figment
        .merge(
            Env::prefixed(ENV_PREFIX)
                .ignore(OTHER_VARIABLES)
                .split("__"),
        )
        .extract()
        .map_err(|error| environment_error(&error))
}

/// Line, column and reason of a wrong key or value. The line itself is not repeated, and where it may hold a secret, neither is
/// the reason: what stands in a configuration does not belong into a log.
fn place_and_reason(text: &str, error: &toml::de::Error) -> String {
    let Some(span) = error.span() else {
        return error.message().to_owned();
    };
    let before = text.get(..span.start).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let line = before.matches('\n').count() + 1;
    let column = before[start..].chars().count() + 1;
    let whole = text[start..].lines().next().unwrap_or_default();
    let key = whole.split('=').next().unwrap_or_default().trim();
    let reason = if is_secret(key) && before.len() > start {
        format!("the value of `{key}` cannot be understood")
    } else {
        error.message().to_owned()
    };
    format!("line {line}, column {column}: {reason}")
}

/// Whether what is called so may be a secret.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["password", "secret", "token", "key", "url"]
        .iter()
        .any(|word| name.contains(word))
}

/// The file was good by itself, so what fails now came from the environment.
fn environment_error(error: &figment::Error) -> ConfigError {
    let mut path = error.path.clone();
    if let figment::error::Kind::UnknownField(field, _) = &error.kind
        && path.last() != Some(field)
    {
        path.push(field.clone());
    }
    let variable = if path.is_empty() {
        format!("{ENV_PREFIX}…")
    } else {
        format!("{ENV_PREFIX}{}", path.join("__").to_uppercase())
    };
    let message = match &error.kind {
        figment::error::Kind::UnknownField(..) => error.kind.to_string(),
        _ if path.last().is_some_and(|name| is_secret(name)) => {
            "its value cannot be understood".into()
        }
        kind => kind.to_string(),
    };
    ConfigError::Environment { variable, message }
}

impl IngestConfig {
    /// The cameras, checked, with their passwords read.
    ///
    /// # Errors
    /// The first camera that cannot be used, by its id.
    pub fn cameras(&self) -> Result<Vec<Camera>, ConfigError> {
        let mut seen = std::collections::HashSet::new();
        self.cameras
            .iter()
            .map(|entry| {
                if !seen.insert(entry.id.as_str()) {
                    return Err(ConfigError::DuplicateCamera(entry.id.clone()));
                }
                entry.camera(&self.secrets, &self.data_dir)
            })
            .collect()
    }
}

impl CameraEntry {
    /// The camera, checked, with its password read, and opened with `secrets` where it is sealed.
    ///
    /// # Errors
    /// What is wrong with it, by its id; never address or password.
    pub fn camera(&self, secrets: &Secrets, data_dir: &Path) -> Result<Camera, ConfigError> {
        if self.id.len() > MAX_CAMERA_ID {
            return Err(ConfigError::LongCameraId(
                self.id.chars().take(40).collect(),
            ));
        }
        let session = CameraConfig {
            id: self.id.clone(),
            url: self.url.clone(),
            username: self.username.clone(),
            password: self.password(secrets, data_dir)?,
            transport: self.transport,
            audio: self.audio,
        };
        session.validate()?;
        let sub = self.sub_url.clone().map(|url| session.at(url));
        sub.as_ref().map(CameraConfig::validate).transpose()?;
        let mut regions = self.regions.iter().map(|region| &region.window);
        if let Some(window) = regions.find(|window| !self.windows.contains(window)) {
            return Err(ConfigError::Region {
                camera: self.id.clone(),
                window: window.clone(),
            });
        }
        let description = CameraDescription {
            id: self.id.clone(),
            name: self.name.clone().unwrap_or_else(|| self.id.clone()),
            hall: self.hall.clone(),
            windows: self.windows.clone(),
            sub: sub.is_some(),
            managed: false,
        };
        Ok(Camera {
            description,
            session,
            sub,
            recording: self.recording.clone(),
            checks: self.checks,
            regions: self.regions.clone(),
        })
    }

    /// Whether its password stands in the configuration as it is.
    pub fn has_plain_password(&self) -> bool {
        let password = self.password.as_ref();
        password.is_some_and(|password| !password.expose().starts_with(SEALED))
    }

    fn password(&self, secrets: &Secrets, data_dir: &Path) -> Result<Option<Secret>, ConfigError> {
        let Some(written) = self.written_password()? else {
            return Ok(None);
        };
        let Some(envelope) = written.expose().strip_prefix(SEALED) else {
            return Ok(Some(written));
        };
        let sealer = secrets.sealer(data_dir)?;
        let opened = sealer.open(envelope.trim(), &belongs_to_camera(&self.id))?;
        let text =
            String::from_utf8(opened).map_err(|_| self.wrong("its sealed password is no text"))?;
        Ok(Some(Secret::new(text)))
    }

    /// The password as it is written down, wherever that is.
    fn written_password(&self) -> Result<Option<Secret>, ConfigError> {
        match (&self.password, &self.password_file, &self.password_env) {
            (None, None, None) => Ok(None),
            (Some(password), None, None) => Ok(Some(password.clone())),
            (None, Some(file), None) => read_secret(file).map(Some).map_err(|error| {
                let file = file.display();
                self.wrong(format!("cannot read the password file {file}: {error}"))
            }),
            (None, None, Some(name)) => match std::env::var(name) {
                Ok(value) => Ok(Some(Secret::new(value))),
                Err(_) => Err(self.wrong(format!(
                    "the environment variable {name} (`password_env`) is not set"
                ))),
            },
            _ => Err(self.wrong(
                "more than one of `password`, `password_file` and `password_env` is set: keep one",
            )),
        }
    }

    fn wrong(&self, message: impl Into<String>) -> ConfigError {
        ConfigError::Password {
            camera: self.id.clone(),
            message: message.into(),
        }
    }
}

/// A secret kept in a file: its first line.
///
/// # Errors
/// The file cannot be read, or its first line is empty.
pub fn read_secret(file: &Path) -> std::io::Result<Secret> {
    let text = std::fs::read_to_string(file)?;
    match text.lines().next().map(str::trim) {
        Some(line) if !line.is_empty() => Ok(Secret::new(line)),
        _ => Err(std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            "its first line is empty",
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    #[test]
    fn an_edge_with_two_cameras_is_read() {
        let password = file("geheim-1\n");
        let text = format!(
            "name = \"T07\"\nlisten = \"127.0.0.1:8801\"\n[spool]\nmax_bytes = 1000\n\
             [[camera]]\nid = \"t07-1\"\nname = \"东门\"\nhall = \"320382-T07\"\nwindows = [\"1\", \"2\"]\n\
             url = \"rtsp://cam.example/main\"\nusername = \"admin\"\npassword_file = {:?}\n\
             [[camera]]\nid = \"t07-2\"\nhall = \"320382-T07\"\nurl = \"rtsp://cam.example/2\"\n",
            password.path()
        );
        let config: IngestConfig = load(Some(file(&text).path())).unwrap();
        assert_eq!(config.spool.max_bytes, 1000);
        let cameras = config.cameras().unwrap();
        assert_eq!(cameras[0].session.password, Some(Secret::new("geheim-1")));
        assert_eq!(cameras[1].description.name, "t07-2");
        assert!(!format!("{config:?} {cameras:?}").contains("geheim-1"));
    }

    #[test]
    fn regions_are_of_windows_that_the_camera_sees() {
        let read = |window: &str, corners: &str| {
            let text = format!(
                "[checks]\nconfirm_seconds = 9\n[presence]\nleave_seconds = 5\n\
                 [[camera]]\nid = \"a\"\nhall = \"h\"\nurl = \"rtsp://c/\"\nwindows = [\"1\"]\nchecks = false\n\
                 [[camera.region]]\nwindow = \"{window}\"\nseat = {corners}\n"
            );
            load::<IngestConfig>(Some(file(&text).path()))
        };
        let good = "[[0.1, 0.1], [0.4, 0.1], [0.4, 0.5]]";
        let config = read("1", good).unwrap();
        assert_eq!(config.checks.confirm_seconds, 9);
        assert_eq!(config.presence.leave_seconds, 5);
        let cameras = config.cameras().unwrap();
        assert!(!cameras[0].checks && cameras[0].regions.len() == 1);
        let elsewhere = read("2", good).unwrap().cameras().unwrap_err();
        assert!(elsewhere.to_string().contains("camera a"), "{elsewhere}");
        let flat = read("1", "[[0.1, 0.1], [0.4, 0.4]]").unwrap_err();
        assert!(flat.to_string().contains("line 13"), "{flat}");
    }

    #[test]
    fn a_wrong_key_or_value_is_named_with_its_line() {
        let message = |text: &str| {
            load::<IngestConfig>(Some(file(text).path()))
                .unwrap_err()
                .to_string()
        };
        let unknown = message("name = \"x\"\n[spool]\nmax_byte = 1\n");
        assert!(
            unknown.contains("line 3") && unknown.contains("max_byte"),
            "{unknown}"
        );
        let wrong = message("\nlisten = \"nowhere\"\n");
        assert!(wrong.contains("line 2"), "{wrong}");
        let camera = message(
            "[[camera]]\nid = \"a\"\nhall = \"h\"\nurl = \"rtsp://c/\"\npasswort = \"x\"\n",
        );
        assert!(
            camera.contains("line 5") && camera.contains("passwort"),
            "{camera}"
        );
        assert!(message("timezone = \"Mars/Base\"").contains("line 1"));
    }

    #[test]
    #[allow(clippy::result_large_err, reason = "the closure's type is figment's")]
    fn the_environment_wins_and_is_named_when_wrong() {
        figment::Jail::expect_with(|jail| {
            jail.set_env("MINGJING_STATE", "/somewhere");
            jail.set_env("MINGJING_TOKEN", "secret");
            jail.set_env("MINGJING_SPOOL__MAX_BYTES", "77");
            jail.create_file("edge.toml", "[spool]\nmax_bytes = 5\n")?;
            let config: IngestConfig = load(Some(Path::new("edge.toml"))).unwrap();
            assert_eq!(config.spool.max_bytes, 77);
            jail.set_env("MINGJING_SPOOL__MAX_BYTES", "many");
            let error = load::<IngestConfig>(None).unwrap_err().to_string();
            assert!(error.contains("MINGJING_SPOOL__MAX_BYTES"), "{error}");
            jail.set_env("MINGJING_SPOOL__MAX_BYTES", "1");
            jail.set_env("MINGJING_SPOOL__COLOUR", "red");
            let error = load::<IngestConfig>(None).unwrap_err().to_string();
            assert!(error.contains("MINGJING_SPOOL__COLOUR"), "{error}");
            Ok(())
        });
    }

    #[test]
    fn a_sealed_password_opens_for_its_camera_alone() {
        let data = tempfile::tempdir().unwrap();
        let sealer = Secrets::default().sealer(data.path()).unwrap();
        let sealed = sealer.seal(b"geheim-2", &belongs_to_camera("a"));
        let config = |id: &str| {
            let text = format!(
                "data_dir = {:?}\n[[camera]]\nid = \"{id}\"\nhall = \"h\"\nurl = \"rtsp://c/\"\nusername = \"u\"\n\
                 password = \"sealed:{sealed}\"\n",
                data.path()
            );
            load::<IngestConfig>(Some(file(&text).path())).unwrap()
        };
        let cameras = config("a").cameras().unwrap();
        assert_eq!(cameras[0].session.password, Some(Secret::new("geheim-2")));
        assert!(!config("a").cameras[0].has_plain_password());
        let elsewhere = config("b").cameras().unwrap_err().to_string();
        assert!(elsewhere.contains("camera/b"), "{elsewhere}");
    }

    #[test]
    fn what_is_wrong_with_a_secret_is_told_without_it() {
        for text in [
            "[[camera]]\nid = \"a\"\nhall = \"h\"\nurl = \"rtsp://c/\"\npassword = 73577357\n",
            "[[camera]]\nid = \"a\"\nhall = \"h\"\nurl = \"rtsp://c/\"\npassword = \"73577357\n",
            "[[camera]]\nid = \"a\"\nhall = \"h\"\nurl = \"rtsp://c/\"\npassword = 73577357x\n",
            "[[camera]]\nid = \"a\"\nhall = \"h\"\nurl = \"rtsp://c:73577357@ x/\"\n",
            "[secrets]\nkey = [73577357]\n",
        ] {
            let error = load::<IngestConfig>(Some(file(text).path())).unwrap_err();
            assert!(
                !format!("{error} {error:?}").contains("73577357"),
                "{error:?}"
            );
            assert!(error.to_string().contains("line "), "{error}");
        }
    }

    #[test]
    fn faults_of_cameras_are_named_by_id() {
        let entry = |more: &str| {
            let text = format!("[[camera]]\nid = \"a\"\nhall = \"h\"\nurl = \"rtsp://c/\"\n{more}");
            load::<IngestConfig>(Some(file(&text).path()))
                .unwrap()
                .cameras()
                .unwrap_err()
                .to_string()
        };
        assert!(
            entry("username=\"u\"\npassword_env = \"NO_SUCH_VARIABLE_HERE\"").contains("camera a")
        );
        assert!(
            entry("username=\"u\"\npassword_file = \"/no/such/file\"").contains("/no/such/file")
        );
        assert!(
            entry("[[camera]]\nid = \"a\"\nhall = \"h\"\nurl = \"rtsp://c/\"\n")
                .contains("two cameras")
        );
    }
}
