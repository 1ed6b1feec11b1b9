//! The console's configuration: defaults, then `mingjing.toml`, then `MINGJING_SECTION__KEY`.
//!
//! A wrong key or value is named with its file and line. Secrets come from a file or the environment and are never printed.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::{Deserialize, Serialize};

/// Everything that can be set.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the console listens.
    pub server: Server,
    /// Where its database is.
    pub database: Database,
    /// The county, used once: when the database is empty.
    pub county: County,
    /// Where the in-process ingest keeps its spool.
    pub storage: Storage,
    /// What is written to the log.
    pub log: Log,
    /// Cameras of the in-process ingest (`[[cameras]]`); their halls and windows as the screens show them.
    pub cameras: Vec<toml::Table>,
}

/// `[server]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Address and port.
    pub listen: SocketAddr,
    /// Lets `listen` be more than loopback without TLS: only behind a proxy that speaks TLS, or in a network that you trust.
    pub plain_http_beyond_loopback: bool,
    /// Messages kept for each scope so that a page can resume after a short break.
    pub live_ring: usize,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            plain_http_beyond_loopback: false,
            live_ring: 2_000,
        }
    }
}

/// `[database]`
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// `postgres://user:password@host/database`. `DATABASE_URL` is used where this is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// A file that holds the address, for those who keep the password out of this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url_file: Option<PathBuf>,
    /// Connections at most.
    pub max_connections: u32,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: None,
            url_file: None,
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
#[derive(Debug, Clone, Serialize, Deserialize)]
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

/// `[storage]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Storage {
    /// Directory of the spool and whatever else the console keeps on disk.
    pub dir: PathBuf,
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            dir: PathBuf::from(".mingjing/data"),
        }
    }
}

/// `[log]`
#[derive(Debug, Clone, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
    #[error("{place}: {what}")]
    Wrong {
        /// File and line, or the environment variable.
        place: String,
        /// What is wrong.
        what: String,
    },
    /// The file that was named does not exist.
    #[error("{0}: there is no such file; name another with --config, or leave --config out")]
    NoFile(PathBuf),
    /// No database.
    #[error(
        "no database is configured: set DATABASE_URL or [database] url in mingjing.toml \
         (scripts/timescaledb start && export DATABASE_URL=$(scripts/timescaledb url))"
    )]
    NoDatabase,
    /// The file with the database address cannot be read.
    #[error("[database] url_file {path}: {error}")]
    UrlFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// Plain HTTP would be served to the network.
    #[error(
        "[server] listen = {0} would serve plain HTTP to the network: listen on 127.0.0.1 behind a proxy with TLS, \
         or set [server] plain_http_beyond_loopback = true if you trust this network"
    )]
    PlainHttp(SocketAddr),
}

impl Config {
    /// Reads the configuration. `file`: what `--config` names; without it `mingjing.toml` of the working directory, if there.
    ///
    /// # Errors
    /// The first wrong key or value, with file and line.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        if let Some(file) = file.filter(|file| !file.is_file()) {
            return Err(ConfigError::NoFile(file.to_owned()));
        }
        let path = file.map_or_else(|| PathBuf::from("mingjing.toml"), Path::to_owned);
        let environment = Env::prefixed("MINGJING_")
            .split("__")
            .filter(|key| key.as_str().contains('.'));
        Figment::from(Serialized::defaults(Self::default()))
            .merge(Toml::file_exact(&path))
            .merge(environment)
            .extract()
            .map_err(|error| explain(error, &path))
    }

    /// The address of the database.
    ///
    /// # Errors
    /// When none is set, or its file cannot be read.
    pub fn database_url(&self) -> Result<String, ConfigError> {
        if let Some(url) = &self.database.url {
            return Ok(url.clone());
        }
        if let Some(path) = &self.database.url_file {
            let url = std::fs::read_to_string(path).map_err(|error| ConfigError::UrlFile {
                path: path.clone(),
                error,
            })?;
            return Ok(url.trim().to_owned());
        }
        std::env::var("DATABASE_URL")
            .ok()
            .filter(|url| !url.is_empty())
            .ok_or(ConfigError::NoDatabase)
    }

    /// Refuses to serve plain HTTP to a network unless told to.
    ///
    /// # Errors
    /// When `listen` is more than loopback and nobody said that this is meant.
    pub fn check_listen(&self) -> Result<(), ConfigError> {
        if self.server.listen.ip().is_loopback() || self.server.plain_http_beyond_loopback {
            return Ok(());
        }
        Err(ConfigError::PlainHttp(self.server.listen))
    }
}

/// Words a figment error with the place it comes from.
fn explain(error: figment::Error, file: &Path) -> ConfigError {
    use figment::error::Kind;
    let mut keys = error.path.clone();
    let what = match &error.kind {
        Kind::UnknownField(field, known) => {
            if keys.last() != Some(field) {
                keys.push(field.clone());
            }
            format!(
                "there is no setting `{}`; known here: {}",
                keys.join("."),
                known.join(", ")
            )
        }
        Kind::MissingField(field) => format!("`{field}` is missing"),
        kind if keys.is_empty() => kind.to_string(),
        kind => format!("`{}`: {kind}", keys.join(".")),
    };
    let from_environment = error
        .metadata
        .as_ref()
        .is_some_and(|meta| meta.name.contains("environment"));
    let place = if from_environment {
        format!("environment MINGJING_{}", keys.join("__").to_uppercase())
    } else {
        let line = std::fs::read_to_string(file)
            .ok()
            .and_then(|text| line_of(&text, &keys));
        line.map_or_else(
            || file.display().to_string(),
            |line| format!("{}:{line}", file.display()),
        )
    };
    ConfigError::Wrong { place, what }
}

/// The line (from 1) on which the setting at `keys` stands.
pub fn line_of(text: &str, keys: &[String]) -> Option<usize> {
    use toml::de::{DeTable, DeValue};
    let document = DeTable::parse(text).ok()?;
    let mut table = document.get_ref();
    let mut array: Option<&toml::de::DeArray<'_>> = None;
    let mut start = None;
    for key in keys {
        let value = if let Some(items) = array.take() {
            let item = items.get(key.parse::<usize>().ok()?)?;
            start = Some(item.span().start);
            item
        } else {
            let (name, value) = table
                .iter()
                .find(|(name, _)| name.get_ref().eq_ignore_ascii_case(key))?;
            start = Some(name.span().start);
            value
        };
        match value.get_ref() {
            DeValue::Table(inner) => table = inner,
            DeValue::Array(items) => array = Some(items),
            _ => break,
        }
    }
    start.map(|start| text[..start].matches('\n').count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("mingjing.toml");
        std::fs::write(&file, text).unwrap();
        Config::load(Some(&file))
    }

    #[test]
    fn a_wrong_key_is_named_with_its_line() {
        let error = load("[server]\nlisten = \"127.0.0.1:1\"\n\nlisten_on = 3\n")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("mingjing.toml:4: there is no setting `server.listen_on`"),
            "{error}"
        );
        let error = load("\n\n[servers]\nlisten = \"127.0.0.1:1\"\n")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("mingjing.toml:3: there is no setting `servers`"),
            "{error}"
        );
    }

    #[test]
    fn a_wrong_value_is_named_with_its_line() {
        let error = load("[log]\nformat = \"loud\"\n").unwrap_err().to_string();
        assert!(error.contains("mingjing.toml:2: `log.format`"), "{error}");
        let error = load("[server]\n\nlisten = \"nowhere\"\n")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("mingjing.toml:3: `server.listen`"),
            "{error}"
        );
    }

    #[test]
    fn broken_toml_is_named_with_its_file() {
        let error = load("[server\n").unwrap_err().to_string();
        assert!(error.contains("mingjing.toml"), "{error}");
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
        assert!(Config::default().check_listen().is_ok());
    }

    #[test]
    fn the_database_address_is_not_printed() {
        let config = load("[database]\nurl = \"postgres://u:s3cret@h/d\"\n").unwrap();
        assert!(!format!("{config:?}").contains("s3cret"));
        assert_eq!(config.database_url().unwrap(), "postgres://u:s3cret@h/d");
    }
}
