//! Complaints: what their events add up to, and their two clocks (domain.md sections 4 and 6).

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Asia::Shanghai;
use mingjing_monitor::calendar::Calendar;
use mingjing_monitor::case::Advance;
use mingjing_monitor::complaint::{
    ComplaintClock, ComplaintFold, ComplaintLimits, ComplaintStatus, Contradiction,
};
use mingjing_monitor::event::CaseEvent;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::common::at;

fn event(time: &str, kind: &str, data: Value) -> CaseEvent {
    let mut fields = json!({"hall": "T07", "unit": "RSJ"});
    fields
        .as_object_mut()
        .unwrap()
        .extend(data.as_object().unwrap().clone());
    let value = json!({"specversion": "1.0", "id": format!("{kind} {time}"), "source": "//12345", "subject": "TS-1",
        "type": format!("complaint.{kind}"), "time": at(time), "data": fields});
    CaseEvent::from_cloudevent(&value, at(time), Shanghai).unwrap()
}

fn received() -> CaseEvent {
    event(
        "2018-10-15 10:00",
        "received",
        json!({"kind": "irregularity", "channel": "phone", "case": "17"}),
    )
}

fn fold(events: &[CaseEvent]) -> ComplaintFold {
    ComplaintFold::fold("TS-1", events)
}

fn local(instant: DateTime<Utc>) -> String {
    instant
        .with_timezone(&Shanghai)
        .format("%Y-%m-%d %H:%M")
        .to_string()
}

/// `accept warning..due [over]; finish warning..due [over]`, by the standard numbers.
fn clocks(events: &[CaseEvent], now: &str) -> String {
    let (fold, calendar) = (fold(events), Calendar::default());
    let clock = ComplaintClock::of(&fold, &calendar, &ComplaintLimits::default());
    let show = |due: &mingjing_monitor::complaint::ComplaintDue<'_>| {
        let over = if due.is_over(at(now)) { " over" } else { "" };
        let warning = due.warning_at.map_or("-".into(), local);
        format!(
            "{} {warning}..{}{over}",
            due.stage.as_str(),
            local(due.deadline.due)
        )
    };
    clock.dues().map(show).collect::<Vec<_>>().join("; ")
}

#[test]
fn a_complaint_goes_from_receipt_to_its_close() {
    let steps = [
        ("received", "2018-10-15 10:00", ComplaintStatus::Received),
        ("accepted", "2018-10-16 09:00", ComplaintStatus::Accepted),
        ("handling", "2018-10-17 09:00", ComplaintStatus::Handling),
        ("replied", "2018-10-25 09:00", ComplaintStatus::Replied),
        (
            "called_back",
            "2018-10-26 09:00",
            ComplaintStatus::CalledBack,
        ),
        ("closed", "2018-10-29 09:00", ComplaintStatus::Closed),
    ];
    let mut events = Vec::new();
    for (kind, time, status) in steps {
        events.push(event(
            time,
            kind,
            json!({"mode": "assigned", "to": "人社局", "upheld": true}),
        ));
        assert_eq!(fold(&events).status, status, "after {kind}");
    }
    let done = fold(&events);
    assert_eq!(done.contradictions, []);
    assert_eq!(done.handling[0].to.as_deref(), Some("人社局"));
    assert_eq!(done.upheld, Some(true));
    assert_eq!(done.finished().unwrap().at, at("2018-10-25 09:00"));
}

#[test]
fn it_is_accepted_in_three_workdays_and_answered_in_ten() {
    // Monday, 10:00. The day of receipt does not count.
    let mut events = vec![received()];
    assert_eq!(
        clocks(&events, "2018-10-18 17:30"),
        "accept 2018-10-18 09:51..2018-10-18 17:30"
    );
    assert_eq!(
        clocks(&events, "2018-10-18 17:31"),
        "accept 2018-10-18 09:51..2018-10-18 17:30 over"
    );
    // Ten from acceptance; a warning two workdays before.
    events.push(event("2018-10-16 09:00", "accepted", json!({})));
    assert_eq!(
        clocks(&events, "2018-10-30 17:31"),
        "accept 2018-10-18 09:51..2018-10-18 17:30; finish 2018-10-26 17:30..2018-10-30 17:30 over"
    );
    // Extended once, by ten at most.
    events.push(event("2018-10-29 09:00", "extended", json!({"days": 15})));
    assert_eq!(
        clocks(&events, "2018-10-30 17:31"),
        "accept 2018-10-18 09:51..2018-10-18 17:30; finish 2018-11-09 17:30..2018-11-13 17:30"
    );
    // The answer stops it; what comes after does not matter to it.
    events.push(event("2018-11-13 17:30", "replied", json!({})));
    events.push(event("2018-11-20 09:00", "called_back", json!({})));
    assert!(!clocks(&events, "2018-12-01 09:00").contains("over"));
}

#[test]
fn a_consultation_has_the_same_clocks() {
    let asked = event(
        "2018-10-15 10:00",
        "received",
        json!({"kind": "consultation"}),
    );
    assert!(fold(std::slice::from_ref(&asked)).is_consultation());
    assert_eq!(
        clocks(&[asked], "2018-10-16 09:00"),
        clocks(&[received()], "2018-10-16 09:00")
    );
}

#[test]
fn refused_with_a_reason_it_is_over() {
    let refused = event(
        "2018-10-16 09:00",
        "refused",
        json!({"reason": "不属受理范围"}),
    );
    let fold = fold(&[received(), refused.clone()]);
    assert_eq!(fold.status, ComplaintStatus::Refused);
    assert_eq!(fold.reason.as_deref(), Some("不属受理范围"));
    assert_eq!(
        clocks(&[received(), refused], "2018-12-01 09:00"),
        "accept 2018-10-18 09:51..2018-10-18 17:30"
    );
}

#[test]
fn what_is_answered_without_acceptance_is_counted_from_receipt() {
    let replied = event("2018-11-01 09:00", "replied", json!({}));
    let clocks = clocks(&[received(), replied.clone()], "2018-11-02 09:00");
    assert!(
        clocks.ends_with("finish 2018-10-25 17:30..2018-10-29 17:30 over"),
        "{clocks}"
    );
    let kinds: Vec<Contradiction> = fold(&[received(), replied])
        .contradictions
        .iter()
        .map(|it| it.kind)
        .collect();
    assert_eq!(kinds, [Contradiction::NotAccepted]);
}

#[test]
fn contradictions_are_kept_and_the_first_word_counts() {
    let events = [
        event("2018-10-15 09:00", "handling", json!({})),
        received(),
        event("2018-10-15 11:00", "received", json!({})),
        event("2018-10-16 09:00", "accepted", json!({})),
        event("2018-10-16 10:00", "refused", json!({})),
        event("2018-10-17 09:00", "extended", json!({"days": 5})),
        event("2018-10-17 10:00", "extended", json!({"days": 9})),
        event("2018-10-18 09:00", "called_back", json!({})),
        event("2018-10-19 09:00", "closed", json!({})),
        event("2018-10-20 09:00", "replied", json!({})),
    ];
    let folded = fold(&events);
    let kinds: Vec<Contradiction> = folded.contradictions.iter().map(|it| it.kind).collect();
    use Contradiction::*;
    assert_eq!(
        kinds,
        [
            NotAccepted,
            BeforeReceived,
            ReceivedTwice,
            DecidedTwice,
            ExtendedTwice,
            CalledBackUnanswered,
            AfterClosed
        ]
    );
    assert_eq!(folded.status, ComplaintStatus::Closed);
    assert_eq!(folded.extension.unwrap().days, 5);
    assert_eq!(folded.received.unwrap().at, at("2018-10-15 10:00"));
}

#[test]
fn a_correction_takes_the_corrected_word_out() {
    let mut corrected = event("2018-10-17 09:00", "received", json!({}));
    corrected.replaces = Some(received().id);
    let folded = fold(&[received(), corrected.clone()]);
    assert_eq!(folded.received.unwrap().at, at("2018-10-17 09:00"));
    assert_eq!(folded.contradictions, []);
    assert_eq!(
        fold(&[received()]).advance(&corrected),
        Advance::NeedsRefold
    );
}

fn any_events() -> impl Strategy<Value = Vec<CaseEvent>> {
    let kinds = [
        "received",
        "accepted",
        "refused",
        "handling",
        "extended",
        "replied",
        "called_back",
        "closed",
    ];
    let one = (
        prop::sample::select(kinds.to_vec()),
        0i64..5,
        prop::option::of(0i64..3),
        0usize..10,
        0u8..8,
    );
    prop::collection::vec(one, 1..10).prop_map(|parts| {
        let make = |(i, (kind, hour, seq, replaces, flags)): (usize, (&str, i64, _, _, u8))| {
            let mut data = json!({"hall": format!("H{}", hour % 2), "days": 3});
            if flags == 0 && replaces != i {
                data["replaces"] = json!(format!("e{replaces}"));
            }
            if let Some(seq) = seq as Option<i64> {
                data["seq"] = json!(seq);
            }
            let time = at("2018-10-15 10:00") + TimeDelta::hours(hour);
            let value = json!({"specversion": "1.0", "id": format!("e{i}"), "source": format!("//s{}", i % 2),
                "subject": "TS-1", "type": format!("complaint.{kind}"), "time": time, "data": data});
            CaseEvent::from_cloudevent(&value, time + TimeDelta::minutes(i as i64), Shanghai).unwrap()
        };
        parts.into_iter().enumerate().map(make).collect()
    })
}

proptest! {
    #[test]
    fn any_order_and_repetition_gives_the_same_complaint(events in any_events(), order in any::<u64>()) {
        let expected = fold(&events);
        let mut shuffled = events.clone();
        shuffled.extend(events.iter().take(3).cloned());
        shuffled.sort_by_key(|event| event.id.bytes().fold(order, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into())));
        prop_assert_eq!(&fold(&shuffled), &expected);

        // Taken in one by one, folding afresh where it says so.
        let (mut known, mut state) = (Vec::new(), ComplaintFold::new("TS-1"));
        for event in &shuffled {
            known.push(event.clone());
            if state.advance(event) == Advance::NeedsRefold {
                state = fold(&known);
            }
        }
        prop_assert_eq!(&state, &expected);
    }
}
