//! A browser as far as single sign-on needs one: cookies, and where it is led.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode, header};
use mingjing_dashboard::auth;
use mingjing_dashboard::config;
use mingjing_dashboard::transport::client::Encrypted;
use serde_json::{Value, json};
use tower::ServiceExt;
use url::Url;

use super::issuer::{CLIENT, CONSOLE, Issuer, SECRET, Signed};
use crate::common::{Console, Person};

/// The groups of the tests, in their order.
const GROUPS: &str = r#"
[[group]]
name = "inspectors"
role = "inspector"
[[group]]
name = "leaders"
role = "leader"
[[group]]
name = "town"
role = "hall_manager"
hall = "T1"
[[group]]
name = "social security"
role = "unit_head"
unit = "RSJ"
[[group]]
name = "window"
role = "clerk"
hall = "T1"
window = "2"
[[group]]
name = "nowhere"
role = "leader"
hall = "T9"
"#;

pub fn settings(issuer: &Issuer) -> config::Oidc {
    let text = format!(
        "issuer = {:?}\nclient_id = {CLIENT:?}\nclient_secret = {SECRET:?}\npublic_address = {CONSOLE:?}\n{GROUPS}",
        issuer.address()
    );
    toml::from_str(&text).unwrap()
}

/// A console beside an issuer.
pub async fn console(issuer: &Issuer) -> Console {
    let settings = settings(issuer);
    let console = Console::start_with(|config| config.oidc = Some(settings)).await;
    let _ = console.app.oidc().unwrap().provider().refresh().await;
    console
}

#[derive(Default, Clone)]
pub struct Browser {
    pub cookies: BTreeMap<String, String>,
}

/// What an answer said.
#[derive(Debug)]
pub struct Led {
    pub status: StatusCode,
    pub to: Option<String>,
    pub set: Vec<String>,
}

impl Browser {
    pub async fn get(&mut self, console: &Console, path: &str) -> Led {
        let mut request = Request::get(path);
        if !self.cookies.is_empty() {
            let pairs: Vec<String> = self
                .cookies
                .iter()
                .map(|(k, v)| format!("{k}={v}"))
                .collect();
            request = request.header(header::COOKIE, pairs.join("; "));
        }
        let mut request = request.body(Body::empty()).unwrap();
        let from = ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 1)));
        request.extensions_mut().insert(from);
        if console.over_tls {
            request.extensions_mut().insert(Encrypted);
        }
        let response = console.service.clone().oneshot(request).await.unwrap();
        let set: Vec<String> = response
            .headers()
            .get_all(header::SET_COOKIE)
            .iter()
            .map(|cookie| cookie.to_str().unwrap().to_owned())
            .collect();
        for cookie in &set {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let to = response.headers().get(header::LOCATION);
        Led {
            status: response.status(),
            to: to.map(|to| to.to_str().unwrap().to_owned()),
            set,
        }
    }

    /// Presses the button: where the provider is asked.
    pub async fn begin(&mut self, console: &Console, to: &str) -> Url {
        let to: String = url::form_urlencoded::byte_serialize(to.as_bytes()).collect();
        let led = self
            .get(console, &format!("/api/v1/session/sso?to={to}"))
            .await;
        assert_eq!(led.status, StatusCode::SEE_OTHER);
        led.to.unwrap().parse().unwrap()
    }

    /// Comes back from the provider: where the console leads.
    pub async fn come_back(&mut self, console: &Console, query: &str) -> String {
        let path = format!("/api/v1/session/sso/callback?{query}");
        let led = self.get(console, &path).await;
        assert_eq!(led.status, StatusCode::SEE_OTHER);
        led.to.unwrap()
    }

    /// All of it: where the console leads.
    pub async fn sign_in(&mut self, console: &Console, issuer: &Issuer, claims: Value) -> String {
        let to = self.begin(console, "/cards").await;
        let query = issuer.approve(&to, claims, Signed::Well);
        self.come_back(console, &query).await
    }

    /// Who this browser is signed in as.
    pub async fn person(&self, console: &Console) -> Option<(Person, Value)> {
        let name = self.cookies.get("mingjing_session")?;
        let mut person = Person {
            cookie: format!("mingjing_session={name}"),
            csrf: None,
            login: String::new(),
        };
        let (status, answer) = console.get("/api/v1/session", &person).await;
        if status != StatusCode::OK {
            return None;
        }
        person.csrf = answer["csrf"].as_str().map(str::to_owned);
        let login = answer["account"]["login"]
            .as_str()
            .or(answer["login"].as_str());
        person.login = login.unwrap().to_owned();
        Some((person, answer))
    }
}

/// Somebody whom the provider knows.
pub fn person(subject: &str, username: &str, groups: &[&str]) -> Value {
    json!({
        "sub": subject, "preferred_username": username, "name": format!("{username} 先生"), "groups": groups,
        "sid": format!("sid-{subject}"),
    })
}

/// What the audit log says last of this action.
pub async fn audited(console: &Console, action: &str) -> Value {
    let found: Option<[Option<String>; 4]> = sqlx::query_as(
        "SELECT login, subject, before, after FROM audit WHERE action = $1 ORDER BY seq DESC LIMIT 1",
    )
    .bind(action)
    .fetch_optional(console.app.db())
    .await
    .unwrap()
    .map(|(login, subject, before, after)| [login, subject, before, after]);
    let json = |text: &Option<String>| match text {
        Some(text) => serde_json::from_str(text).unwrap(),
        None => Value::Null,
    };
    found.map_or(Value::Null, |[login, subject, before, after]| {
        json!({"login": login, "subject": subject, "before": json(&before), "after": json(&after)})
    })
}

/// How many accounts there are that came from a provider.
pub async fn accounts(console: &Console) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM account WHERE issuer IS NOT NULL")
        .fetch_one(console.app.db())
        .await
        .unwrap()
}

/// SHA-256 of the name of this browser's session.
pub fn session_hash(browser: &Browser) -> Vec<u8> {
    auth::secret::hash(&browser.cookies["mingjing_session"])
}
