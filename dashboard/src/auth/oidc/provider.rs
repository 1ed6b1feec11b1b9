//! What is known of the provider: its discovery document and its keys. Both are fetched at the start, every minute, and at once
//! when something is signed by a key that is not known yet. That the provider is away stops nothing but single sign-on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType,
    CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm,
    CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::{
    AdditionalProviderMetadata, HttpRequest, HttpResponse, IssuerUrl, ProviderMetadata,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

use crate::app::App;
use crate::config::{self, ConfigError};

/// How long the provider may take to answer.
const PATIENCE: Duration = Duration::from_secs(8);
/// The longest answer that is read.
const LONGEST: usize = 1 << 20;
/// Between two looks at a provider that answers.
const LOOK: Duration = Duration::from_secs(60);
/// Between two looks at one that does not.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// Whoever sends us unknown keys makes us ask the provider at most this often.
pub const SELDOM: Duration = Duration::from_secs(5);

/// What a provider says of itself beside what the library reads.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct More {
    /// Where it ends its own session.
    #[serde(default)]
    pub end_session_endpoint: Option<Url>,
    /// It puts its name into every answer (RFC 9207).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for More {}

/// The discovery document, with the keys.
pub type Metadata = ProviderMetadata<
    More,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// The provider does not answer, or not as one.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct Away(String);

impl Away {
    /// With every cause behind `error`: the first says only that something failed.
    pub fn because(error: &dyn std::error::Error) -> Self {
        let mut words = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            words = format!("{words}: {error}");
            cause = error.source();
        }
        Self(words)
    }
}

/// What went wrong between us and the provider.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No answer.
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    /// More than anybody needs.
    #[error("the answer is longer than {LONGEST} bytes")]
    TooLong,
    /// The configuration cannot be used.
    #[error("{0}")]
    Unusable(String),
}

/// What speaks to the provider: follows no redirection (a token must not go elsewhere), and trusts the system's authorities or
/// those of `ca_file` alone.
///
/// # Errors
/// The authorities cannot be read.
pub fn http(settings: &config::Oidc) -> Result<reqwest::Client, ConfigError> {
    // The workspace builds reqwest without a provider of its own; a second installation is no error.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none());
    let path = settings.ca_file.clone().unwrap_or_default();
    let wrong = |reason: String| ConfigError::Authorities {
        path: path.clone(),
        reason,
    };
    if settings.ca_file.is_some() {
        let pem = std::fs::read(&path).map_err(|error| wrong(error.to_string()))?;
        let authorities = reqwest::Certificate::from_pem_bundle(&pem)
            .map_err(|error| wrong(error.to_string()))?;
        if authorities.is_empty() {
            return Err(wrong("it holds no certificate in PEM".into()));
        }
        builder = builder.tls_certs_only(authorities);
    }
    builder.build().map_err(|error| wrong(error.to_string()))
}

async fn fetch(
    http: Result<reqwest::Client, String>,
    request: HttpRequest,
) -> Result<HttpResponse, FetchError> {
    let http = http.map_err(FetchError::Unusable)?;
    let mut response = http.execute(request.try_into()?).await?;
    let mut answer = HttpResponse::new(Vec::new());
    *answer.status_mut() = response.status();
    *answer.headers_mut() = std::mem::take(response.headers_mut());
    while let Some(chunk) = response.chunk().await? {
        if answer.body().len() + chunk.len() > LONGEST {
            return Err(FetchError::TooLong);
        }
        answer.body_mut().extend_from_slice(&chunk);
    }
    Ok(answer)
}

/// The provider.
pub struct Provider {
    settings: Arc<config::Oidc>,
    http: Result<reqwest::Client, String>,
    known: RwLock<Option<Arc<Metadata>>>,
    away: AtomicBool,
    /// When it was last asked out of turn.
    asked: Mutex<Option<Instant>>,
}

impl Provider {
    /// Of which nothing is known yet.
    pub fn new(settings: Arc<config::Oidc>) -> Self {
        Self {
            http: http(&settings).map_err(|error| error.to_string()),
            settings,
            known: RwLock::default(),
            away: AtomicBool::new(true),
            asked: Mutex::default(),
        }
    }

    /// Whether it answered when it was last asked.
    pub fn answers(&self) -> bool {
        !self.away.load(Ordering::Relaxed)
    }

    /// Asks it, as the library wants it.
    pub fn call(
        &self,
        request: HttpRequest,
    ) -> impl Future<Output = Result<HttpResponse, FetchError>> + Send + use<> {
        fetch(self.http.clone(), request)
    }

    /// What was known last, whether it answers or not.
    pub fn known(&self) -> Option<Arc<Metadata>> {
        self.known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Reads document and keys again.
    ///
    /// # Errors
    /// When it does not answer as the provider that was configured; what was known stays known.
    pub async fn refresh(&self) -> Result<Arc<Metadata>, Away> {
        let found = self.discover().await;
        let was_away = self.away.swap(found.is_err(), Ordering::Relaxed);
        match &found {
            Ok(metadata) => {
                *self.known.write().unwrap_or_else(PoisonError::into_inner) =
                    Some(Arc::clone(metadata));
                if was_away {
                    tracing::info!("single sign-on: the provider answers");
                }
            }
            Err(why) if !was_away || self.known().is_none() => tracing::warn!(
                %why, "single sign-on: the provider does not answer; local accounts sign in as ever"
            ),
            Err(_) => {}
        }
        found
    }

    async fn discover(&self) -> Result<Arc<Metadata>, Away> {
        let issuer = IssuerUrl::new(self.settings.issuer.as_str().to_owned())
            .map_err(|error| Away::because(&error))?;
        let call = |request| self.call(request);
        let found = Metadata::discover_async(issuer, &call).await;
        found.map(Arc::new).map_err(|error| Away::because(&error))
    }

    /// What is known while it answers; where it did not, it is asked again.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn metadata(&self) -> Result<Arc<Metadata>, Away> {
        match self.known() {
            Some(known) if self.answers() => Ok(known),
            known => {
                let newer = self.newer_than(known.as_ref()).await;
                newer.ok_or_else(|| Away("it was asked a moment ago".into()))
            }
        }
    }

    /// What it says now, when `known` is not enough; `None` when it was asked a moment ago, or does not answer.
    pub async fn newer_than(&self, known: Option<&Arc<Metadata>>) -> Option<Arc<Metadata>> {
        let mut asked = self.asked.lock().await;
        if let Some(now) = self.known().filter(|_| self.answers())
            && known.is_none_or(|known| !Arc::ptr_eq(known, &now))
        {
            return Some(now);
        }
        if asked.is_some_and(|asked| asked.elapsed() < SELDOM) {
            return None;
        }
        let newer = self.refresh().await.ok();
        // From the end: whoever waited meanwhile does not ask a silent provider again, one after the other.
        *asked = Some(Instant::now());
        newer
    }
}

/// Looks after the provider until the console stops.
pub async fn follow(app: App) {
    let Some(oidc) = app.oidc() else { return };
    loop {
        let wait = match oidc.provider().refresh().await {
            Ok(_) => LOOK,
            Err(_) => LOOK_AGAIN,
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = app.stopping().cancelled() => return,
        }
    }
}
