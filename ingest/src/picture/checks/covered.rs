//! Something hangs before the lens: detail is lost, and what remains is not what was there.

use super::normal::Compared;

/// Bright and dark places that lie this well where they usually do are still the scene.
pub const SAME_LAYOUT: f32 = 0.7;

/// Whether more than `share` (0 to 1) of the usual detail is gone and the scene with it.
pub fn is_covered(compared: &Compared, share: f32) -> bool {
    compared.lost > share && compared.layout < SAME_LAYOUT
}
