//! The connections: HTTP by reqwest, mail by lettre, both to addresses that were looked up and checked before.

use std::net::SocketAddr;
use std::time::Duration;

use chrono::Utc;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate as MailCertificate, Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use mingjing_alerts::channel::answer::{self, Answer, Outcome, Reason};
use mingjing_alerts::channel::body::{Letter, Request};
use mingjing_alerts::channel::settings::{Mail, Method, Secrets, Security, Settings};
use reqwest::header::RETRY_AFTER;
use reqwest::redirect::Policy;

use super::Trust;

/// A connection that is not there within this is not there.
const CONNECT: Duration = Duration::from_secs(5);
/// An answer that is not whole within this is none.
const ANSWER: Duration = Duration::from_secs(15);
/// Bytes of an answer that are read.
const READ: usize = 16 << 10;

fn later(reason: Reason, answer: impl Into<String>) -> Outcome {
    Outcome::Later {
        reason,
        answer: answer.into(),
        after: None,
    }
}

fn refused(reason: Reason, answer: impl Into<String>) -> Outcome {
    Outcome::Refused {
        reason,
        answer: answer.into(),
    }
}

/// Sends a request to one of `addresses` and reads what comes of it.
pub async fn http(
    settings: &Settings,
    secrets: &Secrets,
    request: &Request,
    addresses: &[SocketAddr],
    trust: &Trust,
) -> Outcome {
    match ask(request, addresses, trust).await {
        Ok((status, retry_after, body)) => {
            let answer = Answer {
                status,
                retry_after: retry_after.as_deref(),
                body: &body,
            };
            answer::read(settings, secrets, answer, Utc::now())
        }
        // The error's own words may hold the address, and that the token.
        Err(error) if error.is_builder() => refused(
            Reason::Settings,
            "the request cannot be made: look at settings and headers",
        ),
        Err(error) if error.is_timeout() => later(Reason::Slow, "no answer in time"),
        Err(error) if error.is_connect() => {
            later(Reason::Unreachable, answer::kept(&causes(&error), secrets))
        }
        Err(_) => later(
            Reason::Failed,
            "the connection broke before an answer was whole",
        ),
    }
}

/// What lies under an error of reqwest, without its address.
fn causes(error: &reqwest::Error) -> String {
    let mut cause = std::error::Error::source(error);
    let mut last = "no connection".to_owned();
    while let Some(error) = cause {
        last = error.to_string();
        cause = error.source();
    }
    last
}

async fn ask(
    request: &Request,
    addresses: &[SocketAddr],
    trust: &Trust,
) -> reqwest::Result<(u16, Option<String>, String)> {
    let host = request
        .url
        .host_str()
        .unwrap_or_default()
        .trim_matches(['[', ']']);
    // Whoever was first has installed the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT)
        .timeout(ANSWER)
        .user_agent("mingjing")
        .resolve_to_addrs(host, addresses)
        .tls_certs_merge(trust.http.clone())
        .build()?;
    let method = match request.method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
    };
    let mut built = client.request(method, request.url.clone());
    for (name, value) in &request.headers {
        built = built.header(name, value);
    }
    if request.method == Method::Post {
        built = built.body(request.body.clone());
    }
    let mut response = built.send().await?;
    let retry_after = response.headers().get(RETRY_AFTER);
    let retry_after = retry_after
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk[..chunk.len().min(READ - body.len())]);
        if body.len() >= READ {
            break;
        }
    }
    Ok((
        status,
        retry_after,
        String::from_utf8_lossy(&body).into_owned(),
    ))
}

/// Sends a letter by way of one of `addresses`.
pub async fn mail(
    mail: &Mail,
    secrets: &Secrets,
    letter: &Letter,
    id: &str,
    to: &str,
    addresses: &[SocketAddr],
    trust: &Trust,
) -> Outcome {
    let Some(message) = envelope(mail, letter, id, to) else {
        return refused(Reason::NoAddress, "the address is none");
    };
    let mut outcome = later(Reason::Unreachable, "no connection");
    for address in addresses {
        let sent = match transport(mail, secrets, *address, trust) {
            Ok(transport) => transport.send(message.clone()).await,
            Err(error) => Err(error),
        };
        outcome = match sent {
            Ok(response) => {
                let words = format!(
                    "{} {}",
                    response.code(),
                    response.message().collect::<Vec<_>>().join(" ")
                );
                return Outcome::Sent {
                    answer: answer::kept(&words, secrets),
                };
            }
            Err(error) => failed(&error, secrets, to),
        };
        // Only where nothing was said may the next address be asked: elsewhere it might go out twice.
        if !matches!(
            &outcome,
            Outcome::Later {
                reason: Reason::Unreachable,
                ..
            }
        ) {
            break;
        }
    }
    outcome
}

fn failed(error: &smtp::Error, secrets: &Secrets, to: &str) -> Outcome {
    let words = answer::kept(&error.to_string().replace(to, "•••"), secrets);
    let code = error.status().map(|code| code.to_string());
    if error.is_permanent() {
        let credentials =
            code.is_some_and(|code| matches!(code.as_str(), "530" | "534" | "535" | "538"));
        return refused(
            if credentials {
                Reason::Credentials
            } else {
                Reason::Refused
            },
            words,
        );
    }
    if error.is_transient() {
        return later(Reason::Failed, words);
    }
    if error.is_timeout() {
        return later(Reason::Slow, "no answer in time");
    }
    if error.is_tls() || error.is_client() || error.is_response() {
        return later(Reason::Failed, words);
    }
    later(Reason::Unreachable, words)
}

fn envelope(mail: &Mail, letter: &Letter, id: &str, to: &str) -> Option<lettre::Message> {
    let from: Address = mail.from.parse().ok()?;
    let name = Some(mail.from_name.clone()).filter(|name| !name.is_empty());
    let domain = from.domain().to_owned();
    // The same at every attempt: a mail program shows what came twice as one.
    MessageBuilder::new()
        .message_id(Some(format!("<{id}@{domain}>")))
        .from(Mailbox::new(name, from))
        .to(Mailbox::new(None, to.parse().ok()?))
        .subject(&letter.subject)
        .header(ContentType::TEXT_PLAIN)
        .body(letter.body.clone())
        .ok()
}

fn transport(
    mail: &Mail,
    secrets: &Secrets,
    address: SocketAddr,
    trust: &Trust,
) -> Result<AsyncSmtpTransport<Tokio1Executor>, smtp::Error> {
    let parameters = || {
        let mut builder = TlsParameters::builder(mail.host.clone());
        for der in &trust.mail {
            builder = builder.add_root_certificate(MailCertificate::from_der(der.clone())?);
        }
        builder.build()
    };
    let tls = match mail.security {
        Security::None => Tls::None,
        Security::Starttls => Tls::Required(parameters()?),
        Security::Tls => Tls::Wrapper(parameters()?),
    };
    let mut builder =
        AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(address.ip().to_string())
            .port(address.port())
            .tls(tls)
            .timeout(Some(ANSWER));
    if let Some(user) = &mail.user {
        let password = secrets.get("password").unwrap_or_default();
        builder = builder.credentials(Credentials::new(user.clone(), password.to_owned()));
    }
    Ok(builder.build())
}
