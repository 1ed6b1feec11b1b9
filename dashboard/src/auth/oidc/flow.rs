//! One sign-in through the provider: what goes out, and what has to come back.
//!
//! State, nonce and PKCE verifier are drawn from one secret that only this browser's cookie holds; the database knows the hash
//! of the state, to let it be good once. So an answer fits only the browser that asked, and neither database nor log holds
//! anything that would finish a sign-in.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClientAuthMethod,
    CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm, CoreRevocableToken, CoreRevocationErrorResponse,
    CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessTokenHash, AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret,
    CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, IdTokenFields,
    Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    RequestTokenError, Scope, SignatureVerificationError, StandardErrorResponse,
    StandardTokenResponse, SubjectIdentifier, TokenResponse, UserInfoClaims,
};
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use url::Url;

use super::claims::{Extra, Told};
use super::provider::{Away, Metadata};
use super::{Oidc, Refusal, SIGNATURES};
use crate::auth::secret;

/// Where the provider sends browsers back to.
pub const CALLBACK: &str = "/api/v1/session/sso/callback";
/// Longest path to go on to.
const LONGEST_PATH: usize = 1_000;

type Tokens = StandardTokenResponse<
    IdTokenFields<
        Extra,
        EmptyExtraTokenFields,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;

type Client = openidconnect::Client<
    Extra,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// The secret of one sign-in; the browser keeps it, and nobody else.
#[derive(Clone)]
pub struct Flow(String);

impl Flow {
    /// A new one.
    pub fn random() -> Self {
        Self(secret::random())
    }

    /// From the browser's cookie.
    pub fn from_cookie(value: String) -> Self {
        Self(value)
    }

    /// What the cookie holds.
    pub fn cookie(&self) -> &str {
        &self.0
    }

    /// What the answer has to bring back.
    pub fn state(&self) -> String {
        self.draw("state")
    }

    /// What the ID token has to hold.
    pub fn nonce(&self) -> String {
        self.draw("nonce")
    }

    fn verifier(&self) -> String {
        self.draw("verifier")
    }

    /// The secret has 256 random bits: what is drawn for one use says nothing of it, nor of another.
    fn draw(&self, what: &str) -> String {
        let digest = Sha256::new()
            .chain_update(what)
            .chain_update([0])
            .chain_update(&self.0);
        URL_SAFE_NO_PAD.encode(digest.finalize())
    }
}

/// A path of our own pages to go on to after signing in; anything else is the start page. What a link from elsewhere says must
/// not lead elsewhere.
pub fn own_path(wanted: Option<&str>) -> String {
    let start = || "/".to_owned();
    let Some(wanted) = wanted.filter(|wanted| wanted.len() <= LONGEST_PATH) else {
        return start();
    };
    let base = Url::parse("https://own.invalid/").ok();
    let joined = base
        .as_ref()
        .filter(|_| wanted.starts_with('/'))
        .and_then(|base| base.join(wanted).ok());
    match (base, joined) {
        (Some(base), Some(url))
            if url.origin() == base.origin() && !url.path().starts_with("//") =>
        {
            url[url::Position::BeforePath..].to_owned()
        }
        _ => start(),
    }
}

impl Oidc {
    fn client(&self, metadata: &Metadata) -> Result<Client, Refusal> {
        let settings = self.settings();
        let secret = settings.secret().map_err(|error| {
            tracing::error!(%error, "single sign-on cannot go on");
            Refusal::Away
        })?;
        let has_secret = secret.is_some();
        let methods = metadata.token_endpoint_auth_methods_supported();
        let takes = |method| methods.is_some_and(|methods| methods.contains(&method));
        let redirect = RedirectUrl::new(settings.at(CALLBACK))
            .map_err(|error| Refusal::from(Away::because(&error)))?;
        let client = Client::from_provider_metadata(
            metadata.clone(),
            ClientId::new(settings.client_id.clone()),
            secret.map(ClientSecret::new),
        )
        .set_redirect_uri(redirect);
        // Basic is what every provider takes, unless it says otherwise.
        let in_body = !takes(CoreClientAuthMethod::ClientSecretBasic)
            && takes(CoreClientAuthMethod::ClientSecretPost);
        Ok(if has_secret && in_body {
            client.set_auth_type(AuthType::RequestBody)
        } else {
            client
        })
    }

    /// Where the browser has to go.
    ///
    /// # Errors
    /// When the provider does not answer.
    pub async fn begin(&self, flow: &Flow) -> Result<Url, Refusal> {
        let metadata = self.provider().metadata().await?;
        let client = self.client(&metadata)?;
        let settings = self.settings();
        let verifier = PkceCodeVerifier::new(flow.verifier());
        let (state, nonce) = (flow.state(), flow.nonce());
        let mut request = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                || CsrfToken::new(state),
                || Nonce::new(nonce),
            )
            .add_scopes(settings.scopes.iter().cloned().map(Scope::new))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        if !settings.second_factor_acr.is_empty() {
            request = request.add_extra_param("acr_values", settings.second_factor_acr.join(" "));
        }
        Ok(request.url().0)
    }

    /// Whether an answer that names `issuer` (RFC 9207) may be our provider's: of two providers, one could pass on the answers of
    /// the other.
    pub fn is_answer_of(&self, issuer: Option<&str>) -> bool {
        match issuer {
            Some(issuer) => issuer == self.settings().issuer.as_str(),
            None => self.provider().known().is_none_or(|known| {
                !known
                    .additional_metadata()
                    .authorization_response_iss_parameter_supported
            }),
        }
    }

    /// Exchanges the code and checks what comes for it.
    ///
    /// # Errors
    /// When the provider does not answer, refuses the code, or says what does not hold.
    pub async fn finish(&self, flow: &Flow, code: String) -> Result<Told, Refusal> {
        let metadata = self.provider().metadata().await?;
        let client = self.client(&metadata)?;
        let call = |request| self.provider().call(request);
        let tokens = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|_| Refusal::Invalid("token_endpoint"))?
            .set_pkce_verifier(PkceCodeVerifier::new(flow.verifier()))
            .request_async(&call)
            .await
            .map_err(|error| not_exchanged(&error))?;
        let id_token = tokens.id_token().ok_or(Refusal::Invalid("id_token"))?;
        let mut claims = match self.holds(&client, &tokens, flow) {
            Err(Refusal::Invalid("key")) => {
                // The provider may have taken a new key into use.
                let newer = self.provider().newer_than(Some(&metadata)).await;
                let newer: Arc<Metadata> = newer.ok_or(Refusal::Invalid("key"))?;
                self.holds(&self.client(&newer)?, &tokens, flow)?
            }
            checked => checked?,
        };
        if super::claims::at(&claims, &self.settings().groups_claim).is_none()
            && client.user_info_url().is_some()
        {
            let more = self.user_info(&client, &tokens, &claims).await?;
            for (name, value) in more {
                claims.entry(name).or_insert(value);
            }
        }
        Told::read(&claims, id_token.to_string(), self.settings())
            .ok_or(Refusal::Invalid("subject"))
    }

    /// The claims of the ID token, once everything about it is right.
    fn holds(
        &self,
        client: &Client,
        tokens: &Tokens,
        flow: &Flow,
    ) -> Result<Map<String, Value>, Refusal> {
        let id_token = tokens.id_token().ok_or(Refusal::Invalid("id_token"))?;
        let verifier = client.id_token_verifier().set_allowed_algs(SIGNATURES);
        let claims = id_token
            .claims(&verifier, &Nonce::new(flow.nonce()))
            .map_err(|error| not_right(&error))?;
        if let Some(said) = claims.access_token_hash() {
            let signed = id_token
                .signing_alg()
                .ok()
                .zip(id_token.signing_key(&verifier).ok());
            let hash = signed.and_then(|(signature, key)| {
                AccessTokenHash::from_token(tokens.access_token(), signature, key).ok()
            });
            if hash.as_ref() != Some(said) {
                return Err(Refusal::Invalid("access_token"));
            }
        }
        let mine = self.settings().client_id.as_str();
        if claims
            .authorized_party()
            .is_some_and(|party| party.as_str() != mine)
        {
            return Err(Refusal::Invalid("audience"));
        }
        as_map(claims)
    }

    /// What the provider says of the person beside the ID token.
    async fn user_info(
        &self,
        client: &Client,
        tokens: &Tokens,
        claims: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Refusal> {
        let subject = claims
            .get("sub")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let subject = SubjectIdentifier::new(subject.to_owned());
        let call = |request| self.provider().call(request);
        let told: UserInfoClaims<Extra, CoreGenderClaim> = client
            .user_info(tokens.access_token().clone(), Some(subject))
            .map_err(|_| Refusal::Invalid("user_info"))?
            .request_async(&call)
            .await
            .map_err(|error| {
                tracing::warn!(why = %Away::because(&error), "single sign-on: the provider says nothing of a person");
                Refusal::Invalid("user_info")
            })?;
        as_map(&told)
    }
}

fn as_map(claims: &impl Serialize) -> Result<Map<String, Value>, Refusal> {
    match serde_json::to_value(claims) {
        Ok(Value::Object(claims)) => Ok(claims),
        _ => Err(Refusal::Invalid("claims")),
    }
}

fn not_exchanged<E: std::error::Error + 'static>(
    error: &RequestTokenError<E, StandardErrorResponse<CoreErrorResponseType>>,
) -> Refusal {
    // The library's words for a body that it cannot parse hold none of it.
    tracing::warn!(why = %Away::because(error), "single sign-on: the provider gives nothing for a code");
    match error {
        RequestTokenError::Request(_) => Refusal::Away,
        RequestTokenError::ServerResponse(_) => Refusal::Invalid("code"),
        _ => Refusal::Invalid("token"),
    }
}

fn not_right(error: &ClaimsVerificationError) -> Refusal {
    tracing::warn!(%error, "single sign-on: an ID token does not hold");
    Refusal::Invalid(match error {
        ClaimsVerificationError::Expired(_) => "expired",
        ClaimsVerificationError::InvalidAudience(_) => "audience",
        ClaimsVerificationError::InvalidIssuer(_) => "issuer",
        ClaimsVerificationError::InvalidNonce(_) => "nonce",
        ClaimsVerificationError::SignatureVerification(
            SignatureVerificationError::NoMatchingKey,
        ) => "key",
        ClaimsVerificationError::SignatureVerification(_) => "signature",
        _ => "claims",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_out_fits_one_secret_and_differs_by_use() {
        let (one, other) = (Flow::random(), Flow::random());
        let again = Flow::from_cookie(one.cookie().to_owned());
        assert_eq!((one.state(), one.nonce()), (again.state(), again.nonce()));
        assert_ne!(one.state(), other.state());
        let drawn = [
            one.state(),
            one.nonce(),
            one.verifier(),
            one.cookie().to_owned(),
        ];
        for (i, a) in drawn.iter().enumerate() {
            assert!(drawn[i + 1..].iter().all(|b| a != b));
        }
        // RFC 7636, 4.1
        assert_eq!(one.verifier().len(), 43);
    }

    #[test]
    fn nobody_is_led_elsewhere() {
        for (wanted, path) in [
            ("/cards?grade=red_card#c7", "/cards?grade=red_card#c7"),
            ("/cases/2026-1", "/cases/2026-1"),
            ("/办件", "/%E5%8A%9E%E4%BB%B6"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("/\t/evil.example", "/"),
            ("/..//evil.example", "/"),
            ("https://evil.example", "/"),
            ("javascript:alert(1)", "/"),
            ("evil", "/"),
            ("", "/"),
        ] {
            assert_eq!(own_path(Some(wanted)), path, "{wanted:?}");
        }
        assert_eq!(own_path(None), "/");
        assert_eq!(own_path(Some(&format!("/{}", "x".repeat(2_000)))), "/");
    }
}
