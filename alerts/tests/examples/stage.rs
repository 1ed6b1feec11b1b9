//! A case told in lines of text, and what the rules say of it.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Asia::Shanghai;
use mingjing_alerts::profile::{Profile, Subject};
use mingjing_alerts::rules::{Evaluation, Hearing, as_counted, evaluate};
use mingjing_monitor::calendar::Calendar;
use mingjing_monitor::case::{CaseClock, CaseFold};
use mingjing_monitor::event::{CaseEvent, Yuan};
use mingjing_monitor::item::{ItemVersion, Step};
use mingjing_monitor::limit::Limit;
use serde_json::{Value, json};

/// An instant of the county, `2018-10-15 10:00`, with seconds or without.
pub fn at(text: &str) -> DateTime<Utc> {
    let seconds = if text.len() == 16 { ":00" } else { "" };
    DateTime::parse_from_str(&format!("{text}{seconds} +0800"), "%Y-%m-%d %H:%M:%S%.f %z")
        .expect(text)
        .to_utc()
}

/// As the county's clock shows it.
pub fn local(at: DateTime<Utc>) -> String {
    at.with_timezone(&Shanghai)
        .format("%Y-%m-%d %H:%M")
        .to_string()
}

/// Events, a line each: `2018-10-15 10:00 accepted {"kind":"immediate"}`, without its time where the source knows only the
/// date, with `(received 2018-10-18 09:00)` at its end where it was told later.
pub fn events(lines: &str) -> Vec<CaseEvent> {
    let lines = lines.lines().map(str::trim).filter(|it| !it.is_empty());
    lines.enumerate().map(|(i, line)| event(i, line)).collect()
}

fn event(nth: usize, line: &str) -> CaseEvent {
    let (line, received) = match line.split_once(" (received ") {
        Some((line, received)) => (line, Some(at(received.trim_end_matches(')')))),
        None => (line, None),
    };
    let dated = line.as_bytes()[11].is_ascii_digit();
    let (time, rest) = line.split_at(if dated { 16 } else { 10 });
    let (kind, data) = rest.trim().split_once(' ').unwrap_or((rest.trim(), "{}"));
    let mut fields = json!({"hall": "C", "unit": "U1", "item": "A", "window": "3"});
    let data: Value = serde_json::from_str(data).expect(line);
    fields
        .as_object_mut()
        .unwrap()
        .extend(data.as_object().unwrap().clone());
    let time = match dated {
        true => at(time).to_rfc3339(),
        false => time.to_owned(),
    };
    let value = json!({"specversion": "1.0", "id": format!("e{nth}"), "source": "//oa", "subject": "1",
        "type": format!("case.{kind}"), "time": time, "data": fields});
    let mut event = CaseEvent::from_cloudevent(&value, Utc::now(), Shanghai).expect(line);
    event.received = received.unwrap_or(event.time);
    event
}

/// Item A: 7 workdays, by law 10; 审查, 踏勘 outside, 决定, in this order, the last by an approver; 20 yuan; its results are
/// delivered.
pub fn item() -> ItemVersion {
    let step = |code: &str, name: &str| Step {
        code: code.into(),
        name: name.into(),
        ..Step::default()
    };
    ItemVersion {
        code: "A".into(),
        version: 1,
        name: "食品经营许可".into(),
        promise: Some(Limit::workdays(7)),
        legal: Some(Limit::workdays(10)),
        steps: vec![
            Step {
                limit: Some(Limit::workdays(3)),
                ..step("review", "审查")
            },
            Step {
                offline: true,
                ..step("survey", "现场踏勘")
            },
            Step {
                role: Some("approver".into()),
                ..step("decision", "决定")
            },
            Step {
                optional: true,
                repeatable: true,
                after: Some(vec![]),
                ..step("consult", "会商")
            },
        ],
        fee: Some(Yuan { fen: 2_000 }),
        delivers: true,
        ..ItemVersion::default()
    }
}

/// The same without a description of its process: nothing but time can be wrong with it.
pub fn plain() -> ItemVersion {
    ItemVersion {
        steps: Vec::new(),
        fee: None,
        delivers: false,
        ..item()
    }
}

/// What the rules say of a case.
pub struct Judge {
    pub calendar: Calendar,
    pub profile: Profile,
    pub item: ItemVersion,
    pub hearing: Hearing,
}

impl Judge {
    pub fn new(profile: &str, item: ItemVersion) -> Self {
        Self {
            calendar: Calendar::default(),
            profile: Profile::parse(profile, 1).unwrap(),
            item,
            hearing: Hearing::default(),
        }
    }

    pub fn look(&self, fold: &CaseFold, now: DateTime<Utc>) -> Evaluation {
        let rules = self.profile.rules(&Subject {
            level: None,
            hall: &fold.hall,
            unit: fold.unit.as_deref().unwrap_or_default(),
            item: fold.item.as_deref().unwrap_or_default(),
        });
        let (fold, item) = as_counted(fold, Some(&self.item), &rules);
        let clock = CaseClock::of(&fold, item.as_deref(), &self.calendar, &rules.clock, now);
        evaluate(
            &fold,
            item.as_deref(),
            &clock,
            &rules,
            &self.calendar,
            &self.hearing,
            now,
        )
    }

    /// Lives through the events, each told when it happened: between two instants at which there is something to look at,
    /// nothing may change.
    pub fn live_through(&self, events: &[CaseEvent], until: DateTime<Utc>) -> Result<(), String> {
        let mut events: Vec<&CaseEvent> = events.iter().collect();
        events.sort_by(|a, b| a.cmp_order(b));
        let mut next = 0;
        while next < events.len() {
            let now = events[next].time;
            while events.get(next).is_some_and(|event| event.time <= now) {
                next += 1;
            }
            let fold = CaseFold::fold("1", events[..next].iter().copied());
            let end = events.get(next).map_or(until, |event| event.time);
            self.stand_still(&fold, now, end)?;
        }
        Ok(())
    }

    fn stand_still(
        &self,
        fold: &CaseFold,
        from: DateTime<Utc>,
        end: DateTime<Utc>,
    ) -> Result<(), String> {
        let mut now = from;
        while now < end {
            let seen = self.look(fold, now);
            let next = seen.next_instant.unwrap_or(end).min(end);
            if next <= now {
                return Err(format!("{} looks back to {}", local(now), local(next)));
            }
            let half = TimeDelta::microseconds((next - now).num_microseconds().unwrap() / 2);
            let probes = [now + half, next - TimeDelta::microseconds(1)];
            for probe in probes.into_iter().filter(|&probe| probe > now) {
                let (then, before) = (names(&self.look(fold, probe)), names(&seen));
                if then != before {
                    return Err(format!(
                        "between {now} and {next}, at {probe}: {then:#?} and not {before:#?}"
                    ));
                }
            }
            now = next;
        }
        Ok(())
    }
}

/// What there is, for ever the same, and whether it is over.
pub fn names(seen: &Evaluation) -> Vec<(String, &'static str, DateTime<Utc>, bool)> {
    let name = |anomaly: &mingjing_alerts::rules::Anomaly| {
        (
            anomaly.cause_key.clone(),
            anomaly.grade.as_str(),
            anomaly.due_at,
            anomaly.cleared_at.is_some(),
        )
    };
    seen.anomalies.iter().map(name).collect()
}
