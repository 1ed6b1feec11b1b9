//! Reading events as strangers send them.

use chrono::{DateTime, Utc};
use chrono_tz::Asia::Shanghai;
use mingjing_monitor::event::{CaseEvent, EventError, EventKind, Extends, RatingGrade};
use mingjing_monitor::item::HandlingKind;
use mingjing_monitor::limit::Limit;
use proptest::prelude::*;
use serde_json::{Value, json};

fn received() -> DateTime<Utc> {
    "2026-11-20T01:12:03Z".parse().unwrap()
}

fn read(event: &Value) -> Result<CaseEvent, EventError> {
    CaseEvent::from_cloudevent(event, received(), Shanghai)
}

/// The example of the interface's description.
fn accepted() -> Value {
    json!({"specversion":"1.0","id":"a-17","source":"//approval.county","type":"case.accepted","subject":"2026-320382-000017",
      "time":"2026-11-20T09:12:00+08:00",
      "data":{"hall":"320382-T07","window":"3","unit":"人社局","item":"T07-PENSION","handler":"0731"}})
}

/// The event with one field changed; `path` as in `/data/hall`, `null` takes it out.
fn with(mut event: Value, path: &str, value: Value) -> Value {
    let (parent, field) = path.rsplit_once('/').unwrap();
    let object = event.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Value::Null => object.remove(field),
        value => object.insert(field.into(), value),
    };
    event
}

fn of_type(name: &str, data: Value) -> Value {
    let mut event = with(accepted(), "/type", json!(name));
    event["data"] = json!({"hall": "H"});
    event["data"]
        .as_object_mut()
        .unwrap()
        .extend(data.as_object().unwrap().clone());
    event
}

#[test]
fn the_example_is_read_whole() {
    let event = read(&accepted()).unwrap();
    assert_eq!(event.source, "//approval.county");
    assert_eq!(event.case_no.as_deref(), Some("2026-320382-000017"));
    assert_eq!(
        event.time,
        "2026-11-20T01:12:00Z".parse::<DateTime<Utc>>().unwrap()
    );
    assert_eq!((event.received, event.date_only), (received(), false));
    assert_eq!(event.place.hall, "320382-T07");
    assert_eq!(event.place.window.as_deref(), Some("3"));
    assert_eq!(event.place.unit.as_deref(), Some("人社局"));
    assert_eq!(event.place.handler.as_deref(), Some("0731"));
    assert_eq!(event.kind, EventKind::Accepted(Default::default()));
}

#[test]
fn every_type_is_read_and_written_back() {
    let events = [
        of_type(
            "case.applied",
            json!({"channel":"web","applicant":{"name":"张三","phone":"13800005678","id_hash":"ab"}}),
        ),
        of_type(
            "case.accepted",
            json!({"kind":"promised","promise_limit":{"n":7,"unit":"workday"},"legal_due":"2026-12-01T17:30:00+08:00"}),
        ),
        of_type("case.supplement_requested", json!({"reason":"缺身份证"})),
        of_type("case.supplement_received", json!({})),
        of_type(
            "case.step_started",
            json!({"step":"survey","role":"surveyor","offline":true}),
        ),
        of_type(
            "case.step_finished",
            json!({"step":"survey","result":"ok","seq":4}),
        ),
        of_type(
            "case.suspended",
            json!({"kind":"hearing","declared_days":3,"approver":"王","notice":"2026-1"}),
        ),
        of_type("case.resumed", json!({})),
        of_type(
            "case.extended",
            json!({"limit":"both","days":10,"notice":"2026-2"}),
        ),
        of_type("case.completed", json!({"result":"准予"})),
        of_type("case.refused", json!({"reason":"不符合条件"})),
        of_type("case.withdrawn", json!({})),
        of_type("case.voided", json!({"reason":"重复"})),
        of_type("case.delivered", json!({})),
        of_type(
            "case.fee",
            json!({"charged":12.5,"standard":20.0,"relief_reason":"低保"}),
        ),
        of_type(
            "case.rated",
            json!({"grade":"very_dissatisfied","comment":"排队太久"}),
        ),
        of_type("case.called_back", json!({"text":"已致歉"})),
        of_type("case.put_right", json!({"text":"已加派人手"})),
        of_type(
            "complaint.received",
            json!({"kind":"irregularity","channel":"phone","case":"1","text":"无人"}),
        ),
        of_type("complaint.accepted", json!({})),
        of_type("complaint.refused", json!({"reason":"无关"})),
        of_type(
            "complaint.handling",
            json!({"mode":"assigned","to":"人社局"}),
        ),
        of_type("complaint.extended", json!({"days":10})),
        of_type("complaint.replied", json!({"text":"已改正","upheld":true})),
        of_type("complaint.called_back", json!({})),
        of_type("complaint.closed", json!({"upheld":true})),
        of_type(
            "window.paused",
            json!({"window":"3","until":"2026-11-20T10:00:00Z","reason":"取件"}),
        ),
        of_type("hall.opened", json!({})),
        of_type("hall.closed", json!({})),
        of_type(
            "terminal.heartbeat",
            json!({"terminal":"1","up_since":"2026-11-20T00:30:00Z"}),
        ),
        of_type(
            "service.assisted",
            json!({"kind":"query","channel":"terminal","applicant":{"id_hash":"z3"}}),
        ),
        of_type("window.leave", json!({"window":"3","approver":"李"})),
        of_type("window.resumed", json!({"window":"3"})),
        of_type(
            "source.heartbeat",
            json!({"complete_until":"2026-11-20T01:00:00Z"}),
        ),
    ];
    let mut types: Vec<_> = events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect();
    types.sort_unstable();
    let mut known = EventKind::TYPES.to_vec();
    known.sort_unstable();
    assert_eq!(types, known, "an event of every type");
    for value in events {
        let event = read(&value).unwrap_or_else(|error| panic!("{}: {error}", value["type"]));
        assert_eq!(event.kind.type_name(), value["type"]);
        let written = event.to_cloudevent();
        for (field, sent) in value["data"].as_object().unwrap() {
            let kept = &written["data"][field];
            let same_instant = || {
                let instant = |value: &Value| {
                    value
                        .as_str()
                        .and_then(|text| text.parse::<DateTime<Utc>>().ok())
                };
                instant(kept).is_some() && instant(kept) == instant(sent)
            };
            assert!(
                kept == sent || same_instant(),
                "{} {field}: {kept} instead of {sent}",
                value["type"]
            );
        }
        assert_eq!(read(&written).unwrap(), event);
        let stored = serde_json::to_string(&event).unwrap();
        assert_eq!(
            serde_json::from_str::<CaseEvent>(&stored).unwrap(),
            event,
            "{stored}"
        );
    }
}

#[test]
fn fields_keep_their_meaning() {
    let event = read(&of_type(
        "case.accepted",
        json!({"kind":"joint","promise_limit":{"n":7,"unit":"workday"}}),
    ))
    .unwrap();
    assert_eq!(event.place.promise_limit, Some(Limit::workdays(7)));
    assert!(
        matches!(event.kind, EventKind::Accepted(data) if data.kind == Some(HandlingKind::Joint))
    );
    let event = read(&of_type("case.extended", json!({"days":5}))).unwrap();
    assert!(
        matches!(event.kind, EventKind::Extended(data) if data.limit == Extends::Legal && data.days == 5)
    );
    let event = read(&of_type("case.rated", json!({"grade":"dissatisfied"}))).unwrap();
    assert!(
        matches!(event.kind, EventKind::Rated(data) if data.grade == RatingGrade::Dissatisfied)
    );
    let event = read(&of_type("case.fee", json!({"charged": 19.99}))).unwrap();
    assert!(matches!(event.kind, EventKind::Fee(data) if data.charged.fen == 1999));
}

#[test]
fn a_bare_date_counts_from_the_start_of_the_local_day() {
    let event = read(&with(accepted(), "/time", json!("2026-11-20"))).unwrap();
    assert!(event.date_only);
    assert_eq!(
        event.time,
        "2026-11-19T16:00:00Z".parse::<DateTime<Utc>>().unwrap()
    );
    assert_eq!(read(&event.to_cloudevent()).unwrap(), event);
}

#[test]
fn wrong_events_are_named_by_what_is_wrong() {
    let error = |path: &str, value: Value| {
        read(&with(accepted(), path, value))
            .unwrap_err()
            .to_string()
    };
    assert_eq!(error("/id", Value::Null), "`id` is missing or empty");
    assert_eq!(error("/source", json!("")), "`source` is missing or empty");
    assert_eq!(
        error("/subject", Value::Null),
        "`subject` is missing or empty"
    );
    assert_eq!(error("/time", Value::Null), "`time` is missing or empty");
    assert_eq!(
        error("/data/hall", Value::Null),
        "`data.hall` is missing or empty"
    );
    assert_eq!(
        error("/specversion", json!("0.3")),
        "`specversion`: must be \"1.0\""
    );
    assert_eq!(
        error("/type", json!("case.eaten")),
        "`type`: \"case.eaten\" is not a known event type"
    );
    assert!(error("/time", json!("yesterday")).starts_with("`time`: is not a time"));
    assert!(error("/time", json!("9999-01-01T00:00:00Z")).contains("years 1900 to 2199"));
    assert!(error("/id", json!(17)).starts_with("`id`: invalid type: integer `17`"));
    assert!(
        error("/data/window", json!(3)).starts_with("`data.window`: invalid type: integer `3`")
    );
    assert!(
        error("/data/promise_limit", json!({"n":7,"unit":"week"}))
            .starts_with("`data.promise_limit.unit`: unknown variant")
    );
    assert!(error("/data/promise_limit", json!({"n":0,"unit":"day"})).contains("out of range"));
    assert!(error("/data/legal_due", json!("2026-11-20")).starts_with("`data.legal_due`: "));
    assert!(
        error("/data/kind", json!("quick")).starts_with("`data.kind`: unknown variant `quick`")
    );
    assert!(error("/data/replaces", json!("a-17")).contains("cannot replace itself"));
    assert!(error("/subject", json!("x".repeat(201))).starts_with("`subject`: is longer"));
    assert!(error("/data/hall", json!("a\u{0}b")).contains("control character"));
    assert!(error("/data", json!(["H"])).starts_with("`data`: must be an object"));
    assert_eq!(read(&json!([])).unwrap_err(), EventError::NotAnObject);
    let step = read(&of_type("case.step_started", json!({})))
        .unwrap_err()
        .to_string();
    assert_eq!(step, "`data`: missing field `step`");
    let fee = read(&of_type("case.fee", json!({"charged": 1.234})))
        .unwrap_err()
        .to_string();
    assert!(
        fee.starts_with("`data.charged`: 1.234 is not an amount"),
        "{fee}"
    );
    let window = read(&of_type("window.paused", json!({}))).unwrap_err();
    assert_eq!(window, EventError::Missing("data.window"));
}

#[test]
fn what_is_not_understood_is_ignored_and_does_not_change_the_content() {
    let event = read(&accepted()).unwrap();
    let more = with(
        with(accepted(), "/data/colour", json!("red")),
        "/datacontenttype",
        json!("application/json"),
    );
    assert_eq!(read(&more).unwrap(), event);
    assert_eq!(read(&more).unwrap().content_hash(), event.content_hash());
}

#[test]
fn the_content_hash_is_of_what_the_sender_wrote() {
    let event = read(&accepted()).unwrap();
    let other_offset = with(accepted(), "/time", json!("2026-11-20T01:12:00Z"));
    assert_eq!(
        read(&other_offset).unwrap().content_hash(),
        event.content_hash()
    );
    let later = CaseEvent {
        received: received() + chrono::TimeDelta::days(1),
        initial_load: true,
        ..event.clone()
    };
    assert_eq!(later.content_hash(), event.content_hash());
    let changes = [
        ("/time", json!("2026-11-20T09:12:00.000001+08:00")),
        ("/data/window", json!("4")),
        ("/data/seq", json!(1)),
        ("/data/replaces", json!("a-16")),
        ("/data/date_only", json!(true)),
        ("/subject", json!("another")),
        ("/type", json!("case.resumed")),
    ];
    for (path, value) in changes {
        let changed = read(&with(accepted(), path, value)).unwrap();
        assert_ne!(changed.content_hash(), event.content_hash(), "{path}");
    }
    // It is kept in databases: it may never change for the same event.
    let hex: String = event
        .content_hash()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(
        hex,
        "c1c1de085510fc3e697660def08cddc139846934baf000783c28f61beea976c1"
    );
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        ".{0,12}".prop_map(Value::from),
        Just(json!("2026-11-20T09:12:00+08:00")),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,8}", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_that_is_sent_brings_the_reader_down(
        kind in prop::sample::select(EventKind::TYPES),
        field in prop::sample::select(&["hall", "step", "days", "declared_days", "kind", "limit", "charged", "grade", "applicant",
            "promise_limit", "promise_due", "complete_until", "seq", "replaces", "until", "date_only"][..]),
        value in any_json(),
        time in prop_oneof![Just(json!("2026-11-20T09:12:00+08:00")), any_json()],
    ) {
        let mut event = with(of_type(kind, json!({})), "/data/window", json!("1"));
        event["data"][field] = value;
        event["time"] = time;
        if let Ok(event) = read(&event) {
            prop_assert_eq!(read(&event.to_cloudevent()).unwrap(), event);
        }
    }
}
