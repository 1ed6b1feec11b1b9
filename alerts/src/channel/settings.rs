//! What a channel has to know of its service. Secrets stand apart: sealed, named, and shown to nobody.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::Kind;

/// Secrets by name. Never shown: `Debug` gives the names.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secrets(pub BTreeMap<String, String>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

impl Secrets {
    /// One of them.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// `text` without any of them, as it is and as it stands in an address.
    pub fn removed_from(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in self.0.values().filter(|secret| !secret.is_empty()) {
            let in_address: String =
                url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            text = text.replace(secret.as_str(), "•••");
            text = text.replace(&in_address, "•••");
        }
        text
    }
}

/// A text-message gateway.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sms {
    /// Where to ask; `{phone}`, `{text}`, `{id}`, `{time}` and `{secret.NAME}` are put in.
    pub url: String,
    /// `GET` or `POST`.
    #[serde(default)]
    pub method: Method,
    /// Headers, with the same fields.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// How `body` is written, and so how what is put in is escaped.
    #[serde(default)]
    pub format: Format,
    /// The body, with the same fields.
    #[serde(default)]
    pub body: String,
    /// What stands before every message, as gateways want it: 【某县监察】.
    #[serde(default)]
    pub signature: String,
    /// Characters of one message at most.
    #[serde(default = "sms_longest")]
    pub longest: usize,
    /// How its answer says that the message was taken.
    pub success: Success,
}

fn sms_longest() -> usize {
    300
}

/// A method of HTTP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// GET
    Get,
    /// POST
    #[default]
    Post,
}

impl Method {
    /// As HTTP writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// How a body is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `application/json`
    #[default]
    Json,
    /// `application/x-www-form-urlencoded`
    Form,
    /// `application/xml`
    Xml,
}

/// How a gateway's answer is read. A status other than 2xx never is success.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Success {
    /// Where in a JSON answer its code stands, as a JSON pointer: `/code`, `/data/0/status`.
    #[serde(default)]
    pub pointer: Option<String>,
    /// The codes that mean taken.
    #[serde(default)]
    pub is: Vec<String>,
    /// The codes that mean: try again later.
    #[serde(default)]
    pub again: Vec<String>,
    /// Where the answer is no JSON: what it holds when the message was taken.
    #[serde(default)]
    pub contains: Option<String>,
}

/// A mail server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// Its name: its certificate is checked against it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    #[serde(default)]
    pub security: Security,
    /// Who signs in, with the secret `password`; nobody where it is left out.
    #[serde(default)]
    pub user: Option<String>,
    /// The sender's address.
    pub from: String,
    /// The sender's name.
    #[serde(default)]
    pub from_name: String,
}

/// How a connection to a mail server is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// Plain at first, then TLS or nothing (587).
    #[default]
    Starttls,
    /// TLS from the first byte (465).
    Tls,
    /// Not at all: only to a server inside that the configuration names.
    None,
}

/// A robot in a group. Its address is that of the service, unless the county has a service of its own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Robot {
    /// Its address without the key or token, where it is not the service's own.
    #[serde(default)]
    pub url: Option<String>,
}

/// A program that takes notices as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Its address.
    pub url: String,
}

/// The settings of a channel.
#[derive(Debug, Clone, PartialEq)]
pub enum Settings {
    /// 短信
    Sms(Sms),
    /// 邮件
    Mail(Mail),
    /// 企业微信
    Wecom(Robot),
    /// 钉钉
    Dingtalk(Robot),
    /// Webhook
    Webhook(Webhook),
}

/// Where WeCom's robots are.
pub const WECOM: &str = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send";
/// Where DingTalk's robots are.
pub const DINGTALK: &str = "https://oapi.dingtalk.com/robot/send";

/// Where a channel connects to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Whether the connection is encrypted and the server's name checked.
    pub encrypted: bool,
}

impl Settings {
    /// Reads the settings of a channel of this kind.
    ///
    /// # Errors
    /// What is wrong, for whoever wrote them.
    pub fn read(kind: Kind, value: &Value) -> Result<Self, String> {
        fn of<'a, T: Deserialize<'a>>(value: &'a Value) -> Result<T, String> {
            T::deserialize(value).map_err(|error| format!("settings: {error}"))
        }
        let settings = match kind {
            Kind::Sms => Self::Sms(of(value)?),
            Kind::Mail => Self::Mail(of(value)?),
            Kind::Wecom => Self::Wecom(of(value)?),
            Kind::Dingtalk => Self::Dingtalk(of(value)?),
            Kind::Webhook => Self::Webhook(of(value)?),
        };
        settings.check()?;
        Ok(settings)
    }

    /// What the channel speaks.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Sms(_) => Kind::Sms,
            Self::Mail(_) => Kind::Mail,
            Self::Wecom(_) => Kind::Wecom,
            Self::Dingtalk(_) => Kind::Dingtalk,
            Self::Webhook(_) => Kind::Webhook,
        }
    }

    /// Whether these secrets are what such a channel has, and all that it needs.
    ///
    /// # Errors
    /// What is missing or not known.
    pub fn check_secrets(&self, secrets: &Secrets) -> Result<(), String> {
        let (known, needed): (&[&str], &[&str]) = match self {
            Self::Sms(sms) => return sms.check_secrets(secrets),
            Self::Mail(mail) if mail.user.is_some() => (&["password"], &["password"]),
            Self::Mail(_) => (&["password"], &[]),
            Self::Wecom(_) => (&["key"], &["key"]),
            Self::Dingtalk(_) => (&["token", "secret"], &["token"]),
            Self::Webhook(_) => (&["secret"], &["secret"]),
        };
        if let Some(name) = secrets
            .0
            .keys()
            .find(|name| !known.contains(&name.as_str()))
        {
            return Err(format!(
                "secrets.{name} is not known here: {}",
                known.join(", ")
            ));
        }
        let missing = |name: &&&str| secrets.get(name).is_none_or(str::is_empty);
        if let Some(name) = needed.iter().find(missing) {
            return Err(format!("secrets.{name} is missing"));
        }
        match self {
            Self::Webhook(_)
                if secrets
                    .get("secret")
                    .is_some_and(|secret| secret.len() < 16) =>
            {
                Err("secrets.secret is too short: 16 characters or more".into())
            }
            _ => Ok(()),
        }
    }

    /// Where it connects to.
    pub fn target(&self) -> Target {
        let of_url = |address: &str| {
            let url = Url::parse(address).ok();
            Target {
                host: url
                    .as_ref()
                    .and_then(Url::host_str)
                    .unwrap_or_default()
                    .to_owned(),
                port: url
                    .as_ref()
                    .and_then(Url::port_or_known_default)
                    .unwrap_or(0),
                encrypted: url.as_ref().is_some_and(|url| url.scheme() == "https"),
            }
        };
        match self {
            // What is put into an address never reaches its host: `check` saw to it.
            Self::Sms(sms) => of_url(&sms.url),
            Self::Mail(mail) => Target {
                host: mail.host.clone(),
                port: mail.port,
                encrypted: mail.security != Security::None,
            },
            Self::Wecom(robot) => of_url(robot.url.as_deref().unwrap_or(WECOM)),
            Self::Dingtalk(robot) => of_url(robot.url.as_deref().unwrap_or(DINGTALK)),
            Self::Webhook(hook) => of_url(&hook.url),
        }
    }

    fn check(&self) -> Result<(), String> {
        match self {
            Self::Sms(sms) => sms.check(),
            Self::Mail(mail) => mail.check(),
            Self::Wecom(robot) | Self::Dingtalk(robot) => {
                robot.url.as_deref().map_or(Ok(()), check_url)
            }
            Self::Webhook(hook) => check_url(&hook.url),
        }
    }
}

/// An address of HTTP without a name and password in it, and without fields in its host.
fn check_url(address: &str) -> Result<(), String> {
    let url =
        Url::parse(address).map_err(|error| format!("settings.url is no address: {error}"))?;
    if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none_or(str::is_empty) {
        return Err("settings.url must begin with https:// and name a host".into());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("settings.url holds a name or password: give it as a secret".into());
    }
    let before_path = address.split_once("://").map_or("", |(_, rest)| rest);
    let host = before_path
        .split(['/', '?', '#'])
        .next()
        .unwrap_or_default();
    if host.contains(['{', '}']) {
        return Err("settings.url: no field may stand in the host".into());
    }
    Ok(())
}

/// What a line of a header or an envelope may hold.
fn one_line(what: &str, text: &str, longest: usize) -> Result<(), String> {
    if text.chars().any(char::is_control) || text.chars().count() > longest {
        return Err(format!(
            "{what} must be one line of at most {longest} characters"
        ));
    }
    Ok(())
}

/// Fields that a gateway's templates may have, beside secrets.
const FIELDS: [&str; 4] = ["phone", "text", "id", "time"];

impl Sms {
    fn check(&self) -> Result<(), String> {
        check_url(&self.url)?;
        one_line("settings.signature", &self.signature, 30)?;
        if self.body.len() > 4_000 || self.headers.len() > 10 {
            return Err("settings.body may have 4,000 bytes, settings.headers ten".into());
        }
        if !(40..=1_000).contains(&self.longest) {
            return Err("settings.longest must be 40 to 1,000 characters".into());
        }
        for (name, value) in &self.headers {
            let token = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if name.is_empty() || !name.chars().all(token) {
                return Err(format!("settings.headers: {name:?} is no name of a header"));
            }
            one_line(&format!("settings.headers.{name}"), value, 1_000)?;
        }
        if self.success.pointer.is_none() && self.success.contains.is_none() {
            return Err(
                "settings.success must say how the answer is read: pointer and is, or contains"
                    .into(),
            );
        }
        if self.success.pointer.is_some() && self.success.is.is_empty() {
            return Err("settings.success.is must name the codes that mean taken".into());
        }
        for field in self.fields() {
            if !FIELDS.contains(&field.as_str()) && !field.starts_with("secret.") {
                return Err(format!(
                    "{{{field}}} is not known: {{phone}}, {{text}}, {{id}}, {{time}} or {{secret.NAME}}"
                ));
            }
        }
        let holds = |field: &str| self.fields().iter().any(|it| it == field);
        if !holds("phone") || !holds("text") {
            return Err("{phone} and {text} must stand in settings.url or settings.body".into());
        }
        Ok(())
    }

    fn fields(&self) -> Vec<String> {
        let places = [self.url.as_str(), self.body.as_str()];
        let headers = self.headers.values().map(String::as_str);
        places.into_iter().chain(headers).flat_map(fields).collect()
    }

    fn check_secrets(&self, secrets: &Secrets) -> Result<(), String> {
        if secrets.0.len() > 8 {
            return Err("at most eight secrets".into());
        }
        let name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if let Some(wrong) = secrets
            .0
            .keys()
            .find(|it| !it.chars().all(name) || it.len() > 32)
        {
            return Err(format!("secrets: {wrong:?} is no name: a to z, 0 to 9, _"));
        }
        let used = self.fields();
        let missing = used
            .iter()
            .filter_map(|field| field.strip_prefix("secret."))
            .find(|name| secrets.get(name).is_none());
        missing.map_or(Ok(()), |name| Err(format!("secrets.{name} is missing")))
    }
}

/// The names between braces. A brace of JSON is none: what stands in it is no name.
pub(super) fn fields(template: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = template;
    while let Some((_, after)) = rest.split_once('{') {
        let end = after
            .find(['}', '{', '"'])
            .filter(|&end| after[end..].starts_with('}'));
        if let Some(end) = end {
            let name = &after[..end];
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_';
            if !name.is_empty() && name.chars().all(plain) {
                found.push(name.to_owned());
            }
        }
        rest = after;
    }
    found
}

impl Mail {
    fn check(&self) -> Result<(), String> {
        let host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
        if self.host.is_empty() || !self.host.chars().all(host) || self.host.len() > 253 {
            return Err("settings.host is no name of a host".into());
        }
        if self.port == 0 {
            return Err("settings.port must be 1 to 65535".into());
        }
        one_line("settings.from_name", &self.from_name, 60)?;
        one_line(
            "settings.user",
            self.user.as_deref().unwrap_or_default(),
            200,
        )?;
        if self.user.is_some() && self.security == Security::None {
            return Err("settings.security: none would send the password in the clear".into());
        }
        if !is_mail_address(&self.from) {
            return Err("settings.from is no mail address".into());
        }
        Ok(())
    }
}

/// Whether it looks like one mail address, and nothing but one.
pub fn is_mail_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let of_local = |c: char| c.is_ascii_alphanumeric() || "._%+-".contains(c);
    let of_domain = |c: char| c.is_ascii_alphanumeric() || ".-".contains(c);
    !local.is_empty()
        && text.len() <= 254
        && local.chars().all(of_local)
        && domain.contains('.')
        && !domain.starts_with('.')
        && !domain.ends_with('.')
        && domain.chars().all(of_domain)
}

/// Whether it is a telephone number that a text message can go to.
pub fn is_phone(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    (5..=15).contains(&digits.len()) && digits.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secrets(pairs: &[(&str, &str)]) -> Secrets {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Secrets(pairs.iter().map(own).collect())
    }

    #[test]
    fn what_is_wrong_with_settings_is_named() {
        let sms = |change: &dyn Fn(&mut Value)| {
            let mut value = json!({"url": "https://gate.example/send", "success": {"pointer": "/code", "is": ["0"]},
                "body": r#"{"to":"{phone}","msg":"{text}","key":"{secret.key}"}"#});
            change(&mut value);
            Settings::read(Kind::Sms, &value)
        };
        assert!(sms(&|_| ()).is_ok());
        for (change, says) in [
            (("url", json!("https://{phone}.example/")), "host"),
            (("url", json!("https://u:p@gate.example/")), "secret"),
            (("url", json!("ftp://gate.example/")), "https"),
            (("headers", json!({"X-A": "a\r\nX-B: b"})), "one line"),
            (("headers", json!({"X A": "a"})), "no name of a header"),
            (("body", json!("{phone}")), "{text}"),
            (("body", json!("{phone}{text}{name}")), "{name}"),
            (("success", json!({})), "how the answer is read"),
            (("success", json!({"pointer": "/code"})), "success.is"),
            (("extra", json!(1)), "extra"),
        ] {
            let (key, value): (&str, Value) = change;
            let wrong = sms(&|settings| settings[key] = value.clone()).unwrap_err();
            assert!(wrong.contains(says), "{key}: {wrong}");
        }
        let mail = |value: Value| Settings::read(Kind::Mail, &value);
        let plain = json!({"host": "mail.example", "port": 25, "security": "none", "user": "u", "from": "a@b.example"});
        assert!(mail(plain).unwrap_err().contains("in the clear"));
        let from = json!({"host": "mail.example", "port": 587, "from": "a@b.example, c@d.example"});
        assert!(mail(from).unwrap_err().contains("from"));
    }

    #[test]
    fn every_kind_names_the_secrets_that_it_lacks_or_does_not_know() {
        let dingtalk = Settings::read(Kind::Dingtalk, &json!({})).unwrap();
        assert!(
            dingtalk
                .check_secrets(&secrets(&[]))
                .unwrap_err()
                .contains("token")
        );
        assert!(
            dingtalk
                .check_secrets(&secrets(&[("token", "t"), ("x", "y")]))
                .unwrap_err()
                .contains("secrets.x")
        );
        assert!(
            dingtalk
                .check_secrets(&secrets(&[("token", "t"), ("secret", "s")]))
                .is_ok()
        );
        let hook = Settings::read(Kind::Webhook, &json!({"url": "https://a.example/"})).unwrap();
        assert!(
            hook.check_secrets(&secrets(&[("secret", "short")]))
                .unwrap_err()
                .contains("short")
        );
        let sms = json!({"url": "https://gate.example/", "body": "{phone}{text}{secret.key}", "success": {"contains": "OK"}});
        let sms = Settings::read(Kind::Sms, &sms).unwrap();
        assert!(
            sms.check_secrets(&secrets(&[]))
                .unwrap_err()
                .contains("secrets.key")
        );
        assert!(sms.check_secrets(&secrets(&[("key", "k")])).is_ok());
    }

    #[test]
    fn secrets_are_taken_out_of_texts_and_shown_by_name_only() {
        let secrets = secrets(&[("token", "a+b/c=")]);
        assert_eq!(format!("{secrets:?}"), r#"["token"]"#);
        let text = secrets.removed_from("https://a.example/?token=a%2Bb%2Fc%3D refused a+b/c=");
        assert_eq!(text, "https://a.example/?token=••• refused •••");
    }
}
