//! The whole system against real parts. One program, so that the system is linked once.

#![allow(clippy::unwrap_used, reason = "a failed test is what it is for")]

mod bombs;
mod demo;
mod documents;
mod edge;
mod faults;
mod pushed;
mod recordings;
mod replay;
mod replay_into;
mod replay_served;
mod secrets;
mod sending;
mod statistics;
