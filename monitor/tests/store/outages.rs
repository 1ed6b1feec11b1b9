//! Outages that we recorded ourselves.

use mingjing_monitor::store::sources::{self, Outage};

use crate::{at, county_database};

fn outage(what: &str, subject: &str, since: i64, until: Option<i64>) -> Outage {
    Outage {
        what: what.into(),
        subject: subject.into(),
        since: at(since),
        until: until.map(at),
    }
}

#[tokio::test]
async fn sources_are_cut_off_with_the_edge_that_they_spoke_through() {
    let test = county_database().await;
    let c = &mut *test.store.pool().acquire().await.unwrap();
    // The first connection of two edges; one of them is cut off twice, the second time to this day.
    for (edge, minute) in [("T1", 0), ("T2", 0), ("T1", 60)] {
        sources::outage_begins(c, "edge", edge, at(minute))
            .await
            .unwrap();
        sources::outage_ends(c, "edge", edge, at(minute * 2))
            .await
            .unwrap();
    }
    sources::outage_begins(c, "edge", "T1", at(300))
        .await
        .unwrap();
    assert_eq!(sources::edges(c).await.unwrap(), ["T1", "T2"]);

    let subjects = ["//a".to_owned(), "//b".to_owned()];
    for (edge, source, from, to) in [
        ("T2", "//b", 61, 62),
        ("T1", "//a", 0, 50),
        ("T1", "//a", 90, 91),
        ("T1", "//a", 95, 96),
        ("T1", "//b", 200, 310),
    ] {
        let sources = [source.to_owned()];
        sources::cut_off_with_edge(c, edge, &sources, at(from), at(to))
            .await
            .unwrap();
    }
    let known = sources::outages(c, &subjects, at(0)).await.unwrap();
    assert_eq!(
        known,
        [
            outage("source", "//a", 60, Some(120)),
            outage("source", "//b", 300, Some(310)),
        ]
    );
    assert!(known[0].covers(at(90)) && !known[0].covers(at(121)));
}
