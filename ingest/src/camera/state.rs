//! What a camera is doing, in words that a screen can show.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::AudioHealth;
use crate::picture::{PictureFault, WindowPresence};
use crate::recording::Recorded;

/// The one thing to say about a camera now. The codes (snake case) are stable: screens and stored health use them.
///
/// A camera that fails keeps its state while it is tried again; [`CameraState::Live`] alone ends a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CameraState {
    /// Started, nothing known yet.
    Connecting,
    /// Pictures arrive.
    Live,
    /// The machine answers and refuses the connection: camera off, wrong port, or too many clients.
    OfflineRefused,
    /// The host's name is not known.
    OfflineNoHost,
    /// The address is known and nothing answers there: cable, power, network.
    OfflineUnreachable,
    /// It was there and closed the connection.
    OfflineClosed,
    /// User or password refused, or one is asked for and none is set.
    WrongPassword,
    /// The camera answers, and has no such stream (RTSP 404, 454).
    NotFound,
    /// What answers there does not speak RTSP.
    NotRtsp,
    /// Connected, and no data comes.
    Silent,
    /// Data comes, and no key frame in ten seconds: nothing can be shown.
    NoKeyFrame,
    /// The stream is damaged beyond use: too many broken packets.
    Damaged,
    /// It sends faster than any camera should; cut off for a while.
    Flooding,
    /// The stream has a codec that is not taken; [`CameraHealth::detail`] names it.
    UnsupportedCodec,
    /// The camera offers no video stream.
    NoVideo,
    /// The camera refused in some other way; [`CameraHealth::detail`] says which.
    Error,
    /// Taken out of service: configuration removed or program ending.
    Stopped,
    /// Nothing is known: the ingest that carries the camera is not connected. Only the console says this.
    Unknown,
}

impl CameraState {
    /// Whether pictures can be watched now.
    pub fn is_live(self) -> bool {
        self == Self::Live
    }

    /// Whether a person must do something to the camera's settings before it can work: trying often is then useless.
    pub fn needs_a_person(self) -> bool {
        matches!(
            self,
            Self::WrongPassword | Self::NotFound | Self::UnsupportedCodec | Self::NoVideo
        )
    }

    /// The stable code, as in JSON.
    pub fn code(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Live => "live",
            Self::OfflineRefused => "offline_refused",
            Self::OfflineNoHost => "offline_no_host",
            Self::OfflineUnreachable => "offline_unreachable",
            Self::OfflineClosed => "offline_closed",
            Self::WrongPassword => "wrong_password",
            Self::NotFound => "not_found",
            Self::NotRtsp => "not_rtsp",
            Self::Silent => "silent",
            Self::NoKeyFrame => "no_key_frame",
            Self::Damaged => "damaged",
            Self::Flooding => "flooding",
            Self::UnsupportedCodec => "unsupported_codec",
            Self::NoVideo => "no_video",
            Self::Error => "error",
            Self::Stopped => "stopped",
            Self::Unknown => "unknown",
        }
    }
}

/// State and health of one camera. Holds no address, user or password, nor does any text in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CameraHealth {
    /// Code of the camera.
    pub camera: String,
    /// What it is doing.
    pub state: CameraState,
    /// Since when it is doing that.
    pub since: DateTime<Utc>,
    /// What the state alone does not say, in English: the codec's name, the RTSP status.
    pub detail: Option<String>,
    /// Codec of the stream last received (RFC 6381), e.g. `avc1.640028`.
    pub codec: Option<String>,
    /// Displayed width in pixels.
    pub width: Option<u16>,
    /// Displayed height in pixels.
    pub height: Option<u16>,
    /// When the last picture arrived.
    pub last_frame_at: Option<DateTime<Utc>>,
    /// Bits per second, of sound too where it is kept, over the last seconds; 0 when not live.
    pub bit_rate: u64,
    /// Pictures per second over the last seconds; 0 when not live.
    pub frame_rate: f32,
    /// RTP packets lost since the camera was started.
    pub losses: u64,
    /// Packets that could not be understood and were left out, since the camera was started.
    pub damaged_packets: u64,
    /// Sessions begun after the first one.
    pub reconnects: u64,
    /// When the newest thumbnail was taken.
    pub picture_at: Option<DateTime<Utc>>,
    /// Seconds between the last two thumbnails. Over about a second the stream has fewer key frames, or the decode
    /// budget is used up: see `picture_stretched`.
    pub picture_interval_seconds: Option<f32>,
    /// Whether thumbnails come more slowly than the stream would allow, because the decode budget is used up.
    pub picture_stretched: bool,
    /// Key frames that could not be decoded, since the camera was started.
    pub picture_errors: u64,
    /// How its sound is; `None`: it is not to be kept, or the camera is not live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio: Option<Box<AudioHealth>>,
    /// How its sub-stream is; `None`: it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<SubStream>,
    /// How its recording goes; `None`: it is not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<Recorded>,
    /// What is wrong with its pictures; `None`: nothing, or it cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture_fault: Option<PictureFault>,
    /// Who is at the windows that its regions name; empty where it has no regions. Every state is
    /// [`crate::picture::Presence::Unknown`] while its pictures are faulty or do not come.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub presence: Vec<WindowPresence>,
}

/// How the sub-stream of a camera is. Where there is one, it is what is decoded and shown small.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubStream {
    /// What it is doing.
    pub state: CameraState,
    /// Its codec (RFC 6381).
    pub codec: Option<String>,
    /// Pixels.
    pub width: Option<u16>,
    /// Pixels.
    pub height: Option<u16>,
}

impl CameraHealth {
    /// A camera just started at `now`.
    pub fn connecting(camera: impl Into<String>, now: DateTime<Utc>) -> Self {
        Self {
            camera: camera.into(),
            state: CameraState::Connecting,
            since: now,
            detail: None,
            codec: None,
            width: None,
            height: None,
            last_frame_at: None,
            bit_rate: 0,
            frame_rate: 0.0,
            losses: 0,
            damaged_packets: 0,
            reconnects: 0,
            picture_at: None,
            picture_interval_seconds: None,
            picture_stretched: false,
            picture_errors: 0,
            audio: None,
            sub: None,
            recording: None,
            picture_fault: None,
            presence: Vec::new(),
        }
    }

    /// Whether states, sound, fault and presence are what `other` says: a difference in the rest can wait.
    pub fn says_the_same(&self, other: &Self) -> bool {
        (self.state, self.since) == (other.state, other.since)
            && self.audio == other.audio
            && self.sub == other.sub
            && self.picture_fault == other.picture_fault
            && self.presence == other.presence
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_the_json_name() {
        use CameraState::*;
        for state in [
            Connecting,
            Live,
            OfflineRefused,
            OfflineNoHost,
            OfflineUnreachable,
            OfflineClosed,
            WrongPassword,
            NotFound,
            NotRtsp,
            Silent,
            NoKeyFrame,
            Damaged,
            Flooding,
            UnsupportedCodec,
            NoVideo,
            Error,
            Stopped,
        ] {
            assert_eq!(serde_json::to_value(state).unwrap(), state.code());
        }
    }
}
