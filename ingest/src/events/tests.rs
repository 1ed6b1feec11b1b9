use axum::http::HeaderValue;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn headers(kind: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_str(kind).unwrap());
    headers
}

fn at() -> DateTime<Utc> {
    "2026-11-20T02:00:00Z".parse().unwrap()
}

fn take(kind: &str, body: &[u8]) -> Result<Parsed, Refusal> {
    parse(&headers(kind), body, at(), chrono_tz::Asia::Shanghai)
}

fn batch(body: &Value) -> Parsed {
    take(
        "application/cloudevents-batch+json",
        body.to_string().as_bytes(),
    )
    .unwrap()
}

fn accepted(id: &str) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "//approval.county", "type": "case.accepted",
        "subject": "2026-320382-000017", "time": "2026-11-20T09:12:00+08:00",
        "data": {"hall": "320382-T07", "window": "3", "unit": "人社局", "item": "T07-PENSION", "handler": "0731"}})
}

#[test]
fn the_documented_example_is_read_in_all_three_modes() {
    let event = accepted("a-17");
    let structured = take(
        "application/cloudevents+json; charset=UTF-8",
        event.to_string().as_bytes(),
    )
    .unwrap();
    assert_eq!(structured.events.len(), 1, "{:?}", structured.rejected);
    let one = &structured.events[0].1;
    assert_eq!(
        (one.id.as_str(), one.place.hall.as_str()),
        ("a-17", "320382-T07")
    );
    assert_eq!(
        one.time,
        "2026-11-20T01:12:00Z".parse::<DateTime<Utc>>().unwrap()
    );
    assert_eq!(one.received, at());

    assert_eq!(batch(&json!([event])).events, structured.events);

    let mut binary = headers("application/json");
    for (name, value) in event.as_object().unwrap() {
        if let Some(text) = value.as_str() {
            let name: axum::http::HeaderName = format!("ce-{name}").parse().unwrap();
            binary.insert(name, HeaderValue::from_str(text).unwrap());
        }
    }
    let body = event["data"].to_string();
    let parsed = parse(&binary, body.as_bytes(), at(), chrono_tz::Asia::Shanghai).unwrap();
    assert_eq!(parsed, structured);

    // A value that is not ASCII travels percent-encoded.
    binary.insert("ce-subject", HeaderValue::from_static("%E5%8A%9E-17"));
    let parsed = parse(&binary, body.as_bytes(), at(), chrono_tz::Asia::Shanghai).unwrap();
    assert_eq!(parsed.events[0].1.case_no.as_deref(), Some("办-17"));
}

#[test]
fn base64_data_is_data() {
    use base64::Engine;
    let mut event = accepted("a-1");
    let data = event.as_object_mut().unwrap().remove("data").unwrap();
    let text = base64::engine::general_purpose::STANDARD.encode(data.to_string());
    event["data_base64"] = json!(text);
    assert_eq!(
        batch(&json!([event])).events,
        batch(&json!([accepted("a-1")])).events
    );
    event["data"] = data;
    assert!(
        batch(&json!([event])).rejected[0]
            .reason
            .contains("keep one")
    );
}

#[test]
fn a_date_alone_is_taken_and_marked() {
    let mut event = accepted("a-1");
    event["time"] = json!("2026-11-20");
    let parsed = batch(&json!([event]));
    let one = &parsed.events[0].1;
    assert!(one.date_only);
    assert_eq!(
        one.time,
        "2026-11-19T16:00:00Z".parse::<DateTime<Utc>>().unwrap()
    );
}

#[test]
fn one_bad_event_never_spoils_its_batch() {
    let with = |name: &str, value: Value| {
        let mut event = accepted("bad");
        event[name] = value;
        event
    };
    let without = |name: &str| {
        let mut event = accepted("bad");
        event.as_object_mut().unwrap().remove(name);
        event
    };
    let bad = [
        (json!(7), "JSON object"),
        (without("id"), "`id`"),
        (without("time"), "time"),
        (with("time", json!("yesterday")), "time"),
        (with("specversion", json!("0.3")), "specversion"),
        (with("source", json!("//审批")), "`source`"),
        (with("type", json!("case.eaten")), "type"),
        (with("dataschema", json!("no-scheme")), "`dataschema`"),
        (
            with("datacontenttype", json!("text/xml")),
            "`datacontenttype`",
        ),
        (with("data_base64", json!("?")), "data"),
        (with("extra", json!({"a": 1})), "`extra`"),
        (with("subject", json!("")), "`subject`"),
        (with("data", json!({"window": "1"})), "hall"),
        (
            with(
                "data",
                json!({"hall": "h", "promise_limit": {"n": 0, "unit": "day"}}),
            ),
            "promise_limit",
        ),
    ];
    let mut events = vec![accepted("first")];
    events.extend(bad.iter().map(|(event, _)| event.clone()));
    events.push(accepted("last"));
    let parsed = batch(&Value::Array(events));
    let indexes: Vec<_> = parsed.events.iter().map(|(index, _)| *index).collect();
    assert_eq!(indexes, [0, bad.len() + 1]);
    for (i, (_, word)) in bad.iter().enumerate() {
        let rejection = &parsed.rejected[i];
        assert_eq!(rejection.index, i + 1);
        assert!(rejection.reason.contains(word), "{word}: {rejection:?}");
    }
    assert_eq!(parsed.rejected[2].id.as_deref(), Some("bad"));
}

#[test]
fn absurd_nesting_spoils_only_itself() {
    for n in [40, 200, 200_000] {
        let deep = format!("{}1{}", "[".repeat(n), "]".repeat(n));
        let bad = accepted("deep").to_string().replace("\"0731\"", &deep);
        let body = format!("[{},{bad},{}]", accepted("a"), accepted("b"));
        let parsed = take("application/cloudevents-batch+json", body.as_bytes()).unwrap();
        assert_eq!(parsed.events.len(), 2);
        assert_eq!(parsed.rejected[0].index, 1);
    }
}

#[test]
fn what_is_no_cloudevent_at_all_is_refused_as_a_whole() {
    let refused = |kind: &str, body: &str| take(kind, body.as_bytes()).unwrap_err();
    assert!(matches!(refused("text/plain", "{}"), Refusal::MediaType(_)));
    assert!(matches!(
        refused("application/json", "{}"),
        Refusal::MediaType(_)
    ));
    assert!(matches!(
        refused("application/cloudevents+json; charset=gbk", "{}"),
        Refusal::MediaType(_)
    ));
    assert!(matches!(
        refused("application/cloudevents-batch+json", "[{]"),
        Refusal::Malformed(_)
    ));
    assert!(matches!(
        refused("application/cloudevents-batch+json", "{}"),
        Refusal::Malformed(_)
    ));
    assert!(matches!(
        refused("application/cloudevents+json", "[]"),
        Refusal::Malformed(_)
    ));
    let many = format!("[{}1]", "1,".repeat(MAX_EVENTS));
    assert_eq!(
        refused("application/cloudevents-batch+json", &many),
        Refusal::TooManyEvents(MAX_EVENTS + 1)
    );
    let large = " ".repeat(MAX_BODY + 1);
    assert_eq!(
        refused("application/cloudevents+json", &large),
        Refusal::TooLarge
    );
    assert_eq!(batch(&json!([])), Parsed::default());
}

/// The attributes' types, emptiness and presence after the CloudEvents project's own JSON schema.
#[test]
fn attributes_are_taken_and_refused_as_the_published_schema_says() {
    let Some(path) = shared("parsers/cloudevents/cloudevents.schema.json") else {
        return;
    };
    let schema: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let required: Vec<_> = schema["required"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    let mut checked = 0;
    for (name, property) in schema["properties"].as_object().unwrap() {
        if name == "data" || name == "data_base64" {
            continue; // Any value is data for the schema; what data we understand is our own matter.
        }
        let definition = property["$ref"]
            .as_str()
            .unwrap()
            .trim_start_matches("#/definitions/");
        let definition = &schema["definitions"][definition];
        let types: Vec<_> = match &definition["type"] {
            Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
            one => vec![one.as_str().unwrap()],
        };
        let values = [
            None,
            Some(json!("")),
            Some(json!(1)),
            Some(json!(true)),
            Some(Value::Null),
            Some(json!({})),
        ];
        for value in values {
            let good = match &value {
                None => !required.contains(&name.as_str()),
                Some(Value::String(_)) => definition["minLength"].as_u64().unwrap_or(0) == 0,
                Some(Value::Null) => types.contains(&"null"),
                Some(_) => false,
            };
            let mut event = json!({"specversion": "1.0", "id": "x", "source": "//s", "type": "t"});
            match value {
                None => drop(event.as_object_mut().unwrap().remove(name)),
                Some(value) => event[name] = value,
            }
            assert_eq!(
                envelope::check(&mut event.clone()).is_ok(),
                good,
                "{name}: {event}"
            );
            checked += 1;
        }
        for example in property["examples"].as_array().into_iter().flatten() {
            // Data that is not JSON is good CloudEvents and no case event.
            if name == "datacontenttype" && example != "application/json" {
                continue;
            }
            let mut event = json!({"specversion": "1.0", "id": "x", "source": "//s", "type": "t"});
            event[name] = example.clone();
            assert_eq!(envelope::check(&mut event), Ok(()), "{name}: {example}");
        }
    }
    assert_eq!(checked, 8 * 6);
}

/// A file of the shared test data; `None` (and a printed line) only where there is no shared data at all.
fn shared(path: &str) -> Option<std::path::PathBuf> {
    crate::testing::shared(path)
}

proptest! {
    #[test]
    fn garbage_never_panics(body in prop::collection::vec(any::<u8>(), 0..300), batched: bool) {
        let kind = if batched { "application/cloudevents-batch+json" } else { "application/cloudevents+json" };
        let _ = take(kind, &body);
    }

    #[test]
    fn a_damaged_event_is_refused_or_named(cut in 0usize..300, byte: u8) {
        let mut body = json!([accepted("a"), accepted("b")]).to_string().into_bytes();
        let at = cut % body.len();
        body[at] = byte;
        if let Ok(parsed) = take("application/cloudevents-batch+json", &body) {
            prop_assert_eq!(parsed.events.len() + parsed.rejected.len(), 2);
        }
    }
}
