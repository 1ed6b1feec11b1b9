//! Whether somebody is in a region, without knowing what people look like: from what stirs there, and from what looks otherwise
//! than when nothing did.

use chrono::{DateTime, TimeDelta, Utc};

use crate::picture::luma::Luma;

/// A cell that differs by more than this from the picture before stirs, in steps of brightness.
const STIRS: f32 = 10.0;

/// A region in which a larger share of the cells stirs is not at rest.
const AT_REST: f32 = 0.01;

/// A region in which a larger share of the cells stirs has somebody in it, whatever it looks like at rest.
const BUSY: f32 = 0.03;

/// A cell that differs by more than this from the region at rest looks otherwise, in steps of brightness.
const OTHERWISE: f32 = 18.0;

/// A region that looks otherwise in a larger share of its cells has something in it.
const OCCUPIED: f32 = 0.10;

/// How fast a region that is empty follows the light, a picture.
const FOLLOWS: f32 = 0.05;

/// One region.
#[derive(Clone, Debug)]
pub struct Background {
    cells: Vec<usize>,
    /// The region at rest; `None` while it is not known.
    usual: Option<Vec<f32>>,
    before: Option<Vec<f32>>,
    /// Since when nothing stirs.
    rests_since: Option<DateTime<Utc>>,
    /// How much stirred in the last pictures, the newest last.
    stirred: [f32; 4],
}

impl Background {
    /// Of a region of which nothing is known.
    pub fn new(cells: Vec<usize>) -> Self {
        Self {
            cells,
            usual: None,
            before: None,
            rests_since: None,
            stirred: [0.0; 4],
        }
    }

    /// Looks at the next picture, taken at `at`, which is brighter than usual by `light`. `None`: it cannot be told, because how
    /// the region looks at rest is not known yet. It is known after a time of `learn` without anything stirring. Something that
    /// has not stirred for `absorb` belongs to the region: nobody sits so still.
    pub fn see(
        &mut self,
        luma: &Luma,
        light: f32,
        at: DateTime<Utc>,
        learn: TimeDelta,
        absorb: TimeDelta,
    ) -> Option<bool> {
        let now: Vec<f32> = self
            .cells
            .iter()
            .map(|cell| f32::from(luma.mean[*cell]) - light)
            .collect();
        let stirs = self
            .before
            .as_ref()
            .map_or(0.0, |before| share_apart(before, &now, STIRS));
        self.stirred.rotate_left(1);
        self.stirred[3] = stirs;
        let rests_since = match self.rests_since {
            Some(since) if stirs <= AT_REST => since,
            _ => at,
        };
        self.rests_since = Some(rests_since);
        let rests = at - rests_since;
        let occupied = match &mut self.usual {
            None if rests >= learn && self.before.is_some() => {
                self.usual = Some(now.clone());
                Some(false)
            }
            None => {
                let busy = self.stirred.iter().filter(|share| **share > BUSY).count();
                (busy >= 3).then_some(true)
            }
            Some(usual) => {
                let occupied = share_apart(usual, &now, OTHERWISE) > OCCUPIED;
                if occupied && rests >= absorb {
                    usual.clone_from(&now);
                } else if !occupied && stirs <= AT_REST {
                    for (usual, now) in usual.iter_mut().zip(&now) {
                        *usual += (now - *usual) * FOLLOWS;
                    }
                }
                Some(occupied)
            }
        };
        self.before = Some(now);
        occupied
    }

    /// Forgets how the region looks: the light is another.
    pub fn forget(&mut self) {
        *self = Self::new(std::mem::take(&mut self.cells));
    }
}

/// Share of the cells that differ by more than `apart`.
fn share_apart(a: &[f32], b: &[f32], apart: f32) -> f32 {
    let differ = a.iter().zip(b).filter(|(a, b)| (*a - *b).abs() > apart);
    differ.count() as f32 / a.len().max(1) as f32
}
