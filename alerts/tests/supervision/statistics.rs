//! What statistics are made of, worked out by hand: working time of cases and steps, and what becomes of it when facts or calendars change.

use chrono::NaiveDate;
use mingjing_monitor::store::rollups;
use serde_json::{Value, json};

use crate::common::{World, accepted, completed, event, snapshot};
use crate::recount::assert_adds_up;

/// A workday.
const WD: i64 = 1_000_000;

async fn sums(world: &World, columns: &str, day: &str) -> Vec<i64> {
    let day: NaiveDate = day.parse().unwrap();
    let sql = sqlx::AssertSqlSafe(format!(
        "SELECT ARRAY[{columns}]::bigint[] FROM rollup_day WHERE day = $1"
    ));
    let sums = sqlx::query_scalar(sql).bind(day);
    sums.fetch_one(&world.pool()).await.unwrap()
}

async fn steps(world: &World) -> Vec<Value> {
    let rows = snapshot(&world.pool()).await.remove("step").unwrap();
    let of_day = rows.into_iter().filter(|row| row["grain"] == "d");
    of_day
        .map(|row| {
            json!([
                row["step"],
                row["hall"],
                row["start"],
                row["waited"],
                row["worked"],
                row["undivided"],
                row["over"]
            ])
        })
        .collect()
}

fn step(id: &str, kind: &str, time: &str, step: &str) -> mingjing_monitor::event::CaseEvent {
    event(
        &format!("{id}-{time}"),
        &format!("case.step_{kind}"),
        "1",
        time,
        json!({"step": step}),
    )
}

#[tokio::test]
async fn working_time_is_counted_in_office_hours_of_workdays_outside_special_procedures() {
    let mut world = World::new("2018-10-15 08:00").await;
    let hearing = json!({"kind": "hearing", "declared_days": 3, "approver": "王", "notice": "1"});
    world
        .send(
            vec![
                // Monday. Office hours are 09:00 to 17:30: 8.5 hours make a workday.
                accepted("1", "2018-10-15 09:00"),
                // Two of those hours waited, three days taken: over the limit of the step, closing time of Thursday.
                step("s", "started", "2018-10-15 11:00", "survey"),
                step("f", "finished", "2018-10-19 11:00", "survey"),
                // Whose beginning nobody told: from the end before to its own, the hearing of Monday left out.
                event("h", "case.suspended", "1", "2018-10-22 09:00", hearing),
                event("r", "case.resumed", "1", "2018-10-23 09:00", json!({})),
                step("f", "finished", "2018-10-23 11:00", "review"),
                completed("1", "2018-10-23 17:30"),
            ],
            "2018-10-23 17:30",
        )
        .await;
    // Seven workdays from Monday to Tuesday week, less one of hearing. Promised were 7, the law allows 10.
    assert_eq!(
        sums(
            &world,
            "measured, worked, legal_worked, legal_allowed, cut_promise, cut_legal",
            "2018-10-23"
        )
        .await,
        [1, 6 * WD, 6 * WD, 10 * WD, 7 * WD, 10 * WD]
    );
    let two_hours = WD * 2 * 10 / 85;
    // Friday from 11:00 has 6.5 hours, Tuesday until 11:00 two: 8.5 together.
    assert_eq!(
        steps(&world).await,
        [
            json!(["survey", "C", "2018-10-19", two_hours, 4 * WD, 0, 1]),
            json!(["review", "C", "2018-10-23", 0, 0, WD, 0]),
        ]
    );
    assert_adds_up(&world.pool(), "as told").await;

    // It turns out that it was refused, and a day earlier; what had been added is taken out.
    let refused = event(
        "late",
        "case.refused",
        "1",
        "2018-10-22 17:30",
        json!({"reason": "材料不符", "replaces": "1-completed"}),
    );
    world.send(vec![refused], "2018-10-24 09:00").await;
    assert_eq!(
        sums(&world, "refused, measured, worked", "2018-10-22").await,
        [1, 1, 5 * WD]
    );
    assert_eq!(
        sums(&world, "refused, measured, worked", "2018-10-23").await,
        [0, 0, 0]
    );
    assert_adds_up(&world.pool(), "corrected").await;
}

#[tokio::test]
async fn counting_again_gives_the_identical_tables() {
    let mut world = World::new("2026-06-01 08:00").await;
    world
        .send(crate::order::whole_life(), "2026-08-03 09:00")
        .await;
    let before = snapshot(&world.pool()).await;
    rollups::rebuild(&world.pool(), chrono_tz::Asia::Shanghai)
        .await
        .unwrap();
    assert_eq!(snapshot(&world.pool()).await, before);
}

#[tokio::test]
async fn a_hall_takes_its_past_along_to_another_level() {
    let mut world = World::new("2026-06-01 08:00").await;
    world
        .send(crate::order::whole_life(), "2026-08-03 09:00")
        .await;
    let before = snapshot(&world.pool()).await;
    let swap = "UPDATE hall SET level = CASE level WHEN 'county' THEN 'town' WHEN 'town' THEN 'county' ELSE level END";
    sqlx::query(swap).execute(&world.pool()).await.unwrap();
    let after = snapshot(&world.pool()).await;
    assert_ne!(after["level"], before["level"]);
    assert_adds_up(&world.pool(), "moved").await;
    sqlx::query(swap).execute(&world.pool()).await.unwrap();
    assert_eq!(snapshot(&world.pool()).await, before);
}

#[tokio::test]
async fn cases_of_an_older_program_are_measured_once() {
    let mut world = World::new("2026-06-01 08:00").await;
    world
        .send(crate::order::county_life(), "2026-08-03 09:00")
        .await;
    let before = snapshot(&world.pool()).await;
    // As the migration leaves them.
    for sql in [
        "UPDATE case_state SET spent = NULL",
        "UPDATE rollup_day SET refused = 0, withdrawn = 0, voided = 0, measured = 0, worked = 0, legal_worked = 0,
             legal_allowed = 0, cut_promise = 0, cut_legal = 0",
        "UPDATE rollup_month SET refused = 0, withdrawn = 0, voided = 0, measured = 0, worked = 0, legal_worked = 0,
             legal_allowed = 0, cut_promise = 0, cut_legal = 0",
        "UPDATE rollup_sum SET refused = 0, withdrawn = 0, voided = 0, measured = 0, worked = 0, legal_worked = 0,
             legal_allowed = 0, cut_promise = 0, cut_legal = 0",
        "DELETE FROM rollup_channel",
        "DELETE FROM rollup_channel_sum",
        "DELETE FROM rollup_duration",
        "DELETE FROM rollup_duration_sum",
        "DELETE FROM rollup_step",
        "DELETE FROM rollup_step_sum",
        "DELETE FROM rollup_follows",
        "DELETE FROM rollup_variant",
    ] {
        sqlx::query(sql).execute(&world.pool()).await.unwrap();
    }
    world.restart("2026-08-03 09:00").await;
    assert_eq!(snapshot(&world.pool()).await, before);
}
