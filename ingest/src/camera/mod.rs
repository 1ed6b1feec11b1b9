//! Cameras: one supervised RTSP session each, from an address to fragments, pictures and an honest state.

mod config;
mod live;
mod state;

pub use config::{CameraConfig, CameraConfigError, Secret, Transport};
pub use live::{LiveHub, LiveStream};
pub use state::{CameraHealth, CameraState};
