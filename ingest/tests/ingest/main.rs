//! The ingest against real cameras, consoles, kills and damaged streams. One program, so that the ingest is linked once.

#![allow(clippy::unwrap_used, reason = "a failed test is what it is for")]

mod audio;
mod cameras;
mod codecs;
mod console;
mod managed;
mod onvif;
mod picture_checks;
mod pictures;
mod presence;
mod process;
mod recorded_answers;
mod recordings;
mod support;
mod uplink;
mod uplink_media;
