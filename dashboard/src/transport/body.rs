//! How long a body may take.

use std::error::Error;
use std::io;
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes, HttpBody};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use futures::{Stream, StreamExt};
use tokio::time::{Instant, timeout_at};

/// Whoever needs longer to send a body holds a place for nothing: 6 MiB in this time are 0.8 Mbit/s.
pub const WHOLE: Duration = Duration::from_secs(60);

/// Ends a body that does not come whole within [`WHOLE`].
pub async fn bounded(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let body = if body.is_end_stream() {
        body
    } else {
        Body::from_stream(until(body.into_data_stream(), Instant::now() + WHOLE))
    };
    next.run(Request::from_parts(parts, body)).await
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
                let late = format!("the body did not come within {} s", WHOLE.as_secs());
                let late = io::Error::new(io::ErrorKind::TimedOut, late);
                Some((Err(axum::Error::new(late)), None))
            }
        }
    })
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
