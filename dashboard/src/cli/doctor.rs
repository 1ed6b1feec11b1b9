//! `mingjing doctor`

mod channels;

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;
use futures::future::join_all;
use serde::Serialize;
use serde_json::json;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

use mingjing_monitor::store::roles::{self, Powers};
use mingjing_monitor::store::{StoreError, logs};

use super::{CliError, output};
use crate::auth::oidc::Oidc;
use crate::bulletin::print;
use crate::config::Config;
use crate::store::doctor as store;
use crate::transport::tls::Certificates;

/// What does not answer within this is told as not answering.
const PATIENCE: Duration = Duration::from_secs(3);
/// Clocks further apart than this date events wrongly; much further, deadlines.
const CLOCK_WARN: i64 = 2_000;
/// See [`CLOCK_WARN`]; in milliseconds too.
const CLOCK_FAIL: i64 = 60_000;
/// Free space under which recordings and spool are near their end.
const SPACE_WARN: u64 = 5 << 30;
/// See [`SPACE_WARN`].
const SPACE_FAIL: u64 = 512 << 20;
/// Days before its end at which a certificate is told of: certbot renews thirty days before.
const EXPIRES_SOON: i64 = 21;

/// Look at everything that the console needs, and say what to do about what is missing.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  mingjing doctor --config /etc/mingjing.toml\n\n\
    Nothing is changed. Exit code 1 when something fails; warnings do not count."
)]
pub struct Doctor {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Check {
    check: String,
    verdict: Verdict,
    /// What was found.
    found: String,
    /// What to do; empty when it is well.
    remedy: String,
}

impl Check {
    fn ok(check: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            check: check.into(),
            verdict: Verdict::Ok,
            found: found.into(),
            remedy: String::new(),
        }
    }

    fn warn(check: impl Into<String>, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            check: check.into(),
            verdict: Verdict::Warn,
            found: found.into(),
            remedy: remedy.into(),
        }
    }

    fn fail(check: impl Into<String>, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            check: check.into(),
            verdict: Verdict::Fail,
            found: found.into(),
            remedy: remedy.into(),
        }
    }
}

impl Doctor {
    /// Runs the command.
    ///
    /// # Errors
    /// Something fails.
    pub async fn run(self, config: Config) -> Result<(), CliError> {
        let (mut checks, cameras, channels, single_sign_on) = tokio::join!(
            database(&config),
            cameras(&config),
            channels::check(&config),
            single_sign_on(&config)
        );
        checks.extend(cameras);
        checks.extend(channels);
        checks.push(single_sign_on);
        checks.extend(passwords(&config));
        checks.push(certificate(&config, Utc::now()));
        checks.push(space(&config.storage.dir));
        checks.push(font());
        let failed = checks
            .iter()
            .filter(|check| check.verdict == Verdict::Fail)
            .count();
        if self.json {
            output::json(&json!({"ok": failed == 0, "checks": checks}));
        } else {
            show(&checks);
        }
        if failed > 0 {
            return Err(CliError::Failed(format!(
                "{failed} of {} checks failed",
                checks.len()
            )));
        }
        Ok(())
    }
}

fn show(checks: &[Check]) {
    let row = |check: &Check| {
        let word = match check.verdict {
            Verdict::Ok => "ok",
            Verdict::Warn => "warn",
            Verdict::Fail => "FAIL",
        };
        [word.to_owned(), check.check.clone(), check.found.clone()]
    };
    output::table(["", "check", "found"], checks.iter().map(row));
    for check in checks.iter().filter(|check| !check.remedy.is_empty()) {
        output::line(&format!("\n{}: {}", check.check, check.remedy));
    }
}

/// Reachable, TimescaleDB, migrations, clock.
async fn database(config: &Config) -> Vec<Check> {
    let url = match config.database_url() {
        Ok(url) => url,
        Err(error) => return vec![Check::fail("database", "not configured", error.to_string())],
    };
    let options: PgConnectOptions = match url.parse() {
        Ok(options) => options,
        Err(error) => {
            let error: sqlx::Error = error;
            return vec![Check::fail(
                "database",
                format!("the address is no URL: {error}"),
                "write it like postgres://user:password@host:5432/database",
            )];
        }
    };
    let remedy = "is it running (scripts/timescaledb start), and is the address right (scripts/timescaledb url)?";
    let mut connection = match timeout(PATIENCE, options.connect()).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => return vec![Check::fail("database", error.to_string(), remedy)],
        Err(_) => {
            return vec![Check::fail(
                "database",
                format!("no answer within {} s", PATIENCE.as_secs()),
                remedy,
            )];
        }
    };
    match timeout(PATIENCE, questions(&mut connection)).await {
        Ok(Ok(checks)) => checks,
        Ok(Err(error)) => vec![Check::fail(
            "database",
            error.to_string(),
            "its user needs to read the catalogue and its own tables",
        )],
        Err(_) => vec![Check::fail(
            "database",
            format!("it takes over {} s to answer", PATIENCE.as_secs()),
            "look at its load and its locks",
        )],
    }
}

async fn questions(connection: &mut PgConnection) -> sqlx::Result<Vec<Check>> {
    let before = Utc::now();
    let there = store::clock(&mut *connection).await?;
    let here = before + (Utc::now() - before) / 2;
    let server = store::server(&mut *connection).await?;
    let mut checks = vec![
        Check::ok("database", format!("PostgreSQL {}", server.version)),
        clock(here, there),
    ];
    checks.push(match (&server.timescale, &server.license) {
        (Some(version), Some(license)) if license == "timescale" => match logs::compressed(&mut *connection).await?.len() {
            0 => Check::warn("TimescaleDB", format!("{version}, community edition; old chunks are not compressed"),
                "run `mingjing migrate` as the owner of the tables: it sets compression up"),
            tables => Check::ok("TimescaleDB", format!("{version}, community edition; old chunks of {tables} tables are compressed")),
        },
        (Some(version), _) => Check::ok("TimescaleDB", format!("{version}, Apache edition (all that is needed; it has no compression of old chunks)")),
        (None, _) => Check::fail("TimescaleDB", "the database does not have the extension",
            "install it beside the server and put timescaledb into shared_preload_libraries, or use scripts/timescaledb start; \
             the console makes it in the database at its first start"),
    });
    let applied = store::migrations(&mut *connection).await?;
    checks.push(migrations(&applied));
    if !applied.is_empty() {
        checks.push(audit_log(roles::powers(connection).await));
    }
    Ok(checks)
}

/// Whoever runs the console, or breaks into it, must not be able to rewrite what it did.
fn audit_log(powers: Result<Powers, StoreError>) -> Check {
    let powers = match powers {
        Ok(powers) => powers,
        Err(error) => {
            return Check::fail(
                "audit log",
                error.to_string(),
                "its user needs to read the catalogue",
            );
        }
    };
    match powers.over_audit() {
        None => Check::ok(
            "audit log",
            format!("role {} can only append to it", powers.role),
        ),
        Some(why) => Check::warn(
            "audit log",
            format!("role {} could alter it: it {why}", powers.role),
            "give the console a role of its own and run mingjing migrate as the owner (docs/operations.md, The two database roles)",
        ),
    }
}

/// The database dates nothing that the rules count by, but two clocks that differ mean that one of them is wrong.
fn clock(here: DateTime<Utc>, there: DateTime<Utc>) -> Check {
    let apart = (here - there).num_milliseconds().abs();
    let found = format!("this machine and the database are {apart} ms apart");
    let remedy = "let both follow one time server (chrony or systemd-timesyncd)";
    match apart {
        CLOCK_FAIL.. => Check::fail("clock", found, remedy),
        CLOCK_WARN.. => Check::warn("clock", found, remedy),
        _ => Check::ok("clock", found),
    }
}

/// The versions in the database, with what they were made from, against those of this program.
fn migrations(applied: &[(i64, Vec<u8>)]) -> Check {
    let ours = mingjing_monitor::store::MIGRATIONS.iter();
    let missing = ours
        .clone()
        .filter(|ours| !applied.iter().any(|(version, _)| *version == ours.version))
        .count();
    let changed = ours.clone().any(|ours| {
        applied
            .iter()
            .any(|(version, sum)| *version == ours.version && sum[..] != ours.checksum[..])
    });
    let newer = applied
        .iter()
        .any(|(version, _)| !ours.clone().any(|ours| ours.version == *version));
    if changed {
        return Check::fail(
            "schema",
            "a migration in the database is not the one of this program",
            "use the program that made this database, or another database",
        );
    }
    if newer {
        return Check::fail(
            "schema",
            "the database was brought further by a newer version",
            "use that version of Mingjing, or another database",
        );
    }
    match (missing, applied.len()) {
        (0, n) => Check::ok("schema", format!("{n} migrations, up to date")),
        (missing, 0) => Check::warn(
            "schema",
            format!("empty: {missing} migrations to come"),
            "mingjing serve makes the tables at its first start",
        ),
        (missing, _) => Check::warn(
            "schema",
            format!("{missing} migrations to come"),
            "mingjing serve brings it up to date at its next start; make a copy first (pg_dump)",
        ),
    }
}

/// The cameras of the configuration: whether anything answers at their address.
async fn cameras(config: &Config) -> Vec<Check> {
    if config.cameras.is_empty() {
        return vec![Check::ok("cameras", "none in this configuration")];
    }
    let cameras = config.cameras.iter();
    join_all(cameras.map(|entry| camera(entry.id.clone(), entry.url.clone()))).await
}

async fn camera(id: String, url: Url) -> Check {
    let check = format!("camera {id}");
    let Some((host, port)) = url.host_str().map(|host| (host, url.port().unwrap_or(554))) else {
        return Check::fail(
            check,
            "its address is none",
            "write url = \"rtsp://host:554/path\", user and password apart",
        );
    };
    // The address is not printed: its path may hold what nobody should read.
    let host = host.trim_matches(['[', ']']).to_owned();
    match timeout(PATIENCE, TcpStream::connect((host.as_str(), port))).await {
        Ok(Ok(_)) => Check::ok(check, format!("port {port} answers")),
        Ok(Err(error)) => Check::fail(
            check,
            error.to_string(),
            format!(
                "is it on, and is this its address? The port is {port}; a firewall may stand between"
            ),
        ),
        Err(_) => Check::fail(
            check,
            format!("no answer within {} s", PATIENCE.as_secs()),
            "is it on, and is this its address? A firewall may stand between",
        ),
    }
}

/// The cameras' passwords: sealed ones open, and none stands in the configuration as it is.
fn passwords(config: &Config) -> Vec<Check> {
    let ingest = config.ingest();
    let (mut sealed, mut plain, mut checks) = (0, Vec::new(), Vec::new());
    for entry in &ingest.cameras {
        if entry.has_plain_password() {
            plain.push(entry.id.as_str());
        } else if entry.password.is_some() {
            sealed += 1;
        }
        if let Err(error) = entry.camera(&ingest.secrets, &ingest.data_dir) {
            let check = format!("password {}", entry.id);
            let remedy = "mingjing secret seal --camera ID seals one anew";
            checks.push(Check::fail(check, error.to_string(), remedy));
        }
    }
    if !plain.is_empty() {
        checks.push(Check::warn(
            "passwords",
            format!("in the clear in the configuration: {}", plain.join(", ")),
            "mingjing secret seal --camera ID; put what it prints in its place",
        ));
    } else if checks.is_empty() {
        checks.push(Check::ok(
            "passwords",
            format!("{sealed} sealed, none in the clear"),
        ));
    }
    checks
}

/// Whether the provider of single sign-on answers as the one that was configured.
async fn single_sign_on(config: &Config) -> Check {
    let check = "single sign-on";
    let Some(settings) = config.oidc.clone() else {
        return Check::ok(check, "none: local accounts alone");
    };
    let oidc = Oidc::new(settings);
    if let Err(error) = oidc.check() {
        return Check::fail(check, error.to_string(), "see [oidc]");
    }
    let issuer = oidc.settings().issuer.as_str();
    match oidc.provider().refresh().await {
        Ok(metadata) => {
            let keys = metadata.jwks().keys().len();
            Check::ok(check, format!("{issuer} answers, keys: {keys}"))
        }
        Err(why) => Check::fail(
            check,
            format!("{issuer}: {why}"),
            "is it on, is [oidc] issuer letter by letter what it calls itself, and is its authority in ca_file? \
             Local accounts sign in meanwhile",
        ),
    }
}

/// The console's own certificate.
fn certificate(config: &Config, now: DateTime<Utc>) -> Check {
    let Some(tls) = &config.server.tls else {
        return match config.server.plain_http_beyond_loopback {
            true => Check::warn(
                "certificate",
                "plain HTTP is served beyond this machine",
                "set [server.tls] cert and key, unless a proxy with TLS stands before it",
            ),
            false => Check::ok("certificate", "none: plain HTTP on this machine alone"),
        };
    };
    let remedy = "renew it; the console reads the files again by itself";
    match Certificates::load(&tls.cert, &tls.key) {
        Err(error) => Check::fail("certificate", error.to_string(), "see [server.tls]"),
        Ok(certificates) => match certificates.not_after() {
            None => Check::warn("certificate", "its end cannot be read", remedy),
            Some(end) if end <= now => Check::fail(
                "certificate",
                format!("ran out on {}", end.date_naive()),
                remedy,
            ),
            Some(end) => {
                let days = (end - now).num_days();
                let found = format!("holds until {}, {days} days", end.date_naive());
                if days < EXPIRES_SOON {
                    Check::warn("certificate", found, remedy)
                } else {
                    Check::ok("certificate", found)
                }
            }
        },
    }
}

/// Space where the spool and the recordings lie.
fn space(dir: &Path) -> Check {
    let existing = dir
        .ancestors()
        .find(|dir| dir.is_dir())
        .map_or_else(|| PathBuf::from("."), Path::to_owned);
    let existing = if existing.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        existing
    };
    let free = match rustix::fs::statvfs(&existing) {
        Ok(found) => found.f_bavail.saturating_mul(found.f_frsize),
        Err(error) => {
            return Check::fail(
                "disk",
                format!("{}: {error}", dir.display()),
                "see [storage] dir in the configuration",
            );
        }
    };
    let found = format!(
        "{:.1} GiB free at {}",
        free as f64 / f64::from(1 << 30),
        dir.display()
    );
    let remedy = "make room there, or set [storage] dir to a larger disk";
    match free {
        ..SPACE_FAIL => Check::fail("disk", found, remedy),
        SPACE_FAIL..SPACE_WARN => Check::warn("disk", found, remedy),
        _ => Check::ok("disk", found),
    }
}

/// Charts and bulletins are not made without them.
fn font() -> Check {
    match print::fonts() {
        Ok(()) => Check::ok("font", format!("{}, {}", print::SANS, print::SERIF)),
        Err(error) => Check::warn(
            "font",
            error.to_string(),
            "apt install fonts-noto-cjk: without it there are no charts as PNG and no bulletins",
        ),
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;

    use super::*;

    #[test]
    fn clocks_that_differ_are_told() {
        let now = Utc::now();
        let verdict = |millis| clock(now, now + chrono::TimeDelta::milliseconds(millis)).verdict;
        assert_eq!(
            [verdict(-10), verdict(3_000), verdict(-3_600_000)],
            [Verdict::Ok, Verdict::Warn, Verdict::Fail]
        );
    }

    #[test]
    fn passwords_in_the_clear_and_envelopes_that_do_not_open_are_told() {
        let data = tempfile::tempdir().unwrap();
        let config = |password: &str| {
            let text = format!(
                "[storage]\ndir = {:?}\n[[camera]]\nid = \"c1\"\nhall = \"h\"\nurl = \"rtsp://c/\"\nusername = \"u\"\npassword = \"{password}\"\n",
                data.path()
            );
            let file = data.path().join("mingjing.toml");
            std::fs::write(&file, text).unwrap();
            Config::load(Some(&file)).unwrap()
        };
        let plain = passwords(&config("geheim-4"));
        assert_eq!(plain[0].verdict, Verdict::Warn);
        assert!(plain[0].found.contains("c1") && !format!("{plain:?}").contains("geheim-4"));
        assert_eq!(
            passwords(&config("sealed:mj1.0.AA"))[0].verdict,
            Verdict::Fail
        );
        let ingest = config("x").ingest();
        let sealer = ingest.secrets.sealer(&ingest.data_dir).unwrap();
        let sealed = sealer.seal(b"geheim-4", &mingjing_ingest::seal::belongs_to_camera("c1"));
        assert_eq!(
            passwords(&config(&format!("sealed:{sealed}")))[0].verdict,
            Verdict::Ok
        );
    }

    #[test]
    fn a_certificate_near_its_end_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let (cert, key) = (dir.path().join("c.pem"), dir.path().join("k.pem"));
        let pair = rcgen::KeyPair::generate().unwrap();
        let mut wanted = rcgen::CertificateParams::new(["hall.example".into()]).unwrap();
        wanted.not_after = rcgen::date_time_ymd(2027, 1, 1);
        std::fs::write(&cert, wanted.self_signed(&pair).unwrap().pem()).unwrap();
        std::fs::write(&key, pair.serialize_pem()).unwrap();
        let mut config = Config::default();
        config.server.tls = Some(crate::config::Tls { cert, key });
        let on =
            |day: &str| certificate(&config, format!("{day}T00:00:00Z").parse().unwrap()).verdict;
        assert_eq!(
            [on("2026-06-01"), on("2026-12-20"), on("2027-01-02")],
            [Verdict::Ok, Verdict::Warn, Verdict::Fail]
        );
    }

    #[test]
    fn a_schema_of_another_program_is_told() {
        let ours: Vec<(i64, Vec<u8>)> = mingjing_monitor::store::MIGRATIONS
            .iter()
            .map(|it| (it.version, it.checksum.to_vec()))
            .collect();
        assert_eq!(migrations(&ours).verdict, Verdict::Ok);
        assert_eq!(migrations(&ours[1..]).verdict, Verdict::Warn);
        let mut changed = ours.clone();
        changed[0].1[0] ^= 1;
        assert_eq!(migrations(&changed).verdict, Verdict::Fail);
        let newer = [ours, vec![(99_999, Vec::new())]].concat();
        assert_eq!(migrations(&newer).verdict, Verdict::Fail);
    }

    #[tokio::test]
    async fn a_provider_that_answers_as_another_or_not_at_all_is_told() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let configured = |issuer: &str| {
            let text = format!(
                "[oidc]\nissuer = {issuer:?}\nclient_id = \"mingjing\"\npublic_address = \"https://console.example\"\n[[oidc.group]]\nname = \"leaders\"\nrole = \"leader\"\n"
            );
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(&file, text).unwrap();
            Config::load(Some(file.path())).unwrap()
        };
        let document = json!({
            "issuer": issuer, "authorization_endpoint": issuer, "token_endpoint": issuer,
            "jwks_uri": format!("{issuer}/jwks"), "response_types_supported": ["code"],
            "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256"],
        });
        let router = axum::Router::new()
            .route(
                "/.well-known/openid-configuration",
                get(async || axum::Json(document)),
            )
            .route("/jwks", get(async || axum::Json(json!({"keys": []}))));
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        let well = single_sign_on(&configured(&issuer)).await;
        assert_eq!(well.verdict, Verdict::Ok, "{well:?}");
        let another = single_sign_on(&configured(&format!("{issuer}/"))).await;
        assert_eq!(another.verdict, Verdict::Fail, "{another:?}");
        server.abort();
        let _ = server.await;
        let away = single_sign_on(&configured(&issuer)).await;
        assert_eq!(away.verdict, Verdict::Fail, "{away:?}");
        let none = single_sign_on(&Config::default()).await;
        assert_eq!(none.verdict, Verdict::Ok);
    }

    #[tokio::test]
    async fn a_camera_that_answers_and_one_that_does_not() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url: Url = format!("rtsp://127.0.0.1:{port}/secret-path")
            .parse()
            .unwrap();
        assert_eq!(camera("c1".into(), url.clone()).await.verdict, Verdict::Ok);
        drop(listener);
        let refused = camera("c1".into(), url).await;
        assert_eq!(refused.verdict, Verdict::Fail);
        assert!(!format!("{refused:?}").contains("secret-path"));
    }
}
