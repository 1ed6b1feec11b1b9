//! Whether a camera's pictures show what they should. Each check is a pure function in a file of its own; here they are asked
//! in turn, and what they find is believed only when it lasts.

mod black;
mod covered;
mod defocused;
mod frozen;
mod limits;
mod moved;
mod normal;
mod overexposed;

use chrono::{DateTime, TimeDelta, Utc};

pub use limits::Limits;
pub use normal::Normal;

use self::frozen::{Stillness, differences};
use self::normal::Compared;
use super::luma::Luma;
use super::{PictureFault, PictureFaultKind};

/// Pictures further apart than this say nothing of one another.
const APART: TimeDelta = TimeDelta::seconds(20);

/// A fault is believed after so many pictures at least.
const PICTURES: u32 = 2;

/// The checks of one camera.
#[derive(Clone, Debug)]
pub struct Checks {
    limits: Limits,
    normal: Option<Normal>,
    stillness: Stillness,
    before: Option<(Luma, DateTime<Utc>)>,
    /// What the newest pictures have, or have no more, and is not believed yet.
    suspicion: Option<Suspicion>,
    fault: Option<PictureFault>,
}

#[derive(Clone, Copy, Debug)]
struct Suspicion {
    kind: Option<PictureFaultKind>,
    since: DateTime<Utc>,
    pictures: u32,
    /// How many of the pictures had each fault of [`VIEW`].
    of_view: [u32; VIEW.len()],
}

/// Faults that are differences from the usual view. What passes before a blurred or turned camera makes another of them of single
/// pictures: as long as each has one, the suspicion stands, and the most frequent names it.
const VIEW: [PictureFaultKind; 3] = [
    PictureFaultKind::Covered,
    PictureFaultKind::Defocused,
    PictureFaultKind::Moved,
];

fn in_view(kind: Option<PictureFaultKind>) -> Option<usize> {
    VIEW.iter().position(|one| Some(*one) == kind)
}

impl Suspicion {
    /// Of what begins with a picture of `since`.
    fn new(kind: Option<PictureFaultKind>, since: DateTime<Utc>) -> Self {
        Self {
            kind,
            since,
            pictures: 0,
            of_view: [0; VIEW.len()],
        }
    }

    /// Whether another picture with `kind` is more of the same.
    fn goes_on_with(&self, kind: Option<PictureFaultKind>) -> bool {
        self.kind == kind || (in_view(self.kind).is_some() && in_view(kind).is_some())
    }

    /// Adds a picture.
    fn add(&mut self, kind: Option<PictureFaultKind>, since: DateTime<Utc>) {
        self.pictures += 1;
        self.since = self.since.min(since);
        let Some(seen) = in_view(kind) else { return };
        self.of_view[seen] += 1;
        let most = self.of_view.iter().max();
        self.kind = (0..VIEW.len())
            .find(|one| Some(&self.of_view[*one]) == most)
            .map(|one| VIEW[one]);
    }
}

/// What one picture says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Verdict {
    /// The fault that is believed.
    pub fault: Option<PictureFault>,
    /// What this picture alone looks like; not believed yet, and reason enough not to trust it for anything else.
    pub suspected: Option<PictureFaultKind>,
    /// Whether `fault` was found with this picture.
    pub new: bool,
}

impl Checks {
    /// Of a camera of which nothing is known.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            normal: None,
            stillness: Stillness::default(),
            before: None,
            suspicion: None,
            fault: None,
        }
    }

    /// Goes by other numbers from now on; what is known of the view stays.
    pub fn follow(&mut self, limits: Limits) {
        *self = Self::new(limits).knowing(self.normal.take());
    }

    /// With what the camera is known to show, where that was kept.
    pub fn knowing(mut self, normal: Option<Normal>) -> Self {
        self.normal = normal;
        self
    }

    /// What the camera usually shows, as far as it is known; `None` while a fault or a doubt stands.
    pub fn known(&self) -> Option<&Normal> {
        let well = self.fault.is_none() && self.suspicion.is_none();
        self.normal.as_ref().filter(|_| well)
    }

    /// Looks at the next picture, taken at `at`.
    pub fn look(&mut self, luma: &Luma, at: DateTime<Utc>) -> Verdict {
        self.mind_the_gap(at);
        let still = self.before.as_ref().and_then(|(before, taken)| {
            let differences = differences(before, luma);
            self.stillness.see(&differences, *taken, self.limits.noise)
        });
        // A picture that stopped while something stood before the camera lies elsewhere for that alone.
        let (kind, since) = match (self.kind(luma), still) {
            (None | Some(PictureFaultKind::Moved), Some(since)) => {
                (Some(PictureFaultKind::Frozen), since)
            }
            (kind, _) => (kind, at),
        };
        let new = self.weigh(kind, since, at);
        // A picture that may stand still teaches nothing wrong.
        let teaches = matches!(kind, None | Some(PictureFaultKind::Frozen));
        if teaches && self.fault.is_none() {
            match &mut self.normal {
                Some(normal) => normal.learn(luma),
                None => self.normal = Some(Normal::new(luma)),
            }
        }
        self.before = Some((luma.clone(), at));
        Verdict {
            fault: self.fault,
            suspected: kind,
            new,
        }
    }

    /// The picture beside what is usual; `None` while that is not known.
    pub fn compare(&self, luma: &Luma) -> Option<Compared> {
        self.normal.as_ref()?.compare(luma)
    }

    /// What a picture by itself, and beside what is usual, looks like.
    fn kind(&self, luma: &Luma) -> Option<PictureFaultKind> {
        let limits = &self.limits;
        if black::is_black(luma, limits.black) {
            return Some(PictureFaultKind::Black);
        }
        if overexposed::is_overexposed(luma, limits.white) {
            return Some(PictureFaultKind::Overexposed);
        }
        let compared = self.compare(luma)?;
        if covered::is_covered(&compared, limits.covered) {
            return Some(PictureFaultKind::Covered);
        }
        if defocused::is_defocused(&compared, limits.sharpness) {
            return Some(PictureFaultKind::Defocused);
        }
        moved::is_moved(&compared, limits.in_place).then_some(PictureFaultKind::Moved)
    }

    /// Believes what lasts; `true` when a fault is found with this picture.
    fn weigh(
        &mut self,
        kind: Option<PictureFaultKind>,
        since: DateTime<Utc>,
        at: DateTime<Utc>,
    ) -> bool {
        if kind == self.fault.map(|fault| fault.kind) {
            self.suspicion = None;
            self.accept_view(at);
            return false;
        }
        let suspicion = match &mut self.suspicion {
            Some(suspicion) if suspicion.goes_on_with(kind) => suspicion,
            other => other.insert(Suspicion::new(kind, since)),
        };
        suspicion.add(kind, since);
        let suspicion = *suspicion;
        let kind = suspicion.kind;
        if kind == self.fault.map(|fault| fault.kind) {
            return false;
        }
        let seconds = match kind {
            Some(_) => self.limits.confirm_seconds,
            None => self.limits.clear_seconds,
        };
        let frozen = kind == Some(PictureFaultKind::Frozen);
        let enough = frozen || suspicion.pictures >= PICTURES;
        if !enough || at - suspicion.since < TimeDelta::seconds(seconds.into()) {
            return false;
        }
        self.suspicion = None;
        self.fault = kind.map(|kind| PictureFault {
            kind,
            since: suspicion.since,
        });
        self.fault.is_some()
    }

    /// A view that was not put right for so long is how the camera is meant to look now.
    fn accept_view(&mut self, at: DateTime<Utc>) {
        let hours = TimeDelta::hours(self.limits.accept_view_hours.into());
        let stands = |fault: &PictureFault| {
            fault.kind == PictureFaultKind::Moved && at - fault.since >= hours
        };
        if self.fault.as_ref().is_some_and(stands) {
            self.fault = None;
            self.normal = None;
        }
    }

    /// After a time without pictures nothing is believed but what the camera usually shows.
    fn mind_the_gap(&mut self, at: DateTime<Utc>) {
        let apart = self
            .before
            .as_ref()
            .is_some_and(|(_, before)| (at - *before).abs() > APART);
        if apart {
            self.before = None;
            self.suspicion = None;
            self.fault = None;
            self.stillness.forget();
        }
    }
}
