//! `mingjing replay`: an event log of any system, supervised on its own clock in a database made for it.
//!
//! A log is history: it goes in as history does (`initial_load`), in the order of its times and in large batches. The rules
//! find in a batch what they would have found event by event, with the instants at which it fell due, so that the size of a
//! batch changes the speed and nothing else. Only a replay that is watched (`--speed`) is lived: each event and each deadline at its
//! instant, on the clock of the console that shows it. Memory holds the log's events, about a kilobyte each: they have to be put in
//! order before the first can be taken.

pub mod console;
mod county;
mod drive;
mod log;
mod pace;
pub mod post;
mod scratch;
mod summary;

pub use county::{import, import_file};
pub use drive::{BATCH, advance, drive};
pub use log::{Loaded, load};
pub use pace::pace;
pub use scratch::Scratch;
pub use summary::{Cards, OfHall, Summary, summarise};

use std::path::PathBuf;

use mingjing_ingest::logs::{LogError, MappingError};
use mingjing_monitor::store::StoreError;

/// Why a log was not replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The mapping file.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// The log cannot be opened.
    #[error(transparent)]
    Unreadable(LogError),
    /// What stands in the log.
    #[error("{}: {error}", file.display())]
    Log {
        /// Its file.
        file: PathBuf,
        /// Where, and what.
        error: LogError,
    },
    /// There is nothing in it.
    #[error(
        "the log holds no event that can be replayed: see the skipped rows, and correct the mapping"
    )]
    Empty,
    /// `--as-of` cannot be read.
    #[error(
        "--as-of {0:?} is no instant: write 2022-06-01T17:30:00+08:00, or 2022-06-01 for the start of that day in the log's zone"
    )]
    AsOf(String),
    /// The database.
    #[error("the replay's database: {0}")]
    Store(#[from] StoreError),
    /// The scratch database cannot be made.
    #[error(
        "a scratch database cannot be made beside the configured one: {0}. The database's user needs the right to make \
         databases (ALTER ROLE … CREATEDB)"
    )]
    Scratch(#[source] sqlx::Error),
    /// A running console refused.
    #[error("{0}")]
    Post(String),
}
