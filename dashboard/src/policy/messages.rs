//! The table of messages: what goes over each socket, to and from whom, and what it is about.
//!
//! The live stream is written from it: a kind that has no row here is told to nobody. The sockets of programs are in it so that
//! what they may bring is as plain to see as the routes are, and walked by the same test.

use super::table::{CONNECTED, EDGES, LOG_READERS, RULE_READERS, SUPERVISORS, VIEWERS, WATCHERS};
use super::{Access, Role, Subject};

/// The live stream.
pub const LIVE: &str = "/api/v1/live";
/// Live video of one camera.
pub const CAMERA: &str = "/api/v1/cameras/{id}/live";
/// Events and health of an ingest.
pub const UPLINK_EVENTS: &str = "/uplink/v1/events";
/// Pictures and video of an ingest.
pub const UPLINK_MEDIA: &str = "/uplink/v1/media";

/// An ingest's answer about its recordings.
pub const UPLINK_RECORDINGS: &str = "/uplink/v1/recordings";

/// Who says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// The console.
    Console,
    /// The page or program at the other end.
    Client,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Message {
    /// Path of the socket.
    pub socket: &'static str,
    /// Who says it.
    pub speaker: Speaker,
    /// Its `type`; for binary messages the name of the frame.
    pub kind: &'static str,
    /// Who hears it, or may say it.
    pub access: Access,
    /// What it is about: what lies outside is not told, and not taken.
    pub subject: Subject,
}

const fn told(
    socket: &'static str,
    kind: &'static str,
    access: Access,
    subject: Subject,
) -> Message {
    Message {
        socket,
        speaker: Speaker::Console,
        kind,
        access,
        subject,
    }
}

const fn brought(socket: &'static str, kind: &'static str, subject: Subject) -> Message {
    Message {
        socket,
        speaker: Speaker::Client,
        kind,
        access: EDGES,
        subject,
    }
}

/// The table.
pub const MESSAGES: &[Message] = &[
    // The live stream: a message goes to whoever may read the list that it continues.
    told(LIVE, "hello", CONNECTED, Subject::Nothing),
    told(LIVE, "reload", CONNECTED, Subject::Nothing),
    told(LIVE, "clock.changed", CONNECTED, Subject::Nothing),
    told(LIVE, "county.changed", CONNECTED, Subject::Nothing),
    told(LIVE, "rules.changed", RULE_READERS, Subject::Nothing),
    told(LIVE, "card.issued", SUPERVISORS, Subject::Card),
    told(LIVE, "card.changed", SUPERVISORS, Subject::Card),
    told(LIVE, "card.left", SUPERVISORS, Subject::Card),
    told(LIVE, "order.issued", SUPERVISORS, Subject::Order),
    told(LIVE, "order.changed", SUPERVISORS, Subject::Order),
    told(LIVE, "case.changed", SUPERVISORS, Subject::Case),
    told(LIVE, "window.changed", SUPERVISORS, Subject::Halls),
    told(LIVE, "overview.changed", SUPERVISORS, Subject::Halls),
    told(LIVE, "ranking.changed", SUPERVISORS, Subject::Halls),
    told(LIVE, "camera.health", VIEWERS, Subject::Camera),
    told(LIVE, "source.changed", WATCHERS, Subject::Halls),
    told(LIVE, "delivery.changed", LOG_READERS, Subject::Nothing),
    // Live video.
    told(CAMERA, "init", VIEWERS, Subject::Camera),
    told(CAMERA, "segment", VIEWERS, Subject::Camera),
    told(CAMERA, "fragment", VIEWERS, Subject::Camera),
    told(CAMERA, "dropped", VIEWERS, Subject::Camera),
    told(CAMERA, "offline", VIEWERS, Subject::Camera),
    // An ingest's events.
    brought(UPLINK_EVENTS, "hello", Subject::Brought),
    brought(UPLINK_EVENTS, "batch", Subject::Brought),
    brought(UPLINK_EVENTS, "cameras", Subject::Brought),
    brought(UPLINK_EVENTS, "camera_health", Subject::Camera),
    brought(UPLINK_EVENTS, "kept", Subject::Camera),
    brought(UPLINK_EVENTS, "managed", Subject::Camera),
    told(UPLINK_EVENTS, "welcome", EDGES, Subject::Brought),
    told(UPLINK_EVENTS, "tokens", EDGES, Subject::Brought),
    told(UPLINK_EVENTS, "ack", EDGES, Subject::Brought),
    told(UPLINK_EVENTS, "retry", EDGES, Subject::Brought),
    told(UPLINK_EVENTS, "keep", EDGES, Subject::Camera),
    told(UPLINK_EVENTS, "manage", EDGES, Subject::Camera),
    // An ingest's pictures.
    brought(UPLINK_MEDIA, "hello", Subject::Brought),
    brought(UPLINK_MEDIA, "init", Subject::Camera),
    brought(UPLINK_MEDIA, "dropped", Subject::Camera),
    brought(UPLINK_MEDIA, "offline", Subject::Camera),
    brought(UPLINK_MEDIA, "segment", Subject::Camera),
    brought(UPLINK_MEDIA, "fragment", Subject::Camera),
    brought(UPLINK_MEDIA, "thumbnail", Subject::Camera),
    brought(UPLINK_MEDIA, "snapshot", Subject::Camera),
    told(UPLINK_MEDIA, "watch", EDGES, Subject::Camera),
    told(UPLINK_MEDIA, "unwatch", EDGES, Subject::Camera),
    told(UPLINK_MEDIA, "fetch", EDGES, Subject::Camera),
    told(UPLINK_MEDIA, "look", EDGES, Subject::Camera),
    told(UPLINK_MEDIA, "discover", EDGES, Subject::Brought),
    told(UPLINK_MEDIA, "profiles", EDGES, Subject::Brought),
    // What an ingest was asked of its recordings: nobody else's answer is taken.
    brought(UPLINK_RECORDINGS, "fetched", Subject::Brought),
    brought(UPLINK_RECORDINGS, "bytes", Subject::Brought),
];

/// The kinds of live messages that a role hears. Roles that hear the same share what is written for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hears(u64);

impl Hears {
    /// What `role` hears on the live stream.
    pub fn of(role: Role) -> Self {
        let mut bits = 0;
        for (index, message) in MESSAGES.iter().enumerate() {
            if message.socket == LIVE && message.access.admits(role) {
                bits |= 1 << index;
            }
        }
        Self(bits)
    }

    /// Whether `kind` is among them; never, when it has no row.
    pub fn hears(self, kind: &str) -> bool {
        place(kind).is_some_and(|index| self.0 & (1 << index) != 0)
    }
}

/// Whether the live stream knows this kind.
pub fn is_live(kind: &str) -> bool {
    place(kind).is_some()
}

fn place(kind: &str) -> Option<usize> {
    MESSAGES
        .iter()
        .position(|message| message.socket == LIVE && message.kind == kind)
}

#[cfg(test)]
mod tests {
    use axum::http::Method;
    use mingjing_ingest::uplink::protocol::{
        MediaFrame, MediaToConsole, MediaToIngest, ToConsole, ToIngest,
    };

    use super::*;
    use crate::policy::{TABLE, row};

    #[test]
    fn every_socket_has_messages_and_they_go_to_nobody_whom_it_keeps_out() {
        // Places in the table are bits of `Hears`.
        assert!(MESSAGES.len() <= 64);
        for row in TABLE.iter().filter(|row| row.socket) {
            assert!(
                MESSAGES.iter().any(|message| message.socket == row.path),
                "{} has no messages",
                row.path
            );
        }
        for message in MESSAGES {
            let socket = row(&Method::GET, message.socket).expect("its socket is in the table");
            for role in Role::ALL {
                assert!(
                    socket.access.admits(role) || !message.access.admits(role),
                    "{role:?} hears {} but may not open {}",
                    message.kind,
                    message.socket
                );
            }
        }
    }

    #[test]
    fn a_live_message_goes_to_whoever_may_read_the_list_that_it_continues() {
        let lists = [
            ("card.issued", "/api/v1/cards"),
            ("card.changed", "/api/v1/cards"),
            ("card.left", "/api/v1/cards"),
            ("order.issued", "/api/v1/orders"),
            ("order.changed", "/api/v1/orders"),
            ("case.changed", "/api/v1/cases"),
            ("window.changed", "/api/v1/matrix"),
            ("overview.changed", "/api/v1/overview"),
            ("ranking.changed", "/api/v1/rankings"),
            ("camera.health", "/api/v1/cameras"),
            ("source.changed", "/api/v1/sources"),
        ];
        let continuing = MESSAGES
            .iter()
            .filter(|message| message.socket == LIVE)
            .filter(|message| message.subject != Subject::Nothing);
        assert_eq!(continuing.clone().count(), lists.len());
        for message in continuing {
            let list = lists.iter().find(|(kind, _)| *kind == message.kind);
            let (_, path) = list.expect("each kind continues a list");
            let list = row(&Method::GET, path).expect("the list is in the table");
            for role in Role::ALL {
                assert_eq!(
                    Hears::of(role).hears(message.kind),
                    list.access.admits(role),
                    "{role:?} {}",
                    message.kind
                );
            }
        }
    }

    #[test]
    fn what_has_no_row_is_told_to_nobody() {
        for role in Role::ALL {
            assert!(!Hears::of(role).hears("card.unheard_of"));
            assert!(!Hears::of(role).hears("batch"));
        }
    }

    /// A new message of the protocol does not compile before it is named here, and fails before it has a row.
    #[test]
    fn every_message_of_the_uplink_has_a_row() {
        let to_console = |message: &ToConsole| match message {
            ToConsole::Hello { .. } => "hello",
            ToConsole::Batch { .. } => "batch",
            ToConsole::Cameras { .. } => "cameras",
            ToConsole::CameraHealth(_) => "camera_health",
            ToConsole::Kept { .. } => "kept",
            ToConsole::Managed { .. } => "managed",
        };
        let to_ingest = |message: &ToIngest| match message {
            ToIngest::Welcome { .. } => "welcome",
            ToIngest::Tokens { .. } => "tokens",
            ToIngest::Ack { .. } => "ack",
            ToIngest::Retry { .. } => "retry",
            ToIngest::Keep { .. } => "keep",
            ToIngest::Manage { .. } => "manage",
        };
        let media_to_console = |message: &MediaToConsole| match message {
            MediaToConsole::Hello { .. } => "hello",
            MediaToConsole::Init { .. } => "init",
            MediaToConsole::Dropped { .. } => "dropped",
            MediaToConsole::Offline { .. } => "offline",
        };
        let frame = |frame: &MediaFrame| match frame {
            MediaFrame::Init { .. } => "segment",
            MediaFrame::Fragment { .. } => "fragment",
            MediaFrame::Thumbnail { .. } => "thumbnail",
            MediaFrame::Snapshot { .. } => "snapshot",
        };
        let media_to_ingest = |message: &MediaToIngest| match message {
            MediaToIngest::Watch { .. } => "watch",
            MediaToIngest::Unwatch { .. } => "unwatch",
            MediaToIngest::Fetch { .. } => "fetch",
            MediaToIngest::Look { .. } => "look",
            MediaToIngest::Discover { .. } => "discover",
            MediaToIngest::Profiles { .. } => "profiles",
        };
        // The closures are the point: their matches name every variant.
        let _ = (
            to_console,
            to_ingest,
            media_to_console,
            frame,
            media_to_ingest,
        );
        let named = [
            (UPLINK_EVENTS, Speaker::Client, 6),
            (UPLINK_EVENTS, Speaker::Console, 6),
            (UPLINK_MEDIA, Speaker::Client, 8),
            (UPLINK_MEDIA, Speaker::Console, 6),
            (UPLINK_RECORDINGS, Speaker::Client, 2),
        ];
        for (socket, speaker, count) in named {
            let rows = MESSAGES
                .iter()
                .filter(|message| message.socket == socket && message.speaker == speaker);
            assert_eq!(rows.count(), count, "{socket} {speaker:?}");
        }
    }
}
