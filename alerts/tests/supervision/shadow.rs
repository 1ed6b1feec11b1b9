//! What other rules would have issued, against what was.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_alerts::profile::{Profile, STANDARD};
use mingjing_alerts::rules::watched::{Thing, Trouble};
use mingjing_alerts::shadow::{self, Outcome, Question, Unlike};
use mingjing_alerts::store::profiles;
use mingjing_alerts::supervisor::{Sight, Sighting, Sightings, load_reference};
use mingjing_alerts::versions::Versions;
use mingjing_monitor::event::CaseEvent;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::common::{Sent, World, accepted, at, completed};
use crate::order::{county_life, whole_life};

const END: &str = "2026-08-03 09:00";

/// What the console sees of a camera.
fn camera(sight: Sight) -> Sightings {
    let camera = Sighting {
        thing: Thing::Camera,
        subject: "cam".into(),
        name: "cam".into(),
        hall: "T1".into(),
        unit: None,
        above: vec![],
        cameras: 0,
        sight,
    };
    Sightings {
        things: vec![camera],
    }
}

/// The county's life, event by event and deadline by deadline, with complaints, a camera that was away for an hour and a source
/// that falls silent at last, through these changes of the rules.
async fn lived(changes: &[(&str, &str)]) -> World {
    let mut world = World::new("2026-06-01 08:00").await;
    for (text, from) in changes {
        let mut connection = world.pool().acquire().await.unwrap();
        profiles::put_in_force(&mut connection, text, "li", "wang", at(from))
            .await
            .unwrap();
    }
    let begin = at("2026-06-01 08:00");
    world.supervisor.reload(begin).await.unwrap();
    world.catch_up("2026-06-01 08:00").await;
    let mut events = county_life();
    let complaints = whole_life().into_iter();
    events.extend(complaints.filter(CaseEvent::is_about_complaint));
    events.retain(|event| event.replaces.is_none());
    events.sort_by(CaseEvent::cmp_order);
    let (away, back) = (at("2026-06-03 10:00"), at("2026-06-03 11:00"));
    let mut sights = vec![
        (back, camera(Sight::Well)),
        (away, camera(Sight::Trouble(Trouble::Offline, away))),
    ];
    for event in events {
        let now = event.time;
        while let Some((at, seen)) = sights.pop_if(|(at, _)| *at <= now) {
            while let Some(due) = world.supervisor.next_due().filter(|&due| due <= at) {
                world.supervisor.fire_due(due).await.unwrap();
            }
            world.supervisor.observe(&seen, at).await.unwrap();
        }
        while let Some(due) = world.supervisor.next_due().filter(|&due| due <= now) {
            world.supervisor.fire_due(due).await.unwrap();
        }
        let taken = world.supervisor.apply_batch(vec![event], false, now).await;
        taken.unwrap();
    }
    world.wait_until(END).await;
    world
}

async fn run(
    world: &World,
    draft: Option<&str>,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Outcome {
    let reference = load_reference(&world.pool(), at(END)).await.unwrap();
    let draft = match draft {
        Some(text) => Versions::only(Profile::parse(text, 0).unwrap()),
        None => reference.profiles.clone(),
    };
    let question = Question {
        reference: Arc::new(reference),
        draft,
        from,
        to,
        now: at(END),
    };
    let mut heard = Vec::new();
    let pool = world.pool();
    let outcome = shadow::run(&pool, question, |done, total| {
        heard.push((done, total));
        true
    });
    let outcome = outcome.await.unwrap().expect("nobody stopped it");
    let last = heard.last().expect("it says how far it is");
    assert_eq!((last.0, last.1), (outcome.cases, outcome.cases));
    outcome
}

/// Cards that fell due in a span, counted in SQL.
async fn issued(world: &World, from: DateTime<Utc>, to: DateTime<Utc>) -> u64 {
    let count: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM card WHERE due_at >= $1 AND due_at < $2 AND state NOT IN ('withdrawn', 'cancelled') AND rule NOT IN ('R12', 'manual')",
    )
    .bind(from)
    .bind(to)
    .fetch_one(&world.pool())
    .await
    .unwrap();
    count.unsigned_abs()
}

async fn nothing_differs(world: &World) {
    let (begin, end) = (at("2026-06-01 00:00"), at(END));
    let hours = (end - begin).num_hours();
    let mut runner = TestRunner::deterministic();
    let mut spans = vec![(0, hours)];
    for _ in 0..12 {
        let span = (0..hours, 1..hours).new_tree(&mut runner).unwrap();
        spans.push(span.current());
    }
    for (start, length) in spans {
        let from = begin + TimeDelta::hours(start);
        let to = (from + TimeDelta::hours(length)).min(end);
        let outcome = run(world, None, from, to).await;
        assert_eq!(outcome.differences, [], "{from} to {to}");
        assert_eq!((outcome.by_evidence, outcome.unlike.len()), (0, 0));
        for cell in &outcome.cells {
            assert_eq!(cell.would, cell.was, "{cell:?}");
        }
        let sum: u64 = outcome.cells.iter().map(|cell| cell.was).sum();
        assert_eq!(sum, issued(world, from, to).await, "{from} to {to}");
    }
}

#[tokio::test]
async fn the_rules_in_force_shadowed_over_any_span_equal_what_living_through_it_issued() {
    let world = lived(&[]).await;
    nothing_differs(&world).await;
    assert!(
        issued(&world, at("2026-06-01 00:00"), at(END)).await > 40,
        "there is something to compare"
    );
    let mut about: Vec<String> = sqlx::query_scalar("SELECT DISTINCT about FROM card")
        .fetch_all(&world.pool())
        .await
        .unwrap();
    about.sort();
    assert_eq!(about, ["camera", "case", "complaint", "source", "unit"]);
    // Other numbers for them are told like those for cases.
    let draft = "[R7]\nsilent = 'warning'\n[R8]\non = false\n[R10]\ngrade = 'red_card'\n[R14]\nyellow_minutes = 90";
    let outcome = run(&world, Some(draft), at("2026-06-01 00:00"), at(END)).await;
    let mut unlike: Vec<(&str, &str, Unlike)> = outcome
        .differences
        .iter()
        .map(|it| (it.rule.as_str(), it.about.as_str(), it.unlike))
        .collect();
    unlike.sort();
    unlike.dedup();
    assert_eq!(
        unlike,
        [
            ("R10", "complaint", Unlike::Grade),
            ("R14", "camera", Unlike::Gone),
            ("R7", "source", Unlike::New),
            ("R7", "source", Unlike::Gone),
            ("R8", "unit", Unlike::Gone),
        ]
    );
}

#[tokio::test]
async fn and_through_changes_of_the_rules_too() {
    let tight = "[R2]\nyellow = { of = 'promise', share = 0.6 }\n[R3]\ngrade = 'red_card'";
    let world = lived(&[(tight, "2026-06-12 10:00"), (STANDARD, "2026-06-24 00:00")]).await;
    nothing_differs(&world).await;
}

#[tokio::test]
async fn a_draft_says_what_it_would_add_take_away_and_move() {
    let mut world = World::new("2026-06-01 08:00").await;
    let events = vec![
        accepted("late", "2026-06-01 10:00"),
        accepted("nearly", "2026-06-01 11:00"),
        completed("nearly", "2026-06-10 09:00"),
        accepted("contested", "2026-06-01 12:00"),
    ];
    world.send(events, "2026-06-10 09:00").await;
    world.wait_until("2026-06-11 09:00").await;
    let backdated = completed("contested", "2026-06-09 09:00").received("2026-06-11 10:00");
    world.send(vec![backdated], "2026-06-11 10:00").await;
    world.wait_until("2026-07-01 09:00").await;
    let (from, to) = (at("2026-06-01 00:00"), at("2026-07-01 00:00"));
    // Warnings off, yellow at half of the promise, red at the promise.
    let draft = "[R1]\non = false\n[R2]\nyellow = { of = 'promise', share = 0.5 }\nred = { of = 'promise' }";
    let outcome = run(&world, Some(draft), from, to).await;
    let kinds: Vec<(Unlike, u64)> = outcome.unlike.iter().map(|(kind, n)| (*kind, *n)).collect();
    let of = |kind| {
        kinds
            .iter()
            .find(|(k, _)| *k == kind)
            .map_or(0, |(_, n)| *n)
    };
    assert_eq!(of(Unlike::Gone), 3, "the warnings: {outcome:#?}");
    assert_eq!(
        of(Unlike::New),
        1,
        "a yellow card for the one that was nearly late: {outcome:#?}"
    );
    assert_eq!(
        of(Unlike::Moved),
        3,
        "yellow and red cards come earlier: {outcome:#?}"
    );
    let yellow = |cells: &[shadow::Cell]| {
        let cell = cells
            .iter()
            .find(|cell| cell.grade == "yellow_card")
            .unwrap();
        (cell.rule.clone(), cell.hall.clone(), cell.would, cell.was)
    };
    assert_eq!(yellow(&outcome.cells), ("R2".into(), "C".into(), 3, 2));
    let new = outcome
        .differences
        .iter()
        .find(|d| d.unlike == Unlike::New)
        .unwrap();
    assert_eq!((new.case.as_str(), new.card), ("nearly", None));
    // What evidence took away is not the draft's doing.
    let same = run(&world, Some(STANDARD), from, to).await;
    assert_eq!(
        (same.differences.len(), same.by_evidence),
        (0, 1),
        "{same:#?}"
    );
    let pool = world.pool();
    let stopped = shadow::run(
        &pool,
        Question {
            reference: Arc::new(load_reference(&world.pool(), to).await.unwrap()),
            draft: Versions::only(Profile::parse(STANDARD, 0).unwrap()),
            from,
            to,
            now: to,
        },
        |_, _| false,
    );
    assert_eq!(stopped.await.unwrap(), None);
}
