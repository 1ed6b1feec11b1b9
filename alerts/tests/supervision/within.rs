//! Persons and windows of a hall, and a unit across halls: who bears what.

use mingjing_alerts::performance::Month;
use mingjing_alerts::within::By;
use mingjing_monitor::score::{Line, Points};
use serde_json::json;

use crate::common::{World, accepted, at, event};

/// Each subject with its due cases, those in time and its cards.
fn lines(month: &Month) -> Vec<String> {
    let mut lines: Vec<String> = month
        .subjects
        .iter()
        .map(|(subject, one)| {
            let figures = &one.figures;
            format!(
                "{subject} {}/{} {}y {}r",
                figures.met, figures.due, figures.yellow_cards, figures.red_cards
            )
        })
        .collect();
    lines.sort();
    lines
}

/// Every score is the sum of what its sheet shows.
fn adds_up(month: &Month) {
    let sum = |lines: &[Line]| lines.iter().map(|line| line.points).sum::<Points>();
    for (subject, one) in &month.subjects {
        let parts = one.sheet.parts.iter().filter(|part| part.points.is_some());
        let parts: Points = parts.map(|part| part.weight + sum(&part.lines)).sum();
        let all = parts + sum(&one.sheet.beside);
        assert_eq!(one.figures.score, Some(all), "{subject}");
    }
}

#[tokio::test]
async fn whoever_held_the_step_when_time_ran_out_bears_the_card() {
    let mut world = World::new("2026-09-01 09:00").await;
    let step = |kind: &str, time: &str, step: &str, who: &str| {
        let data = json!({"step": step, "handler": who});
        event(
            &format!("1-{kind}-{step}"),
            &format!("case.{kind}"),
            "1",
            time,
            data,
        )
    };
    let done = |no: &str, time: &str, hall: &str, window: &str, who: &str| {
        let data = json!({"hall": hall, "window": window, "handler": who});
        event(&format!("{no}-completed"), "case.completed", no, time, data)
    };
    // Case 1, due on the 11th at closing time: 赵 surveys in time, 钱 holds the review when time runs out, 孙 decides on the 14th.
    world
        .send(
            vec![
                accepted("1", "2026-09-02 10:00"),
                step("step_started", "2026-09-03 09:00", "survey", "赵"),
                step("step_finished", "2026-09-04 09:00", "survey", "赵"),
                step("step_started", "2026-09-10 10:00", "review", "钱"),
            ],
            "2026-09-10 10:00",
        )
        .await;
    world.wait_until("2026-09-14 09:00").await;
    world
        .send(
            vec![
                step("step_finished", "2026-09-14 09:30", "review", "钱"),
                done("1", "2026-09-14 10:00", "C", "3", "孙"),
                // Case 2 of window 12 and case 3 in the town are in time.
                event(
                    "2-accepted",
                    "case.accepted",
                    "2",
                    "2026-09-10 10:00",
                    json!({"window": "12"}),
                ),
                event(
                    "3-accepted",
                    "case.accepted",
                    "3",
                    "2026-09-10 10:00",
                    json!({"hall": "T1", "window": "1"}),
                ),
                done("2", "2026-09-14 10:00", "C", "12", "孙"),
                done("3", "2026-09-14 10:00", "T1", "1", "李"),
            ],
            "2026-09-14 10:00",
        )
        .await;
    world.wait_until("2026-10-01 09:00").await;
    let grounds = world.supervisor.reference().grounds(at("2026-10-01 09:00"));
    let first = "2026-09-01".parse().unwrap();
    let pool = world.pool();
    let within = async |hall: &'static str, unit: Option<&'static str>, by: By| {
        let month = grounds
            .within(&pool, (hall, unit), by, first)
            .await
            .unwrap();
        adds_up(&month);
        lines(&month)
    };
    assert_eq!(
        within("C", None, By::Person).await,
        ["孙 1/1 0y 0r", "钱 0/1 1y 0r"]
    );
    assert_eq!(
        within("C", None, By::Window).await,
        ["12 1/1 0y 0r", "3 0/1 1y 0r"]
    );
    assert_eq!(within("T1", None, By::Person).await, ["李 1/1 0y 0r"]);
    // Another unit's head sees none of them.
    assert_eq!(within("C", Some("U2"), By::Person).await, [""; 0]);
    let across = grounds.across(&pool, "U1", first).await.unwrap();
    adds_up(&across);
    assert_eq!(lines(&across), ["C 1/2 1y 0r", "T1 1/1 0y 0r"]);
}
