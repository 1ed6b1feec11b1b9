//! Three administrators: what each does, and what none of them can do alone.

use axum::http::{Method, StatusCode};
use chrono::{DateTime, TimeDelta, Utc};
use mingjing_dashboard::policy::Role;
use serde_json::{Value, json};

use super::world::{Caller, World};
use crate::common::{COUNTY, PASSWORD, TOWN_1, TOWN_2};

async fn administrators(world: &World) -> [Caller; 3] {
    let mut all = Vec::new();
    for (role, login) in [
        (Role::Sysadmin, "sys"),
        (Role::Secadmin, "sec"),
        (Role::Auditor, "aud"),
    ] {
        all.push(Caller::Person(
            role,
            world.person_at(role, COUNTY, login).await,
        ));
    }
    all.try_into().unwrap_or_else(|_| panic!("three"))
}

#[tokio::test]
async fn an_account_is_made_by_one_and_granted_by_another() {
    let world = World::build().await;
    let [sysadmin, secadmin, auditor] = administrators(&world).await;
    let new = json!({"login": " Wang.Fang ", "name": "王芳", "hall": TOWN_1});
    for other in [&secadmin, &auditor] {
        let (status, _) = world
            .json(Method::POST, "/api/v1/accounts", other, new.clone())
            .await;
        assert_eq!(status, StatusCode::FORBIDDEN);
    }
    let (status, made) = world
        .json(Method::POST, "/api/v1/accounts", &sysadmin, new.clone())
        .await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let account = &made["account"];
    assert_eq!(
        (account["login"].as_str(), account["role"].as_str()),
        (Some("wang.fang"), Some("unassigned"))
    );
    assert_eq!(made["password"].as_str().unwrap().len(), 16);
    let (status, twice) = world
        .json(Method::POST, "/api/v1/accounts", &sysadmin, new)
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{twice}");

    let role = format!("/api/v1/accounts/{}/role", account["id"]);
    let manager = json!({"role": "hall_manager", "hall": TOWN_1});
    for other in [&sysadmin, &auditor] {
        let (status, _) = world
            .json(Method::POST, &role, other, manager.clone())
            .await;
        assert_eq!(status, StatusCode::FORBIDDEN);
    }
    for (wrong, status) in [
        (json!({"role": "edge"}), 422),
        (json!({"role": "unit_head", "hall": TOWN_1}), 422),
        (json!({"role": "leader", "unit": "RSJ"}), 422),
        (json!({"role": "unit_head", "unit": "nobody"}), 404),
        (json!({"role": "clerk", "hall": TOWN_1}), 422),
        (json!({"role": "clerk", "hall": TOWN_1, "window": "9"}), 404),
        (json!({"role": "king"}), 422),
        (json!({"role": "leader", "hall": "nowhere"}), 404),
    ] {
        let (got, answer) = world
            .json(Method::POST, &role, &secadmin, wrong.clone())
            .await;
        assert_eq!(got.as_u16(), status, "{wrong}: {answer}");
    }
    let (status, granted) = world.json(Method::POST, &role, &secadmin, manager).await;
    assert_eq!(
        (status, granted["role"].as_str()),
        (StatusCode::OK, Some("hall_manager"))
    );
    let path = "/api/v1/accounts?q=wang&role=hall_manager&disabled=false";
    let (_, list) = world.json(Method::GET, path, &secadmin, Value::Null).await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
    assert!(!list.to_string().contains("argon2"));
}

#[tokio::test]
async fn nobody_administers_the_own_account() {
    let world = World::build().await;
    let [sysadmin, secadmin, _] = administrators(&world).await;
    let (sys, sec) = (world.account("sys").await, world.account("sec").await);
    let leader = json!({"role": "leader"});
    for (by, path, body) in [
        (
            &sysadmin,
            format!("/api/v1/accounts/{sys}/disable"),
            Value::Null,
        ),
        (
            &sysadmin,
            format!("/api/v1/accounts/{sys}/reset-password"),
            Value::Null,
        ),
        (&secadmin, format!("/api/v1/accounts/{sec}/role"), leader),
    ] {
        let (status, answer) = world.json(Method::POST, &path, by, body).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{path}: {answer}");
    }
}

#[tokio::test]
async fn the_last_administrator_of_a_kind_is_not_disabled_or_demoted() {
    let world = World::build().await;
    let [_, secadmin, _] = administrators(&world).await;
    let sys = world.account("sys").await;
    let aud = world.account("aud").await;
    for id in [sys, aud] {
        let path = format!("/api/v1/accounts/{id}/role");
        // The console's own first account is a sysadmin too; of auditors there is one.
        let (status, answer) = world
            .json(Method::POST, &path, &secadmin, json!({"role": "leader"}))
            .await;
        if id == aud {
            assert_eq!(
                (status, answer["type"].as_str()),
                (StatusCode::CONFLICT, Some("/problems/last-administrator")),
                "{answer}"
            );
        } else {
            assert_eq!(status, StatusCode::OK, "{answer}");
        }
    }
    let first = world.account("admin").await;
    let path = format!("/api/v1/accounts/{first}/role");
    let (status, answer) = world
        .json(Method::POST, &path, &secadmin, json!({"role": "leader"}))
        .await;
    assert_eq!(status, StatusCode::CONFLICT, "{answer}");
}

#[tokio::test]
async fn a_town_s_administrators_grant_nothing_beyond_the_town() {
    let world = World::build().await;
    let person = world.person(Role::Secadmin).await;
    let secadmin = Caller::Person(Role::Secadmin, person);
    world
        .console
        .account("li", "unassigned", TOWN_1, None)
        .await;
    let path = format!("/api/v1/accounts/{}/role", world.account("li").await);
    for hall in [COUNTY, TOWN_2] {
        let body = json!({"role": "inspector", "hall": hall});
        let (status, _) = world.json(Method::POST, &path, &secadmin, body).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{hall}");
    }
    let body = json!({"role": "inspector"});
    let (status, granted) = world.json(Method::POST, &path, &secadmin, body).await;
    assert_eq!(
        (status, granted["hall"].as_str()),
        (StatusCode::OK, Some(TOWN_1))
    );
}

#[tokio::test]
async fn a_token_opens_nothing_until_it_is_granted_a_role() {
    let world = World::build().await;
    let [sysadmin, secadmin, _] = administrators(&world).await;
    let new = json!({"name": "reports", "hall": TOWN_1});
    let (status, made) = world
        .json(Method::POST, "/api/v1/tokens", &sysadmin, new)
        .await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let secret = made["secret"].as_str().unwrap().to_owned();
    let program = Caller::Program(Role::Reader, secret.clone());
    for path in ["/api/v1/cases", "/api/v1/session", "/api/v1/halls"] {
        let (status, _) = world.call(Method::GET, path, &program, None).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{path}");
    }
    let path = format!("/api/v1/tokens/{}/role", made["token"]["id"]);
    let reader = json!({"role": "reader", "hall": TOWN_1});
    let (status, _) = world
        .json(Method::POST, &path, &sysadmin, reader.clone())
        .await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    for wrong in [
        json!({"role": "inspector"}),
        json!({"role": "reader", "initial_load": true}),
        json!({"role": "edge", "source": "//a"}),
    ] {
        let (status, _) = world
            .json(Method::POST, &path, &secadmin, wrong.clone())
            .await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
    let (status, _) = world.json(Method::POST, &path, &secadmin, reader).await;
    assert_eq!(status, StatusCode::OK);
    let (status, _) = world
        .call(Method::GET, "/api/v1/cases", &program, None)
        .await;
    assert_eq!(status, StatusCode::OK);
    let (_, list) = world
        .json(
            Method::GET,
            "/api/v1/tokens?valid=true",
            &secadmin,
            Value::Null,
        )
        .await;
    assert!(list.to_string().contains("reports") && !list.to_string().contains(&secret));
    let past = json!({"name": "old", "expires": "2020-01-01T00:00:00Z"});
    let (status, _) = world
        .json(Method::POST, "/api/v1/tokens", &sysadmin, past)
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

/// The newest entry of the audit log about an account: action, reason, before, after.
async fn newest(world: &World, login: &str) -> (String, Option<String>, String, String) {
    sqlx::query_as(
        "SELECT action, reason, before::text, after::text FROM audit
         WHERE subject_kind = 'account' AND subject = $1 ORDER BY seq DESC LIMIT 1",
    )
    .bind(login)
    .fetch_one(world.console.app.db())
    .await
    .unwrap()
}

#[tokio::test]
async fn a_locked_account_is_let_in_by_who_grants_roles_and_says_why() {
    let world = World::build().await;
    let [_, secadmin, _] = administrators(&world).await;
    world
        .console
        .account("li", "hall_manager", TOWN_1, None)
        .await;
    for _ in 0..5 {
        world.console.password("li", "wrong").await;
    }
    let (status, ..) = world.console.password("li", PASSWORD).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    let path = "/api/v1/accounts?q=li&role=hall_manager";
    let (_, list) = world.json(Method::GET, path, &secadmin, Value::Null).await;
    let until: DateTime<Utc> = list["items"][0]["locked_until"]
        .as_str()
        .unwrap_or_else(|| panic!("{list}"))
        .parse()
        .unwrap();
    assert!(until > Utc::now() && until <= Utc::now() + TimeDelta::seconds(30));

    let path = format!("/api/v1/accounts/{}/unlock", world.account("li").await);
    for wrong in [json!({}), json!({"reason": "  ?  "})] {
        let (status, _) = world.json(Method::POST, &path, &secadmin, wrong).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let why = json!({"reason": "rang from the hall, recognised by voice"});
    let (status, row) = world.json(Method::POST, &path, &secadmin, why).await;
    assert_eq!(
        (status, &row["locked_until"]),
        (StatusCode::OK, &Value::Null)
    );
    let (action, reason, _, after) = newest(&world, "li").await;
    assert_eq!(action, "account.changed");
    assert_eq!(reason.unwrap(), "rang from the hall, recognised by voice");
    assert!(after.contains("unlocked"), "{after}");
    world.console.sign_in("li").await;
}

#[tokio::test]
async fn a_lost_second_factor_is_taken_away_with_a_reason_and_the_sessions_end() {
    let world = World::build().await;
    let [_, secadmin, _] = administrators(&world).await;
    let li = world.person_at(Role::Inspector, COUNTY, "li").await;
    let path = format!(
        "/api/v1/accounts/{}/reset-second-factor",
        world.account("li").await
    );
    let (status, _) = world.json(Method::POST, &path, &secadmin, json!({})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let why = json!({"reason": "the telephone fell into the river"});
    let (status, row) = world.json(Method::POST, &path, &secadmin, why).await;
    assert_eq!(
        (status, &row["second_factor"], &row["sessions"]),
        (StatusCode::OK, &json!(false), &json!(0))
    );
    let (action, reason, before, after) = newest(&world, "li").await;
    assert_eq!(action, "account.factor_changed");
    assert_eq!(reason.unwrap(), "the telephone fell into the river");
    assert!(
        before.contains("\"second_factor\":true") || before.contains("\"second_factor\": true")
    );
    assert!(
        after.contains("\"second_factor\":false") || after.contains("\"second_factor\": false")
    );
    let (status, _) = world.console.get("/api/v1/session", &li).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let (_, answer, _) = world.console.password("li", PASSWORD).await;
    assert_eq!(answer["step"], "enrolment", "{answer}");
}
