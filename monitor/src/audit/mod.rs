//! The audit log: who did what, when, from where, and why. Each entry is bound to the one before it by a hash, so that an
//! entry that was changed, removed or moved is found (`chain`), and that the whole was not made anew is proved by any head
//! (`Head`) that was once written down elsewhere.
//!
//! # The hash
//!
//! SHA-256 over `mingjing.audit.1`, the hash of the entry before (32 bytes; zeros before the first) and the entry's fields in
//! the order of [`Entry::fields`]. A field that is absent is the byte 0; a field that is there is the byte 1, the length of its
//! UTF-8 text in bytes as four bytes (most significant first), and the text. The instant is written as microseconds since 1970
//! in decimal. Before and after are hashed as the text that is stored. The number of an entry is not hashed: its place is given
//! by the entry before it. Whoever writes a checker of their own needs no more than this.

mod action;
mod chain;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::personal::mask_text;

pub use action::{Action, ActorKind};
pub use chain::{Fault, Head, Verdict, Verifier, verify};

/// Longest text of a field, in characters: an address or a name sent by a stranger must not fill the disk.
const MAX_TEXT: usize = 500;

/// A SHA-256.
pub type Hash = [u8; 32];

/// What precedes the first entry.
pub const ORIGIN: Hash = [0; 32];

/// Who acts, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// Person, program, command or the system itself.
    pub kind: ActorKind,
    /// Row of `account` or `token`.
    pub id: Option<i64>,
    /// What was typed at sign-in, or the name of the user who ran a command.
    pub login: Option<String>,
    /// The person's name, or the token's.
    pub name: Option<String>,
    /// Role.
    pub role: Option<String>,
    /// IP address.
    pub address: Option<String>,
}

impl Actor {
    /// Somebody of whom nothing is known but this kind.
    pub fn of(kind: ActorKind) -> Self {
        Self {
            kind,
            id: None,
            login: None,
            name: None,
            role: None,
            address: None,
        }
    }
}

/// What is to be written down.
///
/// Neither `before` nor `after` may hold personal data of applicants in the clear, nor a secret, not even hashed: entries are
/// never removed. Numbers of people in a reason are masked when the entry is made.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: Actor,
    /// What.
    pub action: Action,
    /// On what: a kind (`card`, `camera`, `case`, `account`, …) and its name there.
    pub subject: Option<(&'static str, String)>,
    /// The hall that it concerns.
    pub hall: Option<String>,
    /// What was.
    pub before: Option<Value>,
    /// What is now, or the facts of what was done.
    pub after: Option<Value>,
    /// Why, in the words of whoever acts.
    pub reason: Option<String>,
}

/// An entry, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Number; the first is 1, and none is left out.
    pub seq: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// `account`, `token`, `command`, `system` or `nobody`.
    pub actor_kind: String,
    /// Row of `account` or `token`.
    pub actor_id: Option<i64>,
    /// What was typed at sign-in, or the user who ran a command.
    pub login: Option<String>,
    /// The person's name, or the token's.
    pub name: Option<String>,
    /// Role.
    pub role: Option<String>,
    /// IP address.
    pub address: Option<String>,
    /// Code of the [`Action`]. Text: an older program reads, and checks, what a newer one wrote.
    pub action: String,
    /// Kind of the subject.
    pub subject_kind: Option<String>,
    /// Its name among its kind.
    pub subject: Option<String>,
    /// The hall that it concerns.
    pub hall: Option<String>,
    /// JSON.
    pub before: Option<String>,
    /// JSON.
    pub after: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Hash of the entry before.
    pub prev: Hash,
    /// Hash of this one.
    pub hash: Hash,
}

impl Entry {
    /// The entry that `draft` becomes after `head`.
    pub fn after(head: &Head, draft: &Draft) -> Self {
        let text = |text: &String| text.chars().take(MAX_TEXT).collect::<String>();
        let mut entry = Self {
            seq: head.seq + 1,
            at: DateTime::from_timestamp_micros(draft.at.timestamp_micros()).unwrap_or(draft.at),
            actor_kind: draft.actor.kind.code().to_owned(),
            actor_id: draft.actor.id,
            login: draft.actor.login.as_ref().map(text),
            name: draft.actor.name.as_ref().map(text),
            role: draft.actor.role.clone(),
            address: draft.actor.address.as_ref().map(text),
            action: draft.action.code().to_owned(),
            subject_kind: draft.subject.as_ref().map(|(kind, _)| (*kind).to_owned()),
            subject: draft.subject.as_ref().map(|(_, name)| text(name)),
            hall: draft.hall.as_ref().map(text),
            before: draft.before.as_ref().map(Value::to_string),
            after: draft.after.as_ref().map(Value::to_string),
            reason: draft.reason.as_ref().map(|reason| mask_text(&text(reason))),
            prev: head.hash,
            hash: ORIGIN,
        };
        entry.forget_zero_bytes();
        entry.hash = entry.expected_hash();
        entry
    }

    /// PostgreSQL stores no zero byte in a text; a stranger may send one.
    fn forget_zero_bytes(&mut self) {
        let texts = [
            &mut self.login,
            &mut self.name,
            &mut self.address,
            &mut self.subject,
            &mut self.hall,
            &mut self.reason,
        ];
        for text in texts.into_iter().flatten() {
            text.retain(|c| c != '\0');
        }
    }

    /// The fields that are hashed, in their order.
    fn fields(&self) -> [Option<String>; 14] {
        [
            Some(self.at.timestamp_micros().to_string()),
            Some(self.actor_kind.clone()),
            self.actor_id.map(|id| id.to_string()),
            self.login.clone(),
            self.name.clone(),
            self.role.clone(),
            self.address.clone(),
            Some(self.action.clone()),
            self.subject_kind.clone(),
            self.subject.clone(),
            self.hall.clone(),
            self.before.clone(),
            self.after.clone(),
            self.reason.clone(),
        ]
    }

    /// The hash that its content and the entry before call for.
    pub fn expected_hash(&self) -> Hash {
        let mut hash = Sha256::new();
        hash.update(b"mingjing.audit.1");
        hash.update(self.prev);
        for field in self.fields() {
            match field {
                None => hash.update([0]),
                Some(text) => {
                    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
                    hash.update([1]);
                    hash.update(length.to_be_bytes());
                    hash.update(text.as_bytes());
                }
            }
        }
        hash.finalize().into()
    }

    /// The head of a chain that ends here.
    pub fn head(&self) -> Head {
        Head {
            seq: self.seq,
            hash: self.hash,
        }
    }
}

#[cfg(test)]
mod tests;
