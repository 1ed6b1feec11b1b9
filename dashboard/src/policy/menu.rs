//! The menu: a page stands in it for whoever may read what it shows first.

use axum::http::Method;

use super::{Role, row};

/// Pages in the order of the left rail, each with the route that it cannot do without.
pub const PAGES: &[(&str, &str)] = &[
    ("monitoring", "/api/v1/overview"),
    ("cases", "/api/v1/cases"),
    ("cards", "/api/v1/cards"),
    ("orders", "/api/v1/orders"),
    ("inbox", "/api/v1/inbox"),
    ("video", "/api/v1/cameras"),
    ("presence", "/api/v1/absences"),
    ("duty", "/api/v1/handovers"),
    ("performance", "/api/v1/rankings"),
    ("statistics", "/api/v1/statistics/{name}"),
    ("bulletins", "/api/v1/bulletins"),
    ("profiles", "/api/v1/profiles"),
    ("calendar", "/api/v1/calendar"),
    ("cameras", "/api/v1/camera-settings"),
    ("maintenance", "/api/v1/maintenance"),
    ("accounts", "/api/v1/accounts"),
    ("tokens", "/api/v1/tokens"),
    ("channels", "/api/v1/deliveries"),
    ("audit", "/api/v1/audit"),
];

impl Role {
    /// Which pages the left rail shows. Programs have none.
    pub fn menu(self) -> Vec<&'static str> {
        let shown = |(_, path): &&(&str, &str)| {
            !self.is_machine() && row(&Method::GET, path).is_some_and(|row| row.access.admits(self))
        };
        PAGES.iter().filter(shown).map(|(page, _)| *page).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_has_its_route_in_the_table() {
        for (page, path) in PAGES {
            assert!(row(&Method::GET, path).is_some(), "{page}");
        }
    }

    #[test]
    fn administrators_find_no_cases_in_their_menu() {
        assert_eq!(
            Role::Sysadmin.menu(),
            [
                "video",
                "calendar",
                "cameras",
                "maintenance",
                "accounts",
                "tokens",
                "channels"
            ]
        );
        assert_eq!(Role::Secadmin.menu(), ["accounts", "tokens"]);
        assert_eq!(Role::Auditor.menu(), ["audit"]);
        assert!(Role::Unassigned.menu().is_empty());
        assert!(Role::Reader.menu().is_empty());
        assert_eq!(Role::Inspector.menu().len(), 15);
    }
}
