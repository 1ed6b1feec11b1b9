//! Cards that evidence moves to somebody else, and cards that evidence calls in question: whoever was told is told.

use mingjing_alerts::supervisor::Delta;
use serde_json::json;

use crate::common::{Sent, World, accepted, at, completed, event, local};
use crate::telling::Telling;

/// Case 1, whose survey began in this town the day before its promise ran out.
fn survey(id: &str, hall: &str, replaces: Option<&str>) -> mingjing_monitor::event::CaseEvent {
    // A day is all that is told of it, so that being told late is no matter of its own (R7).
    let mut data = json!({"step": "survey", "hall": hall, "date_only": true});
    if let Some(replaced) = replaces {
        data["replaces"] = json!(replaced);
    }
    event(id, "case.step_started", "1", "2018-10-23 10:00", data)
}

/// What is new in the log, sorted.
async fn news(t: &Telling, told: &mut usize) -> Vec<String> {
    let log = t.log().await;
    let mut new = log[*told..].to_vec();
    *told = log.len();
    new.sort();
    new
}

#[tokio::test]
async fn a_card_that_goes_to_another_hall_is_told_where_it_was_and_where_it_is() {
    let mut t = Telling::asking("sms").await;
    for (login, role, hall) in [
        ("inspector", "inspector", "C"),
        ("first", "hall_manager", "T1"),
        ("second", "hall_manager", "T2"),
    ] {
        let account = t.person(login, role, hall, None).await;
        t.subscribe(account, hall, &["yellow_card"]).await;
    }
    let begun = vec![
        accepted("1", "2018-10-15 10:00"),
        survey("1-survey", "T1", None),
    ];
    t.world.send(begun, "2018-10-23 10:00").await;
    t.world.wait_until("2018-10-25 09:00").await;
    t.expand("2018-10-25 09:00").await;
    let mut told = 0;
    let issued = |who: &str| format!("issued yellow_card queued {who}");
    assert_eq!(
        news(&t, &mut told).await,
        [issued("first"), issued("inspector")]
    );
    let card = t.world.card("R2", "yellow_card").await;
    t.world
        .act(card, "receive", "hall_manager", "2018-10-25 10:00")
        .await
        .unwrap();

    let moved = survey("1-survey2", "T2", Some("1-survey")).received("2018-10-26 10:00");
    let applied = t.world.send(vec![moved], "2018-10-26 10:00").await;
    assert!(
        applied.deltas.contains(&Delta::CardLeft {
            id: card.0,
            hall: "T1".into(),
            unit: Some("U1".into()),
            window: Some("3".into()),
        }),
        "{:?}",
        applied.deltas
    );
    assert!(applied.deltas.contains(&Delta::CardChanged {
        id: card.0,
        hall: "T2".into()
    }));
    t.expand("2018-10-26 10:00").await;
    assert_eq!(
        news(&t, &mut told).await,
        [
            "assigned yellow_card queued inspector",
            "assigned yellow_card queued second",
            "left yellow_card queued first",
        ],
        "once each: who hears of it where it is now is not told that it is gone"
    );
    // Nobody there has signed yet, and the answer is due in full.
    assert_eq!(
        t.world.history(card.0).await,
        ["issue", "receive", "transfer"]
    );
    let (hall, due): (String, chrono::DateTime<chrono::Utc>) =
        sqlx::query_as("SELECT hall, answer_due FROM correction_order WHERE card = $1")
            .bind(card.0)
            .fetch_one(&t.world.pool())
            .await
            .unwrap();
    assert_eq!(
        (hall.as_str(), local(due).as_str()),
        ("T2", "2018-10-31 17:30")
    );
    let body: serde_json::Value =
        sqlx::query_scalar("SELECT body FROM delivery WHERE what = 'left'")
            .fetch_one(&t.world.pool())
            .await
            .unwrap();
    assert_eq!(body["hall"], "T1", "what is found elsewhere is not told");
    // Back where it was: the same the other way round.
    let back = survey("1-survey3", "T1", Some("1-survey2")).received("2018-10-26 11:00");
    t.world.send(vec![back], "2018-10-26 11:00").await;
    t.expand("2018-10-26 11:00").await;
    assert_eq!(
        news(&t, &mut told).await,
        [
            "assigned yellow_card queued first",
            "assigned yellow_card queued inspector",
            "left yellow_card queued second",
        ]
    );
}

#[tokio::test]
async fn what_followed_the_silence_of_a_hall_goes_when_its_card_does() {
    let mut world = World::asking("2018-10-15 09:00").await;
    let dues = json!({"promise_due": at("2018-10-24 17:30"), "legal_due": at("2018-11-30 17:30")});
    let begun = vec![
        event("1-accepted", "case.accepted", "1", "2018-10-15 10:00", dues),
        survey("1-survey", "T1", None),
    ];
    world.send(begun, "2018-10-23 10:00").await;
    world.wait_until("2018-10-30 09:00").await;
    let (followed, _) = world.card("R12", "red_card").await;
    let moved = survey("1-survey2", "T2", Some("1-survey")).received("2018-10-30 10:00");
    world.send(vec![moved], "2018-10-30 10:00").await;
    assert_eq!(world.history(followed).await, ["issue", "withdraw"]);
    let halls: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT hall FROM card WHERE state NOT IN ('withdrawn', 'cleared')",
    )
    .fetch_all(&world.pool())
    .await
    .unwrap();
    assert!(!halls.contains(&"T1".to_owned()), "{halls:?}");
}

#[tokio::test]
async fn a_card_that_is_contested_is_told_to_inspectors_and_the_hall_and_so_is_how_it_ends() {
    let mut t = Telling::new("sms").await;
    for (login, role, grade) in [
        ("inspector", "inspector", "yellow_card"),
        ("manager", "hall_manager", "yellow_card"),
        ("red-only", "inspector", "red_card"),
    ] {
        let account = t.person(login, role, "C", None).await;
        t.subscribe(account, "C", &[grade]).await;
    }
    t.world
        .send(vec![accepted("1", "2018-10-15 10:00")], "2018-10-15 10:00")
        .await;
    t.world.wait_until("2018-10-25 09:00").await;
    t.expand("2018-10-25 09:00").await;
    let mut told = 0;
    news(&t, &mut told).await;
    let late = completed("1", "2018-10-24 10:00").received("2018-10-25 10:00");
    t.world.send(vec![late], "2018-10-25 10:00").await;
    t.expand("2018-10-25 10:00").await;
    let both =
        |what: &str| ["inspector", "manager"].map(|who| format!("{what} yellow_card queued {who}"));
    assert_eq!(news(&t, &mut told).await, both("contested"));
    let contested = t.world.card("R2", "yellow_card").await;
    t.world
        .act(contested, "uphold", "inspector", "2018-10-25 11:00")
        .await
        .unwrap();
    t.expand("2018-10-25 11:00").await;
    assert_eq!(news(&t, &mut told).await, both("reinstated"));
}
