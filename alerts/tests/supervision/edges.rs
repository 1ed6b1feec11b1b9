//! Edges that are away, cut off or switched off: our outage, and held against nobody whose words come by them.

use mingjing_monitor::event::CaseEvent;
use mingjing_monitor::store::{sources, ways};
use serde_json::json;

use crate::common::{SOURCE, Sent, World, at, event};

const OTHER: &str = "//other.county";

/// Both sources are heard by the edge E1, the other one by E2 too.
async fn two_sources(now: &str) -> World {
    let mut world = World::new(now).await;
    let mut connection = world.pool().acquire().await.unwrap();
    for (edge, source) in [("E1", SOURCE), ("E1", OTHER), ("E2", OTHER)] {
        ways::opened(&mut connection, edge, &[source.to_owned()], at(now))
            .await
            .unwrap();
    }
    drop(connection);
    let first = |no: &str| told(no, "case.accepted", now);
    world
        .send(vec![first("1"), by_other(first("2"))], now)
        .await;
    world
}

/// Nothing of these cases is ever late: their item has no limits.
fn told(no: &str, kind: &str, time: &str) -> CaseEvent {
    event(
        &format!("{no}-{kind}"),
        kind,
        no,
        time,
        json!({"item": "B"}),
    )
}

fn by_other(mut event: CaseEvent) -> CaseEvent {
    event.source = OTHER.into();
    event
}

impl World {
    async fn gone(&self, edge: &str, since: &str) {
        let mut connection = self.pool().acquire().await.unwrap();
        sources::outage_begins(&mut connection, "edge", edge, at(since))
            .await
            .unwrap();
    }

    async fn back(&mut self, edge: &str, now: &str) {
        let mut connection = self.pool().acquire().await.unwrap();
        sources::outage_ends(&mut connection, "edge", edge, at(now))
            .await
            .unwrap();
        drop(connection);
        self.supervisor.hear_again(at(now)).await.unwrap();
    }
}

#[tokio::test]
async fn a_source_behind_an_edge_that_is_away_is_not_called_silent_before_it_had_time_to_speak() {
    let mut world = two_sources("2018-10-15 10:00").await;
    world.gone("E1", "2018-10-16 03:00").await;
    world.wait_until("2018-10-16 18:00").await;
    let silent =
        |source: &str, state: &str, due: &str| format!("R7 source {source} notice {state} {due}");
    let other = silent(OTHER, "issued", "2018-10-16 10:00");
    assert_eq!(
        world.others().await,
        std::slice::from_ref(&other),
        "the other one could have spoken by the edge that is there"
    );
    assert_eq!(
        world.held("2018-10-16 18:00").await,
        [format!("source:{SOURCE} by outage until ?")]
    );
    // A restart meanwhile forgets nothing; then the edge is back, and the source has ten minutes.
    world.restart("2018-10-17 09:00").await;
    world.catch_up("2018-10-17 09:00").await;
    world.back("E1", "2018-10-17 12:00").await;
    world.wait_until("2018-10-17 12:09").await;
    assert_eq!(world.others().await, std::slice::from_ref(&other));
    world.wait_until("2018-10-17 12:10").await;
    let late = silent(SOURCE, "issued", "2018-10-17 12:10");
    assert_eq!(world.others().await, [other, late]);
}

#[tokio::test]
async fn what_is_told_late_because_the_edge_was_switched_off_is_not_backdated() {
    let mut world = two_sources("2018-10-15 10:00").await;
    // Three workdays, and what each source did meanwhile comes when the edge is back.
    world.gone("E1", "2018-10-15 18:00").await;
    world.back("E1", "2018-10-19 08:30").await;
    let late =
        |no: &str| told(no, "case.completed", "2018-10-16 10:00").received("2018-10-19 09:00");
    let events = vec![late("1"), by_other(late("2"))];
    world.send(events, "2018-10-19 09:00").await;
    assert_eq!(world.cards_of("1").await, [] as [&str; 0]);
    assert_eq!(
        world.cards_of("2").await,
        ["R7 yellow_card issued 2018-10-19 09:00"],
        "it could have told by the other edge"
    );
    // What happened when the edge was there again is as late as ever.
    let delivered = told("1", "case.delivered", "2018-10-19 10:00").received("2018-10-24 10:00");
    world.send(vec![delivered], "2018-10-24 10:00").await;
    assert_eq!(
        world.cards_of("1").await,
        ["R7 yellow_card issued 2018-10-24 10:00"]
    );
}
