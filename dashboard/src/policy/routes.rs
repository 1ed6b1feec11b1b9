//! The router under construction.

use axum::Router;
use axum::http::Method;
use axum::middleware;
use axum::routing::MethodRouter;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::guard::guard;
use super::row;
use crate::app::App;

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
