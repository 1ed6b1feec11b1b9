//! What happens in the demo county: for every day the cases accepted on it, with all their events, those of later days
//! included, and what else it brings. A pure function of the seed and the day.

mod case;
mod complaint;
mod life;
mod minute;
mod service;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use mingjing_monitor::calendar::Calendar;
use mingjing_monitor::org::Level;
use serde_json::{Map, Value, json};

use super::county::{CODE, COUNTY_HALL, County};
use super::rng::Rng;
pub use minute::LONGEST_LIFE_MINUTES;

/// The systems that report to the console, one for each level and one for the portal, as in the counties that we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// The approval system of the county hall: tells at once.
    County,
    /// The town centres' system: gathers for a few minutes.
    Town,
    /// The village points' system.
    Village,
    /// The county's portal for applications online: open at any hour, tells at once.
    Portal,
    /// The machines in the town centres' lobbies: open at any hour, gather for a few minutes.
    Kiosk,
    /// The land register's own system, which only tells that it is there, and now and then not even that; see [`Source::is_mute`].
    Register,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::County,
        Self::Town,
        Self::Village,
        Self::Portal,
        Self::Kiosk,
        Self::Register,
    ];
    /// Those that have a past. They say nothing else before it is told: whoever speaks of today has no more history to load.
    pub const WITH_HISTORY: [Self; 3] = [Self::County, Self::Town, Self::Village];
    /// Those that are new.
    pub const NEW: [Self; 3] = [Self::Portal, Self::Kiosk, Self::Register];

    /// Its name in events.
    pub fn id(self) -> &'static str {
        match self {
            Self::County => "//approval.mingjing",
            Self::Town => "//towns.mingjing",
            Self::Village => "//villages.mingjing",
            Self::Portal => "//portal.mingjing",
            Self::Kiosk => "//kiosks.mingjing",
            Self::Register => "//register.mingjing",
        }
    }

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::County => "县大厅审批系统",
            Self::Town => "镇便民服务系统",
            Self::Village => "村级服务终端",
            Self::Portal => "网上办事大厅",
            Self::Kiosk => "镇自助服务终端",
            Self::Register => "不动产登记系统",
        }
    }

    /// How long after an event its word comes, at most: the lag that it declares.
    pub fn lag(self) -> TimeDelta {
        match self {
            Self::County | Self::Portal | Self::Register => TimeDelta::zero(),
            Self::Town | Self::Kiosk => TimeDelta::minutes(3),
            Self::Village => TimeDelta::minutes(1),
        }
    }

    /// Whether it says nothing now, though it should: the register for a while after the demo's first start at `first`, when it
    /// has been mute for more than a day already, and for 26 hours of every three days from then on. A source is silent after 24.
    pub fn is_mute(self, first: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        let since = now - first;
        let of_three_days = since.num_minutes().rem_euclid(72 * 60);
        self == Self::Register
            && (since < Self::MUTE_AT_FIRST || (40 * 60..66 * 60).contains(&of_three_days))
    }

    /// How long the register stays mute at the first start.
    const MUTE_AT_FIRST: TimeDelta = TimeDelta::minutes(15);
    /// How long it has been mute by then.
    pub const MUTE_BEFORE: TimeDelta = TimeDelta::hours(25);

    fn of(level: Level) -> Self {
        match level {
            Level::County => Self::County,
            Level::Town => Self::Town,
            Level::Village => Self::Village,
        }
    }
}

/// An event that will be, or has been.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedEvent {
    /// When it happens.
    pub at: DateTime<Utc>,
    /// When its source tells of it.
    pub told: DateTime<Utc>,
    /// Who reports it.
    pub source: Source,
    /// Its id, the same at every start.
    pub id: String,
    /// CloudEvents type.
    pub kind: &'static str,
    /// The case, or the complaint; `None` for windows and halls.
    pub case_no: Option<String>,
    /// The event's data.
    pub data: Map<String, Value>,
}

impl PlannedEvent {
    /// Whether its source tells of it long after its declared lag: what it changes by then is contested.
    pub fn told_late(&self) -> bool {
        self.told - self.at > TimeDelta::hours(1)
    }

    /// The CloudEvent that an outside system would post.
    pub fn cloudevent(&self) -> Value {
        let mut event = json!({
            "specversion": "1.0",
            "id": self.id,
            "source": self.source.id(),
            "type": self.kind,
            "time": self.at.to_rfc3339(),
            "data": self.data,
        });
        if let Some(no) = &self.case_no {
            event["subject"] = no.as_str().into();
        }
        event
    }
}

/// A case and its whole life.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedCase {
    /// Case number.
    pub no: String,
    /// Its hall, a place in [`County::halls`].
    pub hall: usize,
    /// Its item, a place in [`County::items`].
    pub item: usize,
    /// Its events, oldest first.
    pub events: Vec<PlannedEvent>,
}

/// The county and its calendar: what a plan is made from.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The county.
    pub county: County,
    /// Its statutory calendar.
    pub calendar: Calendar,
}

impl Plan {
    /// Days of history before the first start: six months.
    pub const HISTORY_DAYS: i64 = 183;
    /// No case of the plan is still at work so many days after its acceptance.
    pub const LONGEST_LIFE_DAYS: i64 = 150;

    /// The cases accepted on `date`, in the order of their acceptance.
    pub fn day(&self, date: NaiveDate) -> Vec<PlannedCase> {
        let mut starts: Vec<(NaiveDateTime, usize, Rng)> = Vec::new();
        for hall in 0..self.county.halls.len() {
            let mut rng = Rng::keyed(&[self.county.seed, 51, day_key(date), hall as u64]);
            for nth in 0..rng.about(self.volume(hall, date)) {
                let mut rng =
                    Rng::keyed(&[self.county.seed, 52, day_key(date), hall as u64, nth as u64]);
                if let Some(at) = self.arrival(hall, date, &mut rng) {
                    starts.push((at, hall, rng));
                }
            }
        }
        starts.sort_by_key(|(at, hall, _)| (*at, *hall));
        let number =
            |nth: usize| format!("{}-{CODE}-{:03}{:04}", date.year(), date.ordinal(), nth + 1);
        starts
            .into_iter()
            .enumerate()
            .map(|(nth, (at, hall, rng))| case::live_through(self, number(nth), hall, at, rng))
            .collect()
    }

    /// Cases to expect in a hall on a day.
    fn volume(&self, hall: usize, date: NaiveDate) -> f64 {
        let place = &self.county.halls[hall];
        let workday = self.calendar.workdays.counts(date);
        let open = place.opening.on(date.weekday()).is_some();
        let rhythm = match (workday, place.level) {
            (true, _) => [1.16, 1.06, 1.0, 0.96, 0.86, 0.7, 0.7]
                [date.weekday().num_days_from_monday() as usize],
            (false, Level::County) => 0.22,
            (false, Level::Town) if open => 0.16,
            _ => 0.0,
        };
        place.volume * rhythm * season(date)
    }

    /// When an applicant comes; `None` when the hall is shut then.
    fn arrival(&self, hall: usize, date: NaiveDate, rng: &mut Rng) -> Option<NaiveDateTime> {
        let place = &self.county.halls[hall];
        let span = match place.opening.on(date.weekday()) {
            // A make-up workday: open like any other.
            None => self.calendar.office.0,
            Some(span) => span,
        };
        let seconds = if hall == COUNTY_HALL && rng.chance(0.05) {
            rng.range(17 * 3600 + 1800, 22 * 3600)
        } else if rng.chance(0.58) {
            // Two draws: the morning swells towards ten.
            9 * 3600 + 120 + (rng.range(0, 5_200) + rng.range(0, 5_200))
        } else {
            13 * 3600 + 1800 + (rng.range(0, 6_900) + rng.range(0, 6_900))
        };
        let time = NaiveTime::from_num_seconds_from_midnight_opt(seconds as u32, 0)?;
        span.contains(time).then(|| date.and_time(time))
    }

    /// How easily a case of this hall and unit runs late this month: 1 is usual.
    fn slackness(&self, hall: usize, unit: usize, date: NaiveDate) -> f64 {
        let place = &self.county.halls[hall];
        let of_unit = self.county.unit_slackness[unit];
        let own = if hall == COUNTY_HALL {
            of_unit
        } else {
            place.slackness * (0.7 + 0.3 * of_unit)
        };
        let body = if hall == COUNTY_HALL {
            1000 + unit
        } else {
            place
                .parent
                .filter(|&parent| parent != COUNTY_HALL)
                .unwrap_or(hall)
        };
        let month = (date.year() * 12 + date.month0() as i32) as u64;
        own * (0.5 + Rng::keyed(&[self.county.seed, 53, body as u64, month]).unit())
    }
}

/// A day as a key of chance.
fn day_key(date: NaiveDate) -> u64 {
    date.num_days_from_ce() as u64
}

/// Demand over the year: more before the year's end, less in high summer, a little more every year.
fn season(date: NaiveDate) -> f64 {
    let month = [
        0.92, 0.72, 1.08, 1.04, 1.0, 0.98, 0.9, 0.88, 1.04, 1.02, 1.12, 1.16,
    ][date.month0() as usize];
    month * (1.0 + 0.04 * f64::from(date.year() - 2026))
}

#[cfg(test)]
mod tests;
