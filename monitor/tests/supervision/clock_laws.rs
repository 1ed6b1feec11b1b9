//! The laws of the case clock, over limits, suspensions and instants of every sort.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use mingjing_monitor::calendar::Calendar;
use mingjing_monitor::clock::{Clock, Mode, NearDue, Pause};
use mingjing_monitor::limit::{Limit, LimitUnit};
use proptest::prelude::*;

prop_compose! {
    fn instant()(seconds in 1_100_000_000i64..1_780_000_000) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }
}

prop_compose! {
    fn pauses(from: DateTime<Utc>)(
        parts in prop::collection::vec((-5_000_000i64..5_000_000, 0i64..2_000_000), 0..4)
    ) -> Vec<Pause> {
        let pause = |(start, length): (i64, i64)| {
            let start = from + TimeDelta::seconds(start);
            Pause { start, end: start + TimeDelta::seconds(length) }
        };
        parts.into_iter().map(pause).collect()
    }
}

fn unit() -> impl Strategy<Value = LimitUnit> {
    prop_oneof![
        Just(LimitUnit::Workday),
        Just(LimitUnit::Day),
        Just(LimitUnit::Hour)
    ]
}

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Day), Just(Mode::Second)]
}

/// Counts closing times one by one, as a person with a calendar on the wall would.
fn due_by_hand(
    calendar: &Calendar,
    start: DateTime<Utc>,
    n: u32,
    pauses: &[Pause],
) -> DateTime<Utc> {
    let mut date: NaiveDate = calendar.date(start);
    let mut used = 0;
    loop {
        date = date.succ_opt().unwrap();
        let closing = calendar.closing(date);
        let suspended = pauses
            .iter()
            .any(|pause| pause.start.max(start) <= closing && closing < pause.end);
        if calendar.workdays.counts(date) && !suspended {
            used += 1;
        }
        if used == n {
            return closing;
        }
    }
}

/// Runs minute by minute. The pauses lie on whole minutes.
fn due_by_the_minute(
    calendar: &Calendar,
    start: DateTime<Utc>,
    minutes: u32,
    pauses: &[Pause],
) -> DateTime<Utc> {
    let (mut now, mut run) = (start, 0);
    while run < minutes {
        let suspended = pauses
            .iter()
            .any(|pause| pause.start <= now && now < pause.end);
        if calendar.workdays.counts(calendar.date(now)) && !suspended {
            run += 1;
        }
        now += TimeDelta::minutes(1);
    }
    now
}

proptest! {
    #[test]
    fn day_mode_equals_counting_by_hand((start, pauses) in instant().prop_flat_map(|at| (Just(at), pauses(at))), n in 1u32..60) {
        let calendar = Calendar::default();
        let clock = Clock::new(&calendar, Mode::Day, start, pauses.iter().copied());
        prop_assert_eq!(clock.by_limit(Limit::workdays(n), 0).due, due_by_hand(&calendar, start, n, &pauses));
    }

    #[test]
    fn second_mode_equals_running_minute_by_minute(
        start in 18_400_000i64..29_000_000,
        parts in prop::collection::vec((0i64..9_000, 0i64..5_000), 0..3),
        n in 1u32..4,
    ) {
        let calendar = Calendar::default();
        let start = DateTime::from_timestamp(start * 60, 0).unwrap();
        let pauses: Vec<_> = parts.iter().map(|&(from, length)| {
            let from = start + TimeDelta::minutes(from);
            Pause { start: from, end: from + TimeDelta::minutes(length) }
        }).collect();
        let clock = Clock::new(&calendar, Mode::Second, start, pauses.iter().copied());
        let due = clock.by_limit(Limit::workdays(n), 0).due;
        prop_assert_eq!(due, due_by_the_minute(&calendar, start, n * 24 * 60, &pauses));
    }

    #[test]
    fn due_never_comes_earlier_for_more((start, pauses) in instant().prop_flat_map(|at| (Just(at), pauses(at))), n in 1u32..300, unit in unit(), mode in mode()) {
        let calendar = Calendar::default();
        let clock = Clock::new(&calendar, mode, start, pauses);
        let due = |n, extension| clock.by_limit(Limit { n, unit }, extension).due;
        prop_assert!(due(n, 0) <= due(n + 1, 0));
        prop_assert!(due(n, 0) < due(n, 1));
        prop_assert!(due(n, 0) >= start);
    }

    #[test]
    fn a_pause_never_brings_due_forward_and_moves_it_by_the_closings_it_covers(
        start in instant(), from in 0i64..2_000_000, length in 0i64..2_000_000, n in 1u32..40,
    ) {
        let calendar = Calendar::default();
        let begin = start + TimeDelta::seconds(from);
        let pause = Pause { start: begin, end: begin + TimeDelta::seconds(length) };
        let free = Clock::new(&calendar, Mode::Day, start, []).by_limit(Limit::workdays(n), 0).due;
        let held = Clock::new(&calendar, Mode::Day, start, [pause]).by_limit(Limit::workdays(n), 0).due;
        let first = calendar.date(start);
        let covered = (1..60).filter(|&i| {
            let date = first + TimeDelta::days(i);
            let closing = calendar.closing(date);
            calendar.workdays.counts(date) && pause.start <= closing && closing < pause.end
        }).count() as i64;
        let moved = calendar.workdays.between(calendar.date(free), calendar.date(held));
        prop_assert_eq!(moved, if begin <= free { covered } else { 0 });
    }

    #[test]
    fn in_day_mode_due_is_always_the_closing_time_of_a_workday((start, pauses) in instant().prop_flat_map(|at| (Just(at), pauses(at))), n in 1u32..300, by_days in any::<bool>()) {
        let calendar = Calendar::default();
        let unit = if by_days { LimitUnit::Day } else { LimitUnit::Workday };
        let due = Clock::new(&calendar, Mode::Day, start, pauses).by_limit(Limit { n, unit }, 0).due;
        let local = calendar.local(due);
        prop_assert_eq!(local.time(), calendar.office.0.closes());
        prop_assert!(calendar.workdays.counts(local.date()));
    }

    #[test]
    fn a_warning_stands_between_start_and_due_and_marks_what_remains((start, pauses) in instant().prop_flat_map(|at| (Just(at), pauses(at))), n in 1u32..60, unit in unit(), mode in mode()) {
        let calendar = Calendar::default();
        let clock = Clock::new(&calendar, mode, start, pauses);
        let deadline = clock.by_limit(Limit { n, unit }, 0);
        if let Some(warning) = clock.warning(&deadline, &NearDue::default()) {
            prop_assert!(start <= warning && warning <= deadline.due, "{} {} {}", start, warning, deadline.due);
            let left = clock.remaining(&deadline, warning);
            prop_assert!(left <= 2.0 + 1e-6);
            if warning > start {
                prop_assert!(clock.remaining(&deadline, warning - TimeDelta::seconds(1)) >= left);
            }
        }
    }
}
