//! Checks an evidence file, without a console: is everything in it as it was when it was made?

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

use serde::Serialize;
use zip::ZipArchive;
use zip::result::ZipResult;

use super::manifest::{Digester, FORMAT, Listed, MANIFEST, Manifest, listed};

/// A manifest of so many bytes is none.
const LARGEST: u64 = 64 << 20;

/// Why a file could not be checked at all.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It cannot be read.
    #[error("the file cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// It is no zip file, or its table of contents is damaged.
    #[error("the file is no evidence file, or its table of contents was damaged: {0}")]
    Damaged(#[from] zip::result::ZipError),
    /// Its manifest is not there or makes no sense.
    #[error("its manifest.json {0}")]
    Manifest(String),
}

/// What is wrong with one file in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Its content is not what it was.
    Altered,
    /// It is not there any more.
    Missing,
    /// It is not in the manifest.
    Added,
}

/// What was found.
#[derive(Debug, Serialize)]
pub struct Verified {
    /// Everything is as it was.
    pub whole: bool,
    /// SHA-256 of the manifest, to be held against the entry of the audit log that tells of the export.
    pub manifest_sha256: String,
    /// The manifest.
    pub manifest: Manifest,
    /// What is wrong, by name.
    pub faults: Vec<(String, Fault)>,
}

/// Checks the file at `path`; with `recordings`, the directory of an ingest's recordings, also the files there that it was taken from.
///
/// # Errors
/// When it cannot be checked at all.
pub fn verify(path: &Path, recordings: Option<&Path>) -> Result<Verified, VerifyError> {
    let mut zip = ZipArchive::new(File::open(path)?)?;
    let bytes = manifest(&mut zip)?;
    let manifest: Manifest = serde_json::from_slice(&bytes)
        .map_err(|error| VerifyError::Manifest(format!("cannot be read: {error}")))?;
    if manifest.format != FORMAT {
        let other = &manifest.format;
        return Err(VerifyError::Manifest(format!(
            "is of the form {other:?}; this program reads {FORMAT:?}"
        )));
    }
    let mut faults = Vec::new();
    let names = zip.file_names().map(|name| name.map(Cow::into_owned));
    let mut others = names.collect::<ZipResult<BTreeSet<String>>>()?;
    others.remove(MANIFEST);
    for file in &manifest.files {
        if !others.remove(&file.name) {
            faults.push((file.name.clone(), Fault::Missing));
        } else if !is_same(&mut zip, file) {
            faults.push((file.name.clone(), Fault::Altered));
        }
    }
    faults.extend(others.into_iter().map(|name| (name, Fault::Added)));
    if let Some(recordings) = recordings {
        originals(&manifest, recordings, &mut faults);
    }
    Ok(Verified {
        whole: faults.is_empty(),
        manifest_sha256: listed(MANIFEST, &bytes).sha256,
        manifest,
        faults,
    })
}

fn manifest(zip: &mut ZipArchive<impl Read + Seek>) -> Result<Vec<u8>, VerifyError> {
    let entry = zip
        .by_name(MANIFEST)
        .map_err(|_| VerifyError::Manifest("is missing".to_owned()))?;
    let mut bytes = Vec::new();
    entry
        .take(LARGEST)
        .read_to_end(&mut bytes)
        .map_err(|error| VerifyError::Manifest(format!("was altered: {error}")))?;
    Ok(bytes)
}

/// Whether a file is as the manifest says. One that cannot be read to its end is not.
fn is_same(zip: &mut ZipArchive<impl Read + Seek>, file: &Listed) -> bool {
    let Ok(entry) = zip.by_name(&file.name) else {
        return false;
    };
    digest(entry.take(file.bytes + 1), &file.name).is_ok_and(|found| found == *file)
}

fn digest(mut from: impl Read, name: &str) -> io::Result<Listed> {
    let (mut digester, mut buffer) = (Digester::default(), vec![0; 1 << 16]);
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(digester.listed(name.to_owned())),
            n => digester.take(&buffer[..n]),
        }
    }
}

/// Holds the files of the ingest against what they were; those that retention took are named as missing.
fn originals(manifest: &Manifest, recordings: &Path, faults: &mut Vec<(String, Fault)>) {
    for taken in &manifest.recordings {
        let camera = recordings.join(mingjing_ingest::recording::name::directory(&taken.camera));
        // One that was being written has grown since.
        for segment in taken.segments.iter().filter(|segment| segment.finished) {
            let day = segment.name.get(..8).unwrap_or_default();
            let day = format!(
                "{}-{}-{}",
                &day.get(..4).unwrap_or_default(),
                &day.get(4..6).unwrap_or_default(),
                &day.get(6..).unwrap_or_default()
            );
            let path = camera.join(day).join(&segment.name);
            let found = File::open(&path).and_then(|file| digest(file, &segment.name));
            let fault = match found {
                Ok(found) if found.sha256 == segment.sha256 => continue,
                Ok(_) => Fault::Altered,
                Err(_) => Fault::Missing,
            };
            faults.push((path.display().to_string(), fault));
        }
    }
}
