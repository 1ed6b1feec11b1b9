//! Each service when all is well.

use hmac::{Hmac, Mac};
use serde_json::json;
use sha2::Sha256;

use super::receiver::{Receiver, Reply, errcode};
use super::world::{World, count};
use crate::common::{TOWN_1, TOWN_2};

const TOKEN: &str = "token-4711-hush";
const SECRET: &str = "SEC-4712-hush";

#[tokio::test(flavor = "multi_thread")]
async fn a_card_reaches_a_dingtalk_group_signed_and_no_secret_is_anywhere() {
    let world = World::build().await;
    let robot = Receiver::start(errcode(0, "ok")).await;
    let settings = json!({"url": robot.url("/robot/send")});
    let channel = world
        .channel(
            "dingtalk",
            settings,
            json!({"token": TOKEN, "secret": SECRET}),
        )
        .await;
    world.subscribe(channel, json!({})).await;
    world.console.overdue("case-1", TOWN_1, "RSJ").await;
    let log = world
        .until("it is sent", |log| count(log, "sent") == 1)
        .await;
    let request = robot.requests().pop().unwrap();
    assert!(
        request
            .path
            .contains("access_token=token-4711-hush&timestamp=")
            && request.path.contains("&sign="),
        "{}",
        request.path
    );
    let text = request.json()["markdown"]["text"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        text.contains("黄牌 · T1") && text.contains("办件 case-1"),
        "{text}"
    );
    assert!(
        text.contains("](https://console.example/cards?card="),
        "{text}"
    );
    let row = &log[0];
    assert_eq!(
        (&row["what"], &row["grade"], &row["attempts"][0]["outcome"]),
        (&json!("issued"), &json!("yellow_card"), &json!("sent"))
    );

    // The sysadmin reads that it went out, and not what it said.
    let (_, list) = world
        .console
        .get("/api/v1/deliveries", &world.sysadmin)
        .await;
    let row = &list["items"][0];
    assert_eq!(
        (
            &row["state"],
            &row["sentence_zh"],
            &row["grade"],
            &row["subject"]
        ),
        (&json!("sent"), &json!(null), &json!(null), &json!(null))
    );

    let (_, channels) = world.console.get("/api/v1/channels", &world.sysadmin).await;
    assert_eq!(channels["items"][0]["secrets"], json!(["secret", "token"]));
    let mut everything = format!("{log:?} {channels}");
    for table in [
        "channel",
        "delivery",
        "delivery_attempt",
        "audit",
        "subscription",
    ] {
        let rows: Option<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
            "SELECT string_agg(t::text, ' ') FROM {table} t"
        )))
        .fetch_one(world.console.owner())
        .await
        .unwrap();
        everything.push_str(&rows.unwrap_or_default());
    }
    assert!(
        everything.contains("channel.changed") && everything.contains("mj1."),
        "{everything}"
    );
    assert!(!everything.contains(TOKEN) && !everything.contains(SECRET));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_can_check_what_it_is_sent_and_who_sent_it() {
    let world = World::build().await;
    let program = Receiver::start(Reply::Say(204, "", String::new())).await;
    let channel = world
        .channel(
            "webhook",
            json!({"url": program.url("/in")}),
            json!({"secret": "0123456789abcdef"}),
        )
        .await;
    world.subscribe(channel, json!({"language": "en"})).await;
    world.console.overdue("case-1", TOWN_2, "RSJ").await;
    world
        .until("it is sent", |log| count(log, "sent") == 1)
        .await;
    let request = program.requests().pop().unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(b"0123456789abcdef").unwrap();
    mac.update(
        format!(
            "{}.{}",
            request.header("mingjing-timestamp").unwrap(),
            request.body
        )
        .as_bytes(),
    );
    let signature = hex::encode(mac.finalize().into_bytes());
    assert_eq!(
        request.header("mingjing-signature"),
        Some(format!("v1={signature}"))
    );
    let body = request.json();
    assert_eq!(body["type"], "card.issued");
    assert_eq!(body["data"]["hall"], TOWN_2);
    assert_eq!(request.header("idempotency-key").unwrap(), body["id"]);
    assert!(body["title"].as_str().unwrap().starts_with("Yellow card"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_applicant_is_told_by_text_message_and_the_log_hides_the_number() {
    let world = World::build().await;
    let gateway = Receiver::start(Reply::Say(200, "", r#"{"code":"OK"}"#.into())).await;
    let settings = json!({
        "url": gateway.url("/send"), "body": r#"{"mobile":"{phone}","content":"{text}","key":"{secret.key}"}"#,
        "signature": "【某县政务】", "success": {"pointer": "/code", "is": ["OK"], "again": ["BUSY"]},
    });
    let channel = world
        .channel("sms", settings, json!({"key": "K-4713-hush"}))
        .await;
    let texts = json!({"enabled": true, "channel": channel, "moments": ["accepted", "completed"], "query_at": "https://q.example",
        "complain_at": "12345"});
    let (status, answer) = world
        .put("/api/v1/applicant-texts", &world.sysadmin, texts)
        .await;
    assert_eq!(status, 200, "{answer}");
    let applicant = json!({"applicant": {"name": "张三丰", "phone": "13812345678"}});
    let applied = world.console.event(
        "applied",
        "case.applied",
        "case-9",
        TOWN_1,
        "RSJ",
        applicant,
    );
    let accepted = world.console.event(
        "accepted",
        "case.accepted",
        "case-9",
        TOWN_1,
        "RSJ",
        json!({}),
    );
    gateway.then([Reply::Say(200, "", r#"{"code":"BUSY"}"#.into())]);
    world.console.send(&[applied, accepted]).await;
    world
        .until("the gateway is busy", |log| count(log, "retrying") == 1)
        .await;
    world.time_comes().await;
    let log = world
        .until("it is sent", |log| count(log, "sent") == 1)
        .await;
    let said = gateway.requests().pop().unwrap().json();
    assert_eq!(said["mobile"], "13812345678");
    assert_eq!(
        said["content"],
        "【某县政务】您的办件 case-9 已受理。 查询：https://q.example。投诉：12345。"
    );
    let log = format!("{log:?}");
    assert!(log.contains("138****5678") && !log.contains("13812345678") && !log.contains("张三丰"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_goes_out_at_once_and_says_what_came_of_it() {
    let world = World::build().await;
    let robot = Receiver::start(errcode(0, "ok")).await;
    let channel = world
        .channel(
            "wecom",
            json!({"url": robot.url("/send")}),
            json!({"key": "k"}),
        )
        .await;
    let path = format!("/api/v1/channels/{channel}/test");
    let (_, tested) = world
        .console
        .post_json(&path, Some(&world.sysadmin), json!({}))
        .await;
    assert_eq!(
        (&tested["sent"], &tested["reason"]),
        (&json!(true), &json!(null))
    );
    robot.then([errcode(93000, "invalid webhook url k")]);
    let (_, tested) = world
        .console
        .post_json(&path, Some(&world.sysadmin), json!({"language": "en"}))
        .await;
    assert_eq!(
        (&tested["sent"], &tested["reason"]),
        (&json!(false), &json!("credentials"))
    );
    assert!(
        tested["answer"].as_str().unwrap().contains("93000"),
        "{tested}"
    );
    let log = world.log().await;
    assert_eq!(
        (&log[0]["about"], &log[0]["state"], &log[1]["state"]),
        (&json!("test"), &json!("sent"), &json!("not_sent"))
    );
    let (_, summary) = world
        .console
        .get("/api/v1/deliveries/summary", &world.sysadmin)
        .await;
    assert_eq!(summary["not_sent"], 0, "whoever asked for a test was told");
}
