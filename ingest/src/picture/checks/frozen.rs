//! The same picture again and again.
//!
//! A living picture has its sensor's noise everywhere, also of a hall in which nothing stirs; a frozen one differs from the one before
//! by nothing. A clock that a recorder burns in goes on all the same: blocks that change from picture to picture in one place,
//! on one line, say nothing about the rest.

use chrono::{DateTime, Utc};

use super::normal::middle;
use crate::picture::luma::{BLOCKS, COLUMNS, Luma, WIDTH, per_block};

/// A block that differs by more than this, in steps of brightness, has changed and not only been compressed anew.
const CHANGED: f32 = 1.0;

/// A clock has at most so many blocks, in at most so many rows of them.
const CLOCK_BLOCKS: usize = COLUMNS;
const CLOCK_ROWS: usize = 2;

/// Blocks that may change besides: the clock's minute, or a caption that is changed.
const STRAYS: usize = 2;

/// How still the pictures were so far.
#[derive(Clone, Debug, Default)]
pub struct Stillness {
    /// The picture since which they stand still.
    since: Option<DateTime<Utc>>,
    /// Pictures compared since then.
    compared: u32,
    /// How often each block changed since then.
    changes: Vec<u32>,
    /// The noise that this camera's living pictures have; `None` while it is not known.
    noise: Option<f32>,
}

/// How much each block of two pictures differs, in steps of brightness.
pub fn differences(before: &Luma, now: &Luma) -> [f32; BLOCKS] {
    per_block(|x, y| {
        let at = y * WIDTH + x;
        f32::from(before.sample[at].abs_diff(now.sample[at]))
    })
}

impl Stillness {
    /// Sees the `differences` between a picture taken at `before` and the next one, and tells since when the picture stands still.
    /// `noise`: what a living picture has at least, in steps of brightness, where the camera's own noise is not known.
    pub fn see(
        &mut self,
        differences: &[f32; BLOCKS],
        before: DateTime<Utc>,
        noise: f32,
    ) -> Option<DateTime<Utc>> {
        let now = middle(differences.to_vec());
        let limit = self.noise.map_or(noise, |usual| {
            (0.35 * usual).clamp(0.3 * noise, 1.5 * noise)
        });
        if now >= limit {
            let usual = self.noise.get_or_insert(now);
            *usual += (now - *usual).clamp(-0.05, 0.05);
            self.restart(None);
            return None;
        }
        if self.since.is_none() {
            self.restart(Some(before));
        }
        self.compared += 1;
        for (count, difference) in self.changes.iter_mut().zip(differences) {
            *count += u32::from(*difference > CHANGED);
        }
        if self.stirs() {
            // Something but a clock moved: what stands still, if anything does, does so from now on.
            self.restart(None);
            return None;
        }
        self.since
    }

    /// Forgets what it saw, not what it knows of the camera.
    pub fn forget(&mut self) {
        self.restart(None);
    }

    fn restart(&mut self, since: Option<DateTime<Utc>>) {
        self.since = since;
        self.compared = 0;
        self.changes = vec![0; BLOCKS];
    }

    fn stirs(&self) -> bool {
        // A clock changes from picture to picture; nearly, as a second may be longer than the way to the next picture.
        let often = (self.compared * 3).div_ceil(4);
        let changed = |wanted: &dyn Fn(u32) -> bool| {
            let blocks = self.changes.iter().enumerate();
            let found: Vec<usize> = blocks
                .filter(|(_, count)| **count > 0 && wanted(**count))
                .map(|(block, _)| block)
                .collect();
            found
        };
        let clock = changed(&|count| count >= often);
        let strays = changed(&|count| count < often).len();
        let rows = clock.iter().map(|block| block / COLUMNS);
        let (first, last) = (rows.clone().min(), rows.max());
        let high = first.zip(last).map_or(0, |(first, last)| last - first + 1);
        strays > STRAYS || clock.len() > CLOCK_BLOCKS || high > CLOCK_ROWS
    }
}
