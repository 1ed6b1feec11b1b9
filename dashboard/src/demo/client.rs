//! How the demo's systems post their events: over HTTP, as any outside system does.

use std::time::Duration;

use reqwest::{StatusCode, header};
use serde::Deserialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// Between two attempts when the console is away or asks to wait.
const RETRY: Duration = Duration::from_secs(1);

/// A sender with its token.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    stopping: CancellationToken,
}

/// What the console said to a batch.
#[derive(Debug, Default, Deserialize)]
pub struct Answer {
    /// New events.
    #[serde(default)]
    pub accepted: usize,
    /// Known ones.
    #[serde(default)]
    pub duplicate: usize,
    /// Kept for later.
    #[serde(default)]
    pub spooled: usize,
    /// Refused ones.
    #[serde(default)]
    pub rejected: Vec<Value>,
}

impl Client {
    /// A client of the console at `base`, e.g. `http://127.0.0.1:8080`, that gives up when `stopping` is cancelled.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(base: String, stopping: CancellationToken) -> Result<Self, reqwest::Error> {
        // The workspace builds reqwest without a provider of its own; a second installation is no error.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(60))
            .no_proxy()
            .build()?;
        Ok(Self {
            http,
            base,
            stopping,
        })
    }

    /// Waits until the console is ready. False: it is stopping.
    pub async fn ready(&self) -> bool {
        let url = format!("{}/health/ready", self.base);
        loop {
            if matches!(self.http.get(&url).send().await, Ok(answer) if answer.status().is_success())
            {
                return true;
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(100)) => {}
                () = self.stopping.cancelled() => return false,
            }
        }
    }

    /// Posts a batch, again and again until it is kept or refused. `None`: the console is stopping.
    ///
    /// # Errors
    /// What the console says when it refuses the whole batch.
    pub async fn post(&self, token: &str, events: &[Value]) -> Result<Option<Answer>, String> {
        let body = serde_json::to_vec(events).map_err(|error| error.to_string())?;
        loop {
            let request = self
                .http
                .post(format!("{}/api/v1/events", self.base))
                .bearer_auth(token)
                .header(header::CONTENT_TYPE, "application/cloudevents-batch+json")
                .body(body.clone());
            let sent = tokio::select! {
                sent = request.send() => sent,
                () = self.stopping.cancelled() => return Ok(None),
            };
            match sent {
                Ok(answer) if answer.status().is_success() => {
                    return answer
                        .json()
                        .await
                        .map(Some)
                        .map_err(|error| error.to_string());
                }
                Ok(answer) if passing(answer.status()) => {
                    tracing::debug!(status = %answer.status(), "events are sent again");
                }
                Ok(answer) => {
                    let status = answer.status();
                    return Err(format!(
                        "{status}: {}",
                        answer.text().await.unwrap_or_default()
                    ));
                }
                Err(error) => tracing::debug!(%error, "events are sent again"),
            }
            tokio::select! {
                () = tokio::time::sleep(RETRY) => {}
                () = self.stopping.cancelled() => return Ok(None),
            }
        }
    }
}

/// Whether the same request may succeed a moment later. A token made a moment ago may not have reached the intake yet.
fn passing(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::UNAUTHORIZED | StatusCode::REQUEST_TIMEOUT
        )
}
