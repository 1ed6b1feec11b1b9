//! The supervision core of Mingjing: halls, items, calendars, clocks, the fold of a case, and scores.
//!
//! Everything here but [`store`] is pure: no input or output, and no reading of a clock. The present instant (`now`) is always an
//! argument, so that a test, a replay and the live console run the same code. The words are those of the field:
//! a `promise` limit (承诺时限) is what the hall promised, a `legal` limit (法定时限) is what the law allows, and "wd" is a
//! statutory workday.

pub mod audit;
pub mod calendar;
pub mod case;
pub mod clock;
pub mod complaint;
pub mod event;
pub mod item;
pub mod limit;
pub mod org;
pub mod personal;
pub mod presence;
pub mod score;
pub mod service;
pub mod share;
pub mod statistics;
pub mod store;
