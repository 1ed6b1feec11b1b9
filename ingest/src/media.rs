//! What travels from a camera to whoever watches it: the same messages inside this process, on the uplink
//! (there framed with the camera's id) and on the console's `/api/v1/cameras/{id}/live`.
//!
//! A viewer first gets [`Message::Init`], then one [`Message::Fragment`] an access unit, the first of them a key frame.
//! On a socket, fragments and initialization segments are binary messages as they stand; everything else is a text
//! message, the JSON of [`Control`].

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::camera::CameraState;

/// The parameters of a stream from here on, with the initialization segment (`ftyp` + `moov`) that says so to a player.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitSegment {
    /// RFC 6381 name for `MediaSource.addSourceBuffer`, e.g. `avc1.640028`.
    pub codec: String,
    /// Displayed width in pixels.
    pub width: u16,
    /// Displayed height in pixels.
    pub height: u16,
    /// `ftyp` and `moov`.
    pub segment: Bytes,
    /// The same with a second track for the sound, as it is recorded; `None`: without sound.
    pub with_audio: Option<Bytes>,
}

impl InitSegment {
    /// What a recording begins with.
    pub fn recorded(&self) -> &Bytes {
        self.with_audio.as_ref().unwrap_or(&self.segment)
    }
}

/// One access unit as an fMP4 fragment: `prft`, `moof`, `mdat`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// The three boxes; shared, never copied for a viewer.
    pub bytes: Bytes,
    /// The sound since the picture before, for the recording: any number of `moof` and `mdat`; live is silent.
    pub audio: Bytes,
    /// Whether decoding can begin here (an IDR picture).
    pub key: bool,
    /// When the camera took the picture, by this machine's clock: see [`crate::fragment::CaptureClock`]. Also in `prft`.
    pub captured_at: DateTime<Utc>,
    /// Number of the fragment among all of this camera since it was started; one more each time.
    pub sequence: u64,
}

impl Fragment {
    /// Bytes of picture and sound.
    #[allow(clippy::len_without_is_empty, reason = "none is empty")]
    pub fn len(&self) -> usize {
        self.bytes.len() + self.audio.len()
    }
}

/// What a viewer of one camera receives, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// New parameters; holds for every fragment until the next one.
    Init(Arc<InitSegment>),
    /// One picture.
    Fragment(Fragment),
    /// The viewer was too slow: this many fragments were left out, and a key frame is next.
    Dropped {
        /// Fragments left out.
        frames: u64,
    },
    /// The camera stopped sending; pictures go on by themselves, after a new `Init`, when it comes back.
    Offline {
        /// Since when.
        since: DateTime<Utc>,
        /// Why.
        state: CameraState,
    },
}

/// The text messages of a media socket: `{"type":"init",…}`, `{"type":"dropped",…}`, `{"type":"offline",…}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Control {
    /// Comes before the binary message with the initialization segment.
    Init {
        /// RFC 6381 name, e.g. `avc1.640028`.
        codec: String,
        /// Displayed width in pixels.
        width: u16,
        /// Displayed height in pixels.
        height: u16,
    },
    /// See [`Message::Dropped`].
    Dropped {
        /// Fragments left out.
        frames: u64,
    },
    /// See [`Message::Offline`].
    Offline {
        /// Since when.
        since: DateTime<Utc>,
        /// Why.
        state: CameraState,
    },
}

impl Message {
    /// The text message that goes with this one, if any.
    pub fn control(&self) -> Option<Control> {
        match self {
            Self::Init(init) => Some(Control::Init {
                codec: init.codec.clone(),
                width: init.width,
                height: init.height,
            }),
            Self::Fragment(_) => None,
            Self::Dropped { frames } => Some(Control::Dropped { frames: *frames }),
            Self::Offline { since, state } => Some(Control::Offline {
                since: *since,
                state: *state,
            }),
        }
    }

    /// The binary message that goes with this one, after the text message where it has both.
    pub fn binary(&self) -> Option<Bytes> {
        match self {
            Self::Init(init) => Some(init.segment.clone()),
            Self::Fragment(fragment) => Some(fragment.bytes.clone()),
            Self::Dropped { .. } | Self::Offline { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_messages_have_the_documented_json() {
        let init = Message::Init(Arc::new(InitSegment {
            codec: "avc1.640028".into(),
            width: 1920,
            height: 1080,
            segment: Bytes::from_static(b"x"),
            with_audio: None,
        }));
        let json = serde_json::to_string(&init.control()).unwrap();
        assert_eq!(
            json,
            r#"{"type":"init","codec":"avc1.640028","width":1920,"height":1080}"#
        );

        let offline = Message::Offline {
            since: DateTime::UNIX_EPOCH,
            state: CameraState::WrongPassword,
        };
        let json = serde_json::to_string(&offline.control()).unwrap();
        assert_eq!(
            json,
            r#"{"type":"offline","since":"1970-01-01T00:00:00Z","state":"wrong_password"}"#
        );
        assert!(offline.binary().is_none());

        let dropped = Message::Dropped { frames: 7 };
        assert_eq!(
            serde_json::to_string(&dropped.control()).unwrap(),
            r#"{"type":"dropped","frames":7}"#
        );
    }
}
