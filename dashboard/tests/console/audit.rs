//! The audit log as the auditor sees it: what people did, what they were refused, what they were shown in the clear.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::common::{COUNTY, Console, Person, TOWN_1, TOWN_2, wire};

async fn county() -> (Console, Person) {
    let console = Console::start().await;
    console.account("shen", "auditor", COUNTY, None).await;
    let shen = console.sign_in("shen").await;
    (console, shen)
}

async fn entries(console: &Console, shen: &Person, query: &str) -> Vec<Value> {
    let (status, list) = console.get(&format!("/api/v1/audit?{query}"), shen).await;
    assert_eq!(status, StatusCode::OK, "{list}");
    list["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn what_somebody_did_to_a_card_is_read_with_who_where_before_and_after() {
    let (console, shen) = county().await;
    console.account("zhang", "hall_manager", TOWN_1, None).await;
    let zhang = console.sign_in("zhang").await;
    console.overdue("A-1", TOWN_1, "RSJ").await;
    let (_, cards) = console.get("/api/v1/cards", &zhang).await;
    let id = cards["items"][0]["id"].as_i64().unwrap();
    let (status, card) = console
        .post_json(
            &format!("/api/v1/cards/{id}/reply"),
            Some(&zhang),
            json!({"revision": 1, "why": "申请人 13812345678 已补办"}),
        )
        .await;
    assert_eq!(status, StatusCode::OK, "{card}");
    assert!(
        !card.to_string().contains("13812345678"),
        "masked in the history too"
    );

    let found = entries(&console, &shen, &format!("subject=card:{id}")).await;
    let [entry] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!(entry["action"], "card.changed");
    assert_eq!(
        (
            &entry["actor"]["login"],
            &entry["actor"]["role"],
            &entry["actor"]["address"]
        ),
        (&json!("zhang"), &json!("hall_manager"), &json!("127.0.0.1"))
    );
    assert_eq!(entry["hall"], TOWN_1);
    assert_eq!(entry["before"]["state"], "issued");
    assert_eq!(
        (&entry["after"]["state"], &entry["after"]["transition"]),
        (&json!("answered"), &json!("reply"))
    );
    assert_eq!(entry["reason"], "申请人 138****5678 已补办");
    assert_eq!(
        entries(&console, &shen, &format!("hall={TOWN_2}"))
            .await
            .len(),
        0
    );
    assert_eq!(
        entries(&console, &shen, "actor=zhang&action=card")
            .await
            .len(),
        1
    );
}

#[tokio::test]
async fn refusals_are_written_once_and_then_counted() {
    let (console, shen) = county().await;
    console.account("zhang", "hall_manager", TOWN_1, None).await;
    let zhang = console.sign_in("zhang").await;
    for _ in 0..30 {
        let (status, _) = console.get("/api/v1/audit", &zhang).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
    }
    let forged = zhang.without_csrf();
    let (status, _) = console
        .call(Method::DELETE, "/api/v1/session", Some(&forged), None)
        .await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let denied = entries(&console, &shen, "action=access.denied&actor=zhang").await;
    let told: Vec<_> = denied
        .iter()
        .map(|entry| {
            (
                entry["subject"]["name"].as_str().unwrap(),
                entry["after"]["why"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("DELETE /api/v1/session", "csrf"),
            ("GET /api/v1/audit", "forbidden")
        ]
    );
    // Whoever asks without any name is nobody's business; a name that is none is.
    let (status, _) = console.call(Method::GET, "/api/v1/cases", None, None).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let (status, _) = console.get("/api/v1/cases", &Person::forged()).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let nobody = entries(&console, &shen, "action=access.denied&text=/api/v1/cases").await;
    assert_eq!(nobody.len(), 1);
    assert_eq!(nobody[0]["actor"]["kind"], "nobody");
}

#[tokio::test]
async fn who_applied_is_masked_until_somebody_says_why() {
    let (console, shen) = county().await;
    for (login, role, hall) in [
        ("li", "inspector", COUNTY),
        ("wang", "leader", COUNTY),
        ("zhao", "hall_manager", TOWN_2),
    ] {
        console.account(login, role, hall, None).await;
    }
    let applicant =
        json!({"applicant": {"name": "张三丰", "phone": "13812345678", "id_hash": "5f2a"}});
    let rating = json!({"grade": "very_dissatisfied", "comment": "请打 13987654321，身份证 110105194912310021"});
    console
        .send(&[
            console.event("a", "case.applied", "P-1", TOWN_1, "RSJ", applicant),
            console.event("b", "case.rated", "P-1", TOWN_1, "RSJ", rating),
        ])
        .await;
    let (li, wang, zhao) = (
        console.sign_in("li").await,
        console.sign_in("wang").await,
        console.sign_in("zhao").await,
    );
    let (_, case) = console.get("/api/v1/cases/P-1", &li).await;
    let shown = case.to_string();
    for secret in [
        "张三丰",
        "13812345678",
        "13987654321",
        "110105194912310021",
        "5f2a",
    ] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    let unmask = async |person: &Person, reason: &str| {
        let path = "/api/v1/cases/P-1/unmask";
        console
            .post_json(path, Some(person), json!({"reason": reason}))
            .await
    };
    let why = "回访投诉，需联系 13812345678";
    assert_eq!(unmask(&wang, why).await.0, StatusCode::FORBIDDEN);
    assert_eq!(unmask(&zhao, why).await.0, StatusCode::NOT_FOUND);
    assert_eq!(
        unmask(&li, "  x ").await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(
        entries(&console, &shen, "action=person.unmasked")
            .await
            .len(),
        0
    );

    let (status, clear) = unmask(&li, why).await;
    assert_eq!(status, StatusCode::OK, "{clear}");
    assert_eq!(
        clear["applicant"],
        json!({"name": "张三丰", "phone": "13812345678"})
    );
    assert_eq!(
        clear["texts"][0]["text"],
        "请打 13987654321，身份证 110105194912310021"
    );
    let (_, case) = console.get("/api/v1/cases/P-1", &li).await;
    assert!(
        !case.to_string().contains("13812345678"),
        "once, and no longer"
    );

    let shown = entries(&console, &shen, "action=person.unmasked").await;
    assert_eq!(shown.len(), 1);
    assert_eq!(
        (&shown[0]["subject"]["name"], &shown[0]["actor"]["login"]),
        (&json!("P-1"), &json!("li"))
    );
    assert_eq!(shown[0]["reason"], "回访投诉，需联系 138****5678");
    let (_, log) = console.text("/api/v1/audit/export.csv", &shen).await;
    assert!(
        !log.contains("13812345678") && !log.contains("张三丰"),
        "{log}"
    );
}

#[tokio::test]
async fn the_log_is_exported_and_checked_and_a_row_changed_by_sql_is_named() {
    let (console, shen) = county().await;
    console.account("zhang", "hall_manager", TOWN_1, None).await;
    let zhang = console.sign_in("zhang").await;
    for path in [
        "/api/v1/audit",
        "/api/v1/audit/verify",
        "/api/v1/audit/export.csv",
    ] {
        assert_eq!(console.get(path, &zhang).await.0, StatusCode::FORBIDDEN);
    }
    let (status, file) = console
        .text("/api/v1/audit/export.csv?action=export", &shen)
        .await;
    assert_eq!(status, StatusCode::OK);
    let lines: Vec<&str> = file.lines().collect();
    assert_eq!(lines.len(), 2, "{file}");
    assert!(
        lines[1].contains("\"export.made\"") && lines[1].contains("shen"),
        "the taking itself"
    );

    // As a browser asks for it: compressed while it is written, to its very end.
    let address = console.listen().await;
    let (_, cookie) = &shen.headers()[0];
    let asked = format!("cookie: {cookie}\r\naccept-encoding: gzip\r\n");
    let answer = wire::raw(
        address,
        wire::get("/api/v1/audit/export.csv", &asked).as_bytes(),
    )
    .await;
    assert!(answer.contains("content-encoding: gzip"), "{answer}");
    assert!(answer.ends_with("\r\n0\r\n\r\n"), "it breaks off: {answer}");

    let (_, whole) = console.get("/api/v1/audit/verify", &shen).await;
    assert_eq!(
        (&whole["whole"], &whole["fault"]),
        (&json!(true), &Value::Null)
    );
    let head = whole["head"].as_str().unwrap();
    let (status, _) = console
        .get("/api/v1/audit/verify?head=rubbish", &shen)
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);

    let mut owner = console.owner().acquire().await.unwrap();
    for meddling in [
        "SET session_replication_role = replica",
        "UPDATE audit SET login = 'li' WHERE seq = 2",
    ] {
        sqlx::query(meddling).execute(&mut *owner).await.unwrap();
    }
    let path = format!("/api/v1/audit/verify?head={head}");
    let (_, broken) = console.get(&path, &shen).await;
    assert_eq!(broken["whole"], false);
    assert_eq!(
        (&broken["fault"]["kind"], &broken["fault"]["seq"]),
        (&json!("changed"), &json!(2))
    );
    assert_eq!(
        entries(&console, &shen, "action=audit.verified")
            .await
            .len(),
        2
    );
}

#[tokio::test]
async fn pages_follow_one_another() {
    let (console, shen) = county().await;
    for _ in 0..7 {
        console.get("/api/v1/audit/verify", &shen).await;
    }
    let (mut read, mut cursor) = (Vec::new(), String::new());
    loop {
        let (_, page) = console
            .get(
                &format!("/api/v1/audit?action=audit&limit=3&cursor={cursor}"),
                &shen,
            )
            .await;
        read.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|entry| entry["seq"].as_i64().unwrap()),
        );
        match page["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(read.len(), 7);
    assert!(read.is_sorted_by(|a, b| a > b), "{read:?}");
    let (status, _) = console.get("/api/v1/audit?limit=501", &shen).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}
