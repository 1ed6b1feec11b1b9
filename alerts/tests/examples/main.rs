//! Worked examples of the rules, and laws that every one of them keeps.

#![allow(clippy::unwrap_used, reason = "a failed test is what it is for")]

mod hearing;
mod laws;
mod presence;
mod stage;
mod table;
