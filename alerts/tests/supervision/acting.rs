//! What people do to cards.

use mingjing_alerts::supervisor::{ActError, CardAction, Delta};
use mingjing_monitor::audit::{Action, Head, verify};
use mingjing_monitor::store::audit::{self, Filter};
use mingjing_monitor::store::paging::Page;

use crate::common::{World, accepted, at, person};

async fn overdue() -> World {
    let mut world = World::new("2026-11-02 09:00").await;
    world
        .send(vec![accepted("1", "2026-11-02 10:00")], "2026-11-02 10:00")
        .await;
    world.wait_until("2026-11-12 09:00").await;
    world
}

#[tokio::test]
async fn from_card_to_closed_with_every_name_and_reason_kept() {
    let mut world = overdue().await;
    for (action, role, now) in [
        ("receive", "hall_manager", "2026-11-12 09:10"),
        ("reply", "hall_manager", "2026-11-12 09:20"),
        ("return", "inspector", "2026-11-12 10:00"),
        ("reply", "unit_head", "2026-11-12 11:00"),
        ("review", "inspector", "2026-11-12 15:00"),
    ] {
        let card = world.card("R2", "yellow_card").await;
        let deltas = world.act(card, action, role, now).await.unwrap();
        assert!(deltas.contains(&Delta::CardChanged {
            id: card.0,
            hall: "C".into()
        }));
    }
    let (id, revision) = world.card("R2", "yellow_card").await;
    assert_eq!(revision, 6);
    let lines: Vec<(String, String, String, Option<String>)> = sqlx::query_as(
        "SELECT transition, to_state, who, why FROM card_transition WHERE card = $1 ORDER BY id",
    )
    .bind(id)
    .fetch_all(&world.pool())
    .await
    .unwrap();
    let states: Vec<&str> = lines.iter().map(|line| line.1.as_str()).collect();
    assert_eq!(
        states,
        [
            "issued", "received", "answered", "returned", "answered", "closed"
        ]
    );
    assert!(
        lines[1..]
            .iter()
            .all(|line| line.2 == "李监察" && line.3.as_deref() == Some("因为如此"))
    );
    let (answered, closed): (Option<chrono::DateTime<chrono::Utc>>, Option<chrono::DateTime<chrono::Utc>>) = sqlx::query_as(
        "SELECT o.answered_at, c.closed_at FROM correction_order o JOIN card c ON c.id = o.card WHERE c.id = $1",
    )
    .bind(id)
    .fetch_one(&world.pool())
    .await
    .unwrap();
    assert_eq!(
        (answered, closed),
        (Some(at("2026-11-12 11:00")), Some(at("2026-11-12 15:00")))
    );
    let edited = sqlx::query("UPDATE card_transition SET who = 'nobody'")
        .execute(&world.pool())
        .await;
    assert!(
        edited.unwrap_err().to_string().contains("append-only"),
        "nothing can be edited afterwards"
    );
}

#[tokio::test]
async fn what_people_do_stands_in_the_audit_log_with_before_and_after() {
    let mut world = overdue().await;
    let card = world.card("R2", "yellow_card").await;
    world
        .act(card, "receive", "hall_manager", "2026-11-12 09:10")
        .await
        .unwrap();
    // Of what is refused nothing stands there: the console records the refusal.
    world
        .act(card, "cancel", "inspector", "2026-11-12 09:10")
        .await
        .unwrap_err();
    let (entries, _) = audit::list(&world.pool(), &Filter::default(), &Page::default())
        .await
        .unwrap();
    assert_eq!(verify(&entries, [Head::ORIGIN]).fault, None);
    let [entry] = &entries[..] else {
        panic!("{entries:?}")
    };
    assert_eq!(entry.action, Action::CardChanged.code());
    assert_eq!(entry.subject.as_deref(), Some(card.0.to_string().as_str()));
    assert_eq!(entry.address.as_deref(), Some("192.0.2.7"));
    assert_eq!(
        entry.before.as_deref(),
        Some(r#"{"grade":"yellow_card","state":"issued"}"#)
    );
    assert_eq!(
        entry.after.as_deref(),
        Some(r#"{"grade":"yellow_card","state":"received","transition":"receive"}"#)
    );
    assert_eq!(entry.reason.as_deref(), Some("因为如此"));
}

#[tokio::test]
async fn of_two_people_at_once_one_wins() {
    let mut world = overdue().await;
    let card = world.card("R2", "yellow_card").await;
    world
        .act(card, "receive", "hall_manager", "2026-11-12 09:10")
        .await
        .unwrap();
    let second = world
        .act(card, "cancel", "inspector", "2026-11-12 09:10")
        .await;
    assert!(
        matches!(second, Err(ActError::Conflict { seen: 1, now: 2 })),
        "{second:?}"
    );
    assert_eq!(world.history(card.0).await, ["issue", "receive"]);
}

#[tokio::test]
async fn what_the_table_does_not_allow_is_refused_and_changes_nothing() {
    let mut world = overdue().await;
    let card = world.card("R2", "yellow_card").await;
    let before = world.cards().await;
    for (action, role) in [
        ("review", "inspector"),
        ("revoke", "hall_manager"),
        ("issue", "system"),
        ("withdraw", "inspector"),
        ("receive", "leader"),
        ("explode", "inspector"),
    ] {
        let refused = world.act(card, action, role, "2026-11-12 09:10").await;
        assert!(
            matches!(refused, Err(ActError::NotAllowed { .. })),
            "{action} by {role}: {refused:?}"
        );
    }
    let silent = CardAction {
        card: card.0,
        revision: card.1,
        action: "revoke".into(),
        why: Some("  ".into()),
        ground: None,
        attachments: Vec::new(),
        actor: person("inspector"),
    };
    let refused = world.supervisor.act(&silent, at("2026-11-12 09:10")).await;
    assert!(matches!(refused, Err(ActError::NeedsWhy("revoke"))));
    let nothing = world
        .act(
            (card.0 + 999, 1),
            "receive",
            "hall_manager",
            "2026-11-12 09:10",
        )
        .await;
    assert!(matches!(nothing, Err(ActError::NotFound(_))));
    assert_eq!(world.cards().await, before);
}

#[tokio::test]
async fn revoking_a_red_card_revives_the_yellow_under_it() {
    let mut world = overdue().await;
    let yellow = world.card("R2", "yellow_card").await;
    world
        .act(yellow, "receive", "hall_manager", "2026-11-12 09:10")
        .await
        .unwrap();
    world.wait_until("2026-11-17 09:00").await;
    assert_eq!(
        world.cards().await[1..],
        [
            "R2 yellow_card superseded 2026-11-11 17:30".to_owned(),
            "R2 red_card issued 2026-11-16 17:30".to_owned()
        ]
    );
    let red = world.card("R2", "red_card").await;
    let deltas = world
        .act(red, "revoke", "inspector", "2026-11-17 10:00")
        .await
        .unwrap();
    assert!(
        deltas.contains(&Delta::CardChanged {
            id: yellow.0,
            hall: "C".into()
        }),
        "{deltas:?}"
    );
    assert_eq!(
        world.cards().await[1..],
        [
            "R2 yellow_card received 2026-11-11 17:30".to_owned(),
            "R2 red_card revoked 2026-11-16 17:30".to_owned()
        ]
    );
    assert_eq!(
        world.history(yellow.0).await,
        ["issue", "receive", "supersede", "revive"]
    );
}
