//! What a batch answers: accepted, duplicate, rejected; and that it changes nothing twice.

use mingjing_alerts::supervisor::Delta;
use mingjing_monitor::store::{absences, events, halls, sources};
use serde_json::json;

use crate::common::{SOURCE, World, accepted, at, completed, event, snapshot};

#[tokio::test]
async fn a_batch_sent_again_changes_nothing() {
    let mut world = World::new("2026-11-02 09:00").await;
    let batch = || {
        vec![
            accepted("1", "2026-11-02 10:00"),
            completed("1", "2026-11-04 10:00"),
            accepted("2", "2026-11-02 11:00"),
        ]
    };
    let first = world.send(batch(), "2026-11-05 09:00").await;
    assert_eq!((first.outcome.accepted, first.outcome.duplicate), (3, 0));
    assert!(first.deltas.contains(&Delta::CaseChanged {
        no: "1".into(),
        hall: "C".into()
    }));
    assert!(first.deltas.contains(&Delta::WindowChanged {
        hall: "C".into(),
        no: "3".into()
    }));
    let before = snapshot(&world.pool()).await;
    let again = world.send(batch(), "2026-11-05 09:01").await;
    assert_eq!(
        (
            again.outcome.accepted,
            again.outcome.duplicate,
            again.outcome.rejected.len()
        ),
        (0, 3, 0)
    );
    let only_source = [Delta::SourceChanged { id: SOURCE.into() }];
    assert_eq!(
        again.deltas, only_source,
        "nothing but the source's counters moved"
    );
    assert_eq!(snapshot(&world.pool()).await, before);
    assert_eq!(events::count(&world.pool()).await.unwrap(), 3);
    let source = &sources::sources(&world.pool()).await.unwrap()[0];
    assert_eq!(
        (source.accepted, source.duplicate, source.rejected),
        (3, 3, 0)
    );
}

#[tokio::test]
async fn the_same_event_a_thousand_times_in_one_batch_is_one() {
    let mut world = World::new("2026-11-02 09:00").await;
    let outcome = world
        .send(
            vec![accepted("1", "2026-11-02 10:00"); 1000],
            "2026-11-02 10:01",
        )
        .await
        .outcome;
    assert_eq!(
        (outcome.accepted, outcome.duplicate, outcome.rejected.len()),
        (1, 999, 0)
    );
}

#[tokio::test]
async fn one_bad_event_is_named_and_spoils_nothing() {
    let mut world = World::new("2026-11-02 09:00").await;
    world
        .send(vec![accepted("1", "2026-11-02 10:00")], "2026-11-02 10:00")
        .await;
    let other_content = event(
        "1-accepted",
        "case.accepted",
        "1",
        "2026-11-02 10:30",
        json!({}),
    );
    let nowhere = event(
        "x",
        "case.accepted",
        "3",
        "2026-11-02 10:00",
        json!({"hall": "T99"}),
    );
    let twice = [
        accepted("4", "2026-11-02 10:00"),
        event(
            "4-accepted",
            "case.accepted",
            "4",
            "2026-11-02 10:01",
            json!({}),
        ),
    ];
    let batch = vec![
        accepted("2", "2026-11-02 10:00"),
        other_content,
        nowhere,
        twice[0].clone(),
        twice[1].clone(),
    ];
    let outcome = world.send(batch, "2026-11-02 10:31").await.outcome;
    assert_eq!(outcome.accepted, 2);
    let rejected: Vec<(usize, &str)> = outcome
        .rejected
        .iter()
        .map(|it| (it.index, it.id.as_str()))
        .collect();
    assert_eq!(rejected, [(1, "1-accepted"), (2, "x"), (4, "4-accepted")]);
    assert!(
        outcome.rejected[0].reason.starts_with("conflict"),
        "{}",
        outcome.rejected[0].reason
    );
    assert!(
        outcome.rejected[1].reason.contains("T99")
            && outcome.rejected[1].reason.contains("mingjing import halls")
    );
    assert!(outcome.rejected[2].reason.starts_with("conflict"));
    let source = &sources::sources(&world.pool()).await.unwrap()[0];
    assert_eq!((source.accepted, source.rejected), (3, 3));
}

#[tokio::test]
async fn a_hall_imported_beside_us_is_known_at_the_next_event() {
    let mut world = World::new("2026-11-02 09:00").await;
    let of_new_hall = || {
        event(
            "x",
            "case.accepted",
            "3",
            "2026-11-02 10:00",
            json!({"hall": "T9"}),
        )
    };
    assert_eq!(
        world
            .send(vec![of_new_hall()], "2026-11-02 10:00")
            .await
            .outcome
            .rejected
            .len(),
        1
    );
    let mut tree = halls::tree(&world.pool()).await.unwrap().halls().to_vec();
    tree[1].code = "T9".into();
    let mut connection = world.pool().acquire().await.unwrap();
    halls::upsert_halls(&mut connection, &tree[1..2])
        .await
        .unwrap();
    assert_eq!(
        world
            .send(vec![of_new_hall()], "2026-11-02 10:01")
            .await
            .outcome
            .accepted,
        1
    );
}

#[tokio::test]
async fn an_item_that_nobody_knows_gives_no_deadline_unless_the_event_brings_one() {
    let mut world = World::new("2026-11-02 09:00").await;
    let with = |id: &str, data| event(id, "case.accepted", id, "2026-11-02 10:00", data);
    let batch = vec![
        with("1", json!({"item": "UNKNOWN"})),
        with(
            "2",
            json!({"item": "UNKNOWN", "promise_limit": {"n": 1, "unit": "workday"}}),
        ),
        with(
            "3",
            json!({"item": "UNKNOWN", "promise_due": "2026-11-05T12:00:00+08:00"}),
        ),
    ];
    assert_eq!(
        world.send(batch, "2026-11-02 10:00").await.outcome.accepted,
        3
    );
    assert_eq!(world.case("1").await, "no_deadline running -");
    world.wait_until("2026-11-06 00:00").await;
    assert_eq!(
        world
            .cards()
            .await
            .iter()
            .filter(|card| card.contains("yellow"))
            .collect::<Vec<_>>(),
        [
            "R2 yellow_card issued 2026-11-03 17:30",
            "R2 yellow_card issued 2026-11-05 12:00"
        ]
    );
}

#[tokio::test]
async fn a_case_moves_with_the_step_that_is_done_in_another_hall() {
    let mut world = World::new("2026-11-02 09:00").await;
    let data = json!({"hall": "T1", "unit": "U2", "window": "1", "step": "survey"});
    let moved = event("s", "case.step_started", "1", "2026-11-03 10:00", data);
    world
        .send(
            vec![accepted("1", "2026-11-02 10:00"), moved],
            "2026-11-03 10:00",
        )
        .await;
    let (hall, unit): (String, String) =
        sqlx::query_as("SELECT hall, unit FROM case_state WHERE no = '1'")
            .fetch_one(&world.pool())
            .await
            .unwrap();
    assert_eq!((hall.as_str(), unit.as_str()), ("T1", "U2"));
    world.wait_until("2026-11-12 00:00").await;
    let bearers: Vec<(String, String)> =
        sqlx::query_as("SELECT rule, hall FROM card WHERE grade = 'yellow_card' ORDER BY due_at")
            .fetch_all(&world.pool())
            .await
            .unwrap();
    assert_eq!(
        bearers,
        [("R3".into(), "T1".into()), ("R2".into(), "T1".into())],
        "who held the step when time ran out bears it"
    );
}

#[tokio::test]
async fn a_paused_window_says_so_until_it_serves_again() {
    let mut world = World::new("2026-11-02 09:00").await;
    let window = |id: &str, kind: &str, time: &str, until: Option<&str>| {
        let mut data = json!({"window": "3"});
        if let Some(until) = until {
            data["until"] = json!(at(until));
        }
        event(id, kind, "-", time, data)
    };
    let pool = world.pool();
    let until = async || {
        let mut connection = pool.acquire().await.unwrap();
        let (from, to) = (at("2026-11-02 09:00"), at("2026-11-02 17:00"));
        let windows = ["C/3".to_owned()];
        let all = absences::of_windows(&mut connection, &windows, from, to).await;
        all.unwrap()["C/3"]
            .iter()
            .map(|entry| entry.ends)
            .collect::<Vec<_>>()
    };
    let supervisor = &mut world.supervisor;
    let pause = window(
        "p",
        "window.paused",
        "2026-11-02 10:00",
        Some("2026-11-02 10:20"),
    );
    supervisor
        .apply_batch(vec![pause], false, at("2026-11-02 10:00"))
        .await
        .unwrap();
    assert_eq!(until().await, [Some(at("2026-11-02 10:20"))]);
    let resumed = window("r", "window.resumed", "2026-11-02 10:10", None);
    supervisor
        .apply_batch(vec![resumed], false, at("2026-11-02 10:10"))
        .await
        .unwrap();
    assert_eq!(until().await, [Some(at("2026-11-02 10:10"))]);
}
