//! A connection that ends when the other side takes nothing for too long, and that counts as one as long as it lives.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// A stream with a bound on how long a write may wait. `place` is given back when the stream ends, after an upgrade too.
pub(super) struct Stall<S, P> {
    stream: S,
    /// How long a write may wait.
    patience: Duration,
    /// Whether bytes have come since somebody last said that it had all it wanted.
    heard: Arc<AtomicBool>,
    /// Runs while a write waits.
    waiting: Option<Pin<Box<Sleep>>>,
    _place: P,
}

impl<S, P> Stall<S, P> {
    pub(super) fn new(stream: S, place: P, patience: Duration) -> Self {
        Self {
            stream,
            patience,
            heard: Arc::default(),
            waiting: None,
            _place: place,
        }
    }

    /// Comes true when bytes come.
    pub(super) fn heard(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.heard)
    }

    /// Ends a wait that took too long.
    fn bounded<T>(
        &mut self,
        cx: &mut Context<'_>,
        done: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if done.is_ready() {
            self.waiting = None;
            return done;
        }
        let patience = self.patience;
        let waiting = self
            .waiting
            .get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(waiting.as_mut().poll(cx));
        // A later attempt begins anew.
        waiting.as_mut().reset(Instant::now() + patience);
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the other side takes nothing",
        )))
    }
}

impl<S: AsyncRead + Unpin, P: Unpin> AsyncRead for Stall<S, P> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.heard.store(true, Ordering::Relaxed);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin, P: Unpin> AsyncWrite for Stall<S, P> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.bounded(cx, done)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.bounded(cx, done)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.stream).poll_flush(cx);
        self.bounded(cx, done)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.bounded(cx, done)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn who_takes_nothing_is_cut_and_who_takes_slowly_is_not() {
        let patience = Duration::from_millis(400);
        let (near, mut far) = tokio::io::duplex(8);
        let mut stream = Stall::new(near, (), patience);
        let writing = tokio::spawn(async move {
            let slow = stream.write_all(&[0; 64]).await;
            (slow, stream.write_all(&[0; 64]).await)
        });
        let mut taken = [0; 8];
        for _ in 0..8 {
            // Not a wait for something: this is how slow the other side is.
            tokio::time::sleep(patience / 4).await;
            far.read_exact(&mut taken).await.unwrap();
        }
        let (slow, stalled) = writing.await.unwrap();
        assert!(slow.is_ok());
        assert_eq!(stalled.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
