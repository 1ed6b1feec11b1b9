//! History posted with an initial-load token counts as received when it happened.

use mingjing_alerts::supervisor::Delta;
use mingjing_monitor::store::sources;

use crate::common::{SOURCE, World, accepted, at, completed};

#[tokio::test]
async fn loaded_history_equals_having_lived_it() {
    let mut world = World::new("2026-11-20 09:00").await;
    let now = at("2026-11-20 09:00");
    // Day by day, as a system that is being connected would post it.
    let first = vec![
        accepted("1", "2026-10-12 10:00"),
        accepted("2", "2026-10-12 10:00"),
    ];
    let applied = world
        .supervisor
        .apply_batch(first, true, now)
        .await
        .unwrap();
    assert_eq!(
        applied.deltas,
        [Delta::OverviewChanged, Delta::RankingChanged],
        "no noise while loading"
    );
    assert_eq!(
        world.cards().await,
        [] as [&str; 0],
        "time goes only as far as the history"
    );
    assert_eq!(
        world.catch_up("2026-11-20 09:00").await,
        [],
        "and no deadline runs ahead of it"
    );

    let second = vec![
        completed("1", "2026-10-20 10:00"),
        accepted("3", "2026-10-22 10:00"),
    ];
    let applied = world
        .supervisor
        .apply_batch(second, true, now)
        .await
        .unwrap();
    assert!(
        !applied
            .deltas
            .iter()
            .any(|delta| matches!(delta, Delta::CardIssued { .. } | Delta::CaseChanged { .. }))
    );
    assert_eq!(
        world.cards().await,
        [
            "R1 warning cleared 2026-10-19 17:30",
            "R1 warning cleared 2026-10-19 17:30",
            "R2 yellow_card issued 2026-10-21 17:30"
        ]
    );
    let (created, issued): (chrono::DateTime<chrono::Utc>, chrono::DateTime<chrono::Utc>) =
        sqlx::query_as("SELECT created_at, issued_at FROM card WHERE grade = 'yellow_card'")
            .fetch_one(&world.pool())
            .await
            .unwrap();
    assert_eq!(
        (created, issued),
        (at("2026-10-21 17:30"), at("2026-10-21 17:30")),
        "as it would have been written then"
    );
    let received: Vec<chrono::DateTime<chrono::Utc>> =
        sqlx::query_scalar("SELECT received FROM case_event WHERE received <> time")
            .fetch_all(&world.pool())
            .await
            .unwrap();
    assert!(received.is_empty(), "{received:?}");

    // A stop in the middle changes nothing.
    world.restart("2026-11-20 09:05").await;
    assert_eq!(world.catch_up("2026-11-20 09:05").await, []);
    let source = &sources::sources(&world.pool()).await.unwrap()[0];
    assert_eq!(source.loading_until, Some(at("2026-10-22 10:00")));

    // A heartbeat ends it: what was held back is due now.
    let deltas = world
        .supervisor
        .heartbeat(SOURCE, at("2026-11-20 09:00"), at("2026-11-20 09:06"))
        .await
        .unwrap();
    assert!(deltas.contains(&Delta::SourceChanged { id: SOURCE.into() }));
    let deltas = world.catch_up("2026-11-20 09:06").await;
    assert!(
        deltas
            .iter()
            .any(|delta| matches!(delta, Delta::CardIssued { .. }))
    );
    assert_eq!(
        world.cards().await[2..],
        [
            "R2 yellow_card superseded 2026-10-21 17:30",
            "R2 red_card issued 2026-10-26 17:30",
            "R1 warning cleared 2026-10-29 17:30",
            "R2 yellow_card superseded 2026-11-02 17:30",
            "R2 red_card issued 2026-11-05 17:30",
        ]
        .map(String::from)
    );
}

#[tokio::test]
async fn history_that_comes_out_of_order_withdraws_what_it_disproves() {
    let mut world = World::new("2026-11-20 09:00").await;
    let now = at("2026-11-20 09:00");
    world
        .supervisor
        .apply_batch(
            vec![
                accepted("1", "2026-10-12 10:00"),
                accepted("9", "2026-11-19 10:00"),
            ],
            true,
            now,
        )
        .await
        .unwrap();
    assert!(
        world
            .cards()
            .await
            .contains(&"R2 red_card issued 2026-10-26 17:30".to_owned())
    );
    world
        .supervisor
        .apply_batch(vec![completed("1", "2026-10-13 10:00")], true, now)
        .await
        .unwrap();
    assert_eq!(
        world.cards().await,
        [
            "R1 warning cleared 2026-10-19 17:30",
            "R2 yellow_card withdrawn 2026-10-21 17:30",
            "R2 red_card withdrawn 2026-10-26 17:30"
        ]
    );
}

#[tokio::test]
async fn a_source_that_was_heard_of_does_not_go_back_in_time() {
    let mut world = World::new("2026-11-02 09:00").await;
    world
        .send(vec![accepted("1", "2026-11-02 10:00")], "2026-11-02 10:00")
        .await;
    world.wait_until("2026-11-12 09:00").await;
    let before = world.cards().await;
    let old = vec![
        accepted("0", "2026-01-05 10:00"),
        completed("0", "2026-01-06 10:00"),
    ];
    world
        .supervisor
        .apply_batch(old, true, at("2026-11-12 10:00"))
        .await
        .unwrap();
    assert_eq!(world.cards().await, before);
    assert_eq!(
        sources::sources(&world.pool()).await.unwrap()[0].loading_until,
        None
    );
}
