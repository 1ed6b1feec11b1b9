//! What holds of every case, whatever its events.

use std::fmt::Write;

use chrono::TimeDelta;
use mingjing_alerts::profile::STANDARD;
use mingjing_monitor::case::{Advance, CaseFold};
use mingjing_monitor::event::CaseEvent;
use proptest::prelude::*;

use crate::stage::{Judge, at, events, item, local};

/// Every sort of event, with what makes it right and what makes it wrong.
const LINES: &[&str] = &[
    r#"applied {"channel":"web"}"#,
    r#"applied {"channel":"window"}"#,
    "supplement_requested",
    "supplement_received",
    "accepted",
    r#"accepted {"kind":"immediate"}"#,
    r#"accepted {"kind":"joint"}"#,
    r#"step_started {"step":"review"}"#,
    r#"step_finished {"step":"review"}"#,
    r#"step_started {"step":"survey","offline":true}"#,
    r#"step_finished {"step":"survey"}"#,
    r#"step_started {"step":"decision","role":"approver"}"#,
    r#"step_finished {"step":"decision","role":"clerk"}"#,
    r#"step_finished {"step":"consult","hall":"T1"}"#,
    r#"suspended {"kind":"hearing","declared_days":3,"approver":"王","notice":"1"}"#,
    r#"suspended {"kind":"lunch"}"#,
    "resumed",
    r#"extended {"days":5,"limit":"both","notice":"1"}"#,
    r#"fee {"charged":20}"#,
    r#"fee {"charged":15}"#,
    "completed",
    "completed",
    "refused",
    r#"withdrawn {"reason":"-"}"#,
    "delivered",
    r#"rated {"grade":"dissatisfied"}"#,
    "called_back",
    "put_right",
];

const PROFILES: [&str; 4] = [
    STANDARD,
    "[clock]\nmode = 'second'",
    include_str!("../../../deploy/profiles/promise-90-percent.toml"),
    include_str!("../../../deploy/profiles/calendar-days.toml"),
];

/// A dozen events over six weeks, at times that are often the same; some told late, some by their date alone.
fn any_case() -> impl Strategy<Value = Vec<CaseEvent>> {
    let one = (
        prop::sample::select(LINES),
        0i64..45,
        prop::sample::select(vec![0i64, 9, 10, 17, 18, 22]),
        0u8..12,
    );
    prop::collection::vec(one, 1..16).prop_map(|parts| {
        let mut lines = String::new();
        for (line, day, hour, chance) in parts {
            let time = at("2018-10-15 00:00") + TimeDelta::days(day) + TimeDelta::hours(hour);
            let time = local(time);
            match chance {
                0 => writeln!(lines, "{} {line}", &time[..10]),
                1 => {
                    let received = local(at(&time) + TimeDelta::days(3));
                    writeln!(lines, "{time} {line} (received {received})")
                }
                _ => writeln!(lines, "{time} {line}"),
            }
            .unwrap();
        }
        events(&lines)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// In any order, however often, in one go or one by one: the same case, and the same anomalies.
    #[test]
    fn order_repetition_and_batching_do_not_matter(
        (case, shuffled) in any_case().prop_flat_map(|case| {
            let twice: Vec<CaseEvent> = case.iter().chain(case.iter().step_by(2)).cloned().collect();
            (Just(case), Just(twice).prop_shuffle())
        }),
        days in 0i64..90,
    ) {
        let judge = Judge::new(STANDARD, item());
        let now = at("2018-10-15 00:00") + TimeDelta::days(days);
        let whole = CaseFold::fold("1", &case);
        let other = CaseFold::fold("1", &shuffled);
        prop_assert_eq!(&whole, &other);
        let mut one_by_one = CaseFold::new("1");
        let mut told: Vec<CaseEvent> = Vec::new();
        for event in shuffled {
            told.push(event.clone());
            if one_by_one.advance(&event) == Advance::NeedsRefold {
                one_by_one = CaseFold::fold("1", &told);
            }
        }
        prop_assert_eq!(judge.look(&whole, now), judge.look(&one_by_one, now));
    }

    /// Time alone changes nothing except at the instants that were foretold.
    #[test]
    fn nothing_changes_between_the_instants_that_are_foretold(
        case in any_case(),
        profile in 0..PROFILES.len(),
    ) {
        let judge = Judge::new(PROFILES[profile], item());
        let lived = judge.live_through(&case, at("2019-03-01 00:00"));
        prop_assert!(lived.is_ok(), "{}", lived.unwrap_err());
    }
}
