//! The statutory calendar changes, and the cases follow it, whatever stops in between.

use mingjing_monitor::calendar::WorkdayYear;
use mingjing_monitor::store::calendars;

use crate::common::{World, accepted, at, completed};

/// A year with these days off and no others.
async fn set_year(world: &World, year: i32, holidays: &[&str]) {
    let year = WorkdayYear {
        year,
        notice: "测试".into(),
        holidays: holidays.iter().map(|day| day.parse().unwrap()).collect(),
        makeup: vec![],
    };
    let mut connection = world.pool().acquire().await.unwrap();
    calendars::set_year(&mut connection, &year).await.unwrap();
}

async fn promise_due(world: &World, no: &str) -> String {
    let due = sqlx::query_scalar("SELECT promise_due FROM case_state WHERE no = $1");
    crate::common::local(due.bind(no).fetch_one(&world.pool()).await.unwrap())
}

#[tokio::test]
async fn a_year_replaced_just_before_the_process_was_killed_is_followed_after_the_restart() {
    let mut world = World::new("2026-11-02 09:00").await;
    world
        .send(vec![accepted("1", "2026-11-02 10:00")], "2026-11-02 10:00")
        .await;
    assert_eq!(promise_due(&world, "1").await, "2026-11-11 17:30");
    // The year is committed; nobody was told before everything stopped.
    set_year(&world, 2026, &["2026-11-05"]).await;
    world.restart("2026-11-03 09:00").await;
    world.catch_up("2026-11-03 09:00").await;
    assert_eq!(promise_due(&world, "1").await, "2026-11-12 17:30");
    world.wait_until("2026-11-12 17:29").await;
    assert_eq!(
        world.cards().await,
        ["R1 warning issued 2026-11-10 17:30"],
        "not by the calendar that was"
    );
    world.restart("2026-11-12 17:29").await;
    assert_ne!(
        world.supervisor.next_due(),
        Some(at("2026-11-12 17:29")),
        "it was looked at, and need not be again"
    );
}

#[tokio::test]
async fn a_year_added_just_before_the_process_was_killed_makes_certain_what_was_expected() {
    let mut world = World::new("2026-12-28 09:00").await;
    world
        .send(vec![accepted("1", "2026-12-28 10:00")], "2026-12-28 10:00")
        .await;
    set_year(&world, 2027, &["2027-01-01"]).await;
    world.restart("2026-12-29 09:00").await;
    world.catch_up("2026-12-29 09:00").await;
    let expected: bool = sqlx::query_scalar("SELECT expected FROM case_state")
        .fetch_one(&world.pool())
        .await
        .unwrap();
    assert!(!expected);
    world.wait_until("2027-01-08 00:00").await;
    let yellow = "R2 yellow_card issued 2027-01-07 17:30".to_owned();
    assert!(world.cards().await.contains(&yellow));
}

#[tokio::test]
async fn what_was_decided_in_a_year_is_judged_by_that_year_as_it_truly_was() {
    let mut world = World::new("2026-11-02 09:00").await;
    world
        .send(
            vec![
                accepted("late", "2026-11-02 10:00"),
                accepted("in-time", "2026-11-03 10:00"),
            ],
            "2026-11-03 10:00",
        )
        .await;
    world.wait_until("2026-11-12 09:00").await;
    world
        .send(
            vec![
                completed("late", "2026-11-12 09:00"),
                completed("in-time", "2026-11-12 09:00"),
            ],
            "2026-11-12 09:00",
        )
        .await;
    assert_eq!(world.case("late").await, "over_promise_only stopped -");
    // Somebody sees that a day off is missing in the year that was imported.
    set_year(&world, 2026, &["2026-11-05"]).await;
    world
        .supervisor
        .reload(at("2026-11-13 09:00"))
        .await
        .unwrap();
    world.catch_up("2026-11-13 09:00").await;
    assert_eq!(world.case("late").await, "on_time stopped -");
    assert_eq!(
        world.cards_of("late").await,
        [
            "R1 warning cleared 2026-11-10 17:30",
            "R2 yellow_card withdrawn 2026-11-11 17:30",
        ]
    );
    crate::recount::assert_adds_up(&world.pool(), "after the calendar changed").await;
}
