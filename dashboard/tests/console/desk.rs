//! The console in this process, on a database of its own: sign-in, what each role sees, cards and the live stream.

use crate::common::{Console, TOWN_1, TOWN_2};
use axum::http::{Method, StatusCode};
use chrono::{TimeDelta, Utc};
use serde_json::json;

#[tokio::test]
async fn one_signs_in_acts_with_a_csrf_value_and_signs_out() {
    let console = Console::start().await;
    console
        .account("li", "inspector", crate::common::COUNTY, None)
        .await;
    let (status, wrong) = console
        .post_json(
            "/api/v1/session",
            None,
            json!({"login": "li", "password": "not the password"}),
        )
        .await;
    assert_eq!(
        (status, wrong["type"].as_str()),
        (StatusCode::UNAUTHORIZED, Some("/problems/bad-credentials"))
    );
    let (_, nobody) = console
        .post_json(
            "/api/v1/session",
            None,
            json!({"login": "nobody", "password": "not the password"}),
        )
        .await;
    assert_eq!(
        nobody, wrong,
        "whether an account exists is nobody's business"
    );

    let li = console.sign_in("li").await;
    let (status, session) = console.get("/api/v1/session", &li).await;
    assert_eq!(
        (status, session["account"]["role"].as_str()),
        (StatusCode::OK, Some("inspector"))
    );
    let (status, problem) = console
        .call(
            Method::DELETE,
            "/api/v1/session",
            Some(&li.without_csrf()),
            None,
        )
        .await;
    assert_eq!(
        (status, problem["type"].as_str()),
        (StatusCode::FORBIDDEN, Some("/problems/csrf"))
    );
    let (status, _) = console
        .call(Method::DELETE, "/api/v1/session", Some(&li), None)
        .await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, _) = console.get("/api/v1/session", &li).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn five_wrong_passwords_make_one_wait() {
    let console = Console::start().await;
    console
        .account("li", "inspector", crate::common::COUNTY, None)
        .await;
    for _ in 0..5 {
        console
            .post_json(
                "/api/v1/session",
                None,
                json!({"login": "li", "password": "wrong"}),
            )
            .await;
    }
    let right = json!({"login": "li", "password": crate::common::PASSWORD});
    let (status, problem) = console.post_json("/api/v1/session", None, right).await;
    assert_eq!(
        (status, problem["type"].as_str()),
        (StatusCode::TOO_MANY_REQUESTS, Some("/problems/locked"))
    );
}

#[tokio::test]
async fn a_hall_manager_sees_and_changes_nothing_of_another_hall() {
    let console = Console::start().await;
    console.account("zhang", "hall_manager", TOWN_1, None).await;
    console
        .account("li", "inspector", crate::common::COUNTY, None)
        .await;
    console.overdue("T1-1", TOWN_1, "RSJ").await;
    console.overdue("T2-1", TOWN_2, "RSJ").await;
    let (zhang, li) = (console.sign_in("zhang").await, console.sign_in("li").await);

    let numbers = |list: &serde_json::Value| -> Vec<String> {
        list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["no"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        numbers(&console.get("/api/v1/cases", &li).await.1),
        ["T2-1", "T1-1"]
    );
    assert_eq!(
        numbers(&console.get("/api/v1/cases", &zhang).await.1),
        ["T1-1"]
    );

    let (_, cards) = console.get("/api/v1/cards?grade=yellow_card", &li).await;
    let card_of = |case: &str| {
        cards["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|card| card["case"] == case)
            .unwrap()
    };
    let (mine, foreign) = (card_of("T1-1")["id"].clone(), card_of("T2-1")["id"].clone());
    let (_, own) = console.get("/api/v1/cards", &zhang).await;
    assert!(
        own["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|card| card["hall"] == TOWN_1)
    );
    assert_eq!(own["counts"]["to_answer"], 1);
    let only = format!("/api/v1/cards?grade=yellow_card&only={mine},{foreign}");
    let named = |list: &serde_json::Value| list["items"].as_array().unwrap().len();
    assert_eq!(named(&console.get(&only, &li).await.1), 2);
    assert_eq!(named(&console.get(&only, &zhang).await.1), 1);
    let other_grade = format!("/api/v1/cards?grade=red_card&only={mine}");
    assert_eq!(named(&console.get(&other_grade, &li).await.1), 0);
    let many = vec!["1"; 501].join(",");
    for wrong in ["x", "1,", &many] {
        let path = format!("/api/v1/cards?only={wrong}");
        let (status, _) = console.get(&path, &li).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{path:.40}");
    }

    for path in [
        "/api/v1/cases/T2-1".to_owned(),
        format!("/api/v1/cards/{foreign}"),
        format!("/api/v1/cases?hall={TOWN_2}"),
        format!("/api/v1/cards?hall={TOWN_2}"),
        format!("/api/v1/overview?hall={TOWN_2}"),
        format!("/api/v1/matrix?hall={TOWN_2}"),
        format!("/api/v1/cameras?hall={TOWN_2}"),
        "/api/v1/cameras/c2".to_owned(),
        "/api/v1/cameras/c2/snapshot.jpg".to_owned(),
    ] {
        assert_eq!(
            console.get(&path, &zhang).await.0,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    let act = json!({"revision": 1, "why": "not mine"});
    let (status, _) = console
        .post_json(
            &format!("/api/v1/cards/{foreign}/receive"),
            Some(&zhang),
            act.clone(),
        )
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, card) = console
        .post_json(&format!("/api/v1/cards/{mine}/receive"), Some(&zhang), act)
        .await;
    assert_eq!(
        (status, card["state"].as_str()),
        (StatusCode::OK, Some("received"))
    );

    let (_, halls) = console.get("/api/v1/halls", &zhang).await;
    assert_eq!(halls["halls"].as_array().unwrap().len(), 1);
    let (_, overview) = console.get("/api/v1/overview", &zhang).await;
    assert_eq!(overview["cases"]["open"]["over_promise_only"], 1);
    let (_, matrix) = console.get("/api/v1/matrix", &zhang).await;
    assert!(
        matrix["halls"]
            .as_array()
            .unwrap()
            .iter()
            .all(|hall| hall["hall"] == TOWN_1)
    );
    let text = console
        .get("/api/v1/search?q=T2", &zhang)
        .await
        .1
        .to_string();
    assert!(!text.contains("T2-1") && !text.contains(TOWN_2), "{text}");

    console.overdue("T2-2", TOWN_2, "RSJ").await;
    console.overdue("T1-2", TOWN_1, "RSJ").await;
    console
        .wait_for_message(&zhang, |message| message["data"]["case"] == "T1-2")
        .await;
    let heard = console.heard(&zhang).await;
    assert!(
        !heard.iter().any(|message| message.contains("T2-")),
        "{heard:?}"
    );
}

#[tokio::test]
async fn a_unit_head_sees_one_unit_and_an_administrator_no_case() {
    let console = Console::start().await;
    console
        .account("head", "unit_head", crate::common::COUNTY, Some("GAJ"))
        .await;
    console
        .account("root", "sysadmin", crate::common::COUNTY, None)
        .await;
    console.overdue("A-1", TOWN_1, "RSJ").await;
    console.overdue("B-1", TOWN_1, "GAJ").await;
    let (head, root) = (console.sign_in("head").await, console.sign_in("root").await);
    let (_, cases) = console.get("/api/v1/cases", &head).await;
    assert_eq!(cases["items"].as_array().unwrap().len(), 1);
    assert_eq!(cases["items"][0]["no"], "B-1");
    assert_eq!(
        console.get("/api/v1/cases/A-1", &head).await.0,
        StatusCode::NOT_FOUND
    );
    assert!(
        console.get("/api/v1/cases?unit=RSJ", &head).await.1["items"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    let (_, overview) = console.get("/api/v1/overview", &head).await;
    assert_eq!(overview["cases"]["open"]["over_promise_only"], 1);
    assert_eq!(overview["cards"]["yellow_card"], 1);
    assert_eq!(overview["windows"]["total"], 1);
    for path in [
        "/api/v1/cases",
        "/api/v1/cards",
        "/api/v1/overview",
        "/api/v1/matrix",
    ] {
        assert_eq!(
            console.get(path, &root).await.0,
            StatusCode::FORBIDDEN,
            "{path}"
        );
    }
    let heard = console.heard(&root).await;
    let of_cases = |message: &String| message.contains("\"card.") || message.contains("\"case.");
    assert!(!heard.iter().any(of_cases), "{heard:?}");
}

#[tokio::test]
async fn a_deadline_that_passes_with_nobody_doing_anything_is_a_card_on_the_open_page() {
    let console = Console::start().await;
    console
        .account("li", "inspector", crate::common::COUNTY, None)
        .await;
    let li = console.sign_in("li").await;
    let (_, overview) = console.get("/api/v1/overview", &li).await;
    let due = Utc::now() + TimeDelta::seconds(2);
    let accepted = json!({"promise_due": due});
    console
        .send(&[console.event("a", "case.accepted", "D-1", TOWN_1, "RSJ", accepted)])
        .await;
    let issued = console
        .wait_for_message(&li, |message| {
            message["type"] == "card.issued" && message["data"]["grade"] == "yellow_card"
        })
        .await;
    assert_eq!(issued["data"]["case"], "D-1");
    assert!(issued["data"]["created_at"].as_str() >= issued["data"]["due_at"].as_str());
    assert_eq!(issued["epoch"], overview["epoch"]);
    assert!(issued["seq"].as_u64() > overview["seq"].as_u64());
}

#[tokio::test]
async fn the_page_of_a_card_tells_what_happened_and_what_can_be_done() {
    let console = Console::start().await;
    console
        .account("li", "inspector", crate::common::COUNTY, None)
        .await;
    console.account("zhang", "hall_manager", TOWN_1, None).await;
    console.overdue("C-1", TOWN_1, "RSJ").await;
    let complaint = |id: &str, kind: &str| {
        let mut event = console.event(id, kind, "TS-1", TOWN_1, "RSJ", json!({"case": "C-1"}));
        event["data"].as_object_mut().unwrap().remove("item");
        event
    };
    console.send(&[complaint("c1", "complaint.received")]).await;
    let (li, zhang) = (console.sign_in("li").await, console.sign_in("zhang").await);
    let (_, cards) = console
        .get("/api/v1/cards?view=to_answer&case=C-1", &li)
        .await;
    let path = format!("/api/v1/cards/{}", cards["items"][0]["id"]);
    let (_, card) = console.get(&path, &zhang).await;
    assert_eq!(card["rule"], "R2");
    assert_eq!(card["dimensions"]["complaints"]["open"], 1);
    assert_eq!(card["history"][0]["transition"], "issue");
    // Counted in workdays: it stays 0 until the next one when the promise ran out on a day off.
    assert!(card["timer"]["promise"]["remaining"].as_f64().unwrap() <= 0.0);
    let due = card["timer"]["promise"]["due"].as_str().unwrap();
    assert!(due.parse::<chrono::DateTime<Utc>>().unwrap() < Utc::now());
    let can = |card: &serde_json::Value, action: &str| {
        card["actions"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["action"] == action)
    };
    assert!(can(&card, "reply") && !can(&card, "revoke"));
    let (_, for_li) = console.get(&path, &li).await;
    assert!(can(&for_li, "revoke") && !can(&for_li, "reply"));

    let reply = |revision: i64, why: Option<&str>| json!({"revision": revision, "why": why});
    let (status, problem) = console
        .post_json(&format!("{path}/reply"), Some(&zhang), reply(1, None))
        .await;
    assert_eq!(
        (status, problem["type"].as_str()),
        (StatusCode::UNPROCESSABLE_ENTITY, Some("/problems/invalid"))
    );
    let (status, card) = console
        .post_json(
            &format!("{path}/reply"),
            Some(&zhang),
            reply(1, Some("已补办")),
        )
        .await;
    assert_eq!(
        (status, card["state"].as_str()),
        (StatusCode::OK, Some("answered"))
    );
    assert_eq!(card["dimensions"]["own_control"]["answers"], 1);
    assert!(card["order"]["answered_at"].is_string());
    let (status, problem) = console
        .post_json(&format!("{path}/review"), Some(&li), reply(1, Some("同意")))
        .await;
    assert_eq!(
        (status, problem["type"].as_str()),
        (StatusCode::CONFLICT, Some("/problems/conflict"))
    );
    let (status, _) = console
        .post_json(
            &format!("{path}/revoke"),
            Some(&zhang),
            reply(2, Some("no")),
        )
        .await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (status, card) = console
        .post_json(&format!("{path}/review"), Some(&li), reply(2, Some("同意")))
        .await;
    assert_eq!(
        (status, card["state"].as_str()),
        (StatusCode::OK, Some("closed"))
    );

    console.send(&[complaint("c2", "complaint.closed")]).await;
    let (_, card) = console.get(&path, &li).await;
    assert_eq!(card["dimensions"]["complaints"]["open"], 0);
}

#[tokio::test]
async fn the_page_of_a_case_masks_who_applied_and_shows_three_instants() {
    let console = Console::start().await;
    console
        .account("li", "inspector", crate::common::COUNTY, None)
        .await;
    let applicant =
        json!({"applicant": {"name": "张三丰", "phone": "13812345678", "id_hash": "5f2a"}});
    console
        .send(&[
            console.event("a", "case.applied", "P-1", TOWN_1, "RSJ", applicant),
            console.event(
                "b",
                "case.accepted",
                "P-1",
                TOWN_1,
                "RSJ",
                json!({"promise_limit": {"n": 5, "unit": "workday"}}),
            ),
        ])
        .await;
    let li = console.sign_in("li").await;
    let (_, case) = console.get("/api/v1/cases/P-1", &li).await;
    assert_eq!(
        case["applicant"],
        json!({"name": "张**", "phone": "138****5678"})
    );
    assert!(!case.to_string().contains("13812345678") && !case.to_string().contains("5f2a"));
    let event = &case["events"][0];
    assert!(
        event["time"].is_string()
            && event["received"].is_string()
            && event["committed"].is_string()
    );
    assert_eq!(
        case["timer"]["promise"]["limit"],
        json!({"n": 5, "unit": "workday"})
    );
    assert_eq!(case["cameras"], json!(["c1"]));
}
