//! One question to a camera and its answer (SOAP 1.2 over HTTP, WS-Security UsernameToken 1.0).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{SecondsFormat, TimeDelta, Utc};
use sha1::{Digest, Sha1};
use url::Url;

use super::xml::{Node, escaped};
use super::{ANSWER, OnvifError};

/// Bytes of an answer at most.
const MOST: usize = 1 << 20;

/// Characters of a camera's own words that are passed on.
const WORDS: usize = 120;

/// Who asks.
pub struct Login {
    pub username: String,
    pub password: String,
    /// By how much the camera's clock is ahead of ours: it refuses a signature of another time.
    pub ahead: TimeDelta,
}

/// The way to a camera.
pub struct Device {
    client: reqwest::Client,
}

impl Device {
    pub fn new(service: &Url) -> Result<Self, OnvifError> {
        if !matches!(service.scheme(), "http" | "https") || service.host().is_none() {
            return Err(OnvifError::NotOnvif);
        }
        // Ours alone: what a camera sends elsewhere is not followed, and no proxy hears of it.
        let client = reqwest::Client::builder()
            .timeout(ANSWER)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build();
        let client = client.map_err(|_| OnvifError::NotOnvif)?;
        Ok(Self { client })
    }

    /// The body of the answer.
    pub async fn call(
        &self,
        to: &Url,
        body: &str,
        login: Option<&Login>,
    ) -> Result<Node, OnvifError> {
        let envelope = envelope(body, login);
        let sent = self.client.post(to.clone());
        let sent = sent.header("Content-Type", "application/soap+xml; charset=utf-8");
        let answer = sent.body(envelope).send().await;
        let mut answer = answer.map_err(|_| OnvifError::Unreachable)?;
        let status = answer.status();
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|_| OnvifError::Unreachable)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > MOST {
                return Err(OnvifError::NotOnvif);
            }
        }
        if status == reqwest::StatusCode::UNAUTHORIZED || status == reqwest::StatusCode::FORBIDDEN {
            return Err(OnvifError::Refused);
        }
        let text = String::from_utf8_lossy(&bytes);
        let read = Node::read(&text).ok_or(OnvifError::NotOnvif)?;
        match (read.find("Fault"), read.find("Body")) {
            (Some(fault), _) => Err(refusal(fault)),
            (None, Some(body)) if status.is_success() => Ok(body.clone()),
            _ => Err(OnvifError::NotOnvif),
        }
    }
}

/// What a fault says.
fn refusal(fault: &Node) -> OnvifError {
    let said = |name: &str| {
        let values = fault.all(name);
        values
            .iter()
            .any(|value| value.text.contains("NotAuthorized"))
    };
    if said("Value") || said("faultcode") {
        return OnvifError::Refused;
    }
    let text = fault.find("Text").or_else(|| fault.find("faultstring"));
    let text = text.map_or("", |text| text.text.trim());
    if text.to_lowercase().contains("not authorized") {
        return OnvifError::Refused;
    }
    let plain = text.chars().filter(|c| !c.is_control()).take(WORDS);
    OnvifError::Fault(plain.collect())
}

fn envelope(body: &str, login: Option<&Login>) -> String {
    let header = login.map(header).unwrap_or_default();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" \
         xmlns:tds=\"http://www.onvif.org/ver10/device/wsdl\" xmlns:trt=\"http://www.onvif.org/ver10/media/wsdl\" \
         xmlns:tt=\"http://www.onvif.org/ver10/schema\">{header}<s:Body>{body}</s:Body></s:Envelope>"
    )
}

/// The digest is SHA-1 of nonce, time and password: the profile knows no other.
fn header(login: &Login) -> String {
    let nonce: [u8; 16] = rand::random();
    let created = (Utc::now() + login.ahead).to_rfc3339_opts(SecondsFormat::Millis, true);
    let digest = digest(&nonce, &created, &login.password);
    let nonce = STANDARD.encode(nonce);
    let username = escaped(&login.username);
    format!(
        "<s:Header><Security s:mustUnderstand=\"1\" xmlns=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd\">\
         <UsernameToken><Username>{username}</Username><Password Type=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest\">{digest}</Password>\
         <Nonce EncodingType=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary\">{nonce}</Nonce>\
         <Created xmlns=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd\">{created}</Created></UsernameToken></Security></s:Header>"
    )
}

fn digest(nonce: &[u8], created: &str, password: &str) -> String {
    let mut sha = Sha1::new();
    sha.update(nonce);
    sha.update(created);
    sha.update(password);
    STANDARD.encode(sha.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_signed_as_the_programmers_guide_has_it() {
        // ONVIF Application Programmer's Guide 1.0, 6.1.1.3.
        let nonce = STANDARD.decode("LKqI6G/AikKCQrN0zqZFlg==").unwrap();
        assert_eq!(
            digest(&nonce, "2010-09-16T07:50:45Z", "userpassword"),
            "tuOSpGlFlIXsozq4HFNeeGeFLEI="
        );
    }

    #[test]
    fn a_fault_says_whether_it_is_the_password() {
        let fault = |inner: &str| refusal(&Node::read(&format!("<Fault>{inner}</Fault>")).unwrap());
        let code = "<Code><Value>s:Sender</Value><Subcode><Value>ter:NotAuthorized</Value></Subcode></Code>";
        assert_eq!(fault(code), OnvifError::Refused);
        assert_eq!(
            fault("<Reason><Text>No\u{7} profile</Text></Reason>"),
            OnvifError::Fault("No profile".into())
        );
    }
}
