//! The console of Mingjing: the HTTP interface, the live sockets, the uplink server, accounts, and the pages.

pub mod demo;
