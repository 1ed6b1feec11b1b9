//! Single sign-on against an issuer whose every word the tests can bend: the real provider is in `tests/browser`.

#![allow(clippy::unwrap_used)] // in tests, also in what they share

#[path = "../common/mod.rs"]
mod common;

mod accounts;
mod browser;
mod door;
mod issuer;
mod logout;
