//! Cameras, event intake, spool and uplink: what stands at a hall, or beside the console.

pub mod camera;
mod cameras;
pub mod config;
pub mod events;
pub mod fragment;
pub mod log;
pub mod logs;
pub mod managed;
pub mod media;
pub mod onvif;
pub mod picture;
pub mod recording;
pub mod seal;
mod service;
pub mod spool;
pub mod uplink;

pub use cameras::Cameras;
pub use service::{Ingest, StartError};

#[cfg(test)]
mod testing;
