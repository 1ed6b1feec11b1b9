//! How often somebody may fail to sign in: by account and address together, so that a stranger elsewhere cannot lock a
//! person out, and by address alone, so that they cannot try one password on every account.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Failures of one account from one address before it has to wait.
const PER_ACCOUNT: u32 = 5;
/// Failures of any accounts from one address. A hall shares one address, so this is much wider.
const PER_ADDRESS: u32 = 100;
/// How long they count.
const WINDOW: Duration = Duration::from_secs(300);
/// Entries kept at most; the oldest go first.
const MOST: usize = 20_000;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    address: IpAddr,
    account: Option<String>,
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    first: Instant,
}

/// Counts failures in memory.
#[derive(Debug, Default)]
pub struct Limiter {
    failures: Mutex<HashMap<Key, Failures>>,
}

impl Limiter {
    /// Whether an attempt may be made now; else the seconds to wait.
    ///
    /// # Errors
    /// The seconds after which the oldest failure is forgotten.
    pub fn check(&self, address: IpAddr, account: &str, now: Instant) -> Result<(), u64> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, most) in keys(address, account) {
            if let Some(failed) = failures.get(&key) {
                let age = now.saturating_duration_since(failed.first);
                if age < WINDOW && failed.count >= most {
                    return Err((WINDOW - age).as_secs() + 1);
                }
            }
        }
        Ok(())
    }

    /// A failed attempt.
    pub fn failed(&self, address: IpAddr, account: &str, now: Instant) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= MOST {
            failures.retain(|_, failed| now.saturating_duration_since(failed.first) < WINDOW);
        }
        if failures.len() >= MOST {
            failures.clear();
        }
        for (key, _) in keys(address, account) {
            let failed = failures.entry(key).or_insert(Failures {
                count: 0,
                first: now,
            });
            if now.saturating_duration_since(failed.first) >= WINDOW {
                *failed = Failures {
                    count: 0,
                    first: now,
                };
            }
            failed.count += 1;
        }
    }

    /// A right password forgets the account's failures from that address.
    pub fn succeeded(&self, address: IpAddr, account: &str) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.remove(&Key {
            address,
            account: Some(account.to_owned()),
        });
    }
}

fn keys(address: IpAddr, account: &str) -> [(Key, u32); 2] {
    [
        (
            Key {
                address,
                account: Some(account.to_owned()),
            },
            PER_ACCOUNT,
        ),
        (
            Key {
                address,
                account: None,
            },
            PER_ADDRESS,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_lock_one_account_from_one_address_for_a_while() {
        let limiter = Limiter::default();
        let (here, there) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let start = Instant::now();
        for _ in 0..5 {
            assert!(limiter.check(here, "wang", start).is_ok());
            limiter.failed(here, "wang", start);
        }
        assert_eq!(limiter.check(here, "wang", start), Err(301));
        assert!(limiter.check(here, "li", start).is_ok());
        assert!(limiter.check(there, "wang", start).is_ok());
        assert!(limiter.check(here, "wang", start + WINDOW).is_ok());
    }

    #[test]
    fn success_forgets() {
        let limiter = Limiter::default();
        let (here, now) = (IpAddr::from([10, 0, 0, 1]), Instant::now());
        (0..5).for_each(|_| limiter.failed(here, "wang", now));
        limiter.succeeded(here, "wang");
        assert!(limiter.check(here, "wang", now).is_ok());
    }

    #[test]
    fn one_password_on_every_account_is_stopped() {
        let limiter = Limiter::default();
        let (here, now) = (IpAddr::from([10, 0, 0, 1]), Instant::now());
        (0..100).for_each(|i| limiter.failed(here, &format!("account-{i}"), now));
        assert!(limiter.check(here, "another", now).is_err());
    }
}
