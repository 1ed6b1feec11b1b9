//! How long one has to wait after failed attempts. Three counts, all in the database, so that a restart forgives nothing:
//!
//! | failures of | free | then wait | at most | forgotten after |
//! |---|---|---|---|---|
//! | a login from one address | 4 | 30 s, doubled each time | 1 h | 24 h |
//! | a login from all addresses where it never came in | 9 | 30 s, doubled | 1 h | 24 h |
//! | any logins from one address | 49 | 30 s, doubled | 15 min | 1 h |
//!
//! An account that has come in from an address within ninety days is held up there by the first count alone. So whoever
//! fails on purpose, from outside or from inside, on one account or on all, cannot keep the county's people from signing in
//! where they work: they can only make one login wait at one address, for an hour at most. Guessing gets 24 attempts a day.
//!
//! An attempt is counted *before* the password is looked at, and taken back when it was right: a thousand attempts at
//! once are a thousand failures. A login that does not exist is counted like one that does.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_monitor::store::StoreError;
use mingjing_monitor::store::attempts::{self, Failures, Key};

use super::secret;
use crate::app::App;
use crate::problem::Problem;

/// How failures of one kind make one wait.
#[derive(Debug, Clone, Copy)]
struct Rule {
    /// Failures without a wait.
    free: i32,
    /// The longest wait.
    longest: TimeDelta,
    /// Failures older than this do not count.
    forgotten: TimeDelta,
}

/// The first wait.
const FIRST: TimeDelta = TimeDelta::seconds(30);
const LOGIN_HERE: Rule = Rule {
    free: 4,
    longest: TimeDelta::hours(1),
    forgotten: TimeDelta::hours(24),
};
const LOGIN_ELSEWHERE: Rule = Rule {
    free: 9,
    longest: TimeDelta::hours(1),
    forgotten: TimeDelta::hours(24),
};
const ADDRESS: Rule = Rule {
    free: 49,
    longest: TimeDelta::minutes(15),
    forgotten: TimeDelta::hours(1),
};
/// How long an account is known at an address.
const KNOWN: TimeDelta = TimeDelta::days(90);

impl Rule {
    /// When the next attempt may be made; `None`: at once. The last failure may be later than who asks: attempts at one address wait for each other.
    fn until(&self, failures: Failures) -> Option<DateTime<Utc>> {
        let over = failures.failures - self.free;
        if over <= 0 {
            return None;
        }
        let doubled = FIRST * 2_i32.saturating_pow((over - 1).min(16).unsigned_abs());
        Some(failures.last + doubled.min(self.longest))
    }

    /// The failures that still count.
    fn standing(&self, failures: Failures, now: DateTime<Utc>) -> i32 {
        if now - failures.last >= self.forgotten {
            0
        } else {
            failures.failures
        }
    }
}

/// An attempt that has been counted as failed until somebody says otherwise.
#[derive(Debug)]
#[must_use = "an attempt that is not taken back stays a failure"]
pub struct Attempt {
    counted: Vec<Key>,
    address: String,
    locks: bool,
}

impl Attempt {
    /// Counts an attempt of `login`, which is the account `account` if there is one, from `address`.
    ///
    /// # Errors
    /// `locked` when one has to wait; that is not counted.
    pub async fn begin(
        app: &App,
        login: &str,
        account: Option<i64>,
        address: IpAddr,
        now: DateTime<Utc>,
    ) -> Result<Self, Problem> {
        let (login, address) = (secret::hash(login), network(address));
        let known = attempts::came_in(app.db(), account, &address, now - KNOWN).await?;
        let key = |login: &[u8], address: &str| Key {
            login: login.to_vec(),
            address: address.to_owned(),
        };
        let mut counted = vec![(key(&login, &address), LOGIN_HERE)];
        if !known {
            // Always in this order: what is locked together cannot wait for itself.
            counted.push((key(&login, ""), LOGIN_ELSEWHERE));
            counted.push((key(&[], &address), ADDRESS));
        }
        let mut transaction = app.db().begin().await?;
        let mut failures = Vec::with_capacity(counted.len());
        for (key, rule) in &counted {
            let found = attempts::lock(&mut transaction, key, now).await?;
            let standing = rule.standing(found, now);
            let until = rule.until(Failures {
                failures: standing,
                ..found
            });
            if let Some(until) = until.filter(|until| *until > now) {
                let seconds = (until - now).num_seconds();
                return Err(Problem::locked(u64::try_from(seconds).unwrap_or(0) + 1));
            }
            failures.push(standing);
        }
        let mut locks = false;
        for ((key, rule), standing) in counted.iter().zip(failures) {
            attempts::set(&mut transaction, key, standing + 1, now).await?;
            let failures = standing + 1;
            let last = now;
            locks |= rule.until(Failures { failures, last }).is_some();
        }
        transaction.commit().await?;
        Ok(Self {
            counted: counted.into_iter().map(|(key, _)| key).collect(),
            address,
            locks,
        })
    }

    /// Whether, if it fails, the next one has to wait.
    pub fn locks(&self) -> bool {
        self.locks
    }

    /// It was right, and more is asked for: it was no failure, and those before it stand.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn take_back(self, app: &App) -> Result<(), StoreError> {
        let mut transaction = app.db().begin().await?;
        for key in &self.counted {
            attempts::take_back(&mut transaction, key).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// The account has come in: its failures are forgotten, and it is known here from now on.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn came_in(
        self,
        app: &App,
        account: i64,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mut transaction = app.db().begin().await?;
        for key in &self.counted {
            if key.login.is_empty() {
                // Those of others at this address stand.
                attempts::take_back(&mut transaction, key).await?;
            } else {
                attempts::clear(&mut transaction, key).await?;
            }
        }
        attempts::note_place(&mut transaction, account, &self.address, now).await?;
        transaction.commit().await?;
        attempts::forget(app.db(), now - LOGIN_HERE.forgotten, now - KNOWN).await
    }
}

/// Until when each of these logins has to wait at one address at least, in their order. `None`: nowhere.
///
/// # Errors
/// When the database cannot be asked.
pub async fn waits(
    app: &App,
    logins: impl IntoIterator<Item = &str>,
    now: DateTime<Utc>,
) -> Result<Vec<Option<DateTime<Utc>>>, StoreError> {
    let hashes: Vec<Vec<u8>> = logins.into_iter().map(secret::hash).collect();
    let found = attempts::of_logins(app.db(), &hashes).await?;
    let until = |hash: &Vec<u8>| {
        let own = found.iter().filter(|counted| counted.key.login == *hash);
        let waits = own.filter_map(|counted| {
            let rule = match counted.key.address.as_str() {
                "" => LOGIN_ELSEWHERE,
                _ => LOGIN_HERE,
            };
            let failures = rule.standing(counted.failures, now);
            rule.until(Failures {
                failures,
                ..counted.failures
            })
        });
        waits.max().filter(|until| *until > now)
    };
    Ok(hashes.iter().map(until).collect())
}

/// What an address is counted by: whoever has one IPv6 address has 2⁶⁴ of them.
pub fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_a_bound() {
        let last = DateTime::UNIX_EPOCH;
        let wait = |rule: Rule, failures| {
            let until = rule.until(Failures { failures, last });
            until.map_or(0, |until| (until - last).num_seconds())
        };
        let waits: Vec<i64> = [4, 5, 6, 7, 11, 12, 60, i32::MAX]
            .map(|failures| wait(LOGIN_HERE, failures))
            .into();
        assert_eq!(waits, [0, 30, 60, 120, 1920, 3600, 3600, 3600]);
        assert_eq!(
            (wait(LOGIN_ELSEWHERE, 9), wait(LOGIN_ELSEWHERE, 10)),
            (0, 30)
        );
        assert_eq!(
            (wait(ADDRESS, 49), wait(ADDRESS, 50), wait(ADDRESS, 99)),
            (0, 30, 900)
        );
    }

    #[test]
    fn who_comes_in_at_the_same_moment_holds_nobody_up() {
        // Counted while this one waited for its turn, so its instant is the later one.
        let last = DateTime::UNIX_EPOCH + TimeDelta::milliseconds(3);
        for rule in [LOGIN_HERE, LOGIN_ELSEWHERE, ADDRESS] {
            assert_eq!(rule.until(Failures { failures: 1, last }), None);
        }
    }

    #[test]
    fn old_failures_do_not_count() {
        let found = Failures {
            failures: 30,
            last: DateTime::UNIX_EPOCH,
        };
        let standing = |hours| LOGIN_HERE.standing(found, found.last + TimeDelta::hours(hours));
        assert_eq!((standing(23), standing(24)), (30, 0));
    }

    #[test]
    fn a_network_is_an_address_or_64_bits_of_one() {
        let network = |text: &str| network(text.parse().unwrap());
        assert_eq!(network("10.0.0.7"), "10.0.0.7");
        assert_eq!(network("::ffff:10.0.0.7"), "10.0.0.7");
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
    }
}
