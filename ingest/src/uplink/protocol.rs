//! What an ingest and the console say to each other.
//!
//! WebSockets, all opened by the ingest with `Authorization: Bearer <edge token>`:
//!
//! - `/uplink/v1/events`: JSON text messages. The ingest opens with [`ToConsole::Hello`], the console answers [`ToIngest::Welcome`];
//!   then numbered batches go up and [`ToIngest::Ack`] comes back after the commit. Camera health goes this way too.
//! - `/uplink/v1/recordings`: one answer about recordings a socket, opened when the console asks for it on the media socket. What is
//!   fetched so goes at the pace of whoever takes it, and holds up neither events nor live pictures.
//! - `/uplink/v1/media`: pictures and live video, so that a frame can never delay an event. Control is JSON text
//!   ([`MediaToConsole`], [`MediaToIngest`]); bytes are binary messages framed by [`MediaFrame`].
//!
//! A batch is repeated after a reconnect until it is acknowledged; the console recognises what it has (`source` + `id`).

use chrono::{DateTime, Utc};
use mingjing_monitor::event::CaseEvent;
use serde::{Deserialize, Serialize};

use crate::camera::{CameraState, SubStream};
use crate::managed::{ManagedCamera, Reach, Settled};
use crate::onvif::{self, Asked, OnvifError};
use crate::recording::index::{Gap, Pinned, Span};
use crate::recording::sums::Sum;

/// Version of this protocol; a console refuses any other with a close reason that names both.
pub const VERSION: u32 = 1;

/// Events socket, ingest to console.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToConsole {
    /// First message on the socket.
    Hello {
        /// [`VERSION`].
        version: u32,
        /// Name of this ingest ("local" inside the console).
        edge: String,
        /// Version of the program.
        program: String,
        /// Its clock now, to tell the offset.
        now: DateTime<Utc>,
        /// Cameras that it carries; the console adds what it does not know.
        cameras: Vec<CameraDescription>,
        /// It understands [`ToIngest::Keep`].
        #[serde(default)]
        keeps: bool,
    },
    /// A numbered batch; numbers rise by one within a connection.
    Batch {
        /// Number within this connection.
        number: u64,
        /// Events that may post history (their token had `initial_load`).
        initial_load: bool,
        /// Whether the sender was already told that these events are kept (202): what the console refuses of them then
        /// belongs in the quarantine, because nobody waits for the answer.
        #[serde(default)]
        spooled: bool,
        /// SHA-256 (hex) of the token that posted them, as in [`TokenHash`]; for the audit of initial loads.
        #[serde(default)]
        token: Option<String>,
        /// Checked and normalised events, at most 10,000.
        events: Vec<CaseEvent>,
    },
    /// The cameras changed at run time.
    Cameras {
        /// Replaces the list of `Hello`.
        cameras: Vec<CameraDescription>,
    },
    /// These pins are written down, safely on the disk.
    Kept {
        /// Number and revision of each.
        pins: Vec<(i64, i32)>,
    },
    /// What became of the cameras of a [`ToIngest::Manage`]: those that were taken are written down, safely on the disk, and in force.
    Managed {
        /// As in the message.
        number: u64,
        /// Each of its cameras.
        cameras: Vec<Settled>,
    },
    /// A camera's state or health, when it changes and every ten seconds.
    CameraHealth(crate::camera::CameraHealth),
}

/// A camera as its ingest describes it (no address, no credentials).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CameraDescription {
    /// Stable id.
    pub id: String,
    /// What the screens call it.
    pub name: String,
    /// Code of its hall.
    pub hall: String,
    /// Numbers of the windows that it sees.
    pub windows: Vec<String>,
    /// Whether it has a sub-stream, which is watched by the name [`sub_stream`] gives it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sub: bool,
    /// Whether the console gave it to this ingest; else it stands in the ingest's own file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub managed: bool,
}

/// What comes after a camera's id in the name of its sub-stream. No id ends so.
const SUB: &str = "\u{1f}sub";

/// The name by which the media socket carries a camera's sub-stream, in the place of the camera's id.
pub fn sub_stream(camera: &str) -> String {
    format!("{camera}{SUB}")
}

/// The camera whose sub-stream goes by this name.
pub(crate) fn camera_of_sub(stream: &str) -> Option<&str> {
    stream.strip_suffix(SUB)
}

/// Events socket, console to ingest.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToIngest {
    /// Answer to `Hello`.
    Welcome {
        /// [`VERSION`].
        version: u32,
        /// The tokens that may post events, so that an edge can check them while it is cut off. Replaces the list before.
        tokens: Vec<TokenHash>,
    },
    /// The tokens changed.
    Tokens {
        /// Replaces the list before.
        tokens: Vec<TokenHash>,
    },
    /// The batch is committed. Sent after the commit, never before.
    Ack {
        /// Number of the batch.
        number: u64,
        /// What became of it.
        outcome: BatchOutcome,
    },
    /// What is to be kept of recordings, or no longer; said again until it is [`ToConsole::Kept`].
    Keep {
        /// Changes; what is not named stays as it is.
        pins: Vec<Pin>,
    },
    /// The cameras that people manage at the console for this ingest: all of them, when it connects and whenever one changes. It carries
    /// exactly these beside those of its file, answers [`ToConsole::Managed`], and starts with them when the console is away.
    Manage {
        /// Names the message; the answer carries it.
        number: u64,
        /// The cameras.
        cameras: Vec<ManagedCamera>,
        /// Ids of further cameras, of which nothing can be said now: they stay as they are.
        unchanged: Vec<String>,
    },
    /// The batch could not be committed now (database away): keep it and send it again.
    Retry {
        /// Number of the batch.
        number: u64,
        /// Wait at least so long, in milliseconds.
        after_ms: u64,
    },
}

/// A time of a camera's recordings that retention leaves alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// Its number.
    pub id: i64,
    /// Counts its changes.
    pub revision: i32,
    /// Because of what, e.g. `card:17#4`; no two pins have the same.
    pub owner: String,
    /// Camera id.
    pub camera: String,
    /// Begin and end, by the ingest's clock; `None`: it is kept no longer.
    pub keep: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

/// What became of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchOutcome {
    /// Newly stored.
    pub accepted: usize,
    /// Already known, same content.
    pub duplicate: usize,
    /// Refused, by index in the batch.
    pub rejected: Vec<Rejection>,
}

/// One refused event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// Index in the batch as it was sent.
    pub index: usize,
    /// The event's id, where it had one.
    pub id: Option<String>,
    /// What, where and what to do.
    pub reason: String,
}

/// A token that may post events, as an edge needs it: never the token itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenHash {
    /// SHA-256 of the token, hex.
    pub sha256: String,
    /// The only CloudEvents source that it may speak for, if bound.
    pub source: Option<String>,
    /// Halls whose events it may send: those codes and everything below them (already expanded).
    pub halls: Option<Vec<String>>,
    /// May post history.
    pub initial_load: bool,
    /// When it runs out: an edge that is cut off refuses it by itself.
    #[serde(default)]
    pub expires: Option<DateTime<Utc>>,
}

/// Media socket, ingest to console (text).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum MediaToConsole {
    /// First message on the socket.
    Hello {
        /// [`VERSION`].
        version: u32,
        /// Name of this ingest.
        edge: String,
    },
    /// The stream of a camera begins or its parameters changed; the init segment follows as [`MediaFrame::Init`].
    Init {
        /// Camera id.
        camera: String,
        /// RFC 6381 codec, `avc1.640028`.
        codec: String,
        /// Pixels.
        width: u16,
        /// Pixels.
        height: u16,
    },
    /// Frames were left out because the socket was too slow.
    Dropped {
        /// Camera id.
        camera: String,
        /// How many.
        frames: u64,
    },
    /// The camera went away while it was watched.
    Offline {
        /// Camera id.
        camera: String,
        /// Since when.
        since: DateTime<Utc>,
        /// Its state.
        state: crate::camera::CameraState,
    },
}

/// Media socket, console to ingest (text).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum MediaToIngest {
    /// Somebody watches: send init, the newest group of pictures, then what comes.
    Watch {
        /// Camera id.
        camera: String,
    },
    /// Nobody watches any more.
    Unwatch {
        /// Camera id.
        camera: String,
    },
    /// Somebody asks for what is recorded: answer on a socket of its own, `/uplink/v1/recordings`.
    Fetch {
        /// Names the request; the answer carries it.
        request: u64,
        /// Camera id.
        camera: String,
        /// What is asked.
        ask: Ask,
    },
    /// Somebody is about to add a camera: look at it once, beside those in service, keep nothing of it, and answer as to a fetch. Only to an
    /// ingest that takes [`ToIngest::Manage`].
    Look {
        /// Names the request; the answer carries it.
        request: u64,
        /// Camera id; it need not be known.
        camera: String,
        /// How it is reached.
        reach: Reach,
    },
    /// Somebody looks for cameras: ask in the networks of the ingest, and answer as to a fetch.
    Discover {
        /// Names the request; the answer carries it.
        request: u64,
    },
    /// Somebody asks a camera in one of those networks for its streams: ask it, and answer as to a fetch.
    Profiles {
        /// Names the request; the answer carries it.
        request: u64,
        /// The camera, and who asks.
        asked: Asked,
    },
}

/// What is asked about recordings; instants by the ingest's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Ask {
    /// What is recorded, and why the rest is not.
    Coverage {
        /// Begin.
        from: DateTime<Utc>,
        /// End.
        to: DateTime<Utc>,
    },
    /// What is recorded, as one MP4.
    Clip {
        /// Begin.
        from: DateTime<Utc>,
        /// End.
        to: DateTime<Utc>,
        /// Which bytes of it; none: all.
        range: Option<ByteRange>,
    },
    /// A small picture: the key frame at or before an instant.
    Preview {
        /// The instant.
        at: DateTime<Utc>,
    },
    /// Checksums of the files that a time lies in.
    Sums {
        /// Begin.
        from: DateTime<Utc>,
        /// End.
        to: DateTime<Utc>,
    },
}

/// A range of bytes (RFC 9110, 14.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ByteRange {
    /// From this byte to the end.
    From(u64),
    /// From this byte to that, that one included.
    Between(u64, u64),
    /// So many at the end.
    Last(u64),
}

impl ByteRange {
    /// First and last byte of a file of `len` bytes; `None`: it has none of them.
    pub fn within(self, len: u64) -> Option<(u64, u64)> {
        let last = len.checked_sub(1)?;
        let (first, last) = match self {
            Self::From(first) => (first, last),
            Self::Between(first, end) => (first, end.min(last)),
            Self::Last(count) => (len.saturating_sub(count), last),
        };
        (first <= last && first < len && self != Self::Last(0)).then_some((first, last))
    }
}

/// First message of a recordings socket (text). Where it announces a clip, its bytes follow as binary messages, and then the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetched {
    /// [`VERSION`].
    pub version: u32,
    /// Name of this ingest.
    pub edge: String,
    /// As in [`MediaToIngest::Fetch`].
    pub request: u64,
    /// The answer.
    pub answer: Answer,
}

/// What an ingest answers about recordings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Answer {
    /// To [`Ask::Coverage`]: see [`crate::recording::Coverage`].
    Coverage {
        /// What is recorded.
        spans: Vec<Span>,
        /// Why the rest is not.
        gaps: Vec<Gap>,
        /// What retention leaves alone.
        #[serde(default)]
        pinned: Vec<Pinned>,
        /// Up to when a clip can reach.
        until: Option<DateTime<Utc>>,
        /// When the first picture of a clip was taken.
        begins: Option<DateTime<Utc>>,
    },
    /// To [`Ask::Clip`]; the bytes follow.
    Clip {
        /// Bytes of the whole clip.
        len: u64,
        /// First byte that follows.
        first: u64,
        /// Last byte that follows.
        last: u64,
        /// Tells this content from any other.
        tag: String,
        /// When its first picture was taken.
        begins: DateTime<Utc>,
        /// End of its last one.
        ends: DateTime<Utc>,
    },
    /// To [`Ask::Preview`]; the JPEG follows.
    Preview {
        /// When it was taken.
        captured_at: DateTime<Utc>,
    },
    /// To [`Ask::Sums`]; instants in names of files are by the ingest's clock.
    Sums {
        /// The files, oldest first.
        files: Vec<Sum>,
    },
    /// To [`MediaToIngest::Look`]; where there is a picture, the JPEG follows.
    Looked {
        /// `live`, or the state that the camera would have in service.
        state: CameraState,
        /// What the state alone does not say.
        detail: Option<String>,
        /// Its codec (RFC 6381).
        codec: Option<String>,
        /// Pixels.
        width: Option<u16>,
        /// Pixels.
        height: Option<u16>,
        /// How its sub-stream is.
        sub: Option<SubStream>,
        /// Whether a picture follows.
        picture: bool,
    },
    /// To [`MediaToIngest::Discover`].
    Discovered {
        /// Whoever answered.
        cameras: Vec<onvif::Found>,
    },
    /// To [`MediaToIngest::Profiles`].
    Profiles {
        /// Its streams, or why it does not tell them.
        told: Result<Vec<onvif::Profile>, OnvifError>,
    },
    /// How the camera is reached cannot work.
    Unusable {
        /// What is wrong; neither address nor password.
        reason: String,
    },
    /// The clip has none of these bytes.
    OutOfRange {
        /// Bytes of the whole clip.
        len: u64,
    },
    /// Nothing is recorded there.
    Nothing,
    /// The picture's parameters change there: ask for what is before, or after.
    Parameters {
        /// When.
        at: DateTime<Utc>,
    },
    /// A file cannot be read; the ingest's log says more.
    Unreadable,
}

/// A binary message of the media socket: one byte of kind, one byte of length of the camera id, the id (UTF-8), then the payload.
/// Pictures carry their capture instant first: 8 bytes, microseconds since 1970 UTC, big endian; fragments 1 byte, 1 for a key frame, and the same
/// 8 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaFrame {
    /// An init segment.
    Init {
        /// Camera id.
        camera: String,
        /// `ftyp` + `moov`.
        segment: bytes::Bytes,
    },
    /// One fragment.
    Fragment {
        /// Camera id.
        camera: String,
        /// Starts with an IDR.
        key: bool,
        /// Capture instant.
        captured_at: DateTime<Utc>,
        /// `prft` + `moof` + `mdat`.
        bytes: bytes::Bytes,
    },
    /// A JPEG of about 320 pixels' width.
    Thumbnail {
        /// Camera id.
        camera: String,
        /// Capture instant.
        captured_at: DateTime<Utc>,
        /// JPEG.
        jpeg: bytes::Bytes,
    },
    /// A JPEG of the full picture.
    Snapshot {
        /// Camera id.
        camera: String,
        /// Capture instant.
        captured_at: DateTime<Utc>,
        /// JPEG.
        jpeg: bytes::Bytes,
    },
}
