//! All that is looked for in one camera's pictures, in one pass over each.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::checks::{Checks, Limits, Verdict};
use super::presence::person::PersonDetector;
use super::presence::{PresenceConfig, WindowRegion, Windows};
use super::view::ViewFile;
use super::{Decoded, PictureFault, PictureFaultKind, WindowPresence};

/// What to look for in a camera's pictures.
#[derive(Clone, Debug, Default)]
pub struct Watching {
    /// Faults of the picture, by these numbers; `None`: not at all.
    pub checks: Option<Limits>,
    /// Where it is kept what the camera usually shows; `None`: nowhere.
    pub view: Option<ViewFile>,
    /// Who is at the windows in these regions.
    pub regions: Vec<WindowRegion>,
    /// By these numbers.
    pub presence: PresenceConfig,
    /// With this model; `None`: by motion and appearance.
    pub detector: Option<Arc<PersonDetector>>,
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
    watching: Watching,
    /// Begun with the first picture.
    windows: Option<Windows>,
}

impl Watcher {
    /// Of a camera of which nothing is known but what was kept.
    pub fn new(watching: Watching) -> Self {
        let known = || watching.view.as_ref().and_then(ViewFile::read);
        Self {
            checks: watching
                .checks
                .map(|limits| Checks::new(limits).knowing(known())),
            watching,
            windows: None,
        }
    }

    /// Looks for something else from the next picture on; what is known of the view stays where it is still asked for.
    pub fn follow(&mut self, watching: Watching) {
        if watching.checks != self.watching.checks {
            match (&mut self.checks, watching.checks) {
                (Some(checks), Some(limits)) => checks.follow(limits),
                (checks, limits) => *checks = limits.map(Checks::new),
            }
        }
        // When it was last written is known here alone.
        let view = self.watching.view.take().or(watching.view);
        self.watching = Watching { view, ..watching };
    }

    /// Looks at the next picture, taken at `at`.
    pub fn look(&mut self, decoded: &Decoded, at: DateTime<Utc>) -> Seen {
        let verdict = self
            .checks
            .as_mut()
            .map(|checks| checks.look(&decoded.luma, at))
            .unwrap_or_default();
        let known = self.checks.as_ref().and_then(Checks::known);
        if let (Some(known), Some(view)) = (known, &mut self.watching.view) {
            view.keep(known, at);
        }
        Seen {
            fault: verdict.fault,
            new_fault: verdict.new,
            presence: self.presence(decoded, &verdict, at),
        }
    }

    fn presence(
        &mut self,
        decoded: &Decoded,
        verdict: &Verdict,
        at: DateTime<Utc>,
    ) -> Vec<WindowPresence> {
        let watching = &self.watching;
        let windows = self.windows.get_or_insert_with(|| {
            let (config, regions) = (watching.presence.clone(), watching.regions.clone());
            Windows::new(config, regions, watching.detector.clone(), at)
        });
        windows.follow(&watching.regions, at);
        // Living pictures of a still hall may look frozen for a moment; any other doubt is reason enough to wait.
        let doubtful = verdict
            .suspected
            .is_some_and(|kind| kind != PictureFaultKind::Frozen);
        match verdict.fault {
            Some(fault) => windows.blind(fault.since),
            None if doubtful => windows.told(),
            None => windows.look(decoded, at),
        }
    }
}
