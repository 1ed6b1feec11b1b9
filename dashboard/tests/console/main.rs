//! The console, in this process and on real connections, on databases of its own. One program, so that the console is linked once.

#![allow(clippy::unwrap_used, reason = "a failed test is what it is for")]

mod abuse;
mod attachments;
mod audit;
mod bulletins;
mod cameras;
mod channels;
mod common;
mod desk;
mod duty;
mod months;
mod numbers;
mod oidc;
mod orders;
mod policy;
mod presence;
mod pushes;
mod refusals;
mod retention;
mod rules;
mod scale;
mod scores;
mod sign_in;
mod statistics;
mod transport;
