//! What lies between the network and the router: connections, TLS, proxies, headers and bounds.
//!
//! [`listener`] accepts and bounds connections, [`tls`] holds the certificate, [`client`] says who is at the other end,
//! [`rate`] how often they may ask, [`body`] how long a body may take, [`headers`] what every answer carries.

pub mod body;
pub mod client;
mod expiry;
pub mod headers;
pub mod listener;
pub mod path;
pub mod rate;
mod stall;
pub mod tls;

pub use client::Client;
