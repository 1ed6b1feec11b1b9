//! The log's clock, and the one writer driven by it.

use chrono::{DateTime, Utc};
use mingjing_alerts::supervisor::{Applied, BatchOutcome, Supervisor};
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
    for batch in events.chunks(BATCH) {
        let applied = supervisor.apply_batch(batch.to_vec(), true, end).await?;
        add(&mut total, applied.outcome);
        progress(batch.len() as u64);
    }
    // The source has told everything: what its last events did not reach falls due at its own instants.
    // Nothing happening until the end is not silence: the log holds all that happened.
    supervisor.heartbeat(source, end, end).await?;
    while let Some(due) = supervisor.next_due().filter(|due| *due <= end) {
        supervisor.fire_due(due).await?;
    }
    Ok(total)
}

/// Goes on to `until` as if it were lived: takes `events`, which are in order and happened by then, in as they came, and fires
/// each deadline at its instant, between what happened before and after it.
///
/// # Errors
/// The database refuses; the same again goes on where this broke off.
pub async fn advance(
    supervisor: &mut Supervisor,
    events: &[CaseEvent],
    source: &str,
    until: DateTime<Utc>,
) -> Result<Applied, StoreError> {
    let mut total = Applied::default();
    // The log holds all that happened: that nothing happened for a while is not that nothing was heard.
    total
        .deltas
        .extend(supervisor.heartbeat(source, until, until).await?);
    let mut rest = events;
    loop {
        let due = supervisor.next_due().filter(|due| *due <= until);
        let at = due.unwrap_or(until);
        let (batch, after) = rest.split_at(rest.partition_point(|event| event.time <= at));
        if !batch.is_empty() {
            let applied = supervisor.apply_batch(batch.to_vec(), false, at).await?;
            add(&mut total.outcome, applied.outcome);
            total.deltas.extend(applied.deltas);
        }
        rest = after;
        let Some(due) = due else { return Ok(total) };
        total.deltas.extend(supervisor.fire_due(due).await?);
    }
}

/// Adds what became of a further batch.
pub(super) fn add(total: &mut BatchOutcome, more: BatchOutcome) {
    let before = total.accepted + total.duplicate + total.rejected.len();
    total.accepted += more.accepted;
    total.duplicate += more.duplicate;
    let moved = more.rejected.into_iter().map(|mut rejection| {
        rejection.index += before;
        rejection
    });
    total.rejected.extend(moved);
}
