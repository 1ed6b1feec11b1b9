//! The clock of a case: limits, suspensions, extension, buckets and what time alone brings about.

use crate::common::{accepted, any_events, at, event, fold, hearing, item};
use chrono::{DateTime, TimeDelta, Utc};
use mingjing_monitor::calendar::Calendar;
use mingjing_monitor::case::{
    AnomalyKind, Bucket, CaseClock, CaseFold, ClockRules, ClockState, LimitKind, Tick,
};
use mingjing_monitor::clock::Mode;
use mingjing_monitor::event::CaseEvent;
use proptest::prelude::*;
use serde_json::{Value, json};

/// What is judged of these events at `now`, in `mode`.
fn judge<T>(
    events: &[CaseEvent],
    mode: Mode,
    now: &str,
    look: impl FnOnce(&CaseClock<'_>, &CaseFold) -> T,
) -> T {
    let (calendar, item, fold) = (Calendar::default(), item(), fold(events));
    let rules = ClockRules {
        mode,
        ..ClockRules::default()
    };
    look(
        &CaseClock::of(&fold, Some(&item), &calendar, &rules, at(now)),
        &fold,
    )
}

fn dues(events: &[CaseEvent], mode: Mode) -> (DateTime<Utc>, DateTime<Utc>) {
    let due = |clock: &CaseClock<'_>, which| clock.due(which).unwrap().deadline.due;
    judge(events, mode, "2018-10-15 10:00", |clock, _| {
        (due(clock, LimitKind::Promise), due(clock, LimitKind::Legal))
    })
}

fn bucket(events: &[CaseEvent], now: &str) -> Option<Bucket> {
    judge(events, Mode::Day, now, |clock, _| clock.bucket)
}

#[test]
fn the_licensing_example_in_both_modes() {
    let special = event("2018-10-17 15:20", "suspended", hearing());
    assert_eq!(
        dues(&[accepted()], Mode::Day),
        (at("2018-10-24 17:30"), at("2018-10-29 17:30"))
    );
    assert_eq!(
        dues(&[accepted()], Mode::Second),
        (at("2018-10-24 10:00"), at("2018-10-29 10:00"))
    );
    let suspended = [accepted(), special];
    assert_eq!(
        dues(&suspended, Mode::Day),
        (at("2018-10-29 17:30"), at("2018-11-01 17:30"))
    );
    assert_eq!(
        dues(&suspended, Mode::Second),
        (at("2018-10-29 10:00"), at("2018-11-01 10:00"))
    );
}

#[test]
fn a_case_stands_in_one_of_four_buckets() {
    let open = [accepted()];
    assert_eq!(
        bucket(&open, "2018-10-24 17:30"),
        Some(Bucket::OnTime),
        "at the instant itself"
    );
    assert_eq!(
        bucket(&open, "2018-10-24 17:31"),
        Some(Bucket::OverPromiseOnly)
    );
    assert_eq!(bucket(&open, "2018-10-29 17:31"), Some(Bucket::OverLegal));
    let done = |time: &str| {
        bucket(
            &[accepted(), event(time, "completed", json!({}))],
            "2019-01-01 00:00",
        )
    };
    assert_eq!(done("2018-10-24 17:30"), Some(Bucket::OnTime));
    assert_eq!(done("2018-10-24 17:31"), Some(Bucket::OverPromiseOnly));
    assert_eq!(done("2018-10-29 17:31"), Some(Bucket::OverLegal));
    assert_eq!(
        bucket(
            &[event("2018-10-15 10:00", "applied", json!({}))],
            "2018-10-22 17:30"
        ),
        None,
        "not started"
    );
    assert_eq!(
        bucket(
            &[
                accepted(),
                event("2018-11-20 10:00", "withdrawn", json!({}))
            ],
            "2019-01-01 00:00"
        ),
        None
    );
    let calendar = Calendar::default();
    let fold = fold(&open);
    let clock = CaseClock::of(
        &fold,
        None,
        &calendar,
        &ClockRules::default(),
        at("2019-01-01 00:00"),
    );
    assert_eq!(
        (clock.bucket, clock.next_after(at("2018-10-15 10:00"))),
        (Some(Bucket::NoDeadline), None)
    );
}

#[test]
fn given_instants_and_limits_win_over_the_items() {
    let given = event(
        "2018-10-15 10:00",
        "accepted",
        json!({"promise_due": at("2018-10-20 12:00"), "legal_limit": {"n": 20, "unit": "workday"}}),
    );
    assert_eq!(
        dues(std::slice::from_ref(&given), Mode::Day),
        (at("2018-10-20 12:00"), at("2018-11-12 17:30"))
    );
    let corrected = event(
        "2018-10-16 10:00",
        "step_started",
        json!({"step": "x", "promise_due": at("2018-10-22 12:00")}),
    );
    assert_eq!(
        dues(&[given, corrected], Mode::Day).0,
        at("2018-10-22 12:00"),
        "the last word"
    );
}

#[test]
fn only_a_lawful_and_formal_suspension_stops_the_clock() {
    let with = |data: Value| {
        dues(
            &[accepted(), event("2018-10-17 10:00", "suspended", data)],
            Mode::Day,
        )
        .0
    };
    assert_eq!(with(hearing()), at("2018-10-29 17:30"));
    assert_eq!(
        with(json!({"kind": "site_survey", "declared_days": 3, "approver": "王", "notice": "1"})),
        at("2018-10-24 17:30")
    );
    assert_eq!(
        with(json!({"kind": "hearing", "declared_days": 3, "approver": "王"})),
        at("2018-10-24 17:30"),
        "no notice"
    );
    assert_eq!(
        with(json!({"kind": "hearing", "approver": "王", "notice": "1"})),
        at("2018-10-24 17:30"),
        "no declared length"
    );
}

#[test]
fn a_suspension_ends_by_its_event_or_by_itself() {
    let suspended = [
        accepted(),
        event("2018-10-17 10:00", "suspended", hearing()),
    ];
    let state = |events: &[CaseEvent], now| judge(events, Mode::Day, now, |clock, _| clock.state);
    assert_eq!(state(&suspended, "2018-10-17 09:59"), ClockState::Running);
    assert_eq!(state(&suspended, "2018-10-17 10:00"), ClockState::Suspended);
    assert_eq!(state(&suspended, "2018-10-22 09:59"), ClockState::Suspended);
    assert_eq!(
        state(&suspended, "2018-10-22 10:00"),
        ClockState::Running,
        "by itself"
    );
    let resumed = [
        &suspended[..],
        &[event("2018-10-18 10:00", "resumed", json!({}))],
    ]
    .concat();
    assert_eq!(state(&resumed, "2018-10-18 10:00"), ClockState::Running);
    assert_eq!(
        dues(&resumed, Mode::Day).0,
        at("2018-10-25 17:30"),
        "one closing time was covered"
    );
    let late = [
        &suspended[..],
        &[event("2018-11-18 10:00", "resumed", json!({}))],
    ]
    .concat();
    assert_eq!(
        dues(&late, Mode::Day).0,
        at("2018-10-29 17:30"),
        "not longer than declared"
    );
    assert_eq!(
        state(
            &[
                accepted(),
                event("2018-10-18 10:00", "completed", json!({}))
            ],
            "2018-10-18 10:00"
        ),
        ClockState::Stopped
    );
}

#[test]
fn an_extension_moves_the_legal_limit_and_the_promise_only_with_a_notice() {
    let with = |data: Value| {
        dues(
            &[accepted(), event("2018-10-17 10:00", "extended", data)],
            Mode::Day,
        )
    };
    let (promise, legal) = (at("2018-10-24 17:30"), at("2018-10-29 17:30"));
    assert_eq!(with(json!({"days": 3})), (promise, at("2018-11-01 17:30")));
    assert_eq!(
        with(json!({"days": 30})),
        (promise, at("2018-11-12 17:30")),
        "at most 10 workdays"
    );
    assert_eq!(
        with(json!({"days": 3, "limit": "both"})),
        (promise, at("2018-11-01 17:30")),
        "no notice"
    );
    assert_eq!(
        with(json!({"days": 3, "limit": "both", "notice": "1"})),
        (at("2018-10-29 17:30"), at("2018-11-01 17:30"))
    );
    assert_eq!(
        with(json!({"days": 3, "limit": "promise", "notice": "1"})),
        (at("2018-10-29 17:30"), legal)
    );
    let twice = [
        accepted(),
        event("2018-10-17 10:00", "extended", json!({"days": 3})),
        event("2018-10-18 10:00", "extended", json!({"days": 3})),
    ];
    assert_eq!(dues(&twice, Mode::Day).1, at("2018-11-01 17:30"));
    assert_eq!(
        fold(&twice).data_anomalies[0].kind,
        AnomalyKind::ExtendedTwice
    );
}

#[test]
fn ticks_tell_when_time_alone_changes_a_case() {
    let micro = TimeDelta::microseconds(1);
    let events = [
        accepted(),
        event(
            "2018-10-15 11:00",
            "step_started",
            json!({"step": "review"}),
        ),
        event("2018-10-17 10:00", "suspended", hearing()),
    ];
    let mut ticks = judge(&events, Mode::Day, "2018-10-17 10:00", |clock, _| {
        clock.ticks().collect::<Vec<_>>()
    });
    ticks.sort();
    assert_eq!(
        ticks,
        [
            (at("2018-10-18 10:00"), Tick::SpecialNear(0)),
            (at("2018-10-22 10:00") + micro, Tick::SpecialEnd(0)),
            (at("2018-10-22 17:30") + micro, Tick::StepOver(0)),
            (at("2018-10-23 10:00") + micro, Tick::SpecialRed(0)),
            (at("2018-10-25 17:30"), Tick::Near(LimitKind::Promise)),
            (
                at("2018-10-29 17:30") + micro,
                Tick::Over(LimitKind::Promise)
            ),
            (at("2018-10-30 17:30"), Tick::Near(LimitKind::Legal)),
            (at("2018-11-01 17:30") + micro, Tick::Over(LimitKind::Legal)),
        ]
    );
    let next = |events: &[CaseEvent], now| {
        judge(events, Mode::Day, now, |clock, _| clock.next_after(at(now)))
    };
    assert_eq!(
        next(&events, "2018-10-24 10:00"),
        Some(at("2018-10-25 17:30"))
    );
    assert_eq!(next(&events, "2018-12-01 10:00"), None);
    let resumed = [
        &events[..],
        &[event("2018-10-17 11:00", "resumed", json!({}))],
    ]
    .concat();
    let special = |tick: &Tick| {
        matches!(
            tick,
            Tick::SpecialNear(_) | Tick::SpecialEnd(_) | Tick::SpecialRed(_)
        )
    };
    assert!(!judge(
        &resumed,
        Mode::Day,
        "2018-10-17 12:00",
        |clock, _| clock.ticks().any(|(_, tick)| special(&tick))
    ));
    let done = [
        &events[..],
        &[event("2018-10-17 11:00", "completed", json!({}))],
    ]
    .concat();
    assert_eq!(
        judge(&done, Mode::Day, "2018-10-17 12:00", |clock, _| clock
            .ticks()
            .count()),
        0
    );
}

#[test]
fn a_step_over_its_limit_is_seen_even_when_the_case_is_in_time() {
    let events = [
        accepted(),
        event(
            "2018-10-15 11:00",
            "step_started",
            json!({"step": "review"}),
        ),
        event(
            "2018-10-18 11:00",
            "step_finished",
            json!({"step": "review"}),
        ),
        event(
            "2018-10-18 11:00",
            "step_started",
            json!({"step": "unlimited"}),
        ),
    ];
    judge(&events, Mode::Day, "2018-10-19 10:00", |clock, _| {
        assert_eq!((clock.steps.len(), clock.bucket), (1, Some(Bucket::OnTime)));
        assert_eq!(clock.steps[0].deadline.due, at("2018-10-17 17:30"));
        assert!(
            clock.steps[0]
                .deadline
                .is_over(clock.steps[0].stopped.unwrap())
        );
    });
}

#[test]
fn a_case_in_a_year_not_loaded_is_expected_and_never_over_by_itself() {
    let events = [event("2026-12-25 10:00", "accepted", json!({}))];
    judge(&events, Mode::Day, "2027-12-01 10:00", |clock, _| {
        assert!(clock.expected());
        assert_eq!(
            (clock.bucket, clock.ticks().count()),
            (Some(Bucket::OnTime), 0)
        );
    });
}

#[test]
fn the_timer_shows_the_bar_of_the_case() {
    let events = [
        accepted(),
        event("2018-10-17 10:00", "suspended", hearing()),
    ];
    let timer = judge(&events, Mode::Day, "2018-10-23 18:00", |clock, fold| {
        clock.timer(fold).unwrap()
    });
    let promise = timer.promise.unwrap();
    assert_eq!(
        (promise.due, promise.used, promise.remaining),
        (at("2018-10-29 17:30"), 3.0, 4.0)
    );
    assert_eq!(timer.warning_at, Some(at("2018-10-25 17:30")));
    assert_eq!(
        timer.suspensions[0].declared_end,
        Some(at("2018-10-22 10:00"))
    );
    assert_eq!(
        timer.cells.len(),
        18,
        "15 October to 1 November, the legal limit"
    );
    let states = serde_json::to_value(&timer.cells[..9]).unwrap();
    let states: Vec<_> = states
        .as_array()
        .unwrap()
        .iter()
        .map(|cell| cell["state"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        states,
        [
            "uncounted",
            "used",
            "suspended",
            "suspended",
            "suspended",
            "uncounted",
            "uncounted",
            "used",
            "used"
        ]
    );
}

#[test]
fn an_application_that_nobody_answers_counts_as_accepted_on_its_day() {
    let applied = event("2018-10-15 10:00", "applied", json!({}));
    let clock = |more: &[CaseEvent], now: &str, check: &dyn Fn(&CaseClock<'_>)| {
        let (calendar, item) = (Calendar::default(), item());
        let events = [std::slice::from_ref(&applied), more].concat();
        let fold = fold(&events);
        let rules = ClockRules::default();
        check(&CaseClock::of(
            &fold,
            Some(&item),
            &calendar,
            &rules,
            at(now),
        ));
    };
    // Five workdays after the Monday: the next Monday's closing time.
    let last = "2018-10-22 17:30";
    clock(&[], last, &|clock| {
        assert_eq!(clock.state, ClockState::NotStarted);
        assert_eq!(clock.deemed, Some(at(last)));
        let tick = clock.next_after(at(last)).unwrap();
        assert_eq!(tick, at(last) + TimeDelta::microseconds(1));
    });
    let from_application = |clock: &CaseClock<'_>| {
        assert_eq!(clock.state, ClockState::Running);
        let promise = clock.promise.unwrap().deadline.due;
        assert_eq!(promise, at("2018-10-24 17:30"), "7 workdays of the 15th");
    };
    clock(&[], "2018-10-22 17:31", &from_application);
    let late = [event("2018-10-23 10:00", "accepted", json!({}))];
    clock(&late, "2018-10-23 11:00", &from_application);
    for (time, kind) in [
        ("2018-10-22 17:30", "supplement_requested"),
        ("2018-10-16 10:00", "refused"),
    ] {
        clock(
            &[event(time, kind, json!({}))],
            "2018-11-30 10:00",
            &|clock| {
                assert_eq!((clock.deemed, clock.promise), (None, None), "{kind}");
            },
        );
    }
}

#[test]
fn joint_items_have_45_workdays_and_15_more_where_the_law_names_no_others() {
    let due = |kind: &str, events: &[CaseEvent]| {
        let (calendar, rules) = (Calendar::default(), ClockRules::default());
        let accepted = event("2018-10-15 10:00", "accepted", json!({"kind": kind}));
        let fold = fold(&[&[accepted], events].concat());
        let clock = CaseClock::of(&fold, None, &calendar, &rules, at("2018-10-16 10:00"));
        clock.legal.map(|due| due.deadline.due)
    };
    let days = |n| {
        Some(
            Calendar::default().closing(
                Calendar::default()
                    .workdays
                    .after("2018-10-15".parse().unwrap(), n),
            ),
        )
    };
    assert_eq!(due("promised", &[]), None);
    assert_eq!(due("joint", &[]), days(45));
    let extended = event("2018-10-16 10:00", "extended", json!({"days": 20}));
    assert_eq!(due("joint", &[extended]), days(60));
}

proptest! {
    #[test]
    fn a_clock_can_be_made_of_any_case(events in any_events(), mode in prop_oneof![Just(Mode::Day), Just(Mode::Second)], hours in 0i64..1000) {
        let (calendar, item, fold) = (Calendar::default(), item(), fold(&events));
        let rules = ClockRules { mode, ..ClockRules::default() };
        let now = at("2018-10-15 10:00") + TimeDelta::hours(hours);
        let clock = CaseClock::of(&fold, Some(&item), &calendar, &rules, now);
        let deemed = clock.deemed.is_some_and(|at| at < now);
        prop_assert_eq!(clock.timer(&fold).is_some(), fold.accepted.is_some() || deemed);
        prop_assert!(clock.next_after(now).is_none_or(|next| next > now));
        prop_assert_eq!(clock.open, !fold.status.is_final());
    }
}
