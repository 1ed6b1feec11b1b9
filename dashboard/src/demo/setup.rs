//! Making ready what the demo county needs: its database, its data, its people and programs. Each by the way that any county
//! takes; what is there already stays.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_alerts::rules::watched::Thing;
use mingjing_alerts::store::episodes::key;
use mingjing_alerts::store::maintenance as planned;
use mingjing_monitor::org::Level;
use mingjing_monitor::store::{Store, StoreError, accounts, second_factors, sources, tokens};
use sqlx::postgres::{PgConnectOptions, PgPool};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use url::Url;

use super::county::{CODE, County, DemoCamera};
use super::files;
use super::plan::Source;
use super::state::{Secrets, State};
use crate::audit::Trail;
use crate::auth::totp::{self, SharedSecret};
use crate::auth::{password, secret};
use crate::config::Config;
use crate::import::{ImportError, Subject, import};
use crate::policy::Role;
use mingjing_ingest::seal::SealError;

/// What the name of the demo's database ends in: `mingjing_demo` beside `mingjing`.
const SUFFIX: &str = "_demo";
/// Key of the lock that a demo holds on its database while it runs.
const LOCK: i64 = 0x6d69_6e67_6a69_6e67;

/// Why the county cannot be made ready.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The address of the database.
    #[error("DATABASE_URL cannot be understood: {0}")]
    Address(sqlx::Error),
    /// DATABASE_URL names a database that is not there.
    #[error(
        "the database {0} in DATABASE_URL does not exist: create it (CREATE DATABASE), or use what `scripts/timescaledb url` prints"
    )]
    Missing(String),
    /// The demo's database cannot be made.
    #[error(
        "the database {name} cannot be made: {error}. The role in DATABASE_OWNER_URL (or DATABASE_URL) needs the right to create databases, or create it beforehand"
    )]
    Create {
        /// Its name.
        name: String,
        /// Why not.
        error: sqlx::Error,
    },
    /// Another demo is at work on it.
    #[error(
        "another demo runs on the database {0}: stop it, or point DATABASE_URL at another database"
    )]
    Busy(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The county's files.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The key that seals second factors.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The state directory.
    #[error("the demo's directory cannot be written: {0}")]
    Disk(#[from] std::io::Error),
}

impl From<sqlx::Error> for SetupError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// The demo's database, held for as long as this value lives: two demos would tell each event twice.
#[derive(Debug)]
pub struct Database {
    /// Its address.
    pub url: String,
    /// Whether it was made just now.
    pub new: bool,
    _lock: PgConnection,
}

/// The demo's database beside the one of the addresses, made by the owner where it is missing, and brought up to date.
///
/// # Errors
/// When the server is away or refuses, or another demo has the database.
pub async fn database(owner_url: &str, console_url: &str) -> Result<Database, SetupError> {
    let server: PgConnectOptions = owner_url.parse().map_err(SetupError::Address)?;
    let name = format!("{}{SUFFIX}", server.get_database().unwrap_or("mingjing"));
    let mut connection = PgConnection::connect_with(&server)
        .await
        .map_err(|error| match error.as_database_error() {
            // 3D000: invalid_catalog_name
            Some(refused) if refused.code().as_deref() == Some("3D000") => {
                SetupError::Missing(server.get_database().unwrap_or_default().into())
            }
            _ => StoreError::Unreachable(error).into(),
        })?;
    let there: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
            .bind(&name)
            .fetch_one(&mut connection)
            .await?;
    if !there {
        let quoted = name.replace('"', "\"\"");
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE \"{quoted}\"")))
            .execute(&mut connection)
            .await
            .map_err(|error| SetupError::Create {
                name: name.clone(),
                error,
            })?;
    }
    connection.close().await?;
    let console: PgConnectOptions = console_url.parse().map_err(SetupError::Address)?;
    let role = console.get_username();
    let separate = (role != server.get_username()).then_some(role);
    Store::migrate(&beside(owner_url, &name)?, separate).await?;
    let mut lock = PgConnection::connect_with(&console.clone().database(&name))
        .await
        .map_err(StoreError::Unreachable)?;
    let free: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
        .bind(LOCK)
        .fetch_one(&mut lock)
        .await?;
    if !free {
        return Err(SetupError::Busy(name));
    }
    Ok(Database {
        url: beside(console_url, &name)?,
        new: !there,
        _lock: lock,
    })
}

/// The address of another database of the same server.
fn beside(url: &str, name: &str) -> Result<String, SetupError> {
    let mut address = Url::parse(url)
        .map_err(|error| SetupError::Address(sqlx::Error::Configuration(error.into())))?;
    address.set_path(name);
    Ok(address.into())
}

/// Imports the county's files, kept in the state directory for whoever wants to see what such files look like.
///
/// # Errors
/// When a file cannot be written or imported.
pub async fn import_county(
    db: &PgPool,
    state: &State,
    county: &County,
    cameras: &[DemoCamera],
    since: DateTime<Utc>,
) -> Result<(), SetupError> {
    let contents = [
        ("halls.json", Subject::Halls, files::halls(county)),
        ("items.json", Subject::Items, files::items(county, since)),
        (
            "cameras.json",
            Subject::Cameras,
            files::cameras(county, cameras),
        ),
    ];
    for (name, subject, content) in contents {
        let path = state.save(name, &content)?;
        import(db, &Trail::command(), subject, &path).await?;
    }
    Ok(())
}

/// Somebody who can sign in to the demo.
#[derive(Debug, Clone)]
pub struct Person {
    /// Login.
    pub login: &'static str,
    /// Name.
    pub name: &'static str,
    /// Role.
    pub role: &'static str,
    /// Hall.
    pub hall: String,
    /// What the person does, for the list of accounts; empty: not for visitors.
    pub what: String,
}

/// Login of the manager of one town, for the visitor to try.
pub const VISITORS_MANAGER: &str = "manager";
/// Login of the manager who answers for all halls but the visitor's.
pub const STAFF_MANAGER: &str = "staff-manager";
/// Login of the inspector who reviews the answers.
pub const STAFF_INSPECTOR: &str = "staff-inspector";

/// Login of the leader who instructs.
pub const STAFF_LEADER: &str = "staff-leader";
/// Login of the inspector who writes rules; another puts them in force.
pub const STAFF_DRAFTER: &str = "staff-drafter";

/// The people of the demo: one for each role that a visitor may try, and those at the desks.
pub fn people(county: &County) -> Vec<Person> {
    let town = county
        .halls
        .iter()
        .find(|hall| hall.level == Level::Town && hall.slackness > 2.0);
    let (town_code, town_name) = town.map_or((CODE.to_owned(), ""), |hall| {
        (hall.code.clone(), hall.name.as_str())
    });
    let person = |login, name, role, hall: &str, what: &str| Person {
        login,
        name,
        role,
        hall: hall.to_owned(),
        what: what.to_owned(),
    };
    vec![
        person(
            "inspector",
            "李督查",
            "inspector",
            CODE,
            "纪检监察员 discipline inspector, the whole county",
        ),
        person(
            "leader",
            "王县长",
            "leader",
            CODE,
            "领导 leader, reads everything",
        ),
        person(
            VISITORS_MANAGER,
            "赵主任",
            "hall_manager",
            &town_code,
            &format!("大厅管理员 hall manager of {town_name} only"),
        ),
        person(
            "sysadmin",
            "系统管理员",
            "sysadmin",
            CODE,
            "系统管理员 system administrator, makes accounts",
        ),
        person(
            "secadmin",
            "安全管理员",
            "secadmin",
            CODE,
            "安全管理员 security administrator, grants roles",
        ),
        person(
            "auditor",
            "安全审计员",
            "auditor",
            CODE,
            "安全审计员 auditor, reads the audit log and nothing else",
        ),
        person(STAFF_MANAGER, "周主任", "hall_manager", CODE, ""),
        person(STAFF_INSPECTOR, "陈督查", "inspector", CODE, ""),
        person(STAFF_LEADER, "钱副县长", "leader", CODE, ""),
        person(STAFF_DRAFTER, "林法规", "inspector", CODE, ""),
    ]
}

/// Makes the accounts that are missing, and gives a new password and a new second factor to those whose old ones are not
/// known any more.
///
/// # Errors
/// When the database or the disk refuses.
pub async fn accounts(
    db: &PgPool,
    state: &State,
    secrets: &mut Secrets,
    config: &Config,
    people: &[Person],
) -> Result<(), SetupError> {
    let sealer = config.sealer()?;
    for person in people {
        let known = secrets.accounts.contains_key(person.login);
        let password = secrets
            .accounts
            .entry(person.login.into())
            .or_insert_with(secret::one_time_password)
            .clone();
        let needed = Role::parse(person.role)
            .is_some_and(|role| config.sign_in.second_factor_roles.contains(&role));
        let proven = secrets.second_factors.contains_key(person.login);
        if needed && !proven {
            let made = SharedSecret::random().text();
            secrets.second_factors.insert(person.login.into(), made);
        }
        // Kept before they are set: what nobody knows would lock the visitor out.
        state.save("secrets.json", secrets)?;
        let mut tx = db.begin().await?;
        if accounts::by_login(db, person.login).await?.is_none() {
            let account = accounts::NewAccount {
                login: person.login,
                name: person.name,
                role: person.role,
                hall: &person.hall,
                unit: None,
                window: None,
                password_hash: &password::hash(&password),
                must_change: false,
            };
            accounts::create(&mut tx, &account, Utc::now()).await?;
        } else if !known {
            let hash = password::hash(&password);
            accounts::set_password(&mut tx, person.login, &hash, false, Utc::now()).await?;
        }
        tx.commit().await?;
        let kept = secrets.second_factors.get(person.login);
        let (Some(kept), Some(account)) = (
            kept.and_then(|text| SharedSecret::parse(text)),
            accounts::by_login(db, person.login).await?,
        ) else {
            continue;
        };
        if account.totp.is_none() || !proven {
            let sealed = sealer.seal(kept.as_bytes(), &totp::belongs_to(account.id));
            let mut connection = db.acquire().await?;
            second_factors::set(&mut connection, account.id, &sealed, None, &[]).await?;
        }
    }
    Ok(())
}

/// How long the demo's planned maintenance lasts.
const MAINTENANCE: TimeDelta = TimeDelta::hours(2);

/// Plans work on the network of the visitor's town, from now on, unless some is planned: its marks and the list are there to see.
///
/// # Errors
/// When the database refuses.
pub async fn maintenance(
    db: &PgPool,
    people: &[Person],
    now: DateTime<Utc>,
) -> Result<(), SetupError> {
    let manager = people
        .iter()
        .find(|person| person.login == VISITORS_MANAGER);
    let planner = people.iter().find(|person| person.role == "sysadmin");
    let (Some(manager), Some(planner)) = (manager, planner) else {
        return Ok(());
    };
    let Some(account) = accounts::by_login(db, planner.login).await? else {
        return Ok(());
    };
    let mut connection = db.acquire().await?;
    let town = [key(Thing::Hall, &manager.hall)];
    if !planned::of_things(&mut connection, &town, now)
        .await?
        .is_empty()
    {
        return Ok(());
    }
    let plan = planned::Planned {
        thing: Thing::Hall.as_str(),
        subject: &manager.hall,
        hall: &manager.hall,
        starts: now,
        ends: now + MAINTENANCE,
        why: "更换大厅交换机，期间摄像机可能短时离线",
        account: account.id,
        who: planner.name,
    };
    planned::plan(&mut connection, &plan, now).await?;
    Ok(())
}

/// The tokens of the demo's systems.
#[derive(Debug)]
pub struct Tokens {
    /// Each source's own.
    pub sources: BTreeMap<Source, String>,
    /// The edge's.
    pub edge: Option<String>,
    /// The one that may post history.
    pub load: String,
}

/// Declares the sources with their lags and makes the tokens that are missing; `edge` is the town that has an edge.
///
/// # Errors
/// When the database or the disk refuses.
pub async fn sources_and_tokens(
    db: &PgPool,
    state: &State,
    secrets: &mut Secrets,
    edge: Option<&str>,
) -> Result<Tokens, SetupError> {
    let mut connection = db.acquire().await?;
    let mut own = BTreeMap::new();
    for source in Source::ALL {
        sources::declare(&mut connection, source.id(), source.name(), source.lag()).await?;
        own.insert(
            source,
            token(
                db,
                state,
                secrets,
                source.id(),
                For::Source(Some(source.id())),
            )
            .await?,
        );
    }
    before_its_silence(&mut connection).await?;
    let load = token(db, state, secrets, "initial-load", For::Source(None)).await?;
    let edge = match edge {
        Some(town) => {
            let name = format!("edge {town}");
            Some(token(db, state, secrets, &name, For::Edge(town)).await?)
        }
        None => None,
    };
    Ok(Tokens {
        sources: own,
        edge,
        load,
    })
}

/// What a token is for.
#[derive(Clone, Copy)]
enum For<'a> {
    /// A source; `None`: any, for the initial load.
    Source(Option<&'a str>),
    /// The edge of a town.
    Edge(&'a str),
}

/// What a console that has been there for longer would remember: the register was heard of, and then no more.
async fn before_its_silence(connection: &mut PgConnection) -> Result<(), SetupError> {
    let last = Utc::now() - Source::MUTE_BEFORE;
    for mut source in sources::load(connection).await? {
        if source.id == Source::Register.id() && source.heard().is_none() {
            source.last_heartbeat = Some(last);
            source.complete_until = Some(last);
            sources::heard(connection, &[&source]).await?;
        }
    }
    Ok(())
}

async fn token(
    db: &PgPool,
    state: &State,
    secrets: &mut Secrets,
    name: &str,
    of: For<'_>,
) -> Result<String, SetupError> {
    if let Some(kept) = secrets.tokens.get(name)
        && tokens::by_hash(db, &secret::hash(kept), Utc::now())
            .await?
            .is_some()
    {
        return Ok(kept.clone());
    }
    let made = secret::random();
    let (role, hall, source, initial_load) = match of {
        For::Source(source) => ("source", CODE, source, source.is_none()),
        For::Edge(town) => ("edge", town, None, false),
    };
    let new = tokens::NewToken {
        name: &format!("demo {name}"),
        hash: &secret::hash(&made),
        role,
        hall,
        source,
        initial_load,
        expires: None,
    };
    tokens::create(&mut *db.acquire().await?, &new, Utc::now()).await?;
    secrets.tokens.insert(name.into(), made.clone());
    state.save("secrets.json", secrets)?;
    Ok(made)
}

/// A camera that is served.
#[derive(Debug)]
pub struct Served {
    /// The camera.
    pub camera: DemoCamera,
    /// Where.
    pub url: String,
    /// Where its sub-stream is.
    pub sub_url: Option<String>,
    /// Where the clerks sit in its picture.
    pub regions: Option<toml::Value>,
}

/// Until a camera knows its empty seats, in seconds: the clerks of the demo come a little later.
const LEARN_SECONDS: i64 = 15;

/// Bytes that are kept of each camera.
const RECORDED: i64 = 48 << 20;

/// A table of a configuration.
fn table(entries: Vec<(&str, toml::Value)>) -> toml::Value {
    let entries = entries.into_iter();
    toml::Value::Table(
        entries
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
    )
}

fn text(path: &Path) -> toml::Value {
    path.display().to_string().into()
}

/// What an ingest of the demo is told of its cameras: enough is recorded to look back for a while, and little of the disk of whoever only looks.
fn cameras<'a>(
    config: &mut toml::Table,
    county: &County,
    cameras: impl Iterator<Item = &'a Served>,
    password_file: &Path,
) {
    config.insert(
        "recording".into(),
        table(vec![
            ("days", 2.into()),
            ("max_bytes", RECORDED.into()),
            ("min_free_bytes", (1_i64 << 30).into()),
        ]),
    );
    config.insert(
        "presence".into(),
        table(vec![("learn_seconds", LEARN_SECONDS.into())]),
    );
    let cameras = cameras.map(|served| {
        let camera = &served.camera;
        let mut entries = vec![
            ("id", camera.id.as_str().into()),
            ("name", camera.name.as_str().into()),
            ("hall", county.halls[camera.hall].code.as_str().into()),
            ("windows", camera.windows.clone().into()),
            ("url", served.url.as_str().into()),
            ("username", super::camera_server::USER.into()),
            ("password_file", text(password_file)),
        ];
        let sub = served.sub_url.clone().map(|url| ("sub_url", url.into()));
        let regions = served.regions.clone().map(|regions| ("region", regions));
        entries.extend(sub.into_iter().chain(regions));
        table(entries)
    });
    config.insert("camera".into(), toml::Value::Array(cameras.collect()));
}

/// What the edge is started with.
#[derive(Debug)]
pub struct EdgeFiles {
    /// Its configuration.
    pub config: PathBuf,
    /// Its token.
    pub token: PathBuf,
}

/// Writes the configuration of the edge at `town` and its token.
///
/// # Errors
/// When the disk refuses.
pub fn edge_files(
    state: &State,
    county: &County,
    town: &str,
    served: &[Served],
    password: &str,
    token: &str,
) -> std::io::Result<EdgeFiles> {
    let password_file = state.write("camera-password", password.as_bytes())?;
    let mut config = toml::Table::new();
    config.insert("name".into(), town.into());
    config.insert("listen".into(), "127.0.0.1:0".into());
    config.insert("data_dir".into(), text(&state.path("edge")));
    let own = served
        .iter()
        .filter(|served| served.camera.edge.as_deref() == Some(town));
    cameras(&mut config, county, own, &password_file);
    Ok(EdgeFiles {
        config: state.write("edge.toml", config.to_string().as_bytes())?,
        token: state.write("edge-token", token.as_bytes())?,
    })
}

/// Writes the console's configuration; passwords and the database's address stand in files beside it.
///
/// # Errors
/// When the disk refuses.
pub fn config(
    state: &State,
    listen: std::net::SocketAddr,
    database_url: &str,
    robot: std::net::SocketAddr,
    county: &County,
    served: &[Served],
    password: &str,
) -> std::io::Result<PathBuf> {
    let url_file = state.write("database-url", database_url.as_bytes())?;
    let password_file = state.write("camera-password", password.as_bytes())?;
    let mut config = toml::Table::new();
    config.insert(
        "server".into(),
        table(vec![("listen", listen.to_string().into())]),
    );
    config.insert(
        "database".into(),
        table(vec![("url_file", text(&url_file))]),
    );
    config.insert(
        "county".into(),
        table(vec![
            ("code", CODE.into()),
            ("name", super::county::NAME.into()),
            ("name_en", super::county::NAME_EN.into()),
        ]),
    );
    // Nothing else inside is reached.
    let inside = vec![toml::Value::from(robot.to_string())];
    config.insert("channels".into(), table(vec![("inside", inside.into())]));
    config.insert("log".into(), table(vec![("level", "warn".into())]));
    config.insert(
        "storage".into(),
        table(vec![("dir", text(&state.path("data")))]),
    );
    let own = served.iter().filter(|served| served.camera.edge.is_none());
    cameras(&mut config, county, own, &password_file);
    state.write("mingjing.toml", config.to_string().as_bytes())
}
