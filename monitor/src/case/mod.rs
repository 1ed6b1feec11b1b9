//! A case (办件): the fold of its events, and its clock.

mod fold;
mod state;

pub use fold::Advance;
pub use state::*;
