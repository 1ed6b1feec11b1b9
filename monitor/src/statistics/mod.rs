//! What statistics are computed by: durations that can be added up, and processes held against what an item foresees.

pub mod histogram;
pub mod process;
