//! `mingjing migrate`

use clap::Args;
use mingjing_monitor::store::Store;
use sqlx::postgres::PgConnectOptions;

use super::{CliError, output};
use crate::config::Config;

/// Bring the database to this version as the role that owns its tables, and let the console's role work in them.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  DATABASE_OWNER_URL=postgres://mingjing_owner:…@127.0.0.1/mingjing \\\n  \
    DATABASE_URL=postgres://mingjing_console:…@127.0.0.1/mingjing mingjing migrate\n\n\
    The owner's address is [database] owner_url, owner_url_file or DATABASE_OWNER_URL; the console itself never uses it. The \
    console's role, the user of DATABASE_URL, must be there (CREATE ROLE … LOGIN PASSWORD …); it gets what it needs, and of the \
    audit log no more than reading and appending. Run it before a new version of the console is started; doing it again changes \
    nothing."
)]
pub struct Migrate {}

impl Migrate {
    /// Runs the command.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn run(self, config: Config) -> Result<(), CliError> {
        let console = config.database_url()?;
        let owner = config.owner_url()?.unwrap_or_else(|| console.clone());
        let separate = other_role(&owner, &console)?;
        migrate(&owner, separate.as_deref()).await?;
        output::line(&match separate {
            Some(role) => format!("the database is up to date, and {role} may work in it"),
            None => "the database is up to date; owner and console are one role, which could alter the audit log".into(),
        });
        Ok(())
    }
}

/// Brings the database to this version as `owner`, and lets `console` work in it.
///
/// # Errors
/// When the database refuses.
pub async fn migrate(owner: &str, console: Option<&str>) -> Result<(), CliError> {
    Store::migrate(owner, console)
        .await
        .map_err(|error| CliError::store("bringing the database up to date", &error))
}

/// The console's role, when it is not the owner.
///
/// # Errors
/// When an address cannot be understood.
pub fn other_role(owner: &str, console: &str) -> Result<Option<String>, CliError> {
    let role = |url: &str| {
        let options: PgConnectOptions = url.parse().map_err(|error: sqlx::Error| {
            CliError::Failed(format!(
                "the database address cannot be understood: {error}"
            ))
        })?;
        Ok::<_, CliError>(options.get_username().to_owned())
    };
    let console = role(console)?;
    Ok((role(owner)? != console).then_some(console))
}
