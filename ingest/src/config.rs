//! Configuration: defaults, then a TOML file, then `MINGJING_SECTION__KEY` from the environment.
//!
//! A wrong key or value is named with its line, or with its variable. Passwords never stand in the file itself: it names
//! another file, or an environment variable, that holds them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use chrono_tz::Tz;
use figment::Figment;
use figment::providers::{Env, Format, Toml};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::camera::{CameraConfig, CameraConfigError, Secret, Transport};
use crate::uplink::MAX_CAMERA_ID;
use crate::uplink::protocol::CameraDescription;

/// What is before every environment variable of the project.
pub const ENV_PREFIX: &str = "MINGJING_";

/// Variables under the same prefix that the project's scripts read, and no key of a configuration.
const SCRIPT_VARIABLES: &[&str] = &["state", "db_port"];

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
    /// What is kept while the console is away.
    pub spool: SpoolConfig,
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
            spool: SpoolConfig::default(),
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
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
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
    /// User, where the camera asks for one.
    #[serde(default)]
    pub username: Option<String>,
    /// File whose first line is the password.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// Environment variable that holds the password.
    #[serde(default)]
    pub password_env: Option<String>,
    /// TCP unless the camera cannot.
    #[serde(default)]
    pub transport: Transport,
}

/// A camera ready to be started: what the console is told, and what the session needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Camera {
    /// Without address or credentials.
    pub description: CameraDescription,
    /// With them.
    pub session: CameraConfig,
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
                message: error.to_string(),
            });
        }
        figment = figment.merge(Toml::string(&text));
    }
    figment
        .merge(
            Env::prefixed(ENV_PREFIX)
                .ignore(SCRIPT_VARIABLES)
                .split("__"),
        )
        .extract()
        .map_err(|error| environment_error(&error))
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
    ConfigError::Environment {
        variable,
        message: error.kind.to_string(),
    }
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
                entry.camera()
            })
            .collect()
    }
}

impl CameraEntry {
    /// The camera, checked, with its password read.
    ///
    /// # Errors
    /// What is wrong with it, by its id; never address or password.
    pub fn camera(&self) -> Result<Camera, ConfigError> {
        if self.id.len() > MAX_CAMERA_ID {
            return Err(ConfigError::LongCameraId(
                self.id.chars().take(40).collect(),
            ));
        }
        let session = CameraConfig {
            id: self.id.clone(),
            url: self.url.clone(),
            username: self.username.clone(),
            password: self.password()?,
            transport: self.transport,
        };
        session.validate()?;
        let description = CameraDescription {
            id: self.id.clone(),
            name: self.name.clone().unwrap_or_else(|| self.id.clone()),
            hall: self.hall.clone(),
            windows: self.windows.clone(),
        };
        Ok(Camera {
            description,
            session,
        })
    }

    fn password(&self) -> Result<Option<Secret>, ConfigError> {
        let wrong = |message: String| ConfigError::Password {
            camera: self.id.clone(),
            message,
        };
        match (&self.password_file, &self.password_env) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(wrong(
                "both `password_file` and `password_env` are set: keep one".into(),
            )),
            (Some(file), None) => read_secret(file).map(Some).map_err(|error| {
                wrong(format!(
                    "cannot read the password file {}: {error}",
                    file.display()
                ))
            }),
            (None, Some(name)) => match std::env::var(name) {
                Ok(value) => Ok(Some(Secret::new(value))),
                Err(_) => Err(wrong(format!(
                    "the environment variable {name} (`password_env`) is not set"
                ))),
            },
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
