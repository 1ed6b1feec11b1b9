//! The HTTP server: routes, pages, the layers around them, and its end.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use tower_http::limit::RequestBodyLimitLayer;

use crate::app::App;
use crate::problem::Problem;
use crate::{api, pages};

/// Largest body of a request; the event intake has its own.
const MAX_BODY: usize = 6 << 20;
/// Time that requests in flight get when the console stops.
pub const GRACE: Duration = Duration::from_secs(5);

/// The console's service: interface, pages, headers, compression.
pub fn service(app: &App) -> Router {
    // Pictures and video are compressed already; sockets never are.
    let compressible = SizeAbove::new(1024)
        .and(NotForContentType::IMAGES)
        .and(NotForContentType::const_new("video/"));
    api::router(app)
        .with_state(app.clone())
        .fallback(pages::serve)
        .method_not_allowed_fallback(async || Problem::method())
        .layer(CatchPanicLayer::custom(panicked))
        .layer(RequestBodyLimitLayer::new(MAX_BODY))
        .layer(CompressionLayer::new().compress_when(compressible))
        .layer(middleware::map_response(pages::secure))
        .layer(middleware::from_fn(count))
}

fn panicked(cause: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let words = cause
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| cause.downcast_ref::<&str>().copied());
    Problem::internal(words.unwrap_or("a handler panicked")).into_response()
}

/// Counts requests by route and status, and times them.
async fn count(request: axum::extract::Request, next: middleware::Next) -> Response {
    let begun = std::time::Instant::now();
    let method = request.method().as_str().to_owned();
    let response = next.run(request).await;
    let status = response.status().as_u16().to_string();
    metrics::counter!("mingjing_http_requests_total", "method" => method, "status" => status)
        .increment(1);
    metrics::histogram!("mingjing_http_seconds").record(begun.elapsed().as_secs_f64());
    response
}

/// Serves until [`App::stopping`], then gives what is in flight [`GRACE`].
///
/// # Errors
/// When the listener fails.
pub async fn run(app: App, listener: TcpListener) -> std::io::Result<()> {
    let service = service(&app).into_make_service_with_connect_info::<SocketAddr>();
    let stopping = app.stopping().clone();
    let serving = axum::serve(listener, service)
        .with_graceful_shutdown(stopping.clone().cancelled_owned())
        .into_future();
    tokio::select! {
        done = serving => done,
        () = async { stopping.cancelled().await; tokio::time::sleep(GRACE).await } => {
            tracing::warn!("some connections did not end in time and are cut");
            Ok(())
        }
    }
}
