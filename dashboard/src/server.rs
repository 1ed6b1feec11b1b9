//! The HTTP server: routes, pages, the layers around them, and its end.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};

use crate::app::App;
use crate::problem::Problem;
use crate::transport::listener::{self, Door, Patience, Places};
use crate::transport::tls::Certificates;
use crate::transport::{body, client, headers, path, rate};
use crate::{api, audit, pages};

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
        .layer(middleware::from_fn(body::bounded))
        .layer(middleware::from_fn(path::plain))
        .layer(CompressionLayer::new().compress_when(compressible))
        .layer(middleware::from_fn_with_state(
            app.clone(),
            rate::by_address,
        ))
        .layer(middleware::from_fn(headers::secure))
        .layer(middleware::from_fn(count))
        .layer(middleware::from_fn_with_state(app.clone(), client::note))
        .layer(middleware::from_fn_with_state(
            app.clone(),
            audit::at_the_door,
        ))
}

fn panicked(cause: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let words = cause
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| cause.downcast_ref::<&str>().copied());
    Problem::internal(words.unwrap_or("a handler panicked")).into_response()
}

/// Counts requests by route and status, and times them.
async fn count(request: Request, next: middleware::Next) -> Response {
    let begun = std::time::Instant::now();
    let method = request.method().as_str().to_owned();
    let response = next.run(request).await;
    let status = response.status().as_u16().to_string();
    metrics::counter!("mingjing_http_requests_total", "method" => method, "status" => status)
        .increment(1);
    metrics::histogram!("mingjing_http_seconds").record(begun.elapsed().as_secs_f64());
    response
}

/// Where the console is reached from outside.
#[derive(Debug)]
pub struct Front {
    /// Its address.
    pub listener: TcpListener,
    /// HTTPS, or plain HTTP.
    pub certificates: Option<Arc<Certificates>>,
    /// How long the other side may take.
    pub patience: Patience,
}

/// Serves until [`App::stopping`], then gives what is in flight [`GRACE`].
pub async fn run(app: App, front: Front) {
    let settings = app.config();
    let door = Door {
        tls: front.certificates.as_ref().map(Certificates::acceptor),
        places: Places::new(
            settings.limits.connections,
            settings.limits.connections_per_address,
            app.proxies().clone(),
        ),
        patience: front.patience,
        tell: audit::of_connections(app.clone()),
    };
    if let Some(certificates) = front.certificates {
        tokio::spawn(certificates.follow(app.stopping().clone()));
    }
    until_stopped(
        &app,
        listener::serve(front.listener, door, service(&app), app.stopping().clone()),
    )
    .await;
}

/// Serves the uplink alone, on loopback and in plain text: for the ingest inside a console that speaks TLS to everybody else.
pub async fn run_uplink(app: App, listener: TcpListener) {
    let door = Door {
        tls: None,
        places: Places::new(0, 0, app.proxies().clone()),
        patience: Patience::default(),
        tell: audit::of_connections(app.clone()),
    };
    let service = service(&app).layer(middleware::from_fn(only_uplink));
    until_stopped(
        &app,
        listener::serve(listener, door, service, app.stopping().clone()),
    )
    .await;
}

async fn only_uplink(request: Request, next: middleware::Next) -> Response {
    if request.uri().path().starts_with("/uplink/") {
        next.run(request).await
    } else {
        Problem::not_found("address here").into_response()
    }
}

async fn until_stopped(app: &App, serving: impl Future<Output = ()>) {
    let late = async {
        app.stopping().cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        () = serving => {}
        () = late => tracing::warn!("some connections did not end in time and are cut"),
    }
}
