//! Writing down a case's events one after another, each later than the one before.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use serde_json::{Map, Value};

use super::{Plan, PlannedCase, PlannedEvent, Source};
use crate::demo::county::items::DemoItem;
use crate::demo::county::people;
use crate::demo::county::units::UNITS;
use crate::demo::rng::Rng;

/// A case while it is being written.
pub(super) struct Life<'a> {
    pub plan: &'a Plan,
    pub rng: Rng,
    pub hall: usize,
    pub item: usize,
    pub window: String,
    source: Source,
    no: String,
    events: Vec<PlannedEvent>,
    now: NaiveDateTime,
}

impl<'a> Life<'a> {
    pub fn new(
        plan: &'a Plan,
        no: String,
        hall: usize,
        item: usize,
        begin: NaiveDateTime,
        mut rng: Rng,
    ) -> Self {
        let unit = plan.county.items[item].unit;
        let window = rng.pick(&plan.county.windows_of(hall, unit)).no.clone();
        let source = Source::of(plan.county.halls[hall].level);
        Self::of_source(plan, no, source, (hall, item, window), begin, rng)
    }

    pub fn of_source(
        plan: &'a Plan,
        no: String,
        source: Source,
        (hall, item, window): (usize, usize, String),
        begin: NaiveDateTime,
        rng: Rng,
    ) -> Self {
        Self {
            plan,
            rng,
            hall,
            item,
            window,
            source,
            no,
            events: Vec::new(),
            now: begin,
        }
    }

    pub fn item(&self) -> &'a DemoItem {
        &self.plan.county.items[self.item]
    }

    /// The lag that the case's source declares.
    pub fn lag(&self) -> TimeDelta {
        self.source.lag()
    }

    /// The case's clock: local time of what comes next.
    pub fn now(&self) -> NaiveDateTime {
        self.now
    }

    /// Sets the clock to `then`.
    pub fn set(&mut self, then: NaiveDateTime) {
        self.now = then;
    }

    pub fn today(&self) -> NaiveDate {
        self.now.date()
    }

    /// Lets `seconds` pass, at least one.
    pub fn wait(&mut self, low: i64, high: i64) {
        self.now += TimeDelta::seconds(self.rng.range(low, high).max(1));
    }

    /// Lets `seconds` pass, but not past the closing time of the day: whoever is there is served before the doors are shut.
    pub fn wait_before_closing(&mut self, low: i64, high: i64) {
        let (before, closes) = (self.now, self.plan.calendar.office.0.closes());
        let closing = self.today().and_time(closes);
        self.wait(low, high);
        if before < closing && self.now >= closing {
            self.now = before + (closing - before) / 2;
        }
    }

    /// Goes on at about `hour` of `date`, or a few minutes from now when that is past.
    pub fn go_on(&mut self, date: NaiveDate, hour: f64) {
        let seconds = (hour * 3600.0) as i64 + self.rng.range(-400, 400);
        let then = date.and_time(NaiveTime::MIN) + TimeDelta::seconds(seconds);
        let soonest = self.now + TimeDelta::seconds(self.rng.range(240, 900));
        self.now = then.max(soonest);
    }

    /// Whoever works for a unit in a hall.
    pub fn handler(&mut self, hall: usize, unit: usize) -> String {
        let nth = self.rng.range(0, 2) as u64;
        people::staff(self.plan.county.seed, hall, unit, nth)
    }

    /// Writes an event at the case's own hall and window.
    pub fn tell(&mut self, kind: &'static str, data: Value) {
        let (hall, window) = (self.hall, self.window.clone());
        self.tell_at(hall, &window, kind, data);
    }

    /// Writes an event that happens elsewhere: a step that the county's unit takes for a town.
    pub fn tell_at(&mut self, hall: usize, window: &str, kind: &'static str, data: Value) {
        if self
            .events
            .last()
            .is_some_and(|last| last.at >= self.plan.calendar.instant(self.now))
        {
            self.now += TimeDelta::seconds(1);
        }
        let county = &self.plan.county;
        let item = &county.items[self.item];
        let mut all = Map::new();
        all.insert("hall".into(), county.halls[hall].code.as_str().into());
        all.insert("window".into(), window.into());
        all.insert("unit".into(), UNITS[item.unit].code.into());
        all.insert("item".into(), item.code.as_str().into());
        if let Value::Object(own) = data {
            all.extend(own);
        }
        let at = self.plan.calendar.instant(self.now);
        // Somewhere within the lag that the source declares, in the order of the events.
        let lag = self.source.lag().num_seconds();
        let delay = if lag > 0 {
            self.rng.range(5, lag - 10)
        } else {
            0
        };
        let told = at + TimeDelta::seconds(delay);
        self.events.push(PlannedEvent {
            at,
            told: self.events.last().map_or(told, |last| last.told.max(told)),
            source: self.source,
            id: format!("{}-{:02}", self.no, self.events.len() + 1),
            kind,
            case_no: Some(self.no.clone()),
            data: all,
        });
    }

    /// Makes the source tell of the last event only so many seconds after it happened, whatever its lag.
    pub fn tell_late(&mut self, seconds: i64) {
        if let Some(last) = self.events.last_mut() {
            last.told = last.at + TimeDelta::seconds(seconds);
        }
    }

    pub fn end(self) -> PlannedCase {
        PlannedCase {
            no: self.no,
            hall: self.hall,
            item: self.item,
            events: self.events,
        }
    }
}
