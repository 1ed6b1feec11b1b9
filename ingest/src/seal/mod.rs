//! Secrets that have to be read again, sealed before they are stored: XChaCha20-Poly1305 under a key that stands in a file of its
//! own, so that a copy of the database or of the configuration alone opens nothing. (What only has to be compared is hashed
//! instead.) The console seals second factors with it, both programs the passwords of cameras.
//!
//! An envelope is text: `mj1.KEY.DATA`. `KEY` names the key that sealed it, `DATA` is base64url of a random 24-byte nonce
//! and the ciphertext with its tag. What a secret belongs to (`account/7/totp`) is authenticated with it and not stored:
//! an envelope that is copied to another row does not open.
//!
//! The key file holds one key a line, 32 bytes in base64url. The first seals; the others only open, so that a key can be
//! replaced while old envelopes still stand: [`rotate`].

pub mod command;
pub mod rotate;

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rand::TryRngCore;
use sha2::{Digest, Sha256};

/// What an envelope begins with.
const VERSION: &str = "mj1";
/// Bytes of a key.
const KEY: usize = 32;
/// Bytes of a nonce.
const NONCE: usize = 24;

/// Why a secret cannot be sealed or opened. Worded for the operator; no key and no secret stands in it.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The key file.
    #[error("the key file {path} cannot be used: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// Others may read the key file.
    #[error("the key file {0} can be read by others than its owner: chmod 600 {0}")]
    Open(PathBuf),
    /// What stands for a key is none.
    #[error("{0} holds no key: one line of 43 characters (32 bytes in base64url) each")]
    NoKey(String),
    /// No key of the file sealed this envelope.
    #[error(
        "a secret was sealed with key {0}, which is not in the key file: put the file back that was there, or set the secret anew"
    )]
    OtherKey(String),
    /// The envelope is broken, or belongs to something else.
    #[error(
        "the sealed secret of {0} does not open: it was changed, or copied from elsewhere; set it anew"
    )]
    Broken(String),
}

/// What a sealed value in a configuration begins with.
pub const SEALED: &str = "sealed:";

/// What a camera's password belongs to.
pub fn belongs_to_camera(id: &str) -> String {
    format!("camera/{id}")
}

/// Seals and opens.
pub struct Sealer {
    /// Each with its name; the first seals.
    keys: Vec<(String, XChaCha20Poly1305)>,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.keys.iter().map(|(name, _)| name);
        f.debug_list().entries(names).finish()
    }
}

impl Sealer {
    /// The keys of a file; where there is no file, one is made that only its owner reads.
    ///
    /// # Errors
    /// When the file cannot be read or made, others may read it, or it holds no key.
    pub fn from_file(path: &Path) -> Result<Self, SealError> {
        Self::from_text(&read(path)?, &path.display().to_string())
    }

    /// The keys in `text`, one a line; `place` names it in errors.
    ///
    /// # Errors
    /// When a line is no key, or there is none.
    pub fn from_text(text: &str, place: &str) -> Result<Self, SealError> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let keys = lines
            .map(|line| {
                let bytes = URL_SAFE_NO_PAD.decode(line).ok()?;
                let key: [u8; KEY] = bytes.try_into().ok()?;
                Some((name(&key), XChaCha20Poly1305::new(&key.into())))
            })
            .collect::<Option<Vec<_>>>()
            .filter(|keys| !keys.is_empty());
        keys.map(|keys| Self { keys })
            .ok_or_else(|| SealError::NoKey(place.to_owned()))
    }

    /// Seals `secret` for what it belongs to.
    ///
    /// # Panics
    /// When the operating system has no randomness to give: nothing safe can be done then.
    pub fn seal(&self, secret: &[u8], belongs_to: &str) -> String {
        let (name, key) = &self.keys[0];
        let mut nonce = [0_u8; NONCE];
        rand::rngs::OsRng
            .try_fill_bytes(&mut nonce)
            .expect("the operating system gives random bytes");
        let payload = Payload {
            msg: secret,
            aad: belongs_to.as_bytes(),
        };
        let sealed = key
            .encrypt(&XNonce::from(nonce), payload)
            .expect("only a secret of 256 GB is too long to be sealed");
        let data = URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat());
        format!("{VERSION}.{name}.{data}")
    }

    /// Opens an envelope of what it belongs to.
    ///
    /// # Errors
    /// When its key is not here, or it was changed or belongs to something else.
    pub fn open(&self, envelope: &str, belongs_to: &str) -> Result<Vec<u8>, SealError> {
        let broken = || SealError::Broken(belongs_to.to_owned());
        let mut parts = envelope.splitn(3, '.');
        let (Some(VERSION), Some(name), Some(data)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(broken());
        };
        let key = self.keys.iter().find(|(own, _)| own == name);
        let (_, key) = key.ok_or_else(|| SealError::OtherKey(name.to_owned()))?;
        let data = URL_SAFE_NO_PAD.decode(data).map_err(|_| broken())?;
        let (nonce, sealed) = data.split_first_chunk::<NONCE>().ok_or_else(broken)?;
        let payload = Payload {
            msg: sealed,
            aad: belongs_to.as_bytes(),
        };
        key.decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| broken())
    }

    /// Whether an envelope was sealed with a key that no longer seals.
    pub fn is_old(&self, envelope: &str) -> bool {
        envelope.split('.').nth(1) != Some(self.keys[0].0.as_str())
    }
}

/// The text of a key file; where there is none, one is made.
fn read(path: &Path) -> Result<String, SealError> {
    let failed = |error| SealError::File {
        path: path.to_owned(),
        error,
    };
    match fs::read_to_string(path) {
        Ok(text) => {
            if fs::metadata(path).map_err(failed)?.mode() & 0o077 != 0 {
                return Err(SealError::Open(path.to_owned()));
            }
            Ok(text)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(path).map_err(failed),
        Err(error) => Err(failed(error)),
    }
}

/// A new key, as it stands in a key file.
fn new_key() -> String {
    let mut key = [0_u8; KEY];
    rand::rngs::OsRng
        .try_fill_bytes(&mut key)
        .expect("the operating system gives random bytes");
    URL_SAFE_NO_PAD.encode(key)
}

/// The name of a key: not enough of a hash to say anything about it.
fn name(key: &[u8; KEY]) -> String {
    let hash = Sha256::new()
        .chain_update(b"mingjing key name")
        .chain_update(key)
        .finalize();
    hex::encode(&hash[..4])
}

/// Makes a key and the file that holds it. Somebody who was faster wins.
fn make(path: &Path) -> io::Result<String> {
    if let Some(directory) = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
    }
    // Linked into its place when it is whole: a reader never finds half a key.
    let new = path.with_extension(format!("new-{}", std::process::id()));
    let mut file = fs::OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(&new)?;
    writeln!(file, "{}", new_key())?;
    file.sync_all()?;
    let linked = fs::hard_link(&new, path);
    fs::remove_file(&new)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => fs::read_to_string(path),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_sealed_opens_for_what_it_belongs_to_and_nothing_else() {
        let sealer = Sealer::from_text(&new_key(), "here").unwrap();
        let envelope = sealer.seal(b"the secret", "account/7/totp");
        assert!(!envelope.contains("secret"));
        assert_ne!(envelope, sealer.seal(b"the secret", "account/7/totp"));
        assert_eq!(
            sealer.open(&envelope, "account/7/totp").unwrap(),
            b"the secret"
        );
        assert!(matches!(
            sealer.open(&envelope, "account/8/totp"),
            Err(SealError::Broken(_))
        ));
        let mut changed = envelope.clone();
        let other = if &envelope[60..61] == "A" { "B" } else { "A" };
        changed.replace_range(60..61, other);
        for broken in [changed.as_str(), "", "mj1", "mj2.a.b", &envelope[..40]] {
            assert!(sealer.open(broken, "account/7/totp").is_err(), "{broken}");
        }
    }

    #[test]
    fn a_key_can_be_replaced_while_old_envelopes_stand() {
        let (old, new) = (new_key(), new_key());
        let envelope = Sealer::from_text(&old, "here").unwrap().seal(b"x", "y");
        let both = Sealer::from_text(&format!("{new}\n{old}\n"), "here").unwrap();
        assert_eq!(both.open(&envelope, "y").unwrap(), b"x");
        assert!(both.is_old(&envelope) && !both.is_old(&both.seal(b"x", "y")));
        let only_new = Sealer::from_text(&new, "here").unwrap();
        assert!(matches!(
            only_new.open(&envelope, "y"),
            Err(SealError::OtherKey(_))
        ));
    }

    #[test]
    fn the_key_file_is_made_once_and_for_its_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data/secret.key");
        let envelope = Sealer::from_file(&path).unwrap().seal(b"x", "y");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(
            Sealer::from_file(&path)
                .unwrap()
                .open(&envelope, "y")
                .unwrap(),
            b"x"
        );
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(Sealer::from_file(&path), Err(SealError::Open(_))));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "short\n").unwrap();
        assert!(matches!(Sealer::from_file(&path), Err(SealError::NoKey(_))));
    }
}
