//! A whole Mingjing on a small scale, for tests: a database of its own, a county of two towns, a console as a program of
//! its own, and cameras served by somebody else's RTSP server. Everything is set up through the commands and interfaces
//! that a county's IT contractor would use.

pub mod bench;
pub mod county;
pub mod edge;
pub mod proxy;
pub mod rtsp;
pub mod stage;

/// A file of `../shared/data`; `None`, with a printed line, on a machine that has no `../shared`.
///
/// # Panics
/// When `../shared` is there and the file is not.
pub fn shared_data(path: &str) -> Option<std::path::PathBuf> {
    let shared = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    if !shared.is_dir() {
        println!("skipped: there is no ../shared on this machine ({path})");
        return None;
    }
    let file = shared.join("data").join(path);
    assert!(file.exists(), "../shared/data/{path} is missing");
    Some(file)
}
