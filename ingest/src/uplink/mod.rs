//! The uplink: how an ingest and the console speak, and the ingest's side of it.

mod frame;
pub mod protocol;

pub use frame::{FrameError, MAX_CAMERA_ID};
