//! What a person or a program is.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a person or a program is here. The names are those of the `account` and `token` tables.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema, clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
#[clap(rename_all = "snake_case")]
pub enum Role {
    /// All halls of a county: cases, cards, orders.
    Inspector,
    /// Reads everything.
    Leader,
    /// Top of the ladder.
    Commission,
    /// A unit across halls.
    UnitHead,
    /// The own subtree: acknowledge, answer.
    HallManager,
    /// The own window.
    Clerk,
    /// Halls, cameras, accounts; no cards.
    Sysadmin,
    /// Roles.
    Secadmin,
    /// The audit log; nothing else.
    Auditor,
    /// Somebody to whom no role has been granted yet: the own account, nothing else.
    Unassigned,
    /// A program that sends events.
    Source,
    /// An ingest.
    Edge,
    /// A program that reads.
    Reader,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 13] = [
        Self::Inspector,
        Self::Leader,
        Self::Commission,
        Self::UnitHead,
        Self::HallManager,
        Self::Clerk,
        Self::Sysadmin,
        Self::Secadmin,
        Self::Auditor,
        Self::Unassigned,
        Self::Source,
        Self::Edge,
        Self::Reader,
    ];

    /// As in the database.
    pub fn code(self) -> &'static str {
        match self {
            Self::Inspector => "inspector",
            Self::Leader => "leader",
            Self::Commission => "commission",
            Self::UnitHead => "unit_head",
            Self::HallManager => "hall_manager",
            Self::Clerk => "clerk",
            Self::Sysadmin => "sysadmin",
            Self::Secadmin => "secadmin",
            Self::Auditor => "auditor",
            Self::Unassigned => "unassigned",
            Self::Source => "source",
            Self::Edge => "edge",
            Self::Reader => "reader",
        }
    }

    /// From the database.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.code() == code)
    }

    /// Whether this role belongs to a token rather than to a person.
    pub fn is_machine(self) -> bool {
        matches!(self, Self::Source | Self::Edge | Self::Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_database() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.code()), Some(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.code());
        }
    }
}
