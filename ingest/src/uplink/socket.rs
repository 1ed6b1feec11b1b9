//! One WebSocket to the console: opened with the edge's token, written by a task of its own, watched for silence.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::AUTHORIZATION;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
};
use url::{Host, Url};

use crate::camera::Secret;
use crate::config::UplinkConfig;

/// Opening, TLS and upgrade together.
const OPEN: Duration = Duration::from_secs(8);
/// One message handed to the kernel.
const WRITE: Duration = Duration::from_secs(10);
/// Between pings.
pub(super) const PING: Duration = Duration::from_secs(2);
/// Nothing heard for so long, pings included: the connection is dead, whatever TCP says.
const SILENCE: Duration = Duration::from_secs(8);
/// Largest message taken from the console: a list of tokens or of cameras.
const MAX_INCOMING: usize = 16 << 20;

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The console, as an ingest reaches it.
#[derive(Debug, Clone)]
pub struct Endpoint {
    base: Url,
    token: Secret,
    connector: Option<Connector2>,
}

/// [`Connector`] has no `Debug`.
#[derive(Clone)]
struct Connector2(Connector);

impl std::fmt::Debug for Connector2 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connector")
    }
}

/// Why an address cannot be the console's.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// Neither `ws://` nor `wss://`, or without a host.
    #[error(
        "the console's address {0} must begin with wss:// (or ws:// on this machine) and name a host"
    )]
    Address(String),
    /// Plain text to another machine.
    #[error(
        "ws:// to {0} would send the token and the events in plain text: use wss://, or set `uplink.allow_plain = true`"
    )]
    Plain(String),
    /// The certificate authority cannot be read.
    #[error("cannot read the certificates of {path} (`uplink.ca_file`): {reason}")]
    Certificates {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// The token cannot stand in a header.
    #[error("the token holds characters that no token has: check its file")]
    Token,
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    #[error("the console cannot be reached: {0}")]
    Unreachable(String),
    #[error("the console refused this ingest (HTTP {0}): check the token of role `edge`")]
    Refused(u16),
    #[error("the console closed the connection: {0}")]
    Closed(String),
    #[error("the console fell silent")]
    Silent,
    #[error("the console sent what is not understood: {0}")]
    Protocol(String),
    #[error(
        "the console speaks version {theirs} of the uplink and this ingest version {ours}: update the older one"
    )]
    Version { ours: u32, theirs: u32 },
}

impl Endpoint {
    /// Checks and prepares the way to the console at `base` (`wss://host[:port][/path]`).
    ///
    /// # Errors
    /// See [`EndpointError`].
    pub fn new(base: Url, token: Secret, config: &UplinkConfig) -> Result<Self, EndpointError> {
        let host = match (base.scheme(), base.host()) {
            ("ws" | "wss", Some(host)) => host,
            _ => return Err(EndpointError::Address(base.to_string())),
        };
        if base.scheme() == "ws" && !is_loopback(&host) && !config.allow_plain {
            return Err(EndpointError::Plain(host.to_string()));
        }
        if HeaderValue::from_str(token.expose()).is_err() {
            return Err(EndpointError::Token);
        }
        let connector = match &config.ca_file {
            None => None,
            Some(path) => Some(Connector2(trusting(path).map_err(|reason| {
                EndpointError::Certificates {
                    path: path.display().to_string(),
                    reason,
                }
            })?)),
        };
        Ok(Self {
            base,
            token,
            connector,
        })
    }

    /// Opens the socket at `path`.
    pub(super) async fn open(&self, path: &str, queue: usize) -> Result<Socket, LinkError> {
        self.open_patient(path, queue, WRITE).await
    }

    /// As [`Endpoint::open`]; a message may take so long to be handed on.
    pub(super) async fn open_patient(
        &self,
        path: &str,
        queue: usize,
        patience: Duration,
    ) -> Result<Socket, LinkError> {
        let unreachable = |error: &dyn std::fmt::Display| LinkError::Unreachable(error.to_string());
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        let mut request = url
            .as_str()
            .into_client_request()
            .map_err(|error| unreachable(&error))?;
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", self.token.expose()))
            .map_err(|error| unreachable(&error))?;
        bearer.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, bearer);
        let limits = WebSocketConfig::default()
            .max_message_size(Some(MAX_INCOMING))
            .max_frame_size(Some(MAX_INCOMING));
        let connector = self.connector.clone().map(|connector| connector.0);
        let connecting = connect_async_tls_with_config(request, Some(limits), true, connector);
        let (stream, _) = match tokio::time::timeout(OPEN, connecting).await {
            Err(_) => return Err(LinkError::Unreachable("no answer in time".into())),
            Ok(Err(tungstenite::Error::Http(response))) => {
                return Err(LinkError::Refused(response.status().as_u16()));
            }
            Ok(Err(error)) => return Err(unreachable(&error)),
            Ok(Ok(opened)) => opened,
        };
        let (sink, incoming) = stream.split();
        let (outgoing, outbox) = mpsc::channel(queue);
        tokio::spawn(write(sink, outbox, patience));
        Ok(Socket {
            incoming,
            outgoing,
            heard: Instant::now(),
        })
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(ip) => IpAddr::V4(*ip).is_loopback(),
        Host::Ipv6(ip) => IpAddr::V6(*ip).is_loopback(),
    }
}

/// TLS that trusts the authorities of one file and no others.
fn trusting(path: &std::path::Path) -> Result<Connector, String> {
    let mut roots = rustls::RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() {
        return Err("it holds none".into());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Connector::Rustls(Arc::new(config)))
}

/// An open socket. Dropping it ends the writing task, which closes the connection.
pub(super) struct Socket {
    incoming: SplitStream<Stream>,
    /// To the writing task; bounded.
    pub(super) outgoing: mpsc::Sender<Message>,
    heard: Instant,
}

impl Socket {
    /// The next text message. Cancel safe.
    pub(super) async fn text(&mut self) -> Result<tungstenite::Utf8Bytes, LinkError> {
        loop {
            let message = match self.incoming.next().await {
                None => return Err(LinkError::Closed("without a word".into())),
                Some(Err(error)) => return Err(LinkError::Closed(error.to_string())),
                Some(Ok(message)) => message,
            };
            self.heard = Instant::now();
            match message {
                Message::Text(text) => return Ok(text),
                Message::Close(frame) => {
                    let reason = frame.map_or(String::new(), |frame| frame.reason.to_string());
                    return Err(LinkError::Closed(reason));
                }
                Message::Binary(_) => return Err(LinkError::Protocol("a binary message".into())),
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }

    /// To be called every [`PING`]: asks for a sign of life.
    ///
    /// # Errors
    /// [`LinkError::Silent`] when none came for [`SILENCE`], or the writing task has ended.
    pub(super) fn ping(&mut self) -> Result<(), LinkError> {
        if self.heard.elapsed() > SILENCE || self.outgoing.is_closed() {
            return Err(LinkError::Silent);
        }
        // A full queue is being written: the ping behind it would tell nothing new.
        let _ = self.outgoing.try_send(Message::Ping(bytes::Bytes::new()));
        Ok(())
    }
}

async fn write(
    mut sink: SplitSink<Stream, Message>,
    mut outbox: mpsc::Receiver<Message>,
    patience: Duration,
) {
    while let Some(message) = outbox.recv().await {
        match tokio::time::timeout(patience, sink.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return,
        }
    }
    let _ = tokio::time::timeout(Duration::from_secs(1), sink.close()).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(address: &str, config: &UplinkConfig) -> Option<EndpointError> {
        Endpoint::new(address.parse().unwrap(), Secret::new("t"), config).err()
    }

    #[test]
    fn plain_text_stays_on_this_machine() {
        let config = UplinkConfig::default();
        for good in [
            "ws://127.0.0.1:1/",
            "ws://localhost:1/",
            "ws://[::1]:1/",
            "wss://console.example/base",
        ] {
            assert!(refused(good, &config).is_none(), "{good}");
        }
        assert!(matches!(
            refused("ws://console.example/", &config),
            Some(EndpointError::Plain(_))
        ));
        assert!(matches!(
            refused("https://console.example/", &config),
            Some(EndpointError::Address(_))
        ));
        let allowed = UplinkConfig {
            allow_plain: true,
            ..UplinkConfig::default()
        };
        assert!(refused("ws://console.example/", &allowed).is_none());
        let missing = UplinkConfig {
            ca_file: Some("/no/such.pem".into()),
            ..UplinkConfig::default()
        };
        assert!(matches!(
            refused("wss://c/", &missing),
            Some(EndpointError::Certificates { .. })
        ));
    }
}
