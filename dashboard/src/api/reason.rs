//! Why something is done that has to be answered for.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::problem::{Problem, Result};

/// Characters of a reason: more than a keystroke, no more than the log keeps.
const LENGTH: std::ops::RangeInclusive<usize> = 4..=500;

/// Why it is needed.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Why {
    /// 4 to 500 characters; it stands in the audit log.
    reason: String,
}

impl Why {
    /// The reason.
    ///
    /// # Errors
    /// `invalid` when it says too little or too much.
    pub fn read(&self) -> Result<&str> {
        let reason = self.reason.trim();
        if LENGTH.contains(&reason.chars().count()) {
            Ok(reason)
        } else {
            Err(Problem::invalid(
                "`reason` is missing: say in 4 to 500 characters why this is needed",
            ))
        }
    }
}
