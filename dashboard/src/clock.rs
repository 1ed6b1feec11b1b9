//! The console's one clock: the wall's, or that of a log which is replayed.
//!
//! Everything that is judged, counted or shown "now" is judged, counted and shown at [`crate::app::App::now`]. Sessions, tokens,
//! lockouts and the health of cameras are of this machine and this day: they stay on the wall clock.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

/// A clock. That of a log stands still until it is turned.
#[derive(Debug, Default)]
pub struct Clock(Option<Mutex<Hands>>);

#[derive(Debug, Clone, Copy)]
struct Hands {
    at: DateTime<Utc>,
    rate: f64,
}

/// What a clock shows, for pages that show it further.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
#[schema(as = Clock)]
pub struct Reading {
    /// Now.
    pub at: DateTime<Utc>,
    /// Seconds that pass on it in a second: 1; of a log that is replayed, its speed, and 0 while it stands still.
    pub rate: f64,
    /// It is the clock of a log.
    pub replay: bool,
}

impl Clock {
    /// The wall clock.
    pub fn wall() -> Self {
        Self(None)
    }

    /// The clock of a log, standing at `at`.
    pub fn of_log(at: DateTime<Utc>) -> Self {
        Self(Some(Mutex::new(Hands { at, rate: 0.0 })))
    }

    /// Now.
    pub fn now(&self) -> DateTime<Utc> {
        self.hands().map_or_else(Utc::now, |hands| hands.at)
    }

    /// What it shows.
    pub fn reading(&self) -> Reading {
        let hands = self.hands();
        Reading {
            at: hands.map_or_else(Utc::now, |hands| hands.at),
            rate: hands.map_or(1.0, |hands| hands.rate),
            replay: hands.is_some(),
        }
    }

    /// Whether it is the clock of a log.
    pub fn is_of_log(&self) -> bool {
        self.0.is_some()
    }

    /// Turns the clock of a log to `at`, never back; the wall clock cannot be turned.
    pub fn turn_to(&self, at: DateTime<Utc>) {
        self.change(|hands| hands.at = hands.at.max(at));
    }

    /// Says how fast the clock of a log is being turned, in log-seconds a second.
    pub fn pace(&self, rate: f64) {
        self.change(|hands| hands.rate = rate);
    }

    fn hands(&self) -> Option<Hands> {
        let hands = self.0.as_ref()?;
        Some(*hands.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, change: impl FnOnce(&mut Hands)) {
        if let Some(hands) = &self.0 {
            change(&mut hands.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn the_clock_of_a_log_stands_until_it_is_turned_and_never_goes_back() {
        let start = DateTime::UNIX_EPOCH;
        let clock = Clock::of_log(start);
        let reading = |at, rate| Reading {
            at,
            rate,
            replay: true,
        };
        assert_eq!((clock.now(), clock.reading()), (start, reading(start, 0.0)));
        let later = start + TimeDelta::days(1);
        clock.turn_to(later);
        clock.pace(86_400.0);
        clock.turn_to(start);
        assert_eq!(clock.reading(), reading(later, 86_400.0));
    }

    #[test]
    fn the_wall_clock_cannot_be_turned() {
        let clock = Clock::wall();
        clock.turn_to(DateTime::<Utc>::MAX_UTC);
        clock.pace(5.0);
        let (before, reading) = (Utc::now(), clock.reading());
        assert!(reading.at >= before && reading.at <= Utc::now());
        assert_eq!((reading.rate, reading.replay), (1.0, false));
    }
}
