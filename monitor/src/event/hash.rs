//! The canonical content of an event: the same content always hashes the same, however it was written.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::CaseEvent;

impl CaseEvent {
    /// The event's `data` as a sender would write it: the parts that are understood, empty ones left out.
    pub fn data(&self) -> Map<String, Value> {
        let place = serde_json::to_value(&self.place)
            .expect("plain structs with string keys always serialise");
        let mut data = Map::new();
        for part in [place, self.kind.write()] {
            if let Value::Object(fields) = part {
                data.extend(fields);
            }
        }
        if let Some(seq) = self.seq {
            data.insert("seq".into(), json!(seq));
        }
        if let Some(replaces) = &self.replaces {
            data.insert("replaces".into(), json!(replaces));
        }
        if self.date_only {
            data.insert("date_only".into(), json!(true));
        }
        data
    }

    /// The event as a structured CloudEvent; [`CaseEvent::from_cloudevent`] reads it back.
    pub fn to_cloudevent(&self) -> Value {
        let mut event = Map::new();
        event.insert("specversion".into(), json!("1.0"));
        event.insert("id".into(), json!(self.id));
        event.insert("source".into(), json!(self.source));
        event.insert("type".into(), json!(self.kind.type_name()));
        if let Some(case_no) = &self.case_no {
            event.insert("subject".into(), json!(case_no));
        }
        event.insert("time".into(), json!(self.time));
        event.insert("data".into(), Value::Object(self.data()));
        Value::Object(event)
    }

    /// SHA-256 of what the sender wrote, in canonical form: keys sorted, times in UTC, fields that are not understood
    /// left out. Our own stamps (`received`, `initial_load`) do not enter. Two events of one identity and different
    /// hashes are in conflict.
    pub fn content_hash(&self) -> [u8; 32] {
        let mut bytes = Vec::with_capacity(512);
        write_canonical(&self.to_cloudevent(), &mut bytes);
        Sha256::digest(&bytes).into()
    }
}

/// Writes JSON with sorted keys. `serde_json` sorts only while no crate in the build asks it to keep insertion order.
fn write_canonical(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(fields) => {
            let mut keys: Vec<_> = fields.keys().collect();
            keys.sort_unstable();
            out.push(b'{');
            for (i, key) in keys.into_iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_canonical(&Value::String(key.clone()), out);
                out.push(b':');
                write_canonical(&fields[key], out);
            }
            out.push(b'}');
        }
        Value::Array(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_canonical(item, out);
            }
            out.push(b']');
        }
        scalar => serde_json::to_writer(out, scalar).expect("writing to memory cannot fail"),
    }
}
