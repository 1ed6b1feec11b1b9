//! The way there and back: what is bound to what, and everything that must not come through.

use std::sync::atomic::Ordering;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::browser::{Browser, accounts, audited, console, person};
use super::issuer::{Issuer, Signed, patch};
use crate::common::{COUNTY, Console};

fn leader() -> Value {
    person("17", "li", &["leaders"])
}

/// Nobody is signed in, and the audit log says why.
async fn not_in(console: &Console, browser: &Browser, why: &str) {
    assert!(browser.person(console).await.is_none(), "{why}: signed in");
    let audited = audited(console, "session.refused").await;
    assert_eq!(audited["after"]["step"], "single_sign_on", "{audited}");
    assert_eq!(audited["after"]["why"], why, "{audited}");
}

#[tokio::test]
async fn somebody_comes_in_through_the_provider_and_goes_on_where_they_were() {
    let issuer = Issuer::start().await;
    let console = console(&issuer).await;
    let mut browser = Browser::default();
    browser
        .cookies
        .insert("mingjing_session".into(), "A".repeat(43));
    let led = browser
        .get(
            &console,
            "/api/v1/session/sso?to=%2Fcards%3Fgrade%3Dred_card",
        )
        .await;
    let cookie = led.set.join("\n");
    for word in [
        "mingjing_sso=",
        "HttpOnly",
        "SameSite=Lax",
        "Max-Age=600",
        "Path=/",
    ] {
        assert!(cookie.contains(word), "{cookie}");
    }
    let to: url::Url = led.to.unwrap().parse().unwrap();
    assert!(
        to.as_str()
            .starts_with(&format!("{}/auth?", issuer.address()))
    );
    let scope = to
        .query_pairs()
        .find(|(name, _)| name == "scope")
        .unwrap()
        .1;
    assert_eq!(scope, "openid profile groups");
    let query = issuer.approve(&to, leader(), Signed::Well);
    let path = format!("/api/v1/session/sso/callback?{query}");
    let led = browser.get(&console, &path).await;
    assert_eq!(led.to.as_deref(), Some("/cards?grade=red_card"));
    let session = led
        .set
        .iter()
        .find(|set| set.starts_with("mingjing_session="))
        .unwrap();
    assert!(
        session.contains("HttpOnly") && session.contains("SameSite=Strict"),
        "{session}"
    );
    assert!(
        !browser.cookies.contains_key("mingjing_sso"),
        "{:?}",
        led.set
    );
    assert_ne!(
        browser.cookies["mingjing_session"],
        "A".repeat(43),
        "a planted name is worth nothing"
    );
    let (li, session) = browser.person(&console).await.unwrap();
    assert_eq!(session["account"]["login"], "li@sso");
    assert_eq!(session["account"]["name"], "li 先生");
    assert_eq!(
        (&session["account"]["role"], &session["account"]["hall"]),
        (&json!("leader"), &json!(COUNTY))
    );
    assert_eq!(console.get("/api/v1/cases", &li).await.0, StatusCode::OK);
    let made = audited(&console, "account.created").await;
    assert_eq!(made["subject"], "li@sso");
    assert_eq!(made["after"]["issuer"], issuer.address());
    assert_eq!(
        (&made["after"]["subject"], &made["after"]["group"]),
        (&json!("17"), &json!("leaders"))
    );
    assert_eq!(audited(&console, "session.opened").await["login"], "li@sso");

    // The same person again: the same account, another session.
    let first = browser.cookies["mingjing_session"].clone();
    assert_eq!(browser.sign_in(&console, &issuer, leader()).await, "/cards");
    assert_ne!(browser.cookies["mingjing_session"], first);
    assert_eq!(accounts(&console).await, 1);
}

#[tokio::test]
async fn an_answer_is_good_once_for_the_browser_that_asked_and_for_ten_minutes() {
    let issuer = Issuer::start().await;
    let console = console(&issuer).await;
    let mut li = Browser::default();
    let to = li.begin(&console, "/cards").await;
    let query = issuer.approve(&to, leader(), Signed::Well);

    // Somebody hands their own answer to another: without a sign-in of their own, and in the middle of one.
    let mut other = Browser::default();
    assert_eq!(
        other.come_back(&console, &query).await,
        "/signin?sso=foreign"
    );
    not_in(&console, &other, "foreign").await;
    let _ = other.begin(&console, "/").await;
    assert_eq!(
        other.come_back(&console, &query).await,
        "/signin?sso=foreign"
    );
    assert!(
        other.cookies.contains_key("mingjing_sso"),
        "what is under way goes on"
    );
    for odd in ["", "state=", "code=x", "state=x&code=y"] {
        assert_eq!(
            li.clone().come_back(&console, odd).await,
            "/signin?sso=foreign",
            "{odd}"
        );
    }

    let mut again = li.clone();
    assert_eq!(li.come_back(&console, &query).await, "/cards");
    assert_eq!(again.come_back(&console, &query).await, "/signin?sso=used");
    not_in(&console, &again, "used").await;

    let to = again.begin(&console, "/").await;
    let query = issuer.approve(&to, leader(), Signed::Well);
    sqlx::query("UPDATE sso_flow SET expires = expires - interval '10 minutes' WHERE NOT used")
        .execute(console.app.db())
        .await
        .unwrap();
    assert_eq!(
        again.come_back(&console, &query).await,
        "/signin?sso=expired"
    );
    not_in(&console, &again, "expired").await;
    // Nothing in the database would finish a sign-in.
    let state: Vec<u8> = sqlx::query_scalar("SELECT state FROM sso_flow LIMIT 1")
        .fetch_one(console.app.db())
        .await
        .unwrap();
    assert_eq!(state.len(), 32);
}

#[tokio::test]
async fn what_the_provider_does_not_say_or_says_wrongly_lets_nobody_in() {
    let issuer = Issuer::start().await;
    let console = console(&issuer).await;
    let old = chrono::Utc::now().timestamp() - 600;
    for (bent, signed, wrong) in [
        (json!({"nonce": "another"}), Signed::Well, "nonce"),
        (json!({"nonce": null}), Signed::Well, "nonce"),
        (
            json!({"iss": "https://evil.example"}),
            Signed::Well,
            "issuer",
        ),
        (json!({"aud": "another"}), Signed::Well, "audience"),
        (
            json!({"aud": ["mingjing", "another"]}),
            Signed::Well,
            "audience",
        ),
        (json!({"azp": "another"}), Signed::Well, "audience"),
        (
            json!({"iat": old - 300, "exp": old}),
            Signed::Well,
            "expired",
        ),
        (json!({"at_hash": "AAAA"}), Signed::Well, "access_token"),
        (json!({}), Signed::Forged, "signature"),
        (json!({}), Signed::Shared, "signature"),
        (json!({}), Signed::None, "signature"),
        (json!({"sub": "x".repeat(256)}), Signed::Well, "subject"),
    ] {
        let mut browser = Browser::default();
        let to = browser.begin(&console, "/").await;
        let mut claims = leader();
        patch(&mut claims, bent.clone());
        // Left out also where the issuer puts it in by itself.
        if bent.get("nonce").is_some_and(Value::is_null) {
            claims["nonce"] = Value::Null;
        }
        let query = issuer.approve(&to, claims, signed);
        assert_eq!(
            browser.come_back(&console, &query).await,
            "/signin?sso=invalid",
            "{wrong}"
        );
        not_in(&console, &browser, "invalid").await;
        let why = audited(&console, "session.refused").await;
        assert_eq!(why["after"]["wrong"], wrong, "{bent}");
    }
    assert_eq!(accounts(&console).await, 0);
}

#[tokio::test]
async fn what_the_provider_answers_instead_of_a_code_lets_nobody_in() {
    let issuer = Issuer::start().await;
    let console = console(&issuer).await;
    for (query, code, wrong) in [
        ("error=access_denied", "denied", None),
        (
            "error=server_error&error_description=%3Cscript%3E",
            "provider",
            None,
        ),
        ("code=stolen", "invalid", Some("code")),
        ("", "invalid", Some("code")),
        (
            "iss=https%3A%2F%2Fevil.example&code=x",
            "invalid",
            Some("issuer"),
        ),
    ] {
        let mut browser = Browser::default();
        let to = browser.begin(&console, "/").await;
        let state = to
            .query_pairs()
            .find(|(name, _)| name == "state")
            .unwrap()
            .1;
        let led = browser
            .come_back(&console, &format!("state={state}&{query}"))
            .await;
        assert_eq!(led, format!("/signin?sso={code}"));
        not_in(&console, &browser, code).await;
        let why = audited(&console, "session.refused").await;
        assert_eq!(why["after"]["wrong"].as_str(), wrong, "{query}");
        assert!(!why.to_string().contains("script"), "{why}");
    }
    assert_eq!(accounts(&console).await, 0);
}

#[tokio::test]
async fn a_code_is_worth_nothing_without_the_verifier_of_its_own_sign_in() {
    let issuer = Issuer::start().await;
    let console = console(&issuer).await;
    let mut thief = Browser::default();
    // The victim's code, and a sign-in of one's own to put it into.
    let query = issuer.approve(
        &Browser::default().begin(&console, "/").await,
        leader(),
        Signed::Well,
    );
    let code = query.split('&').next().unwrap();
    let to = thief.begin(&console, "/").await;
    let state = to
        .query_pairs()
        .find(|(name, _)| name == "state")
        .unwrap()
        .1;
    let led = thief
        .come_back(&console, &format!("{code}&state={state}"))
        .await;
    assert_eq!(led, "/signin?sso=invalid");
    not_in(&console, &thief, "invalid").await;
}

#[tokio::test]
async fn nobody_is_led_out_of_the_console() {
    let issuer = Issuer::start().await;
    let console = console(&issuer).await;
    for wanted in [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
    ] {
        let mut browser = Browser::default();
        let to = browser.begin(&console, wanted).await;
        let query = issuer.approve(&to, leader(), Signed::Well);
        assert_eq!(browser.come_back(&console, &query).await, "/", "{wanted}");
    }
}

#[tokio::test]
async fn a_new_key_is_found_at_once_and_unknown_keys_ask_seldom() {
    let issuer = Issuer::start().await;
    let console = console(&issuer).await;
    let asked = || issuer.0.asked.load(Ordering::Relaxed);
    let before = asked();
    issuer.rotate();
    let mut browser = Browser::default();
    assert_eq!(browser.sign_in(&console, &issuer, leader()).await, "/cards");
    assert_eq!(asked(), before + 1);
    for _ in 0..3 {
        let to = browser.begin(&console, "/").await;
        let query = issuer.approve(&to, leader(), Signed::Unknown);
        assert_eq!(
            browser.come_back(&console, &query).await,
            "/signin?sso=invalid"
        );
        assert_eq!(
            audited(&console, "session.refused").await["after"]["wrong"],
            "key"
        );
    }
    assert_eq!(
        asked(),
        before + 1,
        "whoever sends unknown keys makes nobody ask again and again"
    );
}

#[tokio::test]
async fn without_its_provider_the_console_works_and_says_so() {
    let issuer = Issuer::start().await;
    issuer.0.away.store(true, Ordering::Relaxed);
    let console = console(&issuer).await;
    console.account("local", "leader", COUNTY, None).await;
    let mut browser = Browser::default();
    let ways = async || {
        console
            .call(Method::GET, "/api/v1/session/ways", None, None)
            .await
            .1
    };
    let way = ways().await["single_sign_on"].clone();
    assert_eq!(way["available"], false);
    assert_eq!(
        (&way["zh"], &way["en"]),
        (
            &json!("单位账号登录"),
            &json!("Sign in with the county account")
        )
    );
    let led = browser.get(&console, "/api/v1/session/sso").await;
    assert_eq!(led.to.as_deref(), Some("/signin?sso=away"));
    not_in(&console, &browser, "away").await;
    console.sign_in("local").await;

    issuer.0.away.store(false, Ordering::Relaxed);
    console
        .app
        .oidc()
        .unwrap()
        .provider()
        .refresh()
        .await
        .unwrap();
    assert_eq!(ways().await["single_sign_on"]["available"], true);
    assert_eq!(browser.sign_in(&console, &issuer, leader()).await, "/cards");
}

#[tokio::test]
async fn where_there_is_none_nothing_of_it_is_there() {
    let console = Console::start().await;
    let (_, ways) = console
        .call(Method::GET, "/api/v1/session/ways", None, None)
        .await;
    assert_eq!(ways, json!({"single_sign_on": null}));
    let mut browser = Browser::default();
    for path in [
        "/api/v1/session/sso",
        "/api/v1/session/sso/callback?state=x&code=y",
    ] {
        let led = browser.get(&console, path).await;
        assert_eq!(led.to.as_deref(), Some("/signin?sso=off"));
    }
}

#[tokio::test]
async fn groups_may_come_from_the_user_info() {
    let issuer = Issuer::start().await;
    let console = console(&issuer).await;
    let info = |subject: &str| json!({"sub": subject, "groups": ["leaders"], "name": "李敏"});
    let mut browser = Browser::default();
    let to = browser.begin(&console, "/").await;
    let query = issuer.approve_with(&to, json!({"sub": "17"}), info("18"), Signed::Well);
    assert_eq!(
        browser.come_back(&console, &query).await,
        "/signin?sso=invalid",
        "somebody else's"
    );
    let to = browser.begin(&console, "/").await;
    let query = issuer.approve_with(&to, json!({"sub": "17"}), info("17"), Signed::Well);
    assert_eq!(browser.come_back(&console, &query).await, "/");
    let (_, session) = browser.person(&console).await.unwrap();
    assert_eq!(
        (&session["account"]["name"], &session["account"]["login"]),
        (&json!("李敏"), &json!("user@sso"))
    );
}

#[tokio::test]
async fn over_tls_the_cookie_of_a_sign_in_is_bound_to_this_host() {
    let issuer = Issuer::start().await;
    let mut console = console(&issuer).await;
    console.over_tls = true;
    let led = Browser::default()
        .get(&console, "/api/v1/session/sso")
        .await;
    let cookie = led.set.join("\n");
    assert!(
        cookie.starts_with("__Host-mingjing_sso=") && cookie.contains("; Secure"),
        "{cookie}"
    );
}
