//! The uplink: how an ingest and the console speak, and the ingest's side of it.
//!
//! Two sockets, each kept up by a task of its own: [`events`] carries batches and health, [`media`] carries pictures. A third
//! is opened for each answer about recordings ([`recordings`]).

mod backoff;
mod batch;
mod courier;
mod events;
mod frame;
mod media;
mod pins;
pub mod protocol;
mod recordings;
mod roster;
mod socket;
mod tokens;

pub(crate) use batch::Outbound;
pub(crate) use courier::{Courier, Delivery};
pub(crate) use events::EventsLink;
pub use frame::{FrameError, MAX_CAMERA_ID, MAX_FRAME};
pub(crate) use media::MediaLink;
pub(crate) use recordings::Recordings;
pub(crate) use roster::Roster;
pub use socket::{Endpoint, EndpointError};
pub(crate) use tokens::{Scope, TokenTable, Tokens, hash as token_hash};

use chrono::{DateTime, Utc};

/// How the events socket stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LinkState {
    /// Not yet tried, or being tried.
    #[default]
    Connecting,
    /// The console answers and commits.
    Up,
    /// The console answers, and cannot commit now: its database is away.
    Held,
    /// The console cannot be reached.
    Down {
        /// Since when.
        since: DateTime<Utc>,
        /// Why, in words for whoever runs this machine.
        reason: String,
    },
}
