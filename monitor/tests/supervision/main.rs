//! The supervision core against calendars, rules and laws from outside. One binary, so that it links once.

// Helpers outside `#[test]` functions may fail by `unwrap` like the tests that call them.
#![allow(clippy::unwrap_used)]

mod calendar;
mod case_clock;
mod clock;
mod clock_laws;
mod common;
mod complaint;
mod event;
mod fold;
