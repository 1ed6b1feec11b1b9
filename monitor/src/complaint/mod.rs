//! A complaint or consultation (投诉、咨询): the fold of its events, and its clocks (domain.md section 6).
//!
//! `received → accepted|refused → handling → replied → called_back → closed`. As with a case, the fold depends on the events
//! alone and not on the order in which they came; the clocks are made of it with a calendar and the rules' numbers.

mod clock;
mod fold;
mod state;

pub use clock::{ComplaintClock, ComplaintDue, ComplaintLimits, Stage};
pub use state::*;
