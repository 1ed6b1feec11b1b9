use std::collections::{HashMap, HashSet};

use mingjing_monitor::case::{Advance, AnomalyKind, CaseFold};
use mingjing_monitor::event::{CaseEvent, EventKind};
use mingjing_monitor::item::HandlingKind;

use super::*;

fn plan(seed: u64) -> Plan {
    Plan {
        county: County::new(seed),
        calendar: Calendar::default(),
    }
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// What the intake makes of a planned case.
fn events(plan: &Plan, case: &PlannedCase) -> Vec<CaseEvent> {
    let read = |event: &PlannedEvent| {
        CaseEvent::from_cloudevent(&event.cloudevent(), event.at, plan.calendar.zone)
            .unwrap_or_else(|error| panic!("{}: {error}", event.id))
    };
    case.events.iter().map(read).collect()
}

fn fold(case: &PlannedCase, events: &[CaseEvent]) -> CaseFold {
    let mut fold = CaseFold::new(case.no.clone());
    for event in events {
        assert_eq!(fold.advance(event), Advance::InOrder, "{}", event.id);
    }
    fold
}

/// Workdays whose closing passed while the clock ran, from acceptance to `end`: written here afresh, from domain.md 3.
fn used(plan: &Plan, fold: &CaseFold, end: chrono::DateTime<Utc>) -> u32 {
    let calendar = &plan.calendar;
    let accepted = fold.accepted.as_ref().unwrap().at;
    let suspended = |closing: chrono::DateTime<Utc>| {
        fold.suspensions.iter().any(|suspension| {
            let declared =
                calendar.workdays_after(suspension.start.at, suspension.declared_days.unwrap());
            let until = suspension
                .resumed
                .as_ref()
                .map_or(declared, |resumed| resumed.at.min(declared));
            suspension.start.at <= closing && closing < until
        })
    };
    let (from, to) = (calendar.date(accepted), calendar.date(end));
    from.iter_days()
        .skip(1)
        .take_while(|day| *day <= to)
        .filter(|day| calendar.workdays.counts(*day))
        .map(|day| calendar.closing(day))
        .filter(|closing| *closing < end && !suspended(*closing))
        .count() as u32
}

/// Whether it ran over its promise.
fn late(plan: &Plan, case: &PlannedCase, fold: &CaseFold) -> bool {
    let promise = plan.county.items[case.item].promise.n
        + fold
            .extension
            .as_ref()
            .map_or(0, |extension| extension.days.min(10));
    used(plan, fold, fold.decided.as_ref().unwrap().at) >= promise
}

#[test]
fn a_day_is_the_same_whenever_it_is_asked_for() {
    let (first, second) = (plan(1), plan(1));
    let friday = date("2026-11-20");
    assert_eq!(first.day(friday), second.day(friday));
    assert_ne!(first.day(friday), plan(2).day(friday));
    assert!(
        first.day(friday).len() > first.day(date("2026-11-22")).len() * 5,
        "a Sunday is quiet"
    );
    assert!(first.day(date("2026-11-22")).len() > 20, "and not dead");
}

#[test]
fn every_event_is_understood_and_no_case_contradicts_itself() {
    let plan = plan(1);
    let mut ids = HashSet::new();
    for day in [
        "2026-06-05",
        "2026-09-20",
        "2026-09-30",
        "2026-11-13",
        "2026-11-21",
    ]
    .map(date)
    {
        for case in plan.day(day) {
            let events = events(&plan, &case);
            assert!(
                events.iter().all(|event| ids.insert(event.id.clone())),
                "{}",
                case.no
            );
            assert!(events.is_sorted_by(|a, b| a.time < b.time), "{}", case.no);
            let last = events.last().unwrap().time;
            assert!(
                last < plan
                    .calendar
                    .midnight(day + chrono::Days::new(Plan::LONGEST_LIFE_DAYS as u64)),
                "{}",
                case.no
            );
            let fold = fold(&case, &events);
            let kinds: Vec<AnomalyKind> = fold
                .data_anomalies
                .iter()
                .map(|anomaly| anomaly.kind)
                .collect();
            assert!(kinds.is_empty(), "{}: {kinds:?}", case.no);
            assert!(fold.status.is_final(), "{}", case.no);
            assert_eq!(plan.calendar.date(fold.accepted.unwrap().at), day);
        }
    }
}

#[test]
fn a_minute_adds_cases_that_end_within_the_hour_at_any_hour() {
    let plan = plan(1);
    let mut ids = HashSet::new();
    let day = date("2026-11-22");
    for case in plan.day(day) {
        ids.extend(case.events.iter().map(|event| event.id.clone()));
    }
    let midnight = plan.calendar.midnight(day);
    let (mut urgent_cases, mut over, mut walk_ins) = (0, 0, 0);
    for minute in (0..24 * 60).map(|minute| midnight + TimeDelta::minutes(minute)) {
        let (walking, urgent) = (plan.walk_ins(minute), plan.urgent(minute, true));
        walk_ins += walking.len();
        urgent_cases += urgent.len();
        for case in walking.iter().chain(&urgent) {
            let events = events(&plan, case);
            assert!(
                events.iter().all(|event| ids.insert(event.id.clone())),
                "{}",
                case.no
            );
            assert!(
                case.events
                    .iter()
                    .all(|event| event.told <= minute + TimeDelta::minutes(LONGEST_LIFE_MINUTES)),
                "{}",
                case.no
            );
            assert!(
                case.events.iter().all(|event| event.told >= event.at),
                "{}",
                case.no
            );
            let fold = fold(case, &events);
            assert!(
                fold.data_anomalies.is_empty() && fold.status.is_final(),
                "{}",
                case.no
            );
            over += usize::from(
                fold.promise_due
                    .is_some_and(|due| fold.decided.unwrap().at > due),
            );
        }
        for event in plan.pauses(minute) {
            CaseEvent::from_cloudevent(&event.cloudevent(), event.at, plan.calendar.zone).unwrap();
            assert!(ids.insert(event.id.clone()), "{}", event.id);
        }
    }
    assert!(walk_ins > 3_000, "{walk_ins}");
    assert!(
        urgent_cases > 2_500 && over * 2 < urgent_cases && over * 4 > urgent_cases,
        "{over} of {urgent_cases}"
    );
}

#[test]
fn six_months_hold_enough_cases_and_a_believable_share_of_late_ones() {
    let plan = plan(1);
    let last = date("2026-11-21");
    let (mut cases, mut late_cases, mut told) = (0, 0, 0);
    let (mut promised, mut promised_late) = (0, 0);
    let mut halls: HashMap<(usize, usize), (u32, u32)> = HashMap::new();
    let mut seen: HashMap<&'static str, u32> = HashMap::new();
    for day in last
        .iter_days()
        .map(|day| day - chrono::Days::new(Plan::HISTORY_DAYS as u64 - 1))
        .take(Plan::HISTORY_DAYS as usize)
    {
        for case in plan.day(day) {
            let events = events(&plan, &case);
            let fold = fold(&case, &events);
            let is_late = late(&plan, &case, &fold);
            for event in &case.events {
                *seen.entry(event.kind).or_default() += 1;
            }
            cases += 1;
            told += events.len();
            late_cases += u32::from(is_late);
            let item = &plan.county.items[case.item];
            if item.kind != HandlingKind::Immediate {
                promised += 1;
                promised_late += u32::from(is_late);
                let key = if case.hall == COUNTY_HALL {
                    (0, item.unit)
                } else {
                    (case.hall, 0)
                };
                let entry = halls.entry(key).or_default();
                entry.0 += 1;
                entry.1 += u32::from(is_late);
            }
            assert!(
                !events
                    .iter()
                    .any(|event| matches!(event.kind, EventKind::Heartbeat(_)))
            );
        }
    }
    let share = f64::from(late_cases) / f64::from(cases);
    println!(
        "{cases} cases, {told} events, {late_cases} late ({share:.4}); promised {promised}, late {promised_late}; {seen:?}"
    );
    assert!(cases >= 60_000, "{cases} cases");
    assert!(
        (0.02..0.04).contains(&share),
        "{late_cases} of {cases} late"
    );
    let rates: Vec<f64> = halls
        .values()
        .filter(|(n, _)| *n >= 60)
        .map(|(n, late)| f64::from(*late) / f64::from(*n))
        .collect();
    let worst = rates.iter().copied().fold(0.0, f64::max);
    let best = rates.iter().copied().fold(1.0, f64::min);
    println!(
        "{} halls and units, late from {best:.3} to {worst:.3}",
        rates.len()
    );
    assert!(
        worst > 0.1 && best < 0.02,
        "halls differ: {best} to {worst}"
    );
    for kind in [
        "case.suspended",
        "case.extended",
        "case.refused",
        "case.withdrawn",
        "case.voided",
        "case.delivered",
        "case.rated",
        "case.fee",
    ] {
        assert!(
            seen.get(kind).is_some_and(|n| *n > 20),
            "{kind}: {:?}",
            seen.get(kind)
        );
    }
}

#[test]
fn complaints_are_read_by_the_intake_and_most_are_answered() {
    let plan = plan(1);
    let mut ends: HashMap<&str, usize> = HashMap::new();
    let mut ids = HashSet::new();
    let days = date("2026-03-02").iter_days().take(90);
    let complaints: Vec<Vec<PlannedEvent>> = days.flat_map(|day| plan.complaints(day)).collect();
    for events in &complaints {
        let mut fold =
            mingjing_monitor::complaint::ComplaintFold::new(events[0].case_no.clone().unwrap());
        for event in events {
            assert!(ids.insert(event.id.clone()), "{} twice", event.id);
            let read =
                CaseEvent::from_cloudevent(&event.cloudevent(), event.at, plan.calendar.zone)
                    .unwrap_or_else(|error| panic!("{}: {error}", event.id));
            assert_eq!(fold.advance(&read), Advance::InOrder, "{}", event.id);
        }
        *ends.entry(events.last().unwrap().kind).or_default() += 1;
    }
    assert!(
        (120..350).contains(&complaints.len()),
        "{}",
        complaints.len()
    );
    assert!(ends["complaint.closed"] > ends["complaint.refused"] * 5);
    assert_eq!(ends.len(), 2, "{ends:?}");
    assert_eq!(
        plan.complaints(date("2026-10-01")),
        Vec::<Vec<PlannedEvent>>::new()
    );
}

#[test]
fn the_register_alone_falls_silent_and_returns() {
    let first: chrono::DateTime<Utc> = "2026-11-20T01:00:00Z".parse().unwrap();
    let mute = |minutes| Source::Register.is_mute(first, first + TimeDelta::minutes(minutes));
    assert!(mute(0) && mute(14) && !mute(15));
    let spans: Vec<bool> = (0..6 * 24).map(|hour| mute(60 * hour + 30)).collect();
    let longest = spans.split(|silent| !silent).map(<[bool]>::len).max();
    assert_eq!(longest, Some(26), "long enough to be told, and it ends");
    assert!(!Source::County.is_mute(first, first));
}
