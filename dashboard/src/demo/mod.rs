//! The demo county behind `mingjing demo`: what it is ([`county`]), what happens in it ([`plan`]), and how the console is told
//! ([`run`]). It uses the same interfaces as any outside system.

pub mod camera_server;
pub mod client;
pub mod county;
mod edge;
pub mod files;
pub mod history;
pub mod messages;
pub mod people;
pub mod plan;
pub mod rng;
mod rules;
pub mod run;
pub mod setup;
pub mod state;
pub mod stream;
