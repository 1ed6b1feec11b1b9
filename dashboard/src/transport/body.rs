//! How long a body may take, and how it may come.

use std::error::Error;
use std::io;

use axum::body::{Body, BodyDataStream, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt};
use http_body_util::Limited;
use tokio::time::{Instant, timeout_at};

use super::listener::Patience;
use crate::problem::Problem;

/// Longest body: a file that somebody attaches, and a little, so that its handler can say what is wrong with a longer one. What
/// reads JSON takes 2 MiB, the event intake 5.
const MAX: usize = crate::attachments::MAX_BYTES + 1;

/// Ends a body that does not come whole within the connection's patience or is longer than [`MAX`]; refuses one that is
/// compressed: nothing has to be expanded here.
pub async fn bounded(request: Request, next: Next) -> Response {
    let coded = request.headers().get(header::CONTENT_ENCODING);
    if coded.is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Problem::compressed().into_response();
    }
    let patience = request.extensions().get::<Patience>().copied();
    let whole = patience.unwrap_or_default().body;
    let (parts, body) = request.into_parts();
    let body = if body.is_end_stream() {
        body
    } else if promised(&parts.headers).is_some_and(|length| length > MAX as u64) {
        // Whoever reads it learns at once that it is too long: not a byte of it is waited for, and the guard writes it down.
        Body::new(Limited::new(Body::from("x"), 0))
    } else {
        let body = Body::new(Limited::new(body, MAX));
        Body::from_stream(until(body.into_data_stream(), Instant::now() + whole))
    };
    next.run(Request::from_parts(parts, body)).await
}

/// How long the sender says that the body is.
pub fn promised(headers: &HeaderMap) -> Option<u64> {
    let length = headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

fn until(
    body: BodyDataStream,
    deadline: Instant,
) -> impl Stream<Item = Result<Bytes, axum::Error>> {
    futures::stream::unfold(Some(body), move |body| async move {
        let mut body = body?;
        match timeout_at(deadline, body.next()).await {
            Ok(chunk) => chunk.map(|chunk| (chunk, Some(body))),
            Err(_) => {
                let late = io::Error::new(io::ErrorKind::TimedOut, "the body did not come in time");
                Some((Err(axum::Error::new(late)), None))
            }
        }
    })
    .fuse()
}

/// Whether reading a body failed because it did not come in time.
pub fn was_late(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<io::Error>();
        if io.is_some_and(|error| error.kind() == io::ErrorKind::TimedOut) {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_body_that_does_not_end_in_time_is_late_and_one_that_breaks_off_is_not() {
        let first = || futures::stream::iter([Ok::<_, io::Error>(Bytes::from_static(b"{"))]);
        let endless = Body::from_stream(first().chain(futures::stream::pending()));
        let soon = Instant::now() + Duration::from_millis(50);
        let body = Body::from_stream(until(endless.into_data_stream(), soon));
        let late = axum::body::to_bytes(body, 100).await.unwrap_err();
        assert!(was_late(&late), "{late}");
        let broken = first().chain(futures::stream::iter([Err(io::Error::other("cut"))]));
        let broken = Body::from_stream(broken).into_data_stream();
        let body = Body::from_stream(until(broken, Instant::now() + Duration::from_secs(60)));
        let cut = axum::body::to_bytes(body, 100).await.unwrap_err();
        assert!(!was_late(&cut), "{cut}");
    }
}
