//! Who may come in where: one table, and the one place that enforces it.
//!
//! [`TABLE`] has a row for each route and method: the roles that come in, and what the path is about, so what they must stand
//! over. [`MESSAGES`] has one for each kind of message on a socket. The router is built through [`Routes`], which refuses to
//! mount a route without a row; every request passes the guard, which finds out who calls, checks the row, the CSRF header and
//! (for sockets) the `Origin`, and hands the handler a [`crate::caller::Caller`]. What a caller may *see* is their
//! [`crate::caller::Scope`]; every query takes it. The menu is drawn from the same rows.

mod guard;
mod menu;
mod messages;
pub mod print;
mod role;
mod routes;
mod table;

pub use menu::PAGES;
pub use messages::{
    CAMERA, Hears, LIVE, MESSAGES, Message, Speaker, UPLINK_EVENTS, UPLINK_MEDIA, is_live,
};
pub use role::Role;
pub use routes::Routes;
pub use table::{Access, Row, Subject, TABLE, Verb, row};

#[cfg(test)]
mod tests {
    use axum::http::{Method, Request};

    use super::*;
    use crate::app::App;

    fn app() -> App {
        let db = crate::store::pool("postgres://127.0.0.1:9/none", 1).unwrap();
        App::new(crate::config::Config::default(), db, None)
    }

    #[tokio::test]
    async fn what_stands_in_the_table_is_mounted_and_nothing_else() {
        let routes = crate::api::routes(&app());
        for row in TABLE {
            let mounted = |(method, path): &(Method, String)| {
                Verb::of(method) == Some(row.method) && path == row.path
            };
            assert_eq!(
                routes
                    .mounted()
                    .iter()
                    .filter(|route| mounted(route))
                    .count(),
                1,
                "{:?} {}",
                row.method,
                row.path
            );
        }
        assert_eq!(routes.mounted().len(), TABLE.len());
    }

    #[tokio::test]
    async fn without_an_account_only_public_routes_answer() {
        use tower::ServiceExt;
        let app = app();
        let service = crate::server::service(&app);
        for row in TABLE {
            let path = row
                .path
                .replace("{id}", "1")
                .replace("{no}", "1")
                .replace("{action}", "receive")
                .replace("{file}", "1");
            let request = Request::builder()
                .method(row.method.method())
                .uri(path)
                .body(axum::body::Body::empty())
                .unwrap();
            let status = service.clone().oneshot(request).await.unwrap().status();
            let open = matches!(row.access, Access::Public | Access::Intake);
            assert_eq!(
                status != 401,
                open,
                "{:?} {}: {status}",
                row.method,
                row.path
            );
        }
    }

    #[tokio::test]
    async fn a_foreign_page_opens_no_socket() {
        use tower::ServiceExt;
        let service = crate::server::service(&app());
        for row in TABLE.iter().filter(|row| row.socket) {
            let request = Request::builder()
                .uri(row.path.replace("{id}", "1"))
                .header("host", "console.county.example")
                .header("origin", "https://elsewhere.example")
                .body(axum::body::Body::empty())
                .unwrap();
            assert_eq!(
                service.clone().oneshot(request).await.unwrap().status(),
                403,
                "{}",
                row.path
            );
        }
    }

    #[tokio::test]
    async fn every_operation_has_a_name_of_its_own() {
        let (_, document) = crate::api::routes(&app()).finish();
        let document = serde_json::to_value(document).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let operations = paths
            .values()
            .flat_map(|path| path.as_object().unwrap().values());
        let names: Vec<&str> = operations
            .map(|operation| operation["operationId"].as_str().unwrap())
            .collect();
        let different: std::collections::HashSet<&str> = names.iter().copied().collect();
        assert_eq!(names.len(), different.len(), "{names:?}");
    }
}
