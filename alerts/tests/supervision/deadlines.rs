//! Deadlines: cards that come with nobody doing anything, worked examples of the rules, stops and starts.

use mingjing_alerts::profile::STANDARD;
use mingjing_alerts::store::profiles;
use mingjing_alerts::supervisor::Delta;
use mingjing_monitor::event::CaseEvent;
use mingjing_monitor::store::calendars;
use serde_json::json;

use crate::common::{World, accepted, at, completed, event};
use crate::recount::assert_adds_up;

fn step(id: &str, kind: &str, time: &str) -> CaseEvent {
    event(id, kind, "1", time, json!({"step": "survey"}))
}

fn suspended(time: &str, days: u32) -> CaseEvent {
    let data = json!({"kind": "hearing", "declared_days": days, "approver": "王局长", "notice": "听字 1 号"});
    event("sus", "case.suspended", "1", time, data)
}

/// An example: the events, and the cards that stand in the history's end at `until`.
struct Example {
    name: &'static str,
    profile: &'static str,
    events: Vec<CaseEvent>,
    until: &'static str,
    cards: &'static [&'static str],
}

/// The licensing example of domain.md section 3, and one or more of each rule. Item A: 7 workdays, by law 10; step
/// `survey`: 3 workdays.
fn examples() -> Vec<Example> {
    let second = "[clock]\nmode = 'second'";
    vec![
        Example {
            name: "R1, R2 by days",
            profile: STANDARD,
            events: vec![accepted("1", "2018-10-15 10:00")],
            until: "2018-11-30 00:00",
            cards: &[
                "R1 warning cleared 2018-10-22 17:30",
                "R2 yellow_card superseded 2018-10-24 17:30",
                "R2 red_card issued 2018-10-29 17:30",
            ],
        },
        Example {
            name: "R1, R2 by the second",
            profile: second,
            events: vec![accepted("1", "2018-10-15 10:00")],
            until: "2018-10-29 10:00",
            cards: &[
                "R1 warning cleared 2018-10-22 10:00",
                "R2 yellow_card issued 2018-10-24 10:00",
            ],
        },
        Example {
            name: "and the red card a second later",
            profile: second,
            events: vec![accepted("1", "2018-10-15 10:00")],
            until: "2018-10-29 10:00:01",
            cards: &[
                "R1 warning cleared 2018-10-22 10:00",
                "R2 yellow_card superseded 2018-10-24 10:00",
                "R2 red_card issued 2018-10-29 10:00",
            ],
        },
        Example {
            name: "a special procedure of 3 workdays moves both by 3",
            profile: second,
            events: vec![
                accepted("1", "2018-10-15 10:00"),
                suspended("2018-10-17 10:00", 3),
                event("res", "case.resumed", "1", "2018-10-22 10:00", json!({})),
            ],
            until: "2018-11-01 10:00:01",
            cards: &[
                "R13 warning cleared 2018-10-18 10:00",
                "R1 warning cleared 2018-10-25 10:00",
                "R2 yellow_card superseded 2018-10-29 10:00",
                "R2 red_card issued 2018-11-01 10:00",
            ],
        },
        Example {
            name: "in time: the warning clears, nothing more comes",
            profile: STANDARD,
            events: vec![
                accepted("1", "2018-10-15 10:00"),
                completed("1", "2018-10-24 17:30"),
            ],
            until: "2018-12-01 00:00",
            cards: &["R1 warning cleared 2018-10-22 17:30"],
        },
        Example {
            name: "R3 though the case is in time",
            profile: STANDARD,
            events: vec![
                accepted("1", "2018-10-15 10:00"),
                step("b", "case.step_started", "2018-10-15 11:00"),
                step("e", "case.step_finished", "2018-10-19 09:30"),
                completed("1", "2018-10-19 11:00"),
            ],
            until: "2018-12-01 00:00",
            cards: &["R3 yellow_card issued 2018-10-18 17:30"],
        },
        Example {
            name: "R13: forgotten beyond its declared end, it shares its cause with R2",
            profile: STANDARD,
            events: vec![
                accepted("1", "2018-10-15 10:00"),
                suspended("2018-10-16 09:00", 3),
            ],
            until: "2018-12-01 00:00",
            cards: &[
                "R13 warning cleared 2018-10-17 09:00",
                "R13 yellow_card superseded 2018-10-19 09:00",
                "R13 red_card issued 2018-10-22 09:00",
                "R1 warning cleared 2018-10-25 17:30",
                "R2 yellow_card superseded 2018-10-29 17:30",
                "R2 red_card superseded 2018-11-01 17:30",
            ],
        },
        Example {
            name: "a county that warns one workday before",
            profile: include_str!("../../../deploy/profiles/warning-1wd.toml"),
            events: vec![accepted("1", "2018-10-15 10:00")],
            until: "2018-10-24 00:00",
            cards: &["R1 warning issued 2018-10-23 17:30"],
        },
        Example {
            name: "yellow at 90 % of the promise, red past it",
            profile: include_str!("../../../deploy/profiles/promise-90-percent.toml"),
            events: vec![accepted("1", "2018-10-15 10:00")],
            until: "2018-10-25 00:00",
            cards: &[
                "R1 warning cleared 2018-10-22 17:30",
                "R2 yellow_card superseded 2018-10-24 11:33",
                "R2 red_card issued 2018-10-24 17:30",
            ],
        },
        Example {
            name: "calendar days",
            profile: include_str!("../../../deploy/profiles/calendar-days.toml"),
            events: vec![accepted("1", "2018-10-15 10:00")],
            until: "2018-10-24 00:00",
            cards: &[
                "R1 warning cleared 2018-10-19 13:15",
                "R2 yellow_card issued 2018-10-22 17:30",
            ],
        },
        Example {
            name: "R2 switched off",
            profile: "[R2]\non = false",
            events: vec![accepted("1", "2018-10-15 10:00")],
            until: "2018-12-01 00:00",
            cards: &["R1 warning cleared 2018-10-22 17:30"],
        },
    ]
}

#[tokio::test]
async fn the_worked_examples_hold_however_they_are_lived() {
    let mut world = World::new("2018-10-15 09:00").await;
    for (i, example) in examples().into_iter().enumerate() {
        put(&mut world, example.profile).await;
        let of_case = |no: &str| {
            let renumbered = |event: &CaseEvent| CaseEvent {
                id: format!("{no}-{}", event.id),
                case_no: Some(no.to_owned()),
                ..event.clone()
            };
            example.events.iter().map(renumbered).collect::<Vec<_>>()
        };
        let lived = format!("lived-{i}");
        for event in of_case(&lived) {
            let time = event.time;
            while let Some(due) = world.supervisor.next_due().filter(|&due| due <= time) {
                world.supervisor.fire_due(due).await.unwrap();
            }
            world
                .supervisor
                .apply_batch(vec![event], false, time)
                .await
                .unwrap();
        }
        world.wait_until(example.until).await;
        assert_eq!(
            world.cards_of(&lived).await,
            example.cards,
            "{}: lived",
            example.name
        );

        let told = format!("told-{i}");
        world.send(of_case(&told), example.until).await;
        assert_eq!(
            world.cards_of(&told).await,
            example.cards,
            "{}: told at once",
            example.name
        );
    }
}

async fn put(world: &mut World, profile: &str) {
    let mut connection = world.pool().acquire().await.unwrap();
    profiles::put_in_force(&mut connection, profile, "李", "王", at("2018-01-01 00:00"))
        .await
        .unwrap();
    drop(connection);
    world
        .supervisor
        .reload(at("2018-10-15 09:00"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_card_says_rule_numbers_and_profile_version() {
    let mut world = World::new("2018-10-15 09:00").await;
    put(&mut world, STANDARD).await;
    let started = step("b", "case.step_started", "2018-10-15 11:00");
    world
        .send(
            vec![accepted("1", "2018-10-15 10:00"), started],
            "2018-10-15 11:00",
        )
        .await;
    world.wait_until("2018-10-25 00:00").await;
    let pool = world.pool();
    let sentences = async || {
        sqlx::query_scalar::<_, String>(
            "SELECT sentence_zh FROM card WHERE grade = 'yellow_card' ORDER BY due_at",
        )
        .fetch_all(&pool)
        .await
        .unwrap()
    };
    assert_eq!(
        sentences().await,
        [
            "环节「现场踏勘」超过时限 3 个工作日，应于 2018-10-18 17:30 前完成 · R3 · v2",
            "办件超过承诺时限 7 个工作日，应于 2018-10-24 17:30 前办结 · R2 · v2",
        ]
    );
    let finished = step("e", "case.step_finished", "2018-10-25 17:30");
    let applied = world
        .supervisor
        .apply_batch(vec![finished], false, at("2018-10-25 17:30"))
        .await
        .unwrap();
    assert_eq!(
        sentences().await[0],
        "环节「现场踏勘」用时 8 个工作日，时限 3 个工作日 · R3 · v2"
    );
    assert!(
        applied
            .deltas
            .iter()
            .any(|delta| matches!(delta, Delta::CardChanged { .. }))
    );
}

#[tokio::test]
async fn a_deadline_fires_with_nobody_acting_and_an_order_goes_out() {
    let mut world = World::new("2026-11-02 09:00").await;
    world
        .send(vec![accepted("1", "2026-11-02 10:00")], "2026-11-02 10:00")
        .await;
    assert_eq!(world.case("1").await, "on_time running 2026-11-09 17:30");
    world.wait_until("2026-11-11 17:30").await;
    assert_eq!(
        world.case("1").await,
        "on_time running 2026-11-11 17:30",
        "done at closing time is done in time"
    );
    let deltas = world.wait_until("2026-11-11 17:31").await;
    let (id, _) = world.card("R2", "yellow_card").await;
    assert!(
        deltas.contains(&Delta::CardIssued {
            id,
            hall: "C".into()
        }),
        "{deltas:?}"
    );
    assert!(deltas.contains(&Delta::OverviewChanged) && deltas.contains(&Delta::RankingChanged));
    assert_eq!(
        world.case("1").await,
        "over_promise_only running 2026-11-16 17:30"
    );
    let (issued, due): (chrono::DateTime<chrono::Utc>, chrono::DateTime<chrono::Utc>) =
        sqlx::query_as("SELECT issued_at, answer_due FROM correction_order WHERE card = $1")
            .bind(id)
            .fetch_one(&world.pool())
            .await
            .unwrap();
    assert_eq!(issued, at("2026-11-11 17:30:00.000001"));
    assert_eq!(
        due,
        at("2026-11-16 17:30"),
        "a yellow card is answered within 3 workdays"
    );
}

#[tokio::test]
async fn what_fell_due_during_a_stop_fires_at_the_start_with_its_true_time() {
    let mut world = World::new("2026-11-02 09:00").await;
    world
        .send(
            vec![
                accepted("1", "2026-11-02 10:00"),
                accepted("2", "2026-11-03 10:00"),
            ],
            "2026-11-03 10:00",
        )
        .await;
    world.wait_until("2026-11-11 18:00").await;
    let before = world.cards().await;
    world.restart("2026-11-20 09:00").await;
    world.catch_up("2026-11-20 09:00").await;
    assert_eq!(
        world.cards().await,
        [
            "R1 warning cleared 2026-11-09 17:30",
            "R1 warning cleared 2026-11-10 17:30",
            "R2 yellow_card superseded 2026-11-11 17:30",
            "R2 yellow_card superseded 2026-11-12 17:30",
            "R2 red_card issued 2026-11-16 17:30",
            "R2 red_card issued 2026-11-17 17:30",
        ]
    );
    assert_eq!(before.len(), 3);
    assert_eq!(world.supervisor.queue_len(), 0);
    world.restart("2026-11-20 09:00").await;
    assert_eq!(
        world.catch_up("2026-11-20 09:00").await,
        [],
        "and nothing fires twice"
    );
}

#[tokio::test]
async fn a_deadline_in_a_year_not_loaded_never_turns_red_by_itself() {
    let mut world = World::new("2026-12-28 09:00").await;
    world
        .send(vec![accepted("1", "2026-12-28 10:00")], "2026-12-28 10:00")
        .await;
    world.wait_until("2027-03-01 00:00").await;
    assert_eq!(world.cards().await, [] as [&str; 0]);
    let notice = "国办发明电〔2026〕X号";
    let year = mingjing_monitor::calendar::WorkdayYear {
        year: 2027,
        notice: notice.into(),
        holidays: vec!["2027-01-01".parse().unwrap()],
        makeup: vec![],
    };
    let mut connection = world.pool().acquire().await.unwrap();
    calendars::set_year(&mut connection, &year).await.unwrap();
    let deltas = world
        .supervisor
        .reload(at("2027-03-01 00:00"))
        .await
        .unwrap();
    assert!(
        deltas
            .iter()
            .any(|delta| matches!(delta, Delta::CardIssued { .. }))
    );
    let cards = world.cards().await;
    assert_eq!(
        cards[1], "R2 yellow_card superseded 2027-01-07 17:30",
        "{cards:?}"
    );
}

#[tokio::test]
async fn a_source_that_falls_silent_is_told_once() {
    let mut world = World::new("2026-11-02 09:00").await;
    world
        .send(vec![accepted("1", "2026-11-02 10:00")], "2026-11-02 10:00")
        .await;
    let silent = Delta::SourceChanged {
        id: crate::common::SOURCE.into(),
    };
    assert!(!world.wait_until("2026-11-03 09:59").await.contains(&silent));
    assert!(world.wait_until("2026-11-03 10:00").await.contains(&silent));
    assert!(!world.wait_until("2026-11-05 10:00").await.contains(&silent));
    world
        .send(vec![accepted("2", "2026-11-05 10:00")], "2026-11-05 10:00")
        .await;
    let states: Vec<String> = sqlx::query_scalar("SELECT state FROM source_health ORDER BY time")
        .fetch_all(&world.pool())
        .await
        .unwrap();
    assert_eq!(states, ["silent", "ok"]);
    assert!(world.wait_until("2026-11-06 10:00").await.contains(&silent));
}

#[tokio::test]
async fn hundreds_that_fall_due_in_one_instant_get_one_card_each_and_are_counted_once() {
    const MANY: usize = 1_200;
    let mut world = World::new("2026-11-02 09:00").await;
    let events = (0..MANY)
        .map(|i| accepted(&format!("case-{i}"), "2026-11-02 10:00"))
        .collect();
    world.send(events, "2026-11-02 10:00").await;
    let deltas = world.wait_until("2026-11-11 17:31").await;
    let told = deltas
        .iter()
        .filter(|delta| matches!(delta, Delta::CardIssued { .. }))
        .count();
    assert_eq!(
        told,
        2 * MANY + 1,
        "a warning and a yellow card each, and that the source is silent"
    );
    let yellow = |card: &&String| card.starts_with("R2 yellow_card issued");
    assert_eq!(world.cards().await.iter().filter(yellow).count(), MANY);
    assert_adds_up(&world.pool(), "when all have fallen due").await;
    assert!(world.wait_until("2026-11-11 17:32").await.is_empty());
}
