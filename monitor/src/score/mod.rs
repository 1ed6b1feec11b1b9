//! The score of a month (domain.md section 7): nine parts from what a hall or unit did, each open to its last card. Village points have
//! five of their own ([`Service`]).
//!
//! [`Facts`] and a [`Formula`] make a [`Sheet`]; nothing else goes into it. [`Figures`] are what a ranking shows of it, [`rank`] puts
//! the scores of one level in order, [`differences`] say why a published score was corrected, and a [`Year`] is the mean of months.

mod band;
mod difference;
mod facts;
mod figures;
mod formula;
mod points;
mod rank;
mod service;
mod sheet;
#[cfg(test)]
mod tests;
mod year;

pub use band::{Band, wilson};
pub use difference::{Difference, Turn, differences};
pub use facts::{Card, Facts, Of, Order, OrderRef, Part};
pub use figures::{Figures, PartPoints};
pub use formula::{Bonus, Cuts, Formula, Weights};
pub use points::Points;
pub use rank::{Entry, Standing, rank};
pub use service::{Service, ServiceDay, ServiceFormula, ToAnswer};
pub use sheet::{Grade, Held, Line, PartSheet, Reason, Sheet};
pub use year::{MonthOfYear, Year};
