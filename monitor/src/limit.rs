//! Time limits: how long a case may take, in workdays, calendar days or service hours.

use serde::{Deserialize, Serialize};

/// The unit in which a [`Limit`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LimitUnit {
    /// Statutory workdays 工作日: weekdays less holidays plus make-up workdays.
    Workday,
    /// Calendar days 自然日.
    Day,
    /// Service hours 服务小时: office hours on statutory workdays.
    Hour,
}

/// A time limit, written as `{"n": 7, "unit": "workday"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "RawLimit")]
pub struct Limit {
    /// How many units, from 1 to [`Limit::MAX`].
    pub n: u32,
    /// What is counted.
    pub unit: LimitUnit,
}

/// A limit outside the range that any clock can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a limit of {0} is out of range: give a number from 1 to {max}", max = Limit::MAX)]
pub struct LimitOutOfRange(pub u32);

#[derive(Deserialize)]
struct RawLimit {
    n: u32,
    unit: LimitUnit,
}

impl TryFrom<RawLimit> for Limit {
    type Error = LimitOutOfRange;

    fn try_from(raw: RawLimit) -> Result<Self, LimitOutOfRange> {
        Limit::new(raw.n, raw.unit)
    }
}

impl Limit {
    /// The largest number of units: forty years of workdays. It keeps every date computed from a limit in range.
    pub const MAX: u32 = 10_000;

    /// A limit of `n` units; an error when `n` is 0 or over [`Limit::MAX`].
    pub fn new(n: u32, unit: LimitUnit) -> Result<Self, LimitOutOfRange> {
        if (1..=Self::MAX).contains(&n) {
            Ok(Self { n, unit })
        } else {
            Err(LimitOutOfRange(n))
        }
    }

    /// A limit in statutory workdays, brought into range.
    pub fn workdays(n: u32) -> Self {
        Self {
            n: n.clamp(1, Self::MAX),
            unit: LimitUnit::Workday,
        }
    }

    /// A limit in calendar days, brought into range.
    pub fn days(n: u32) -> Self {
        Self {
            n: n.clamp(1, Self::MAX),
            unit: LimitUnit::Day,
        }
    }

    /// A limit in service hours, brought into range.
    pub fn hours(n: u32) -> Self {
        Self {
            n: n.clamp(1, Self::MAX),
            unit: LimitUnit::Hour,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_as_number_and_unit() {
        let limit: Limit = serde_json::from_str(r#"{"n":7,"unit":"workday"}"#).unwrap();
        assert_eq!(limit, Limit::workdays(7));
        assert_eq!(
            serde_json::to_string(&Limit::hours(4)).unwrap(),
            r#"{"n":4,"unit":"hour"}"#
        );
    }

    #[test]
    fn refuses_zero_and_the_absurd_and_says_so() {
        for n in [0, Limit::MAX + 1] {
            let text = format!(r#"{{"n":{n},"unit":"day"}}"#);
            let error = serde_json::from_str::<Limit>(&text)
                .unwrap_err()
                .to_string();
            assert!(error.contains("out of range"), "{error}");
        }
    }
}
