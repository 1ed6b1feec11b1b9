//! Waiting between attempts: doubling, bounded, and with jitter, so that a county's edges do not come back in one instant.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(10);

/// The waits of one connection.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait before the next attempt: half to all of a time that doubles, at most [`LONGEST`].
    pub(super) fn next(&mut self) -> Duration {
        let full = FIRST
            .saturating_mul(1 << self.failures.min(10))
            .min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        full.mul_f64(rand::random_range(0.5..=1.0))
    }

    /// The connection worked.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_stay_bounded_and_begin_again() {
        let mut backoff = Backoff::default();
        for i in 0..40 {
            let wait = backoff.next();
            let full = FIRST.saturating_mul(1 << i.min(10)).min(LONGEST);
            assert!(wait <= full && wait >= full / 2, "{i}: {wait:?}");
        }
        backoff.reset();
        assert!(backoff.next() <= FIRST);
    }
}
