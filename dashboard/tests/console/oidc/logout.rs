//! The end of a session, from either side.

use std::collections::HashMap;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, StatusCode};
use chrono::Utc;
use futures::StreamExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tower::ServiceExt;
use url::Url;

use super::browser::{Browser, audited, console, person};
use super::issuer::{CLIENT, CONSOLE, Issuer, Signed, patch};
use crate::common::{COUNTY, Console};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// What the provider would say of the end of a session.
fn claims(issuer: &Issuer, jti: &str) -> Value {
    json!({
        "iss": issuer.address(), "aud": CLIENT, "iat": Utc::now().timestamp(), "jti": jti, "sub": "17", "sid": "sid-17",
        "events": {EVENT: {}},
    })
}

async fn post(console: &Console, token: &str) -> (StatusCode, Value) {
    let form: String = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("logout_token", token)
        .finish();
    let mut request = Request::post("/api/v1/session/sso/logout")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(form))
        .unwrap();
    let from = ConnectInfo(std::net::SocketAddr::from(([127, 0, 0, 1], 1)));
    request.extensions_mut().insert(from);
    let response = console.service.clone().oneshot(request).await.unwrap();
    assert_eq!(response.headers()["cache-control"], "no-store");
    let status = response.status();
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20)
        .await
        .unwrap();
    (
        status,
        serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    )
}

async fn signed_in(console: &Console, issuer: &Issuer, subject: &str) -> Browser {
    let mut browser = Browser::default();
    let claims = person(subject, subject, &["leaders"]);
    assert_eq!(browser.sign_in(console, issuer, claims).await, "/cards");
    browser
}

#[tokio::test]
async fn signing_out_leads_to_the_end_at_the_provider() {
    let issuer = Issuer::start().await;
    let console = console(&issuer).await;
    let browser = signed_in(&console, &issuer, "17").await;
    let (li, _) = browser.person(&console).await.unwrap();
    let (status, answer) = console
        .call(Method::DELETE, "/api/v1/session", Some(&li), None)
        .await;
    assert_eq!(status, StatusCode::OK);
    assert!(browser.person(&console).await.is_none());
    let end: Url = answer["continue_at"].as_str().unwrap().parse().unwrap();
    assert!(
        end.as_str()
            .starts_with(&format!("{}/end?", issuer.address()))
    );
    let query: HashMap<String, String> = end.query_pairs().into_owned().collect();
    assert_eq!(query["id_token_hint"].split('.').count(), 3);
    assert_eq!(query["client_id"], CLIENT);
    assert_eq!(
        query["post_logout_redirect_uri"],
        format!("{CONSOLE}/signin")
    );

    console.account("local", "leader", COUNTY, None).await;
    let local = console.sign_in("local").await;
    let (status, _) = console
        .call(Method::DELETE, "/api/v1/session", Some(&local), None)
        .await;
    assert_eq!(status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn what_the_provider_ends_ends_here_with_its_sockets_within_five_seconds() {
    let issuer = Issuer::start().await;
    let console = console(&issuer).await;
    let address = console.listen().await;
    let (li, wang) = (
        signed_in(&console, &issuer, "17").await,
        signed_in(&console, &issuer, "18").await,
    );
    let (who, _) = li.person(&console).await.unwrap();
    let mut request = format!("ws://{address}/api/v1/live")
        .into_client_request()
        .unwrap();
    for (name, value) in who.headers() {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    let token = issuer.sign(&claims(&issuer, "1"), Signed::Well);
    assert_eq!(post(&console, &token).await.0, StatusCode::OK);
    let closed = async {
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Close(frame) = message {
                return frame.map(|frame| u16::from(frame.code));
            }
        }
        None
    };
    let code = tokio::time::timeout(Duration::from_secs(5), closed).await;
    assert_eq!(code.unwrap(), Some(4401));
    assert!(li.person(&console).await.is_none());
    assert!(
        wang.person(&console).await.is_some(),
        "another's session goes on"
    );
    let ended = audited(&console, "session.ended").await;
    assert_eq!(
        (&ended["subject"], &ended["after"]["sessions"]),
        (&json!("17@sso"), &json!(1))
    );

    // Once: replayed, it ends nothing that was begun since.
    let back = signed_in(&console, &issuer, "17").await;
    let (status, answer) = post(&console, &token).await;
    assert_eq!(
        (status, &answer["error_description"]),
        (StatusCode::BAD_REQUEST, &json!("used"))
    );
    assert!(back.person(&console).await.is_some());
    // Nothing to end is no fault (Back-Channel Logout, 2.8).
    let mut nobody = claims(&issuer, "2");
    nobody["sub"] = json!("99");
    nobody["sid"] = json!("sid-99");
    assert_eq!(
        post(&console, &issuer.sign(&nobody, Signed::Well)).await.0,
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_logout_token_that_does_not_hold_ends_nothing() {
    let issuer = Issuer::start().await;
    let console = console(&issuer).await;
    let li = signed_in(&console, &issuer, "17").await;
    let now = Utc::now().timestamp();
    for (bent, signed, wrong) in [
        (
            json!({"iss": "https://evil.example"}),
            Signed::Well,
            "issuer",
        ),
        (json!({"aud": "another"}), Signed::Well, "audience"),
        (json!({"aud": ["another"]}), Signed::Well, "audience"),
        (json!({"iat": now - 700}), Signed::Well, "time"),
        (json!({"iat": now + 300}), Signed::Well, "time"),
        (json!({"exp": now - 300}), Signed::Well, "time"),
        (json!({"events": {}}), Signed::Well, "event"),
        (json!({"events": {EVENT: true}}), Signed::Well, "event"),
        (json!({"nonce": "n"}), Signed::Well, "event"),
        (json!({"jti": ""}), Signed::Well, "jti"),
        (json!({"sub": null, "sid": null}), Signed::Well, "subject"),
        (json!({"events": null}), Signed::Well, "token"),
        (json!({}), Signed::Forged, "signature"),
        (json!({}), Signed::Shared, "signature"),
        (json!({}), Signed::None, "signature"),
        (json!({}), Signed::Unknown, "key"),
    ] {
        let mut claims = claims(&issuer, "1");
        patch(&mut claims, bent.clone());
        let (status, answer) = post(&console, &issuer.sign(&claims, signed)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{bent}");
        assert_eq!(answer["error_description"], wrong, "{bent}");
        let audited = audited(&console, "session.refused").await;
        assert_eq!(
            (&audited["after"]["why"], &audited["after"]["wrong"]),
            (&json!("logout"), &json!(wrong))
        );
    }
    for rubbish in ["", "a", "a.b", "a.b.c", &"x".repeat(20_000)] {
        let (status, answer) = post(&console, rubbish).await;
        assert_eq!(
            (status, &answer["error_description"]),
            (StatusCode::BAD_REQUEST, &json!("token"))
        );
    }
    assert!(li.person(&console).await.is_some());
    // After all this, the right one.
    assert_eq!(
        post(&console, &issuer.sign(&claims(&issuer, "1"), Signed::Well))
            .await
            .0,
        StatusCode::OK
    );
    assert!(li.person(&console).await.is_none());
}

#[tokio::test]
async fn a_new_key_of_the_provider_signs_logouts_too() {
    let issuer = Issuer::start().await;
    let console = console(&issuer).await;
    let li = signed_in(&console, &issuer, "17").await;
    issuer.rotate();
    let token = issuer.sign(&claims(&issuer, "1"), Signed::Well);
    assert_eq!(post(&console, &token).await.0, StatusCode::OK);
    assert!(li.person(&console).await.is_none());
}
