//! Evidence files (证据包): one zip file for a card or a case, with its facts as the caller may read them, the recordings that it points to, and
//! the checksums of all of it and of the files that the recordings were taken from. [`verify`] checks one without a console.

mod clips;
mod manifest;
pub mod verify;

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use self::clips::Clips;
pub use self::manifest::{Digester, FORMAT, Listed, MANIFEST, Maker, Manifest, Missing, Taken};
use crate::app::App;
use crate::caller::Caller;
use crate::store::pins::Span;

/// Says how to check it, to whoever opens it.
const README: &str = "\
明镜 证据包
manifest.json 列出每个文件的 SHA-256，以及录像取自的原始文件的 SHA-256。核验（不需要连接监察台）：
  mingjing evidence verify 本文件.zip
manifest.json 自身的 SHA-256 记在监察台审计日志的导出记录中。

Evidence file of Mingjing
manifest.json lists the SHA-256 of each file, and of the original files that the recordings were taken from. To check it, without a console:
  mingjing evidence verify THIS.zip
The SHA-256 of manifest.json itself stands in the console's audit log, with the export.
";

/// Parts that wait for the disk.
const QUEUE: usize = 4;

/// What becomes an evidence file.
#[derive(Debug)]
pub struct Contents {
    /// `card 17`.
    pub about: String,
    /// Documents, by name.
    pub documents: Vec<(&'static str, Vec<u8>)>,
    /// The recordings that it points to.
    pub spans: Vec<Span>,
}

/// A finished one.
#[derive(Debug)]
pub struct Evidence {
    /// The file, at its beginning; it has no name, and goes when this does.
    pub file: File,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its manifest.
    pub manifest_sha256: String,
    /// How many recordings are in it.
    pub recordings: usize,
    /// How many times are missing.
    pub missing: usize,
}

/// Makes one. Recordings come from the ingests that hold them; what one cannot give is named in the manifest.
///
/// # Errors
/// When it cannot be written.
pub async fn make(
    app: &App,
    caller: &Caller,
    maker: Maker,
    contents: Contents,
    now: DateTime<Utc>,
) -> io::Result<Evidence> {
    let directory = app.directory();
    let packer = Packer::start(tempfile::tempfile()?);
    let mut files = Vec::new();
    let readme = ("README.txt", README.as_bytes().to_vec());
    for (name, bytes) in contents.documents.into_iter().chain([readme]) {
        files.push(manifest::listed(name, &bytes));
        packer.begin(name.to_owned()).await;
        packer.bytes(bytes.into()).await;
    }
    let mut clips = Clips {
        app,
        packer: &packer,
        files,
        recordings: Vec::new(),
        missing: Vec::new(),
    };
    for span in &contents.spans {
        // Whoever may see the card need not see every camera of the halls that it passed through.
        let camera = directory.camera(&span.camera);
        if let Some(camera) = camera.filter(|camera| directory.sees_camera(&caller.scope, camera)) {
            clips.take(camera, span.from_at, span.to_at.min(now)).await;
        }
    }
    let (files, recordings, missing) = (clips.files, clips.recordings, clips.missing);
    let (taken, left) = (recordings.len(), missing.len());
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        about: contents.about,
        made_at: now,
        made_by: maker,
        county: directory
            .county()
            .map_or_else(String::new, |county| county.code.clone()),
        files,
        recordings,
        missing,
    };
    let bytes = serde_json::to_vec_pretty(&manifest)?;
    let manifest_sha256 = manifest::listed(MANIFEST, &bytes).sha256;
    packer.begin(MANIFEST.to_owned()).await;
    packer.bytes(bytes.into()).await;
    let (file, bytes) = packer.finish().await?;
    Ok(Evidence {
        file,
        bytes,
        manifest_sha256,
        recordings: taken,
        missing: left,
    })
}

enum Part {
    Begin(String),
    Bytes(Bytes),
}

/// Writes the zip file on a thread that may block.
struct Packer {
    parts: mpsc::Sender<Part>,
    written: JoinHandle<io::Result<(File, u64)>>,
}

impl Packer {
    fn start(file: File) -> Self {
        let (parts, mut queue) = mpsc::channel::<Part>(QUEUE);
        let written = tokio::task::spawn_blocking(move || {
            let mut zip = ZipWriter::new(file);
            // Video does not shrink, and what lies there plainly can be read without this program. Large: a day of video.
            let plain = SimpleFileOptions::default()
                .compression_method(zip::CompressionMethod::Stored)
                .large_file(true);
            while let Some(part) = queue.blocking_recv() {
                match part {
                    Part::Begin(name) => zip.start_file(name, plain)?,
                    Part::Bytes(bytes) => zip.write_all(&bytes)?,
                }
            }
            let mut file = zip.finish()?;
            let bytes = file.seek(SeekFrom::End(0))?;
            file.rewind()?;
            Ok((file, bytes))
        });
        Self { parts, written }
    }

    async fn begin(&self, name: String) {
        // Whoever writes has failed then, and says so at the end.
        let _ = self.parts.send(Part::Begin(name)).await;
    }

    async fn bytes(&self, bytes: Bytes) {
        let _ = self.parts.send(Part::Bytes(bytes)).await;
    }

    async fn finish(self) -> io::Result<(File, u64)> {
        drop(self.parts);
        self.written.await.map_err(io::Error::other)?
    }
}
