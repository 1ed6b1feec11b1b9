//! A minimal issuer: discovery, keys, tokens and user info over HTTP, with tokens that it signs as it is told.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::Utc;
use rcgen::{KeyPair, PKCS_ED25519, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

pub const CLIENT: &str = "mingjing";
pub const SECRET: &str = "a secret of the client & more";
/// Where the console would be reached.
pub const CONSOLE: &str = "http://127.0.0.1:7199";

/// What somebody who signed in at the issuer gets for their code.
struct Approved {
    challenge: String,
    id_token: String,
    user_info: Value,
}

pub struct Inner {
    pub address: String,
    keys: Mutex<Vec<(String, KeyPair)>>,
    codes: Mutex<HashMap<String, Approved>>,
    /// By access token.
    people: Mutex<HashMap<String, Value>>,
    pub away: AtomicBool,
    /// How often its keys were asked for.
    pub asked: AtomicUsize,
}

#[derive(Clone)]
pub struct Issuer(pub Arc<Inner>);

/// How a token is signed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Signed {
    /// By the newest key.
    Well,
    /// By a key that is nowhere published, under the name of the newest.
    Forged,
    /// By a key that is nowhere published, under its own name.
    Unknown,
    /// Not at all.
    None,
    /// With the client's secret.
    Shared,
}

impl Issuer {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = Self(Arc::new(Inner {
            address: format!("http://{}", listener.local_addr().unwrap()),
            keys: Mutex::default(),
            codes: Mutex::default(),
            people: Mutex::default(),
            away: AtomicBool::new(false),
            asked: AtomicUsize::new(0),
        }));
        issuer.rotate();
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/jwks", get(jwks))
            .route("/token", post(token))
            .route("/me", get(me))
            .with_state(issuer.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        issuer
    }

    pub fn address(&self) -> &str {
        &self.0.address
    }

    /// Takes a new key into use; the old one is not published any more.
    pub fn rotate(&self) {
        let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let mut keys = self.0.keys.lock().unwrap();
        let name = format!("key-{}", keys.len());
        keys.push((name, key));
    }

    /// The person signs in where the console sent them (`to`): the query of the way back. `bent` goes over the claims.
    pub fn approve(&self, to: &Url, claims: Value, signed: Signed) -> String {
        self.approve_with(to, claims, json!({}), signed)
    }

    pub fn approve_with(
        &self,
        to: &Url,
        claims: Value,
        user_info: Value,
        signed: Signed,
    ) -> String {
        let query: HashMap<String, String> = to.query_pairs().into_owned().collect();
        assert_eq!(query["client_id"], CLIENT);
        assert_eq!(query["response_type"], "code");
        assert_eq!(query["code_challenge_method"], "S256");
        let back = format!("{CONSOLE}/api/v1/session/sso/callback");
        assert_eq!(query["redirect_uri"], back);
        let now = Utc::now().timestamp();
        let mut all = json!({
            "iss": self.address(), "aud": CLIENT, "exp": now + 300, "iat": now, "nonce": query["nonce"],
        });
        patch(&mut all, claims);
        let code = format!("code-{}", self.0.codes.lock().unwrap().len());
        let approved = Approved {
            challenge: query["code_challenge"].clone(),
            id_token: self.sign(&all, signed),
            user_info,
        };
        self.0.codes.lock().unwrap().insert(code.clone(), approved);
        format!("code={code}&state={}", query["state"])
    }

    /// A token with these claims.
    pub fn sign(&self, claims: &Value, signed: Signed) -> String {
        let keys = self.0.keys.lock().unwrap();
        let (name, key) = keys.last().unwrap();
        let stranger = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let (algorithm, name, key) = match signed {
            Signed::Well => ("EdDSA", name.as_str(), key),
            Signed::Forged => ("EdDSA", name.as_str(), &stranger),
            Signed::Unknown => ("EdDSA", "stranger", &stranger),
            Signed::None => ("none", name.as_str(), key),
            Signed::Shared => ("HS256", name.as_str(), key),
        };
        let header = json!({"alg": algorithm, "kid": name, "typ": "JWT"});
        let message = format!("{}.{}", encoded(&header), encoded(claims));
        let signature = match signed {
            Signed::None => Vec::new(),
            Signed::Shared => mac(SECRET.as_bytes(), message.as_bytes()),
            _ => key.sign(message.as_bytes()).unwrap(),
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// HMAC with SHA-256 (RFC 2104).
fn mac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 64];
    block[..key.len()].copy_from_slice(key);
    let pad = |with: u8| block.map(|byte| byte ^ with);
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message);
    let outer = Sha256::new().chain_update(pad(0x5c));
    outer.chain_update(inner.finalize()).finalize().to_vec()
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// Puts what stands in `with` over what stands in `value`; `null` takes it out.
pub fn patch(value: &mut Value, with: Value) {
    let Value::Object(with) = with else { panic!() };
    let value = value.as_object_mut().unwrap();
    for (name, new) in with {
        if new.is_null() {
            value.remove(&name);
        } else {
            value.insert(name, new);
        }
    }
}

async fn discovery(State(issuer): State<Issuer>) -> Response {
    if issuer.0.away.load(Ordering::Relaxed) {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    let at = |path: &str| format!("{}{path}", issuer.address());
    Json(json!({
        "issuer": issuer.address(), "authorization_endpoint": at("/auth"), "token_endpoint": at("/token"),
        "jwks_uri": at("/jwks"), "userinfo_endpoint": at("/me"), "end_session_endpoint": at("/end"),
        "response_types_supported": ["code"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA", "HS256", "none"],
    }))
    .into_response()
}

async fn jwks(State(issuer): State<Issuer>) -> Json<Value> {
    issuer.0.asked.fetch_add(1, Ordering::Relaxed);
    let keys = issuer.0.keys.lock().unwrap();
    let (name, key) = keys.last().unwrap();
    let x = URL_SAFE_NO_PAD.encode(key.public_key_raw());
    Json(json!({"keys": [
        {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": name, "x": x},
    ]}))
}

async fn token(
    State(issuer): State<Issuer>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let refused =
        |why: &str| (StatusCode::BAD_REQUEST, Json(json!({"error": why}))).into_response();
    // RFC 6749, 2.3.1: both parts are encoded as in a form.
    let part =
        |text: &str| -> String { url::form_urlencoded::byte_serialize(text.as_bytes()).collect() };
    let basic = STANDARD.encode(format!("{}:{}", part(CLIENT), part(SECRET)));
    if headers["authorization"] != format!("Basic {basic}") {
        return refused("invalid_client");
    }
    let Some(approved) = issuer.0.codes.lock().unwrap().remove(&form["code"]) else {
        return refused("invalid_grant");
    };
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(form["code_verifier"].as_bytes()));
    if challenge != approved.challenge {
        return refused("invalid_grant");
    }
    let access = form["code"].clone();
    issuer
        .0
        .people
        .lock()
        .unwrap()
        .insert(access.clone(), approved.user_info);
    Json(json!({"access_token": access, "token_type": "Bearer", "id_token": approved.id_token}))
        .into_response()
}

async fn me(State(issuer): State<Issuer>, headers: HeaderMap) -> Json<Value> {
    let bearer = headers["authorization"].to_str().unwrap();
    let token = bearer.strip_prefix("Bearer ").unwrap();
    Json(issuer.0.people.lock().unwrap()[token].clone())
}
