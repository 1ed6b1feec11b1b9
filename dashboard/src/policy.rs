//! Who may come in where: one table of route × role, and the one place that enforces it.
//!
//! The router is built through [`Routes`], which refuses to mount a route that has no row here. Every request passes
//! [`guard`]: it finds out who calls, checks the row, the CSRF header and (for sockets) the `Origin`, and hands the handler a
//! [`Caller`]. What a caller may *see* is their [`crate::caller::Scope`]; every query takes it.

use axum::Router;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use crate::app::App;
use crate::auth;
use crate::caller::Caller;
use crate::problem::Problem;

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
    /// A program that sends events.
    Source,
    /// An ingest.
    Edge,
    /// A program that reads.
    Reader,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 12] = [
        Self::Inspector,
        Self::Leader,
        Self::Commission,
        Self::UnitHead,
        Self::HallManager,
        Self::Clerk,
        Self::Sysadmin,
        Self::Secadmin,
        Self::Auditor,
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

    /// Which of the nine functions the left rail shows.
    pub fn menu(self) -> &'static [&'static str] {
        match self {
            Self::Inspector
            | Self::Leader
            | Self::Commission
            | Self::UnitHead
            | Self::HallManager => &["monitoring", "cases", "cards", "video", "performance"],
            Self::Sysadmin => &["video"],
            _ => &[],
        }
    }
}

/// Who may use a route.
#[derive(Debug, Clone, Copy)]
pub enum Access {
    /// Everybody, without an account.
    Public,
    /// Any person who is signed in.
    Account,
    /// These roles.
    Roles(&'static [Role]),
    /// These roles, and whoever sits on the console's own machine.
    LoopbackOr(&'static [Role]),
    /// The event intake checks source tokens itself, by hashes that it was handed: it must work while the database is away.
    Intake,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// HTTP method.
    pub method: Verb,
    /// Path as mounted.
    pub path: &'static str,
    /// Who may.
    pub access: Access,
    /// A WebSocket: the `Origin` must be our own.
    pub socket: bool,
}

/// The methods that the table knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// GET and HEAD.
    Get,
    /// POST.
    Post,
    /// DELETE.
    Delete,
}

impl Verb {
    fn of(method: &Method) -> Option<Self> {
        match *method {
            Method::GET | Method::HEAD => Some(Self::Get),
            Method::POST => Some(Self::Post),
            Method::DELETE => Some(Self::Delete),
            _ => None,
        }
    }
}

const fn get(path: &'static str, access: Access) -> Row {
    Row {
        method: Verb::Get,
        path,
        access,
        socket: false,
    }
}

const fn post(path: &'static str, access: Access) -> Row {
    Row {
        method: Verb::Post,
        path,
        access,
        socket: false,
    }
}

const fn delete(path: &'static str, access: Access) -> Row {
    Row {
        method: Verb::Delete,
        path,
        access,
        socket: false,
    }
}

const fn socket(path: &'static str, access: Access) -> Row {
    Row {
        method: Verb::Get,
        path,
        access,
        socket: true,
    }
}

use Role::{Commission, Edge, HallManager, Inspector, Leader, Reader, Sysadmin, UnitHead};

/// Who sees cases and cards.
const SUPERVISORS: Access =
    Access::Roles(&[Inspector, Leader, Commission, UnitHead, HallManager, Reader]);
/// Who sees the live console.
const WATCHERS: Access = Access::Roles(&[
    Inspector,
    Leader,
    Commission,
    UnitHead,
    HallManager,
    Sysadmin,
    Reader,
]);
/// Who acts on cards; which action which role has is the table of transitions in `alerts`.
const ACTORS: Access = Access::Roles(&[Inspector, Commission, UnitHead, HallManager]);
/// Who looks through cameras.
const VIEWERS: Access = Access::Roles(&[
    Inspector,
    Leader,
    Commission,
    UnitHead,
    HallManager,
    Sysadmin,
]);
/// Ingests.
const EDGES: Access = Access::Roles(&[Edge]);

/// The table. A route that is not here cannot be mounted.
pub const TABLE: &[Row] = &[
    get("/health/live", Access::Public),
    get("/health/ready", Access::Public),
    get("/metrics", Access::LoopbackOr(&[Reader, Sysadmin])),
    get("/api/openapi.json", Access::Public),
    post("/api/v1/session", Access::Public),
    get("/api/v1/session", Access::Account),
    delete("/api/v1/session", Access::Account),
    get(
        "/api/v1/halls",
        Access::Roles(&[
            Inspector,
            Leader,
            Commission,
            UnitHead,
            HallManager,
            Role::Clerk,
            Sysadmin,
            Reader,
        ]),
    ),
    get(
        "/api/v1/items",
        Access::Roles(&[
            Inspector,
            Leader,
            Commission,
            UnitHead,
            HallManager,
            Role::Clerk,
            Sysadmin,
            Reader,
        ]),
    ),
    get("/api/v1/search", SUPERVISORS),
    get("/api/v1/overview", SUPERVISORS),
    get("/api/v1/matrix", SUPERVISORS),
    get("/api/v1/sources", WATCHERS),
    get("/api/v1/rankings", SUPERVISORS),
    get("/api/v1/metrics", WATCHERS),
    get("/api/v1/cases", SUPERVISORS),
    get("/api/v1/cases/{no}", SUPERVISORS),
    get("/api/v1/cards", SUPERVISORS),
    get("/api/v1/cards/{id}", SUPERVISORS),
    post("/api/v1/cards/receive", ACTORS),
    post("/api/v1/cards/{id}/{action}", ACTORS),
    get("/api/v1/cameras", VIEWERS),
    get("/api/v1/cameras/{id}", VIEWERS),
    get("/api/v1/cameras/{id}/thumbnail.jpg", VIEWERS),
    get("/api/v1/cameras/{id}/snapshot.jpg", VIEWERS),
    socket("/api/v1/cameras/{id}/live", VIEWERS),
    socket("/api/v1/live", WATCHERS),
    post("/api/v1/events", Access::Intake),
    socket("/uplink/v1/events", EDGES),
    socket("/uplink/v1/media", EDGES),
];

/// The row of a route.
pub fn row(method: &Method, path: &str) -> Option<&'static Row> {
    let method = Verb::of(method)?;
    TABLE
        .iter()
        .find(|row| row.method == method && row.path == path)
}

impl Access {
    /// Whether `role` may.
    pub fn admits(self, role: Role) -> bool {
        match self {
            Self::Public | Self::Intake => true,
            Self::Account => !role.is_machine(),
            Self::Roles(roles) | Self::LoopbackOr(roles) => roles.contains(&role),
        }
    }
}

/// The router under construction: nothing gets in without a row.
pub struct Routes {
    app: App,
    router: OpenApiRouter<App>,
    /// Method and path of what was mounted, for the test that walks the table.
    mounted: Vec<(Method, String)>,
}

impl Routes {
    /// An empty router whose document starts as `api`.
    pub fn new(app: App, api: utoipa::openapi::OpenApi) -> Self {
        Self {
            app,
            router: OpenApiRouter::with_openapi(api),
            mounted: Vec::new(),
        }
    }

    /// Mounts documented handlers (`routes!(…)`).
    ///
    /// # Panics
    /// When a route has no row in [`TABLE`]: a programming error, found by the first test that builds the router.
    #[must_use]
    pub fn api(mut self, (schemas, paths, methods): UtoipaMethodRouter<App>) -> Self {
        for (path, item) in &paths.paths {
            let documented = [
                (Method::GET, &item.get),
                (Method::POST, &item.post),
                (Method::DELETE, &item.delete),
                (Method::PUT, &item.put),
                (Method::PATCH, &item.patch),
            ];
            for (method, _) in documented
                .into_iter()
                .filter(|(_, operation)| operation.is_some())
            {
                self.check(&method, path);
            }
        }
        let guarded = methods.layer(middleware::from_fn_with_state(self.app.clone(), guard));
        self.router = self.router.routes((schemas, paths, guarded));
        self
    }

    /// Mounts a route that is not in the document (sockets, health).
    ///
    /// # Panics
    /// As [`Self::api`].
    #[must_use]
    pub fn raw(mut self, method: Method, path: &str, methods: MethodRouter<App>) -> Self {
        self.check(&method, path);
        let guarded = methods.layer(middleware::from_fn_with_state(self.app.clone(), guard));
        self.router = self.router.route(path, guarded);
        self
    }

    fn check(&mut self, method: &Method, path: &str) {
        assert!(
            row(method, path).is_some(),
            "{method} {path} has no row in policy::TABLE"
        );
        self.mounted.push((method.clone(), path.to_owned()));
    }

    /// What was mounted.
    pub fn mounted(&self) -> &[(Method, String)] {
        &self.mounted
    }

    /// The router and its document.
    pub fn finish(self) -> (Router<App>, utoipa::openapi::OpenApi) {
        self.router.split_for_parts()
    }
}

/// Lets a request through to its handler, or not.
async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let path = parts
        .extensions
        .get::<MatchedPath>()
        .map(|path| path.as_str().to_owned());
    let Some(row) = path.as_deref().and_then(|path| row(&parts.method, path)) else {
        return Problem::method().into_response();
    };
    if row.socket && !own_origin(&parts.headers) {
        return Problem::forbidden("This socket may only be opened from the console's own pages.")
            .into_response();
    }
    match admit(&app, row, &parts).await {
        Ok(caller) => {
            if let Some(caller) = caller {
                parts.extensions.insert(caller);
            }
            next.run(Request::from_parts(parts, body)).await
        }
        Err(problem) => problem.into_response(),
    }
}

async fn admit(app: &App, row: &Row, parts: &Parts) -> Result<Option<Caller>, Problem> {
    match row.access {
        Access::Public | Access::Intake => return Ok(None),
        Access::LoopbackOr(_) if from_loopback(parts) => return Ok(None),
        _ => {}
    }
    let caller = auth::identify(app, &parts.headers).await?;
    if !row.access.admits(caller.role) {
        return Err(Problem::forbidden("Your role may not do this."));
    }
    if row.method != Verb::Get {
        auth::check_csrf(&caller, &parts.headers)?;
    }
    Ok(Some(caller))
}

/// A browser sends `Origin` with every socket; it must be the host that it was told to connect to. Programs send none.
fn own_origin(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let origin = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.split_once("://"))
        .map(|(_, host)| host);
    origin.is_some() && origin == host
}

/// Whether the request comes from this machine, and not through a proxy on it.
fn from_loopback(parts: &Parts) -> bool {
    let peer = parts.extensions.get::<ConnectInfo<std::net::SocketAddr>>();
    let forwarded =
        parts.headers.contains_key("x-forwarded-for") || parts.headers.contains_key("forwarded");
    peer.is_some_and(|peer| peer.0.ip().is_loopback()) && !forwarded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_route_has_two_rows() {
        for (i, a) in TABLE.iter().enumerate() {
            for b in &TABLE[i + 1..] {
                assert!(
                    a.method != b.method || a.path != b.path,
                    "{} stands twice",
                    a.path
                );
            }
        }
    }

    #[test]
    fn machines_and_separated_administrators_see_no_cases() {
        for row in TABLE
            .iter()
            .filter(|row| row.path.contains("/cases") || row.path.contains("/cards"))
        {
            for role in [
                Role::Source,
                Role::Edge,
                Role::Sysadmin,
                Role::Secadmin,
                Role::Auditor,
                Role::Clerk,
            ] {
                assert!(!row.access.admits(role), "{role:?} gets into {}", row.path);
            }
        }
    }

    #[test]
    fn leaders_and_readers_change_nothing() {
        for row in TABLE
            .iter()
            .filter(|row| row.method != Verb::Get && matches!(row.access, Access::Roles(_)))
        {
            assert!(!row.access.admits(Role::Leader), "{}", row.path);
            assert!(!row.access.admits(Role::Reader), "{}", row.path);
        }
    }

    #[test]
    fn names_are_those_of_the_database() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.code()), Some(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.code());
        }
    }

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
            let method = match row.method {
                Verb::Get => Method::GET,
                Verb::Post => Method::POST,
                Verb::Delete => Method::DELETE,
            };
            let path = row
                .path
                .replace("{id}", "1")
                .replace("{no}", "1")
                .replace("{action}", "receive");
            let request = Request::builder()
                .method(method)
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
