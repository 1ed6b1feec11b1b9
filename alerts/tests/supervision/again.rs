//! Withdrawn and applied for again: the same applicant, the same item, and the clock of the first case goes on.

use mingjing_monitor::event::CaseEvent;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::json;

use crate::common::{World, accepted, completed, event, local, snapshot};
use crate::recount::assert_adds_up;

fn applied(no: &str, time: &str, who: &str) -> CaseEvent {
    let data = json!({"channel": "window", "applicant": {"name": "张三", "phone": "13812345678", "id_hash": who}});
    event(&format!("{no}-applied"), "case.applied", no, time, data)
}

fn withdrawn(no: &str, time: &str) -> CaseEvent {
    let data = json!({"reason": "材料不齐"});
    event(&format!("{no}-withdrawn"), "case.withdrawn", no, time, data)
}

/// Applied for, accepted at once and withdrawn.
fn given_up(no: &str, from: &str, to: &str) -> Vec<CaseEvent> {
    vec![
        applied(no, from, "z3"),
        accepted(no, from),
        withdrawn(no, to),
    ]
}

async fn dues(world: &World, no: &str) -> [String; 2] {
    let (promise, legal) =
        sqlx::query_as("SELECT promise_due, legal_due FROM case_state WHERE no = $1")
            .bind(no)
            .fetch_one(&world.pool())
            .await
            .unwrap();
    [local(promise), local(legal)]
}

/// Sent event by event, each when it happens, deadlines firing in between.
async fn live(world: &mut World, events: Vec<CaseEvent>) {
    for event in events {
        let now = event.time;
        while let Some(due) = world.supervisor.next_due().filter(|&due| due <= now) {
            world.supervisor.fire_due(due).await.unwrap();
        }
        world
            .supervisor
            .apply_batch(vec![event], false, now)
            .await
            .unwrap();
    }
}

// Item A: 7 workdays, by law 10. 2026-11-02 is a Monday.
const USED_UP_SIX: [&str; 2] = ["2026-11-02 10:00", "2026-11-10 18:00"];

#[tokio::test]
async fn the_old_clock_goes_on_and_nobody_wins_time() {
    let mut world = World::new("2026-11-02 09:00").await;
    let mut events = given_up("1", USED_UP_SIX[0], USED_UP_SIX[1]);
    events.extend([
        applied("2", "2026-11-12 09:30", "z3"),
        accepted("2", "2026-11-12 10:00"),
        // Somebody else's, and the same person's for something else, have clocks of their own.
        applied("3", "2026-11-12 10:00", "l4"),
        accepted("3", "2026-11-12 10:00"),
    ]);
    live(&mut world, events).await;
    // Six of the seven days were used: one is left, and it ends on the day on which the case is taken up again.
    assert_eq!(
        dues(&world, "2").await,
        ["2026-11-12 17:30", "2026-11-17 17:30"]
    );
    assert_eq!(dues(&world, "3").await[0], "2026-11-23 17:30");
    world.wait_until("2026-11-18 09:00").await;
    assert_eq!(
        world.cards_of("2").await,
        [
            "R1 warning cleared 2026-11-12 10:00",
            "R2 yellow_card superseded 2026-11-12 17:30",
            "R2 red_card issued 2026-11-17 17:30",
        ]
    );
    let sentence: String = sqlx::query_scalar(
        "SELECT sentence_zh FROM card WHERE case_no = '2' AND grade = 'red_card'",
    )
    .fetch_one(&world.pool())
    .await
    .unwrap();
    assert_eq!(
        sentence,
        "办件超过法定时限 10 个工作日，应于 2026-11-17 17:30 前办结，自 2026-11-02 10:00 起连续计时（曾撤回：1） · R2 · v1"
    );
    assert_adds_up(&world.pool(), "at the end").await;
}

#[tokio::test]
async fn what_the_first_case_was_over_is_not_said_again_of_the_second() {
    let mut world = World::new("2026-11-02 09:00").await;
    let mut events = given_up("1", "2026-11-02 10:00", "2026-11-12 10:00");
    events.extend([
        applied("2", "2026-11-13 10:00", "z3"),
        accepted("2", "2026-11-13 10:00"),
    ]);
    live(&mut world, events).await;
    world.wait_until("2026-11-18 09:00").await;
    assert_eq!(
        world.cards_of("1").await,
        [
            "R1 warning cleared 2026-11-09 17:30",
            "R2 yellow_card issued 2026-11-11 17:30",
        ],
        "withdrawing it does not clear it"
    );
    assert_eq!(
        world.cards_of("2").await,
        ["R2 red_card issued 2026-11-17 17:30"]
    );
    assert_eq!(world.case("2").await, "over_legal running -");
}

#[tokio::test]
async fn a_new_clock_starts_for_others_and_after_ten_workdays() {
    for (again, who, due) in [
        ("2026-11-24 10:00", "z3", "2026-11-24 17:30"),
        ("2026-11-25 10:00", "z3", "2026-12-04 17:30"),
        ("2026-11-24 10:00", "l4", "2026-12-03 17:30"),
    ] {
        let mut world = World::new("2026-11-02 09:00").await;
        let mut events = given_up("1", USED_UP_SIX[0], "2026-11-10 18:00");
        events.extend([applied("2", again, who), accepted("2", again)]);
        live(&mut world, events).await;
        assert_eq!(dues(&world, "2").await[0], due, "{again} {who}");
    }
}

#[tokio::test]
async fn it_does_not_matter_which_of_the_two_is_heard_of_first() {
    let now = "2026-11-25 09:00";
    let mut events = given_up("1", "2026-11-02 10:00", "2026-11-06 10:00");
    events.extend(given_up("2", "2026-11-09 10:00", "2026-11-11 10:00"));
    events.extend([
        applied("3", "2026-11-13 10:00", "z3"),
        accepted("3", "2026-11-13 10:00"),
        completed("3", "2026-11-24 10:00"),
    ]);
    let mut straight = World::new("2026-11-02 09:00").await;
    straight.send(events.clone(), now).await;
    let expected = snapshot(&straight.pool()).await;
    // Used: the 3rd to the 5th, the 9th and the 10th, and from the 13th on.
    assert_eq!(
        dues(&straight, "3").await,
        ["2026-11-16 17:30", "2026-11-19 17:30"]
    );
    let mut runner = TestRunner::deterministic();
    for round in 0..6 {
        let shuffled = Just(events.clone())
            .prop_shuffle()
            .new_tree(&mut runner)
            .unwrap()
            .current();
        let mut world = World::new("2026-11-02 09:00").await;
        for batch in shuffled.chunks(1 + round % 3) {
            world.send(batch.to_vec(), now).await;
        }
        let found = snapshot(&world.pool()).await;
        for table in ["case", "day", "bucket"] {
            assert_eq!(found[table], expected[table], "round {round}: {table}");
        }
        assert_eq!(dues(&world, "3").await, dues(&straight, "3").await);
    }
}

#[tokio::test]
async fn a_withdrawal_that_is_corrected_gives_the_second_case_its_own_clock() {
    let mut world = World::new("2026-11-02 09:00").await;
    let mut events = given_up("1", USED_UP_SIX[0], USED_UP_SIX[1]);
    events.extend([
        applied("2", "2026-11-12 09:30", "z3"),
        accepted("2", "2026-11-12 10:00"),
    ]);
    live(&mut world, events).await;
    assert_eq!(dues(&world, "2").await[0], "2026-11-12 17:30");
    // It was not withdrawn but decided.
    let correction = event(
        "fix",
        "case.completed",
        "1",
        USED_UP_SIX[1],
        json!({"replaces": "1-withdrawn"}),
    );
    world.send(vec![correction], "2026-11-12 11:00").await;
    assert_eq!(dues(&world, "2").await[0], "2026-11-23 17:30");
    assert_eq!(
        world.cards_of("2").await,
        ["R1 warning cleared 2026-11-12 10:00"]
    );
}
