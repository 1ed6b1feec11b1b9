//! The labelled clips (`labels/clips.toml`), decoded and altered by ffmpeg, one picture a second.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mingjing_ingest::picture::luma::Luma;
use serde::Deserialize;

use super::shared;

/// A clip and what is to be seen in it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clip {
    pub name: String,
    pub file: String,
    pub size: [usize; 2],
    pub seconds: usize,
    pub tuned_on: bool,
    #[serde(default)]
    pub people: Vec<u32>,
    #[serde(default)]
    pub region: Vec<Region>,
}

/// A region and when somebody is in it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    pub window: String,
    pub seat: Vec<[f32; 2]>,
    pub staffed: Vec<[usize; 2]>,
    pub unclear: Vec<usize>,
}

/// All clips; `None` where there is no shared data at all.
pub fn clips() -> Option<Vec<Clip>> {
    #[derive(Deserialize)]
    struct File {
        clip: Vec<Clip>,
    }
    let file: File = toml::from_str(include_str!("../../labels/clips.toml")).unwrap();
    shared("video")?;
    Some(file.clip)
}

/// The clip of a name.
pub fn clip(name: &str) -> Option<Clip> {
    let found = clips()?.into_iter().find(|clip| clip.name == name);
    Some(found.expect("a clip of that name"))
}

/// The first picture of each second.
const EACH_SECOND: &str =
    "select='isnan(prev_selected_t)+gte(floor(t+0.001),floor(prev_selected_t+0.001)+1)'";

impl Clip {
    pub fn path(&self) -> PathBuf {
        shared(&self.file).expect("clips() found the shared data")
    }

    /// The first picture of each second, as it is.
    pub fn pictures(&self) -> Vec<Luma> {
        let pictures = self.decoded(&self.path());
        assert_eq!(pictures.len(), self.seconds, "{}", self.name);
        pictures
    }

    /// The same after ffmpeg's `filter` and an encoder such as cameras have: `seconds` of them.
    pub fn altered(&self, filter: &str, seconds: u32) -> Vec<Luma> {
        let made = tempfile::Builder::new().suffix(".mp4").tempfile().unwrap();
        let [width, height] = self.size;
        let filter = format!("{filter},scale={width}:{height}");
        self.encode(&["-vf", &filter], seconds, made.path());
        self.decoded(made.path())
    }

    /// Encodes the clip anew, with a key frame a second.
    pub fn encode(&self, how: &[&str], seconds: u32, to: &Path) {
        let done = Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-y", "-i"])
            .arg(self.path())
            .args(how)
            .args(["-t", &seconds.to_string(), "-r", "10", "-an"])
            .args([
                "-c:v",
                "libx264",
                "-preset",
                "veryfast",
                "-tune",
                "zerolatency",
            ])
            .args(["-g", "10", "-pix_fmt", "yuv420p"])
            .arg(to)
            .status()
            .expect("ffmpeg is there: run scripts/setup test");
        assert!(done.success(), "{how:?}");
    }

    fn decoded(&self, file: &Path) -> Vec<Luma> {
        let [width, height] = self.size;
        self.raw(file, "gray")
            .chunks_exact(width * height)
            .map(|plane| Luma::of(plane, width, width, height).unwrap())
            .collect()
    }

    /// The pixels of the first picture of each second, one after the other.
    pub fn raw(&self, file: &Path, format: &str) -> Vec<u8> {
        let done = Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-i"])
            .arg(file)
            .args(["-vf", EACH_SECOND, "-fps_mode", "passthrough"])
            .args(["-f", "rawvideo", "-pix_fmt", format, "-"])
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .expect("ffmpeg is there: run scripts/setup test");
        assert!(done.status.success(), "{}", file.display());
        done.stdout
    }
}
