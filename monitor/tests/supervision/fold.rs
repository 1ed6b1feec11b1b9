//! The fold of a case: the same whatever the order in which its events arrive.

use crate::common::{accepted, any_events, at, event, fold, hearing};
use chrono::TimeDelta;
use mingjing_monitor::case::{Advance, AnomalyKind, CaseFold, CaseStatus, held};
use mingjing_monitor::event::CaseEvent;
use mingjing_monitor::item::HandlingKind;
use proptest::prelude::*;
use serde_json::json;

#[test]
fn a_life_is_told_in_order() {
    let fold = fold(&[
        event(
            "2018-10-12 09:00",
            "applied",
            json!({"channel": "web", "applicant": {"name": "张三"}, "hall": "C", "window": "9"}),
        ),
        event(
            "2018-10-12 10:00",
            "supplement_requested",
            json!({"reason": "身份证"}),
        ),
        event("2018-10-15 09:00", "supplement_received", json!({})),
        event(
            "2018-10-15 10:00",
            "accepted",
            json!({"kind": "joint", "handler": "0731"}),
        ),
        event(
            "2018-10-15 11:00",
            "step_started",
            json!({"step": "survey", "role": "surveyor", "offline": true, "unit": "ZJJ"}),
        ),
        event(
            "2018-10-16 11:00",
            "step_finished",
            json!({"step": "survey", "result": "ok", "handler": "0802"}),
        ),
        event(
            "2018-10-16 12:00",
            "fee",
            json!({"charged": 10, "standard": 20}),
        ),
        event("2018-10-17 10:00", "suspended", hearing()),
        event("2018-10-18 10:00", "resumed", json!({})),
        event("2018-10-19 10:00", "extended", json!({"days": 5})),
        event("2018-10-20 10:00", "completed", json!({"result": "准予"})),
        event("2018-10-21 10:00", "delivered", json!({})),
        event("2018-10-22 10:00", "rated", json!({"grade": "satisfied"})),
    ]);
    assert_eq!(fold.status, CaseStatus::Completed);
    assert_eq!(
        (
            fold.hall.as_str(),
            fold.window.as_deref(),
            fold.unit.as_deref()
        ),
        ("T07", Some("3"), Some("RSJ"))
    );
    assert_eq!(
        (fold.kind, fold.handler.as_deref()),
        (Some(HandlingKind::Joint), Some("0802"))
    );
    assert_eq!(fold.applicant.unwrap().name.as_deref(), Some("张三"));
    assert_eq!(fold.accepted.unwrap().at, at("2018-10-15 10:00"));
    assert_eq!(fold.decided.as_ref().unwrap().at, at("2018-10-20 10:00"));
    assert_eq!(fold.decided.unwrap().received, at("2018-10-20 10:01"));
    assert_eq!(
        (fold.outcome.as_deref(), fold.delivered.is_some()),
        (Some("准予"), true)
    );
    let run = &fold.steps[0];
    assert_eq!(
        (run.unit.as_deref(), run.handler.as_deref(), run.offline),
        (Some("ZJJ"), Some("0802"), true)
    );
    assert!(run.started.is_some() && run.finished.is_some());
    assert_eq!(
        (
            fold.suspensions.len(),
            fold.supplements.len(),
            fold.fees.len(),
            fold.events
        ),
        (1, 1, 1, 13)
    );
    assert_eq!(
        fold.suspensions[0].resumed.as_ref().unwrap().at,
        at("2018-10-18 10:00")
    );
    assert!(fold.rating.is_some() && fold.extension.is_some() && fold.data_anomalies.is_empty());
}

#[test]
fn contradictions_are_kept_and_named() {
    let kinds = |events: &[CaseEvent]| {
        fold(events)
            .data_anomalies
            .iter()
            .map(|anomaly| anomaly.kind)
            .collect::<Vec<_>>()
    };
    let step = || json!({"step": "survey"});
    let finished_first = [
        event("2018-10-16 10:00", "step_finished", step()),
        event("2018-10-16 12:00", "step_started", step()),
    ];
    assert_eq!(
        kinds(&finished_first),
        [AnomalyKind::StepFinishedBeforeStarted]
    );
    assert_eq!(fold(&finished_first).steps.len(), 1);
    let ended_first = [
        event("2018-10-12 10:00", "completed", json!({})),
        accepted(),
    ];
    assert_eq!(kinds(&ended_first), [AnomalyKind::EndsBeforeStart]);
    assert_eq!(fold(&ended_first).status, CaseStatus::Completed);
    assert_eq!(
        kinds(&[accepted(), event("2018-10-16 10:00", "accepted", json!({}))]),
        [AnomalyKind::AcceptedTwice]
    );
    assert_eq!(
        kinds(&[accepted(), event("2018-10-16 10:00", "applied", json!({}))]),
        [AnomalyKind::AcceptedBeforeApplied]
    );
    assert_eq!(
        kinds(&[accepted(), event("2018-10-16 10:00", "resumed", json!({}))]),
        [AnomalyKind::ResumedWithoutSuspension]
    );
    let ended_twice = [
        event("2018-10-16 10:00", "completed", json!({})),
        event("2018-10-17 10:00", "voided", json!({})),
    ];
    assert_eq!(kinds(&ended_twice), [AnomalyKind::EndedTwice]);
    assert_eq!(
        fold(&ended_twice).decided.unwrap().at,
        at("2018-10-16 10:00"),
        "the clock stopped at the first"
    );
    let future = fold(&[
        accepted(),
        event("2018-10-16 10:00", "step_started", step()),
    ])
    .in_future(at("2018-10-16 09:59"));
    assert_eq!(
        (future.len(), future[0].kind, future[0].step.as_deref()),
        (1, AnomalyKind::InFuture, Some("survey"))
    );
}

#[test]
fn a_bare_date_raises_no_anomaly_of_order() {
    let events = [
        accepted(),
        event("2018-10-15", "applied", json!({})),
        event(
            "2018-10-15 11:00",
            "step_started",
            json!({"step": "survey"}),
        ),
        event("2018-10-15", "step_finished", json!({"step": "survey"})),
        event("2018-10-15", "completed", json!({})),
    ];
    let fold = fold(&events);
    assert_eq!(fold.data_anomalies, []);
    assert!(fold.steps[0].started.is_some() && fold.steps[0].finished.is_some());
}

#[test]
fn events_of_one_instant_go_by_sequence_and_then_by_their_place_in_life() {
    let same = "2018-10-15 10:00";
    let fold_of = |events: &[CaseEvent]| fold(events);
    let case = fold_of(&[
        event(same, "resumed", json!({})),
        event(same, "suspended", hearing()),
        accepted(),
    ]);
    assert_eq!(
        (case.status, case.data_anomalies.len()),
        (CaseStatus::Accepted, 0),
        "suspended before resumed"
    );
    let case = fold_of(&[
        accepted(),
        event(same, "suspended", json!({"kind": "hearing", "seq": 2})),
        event(same, "resumed", json!({"seq": 1})),
    ]);
    assert_eq!(
        (case.status, case.data_anomalies.len()),
        (CaseStatus::Suspended, 1),
        "the source says otherwise"
    );
}

#[test]
fn a_replaced_event_leaves_the_case_even_when_it_comes_after_its_correction() {
    let wrong = event("2018-10-20 10:00", "completed", json!({}));
    let right = event(
        "2018-10-22 10:00",
        "completed",
        json!({"replaces": wrong.id}),
    );
    let whole = fold(&[accepted(), wrong.clone(), right.clone()]);
    assert_eq!(
        (
            whole.decided.as_ref().unwrap().at,
            whole.data_anomalies.len()
        ),
        (at("2018-10-22 10:00"), 0)
    );
    let mut advanced = fold(&[accepted(), right.clone()]);
    assert_eq!(advanced.advance(&wrong), Advance::InOrder);
    assert_eq!(advanced, whole);
    let mut advanced = fold(&[accepted(), wrong]);
    assert_eq!(advanced.advance(&right), Advance::NeedsRefold);
}

#[test]
fn a_correction_that_was_itself_corrected_still_takes_out_what_it_corrected() {
    let first = event("2018-10-20 10:00", "completed", json!({}));
    let second = event(
        "2018-10-22 10:00",
        "completed",
        json!({"replaces": first.id}),
    );
    let third = event(
        "2018-10-24 10:00",
        "completed",
        json!({"replaces": second.id}),
    );
    let mut advanced = fold(&[first.clone(), third.clone()]);
    assert_eq!(advanced.decided.as_ref().unwrap().at, first.time);
    assert_eq!(advanced.advance(&second), Advance::NeedsRefold);
    let whole = fold(&[first, third.clone(), second]);
    assert_eq!(whole.decided.unwrap().at, third.time);
    assert!(whole.data_anomalies.is_empty());
}

#[test]
fn advancing_takes_what_is_in_order_and_asks_for_a_refold_otherwise() {
    let mut case = fold(&[accepted()]);
    let later = event(
        "2018-10-17 10:00",
        "step_started",
        json!({"step": "survey"}),
    );
    assert_eq!(case.advance(&later), Advance::InOrder);
    let before = case.clone();
    assert_eq!(case.advance(&later), Advance::InOrder, "a duplicate");
    assert_eq!(
        case.advance(&event("2018-10-16 10:00", "fee", json!({"charged": 1}))),
        Advance::NeedsRefold
    );
    assert_eq!(case, before);
}

#[test]
fn history_loaded_later_counts_as_received_when_it_happened() {
    let old = CaseEvent {
        initial_load: true,
        received: at("2026-11-22 10:00"),
        ..accepted()
    };
    assert_eq!(
        fold(&[old]).accepted.unwrap().received,
        at("2018-10-15 10:00")
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_order_and_repetition_gives_the_same_case(
        (events, arrivals) in any_events().prop_flat_map(|events| {
            let twice: Vec<usize> = (0..events.len()).chain(0..events.len()).collect();
            (Just(events), Just(twice).prop_shuffle())
        }),
    ) {
        let whole = fold(&events);
        let again = |event: &CaseEvent| CaseEvent { received: event.received + TimeDelta::days(1), ..event.clone() };
        let mut seen = std::collections::HashSet::new();
        // What is sent again is received later; the first word counts.
        let arrived: Vec<CaseEvent> = arrivals.iter()
            .map(|&i| if seen.insert(i) { events[i].clone() } else { again(&events[i]) })
            .collect();
        prop_assert_eq!(&fold(&arrived), &whole);

        // The same, lived event by event, with the stored state going through JSON each time.
        let mut state = CaseFold::new("17");
        for (i, event) in arrived.iter().enumerate() {
            state = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
            if state.advance(event) == Advance::NeedsRefold {
                state = fold(&arrived[..=i]);
            }
        }
        prop_assert_eq!(&state, &whole);
    }
}

#[test]
fn a_case_lies_at_the_window_that_last_named_itself() {
    let events = [
        event("2018-10-15 09:00", "applied", json!({})),
        event("2018-10-15 10:00", "accepted", json!({})),
        // Behind the windows: nobody says that it left.
        event(
            "2018-10-15 11:00",
            "step_started",
            json!({"step": "review", "window": null}),
        ),
        event(
            "2018-10-16 09:00",
            "step_started",
            json!({"step": "survey", "window": "7"}),
        ),
        event(
            "2018-10-16 10:00",
            "suspended",
            json!({"kind": "hearing", "window": "3"}),
        ),
        event(
            "2018-10-16 10:00",
            "resumed",
            json!({"window": "8", "hall": "C"}),
        ),
    ];
    let told: Vec<_> = held(&events)
        .into_iter()
        .map(|held| (held.hall, held.window, held.from, held.until))
        .collect();
    let window = |no: &str| Some(no.to_owned());
    assert_eq!(
        told,
        [
            (
                "T07".into(),
                window("3"),
                at("2018-10-15 09:00"),
                Some(at("2018-10-16 09:00"))
            ),
            (
                "T07".into(),
                window("7"),
                at("2018-10-16 09:00"),
                Some(at("2018-10-16 10:00"))
            ),
            ("C".into(), window("8"), at("2018-10-16 10:00"), None),
        ]
    );
    assert!(held(&[]).is_empty());
}
