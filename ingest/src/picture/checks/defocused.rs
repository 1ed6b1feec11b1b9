//! The scene is there, and blurred: bright and dark lie where they always do, and the detail is gone.

use super::covered::SAME_LAYOUT;
use super::normal::Compared;

/// Whether less than `sharpness` (0 to 1) of the usual detail is left all over a scene that is otherwise the usual one.
pub fn is_defocused(compared: &Compared, sharpness: f32) -> bool {
    compared.sharpness < sharpness && compared.layout >= SAME_LAYOUT
}
