//! The camera looks elsewhere than it used to: there is detail, and it lies in other places.

use super::normal::Compared;

/// A picture that lost more of its detail than this is blurred or covered, whatever its edges say.
const DETAILED: f32 = 0.5;

/// Whether the edges of a picture with detail lie less well than `in_place` (correlation, 0 to 1) where they usually do.
pub fn is_moved(compared: &Compared, in_place: f32) -> bool {
    compared.in_place < in_place && compared.sharpness >= DETAILED
}
