//! When a message that did not get through is tried again, and when no more.

use chrono::{DateTime, TimeDelta, Utc};

/// The first wait.
const FIRST: TimeDelta = TimeDelta::seconds(10);
/// The longest wait of our own choosing.
const LONGEST: TimeDelta = TimeDelta::minutes(15);
/// The longest wait that a service may ask for.
const ASKED: TimeDelta = TimeDelta::hours(1);
/// After so long a message to somebody on duty is given up†: what it says has been on the screens since.
const GIVE_UP: TimeDelta = TimeDelta::hours(24);
/// After so long a message to an applicant is given up†: yesterday's state would mislead.
const GIVE_UP_APPLICANT: TimeDelta = TimeDelta::hours(6);

/// The wait after `failures` in a row: doubling, bounded, half to all of it by `jitter` (0 to 1), so that many do not come
/// back in one instant. What the service asks for counts where it is longer.
pub fn wait(failures: u32, jitter: f64, asked: Option<TimeDelta>) -> TimeDelta {
    let doubled = 1_i32 << failures.saturating_sub(1).min(10);
    let full = (FIRST * doubled).min(LONGEST);
    let share = 0.5 + jitter.clamp(0.0, 1.0) / 2.0;
    let own = TimeDelta::milliseconds((full.num_milliseconds() as f64 * share) as i64);
    asked.map_or(own, |asked| asked.min(ASKED).max(own))
}

/// Whether a message that is tried since `since` is given up.
pub fn is_given_up(since: DateTime<Utc>, to_applicant: bool, now: DateTime<Utc>) -> bool {
    now - since >= patience(to_applicant)
}

/// For how long a message is tried.
pub fn patience(to_applicant: bool) -> TimeDelta {
    if to_applicant {
        GIVE_UP_APPLICANT
    } else {
        GIVE_UP
    }
}

/// `Retry-After`: seconds, or an instant as HTTP writes it.
pub fn retry_after(header: &str, now: DateTime<Utc>) -> Option<TimeDelta> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<u32>() {
        return Some(TimeDelta::seconds(seconds.into()));
    }
    let at = DateTime::parse_from_rfc2822(header).ok()?;
    Some((at.to_utc() - now).max(TimeDelta::zero()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_stay_bounded_and_heed_the_service() {
        assert_eq!(wait(1, 1.0, None), TimeDelta::seconds(10));
        assert_eq!(wait(1, 0.0, None), TimeDelta::seconds(5));
        assert_eq!(wait(4, 1.0, None), TimeDelta::seconds(80));
        for failures in 0..60 {
            assert!(wait(failures, 1.0, None) <= LONGEST);
        }
        let minute = Some(TimeDelta::seconds(60));
        assert_eq!(wait(1, 0.3, minute), TimeDelta::seconds(60));
        assert_eq!(wait(1, 0.3, Some(TimeDelta::days(9))), ASKED);
        assert!(
            wait(20, 0.0, minute) > TimeDelta::minutes(7),
            "not sooner than by our own wait"
        );
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_an_instant() {
        let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        assert_eq!(retry_after("120", now), Some(TimeDelta::seconds(120)));
        let at = (now + TimeDelta::seconds(90))
            .to_rfc2822()
            .replace("+0000", "GMT");
        assert_eq!(retry_after(&at, now), Some(TimeDelta::seconds(90)));
        let past = (now - TimeDelta::seconds(90)).to_rfc2822();
        assert_eq!(retry_after(&past, now), Some(TimeDelta::zero()));
        assert_eq!(retry_after("soon", now), None);
    }

    #[test]
    fn applicants_are_given_up_earlier() {
        let since = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let after = |hours| since + TimeDelta::hours(hours);
        assert!(is_given_up(since, true, after(6)) && !is_given_up(since, false, after(6)));
        assert!(is_given_up(since, false, after(24)));
    }
}
