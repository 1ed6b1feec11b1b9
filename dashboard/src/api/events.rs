//! `POST /api/v1/events`: the intake of the ingest inside this process, mounted here.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use tower::ServiceExt;

use crate::app::App;
use crate::problem::Problem;

/// Takes events. The intake checks tokens itself, and spools while the database is away.
pub async fn take(State(app): State<App>, request: Request) -> Response {
    match app.intake() {
        Some(intake) => intake.oneshot(request).await.into_response(),
        None => Problem::unavailable("The console is starting or stopping; send the events again.")
            .into_response(),
    }
}
