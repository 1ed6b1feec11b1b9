//! A database of its own for every test, cloned from a template that is migrated once.

use std::process::Command;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};

use super::roles::quoted;
use super::{MIGRATIONS, Store};

/// A migrated, empty database that is dropped with this value, or one by a name, which stays.
pub struct TestDatabase {
    /// Connected.
    pub store: Store,
    /// For programs under test.
    pub url: String,
    name: String,
    server: PgConnectOptions,
    stays: bool,
}

/// The address of the server: `DATABASE_URL`, or what `scripts/timescaledb url` prints.
///
/// # Panics
/// When there is neither: these tests need the real database.
pub fn server_url() -> String {
    if let Ok(url) = std::env::var("DATABASE_URL") {
        return url;
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/timescaledb");
    let output = Command::new(script)
        .arg("url")
        .output()
        .expect("scripts/timescaledb can be run");
    assert!(
        output.status.success(),
        "no DATABASE_URL, and `scripts/timescaledb url` says: {}Run `scripts/timescaledb start` first.",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

impl TestDatabase {
    /// Clones the template, making it first if this is the first test to come.
    ///
    /// # Panics
    /// When the server cannot be reached.
    pub async fn new() -> Self {
        let url = server_url();
        let server: PgConnectOptions = url.parse().expect("DATABASE_URL is a PostgreSQL address");
        let mut admin = connect(&server).await;
        let template = template(&mut admin, &url).await;
        let name = format!("mingjing_test_{}_{}", std::process::id(), unique());
        // A clone fails while anything is connected to the template; TimescaleDB's scheduler may look in for a moment.
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let clone =
                format!(r#"CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY"#);
            match sqlx::query(AssertSqlSafe(clone)).execute(&mut admin).await {
                Ok(_) => break,
                Err(error) if Instant::now() < deadline && is_busy(&error) => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(error) => panic!("the template cannot be cloned: {error}"),
            }
        }
        admin.close().await.ok();
        let url = with_database(&url, &name);
        let store = Store::connect_with(&url, 4)
            .await
            .expect("the clone can be connected to");
        Self {
            store,
            url,
            name,
            server,
            stays: false,
        }
    }

    /// The database `name`, made where there is none, brought up to date where there is, and not dropped.
    ///
    /// # Panics
    /// When the server cannot be reached, or the database cannot be brought up to date.
    pub async fn by_name(name: &str) -> Self {
        let url = server_url();
        let server: PgConnectOptions = url.parse().expect("DATABASE_URL is a PostgreSQL address");
        let mut admin = connect(&server).await;
        let there: bool =
            sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
                .bind(name)
                .fetch_one(&mut admin)
                .await
                .expect("the list of databases can be read");
        if !there {
            sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {}", quoted(name))))
                .execute(&mut admin)
                .await
                .expect("the tests' role may make databases");
        }
        admin.close().await.ok();
        let url = with_database(&url, name);
        let store = Store::connect_with(&url, 4)
            .await
            .expect("the database can be brought up to date");
        Self {
            store,
            url,
            name: name.to_owned(),
            server,
            stays: true,
        }
    }

    /// The address for a role of its own that works here as the console does; it goes with the database.
    ///
    /// # Panics
    /// When the role of `DATABASE_URL` may not make roles.
    pub async fn console_url(&self) -> String {
        let secret = format!("{:?} {}", std::time::SystemTime::now(), self.name);
        let password = hex::encode(Sha256::digest(secret));
        let role = &self.name;
        let mut connection = self
            .store
            .pool()
            .acquire()
            .await
            .expect("the database answers");
        let there: bool =
            sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)")
                .bind(role)
                .fetch_one(&mut *connection)
                .await
                .expect("the list of roles can be read");
        let verb = if there { "ALTER" } else { "CREATE" };
        let made = format!("{verb} ROLE {} LOGIN PASSWORD '{password}'", quoted(role));
        sqlx::query(AssertSqlSafe(made))
            .execute(&mut *connection)
            .await
            .expect("the tests' role may make roles");
        super::roles::let_work(&mut connection, role)
            .await
            .expect("the console's role is let in");
        with_user(&self.url, role, &password)
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if self.stays {
            return;
        }
        let (server, name) = (self.server.clone(), self.name.clone());
        // A runtime of its own: the test's may be gone or busy, and the database must go with the value.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let mut admin = server.connect().await.map_err(std::io::Error::other)?;
                let drop = format!(r#"DROP DATABASE IF EXISTS "{name}" WITH (FORCE)"#);
                let role = format!(r#"DROP ROLE IF EXISTS "{name}""#);
                for statement in [drop, role] {
                    sqlx::query(AssertSqlSafe(statement))
                        .execute(&mut admin)
                        .await
                        .map_err(std::io::Error::other)?;
                }
                Ok::<_, std::io::Error>(())
            })
        })
        .join();
        if !matches!(dropped, Ok(Ok(()))) {
            eprintln!("test database {} was left behind", self.name);
        }
    }
}

async fn connect(options: &PgConnectOptions) -> PgConnection {
    options
        .connect()
        .await
        .expect("the test database server answers (`scripts/timescaledb start`)")
}

/// The template's name tells its migrations, so that a changed one makes a new template.
async fn template(admin: &mut PgConnection, url: &str) -> String {
    let mut hash = Sha256::new();
    for migration in MIGRATIONS.iter() {
        hash.update(&migration.checksum);
    }
    let name = format!("mingjing_template_{}", &hex::encode(hash.finalize())[..16]);
    // Tests run in many processes: one makes the template, the others wait.
    sqlx::query("SELECT pg_advisory_lock(7365213)")
        .execute(&mut *admin)
        .await
        .expect("the lock can be taken");
    let ready: Option<bool> =
        sqlx::query_scalar("SELECT datistemplate FROM pg_database WHERE datname = $1")
            .bind(&name)
            .fetch_optional(&mut *admin)
            .await
            .expect("the list of databases can be read");
    if ready != Some(true) {
        let mut run = async |sql: String| {
            sqlx::query(AssertSqlSafe(sql))
                .execute(&mut *admin)
                .await
                .expect("the template can be made");
        };
        run(format!(r#"DROP DATABASE IF EXISTS "{name}" WITH (FORCE)"#)).await;
        run(format!(r#"CREATE DATABASE "{name}""#)).await;
        let store = Store::connect_with(&with_database(url, &name), 1)
            .await
            .expect("the migrations hold");
        store.pool().close().await;
        run(format!(
            r#"ALTER DATABASE "{name}" WITH IS_TEMPLATE true ALLOW_CONNECTIONS false"#
        ))
        .await;
    }
    sqlx::query("SELECT pg_advisory_unlock(7365213)")
        .execute(admin)
        .await
        .expect("the lock can be given back");
    name
}

fn is_busy(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(|error| error.code())
        .is_some_and(|code| code == "55006")
}

fn with_database(url: &str, name: &str) -> String {
    let (address, parameters) = url
        .split_once('?')
        .map_or((url, None), |(address, rest)| (address, Some(rest)));
    let server = address
        .rsplit_once('/')
        .map_or(address, |(server, _)| server);
    match parameters {
        Some(parameters) => format!("{server}/{name}?{parameters}"),
        None => format!("{server}/{name}"),
    }
}

fn with_user(url: &str, user: &str, password: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let server = rest[..end]
        .rsplit_once('@')
        .map_or(&rest[..end], |(_, server)| server);
    format!("{scheme}://{user}:{password}@{server}{}", &rest[end..])
}

fn unique() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
