//! What can be wrong with a profile.

/// The most `[[scope]]` tables in a profile; which of them fit a case is kept as a bit each.
pub const MAX_SCOPES: usize = 64;

/// What is wrong with a profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// A key or value; shown with its line.
    #[error("{shown}")]
    Toml {
        /// Its line, from 1, where it is known.
        line: Option<usize>,
        /// What is wrong.
        what: String,
        /// The same with the line and what stands there.
        shown: String,
    },
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

impl ProfileError {
    /// What the TOML reader says of `text`.
    pub(super) fn toml(text: &str, error: &toml::de::Error) -> Self {
        let before = |at: usize| text.as_bytes().iter().take(at);
        let line = |at| before(at).filter(|&&byte| byte == b'\n').count() + 1;
        Self::Toml {
            line: error.span().map(|span| line(span.start)),
            what: error.message().to_owned(),
            shown: error.to_string().trim_end().to_owned(),
        }
    }
}
