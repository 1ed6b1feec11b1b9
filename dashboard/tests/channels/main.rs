//! What goes out, to real receivers: they answer as DingTalk, WeCom, gateways and mail servers do when all is well, and when
//! it is not.

#![allow(clippy::unwrap_used)] // in tests, also in what they share

#[path = "../common/mod.rs"]
mod common;
mod guarded;
mod mail;
mod receiver;
mod services;
mod trouble;
mod world;
