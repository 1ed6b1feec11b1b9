//! The log's clock, and the one writer driven by it.

use chrono::{DateTime, Utc};
use mingjing_alerts::supervisor::{BatchOutcome, Supervisor};
use mingjing_monitor::event::CaseEvent;
use mingjing_monitor::store::StoreError;

/// Events of one transaction: large enough that its round trips do not count, small enough to be held in memory thrice.
pub const BATCH: usize = 10_000;

/// Takes `events`, which are in order, in as history and fires whatever falls due until `end`. What was taken in before
/// changes nothing. `progress` is told how many events went in.
///
/// # Errors
/// The database refuses.
pub async fn drive(
    supervisor: &mut Supervisor,
    events: &[CaseEvent],
    source: &str,
    end: DateTime<Utc>,
    mut progress: impl FnMut(u64),
) -> Result<BatchOutcome, StoreError> {
    let mut total = BatchOutcome::default();
    for (i, batch) in events.chunks(BATCH).enumerate() {
        let applied = supervisor.apply_batch(batch.to_vec(), true, end).await?;
        total.accepted += applied.outcome.accepted;
        total.duplicate += applied.outcome.duplicate;
        total
            .rejected
            .extend(applied.outcome.rejected.into_iter().map(|mut rejection| {
                rejection.index += i * BATCH;
                rejection
            }));
        progress(batch.len() as u64);
    }
    // The source has told everything: what its last events did not reach falls due at its own instants.
    let last = events.last().map_or(end, |event| event.time);
    supervisor.heartbeat(source, end, last).await?;
    while let Some(due) = supervisor.next_due().filter(|due| *due <= end) {
        supervisor.fire_due(due).await?;
    }
    Ok(total)
}
