//! From retina's errors to states. Retina's texts carry addresses, and sometimes what the camera sent: they are read
//! here to tell errors apart and never passed on.

use std::net::ToSocketAddrs as _;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

use super::CameraState;

/// How a session ended, or why it could not begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What to show.
    pub state: CameraState,
    /// What the state alone does not say.
    pub detail: Option<String>,
}

impl From<CameraState> for Failure {
    fn from(state: CameraState) -> Self {
        Self {
            state,
            detail: None,
        }
    }
}

impl Failure {
    /// A state and what it does not say by itself.
    pub fn with(state: CameraState, detail: impl Into<String>) -> Self {
        Self {
            state,
            detail: Some(detail.into()),
        }
    }

    /// What an error means that came before the first packet.
    pub fn while_opening(error: &retina::Error) -> Self {
        match Kind::of(error) {
            Kind::NotRtsp => CameraState::NotRtsp.into(),
            Kind::Closed => Self::with(
                CameraState::OfflineClosed,
                "closed the connection before it answered",
            ),
            kind => kind.failure(),
        }
    }

    /// What an error means that ended a session which had begun.
    pub fn while_playing(error: &retina::Error) -> Self {
        match Kind::of(error) {
            Kind::NotRtsp | Kind::Packet => {
                Self::with(CameraState::Damaged, "the connection carries broken data")
            }
            kind => kind.failure(),
        }
    }
}

/// Whether an error concerns one packet only, so that the session can go on.
pub fn is_one_packet(error: &retina::Error) -> bool {
    matches!(Kind::of(error), Kind::Packet)
}

/// Which of a session's streams the packet belongs to that an error is about, where that is known.
pub fn stream_of(error: &retina::Error) -> Option<usize> {
    // As in `Kind::of`: there is no other way to it.
    let debug = format!("{error:?}");
    let (_, after) = debug.split_once(" stream_id: ")?;
    let number = after.split(|c: char| !c.is_ascii_digit()).next()?;
    number.parse().ok()
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Refused,
    NoHost,
    Unreachable,
    NotRtsp,
    Closed,
    Packet,
    Status(u16),
    /// Sign-in is asked for in a way that retina does not know.
    StrangeSignIn,
    /// The answer is RTSP and what it describes cannot be understood.
    Description,
    Other,
}

impl Kind {
    /// Retina keeps its error's variants to itself; `Debug` begins with their names. The tests of this module and the
    /// integration tests meet each of them, so that a new version of retina cannot change them unseen.
    fn of(error: &retina::Error) -> Self {
        if let Some(status) = error.status_code() {
            return match status {
                200..300 => Self::Description,
                401 if error
                    .to_string()
                    .contains("Can't understand WWW-Authenticate") =>
                {
                    Self::StrangeSignIn
                }
                status => Self::Status(status),
            };
        }
        let debug = format!("{error:?}");
        let variant = debug
            .split(|c: char| !c.is_alphanumeric())
            .next()
            .unwrap_or_default();
        match variant {
            "ConnectError" if debug.contains("ConnectionRefused") => Self::Refused,
            "ConnectError" if debug.contains("failed to lookup address") => Self::NoHost,
            "ConnectError" => Self::Unreachable,
            "RtspFramingError" => Self::NotRtsp,
            "RtspReadError" | "WriteError" => Self::Closed,
            "RtpPacketError" | "PacketError" | "RtspUnassignedChannelError" => Self::Packet,
            _ => Self::Other,
        }
    }

    fn failure(self) -> Failure {
        let error = |text: &str| Failure::with(CameraState::Error, text);
        match self {
            Self::Refused => CameraState::OfflineRefused.into(),
            Self::NoHost => CameraState::OfflineNoHost.into(),
            Self::Unreachable => CameraState::OfflineUnreachable.into(),
            Self::NotRtsp => CameraState::NotRtsp.into(),
            Self::Closed => CameraState::OfflineClosed.into(),
            Self::Packet => CameraState::Damaged.into(),
            Self::Status(401 | 403) => CameraState::WrongPassword.into(),
            Self::Status(404 | 410 | 454) => CameraState::NotFound.into(),
            Self::Status(status) => error(&format!("RTSP status {status}")),
            Self::StrangeSignIn => {
                error("asks for a kind of sign-in that is neither digest nor basic")
            }
            Self::Description => error("its description of the stream cannot be understood"),
            Self::Other => error("the session failed"),
        }
    }
}

/// Finds out why nobody answered in time: no name, no machine, or a machine that accepts and then says nothing.
pub async fn diagnose(url: &Url, patience: Duration) -> Failure {
    let Some(host) = url.host_str() else {
        return CameraState::OfflineNoHost.into();
    };
    // The brackets of an IPv6 address belong to the URL.
    let host = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let port = url.port().unwrap_or(554);
    let lookup =
        tokio::task::spawn_blocking(move || (host, port).to_socket_addrs().map(Vec::from_iter));
    let state = match timeout(patience, lookup).await {
        Ok(Ok(Ok(addresses))) => {
            match timeout(patience, TcpStream::connect(&addresses[..])).await {
                Ok(Ok(_)) => CameraState::Silent,
                Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                    CameraState::OfflineRefused
                }
                _ => CameraState::OfflineUnreachable,
            }
        }
        _ => CameraState::OfflineNoHost,
    };
    state.into()
}
