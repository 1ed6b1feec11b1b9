//! An edge that follows what the console sends it: written down first, then in force, then acknowledged.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::kept::Kept;
use super::{Managed, ManagedCamera, NOT_KEPT, Refused, Settled};

/// What the console sent.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    /// Names it; what became of it carries the same.
    pub(crate) number: u64,
    /// The cameras.
    pub(crate) cameras: Vec<ManagedCamera>,
    /// Ids of cameras that stay as they were sent before.
    pub(crate) unchanged: Vec<String>,
}

/// What became of it.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) number: u64,
    pub(crate) cameras: Vec<Settled>,
}

/// The way to the cameras. Clones are the same way.
#[derive(Debug, Clone)]
pub(crate) struct Following {
    sent: watch::Sender<Option<Arc<Sent>>>,
    outcome: watch::Receiver<Option<Arc<Outcome>>>,
}

impl Following {
    /// Carries what was written down before, and starts the task that follows.
    pub(crate) fn start(
        kept: Kept,
        mut managed: Managed,
        shutdown: CancellationToken,
    ) -> (Self, JoinHandle<()>) {
        let before = kept.read().unwrap_or_else(|error| {
            tracing::error!(%error, "the cameras that the console manages could not be read: they come when it is reached");
            Vec::new()
        });
        tell(&managed.settle(&before, &[]));
        let (sent, inbox) = watch::channel(None);
        let (done, outcome) = watch::channel(None);
        let follower = Follower {
            kept: Arc::new(kept),
            managed,
            now: before,
        };
        let task = tokio::spawn(follower.run(inbox, done, shutdown));
        (Self { sent, outcome }, task)
    }

    /// Takes what the console sent; what was sent before and is not in force yet is passed over.
    pub(crate) fn take(&self, sent: Sent) {
        self.sent.send_replace(Some(Arc::new(sent)));
    }

    /// What became of it, as it comes.
    pub(crate) fn outcome(&self) -> watch::Receiver<Option<Arc<Outcome>>> {
        let mut outcome = self.outcome.clone();
        outcome.mark_unchanged();
        outcome
    }
}

struct Follower {
    kept: Arc<Kept>,
    managed: Managed,
    /// As it is written down.
    now: Vec<ManagedCamera>,
}

impl Follower {
    async fn run(
        mut self,
        mut inbox: watch::Receiver<Option<Arc<Sent>>>,
        done: watch::Sender<Option<Arc<Outcome>>>,
        shutdown: CancellationToken,
    ) {
        loop {
            tokio::select! {
                changed = inbox.changed() => if changed.is_err() { return },
                () = shutdown.cancelled() => return,
            }
            let Some(sent) = inbox.borrow_and_update().clone() else {
                continue;
            };
            let cameras = self.follow(&sent).await;
            tell(&cameras);
            let number = sent.number;
            done.send_replace(Some(Arc::new(Outcome { number, cameras })));
        }
    }

    async fn follow(&mut self, sent: &Sent) -> Vec<Settled> {
        let mut wanted = sent.cameras.clone();
        let before = self.now.iter();
        wanted.extend(
            before
                .filter(|one| sent.unchanged.contains(&one.id))
                .cloned(),
        );
        let failed = match wanted == self.now {
            true => None,
            false => self.write(wanted).await,
        };
        let mut settled = self.managed.settle(&sent.cameras, &sent.unchanged);
        if let Some(detail) = failed {
            for one in settled.iter_mut().filter(|one| one.refused.is_none()) {
                one.refused = Some(Refused::new(NOT_KEPT, Some(detail.clone())));
            }
        }
        settled
    }

    /// Writes them down; or why not.
    async fn write(&mut self, wanted: Vec<ManagedCamera>) -> Option<String> {
        let kept = Arc::clone(&self.kept);
        // The disk may be slow.
        let writing = tokio::task::spawn_blocking(move || {
            let written = kept.write(&wanted).map_err(|error| error.to_string());
            written.map(|()| wanted)
        });
        match writing.await {
            Ok(Ok(written)) => {
                self.now = written;
                None
            }
            Ok(Err(error)) => {
                tracing::error!(
                    error,
                    "the cameras that the console manages could not be written down"
                );
                Some(error)
            }
            Err(error) => Some(error.to_string()),
        }
    }
}

fn tell(settled: &[Settled]) {
    for one in settled {
        if let Some(refused) = &one.refused {
            tracing::warn!(
                camera = one.id,
                why = refused.why,
                detail = refused.detail,
                "a camera that the console manages is not as asked"
            );
        }
    }
}
