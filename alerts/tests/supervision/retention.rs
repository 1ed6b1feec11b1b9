//! Old events that are dropped: what was counted of them stays, what needs them holds them back, and what comes later does not undo it.

use mingjing_monitor::store::retention::{self, Chunk};
use mingjing_monitor::store::rollups;
use serde_json::{Value, json};

use crate::common::{World, accepted, at, completed, event, snapshot};

const LATER: &str = "2020-01-01 09:00";

async fn chunks(world: &World) -> Vec<Chunk> {
    retention::chunks(&world.pool(), at(LATER)).await.unwrap()
}

/// Why the events of 2018 stay.
async fn held(world: &World) -> Vec<String> {
    let mut reasons = Vec::new();
    for chunk in chunks(world).await {
        let held = retention::held(&world.pool(), &chunk, at(LATER)).await;
        reasons.extend(held.unwrap().into_iter().map(|held| held.reason));
    }
    reasons.sort();
    reasons.dedup();
    reasons
}

/// Drops what may go: how many events went.
async fn drop_old(world: &World) -> i64 {
    let (mut connection, mut went) = (world.pool().acquire().await.unwrap(), 0);
    for chunk in chunks(world).await {
        let dropped = retention::drop(&mut connection, &chunk, at(LATER)).await;
        went += dropped.unwrap().unwrap_or(0);
    }
    went
}

async fn events(world: &World) -> i64 {
    let count = sqlx::query_scalar("SELECT count(*) FROM case_event");
    count.fetch_one(&world.pool()).await.unwrap()
}

#[tokio::test]
async fn what_is_open_or_not_settled_holds_its_events_back() {
    let mut world = World::new("2018-10-22 08:00").await;
    let first = vec![
        accepted("1", "2018-10-22 10:00"),
        completed("1", "2018-10-23 10:00"),
        accepted("2", "2018-10-22 11:00"),
    ];
    world.send(first, "2018-11-20 09:00").await;
    // The second case went over both limits and goes on.
    assert_eq!(held(&world).await, ["card", "case"]);
    assert_eq!((drop_old(&world).await, events(&world).await), (0, 3));
    world
        .send(vec![completed("2", "2018-11-20 10:00")], "2018-11-20 10:00")
        .await;
    assert_eq!(held(&world).await, ["card"], "its cards are not settled");
    let pool = world.pool();
    sqlx::query("UPDATE card SET closed_at = $1")
        .bind(at("2018-12-01 09:00"))
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(held(&world).await, Vec::<String>::new());
    sqlx::query(
        "INSERT INTO recording_pin (kind, subject, camera, from_at, to_at)
         SELECT 'card', id::text, 'c', due_at, due_at + interval '1 minute' FROM card LIMIT 1",
    )
    .execute(&pool)
    .await
    .unwrap();
    assert_eq!(held(&world).await, ["evidence"]);
    assert_eq!(drop_old(&world).await, 0);
    sqlx::query("UPDATE recording_pin SET released = true")
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!((drop_old(&world).await, events(&world).await), (4, 0));
}

#[tokio::test]
async fn what_was_counted_of_dropped_events_stays_also_when_it_is_counted_again() {
    let mut world = World::new("2018-10-15 08:00").await;
    let step =
        |id: &str, kind: &str, time: &str| event(id, kind, "1", time, json!({"step": "survey"}));
    let life = vec![
        accepted("1", "2018-10-15 10:00"),
        step("s", "case.step_started", "2018-10-15 11:00"),
        step("f", "case.step_finished", "2018-10-15 12:00"),
        completed("1", "2018-10-16 10:00"),
    ];
    world.send(life, "2018-10-16 10:00").await;
    let numbers = async |world: &World| {
        let mut all = snapshot(&world.pool()).await;
        all.remove("events");
        all
    };
    let before = numbers(&world).await;
    assert_eq!((drop_old(&world).await, events(&world).await), (4, 0));
    assert_eq!(numbers(&world).await, before);
    rollups::rebuild(&world.pool(), chrono_tz::Asia::Shanghai)
        .await
        .unwrap();
    assert_eq!(numbers(&world).await, before, "counted again");
    world.restart(LATER).await;

    // An event that belongs between those that went cannot be put in its place: it is kept, told, and changes nothing.
    let late = step("late", "case.step_started", "2018-10-15 15:00");
    world.send(vec![late], LATER).await;
    assert_eq!(numbers(&world).await, before);
    let told: Vec<(String, Value)> = sqlx::query_as("SELECT event_id, body FROM event_quarantine")
        .fetch_all(&world.pool())
        .await
        .unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(
        (told[0].0.as_str(), &told[0].1["step"]),
        ("late", &json!("survey"))
    );
    assert_eq!(events(&world).await, 1);
    // The same as one that went is still known, and one that comes after all the others is taken in.
    let rated = event(
        "r",
        "case.rated",
        "1",
        "2018-10-17 09:00",
        json!({"grade": "satisfied"}),
    );
    world
        .send(vec![completed("1", "2018-10-16 10:00"), rated], LATER)
        .await;
    assert_eq!(events(&world).await, 2);
    let after = numbers(&world).await;
    assert_eq!(after["case"][0]["fold"]["rating"]["grade"], "satisfied");
    assert_eq!(after["duration"], before["duration"]);
}
