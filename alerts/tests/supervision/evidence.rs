//! Whose word counts: provisional, withdrawn on evidence, contested.

use mingjing_alerts::supervisor::Delta;
use mingjing_monitor::store::sources;
use serde_json::json;

use crate::common::{SOURCE, Sent, World, accepted, at, completed, event};

#[tokio::test]
async fn a_lagging_source_makes_cards_provisional_until_it_is_complete() {
    let mut world = World::with_lag("2026-11-02 09:00").await;
    world
        .send(
            vec![
                accepted("1", "2026-11-02 10:00"),
                accepted("2", "2026-11-02 10:00"),
            ],
            "2026-11-02 12:00",
        )
        .await;
    world.wait_until("2026-11-11 17:31").await;
    let issued: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM card WHERE about = 'case' AND issued_at IS NOT NULL",
    )
    .fetch_one(&world.pool())
    .await
    .unwrap();
    assert_eq!(issued, 0, "provisional: not sent");
    let provisional = "R2 yellow_card provisional 2026-11-11 17:30";
    assert_eq!(
        world
            .cards()
            .await
            .iter()
            .filter(|card| *card == provisional)
            .count(),
        2
    );
    let orders: i64 = sqlx::query_scalar("SELECT count(*) FROM correction_order")
        .fetch_one(&world.pool())
        .await
        .unwrap();
    assert_eq!(orders, 0);

    // Evidence before it is firm removes it, though the case was decided an hour before we heard of it.
    world
        .send(
            vec![completed("1", "2026-11-11 17:00").received("2026-11-11 18:00")],
            "2026-11-11 18:00",
        )
        .await;
    world
        .supervisor
        .heartbeat(SOURCE, at("2026-11-11 17:29"), at("2026-11-11 18:30"))
        .await
        .unwrap();
    assert!(
        world.cards().await.contains(&provisional.to_owned()),
        "complete up to just before it fell due: still provisional"
    );
    let deltas = world
        .supervisor
        .heartbeat(SOURCE, at("2026-11-11 17:30"), at("2026-11-11 19:00"))
        .await
        .unwrap();
    assert_eq!(
        deltas
            .iter()
            .filter(|delta| matches!(delta, Delta::CardIssued { .. }))
            .count(),
        1,
        "the warnings were over: {deltas:?}"
    );
    assert_eq!(
        world.cards().await,
        [
            "R1 warning cleared 2026-11-09 17:30",
            "R1 warning cleared 2026-11-09 17:30",
            "R2 yellow_card issued 2026-11-11 17:30",
            "R2 yellow_card withdrawn 2026-11-11 17:30",
        ]
        .map(String::from)
    );
}

#[tokio::test]
async fn later_evidence_makes_a_card_contested_until_an_inspector_decides() {
    let mut world = World::new("2026-11-02 09:00").await;
    world
        .send(vec![accepted("1", "2026-11-02 10:00")], "2026-11-02 10:00")
        .await;
    world.wait_until("2026-11-12 09:00").await;
    let card = world.card("R2", "yellow_card").await;
    world
        .act(card, "receive", "hall_manager", "2026-11-12 09:05")
        .await
        .unwrap();
    let backdated = completed("1", "2026-11-11 17:00").received("2026-11-12 09:10");
    world.send(vec![backdated], "2026-11-12 09:10").await;
    let contested = "R2 yellow_card contested 2026-11-11 17:30".to_owned();
    assert!(world.cards().await.contains(&contested));
    assert_eq!(
        world.case("1").await,
        "on_time stopped -",
        "the case itself follows its events"
    );

    let card = world.card("R2", "yellow_card").await;
    world
        .act(card, "receive", "hall_manager", "2026-11-12 09:20")
        .await
        .expect_err("the supervised party does not clear itself");
    world
        .act(card, "uphold", "inspector", "2026-11-12 10:00")
        .await
        .unwrap();
    let received = "R2 yellow_card received 2026-11-11 17:30".to_owned();
    assert!(
        world.cards().await.contains(&received),
        "back where it stood: {:?}",
        world.cards().await
    );

    // Words that do not touch what was judged do not call it in question; other evidence does.
    world
        .send(
            vec![event(
                "d",
                "case.delivered",
                "1",
                "2026-11-12 11:00",
                json!({}),
            )],
            "2026-11-12 11:00",
        )
        .await;
    assert!(world.cards().await.contains(&received));
    let correction = event(
        "c2",
        "case.completed",
        "1",
        "2026-11-11 16:00",
        json!({"replaces": "1-completed"}),
    );
    world
        .send(
            vec![correction.received("2026-11-13 09:00")],
            "2026-11-13 09:00",
        )
        .await;
    assert!(world.cards().await.contains(&contested));
    let card = world.card("R2", "yellow_card").await;
    world
        .act(card, "revoke", "inspector", "2026-11-13 10:00")
        .await
        .unwrap();
    let history = world.history(card.0).await;
    assert_eq!(
        history,
        ["issue", "receive", "contest", "uphold", "contest", "revoke"]
    );
}

#[tokio::test]
async fn evidence_that_we_had_before_it_was_firm_withdraws_a_firm_card() {
    let mut world = World::new("2026-11-02 09:00").await;
    world
        .send(vec![accepted("1", "2026-11-02 10:00")], "2026-11-02 10:00")
        .await;
    // The edge stamped it before closing time; the uplink brought it after the card.
    world.wait_until("2026-11-11 17:31").await;
    world
        .send(
            vec![completed("1", "2026-11-11 17:00").received("2026-11-11 17:10")],
            "2026-11-11 17:40",
        )
        .await;
    assert!(
        world
            .cards()
            .await
            .contains(&"R2 yellow_card withdrawn 2026-11-11 17:30".to_owned())
    );
    let (id, _) = world.card("R2", "yellow_card").await;
    assert_eq!(world.history(id).await, ["issue", "withdraw"]);
}

#[tokio::test]
async fn evidence_received_during_an_outage_that_we_recorded_withdraws_too() {
    for (what, subject) in [("source", SOURCE), ("console", "")] {
        let mut world = World::new("2026-11-02 09:00").await;
        world
            .send(vec![accepted("1", "2026-11-02 10:00")], "2026-11-02 10:00")
            .await;
        let mut connection = world.pool().acquire().await.unwrap();
        sources::outage_begins(&mut connection, what, subject, at("2026-11-11 16:00"))
            .await
            .unwrap();
        sources::outage_begins(&mut connection, what, subject, at("2026-11-11 16:30"))
            .await
            .unwrap();
        world.wait_until("2026-11-11 17:31").await;
        sources::outage_ends(&mut connection, what, subject, at("2026-11-11 19:00"))
            .await
            .unwrap();
        drop(connection);
        world
            .send(
                vec![completed("1", "2026-11-11 17:00").received("2026-11-11 18:00")],
                "2026-11-11 19:01",
            )
            .await;
        assert!(
            world
                .cards()
                .await
                .contains(&"R2 yellow_card withdrawn 2026-11-11 17:30".to_owned()),
            "{what}"
        );
    }
}

#[tokio::test]
async fn an_outage_of_somebody_else_excuses_nobody() {
    let mut world = World::new("2026-11-02 09:00").await;
    world
        .send(vec![accepted("1", "2026-11-02 10:00")], "2026-11-02 10:00")
        .await;
    let mut connection = world.pool().acquire().await.unwrap();
    sources::outage_begins(&mut connection, "source", "//other", at("2026-11-11 16:00"))
        .await
        .unwrap();
    drop(connection);
    world.wait_until("2026-11-11 17:31").await;
    world
        .send(
            vec![completed("1", "2026-11-11 17:00").received("2026-11-11 18:00")],
            "2026-11-11 18:00",
        )
        .await;
    assert!(
        world
            .cards()
            .await
            .contains(&"R2 yellow_card contested 2026-11-11 17:30".to_owned())
    );
}

#[tokio::test]
async fn evidence_that_is_taken_back_restores_what_it_had_removed() {
    let mut world = World::with_lag("2026-11-02 09:00").await;
    world
        .send(vec![accepted("1", "2026-11-02 10:00")], "2026-11-02 10:00")
        .await;
    world.wait_until("2026-11-11 17:31").await;
    world
        .send(
            vec![completed("1", "2026-11-11 17:00").received("2026-11-11 18:00")],
            "2026-11-11 18:00",
        )
        .await;
    assert!(
        world
            .cards()
            .await
            .contains(&"R2 yellow_card withdrawn 2026-11-11 17:30".to_owned())
    );
    let wrong = event(
        "fix",
        "case.step_finished",
        "1",
        "2026-11-11 17:00",
        json!({"step": "review", "replaces": "1-completed"}),
    );
    world
        .send(vec![wrong.received("2026-11-12 09:00")], "2026-11-12 09:00")
        .await;
    assert!(
        world
            .cards()
            .await
            .contains(&"R2 yellow_card provisional 2026-11-11 17:30".to_owned())
    );
    world
        .supervisor
        .heartbeat(SOURCE, at("2026-11-12 09:00"), at("2026-11-12 09:30"))
        .await
        .unwrap();
    assert!(
        world
            .cards()
            .await
            .contains(&"R2 yellow_card issued 2026-11-11 17:30".to_owned())
    );
}
