//! What can be wrong with a profile.

/// The most `[[scope]]` tables in a profile; which of them fit a case is kept as a bit each.
pub const MAX_SCOPES: usize = 64;

/// What is wrong with a profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// A key or value, with its line.
    #[error("{0}")]
    Toml(String),
    /// More overrides than are taken.
    #[error("{0} scopes are too many: at most {max}", max = MAX_SCOPES)]
    TooManyScopes(usize),
    /// An override that names nothing.
    #[error("scope {0} names none of level, hall, unit and item: put it into the rules themselves")]
    EmptyScope(usize),
    /// Numbers of the score's formula that do not hold together.
    #[error("[score]: {0}")]
    Formula(String),
}
