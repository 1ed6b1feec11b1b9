//! A case (办件): the fold of its events.

mod state;

pub use state::*;
