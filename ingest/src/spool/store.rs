//! The thread that owns the spool's file.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use tokio::sync::{mpsc, oneshot, watch};

use super::{Key, Shared, SpoolError};

/// The entries, oldest first.
const ENTRIES: TableDefinition<Key, &[u8]> = TableDefinition::new("entries");
/// The counts of the entries, so that opening does not read them all; and the next key, so that none is used twice.
const COUNTS: TableDefinition<&str, u64> = TableDefinition::new("counts");
/// Small named values.
const KEPT: TableDefinition<&str, &[u8]> = TableDefinition::new("kept");

/// Appends and removals that share one fsync at most, and their bytes.
const GROUP: usize = 512;
const GROUP_BYTES: usize = 32 << 20;

type Done<T> = oneshot::Sender<Result<T, SpoolError>>;

/// What the handles ask of the thread.
#[derive(Debug)]
pub(super) enum Command {
    Append {
        entry: Vec<u8>,
        /// Told the key before anybody can see the entry.
        named: Option<Arc<OnceLock<Key>>>,
        done: Done<Key>,
    },
    Remove {
        keys: Vec<Key>,
        done: Done<()>,
    },
    Keep {
        name: &'static str,
        value: Vec<u8>,
        done: Done<()>,
    },
    Peek {
        after: Option<Key>,
        max_entries: usize,
        max_bytes: usize,
        done: Done<Vec<(Key, Vec<u8>)>>,
    },
    Kept {
        name: &'static str,
        done: Done<Option<Vec<u8>>>,
    },
}

/// Counts kept in the file.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    entries: u64,
    bytes: u64,
    next: Key,
}

/// Serves commands until every handle is gone.
pub(super) fn run(
    path: &Path,
    mut inbox: mpsc::Receiver<Command>,
    shared: &Shared,
    newest: &watch::Sender<Key>,
    opened: oneshot::Sender<Result<(), String>>,
) {
    let (database, mut counts) = match open(path) {
        Ok(opened) => opened,
        Err(reason) => {
            let _ = opened.send(Err(reason));
            return;
        }
    };
    shared.bytes.store(counts.bytes, Ordering::Release);
    shared.entries.store(counts.entries, Ordering::Release);
    newest.send_replace(counts.next);
    let _ = opened.send(Ok(()));
    let mut database = Some(database);
    while let Some(first) = inbox.blocking_recv() {
        let group = gather(first, &mut inbox);
        let outcome = match &database {
            Some(database) => serve(database, counts, group, shared),
            None => Err((group, "it could not be opened again".to_owned())),
        };
        match outcome {
            Ok(after) => {
                counts = after;
                // Only for an append: who reads on each notice would otherwise wake itself by reading, for ever.
                newest.send_if_modified(|next| std::mem::replace(next, counts.next) != counts.next);
                metrics::gauge!("mingjing_spool_entries").set(counts.entries as f64);
                metrics::gauge!("mingjing_spool_bytes").set(counts.bytes as f64);
            }
            Err((group, reason)) => {
                tracing::error!(reason, "the spool's disk failed");
                fail(group, &reason, shared);
                // After an error of the disk the file must be opened afresh; until that works, every append is refused.
                drop(database.take());
                if let Ok((again, stored)) = open(path) {
                    counts = stored;
                    database = Some(again);
                }
            }
        }
    }
}

fn open(path: &Path) -> Result<(Database, Counts), String> {
    let text = |error: &dyn std::error::Error| error.to_string();
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).map_err(|error| text(&error))?;
    }
    let database = Database::create(path).map_err(|error| text(&error))?;
    let counts = init(&database).map_err(|error| text(&error))?;
    Ok((database, counts))
}

fn init(database: &Database) -> Result<Counts, redb::Error> {
    let write = database.begin_write()?;
    let counts = {
        write.open_table(ENTRIES)?;
        write.open_table(KEPT)?;
        let table = write.open_table(COUNTS)?;
        let read = |name| {
            table
                .get(name)
                .map(|value| value.map_or(0, |value| value.value()))
        };
        Counts {
            entries: read("entries")?,
            bytes: read("bytes")?,
            next: read("next")?,
        }
    };
    write.commit()?;
    Ok(counts)
}

/// The first command and those that already wait, so that they share an fsync.
fn gather(first: Command, inbox: &mut mpsc::Receiver<Command>) -> Vec<Command> {
    let mut bytes = size(&first);
    let mut group = vec![first];
    while group.len() < GROUP && bytes < GROUP_BYTES {
        let Ok(command) = inbox.try_recv() else { break };
        bytes += size(&command);
        group.push(command);
    }
    group
}

fn size(command: &Command) -> usize {
    match command {
        Command::Append { entry, .. } => entry.len(),
        _ => 0,
    }
}

/// Answers a group of commands: the changes in one transaction, then the questions. On failure nothing was changed and
/// the unanswered commands come back.
fn serve(
    database: &Database,
    counts: Counts,
    group: Vec<Command>,
    shared: &Shared,
) -> Result<Counts, (Vec<Command>, String)> {
    let (questions, changes): (Vec<_>, Vec<_>) = group
        .into_iter()
        .partition(|command| matches!(command, Command::Peek { .. } | Command::Kept { .. }));
    let mut after = counts;
    if !changes.is_empty() {
        match write(database, counts, &changes) {
            Ok(written) => after = written,
            Err(error) => {
                let all = changes.into_iter().chain(questions).collect();
                return Err((all, error.to_string()));
            }
        }
        shared.entries.store(after.entries, Ordering::Release);
        // Appends were counted when they were reserved: bring the total down to what is stored only by what was removed.
        let appended: u64 = changes.iter().map(|command| size(command) as u64).sum();
        shared.release((counts.bytes + appended).saturating_sub(after.bytes));
        let mut key = counts.next;
        for command in changes {
            match command {
                Command::Append { named, done, .. } => {
                    key += 1;
                    if let Some(named) = named {
                        let _ = named.set(key);
                    }
                    let _ = done.send(Ok(key));
                }
                Command::Remove { done, .. } | Command::Keep { done, .. } => {
                    drop(done.send(Ok(())))
                }
                Command::Peek { .. } | Command::Kept { .. } => {}
            }
        }
    }
    let mut failed = None;
    for question in questions {
        if let Err(error) = answer(database, question) {
            failed = Some(error.to_string());
        }
    }
    failed.map_or(Ok(after), |reason| Err((Vec::new(), reason)))
}

/// Applies changes in one durable transaction. Keys are given in order: `counts.next + 1` to the first append, and so on.
fn write(database: &Database, counts: Counts, changes: &[Command]) -> Result<Counts, redb::Error> {
    let mut after = counts;
    let write = database.begin_write()?;
    {
        let mut entries = write.open_table(ENTRIES)?;
        let mut kept = write.open_table(KEPT)?;
        for change in changes {
            match change {
                Command::Append { entry, .. } => {
                    after.next += 1;
                    entries.insert(after.next, entry.as_slice())?;
                    after.entries += 1;
                    after.bytes += entry.len() as u64;
                }
                Command::Remove { keys, .. } => {
                    for key in keys {
                        if let Some(old) = entries.remove(key)? {
                            after.entries -= 1;
                            after.bytes -= old.value().len() as u64;
                        }
                    }
                }
                Command::Keep { name, value, .. } => drop(kept.insert(name, value.as_slice())?),
                Command::Peek { .. } | Command::Kept { .. } => {}
            }
        }
        let mut table = write.open_table(COUNTS)?;
        for (name, value) in [
            ("entries", after.entries),
            ("bytes", after.bytes),
            ("next", after.next),
        ] {
            table.insert(name, value)?;
        }
    }
    // `Durability::Immediate` is the default: an fsync stands behind this.
    write.commit()?;
    Ok(after)
}

/// Answers a question, with the error if there is one.
fn answer(database: &Database, question: Command) -> Result<(), SpoolError> {
    let disk = |error: redb::Error| SpoolError::Disk(error.to_string());
    match question {
        Command::Peek {
            after,
            max_entries,
            max_bytes,
            done,
        } => reply(
            done,
            peek(database, after, max_entries, max_bytes).map_err(disk),
        ),
        Command::Kept { name, done } => reply(done, kept(database, name).map_err(disk)),
        Command::Append { .. } | Command::Remove { .. } | Command::Keep { .. } => Ok(()),
    }
}

fn reply<T>(done: Done<T>, outcome: Result<T, SpoolError>) -> Result<(), SpoolError> {
    let error = outcome.as_ref().err().cloned();
    // Whoever asked may have given up.
    let _ = done.send(outcome);
    error.map_or(Ok(()), Err)
}

fn peek(
    database: &Database,
    after: Option<Key>,
    max_entries: usize,
    max_bytes: usize,
) -> Result<Vec<(Key, Vec<u8>)>, redb::Error> {
    let table = database.begin_read()?.open_table(ENTRIES)?;
    let start = after.map_or(0, |key| key.saturating_add(1));
    let (mut found, mut bytes) = (Vec::new(), 0);
    for entry in table.range(start..)?.take(max_entries) {
        let (key, value) = entry?;
        bytes += value.value().len();
        if bytes > max_bytes && !found.is_empty() {
            break;
        }
        found.push((key.value(), value.value().to_vec()));
    }
    Ok(found)
}

fn kept(database: &Database, name: &str) -> Result<Option<Vec<u8>>, redb::Error> {
    let table = database.begin_read()?.open_table(KEPT)?;
    Ok(table.get(name)?.map(|value| value.value().to_vec()))
}

/// Tells every waiting caller that the disk failed, and gives back what their appends had reserved.
fn fail(group: Vec<Command>, reason: &str, shared: &Shared) {
    let error = || SpoolError::Disk(reason.to_owned());
    for command in group {
        shared.release(size(&command) as u64);
        match command {
            Command::Append { done, .. } => drop(done.send(Err(error()))),
            Command::Remove { done, .. } | Command::Keep { done, .. } => {
                drop(done.send(Err(error())))
            }
            Command::Peek { done, .. } => drop(done.send(Err(error()))),
            Command::Kept { done, .. } => drop(done.send(Err(error()))),
        }
    }
}
