//! `mingjing token`

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use mingjing_monitor::audit::Action;
use mingjing_monitor::store::{StoreError, tokens};
use serde_json::json;
use sqlx::PgPool;

use super::{CliError, database, output, user};
use crate::audit::{Record, Trail};
use crate::auth::secret;
use crate::config::Config;
use crate::policy::Role;
use crate::store::{Notice, notify};

/// Bearer tokens for programs: sources that post events, edges that carry cameras, readers.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mingjing token create --role source --source //approval.county\n  \
    mingjing token create --role edge --hall 320382-T07 --name town-7\n  mingjing token list\n  mingjing token revoke 3"
)]
pub struct Token {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a token; it is printed once and stored as a hash
    #[command(
        after_help = "Example:\n  mingjing token create --role source --source //approval.county --initial-load --json"
    )]
    Create {
        /// source, edge or reader
        #[arg(long)]
        role: Role,
        /// Top of the halls that it may speak for or read [default: the county]
        #[arg(long, value_name = "CODE")]
        hall: Option<String>,
        /// What it is for
        #[arg(long)]
        name: Option<String>,
        /// The only CloudEvents source that it may speak for [default: any]
        #[arg(long, value_name = "URI")]
        source: Option<String>,
        /// May post history, as received when it happened
        #[arg(long)]
        initial_load: bool,
        /// When it runs out, 2027-01-01T00:00:00+08:00 [default: not by itself]
        #[arg(long, value_name = "INSTANT")]
        expires: Option<DateTime<Utc>>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List tokens, newest first (never the tokens themselves)
    #[command(after_help = "Example:\n  mingjing token list --json")]
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Revoke a token at once
    #[command(after_help = "Example:\n  mingjing token revoke 3")]
    Revoke {
        /// Number, as `mingjing token list` shows it
        id: i64,
    },
}

impl Token {
    /// Runs the command.
    ///
    /// # Errors
    /// What failed, and what to do.
    pub async fn run(self, config: Config) -> Result<(), CliError> {
        match self.command {
            Command::Create {
                role,
                hall,
                name,
                source,
                initial_load,
                expires,
                json,
            } => {
                check(role, source.as_deref(), initial_load)?;
                if expires.is_some_and(|expires| expires <= Utc::now()) {
                    return Err(CliError::Usage("--expires lies in the past".into()));
                }
                let db = database(&config).await?;
                let hall = match hall {
                    Some(hall) => hall,
                    None => user::root(&db).await?,
                };
                let token = secret::random();
                let hash = secret::hash(&token);
                let name = name
                    .or_else(|| source.clone())
                    .unwrap_or_else(|| role.code().to_owned());
                let new = tokens::NewToken {
                    name: &name,
                    hash: &hash,
                    role: role.code(),
                    hall: &hall,
                    source: source.as_deref(),
                    initial_load,
                    expires,
                };
                let id = create(&db, &new)
                    .await
                    .map_err(|error| CliError::store("adding the token", &error))?;
                if json {
                    output::json(
                        &json!({"id": id, "name": name, "role": role, "hall": hall, "token": token}),
                    );
                } else {
                    eprintln!("token {id} ({name}), shown only now:");
                    output::line(&token);
                }
            }
            Command::List { json } => {
                let db = database(&config).await?;
                let all = tokens::list(&db)
                    .await
                    .map_err(|error| CliError::store("reading the tokens", &error))?;
                if json {
                    output::json(&all.iter().map(view).collect::<Vec<_>>());
                } else {
                    print(all);
                }
            }
            Command::Revoke { id } => {
                let db = database(&config).await?;
                match revoke(&db, id).await {
                    Ok(true) => output::line(&format!("token {id} is revoked")),
                    Ok(false) => {
                        return Err(CliError::Failed(format!(
                            "there is no valid token {id}: see mingjing token list"
                        )));
                    }
                    Err(error) => return Err(CliError::store("revoking the token", &error)),
                }
            }
        }
        Ok(())
    }
}

fn check(role: Role, source: Option<&str>, initial_load: bool) -> Result<(), CliError> {
    if !role.is_machine() {
        return Err(CliError::Usage(format!(
            "{} is for people: use mingjing user add",
            role.code()
        )));
    }
    if role != Role::Source && (source.is_some() || initial_load) {
        return Err(CliError::Usage(
            "--source and --initial-load go with --role source".into(),
        ));
    }
    Ok(())
}

async fn create(db: &PgPool, token: &tokens::NewToken<'_>) -> Result<i64, StoreError> {
    let mut tx = db.begin().await?;
    let id = tokens::create(&mut tx, token, Utc::now()).await?;
    notify(&mut tx, Notice::Tokens).await?;
    let facts = json!({
        "name": token.name, "role": token.role, "hall": token.hall, "source": token.source,
        "initial_load": token.initial_load, "expires": token.expires,
    });
    let record = Record::of(Action::TokenCreated).on("token", id);
    Trail::command()
        .append(&mut tx, record.hall(token.hall).after(facts))
        .await?;
    tx.commit().await?;
    Ok(id)
}

async fn revoke(db: &PgPool, id: i64) -> Result<bool, StoreError> {
    let mut tx = db.begin().await?;
    let revoked = tokens::revoke(&mut tx, id, Utc::now()).await?;
    notify(&mut tx, Notice::Tokens).await?;
    if revoked {
        let record = Record::of(Action::TokenRevoked).on("token", id);
        Trail::command().append(&mut tx, record).await?;
    }
    tx.commit().await?;
    Ok(revoked)
}

fn view(token: &tokens::Token) -> serde_json::Value {
    json!({
        "id": token.id, "name": token.name, "role": token.role, "hall": token.hall, "source": token.source,
        "initial_load": token.initial_load, "created": token.created, "last_used": token.last_used, "revoked": token.revoked,
        "expires": token.expires,
    })
}

fn print(all: Vec<tokens::Token>) {
    let when = |time: Option<chrono::DateTime<Utc>>| {
        time.map_or_else(|| "-".into(), |time| time.format("%F %R").to_string())
    };
    let now = Utc::now();
    let rows = all.into_iter().map(|token| {
        let state = if token.revoked.is_some() {
            "revoked"
        } else if token.expires.is_some_and(|expires| expires <= now) {
            "expired"
        } else {
            "valid"
        };
        let source = token.source.unwrap_or_else(|| "any".into());
        [
            token.id.to_string(),
            token.name,
            token.role,
            token.hall,
            source,
            state.into(),
            when(token.last_used),
            when(token.expires),
        ]
    });
    output::table(
        [
            "id",
            "name",
            "role",
            "hall",
            "source",
            "state",
            "last used (UTC)",
            "runs out (UTC)",
        ],
        rows,
    );
}
