//! R9 against the real database: from an empty seat to a card that a person has looked at; what excuses, and what is not seen.

use mingjing_alerts::rules::watched::{Thing, Trouble};
use mingjing_alerts::supervisor::{ActError, Delta, Sight, Sighting, Sightings};
use mingjing_monitor::event::CaseEvent;
use mingjing_monitor::store::absences;
use serde_json::{Value, json};

use crate::common::{World, at, event, local};

fn empty(since: &str) -> Sight {
    Sight::Trouble(Trouble::Empty, at(since))
}

impl World {
    /// What the cameras see of window 3 of hall C, by the clock of `now`; what falls due before fires when it comes.
    async fn seat(&mut self, sight: Sight, now: &str) -> Vec<Delta> {
        self.wait_until(now).await;
        let window = Sighting {
            thing: Thing::Window,
            subject: "C/3".into(),
            name: "三号窗口".into(),
            hall: "C".into(),
            unit: Some("U1".into()),
            above: vec!["hall:C".into(), "camera:cam".into()],
            cameras: 0,
            sight,
        };
        let seen = Sightings {
            things: vec![window],
        };
        self.supervisor.observe(&seen, at(now)).await.unwrap()
    }

    /// The cards about windows, as `grade state due`.
    async fn absences(&self) -> Vec<String> {
        let rows: Vec<(String, String, chrono::DateTime<chrono::Utc>)> = sqlx::query_as(
            "SELECT grade, state, due_at FROM card WHERE about = 'window' ORDER BY due_at, grade DESC",
        )
        .fetch_all(&self.pool())
        .await
        .unwrap();
        let line = |(grade, state, due)| format!("{grade} {state} {}", local(due));
        rows.into_iter().map(line).collect()
    }

    /// The newest card of this state about a window: id and revision.
    async fn in_state(&self, state: &str) -> (i64, i32) {
        sqlx::query_as(
            "SELECT id, revision FROM card WHERE about = 'window' AND state = $1 ORDER BY due_at DESC LIMIT 1",
        )
        .bind(state)
        .fetch_one(&self.pool())
        .await
        .unwrap()
    }

    /// Nobody at the window from `from` to `to` of a day, and the card of it confirmed the next morning.
    async fn absent(&mut self, day: &str, next: &str) {
        let from = format!("{day} 10:00");
        self.seat(empty(&from), &from).await;
        self.seat(Sight::Well, &format!("{day} 10:45")).await;
        let card = self.in_state("unconfirmed").await;
        self.act(card, "confirm", "inspector", &format!("{next} 09:00"))
            .await
            .unwrap();
    }
}

fn about_window(id: &str, kind: &str, time: &str, data: Value) -> CaseEvent {
    event(id, &format!("window.{kind}"), "-", time, data)
}

#[tokio::test]
async fn an_empty_window_is_noticed_and_its_yellow_card_waits_for_a_person() {
    let mut world = World::asking("2026-11-02 08:00").await;
    world.seat(Sight::Well, "2026-11-02 09:00").await;
    world
        .seat(empty("2026-11-02 10:00"), "2026-11-02 10:00")
        .await;
    world.wait_until("2026-11-02 10:10").await;
    assert_eq!(world.absences().await, ["notice issued 2026-11-02 10:10"]);
    world.wait_until("2026-11-02 10:30").await;
    assert_eq!(
        world.absences().await,
        [
            "notice cleared 2026-11-02 10:10",
            "yellow_card unconfirmed 2026-11-02 10:30"
        ]
    );
    let orders = "SELECT count(*) FROM correction_order";
    let count = async |world: &World| -> i64 {
        let n = sqlx::query_scalar(orders).fetch_one(&world.pool()).await;
        n.unwrap()
    };
    assert_eq!(count(&world).await, 0, "nothing has gone out");
    // Time alone never makes it count, and the hall does not decide.
    world.seat(Sight::Well, "2026-11-02 11:00").await;
    world.wait_until("2026-11-20 09:00").await;
    let card = world.in_state("unconfirmed").await;
    let hall = world
        .act(card, "confirm", "hall_manager", "2026-11-20 09:00")
        .await;
    assert!(matches!(hall, Err(ActError::NotAllowed { .. })), "{hall:?}");
    let deltas = world
        .act(card, "confirm", "inspector", "2026-11-20 09:00")
        .await
        .unwrap();
    let issued = |delta: &Delta| matches!(delta, Delta::CardIssued { id, .. } if *id == card.0);
    assert!(deltas.iter().any(issued), "{deltas:?}");
    assert_eq!(
        world.absences().await[1],
        "yellow_card issued 2026-11-02 10:30"
    );
    assert_eq!(count(&world).await, 1, "the hall is asked");
    assert_eq!(world.history(card.0).await, ["detect", "confirm"]);
    // Three workdays from then, and not from when the seat was empty.
    let due: chrono::DateTime<chrono::Utc> =
        sqlx::query_scalar("SELECT answer_due FROM card WHERE id = $1")
            .bind(card.0)
            .fetch_one(&world.pool())
            .await
            .unwrap();
    assert_eq!(local(due), "2026-11-25 17:30");
}

#[tokio::test]
async fn what_was_dismissed_is_over_and_counts_nowhere() {
    let mut world = World::new("2026-11-02 08:00").await;
    world
        .seat(empty("2026-11-02 10:00"), "2026-11-02 10:00")
        .await;
    world.wait_until("2026-11-02 10:30").await;
    let card = world.in_state("unconfirmed").await;
    world
        .act(card, "dismiss", "inspector", "2026-11-02 10:40")
        .await
        .unwrap();
    // It goes on, and stays dismissed.
    world.seat(Sight::Well, "2026-11-02 12:00").await;
    assert_eq!(
        world.absences().await[1],
        "yellow_card dismissed 2026-11-02 10:30"
    );
    for (day, next) in [("2026-11-03", "2026-11-04"), ("2026-11-04", "2026-11-05")] {
        world.absent(day, next).await;
    }
    let red = |cards: Vec<String>| cards.iter().any(|card| card.starts_with("red"));
    assert!(
        !red(world.absences().await),
        "two were confirmed, not three"
    );
}

#[tokio::test]
async fn the_third_confirmed_yellow_of_a_month_is_red_until_one_of_them_is_revoked() {
    let mut world = World::new("2026-11-02 08:00").await;
    for (day, next) in [
        ("2026-11-02", "2026-11-03"),
        ("2026-11-03", "2026-11-04"),
        ("2026-11-04", "2026-11-05"),
    ] {
        world.absent(day, next).await;
    }
    let cards = async |world: &World| -> Vec<String> {
        let all = world.absences().await;
        all.into_iter()
            .filter(|card| !card.starts_with("notice"))
            .collect()
    };
    assert_eq!(
        cards(&world).await,
        [
            "yellow_card issued 2026-11-02 10:30",
            "yellow_card issued 2026-11-03 10:30",
            "yellow_card superseded 2026-11-04 10:30",
            "red_card issued 2026-11-04 10:30",
        ]
    );
    let first: (i64, i32) = sqlx::query_as(
        "SELECT id, revision FROM card WHERE grade = 'yellow_card' ORDER BY due_at LIMIT 1",
    )
    .fetch_one(&world.pool())
    .await
    .unwrap();
    world
        .act(first, "revoke", "inspector", "2026-11-06 09:00")
        .await
        .unwrap();
    assert_eq!(
        cards(&world).await,
        [
            "yellow_card revoked 2026-11-02 10:30",
            "yellow_card issued 2026-11-03 10:30",
            "yellow_card issued 2026-11-04 10:30",
            "red_card withdrawn 2026-11-04 10:30",
        ]
    );
    // A month begins anew.
    world.absent("2026-12-01", "2026-12-02").await;
    assert_eq!(
        cards(&world).await.last().unwrap(),
        "yellow_card issued 2026-12-01 10:30"
    );
}

#[tokio::test]
async fn while_no_camera_can_say_nobody_is_absent() {
    let mut world = World::new("2026-11-02 08:00").await;
    world.seat(Sight::Unknown, "2026-11-02 09:00").await;
    world.wait_until("2026-11-02 10:00").await;
    assert!(world.absences().await.is_empty(), "unknown is not empty");
    // Eight minutes, an hour in the dark, a minute and a half: not ten yet.
    world
        .seat(empty("2026-11-02 10:00"), "2026-11-02 10:00")
        .await;
    world.seat(Sight::Unknown, "2026-11-02 10:08").await;
    world.restart("2026-11-02 10:30").await;
    world.wait_until("2026-11-02 11:08").await;
    world
        .seat(empty("2026-11-02 11:08"), "2026-11-02 11:08")
        .await;
    world.wait_until("2026-11-02 11:09").await;
    assert!(world.absences().await.is_empty());
    world.wait_until("2026-11-02 11:10").await;
    assert_eq!(world.absences().await, ["notice issued 2026-11-02 11:10"]);
    // Dark again, and somebody is there when it is light: when they came nobody knows, and what is known ended with the light.
    world.seat(Sight::Unknown, "2026-11-02 11:12").await;
    world.seat(Sight::Well, "2026-11-02 12:00").await;
    let until: chrono::DateTime<chrono::Utc> =
        sqlx::query_scalar("SELECT until FROM episode WHERE thing = 'window'")
            .fetch_one(&world.pool())
            .await
            .unwrap();
    assert_eq!(local(until), "2026-11-02 11:12");
    assert_eq!(world.absences().await, ["notice cleared 2026-11-02 11:10"]);
}

#[tokio::test]
async fn pauses_and_leave_come_as_events_and_excuse_from_their_entry() {
    let mut world = World::new("2026-11-02 08:00").await;
    let pause = about_window(
        "p1",
        "paused",
        "2026-11-02 10:00",
        json!({"until": at("2026-11-02 10:20"), "reason": "取件"}),
    );
    world.send(vec![pause], "2026-11-02 09:50").await;
    world
        .seat(empty("2026-11-02 10:00"), "2026-11-02 10:00")
        .await;
    world.wait_until("2026-11-02 10:30").await;
    assert_eq!(world.absences().await, ["notice issued 2026-11-02 10:30"]);
    // Leave that a hall approves for itself waits for somebody above it.
    let leave = |id: &str, by: Value| {
        let mut data =
            json!({"until": at("2026-11-02 12:00"), "reason": "就医", "approver": "王主任"});
        data.as_object_mut()
            .unwrap()
            .extend(by.as_object().unwrap().clone());
        about_window(id, "leave", "2026-11-02 10:35", data)
    };
    let own = leave(
        "l1",
        json!({"approver_role": "hall_manager", "approver_hall": "C"}),
    );
    world.send(vec![own], "2026-11-02 10:35").await;
    world.wait_until("2026-11-02 10:50").await;
    assert_eq!(
        world.absences().await[1],
        "yellow_card unconfirmed 2026-11-02 10:50"
    );
    // Told at eleven that it was approved above, for the time from 10:35 on: it excuses from eleven.
    let above = leave("l2", json!({"approver_role": "unit_head"}));
    let mut above = vec![above];
    above[0].received = at("2026-11-02 11:00");
    world.send(above, "2026-11-02 11:00").await;
    assert_eq!(
        world.absences().await[1],
        "yellow_card unconfirmed 2026-11-02 10:50",
        "what it did not excuse stands"
    );
    // A correction: the sign had been out from the beginning until a quarter past. What rested on the other word is mended.
    let corrected = about_window(
        "p2",
        "paused",
        "2026-11-02 10:00",
        json!({"until": at("2026-11-02 10:30"), "replaces": "p1"}),
    );
    world.send(vec![corrected], "2026-11-02 11:05").await;
    let cards = world.absences().await;
    assert!(
        cards.contains(&"yellow_card withdrawn 2026-11-02 10:50".to_owned()),
        "{cards:?}"
    );
}

#[tokio::test]
async fn the_words_about_a_window_say_the_same_in_any_order() {
    let words = || {
        vec![
            about_window(
                "a",
                "paused",
                "2026-11-02 10:00",
                json!({"until": at("2026-11-02 10:30")}),
            ),
            about_window("b", "resumed", "2026-11-02 10:10", json!({})),
            about_window("c", "paused", "2026-11-02 11:00", json!({})),
            about_window("d", "resumed", "2026-11-02 11:05", json!({})),
            about_window("e", "resumed", "2026-11-02 11:20", json!({"replaces": "d"})),
        ]
    };
    let mut all = Vec::new();
    for order in [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [3, 0, 4, 2, 1]] {
        let mut world = World::new("2026-11-02 12:00").await;
        for i in order {
            let one = words().swap_remove(i);
            world.send(vec![one.clone(), one], "2026-11-02 12:00").await;
        }
        let mut connection = world.pool().acquire().await.unwrap();
        let windows = ["C/3".to_owned()];
        let span = (at("2026-11-02 09:00"), at("2026-11-02 17:00"));
        let found = absences::of_windows(&mut connection, &windows, span.0, span.1);
        let mut found = found.await.unwrap().remove("C/3").unwrap();
        found.sort_by_key(|entry| entry.starts);
        let ends: Vec<_> = found.iter().map(|it| it.ends.map(local)).collect();
        assert_eq!(
            ends,
            [
                Some("2026-11-02 10:10".to_owned()),
                Some("2026-11-02 11:20".to_owned())
            ]
        );
        all.push(found);
    }
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]));
}

#[tokio::test]
async fn a_camera_that_was_covered_waits_for_a_person_and_one_that_is_offline_does_not() {
    let mut world = World::new("2026-11-02 08:00").await;
    let camera = |id: &str, trouble| Sighting {
        thing: Thing::Camera,
        subject: id.into(),
        name: id.into(),
        hall: "C".into(),
        unit: None,
        above: Vec::new(),
        cameras: 0,
        sight: Sight::Trouble(trouble, at("2026-11-02 10:00")),
    };
    let things = vec![
        camera("hung", Trouble::Covered),
        camera("gone", Trouble::Offline),
    ];
    let seen = Sightings { things };
    world
        .supervisor
        .observe(&seen, at("2026-11-02 10:00"))
        .await
        .unwrap();
    world.wait_until("2026-11-02 10:30").await;
    let states: Vec<(String, String)> = sqlx::query_as(
        "SELECT subject, state FROM card WHERE rule = 'R14' AND grade = 'yellow_card' ORDER BY subject",
    )
    .fetch_all(&world.pool())
    .await
    .unwrap();
    let is = |(subject, state): &(String, String)| format!("{subject} {state}");
    let states: Vec<String> = states.iter().map(is).collect();
    assert_eq!(states, ["gone issued", "hung unconfirmed"]);
}
