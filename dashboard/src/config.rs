//! The console's configuration: defaults, then `mingjing.toml`, then `MINGJING_SECTION__KEY`.
//!
//! A wrong key or value is named with its line (`ingest::config::load`). Secrets come from a file or the environment and are
//! never printed.

pub mod oidc;

use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use mingjing_ingest::config::{
    self, CameraEntry, IngestConfig, IntakeConfig, RecordingConfig, Secrets, SpoolConfig,
};
use mingjing_ingest::picture::checks::Limits as PictureLimits;
use mingjing_ingest::picture::presence::PresenceConfig;
use mingjing_ingest::seal::{SealError, Sealer};
use serde::Deserialize;

pub use self::oidc::Oidc;
use crate::policy::Role;
use crate::retention::KeptMonths;
use crate::retention::logs::KeptLog;
use crate::sender::guard::Inside;
use crate::transport::client::{Network, ProxyHeader};

/// Everything that can be set.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the console listens.
    pub server: Server,
    /// How much one of those who ask may take.
    pub limits: Limits,
    /// Where its database is.
    pub database: Database,
    /// The county, used once: when the database is empty.
    pub county: County,
    /// How people come in.
    pub sign_in: SignIn,
    /// Single sign-on, where the county has it.
    pub oidc: Option<Oidc>,
    /// What seals the secrets that the console has to read again.
    pub secrets: Secrets,
    /// Where messages may go.
    pub channels: Channels,
    /// What is written to the log.
    pub log: Log,
    /// Where the console keeps files.
    pub storage: Storage,
    /// How long it keeps what is old and settled.
    pub retention: Retention,
    /// What the ingest inside the console keeps while the database is away.
    pub spool: SpoolConfig,
    /// What is kept of the cameras' pictures by the ingest inside the console.
    pub recording: RecordingConfig,
    /// What is a fault of their pictures.
    pub checks: PictureLimits,
    /// How it is told who is at the windows.
    pub presence: PresenceConfig,
    /// What it takes at once.
    pub intake: IntakeConfig,
    /// Its cameras, as `[[camera]]` tables like those of `mingjing-ingest`.
    #[serde(rename = "camera")]
    pub cameras: Vec<CameraEntry>,
}

/// `[storage]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Storage {
    /// Directory of the spool and of whatever else the console keeps on disk. Made when missing.
    pub dir: PathBuf,
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            dir: PathBuf::from("data"),
        }
    }
}

/// `[retention]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Months for which raw events are kept, 13 or more; 0: for good. Longer, where something still needs them.
    pub events_months: KeptMonths,
    /// Months for which it is kept what cameras did, 3 or more; 0: for good. Longer, as the other logs, where something still needs it.
    pub camera_health_months: KeptLog<3, 24>,
    /// The same of sources.
    pub source_health_months: KeptLog<3, 24>,
    /// The same of the county's counters and gauges.
    pub metric_months: KeptLog<3, 24>,
    /// The same of attempts to deliver a message, 13 or more; what became of the message stays.
    pub delivery_months: KeptLog<13, 60>,
}

/// `[sign_in]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SignIn {
    /// Roles that come in with a second factor only. Others may have one.
    pub second_factor_roles: Vec<Role>,
    /// Minutes without use after which a session ends. A page that is open is in use: the county is watched, not clicked.
    pub idle_minutes: NonZeroU16,
    /// Hours after which a session ends, whatever happens in it: a working day and its overtime.
    pub session_hours: NonZeroU16,
    /// Days after which another password has to be chosen; 0: never. A password that is changed by the calendar becomes a
    /// worse one (NIST SP 800-63B 5.1.1.2), so this is off unless a county's own rules ask for it.
    pub password_days: u16,
}

impl Default for SignIn {
    fn default() -> Self {
        let number = |n| NonZeroU16::new(n).unwrap_or(NonZeroU16::MIN);
        Self {
            second_factor_roles: vec![
                Role::Inspector,
                Role::Sysadmin,
                Role::Secadmin,
                Role::Auditor,
            ],
            idle_minutes: number(30),
            session_hours: number(12),
            password_days: 0,
        }
    }
}

impl SignIn {
    /// The time without use after which a session ends.
    pub fn idle(&self) -> TimeDelta {
        TimeDelta::minutes(self.idle_minutes.get().into())
    }

    /// The time after which a session ends, whatever happens in it.
    pub fn longest(&self) -> TimeDelta {
        TimeDelta::hours(self.session_hours.get().into())
    }
}

/// `[server]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Address and port.
    pub listen: SocketAddr,
    /// Lets `listen` be more than loopback without TLS: only behind a proxy that speaks TLS, or in a network that you trust.
    pub plain_http_beyond_loopback: bool,
    /// Certificate and key; without them the console speaks plain HTTP.
    pub tls: Option<Tls>,
    /// Proxies (networks or addresses) whose word about their clients counts. Empty: nobody's does.
    pub trusted_proxies: Vec<Network>,
    /// The header that they write, `x-forwarded` or `forwarded`.
    pub proxy_header: ProxyHeader,
    /// Messages kept for each scope so that a page can resume after a short break.
    pub live_ring: usize,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            plain_http_beyond_loopback: false,
            tls: None,
            trusted_proxies: Vec::new(),
            proxy_header: ProxyHeader::default(),
            live_ring: 2_000,
        }
    }
}

/// `[server.tls]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// PEM file with the certificate and its chain, own certificate first.
    pub cert: PathBuf,
    /// PEM file with the private key. Both are read again when they change.
    pub key: PathBuf,
}

/// `[limits]`; 0 is no limit. Programs on the console's own machine are not limited.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Requests a second from one address; ten seconds' worth may come at once. A hall shares one address.
    pub requests_per_address: u32,
    /// Requests a second of one account or token.
    pub requests_per_caller: u32,
    /// Connections at once.
    pub connections: usize,
    /// Connections at once from one address that is no trusted proxy.
    pub connections_per_address: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_address: 1_000,
            requests_per_caller: 100,
            connections: 16_000,
            connections_per_address: 4_000,
        }
    }
}

/// `[channels]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Channels {
    /// Receivers inside that channels may connect to: `10.20.0.5:8443`, `10.20.0.0/24`. Nothing else inside is reached.
    pub inside: Vec<Inside>,
    /// The console's address as people reach it, for links in messages; none stand in them without it.
    pub console_url: Option<String>,
    /// PEM file of authorities that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
}

/// `[database]`
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// `postgres://user:password@host/database`. `DATABASE_URL` is used where neither this nor `url_file` is set.
    pub url: Option<String>,
    /// A file that holds the address, for those who keep the password out of this one.
    pub url_file: Option<PathBuf>,
    /// The address of the role that owns the tables, for `mingjing migrate`. `DATABASE_OWNER_URL` is used where neither this nor
    /// `owner_url_file` is set; the console itself never uses it.
    pub owner_url: Option<String>,
    /// A file that holds the owner's address.
    pub owner_url_file: Option<PathBuf>,
    /// Connections at most.
    pub max_connections: u32,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: None,
            url_file: None,
            owner_url: None,
            owner_url_file: None,
            max_connections: 16,
        }
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database")
            .field("max_connections", &self.max_connections)
            .finish_non_exhaustive()
    }
}

/// `[county]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct County {
    /// Code of the county and of the hall at the root.
    pub code: String,
    /// Name.
    pub name: String,
    /// Name in English.
    pub name_en: String,
    /// IANA time zone.
    pub time_zone: String,
}

impl Default for County {
    fn default() -> Self {
        Self {
            code: "county".into(),
            name: "本县".into(),
            name_en: "The county".into(),
            time_zone: "Asia/Shanghai".into(),
        }
    }
}

/// `[log]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug`, or a filter such as `info,sqlx=warn`.
    pub level: String,
    /// `text` or `json`.
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: "info".into(),
            format: LogFormat::Text,
        }
    }
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What is wrong with the configuration, worded for whoever wrote it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A wrong key or value, with its place.
    #[error(transparent)]
    Wrong(#[from] config::ConfigError),
    /// No database.
    #[error(
        "no database is configured: set DATABASE_URL or [database] url in mingjing.toml \
         (scripts/timescaledb start && export DATABASE_URL=$(scripts/timescaledb url))"
    )]
    NoDatabase,
    /// The file with the database address cannot be read.
    #[error("[database] {key} {path}: {error}")]
    UrlFile {
        /// Its key.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// The file with the secret of single sign-on cannot be read.
    #[error("[oidc] client_secret_file {path}: {error}")]
    SecretFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// The authorities that vouch for the provider cannot be read.
    #[error("[oidc] ca_file {path}: {reason}")]
    Authorities {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Plain HTTP would be served to the network.
    #[error(
        "[server] listen = {0} would serve plain HTTP to the network: set [server.tls] cert and key, listen on 127.0.0.1 \
         behind a proxy with TLS, or set [server] plain_http_beyond_loopback = true if you trust this network"
    )]
    PlainHttp(SocketAddr),
    /// The level of the log cannot be understood.
    #[error(
        "[log] level = {level:?}: {reason}. Give error, warn, info, debug or a filter such as info,sqlx=warn"
    )]
    LogLevel {
        /// What was given.
        level: String,
        /// Why not.
        reason: String,
    },
}

impl Config {
    /// Reads the configuration. `file`: what `--config` names; without it `mingjing.toml` of the working directory, if there.
    ///
    /// # Errors
    /// The first wrong key or value, with its line.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let file = Self::file(file.map(Path::to_owned));
        Ok(config::load(file.as_deref())?)
    }

    /// The file that is read: what `--config` names, else `mingjing.toml` of the working directory, if there.
    pub fn file(named: Option<PathBuf>) -> Option<PathBuf> {
        let usual = PathBuf::from("mingjing.toml");
        named.or_else(|| usual.is_file().then_some(usual))
    }

    /// The address of the database.
    ///
    /// # Errors
    /// When none is set, or its file cannot be read.
    pub fn database_url(&self) -> Result<String, ConfigError> {
        let (url, file) = (&self.database.url, &self.database.url_file);
        address(url.as_ref(), file.as_deref(), "url_file", "DATABASE_URL")?
            .ok_or(ConfigError::NoDatabase)
    }

    /// The address of the role that owns the tables; `None`: the console's own role does.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub fn owner_url(&self) -> Result<Option<String>, ConfigError> {
        let (url, file) = (&self.database.owner_url, &self.database.owner_url_file);
        address(
            url.as_ref(),
            file.as_deref(),
            "owner_url_file",
            "DATABASE_OWNER_URL",
        )
    }

    /// The keys that seal secrets; a key file is made where there is none.
    ///
    /// # Errors
    /// When the key file cannot be used.
    pub fn sealer(&self) -> Result<Sealer, SealError> {
        self.secrets.sealer(&self.storage.dir)
    }

    /// The configuration of the ingest inside the console.
    pub fn ingest(&self) -> IngestConfig {
        IngestConfig {
            name: "local".into(),
            data_dir: self.storage.dir.clone(),
            timezone: self
                .county
                .time_zone
                .parse()
                .unwrap_or(chrono_tz::Asia::Shanghai),
            secrets: self.secrets.clone(),
            spool: self.spool.clone(),
            recording: self.recording.clone(),
            checks: self.checks,
            presence: self.presence.clone(),
            intake: self.intake.clone(),
            cameras: self.cameras.clone(),
            ..IngestConfig::default()
        }
    }

    /// Refuses to serve plain HTTP to a network unless told to.
    ///
    /// # Errors
    /// When `listen` is more than loopback and nobody said that this is meant.
    pub fn check_listen(&self) -> Result<(), ConfigError> {
        let server = &self.server;
        let meant = server.tls.is_some() || server.plain_http_beyond_loopback;
        if meant || server.listen.ip().to_canonical().is_loopback() {
            return Ok(());
        }
        Err(ConfigError::PlainHttp(self.server.listen))
    }
}

/// An address from the configuration, a file or the environment, in this order.
fn address(
    url: Option<&String>,
    file: Option<&Path>,
    key: &'static str,
    variable: &str,
) -> Result<Option<String>, ConfigError> {
    if let Some(url) = url {
        return Ok(Some(url.clone()));
    }
    if let Some(path) = file {
        let url = std::fs::read_to_string(path).map_err(|error| ConfigError::UrlFile {
            key,
            path: path.to_owned(),
            error,
        })?;
        return Ok(Some(url.trim().to_owned()));
    }
    Ok(std::env::var(variable).ok().filter(|url| !url.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn load(text: &str) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("mingjing.toml");
        std::fs::write(&file, text).unwrap();
        Config::load(Some(&file))
    }

    #[test]
    fn wrong_keys_and_values_are_named_with_file_and_line() {
        for (text, line, word) in [
            (
                "[server]\nlisten = \"127.0.0.1:1\"\n\nlisten_on = 3\n",
                "line 4",
                "listen_on",
            ),
            (
                "\n\n[servers]\nlisten = \"127.0.0.1:1\"\n",
                "line 3",
                "servers",
            ),
            ("[log]\nformat = \"loud\"\n", "line 2", "loud"),
            ("[server\n", "line 1", "mingjing.toml"),
            ("[spool]\nmax_byte = 1\n", "line 2", "max_byte"),
            ("[[camera]]\nid = \"c\"\nhal = \"H\"\n", "line 3", "hal"),
            ("[server.tls]\ncert = \"c\"\n", "line 1", "key"),
            (
                "[server]\ntrusted_proxies = [\"10.0.0.0/8\", \"all\"]\n",
                "line 2",
                "10.0.0.0/8",
            ),
            ("[sign_in]\nidle_minutes = 0\n", "line 2", "nonzero"),
        ] {
            let error = load(text).unwrap_err().to_string();
            assert!(
                error.contains(line) && error.contains(word) && error.contains("mingjing.toml"),
                "{error}"
            );
        }
    }

    #[test]
    fn plain_http_stays_on_loopback_unless_told() {
        let open = load("[server]\nlisten = \"0.0.0.0:80\"\n").unwrap();
        assert!(matches!(
            open.check_listen(),
            Err(ConfigError::PlainHttp(_))
        ));
        let told =
            load("[server]\nlisten = \"0.0.0.0:80\"\nplain_http_beyond_loopback = true\n").unwrap();
        assert!(told.check_listen().is_ok());
        let tls = "[server]\nlisten = \"0.0.0.0:443\"\n[server.tls]\ncert = \"c\"\nkey = \"k\"\n";
        assert!(load(tls).unwrap().check_listen().is_ok());
        assert!(Config::default().check_listen().is_ok());
    }

    #[test]
    fn the_key_that_seals_is_not_printed() {
        let config = load("[secrets]\nkey = \"c2VjcmV0\"\n").unwrap();
        assert!(!format!("{config:?}").contains("c2VjcmV0"));
        assert!(
            !config
                .sealer()
                .unwrap_err()
                .to_string()
                .contains("c2VjcmV0")
        );
    }

    #[test]
    fn the_database_address_is_not_printed() {
        let config = load("[database]\nurl = \"postgres://u:s3cret@h/d\"\n").unwrap();
        assert!(!format!("{config:?}").contains("s3cret"));
        assert_eq!(config.database_url().unwrap(), "postgres://u:s3cret@h/d");
    }
}
