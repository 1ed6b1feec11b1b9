//! A log's events posted to a running console (`--into`): in order, in batches, again until each is taken. What is posted
//! twice changes nothing, so that a replay that was cut off is simply started again.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use mingjing_monitor::event::CaseEvent;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Certificate, Client, StatusCode};
use serde::{Deserialize, Serialize};
use url::Url;

use super::ReplayError;

/// Events in one request.
const EVENTS: usize = 2_000;
/// Bytes in one request; the interface takes 5 MiB.
const BYTES: usize = 4 << 20;
/// For how long a console that is away or busy is waited for.
const PATIENCE: Duration = Duration::from_secs(300);
/// A wait that the console does not name.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest wait between two attempts.
const LONGEST: Duration = Duration::from_secs(30);

/// What became of the events.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct Posted {
    /// Newly taken in.
    pub accepted: u64,
    /// Known already.
    pub duplicate: u64,
    /// Safe in the console's spool, to be taken in once its database is back.
    pub spooled: u64,
    /// Refused.
    pub rejected: u64,
    /// Why, with how many.
    pub reasons: BTreeMap<String, u64>,
    /// Halls of the refused events.
    pub refused_halls: BTreeSet<String>,
}

/// The answer of `POST /api/v1/events`.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    accepted: u64,
    #[serde(default)]
    duplicate: u64,
    #[serde(default)]
    spooled: u64,
    #[serde(default)]
    rejected: Vec<Rejection>,
}

#[derive(Deserialize)]
struct Rejection {
    index: usize,
    reason: String,
}

/// What posts: trusts the system's authorities, or those of `ca_file` (PEM) alone.
///
/// # Errors
/// The file cannot be used.
pub fn client(ca_file: Option<&Path>) -> Result<Client, ReplayError> {
    let mut builder = Client::builder().timeout(Duration::from_secs(60));
    if let Some(path) = ca_file {
        let wrong =
            |reason: String| ReplayError::Post(format!("--ca-file {}: {reason}", path.display()));
        let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
        let authorities =
            Certificate::from_pem_bundle(&pem).map_err(|error| wrong(error.to_string()))?;
        if authorities.is_empty() {
            return Err(wrong("it holds no certificate in PEM".into()));
        }
        builder = builder.tls_certs_only(authorities);
    }
    builder
        .build()
        .map_err(|error| ReplayError::Post(format!("HTTP cannot be spoken: {error}")))
}

/// Posts `events` to the console at `console`. `progress` is told how many events went out.
///
/// # Errors
/// The console refuses the token or the request, is not the one that is trusted, or is away for minutes.
pub async fn post(
    client: &Client,
    console: &Url,
    token: &str,
    events: &[CaseEvent],
    mut progress: impl FnMut(u64),
) -> Result<Posted, ReplayError> {
    let target = console
        .join("/api/v1/events")
        .map_err(|error| ReplayError::Post(format!("--into {console}: {error}")))?;
    let mut posted = Posted::default();
    let mut rest = events;
    while !rest.is_empty() {
        let (body, taken) = body(rest);
        let (batch, after) = rest.split_at(taken);
        let answer = send(client, &target, token, body).await?;
        posted.take(answer, batch);
        progress(batch.len() as u64);
        rest = after;
    }
    Ok(posted)
}

impl Posted {
    fn take(&mut self, answer: Answer, batch: &[CaseEvent]) {
        self.accepted += answer.accepted;
        self.duplicate += answer.duplicate;
        self.spooled += answer.spooled;
        self.rejected += answer.rejected.len() as u64;
        for rejection in answer.rejected {
            let hall = batch.get(rejection.index).map(|event| &event.place.hall);
            self.refused_halls.extend(hall.cloned());
            *self.reasons.entry(rejection.reason).or_default() += 1;
        }
    }
}

/// As many events as one request holds, as a JSON array, and how many they are: at least one.
fn body(events: &[CaseEvent]) -> (Vec<u8>, usize) {
    let mut body = vec![b'['];
    let mut taken = 0;
    for event in events.iter().take(EVENTS) {
        let text = event.to_cloudevent().to_string();
        if taken > 0 && body.len() + text.len() + 2 > BYTES {
            break;
        }
        if taken > 0 {
            body.push(b',');
        }
        body.extend_from_slice(text.as_bytes());
        taken += 1;
    }
    body.push(b']');
    (body, taken)
}

async fn send(
    client: &Client,
    target: &Url,
    token: &str,
    body: Vec<u8>,
) -> Result<Answer, ReplayError> {
    let body = bytes::Bytes::from(body);
    let (begun, mut pause) = (Instant::now(), PAUSE);
    loop {
        let request = client
            .post(target.clone())
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header(CONTENT_TYPE, "application/cloudevents-batch+json")
            .body(body.clone());
        let trouble = match request.send().await {
            Ok(response) if response.status().is_success() => match response.json().await {
                Ok(answer) => return Ok(answer),
                Err(error) => format!("its answer broke off: {error}"),
            },
            Ok(response) => {
                let status = response.status();
                let after = response.headers().get(RETRY_AFTER);
                let named = after.and_then(|value| value.to_str().ok()?.parse().ok());
                let detail = detail(&response.text().await.unwrap_or_default());
                if !may_pass(status) {
                    return Err(refused(target, status, &detail));
                }
                pause = named.map_or(pause, Duration::from_secs).min(LONGEST);
                format!("it answers {status}: {detail}")
            }
            Err(error) if is_distrust(&error) => {
                return Err(ReplayError::Post(format!(
                    "{target}: its certificate is not trusted. Where the county has an authority of its own: --ca-file FILE"
                )));
            }
            Err(error) => format!("it cannot be reached: {}", error.without_url()),
        };
        if begun.elapsed() > PATIENCE {
            return Err(ReplayError::Post(format!(
                "{target}: {trouble}. Given up after {} minutes: start the same replay again, what went in changes nothing",
                PATIENCE.as_secs() / 60
            )));
        }
        tracing::debug!(%trouble, "sending the batch again");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST);
    }
}

/// Whether the console shows a certificate that is not trusted: no waiting mends that.
fn is_distrust(error: &(dyn Error + 'static)) -> bool {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return matches!(tls, rustls::Error::InvalidCertificate(_));
    }
    // What an I/O error wraps is not its source.
    let wrapped = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    match wrapped {
        Some(inner) => is_distrust(inner),
        None => error.source().is_some_and(is_distrust),
    }
}

/// Whether the same request may be taken a moment later.
fn may_pass(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS
        || status == StatusCode::REQUEST_TIMEOUT
        || status.is_server_error()
}

fn refused(target: &Url, status: StatusCode, detail: &str) -> ReplayError {
    let hint = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            " Make a token there: mingjing token create --role source --initial-load"
        }
        StatusCode::NOT_FOUND => " Is this the address of a Mingjing console?",
        _ => "",
    };
    ReplayError::Post(format!("{target} answers {status}: {detail}{hint}"))
}

/// The words of a problem+json, or the beginning of any other text.
fn detail(text: &str) -> String {
    #[derive(Deserialize)]
    struct Problem {
        detail: String,
    }
    serde_json::from_str::<Problem>(text).map_or_else(
        |_| text.chars().take(200).collect(),
        |problem| problem.detail,
    )
}
