//! Files that people attach to answers, appeals and orders.
//!
//! What a file is, its content says ([`kind`]); the sender's word and the name's ending must agree with it. The bytes lie in
//! the console's own directory under their SHA-256, beside nothing that is served, and are checked against it whenever they
//! are read: a piece of evidence that was altered is not handed out as what it was.

pub mod kind;
pub mod name;
mod office;

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use sha2::{Digest, Sha256};

/// Longest file.
pub const MAX_BYTES: usize = 10 << 20;
/// Most files with one step.
pub const MAX_FILES: usize = 10;
/// Most files that somebody may have brought in a day and attached to nothing.
pub const MAX_UNUSED: i64 = 100;

/// Where the bytes are.
#[derive(Debug)]
pub struct Vault(PathBuf);

impl Vault {
    /// In the console's directory.
    pub fn of(storage: &Path) -> Self {
        Self(storage.join("attachments"))
    }

    fn place(&self, sha256: &[u8]) -> PathBuf {
        let name = hex::encode(sha256);
        self.0.join(&name[..2]).join(name)
    }

    /// Keeps bytes, durably; their SHA-256. The same bytes are kept once.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn put(&self, bytes: Bytes) -> io::Result<Vec<u8>> {
        let sha256 = Sha256::digest(&bytes).to_vec();
        let place = self.place(&sha256);
        tokio::task::spawn_blocking(move || write(&place, &bytes))
            .await
            .map_err(io::Error::other)??;
        Ok(sha256)
    }

    /// The bytes with this SHA-256.
    ///
    /// # Errors
    /// When they are not there, or are no longer what was kept.
    pub async fn get(&self, sha256: &[u8]) -> io::Result<Bytes> {
        let bytes = tokio::fs::read(self.place(sha256)).await?;
        if Sha256::digest(&bytes)[..] != *sha256 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "an attachment was altered on the disk",
            ));
        }
        Ok(bytes.into())
    }
}

/// Whole or not at all: under another name first, then fsynced, then moved.
fn write(place: &Path, bytes: &[u8]) -> io::Result<()> {
    if place.try_exists()? {
        return Ok(());
    }
    let folder = place.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let beside = place.with_extension(format!("{:016x}", rand::random::<u64>()));
    let written = std::fs::write(&beside, bytes)
        .and_then(|()| std::fs::File::open(&beside)?.sync_all())
        .and_then(|()| std::fs::rename(&beside, place))
        .and_then(|()| std::fs::File::open(folder)?.sync_all());
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bytes_come_back_and_altered_ones_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::of(folder.path());
        let bytes = Bytes::from_static(b"evidence");
        let sha256 = vault.put(bytes.clone()).await.unwrap();
        assert_eq!(vault.put(bytes.clone()).await.unwrap(), sha256);
        assert_eq!(vault.get(&sha256).await.unwrap(), bytes);
        std::fs::write(vault.place(&sha256), b"another").unwrap();
        let altered = vault.get(&sha256).await.unwrap_err();
        assert_eq!(altered.kind(), io::ErrorKind::InvalidData);
    }
}
