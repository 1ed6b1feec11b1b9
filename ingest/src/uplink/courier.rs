//! From the intake to the console: at once where it can be, through the spool where not.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use super::LinkState;
use super::batch::Outbound;
use super::protocol::BatchOutcome;
use crate::spool::{Key, Spool, SpoolError};

/// How long a sender waits for the console's commit before its events go to the spool (`interfaces.md`, "Case events").
const PATIENCE: Duration = Duration::from_secs(2);

/// Batches waiting for the socket at most; beyond that they are spooled.
const QUEUE: usize = 64;

/// A batch for which somebody waits.
#[derive(Debug)]
pub(super) struct Submission {
    pub(super) batch: Outbound,
    /// Dropped without an answer when the console cannot take the batch now.
    pub(super) reply: oneshot::Sender<BatchOutcome>,
    /// The entry of the spool that its sender made when its patience ended before the answer came.
    pub(super) spooled_as: Arc<OnceLock<Key>>,
}

/// What became of a batch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// The console committed it.
    Committed(BatchOutcome),
    /// It is fsynced in the spool, and goes to the console later.
    Spooled,
}

/// Takes batches to the console.
#[derive(Debug, Clone)]
pub(crate) struct Courier {
    submissions: mpsc::Sender<Submission>,
    state: watch::Receiver<LinkState>,
    spool: Spool,
}

impl Courier {
    /// A courier, and the end of its queue that the events socket serves.
    pub(super) fn new(
        state: watch::Receiver<LinkState>,
        spool: Spool,
    ) -> (Self, mpsc::Receiver<Submission>) {
        let (submissions, inbox) = mpsc::channel(QUEUE);
        (
            Self {
                submissions,
                state,
                spool,
            },
            inbox,
        )
    }

    /// Delivers a batch; on return it is committed by the console or durable in the spool.
    ///
    /// # Errors
    /// The spool is full or its disk failed: the batch is kept nowhere.
    pub(crate) async fn deliver(&self, batch: Outbound) -> Result<Delivery, SpoolError> {
        // The spool's form first: the batch itself is given away.
        let entry = batch
            .entry()
            .map_err(|error| SpoolError::Disk(error.to_string()))?;
        let up = *self.state.borrow() == LinkState::Up;
        let spooled_as = Arc::new(OnceLock::new());
        if up {
            let (reply, outcome) = oneshot::channel();
            let submission = Submission {
                batch,
                reply,
                spooled_as: Arc::clone(&spooled_as),
            };
            let queued = self.submissions.try_send(submission).is_ok();
            if queued && let Ok(Ok(outcome)) = tokio::time::timeout(PATIENCE, outcome).await {
                return Ok(Delivery::Committed(outcome));
            }
        }
        self.spool.append_named(entry, spooled_as).await?;
        Ok(Delivery::Spooled)
    }
}
