//! What must be known of a camera to receive it.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use url::Url;

/// A password. Neither `Debug` nor any other trait shows it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a password read from a file, the environment or a form.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The password itself, for the one who must send it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// The one way in which a password is written: onto the uplink, and into what is sealed at once.
pub(crate) fn exposed<S: Serializer>(
    password: &Option<Secret>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    password.as_ref().map(Secret::expose).serialize(serializer)
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// How RTP travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// Inside the RTSP connection: no losses, passes every firewall.
    #[default]
    Tcp,
    /// Datagrams; only for cameras that cannot do the other.
    Udp,
}

/// What becomes of a camera's sound. What people say at a counter is personal data: it is not even asked for unless the county says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audio {
    /// The camera is not asked for it.
    #[default]
    Ignore,
    /// It is recorded with the pictures.
    Keep,
}

/// One camera, as configured.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CameraConfig {
    /// Stable code of the camera, unique in the county.
    pub id: String,
    /// `rtsp://host[:port]/path`, without user or password.
    pub url: Url,
    /// User, where the camera asks for one.
    #[serde(default)]
    pub username: Option<String>,
    /// Password, where the camera asks for one.
    #[serde(default)]
    pub password: Option<Secret>,
    /// TCP unless the camera cannot.
    #[serde(default)]
    pub transport: Transport,
    /// Ignored unless told otherwise.
    #[serde(default)]
    pub audio: Audio,
}

/// What is wrong with a [`CameraConfig`]; names the camera, never its address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CameraConfigError {
    /// No code to tell it apart by.
    #[error("a camera has no id: give it the code that screens and records shall use")]
    NoId,
    /// Another scheme than `rtsp`.
    #[error("camera {0}: the address must begin with rtsp:// and name a host")]
    NotRtsp(String),
    /// User or password stand in the address, where logs would show them.
    #[error(
        "camera {0}: take user and password out of the address and set `username` and `password`"
    )]
    CredentialsInUrl(String),
    /// A password for nobody.
    #[error("camera {0}: a password is set and no username")]
    PasswordWithoutUser(String),
}

impl CameraConfig {
    /// A camera at `url` without credentials, over TCP.
    pub fn new(id: impl Into<String>, url: Url) -> Self {
        Self {
            id: id.into(),
            url,
            username: None,
            password: None,
            transport: Transport::Tcp,
            audio: Audio::Ignore,
        }
    }

    /// Another stream of the same camera, of pictures alone.
    #[must_use]
    pub fn at(&self, url: Url) -> Self {
        Self {
            url,
            audio: Audio::Ignore,
            ..self.clone()
        }
    }

    /// Checks what the types do not say.
    ///
    /// # Errors
    /// The first fault found, worded for whoever wrote the configuration.
    pub fn validate(&self) -> Result<(), CameraConfigError> {
        if self.id.trim().is_empty() {
            return Err(CameraConfigError::NoId);
        }
        if self.url.scheme() != "rtsp" || self.url.host().is_none() {
            return Err(CameraConfigError::NotRtsp(self.id.clone()));
        }
        if !self.url.username().is_empty() || self.url.password().is_some() {
            return Err(CameraConfigError::CredentialsInUrl(self.id.clone()));
        }
        if self.password.is_some() && self.username.is_none() {
            return Err(CameraConfigError::PasswordWithoutUser(self.id.clone()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(url: &str) -> CameraConfig {
        CameraConfig::new("hall-1", url.parse().unwrap())
    }

    #[test]
    fn a_password_is_never_printed() {
        let mut camera = config("rtsp://cam.example/main");
        camera.username = Some("admin".into());
        camera.password = Some(Secret::new("mirror-1"));
        let printed = format!("{camera:?} {camera:#?}");
        assert!(!printed.contains("mirror-1"), "{printed}");
        assert!(printed.contains("***"));
    }

    #[test]
    fn faults_are_named() {
        let refused = |url: &str| config(url).validate().unwrap_err();
        assert_eq!(
            config("rtsp://cam.example:8554/main?x=1").validate(),
            Ok(())
        );
        assert_eq!(
            refused("http://cam.example/"),
            CameraConfigError::NotRtsp("hall-1".into())
        );
        assert_eq!(
            refused("rtsp://admin:secret@cam.example/"),
            CameraConfigError::CredentialsInUrl("hall-1".into())
        );
        assert!(
            !refused("rtsp://admin:secret@cam.example/")
                .to_string()
                .contains("secret")
        );
        let mut camera = config("rtsp://cam.example/");
        camera.password = Some(Secret::new("x"));
        assert!(camera.validate().is_err());
        camera.id = " ".into();
        assert_eq!(camera.validate(), Err(CameraConfigError::NoId));
    }
}
