//! Where a channel must not connect to, and who must not be told.

use serde_json::json;

use super::receiver::{Receiver, Reply, errcode};
use super::world::{World, count};
use crate::common::TOWN_1;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_inside_is_reached_unless_the_configuration_names_it() {
    let world = World::build_with(|config| config.channels.inside.clear()).await;
    let inside = Receiver::start(errcode(0, "ok")).await;
    let port = inside.address.port();
    for host in [
        "127.0.0.1",
        "localhost",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "0x7f.1",
    ] {
        let settings = json!({"url": format!("https://{host}:{port}/in")});
        let body = json!({"name": host, "kind": "webhook", "settings": settings, "secrets": {"secret": "0123456789abcdef"}});
        let (status, made) = world
            .console
            .post_json("/api/v1/channels", Some(&world.sysadmin), body)
            .await;
        assert_eq!(status, 201, "{made}");
        let path = format!("/api/v1/channels/{}/test", made["id"]);
        let (_, tested) = world
            .console
            .post_json(&path, Some(&world.sysadmin), json!({}))
            .await;
        assert_eq!(
            (&tested["sent"], &tested["reason"]),
            (&json!(false), &json!("inside")),
            "{host}"
        );
    }
    let mail = json!({"name": "mail", "kind": "mail", "settings": {"host": "127.0.0.1", "port": port, "from": "a@b.example"}});
    let (_, made) = world
        .console
        .post_json("/api/v1/channels", Some(&world.sysadmin), mail)
        .await;
    let path = format!("/api/v1/channels/{}/test", made["id"]);
    let (_, tested) = world
        .console
        .post_json(&path, Some(&world.sysadmin), json!({"to": "x@y.example"}))
        .await;
    assert_eq!(tested["reason"], "inside");
    assert!(inside.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed() {
    let world = World::build().await;
    let inside = Receiver::start(errcode(0, "ok")).await;
    let there = Receiver::start(Reply::Say(
        307,
        "location: http://127.0.0.1:1/\r\n",
        String::new(),
    ))
    .await;
    let location = format!("location: {}\r\n", inside.url("/in"));
    there.then([Reply::Say(
        302,
        Box::leak(location.into_boxed_str()),
        String::new(),
    )]);
    let channel = world
        .channel(
            "webhook",
            json!({"url": there.url("/in")}),
            json!({"secret": "0123456789abcdef"}),
        )
        .await;
    let path = format!("/api/v1/channels/{channel}/test");
    let (_, tested) = world
        .console
        .post_json(&path, Some(&world.sysadmin), json!({}))
        .await;
    assert_eq!(
        (&tested["sent"], &tested["reason"]),
        (&json!(false), &json!("redirect"))
    );
    assert!(inside.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_see_it_any_more_is_not_told() {
    let mut world = World::build().await;
    let robot = Receiver::start(errcode(0, "ok")).await;
    let channel = world
        .channel(
            "dingtalk",
            json!({"url": robot.url("/send")}),
            json!({"token": "t"}),
        )
        .await;
    world.subscribe(channel, json!({})).await;
    robot.then([Reply::Say(500, "", String::new())]);
    world.console.overdue("case-1", TOWN_1, "RSJ").await;
    world
        .until("it waits", |log| count(log, "retrying") == 1)
        .await;
    world.kill_sender().await;
    sqlx::query("UPDATE account SET role = 'clerk' WHERE login = 'inspector'")
        .execute(world.console.owner())
        .await
        .unwrap();
    world.time_comes().await;
    world.send();
    world
        .console
        .account("other", "inspector", crate::common::COUNTY, None)
        .await;
    world.inspector = world.console.sign_in("other").await;
    let log = world
        .until("it is dropped", |log| count(log, "not_sent") == 1)
        .await;
    assert_eq!(log[0]["reason"], "not_allowed");
    assert_eq!(robot.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_hold_is_refused_and_secrets_are_not_said_back() {
    let world = World::build().await;
    let hush = "hush-4714";
    for (secrets, says) in [
        (json!(hush), "secrets must be"),
        (json!({"token": [hush]}), "secrets must be"),
        (json!({"token": 4, "x": hush}), "secrets must be"),
        (json!({"other": hush}), "secrets.other"),
        (json!({}), "secrets.token is missing"),
    ] {
        let body = json!({"name": "x", "kind": "dingtalk", "secrets": secrets, "settings": {}});
        let (status, problem) = world
            .console
            .post_json("/api/v1/channels", Some(&world.sysadmin), body)
            .await;
        assert_eq!(status, 422);
        let problem = problem.to_string();
        assert!(
            problem.contains(says) && !problem.contains(hush),
            "{problem}"
        );
    }
    let body = json!({"name": "x", "kind": "dingtalk", "per_minute": 21, "settings": {}, "secrets": {"token": "t"}});
    let (status, problem) = world
        .console
        .post_json("/api/v1/channels", Some(&world.sysadmin), body)
        .await;
    assert!(
        status == 422 && problem.to_string().contains("1 to 20"),
        "{problem}"
    );
}
