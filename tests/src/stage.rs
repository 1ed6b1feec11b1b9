//! A console as a program of its own, on a database of its own.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use mingjing_dashboard::auth::totp::SharedSecret;
use mingjing_monitor::store::testing::TestDatabase;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::county;
use crate::rtsp::{PASSWORD, USER};

/// Password of every account that a test makes.
pub const ACCOUNT_PASSWORD: &str = "correct horse battery staple";
/// A test records its few seconds on a disk that is nearly full too.
pub(crate) const RECORDING: &str = "[recording]\nmin_free_bytes = 0\n";
/// A program that is not ready after this long never will be.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A camera of the console's own ingest or of an [`crate::edge::Edge`].
#[derive(Clone, Debug)]
pub struct StageCamera {
    /// Its id and name.
    pub id: String,
    /// Its hall.
    pub hall: String,
    /// Windows that it sees.
    pub windows: Vec<String>,
    /// Its address.
    pub url: String,
    /// The password that is used.
    pub password: String,
    /// `tcp` or `udp`.
    pub transport: &'static str,
}

impl StageCamera {
    /// A camera over window 1 of `hall`, with the right password.
    pub fn new(id: &str, hall: &str, url: String) -> Self {
        Self {
            id: id.into(),
            hall: hall.into(),
            windows: vec!["1".into()],
            url,
            password: PASSWORD.into(),
            transport: "tcp",
        }
    }
}

/// What a browser keeps of a session.
#[derive(Debug, Default)]
pub struct Session {
    cookie: String,
    csrf: String,
}

impl Session {
    /// As it stands in a request.
    pub fn cookie(&self) -> &str {
        &self.cookie
    }
}

/// A console with its county, accounts and database; ends with this value.
pub struct Stage {
    /// Its database.
    pub database: TestDatabase,
    /// `http://127.0.0.1:PORT`
    pub url: String,
    directory: TempDir,
    console: Option<Child>,
}

impl Stage {
    /// Imports the county, writes the configuration with `cameras`, starts the console and waits until it is ready.
    ///
    /// # Panics
    /// When any of it fails.
    pub async fn new(cameras: &[StageCamera]) -> Self {
        // Once a process; a second time changes nothing.
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let database = TestDatabase::new().await;
        let directory = TempDir::new().expect("a temporary directory");
        let port = free_port();
        let mut stage = Self {
            database,
            url: format!("http://127.0.0.1:{port}"),
            directory,
            console: None,
        };
        stage.configure(port, cameras);
        for (kind, content) in [("halls", county::halls()), ("items", county::items())] {
            let file = stage.path(&format!("{kind}.json"));
            std::fs::write(&file, content.to_string()).expect("the import file can be written");
            stage
                .run(&["import", kind, &file.to_string_lossy()], "")
                .await;
        }
        stage.start().await;
        stage
    }

    /// A file in the stage's own directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Adds an account with [`ACCOUNT_PASSWORD`].
    ///
    /// # Panics
    /// When the command fails.
    pub async fn account(&self, login: &str, role: &str, hall: &str) {
        self.run(
            &[
                "user", "add", login, "--role", role, "--hall", hall, "--stdin", "--keep",
            ],
            ACCOUNT_PASSWORD,
        )
        .await;
    }

    /// Signs `login` in for the first time and sets up the second factor that its role needs; the secret, in base32.
    ///
    /// # Panics
    /// When the console asks for anything else.
    pub async fn second_factor(&self, login: &str) -> String {
        self.enrol(login).await.0
    }

    /// As [`Self::second_factor`]; the secret, and the session that it leads to.
    ///
    /// # Panics
    /// When the console asks for anything else.
    pub async fn enrol(&self, login: &str) -> (String, Session) {
        let typed = json!({"login": login, "password": ACCOUNT_PASSWORD});
        let mut session = Session::default();
        let answer = self.post("/session", &mut session, &typed).await;
        assert_eq!(answer["step"], "enrolment", "{answer}");
        let enrolment = self.post("/account/totp", &mut session, &json!({})).await;
        let text = enrolment["secret"].as_str().expect("the secret").to_owned();
        let secret = SharedSecret::parse(&text).expect("a secret in base32");
        // The code of the step before is good too, and leaves this one and the next for whoever signs in now.
        let code = secret.code(Utc::now() - TimeDelta::seconds(30));
        let path = "/account/totp/confirm";
        let enrolled = self.post(path, &mut session, &json!({"code": code})).await;
        assert!(enrolled["recovery_codes"].is_array(), "{enrolled}");
        // The session is another one now, with a CSRF value of its own.
        let answer = reqwest::Client::new()
            .get(format!("{}/api/v1/session", self.url))
            .header("cookie", &session.cookie)
            .send()
            .await
            .expect("the console answers");
        let entered: Value = answer.json().await.expect("JSON");
        let csrf = entered["csrf"].as_str().expect("the session is open");
        session.csrf = csrf.to_owned();
        (text, session)
    }

    /// Posts to `path` below `/api/v1` and gives the answer; a new cookie or CSRF value in it goes into `session`.
    ///
    /// # Panics
    /// When the console gives no JSON.
    pub async fn post(&self, path: &str, session: &mut Session, body: &Value) -> Value {
        let answer = reqwest::Client::new()
            .post(format!("{}/api/v1{path}", self.url))
            .header("cookie", &session.cookie)
            .header("x-csrf-token", &session.csrf)
            .json(body)
            .send()
            .await
            .expect("the console answers");
        let cookie = answer.headers().get("set-cookie");
        let cookie = cookie.and_then(|cookie| cookie.to_str().ok()?.split(';').next());
        if let Some(cookie) = cookie {
            session.cookie = cookie.to_owned();
        }
        let answer: Value = answer.json().await.expect("JSON");
        if let Some(csrf) = answer["csrf"].as_str() {
            session.csrf = csrf.to_owned();
        }
        answer
    }

    /// Asks for `path` below `/api/v1` as whoever is signed in; the answer, or null where it is no JSON.
    ///
    /// # Panics
    /// When the console does not answer.
    pub async fn ask(
        &self,
        method: reqwest::Method,
        path: &str,
        session: &Session,
        body: Option<&Value>,
    ) -> Value {
        let mut asked = reqwest::Client::new()
            .request(method, format!("{}/api/v1{path}", self.url))
            .header("cookie", &session.cookie)
            .header("x-csrf-token", &session.csrf);
        if let Some(body) = body {
            asked = asked.json(body);
        }
        let answer = asked.send().await.expect("the console answers");
        answer.json().await.unwrap_or_default()
    }

    /// Makes a bearer token, which holds when this returns; `arguments` follow `token create`.
    ///
    /// # Panics
    /// When the command fails.
    pub async fn token(&self, arguments: &[&str]) -> String {
        let all = [&["token", "create", "--json"], arguments].concat();
        let made: Value =
            serde_json::from_str(&self.run(&all, "").await).expect("--json prints JSON");
        let token = made["token"].as_str().expect("the token").to_owned();
        if arguments.contains(&"source") && self.console.is_some() {
            self.wait_for_source(&token).await;
        }
        token
    }

    /// The intake is told of new tokens; until it is, they are unknown to it.
    async fn wait_for_source(&self, token: &str) {
        let intake = format!("{}/api/v1/events", self.url);
        wait_for("the intake knows the token", PATIENCE, async || {
            let nothing = reqwest::Client::new()
                .post(&intake)
                .bearer_auth(token)
                .header("content-type", "application/cloudevents-batch+json")
                .body("[]");
            let answer = nothing.send().await;
            answer.is_ok_and(|answer| answer.status() != reqwest::StatusCode::UNAUTHORIZED)
        })
        .await;
    }

    /// Runs a command of `mingjing` and gives its output.
    ///
    /// # Panics
    /// When it fails.
    pub async fn run(&self, arguments: &[&str], input: &str) -> String {
        let mut command = self.command(arguments);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("mingjing can be run");
        let mut stdin = child.stdin.take().expect("stdin is piped");
        tokio::io::AsyncWriteExt::write_all(&mut stdin, format!("{input}\n").as_bytes())
            .await
            .ok();
        drop(stdin);
        let output = child.wait_with_output().await.expect("mingjing ends");
        assert!(
            output.status.success(),
            "mingjing {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// Turns the clock of a card's or an order's answer: it has run out. The console finds that with the next instant that comes,
    /// whosever it is.
    pub async fn lapse(&self, kind: &str, id: i64) {
        let sql = match kind {
            "card" => {
                "UPDATE card SET answer_due = now() - interval '1 minute', next_instant = now() WHERE id = $1"
            }
            _ => {
                "UPDATE supervision_order SET answer_due = now() - interval '1 minute', next_instant = now() WHERE id = $1"
            }
        };
        let turned = sqlx::query(sql)
            .bind(id)
            .execute(self.database.store.pool())
            .await
            .expect("the database is there");
        assert_eq!(turned.rows_affected(), 1, "there is no {kind} {id}");
    }

    /// A command of `mingjing` with this stage's configuration and database.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("mingjing"));
        command
            .args(arguments)
            .arg("--config")
            .arg(self.path("mingjing.toml"))
            .env("DATABASE_URL", &self.database.url)
            .kill_on_drop(true);
        command
    }

    /// Starts the console (again) and waits until it is ready. Its log is `console.log` in the stage's directory.
    ///
    /// # Panics
    /// When it does not become ready.
    pub async fn start(&mut self) {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.path("console.log"))
            .expect("the log can be opened");
        let child = self
            .command(&["serve"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn();
        self.console = Some(child.expect("mingjing can be run"));
        let ready = format!("{}/health/ready", self.url);
        let begun = Instant::now();
        while !reqwest::get(&ready)
            .await
            .is_ok_and(|answer| answer.status().is_success())
        {
            let ended = self
                .console
                .as_mut()
                .and_then(|child| child.try_wait().ok().flatten());
            if let Some(status) = ended {
                panic!("the console ended ({status}): {}", self.log());
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "the console is not ready: {}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Number of the console's process.
    ///
    /// # Panics
    /// When there is none.
    pub fn pid(&self) -> u32 {
        let console = self.console.as_ref();
        console.and_then(Child::id).expect("a running console")
    }

    /// Ends the console as a power cut would.
    ///
    /// # Panics
    /// When there is none.
    pub async fn kill(&mut self) {
        self.console
            .take()
            .expect("a running console")
            .kill()
            .await
            .expect("the console can be killed");
    }

    /// Starts the console anew with a provider of single sign-on, that of `tests/browser/provider.mjs`.
    ///
    /// # Panics
    /// When it does not become ready.
    pub async fn sign_on_at(&mut self, issuer: &str) {
        let mut file = std::fs::File::options()
            .append(true)
            .open(self.path("mingjing.toml"))
            .expect("the configuration can be opened");
        write!(
            file,
            "[oidc]\nissuer = {issuer:?}\nclient_id = \"mingjing\"\npublic_address = {:?}\n\
             client_secret = \"only for this test: a secret & more\"\n\
             [[oidc.group]]\nname = \"mingjing-inspectors\"\nrole = \"inspector\"\n\
             [[oidc.group]]\nname = \"mingjing-leaders\"\nrole = \"leader\"\n",
            self.url
        )
        .expect("written");
        self.kill().await;
        self.start().await;
    }

    /// What the console wrote.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("console.log")).unwrap_or_default()
    }

    fn configure(&self, port: u16, cameras: &[StageCamera]) {
        let mut file = std::fs::File::create(self.path("mingjing.toml"))
            .expect("the configuration can be written");
        writeln!(
            file,
            "[server]\nlisten = \"127.0.0.1:{port}\"\n[storage]\ndir = {}\n{RECORDING}[channels]\ninside = [\"127.0.0.1\"]\n",
            json!(self.path("data"))
        )
        .expect("written");
        file.write_all(camera_tables(self.directory.path(), cameras).as_bytes())
            .expect("written");
    }
}

/// The `[[camera]]` tables of a configuration; the passwords go to files in `directory`.
pub(crate) fn camera_tables(directory: &Path, cameras: &[StageCamera]) -> String {
    let mut tables = String::new();
    for camera in cameras {
        let password = directory.join(format!("{}.password", camera.id));
        std::fs::write(&password, &camera.password).expect("the password file can be written");
        let lines = [
            ("id", json!(camera.id)),
            ("name", json!(camera.id)),
            ("hall", json!(camera.hall)),
            ("windows", json!(camera.windows)),
            ("url", json!(camera.url)),
            ("username", json!(USER)),
            ("password_file", json!(password)),
            ("transport", json!(camera.transport)),
        ];
        tables.push_str("[[camera]]\n");
        for (key, value) in lines {
            tables.push_str(&format!("{key} = {value}\n"));
        }
    }
    tables
}

/// A program of this workspace, beside the one that runs.
///
/// # Panics
/// When it has not been built.
pub fn program(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("the path of this program");
    let found = own
        .ancestors()
        .skip(1)
        .take(2)
        .map(|directory| directory.join(name))
        .find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("{name} has not been built: run `cargo build` first"))
}

/// A port that nobody listens on now.
///
/// # Panics
/// When there is none.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// Waits for something to come true.
///
/// # Panics
/// With `what`, when it does not within `patience`.
pub async fn wait_for<F: Future<Output = bool>>(
    what: &str,
    patience: Duration,
    mut check: impl FnMut() -> F,
) {
    let begun = Instant::now();
    while !check().await {
        assert!(
            begun.elapsed() < patience,
            "after {patience:?} still not: {what}"
        );
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// The directory of the project.
pub fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
