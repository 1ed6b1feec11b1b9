//! A message as each service wants it: address, headers, body, signature, and no longer than the service takes.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use url::Url;
use url::form_urlencoded::byte_serialize;

use super::settings::{DINGTALK, Format, Method, Secrets, Settings, Sms, WECOM};
use super::text::{Text, Unit};

/// Bytes of a WeCom robot's markdown at most.
pub const WECOM_BYTES: usize = 4_096;
/// Bytes of a DingTalk robot's message at most.
pub const DINGTALK_BYTES: usize = 20_000;

/// A request of HTTP.
#[derive(Clone, PartialEq)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// Headers.
    pub headers: BTreeMap<String, String>,
    /// Body.
    pub body: String,
}

/// Without the address's query and the headers: both may hold secrets.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("host", &self.url.host_str())
            .finish_non_exhaustive()
    }
}

/// A letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Its subject, one line.
    pub subject: String,
    /// What it says, without markup.
    pub body: String,
}

/// What goes out.
#[derive(Debug, Clone, PartialEq)]
pub enum Outgoing {
    /// By HTTP.
    Http(Request),
    /// By SMTP.
    Mail(Letter),
}

/// A message to be packed.
#[derive(Debug, Clone)]
pub struct Message {
    /// Tells it from every other one; the same at every attempt.
    pub id: String,
    /// What it is, for programs: `card.issued`, `digest`, `test`.
    pub kind: String,
    /// In words.
    pub text: Text,
    /// In fields, for programs.
    pub data: Value,
    /// To which number, for a text message.
    pub phone: Option<String>,
}

/// Packs a message.
///
/// # Errors
/// When the settings do not hold, or a secret is missing.
pub fn pack(
    settings: &Settings,
    secrets: &Secrets,
    message: Message,
    now: DateTime<Utc>,
) -> Result<Outgoing, String> {
    match settings {
        Settings::Sms(sms) => text_message(sms, secrets, &message, now).map(Outgoing::Http),
        Settings::Mail(_) => Ok(Outgoing::Mail(letter(message.text))),
        Settings::Wecom(robot) => {
            let address = robot.url.as_deref().unwrap_or(WECOM);
            wecom(address, secrets, message.text).map(Outgoing::Http)
        }
        Settings::Dingtalk(robot) => {
            let address = robot.url.as_deref().unwrap_or(DINGTALK);
            dingtalk(address, secrets, message.text, now).map(Outgoing::Http)
        }
        Settings::Webhook(hook) => webhook(&hook.url, secrets, &message, now).map(Outgoing::Http),
    }
}

fn address(text: &str) -> Result<Url, String> {
    Url::parse(text).map_err(|error| format!("settings.url is no address: {error}"))
}

fn secret<'a>(secrets: &'a Secrets, name: &str) -> Result<&'a str, String> {
    secrets
        .get(name)
        .ok_or_else(|| format!("secrets.{name} is missing"))
}

fn post_json(url: Url, body: String) -> Request {
    let json = "application/json; charset=utf-8".to_owned();
    Request {
        method: Method::Post,
        url,
        headers: [("content-type".to_owned(), json)].into(),
        body,
    }
}

fn letter(text: Text) -> Letter {
    let subject: String = text.title.chars().filter(|c| !c.is_control()).collect();
    Letter {
        subject: format!("[明镜] {subject}"),
        body: text.plain(),
    }
}

fn wecom(url: &str, secrets: &Secrets, text: Text) -> Result<Request, String> {
    let mut url = address(url)?;
    url.query_pairs_mut()
        .append_pair("key", secret(secrets, "key")?);
    let text = text.fit(WECOM_BYTES, |text| text.markdown().len());
    let body = json!({"msgtype": "markdown", "markdown": {"content": text.markdown()}});
    Ok(post_json(url, body.to_string()))
}

fn dingtalk(
    url: &str,
    secrets: &Secrets,
    text: Text,
    now: DateTime<Utc>,
) -> Result<Request, String> {
    let mut url = address(url)?;
    url.query_pairs_mut()
        .append_pair("access_token", secret(secrets, "token")?);
    if let Some(secret) = secrets.get("secret") {
        let timestamp = now.timestamp_millis().to_string();
        let sign = STANDARD.encode(hmac(secret, &[&timestamp, "\n", secret]));
        url.query_pairs_mut()
            .append_pair("timestamp", &timestamp)
            .append_pair("sign", &sign);
    }
    let body = |text: &Text| {
        json!({"msgtype": "markdown", "markdown": {"title": text.title, "text": text.markdown()}})
            .to_string()
    };
    let text = text.fit(DINGTALK_BYTES, |text| body(text).len());
    Ok(post_json(url, body(&text)))
}

/// What a program reads. `mingjing-signature` is the HMAC-SHA256, in hexadecimal, of timestamp, full stop and body.
fn webhook(
    url: &str,
    secrets: &Secrets,
    message: &Message,
    now: DateTime<Utc>,
) -> Result<Request, String> {
    let body = json!({
        "id": message.id, "type": message.kind, "sent_at": now, "title": message.text.title,
        "text": message.text.plain(), "data": message.data,
    })
    .to_string();
    let timestamp = now.timestamp().to_string();
    let signature = hex::encode(hmac(secret(secrets, "secret")?, &[&timestamp, ".", &body]));
    let mut request = post_json(address(url)?, body);
    request
        .headers
        .insert("mingjing-timestamp".into(), timestamp);
    request
        .headers
        .insert("mingjing-signature".into(), format!("v1={signature}"));
    request
        .headers
        .insert("idempotency-key".into(), message.id.clone());
    Ok(request)
}

fn hmac(secret: &str, parts: &[&str]) -> Vec<u8> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    parts.iter().for_each(|part| mac.update(part.as_bytes()));
    mac.finalize().into_bytes().to_vec()
}

fn text_message(
    sms: &Sms,
    secrets: &Secrets,
    message: &Message,
    now: DateTime<Utc>,
) -> Result<Request, String> {
    let phone = message
        .phone
        .as_deref()
        .ok_or("a text message needs a number")?;
    let whole = |text: &Text| format!("{}{}", sms.signature, text.one_line());
    let text = message
        .text
        .clone()
        .fit(sms.longest, |text| Unit::Characters.of(&whole(text)));
    let (text, time) = (whole(&text), now.to_rfc3339());
    let field = |name: &str| match name {
        "phone" => Some(phone),
        "text" => Some(text.as_str()),
        "id" => Some(message.id.as_str()),
        "time" => Some(time.as_str()),
        other => secrets.get(other.strip_prefix("secret.")?),
    };
    let in_address = |value: &str| {
        byte_serialize(value.as_bytes())
            .collect::<String>()
            .replace('+', "%20")
    };
    let escaped = |value: &str| match sms.format {
        Format::Json => {
            let quoted = Value::from(value).to_string();
            quoted[1..quoted.len() - 1].to_owned()
        }
        Format::Form => byte_serialize(value.as_bytes()).collect(),
        Format::Xml => in_xml(value),
    };
    let url = address(&put_in(&sms.url, &field, &in_address))?;
    let one_line = |value: &str| value.chars().filter(|c| !c.is_control()).collect();
    let mut headers: BTreeMap<String, String> = sms
        .headers
        .iter()
        .map(|(name, template)| {
            (
                name.to_ascii_lowercase(),
                put_in(template, &field, &one_line),
            )
        })
        .collect();
    if sms.method == Method::Post {
        let kind = match sms.format {
            Format::Json => "application/json; charset=utf-8",
            Format::Form => "application/x-www-form-urlencoded; charset=utf-8",
            Format::Xml => "application/xml; charset=utf-8",
        };
        headers
            .entry("content-type".into())
            .or_insert_with(|| kind.to_owned());
    }
    let body = put_in(&sms.body, &field, &escaped);
    Ok(Request {
        method: sms.method,
        url,
        headers,
        body,
    })
}

fn in_xml(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            '\'' => text.push_str("&apos;"),
            c if c.is_control() => {}
            c => text.push(c),
        }
    }
    text
}

/// Puts fields in. In one pass: what is put in is never looked at again, so that no value brings a field of its own.
fn put_in<'a>(
    template: &str,
    field: &impl Fn(&str) -> Option<&'a str>,
    escape: &impl Fn(&str) -> String,
) -> String {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let value = after
            .split_once('}')
            .and_then(|(name, rest)| Some((field(name)?, rest)));
        match value {
            Some((value, after)) => {
                text.push_str(&escape(value));
                rest = after;
            }
            None => {
                text.push('{');
                rest = after;
            }
        }
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::{Kind, Language};

    fn text(line: &str) -> Text {
        Text {
            title: "红牌 · 大厅".into(),
            lines: vec![line.into()],
            items: vec![],
            more: 0,
            link: None,
            language: Language::Zh,
            cut: false,
        }
    }

    fn message(line: &str) -> Message {
        Message {
            id: "d-17".into(),
            kind: "card.issued".into(),
            text: text(line),
            data: json!({"card": 17}),
            phone: Some("13812345678".into()),
        }
    }

    fn secrets(pairs: &[(&str, &str)]) -> Secrets {
        Secrets(
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        )
    }

    fn request(kind: Kind, settings: Value, secrets: &Secrets, line: &str) -> Request {
        let settings = Settings::read(kind, &settings).unwrap();
        let now = DateTime::from_timestamp_millis(1_573_018_800_000).unwrap();
        match pack(&settings, secrets, message(line), now).unwrap() {
            Outgoing::Http(request) => request,
            Outgoing::Mail(_) => panic!("HTTP"),
        }
    }

    #[test]
    fn dingtalk_is_signed_as_its_documents_say() {
        let secrets = secrets(&[("token", "T"), ("secret", "SEC123")]);
        let request = request(Kind::Dingtalk, json!({}), &secrets, "x");
        let query: BTreeMap<_, _> = request.url.query_pairs().into_owned().collect();
        assert_eq!(
            (query["access_token"].as_str(), query["timestamp"].as_str()),
            ("T", "1573018800000")
        );
        // python3: base64(hmac(b"SEC123", b"1573018800000\nSEC123", sha256))
        assert_eq!(
            query["sign"],
            "fD8+AOd3spmF4mNW4tLP2jef63ycMmN4TlvxHkBKgss="
        );
        assert!(!format!("{request:?}").contains("SEC123"));
    }

    #[test]
    fn a_robot_gets_no_more_than_it_takes_and_whole_characters() {
        let long = "很\"长\\".repeat(9_000);
        let wecom = request(Kind::Wecom, json!({}), &secrets(&[("key", "k")]), &long);
        let body: Value = serde_json::from_str(&wecom.body).unwrap();
        let content = body["markdown"]["content"].as_str().unwrap();
        assert!(
            content.len() <= WECOM_BYTES && content.len() > WECOM_BYTES - 20,
            "{}",
            content.len()
        );
        assert!(content.contains("已截断"));
        let dingtalk = request(
            Kind::Dingtalk,
            json!({}),
            &secrets(&[("token", "t")]),
            &long,
        );
        assert!(dingtalk.body.len() <= DINGTALK_BYTES && dingtalk.body.len() > DINGTALK_BYTES - 20);
    }

    #[test]
    fn a_receiver_can_check_a_webhooks_signature() {
        let request = request(
            Kind::Webhook,
            json!({"url": "https://a.example/in"}),
            &secrets(&[("secret", "0123456789abcdef")]),
            "x",
        );
        let signed = format!("{}.{}", request.headers["mingjing-timestamp"], request.body);
        let expected = hex::encode(hmac("0123456789abcdef", &[&signed]));
        assert_eq!(
            request.headers["mingjing-signature"],
            format!("v1={expected}")
        );
        let body: Value = serde_json::from_str(&request.body).unwrap();
        assert_eq!(
            (&body["id"], &body["type"], &body["data"]["card"]),
            (&json!("d-17"), &json!("card.issued"), &json!(17))
        );
    }

    #[test]
    fn what_is_put_into_a_gateways_template_stays_a_value() {
        let line = "a\"b&c=d {secret.key} ＜x＞";
        let key = secrets(&[("key", "K&1")]);
        let of = |format: &str, body: &str| {
            let settings = json!({"url": "https://g.example/s?k={secret.key}&to={phone}", "format": format, "body": body,
                "headers": {"X-Id": "{id}"}, "signature": "【县】", "success": {"contains": "0"}});
            request(Kind::Sms, settings, &key, line)
        };
        let json = of("json", r#"{"m":{"to":"{phone}","msg":"{text}"}}"#);
        assert_eq!(
            json.url.as_str(),
            "https://g.example/s?k=K%261&to=13812345678"
        );
        let body: Value = serde_json::from_str(&json.body).unwrap();
        assert_eq!(body["m"]["msg"], format!("【县】红牌 · 大厅 {line}"));
        assert_eq!(json.headers["x-id"], "d-17");
        let form = of("form", "to={phone}&msg={text}");
        let fields: BTreeMap<_, _> = url::form_urlencoded::parse(form.body.as_bytes())
            .into_owned()
            .collect();
        assert_eq!(fields["msg"], format!("【县】红牌 · 大厅 {line}"));
        let xml = of("xml", "<m><t>{text}</t></m>");
        assert!(
            xml.body.contains("a&quot;b&amp;c=d {secret.key}"),
            "{}",
            xml.body
        );
    }

    #[test]
    fn a_text_message_is_as_long_as_its_gateway_takes() {
        let settings = json!({"url": "https://g.example/s?to={phone}&t={text}", "longest": 70, "signature": "【县】", "success": {"contains": "0"}});
        let request = request(Kind::Sms, settings, &secrets(&[]), &"长".repeat(300));
        let query: BTreeMap<_, _> = request.url.query_pairs().into_owned().collect();
        let length = query["t"].chars().count();
        assert!((60..=70).contains(&length), "{length}");
    }
}
