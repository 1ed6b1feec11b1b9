//! Persons and windows of a hall, and a unit across halls: who bears what.

use mingjing_alerts::performance::Month;
use mingjing_alerts::store::within as published;
use mingjing_alerts::within::{By, Place};
use mingjing_monitor::score::{Figures, Line, Points};
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
        let place = Place {
            hall: hall.into(),
            unit: unit.map(Into::into),
            by,
        };
        let month = grounds.within(&pool, &place, first).await.unwrap();
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

    // The month closes on the 20th: everybody is published, among all of their hall and among those of their unit.
    world.wait_until("2026-10-20 17:30").await;
    let kept: Vec<String> = sqlx::query_scalar(
        "SELECT concat_ws(' ', hall, unit, kind, subject, figures ->> 'met', figures ->> 'due') FROM published_within
         ORDER BY hall, unit, kind, subject",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    let person = |line: &&String| line.contains("person");
    let persons: Vec<&String> = kept.iter().filter(person).collect();
    assert_eq!(
        persons,
        [
            "C  person 孙 1 1",
            "C  person 钱 0 1",
            "C U1 person 孙 1 1",
            "C U1 person 钱 0 1",
            "T1  person 李 1 1",
            "T1 U1 person 李 1 1",
        ]
    );
    assert_eq!(kept.len(), 12, "{kept:?}");
    // The appeal is won: what was published stays, and the corrected score stands beside it.
    let of_card = async || {
        let closing = sqlx::query_scalar("SELECT max(id) FROM month_step")
            .fetch_one(&pool)
            .await
            .unwrap();
        let place = Place {
            hall: "C".into(),
            unit: Some("U1".into()),
            by: By::Person,
        };
        let all = published::standings(&pool, closing, &place).await.unwrap();
        let scores = all.iter().map(|one| {
            let score = |figures: &Option<sqlx::types::Json<Figures>>| {
                figures.as_ref().and_then(|it| it.0.score)
            };
            (
                one.subject.clone(),
                score(&one.figures),
                score(&one.corrected),
            )
        });
        scores.collect::<Vec<_>>()
    };
    let full = Some(Points::whole(100));
    let before = of_card().await;
    // Decided before the promise's day, which is worth the whole bonus.
    assert_eq!(before[0], ("孙".into(), Some(Points::whole(110)), None));
    assert!(before[1].1 < full && before[1].2.is_none(), "{before:?}");
    let card = world.card("R2", "yellow_card").await;
    world
        .act(card, "revoke", "inspector", "2026-10-22 09:00")
        .await
        .unwrap();
    world.wait_until("2026-10-22 09:05").await;
    let after = of_card().await;
    assert_eq!(after[0], before[0]);
    assert_eq!(after[1], ("钱".into(), before[1].1, full));
}
