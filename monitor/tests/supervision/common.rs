//! Cases for tests, told by events as a source would send them.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Asia::Shanghai;
use mingjing_monitor::case::CaseFold;
use mingjing_monitor::event::CaseEvent;
use mingjing_monitor::item::{HandlingKind, ItemVersion, Step};
use mingjing_monitor::limit::Limit;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A local instant in the county, `2018-10-15 10:00`.
pub fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_str(&format!("{text}:00 +0800"), "%Y-%m-%d %H:%M:%S %z")
        .unwrap()
        .to_utc()
}

/// An event of the case, received a minute after it happened. `id` is its type and time.
pub fn event(time: &str, kind: &str, data: Value) -> CaseEvent {
    let (instant, id) = match time.len() {
        10 => (time.to_owned(), format!("{kind} {time}")),
        _ => (at(time).to_rfc3339(), format!("{kind} {time}")),
    };
    let mut fields = json!({"hall": "T07", "unit": "RSJ", "window": "3", "item": "PENSION"});
    fields
        .as_object_mut()
        .unwrap()
        .extend(data.as_object().unwrap().clone());
    let value = json!({"specversion": "1.0", "id": id, "source": "//oa", "subject": "17",
        "type": format!("case.{kind}"), "time": instant, "data": fields});
    let event = CaseEvent::from_cloudevent(&value, Utc::now(), Shanghai).unwrap();
    CaseEvent {
        received: event.time + TimeDelta::minutes(1),
        ..event
    }
}

pub fn fold(events: &[CaseEvent]) -> CaseFold {
    CaseFold::fold("17", events)
}

pub fn item() -> ItemVersion {
    let step = |code: &str, days| Step {
        code: code.into(),
        name: code.into(),
        limit: Some(Limit::workdays(days)),
        optional: true,
        repeatable: true,
        after: Some(vec![]),
        ..Step::default()
    };
    ItemVersion {
        code: "PENSION".into(),
        version: 1,
        valid_from: at("2010-01-01 00:00"),
        name: "养老保险待遇核定".into(),
        name_en: String::new(),
        unit: None,
        kind: HandlingKind::Promised,
        promise: Some(Limit::workdays(7)),
        legal: Some(Limit::workdays(10)),
        steps: vec![step("review", 2), step("survey", 3)],
        ..ItemVersion::default()
    }
}

pub fn hearing() -> Value {
    json!({"kind": "hearing", "declared_days": 3, "approver": "王", "notice": "听字1号"})
}

pub fn accepted() -> CaseEvent {
    event("2018-10-15 10:00", "accepted", json!({}))
}

/// Kind, hour, sequence, what it replaces, which step, and chance for what is seldom.
type Choice = (&'static str, i64, Option<i64>, usize, bool, u8);

/// Events of one case: any kinds at a few instants, so that orders, ties and contradictions of every sort come up.
pub fn any_events() -> impl Strategy<Value = Vec<CaseEvent>> {
    let kinds = [
        "applied",
        "supplement_requested",
        "supplement_received",
        "accepted",
        "step_started",
        "step_finished",
        "suspended",
        "resumed",
        "extended",
        "fee",
        "completed",
        "refused",
        "withdrawn",
        "voided",
        "delivered",
        "rated",
        "called_back",
        "put_right",
    ];
    let one = (
        prop::sample::select(kinds.to_vec()),
        0i64..6,
        prop::option::of(0i64..3),
        0usize..12,
        any::<bool>(),
        0u8..8,
    );
    prop::collection::vec(one, 1..14).prop_map(|parts| {
        let make = |(i, (kind, hour, seq, replaces, same_step, flags)): (usize, Choice)| {
            let mut data = json!({"hall": format!("H{}", hour % 2), "handler": format!("p{i}"),
                "step": if same_step { "a" } else { "b" }, "kind": "hearing", "days": 3, "charged": 1, "grade": "satisfied"});
            if kind == "accepted" {
                data["kind"] = json!("joint");
            }
            if flags == 0 && replaces != i {
                data["replaces"] = json!(format!("e{replaces}"));
            }
            if let Some(seq) = seq {
                data["seq"] = json!(seq);
            }
            if flags == 1 {
                data["date_only"] = json!(true);
            }
            let time = at("2018-10-15 10:00") + TimeDelta::hours(hour);
            let value = json!({"specversion": "1.0", "id": format!("e{i}"), "source": format!("//s{}", i % 2), "subject": "17",
                "type": format!("case.{kind}"), "time": time, "data": data});
            CaseEvent::from_cloudevent(&value, time + TimeDelta::minutes(i as i64), Shanghai).unwrap()
        };
        parts.into_iter().enumerate().map(make).collect()
    })
}
