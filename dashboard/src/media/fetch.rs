//! Recordings lie at the edges, and so do the networks of their cameras: what somebody asks of either is fetched from there when it is
//! asked, and at the pace of whoever takes it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use mingjing_ingest::uplink::protocol::{Answer, MediaToIngest};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// An edge answers within this, or it counts as away.
pub(super) const ANSWER: Duration = Duration::from_secs(8);
/// The same of a look at a camera: the camera may take its time, and is let go of first.
pub(super) const LOOK: Duration = Duration::from_secs(13);

/// Why nothing could be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// No edge ever named the camera.
    #[error("no edge carries this camera")]
    Unknown,
    /// Its edge is not connected.
    #[error("the edge that holds the recordings is not connected")]
    Away,
    /// Its edge did not answer in time.
    #[error("the edge that holds the recordings does not answer")]
    Silent,
}

/// An edge's answer, and the bytes that follow it.
#[derive(Debug)]
pub struct Found {
    /// The answer.
    pub answer: Answer,
    /// Bytes, until they end or the edge goes away.
    pub bytes: mpsc::Receiver<Bytes>,
}

/// Requests that wait for an answer, by their number: the edge that was asked, and who waits.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting(Arc<Mutex<Requests>>);

type Requests = HashMap<u64, (String, oneshot::Sender<Found>)>;

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, Requests> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks `edge` through `control`; the answer to `message`, which is given the request's number, is waited for that long.
    pub(super) async fn ask(
        &self,
        edge: String,
        control: mpsc::Sender<MediaToIngest>,
        patience: Duration,
        message: impl FnOnce(u64) -> MediaToIngest,
    ) -> Result<Found, FetchError> {
        // Nobody guesses it, and only the edge that was asked may answer.
        let request = rand::random();
        let (reply, answered) = oneshot::channel();
        self.lock().insert(request, (edge, reply));
        let _forget = Forget {
            waiting: self,
            request,
        };
        control
            .try_send(message(request))
            .map_err(|_| FetchError::Away)?;
        match timeout(patience, answered).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(_)) | Err(_) => Err(FetchError::Silent),
        }
    }

    /// Who waits for an answer of `edge` to this request.
    pub(super) fn take(&self, request: u64, edge: &str) -> Option<oneshot::Sender<Found>> {
        let mut waiting = self.lock();
        if waiting.get(&request).is_none_or(|(asked, _)| asked != edge) {
            return None;
        }
        waiting.remove(&request).map(|(_, reply)| reply)
    }
}

/// Whoever asked may go away before the answer comes.
struct Forget<'a> {
    waiting: &'a Waiting,
    request: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.waiting.lock().remove(&self.request);
    }
}
