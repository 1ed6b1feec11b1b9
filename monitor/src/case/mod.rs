//! A case (办件): the fold of its events, and its clock.

mod clock;
mod fold;
mod held;
mod prior;
mod spent;
mod state;

pub use clock::{
    Bucket, CaseClock, CaseDue, ClockRules, ClockState, LAWFUL_GROUNDS, LimitKind, SpecialClock,
    StepClock, Tick,
};
pub use fold::Advance;
pub use held::{Held, held};
pub use prior::{Continued, LOOK_BACK, Prior};
pub use spent::{Spent, StepSpent};
pub use state::*;
