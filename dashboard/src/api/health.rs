//! For those who run the console: is it up, is it ready, how is it doing.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::app::{App, Ready};
use crate::problem::Problem;

/// 200 while the process runs.
pub async fn live() -> Response {
    (StatusCode::OK, axum::Json(json!({"status": "ok"}))).into_response()
}

/// 200 when the database answers and the deadlines are loaded; else 503 with what is missing.
pub async fn ready(State(app): State<App>) -> Response {
    if let Ready::Waiting(missing) = app.ready() {
        return Problem::unavailable(missing).into_response();
    }
    match sqlx::query("SELECT 1").execute(app.db()).await {
        Ok(_) => (StatusCode::OK, axum::Json(json!({"status": "ready"}))).into_response(),
        Err(error) => Problem::from(error).into_response(),
    }
}

/// Prometheus text.
pub async fn metrics(State(app): State<App>) -> Response {
    match app.metrics() {
        Some(metrics) => (
            [(
                header::CONTENT_TYPE,
                "text/plain; version=0.0.4; charset=utf-8",
            )],
            metrics.render(),
        )
            .into_response(),
        None => Problem::not_found("recorder of metrics in this process").into_response(),
    }
}

/// The OpenAPI document.
pub async fn openapi(State(app): State<App>) -> Response {
    let document = app.openapi().get().cloned().unwrap_or_default();
    (
        [
            (header::CONTENT_TYPE, "application/json"),
            (header::CACHE_CONTROL, "no-cache"),
        ],
        document,
    )
        .into_response()
}
