//! From the fields of a log to case events.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use csv::StringRecord;
use mingjing_monitor::event::{
    Accepted, Applied, CaseEvent, Completed, Ended, EventKind, Place, StepEvent,
};
use mingjing_monitor::limit::Limit;
use sha2::{Digest, Sha256};

use super::mapping::{Event, EventType, Field, IGNORE, Mapping, SUSPENDED};
use super::report::Report;
use super::times::{Time, Times};
use super::{Fields, LogError, Trace};

/// The longest code or number taken, in bytes: they are keys in every table.
const MAX_KEY: usize = 200;

/// Makes the events of a log, and keeps its report.
pub(super) struct Builder {
    mapping: Mapping,
    times: Times,
    report: Report,
    /// The columns of a table that the mapping asks for.
    columns: Vec<(usize, String)>,
    /// Whether any event had a time.
    timed: bool,
    /// Cases of a table whose rows are events, by hash: their case-level events are made once.
    seen: HashSet<[u8; 16]>,
    /// Cases that wait, by hash: their next event ends that.
    waiting: HashSet<[u8; 16]>,
    /// How often an event without an id of its own has come up, by its hash.
    occurrences: HashMap<[u8; 16], u32>,
}

/// A case of which events are being made.
struct Subject<'a> {
    line: u64,
    number: &'a str,
    place: Place,
    /// Limits and due instants: they travel with application and acceptance.
    limits: Limits,
}

/// Limits and due instants of a case.
#[derive(Debug, Clone, Copy, Default)]
struct Limits {
    promise_limit: Option<Limit>,
    legal_limit: Option<Limit>,
    promise_due: Option<DateTime<Utc>>,
    legal_due: Option<DateTime<Utc>>,
}

/// What an event is besides its case.
struct What<'a> {
    kind: EventKind,
    time: Time,
    step: &'a str,
    handler: Option<String>,
    id: Option<&'a str>,
}

impl Builder {
    pub(super) fn new(mapping: Mapping) -> Self {
        let source = &mapping.source;
        let times = Times {
            zone: source.timezone,
            formats: source.time_formats.clone(),
            midnight_is_date: source.midnight_is_date,
        };
        Self {
            mapping,
            times,
            report: Report::default(),
            columns: Vec::new(),
            timed: false,
            seen: HashSet::new(),
            waiting: HashSet::new(),
            occurrences: HashMap::new(),
        }
    }

    pub(super) fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    pub(super) fn report(&self) -> &Report {
        &self.report
    }

    pub(super) fn skip(&mut self, line: u64, reason: String) {
        self.report.rows += 1;
        self.report.skip(line, reason);
    }

    /// Finds the columns of a table, and lists those that it does not have.
    pub(super) fn check_header(&mut self, header: &StringRecord) -> Result<(), LogError> {
        let has = |column: &str| header.iter().any(|name| name == column);
        if !has(&self.mapping.case.id) {
            return Err(LogError::NoCaseColumn(self.mapping.case.id.clone()));
        }
        let mut missing: Vec<_> = self
            .mapping
            .columns()
            .filter(|column| !has(column))
            .map(str::to_owned)
            .collect();
        missing.sort();
        missing.dedup();
        let wanted: HashSet<&str> = self.mapping.columns().collect();
        let found = header
            .iter()
            .enumerate()
            .filter(|(_, name)| wanted.contains(name));
        self.columns = found.map(|(i, name)| (i, name.to_owned())).collect();
        for column in missing {
            self.report.skip(
                1,
                format!("the table has no column {column:?}: correct the mapping or the export"),
            );
        }
        Ok(())
    }

    /// The cells that the mapping asks for.
    pub(super) fn fields(&self, row: &StringRecord) -> Fields {
        let cell = |(i, name): &(usize, String)| Some((name.clone(), row.get(*i)?.to_owned()));
        Fields(self.columns.iter().filter_map(cell).collect())
    }

    /// The events of a trace.
    pub(super) fn trace(&mut self, trace: &Trace, out: &mut Vec<CaseEvent>) {
        self.report.cases += 1;
        self.report.rows += trace.events.len() as u64;
        // Repetitions are counted within a case: the hash holds its number.
        self.occurrences.clear();
        let mapping = std::mem::take(&mut self.mapping.event);
        if let Some(subject) = self.subject(trace.line, &trace.fields) {
            self.case_events(&subject, &trace.fields, out);
            in_sequence(out, trace.events.len());
            if let Some(event) = &mapping {
                for (position, (line, fields)) in trace.events.iter().enumerate() {
                    let before = out.len();
                    self.event(&subject, *line, event, fields, out);
                    in_sequence(&mut out[before..], position);
                }
                if self.mapping.case.accepted_with_first_event {
                    self.accept_with_first(&subject, out);
                }
            }
        }
        self.mapping.event = mapping;
    }

    /// The events of a row: of a whole case, or of one event and (the first time) its case.
    pub(super) fn row(&mut self, line: u64, fields: &Fields, out: &mut Vec<CaseEvent>) {
        self.report.rows += 1;
        let mapping = std::mem::take(&mut self.mapping.event);
        if let Some(subject) = self.subject(line, fields) {
            let new = mapping.is_none() || self.seen.insert(digest(&[subject.number]));
            if new {
                self.report.cases += 1;
                self.case_events(&subject, fields, out);
            }
            if let Some(event) = &mapping {
                self.event(&subject, line, event, fields, out);
                if new && self.mapping.case.accepted_with_first_event {
                    self.accept_with_first(&subject, out);
                }
            }
        }
        self.mapping.event = mapping;
    }

    /// At the end: a log whose events have no times is no log for us.
    pub(super) fn finish(&mut self) -> Result<(), LogError> {
        match &self.mapping.event {
            Some(event) if !self.timed && self.report.events == 0 && self.report.rows > 0 => {
                Err(LogError::NoTimes {
                    events: self.report.rows,
                    column: event.time.clone(),
                })
            }
            _ => Ok(()),
        }
    }

    /// The case of a trace or row; `None` (and a skip) when it cannot be told.
    fn subject<'a>(&mut self, line: u64, fields: &'a Fields) -> Option<Subject<'a>> {
        let case = &self.mapping.case;
        let Some(number) = fields.get(&case.id) else {
            self.report
                .skip(line, format!("a case without a number ({:?})", case.id));
            return None;
        };
        let Some(hall) = value(&case.hall, fields) else {
            let column = case.hall.column.clone().unwrap_or_default();
            self.report.skip(
                line,
                format!("case {number}: no hall ({column:?} is empty): give a `default`"),
            );
            return None;
        };
        let optional =
            |field: &Option<Field>| field.as_ref().and_then(|field| value(field, fields));
        let place = Place {
            hall,
            window: optional(&case.window),
            unit: optional(&case.unit),
            item: optional(&case.item),
            ..Place::default()
        };
        let keys = [
            Some(number),
            Some(place.hall.as_str()),
            place.window.as_deref(),
            place.unit.as_deref(),
            place.item.as_deref(),
        ];
        if let Some(bad) = keys.into_iter().flatten().find(|key| !is_key(key)) {
            let shown: String = bad.chars().take(40).collect();
            self.report.skip(
                line,
                format!("{shown:?}… is too long for a code, or holds a control character"),
            );
            return None;
        }
        let limits = self.limits(line, number, fields);
        Some(Subject {
            line,
            number,
            place,
            limits,
        })
    }

    /// The events that a case's own times make.
    fn case_events(&mut self, subject: &Subject<'_>, fields: &Fields, out: &mut Vec<CaseEvent>) {
        for (codes, code) in [
            (&mut self.report.halls, Some(&subject.place.hall)),
            (&mut self.report.units, subject.place.unit.as_ref()),
            (&mut self.report.items, subject.place.item.as_ref()),
        ] {
            if let Some(code) = code {
                *codes.entry(code.clone()).or_default() += 1;
            }
        }
        let case = self.mapping.case.clone();
        let optional =
            |field: &Option<Field>| field.as_ref().and_then(|field| value(field, fields));
        let handler = optional(&case.handler).filter(|handler| is_key(handler));
        let (result, channel) = (optional(&case.result), optional(&case.channel));
        let ended = || Ended {
            reason: result.clone(),
        };
        let times: [(&Option<String>, EventKind); 7] = [
            (
                &case.applied_at,
                EventKind::Applied(Applied {
                    channel,
                    applicant: None,
                }),
            ),
            (
                &case.accepted_at,
                EventKind::Accepted(Accepted { kind: case.kind }),
            ),
            (
                &case.completed_at,
                EventKind::Completed(Completed {
                    result: result.clone(),
                }),
            ),
            (&case.refused_at, EventKind::Refused(ended())),
            (&case.withdrawn_at, EventKind::Withdrawn(ended())),
            (&case.voided_at, EventKind::Voided(ended())),
            (&case.delivered_at, EventKind::Delivered),
        ];
        for (column, kind) in times {
            let Some(column) = column else { continue };
            let Some(text) = fields.get(column) else {
                continue;
            };
            let Some(time) = self.times.read(text) else {
                self.bad_time(subject.line, subject.number, column, text);
                continue;
            };
            let handler = handler
                .clone()
                .filter(|_| matches!(kind, EventKind::Accepted(_)));
            let event = self.made(
                subject,
                What {
                    kind,
                    time,
                    step: "",
                    handler,
                    id: None,
                },
            );
            out.push(event);
        }
    }

    /// Limits and due instants of the case.
    fn limits(&mut self, line: u64, number: &str, fields: &Fields) -> Limits {
        let case = &self.mapping.case;
        let mut limits = Limits {
            promise_limit: case.promise_limit,
            legal_limit: case.legal_limit,
            ..Limits::default()
        };
        let columns = [case.promise_due.clone(), case.legal_due.clone()];
        for (column, due) in columns
            .iter()
            .zip([&mut limits.promise_due, &mut limits.legal_due])
        {
            let Some(column) = column else { continue };
            let Some(text) = fields.get(column) else {
                continue;
            };
            *due = self.times.read_due(text);
            if due.is_none() {
                self.bad_time(line, number, column, text);
            }
        }
        limits
    }

    fn bad_time(&mut self, line: u64, number: &str, column: &str, text: &str) {
        let text: String = text.chars().take(60).collect();
        let reason = format!(
            "case {number}: {column:?} is {text:?}, which is not a time: add its format to `time_formats`"
        );
        self.report.skip(line, reason);
    }

    /// The event of one row or element.
    fn event(
        &mut self,
        subject: &Subject<'_>,
        line: u64,
        mapping: &Event,
        fields: &Fields,
        out: &mut Vec<CaseEvent>,
    ) {
        let Some(text) = fields.get(&mapping.time) else {
            let reason = format!(
                "case {}: an event without a time ({:?})",
                subject.number, mapping.time
            );
            return self.report.skip(line, reason);
        };
        let Some(time) = self.times.read(text) else {
            return self.bad_time(line, subject.number, &mapping.time, text);
        };
        self.timed = true;
        let Some(step) = fields.get(&mapping.step) else {
            let reason = format!(
                "case {}: an event without a step ({:?})",
                subject.number, mapping.step
            );
            return self.report.skip(line, reason);
        };
        let optional =
            |field: &Option<Field>| field.as_ref().and_then(|field| value(field, fields));
        let id = mapping.id.as_ref().and_then(|id| fields.get(id));
        let handler = optional(&mapping.handler);
        if let Some(bad) = [Some(step), id, handler.as_deref()]
            .into_iter()
            .flatten()
            .find(|key| !is_key(key))
        {
            let shown: String = bad.chars().take(40).collect();
            let reason = format!(
                "case {}: {shown:?}… is too long for a code, or holds a control character",
                subject.number
            );
            return self.report.skip(line, reason);
        }
        let Some(mut kind) = kind(mapping, step, fields) else {
            return;
        };
        if !self.waits_on(subject, mapping, (step, time, handler.as_deref()), out) {
            return;
        }
        if let EventKind::StepStarted(data) | EventKind::StepFinished(data) = &mut kind {
            step.clone_into(&mut data.step);
            data.role = optional(&mapping.role);
            data.result = optional(&mapping.result).or_else(|| data.result.take());
        }
        let mut event = self.made(
            subject,
            What {
                kind,
                time,
                step,
                handler,
                id,
            },
        );
        if let Some(unit) = optional(&mapping.unit).filter(|unit| is_key(unit)) {
            event.place.unit = Some(unit);
        }
        out.push(event);
    }

    /// Keeps whether the case waits: its next event in another state ends that, with an event of its own. False: it waits already,
    /// and there is nothing new to say.
    fn waits_on(
        &mut self,
        subject: &Subject<'_>,
        mapping: &Event,
        (step, time, handler): (&str, Time, Option<&str>),
        out: &mut Vec<CaseEvent>,
    ) -> bool {
        if mapping.waiting.is_empty() {
            return true;
        }
        let case = digest(&[subject.number]);
        if mapping.waiting.contains(step) {
            return self.waiting.insert(case);
        }
        if self.waiting.remove(&case) {
            let handler = handler.map(str::to_owned);
            let what = What {
                kind: EventKind::Resumed,
                time,
                step: "",
                handler,
                id: None,
            };
            let resumed = self.made(subject, what);
            out.push(resumed);
        }
        true
    }

    /// Adds the acceptance at the earliest event of the case.
    fn accept_with_first(&mut self, subject: &Subject<'_>, out: &mut Vec<CaseEvent>) {
        let Some(first) = out.iter().min_by_key(|event| event.time) else {
            return;
        };
        let time = Time {
            at: first.time,
            date_only: first.date_only,
        };
        let handler = first.place.handler.clone();
        let kind = EventKind::Accepted(Accepted {
            kind: self.mapping.case.kind,
        });
        let event = self.made(
            subject,
            What {
                kind,
                time,
                step: "",
                handler,
                id: None,
            },
        );
        out.insert(0, event);
    }

    fn made(&mut self, subject: &Subject<'_>, what: What<'_>) -> CaseEvent {
        let id = match what.id {
            Some(id) => id.to_owned(),
            None => self.hash(subject.number, &what),
        };
        self.report.count(what.time.at);
        let mut place = Place {
            handler: what.handler,
            ..subject.place.clone()
        };
        if matches!(what.kind, EventKind::Applied(_) | EventKind::Accepted(_)) {
            let Limits {
                promise_limit,
                legal_limit,
                promise_due,
                legal_due,
            } = subject.limits;
            place = Place {
                promise_limit,
                legal_limit,
                promise_due,
                legal_due,
                ..place
            };
        }
        CaseEvent {
            source: self.mapping.source.id.clone(),
            id,
            case_no: is_about_case(&what.kind).then(|| subject.number.to_owned()),
            time: what.time.at,
            date_only: what.time.date_only,
            seq: None,
            replaces: None,
            // A log is history: what it says was known when it happened.
            received: what.time.at,
            initial_load: true,
            place,
            kind: what.kind,
        }
    }

    /// An id for an event that has none: the same log gives the same ids, however often it is read.
    fn hash(&mut self, number: &str, what: &What<'_>) -> String {
        let time = what.time.at.timestamp_micros().to_string();
        let handler = what.handler.as_deref().unwrap_or("");
        let parts = [
            number,
            what.kind.type_name(),
            what.step,
            time.as_str(),
            handler,
        ];
        let occurrence = self.occurrences.entry(digest(&parts)).or_default();
        *occurrence += 1;
        let nth = occurrence.to_string();
        hex::encode(digest(&[
            parts[0], parts[1], parts[2], parts[3], parts[4], &nth,
        ]))
    }
}

/// Of equal times, steps and the end of a case come as the trace has them (XES, IEEE 1849: the events of a trace are ordered). What stops
/// and starts the clock is left to the order of life cycles: systems that know only its date write it in any.
fn in_sequence(events: &mut [CaseEvent], position: usize) {
    for event in events {
        use EventKind::{
            Completed, Delivered, Refused, StepFinished, StepStarted, Voided, Withdrawn,
        };
        let follows = matches!(
            event.kind,
            StepStarted(_)
                | StepFinished(_)
                | Completed(_)
                | Refused(_)
                | Withdrawn(_)
                | Voided(_)
                | Delivered
        );
        event.seq = i64::try_from(position).ok().filter(|_| follows);
    }
}

/// What an event means; `None` when the mapping ignores it.
fn kind(mapping: &Event, step: &str, fields: &Fields) -> Option<EventKind> {
    let of_lifecycle = || {
        let lifecycle = mapping
            .lifecycle
            .as_ref()
            .and_then(|column| fields.get(column))?;
        mapping.transitions.get(lifecycle)
    };
    if mapping.waiting.contains(step) {
        return mapping.kinds.get(SUSPENDED).cloned();
    }
    let EventType(name) = match mapping.types.get(step).or_else(of_lifecycle) {
        Some(listed) => listed,
        None => {
            let step = StepEvent {
                step: String::new(),
                role: None,
                offline: false,
                result: None,
            };
            return Some(EventKind::StepFinished(step));
        }
    };
    if name == IGNORE {
        None
    } else {
        mapping.kinds.get(name).cloned()
    }
}

fn value(field: &Field, fields: &Fields) -> Option<String> {
    let found = field.column.as_ref().and_then(|column| fields.get(column));
    found.or(field.default.as_deref()).map(str::to_owned)
}

/// Whether it is of the case; what halls tell of their service is not, though a table may hold it.
fn is_about_case(kind: &EventKind) -> bool {
    kind.type_name().starts_with("case.")
}

fn is_key(text: &str) -> bool {
    text.len() <= MAX_KEY && !text.chars().any(char::is_control)
}

/// Half a SHA-256 over parts that cannot run into each other.
fn digest(parts: &[&str]) -> [u8; 16] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize()[..16]
        .try_into()
        .expect("a SHA-256 has 32 bytes")
}
