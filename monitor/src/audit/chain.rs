//! Following the chain, and naming its first broken link.

use std::fmt;
use std::str::FromStr;

use super::{Entry, Hash, ORIGIN};

/// Where a chain ends: a number and a hash. Written down elsewhere, it proves later that nothing up to it was made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Number of the last entry; 0 before the first.
    pub seq: i64,
    /// Its hash.
    pub hash: Hash,
}

impl Head {
    /// Before the first entry.
    pub const ORIGIN: Self = Self {
        seq: 0,
        hash: ORIGIN,
    };
}

/// `17:5f2a…`, as `mingjing audit head` prints it.
impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, hex::encode(self.hash))
    }
}

/// The text is no head.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a head is written NUMBER:HASH with 64 hexadecimal digits, as `mingjing audit head` prints it"
)]
pub struct NoHead;

impl FromStr for Head {
    type Err = NoHead;

    fn from_str(text: &str) -> Result<Self, NoHead> {
        let (seq, hash) = text.trim().split_once(':').ok_or(NoHead)?;
        let mut head = Self::ORIGIN;
        head.seq = seq.parse().map_err(|_| NoHead)?;
        hex::decode_to_slice(hash, &mut head.hash).map_err(|_| NoHead)?;
        Ok(head)
    }
}

/// The first broken link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Its content no longer fits its hash.
    #[error("entry {seq} was changed: its content does not fit its hash")]
    Changed {
        /// The entry.
        seq: i64,
    },
    /// Numbers are left out.
    #[error("entries {from} to {to} were removed")]
    Removed {
        /// The first that is gone.
        from: i64,
        /// The last that is gone.
        to: i64,
    },
    /// An entry stands elsewhere than it was written.
    #[error("the entries were reordered: entry {seq} stands at {stands_at}")]
    Moved {
        /// Where it belongs.
        seq: i64,
        /// Where it is.
        stands_at: i64,
    },
    /// Nothing that is there follows from the entry before.
    #[error(
        "entry {seq} does not follow from the one before it: entries between them were removed and the rest renumbered, or \
         entry {} was replaced", .seq - 1
    )]
    Unlinked {
        /// The entry.
        seq: i64,
    },
    /// The chain ends before a head that is known.
    #[error("the end was cut off: the last entry is {last}, and there was an entry {known}")]
    Cut {
        /// The last entry that is there.
        last: i64,
        /// The number of the known head.
        known: i64,
    },
    /// Another entry stands where a head is known.
    #[error(
        "entry {seq} is not the one of the head that is known: the log up to there was made anew"
    )]
    Forged {
        /// The entry.
        seq: i64,
    },
}

impl Fault {
    /// Stable name of the kind, for programs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Changed { .. } => "changed",
            Self::Removed { .. } => "removed",
            Self::Moved { .. } => "moved",
            Self::Unlinked { .. } => "unlinked",
            Self::Cut { .. } => "cut",
            Self::Forged { .. } => "forged",
        }
    }

    /// The number of the first entry that is not as it was.
    pub fn seq(&self) -> i64 {
        match *self {
            Self::Changed { seq }
            | Self::Moved { seq, .. }
            | Self::Unlinked { seq }
            | Self::Forged { seq } => seq,
            Self::Removed { from, .. } => from,
            Self::Cut { last, .. } => last + 1,
        }
    }
}

/// What came of following the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Entries that were read.
    pub entries: u64,
    /// Where the sound part ends.
    pub head: Head,
    /// The first broken link; `None`: the chain is whole.
    pub fault: Option<Fault>,
}

/// Follows a chain entry by entry, in the order of their numbers, in constant memory.
#[derive(Debug)]
pub struct Verifier {
    known: Vec<Head>,
    entries: u64,
    head: Head,
    fault: Option<Fault>,
}

impl Verifier {
    /// `known`: heads that were seen before, from the head table or from wherever they were written down.
    pub fn new(known: impl IntoIterator<Item = Head>) -> Self {
        let known: Vec<Head> = known.into_iter().collect();
        let forged = known
            .iter()
            .find(|known| known.seq < 1 && **known != Head::ORIGIN);
        Self {
            entries: 0,
            head: Head::ORIGIN,
            fault: forged.map(|known| Fault::Forged { seq: known.seq }),
            known,
        }
    }

    /// Takes the next entry. After a broken link it still wants the rest: an entry that stands further down was moved.
    pub fn push(&mut self, entry: &Entry) {
        self.entries += 1;
        if let Some(fault) = &mut self.fault {
            // What follows from the last sound entry is the one that belongs after it.
            if let Fault::Removed { .. } | Fault::Unlinked { .. } = fault
                && entry.prev == self.head.hash
                && entry.expected_hash() == entry.hash
            {
                *fault = Fault::Moved {
                    seq: self.head.seq + 1,
                    stands_at: entry.seq,
                };
            }
            return;
        }
        self.fault = self.check(entry);
        if self.fault.is_none() {
            self.head = entry.head();
            let forged = |known: &&Head| known.seq == entry.seq && known.hash != entry.hash;
            self.fault = self
                .known
                .iter()
                .find(forged)
                .map(|known| Fault::Forged { seq: known.seq });
        }
    }

    fn check(&self, entry: &Entry) -> Option<Fault> {
        let expected = self.head.seq + 1;
        if entry.seq > expected {
            return Some(Fault::Removed {
                from: expected,
                to: entry.seq - 1,
            });
        }
        if entry.expected_hash() != entry.hash {
            return Some(Fault::Changed { seq: entry.seq });
        }
        if entry.seq < expected || entry.prev != self.head.hash {
            return Some(Fault::Unlinked { seq: entry.seq });
        }
        None
    }

    /// What came of it.
    pub fn finish(self) -> Verdict {
        let last = self.head.seq;
        let cut = || {
            let furthest = self.known.iter().map(|known| known.seq).max()?;
            (furthest > last).then_some(Fault::Cut {
                last,
                known: furthest,
            })
        };
        Verdict {
            entries: self.entries,
            head: self.head,
            fault: self.fault.or_else(cut),
        }
    }
}

/// Follows `entries`, which come in the order of their numbers.
pub fn verify<'a>(
    entries: impl IntoIterator<Item = &'a Entry>,
    known: impl IntoIterator<Item = Head>,
) -> Verdict {
    let mut verifier = Verifier::new(known);
    for entry in entries {
        verifier.push(entry);
    }
    verifier.finish()
}
