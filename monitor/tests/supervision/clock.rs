//! The case clock against the examples of the licensing rules.

use crate::common::at;
use chrono::{DateTime, Utc};
use mingjing_monitor::calendar::Calendar;
use mingjing_monitor::clock::{CellState, Clock, Mode, NearDue, Pause};
use mingjing_monitor::limit::{Limit, LimitUnit};

fn pause(start: &str, end: &str) -> Pause {
    Pause {
        start: at(start),
        end: at(end),
    }
}

fn due(mode: Mode, start: &str, limit: Limit, pauses: &[Pause]) -> DateTime<Utc> {
    let calendar = Calendar::default();
    Clock::new(&calendar, mode, at(start), pauses.iter().copied())
        .by_limit(limit, 0)
        .due
}

#[test]
fn licensing_example_by_closing_times() {
    assert_eq!(
        due(Mode::Day, "2018-10-15 10:00", Limit::workdays(7), &[]),
        at("2018-10-24 17:30")
    );
    assert_eq!(
        due(Mode::Day, "2018-10-15 10:00", Limit::workdays(10), &[]),
        at("2018-10-29 17:30")
    );
    let special = [pause("2018-10-17 10:00", "2018-10-22 10:00")];
    assert_eq!(
        due(Mode::Day, "2018-10-15 10:00", Limit::workdays(7), &special),
        at("2018-10-29 17:30")
    );
    assert_eq!(
        due(Mode::Day, "2018-10-15 10:00", Limit::workdays(10), &special),
        at("2018-11-01 17:30")
    );
}

#[test]
fn licensing_example_by_the_second() {
    assert_eq!(
        due(Mode::Second, "2018-10-15 10:00", Limit::workdays(7), &[]),
        at("2018-10-24 10:00")
    );
    assert_eq!(
        due(Mode::Second, "2018-10-15 10:00", Limit::workdays(10), &[]),
        at("2018-10-29 10:00")
    );
    // A special procedure of three workdays moves both by three.
    let calendar = Calendar::default();
    let start = at("2018-10-17 15:20");
    let special = [Pause {
        start,
        end: calendar.workdays_after(start, 3),
    }];
    assert_eq!(
        due(
            Mode::Second,
            "2018-10-15 10:00",
            Limit::workdays(7),
            &special
        ),
        at("2018-10-29 10:00")
    );
    assert_eq!(
        due(
            Mode::Second,
            "2018-10-15 10:00",
            Limit::workdays(10),
            &special
        ),
        at("2018-11-01 10:00")
    );
}

#[test]
fn a_pause_that_begins_at_the_due_instant_comes_too_late() {
    let too_late = [pause("2018-10-24 10:00", "2018-10-26 10:00")];
    assert_eq!(
        due(
            Mode::Second,
            "2018-10-15 10:00",
            Limit::workdays(7),
            &too_late
        ),
        at("2018-10-24 10:00")
    );
    let too_late = [pause("2018-10-15 14:00", "2018-10-15 15:00")];
    assert_eq!(
        due(Mode::Day, "2018-10-15 10:00", Limit::hours(4), &too_late),
        at("2018-10-15 14:00")
    );
}

#[test]
fn holidays_and_makeup_days_count_as_the_state_council_says() {
    // National Day 2024: 1 to 7 October off, Sunday 29 September and Saturday 12 October worked.
    assert_eq!(
        due(Mode::Day, "2024-09-27 10:00", Limit::workdays(1), &[]),
        at("2024-09-29 17:30")
    );
    assert_eq!(
        due(Mode::Day, "2024-09-30 10:00", Limit::workdays(1), &[]),
        at("2024-10-08 17:30")
    );
    assert_eq!(
        due(Mode::Day, "2024-10-11 10:00", Limit::workdays(1), &[]),
        at("2024-10-12 17:30")
    );
}

#[test]
fn a_day_is_used_only_when_its_closing_time_finds_the_clock_running() {
    let within_a_day = [pause("2018-10-17 10:00", "2018-10-17 16:00")];
    assert_eq!(
        due(
            Mode::Day,
            "2018-10-15 10:00",
            Limit::workdays(7),
            &within_a_day
        ),
        at("2018-10-24 17:30")
    );
    let over_a_closing = [pause("2018-10-17 17:30", "2018-10-18 09:00")];
    assert_eq!(
        due(
            Mode::Day,
            "2018-10-15 10:00",
            Limit::workdays(7),
            &over_a_closing
        ),
        at("2018-10-25 17:30")
    );
    let ends_at_closing = [pause("2018-10-17 10:00", "2018-10-17 17:30")];
    assert_eq!(
        due(
            Mode::Day,
            "2018-10-15 10:00",
            Limit::workdays(7),
            &ends_at_closing
        ),
        at("2018-10-24 17:30")
    );
    let over_a_weekend = [pause("2018-10-19 18:00", "2018-10-22 09:00")];
    assert_eq!(
        due(
            Mode::Day,
            "2018-10-15 10:00",
            Limit::workdays(7),
            &over_a_weekend
        ),
        at("2018-10-24 17:30")
    );
    let after_the_end = [pause("2018-10-24 17:31", "2018-11-24 17:31")];
    assert_eq!(
        due(
            Mode::Day,
            "2018-10-15 10:00",
            Limit::workdays(7),
            &after_the_end
        ),
        at("2018-10-24 17:30")
    );
    let two_that_overlap = [
        pause("2018-10-17 10:00", "2018-10-19 10:00"),
        pause("2018-10-18 10:00", "2018-10-22 10:00"),
    ];
    assert_eq!(
        due(
            Mode::Day,
            "2018-10-15 10:00",
            Limit::workdays(7),
            &two_that_overlap
        ),
        at("2018-10-29 17:30")
    );
}

#[test]
fn accepted_on_a_saturday_opening_counts_from_the_next_workday() {
    assert_eq!(
        due(Mode::Day, "2026-11-21 10:00", Limit::workdays(1), &[]),
        at("2026-11-23 17:30")
    );
    assert_eq!(
        due(Mode::Second, "2026-11-21 10:00", Limit::workdays(1), &[]),
        at("2026-11-24 00:00")
    );
}

#[test]
fn calendar_days_end_at_closing_and_roll_to_a_workday() {
    assert_eq!(
        due(Mode::Day, "2018-10-15 10:00", Limit::days(3), &[]),
        at("2018-10-18 17:30")
    );
    assert_eq!(
        due(Mode::Day, "2018-10-15 10:00", Limit::days(5), &[]),
        at("2018-10-22 17:30"),
        "a Saturday rolls to Monday"
    );
    assert_eq!(
        due(Mode::Second, "2024-09-20 10:00", Limit::days(11), &[]),
        at("2024-10-08 17:30"),
        "a holiday rolls past it"
    );
    let special = [pause("2018-10-16 10:00", "2018-10-18 10:00")];
    assert_eq!(
        due(Mode::Day, "2018-10-15 10:00", Limit::days(3), &special),
        at("2018-10-22 17:30"),
        "the 20th rolls"
    );
    let over_the_rolled_day = [pause("2018-10-21 10:00", "2018-10-23 10:00")];
    assert_eq!(
        due(
            Mode::Day,
            "2018-10-15 10:00",
            Limit::days(5),
            &over_the_rolled_day
        ),
        at("2018-10-23 17:30")
    );
}

#[test]
fn service_hours_run_in_office_hours() {
    assert_eq!(
        due(Mode::Day, "2018-10-15 10:00", Limit::hours(4), &[]),
        at("2018-10-15 14:00")
    );
    assert_eq!(
        due(Mode::Day, "2018-10-19 16:30", Limit::hours(2), &[]),
        at("2018-10-22 10:00")
    );
    assert_eq!(
        due(Mode::Day, "2018-10-15 16:30", Limit::hours(1), &[]),
        at("2018-10-15 17:30")
    );
    let lunch = [pause("2018-10-15 12:00", "2018-10-15 13:00")];
    assert_eq!(
        due(Mode::Second, "2018-10-15 10:00", Limit::hours(4), &lunch),
        at("2018-10-15 15:00")
    );
}

#[test]
fn an_extension_adds_workdays() {
    let calendar = Calendar::default();
    let clock = Clock::new(&calendar, Mode::Day, at("2018-10-15 10:00"), []);
    let extended = |limit| clock.by_limit(limit, 3).due;
    assert_eq!(extended(Limit::workdays(7)), at("2018-10-29 17:30"));
    assert_eq!(extended(Limit::days(3)), at("2018-10-23 17:30"));
    assert_eq!(extended(Limit::hours(4)), at("2018-10-18 14:00"));
}

#[test]
fn a_warning_comes_when_two_workdays_or_thirty_percent_remain() {
    let calendar = Calendar::default();
    let warning = |mode, limit| {
        let clock = Clock::new(&calendar, mode, at("2018-10-15 10:00"), []);
        clock
            .warning(&clock.by_limit(limit, 0), &NearDue::default())
            .unwrap()
    };
    assert_eq!(
        warning(Mode::Day, Limit::workdays(7)),
        at("2018-10-22 17:30"),
        "2 wd are less than 2.1"
    );
    // 30 % of 5 workdays are 1.5: one whole day, and half of the 8.5 office hours.
    assert_eq!(
        warning(Mode::Day, Limit::workdays(5)),
        at("2018-10-19 13:15")
    );
    assert_eq!(
        warning(Mode::Day, Limit::workdays(1)),
        at("2018-10-16 14:57")
    );
    assert_eq!(
        warning(Mode::Second, Limit::workdays(7)),
        at("2018-10-22 10:00")
    );
    assert_eq!(
        warning(Mode::Day, Limit::hours(10)),
        at("2018-10-15 17:00"),
        "3 of 10 hours remain"
    );
    // Another county: one workday before, whatever the limit.
    let clock = Clock::new(&calendar, Mode::Day, at("2018-10-15 10:00"), []);
    let near = NearDue {
        workdays: 1.0,
        share: 1.0,
    };
    assert_eq!(
        clock.warning(&clock.by_limit(Limit::workdays(7), 0), &near),
        Some(at("2018-10-23 17:30"))
    );
    assert_eq!(
        clock.warning(&clock.by_limit(Limit::workdays(1), 0), &near),
        Some(at("2018-10-15 17:30"))
    );
}

#[test]
fn a_warning_looks_back_across_a_pause() {
    let calendar = Calendar::default();
    let clock = Clock::new(
        &calendar,
        Mode::Day,
        at("2018-10-15 10:00"),
        [pause("2018-10-23 09:00", "2018-10-26 09:00")],
    );
    let deadline = clock.by_limit(Limit::workdays(7), 0);
    assert_eq!(deadline.due, at("2018-10-29 17:30"));
    assert_eq!(
        clock.warning(&deadline, &NearDue::default()),
        Some(at("2018-10-22 17:30")),
        "before the pause, not in it"
    );
}

#[test]
fn used_and_remaining_count_fractions_by_office_hours() {
    let calendar = Calendar::default();
    let clock = Clock::new(&calendar, Mode::Day, at("2018-10-15 10:00"), []);
    let deadline = clock.by_limit(Limit::workdays(7), 0);
    let used = |text| clock.measure(&deadline, at(text)).used;
    assert_eq!(
        used("2018-10-15 12:00"),
        0.0,
        "the day of acceptance is not counted"
    );
    assert_eq!(used("2018-10-16 13:15"), 0.5);
    assert_eq!(used("2018-10-20 12:00"), 4.0, "a Saturday");
    assert_eq!(used("2018-10-24 17:30"), 7.0);
    let measure = clock.measure(&deadline, at("2018-10-25 13:15"));
    assert_eq!(
        (measure.used, measure.remaining, measure.unit),
        (7.5, -0.5, LimitUnit::Workday)
    );
    let hours = clock.measure(&clock.by_limit(Limit::hours(4), 0), at("2018-10-15 13:00"));
    assert_eq!(
        (hours.used, hours.remaining, hours.unit),
        (3.0, 1.0, LimitUnit::Hour)
    );
}

#[test]
fn a_given_instant_wins_and_is_not_moved() {
    let calendar = Calendar::default();
    let clock = Clock::new(
        &calendar,
        Mode::Day,
        at("2018-10-15 10:00"),
        [pause("2018-10-16 10:00", "2018-10-19 10:00")],
    );
    let deadline = clock.by_instant(at("2018-10-22 12:00"));
    assert!(deadline.explicit);
    assert_eq!(deadline.due, at("2018-10-22 12:00"));
    assert!(
        !deadline.is_over(at("2018-10-22 12:00")),
        "at the instant itself it is in time"
    );
    assert!(deadline.is_over(deadline.over_from().unwrap()));
    assert_eq!(
        clock.warning(
            &clock.by_instant(at("2018-10-14 12:00")),
            &NearDue::default()
        ),
        None
    );
}

#[test]
fn a_deadline_in_a_year_not_loaded_is_only_expected() {
    let calendar = Calendar::default();
    let clock = Clock::new(&calendar, Mode::Day, at("2026-12-30 10:00"), []);
    let deadline = clock.by_limit(Limit::workdays(3), 0);
    assert_eq!(deadline.due, at("2027-01-04 17:30"), "on by weekdays");
    assert!(
        deadline.expected
            && !deadline.is_over(at("2028-01-01 00:00"))
            && deadline.over_from().is_none()
    );
    assert!(!clock.by_limit(Limit::workdays(1), 0).expected);
}

#[test]
fn the_clock_bar_has_a_cell_a_day() {
    let calendar = Calendar::default();
    let clock = Clock::new(
        &calendar,
        Mode::Day,
        at("2018-10-15 10:00"),
        [pause("2018-10-17 10:00", "2018-10-18 10:00")],
    );
    let deadline = clock.by_limit(Limit::workdays(3), 0);
    let (cells, truncated) = clock.cells(Some(&deadline), None, at("2018-10-22 13:15"));
    let states: Vec<_> = cells.iter().map(|cell| cell.state).collect();
    use CellState::{Left, Over, Suspended, Uncounted, Used};
    assert_eq!(
        states,
        [
            Uncounted, Used, Suspended, Used, Used, Uncounted, Uncounted, Left
        ]
    );
    assert_eq!((cells[7].part, truncated), (Some(0.5), false));
    let (cells, _) = clock.cells(Some(&deadline), None, at("2018-10-22 18:00"));
    assert_eq!(cells[7].state, Over);
}

#[test]
fn a_clock_in_a_zone_with_summer_time_keeps_its_closing_times() {
    let calendar = Calendar {
        zone: chrono_tz::Europe::Amsterdam,
        ..Calendar::default()
    };
    let local = |text: &str| calendar.instant(text.parse().unwrap());
    let clock = Clock::new(&calendar, Mode::Day, local("2011-03-24T10:00:00"), []);
    assert_eq!(
        clock.by_limit(Limit::workdays(3), 0).due,
        local("2011-03-29T17:30:00")
    );
    let clock = Clock::new(&calendar, Mode::Second, local("2011-03-24T10:00:00"), []);
    assert_eq!(
        clock.by_limit(Limit::workdays(3), 0).due,
        local("2011-03-29T10:00:00")
    );
}
