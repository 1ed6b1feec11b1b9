//! People in a picture, by a model that ONNX Runtime runs. Its shared library is found at run time: whoever has no model needs
//! none, and nothing of it is built in (`docs/decisions/0032-person-detector.md`).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use image::RgbImage;
use ort::environment::Environment;
use ort::session::Session;
use ort::value::TensorRef;

use super::yolox;

/// Where the library is looked for when nothing names it: the variable that ONNX Runtime's other users know, then the system.
const LIBRARY_VARIABLE: &str = "ORT_DYLIB_PATH";
const LIBRARY: &str = "libonnxruntime.so";

/// Somebody in a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Person {
    /// Left, top, right, bottom as fractions of the picture.
    pub place: [f32; 4],
    /// How sure the model is, 0 to 1.
    pub score: f32,
}

/// Why people cannot be looked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DetectorError {
    /// ONNX Runtime is not there, or too old.
    #[error("ONNX Runtime cannot be loaded from {}: {reason}. Install it (PyPI's onnxruntime holds it) and name it in `presence.runtime`", library.display())]
    Runtime {
        /// Where it was looked for.
        library: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The model cannot be used.
    #[error("the model {} cannot be used: {reason}", model.display())]
    Model {
        /// The file.
        model: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The model ran and its answer makes no sense.
    #[error("the model gave no answer: {0}")]
    Answer(String),
}

/// The model, ready. Cameras share it; one picture is looked at at a time.
#[derive(Debug)]
pub struct PersonDetector {
    session: Mutex<Session>,
}

/// ONNX Runtime, once in a process: whoever asks first says from where.
fn environment(library: &Path) -> Result<&'static Environment, String> {
    static LOADED: OnceLock<Result<Environment, String>> = OnceLock::new();
    let load = || {
        ort::environment::init_from(library)
            .map_err(|error| error.to_string())?
            .with_telemetry(false)
            .build()
            .map_err(|error| error.to_string())
    };
    // A library of another version makes it panic: that must not end an ingest.
    let loaded = LOADED.get_or_init(|| {
        catch_unwind(load).unwrap_or_else(|_| Err("another version of it is needed".into()))
    });
    loaded.as_ref().map_err(Clone::clone)
}

impl PersonDetector {
    /// Loads the library (`runtime`, or where the system has it) and the model.
    ///
    /// # Errors
    /// When one of the two is not there or does not fit.
    pub fn load(model: &Path, runtime: Option<&Path>) -> Result<Self, DetectorError> {
        let library = runtime.map(Path::to_owned).unwrap_or_else(|| {
            let named = std::env::var_os(LIBRARY_VARIABLE).filter(|name| !name.is_empty());
            named.map_or_else(|| LIBRARY.into(), PathBuf::from)
        });
        let no_runtime = |reason: String| DetectorError::Runtime {
            library: library.clone(),
            reason,
        };
        let environment = environment(&library).map_err(no_runtime)?;
        let no_model = |reason: String| DetectorError::Model {
            model: model.to_owned(),
            reason,
        };
        let load = || {
            // One thread: the decode budget counts what a camera costs by its thread.
            let builder = Session::builder(environment).map_err(|error| error.to_string())?;
            let mut builder = builder
                .with_intra_threads(1)
                .map_err(|error| error.to_string())?;
            builder
                .commit_from_file(model)
                .map_err(|error| error.to_string())
        };
        let session = catch_unwind(AssertUnwindSafe(load))
            .unwrap_or_else(|_| Err("it cannot be read".into()))
            .map_err(no_model)?;
        let detector = Self {
            session: Mutex::new(session),
        };
        // A model of another kind is found now and not with the first picture.
        let empty = RgbImage::new(16, 16);
        detector
            .find(&empty, 1.0)
            .map_err(|error| no_model(error.to_string()))?;
        Ok(detector)
    }

    /// The people that the model is sure of by `score` (0 to 1) at least. Takes about ten milliseconds of a core.
    ///
    /// # Errors
    /// When the model does not answer as YOLOX does.
    pub fn find(&self, image: &RgbImage, score: f32) -> Result<Vec<Person>, DetectorError> {
        let wrong = |error: ort::Error| DetectorError::Answer(error.to_string());
        let (planes, scale) = yolox::input(image);
        let shape = [1, 3, yolox::SIDE, yolox::SIDE];
        let input = TensorRef::from_array_view((shape, planes.as_slice())).map_err(wrong)?;
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let outputs = session.run(ort::inputs![input]).map_err(wrong)?;
        let Some(output) = outputs.values().next() else {
            return Err(DetectorError::Answer("it is empty".into()));
        };
        let (shape, answer) = output.try_extract_tensor::<f32>().map_err(wrong)?;
        if answer.len() != yolox::ROWS * yolox::ROW {
            let found = format!("{shape:?} where YOLOX has {} × {}", yolox::ROWS, yolox::ROW);
            return Err(DetectorError::Answer(found));
        }
        Ok(yolox::people(answer, scale, image.dimensions(), score))
    }
}
