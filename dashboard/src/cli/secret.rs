//! `mingjing secret`

use std::path::Path;

use clap::Args;
use mingjing_alerts::store::channels;
use mingjing_ingest::seal::command::{self, CommandError, SecretCommand};
use mingjing_ingest::seal::{Sealer, belongs_to_camera, rotate};
use mingjing_monitor::audit::Action;
use mingjing_monitor::store::{StoreError, second_factors};
use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::{CliError, database, output};
use crate::audit::{Record, Trail};
use crate::auth::totp;
use crate::config::Config;
use crate::sender;
use crate::store::cameras;

/// Seal passwords of cameras, and replace the key that seals them, the second factors of accounts and the secrets of channels.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mingjing secret seal --camera t07-1 < password.txt\n  mingjing secret rotate --config /etc/mingjing.toml\n\n\
    The key lies in secret.key in [storage] dir. Run it as the user of the console."
)]
pub struct Secret {
    #[command(subcommand)]
    command: SecretCommand,
}

impl Secret {
    /// Runs the command. `file`: the configuration, where there is one.
    ///
    /// # Errors
    /// When the key, the configuration or the database cannot be used; everything still opens then.
    pub async fn run(self, config: Config, file: Option<&Path>) -> Result<(), CliError> {
        let done = match self.command {
            SecretCommand::Seal { camera } => config
                .sealer()
                .map_err(CommandError::from)
                .and_then(|sealer| command::seal(&sealer, &camera))
                .map_err(failed)?,
            SecretCommand::Rotate => rotate_all(&config, file).await?,
        };
        output::line(&done);
        Ok(())
    }
}

fn failed(error: impl std::fmt::Display) -> CliError {
    CliError::Failed(error.to_string())
}

/// The new key on top, everything sealed with it again, and only then the old one dropped: cut off anywhere, everything opens.
async fn rotate_all(config: &Config, file: Option<&Path>) -> Result<String, CliError> {
    let key = config.secrets.file(&config.storage.dir);
    let key = key.ok_or_else(|| failed(CommandError::NoFile))?;
    // First what may be away.
    let db = database(config).await?;
    rotate::add_key(&key).map_err(failed)?;
    let sealer = Sealer::from_file(&key).map_err(failed)?;
    let passwords = match file {
        Some(file) => rotate::reseal_config(file, &sealer).map_err(failed)?,
        None => 0,
    };
    let (factors, channels, cameras) = reseal_stored(&db, &sealer).await?;
    let passwords = passwords + cameras;
    rotate::drop_old_keys(&key).map_err(failed)?;
    Ok(format!(
        "a new key; {passwords} passwords, {factors} second factors and the secrets of {channels} channels sealed again"
    ))
}

/// Second factors, the secrets of channels and the passwords of cameras, in one transaction; how many of each.
async fn reseal_stored(db: &PgPool, sealer: &Sealer) -> Result<(usize, usize, usize), CliError> {
    let refused =
        |error: StoreError| CliError::store("sealing what the database holds again", &error);
    let mut tx = db.begin().await.map_err(|error| refused(error.into()))?;
    let factors = reseal_factors(&mut tx, sealer).await?;
    let channels = reseal_channels(&mut tx, sealer).await?;
    let cameras = reseal_cameras(&mut tx, sealer).await?;
    let after = json!({"second_factors": factors, "channels": channels, "cameras": cameras});
    let record = Record::of(Action::KeyRotated).after(after);
    Trail::command()
        .append(&mut tx, record)
        .await
        .map_err(refused)?;
    tx.commit().await.map_err(|error| refused(error.into()))?;
    Ok((factors, channels, cameras))
}

async fn reseal_channels(
    connection: &mut PgConnection,
    sealer: &Sealer,
) -> Result<usize, CliError> {
    let refused =
        |error: StoreError| CliError::store("sealing the secrets of channels again", &error);
    let mut resealed = 0;
    for (channel, envelope) in channels::sealed(connection).await.map_err(refused)? {
        if !sealer.is_old(&envelope) {
            continue;
        }
        let belongs_to = sender::belongs_to(channel);
        let secret = sealer.open(&envelope, &belongs_to).map_err(|error| {
            failed(format!(
                "{error} (give the channel its secrets anew on its page, then again)"
            ))
        })?;
        let new = sealer.seal(&secret, &belongs_to);
        channels::set_secrets(connection, channel, Some(&new))
            .await
            .map_err(refused)?;
        resealed += 1;
    }
    Ok(resealed)
}

async fn reseal_cameras(connection: &mut PgConnection, sealer: &Sealer) -> Result<usize, CliError> {
    let refused =
        |error: StoreError| CliError::store("sealing the passwords of cameras again", &error);
    let mut resealed = 0;
    for (camera, envelope) in cameras::sealed(connection).await.map_err(refused)? {
        if !sealer.is_old(&envelope) {
            continue;
        }
        let belongs_to = belongs_to_camera(&camera);
        let secret = sealer.open(&envelope, &belongs_to).map_err(|error| {
            failed(format!(
                "{error} (give the camera its password anew on its page, then again)"
            ))
        })?;
        let new = sealer.seal(&secret, &belongs_to);
        cameras::reseal(connection, &camera, &new)
            .await
            .map_err(refused)?;
        resealed += 1;
    }
    Ok(resealed)
}

async fn reseal_factors(connection: &mut PgConnection, sealer: &Sealer) -> Result<usize, CliError> {
    let refused = |error: StoreError| CliError::store("sealing second factors again", &error);
    let mut resealed = 0;
    for (account, envelope) in second_factors::sealed(connection).await.map_err(refused)? {
        if !sealer.is_old(&envelope) {
            continue;
        }
        let belongs_to = totp::belongs_to(account);
        let secret = sealer
            .open(&envelope, &belongs_to)
            .map_err(|error| failed(format!("{error} (mingjing user totp-reset, then again)")))?;
        let new = sealer.seal(&secret, &belongs_to);
        second_factors::reseal(connection, account, &new)
            .await
            .map_err(refused)?;
        resealed += 1;
    }
    Ok(resealed)
}
