//! The policy table against the console as it is built: every route and socket, every role, and subjects inside, below, above,
//! beside and outside the halls that the caller stands over.

#![allow(clippy::unwrap_used)] // in tests, also in what they share

#[path = "../common/mod.rs"]
mod common;

mod administration;
mod sockets;
mod walk;
mod world;
