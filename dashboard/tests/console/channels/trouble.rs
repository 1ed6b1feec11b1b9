//! Services that fail, refuse, go slow or away, and consoles that are killed.

use serde_json::json;

use super::receiver::{Receiver, Reply, errcode};
use super::world::{World, count};
use crate::common::TOWN_1;

async fn dingtalk(world: &World, robot: &Receiver) -> i64 {
    let channel = world
        .channel(
            "dingtalk",
            json!({"url": robot.url("/send")}),
            json!({"token": "t"}),
        )
        .await;
    world.subscribe(channel, json!({})).await;
    channel
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_is_tried_again_with_growing_waits_until_it_is_taken() {
    let world = World::build().await;
    let robot = Receiver::start(errcode(0, "ok")).await;
    dingtalk(&world, &robot).await;
    robot.then([
        Reply::Say(502, "", "<html>bad gateway</html>".into()),
        Reply::Half,
        Reply::Say(429, "retry-after: 1800\r\n", String::new()),
        errcode(-1, "system busy"),
    ]);
    world.console.overdue("case-1", TOWN_1, "RSJ").await;
    for (attempt, (reason, at_least)) in [
        ("failed", 4),
        ("failed", 9),
        ("too_many", 1_799),
        ("failed", 39),
    ]
    .into_iter()
    .enumerate()
    {
        let log = world
            .until(reason, |log| {
                log.first().is_some_and(|row| {
                    row["state"] == "retrying"
                        && row["attempts"].as_array().unwrap().len() == attempt + 1
                })
            })
            .await;
        assert_eq!(log[0]["reason"], reason, "{log:?}");
        let waits: f64 =
            sqlx::query_scalar("SELECT extract(epoch FROM next_at - now())::float8 FROM delivery")
                .fetch_one(world.console.owner())
                .await
                .unwrap();
        assert!(
            waits > f64::from(at_least) - 2.0 && waits < 2_000.0,
            "attempt {attempt}: {waits}"
        );
        world.time_comes().await;
    }
    let log = world
        .until("it is sent", |log| count(log, "sent") == 1)
        .await;
    let outcomes: Vec<&str> = log[0]["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["later", "later", "later", "later", "sent"]);
    assert_eq!(robot.requests().len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_for_good_is_not_sent_loudly_and_the_rest_waits_for_the_repair() {
    let world = World::build().await;
    let robot = Receiver::start(errcode(310_000, "sign not match")).await;
    let channel = dingtalk(&world, &robot).await;
    world.console.overdue("case-1", TOWN_1, "RSJ").await;
    world
        .until("it is refused", |log| count(log, "not_sent") == 1)
        .await;
    world.console.overdue("case-2", TOWN_1, "RSJ").await;
    world
        .until("the second waits", |log| count(log, "queued") == 1)
        .await;
    let (_, summary) = world
        .console
        .get("/api/v1/deliveries/summary", &world.inspector)
        .await;
    assert_eq!(
        (&summary["not_sent"], &summary["waiting"]),
        (&json!(1), &json!(1))
    );
    assert!(
        summary["failing"][0]["last_error"]
            .as_str()
            .unwrap()
            .contains("310000"),
        "{summary}"
    );
    // Put right by the sysadmin: another robot, with its token given anew.
    let well = Receiver::start(errcode(0, "ok")).await;
    let settings = json!({"url": well.url("/send")});
    let path = format!("/api/v1/channels/{channel}");
    let without = json!({"revision": 1, "name": "dingtalk", "settings": settings, "enabled": true});
    let (status, answer) = world.put(&path, &world.sysadmin, without).await;
    assert_eq!(status, 422, "an old token goes to no new address: {answer}");
    let with = json!({"revision": 1, "name": "dingtalk", "settings": settings, "enabled": true, "secrets": {"token": "t2"}});
    assert_eq!(world.put(&path, &world.sysadmin, with.clone()).await.0, 200);
    assert_eq!(world.put(&path, &world.sysadmin, with).await.0, 409);
    world
        .until("the second is sent", |log| count(log, "sent") == 1)
        .await;
    assert!(well.requests()[0].path.contains("access_token=t2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_becomes_a_digest_that_counts_everything_and_the_service_is_never_asked_too_often()
{
    let world = World::build().await;
    let robot = Receiver::start(errcode(0, "ok")).await;
    dingtalk(&world, &robot).await;
    let due = chrono::Utc::now() - chrono::TimeDelta::hours(1);
    let events: Vec<_> = (0..120)
        .map(|no| {
            let data = json!({"promise_due": due});
            let mut event = world.console.event(
                "accepted",
                "case.accepted",
                &format!("case-{no}"),
                TOWN_1,
                "RSJ",
                data,
            );
            event["time"] = json!(chrono::Utc::now() - chrono::TimeDelta::days(10));
            event
        })
        .collect();
    world.console.send(&events).await;
    let log = world
        .until("all of it is out", |log| {
            let done =
                |row: &&serde_json::Value| row["state"] == "sent" || row["state"] == "digested";
            log.iter().filter(|row| row["about"] == "card").count() >= 120
                && log.iter().filter(done).count() == log.len()
        })
        .await;
    let digests: Vec<_> = log.iter().filter(|row| row["about"] == "digest").collect();
    let counted: i64 = digests
        .iter()
        .map(|row| row["messages"].as_i64().unwrap())
        .sum();
    let single = log
        .iter()
        .filter(|row| row["about"] == "card" && row["state"] == "sent")
        .count();
    let cards = log.iter().filter(|row| row["about"] == "card").count();
    assert_eq!(counted as usize + single, cards);
    assert!(
        !digests.is_empty() && robot.requests().len() <= 20,
        "{} requests",
        robot.requests().len()
    );
    let text = robot
        .requests()
        .iter()
        .map(|request| request.body.clone())
        .find(|body| body.contains("监察消息汇总"))
        .unwrap();
    assert!(text.contains("黄牌 ") && text.contains("另有 "), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_was_away_gets_everything_when_it_is_back() {
    let world = World::build().await;
    let gone = Receiver::start(errcode(0, "ok")).await;
    dingtalk(&world, &gone).await;
    let address = gone.address;
    drop(gone);
    for no in 0..3 {
        world
            .console
            .overdue(&format!("case-{no}"), TOWN_1, "RSJ")
            .await;
    }
    let log = world
        .until("the first attempt fails", |log| {
            log.len() == 3 && count(log, "retrying") == 1
        })
        .await;
    assert_eq!(
        count(&log, "queued"),
        2,
        "what waits behind it is not tried in vain"
    );
    let back = loop {
        // The port may still be held for a moment.
        if tokio::net::TcpListener::bind(address).await.is_ok() {
            break Receiver::start_at(address, errcode(0, "ok")).await;
        }
        tokio::task::yield_now().await;
    };
    world.time_comes().await;
    world
        .until("all are sent", |log| count(log, "sent") == 3)
        .await;
    assert_eq!(back.requests().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_that_is_killed_in_the_middle_sends_it_again_under_the_same_id() {
    let mut world = World::build().await;
    let program = Receiver::start(Reply::Say(200, "", String::new())).await;
    let channel = world
        .channel(
            "webhook",
            json!({"url": program.url("/in")}),
            json!({"secret": "0123456789abcdef"}),
        )
        .await;
    world.subscribe(channel, json!({})).await;
    program.then([Reply::Silence]);
    world.console.overdue("case-1", TOWN_1, "RSJ").await;
    world
        .until("it is on its way", |log| count(log, "sending") == 1)
        .await;
    while program.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    world.kill_sender().await;
    assert_eq!(count(&world.log().await, "sending"), 1);
    world.send();
    let log = world
        .until("it is sent", |log| count(log, "sent") == 1)
        .await;
    assert_eq!(log.len(), 1, "one message, not two");
    let outcomes: Vec<&str> = log[0]["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["interrupted", "sent"]);
    let ids: Vec<_> = program
        .requests()
        .iter()
        .map(|request| request.header("idempotency-key").unwrap())
        .collect();
    assert_eq!((ids.len(), &ids[0]), (2, &ids[1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_night_messages_wait_and_a_channel_that_is_off_sends_nothing() {
    let world = World::build().await;
    let robot = Receiver::start(errcode(0, "ok")).await;
    let channel = world
        .channel(
            "dingtalk",
            json!({"url": robot.url("/send")}),
            json!({"token": "t"}),
        )
        .await;
    // Quiet the whole day but a minute that is not now.
    let now = chrono::Utc::now().with_timezone(&chrono_tz::Asia::Shanghai);
    let at = |minutes| {
        (now + chrono::TimeDelta::minutes(minutes))
            .format("%H:%M")
            .to_string()
    };
    world
        .subscribe(
            channel,
            json!({"quiet_from": at(-60), "quiet_until": at(60)}),
        )
        .await;
    for no in 0..2 {
        world
            .console
            .overdue(&format!("case-{no}"), TOWN_1, "RSJ")
            .await;
    }
    world
        .until("both are held", |log| count(log, "held") == 2)
        .await;
    // The morning comes.
    sqlx::query("UPDATE subscription SET quiet_from = NULL, quiet_until = NULL")
        .execute(world.console.owner())
        .await
        .unwrap();
    sqlx::query("UPDATE delivery SET next_at = now() WHERE state = 'held'")
        .execute(world.console.owner())
        .await
        .unwrap();
    world
        .until("they come as one", |log| {
            count(log, "digested") == 2 && count(log, "sent") == 1
        })
        .await;
    assert_eq!(robot.requests().len(), 1);
}
