//! A batch on its way: serialised once, for the socket and for the spool alike.

use mingjing_monitor::event::CaseEvent;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Events of one request (or of several spooled ones), ready to be sent or spooled.
#[derive(Debug)]
pub(crate) struct Outbound {
    head: Head,
    /// The array of events.
    events: Box<RawValue>,
}

/// What goes with the events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    initial_load: bool,
    token: Option<String>,
    count: usize,
}

/// The message as the protocol has it; [`super::protocol::ToConsole::Batch`] reads it.
#[derive(Serialize)]
#[serde(tag = "type", rename = "batch")]
struct Wire<'a> {
    number: u64,
    initial_load: bool,
    spooled: bool,
    token: Option<&'a str>,
    events: &'a RawValue,
}

impl Outbound {
    /// Serialises a batch. `token` is the SHA-256 of the token that posted it.
    pub(crate) fn new(
        events: &[&CaseEvent],
        initial_load: bool,
        token: Option<String>,
    ) -> Result<Self, serde_json::Error> {
        let head = Head {
            initial_load,
            token,
            count: events.len(),
        };
        Ok(Self {
            head,
            events: serde_json::value::to_raw_value(events)?,
        })
    }

    /// How many events it holds.
    pub(super) fn count(&self) -> usize {
        self.head.count
    }

    /// The text message.
    pub(super) fn message(&self, number: u64, spooled: bool) -> Result<String, serde_json::Error> {
        serde_json::to_string(&Wire {
            number,
            initial_load: self.head.initial_load,
            spooled,
            token: self.head.token.as_deref(),
            events: &self.events,
        })
    }

    /// The spool's entry: the head on the first line, the events on the second.
    pub(super) fn entry(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec(&self.head)?;
        bytes.push(b'\n');
        bytes.extend_from_slice(self.events.get().as_bytes());
        Ok(bytes)
    }

    /// Reads an entry; `None` when it is not one of ours.
    pub(super) fn from_entry(bytes: &[u8]) -> Option<Self> {
        let split = bytes.iter().position(|byte| *byte == b'\n')?;
        let head = serde_json::from_slice(&bytes[..split]).ok()?;
        Some(Self {
            head,
            events: serde_json::from_slice(&bytes[split + 1..]).ok()?,
        })
    }

    /// Adds the events of `other`, where both may travel as one batch of at most `most` events; gives it back otherwise.
    pub(super) fn join(&mut self, other: Self, most: usize) -> Option<Self> {
        let alike = self.head.initial_load == other.head.initial_load
            && self.head.token == other.head.token;
        if !alike || self.head.count + other.head.count > most {
            return Some(other);
        }
        let (a, b) = (self.events.get(), other.events.get());
        // Both are arrays that we wrote: nothing but brackets around the events.
        let joined = match (a, b) {
            ("[]", _) => b.to_owned(),
            (_, "[]") => a.to_owned(),
            _ => format!("{},{}", &a[..a.len() - 1], &b[1..]),
        };
        match RawValue::from_string(joined) {
            Ok(events) => {
                self.events = events;
                self.head.count += other.head.count;
                None
            }
            Err(_) => Some(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::uplink::protocol::ToConsole;

    fn event(id: &str) -> CaseEvent {
        let event = json!({"specversion": "1.0", "id": id, "source": "//s", "type": "case.accepted", "subject": "c]",
            "time": "2026-11-20T09:12:00+08:00", "data": {"hall": "h"}});
        CaseEvent::from_cloudevent(&event, chrono::DateTime::UNIX_EPOCH, chrono_tz::UTC).unwrap()
    }

    fn outbound(ids: &[&str], token: &str) -> Outbound {
        let events: Vec<_> = ids.iter().map(|id| event(id)).collect();
        let events: Vec<_> = events.iter().collect();
        Outbound::new(&events, true, Some(token.into())).unwrap()
    }

    fn ids(message: &str) -> Vec<String> {
        match serde_json::from_str(message).unwrap() {
            ToConsole::Batch {
                number: 7,
                initial_load: true,
                spooled: true,
                token: Some(_),
                events,
            } => events.into_iter().map(|event| event.id).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_message_is_the_protocols_over_the_spool_too() {
        let batch = Outbound::from_entry(&outbound(&["a", "b"], "t").entry().unwrap()).unwrap();
        assert_eq!(ids(&batch.message(7, true).unwrap()), ["a", "b"]);
        assert!(Outbound::from_entry(b"garbage").is_none());
    }

    #[test]
    fn only_alike_batches_join_and_only_up_to_the_bound() {
        let mut batch = outbound(&["a"], "t");
        assert!(batch.join(outbound(&["b", "c"], "t"), 3).is_none());
        assert!(batch.join(outbound(&[], "t"), 3).is_none());
        assert!(batch.join(outbound(&["d"], "t"), 3).is_some());
        assert!(batch.join(outbound(&["d"], "u"), 9).is_some());
        assert_eq!(
            (batch.count(), ids(&batch.message(7, true).unwrap())),
            (3, vec!["a".into(), "b".into(), "c".into()])
        );
        let mut empty = outbound(&[], "t");
        assert!(empty.join(outbound(&["e"], "t"), 9).is_none());
        assert_eq!(ids(&empty.message(7, true).unwrap()), ["e"]);
    }
}
