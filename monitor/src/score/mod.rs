//! The score of a month (domain.md section 7): nine parts from what a hall or unit did, each open to its last card.
//!
//! [`Facts`] and a [`Formula`] make a [`Sheet`]; nothing else goes into it. [`rank`] puts the scores of one level in order.

mod band;
mod facts;
mod formula;
mod points;
mod rank;
mod sheet;
#[cfg(test)]
mod tests;

pub use band::{Band, wilson};
pub use facts::{Card, Facts, Of, Order, OrderRef, Part};
pub use formula::{Bonus, Cuts, Formula, Weights};
pub use points::Points;
pub use rank::{Entry, Standing, rank};
pub use sheet::{Grade, Held, Line, PartSheet, Reason, Sheet};
