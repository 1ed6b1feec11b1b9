//! XES (IEEE 1849): a log of traces of events, each with typed attributes.
//!
//! Globals, classifiers and attributes of the log itself are passed over, and so are attributes nested in others. No entity
//! but the five of XML is known, and a document type is refused: nothing can expand.

use std::collections::HashSet;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{XmlVersion, events::attributes::Attribute};

use super::input::Input;
use super::{Fields, LogError, Trace};

/// Deepest nesting of elements; attributes of attributes of attributes exist.
const MAX_DEPTH: usize = 64;
/// Events of one case, and bytes of its values.
const MAX_EVENTS: usize = 1_000_000;
const MAX_BYTES: usize = 256 << 20;

/// An XES log being read.
pub(super) struct Xes {
    reader: Reader<Input>,
    wanted: HashSet<String>,
    buffer: Vec<u8>,
    /// Names of the open elements.
    open: Vec<Element>,
    seen_log: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    Log,
    Trace,
    Event,
    Other,
}

/// What one tag meant.
enum Step {
    /// The tag ends nothing that is waited for.
    On,
    TraceEnd,
    End,
}

impl Xes {
    /// Reads `input`; of the attributes only those `wanted` are kept.
    pub(super) fn new(input: Input, wanted: HashSet<String>) -> Self {
        let mut reader = Reader::from_reader(input);
        reader.config_mut().check_end_names = true;
        Self {
            reader,
            wanted,
            buffer: Vec::new(),
            open: Vec::new(),
            seen_log: false,
        }
    }

    /// The next trace; `None` at the end of the log.
    pub(super) fn next_trace(&mut self) -> Result<Option<Trace>, LogError> {
        let mut trace = Trace::default();
        let mut bytes = 0;
        loop {
            match self.step(&mut trace, &mut bytes)? {
                Step::On => {}
                Step::TraceEnd => return Ok(Some(trace)),
                Step::End => return Ok(None),
            }
            if trace.events.len() > MAX_EVENTS || bytes > MAX_BYTES {
                let reason = format!("a case has over {MAX_EVENTS} events or {MAX_BYTES} bytes");
                return Err(self.damaged(reason));
            }
        }
    }

    fn step(&mut self, trace: &mut Trace, bytes: &mut usize) -> Result<Step, LogError> {
        let line = self.reader.get_ref().line();
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        let outcome = match self.reader.read_event_into(&mut buffer) {
            Err(error) => Err(error.to_string()),
            Ok(event) => {
                let state = &mut (&self.wanted, &mut self.open, &mut self.seen_log);
                understand(event, state, line, trace, bytes)
            }
        };
        self.buffer = buffer;
        self.reader.get_mut().piece();
        outcome.map_err(|reason| self.damaged(reason))
    }

    fn damaged(&self, reason: String) -> LogError {
        LogError::Damaged {
            line: self.reader.get_ref().line(),
            reason: format!("the log is damaged: {reason}"),
        }
    }
}

/// Wanted keys, open elements, whether a log was seen.
type State<'a> = (&'a HashSet<String>, &'a mut Vec<Element>, &'a mut bool);

fn understand(
    event: Event<'_>,
    (wanted, open, seen_log): &mut State<'_>,
    line: u64,
    trace: &mut Trace,
    bytes: &mut usize,
) -> Result<Step, String> {
    match event {
        Event::Start(tag) => {
            if open.len() >= MAX_DEPTH {
                return Err(format!("elements are nested deeper than {MAX_DEPTH}"));
            }
            let element = enter(&tag, open.last().copied(), wanted, line, trace, bytes)?;
            **seen_log |= element == Element::Log;
            open.push(element);
            Ok(Step::On)
        }
        Event::Empty(tag) => match enter(&tag, open.last().copied(), wanted, line, trace, bytes)? {
            Element::Trace => Ok(Step::TraceEnd),
            element => {
                **seen_log |= element == Element::Log;
                Ok(Step::On)
            }
        },
        Event::End(_) => match open.pop() {
            Some(Element::Trace) => Ok(Step::TraceEnd),
            _ => Ok(Step::On),
        },
        Event::Eof if !open.is_empty() => {
            Err("it ends in the middle; the file was cut short".into())
        }
        Event::Eof if !**seen_log => Err("it is XML and no XES log: there is no <log>".into()),
        Event::Eof => Ok(Step::End),
        Event::DocType(_) => Err("it has a document type (<!DOCTYPE>), which XES has not".into()),
        Event::Text(_)
        | Event::CData(_)
        | Event::Comment(_)
        | Event::Decl(_)
        | Event::PI(_)
        | Event::GeneralRef(_) => Ok(Step::On),
    }
}

/// What a tag opens; an attribute of a trace or event is kept.
fn enter(
    tag: &BytesStart<'_>,
    parent: Option<Element>,
    wanted: &HashSet<String>,
    line: u64,
    trace: &mut Trace,
    bytes: &mut usize,
) -> Result<Element, String> {
    let name = tag.local_name();
    match (parent, AsRef::<str>::as_ref(&name)) {
        (None, "log") => Ok(Element::Log),
        (None, _) => Err("it is XML and no XES log: it does not begin with <log>".into()),
        (Some(Element::Log), "trace") => {
            trace.line = line;
            Ok(Element::Trace)
        }
        (Some(Element::Trace), "event") => {
            trace.events.push((line, Fields::default()));
            Ok(Element::Event)
        }
        (Some(Element::Trace), _) => keep(tag, wanted, &mut trace.fields, bytes),
        (Some(Element::Event), _) => match trace.events.last_mut() {
            Some((_, fields)) => keep(tag, wanted, fields, bytes),
            None => Ok(Element::Other),
        },
        (Some(Element::Log | Element::Other), _) => Ok(Element::Other),
    }
}

fn keep(
    tag: &BytesStart<'_>,
    wanted: &HashSet<String>,
    fields: &mut Fields,
    bytes: &mut usize,
) -> Result<Element, String> {
    let text = |attribute: &Attribute<'_>| {
        attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map(|value| value.into_owned())
            .map_err(|error| error.to_string())
    };
    let (mut key, mut value) = (None, None);
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        match AsRef::<str>::as_ref(&attribute.key) {
            "key" => key = Some(text(&attribute)?).filter(|key| wanted.contains(key)),
            "value" => value = Some(attribute),
            _ => {}
        }
    }
    if let (Some(key), Some(value)) = (key, value) {
        let value = text(&value)?;
        *bytes += key.len() + value.len();
        fields.0.push((key, value));
    }
    Ok(Element::Other)
}
