//! How often somebody may ask: a bucket for each key that holds ten seconds' worth and fills steadily (GCRA).
//!
//! Per address it is wide, for the people of a hall share one; per account or token it is what one page needs, many times over.
//! Programs on the console's own machine are not counted.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use mingjing_monitor::audit::Action;

use super::client;
use crate::app::App;
use crate::audit::{Record, Trail};
use crate::caller::{Caller, Who};
use crate::problem::Problem;

/// Seconds' worth of requests that may come at once.
const BURST: u32 = 10;
/// Keys kept at most; those that are full again go first.
const MOST: usize = 50_000;

/// Buckets of one size.
#[derive(Debug)]
pub struct Buckets<K> {
    /// Between two requests at the steady rate; `None`: no limit.
    interval: Option<Duration>,
    /// For each key the instant at which its bucket is full again.
    full: Mutex<HashMap<K, Instant>>,
}

impl<K: Hash + Eq> Buckets<K> {
    /// `per_second` requests steadily, [`BURST`] times that at once; 0: no limit.
    pub fn new(per_second: u32) -> Self {
        Self {
            interval: (per_second > 0).then(|| Duration::from_secs(1) / per_second),
            full: Mutex::default(),
        }
    }

    /// Takes one request out of the bucket of `key`.
    ///
    /// # Errors
    /// The seconds after which the next is let through.
    pub fn take(&self, key: K, now: Instant) -> Result<(), u64> {
        let Some(interval) = self.interval else {
            return Ok(());
        };
        let mut full = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        if full.len() >= MOST {
            full.retain(|_, full| *full > now);
            if full.len() >= MOST {
                full.clear();
            }
        }
        let at = full.entry(key).or_insert(now);
        let next = (*at).max(now) + interval;
        let room = Duration::from_secs(u64::from(BURST));
        let over = next.saturating_duration_since(now + room);
        if over > Duration::ZERO {
            return Err(over.as_secs() + 1);
        }
        *at = next;
        Ok(())
    }
}

/// The buckets of a console.
#[derive(Debug)]
pub struct Rates {
    addresses: Buckets<IpAddr>,
    callers: Buckets<Key>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Account(i64),
    Token(i64),
}

impl Rates {
    /// Requests a second from one address, and of one account or token.
    pub fn new(per_address: u32, per_caller: u32) -> Self {
        Self {
            addresses: Buckets::new(per_address),
            callers: Buckets::new(per_caller),
        }
    }

    /// Counts a request of an account or token.
    ///
    /// # Errors
    /// `too_many` when it asks too often.
    pub fn caller(&self, caller: &Caller, now: Instant) -> Result<(), Problem> {
        let key = match &caller.who {
            Who::Account { id, .. } => Key::Account(*id),
            Who::Token { id: Some(id), .. } => Key::Token(*id),
            // The console's own ingest.
            Who::Token { id: None, .. } => return Ok(()),
        };
        self.callers.take(key, now).map_err(refused)
    }
}

/// Lets a request through when its address does not ask too often.
pub async fn by_address(State(app): State<App>, request: Request, next: Next) -> Response {
    let counted = client::of(request.extensions()).filter(|client| !client.is_here());
    if let Some(client) = counted
        && let Err(seconds) = app
            .rates()
            .addresses
            .take(network(client.address()), Instant::now())
    {
        let record = Record::of(Action::AccessDenied).reason("too many requests");
        let trail = Trail::new(None, Some(client.address()));
        trail.tally(&app, record).await;
        return refused(seconds).into_response();
    }
    next.run(request).await
}

fn refused(seconds: u64) -> Problem {
    metrics::counter!("mingjing_refused_total", "why" => "rate").increment(1);
    Problem::too_many(seconds)
}

/// What counts as one address: whoever has an IPv6 address has 2⁶⁴ of them.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_ten_seconds_and_fills_steadily() {
        let buckets = Buckets::new(10);
        let start = Instant::now();
        for _ in 0..100 {
            assert_eq!(buckets.take("hall", start), Ok(()));
        }
        assert_eq!(buckets.take("hall", start), Err(1));
        assert_eq!(buckets.take("other", start), Ok(()));
        let later = start + Duration::from_millis(250);
        assert_eq!(
            (0..5)
                .map(|_| buckets.take("hall", later).is_ok())
                .collect::<Vec<_>>(),
            [true, true, false, false, false]
        );
        let rested = start + Duration::from_secs(60);
        assert_eq!(
            (0..200)
                .filter(|_| buckets.take("hall", rested).is_ok())
                .count(),
            100
        );
    }

    #[test]
    fn zero_is_no_limit_and_strangers_do_not_fill_the_memory() {
        let none = Buckets::new(0);
        let now = Instant::now();
        assert!((0..10_000).all(|_| none.take(1, now).is_ok()));
        let buckets = Buckets::new(1);
        for key in 0..2 * MOST {
            let _ = buckets.take(key, now);
        }
        assert!(buckets.full.lock().unwrap().len() <= MOST);
    }

    #[test]
    fn neighbours_in_one_ipv6_network_are_one() {
        let net = |text: &str| network(text.parse().unwrap());
        assert_eq!(net("2001:db8::1"), net("2001:db8::ffff"));
        assert_ne!(net("2001:db8::1"), net("2001:db8:0:1::1"));
        assert_ne!(net("192.0.2.1"), net("192.0.2.2"));
        assert_eq!(net("::ffff:192.0.2.1"), net("192.0.2.1"));
    }
}
