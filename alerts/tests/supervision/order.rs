//! The order and grouping in which events come, and how often they come, must not matter.

use mingjing_monitor::event::CaseEvent;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::json;

use crate::common::{World, accepted, completed, event, snapshot};
use crate::recount::assert_adds_up;
use crate::scores::sheets;

/// A few dozen cases with everything in them: in time and late, suspended, extended, corrected, moved, withdrawn.
pub fn county_life() -> Vec<CaseEvent> {
    let mut events = Vec::new();
    for i in 0..40u32 {
        let no = format!("N{i:02}");
        let day = 1 + i % 20;
        let time = |d: u32, hour: u32| {
            let (month, day) = if d > 30 { (7, d - 30) } else { (6, d) };
            format!("2026-{month:02}-{day:02} {hour:02}:{:02}", i % 60)
        };
        let mut put = |id: &str, kind: &str, at: String, data| {
            events.push(event(&format!("{no}-{id}"), kind, &no, &at, data))
        };
        put(
            "applied",
            "case.applied",
            time(day, 9),
            json!({"channel": "web"}),
        );
        put(
            "accepted",
            "case.accepted",
            time(day, 10),
            json!({"window": if i % 2 == 0 { "3" } else { "12" }}),
        );
        put(
            "begin",
            "case.step_started",
            time(day, 11),
            json!({"step": "survey", "hall": if i % 7 == 0 { "T1" } else { "C" }}),
        );
        if i % 3 != 0 {
            put(
                "end",
                "case.step_finished",
                time(day + i % 9, 16),
                json!({"step": "survey", "hall": if i % 7 == 0 { "T1" } else { "C" }}),
            );
        }
        if i % 4 == 1 {
            let data =
                json!({"kind": "hearing", "declared_days": 3, "approver": "王", "notice": "1"});
            put("suspended", "case.suspended", time(day + 1, 12), data);
        }
        if i % 8 == 1 {
            put("resumed", "case.resumed", time(day + 3, 12), json!({}));
        }
        if i % 5 == 2 {
            put(
                "extended",
                "case.extended",
                time(day + 2, 12),
                json!({"days": 5, "notice": "2"}),
            );
        }
        match i % 6 {
            0 => {}
            1 => put(
                "withdrawn",
                "case.withdrawn",
                time(day + 4, 15),
                json!({"reason": "-"}),
            ),
            2 => {
                put("completed", "case.completed", time(day + 16, 15), json!({}));
                put(
                    "corrected",
                    "case.completed",
                    time(day + 5, 15),
                    json!({"replaces": format!("{no}-completed")}),
                );
            }
            n => put(
                "completed",
                "case.completed",
                time(day + 3 * n, 15),
                json!({}),
            ),
        }
    }
    events
}

/// The same and what else there is: supplements, applications given up and made again, complaints, fees and ratings; words that
/// are corrected, and corrected again.
pub fn whole_life() -> Vec<CaseEvent> {
    let mut events = county_life();
    for i in 0..18u32 {
        let time = |d: u32, hour: u32| {
            let day = 1 + i % 9 + d;
            let (month, day) = if day > 30 { (7, day - 30) } else { (6, day) };
            format!("2026-{month:02}-{day:02} {hour:02}:{:02}", i % 60)
        };
        let mut put = |no: &str, id: &str, kind: &str, at: String, data| {
            events.push(event(&format!("{no}-{id}"), kind, no, &at, data))
        };
        // Asked for more, sooner or later than the law bears; some never bring it.
        let no = format!("S{i:02}");
        put(
            &no,
            "applied",
            "case.applied",
            time(0, 9),
            json!({"channel": "window"}),
        );
        let asked = time(1 + i % 11, 10);
        put(&no, "asked", "case.supplement_requested", asked, json!({}));
        if i % 4 != 0 {
            let brought = time(12 + i % 3, 10);
            put(
                &no,
                "brought",
                "case.supplement_received",
                brought,
                json!({}),
            );
            put(
                &no,
                "accepted",
                "case.accepted",
                time(14 + i % 5, 11),
                json!({}),
            );
            put(
                &no,
                "fee",
                "case.fee",
                time(15, 9),
                json!({"charged": i % 3, "standard": 1}),
            );
            put(
                &no,
                "completed",
                "case.completed",
                time(19 + i % 7, 15),
                json!({}),
            );
            for (id, kind, at, data) in ratings(i) {
                put(&no, id, kind, time(at.0, at.1), data);
            }
        }
        // Given up and applied for again, soon or late, once or twice.
        let who = json!({"channel": "window", "applicant": {"id_hash": format!("p{i}")}});
        for (turn, day) in [0, 6 + i % 3, 13 + i].into_iter().enumerate() {
            let no = format!("A{i:02}-{turn}");
            put(&no, "applied", "case.applied", time(day, 9), who.clone());
            put(&no, "accepted", "case.accepted", time(day, 10), json!({}));
            let gone = time(day + 2 + i % 4, 16);
            put(
                &no,
                "gone",
                "case.withdrawn",
                gone.clone(),
                json!({"reason": "-"}),
            );
            if turn == 1 && i % 3 == 0 {
                let correction = json!({"replaces": format!("{no}-gone")});
                put(&no, "stayed", "case.completed", gone, correction);
            }
        }
        // Complaints: in time and late, extended, refused, corrected twice.
        let no = format!("T{i:02}");
        let what = json!({"kind": "irregularity", "channel": "phone"});
        put(&no, "received", "complaint.received", time(0, 9), what);
        match i % 6 {
            0 => {}
            1 => put(
                &no,
                "refused",
                "complaint.refused",
                time(3, 9),
                json!({"reason": "-"}),
            ),
            n => {
                put(&no, "accepted", "complaint.accepted", time(n, 9), json!({}));
                if n == 2 {
                    let more = json!({"days": 5, "notice": "1"});
                    put(&no, "extended", "complaint.extended", time(4, 9), more);
                }
                put(
                    &no,
                    "replied",
                    "complaint.replied",
                    time(5 + 3 * n, 9),
                    json!({"upheld": true}),
                );
                if n == 4 {
                    let first = json!({"upheld": true, "replaces": format!("{no}-replied")});
                    put(&no, "replied2", "complaint.replied", time(25, 9), first);
                    let second = json!({"upheld": false, "replaces": format!("{no}-replied2")});
                    put(&no, "replied3", "complaint.replied", time(8, 9), second);
                }
            }
        }
    }
    events
}

/// How the applicant of a case that was decided on day 19 to 25 rated it, and what was done about that: id, kind, day and hour, words.
/// Of all grades, some twice, some corrected; called back and put right in time, late or never.
fn ratings(i: u32) -> Vec<(&'static str, &'static str, (u32, u32), serde_json::Value)> {
    let grades = [
        "very_satisfied",
        "satisfied",
        "fairly_satisfied",
        "dissatisfied",
        "very_dissatisfied",
    ];
    let grade = |n: u32| json!({"grade": grades[n as usize % grades.len()]});
    let day = 20 + i % 7;
    let mut all = vec![("rated", "case.rated", (day, 10), grade(3 + i % 3))];
    match i % 6 {
        1 => all.push(("rated2", "case.rated", (day + 1, 9), grade(i))),
        2 => {
            let mut other = grade(4);
            other["replaces"] = json!(format!("S{i:02}-rated"));
            all.push(("rated2", "case.rated", (day, 12), other));
        }
        _ => {}
    }
    if !i.is_multiple_of(5) {
        all.push(("called", "case.called_back", (day + i % 4, 16), json!({})));
    }
    if !i.is_multiple_of(3) {
        all.push((
            "right",
            "case.put_right",
            (day + 8 * (i % 3), 16),
            json!({}),
        ));
    }
    all
}

#[tokio::test]
async fn any_order_and_repetition_in_any_batches_gives_the_same() {
    let now = "2026-08-03 09:00";
    let events = whole_life();
    let mut straight = World::new("2026-06-01 08:00").await;
    straight.send(events.clone(), now).await;
    let expected = snapshot(&straight.pool()).await;
    let scores = sheets(&straight.pool()).await;
    assert!(scores.len() > 4, "{scores:?}");
    assert!(
        expected["card"].len() > 30,
        "the life of this county gives cards: {}",
        expected["card"].len()
    );
    for (table, what, sign) in [
        (
            "step",
            "steps are finished, some past their limit",
            "\"over\":1",
        ),
        ("variant", "and make ways", "survey"),
        ("card", "complaints give cards", "R10:"),
        ("card", "bad ratings do", "R11:"),
        ("day", "ratings are counted", "\"rated_5\":1"),
        ("card", "supplements that are late do", "R15:S"),
        (
            "card",
            "what was given up and applied for again does",
            "R2:A",
        ),
        (
            "case",
            "a case goes on with the clock of another",
            "\"prior\"",
        ),
    ] {
        let there = expected[table]
            .iter()
            .any(|row| row.to_string().contains(sign));
        assert!(there, "{what}");
    }
    let third = |row: &serde_json::Value| row.to_string().matches("\"prior\"").count() == 2;
    assert!(
        expected["case"].iter().any(third),
        "and a third with that of both"
    );
    let mut runner = TestRunner::deterministic();
    for round in 0..4 {
        // Every event once and some again, in any order, in batches of any size.
        let mut all = events.clone();
        all.extend(events.iter().skip(round).step_by(5).cloned());
        let shuffled = Just(all)
            .prop_shuffle()
            .new_tree(&mut runner)
            .unwrap()
            .current();
        let sizes = prop::collection::vec(1usize..60, 100)
            .new_tree(&mut runner)
            .unwrap()
            .current();
        let mut world = World::new("2026-06-01 08:00").await;
        let mut rest = shuffled.as_slice();
        for size in sizes {
            let (batch, left) = rest.split_at(size.min(rest.len()));
            world.send(batch.to_vec(), now).await;
            rest = left;
        }
        assert!(rest.is_empty());
        let found = snapshot(&world.pool()).await;
        for (table, rows) in &expected {
            if *table == "card" {
                continue;
            }
            assert_eq!(&found[table], rows, "round {round}: {table}");
        }
        assert_adds_up(&world.pool(), &format!("round {round}")).await;
        cards_agree(&expected["card"], &found["card"], round);
        assert_eq!(sheets(&world.pool()).await, scores, "round {round}: scores");
    }
}

/// A card that was issued before the evidence came is contested instead of never written: that is meant. Beside those the
/// same cards stand, in the same states and words.
fn cards_agree(expected: &[serde_json::Value], found: &[serde_json::Value], round: usize) {
    let never_written = |card: &&serde_json::Value| {
        card["state"] != "contested" && !(card["grade"] == "warning" && card["state"] == "cleared")
    };
    let of = |cards: &[serde_json::Value]| {
        cards
            .iter()
            .filter(never_written)
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(of(found), of(expected), "round {round}: cards");
}

#[tokio::test]
async fn living_it_hour_by_hour_equals_being_told_at_the_end() {
    let mut events = whole_life();
    events.retain(|event| event.replaces.is_none());
    let end = "2026-08-03 09:00";
    let mut told = World::new("2026-06-01 08:00").await;
    told.send(events.clone(), end).await;
    let mut lived = World::new("2026-06-01 08:00").await;
    events.sort_by(CaseEvent::cmp_order);
    for batch in events.chunks(7) {
        let now = batch.last().unwrap().time;
        while let Some(due) = lived.supervisor.next_due().filter(|&due| due <= now) {
            lived.supervisor.fire_due(due).await.unwrap();
        }
        // Two restarts on the way.
        if batch.len() % 3 == 0 {
            lived.supervisor = mingjing_alerts::supervisor::Supervisor::start(lived.pool(), now)
                .await
                .unwrap();
            lived.supervisor.ignore_answers();
        }
        lived
            .supervisor
            .apply_batch(batch.to_vec(), false, now)
            .await
            .unwrap();
    }
    lived.wait_until(end).await;
    let worlds = [lived.pool(), told.pool()];
    let (told, lived) = (snapshot(&told.pool()).await, snapshot(&lived.pool()).await);
    for table in ["case", "day", "hour", "bucket", "window", "complaint"] {
        assert_eq!(lived[table], told[table], "{table}");
    }
    let firm = |cards: &[serde_json::Value]| {
        cards
            .iter()
            .filter(|card| card["grade"] != "warning")
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(firm(&lived["card"]), firm(&told["card"]));
    let [lived, told] = worlds;
    assert_eq!(sheets(&lived).await, sheets(&told).await);
}

#[tokio::test]
async fn a_late_event_mends_the_case_the_counts_and_the_cards() {
    let mut world = World::new("2026-11-02 09:00").await;
    world
        .send(vec![completed("1", "2026-11-04 10:00")], "2026-11-04 10:00")
        .await;
    assert_eq!(
        world.case("1").await,
        "on_time stopped -".replace("on_time", "no_deadline")
    );
    world
        .send(vec![accepted("1", "2026-10-12 10:00")], "2026-11-04 11:00")
        .await;
    assert_eq!(world.case("1").await, "over_legal stopped -");
    let of_case = world.cards().await;
    assert_eq!(of_case.len(), 4, "{of_case:#?}");
    assert!(
        of_case.contains(&"R4 red_card withdrawn 2026-11-04 10:00".to_owned()),
        "it had been decided without acceptance, as far as was told: {of_case:#?}"
    );
    assert_adds_up(&world.pool(), "late acceptance").await;
    assert_eq!(
        world.supervisor.queue_len(),
        0,
        "nothing more is to come of it"
    );
}
