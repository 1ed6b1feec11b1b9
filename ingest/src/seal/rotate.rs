//! A new key for what is sealed, in steps that each leave everything readable: the new key is put on top of the key file, what
//! was sealed with older ones is sealed again, and only then the older ones go. Cut off anywhere, it is started again and goes
//! on from there.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::{SEALED, SealError, Sealer, belongs_to_camera, new_key, read};

/// Puts a new key on top of the key file. `false`: a rotation was cut off, its new key is there already.
///
/// # Errors
/// When the file cannot be read or replaced.
pub fn add_key(path: &Path) -> Result<bool, SealError> {
    let keys = keys(path)?;
    if keys.len() > 1 {
        return Ok(false);
    }
    let text: String = std::iter::once(new_key())
        .chain(keys)
        .map(|key| format!("{key}\n"))
        .collect();
    replace(path, text.as_bytes())?;
    Ok(true)
}

/// Drops every key but the first.
///
/// # Errors
/// When the file cannot be read or replaced.
pub fn drop_old_keys(path: &Path) -> Result<(), SealError> {
    let keys = keys(path)?;
    match keys.first() {
        Some(newest) if keys.len() > 1 => replace(path, format!("{newest}\n").as_bytes()),
        _ => Ok(()),
    }
}

/// Seals the cameras' passwords in a configuration file again, where they were sealed with an older key. Gives how many.
/// Comments and order stay.
///
/// # Errors
/// When the file cannot be read or replaced, or one of its passwords does not open.
pub fn reseal_config(path: &Path, sealer: &Sealer) -> Result<usize, SealError> {
    let failed = |error| SealError::File {
        path: path.to_owned(),
        error,
    };
    let mut text = fs::read_to_string(path).map_err(failed)?;
    let mut resealed = 0;
    for (camera, envelope) in sealed_passwords(&text) {
        if !sealer.is_old(&envelope) {
            continue;
        }
        let belongs_to = belongs_to_camera(&camera);
        let secret = sealer.open(&envelope, &belongs_to)?;
        // Each has a nonce of its own: the text stands once.
        text = text.replace(&envelope, &sealer.seal(&secret, &belongs_to));
        resealed += 1;
    }
    if resealed > 0 {
        replace(path, text.as_bytes())?;
    }
    Ok(resealed)
}

/// The keys of a file, the newest first; all of them are good.
fn keys(path: &Path) -> Result<Vec<String>, SealError> {
    let text = read(path)?;
    Sealer::from_text(&text, &path.display().to_string())?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(lines.map(str::to_owned).collect())
}

/// Camera and envelope of every sealed password. A file that is no configuration has none; whoever starts with it is told.
fn sealed_passwords(text: &str) -> Vec<(String, String)> {
    let table: Table = toml::from_str(text).unwrap_or_default();
    let cameras = table.get("camera").and_then(Value::as_array);
    let sealed = |camera: &Value| {
        let id = camera.get("id")?.as_str()?;
        let envelope = camera.get("password")?.as_str()?.strip_prefix(SEALED)?;
        Some((id.to_owned(), envelope.to_owned()))
    };
    cameras.into_iter().flatten().filter_map(sealed).collect()
}

/// Replaces a file as a whole, with the rights and the owner that it had: after a crash the old or the new one is there.
fn replace(path: &Path, content: &[u8]) -> Result<(), SealError> {
    let failed = |error| SealError::File {
        path: path.to_owned(),
        error,
    };
    // The file itself, where the path is a link to it.
    let path: PathBuf = path.canonicalize().map_err(failed)?;
    let whole = || -> io::Result<()> {
        let old = fs::metadata(&path)?;
        let new = path.with_extension(format!("new-{}", std::process::id()));
        let mut file = fs::OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(content)?;
        let (uid, gid) = (Some(old.uid()), Some(old.gid()));
        std::os::unix::fs::fchown(&file, uid, gid)?;
        file.set_permissions(old.permissions())?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        let directory = path.parent().unwrap_or(Path::new("."));
        fs::File::open(directory)?.sync_all()
    };
    whole().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "# the east door\n[[camera]]\nid = \"c1\"\npassword = \"sealed:ONE\"  # sealed in spring\n\
        [[camera]]\npassword = \"plain\"\nid = \"c2\"\n[[camera]]\nid = \"c3\"\npassword = \"sealed:THREE\"\n";

    struct Place {
        dir: tempfile::TempDir,
    }

    impl Place {
        /// A key file and a configuration with two sealed passwords.
        fn new() -> Self {
            let place = Self {
                dir: tempfile::tempdir().unwrap(),
            };
            let sealer = place.sealer();
            let seal =
                |id| sealer.seal(format!("secret of {id}").as_bytes(), &belongs_to_camera(id));
            let text = CONFIG
                .replace("ONE", &seal("c1"))
                .replace("THREE", &seal("c3"));
            fs::write(place.config(), text).unwrap();
            place
        }

        fn key(&self) -> PathBuf {
            self.dir.path().join("secret.key")
        }

        fn config(&self) -> PathBuf {
            self.dir.path().join("edge.toml")
        }

        fn sealer(&self) -> Sealer {
            Sealer::from_file(&self.key()).unwrap()
        }

        fn opens(&self) -> bool {
            let sealer = self.sealer();
            let sealed = sealed_passwords(&fs::read_to_string(self.config()).unwrap());
            sealed.len() == 2
                && sealed.iter().all(|(id, envelope)| {
                    let secret = sealer.open(envelope, &belongs_to_camera(id));
                    secret.is_ok_and(|secret| secret == format!("secret of {id}").into_bytes())
                })
        }

        fn keys(&self) -> Vec<String> {
            keys(&self.key()).unwrap()
        }
    }

    #[test]
    fn after_every_step_everything_opens_and_a_second_attempt_goes_on() {
        let place = Place::new();
        let first = place.keys();
        assert!(add_key(&place.key()).unwrap());
        assert!(place.opens());
        assert!(
            !add_key(&place.key()).unwrap(),
            "the new key is there already"
        );
        assert_eq!(place.keys()[1..], first[..]);
        let sealer = place.sealer();
        assert_eq!(reseal_config(&place.config(), &sealer).unwrap(), 2);
        assert!(place.opens());
        assert_eq!(reseal_config(&place.config(), &sealer).unwrap(), 0);
        drop_old_keys(&place.key()).unwrap();
        drop_old_keys(&place.key()).unwrap();
        assert!(place.opens());
        assert!(place.keys().len() == 1 && place.keys() != first);
        let text = fs::read_to_string(place.config()).unwrap();
        assert!(text.starts_with("# the east door\n") && text.contains("\"  # sealed in spring"));
        assert!(text.contains("\"plain\""));
    }

    #[test]
    fn rights_stay_and_links_are_followed() {
        let place = Place::new();
        let link = place.dir.path().join("link.toml");
        std::os::unix::fs::symlink(place.config(), &link).unwrap();
        let rights = fs::metadata(place.config()).unwrap().mode();
        add_key(&place.key()).unwrap();
        reseal_config(&link, &place.sealer()).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::metadata(place.config()).unwrap().mode(), rights);
        assert_eq!(fs::metadata(place.key()).unwrap().mode() & 0o777, 0o600);
        assert_eq!(
            fs::read_dir(place.dir.path()).unwrap().count(),
            3,
            "nothing is left over"
        );
    }
}
