//! So bright that little can be told apart: the sun in the lens, a lamp before it, a failed exposure control.

use crate::picture::luma::Luma;

/// From here on video is white (235 is the most that standard video has).
const WHITE: u8 = 225;

/// Whether more than `share` (0 to 1) of the picture is white.
pub fn is_overexposed(luma: &Luma, share: f32) -> bool {
    let white = luma.mean.iter().filter(|cell| **cell >= WHITE).count();
    white as f32 > share * luma.mean.len() as f32
}
