//! `secret`: what the command lines of both programs do with sealed values.

use std::io::{self, BufRead, IsTerminal};
use std::path::Path;

use super::{SEALED, SealError, Sealer, belongs_to_camera, rotate};
use crate::managed;

/// What can be done.
#[derive(Debug, clap::Subcommand)]
pub enum SecretCommand {
    /// Seal the password of a camera: read from standard input, printed as it stands in the configuration
    Seal {
        /// Id of the camera: the sealed password opens for no other
        #[arg(long, value_name = "ID")]
        camera: String,
    },
    /// Make a new key and seal everything with it again; started again, it goes on where it was cut off
    Rotate,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The key, or what was sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// Nothing to seal.
    #[error("the first line of standard input is empty: give the password there")]
    Nothing,
    /// Standard input cannot be read.
    #[error("standard input cannot be read: {0}")]
    Input(io::Error),
    /// The key is in the environment.
    #[error(
        "the key is handed over as `secrets.key`: put it into a file, rotate with `secrets.key_file`, and hand over what the file then \
         holds"
    )]
    NoFile,
}

/// Seals the first line of standard input for a camera.
///
/// # Errors
/// When there is none.
pub fn seal(sealer: &Sealer, camera: &str) -> Result<String, CommandError> {
    let input = io::stdin();
    if input.is_terminal() {
        eprintln!("password of camera {camera}, shown as you type:");
    }
    let mut line = String::new();
    input
        .lock()
        .read_line(&mut line)
        .map_err(CommandError::Input)?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(CommandError::Nothing);
    }
    let envelope = sealer.seal(password.as_bytes(), &belongs_to_camera(camera));
    Ok(format!("{SEALED}{envelope}"))
}

/// Seals the passwords of a configuration, and of what lies in `data_dir` of the cameras that a console manages, with a new key. Gives how
/// many.
///
/// # Errors
/// When key file or configuration cannot be read or replaced; everything still opens then.
pub fn rotate(
    key_file: &Path,
    config: Option<&Path>,
    data_dir: &Path,
) -> Result<usize, CommandError> {
    rotate::add_key(key_file)?;
    let sealer = Sealer::from_file(key_file)?;
    let resealed = config.map_or(Ok(0), |config| rotate::reseal_config(config, &sealer))?;
    let resealed = resealed + managed::reseal(data_dir, &sealer)?;
    rotate::drop_old_keys(key_file)?;
    Ok(resealed)
}
