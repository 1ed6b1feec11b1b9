//! The pages, embedded in the program.

use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use crate::problem::Problem;

/// What `web/` was built to. `build.rs` makes the folder, so that the program also builds before the pages do.
#[derive(RustEmbed)]
#[folder = "web/dist"]
struct Dist;

const NOT_BUILT: &str = "<!doctype html><meta charset=\"utf-8\"><title>Mingjing</title>\
    <p>The pages were not built into this program. Build them (<code>scripts/pages</code>, or <code>make run</code>) and build it again. \
    The interface is at <a href=\"/api/openapi.json\">/api/openapi.json</a>.</p>";

/// A file of the pages; any other address is the application itself, whose router knows what to show.
pub async fn serve(uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    if path.starts_with("api/") || path.starts_with("uplink/") || path.starts_with("health/") {
        return Problem::not_found("address; see /api/openapi.json").into_response();
    }
    if let Some(file) = Dist::get(path).filter(|_| !path.is_empty()) {
        return answer(path, file, &headers);
    }
    if path.starts_with("assets/") {
        return Problem::not_found("file").into_response();
    }
    match Dist::get("index.html") {
        Some(file) => answer("index.html", file, &headers),
        None => (
            StatusCode::SERVICE_UNAVAILABLE,
            [(header::CONTENT_TYPE, "text/html; charset=utf-8")],
            NOT_BUILT,
        )
            .into_response(),
    }
}

fn answer(path: &str, file: rust_embed::EmbeddedFile, headers: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", hex::encode(&file.metadata.sha256_hash()[..16]));
    // Vite puts a hash of the content into the names under assets/.
    let caching = if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let caching = (header::CACHE_CONTROL, HeaderValue::from_static(caching));
    let etag = (
        header::ETAG,
        HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\"")),
    );
    let known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    if known.is_some_and(|known| {
        known
            .split(',')
            .any(|one| one.trim().trim_start_matches("W/") == tag)
    }) {
        return (StatusCode::NOT_MODIFIED, [caching, etag]).into_response();
    }
    let kind = HeaderValue::from_str(file.metadata.mimetype())
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    ([caching, etag, (header::CONTENT_TYPE, kind)], file.data).into_response()
}
