//! What village points do beside cases: they open and close, their terminals run, and people come with questions. The first villages of
//! each town tell of it; the others have no terminal that could.

use chrono::{NaiveDate, TimeDelta};
use mingjing_monitor::org::Level;
use serde_json::{Map, Value, json};

use super::{Plan, PlannedEvent, Source, day_key};
use crate::demo::rng::Rng;

/// So many villages of a town have a terminal.
const WITH_TERMINAL: usize = 4;
const KINDS: [&str; 4] = ["query", "guidance", "form", "print"];

impl Plan {
    /// What each village point tells of its service on `date`, oldest first.
    pub fn services(&self, date: NaiveDate) -> Vec<Vec<PlannedEvent>> {
        let mut of_town = 0;
        let mut town = None;
        let mut all = Vec::new();
        for (hall, place) in self.county.halls.iter().enumerate() {
            if place.level != Level::Village {
                continue;
            }
            of_town = if town == place.parent { of_town + 1 } else { 0 };
            town = place.parent;
            if of_town < WITH_TERMINAL {
                all.extend(self.service(hall, date));
            }
        }
        all
    }

    fn service(&self, hall: usize, date: NaiveDate) -> Option<Vec<PlannedEvent>> {
        let place = &self.county.halls[hall];
        let hours = self.calendar.open_on(&place.opening, date)?;
        let mut of_place = Rng::keyed(&[self.county.seed, 91, hall as u64]);
        // Few points keep their hours badly, and few terminals fail often; people come to some more than to others.
        let (lax, failing) = (of_place.chance(0.1), of_place.chance(0.08));
        let a_day = 0.5 + 2.5 * of_place.unit();
        let mut rng = Rng::keyed(&[self.county.seed, 92, day_key(date), hall as u64]);
        let minutes = |n: i64| TimeDelta::minutes(n);
        let mut day = Day {
            plan: self,
            hall: &place.code,
            date,
            events: Vec::new(),
        };
        let (opens, closes) = (date.and_time(hours.opens()), date.and_time(hours.closes()));
        if rng.chance(if failing { 0.7 } else { 0.985 }) {
            let since = opens - minutes(rng.range(5, 40));
            let beats = [opens + minutes(180), opens + minutes(390), closes];
            let down = rng.chance(0.02).then(|| rng.range(0, 2) as usize);
            for (nth, at) in beats
                .into_iter()
                .enumerate()
                .filter(|(nth, _)| Some(*nth) != down)
            {
                // What it was up for before it went down for a while is not in its next word.
                let since = if down.is_some_and(|down| nth > down) {
                    at - minutes(30)
                } else {
                    since
                };
                let since = self.calendar.instant(since).to_rfc3339();
                day.tell(
                    "terminal.heartbeat",
                    at,
                    json!({"terminal": "1", "up_since": since}),
                );
            }
        }
        if rng.chance(if lax { 0.85 } else { 0.995 }) {
            let (late, early) = match lax {
                true => (rng.range(0, 110), rng.range(0, 120)),
                false => (rng.range(-12, 4), rng.range(-15, 2)),
            };
            let (from, to) = (opens + minutes(late), closes - minutes(early));
            day.tell("hall.opened", from, json!({}));
            for _ in 0..rng.about(a_day) {
                let at = from + TimeDelta::seconds(rng.range(60, (to - from).num_seconds() - 60));
                let mut data = json!({"kind": rng.pick(&KINDS), "channel": "terminal"});
                if rng.chance(0.8) {
                    let id_hash = format!("{:016x}{:016x}", rng.bits(), rng.bits());
                    data["applicant"] = json!({"id_hash": id_hash});
                }
                day.tell("service.assisted", at, data);
            }
            day.tell("hall.closed", to, json!({}));
        }
        day.events.sort_by_key(|event| event.at);
        Some(day.events)
    }
}

/// A day of a point.
struct Day<'a> {
    plan: &'a Plan,
    hall: &'a str,
    date: NaiveDate,
    events: Vec<PlannedEvent>,
}

impl Day<'_> {
    fn tell(&mut self, kind: &'static str, at: chrono::NaiveDateTime, data: Value) {
        let mut all = Map::new();
        all.insert("hall".into(), self.hall.into());
        if let Value::Object(own) = data {
            all.extend(own);
        }
        let at = self.plan.calendar.instant(at);
        let nth = self.events.len() + 1;
        self.events.push(PlannedEvent {
            at,
            told: at + Source::Village.lag() / 2,
            source: Source::Village,
            id: format!("{}-{}-{nth:02}", self.hall, self.date),
            kind,
            case_no: None,
            data: all,
        });
    }
}
