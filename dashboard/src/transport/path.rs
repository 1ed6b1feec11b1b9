//! Paths that climb or hide something. No file is opened by a path here; but whoever sends one means harm, and is told so.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::problem::Problem;

/// Encodings that are looked behind: what is encoded twice is for a proxy that decodes once.
const LAYERS: usize = 3;

/// Refuses a request whose path climbs or hides something.
pub async fn plain(request: Request, next: Next) -> Response {
    if is_plain(request.uri().path()) {
        next.run(request).await
    } else {
        Problem::path().into_response()
    }
}

/// Whether no step leads upwards, and nothing is a control character, a backslash or no UTF-8.
fn is_plain(path: &str) -> bool {
    let mut bytes = path.as_bytes().to_vec();
    for _ in 0..LAYERS {
        let Ok(text) = std::str::from_utf8(&bytes) else {
            return false;
        };
        let climbs = text
            .split('/')
            .any(|step| matches!(parameterless(step), "." | ".."));
        if climbs || text.contains('\\') || text.chars().any(char::is_control) {
            return false;
        }
        let decoded = decode(&bytes);
        if decoded == bytes {
            break;
        }
        bytes = decoded;
    }
    true
}

/// `..;x` is `..` to some.
fn parameterless(step: &str) -> &str {
    step.split(';').next().unwrap_or(step)
}

/// Turns `%2e` into `.`; what is no encoding stays.
fn decode(bytes: &[u8]) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, tail)) = rest.split_first() {
        let value = match (first, tail) {
            (b'%', [high, low, ..]) => digit(*high).zip(digit(*low)),
            _ => None,
        };
        match value.and_then(|(high, low)| u8::try_from(high * 16 + low).ok()) {
            Some(byte) => {
                decoded.push(byte);
                rest = &tail[2..];
            }
            None => {
                decoded.push(first);
                rest = tail;
            }
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_climbs_is_told_from_what_only_looks_like_it() {
        for wrong in [
            "/..",
            "/a/../b",
            "/./a",
            "/%2e%2e/a",
            "/%2E./a",
            "/a%2f..%2fb",
            "/..%5c..%5ca",
            "/%252e%252e/a",
            "/..;/a",
            "/%c0%ae%c0%ae/a",
            "/a%00.js",
            "/a%0d%0ab",
            "/a\\b",
        ] {
            assert!(!is_plain(wrong), "{wrong}");
        }
        for right in [
            "/",
            "/api/v1/cases/2026-320382-000017",
            "/api/v1/cases/%E5%8A%9E%E4%BB%B6%2F7",
            "/assets/index-B.1.js",
            "/a..b/.../c.",
            "/100%/%zz/%2",
        ] {
            assert!(is_plain(right), "{right}");
        }
    }
}
