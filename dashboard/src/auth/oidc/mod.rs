//! Single sign-on: the county's provider of OpenID Connect says who somebody is, its groups say what they may.
//!
//! ```text
//! button ─▶ begin: state, nonce, PKCE, bound to this browser ─▶ the provider's own pages
//!        ◀─ callback: state once, code for tokens, tokens checked ─▶ account by issuer and subject ─▶ auth::stage
//! ```
//!
//! Code flow with PKCE only (RFC 9700). Who the person is, is issuer and subject, never a name or an address of mail; so no local
//! account can be taken over. What they may is the first `[[oidc.group]]` of the configuration that fits, anew at every sign-in.

pub mod accounts;
pub mod claims;
pub mod flow;
pub mod logout;
pub mod provider;

use std::sync::Arc;

use openidconnect::core::CoreJwsSigningAlgorithm;
use serde_json::{Value, json};

use crate::config::{self, ConfigError};
use crate::problem::Problem;
pub use claims::Told;
pub use provider::{Away, Provider};

/// Signatures that are taken: those of a key that only the provider has. Never `none`, and none that a client secret makes.
pub const SIGNATURES: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// Single sign-on as it is configured, and what is known of the provider.
pub struct Oidc {
    settings: Arc<config::Oidc>,
    provider: Provider,
}

impl Oidc {
    /// Nothing is asked yet.
    pub fn new(settings: config::Oidc) -> Self {
        let settings = Arc::new(settings);
        Self {
            provider: Provider::new(Arc::clone(&settings)),
            settings,
        }
    }

    /// Whether what the configuration names can be read.
    ///
    /// # Errors
    /// The file that cannot.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.settings.secret()?;
        provider::http(&self.settings).map(|_| ())
    }

    /// How it is configured.
    pub fn settings(&self) -> &config::Oidc {
        &self.settings
    }

    /// The provider.
    pub fn provider(&self) -> &Provider {
        &self.provider
    }
}

/// Why somebody was not let in. The page says it by [`Self::code`], the audit log by [`Self::facts`].
#[derive(Debug, Clone)]
pub enum Refusal {
    /// There is no single sign-on here.
    Off,
    /// The provider does not answer.
    Away,
    /// Too many are signing in.
    Busy,
    /// The console itself cannot go on.
    Console(Problem),
    /// The answer belongs to no sign-in of this browser.
    Foreign,
    /// The answer was taken before.
    Used,
    /// It took longer than ten minutes.
    Expired,
    /// The provider let the person not in; its word for it.
    Provider(String),
    /// What the provider says does not hold; which part.
    Invalid(&'static str),
    /// The person is in no group that means anything here.
    NoGroup(Box<Told>),
    /// The configuration gives the group a hall, unit or window that is not there.
    Mapping(String),
    /// The account was disabled here.
    Disabled(String),
}

impl Refusal {
    /// The word by which the page knows what to say.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Away => "away",
            Self::Busy => "busy",
            Self::Console(_) => "console",
            Self::Foreign => "foreign",
            Self::Used => "used",
            Self::Expired => "expired",
            Self::Provider(word) if word == "access_denied" => "denied",
            Self::Provider(_) => "provider",
            Self::Invalid(_) => "invalid",
            Self::NoGroup(_) => "no_group",
            Self::Mapping(_) => "mapping",
            Self::Disabled(_) => "disabled",
        }
    }

    /// What is written down. Nothing that a stranger sent stands in it but words of a provider that were looked at.
    pub fn facts(&self) -> Value {
        let mut facts = json!({"step": "single_sign_on", "why": self.code()});
        match self {
            Self::Provider(word) => facts["answer"] = json!(word),
            Self::Invalid(what) => facts["wrong"] = json!(what),
            Self::Mapping(group) => facts["group"] = json!(group),
            Self::NoGroup(told) => {
                facts["subject"] = json!(told.subject);
                facts["groups"] = json!(told.groups);
            }
            _ => {}
        }
        facts
    }

    /// Whose sign-in it was, as far as the provider says so.
    pub fn who(&self) -> Option<&str> {
        match self {
            Self::NoGroup(told) => Some(&told.login),
            Self::Disabled(login) => Some(login),
            _ => None,
        }
    }
}

impl From<Away> for Refusal {
    fn from(_: Away) -> Self {
        Self::Away
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Console(problem)
    }
}

impl From<mingjing_monitor::store::StoreError> for Refusal {
    fn from(error: mingjing_monitor::store::StoreError) -> Self {
        Self::Console(error.into())
    }
}

impl From<sqlx::Error> for Refusal {
    fn from(error: sqlx::Error) -> Self {
        Self::Console(error.into())
    }
}
