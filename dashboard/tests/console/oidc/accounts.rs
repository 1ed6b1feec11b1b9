//! Who somebody is and what they may: by issuer and subject, by their groups, and with a second factor where the role needs one.

use axum::http::StatusCode;
use chrono::{TimeDelta, Utc};
use mingjing_dashboard::auth::totp::SharedSecret;
use mingjing_monitor::store::accounts;
use serde_json::{Value, json};

use super::browser::{self, Browser, audited, console, person, session_hash};
use super::issuer::Issuer;
use crate::common::{COUNTY, Console, PASSWORD, Person, TOWN_1};

async fn id(console: &Console, login: &str) -> i64 {
    let account = accounts::by_login(console.app.db(), login).await.unwrap();
    account.unwrap().id
}

fn kind(answer: &Value) -> &str {
    answer["type"].as_str().unwrap_or_default()
}

/// Role, hall, unit and window of whoever is signed in.
async fn may(console: &Console, browser: &Browser) -> Value {
    let (_, session) = browser.person(console).await.unwrap();
    let account = &session["account"];
    json!([
        account["role"],
        account["hall"],
        account["unit"],
        account["window"]
    ])
}

#[tokio::test]
async fn the_groups_say_what_somebody_may_at_every_sign_in() {
    let issuer = Issuer::start().await;
    let console = console(&issuer).await;
    let mut browser = Browser::default();
    for (groups, expected) in [
        (&["leaders"][..], json!(["leader", COUNTY, null, null])),
        (&["town"], json!(["hall_manager", TOWN_1, null, null])),
        (
            &["window", "town"],
            json!(["hall_manager", TOWN_1, null, null]),
        ),
        (
            &["social security"],
            json!(["unit_head", COUNTY, "RSJ", null]),
        ),
        (
            &["window", "chess club"],
            json!(["clerk", TOWN_1, null, "2"]),
        ),
    ] {
        let claims = person("17", "li", groups);
        assert_eq!(browser.sign_in(&console, &issuer, claims).await, "/cards");
        assert_eq!(may(&console, &browser).await, expected, "{groups:?}");
    }
    assert_eq!(browser::accounts(&console).await, 1);

    // What was open as somebody else falls when the groups change, at another desk too.
    let mut other_desk = Browser::default();
    let clerk = person("17", "li", &["window"]);
    assert_eq!(other_desk.sign_in(&console, &issuer, clerk).await, "/cards");
    let changed = person("17", "li", &["leaders"]);
    let mut ended = console.app.watch_ended_sessions();
    assert_eq!(browser.sign_in(&console, &issuer, changed).await, "/cards");
    assert!(other_desk.person(&console).await.is_none());
    let told = [ended.recv().await.unwrap(), ended.recv().await.unwrap()];
    assert!(told.contains(&session_hash(&other_desk)));
    let record = audited(&console, "account.changed").await;
    assert_eq!(record["subject"], "li@sso");
    assert_eq!(
        (&record["before"]["role"], &record["after"]["role"]),
        (&json!("clerk"), &json!("leader"))
    );
    assert_eq!(record["after"]["group"], "leaders");
}

#[tokio::test]
async fn whoever_fits_nowhere_is_refused() {
    let issuer = Issuer::start().await;
    let console = console(&issuer).await;
    let mut browser = Browser::default();
    for (groups, code) in [
        (&["chess club"][..], "no_group"),
        (&[], "no_group"),
        (&["nowhere"], "mapping"),
    ] {
        let claims = person("17", "li", groups);
        let led = browser.sign_in(&console, &issuer, claims).await;
        assert_eq!(led, format!("/signin?sso={code}"));
        if code == "no_group" {
            assert_eq!(audited(&console, "session.refused").await["login"], "li");
        }
        assert!(browser.person(&console).await.is_none());
        assert_eq!(
            audited(&console, "session.refused").await["after"]["why"],
            code
        );
    }
    assert_eq!(browser::accounts(&console).await, 0);
    // Somebody who was in, and is in no group any more.
    let claims = person("17", "li", &["leaders"]);
    assert_eq!(browser.sign_in(&console, &issuer, claims).await, "/cards");
    let led = Browser::default()
        .sign_in(&console, &issuer, person("17", "li", &[]))
        .await;
    assert_eq!(led, "/signin?sso=no_group");
}

#[tokio::test]
async fn an_account_that_was_disabled_here_stays_out() {
    let issuer = Issuer::start().await;
    let console = console(&issuer).await;
    let claims = || person("17", "li", &["leaders"]);
    let mut browser = Browser::default();
    browser.sign_in(&console, &issuer, claims()).await;
    console.account("made", "sysadmin", COUNTY, None).await;
    let admin = console.sign_in("made").await;
    let path = format!("/api/v1/accounts/{}/disable", id(&console, "li@sso").await);
    let (status, row) = console.post_json(&path, Some(&admin), json!({})).await;
    assert_eq!(
        (status, &row["issuer"]),
        (StatusCode::OK, &json!(issuer.address()))
    );
    assert!(browser.person(&console).await.is_none());
    assert_eq!(
        browser.sign_in(&console, &issuer, claims()).await,
        "/signin?sso=disabled"
    );
    assert_eq!(
        audited(&console, "session.refused").await["login"],
        "li@sso"
    );
}

#[tokio::test]
async fn nobody_takes_an_account_over_by_its_name() {
    let issuer = Issuer::start().await;
    let console = console(&issuer).await;
    for login in ["li", "li@sso"] {
        console.account(login, "leader", COUNTY, None).await;
    }
    let before = (id(&console, "li").await, id(&console, "li@sso").await);
    let mut browser = Browser::default();
    assert_eq!(
        browser
            .sign_in(&console, &issuer, person("17", "li", &["town"]))
            .await,
        "/cards"
    );
    assert_eq!(browser.person(&console).await.unwrap().0.login, "li-2@sso");
    // Two who are called alike, and one who changes their name to another's.
    let mut second = Browser::default();
    assert_eq!(
        second
            .sign_in(&console, &issuer, person("18", "li", &["town"]))
            .await,
        "/cards"
    );
    assert_eq!(second.person(&console).await.unwrap().0.login, "li-3@sso");
    let mut renamed = Browser::default();
    assert_eq!(
        renamed
            .sign_in(&console, &issuer, person("18", "wang", &["town"]))
            .await,
        "/cards"
    );
    let (who, session) = renamed.person(&console).await.unwrap();
    assert_eq!(
        (who.login.as_str(), &session["account"]["name"]),
        ("li-3@sso", &json!("wang 先生"))
    );
    for login in ["li", "li@sso"] {
        let (_, local) = console
            .get("/api/v1/session", &console.sign_in(login).await)
            .await;
        assert_eq!(local["account"]["role"], "leader");
    }
    assert_eq!(
        before,
        (id(&console, "li").await, id(&console, "li@sso").await)
    );
}

#[tokio::test]
async fn who_comes_from_the_provider_has_no_password_and_gets_none() {
    let issuer = Issuer::start().await;
    let console = console(&issuer).await;
    let mut browser = Browser::default();
    browser
        .sign_in(&console, &issuer, person("17", "li", &["leaders"]))
        .await;
    let (li, _) = browser.person(&console).await.unwrap();
    let (_, own) = console.get("/api/v1/account", &li).await;
    assert_eq!(own["single_sign_on"], true);
    let new = "a lantern over the east gate";
    for (path, body) in [
        (
            "/api/v1/account/password",
            json!({"current": "", "new": new}),
        ),
        ("/api/v1/account/totp", json!({"password": ""})),
        ("/api/v1/account/totp/remove", json!({"password": ""})),
    ] {
        let (status, answer) = console.post_json(path, Some(&li), body).await;
        assert_eq!(
            (status, kind(&answer)),
            (StatusCode::UNPROCESSABLE_ENTITY, "/problems/no-password"),
            "{path}"
        );
    }
    for password in ["", PASSWORD] {
        let (status, answer, _) = console.password("li@sso", password).await;
        assert_eq!(
            (status, kind(&answer)),
            (StatusCode::UNAUTHORIZED, "/problems/bad-credentials")
        );
    }
    let number = id(&console, "li@sso").await;
    for (role, act, body) in [
        ("sysadmin", "reset-password", json!({})),
        ("secadmin", "role", json!({"role": "inspector"})),
        ("secadmin", "role", json!({"role": "sysadmin"})),
    ] {
        let login = format!("{role}-{}", body["role"].as_str().unwrap_or_default());
        console.account(&login, role, COUNTY, None).await;
        let admin: Person = console.sign_in(&login).await;
        let path = format!("/api/v1/accounts/{number}/{act}");
        let (status, answer) = console.post_json(&path, Some(&admin), body).await;
        assert_eq!(
            (status, kind(&answer)),
            (StatusCode::UNPROCESSABLE_ENTITY, "/problems/of-provider"),
            "{act}"
        );
    }
    assert!(
        browser.person(&console).await.is_some(),
        "who was refused ended nothing"
    );
}

#[tokio::test]
async fn a_role_that_needs_a_second_factor_has_the_providers_or_ours() {
    let issuer = Issuer::start().await;
    let console = console(&issuer).await;
    let inspector = |amr: Value| {
        let mut claims = person("17", "li", &["inspectors"]);
        claims["amr"] = amr;
        claims
    };
    let mut vouched = Browser::default();
    let led = vouched
        .sign_in(&console, &issuer, inspector(json!(["pwd", "mfa"])))
        .await;
    assert_eq!(led, "/cards");
    assert_eq!(
        may(&console, &vouched).await,
        json!(["inspector", COUNTY, null, null])
    );

    let mut browser = Browser::default();
    let led = browser
        .sign_in(&console, &issuer, inspector(json!(["pwd"])))
        .await;
    assert_eq!(led, "/signin?to=%2Fcards");
    let (half, answer) = browser.person(&console).await.unwrap();
    assert_eq!(answer["step"], "enrolment");
    assert_eq!(
        console.get("/api/v1/cases", &half).await.0,
        StatusCode::UNAUTHORIZED
    );
    let (status, told) = console
        .post_json("/api/v1/account/totp", Some(&half), json!({}))
        .await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let secret = SharedSecret::parse(told["secret"].as_str().unwrap()).unwrap();
    let now = Utc::now();
    let code = json!({"code": secret.code(now)});
    let (status, answer, whole) = console
        .step("/api/v1/account/totp/confirm", Some(&half), code)
        .await;
    assert_eq!(
        (status, &answer["session"]["account"]["role"]),
        (StatusCode::OK, &json!("inspector"))
    );
    // Through all its names the session knows where it came from.
    let (status, out) = console
        .call(
            axum::http::Method::DELETE,
            "/api/v1/session",
            whole.as_ref(),
            None,
        )
        .await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        out["continue_at"]
            .as_str()
            .unwrap()
            .starts_with(&format!("{}/end?", issuer.address()))
    );

    let mut again = Browser::default();
    again
        .sign_in(&console, &issuer, inspector(json!(["pwd"])))
        .await;
    let (half, answer) = again.person(&console).await.unwrap();
    assert_eq!(answer["step"], "second_factor");
    let next = json!({"code": secret.code(now + TimeDelta::seconds(30))});
    let (status, answer, _) = console
        .step("/api/v1/session/totp", Some(&half), next)
        .await;
    assert_eq!(
        (status, &answer["account"]["role"]),
        (StatusCode::OK, &json!("inspector"))
    );
    let led = Browser::default()
        .sign_in(&console, &issuer, inspector(json!(["mfa"])))
        .await;
    assert_eq!(led, "/cards", "whom the provider asked is not asked again");
}
