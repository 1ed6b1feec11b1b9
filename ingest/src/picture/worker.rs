//! One camera's pictures: the newest key frame, once a second at most, when the budget allows.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::decode::{Parameters, decode};
use super::watcher::{Seen, Watcher, Watching};
use super::{Picture, PictureBudget, PictureError, SNAPSHOT_INTERVAL, Snapshot, jpeg};

/// A camera's thumbnail is renewed at most so often.
const INTERVAL: Duration = Duration::from_secs(1);

/// A picture that could be decoded.
#[derive(Clone, Debug)]
pub struct KeyFrame {
    /// The stream's parameters.
    pub parameters: Arc<Parameters>,
    /// NAL units, each after its length in four bytes.
    pub access_unit: Bytes,
    /// When the camera took it.
    pub captured_at: DateTime<Utc>,
}

/// What became of one key frame, for the camera's health.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// When the picture was taken, if there is one.
    pub captured_at: Option<DateTime<Utc>>,
    /// Whether the budget made it late.
    pub stretched: bool,
    /// What is to be seen in it; `None`: it could not be decoded, and nothing is known anew.
    pub seen: Option<Seen>,
}

/// Renews `pictures` from `key_frames` until `stop`, and looks in them for what `watching` says at the time; `tell` hears of every attempt.
pub async fn run(
    mut key_frames: watch::Receiver<Option<KeyFrame>>,
    pictures: watch::Sender<Option<Arc<Picture>>>,
    budget: Arc<PictureBudget>,
    mut watching: watch::Receiver<Watching>,
    stop: CancellationToken,
    tell: impl Fn(Outcome),
) {
    let work = async {
        // Whether a key frame had to be left out only because the turn before was not paid for yet.
        let mut passed_over = false;
        let mut watcher = Watcher::new(watching.borrow_and_update().clone());
        while key_frames.changed().await.is_ok() {
            let turn = budget.turn().await;
            let newer = |frames: &watch::Receiver<_>| frames.has_changed().unwrap_or(false);
            let stretched = passed_over || newer(&key_frames);
            // Whatever came while waiting is newer.
            let Some(frame) = key_frames.borrow_and_update().clone() else {
                continue;
            };
            let before = pictures
                .borrow()
                .as_ref()
                .map(|picture| Arc::clone(&picture.snapshot));
            if watching.has_changed().unwrap_or(false) {
                watcher.follow(watching.borrow_and_update().clone());
            }
            let begun = Instant::now();
            let captured_at = frame.captured_at;
            let work = tokio::task::spawn_blocking(move || {
                let (made, spent) = measured(|| make(&frame, before, &mut watcher));
                (watcher, made, spent)
            });
            let (made, spent);
            (watcher, made, spent) = work.await.unwrap_or_else(|_| {
                let anew = Watcher::new(watching.borrow().clone());
                (anew, Err(PictureError::Decoder), begun.elapsed())
            });
            let outcome = match made {
                Ok((picture, seen)) => {
                    pictures.send_replace(Some(Arc::new(picture)));
                    Outcome {
                        captured_at: Some(captured_at),
                        stretched,
                        seen: Some(seen),
                    }
                }
                Err(error) => {
                    tracing::debug!(%error, "key frame not decoded");
                    Outcome {
                        captured_at: None,
                        stretched,
                        seen: None,
                    }
                }
            };
            tell(outcome);
            turn.pay(spent).await;
            passed_over = begun.elapsed() > INTERVAL && newer(&key_frames);
            tokio::time::sleep_until(begun + INTERVAL).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = work => {}
    }
}

/// What `work` returns and what it took of a core; where the system does not tell, how long it took.
fn measured<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let (cpu, begun) = (cpu_time(), Instant::now());
    let done = work();
    let spent = cpu
        .zip(cpu_time())
        .map(|(before, after)| after.saturating_sub(before));
    (done, spent.unwrap_or_else(|| begun.elapsed()))
}

/// What this thread has had of a core (Linux).
fn cpu_time() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds = stat.split_ascii_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

/// Decodes, looks, and makes the JPEGs; the full one only when the one before is old enough, or a fault was found just now: then
/// it is the evidence.
fn make(
    frame: &KeyFrame,
    before: Option<Arc<Snapshot>>,
    watcher: &mut Watcher,
) -> Result<(Picture, Seen), PictureError> {
    let decoded = decode(&frame.parameters, &frame.access_unit)?;
    let seen = watcher.look(&decoded, frame.captured_at);
    let thumbnail = jpeg::thumbnail(&decoded.image, frame.parameters.pixel_aspect())?;
    let fresh = |snapshot: &Arc<Snapshot>| {
        let age = frame.captured_at - snapshot.captured_at;
        !seen.new_fault && age.to_std().is_ok_and(|age| age < SNAPSHOT_INTERVAL)
    };
    let snapshot = match before.filter(fresh) {
        Some(snapshot) => snapshot,
        None => Arc::new(jpeg::snapshot(&decoded.image, frame.captured_at)?),
    };
    let picture = Picture {
        captured_at: frame.captured_at,
        thumbnail,
        snapshot,
    };
    Ok((picture, seen))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn waiting_costs_nothing_and_work_does() {
        let ((), waited) = measured(|| std::thread::sleep(Duration::from_millis(50)));
        assert!(waited < Duration::from_millis(25), "{waited:?}");
        let (_, worked) = measured(|| {
            let (mut sum, begun) = (0_u64, cpu_time().unwrap());
            while cpu_time().unwrap() - begun < Duration::from_millis(20) {
                sum += 1;
            }
            sum
        });
        assert!(worked >= Duration::from_millis(20), "{worked:?}");
    }
}
