//! Months that close by themselves, and what comes out otherwise afterwards.

use mingjing_alerts::closing::{Closing, Done, State};
use mingjing_alerts::store::closings;
use mingjing_monitor::score::Points;
use mingjing_monitor::store::county;
use serde_json::{Value, json};

use crate::common::{Sent, World, accepted, at, completed, event};

/// September 2026 of unit U1 in the county hall: ten cases in time, and one that was decided a day after its promise.
async fn september() -> World {
    let mut world = World::new("2026-09-01 09:00").await;
    for n in 0..11 {
        let no = format!("{n}");
        world
            .send(vec![accepted(&no, "2026-09-02 10:00")], "2026-09-02 10:00")
            .await;
    }
    // 7 workdays later, on the 11th at closing time, all of them are due.
    for n in 1..11 {
        let no = format!("{n}");
        world
            .send(vec![completed(&no, "2026-09-11 10:00")], "2026-09-11 10:00")
            .await;
    }
    world.wait_until("2026-09-14 10:00").await;
    world
        .send(vec![completed("0", "2026-09-14 10:00")], "2026-09-14 10:00")
        .await;
    world
}

impl World {
    /// What was done to months, as `month step by due`.
    async fn steps(&self) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT concat_ws(' ', month, step, who, to_char(due_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI'))
             FROM month_step ORDER BY id",
        )
        .fetch_all(&self.pool())
        .await
        .unwrap()
    }

    /// What was published of unit U1: its rank and score.
    async fn published(&self) -> Vec<(Option<i32>, f64)> {
        sqlx::query_as(
            "SELECT rank, (figures ->> 'score')::float8 FROM published_score WHERE level = 'county' AND subject = 'U1'
             ORDER BY closing",
        )
        .fetch_all(&self.pool())
        .await
        .unwrap()
    }

    /// Its corrections, each with what it rose by.
    async fn corrections(&self) -> Vec<(closings::Change, Points)> {
        let changes = closings::changes(&self.pool(), closings::Which::default())
            .await
            .unwrap();
        let of_unit = changes.into_iter().filter(|change| change.subject == "U1");
        of_unit
            .map(|change| {
                let points = change.differences.0.iter();
                let rose = points.map(|one| one.difference.points).sum();
                (change, rose)
            })
            .collect()
    }
}

#[tokio::test]
async fn a_month_closes_on_its_tenth_workday_and_what_comes_later_stands_beside_it() {
    let mut world = september().await;
    // National Day is from the 1st to the 7th of October, and the 10th is worked for it: the tenth workday is the 20th.
    world.wait_until("2026-10-20 17:29").await;
    assert_eq!(world.steps().await, [""; 0]);
    world.wait_until("2026-10-20 17:30").await;
    assert_eq!(
        world.steps().await,
        ["2026-09-01 close mingjing 2026-10-20 17:30"]
    );
    // One yellow card of at least a hundred cases takes a fifth of 14: 53.2 of the 56 that are judged, and of the items four of
    // five fields are there, which is 8 of 10. Nobody answered the correction order: nothing of the 14 of supervision. 61.2 of 80
    // are 76.5, and promises that lie 30 % under the law give 3 more.
    assert_eq!(world.published().await, [(Some(1), 79.5)]);

    // The appeal is won: the card is gone and its order with it, 64 of 66 are 96.97, and 3. What was published stays.
    let card = world.card("R2", "yellow_card").await;
    world
        .act(card, "revoke", "inspector", "2026-10-22 09:00")
        .await
        .unwrap();
    world.wait_until("2026-10-22 09:00").await;
    let changes = world.corrections().await;
    assert_eq!(changes.len(), 1, "{changes:#?}");
    let (change, rose) = &changes[0];
    let before = change.before.as_ref().unwrap().score.unwrap();
    let after = change.figures.score.unwrap();
    assert_eq!(
        (before, after, *rose),
        (
            Points::hundredths(7_950),
            Points::hundredths(9_997),
            Points::hundredths(2_047)
        )
    );
    let gone = &change.differences.0[0];
    let cause = gone.cause.as_ref().expect("it says why");
    assert_eq!(
        (cause.transition.as_str(), cause.why.as_deref()),
        ("revoke", Some("因为如此"))
    );
    assert_eq!(world.published().await, [(Some(1), 79.5)]);

    // A case of September is told of only now, and is not finished: its cards fell due then.
    let late = event(
        "late",
        "case.accepted",
        "late",
        "2026-09-01 10:00",
        json!({"date_only": true}),
    );
    world
        .send(vec![late.received("2026-10-23 09:00")], "2026-10-23 09:00")
        .await;
    assert_eq!(world.corrections().await.len(), 1);
    world.wait_until("2026-10-23 09:01").await;
    let changes = world.corrections().await;
    assert_eq!(changes.len(), 2, "{changes:#?}");
    assert!(changes[0].1 < Points::ZERO, "{changes:#?}");

    // Neither a restart nor a further day brings anything twice.
    world.restart("2026-10-23 10:00").await;
    world.wait_until("2026-10-26 10:00").await;
    assert_eq!(world.steps().await.len(), 1);
    assert_eq!(world.corrections().await.len(), 2);

    // Not even the owner of the tables alters what was published.
    for table in ["month_step", "published_score", "score_change"] {
        let sql = sqlx::AssertSqlSafe(format!("DELETE FROM {table}"));
        assert!(sqlx::query(sql).execute(&world.pool()).await.is_err());
    }
}

#[tokio::test]
async fn a_month_that_is_opened_again_closes_again_and_both_closings_stay() {
    let mut world = september().await;
    world.wait_until("2026-10-21 09:00").await;
    let month = at("2026-09-10 09:00").date_naive();
    let month = chrono::Datelike::with_day(&month, 1).unwrap();
    let step = |step: &str, login: &str| Done {
        id: 0,
        month,
        step: step.into(),
        at: at("2026-10-21 10:00"),
        due_at: None,
        login: Some(login.into()),
        who: login.into(),
        role: "inspector".into(),
        why: Some("漏报".into()),
        profile_version: None,
    };
    let mut connection = world.pool().acquire().await.unwrap();
    for done in [step("ask", "li"), step("reopen", "wang")] {
        closings::append(&mut connection, &done).await.unwrap();
    }
    drop(connection);
    world
        .supervisor
        .reload(at("2026-10-21 10:00"))
        .await
        .unwrap();
    // Open: what changes moves nothing that is published.
    let card = world.card("R2", "yellow_card").await;
    world
        .act(card, "revoke", "inspector", "2026-10-22 09:00")
        .await
        .unwrap();
    world.wait_until("2026-10-30 09:00").await;
    assert_eq!(world.corrections().await.len(), 0);
    // The tenth workday after the 21st is Wednesday, 4 November.
    world.wait_until("2026-11-04 17:30").await;
    assert_eq!(
        world.steps().await[3..],
        ["2026-09-01 close mingjing 2026-11-04 17:30"]
    );
    assert_eq!(world.published().await, [(Some(1), 79.5), (Some(1), 99.97)]);
    let months = closings::months(&world.pool()).await.unwrap();
    assert_eq!(months[&month].state, State::Closed);
    let trace: Vec<Value> = sqlx::query_scalar(
        "SELECT after::jsonb FROM audit WHERE action = 'month.closed' AND subject = '2026-09' ORDER BY seq",
    )
    .fetch_all(&world.pool())
    .await
    .unwrap();
    assert_eq!(trace.len(), 2, "{trace:#?}");
    let _: &Closing = &months[&month];
}

#[tokio::test]
async fn what_was_only_tried_is_never_published() {
    let mut world = september().await;
    let trial = async |world: &mut World, on: bool, now: &str| {
        let mut connection = world.pool().acquire().await.unwrap();
        county::set_trial_run(&mut connection, on).await.unwrap();
        drop(connection);
        world.supervisor.reload(at(now)).await.unwrap();
    };
    trial(&mut world, true, "2026-09-15 09:00").await;
    world.wait_until("2026-10-30 09:00").await;
    trial(&mut world, false, "2026-10-30 09:00").await;
    world.wait_until("2026-11-30 09:00").await;
    assert_eq!(world.steps().await, [""; 0]);
    // November is the first month that was not tried.
    world
        .send(vec![accepted("n", "2026-11-30 10:00")], "2026-11-30 10:00")
        .await;
    world.wait_until("2026-12-31 09:00").await;
    assert_eq!(
        world.steps().await,
        ["2026-11-01 close mingjing 2026-12-14 17:30"]
    );
}
