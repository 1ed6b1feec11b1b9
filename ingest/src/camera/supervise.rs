//! Keeps one camera going: session after session, with a pause that grows while it fails.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::CameraState;
use super::session::Context;

/// First pause after a session that worked.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Longest pause where the camera may come back by itself.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Pause where trying often is useless or harms: many cameras lock an account after a few wrong passwords.
const PAUSE_FOR_A_PERSON: Duration = Duration::from_secs(30);

/// A session that lived so long was a good one: the next failure is a new one.
const GOOD_SESSION: Duration = Duration::from_secs(10);

/// How long the camera is waited for to let go of an ended session.
const TEARDOWN: Duration = Duration::from_secs(2);

/// And how long if it may still send (some versions of live555 do, for a minute): longer would hide the true state.
const STALE: Duration = Duration::from_secs(5);

/// Runs the camera until `stop`.
pub async fn run(mut context: Context, stop: CancellationToken) {
    let mut failures = 0;
    loop {
        let begun = Instant::now();
        let failure = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            failure = context.run() => failure,
        };
        if context.reporter.is_live() && begun.elapsed() >= GOOD_SESSION {
            failures = 0;
        }
        let pause = pause(failures, failure.state, rand::random());
        failures += 1;
        context.reporter.failed(failure);
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            () = async { tokio::join!(sleep(pause), let_go(&context)); } => {}
        }
        context.reporter.reconnecting();
    }
    // The session was dropped above; its TEARDOWN is on the way.
    let _ = timeout(TEARDOWN, context.group.await_teardown()).await;
    context.reporter.failed(CameraState::Stopped.into());
    context.hub.close();
}

/// Waits until the camera has let go of sessions that are over, within limits.
async fn let_go(context: &Context) {
    let _ = timeout(TEARDOWN, context.group.await_teardown()).await;
    let stale = context.group.stale_sessions();
    if stale.num_sessions > 0 {
        let _ = timeout(STALE, context.group.await_stale_sessions(&stale)).await;
    }
}

/// The pause before the next attempt after so many failures in a row. `jitter` (0 to 1) spreads cameras that failed
/// together.
fn pause(failures: u32, state: CameraState, jitter: f64) -> Duration {
    let pause = if state.needs_a_person() || state == CameraState::Flooding {
        PAUSE_FOR_A_PERSON
    } else {
        FIRST_PAUSE
            .saturating_mul(2_u32.saturating_pow(failures))
            .min(LONGEST_PAUSE)
    };
    pause.mul_f64(0.75 + 0.5 * jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_differ_between_cameras() {
        let refused =
            |failures, jitter| pause(failures, CameraState::OfflineRefused, jitter).as_millis();
        assert_eq!(
            [0, 1, 2, 3, 4, 5, 6].map(|n| refused(n, 0.5)),
            [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]
        );
        assert_eq!(refused(u32::MAX, 1.0), 18_750);
        assert_eq!(refused(0, 0.0), 375);
        assert_eq!(
            pause(0, CameraState::WrongPassword, 0.5),
            PAUSE_FOR_A_PERSON
        );
    }
}
