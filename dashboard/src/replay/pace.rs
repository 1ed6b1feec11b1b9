//! A log told to a running console at a pace of its own (`--speed`).

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_alerts::supervisor::BatchOutcome;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::drive::{BATCH, add};
use super::{Loaded, ReplayError};
use crate::app::App;

/// How often the clock is turned.
const TICK: Duration = Duration::from_millis(200);
/// The longest stretch that is caught up with at once: a console that cannot follow is slower, and does not jump.
const LONGEST: Duration = Duration::from_secs(1);

/// Tells the console of `app` what the log holds until `end`, `speed` log-seconds a second, and turns its clock. `None`: the
/// console stopped before the end.
///
/// # Errors
/// The database refuses; that it is away is waited out.
pub async fn pace(
    app: &App,
    log: &Loaded,
    end: DateTime<Utc>,
    speed: f64,
) -> Result<Option<BatchOutcome>, ReplayError> {
    tokio::select! {
        () = app.wait_ready() => {}
        () = app.stopping().cancelled() => return Ok(None),
    }
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut total, mut rest) = (BatchOutcome::default(), log.until(end));
    let mut turned = Instant::now();
    app.clock().pace(speed);
    while app.now() < end {
        tokio::select! {
            _ = ticks.tick() => {}
            () = app.stopping().cancelled() => return Ok(None),
        }
        let passed = turned.elapsed().min(LONGEST);
        let mut at = later(app.now(), passed.as_secs_f64() * speed).min(end);
        let by_then = rest.partition_point(|event| event.time <= at);
        if by_then > BATCH {
            at = rest[BATCH].time;
        }
        let (step, after) = rest.split_at(rest.partition_point(|event| event.time <= at));
        turned = Instant::now();
        let gone = app.engine().go_on(step.to_vec(), &log.source, at).await;
        match gone {
            Ok(Ok(outcome)) => {
                add(&mut total, outcome);
                rest = after;
            }
            Ok(Err(error)) if error.is_passing() => {
                tracing::warn!(%error, "the log waits for the database");
            }
            Ok(Err(error)) => return Err(error.into()),
            Err(_) => return Ok(None),
        }
    }
    app.clock().pace(0.0);
    Ok(Some(total))
}

/// `seconds` after `at`; a speed beyond all measure leads to the end of time.
fn later(at: DateTime<Utc>, seconds: f64) -> DateTime<Utc> {
    // The cast saturates.
    let passed = TimeDelta::microseconds((seconds * 1e6) as i64);
    at.checked_add_signed(passed)
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_a_second() {
        let start = DateTime::UNIX_EPOCH;
        assert_eq!(later(start, 0.5 * 86_400.0), start + TimeDelta::hours(12));
        assert_eq!(later(start, f64::MAX), DateTime::<Utc>::MAX_UTC);
    }
}
