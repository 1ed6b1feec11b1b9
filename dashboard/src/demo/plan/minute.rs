//! What happens in a minute besides the cases that the days bring: people who walk in, cases of the portal whose deadlines
//! are minutes away, and windows that pause. It makes the county move under the eyes of whoever looks at it, at any hour.

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};
use mingjing_monitor::item::HandlingKind;
use mingjing_monitor::org::Level;
use serde_json::{Map, json};

use super::life::Life;
use super::{Plan, PlannedCase, PlannedEvent, Source};
use crate::demo::county::units::UNITS;
use crate::demo::county::{CODE, COUNTY_HALL, people};
use crate::demo::rng::Rng;

/// No case of a minute is still at work so many minutes after it.
pub const LONGEST_LIFE_MINUTES: i64 = 60;
/// Numbers of a day's cases that begin in its minutes start here, so that they never meet those of [`Plan::day`].
const FIRST_NUMBER: u32 = 10_000;
/// Numbers that a minute has for its cases.
const PER_MINUTE: u32 = 40;

impl Plan {
    /// The cases that people walk in with during the minute that begins at `minute`: done within the hour.
    pub fn walk_ins(&self, minute: DateTime<Utc>) -> Vec<PlannedCase> {
        let local = self.calendar.local(minute);
        let mut rng = Rng::keyed(&[self.county.seed, 61, minute_key(minute)]);
        let rate = match local.hour() {
            9..=11 | 14..=16 => 11.0,
            8 | 12 | 13 | 17 => 6.0,
            7 | 18..=21 => 3.0,
            _ => 1.5,
        };
        let mut cases = Vec::new();
        for nth in 0..(rng.about(rate) as u32).min(PER_MINUTE / 2) {
            let mut rng = Rng::keyed(&[self.county.seed, 62, minute_key(minute), nth.into()]);
            let begin = local + TimeDelta::seconds(rng.range(0, 59));
            let hall = self.open_hall(begin, &mut rng);
            let Some(item) = self.item_of(hall, &[HandlingKind::Immediate], &mut rng) else {
                continue;
            };
            let mut life = Life::new(self, self.number(minute, nth), hall, item, begin, rng);
            let handler = life.handler(hall, life.item().unit);
            apply(&mut life, "window");
            life.wait(40, 200);
            life.tell(
                "case.accepted",
                json!({"kind": "immediate", "handler": handler}),
            );
            life.wait_before_closing(150, 1_300);
            life.tell(
                "case.completed",
                json!({"result": "办结", "handler": handler}),
            );
            life.wait(20, 120);
            life.tell("case.delivered", json!({}));
            if life.rng.chance(0.4) {
                life.wait(20, 300);
                let grade = *life.rng.pick(&[
                    "very_satisfied",
                    "very_satisfied",
                    "satisfied",
                    "very_satisfied",
                    "fairly_satisfied",
                ]);
                life.tell("case.rated", json!({"grade": grade}));
            }
            cases.push(life.end());
        }
        cases
    }

    /// Cases of the portal that begin in this minute with due instants of their own, minutes away: most are decided in time,
    /// some are not, and some decisions are told of only after their card is out. `busy`: several a minute, for the first
    /// hour that somebody watches.
    pub fn urgent(&self, minute: DateTime<Utc>, busy: bool) -> Vec<PlannedCase> {
        let mut rng = Rng::keyed(&[self.county.seed, 63, minute_key(minute)]);
        let count = rng.about(if busy { 4.0 } else { 0.7 }) as u32;
        let kinds = [HandlingKind::Promised, HandlingKind::Joint];
        let mut cases = Vec::new();
        for nth in 0..count {
            let mut rng = Rng::keyed(&[self.county.seed, 64, minute_key(minute), nth.into()]);
            let begin = self.calendar.local(minute) + TimeDelta::seconds(rng.range(0, 59));
            let hall = if rng.chance(0.7) {
                COUNTY_HALL
            } else {
                self.hall_of(Level::Town, &mut rng)
            };
            let Some(item) = self.item_of(hall, &kinds, &mut rng) else {
                continue;
            };
            let unit = self.county.items[item].unit;
            let window = rng.pick(&self.county.windows_of(hall, unit)).no.clone();
            let no = self.number(minute, PER_MINUTE / 2 + nth);
            // The kiosks gather their events for minutes: until they have said all, their cards are provisional.
            let source = if hall != COUNTY_HALL && rng.chance(0.6) {
                Source::Kiosk
            } else {
                Source::Portal
            };
            let mut life = Life::of_source(self, no, source, (hall, item, window), begin, rng);
            self.hurry(&mut life);
            cases.push(life.end());
        }
        cases
    }

    /// One urgent case, from its application to its end.
    fn hurry(&self, life: &mut Life<'_>) {
        let handler = life.handler(life.hall, life.item().unit);
        apply(life, if life.lag().is_zero() { "web" } else { "kiosk" });
        life.wait(5, 30);
        let accepted = life.now();
        // Its word that the case was accepted must be out before the limit is.
        let promise = life.rng.range(120, 540) + life.lag().num_seconds();
        let legal = promise + life.rng.range(150, 420);
        let due = |seconds: i64| {
            self.calendar
                .instant(accepted + TimeDelta::seconds(seconds))
                .to_rfc3339()
        };
        life.tell(
            "case.accepted",
            json!({"handler": handler, "promise_due": due(promise), "legal_due": due(legal)}),
        );
        let draw = life.rng.unit();
        let decided = match draw {
            draw if draw < 0.45 => (promise as f64 * (0.5 + 0.48 * life.rng.unit())) as i64,
            draw if draw < 0.53 => promise - 15,
            draw if draw < 0.82 => promise + life.rng.range(30, legal - promise - 20),
            _ => legal + life.rng.range(60, 600),
        };
        self.step_through(life, decided, &handler);
        life.set(accepted + TimeDelta::seconds(decided));
        life.tell(
            "case.completed",
            json!({"result": "准予", "handler": handler}),
        );
        if (0.45..0.53).contains(&draw) && life.lag().is_zero() {
            // Decided in time, says the portal, but it says so only when the card is out: contested. A system with a lag may
            // do so: its card is withdrawn on that evidence.
            let seconds = life.rng.range(60, 150);
            life.tell_late(seconds);
        }
        life.wait(60, 300);
        life.tell("case.delivered", json!({}));
    }

    /// The steps of an urgent case, one after the other, done `seconds` after its acceptance.
    fn step_through(&self, life: &mut Life<'_>, seconds: i64, handler: &str) {
        let (steps, accepted) = (&life.item().steps, life.now());
        let share = seconds / (steps.len() as i64 + 1);
        for (nth, step) in (0..).zip(steps) {
            let mut data = json!({"step": step.code, "role": step.role, "handler": handler, "offline": step.offline});
            life.set(accepted + TimeDelta::seconds(share * nth + 1));
            life.tell("case.step_started", data.clone());
            data["result"] = "通过".into();
            life.set(accepted + TimeDelta::seconds(share * (nth + 1)));
            life.tell("case.step_finished", data);
        }
    }

    /// Windows that put up their *paused* sign in this minute, and take it down again.
    pub fn pauses(&self, minute: DateTime<Utc>) -> Vec<PlannedEvent> {
        let mut rng = Rng::keyed(&[self.county.seed, 65, minute_key(minute)]);
        let mut events = Vec::new();
        if !rng.chance(0.55) {
            return events;
        }
        let local = self.calendar.local(minute);
        let hall = self.open_hall(local, &mut rng);
        let place = &self.county.halls[hall];
        let window = rng.pick(&place.windows);
        let source = Source::of(place.level);
        let mut tell = |kind, name: &str, at: DateTime<Utc>, more: serde_json::Value| {
            let mut data = Map::new();
            data.insert("hall".into(), place.code.as_str().into());
            data.insert("window".into(), window.no.as_str().into());
            data.insert("unit".into(), UNITS[window.unit].code.into());
            if let serde_json::Value::Object(more) = more {
                data.extend(more);
            }
            let told = at + source.lag() / 2;
            events.push(PlannedEvent {
                at,
                told,
                source,
                id: format!("{name}-{}", minute.timestamp() / 60),
                kind,
                case_no: None,
                data,
            });
        };
        let length = rng.range(4, 20);
        let until = minute + TimeDelta::minutes(length);
        let reason = *rng.pick(&["取件盖章", "短时离岗", "系统维护", "协调会商"]);
        tell(
            "window.paused",
            "pause",
            minute,
            json!({"until": until.to_rfc3339(), "reason": reason}),
        );
        tell(
            "window.resumed",
            "resume",
            until - TimeDelta::seconds(rng.range(5, 90)),
            json!({}),
        );
        events
    }

    fn number(&self, minute: DateTime<Utc>, nth: u32) -> String {
        let local = self.calendar.local(minute);
        let number = FIRST_NUMBER + (local.hour() * 60 + local.minute()) * PER_MINUTE + nth;
        format!("{}-{CODE}-{:03}{number:05}", local.year(), local.ordinal())
    }

    /// A hall that is open: the county's, or another where there is one.
    fn open_hall(&self, local: chrono::NaiveDateTime, rng: &mut Rng) -> usize {
        let level = match rng.unit() {
            draw if draw < 0.45 => return COUNTY_HALL,
            draw if draw < 0.85 => Level::Town,
            _ => Level::Village,
        };
        let hall = self.hall_of(level, rng);
        if self.county.halls[hall].opening.open_at(local) {
            hall
        } else {
            COUNTY_HALL
        }
    }

    fn hall_of(&self, level: Level, rng: &mut Rng) -> usize {
        let halls: Vec<usize> = (0..self.county.halls.len())
            .filter(|&hall| self.county.halls[hall].level == level)
            .collect();
        *rng.pick(&halls)
    }

    /// An item of these kinds that the hall offers.
    fn item_of(&self, hall: usize, kinds: &[HandlingKind], rng: &mut Rng) -> Option<usize> {
        let offers: Vec<(usize, f64)> = self.county.halls[hall]
            .offers
            .iter()
            .copied()
            .filter(|(item, _)| kinds.contains(&self.county.items[*item].kind))
            .collect();
        (!offers.is_empty()).then(|| offers[rng.weighted(offers.iter().map(|offer| offer.1))].0)
    }
}

fn minute_key(minute: DateTime<Utc>) -> u64 {
    minute.timestamp().div_euclid(60).unsigned_abs()
}

/// The application: who applies, and how it comes in.
pub(super) fn apply(life: &mut Life<'_>, channel: &str) {
    let id_hash = format!("{:016x}{:016x}", life.rng.bits(), life.rng.bits());
    let phone = format!("1990000{:04}", life.rng.range(0, 9_999));
    let name = people::name(&mut life.rng);
    life.tell("case.applied", json!({"channel": channel, "applicant": {"name": name, "phone": phone, "id_hash": id_hash}}));
}
