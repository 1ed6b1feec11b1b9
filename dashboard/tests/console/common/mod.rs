//! A console in this process: the real router, writer and database; only the listener is left out.

pub mod wire;

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, StatusCode, header};
use chrono::{TimeDelta, Utc};
use mingjing_dashboard::app::App;
use mingjing_dashboard::auth::Stage;
use mingjing_dashboard::auth::totp::SharedSecret;
use mingjing_dashboard::config::{Config, County};
use mingjing_dashboard::live::Read;
use mingjing_dashboard::policy::Role;
use mingjing_dashboard::transport::client::Encrypted;
use mingjing_dashboard::transport::listener::Patience;
use mingjing_dashboard::transport::tls::Certificates;
use mingjing_dashboard::{auth, boot, engine, server, store};
use mingjing_monitor::event::CaseEvent;
use mingjing_monitor::org::{Hall, Level, Unit, Window};
use mingjing_monitor::store::accounts::{self, NewAccount};
use mingjing_monitor::store::county as stored;
use mingjing_monitor::store::halls::{self, Camera};
use mingjing_monitor::store::second_factors;
use mingjing_monitor::store::testing::TestDatabase;
use serde_json::{Value, json};
use tower::ServiceExt;

pub const COUNTY: &str = "C";
pub const TOWN_1: &str = "T1";
pub const TOWN_2: &str = "T2";
pub const PASSWORD: &str = "correct horse battery staple";
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A console with a county of two towns; window 1 of each is the unit RSJ's, window 2 the unit GAJ's in the first.
pub struct Console {
    pub app: App,
    pub service: axum::Router,
    /// Whether requests come as over the console's own TLS.
    pub over_tls: bool,
    _files: tempfile::TempDir,
    // Dropped last: the pools close first.
    database: TestDatabase,
}

/// Somebody signed in.
#[derive(Clone, Debug)]
pub struct Person {
    pub cookie: String,
    pub csrf: Option<String>,
    pub login: String,
}

impl Person {
    /// Somebody with a session that was never opened.
    #[allow(dead_code, reason = "not every test program forges")]
    pub fn forged() -> Self {
        Self {
            cookie: format!("mingjing_session={}", "A".repeat(43)),
            csrf: None,
            login: "forged".into(),
        }
    }

    /// The same, as a foreign page would send it.
    pub fn without_csrf(&self) -> Self {
        Self {
            csrf: None,
            ..self.clone()
        }
    }

    fn sign(&self, request: &mut Request<Body>) {
        let headers = request.headers_mut();
        headers.insert(header::COOKIE, self.cookie.parse().unwrap());
        if let Some(csrf) = &self.csrf {
            headers.insert(auth::CSRF_HEADER, csrf.parse().unwrap());
        }
    }

    /// SHA-256 of the session's name.
    pub fn hash(&self) -> Vec<u8> {
        auth::secret::hash(self.cookie.split_once('=').unwrap().1)
    }
}

/// The second factor of every account that has one.
pub fn secret() -> SharedSecret {
    SharedSecret::from_bytes(b"12345678901234567890".to_vec())
}

impl Person {
    /// What the browser sends with every request, for calls that this module does not make.
    #[allow(dead_code)] // not every test makes its own
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let cookie = ("cookie", self.cookie.clone());
        let csrf = self.csrf.clone().map(|csrf| (auth::CSRF_HEADER, csrf));
        std::iter::once(cookie).chain(csrf).collect()
    }
}

impl Console {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// With a configuration that `change` has gone over.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_on(TestDatabase::new().await, change).await
    }

    /// On a database that may have been used before.
    pub async fn start_on(database: TestDatabase, change: impl FnOnce(&mut Config)) -> Self {
        let files = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.storage.dir = files.path().to_owned();
        change(&mut config);
        // Everything here runs as the console does: in a role that alters nothing of the audit log.
        let url = database.console_url().await;
        config.database.url = Some(url.clone());
        config.county = County {
            code: COUNTY.into(),
            ..County::default()
        };
        let db = store::pool(&url, 4).unwrap();
        let app = App::new(config, db, None);
        let (writer, _) = boot::prepare(&app).await.unwrap().unwrap();
        county(&app).await;
        app.reload_directory().await.unwrap();
        tokio::spawn(engine::run(app.clone(), writer, app.take_inbox().unwrap()));
        tokio::spawn(mingjing_dashboard::audit::follow(app.clone()));
        tokio::time::timeout(PATIENCE, app.wait_ready())
            .await
            .unwrap();
        Self {
            service: server::service(&app),
            over_tls: false,
            app,
            _files: files,
            database,
        }
    }

    /// Another console on the same database answers from now on, as after a restart: it remembers nothing. Nothing writes in it.
    #[allow(dead_code, reason = "not every test program starts again")]
    pub async fn start_again(&mut self) {
        self.app = App::new(self.app.config().clone(), self.app.db().clone(), None);
        self.app.reload_directory().await.unwrap();
        self.service = server::service(&self.app);
    }

    /// Serves it on a port of this machine, over TLS where the configuration has a certificate.
    #[allow(dead_code, reason = "not every test program listens")]
    pub async fn listen(&self) -> SocketAddr {
        self.listen_with(Patience::default()).await
    }

    /// The same, with another patience.
    pub async fn listen_with(&self, patience: Patience) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let tls = self.app.config().server.tls.as_ref();
        let certificates = tls.map(|tls| Certificates::load(&tls.cert, &tls.key).unwrap());
        let front = server::Front {
            listener,
            certificates,
            patience,
        };
        tokio::spawn(server::run(self.app.clone(), front));
        address
    }

    /// The database as its owner sees it.
    #[allow(dead_code, reason = "not every test program meddles")]
    pub fn owner(&self) -> &sqlx::PgPool {
        self.database.store.pool()
    }

    /// An answer that is no JSON.
    #[allow(dead_code, reason = "not every test program asks for one")]
    pub async fn text(&self, path: &str, person: &Person) -> (StatusCode, String) {
        let mut request = request(Method::GET, path, None);
        let cookie = person.cookie.parse().unwrap();
        request.headers_mut().insert(header::COOKIE, cookie);
        let response = self.service.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), 16 << 20)
            .await
            .unwrap();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    /// An answer that is no text.
    pub async fn bytes(&self, path: &str, person: &Person) -> (StatusCode, Vec<u8>) {
        let mut request = request(Method::GET, path, None);
        request
            .headers_mut()
            .insert(header::COOKIE, person.cookie.parse().unwrap());
        let response = self.service.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), 16 << 20)
            .await
            .unwrap();
        (status, bytes.to_vec())
    }

    /// An account with [`PASSWORD`], and with the second factor [`secret`] where its role needs one.
    pub async fn account(&self, login: &str, role: &str, hall: &str, unit: Option<&str>) {
        let hash = auth::password::hash(PASSWORD);
        let account = NewAccount {
            login,
            name: login,
            role,
            hall,
            unit,
            window: None,
            password_hash: &hash,
            must_change: false,
        };
        let mut connection = self.app.db().acquire().await.unwrap();
        let id = accounts::create(&mut connection, &account, Utc::now())
            .await
            .unwrap();
        let role = Role::parse(role).unwrap();
        if self
            .app
            .config()
            .sign_in
            .second_factor_roles
            .contains(&role)
        {
            let belongs_to = auth::totp::belongs_to(id);
            let sealer = self.app.sealer().unwrap();
            let sealed = sealer.seal(secret().as_bytes(), &belongs_to);
            second_factors::set(&mut connection, id, &sealed, None, &[])
                .await
                .unwrap();
        }
    }

    /// One step of signing in: status, what it answered, and whose session it is from now on.
    pub async fn step(
        &self,
        path: &str,
        person: Option<&Person>,
        body: Value,
    ) -> (StatusCode, Value, Option<Person>) {
        self.step_from([127, 0, 0, 1], path, person, body).await
    }

    /// The same from another address.
    pub async fn step_from(
        &self,
        address: [u8; 4],
        path: &str,
        person: Option<&Person>,
        body: Value,
    ) -> (StatusCode, Value, Option<Person>) {
        let mut request = request(Method::POST, path, Some(body.to_string()));
        let from = ConnectInfo(SocketAddr::from((address, 1)));
        request.extensions_mut().insert(from);
        if self.over_tls {
            request.extensions_mut().insert(Encrypted);
        }
        if let Some(person) = person {
            person.sign(&mut request);
        }
        let response = self.service.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let cookie = response.headers().get(header::SET_COOKIE).cloned();
        let answer = json_of(response).await;
        let session = answer.get("session").unwrap_or(&answer);
        let person = cookie.map(|cookie| {
            let cookie = cookie.to_str().unwrap();
            assert!(
                cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
                "{cookie}"
            );
            let over_tls = cookie.starts_with("__Host-");
            assert_eq!(cookie.contains("Secure"), over_tls, "{cookie}");
            let login = session["login"]
                .as_str()
                .or(session["account"]["login"].as_str());
            Person {
                cookie: cookie.split(';').next().unwrap().to_owned(),
                csrf: session["csrf"].as_str().map(str::to_owned),
                login: login.unwrap().to_owned(),
            }
        });
        (status, answer, person)
    }

    /// The first step of signing in.
    pub async fn password(
        &self,
        login: &str,
        password: &str,
    ) -> (StatusCode, Value, Option<Person>) {
        let body = json!({"login": login, "password": password});
        self.step("/api/v1/session", None, body).await
    }

    /// Signs in, and opens the live stream so that it is written.
    pub async fn sign_in(&self, login: &str) -> Person {
        // Stands for the half minute until the next code.
        sqlx::query("UPDATE account SET totp_step = NULL WHERE login = $1")
            .bind(login)
            .execute(self.app.db())
            .await
            .unwrap();
        let (mut status, mut answer, mut person) = self.password(login, PASSWORD).await;
        if answer["step"] == "second_factor" {
            let code = json!({"code": secret().code(Utc::now())});
            (status, answer, person) = self
                .step("/api/v1/session/totp", person.as_ref(), code)
                .await;
        }
        assert_eq!(status, StatusCode::OK, "{answer}");
        assert!(answer["account"].is_object(), "{answer}");
        let person = person.unwrap();
        self.ring(&person).await;
        person
    }

    pub async fn get(&self, path: &str, person: &Person) -> (StatusCode, Value) {
        self.call(Method::GET, path, Some(person), None).await
    }

    pub async fn post_json(
        &self,
        path: &str,
        person: Option<&Person>,
        body: Value,
    ) -> (StatusCode, Value) {
        self.call(Method::POST, path, person, Some(body.to_string()))
            .await
    }

    pub async fn call(
        &self,
        method: Method,
        path: &str,
        person: Option<&Person>,
        body: Option<String>,
    ) -> (StatusCode, Value) {
        let mut request = request(method, path, body);
        if let Some(person) = person {
            person.sign(&mut request);
        }
        if self.over_tls {
            request.extensions_mut().insert(Encrypted);
        }
        let response = self.service.clone().oneshot(request).await.unwrap();
        (response.status(), json_of(response).await)
    }

    /// An event of a case at a window of its unit, of now.
    pub fn event(
        &self,
        id: &str,
        kind: &str,
        case: &str,
        hall: &str,
        unit: &str,
        data: Value,
    ) -> Value {
        let window = if unit == "GAJ" { "2" } else { "1" };
        let mut fields = json!({"hall": hall, "unit": unit, "item": "A", "window": window});
        fields
            .as_object_mut()
            .unwrap()
            .extend(data.as_object().unwrap().clone());
        json!({
            "specversion": "1.0", "id": format!("{case}-{id}"), "source": "//approval.county", "type": kind, "subject": case,
            "time": Utc::now(), "data": fields,
        })
    }

    /// Takes events in; returns after the commit.
    pub async fn send(&self, events: &[Value]) {
        let read = |event: &Value| {
            CaseEvent::from_cloudevent(event, Utc::now(), chrono_tz::Asia::Shanghai).unwrap()
        };
        let applied = self
            .app
            .engine()
            .batch(events.iter().map(read).collect(), false)
            .await
            .unwrap()
            .unwrap();
        assert!(
            applied.outcome.rejected.is_empty(),
            "{:?}",
            applied.outcome.rejected
        );
        assert_eq!(applied.outcome.accepted, events.len());
    }

    /// A case whose promise has run out: one yellow card. Of its acceptance only the date is told, which may be told late.
    pub async fn overdue(&self, case: &str, hall: &str, unit: &str) {
        let due = Utc::now() - TimeDelta::hours(1);
        let mut event = self.event(
            "accepted",
            "case.accepted",
            case,
            hall,
            unit,
            json!({"promise_due": due, "date_only": true}),
        );
        event["time"] = json!(Utc::now() - TimeDelta::days(10));
        if hall == TOWN_2 {
            event["time"] = json!(Utc::now() - TimeDelta::days(9));
        }
        self.send(&[event]).await;
    }

    /// The county's trial run is over: cards count, and are told of.
    #[allow(dead_code, reason = "not every test program needs it")]
    pub async fn end_trial_run(&self) {
        let db = self.app.db();
        let mut the_county = stored::county(db).await.unwrap().unwrap();
        the_county.trial_run = false;
        stored::set_county(&mut db.acquire().await.unwrap(), &the_county)
            .await
            .unwrap();
        self.app.engine().reload();
    }

    async fn ring(&self, person: &Person) -> std::sync::Arc<mingjing_dashboard::live::Ring> {
        let caller = auth::by_session(&self.app, &person.hash(), &[Stage::Open])
            .await
            .unwrap()
            .unwrap();
        self.app
            .live()
            .ring(&mingjing_dashboard::live::Audience::of(&caller))
    }

    /// Everything that the person's page was told.
    pub async fn heard(&self, person: &Person) -> Vec<String> {
        match self.ring(person).await.after(0, usize::MAX) {
            Read::Messages(messages) => {
                messages.iter().map(|message| message.to_string()).collect()
            }
            Read::Gap => panic!("{} missed messages", person.login),
        }
    }

    /// Waits until the person's page is told something.
    pub async fn wait_for_message(
        &self,
        person: &Person,
        wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        let ring = self.ring(person).await;
        let mut news = ring.subscribe();
        let search = async {
            loop {
                let heard = self.heard(person).await;
                let found = heard
                    .iter()
                    .map(|text| serde_json::from_str(text).unwrap())
                    .find(|message| wanted(message));
                if let Some(message) = found {
                    return message;
                }
                news.changed().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, search)
            .await
            .expect("the page is told in time")
    }
}

fn request(method: Method, path: &str, body: Option<String>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if body.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    let mut request = request
        .body(body.map_or_else(Body::empty, Body::from))
        .unwrap();
    request
        .extensions_mut()
        .insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 1))));
    request
}

async fn json_of(response: axum::response::Response) -> Value {
    let bytes = axum::body::to_bytes(response.into_body(), 16 << 20)
        .await
        .unwrap();
    serde_json::from_slice(&bytes).unwrap_or(Value::Null)
}

async fn county(app: &App) {
    let hall = |code: &str| Hall {
        code: code.into(),
        parent: Some(COUNTY.into()),
        level: Level::Town,
        name: code.into(),
        name_en: String::new(),
        opening: Default::default(),
    };
    let unit = |code: &str| Unit {
        code: code.into(),
        name: code.into(),
        name_en: String::new(),
    };
    let window = |hall: &str, no: &str, unit: &str| Window {
        hall: hall.into(),
        no: no.into(),
        unit: Some(unit.into()),
        name: format!("{no}号窗口"),
        name_en: String::new(),
    };
    let camera = |id: &str, hall: &str| Camera {
        id: id.into(),
        hall: hall.into(),
        name: id.into(),
        windows: vec!["1".into()],
        edge: "local".into(),
    };
    let mut tx = app.db().begin().await.unwrap();
    halls::upsert_units(&mut tx, &[unit("RSJ"), unit("GAJ")])
        .await
        .unwrap();
    halls::upsert_halls(&mut tx, &[hall(TOWN_1), hall(TOWN_2)])
        .await
        .unwrap();
    let windows = [
        window(TOWN_1, "1", "RSJ"),
        window(TOWN_1, "2", "GAJ"),
        window(TOWN_2, "1", "RSJ"),
    ];
    halls::upsert_windows(&mut tx, &windows).await.unwrap();
    halls::upsert_cameras(&mut tx, &[camera("c1", TOWN_1), camera("c2", TOWN_2)])
        .await
        .unwrap();
    tx.commit().await.unwrap();
}
