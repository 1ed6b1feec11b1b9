//! The SQL of this crate: cards, their history and orders, what goes out, and rule profiles. The tables stand in
//! `monitor/migrations`.

pub mod acknowledgements;
pub mod attachments;
pub mod cards;
pub mod channels;
pub mod closings;
pub mod deliveries;
pub mod drafts;
pub mod episodes;
pub mod figures;
pub mod maintenance;
pub mod orders;
pub mod profiles;
pub mod scores;
pub mod shadows;
pub mod statistics;
pub mod within;
