//! The end, from either side: we ask the provider to end its session (RP-Initiated Logout), and the provider tells us that a
//! session has ended (Back-Channel Logout).

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::core::{CoreJsonWebKey, CoreJwsSigningAlgorithm};
use openidconnect::{JsonWebKey, JsonWebKeyAlgorithm, JsonWebKeyUse};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::provider::Metadata;
use super::{Oidc, SIGNATURES};

/// What a logout token is about (Back-Channel Logout, 2.4).
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// How old a logout token may be, and how far clocks may differ.
const FRESH: TimeDelta = TimeDelta::minutes(10);
/// How far the provider's clock may be ahead.
const AHEAD: TimeDelta = TimeDelta::minutes(2);
/// Longest logout token.
const LONGEST: usize = 16 << 10;
/// Where the provider sends browsers when it has ended its session.
const AFTER: &str = "/signin";

/// A logout token that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logout {
    /// Whose sessions end.
    pub subject: Option<String>,
    /// Which session ends.
    pub sid: Option<String>,
    /// Its number; good once.
    pub jti: String,
    /// From when on nobody would take it any more.
    pub expires: DateTime<Utc>,
}

/// What is wrong with a logout token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wrong(pub &'static str);

#[derive(Deserialize)]
struct Header {
    alg: Value,
    kid: Option<String>,
    #[serde(default)]
    crit: Option<Value>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Value,
    iat: i64,
    exp: Option<i64>,
    jti: String,
    sub: Option<String>,
    sid: Option<String>,
    events: serde_json::Map<String, Value>,
    nonce: Option<Value>,
}

impl Oidc {
    /// Where the browser goes to end the provider's session too; `None` where the provider knows no such thing.
    pub fn ends_at(&self, id_token: &str) -> Option<String> {
        let known = self.provider().known()?;
        let mut url = known.additional_metadata().end_session_endpoint.clone()?;
        url.query_pairs_mut()
            .append_pair("id_token_hint", id_token)
            .append_pair("client_id", &self.settings().client_id)
            .append_pair("post_logout_redirect_uri", &self.settings().at(AFTER));
        Some(url.into())
    }

    /// Checks a logout token, all but that it comes for the first time.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn logout(&self, token: &str, now: DateTime<Utc>) -> Result<Logout, Wrong> {
        let metadata = self.provider().known().ok_or(Wrong("away"))?;
        let claims = match self.signed(&metadata, token) {
            Err(Wrong("key")) => {
                let newer = self.provider().newer_than(Some(&metadata)).await;
                let newer: Arc<Metadata> = newer.ok_or(Wrong("key"))?;
                self.signed(&newer, token)?
            }
            signed => signed?,
        };
        self.about(claims, now)
    }

    fn signed(&self, metadata: &Metadata, token: &str) -> Result<Claims, Wrong> {
        if token.len() > LONGEST {
            return Err(Wrong("token"));
        }
        let (message, signature) = token.rsplit_once('.').ok_or(Wrong("token"))?;
        let (header, payload) = message.split_once('.').ok_or(Wrong("token"))?;
        let header: Header = part(header)?;
        let algorithm: CoreJwsSigningAlgorithm =
            serde_json::from_value(header.alg).map_err(|_| Wrong("signature"))?;
        if !SIGNATURES.contains(&algorithm) || header.crit.is_some() {
            return Err(Wrong("signature"));
        }
        let fits = |key: &&CoreJsonWebKey| {
            let named = header.kid.as_deref();
            let known = key.key_id().map(|id| id.as_str());
            let may_sign = key.key_use().is_none_or(JsonWebKeyUse::allows_signature);
            let for_this = match key.signing_alg() {
                JsonWebKeyAlgorithm::Algorithm(only) => *only == algorithm,
                JsonWebKeyAlgorithm::Unspecified => true,
                JsonWebKeyAlgorithm::Unsupported => false,
            };
            (named.is_none() || named == known) && may_sign && for_this
        };
        let keys: Vec<_> = metadata.jwks().keys().iter().filter(fits).collect();
        if keys.is_empty() {
            return Err(Wrong("key"));
        }
        let signature = URL_SAFE_NO_PAD
            .decode(signature)
            .map_err(|_| Wrong("token"))?;
        let signed = |key: &&CoreJsonWebKey| {
            key.verify_signature(&algorithm, message.as_bytes(), &signature)
                .is_ok()
        };
        if !keys.iter().any(signed) {
            return Err(Wrong("signature"));
        }
        part(payload)
    }

    fn about(&self, claims: Claims, now: DateTime<Utc>) -> Result<Logout, Wrong> {
        let settings = self.settings();
        if claims.iss != settings.issuer.as_str() {
            return Err(Wrong("issuer"));
        }
        let mine = Value::from(settings.client_id.as_str());
        let is_mine = match &claims.aud {
            Value::Array(several) => several.contains(&mine),
            one => *one == mine,
        };
        if !is_mine {
            return Err(Wrong("audience"));
        }
        let instant = |seconds| DateTime::from_timestamp(seconds, 0).ok_or(Wrong("time"));
        let issued = instant(claims.iat)?;
        if issued < now - FRESH || issued > now + AHEAD {
            return Err(Wrong("time"));
        }
        if let Some(end) = claims.exp
            && instant(end)? + AHEAD < now
        {
            return Err(Wrong("time"));
        }
        // An ID token is no logout token: the one has a nonce, the other this event.
        if !claims.events.get(EVENT).is_some_and(Value::is_object) || claims.nonce.is_some() {
            return Err(Wrong("event"));
        }
        if claims.jti.is_empty() {
            return Err(Wrong("jti"));
        }
        if claims.sub.is_none() && claims.sid.is_none() {
            return Err(Wrong("subject"));
        }
        Ok(Logout {
            subject: claims.sub,
            sid: claims.sid,
            jti: claims.jti,
            expires: issued + FRESH + AHEAD,
        })
    }
}

fn part<T: DeserializeOwned>(text: &str) -> Result<T, Wrong> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Wrong("token"))?;
    serde_json::from_slice(&bytes).map_err(|_| Wrong("token"))
}
