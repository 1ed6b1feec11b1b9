//! A log in memory, in the order of its own clock.

use std::collections::BTreeSet;
use std::path::Path;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use mingjing_ingest::logs::{Log, LogError, Mapping, Report};
use mingjing_monitor::calendar::local_to_utc;
use mingjing_monitor::event::CaseEvent;

use super::ReplayError;

/// A log that was read.
#[derive(Debug)]
pub struct Loaded {
    /// Its events, in the order in which they happened.
    pub events: Vec<CaseEvent>,
    /// What was read and what was not.
    pub report: Report,
    /// Name of its source.
    pub source: String,
    /// Its time zone.
    pub zone: chrono_tz::Tz,
    /// The units that its events name.
    pub units: BTreeSet<String>,
}

/// Reads a log by a mapping file. `tick` is called now and then, for a progress bar.
///
/// # Errors
/// The mapping is wrong, or the log cannot be read; read strictly, when anything in it cannot be.
pub fn load(
    file: &Path,
    map: &Path,
    strict: bool,
    mut tick: impl FnMut(u64),
) -> Result<Loaded, ReplayError> {
    let mapping = Mapping::load(map)?;
    let (source, zone) = (mapping.source.id.clone(), mapping.source.timezone);
    let failed = |error: LogError| match error {
        LogError::Unreadable { .. } => ReplayError::Unreadable(error),
        error => ReplayError::Log {
            file: file.to_owned(),
            error,
        },
    };
    let mut log = Log::open(file, mapping, strict).map_err(failed)?;
    let mut events = Vec::new();
    while let Some(case) = log.next_case().map_err(failed)? {
        events.extend(case);
        tick(events.len() as u64);
    }
    events.sort_by(CaseEvent::cmp_order);
    let units = events
        .iter()
        .filter_map(|event| event.place.unit.as_ref())
        .collect::<BTreeSet<_>>();
    let units = units.into_iter().cloned().collect();
    let report = log.report().clone();
    Ok(Loaded {
        events,
        report,
        source,
        zone,
        units,
    })
}

impl Loaded {
    /// The instant at which the replay ends: `as_of`, or the last of the log.
    ///
    /// # Errors
    /// `as_of` is no instant, or the log holds no event.
    pub fn end(&self, as_of: Option<&str>) -> Result<DateTime<Utc>, ReplayError> {
        match as_of {
            Some(text) => {
                instant(text, self.zone).ok_or_else(|| ReplayError::AsOf(text.to_owned()))
            }
            None => self
                .events
                .last()
                .map(|event| event.time)
                .ok_or(ReplayError::Empty),
        }
    }

    /// The events up to and at `end`.
    pub fn until(&self, end: DateTime<Utc>) -> &[CaseEvent] {
        &self.events[..self.events.partition_point(|event| event.time <= end)]
    }
}

/// An RFC 3339 instant, or a date: its start in `zone`.
fn instant(text: &str, zone: chrono_tz::Tz) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(instant.to_utc());
    }
    let date: NaiveDate = text.parse().ok()?;
    Some(local_to_utc(date.and_time(NaiveTime::MIN), zone))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_or_a_date_in_the_logs_zone() {
        let zone = chrono_tz::America::New_York;
        let at = |text: &str| instant(text, zone).map(|at| at.to_rfc3339());
        assert_eq!(at("2022-06-01").unwrap(), "2022-06-01T04:00:00+00:00");
        assert_eq!(
            at("2022-06-01T08:00:00+08:00").unwrap(),
            "2022-06-01T00:00:00+00:00"
        );
        assert_eq!(at("June"), None);
    }
}
