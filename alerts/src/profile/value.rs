//! The types of numbers in a profile, each with its range: what lies outside is refused where the file is read.

use std::collections::BTreeSet;

use mingjing_monitor::case::LimitKind;
use mingjing_monitor::clock::Mode;
pub use mingjing_monitor::share::Share;
use serde::Deserialize;

use super::kind::{Kind, Leaf, Unit};
use crate::card::Grade;

/// A type that a number of a profile may have: what may be written for it, one entry for each of its keys.
pub(super) trait Value {
    /// A value that is no table has one, without key and words of its own.
    const LEAVES: &'static [Leaf];
}

/// The one leaf of a value that is no table.
const fn plain(kind: Kind) -> Leaf {
    Leaf {
        key: "",
        words: ["", ""],
        kind,
    }
}

impl Value for bool {
    const LEAVES: &'static [Leaf] = &[plain(Kind::Switch)];
}

impl Value for Share {
    const LEAVES: &'static [Leaf] = &[plain(Kind::Share)];
}

impl Value for BTreeSet<String> {
    const LEAVES: &'static [Leaf] = &[plain(Kind::Words)];
}

impl Value for Grade {
    const LEAVES: &'static [Leaf] = &[plain(Kind::Word {
        of: &["notice", "warning", "yellow_card", "red_card"],
    })];
}

impl Value for Mode {
    const LEAVES: &'static [Leaf] = &[plain(Kind::Word {
        of: &["day", "second"],
    })];
}

/// Who sends a card out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Issuing {
    /// The rule does, at once.
    #[default]
    Auto,
    /// An inspector does: until then it is pending.
    ByHand,
}

impl Value for Issuing {
    const LEAVES: &'static [Leaf] = &[plain(Kind::Word {
        of: &["auto", "by_hand"],
    })];
}

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

impl Value for OverAt {
    const LEAVES: &'static [Leaf] = &[
        Leaf {
            key: "of",
            words: ["按哪个时限", "which limit"],
            kind: Kind::Word {
                of: &["promise", "legal"],
            },
        },
        Leaf {
            key: "share",
            words: ["用去", "share used"],
            kind: Kind::Share,
        },
    ];
}

/// Workdays, with fractions.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "f64")]
pub struct Days(pub(super) f64);

impl Days {
    const MOST: f64 = 1_000.0;

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Days {
    type Error = String;

    fn try_from(days: f64) -> Result<Self, String> {
        if (0.0..=Self::MOST).contains(&days) {
            Ok(Self(days))
        } else {
            Err(format!(
                "{days} is out of range: give 0 to {} workdays",
                Self::MOST
            ))
        }
    }
}

impl Value for Days {
    const LEAVES: &'static [Leaf] = &[plain(Kind::Number {
        unit: Unit::Workday,
        least: 0.0,
        most: Self::MOST,
        digits: 2,
    })];
}

/// A whole number from 0 to `MAX`, of the unit that stands at `UNIT` in [`Unit::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i64")]
pub struct Whole<const MAX: u32, const UNIT: usize>(pub(super) u32);

impl<const MAX: u32, const UNIT: usize> Whole<MAX, UNIT> {
    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl<const MAX: u32, const UNIT: usize> TryFrom<i64> for Whole<MAX, UNIT> {
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

impl<const MAX: u32, const UNIT: usize> Value for Whole<MAX, UNIT> {
    const LEAVES: &'static [Leaf] = &[plain(Kind::Number {
        unit: Unit::ALL[UNIT],
        least: 0.0,
        most: MAX as f64,
        digits: 0,
    })];
}

/// A whole number of workdays.
pub type WholeDays = Whole<1_000, { Unit::Workday as usize }>;
/// A number of minutes.
pub type Minutes = Whole<100_000, { Unit::Minute as usize }>;
/// A number of seconds.
pub type Seconds = Whole<100_000, { Unit::Second as usize }>;
/// How many of something.
pub type Count = Whole<1_000_000, { Unit::Count as usize }>;

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

impl Value for DayCount {
    const LEAVES: &'static [Leaf] = &[plain(Kind::Word {
        of: &["workday", "calendar"],
    })];
}
