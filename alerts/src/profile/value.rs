//! The kinds of numbers in a profile, each with its range: what lies outside is refused where the file is read.

use mingjing_monitor::case::LimitKind;
pub use mingjing_monitor::share::Share;
use serde::Deserialize;

/// When R2 gives a card.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverAt {
    /// Of which limit.
    pub of: LimitKind,
    /// How much of it is used up; 1 when all of it is.
    #[serde(default)]
    pub share: Share,
}

impl OverAt {
    /// When the whole of a limit is used up.
    pub const fn whole(of: LimitKind) -> Self {
        Self {
            of,
            share: Share::of(1.0),
        }
    }
}

/// Workdays, with fractions.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "f64")]
pub struct Days(pub(super) f64);

impl Days {
    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Days {
    type Error = String;

    fn try_from(days: f64) -> Result<Self, String> {
        if (0.0..=1000.0).contains(&days) {
            Ok(Self(days))
        } else {
            Err(format!("{days} is out of range: give 0 to 1000 workdays"))
        }
    }
}

/// A whole number from 0 to `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i64")]
pub struct Whole<const MAX: u32>(pub(super) u32);

impl<const MAX: u32> Whole<MAX> {
    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl<const MAX: u32> TryFrom<i64> for Whole<MAX> {
    type Error = String;

    fn try_from(number: i64) -> Result<Self, String> {
        match u32::try_from(number) {
            Ok(number) if number <= MAX => Ok(Self(number)),
            _ => Err(format!(
                "{number} is out of range: give a whole number from 0 to {MAX}"
            )),
        }
    }
}

/// A whole number of workdays.
pub type WholeDays = Whole<1_000>;
/// A number of hours, minutes or seconds, as its key says.
pub type Spell = Whole<100_000>;
/// How many of something.
pub type Count = Whole<1_000_000>;

/// How limits in workdays are counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DayCount {
    /// As workdays.
    #[default]
    Workday,
    /// As calendar days.
    Calendar,
}
