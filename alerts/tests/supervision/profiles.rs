//! The rules change while cases are under way (docs/decisions/0013-profile-changes.md).

use mingjing_alerts::store::profiles;
use mingjing_alerts::supervisor::{ActError, Delta};
use mingjing_monitor::event::CaseEvent;
use serde_json::json;

use crate::common::{Sent, World, accepted, at, completed, event};

/// Yellow at half of the promise, red at the whole of it.
const STRICT: &str =
    "[R2]\nyellow = { of = 'promise', share = 0.5 }\nred = { of = 'promise' }\n[R1]\non = false";
/// Nothing of R2, warnings only.
const LENIENT: &str = "[R2]\non = false";

/// Puts a profile in force as another console process would, and lets the writer hear of it.
async fn put(world: &mut World, profile: &str, from: &str, now: &str) -> Vec<Delta> {
    let mut connection = world.pool().acquire().await.unwrap();
    profiles::put_in_force(&mut connection, profile, "li", "wang", at(from))
        .await
        .unwrap();
    drop(connection);
    let mut deltas = world.supervisor.reload(at(now)).await.unwrap();
    deltas.extend(world.catch_up(now).await);
    deltas
}

/// The cards with the version that issued them.
async fn versions(world: &World) -> Vec<String> {
    let cards = world.cards().await;
    let versions: Vec<i32> = sqlx::query_scalar(
        "SELECT profile_version FROM card WHERE about = 'case' ORDER BY due_at, rule, grade, state",
    )
    .fetch_all(&world.pool())
    .await
    .unwrap();
    let with = |(card, version): (String, i32)| format!("{card} v{version}");
    cards.into_iter().zip(versions).map(with).collect()
}

#[tokio::test]
async fn what_fell_due_before_a_change_stays_and_what_comes_after_is_judged_anew() {
    let mut world = World::new("2026-11-02 09:00").await;
    let both = vec![
        accepted("early", "2026-11-02 10:00"),
        accepted("later", "2026-11-05 10:00"),
    ];
    world.send(both, "2026-11-05 10:00").await;
    world.wait_until("2026-11-12 09:00").await;
    let before = versions(&world).await;
    assert_eq!(
        before,
        [
            "R1 warning cleared 2026-11-09 17:30 v1",
            "R2 yellow_card issued 2026-11-11 17:30 v1",
        ]
    );
    put(&mut world, LENIENT, "2026-11-12 12:00", "2026-11-12 12:00").await;
    assert_eq!(versions(&world).await[..2], before, "no number rewrites it");
    world.wait_until("2026-12-20 09:00").await;
    assert_eq!(
        versions(&world).await,
        [
            "R1 warning cleared 2026-11-09 17:30 v1",
            "R2 yellow_card issued 2026-11-11 17:30 v1",
            "R1 warning cleared 2026-11-12 17:30 v2",
        ],
        "no red card for the first, none at all for the second"
    );
    // What the first was late by is still said of it, by the version that found it.
    let done = completed("early", "2026-12-20 10:00");
    world.send(vec![done], "2026-12-20 10:00").await;
    let zh: String = sqlx::query_scalar("SELECT sentence_zh FROM card WHERE rule = 'R2'")
        .fetch_one(&world.pool())
        .await
        .unwrap();
    assert!(zh.ends_with("实际 2026-12-20 10:00 办结 · R2 · v1"), "{zh}");
}

#[tokio::test]
async fn a_future_version_takes_effect_at_its_instant_with_nobody_acting() {
    let mut world = World::new("2026-11-02 09:00").await;
    let cases = vec![
        accepted("running", "2026-11-02 10:00"),
        accepted("done", "2026-11-02 10:00"),
        accepted("fresh", "2026-11-05 10:00"),
        completed("done", "2026-11-09 09:00"),
    ];
    world.send(cases, "2026-11-09 09:00").await;
    put(&mut world, STRICT, "2026-11-10 00:00", "2026-11-09 09:30").await;
    assert_eq!(
        world.supervisor.next_due(),
        Some(at("2026-11-09 17:30")),
        "the change comes after the next deadline"
    );
    world.wait_until("2026-11-09 23:59").await;
    assert_eq!(
        world.cards().await,
        ["R1 warning issued 2026-11-09 17:30"],
        "not before its instant"
    );
    let deltas = world.wait_until("2026-11-10 00:00").await;
    let (id, _) = world.card("R2", "yellow_card").await;
    assert!(
        deltas.contains(&Delta::CardIssued {
            id,
            hall: "C".into()
        }),
        "{deltas:?}"
    );
    world.wait_until("2026-11-12 09:00").await;
    assert_eq!(
        versions(&world).await,
        [
            "R1 warning cleared 2026-11-09 17:30 v1",
            // Over half of its promise since 2026-11-05, which was nobody's fault then: due with the change.
            "R2 yellow_card superseded 2026-11-10 00:00 v2",
            "R2 yellow_card issued 2026-11-11 13:15 v2",
            "R2 red_card issued 2026-11-11 17:30 v2",
        ],
        "and nothing for the case that ended before"
    );
}

#[tokio::test]
async fn late_words_about_the_time_before_are_judged_by_the_rules_of_that_time() {
    let mut world = World::new("2026-11-02 09:00").await;
    let other = accepted("other", "2026-11-02 10:00");
    world.send(vec![other], "2026-11-02 10:00").await;
    put(&mut world, STRICT, "2026-11-10 00:00", "2026-11-10 00:00").await;
    // Six of seven workdays, in time then; over half only by the rules of now.
    let late = [
        accepted("late", "2026-10-26 10:00"),
        completed("late", "2026-11-03 17:00"),
        accepted("over", "2026-10-26 10:00"),
        completed("over", "2026-11-09 17:00"),
    ]
    .map(|event| event.received("2026-11-10 08:00"));
    world.send(late.to_vec(), "2026-11-10 08:00").await;
    assert_eq!(
        world.cards_of("late").await,
        [
            "R1 warning cleared 2026-11-02 17:30",
            "R7 yellow_card issued 2026-11-10 08:00",
        ],
        "told over a workday late, but in time"
    );
    assert_eq!(
        world.cards_of("over").await,
        [
            "R1 warning cleared 2026-11-02 17:30",
            "R2 yellow_card issued 2026-11-04 17:30",
            "R7 yellow_card issued 2026-11-10 08:00",
        ],
        "and no red card, which only the new rules give there"
    );
    assert_eq!(world.case("late").await, "on_time stopped -");
}

#[tokio::test]
async fn a_stop_in_the_middle_of_a_change_leaves_no_case_behind() {
    let mut world = World::new("2026-11-02 09:00").await;
    let many = (0..20)
        .map(|i| accepted(&format!("N{i:02}"), "2026-11-02 10:00"))
        .collect();
    world.send(many, "2026-11-02 10:00").await;
    let mut connection = world.pool().acquire().await.unwrap();
    profiles::put_in_force(
        &mut connection,
        STRICT,
        "li",
        "wang",
        at("2026-11-09 09:00"),
    )
    .await
    .unwrap();
    drop(connection);
    // Nobody told the writer, and it stops: the next one finds out.
    world.restart("2026-11-09 10:00").await;
    assert!(world.supervisor.next_due() <= Some(at("2026-11-09 10:00")));
    world.catch_up("2026-11-09 10:00").await;
    let yellow = "R2 yellow_card issued 2026-11-09 09:00".to_owned();
    assert_eq!(world.cards().await, vec![yellow; 20]);
    assert_eq!(profiles::settled(&world.pool()).await.unwrap(), 2);
    world.restart("2026-11-09 10:05").await;
    assert_eq!(
        world.catch_up("2026-11-09 10:05").await,
        [],
        "once is enough"
    );
}

/// Whoever hears of a year with two changes in it at once finds what was found by living through it.
#[tokio::test]
async fn lived_or_told_at_once_a_change_gives_the_same_cards() {
    let events = |prefix: &str| -> Vec<CaseEvent> {
        let mut events = Vec::new();
        for i in 0..12u32 {
            let no = format!("{prefix}{i:02}");
            let day = 2 + i;
            events.push(accepted(&no, &format!("2026-11-{day:02} 10:00")));
            let step = |id: &str, kind: &str, day: u32| {
                let time = format!("2026-11-{day:02} 11:00");
                event(
                    &format!("{no}-{id}"),
                    kind,
                    &no,
                    &time,
                    json!({"step": "survey"}),
                )
            };
            events.push(step("b", "case.step_started", day));
            if i % 3 == 0 {
                events.push(step("e", "case.step_finished", day + 8));
            }
            if i % 4 != 0 {
                events.push(completed(&no, &format!("2026-11-{:02} 16:00", day + 5 + i)));
            }
        }
        events.sort_by_key(|event| event.time);
        events
    };
    let changes = [
        (STRICT, "2026-11-11 00:00"),
        ("[R3]\ngrade = 'red_card'", "2026-11-18 12:00"),
    ];
    let mut world = World::new("2026-11-01 09:00").await;
    for (text, from) in changes {
        put(&mut world, text, from, "2026-11-01 09:00").await;
    }
    for event in events("lived-") {
        let time = event.time;
        while let Some(due) = world.supervisor.next_due().filter(|&due| due <= time) {
            world.supervisor.fire_due(due).await.unwrap();
        }
        let taken = world.supervisor.apply_batch(vec![event], false, time).await;
        taken.unwrap();
    }
    world.wait_until("2026-12-01 00:00").await;
    world.send(events("told--"), "2026-12-01 00:00").await;
    let found = async |prefix: &str| {
        let rows: Vec<(String, String, i32, String)> = sqlx::query_as(
            "SELECT replace(cause_key, $1, ''), grade, profile_version, due_at::text FROM card
             WHERE case_no LIKE $1 || '%' ORDER BY 1",
        )
        .bind(prefix)
        .fetch_all(&world.pool())
        .await
        .unwrap();
        rows
    };
    let lived = found("lived-").await;
    assert_eq!(lived, found("told--").await);
    for version in 1..=3 {
        assert!(lived.iter().any(|row| row.2 == version), "v{version}");
    }
}

#[tokio::test]
async fn nobody_does_both_and_nothing_is_altered() {
    let world = World::new("2026-11-02 09:00").await;
    let mut connection = world.pool().acquire().await.unwrap();
    let from = at("2026-11-02 09:00");
    let error = profiles::put_in_force(&mut connection, STRICT, "li", "li", from).await;
    let error = error.expect_err("one person alone").to_string();
    assert!(error.contains("rule_profile_two_people"), "{error}");
    let error = profiles::put_in_force(&mut connection, STRICT, "mingjing", "mingjing", from).await;
    error.expect_err("the exception is the standard's alone");
    profiles::put_in_force(&mut connection, STRICT, "li", "wang", from)
        .await
        .unwrap();
    let earlier = at("2026-11-01 09:00");
    let error = profiles::put_in_force(&mut connection, LENIENT, "li", "wang", earlier).await;
    let error = error.expect_err("before the version before").to_string();
    assert!(error.contains("version 2"), "{error}");
    for sql in [
        "UPDATE rule_profile SET enforced_by = 'x'",
        "DELETE FROM rule_profile",
        "TRUNCATE rule_profile CASCADE",
        "UPDATE rule_profile_settled SET version = 9",
    ] {
        let refused = sqlx::query(sql).execute(&mut *connection).await;
        let refused = refused.expect_err(sql).to_string();
        assert!(refused.contains("append-only"), "{sql}: {refused}");
    }
}

#[tokio::test]
async fn what_the_profile_leaves_to_people_waits_for_an_inspector() {
    let mut world = World::asking("2026-11-02 09:00").await;
    let by_hand = "[issue]\nred_card = 'by_hand'";
    put(&mut world, by_hand, "2026-11-02 09:00", "2026-11-02 09:00").await;
    world
        .send(vec![accepted("1", "2026-11-02 10:00")], "2026-11-02 10:00")
        .await;
    let deltas = world.wait_until("2026-11-17 09:00").await;
    // The red card past the legal limit, and the one that follows the yellow one, which nobody answered.
    assert_eq!(
        world.cards().await[1..],
        [
            "R2 yellow_card issued 2026-11-11 17:30",
            "R12 red_card pending 2026-11-16 17:30",
            "R2 red_card pending 2026-11-16 17:30",
        ]
    );
    let red: (i64, i32) =
        sqlx::query_as("SELECT id, revision FROM card WHERE rule = 'R2' AND grade = 'red_card'")
            .fetch_one(&world.pool())
            .await
            .unwrap();
    let issued = Delta::CardIssued {
        id: red.0,
        hall: "C".into(),
    };
    assert!(!deltas.contains(&issued));
    assert_eq!(ordered(&world).await, ["yellow_card"]);
    let refused = world
        .act(red, "issue", "hall_manager", "2026-11-17 09:00")
        .await;
    assert!(matches!(refused, Err(ActError::NotAllowed { .. })));
    let deltas = world
        .act(red, "issue", "inspector", "2026-11-17 09:00")
        .await
        .unwrap();
    assert!(deltas.contains(&issued));
    let follows = world.card("R12", "red_card").await;
    world
        .act(follows, "cancel", "inspector", "2026-11-17 09:05")
        .await
        .unwrap();
    assert_eq!(
        world.cards().await[1..],
        [
            "R2 yellow_card superseded 2026-11-11 17:30",
            "R12 red_card cancelled 2026-11-16 17:30",
            "R2 red_card issued 2026-11-16 17:30",
        ]
    );
    assert_eq!(ordered(&world).await, ["red_card", "yellow_card"]);
    let due: String = sqlx::query_scalar(
        "SELECT to_char(answer_due AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI') FROM card WHERE id = $1",
    )
    .bind(red.0)
    .fetch_one(&world.pool())
    .await
    .unwrap();
    assert_eq!(due, "2026-11-18 17:30", "one workday from when it went out");
    assert_eq!(world.history(red.0).await, ["prepare", "issue"]);
}

/// The grades of the cards that a correction order went out with.
async fn ordered(world: &World) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT c.grade FROM correction_order o JOIN card c ON c.id = o.card ORDER BY c.grade",
    )
    .fetch_all(&world.pool())
    .await
    .unwrap()
}
