//! What a camera usually shows, learned from its own pictures.

use serde::{Deserialize, Serialize};

use crate::picture::luma::{BLOCKS, HEIGHT, Luma, WIDTH, per_block};

/// As many pictures are seen before anything is compared with what is usual.
pub const LEARNING: u32 = 4;

/// While so many pictures are seen, each moves what is usual far; after that, little.
const QUICK: u32 = 40;

/// A block has texture when it has as much as this, in steps of brightness from cell to cell, and half of what the middle one has.
const TEXTURED: f32 = 1.5;

/// Edges stronger than this count no more: one bright line must not outweigh a room.
const STRONG: f32 = 40.0;

/// Side of a cell of the edges, in cells of the picture.
const COARSE: usize = 2;
const EDGES_WIDE: usize = WIDTH / COARSE;
const EDGES_HIGH: usize = HEIGHT / COARSE;

/// The learned view. People who come and go do not stay in it: every cell moves by a small step towards what is seen, however
/// far that is, so that it ends where the cell is most of the time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Normal {
    view: Vec<f32>,
    texture: Vec<f32>,
    edges: Vec<f32>,
    seen: u32,
}

/// A picture beside what is usual.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compared {
    /// Share of the blocks with texture that lost most of it, 0 to 1.
    pub lost: f32,
    /// Texture over what is usual, of the middle block: 1 as always.
    pub sharpness: f32,
    /// How well bright and dark places lie where they usually do (correlation of the blocks), -1 to 1.
    pub layout: f32,
    /// How well the edges lie where they usually do (correlation), -1 to 1.
    pub in_place: f32,
}

impl Normal {
    /// Begins with a picture.
    pub fn new(first: &Luma) -> Self {
        let view: Vec<f32> = first.mean.iter().map(|cell| f32::from(*cell)).collect();
        Self {
            edges: edges(&view),
            view,
            texture: first.texture().to_vec(),
            seen: 1,
        }
    }

    /// Whether it is of the size that pictures have now: what was kept may come from another version.
    pub fn is_whole(&self) -> bool {
        self.view.len() == WIDTH * HEIGHT
            && self.texture.len() == BLOCKS
            && self.edges.len() == EDGES_WIDE * EDGES_HIGH
    }

    /// Whether it moves only slowly any more.
    pub fn is_learned(&self) -> bool {
        self.seen > QUICK
    }

    /// Learns from a picture that has no fault.
    pub fn learn(&mut self, luma: &Luma) {
        self.seen = self.seen.saturating_add(1);
        // The first pictures are averaged; after that a cell moves by so many steps of brightness a picture.
        let step = if self.seen <= QUICK { 3.0 } else { 0.05 };
        let share = 1.0 / self.seen.min(QUICK) as f32;
        for (usual, cell) in self.view.iter_mut().zip(&luma.mean) {
            let off = f32::from(*cell) - *usual;
            *usual += if self.seen <= LEARNING {
                off * share
            } else {
                off.clamp(-step, step)
            };
        }
        for (usual, now) in self.texture.iter_mut().zip(luma.texture()) {
            *usual += (now - *usual) * share;
        }
        self.edges = edges(&self.view);
    }

    /// Compares; `None` while too little is known, or where the scene has too little in it to compare.
    pub fn compare(&self, luma: &Luma) -> Option<Compared> {
        if self.seen < LEARNING {
            return None;
        }
        let enough = TEXTURED.max(0.5 * middle(self.texture.clone()));
        let now = luma.texture();
        let ratios: Vec<f32> = self
            .texture
            .iter()
            .zip(now)
            .filter(|(usual, _)| **usual >= enough)
            .map(|(usual, now)| now / usual)
            .collect();
        if ratios.len() < BLOCKS / 8 {
            return None;
        }
        let lost = ratios.iter().filter(|ratio| **ratio < 0.4).count() as f32 / ratios.len() as f32;
        let view = &self.view;
        let usual = per_block(|x, y| view[y * WIDTH + x]);
        let cells: Vec<f32> = luma.mean.iter().map(|cell| f32::from(*cell)).collect();
        Some(Compared {
            lost,
            sharpness: middle(ratios),
            layout: correlation(&usual, &luma.block_means()),
            in_place: correlation(&self.edges, &edges(&cells)),
        })
    }
}

/// The middle one; 0 of none.
pub fn middle(mut values: Vec<f32>) -> f32 {
    let half = values.len() / 2;
    if values.is_empty() {
        return 0.0;
    }
    *values.select_nth_unstable_by(half, f32::total_cmp).1
}

/// Strength of the edges, coarsely, so that a hair's breadth does not matter.
fn edges(cells: &[f32]) -> Vec<f32> {
    let mut coarse = [0.0; EDGES_WIDE * EDGES_HIGH];
    for (y, row) in cells.chunks_exact(WIDTH).enumerate() {
        for (x, cell) in row.iter().enumerate() {
            coarse[y / COARSE * EDGES_WIDE + x / COARSE] += cell / (COARSE * COARSE) as f32;
        }
    }
    let mut edges = vec![0.0; coarse.len()];
    for y in 1..EDGES_HIGH - 1 {
        for x in 1..EDGES_WIDE - 1 {
            let at = y * EDGES_WIDE + x;
            let across = coarse[at + 1] - coarse[at - 1];
            let down = coarse[at + EDGES_WIDE] - coarse[at - EDGES_WIDE];
            edges[at] = (across.abs() + down.abs()).min(STRONG);
        }
    }
    edges
}

/// Pearson's correlation; 0 where one of the two has no variation.
fn correlation(a: &[f32], b: &[f32]) -> f32 {
    let count = a.len().max(1) as f32;
    let mean = |values: &[f32]| values.iter().sum::<f32>() / count;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut both, mut of_a, mut of_b) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (a - mean_a, b - mean_b);
        both += a * b;
        of_a += a * a;
        of_b += b * b;
    }
    let scale = (of_a * of_b).sqrt();
    if scale < 1e-3 { 0.0 } else { both / scale }
}
