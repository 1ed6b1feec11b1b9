//! A part of a whole.

use serde::Deserialize;

/// A part of a whole, over 0 and up to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Deserialize)]
#[serde(try_from = "f64")]
pub struct Share(f64);

impl Share {
    /// As it is given. Numbers of people go through [`Share::try_from`].
    pub const fn of(share: f64) -> Self {
        Self(share)
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }

    /// Whether it is the whole.
    pub fn is_whole(self) -> bool {
        self.0 >= 1.0
    }
}

impl Default for Share {
    fn default() -> Self {
        Self(1.0)
    }
}

impl TryFrom<f64> for Share {
    type Error = String;

    fn try_from(share: f64) -> Result<Self, String> {
        if share > 0.0 && share <= 1.0 {
            Ok(Self(share))
        } else {
            Err(format!(
                "{share} is no share: give a number over 0, up to 1"
            ))
        }
    }
}
