//! What tests of this crate share.

use std::path::PathBuf;

/// A file of the shared test data, `../shared/data` beside the project. `None`, and a printed line, only where there is no
/// shared data at all; a missing file where there is some is a failure.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let project = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    // A worktree lies one deeper than a clone.
    let root = ["../shared/data", "../../shared/data"]
        .iter()
        .map(|up| project.join(up))
        .find(|dir| dir.is_dir());
    let Some(root) = root else {
        println!("skipped: no ../shared/data beside the project");
        return None;
    };
    let file = root.join(path);
    assert!(
        file.exists(),
        "{} is missing from the shared test data",
        file.display()
    );
    Some(file)
}
