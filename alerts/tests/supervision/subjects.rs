//! What is supervised beside cases, against the real database: complaints, silent sources, cameras, months; and what is kept
//! quiet.

use mingjing_alerts::rules::watched::{Thing, Trouble};
use mingjing_alerts::supervisor::{
    Delta, Holder, Quiet, QuietError, Sight, Sighting, Sightings, held_back,
};
use mingjing_monitor::event::CaseEvent;
use serde_json::{Value, json};

use crate::common::{SOURCE, Sent, World, accepted, at, completed, event, local, person, snapshot};

fn complaint(kind: &str, time: &str, data: Value) -> CaseEvent {
    event(
        &format!("TS-1 {kind} {time}"),
        &format!("complaint.{kind}"),
        "TS-1",
        time,
        data,
    )
}

fn received(time: &str) -> CaseEvent {
    complaint(
        "received",
        time,
        json!({"kind": "irregularity", "channel": "phone", "case": "17"}),
    )
}

impl World {
    /// The cards that are not about a case, as `rule about subject grade state due`.
    pub async fn others(&self) -> Vec<String> {
        type Row = (
            String,
            String,
            String,
            String,
            String,
            chrono::DateTime<chrono::Utc>,
        );
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT rule, about, subject, grade, state, due_at FROM card WHERE about <> 'case' ORDER BY due_at, cause_key",
        )
        .fetch_all(&self.pool())
        .await
        .unwrap();
        let line = |(rule, about, subject, grade, state, due): Row| {
            format!("{rule} {about} {subject} {grade} {state} {}", local(due))
        };
        rows.into_iter().map(line).collect()
    }

    async fn see(&mut self, things: &[Sighting], now: &str) -> Vec<Delta> {
        let seen = Sightings {
            things: things.to_vec(),
        };
        self.supervisor.observe(&seen, at(now)).await.unwrap()
    }

    async fn keep_quiet(&mut self, ask: Quiet, now: &str) -> Result<(i64, Vec<Delta>), QuietError> {
        self.supervisor
            .quiet(&ask, &person("inspector"), at(now))
            .await
    }

    /// What is held back, and by what.
    pub async fn held(&self, now: &str) -> Vec<String> {
        let mut connection = self.pool().acquire().await.unwrap();
        let held = held_back(&mut connection, at(now)).await.unwrap();
        held.iter()
            .map(|(record, holders)| {
                let by: Vec<String> = holders
                    .iter()
                    .map(|(holder, hold)| {
                        let by = match holder {
                            Holder::Parent(parent) => parent.key(),
                            Holder::Maintenance(planned) => format!("maintenance {}", planned.why),
                            Holder::Outage => "outage".into(),
                        };
                        format!("{by} until {}", hold.until.map_or("?".into(), local))
                    })
                    .collect();
                format!("{} by {}", record.key(), by.join(", "))
            })
            .collect()
    }
}

fn camera(id: &str, sight: Sight) -> Sighting {
    Sighting {
        thing: Thing::Camera,
        subject: id.into(),
        name: id.into(),
        hall: "T1".into(),
        unit: None,
        above: vec!["hall:T1".into(), "edge:t1".into()],
        cameras: 0,
        sight,
    }
}

fn hall(sight: Sight) -> Sighting {
    Sighting {
        thing: Thing::Hall,
        subject: "T1".into(),
        name: "城关镇".into(),
        above: vec!["edge:t1".into()],
        cameras: 2,
        ..camera("", sight)
    }
}

fn offline(since: &str) -> Sight {
    Sight::Trouble(Trouble::Offline, at(since))
}

#[tokio::test]
async fn a_complaint_warns_and_runs_over_at_its_instants() {
    let mut world = World::new("2018-10-15 09:00").await;
    world
        .send(vec![received("2018-10-15 10:00")], "2018-10-15 10:00")
        .await;
    world.wait_until("2018-10-18 10:00").await;
    assert_eq!(
        world.others().await[1..],
        ["R10 complaint TS-1 warning issued 2018-10-18 09:51"],
        "after the silence of the source"
    );
    // Nobody runs while it falls due: afterwards it has its true instant.
    world.restart("2018-10-22 09:00").await;
    world.catch_up("2018-10-22 09:00").await;
    assert_eq!(
        world.others().await[1..],
        [
            "R10 complaint TS-1 warning cleared 2018-10-18 09:51",
            "R10 complaint TS-1 yellow_card issued 2018-10-18 17:30"
        ]
    );
    let (hall, unit, case, sentence): (String, Option<String>, Option<String>, String) =
        sqlx::query_as("SELECT hall, unit, case_no, sentence_zh FROM card WHERE rule = 'R10' AND grade = 'yellow_card'")
            .fetch_one(&world.pool())
            .await
            .unwrap();
    assert_eq!(
        (hall.as_str(), unit.as_deref(), case),
        ("C", Some("U1"), None)
    );
    assert_eq!(
        sentence,
        "投诉超过受理时限 3 个工作日，应于 2018-10-18 17:30 前受理 · R10 · v1"
    );
    // Accepted too late, and said so; the case that it is about has nothing to do with it.
    world
        .send(
            vec![
                complaint("accepted", "2018-10-22 10:00", json!({})),
                accepted("17", "2018-10-22 10:00"),
            ],
            "2018-10-22 10:00",
        )
        .await;
    assert!(world.cards_of("17").await.is_empty());
    assert_eq!(world.others().await.len(), 3);
    let (status, accept, finish): (String, _, _) =
        sqlx::query_as("SELECT status, accept_due, finish_due FROM complaint WHERE no = 'TS-1'")
            .fetch_one(&world.pool())
            .await
            .unwrap();
    assert_eq!(
        (status.as_str(), local(accept), local(finish)),
        (
            "accepted",
            "2018-10-18 17:30".into(),
            "2018-11-05 17:30".into()
        )
    );
}

#[tokio::test]
async fn evidence_about_a_complaint_withdraws_in_time_and_contests_when_late() {
    let mut world = World::with_lag("2018-10-15 09:00").await;
    world
        .send(vec![received("2018-10-15 10:00")], "2018-10-15 10:00")
        .await;
    world.catch_up("2018-10-19 09:00").await;
    let yellow = |state: &str| format!("R10 complaint TS-1 yellow_card {state} 2018-10-18 17:30");
    assert!(world.others().await.contains(&yellow("provisional")));
    // The source is complete past the due instant with an acceptance in time: withdrawn.
    let in_time = complaint("accepted", "2018-10-18 09:00", json!({}));
    world.send(vec![in_time], "2018-10-19 09:00").await;
    assert!(world.others().await.contains(&yellow("withdrawn")));

    let mut world = World::with_lag("2018-10-15 09:00").await;
    world
        .send(vec![received("2018-10-15 10:00")], "2018-10-15 10:00")
        .await;
    world.catch_up("2018-10-19 09:00").await;
    world
        .supervisor
        .heartbeat(SOURCE, at("2018-10-19 10:00"), at("2018-10-19 10:00"))
        .await
        .unwrap();
    assert!(world.others().await.contains(&yellow("issued")));
    let late = complaint("accepted", "2018-10-18 09:00", json!({})).received("2018-10-19 11:00");
    world.send(vec![late], "2018-10-19 11:00").await;
    assert!(world.others().await.contains(&yellow("contested")));
    // An inspector who upholds it has judged these facts.
    let card = world.card("R10", "yellow_card").await;
    world
        .act(card, "uphold", "inspector", "2018-10-19 12:00")
        .await
        .unwrap();
    world.restart("2018-10-20 09:00").await;
    let told = complaint("handling", "2018-10-20 09:00", json!({"mode": "self"}));
    world.send(vec![told], "2018-10-20 09:00").await;
    assert!(world.others().await.contains(&yellow("issued")));
}

#[tokio::test]
async fn complaints_do_not_depend_on_the_order_in_which_events_came() {
    let events = vec![
        received("2018-10-15 10:00"),
        complaint("accepted", "2018-10-16 10:00", json!({})),
        complaint("extended", "2018-10-17 10:00", json!({"days": 5})),
        complaint(
            "handling",
            "2018-10-17 11:00",
            json!({"mode": "assigned", "to": "U2"}),
        ),
        complaint("replied", "2018-10-26 10:00", json!({"upheld": true})),
        complaint("closed", "2018-10-29 10:00", json!({})),
    ];
    let mut snapshots = Vec::new();
    for order in [[0, 1, 2, 3, 4, 5], [5, 3, 1, 0, 2, 4]] {
        let mut world = World::new("2018-11-01 09:00").await;
        for i in order {
            world
                .send(vec![events[i].clone()], "2018-11-01 09:00")
                .await;
        }
        world.send(events.clone(), "2018-11-01 09:00").await;
        let mut all = snapshot(&world.pool()).await;
        // Whether a warning came and went depends on the order; what stands does not.
        let cards = all.get_mut("card").unwrap();
        cards.retain(|card| card["state"] != "cleared");
        snapshots.push(all);
    }
    assert_eq!(snapshots[0], snapshots[1]);
}

#[tokio::test]
async fn complaints_of_before_there_were_rows_are_folded_at_the_next_start() {
    let mut world = World::new("2018-10-15 09:00").await;
    world
        .send(vec![received("2018-10-15 10:00")], "2018-10-15 10:00")
        .await;
    sqlx::query("DELETE FROM complaint")
        .execute(&world.pool())
        .await
        .unwrap();
    world.restart("2018-10-16 09:00").await;
    world.catch_up("2018-10-19 09:00").await;
    assert!(
        world
            .others()
            .await
            .contains(&"R10 complaint TS-1 yellow_card issued 2018-10-18 17:30".to_owned())
    );
}

#[tokio::test]
async fn a_silent_source_is_told_at_its_instant_even_after_a_stop() {
    let mut world = World::new("2026-11-11 09:00").await;
    world
        .send(vec![accepted("1", "2026-11-11 10:00")], "2026-11-11 10:00")
        .await;
    world.restart("2026-11-13 09:00").await;
    world.catch_up("2026-11-13 09:00").await;
    let notice = |state: &str| format!("R7 source {SOURCE} notice {state} 2026-11-12 10:00");
    assert_eq!(world.others().await, [notice("issued")]);
    // Again after a stop: told once.
    world.restart("2026-11-13 10:00").await;
    world.catch_up("2026-11-13 10:00").await;
    assert_eq!(world.others().await, [notice("issued")]);
    let bearer: String = sqlx::query_scalar("SELECT hall FROM card WHERE rule = 'R7'")
        .fetch_one(&world.pool())
        .await
        .unwrap();
    assert_eq!(bearer, "C", "the hall above all windows that it spoke of");
    world
        .send(vec![completed("1", "2026-11-13 10:30")], "2026-11-13 10:30")
        .await;
    assert_eq!(world.others().await, [notice("cleared")]);
    // Silent once more: another card.
    world.catch_up("2026-11-15 09:00").await;
    assert_eq!(world.others().await.len(), 2);
}

#[tokio::test]
async fn a_camera_is_noticed_then_yellow_and_clears_when_it_is_back() {
    let mut world = World::new("2026-11-12 09:30").await;
    world.catch_up("2026-11-12 09:45").await;
    world
        .see(
            &[camera("c1", offline("2026-11-12 10:00"))],
            "2026-11-12 10:00:05",
        )
        .await;
    assert!(world.others().await.is_empty());
    assert_eq!(world.supervisor.next_due(), Some(at("2026-11-12 10:01")));
    world.catch_up("2026-11-12 10:01").await;
    assert_eq!(
        world.others().await,
        ["R14 camera c1 notice issued 2026-11-12 10:01"]
    );
    // The same seen again changes nothing.
    let again = world
        .see(
            &[camera("c1", offline("2026-11-12 10:00"))],
            "2026-11-12 10:05",
        )
        .await;
    assert_eq!(again, []);
    world.restart("2026-11-12 10:40").await;
    world.catch_up("2026-11-12 10:40").await;
    let yellow = "R14 camera c1 yellow_card issued 2026-11-12 10:30";
    assert_eq!(
        world.others().await,
        ["R14 camera c1 notice cleared 2026-11-12 10:01", yellow]
    );
    world
        .see(&[camera("c1", Sight::Well)], "2026-11-12 10:45")
        .await;
    assert_eq!(
        world.others().await[1],
        yellow,
        "a card stays until somebody answers"
    );
    // The next time is another one.
    world
        .see(
            &[camera("c1", offline("2026-11-12 11:00"))],
            "2026-11-12 11:00",
        )
        .await;
    world.catch_up("2026-11-12 11:02").await;
    assert_eq!(
        world.others().await[2],
        "R14 camera c1 notice issued 2026-11-12 11:01"
    );
}

#[tokio::test]
async fn a_hall_that_is_down_holds_its_cameras_back_and_releases_what_stays_away() {
    let mut world = World::new("2026-11-12 09:30").await;
    let down = [
        hall(offline("2026-11-12 10:00:10")),
        camera("c1", offline("2026-11-12 10:00")),
        camera("c2", offline("2026-11-12 10:00:10")),
    ];
    world.see(&down, "2026-11-12 10:00:15").await;
    world.catch_up("2026-11-12 10:05").await;
    assert_eq!(
        world.others().await,
        ["R14 hall T1 notice issued 2026-11-12 10:01"]
    );
    assert_eq!(
        world.held("2026-11-12 10:05").await,
        [
            "camera:c1 by hall:T1 until ?",
            "camera:c2 by hall:T1 until ?"
        ]
    );
    // The network is back; one camera with it, the other is not.
    let back = [
        hall(Sight::Well),
        camera("c1", Sight::Well),
        camera("c2", offline("2026-11-12 10:00:10")),
    ];
    world.see(&back, "2026-11-12 10:10").await;
    assert!(world.held("2026-11-12 10:10").await.is_empty());
    world.catch_up("2026-11-12 10:45").await;
    assert_eq!(
        world.others().await,
        [
            "R14 hall T1 notice cleared 2026-11-12 10:01",
            "R14 camera c2 notice cleared 2026-11-12 10:11",
            "R14 camera c2 yellow_card issued 2026-11-12 10:40"
        ]
    );
}

fn plan(thing: Thing, subject: &str, starts: &str, ends: &str) -> Quiet {
    Quiet::Plan {
        thing,
        subject: subject.into(),
        hall: "T1".into(),
        starts: at(starts),
        ends: at(ends),
        why: "更换交换机".into(),
    }
}

#[tokio::test]
async fn planned_maintenance_holds_back_and_what_outlasts_it_is_told() {
    let mut world = World::new("2026-11-12 09:30").await;
    let hall = plan(Thing::Hall, "T1", "2026-11-12 10:00", "2026-11-12 12:00");
    let (id, _) = world.keep_quiet(hall, "2026-11-12 09:40").await.unwrap();
    world
        .see(
            &[camera("c1", offline("2026-11-12 10:05"))],
            "2026-11-12 10:05",
        )
        .await;
    world.catch_up("2026-11-12 11:00").await;
    assert!(world.others().await.is_empty());
    assert_eq!(
        world.held("2026-11-12 11:00").await,
        ["camera:c1 by maintenance 更换交换机 until 2026-11-12 12:00"]
    );
    // Ended before its time: the clock of what is away goes on from there.
    world
        .keep_quiet(
            Quiet::End {
                id,
                hall: "T1".into(),
            },
            "2026-11-12 11:00",
        )
        .await
        .unwrap();
    world.catch_up("2026-11-12 11:02").await;
    assert_eq!(
        world.others().await,
        ["R14 camera c1 notice issued 2026-11-12 11:01"]
    );
    let over = world
        .keep_quiet(
            Quiet::End {
                id,
                hall: "T1".into(),
            },
            "2026-11-12 11:05",
        )
        .await;
    assert!(matches!(over, Err(QuietError::Nothing)));
    let audited: Vec<String> = sqlx::query_scalar("SELECT action FROM audit ORDER BY seq")
        .fetch_all(&world.pool())
        .await
        .unwrap();
    assert_eq!(audited, ["maintenance.planned", "maintenance.ended"]);
}

#[tokio::test]
async fn maintenance_of_a_source_keeps_its_silence_quiet() {
    let mut world = World::new("2026-11-11 09:00").await;
    world
        .send(vec![accepted("1", "2026-11-11 10:00")], "2026-11-11 10:00")
        .await;
    let ask = plan(
        Thing::Source,
        SOURCE,
        "2026-11-12 08:00",
        "2026-11-12 18:00",
    );
    world.keep_quiet(ask, "2026-11-11 11:00").await.unwrap();
    world.catch_up("2026-11-12 12:00").await;
    assert!(world.others().await.is_empty());
    assert_eq!(world.held("2026-11-12 12:00").await.len(), 1);
    world.catch_up("2026-11-12 18:00").await;
    assert_eq!(
        world.others().await,
        [format!("R7 source {SOURCE} notice issued 2026-11-12 18:00")]
    );
}

#[tokio::test]
async fn a_plan_needs_a_reason_an_end_and_no_past() {
    let mut world = World::new("2026-11-12 09:30").await;
    let now = "2026-11-12 09:30";
    let refused = |starts: &str, ends: &str| plan(Thing::Hall, "T1", starts, ends);
    let ask = refused("2026-11-12 08:00", "2026-11-12 12:00");
    assert!(matches!(
        world.keep_quiet(ask, now).await,
        Err(QuietError::Past)
    ));
    let ask = refused("2026-11-12 12:00", "2026-11-12 11:00");
    assert!(matches!(
        world.keep_quiet(ask, now).await,
        Err(QuietError::Ends)
    ));
    let ask = refused("2026-11-12 12:00", "2026-12-25 11:00");
    assert!(matches!(
        world.keep_quiet(ask, now).await,
        Err(QuietError::TooLong(30))
    ));
    let mut ask = refused("2026-11-12 12:00", "2026-11-12 13:00");
    if let Quiet::Plan { why, .. } = &mut ask {
        *why = "  ".into();
    }
    assert!(matches!(
        world.keep_quiet(ask, now).await,
        Err(QuietError::NeedsWhy)
    ));
}

#[tokio::test]
async fn an_acknowledged_card_comes_back_loudly_when_its_time_is_up() {
    let mut world = World::new("2026-11-12 09:30").await;
    world
        .see(
            &[camera("c1", offline("2026-11-12 10:00"))],
            "2026-11-12 10:00",
        )
        .await;
    world.catch_up("2026-11-12 10:02").await;
    let (card, _) = world.card("R14", "notice").await;
    let ask = |until: &str| Quiet::Acknowledge {
        card,
        until: at(until),
        why: "厂家已上门".into(),
    };
    world
        .keep_quiet(ask("2026-11-12 10:10"), "2026-11-12 10:03")
        .await
        .unwrap();
    // Across a stop too.
    world.restart("2026-11-12 10:04").await;
    let deltas = world.wait_until("2026-11-12 10:10").await;
    assert!(
        deltas
            .iter()
            .any(|delta| matches!(delta, Delta::CardIssued { id, .. } if *id == card))
    );
    // It is over: nothing comes back.
    world
        .keep_quiet(ask("2026-11-12 10:20"), "2026-11-12 10:11")
        .await
        .unwrap();
    world
        .see(&[camera("c1", Sight::Well)], "2026-11-12 10:12")
        .await;
    let deltas = world.wait_until("2026-11-12 10:20").await;
    assert!(
        !deltas
            .iter()
            .any(|delta| matches!(delta, Delta::CardIssued { .. }))
    );
    let over = world
        .keep_quiet(ask("2026-11-12 10:30"), "2026-11-12 10:21")
        .await;
    assert!(matches!(over, Err(QuietError::Nothing)));
}

#[tokio::test]
async fn a_unit_with_too_many_voided_cases_is_noticed_when_the_month_is_over() {
    let mut world = World::new("2026-10-08 09:00").await;
    let mut events = Vec::new();
    for i in 0..10 {
        events.push(accepted(&format!("a{i}"), "2026-10-12 09:00"));
    }
    for (i, kind) in ["voided", "withdrawn"].into_iter().enumerate() {
        let (id, no) = (format!("e{i}"), format!("a{i}"));
        events.push(event(
            &id,
            &format!("case.{kind}"),
            &no,
            "2026-10-13 09:00",
            json!({"reason": "重复"}),
        ));
    }
    world.send(events, "2026-10-13 09:00").await;
    // Nobody runs over the end of the month.
    world.restart("2026-11-03 09:00").await;
    world.catch_up("2026-11-04 00:00").await;
    let of_unit = |lines: Vec<String>| -> Vec<String> {
        lines
            .into_iter()
            .filter(|line| line.starts_with("R8"))
            .collect()
    };
    let notice = "R8 unit C/U1 notice issued 2026-11-01 00:00";
    assert_eq!(of_unit(world.others().await), [notice]);
    // Looked at again the next day, it is the same; and when one was not voided after all, it clears.
    world.catch_up("2026-11-05 00:00").await;
    assert_eq!(of_unit(world.others().await), [notice]);
    let mut corrected = completed("a0", "2026-10-13 09:00");
    corrected.replaces = Some("e0".into());
    world
        .send(
            vec![corrected.received("2026-11-05 09:00")],
            "2026-11-05 09:00",
        )
        .await;
    world.catch_up("2026-11-06 00:00").await;
    assert_eq!(
        of_unit(world.others().await),
        ["R8 unit C/U1 notice cleared 2026-11-01 00:00"]
    );
}

#[tokio::test]
async fn a_hall_with_a_week_of_its_own_is_watched_in_it_and_its_deadlines_stay() {
    let mut world = World::new("2026-11-02 09:00").await;
    // Closed on Mondays, open on Saturday mornings.
    let week = r#"{"2":["09:00","17:30"],"3":["09:00","17:30"],"4":["09:00","17:30"],"5":["09:00","17:30"],"6":["09:30","12:00"]}"#;
    sqlx::query("UPDATE hall SET opening = $1::jsonb WHERE code = 'T1'")
        .bind(week)
        .execute(&world.pool())
        .await
        .unwrap();
    world
        .supervisor
        .reload(at("2026-11-02 09:00"))
        .await
        .unwrap();
    let case = event(
        "1",
        "case.accepted",
        "1",
        "2026-11-06 10:00",
        json!({"hall": "T1"}),
    );
    world.send(vec![case], "2026-11-06 10:00").await;
    let due: chrono::DateTime<chrono::Utc> =
        sqlx::query_scalar("SELECT promise_due FROM case_state")
            .fetch_one(&world.pool())
            .await
            .unwrap();
    assert_eq!(
        local(due),
        "2026-11-17 17:30",
        "Saturday counts for nothing, Monday for a day"
    );
    let yellow = async |world: &World| -> Vec<String> {
        let rows: Vec<chrono::DateTime<chrono::Utc>> = sqlx::query_scalar(
            "SELECT due_at FROM card WHERE rule = 'R14' AND grade = 'yellow_card' ORDER BY due_at",
        )
        .fetch_all(&world.pool())
        .await
        .unwrap();
        rows.into_iter().map(local).collect()
    };
    let away = |since: &str| [camera("own", Sight::Trouble(Trouble::Offline, at(since)))];
    world
        .see(&away("2026-11-07 09:00"), "2026-11-07 09:00")
        .await;
    world.wait_until("2026-11-07 12:00").await;
    assert_eq!(
        yellow(&world).await,
        ["2026-11-07 10:00"],
        "half an hour of a Saturday"
    );
    world
        .see(&[camera("own", Sight::Well)], "2026-11-07 13:00")
        .await;
    world
        .see(&away("2026-11-09 09:00"), "2026-11-09 09:00")
        .await;
    world.wait_until("2026-11-10 09:29").await;
    assert_eq!(yellow(&world).await.len(), 1, "it is closed on Mondays");
    world.wait_until("2026-11-10 09:31").await;
    assert_eq!(yellow(&world).await[1], "2026-11-10 09:30");
}
