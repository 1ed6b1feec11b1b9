//! Nothing but black: the light is off, the lens is capped, the sensor is dead.

use crate::picture::luma::Luma;

/// Share of the cells that may be bright all the same: a burnt-in clock and title.
const CAPTIONS: f32 = 0.06;

/// Whether all cells but the captions are darker than `level` (0 to 255; video black is 16).
pub fn is_black(luma: &Luma, level: u8) -> bool {
    let bright = luma.mean.iter().filter(|cell| **cell > level).count();
    bright as f32 <= CAPTIONS * luma.mean.len() as f32
}
