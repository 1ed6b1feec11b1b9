//! All that is looked for in one camera's pictures, in one pass over each.

use chrono::{DateTime, Utc};

use super::checks::{Checks, Limits};
use super::{Decoded, PictureFault, WindowPresence};

/// What to look for in a camera's pictures.
#[derive(Clone, Debug, Default)]
pub struct Watching {
    /// Faults of the picture, by these numbers; `None`: not at all.
    pub checks: Option<Limits>,
}

/// What is to be seen now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// The fault that the pictures have.
    pub fault: Option<PictureFault>,
    /// Whether it was found with this picture.
    pub new_fault: bool,
    /// Who is at the windows.
    pub presence: Vec<WindowPresence>,
}

/// The eyes of one camera: what it knows of the view is kept from picture to picture.
#[derive(Debug)]
pub struct Watcher {
    checks: Option<Checks>,
}

impl Watcher {
    /// Of a camera of which nothing is known yet.
    pub fn new(watching: Watching) -> Self {
        Self {
            checks: watching.checks.map(Checks::new),
        }
    }

    /// Looks at the next picture, taken at `at`.
    pub fn look(&mut self, decoded: &Decoded, at: DateTime<Utc>) -> Seen {
        let verdict = self
            .checks
            .as_mut()
            .map(|checks| checks.look(&decoded.luma, at))
            .unwrap_or_default();
        Seen {
            fault: verdict.fault,
            new_fault: verdict.new,
            presence: Vec::new(),
        }
    }
}
