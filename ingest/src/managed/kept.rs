//! The managed cameras of an edge as the console sent them last, sealed in a file of the data directory: the edge starts with them
//! and records them, whether the console is there or not.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::ManagedCamera;
use crate::config::Secrets;
use crate::seal::{SealError, Sealer};

/// Name of the file in the data directory.
const FILE: &str = "cameras.sealed";
/// What the envelope belongs to.
const BELONGS_TO: &str = "cameras/managed";

/// Why they cannot be read or written down.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeptError {
    /// The file.
    #[error("{path} cannot be used: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The key, or what was sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// What was sealed is no list of cameras.
    #[error("{0} holds what this version does not understand")]
    Content(PathBuf),
}

/// Where they lie in a data directory.
pub fn file(data_dir: &Path) -> PathBuf {
    data_dir.join(FILE)
}

/// The file, and the key that seals it.
#[derive(Debug)]
pub(crate) struct Kept {
    secrets: Secrets,
    data_dir: PathBuf,
}

impl Kept {
    /// Of this data directory.
    pub(crate) fn new(secrets: Secrets, data_dir: PathBuf) -> Self {
        Self { secrets, data_dir }
    }

    /// The cameras; none where nothing was written down.
    ///
    /// # Errors
    /// When the file cannot be read, does not open, or is not understood.
    pub(crate) fn read(&self) -> Result<Vec<ManagedCamera>, KeptError> {
        let path = file(&self.data_dir);
        let Some(text) = text(&path)? else {
            return Ok(Vec::new());
        };
        // The key as it is now: it may have been replaced since the last time.
        let sealer = self.secrets.sealer(&self.data_dir)?;
        understood(&path, &sealer, &text)
    }

    /// Writes these in the place of those before; safely on the disk when this returns. A crash leaves the old or the new ones.
    ///
    /// # Errors
    /// When key or file cannot be used.
    pub(crate) fn write(&self, cameras: &[ManagedCamera]) -> Result<(), KeptError> {
        let path = file(&self.data_dir);
        let sealer = self.secrets.sealer(&self.data_dir)?;
        replace(&path, &sealer, cameras)
    }
}

/// Seals them again, where they were sealed with an older key. Gives how many passwords that were.
///
/// # Errors
/// When the file cannot be read or replaced, or does not open.
pub fn reseal(data_dir: &Path, sealer: &Sealer) -> Result<usize, SealError> {
    let path = file(data_dir);
    let again = || -> Result<usize, KeptError> {
        let Some(text) = text(&path)?.filter(|text| sealer.is_old(text)) else {
            return Ok(0);
        };
        let cameras = understood(&path, sealer, &text)?;
        replace(&path, sealer, &cameras)?;
        let with = |camera: &&ManagedCamera| camera.reach.password.is_some();
        Ok(cameras.iter().filter(with).count())
    };
    again().map_err(|error| match error {
        KeptError::Seal(error) => error,
        KeptError::File { path, error } => SealError::File { path, error },
        KeptError::Content(path) => SealError::Broken(path.display().to_string()),
    })
}

fn text(path: &Path) -> Result<Option<String>, KeptError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(KeptError::File {
            path: path.to_owned(),
            error,
        }),
    }
}

fn understood(path: &Path, sealer: &Sealer, text: &str) -> Result<Vec<ManagedCamera>, KeptError> {
    let bytes = sealer.open(text, BELONGS_TO)?;
    serde_json::from_slice(&bytes).map_err(|_| KeptError::Content(path.to_owned()))
}

fn replace(path: &Path, sealer: &Sealer, cameras: &[ManagedCamera]) -> Result<(), KeptError> {
    let bytes = serde_json::to_vec(cameras).map_err(|_| KeptError::Content(path.to_owned()))?;
    let sealed = sealer.seal(&bytes, BELONGS_TO);
    let whole = || -> io::Result<()> {
        let new = path.with_extension("new");
        let mut file = fs::OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&new)?;
        writeln!(file, "{sealed}")?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        let directory = path.parent().unwrap_or(Path::new("."));
        fs::File::open(directory)?.sync_all()
    };
    whole().map_err(|error| KeptError::File {
        path: path.to_owned(),
        error,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::camera::Secret;
    use crate::managed::Reach;
    use crate::seal::rotate;

    fn camera(password: Option<&str>) -> ManagedCamera {
        ManagedCamera {
            id: "t07-1".into(),
            revision: 3,
            name: "东门".into(),
            hall: "T07".into(),
            windows: vec!["1".into()],
            reach: Reach {
                url: "rtsp://10.7.0.11/main".into(),
                sub_url: None,
                username: Some("viewer".into()),
                password: password.map(Secret::new),
                transport: "tcp".into(),
            },
            audio: "ignore".into(),
            checks: true,
            regions: Vec::new(),
            recorded: None,
            record_days: Some(9),
            record_hours: None,
        }
    }

    #[test]
    fn what_was_sent_is_read_again_with_this_machines_key_alone_and_under_a_new_one() {
        let (here, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let at = |dir: &tempfile::TempDir| Kept::new(Secrets::default(), dir.path().into());
        assert_eq!(at(&here).read().unwrap(), []);
        let cameras = [camera(Some("geheim-8")), camera(None)];
        at(&here).write(&cameras[..1]).unwrap();
        at(&here).write(&cameras).unwrap();
        assert_eq!(at(&here).read().unwrap(), cameras);

        let path = file(here.path());
        let text = fs::read_to_string(&path).unwrap();
        for clear in ["geheim-8", "viewer", "10.7.0.11"] {
            assert!(!text.contains(clear), "{text}");
        }
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        fs::copy(&path, file(elsewhere.path())).unwrap();
        assert!(matches!(at(&elsewhere).read(), Err(KeptError::Seal(_))));

        let key = here.path().join("secret.key");
        rotate::add_key(&key).unwrap();
        let sealer = Sealer::from_file(&key).unwrap();
        assert_eq!(reseal(here.path(), &sealer).unwrap(), 1);
        assert_eq!(reseal(here.path(), &sealer).unwrap(), 0);
        rotate::drop_old_keys(&key).unwrap();
        assert_eq!(at(&here).read().unwrap(), cameras);
        assert!(!path.with_extension("new").exists());
    }
}
