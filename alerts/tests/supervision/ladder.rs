//! R12 and the ladder, with the clock turned: what follows when nobody answers, and what people do to orders.

use mingjing_alerts::card::{Grade, Ground, Kind};
use mingjing_alerts::order::Rung;
use mingjing_alerts::store::orders::About;
use mingjing_alerts::supervisor::{ActError, CardAction, Delta, NewCard, NewOrder, OrderAction};
use mingjing_monitor::store::county;

use crate::common::{World, accepted, at, completed, person};

/// A yellow card of 2026-11-11 17:30 on a case that was finished the day after: no red one follows by R2.
async fn late() -> World {
    let mut world = World::asking("2026-11-02 09:00").await;
    world
        .send(vec![accepted("1", "2026-11-02 10:00")], "2026-11-02 10:00")
        .await;
    world.wait_until("2026-11-12 09:00").await;
    world
        .send(vec![completed("1", "2026-11-12 09:00")], "2026-11-12 09:00")
        .await;
    world
}

/// Orders as `state rung due answer_due`, the local day and hour.
async fn orders(world: &World) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT concat_ws(' ', state, rung, to_char(due_at AT TIME ZONE 'Asia/Shanghai', 'MM-DD HH24:MI'),
                to_char(answer_due AT TIME ZONE 'Asia/Shanghai', 'MM-DD HH24:MI'))
         FROM supervision_order ORDER BY id",
    )
    .fetch_all(&world.pool())
    .await
    .unwrap()
}

/// Cards as `rule grade state about`, whatever they are about.
async fn every_card(world: &World) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT concat_ws(' ', rule, grade, state, about, coalesce(subject, case_no)) FROM card ORDER BY id",
    )
    .fetch_all(&world.pool())
    .await
    .unwrap()
}

async fn order(world: &World) -> (i64, i32) {
    sqlx::query_as("SELECT id, revision FROM supervision_order ORDER BY id DESC LIMIT 1")
        .fetch_one(&world.pool())
        .await
        .unwrap()
}

fn doing(order: (i64, i32), action: &str, role: &str) -> OrderAction {
    OrderAction {
        order: order.0,
        revision: order.1,
        action: action.into(),
        why: Some("经核查，材料流转延误".into()),
        objective: Some(false),
        measures: Some("已明确 AB 岗".into()),
        attachments: Vec::new(),
        actor: person(role),
    }
}

#[tokio::test]
async fn what_nobody_answers_goes_to_the_next_grade_and_up_the_whole_ladder() {
    let mut world = late().await;
    let yellow = world.card("R2", "yellow_card").await.0;
    // Three workdays for a yellow card: 11-12, 11-13, 11-16.
    world.wait_until("2026-11-16 17:29").await;
    assert_eq!(orders(&world).await.len(), 0);
    let deltas = world.wait_until("2026-11-16 17:30").await;
    let red = world.card("R12", "red_card").await.0;
    assert!(deltas.contains(&Delta::CardIssued {
        id: red,
        hall: "C".into()
    }));
    assert!(
        world
            .cards()
            .await
            .contains(&"R12 red_card issued 2026-11-16 17:30".to_owned()),
        "{:?}",
        world.cards().await
    );
    let (zh, case): (String, String) =
        sqlx::query_as("SELECT sentence_zh, case_no FROM card WHERE id = $1")
            .bind(red)
            .fetch_one(&world.pool())
            .await
            .unwrap();
    let said =
        format!("黄牌 {yellow} 的纠错通知应于 2026-11-16 17:30 前答复，逾期未答复 · R12 · v1");
    assert_eq!((zh, case.as_str()), (said, "1"));
    // One for the red one.
    world.wait_until("2026-11-17 17:30").await;
    assert_eq!(
        orders(&world).await,
        ["issued hall_manager 11-17 17:30 11-24 17:30"]
    );
    // Five for the order, on each rung.
    for (now, stands) in [
        (
            "2026-11-24 17:30",
            "escalated unit_head 11-17 17:30 12-01 17:30",
        ),
        (
            "2026-12-01 17:30",
            "escalated inspector 11-17 17:30 12-08 17:30",
        ),
        (
            "2026-12-08 17:30",
            "escalated commission 11-17 17:30 12-15 17:30",
        ),
        (
            "2027-02-01 09:00",
            "escalated commission 11-17 17:30 12-15 17:30",
        ),
    ] {
        world.wait_until(now).await;
        assert_eq!(orders(&world).await, [stands]);
    }
    assert_eq!(
        world.supervisor.queue_len(),
        0,
        "nothing more falls due by itself"
    );
    // The card that nobody answered stands as it was; what comes late is no reason to call R12 in question.
    world.send(vec![], "2027-02-01 09:00").await;
    assert!(
        world
            .cards()
            .await
            .contains(&"R2 yellow_card issued 2026-11-11 17:30".to_owned())
    );
}

#[tokio::test]
async fn after_a_stop_what_fell_due_fires_once_with_its_true_due_time() {
    let mut world = late().await;
    world.restart("2027-01-04 10:00").await;
    world.catch_up("2027-01-04 10:00").await;
    // The red card goes out when somebody can be told of it, and says when its reason came.
    assert!(
        world
            .cards()
            .await
            .contains(&"R12 red_card issued 2026-11-16 17:30".to_owned())
    );
    let issued: Vec<String> = sqlx::query_scalar(
        "SELECT to_char(answer_due AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI') FROM card WHERE rule = 'R12'",
    )
    .fetch_all(&world.pool())
    .await
    .unwrap();
    assert_eq!(issued, ["2027-01-05 17:30"]);
    assert_eq!(orders(&world).await.len(), 0);
    world.restart("2027-03-01 10:00").await;
    world.catch_up("2027-03-01 10:00").await;
    assert_eq!(
        orders(&world).await,
        ["issued hall_manager 01-05 17:30 03-08 17:30"]
    );
}

#[tokio::test]
async fn an_answer_stops_the_clock_and_a_returned_one_starts_it_anew() {
    let mut world = late().await;
    let card = world.card("R2", "yellow_card").await;
    world
        .act(card, "receive", "hall_manager", "2026-11-12 09:10")
        .await
        .unwrap();
    let card = world.card("R2", "yellow_card").await;
    world
        .act(card, "reply", "hall_manager", "2026-11-16 17:00")
        .await
        .unwrap();
    world.wait_until("2026-11-20 09:00").await;
    let card = world.card("R2", "yellow_card").await;
    world
        .act(card, "return", "inspector", "2026-11-20 10:00")
        .await
        .unwrap();
    world.wait_until("2026-11-25 17:29").await;
    let r12 = |cards: Vec<String>| cards.iter().filter(|card| card.starts_with("R12")).count();
    assert_eq!(r12(world.cards().await), 0);
    world.wait_until("2026-11-25 17:30").await;
    assert_eq!(r12(world.cards().await), 1);
}

#[tokio::test]
async fn what_followed_a_card_goes_when_the_card_is_taken_back() {
    let mut world = late().await;
    world.wait_until("2026-11-18 09:00").await;
    assert_eq!(orders(&world).await.len(), 1);
    let card = world.card("R2", "yellow_card").await;
    let revoke = CardAction {
        card: card.0,
        revision: card.1,
        action: "revoke".into(),
        why: Some("申请材料虚假".into()),
        ground: Some(Ground::FalseMaterials),
        attachments: Vec::new(),
        actor: person("inspector"),
    };
    let deltas = world
        .supervisor
        .act(&revoke, at("2026-11-18 10:00"))
        .await
        .unwrap();
    let (id, _) = order(&world).await;
    assert!(deltas.contains(&Delta::OrderChanged {
        id,
        hall: "C".into()
    }));
    assert!(
        world
            .cards()
            .await
            .contains(&"R12 red_card withdrawn 2026-11-16 17:30".to_owned())
    );
    assert!(orders(&world).await[0].starts_with("cancelled"));
    let ground: Option<String> = sqlx::query_scalar(
        "SELECT ground FROM card_transition WHERE card = $1 AND transition = 'revoke'",
    )
    .bind(card.0)
    .fetch_one(&world.pool())
    .await
    .unwrap();
    assert_eq!(ground.as_deref(), Some("false_materials"));
}

#[tokio::test]
async fn an_appeal_has_its_time_and_its_decision_too() {
    let mut world = late().await;
    let card = world.card("R2", "yellow_card").await;
    // Five workdays from 11-11 17:30: until 11-18 17:30.
    let late_appeal = world
        .act(card, "appeal", "hall_manager", "2026-11-18 17:31")
        .await;
    assert!(
        matches!(late_appeal, Err(ActError::TooLate(_))),
        "{late_appeal:?}"
    );
    world
        .act(card, "appeal", "hall_manager", "2026-11-13 10:00")
        .await
        .unwrap();
    world.wait_until("2026-11-20 17:29").await;
    assert!(
        world
            .cards()
            .await
            .contains(&"R2 yellow_card appealed 2026-11-11 17:30".to_owned())
    );
    world.wait_until("2026-11-20 17:30").await;
    assert!(
        world
            .cards()
            .await
            .contains(&"R2 yellow_card referred 2026-11-11 17:30".to_owned())
    );
    assert_eq!(world.history(card.0).await, ["issue", "appeal", "refer"]);
}

#[tokio::test]
async fn an_order_stays_open_until_its_feedback_is_dealt_with() {
    let mut world = late().await;
    world.wait_until("2026-11-18 09:00").await;
    let now = at("2026-11-18 10:00");
    let first = order(&world).await;
    let mut bare = doing(first, "answer", "hall_manager");
    bare.measures = None;
    let refused = world.supervisor.act_on_order(&bare, now).await;
    assert!(
        matches!(refused, Err(ActError::NeedsFeedback)),
        "{refused:?}"
    );
    for (action, role) in [
        ("answer", "unit_head"),
        ("close", "inspector"),
        ("answer", "leader"),
    ] {
        let refused = world
            .supervisor
            .act_on_order(&doing(first, action, role), now)
            .await;
        assert!(
            matches!(refused, Err(ActError::NotAllowed { .. })),
            "{action} {role}: {refused:?}"
        );
    }
    world
        .supervisor
        .act_on_order(&doing(first, "answer", "hall_manager"), now)
        .await
        .unwrap();
    // Of two people at once one wins, the other is told.
    let second = order(&world).await;
    world
        .supervisor
        .act_on_order(&doing(second, "return", "inspector"), now)
        .await
        .unwrap();
    let late = world
        .supervisor
        .act_on_order(&doing(second, "close", "commission"), now)
        .await;
    assert!(
        matches!(late, Err(ActError::Conflict { seen: 2, now: 3 })),
        "{late:?}"
    );
    assert_eq!(
        orders(&world).await,
        ["returned hall_manager 11-17 17:30 11-25 17:30"]
    );
    world.wait_until("2026-11-25 17:30").await;
    assert!(orders(&world).await[0].starts_with("escalated unit_head"));
    // Whoever had it may still answer.
    let third = order(&world).await;
    world
        .supervisor
        .act_on_order(
            &doing(third, "answer", "hall_manager"),
            at("2026-11-26 09:00"),
        )
        .await
        .unwrap();
    world.wait_until("2027-01-04 09:00").await;
    assert!(
        orders(&world).await[0].starts_with("answered unit_head"),
        "feedback stops the ladder"
    );
    let fourth = order(&world).await;
    world
        .supervisor
        .act_on_order(&doing(fourth, "close", "inspector"), at("2027-01-04 10:00"))
        .await
        .unwrap();
    let (closed, objective, measures): (bool, bool, String) =
        sqlx::query_as("SELECT closed_at IS NOT NULL, objective, measures FROM supervision_order")
            .fetch_one(&world.pool())
            .await
            .unwrap();
    assert!(closed && !objective && measures == "已明确 AB 岗");
    let steps: Vec<String> =
        sqlx::query_scalar("SELECT transition FROM supervision_order_transition ORDER BY id")
            .fetch_all(&world.pool())
            .await
            .unwrap();
    assert_eq!(
        steps,
        ["issue", "answer", "return", "escalate", "answer", "close"]
    );
    for sql in [
        "UPDATE supervision_order_transition SET who = 'x'",
        "TRUNCATE supervision_order_transition",
    ] {
        let edited = sqlx::query(sql).execute(&world.pool()).await;
        assert!(
            edited.unwrap_err().to_string().contains("append-only"),
            "{sql}"
        );
    }
}

#[tokio::test]
async fn people_write_orders_and_cards_by_hand() {
    let mut world = World::asking("2026-11-02 09:00").await;
    let now = at("2026-11-03 10:00");
    let mut new = NewOrder {
        to: Rung::UnitHead,
        hall: "C".into(),
        unit: Some("U1".into()),
        window: None,
        about: About {
            camera: Some("c-3".into()),
            picture_at: Some(at("2026-11-03 09:58")),
            ..About::default()
        },
        text: "请说明窗口无人的原因".into(),
        attachments: Vec::new(),
        actor: person("leader"),
    };
    world.supervisor.issue_by_hand(&new, now).await.unwrap();
    assert_eq!(
        orders(&world).await,
        ["issued unit_head 11-03 10:00 11-10 17:30"]
    );
    new.unit = None;
    let nobody = world.supervisor.issue_by_hand(&new, now).await;
    assert!(matches!(nobody, Err(ActError::Addressee)));
    new.actor = person("hall_manager");
    let refused = world.supervisor.issue_by_hand(&new, now).await;
    assert!(matches!(refused, Err(ActError::NotAllowed { .. })));
    let mut card = NewCard {
        grade: Grade::YellowCard,
        kind: Kind::Conduct,
        hall: "C".into(),
        unit: Some("U1".into()),
        window: Some("3".into()),
        item: None,
        about: new.about.clone(),
        sentence: "窗口人员擅离岗位".into(),
        why: "视频巡查发现".into(),
        attachments: Vec::new(),
        actor: person("inspector"),
    };
    world.supervisor.issue_card(&card, now).await.unwrap();
    assert_eq!(
        every_card(&world).await,
        ["manual yellow_card issued camera c-3"]
    );
    card.actor = person("leader");
    let refused = world.supervisor.issue_card(&card, now).await;
    assert!(matches!(refused, Err(ActError::NotAllowed { .. })));
    // A card on a case is not called in question by the case's own facts, and is awaited as any other.
    card.actor = person("inspector");
    card.about = About {
        case_no: Some("1".into()),
        ..About::default()
    };
    world
        .send(vec![accepted("1", "2026-11-03 10:00")], "2026-11-03 10:00")
        .await;
    world.supervisor.issue_card(&card, now).await.unwrap();
    world
        .send(vec![completed("1", "2026-11-03 11:00")], "2026-11-03 11:00")
        .await;
    assert_eq!(
        world.cards_of("1").await,
        ["manual yellow_card issued 2026-11-03 10:00"]
    );
    world.wait_until("2026-11-06 17:30").await;
    let mut cards = every_card(&world).await;
    cards.retain(|card| card.starts_with("R12"));
    assert_eq!(
        cards,
        [
            "R12 red_card issued camera c-3",
            "R12 red_card issued case 1",
        ]
    );
}

#[tokio::test]
async fn in_a_replay_nobody_is_asked_and_nothing_follows() {
    let mut world = World::new("2026-11-02 09:00").await;
    world
        .send(vec![accepted("1", "2026-11-02 10:00")], "2026-11-02 10:00")
        .await;
    world.wait_until("2026-12-31 09:00").await;
    assert_eq!(world.supervisor.queue_len(), 0);
    assert!(
        world
            .cards()
            .await
            .iter()
            .all(|card| !card.starts_with("R12"))
    );
}

#[tokio::test]
async fn in_a_trial_run_nothing_follows_now_or_later() {
    let mut world = World::asking("2026-11-02 09:00").await;
    let trial = async |world: &mut World, on: bool, now: &str| {
        let mut connection = world.pool().acquire().await.unwrap();
        county::set_trial_run(&mut connection, on).await.unwrap();
        world.supervisor.reload(at(now)).await.unwrap();
    };
    trial(&mut world, true, "2026-11-02 09:00").await;
    world
        .send(vec![accepted("1", "2026-11-02 10:00")], "2026-11-02 10:00")
        .await;
    let new = NewOrder {
        to: Rung::HallManager,
        hall: "C".into(),
        unit: None,
        window: None,
        about: About::default(),
        text: "请核查".into(),
        attachments: Vec::new(),
        actor: person("inspector"),
    };
    let now = at("2026-11-03 10:00");
    world.supervisor.issue_by_hand(&new, now).await.unwrap();
    world.wait_until("2026-11-12 09:00").await;
    world
        .send(vec![completed("1", "2026-11-12 09:00")], "2026-11-12 09:00")
        .await;
    let card = world.card("R2", "yellow_card").await;
    world
        .act(card, "appeal", "hall_manager", "2026-11-12 10:00")
        .await
        .unwrap();
    // What was issued in it stays without consequences when the county begins in earnest, and after a stop.
    trial(&mut world, false, "2026-11-12 11:00").await;
    world.restart("2026-12-01 09:00").await;
    world.catch_up("2026-12-01 09:00").await;
    world.wait_until("2027-02-01 09:00").await;
    assert!(
        world
            .cards()
            .await
            .contains(&"R2 yellow_card appealed 2026-11-11 17:30".to_owned())
    );
    assert!(
        world
            .cards()
            .await
            .iter()
            .all(|card| !card.starts_with("R12"))
    );
    assert_eq!(
        orders(&world).await,
        ["issued hall_manager 11-03 10:00 11-10 17:30"]
    );
}
