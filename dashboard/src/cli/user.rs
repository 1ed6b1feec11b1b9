//! `mingjing user`

use std::io::{BufRead, IsTerminal};

use chrono::Utc;
use clap::{Args, Subcommand};
use mingjing_monitor::audit::Action;
use mingjing_monitor::store::{StoreError, accounts, attempts, county, second_factors};
use serde_json::json;
use sqlx::PgPool;

use super::{CliError, database, output};
use crate::audit::{Record, Trail};
use crate::auth::{login, password, secret};
use crate::config::Config;
use crate::policy::Role;
use crate::store::{Notice, notify};

/// Accounts of people: the emergency door of whoever has this machine, past the three administrators. Day to day they are
/// made by a sysadmin and granted by a secadmin, in the console.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mingjing user add li --name 李敏 --role inspector\n  \
    echo 'a sentence that only I know' | mingjing user passwd li --stdin\n  mingjing user totp-reset li\n  mingjing user disable li"
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
        /// The person keeps this password; without it another has to be chosen at the next sign-in
        #[arg(long)]
        keep: bool,
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
        /// The person keeps this password; without it another has to be chosen at the next sign-in
        #[arg(long)]
        keep: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Take the second factor of an account away, for who lost it; ends the account's sessions
    #[command(after_help = "Example:\n  mingjing user totp-reset zhang")]
    TotpReset {
        /// The account
        login: String,
    },
    /// Forget the failed sign-ins of an account
    #[command(after_help = "Example:\n  mingjing user unlock zhang")]
    Unlock {
        /// The account
        login: String,
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
                keep,
                json,
            } => {
                let login = login::read(&login).map_err(CliError::Usage)?;
                check(role, unit.as_deref(), window.as_deref())?;
                let name = name.as_deref().unwrap_or(&login);
                let (password, made) = choose_password(stdin, &login, name)?;
                let db = database(&config).await?;
                let hall = match hall {
                    Some(hall) => hall,
                    None => root(&db).await?,
                };
                let account = accounts::NewAccount {
                    login: &login,
                    name,
                    role: role.code(),
                    hall: &hall,
                    unit: unit.as_deref(),
                    window: window.as_deref(),
                    password_hash: &password::hash(&password),
                    must_change: !keep,
                };
                let adding = |error: StoreError| CliError::store("adding the account", &error);
                create(&db, &account).await.map_err(adding)?;
                report(json, &login, made.then_some(password));
            }
            Command::Passwd {
                login,
                stdin,
                keep,
                json,
            } => {
                let login = login::read(&login).map_err(CliError::Usage)?;
                let (password, made) = choose_password(stdin, &login, &login)?;
                let db = database(&config).await?;
                found(&login, set_password(&db, &login, &password, !keep).await)?;
                report(json, &login, made.then_some(password));
            }
            Command::TotpReset { login } => {
                let login = login::read(&login).map_err(CliError::Usage)?;
                let db = database(&config).await?;
                found(&login, reset_second_factor(&db, &login).await)?;
                output::line(&format!(
                    "{login} has no second factor now and is signed out everywhere; where the role needs one, it is set up at the next sign-in"
                ));
            }
            Command::Unlock { login } => {
                let login = login::read(&login).map_err(CliError::Usage)?;
                let db = database(&config).await?;
                found(&login, unlock(&db, &login).await)?;
                output::line(&format!("{login} may try again at once"));
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
fn choose_password(stdin: bool, login: &str, name: &str) -> Result<(String, bool), CliError> {
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
    password::check(&password, login, name).map_err(|error| CliError::Usage(error.to_string()))?;
    Ok((password, false))
}

async fn create(db: &PgPool, account: &accounts::NewAccount<'_>) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    accounts::create(&mut tx, account, Utc::now()).await?;
    let record = Record::of(Action::AccountCreated).on("account", account.login);
    let facts = json!({"role": account.role, "unit": account.unit, "window": account.window});
    let record = record.hall(account.hall).after(facts);
    Trail::command().append(&mut tx, record).await?;
    Ok(tx.commit().await?)
}

async fn set_password(
    db: &PgPool,
    login: &str,
    password: &str,
    must_change: bool,
) -> Result<bool, StoreError> {
    let mut tx = db.begin().await?;
    let (hash, now) = (password::hash(password), Utc::now());
    let found = accounts::set_password(&mut tx, login, &hash, must_change, now).await?;
    notify(&mut tx, Notice::Access).await?;
    if found {
        let record = Record::of(Action::PasswordChanged).on("account", login);
        Trail::command().append(&mut tx, record).await?;
    }
    tx.commit().await?;
    Ok(found)
}

async fn reset_second_factor(db: &PgPool, login: &str) -> Result<bool, StoreError> {
    let mut tx = db.begin().await?;
    let found = second_factors::reset(&mut tx, login).await?;
    notify(&mut tx, Notice::Access).await?;
    if found {
        let record = Record::of(Action::FactorChanged).on("account", login);
        let record = record.after(json!({"second_factor": "reset"}));
        Trail::command().append(&mut tx, record).await?;
    }
    tx.commit().await?;
    Ok(found)
}

async fn unlock(db: &PgPool, login: &str) -> Result<bool, StoreError> {
    let mut tx = db.begin().await?;
    let found = accounts::by_login(&mut *tx, login).await?.is_some();
    attempts::unlock(&mut tx, &secret::hash(login)).await?;
    if found {
        let record = Record::of(Action::AccountChanged).on("account", login);
        let record = record.after(json!({"unlocked": true}));
        Trail::command().append(&mut tx, record).await?;
    }
    tx.commit().await?;
    Ok(found)
}

async fn disable(db: &PgPool, login: &str) -> Result<bool, StoreError> {
    let mut tx = db.begin().await?;
    let found = accounts::set_disabled(&mut tx, login, true).await?;
    notify(&mut tx, Notice::Access).await?;
    if found {
        let record = Record::of(Action::AccountChanged).on("account", login);
        let record = record.after(json!({"disabled": true}));
        Trail::command().append(&mut tx, record).await?;
    }
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
