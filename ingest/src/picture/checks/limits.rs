//! The numbers of the picture checks.

use serde::Deserialize;

/// `[checks]` of the configuration. What is left out is as in [`Limits::default`], which fits ordinary halls.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// A fault is told when it has lasted so long, in seconds.
    pub confirm_seconds: u32,
    /// It is over when the pictures have been well for so long, in seconds.
    pub clear_seconds: u32,
    /// *Black*: all but the captions are darker than this, 0 to 255 (video black is 16).
    pub black: u8,
    /// *Overexposed*: more than this share of the picture is white, 0 to 1.
    pub white: f32,
    /// *Covered*: more than this share of the usual detail is gone, 0 to 1.
    pub covered: f32,
    /// *Defocused*: less than this share of the usual detail is left, 0 to 1.
    pub sharpness: f32,
    /// *Moved*: the edges lie less well than this where they usually do (correlation, 0 to 1).
    pub in_place: f32,
    /// *Frozen*: two pictures differ by less than this, in steps of brightness. What is known of the camera's own noise moves it.
    pub noise: f32,
    /// A moved view that nobody put right in so many hours is learned as the new one.
    pub accept_view_hours: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            confirm_seconds: 6,
            clear_seconds: 4,
            black: 40,
            white: 0.6,
            covered: 0.4,
            sharpness: 0.5,
            in_place: 0.6,
            noise: 0.35,
            accept_view_hours: 12,
        }
    }
}
