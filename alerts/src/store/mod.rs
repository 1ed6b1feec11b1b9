//! The SQL of this crate: cards, their history and orders, and rule profiles. The tables stand in `monitor/migrations`.

pub mod attachments;
pub mod cards;
pub mod profiles;
