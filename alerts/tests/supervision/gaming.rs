//! What a hall may try to look better than it is. Town T1 lives its months as they come; town T2 does the same and tries something.

use mingjing_alerts::supervisor::Supervisor;
use mingjing_monitor::event::CaseEvent;
use mingjing_monitor::org::Level;
use mingjing_monitor::score::{Line, Part, Points, Reason};
use serde_json::{Value, json};

use crate::common::{Sent, World, at, event};

const TOWNS: [&str; 2] = ["T1", "T2"];

/// An event of a case of a town, whose number begins with the town's code.
fn told(no: &str, kind: &str, time: &str, mut data: Value) -> CaseEvent {
    data["hall"] = json!(no[..2]);
    event(&format!("{no}-{kind}-{time}"), kind, no, time, data)
}

fn accepted(no: &str, time: &str) -> CaseEvent {
    told(no, "case.accepted", time, json!({}))
}

fn completed(no: &str, time: &str) -> CaseEvent {
    told(no, "case.completed", time, json!({}))
}

impl World {
    /// One after another, each when it was received; deadlines fire in between.
    async fn live(&mut self, mut events: Vec<CaseEvent>, until: &str) {
        events.sort_by_key(|event| event.received);
        for event in events {
            let now = event.received;
            while let Some(due) = self.supervisor.next_due().filter(|due| *due <= now) {
                self.supervisor.fire_due(due).await.unwrap();
            }
            self.supervisor
                .apply_batch(vec![event], false, now)
                .await
                .unwrap();
        }
        self.wait_until(until).await;
    }

    /// The scores of both towns in the month that begins on this day.
    async fn scores(&self, first: &str, now: &str) -> [Points; 2] {
        let supervisor: &Supervisor = &self.supervisor;
        let grounds = supervisor.reference().grounds(at(now));
        let first = first.parse().unwrap();
        let month = grounds
            .month(&self.pool(), Level::Town, first)
            .await
            .unwrap();
        TOWNS.map(|town| {
            month.subjects[town]
                .figures
                .score
                .expect("there were cases")
        })
    }
}

/// Twenty cases of a month, decided in time; `accepted` and `decided` lie less than seven workdays apart.
fn good(prefix: &str, accepted_at: &str, decided_at: &str) -> Vec<CaseEvent> {
    let cases = TOWNS
        .iter()
        .flat_map(|town| (0..20).map(move |n| format!("{town}-{prefix}{n}")));
    cases
        .flat_map(|no| [accepted(&no, accepted_at), completed(&no, decided_at)])
        .collect()
}

/// September 2026: in each town twenty good cases, and one that was accepted on the 2nd and so promised until the 11th.
fn september() -> Vec<CaseEvent> {
    let mut events = good("g", "2026-09-02 10:00", "2026-09-11 10:00");
    events.extend(TOWNS.map(|town| accepted(&format!("{town}-late"), "2026-09-02 10:00")));
    events
}

/// What T1 does with its case: it decides it on the 14th, a workday too late.
fn honestly() -> CaseEvent {
    completed("T1-late", "2026-09-14 10:00")
}

/// The score of T1 and of T2, which did `tried` with its late case.
async fn september_with(tried: Vec<CaseEvent>) -> (Points, Points) {
    let mut world = World::new("2026-09-01 09:00").await;
    let events = september().into_iter().chain([honestly()]).chain(tried);
    world.live(events.collect(), "2026-10-01 09:00").await;
    let [one, two] = world.scores("2026-09-01", "2026-10-01 09:00").await;
    assert!(
        one < Points::whole(100),
        "a late case costs something: {one}"
    );
    (one, two)
}

#[tokio::test]
async fn trivial_cases_do_not_dilute() {
    let mut tried = vec![completed("T2-late", "2026-09-14 10:00")];
    for n in 0..150 {
        // Items that are done at once, and applications that are accepted and withdrawn.
        let (at_once, in_and_out) = (format!("T2-i{n}"), format!("T2-w{n}"));
        let kind = json!({"kind": "immediate"});
        tried.push(told(&at_once, "case.accepted", "2026-09-03 10:00", kind));
        tried.push(completed(&at_once, "2026-09-03 10:05"));
        tried.push(accepted(&in_and_out, "2026-09-04 10:00"));
        let why = json!({"reason": "申请人撤回"});
        tried.push(told(&in_and_out, "case.withdrawn", "2026-09-04 11:00", why));
    }
    let (one, two) = september_with(tried).await;
    assert_eq!(one, two);
}

#[tokio::test]
async fn a_case_that_is_never_finished_costs_more_in_every_month() {
    let mut world = World::new("2026-09-01 09:00").await;
    let mut events = september();
    events.push(honestly());
    events.extend(good("o", "2026-10-12 10:00", "2026-10-21 10:00"));
    world.live(events, "2026-10-31 09:00").await;
    for first in ["2026-09-01", "2026-10-01"] {
        let [one, two] = world.scores(first, "2026-10-31 09:00").await;
        assert!(two < one, "{first}: {two} and {one}");
    }
}

#[tokio::test]
async fn withdrawing_and_applying_again_wins_nothing() {
    let who = json!({"channel": "window", "applicant": {"id_hash": "z3"}});
    let (one, two) = september_with(vec![
        told("T2-late", "case.applied", "2026-09-02 09:00", who.clone()),
        told(
            "T2-late",
            "case.withdrawn",
            "2026-09-11 15:00",
            json!({"reason": "材料不齐"}),
        ),
        told("T2-anew", "case.applied", "2026-09-11 15:30", who),
        accepted("T2-anew", "2026-09-11 15:40"),
        completed("T2-anew", "2026-09-15 10:00"),
    ])
    .await;
    assert!(two <= one, "{two} and {one}");
}

#[tokio::test]
async fn a_pause_that_the_law_does_not_know_wins_nothing() {
    let (one, two) = september_with(vec![
        told(
            "T2-late",
            "case.suspended",
            "2026-09-10 10:00",
            json!({"kind": "collective_decision"}),
        ),
        told("T2-late", "case.resumed", "2026-09-14 09:30", json!({})),
        completed("T2-late", "2026-09-14 10:00"),
    ])
    .await;
    assert!(two < one, "{two} and {one}");
}

#[tokio::test]
async fn a_backdated_completion_costs_more_than_an_honest_one() {
    // Told on the 16th as of the 11th: the card is contested and stands, and backdating is a card of its own.
    let backdated = completed("T2-late", "2026-09-11 16:00").received("2026-09-16 10:00");
    let (one, two) = september_with(vec![backdated]).await;
    assert!(two < one, "{two} and {one}");
}

#[tokio::test]
async fn late_cases_bunched_in_one_month_cost_a_year_no_less() {
    let mut world = World::new("2026-08-31 09:00").await;
    let months = [
        (
            "a",
            "2026-09-02 10:00",
            "2026-09-11 10:00",
            "2026-09-14 10:00",
        ),
        (
            "b",
            "2026-10-12 10:00",
            "2026-10-21 10:00",
            "2026-10-22 10:00",
        ),
        (
            "c",
            "2026-11-02 10:00",
            "2026-11-11 10:00",
            "2026-11-12 10:00",
        ),
    ];
    let mut events = Vec::new();
    for (at, (prefix, accepted_at, decided_at, late)) in months.into_iter().enumerate() {
        events.extend(good(prefix, accepted_at, decided_at));
        // Two in each month, or all six in the first.
        let bunched = if at == 0 { 6 } else { 0 };
        for (town, n) in [("T1", 2), ("T2", bunched)] {
            for case in 0..n {
                let no = format!("{town}-{prefix}late{case}");
                events.extend([accepted(&no, accepted_at), completed(&no, late)]);
            }
        }
    }
    world.live(events, "2026-12-31 09:00").await;
    // What the lateness itself costs, and what the months come to: nobody answered in either town, and that costs both as much.
    let mut timeliness = [Points::ZERO, Points::ZERO];
    let mut supervision = Vec::new();
    let mut scores = [Points::ZERO, Points::ZERO];
    let grounds = world.supervisor.reference().grounds(at("2026-12-31 09:00"));
    for first in ["2026-09-01", "2026-10-01", "2026-11-01"] {
        let first = first.parse().unwrap();
        let month = grounds.month(&world.pool(), Level::Town, first).await;
        let month = month.unwrap();
        for (at, town) in TOWNS.into_iter().enumerate() {
            let sheet = &month.subjects[town].sheet;
            let of = |part| sheet.parts.iter().find(|one| one.part == part);
            timeliness[at] += of(Part::Timeliness).unwrap().points.unwrap();
            scores[at] += sheet.score.unwrap();
            let again =
                |line: &&Line| matches!(line.reason, Reason::Unanswered { again: true, .. });
            let part = of(Part::Supervision).unwrap();
            supervision.push((part.points, part.lines.iter().filter(again).count()));
        }
    }
    let [one, two] = timeliness;
    assert!(two <= one, "{two} and {one}");
    // T1 leaves two unanswered in each month, T2 six in the first: each weighs again as long as nobody answers.
    let none = Some(Points::ZERO);
    let again = [
        (none, 0),
        (none, 0),
        (none, 2),
        (none, 6),
        (none, 4),
        (none, 6),
    ];
    assert_eq!(supervision, again);
    let [one, two] = scores;
    assert!(two <= one, "{two} and {one}");
}
