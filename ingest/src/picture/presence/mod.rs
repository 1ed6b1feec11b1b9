//! Who is at the windows that a camera sees.
//!
//! Without a model a region is compared with how it looks when nothing stirs in it ([`background`]); with one, people are found in
//! the picture ([`person`]). Either way a window changes only when what is seen lasts.

mod background;
pub mod person;
mod region;
mod yolox;

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

pub use region::{Area, AreaError, WindowRegion};

use self::background::Background;
use self::person::{Person, PersonDetector};
use super::luma::Luma;
use super::{Decoded, Presence, WindowPresence};

/// Pictures further apart than this say nothing of one another.
const APART: TimeDelta = TimeDelta::seconds(20);

/// When more than this share of the whole picture changes by more than [`JUMP`] steps at once, the light changed.
const JUMPED: f32 = 0.5;
const JUMP: u8 = 20;

/// So much of somebody must be inside a region.
const INSIDE: f32 = 0.5;

/// Counts that the number of people is the middle one of.
const COUNTS: usize = 5;

/// `[presence]` of the configuration. What is left out is as in [`PresenceConfig::default`].
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PresenceConfig {
    /// An ONNX file that finds people (YOLOX, 80 classes of COCO). Without it: motion and appearance.
    pub model: Option<PathBuf>,
    /// ONNX Runtime's shared library; without it the one that the system finds (`ORT_DYLIB_PATH`, or its library path).
    pub runtime: Option<PathBuf>,
    /// People that the model is less sure of are left out, 0 to 1.
    pub score: f32,
    /// A window is staffed when somebody was there for so long, in seconds.
    pub arrive_seconds: u32,
    /// It is empty when nobody was there for so long, in seconds.
    pub leave_seconds: u32,
    /// Without a model: a region is known when nothing stirred in it for so long, in seconds.
    pub learn_seconds: u32,
    /// Without a model: what has not stirred for so long belongs to the region, in seconds.
    pub absorb_seconds: u32,
}

impl Default for PresenceConfig {
    fn default() -> Self {
        Self {
            model: None,
            runtime: None,
            score: 0.35,
            arrive_seconds: 2,
            leave_seconds: 10,
            learn_seconds: 60,
            absorb_seconds: 300,
        }
    }
}

/// The windows of one camera.
#[derive(Debug)]
pub struct Windows {
    config: PresenceConfig,
    detector: Option<Arc<PersonDetector>>,
    windows: Vec<Window>,
    /// How the whole scene looks, followed slowly: what is brighter in most of it is so by the light.
    scene: Option<Vec<f32>>,
    before: Option<(Luma, DateTime<Utc>)>,
}

#[derive(Debug)]
struct Window {
    region: WindowRegion,
    background: Background,
    told: WindowPresence,
    /// What was seen last, when it differs from what is told, and since when.
    suspicion: Option<(Presence, DateTime<Utc>)>,
    counts: Vec<u32>,
}

impl Windows {
    /// Of a camera of which nothing is known at `now`.
    pub fn new(
        config: PresenceConfig,
        regions: Vec<WindowRegion>,
        detector: Option<Arc<PersonDetector>>,
        now: DateTime<Utc>,
    ) -> Self {
        let windows = regions.into_iter();
        Self {
            config,
            detector,
            windows: windows.map(|region| Window::new(region, now)).collect(),
            scene: None,
            before: None,
        }
    }

    /// Looks at these regions from `now` on. What is known of one that stays as it is stays too.
    pub fn follow(&mut self, regions: &[WindowRegion], now: DateTime<Utc>) {
        if self.windows.iter().map(|window| &window.region).eq(regions) {
            return;
        }
        let mut known = std::mem::take(&mut self.windows);
        let window = |region: &WindowRegion| {
            let at = known.iter().position(|window| window.region == *region);
            at.map_or_else(
                || Window::new(region.clone(), now),
                |at| known.swap_remove(at),
            )
        };
        self.windows = regions.iter().map(window).collect();
    }

    /// Looks at the next picture, taken at `at`.
    pub fn look(&mut self, decoded: &Decoded, at: DateTime<Utc>) -> Vec<WindowPresence> {
        if self.windows.is_empty() {
            return Vec::new();
        }
        let people = self.detector.as_ref().and_then(|detector| {
            detector
                .find(&decoded.image, self.config.score)
                .inspect_err(|error| tracing::debug!(%error, "people could not be looked for"))
                .ok()
        });
        self.see(&decoded.luma, people.as_deref(), at)
    }

    /// As [`Windows::look`], with the people that were found in the picture; `None`: nobody looked for them.
    pub fn see(
        &mut self,
        luma: &Luma,
        people: Option<&[Person]>,
        at: DateTime<Utc>,
    ) -> Vec<WindowPresence> {
        let gap = self
            .before
            .as_ref()
            .is_some_and(|(_, before)| (at - *before).abs() > APART);
        let jump = self
            .before
            .as_ref()
            .is_some_and(|(before, _)| light_jumped(before, luma));
        if gap || (jump && people.is_none()) {
            self.lose(at);
        }
        if jump {
            self.scene = None;
            self.windows
                .iter_mut()
                .for_each(|window| window.background.forget());
        }
        let light = self.light(luma);
        let learn = TimeDelta::seconds(self.config.learn_seconds.into());
        let absorb = TimeDelta::seconds(self.config.absorb_seconds.into());
        for window in &mut self.windows {
            let by_sight = window.background.see(luma, light, at, learn, absorb);
            let somebody = match people {
                Some(people) => Some(window.has(people)),
                None => by_sight,
            };
            window.count(people);
            window.weigh(somebody, at, &self.config);
        }
        self.before = Some((luma.clone(), at));
        self.told()
    }

    /// The picture is faulty since `since`: nothing can be told.
    pub fn blind(&mut self, since: DateTime<Utc>) -> Vec<WindowPresence> {
        self.lose(since);
        self.before = None;
        self.told()
    }

    /// What was told last.
    pub fn told(&self) -> Vec<WindowPresence> {
        self.windows
            .iter()
            .map(|window| window.told.clone())
            .collect()
    }

    fn lose(&mut self, since: DateTime<Utc>) {
        for window in &mut self.windows {
            window.tell(Presence::Unknown, since);
        }
    }

    /// By how much the scene is brighter than usual, in steps of brightness.
    fn light(&mut self, luma: &Luma) -> f32 {
        let cells = || luma.mean.iter().map(|cell| f32::from(*cell));
        let scene = self.scene.get_or_insert_with(|| cells().collect());
        let mut off: Vec<f32> = cells()
            .zip(scene.iter())
            .step_by(7)
            .map(|(now, usual)| now - usual)
            .collect();
        for (usual, now) in scene.iter_mut().zip(cells()) {
            *usual += (now - *usual).clamp(-0.2, 0.2);
        }
        let middle = off.len() / 2;
        *off.select_nth_unstable_by(middle, f32::total_cmp).1
    }
}

impl Window {
    /// Of which nothing is known at `now`.
    fn new(region: WindowRegion, now: DateTime<Utc>) -> Self {
        Self {
            background: Background::new(region.seat.cells()),
            told: WindowPresence {
                window: region.window.clone(),
                state: Presence::Unknown,
                since: now,
                people: None,
            },
            region,
            suspicion: None,
            counts: Vec::new(),
        }
    }

    fn has(&self, people: &[Person]) -> bool {
        let seat = &self.region.seat;
        people
            .iter()
            .any(|person| seat.share_of(person.place) >= INSIDE)
    }

    /// Counts who waits: the middle one of the last counts, so that one picture more or less does not matter.
    fn count(&mut self, people: Option<&[Person]>) {
        self.told.people = self
            .region
            .waiting
            .as_ref()
            .zip(people)
            .map(|(area, people)| {
                let waiting = people
                    .iter()
                    .filter(|person| area.share_of(person.place) >= INSIDE);
                self.counts
                    .push(u32::try_from(waiting.count()).unwrap_or(u32::MAX));
                if self.counts.len() > COUNTS {
                    self.counts.remove(0);
                }
                let mut counts = self.counts.clone();
                counts.sort_unstable();
                counts[counts.len() / 2]
            });
    }

    /// Believes what lasts.
    fn weigh(&mut self, somebody: Option<bool>, at: DateTime<Utc>, config: &PresenceConfig) {
        let (state, seconds) = match somebody {
            Some(true) => (Presence::Staffed, config.arrive_seconds),
            Some(false) => (Presence::Empty, config.leave_seconds),
            None => (Presence::Unknown, config.leave_seconds),
        };
        if state == self.told.state {
            self.suspicion = None;
            return;
        }
        let since = match self.suspicion {
            Some((suspected, since)) if suspected == state => since,
            _ => at,
        };
        self.suspicion = Some((state, since));
        if at - since >= TimeDelta::seconds(seconds.into()) {
            self.tell(state, since);
        }
    }

    fn tell(&mut self, state: Presence, since: DateTime<Utc>) {
        self.suspicion = None;
        if state == Presence::Unknown {
            self.counts.clear();
            self.told.people = None;
        }
        if self.told.state != state {
            self.told.state = state;
            self.told.since = since;
        }
    }
}

fn light_jumped(before: &Luma, now: &Luma) -> bool {
    let cells = before.mean.iter().zip(&now.mean);
    let jumped = cells.filter(|(before, now)| before.abs_diff(**now) > JUMP);
    jumped.count() as f32 > JUMPED * now.mean.len() as f32
}
