//! Points of a score, exact to a hundredth: what a sheet shows adds up to the score, to the last digit.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

use serde::{Deserialize, Serialize, Serializer};

/// Points, in hundredths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Points(i64);

impl Points {
    /// None.
    pub const ZERO: Self = Self(0);

    /// Whole points.
    pub const fn whole(points: i64) -> Self {
        Self(points * 100)
    }

    /// Hundredths of a point.
    pub const fn hundredths(points: i64) -> Self {
        Self(points)
    }

    /// How many hundredths.
    pub const fn in_hundredths(self) -> i64 {
        self.0
    }

    /// `part`/`whole` of them, to the nearest hundredth, halves away from zero; all of them where `whole` is 0 or less than
    /// `part`.
    #[must_use]
    pub fn share(self, part: u64, whole: u64) -> Self {
        if part >= whole {
            return self;
        }
        let (part, whole) = (i128::from(part), i128::from(whole));
        let doubled = i128::from(self.0.abs()) * part * 2 + whole;
        let rounded = i64::try_from(doubled / (whole * 2)).unwrap_or(i64::MAX);
        Self(rounded * self.0.signum())
    }

    /// One of `n` equal parts, to the nearest hundredth, halves away from zero; all of it where `n` is 0.
    #[must_use]
    pub fn part_of(self, n: u64) -> Self {
        self.share(1, n)
    }

    /// So many times as many.
    #[must_use]
    pub fn times(self, n: u64) -> Self {
        Self(self.0.saturating_mul(i64::try_from(n).unwrap_or(i64::MAX)))
    }
}

impl Add for Points {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for Points {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sub for Points {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl SubAssign for Points {
    fn sub_assign(&mut self, other: Self) {
        self.0 -= other.0;
    }
}

impl Neg for Points {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Sum for Points {
    fn sum<I: Iterator<Item = Self>>(points: I) -> Self {
        points.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Points {
    /// `-2.5`, `14`: no digits that say nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, rest) = (self.0.abs() / 100, self.0.abs() % 100);
        match rest {
            0 => write!(f, "{sign}{whole}"),
            _ if rest % 10 == 0 => write!(f, "{sign}{whole}.{}", rest / 10),
            _ => write!(f, "{sign}{whole}.{rest:02}"),
        }
    }
}

impl Serialize for Points {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0 as f64 / 100.0)
    }
}

impl<'de> Deserialize<'de> for Points {
    /// A number from 0 to 100 with at most two digits after the point.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        let hundredths = (number * 100.0).round();
        let near = (hundredths - number * 100.0).abs() < 1e-6;
        if !near || !(0.0..=10_000.0).contains(&hundredths) {
            return Err(serde::de::Error::custom(format!(
                "{number} are no points: give 0 to 100, with at most two digits after the point"
            )));
        }
        Ok(Self(hundredths as i64))
    }
}

/// Reads points as they were written, below zero and above a hundred too: what was kept, not what somebody sets.
pub(super) fn signed<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Points, D::Error> {
    let number = f64::deserialize(deserializer)?;
    Ok(Points((number * 100.0).round() as i64))
}

/// The same where there may be none.
pub(super) fn signed_or_none<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Points>, D::Error> {
    let number = Option::<f64>::deserialize(deserializer)?;
    Ok(number.map(|number| Points((number * 100.0).round() as i64)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_to_the_nearest_hundredth() {
        assert_eq!(Points::whole(14).share(1, 3).to_string(), "4.67");
        assert_eq!(Points::whole(-14).share(1, 3).to_string(), "-4.67");
        assert_eq!(Points::hundredths(1).share(1, 2).to_string(), "0.01");
        assert_eq!(Points::whole(14).share(5, 3), Points::whole(14));
        assert_eq!(Points::whole(14).share(0, 3).to_string(), "0");
        assert_eq!(Points::hundredths(250).to_string(), "2.5");
    }
}
