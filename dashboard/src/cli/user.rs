//! `mingjing user`

use std::io::{BufRead, IsTerminal};

use chrono::Utc;
use clap::{Args, Subcommand};
use mingjing_monitor::store::{StoreError, accounts, county};
use serde_json::json;
use sqlx::PgPool;

use super::{CliError, database, output};
use crate::auth::{login, password, secret};
use crate::config::Config;
use crate::policy::Role;
use crate::store::{Notice, notify};

/// Accounts of people: the emergency door of whoever has this machine, past the three administrators. Day to day they are
/// made by a sysadmin and granted by a secadmin, in the console.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mingjing user add li --name 李敏 --role inspector\n  \
    echo 'a sentence that only I know' | mingjing user passwd li --stdin\n  mingjing user disable li"
)]
pub struct User {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Add an account; without --stdin a password is made and printed once
    #[command(
        after_help = "Example:\n  mingjing user add zhang --name 张伟 --role hall_manager --hall 320382-T07"
    )]
    Add {
        /// What the person types to sign in
        login: String,
        /// What the screens and records call the person
        #[arg(long)]
        name: Option<String>,
        /// What the person is
        #[arg(long)]
        role: Role,
        /// Top of the halls that the person sees [default: the county]
        #[arg(long, value_name = "CODE")]
        hall: Option<String>,
        /// Unit, for a unit_head
        #[arg(long, value_name = "CODE")]
        unit: Option<String>,
        /// Window number, for a clerk
        #[arg(long, value_name = "NO")]
        window: Option<String>,
        /// Read the password from the first line of standard input
        #[arg(long)]
        stdin: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Set a new password; ends the account's sessions
    #[command(after_help = "Example:\n  mingjing user passwd zhang")]
    Passwd {
        /// The account
        login: String,
        /// Read the password from the first line of standard input
        #[arg(long)]
        stdin: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Disable an account at once; what it did stays on record
    #[command(after_help = "Example:\n  mingjing user disable zhang")]
    Disable {
        /// The account
        login: String,
    },
}

impl User {
    /// Runs the command.
    ///
    /// # Errors
    /// What failed, and what to do.
    pub async fn run(self, config: Config) -> Result<(), CliError> {
        match self.command {
            Command::Add {
                login,
                name,
                role,
                hall,
                unit,
                window,
                stdin,
                json,
            } => {
                let login = login::read(&login).map_err(CliError::Usage)?;
                check(role, unit.as_deref(), window.as_deref())?;
                let (password, made) = choose_password(stdin)?;
                let db = database(&config).await?;
                let hall = match hall {
                    Some(hall) => hall,
                    None => root(&db).await?,
                };
                let account = accounts::NewAccount {
                    login: &login,
                    name: name.as_deref().unwrap_or(&login),
                    role: role.code(),
                    hall: &hall,
                    unit: unit.as_deref(),
                    window: window.as_deref(),
                    password_hash: &password::hash(&password),
                };
                let adding = |error: StoreError| CliError::store("adding the account", &error);
                let mut connection = db.acquire().await.map_err(|error| adding(error.into()))?;
                accounts::create(&mut connection, &account, Utc::now())
                    .await
                    .map_err(adding)?;
                report(json, &login, made.then_some(password));
            }
            Command::Passwd { login, stdin, json } => {
                let login = login::read(&login).map_err(CliError::Usage)?;
                let (password, made) = choose_password(stdin)?;
                let db = database(&config).await?;
                found(&login, set_password(&db, &login, &password).await)?;
                report(json, &login, made.then_some(password));
            }
            Command::Disable { login } => {
                let login = login::read(&login).map_err(CliError::Usage)?;
                let db = database(&config).await?;
                found(&login, disable(&db, &login).await)?;
                output::line(&format!("{login} is disabled and signed out everywhere"));
            }
        }
        Ok(())
    }
}

/// Code of the hall at the root.
///
/// # Errors
/// When the database cannot be asked.
pub async fn root(db: &PgPool) -> Result<String, CliError> {
    let county = county::county(db)
        .await
        .map_err(|error| CliError::store("reading the county", &error))?;
    county
        .map(|county| county.code)
        .ok_or_else(|| CliError::Failed("the county is not set up".into()))
}

fn check(role: Role, unit: Option<&str>, window: Option<&str>) -> Result<(), CliError> {
    if role.is_machine() {
        return Err(CliError::Usage(format!(
            "{} is for programs: use mingjing token create",
            role.code()
        )));
    }
    if (role == Role::UnitHead) != unit.is_some() {
        return Err(CliError::Usage(
            "--unit goes with --role unit_head, and only with it".into(),
        ));
    }
    if (role == Role::Clerk) != window.is_some() {
        return Err(CliError::Usage(
            "--window goes with --role clerk, and only with it".into(),
        ));
    }
    Ok(())
}

/// The password, and whether it was made here.
fn choose_password(stdin: bool) -> Result<(String, bool), CliError> {
    if !stdin {
        return Ok((secret::one_time_password(), true));
    }
    if std::io::stdin().is_terminal() {
        eprintln!("Type the password and press Enter (it is shown while you type).");
    }
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| CliError::Failed(format!("standard input: {error}")))?;
    let password = line.trim_end_matches(['\r', '\n']).to_owned();
    password::check(&password).map_err(|error| CliError::Usage(error.to_string()))?;
    Ok((password, false))
}

async fn set_password(db: &PgPool, login: &str, password: &str) -> Result<bool, StoreError> {
    let mut tx = db.begin().await?;
    let found = accounts::set_password(&mut tx, login, &password::hash(password)).await?;
    notify(&mut tx, Notice::Access).await?;
    tx.commit().await?;
    Ok(found)
}

async fn disable(db: &PgPool, login: &str) -> Result<bool, StoreError> {
    let mut tx = db.begin().await?;
    let found = accounts::set_disabled(&mut tx, login, true).await?;
    notify(&mut tx, Notice::Access).await?;
    tx.commit().await?;
    Ok(found)
}

fn found(login: &str, changed: Result<bool, StoreError>) -> Result<(), CliError> {
    match changed {
        Ok(true) => Ok(()),
        Ok(false) => Err(CliError::Failed(format!("there is no account {login}"))),
        Err(error) => Err(CliError::store("changing the account", &error)),
    }
}

fn report(as_json: bool, login: &str, password: Option<String>) {
    if as_json {
        output::json(&json!({"login": login, "password": password}));
        return;
    }
    match password {
        Some(password) => output::line(&format!(
            "{login}: the password is {password} (shown only now)"
        )),
        None => output::line(&format!("{login}: the password is set")),
    }
}
