//! The spool: a durable queue of event batches for the time when the console cannot commit them.
//!
//! First in, first out, in one `redb` file. [`Spool::append`] returns after the fsync, never before; appends that come
//! together share one. An entry leaves only by [`Spool::remove`], after the console's acknowledgement. One thread owns the
//! file, so an error of the disk (full, gone) is answered by opening it afresh, and nothing blocks the runtime.

mod store;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::{mpsc, oneshot, watch};

use store::Command;

/// Commands waiting for the thread at most; beyond that callers wait.
const QUEUE: usize = 1024;

/// Number of an entry; rises with every append.
pub type Key = u64;

/// Why the spool could not do something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpoolError {
    /// The bound on its bytes is reached.
    #[error("the spool is full ({max_bytes} bytes): wait until the console is back")]
    Full {
        /// The bound.
        max_bytes: u64,
    },
    /// The directory cannot be made or the file cannot be opened.
    #[error("cannot open the spool {}: {reason}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The disk refused; nothing was kept.
    #[error("the spool's disk failed: {0}")]
    Disk(String),
    /// The spool was closed.
    #[error("the spool is closed")]
    Closed,
}

/// A handle of the spool; clones share it. The file is closed when the last one is gone.
#[derive(Debug, Clone)]
pub struct Spool {
    commands: mpsc::Sender<Command>,
    shared: Arc<Shared>,
    appended: watch::Receiver<Key>,
}

/// What the handles and the thread both count.
#[derive(Debug)]
struct Shared {
    max_bytes: u64,
    /// Bytes of the entries kept, and of those about to be.
    bytes: AtomicU64,
    entries: AtomicU64,
}

/// How full the spool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fill {
    /// Entries kept.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The bound on them.
    pub max_bytes: u64,
}

impl Spool {
    /// Opens (or makes) the spool in `dir`, holding at most `max_bytes` of entries.
    ///
    /// # Errors
    /// [`SpoolError::Open`]: the directory is not writable, the file is damaged, or another process has it open.
    pub async fn open(dir: &Path, max_bytes: u64) -> Result<Self, SpoolError> {
        let path = dir.join("spool.redb");
        let (commands, inbox) = mpsc::channel(QUEUE);
        let shared = Arc::new(Shared {
            max_bytes,
            bytes: AtomicU64::new(0),
            entries: AtomicU64::new(0),
        });
        let (newest, appended) = watch::channel(0);
        let (opened, outcome) = oneshot::channel();
        let counters = Arc::clone(&shared);
        let failed = |reason: String| SpoolError::Open {
            path: path.clone(),
            reason,
        };
        let file = path.clone();
        std::thread::Builder::new()
            .name("spool".into())
            .spawn(move || store::run(&file, inbox, &counters, &newest, opened))
            .map_err(|error| failed(error.to_string()))?;
        match outcome.await {
            Ok(Ok(())) => Ok(Self {
                commands,
                shared,
                appended,
            }),
            Ok(Err(reason)) => Err(failed(reason)),
            Err(_) => Err(failed("its thread ended".into())),
        }
    }

    /// Appends an entry; it is on disk when this returns.
    ///
    /// # Errors
    /// [`SpoolError::Full`] or [`SpoolError::Disk`]; the entry is then not kept.
    pub async fn append(&self, entry: Vec<u8>) -> Result<Key, SpoolError> {
        self.put(entry, None).await
    }

    /// As [`Spool::append`]; `named` learns the key before anybody can see the entry.
    ///
    /// # Errors
    /// As [`Spool::append`].
    pub async fn append_named(
        &self,
        entry: Vec<u8>,
        named: Arc<OnceLock<Key>>,
    ) -> Result<Key, SpoolError> {
        self.put(entry, Some(named)).await
    }

    async fn put(
        &self,
        entry: Vec<u8>,
        named: Option<Arc<OnceLock<Key>>>,
    ) -> Result<Key, SpoolError> {
        let bytes = entry.len() as u64;
        self.shared.reserve(bytes)?;
        let (done, outcome) = oneshot::channel();
        let command = Command::Append { entry, named, done };
        if self.commands.send(command).await.is_err() {
            self.shared.release(bytes);
            return Err(SpoolError::Closed);
        }
        outcome.await.unwrap_or(Err(SpoolError::Closed))
    }

    /// The oldest entries after `after`, at most `max_entries`, and so many that their bytes stay under `max_bytes` (one
    /// at least).
    ///
    /// # Errors
    /// [`SpoolError::Disk`].
    pub async fn peek(
        &self,
        after: Option<Key>,
        max_entries: usize,
        max_bytes: usize,
    ) -> Result<Vec<(Key, Vec<u8>)>, SpoolError> {
        self.ask(|done| Command::Peek {
            after,
            max_entries,
            max_bytes,
            done,
        })
        .await
    }

    /// Removes entries. Idempotent.
    ///
    /// # Errors
    /// [`SpoolError::Disk`]; the entries may then come again, which the console recognises.
    pub async fn remove(&self, keys: Vec<Key>) -> Result<(), SpoolError> {
        self.ask(|done| Command::Remove { keys, done }).await
    }

    /// Keeps a small value under a name, over restarts.
    ///
    /// # Errors
    /// [`SpoolError::Disk`].
    pub async fn keep(&self, name: &'static str, value: Vec<u8>) -> Result<(), SpoolError> {
        self.ask(|done| Command::Keep { name, value, done }).await
    }

    /// The value kept under a name.
    ///
    /// # Errors
    /// [`SpoolError::Disk`].
    pub async fn kept(&self, name: &'static str) -> Result<Option<Vec<u8>>, SpoolError> {
        self.ask(|done| Command::Kept { name, done }).await
    }

    /// How full it is.
    pub fn fill(&self) -> Fill {
        Fill {
            entries: self.shared.entries.load(Ordering::Acquire),
            bytes: self.shared.bytes.load(Ordering::Acquire),
            max_bytes: self.shared.max_bytes,
        }
    }

    /// Changes with every append: the key of the newest entry.
    pub fn appended(&self) -> watch::Receiver<Key> {
        self.appended.clone()
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, SpoolError>>) -> Command,
    ) -> Result<T, SpoolError> {
        let (done, outcome) = oneshot::channel();
        self.commands
            .send(command(done))
            .await
            .map_err(|_| SpoolError::Closed)?;
        outcome.await.unwrap_or(Err(SpoolError::Closed))
    }
}

impl Shared {
    fn reserve(&self, bytes: u64) -> Result<(), SpoolError> {
        let full = SpoolError::Full {
            max_bytes: self.max_bytes,
        };
        self.bytes
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| {
                now.checked_add(bytes)
                    .filter(|total| *total <= self.max_bytes)
            })
            .map(drop)
            .map_err(|_| full)
    }

    fn release(&self, bytes: u64) {
        self.bytes.fetch_sub(bytes, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests;
