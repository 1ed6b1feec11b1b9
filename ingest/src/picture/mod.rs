//! Pictures: a camera's key frames decoded about once a second, within a budget that all cameras share.

mod budget;
pub mod checks;
mod decode;
mod jpeg;
pub mod luma;
pub mod presence;
mod seen;
pub mod view;
mod watcher;
mod worker;

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};

pub use budget::PictureBudget;
pub use decode::{Decoded, Parameters, decode, decode_annex_b, is_decoded};
pub use seen::{PictureFault, PictureFaultKind, Presence, WindowPresence};
pub use watcher::{Seen, Watcher, Watching};
pub(crate) use worker::{KeyFrame, Outcome, run};

/// The newest still of a camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// When the camera took it.
    pub captured_at: DateTime<Utc>,
    /// JPEG of at most [`THUMBNAIL_WIDTH`] pixels' width.
    pub thumbnail: Bytes,
    /// The full picture. Renewed more seldom than the thumbnail ([`SNAPSHOT_INTERVAL`]), so it has an instant of its own.
    pub snapshot: Arc<Snapshot>,
}

/// A JPEG of the full picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// When the camera took it.
    pub captured_at: DateTime<Utc>,
    /// JPEG.
    pub jpeg: Bytes,
    /// Pixels.
    pub width: u16,
    /// Pixels.
    pub height: u16,
}

/// Width of a thumbnail in pixels, unless the picture itself is narrower.
pub const THUMBNAIL_WIDTH: u32 = 320;

/// A full picture is made at most so often: a hall's uplink has better things to carry.
pub const SNAPSHOT_INTERVAL: std::time::Duration = std::time::Duration::from_secs(5);

/// Why there is no picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// The data is no picture, or a damaged one.
    #[error("the key frame is damaged")]
    Damaged,
    /// The data ends before the picture does.
    #[error("the key frame is incomplete")]
    Incomplete,
    /// More pixels than are taken.
    #[error("a picture of {width} × {height} pixels is too large")]
    Dimensions {
        /// Pixels.
        width: usize,
        /// Pixels.
        height: usize,
    },
    /// The decoder itself failed.
    #[error("the decoder could not be used")]
    Decoder,
    /// The JPEG could not be written.
    #[error("the JPEG could not be made")]
    Jpeg,
}

/// A key frame (NAL units, each after its length in four bytes) as a JPEG of at most [`THUMBNAIL_WIDTH`] pixels' width.
///
/// # Errors
/// As [`decode`].
pub fn thumbnail(parameters: &Parameters, access_unit: &[u8]) -> Result<Bytes, PictureError> {
    let image = decode(parameters, access_unit)?;
    jpeg::thumbnail(&image.image, parameters.pixel_aspect())
}
