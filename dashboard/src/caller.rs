//! Who calls, and how far they see.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use chrono::{DateTime, Utc};

use crate::auth::Stage;
use crate::policy::Role;
use crate::problem::Problem;

/// A subtree of halls, narrowed to one unit for its head and to one window for its clerk. Every query takes one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scope {
    /// Code of the topmost hall.
    pub hall: String,
    /// Only this unit.
    pub unit: Option<String>,
    /// Only this window of `hall`.
    pub window: Option<String>,
}

/// Person or program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// A signed-in account.
    Account {
        /// Row of `account`.
        id: i64,
        /// Login.
        login: String,
        /// Name for the record.
        name: String,
        /// SHA-256 of the session cookie.
        session: Vec<u8>,
        /// When the session ends at the latest.
        expires: DateTime<Utc>,
        /// How far the session has come; `open` for all but the routes that lead in.
        stage: Stage,
        /// What the page must send back.
        csrf: String,
    },
    /// A bearer token.
    Token {
        /// Row of `token`; `None` for the console's own ingest, which has none.
        id: Option<i64>,
        /// Its name.
        name: String,
    },
}

/// Whoever sends this request. Handlers take it as an argument; [`crate::policy`] has put it there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Person or program.
    pub who: Who,
    /// What it is.
    pub role: Role,
    /// How far it sees.
    pub scope: Scope,
}

impl Caller {
    /// The account's row, if a person calls.
    pub fn account(&self) -> Option<i64> {
        match &self.who {
            Who::Account { id, .. } => Some(*id),
            Who::Token { .. } => None,
        }
    }

    /// Name for the record.
    pub fn name(&self) -> &str {
        match &self.who {
            Who::Account { name, .. } | Who::Token { name, .. } => name,
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(Problem::unauthenticated)
    }
}
