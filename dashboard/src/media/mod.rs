//! Pictures and live video: from the edges' media sockets to whoever looks.
//!
//! The [`MediaHub`] knows which edge carries which camera, asks an edge for live video while somebody watches and only
//! then, and keeps the newest thumbnail and snapshot of every camera. Each camera has the same ring that it has at its
//! ingest ([`LiveHub`]): a newcomer starts on the newest key frame, a laggard jumps to it and is told, and no viewer can
//! slow another one or the uplink.

mod fetch;
mod hub;
mod viewer;

pub use fetch::{FetchError, Found};
pub use hub::{Attachment, MediaHub, Picture, Viewer};
pub use viewer::serve;

#[cfg(test)]
mod tests;
