//! The console of Mingjing: the HTTP interface, the live sockets, the uplink server, accounts, and the pages.
//!
//! A request passes [`policy`], which knows who may use which route, and reaches a handler in [`api`] with a
//! [`caller::Caller`]; every query takes that caller's scope. What changes goes out through [`live`].

pub mod api;
pub mod app;
pub mod attachments;
pub mod audit;
pub mod auth;
pub mod background;
pub mod boot;
pub mod bulletin;
pub mod caller;
pub mod cameras;
pub mod chart;
pub mod cli;
pub mod clock;
pub mod clockbar;
pub mod config;
pub mod demo;
pub mod directory;
pub mod engine;
pub mod evidence;
pub mod import;
pub mod live;
pub mod masking;
pub mod media;
pub mod pages;
pub mod performance;
pub mod pins;
pub mod policy;
pub mod presence;
pub mod problem;
pub mod publish;
pub mod recordings;
pub mod replay;
pub mod retention;
pub mod sender;
pub mod server;
pub mod shadow;
pub mod statistics;
pub mod store;
pub mod transport;
pub mod uplink;
pub mod views;
pub mod watch;
