//! How late the words of a source may come (R7): its declared lag, and what kept us from hearing it.

use chrono::TimeDelta;
use mingjing_monitor::store::sources;

use crate::common::{SOURCE, Sent, World, accepted, at, completed};

/// A case that was decided on Monday and told of on Thursday.
async fn told_three_days_late(world: &mut World, now: &str) {
    world
        .send(
            vec![
                accepted("1", "2026-11-02 10:00").received("2026-11-05 10:00"),
                completed("1", "2026-11-02 11:00").received("2026-11-05 10:00"),
            ],
            now,
        )
        .await;
}

async fn declare(world: &mut World, hours: i64, now: &str) {
    let mut connection = world.pool().acquire().await.unwrap();
    sources::declare(&mut connection, SOURCE, "审批系统", TimeDelta::hours(hours))
        .await
        .unwrap();
    world.supervisor.reload(at(now)).await.unwrap();
}

#[tokio::test]
async fn a_source_that_declares_its_lag_is_not_blamed_for_it() {
    let mut world = World::new("2026-11-02 09:00").await;
    told_three_days_late(&mut world, "2026-11-05 10:00").await;
    assert_eq!(
        world.cards().await,
        ["R7 yellow_card issued 2026-11-05 10:00"]
    );

    let mut world = World::new("2026-11-02 09:00").await;
    declare(&mut world, 48, "2026-11-02 09:00").await;
    told_three_days_late(&mut world, "2026-11-05 10:00").await;
    assert_eq!(world.cards().await, [""; 0]);
}

#[tokio::test]
async fn what_came_late_because_we_were_away_is_not_backdated() {
    for (what, subject, excused) in [
        ("console", "", true),
        ("source", SOURCE, true),
        ("edge", "local", true),
        ("source", "//other", false),
        ("edge", "elsewhere", false),
    ] {
        let mut world = World::new("2026-11-02 09:00").await;
        let mut connection = world.pool().acquire().await.unwrap();
        sources::outage_begins(&mut connection, what, subject, at("2026-11-02 12:00"))
            .await
            .unwrap();
        sources::outage_ends(&mut connection, what, subject, at("2026-11-05 09:00"))
            .await
            .unwrap();
        drop(connection);
        world.restart("2026-11-05 09:00").await;
        told_three_days_late(&mut world, "2026-11-05 10:00").await;
        assert_eq!(world.cards().await.is_empty(), excused, "{what} {subject}");
    }
}
