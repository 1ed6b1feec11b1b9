//! Calendars: statutory workdays, the county's office hours, and the opening hours of halls.

mod county;
mod hours;
mod workdays;

use chrono::{DateTime, MappedLocalTime, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

pub use county::{Calendar, CalendarMark, Scale};
pub use hours::{HoursError, OfficeHours, OpeningHours, Span};
pub use workdays::{CalendarError, DayKind, WorkdayYear, Workdays, read_years};

/// The instant of a local time in `zone`. Where clocks go back and a local time happens twice, the first; where they go
/// forward and it never happens, the same time counted on from before the gap.
pub fn local_to_utc(local: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    match zone.from_local_datetime(&local) {
        MappedLocalTime::Single(at) | MappedLocalTime::Ambiguous(at, _) => at.with_timezone(&Utc),
        // No zone skips more than a day (Samoa's in 2011 was the longest): the offset of the day before is the one
        // that was in force when the gap began.
        MappedLocalTime::None => match zone.from_local_datetime(&(local - TimeDelta::days(1))) {
            MappedLocalTime::Single(at) | MappedLocalTime::Ambiguous(at, _) => {
                at.with_timezone(&Utc) + TimeDelta::days(1)
            }
            MappedLocalTime::None => local.and_utc(),
        },
    }
}
