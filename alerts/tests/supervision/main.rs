//! The supervisor against the real database: one binary, so that it links once.
#![allow(clippy::unwrap_used)]

mod acting;
mod again;
mod batches;
mod calendar;
mod closings;
mod common;
mod deadlines;
mod edges;
mod evidence;
mod gaming;
mod hearing;
mod history;
mod ladder;
mod moved;
mod order;
mod other_rules;
mod presence;
mod profiles;
mod recount;
mod retention;
mod scores;
mod service;
mod shadow;
mod states;
mod statistics;
mod subjects;
mod telling;
mod within;
