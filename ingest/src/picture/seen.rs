//! What a camera's pictures say, in words that travel with its health.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What is wrong with a picture that arrives as it should. The codes (snake case) are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PictureFaultKind {
    /// The same picture again and again; a burnt-in clock may go on.
    Frozen,
    /// Nothing but black.
    Black,
    /// So bright that little can be told apart.
    Overexposed,
    /// Something hangs before the lens.
    Covered,
    /// The scene is there, and blurred.
    Defocused,
    /// The camera looks elsewhere than it used to.
    Moved,
}

impl PictureFaultKind {
    /// All there are.
    pub const ALL: [Self; 6] = [
        Self::Frozen,
        Self::Black,
        Self::Overexposed,
        Self::Covered,
        Self::Defocused,
        Self::Moved,
    ];

    /// The stable code, as in JSON.
    pub fn code(self) -> &'static str {
        match self {
            Self::Frozen => "frozen",
            Self::Black => "black",
            Self::Overexposed => "overexposed",
            Self::Covered => "covered",
            Self::Defocused => "defocused",
            Self::Moved => "moved",
        }
    }
}

/// A fault that a camera's pictures have now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureFault {
    /// What is wrong.
    pub kind: PictureFaultKind,
    /// When the first picture was taken that had it.
    pub since: DateTime<Utc>,
}

/// Whether somebody sits at a window. The codes (snake case) are stable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Somebody is at the staff's seat.
    Staffed,
    /// Nobody is.
    Empty,
    /// It cannot be told: the view is still being learned, the picture is faulty, the light jumped, or none comes.
    #[default]
    Unknown,
}

impl Presence {
    /// The stable code, as in JSON.
    pub fn code(self) -> &'static str {
        match self {
            Self::Staffed => "staffed",
            Self::Empty => "empty",
            Self::Unknown => "unknown",
        }
    }
}

/// What a camera sees of one window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowPresence {
    /// Number of the window in its hall.
    pub window: String,
    /// Whether it is staffed.
    pub state: Presence,
    /// When the first picture was taken that showed it so.
    pub since: DateTime<Utc>,
    /// People in the waiting region of the window; `None`: it has none, or nobody can count them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub people: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_the_json_name() {
        for kind in PictureFaultKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.code());
        }
        for state in [Presence::Staffed, Presence::Empty, Presence::Unknown] {
            assert_eq!(serde_json::to_value(state).unwrap(), state.code());
        }
    }
}
