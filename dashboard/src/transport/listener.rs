//! Accepts connections, bounds them, and speaks HTTP/1.1 on them, inside TLS or not.
//!
//! This loop is our own because the bounds are: on connections in all and from one address, on the handshake, on the head of a
//! request, on how long an answer may lie untaken (`docs/decisions/`, on the console's own listener).

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use futures::future::BoxFuture;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use super::client::{Encrypted, Proxies};
use super::rate::network;
use super::stall::Stall;

/// Bytes and lines of a head.
const MAX_HEAD: usize = 32 << 10;
/// See [`MAX_HEAD`].
const MAX_HEADERS: usize = 100;
/// After an accept that failed because nothing is left to accept with.
const EXHAUSTED: Duration = Duration::from_millis(200);
/// First byte of a TLS record that holds a handshake.
const TLS_HANDSHAKE: u8 = 22;

/// How a listener takes connections.
#[derive(Clone)]
pub struct Door {
    /// TLS, or plain HTTP.
    pub tls: Option<TlsAcceptor>,
    /// How many connections there may be.
    pub places: Arc<Places>,
    /// How long the other side may take.
    pub patience: Patience,
    /// Hears why a connection was ended that meant harm.
    pub tell: Tell,
}

/// Hears from whom, and why.
pub type Tell = Arc<dyn Fn(IpAddr, &'static str) -> BoxFuture<'static, ()> + Send + Sync>;

/// How long the other side may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// From the first byte to the end of a TLS handshake.
    pub handshake: Duration,
    /// For the head of a request, and for a connection that waits for its next one.
    pub head: Duration,
    /// For a body: whoever needs longer holds a place for nothing. 6 MiB in a minute are 0.8 Mbit/s.
    pub body: Duration,
    /// Somebody who takes nothing of an answer for this long is gone, or means harm. Sockets have shorter bounds of their own.
    pub stall: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(30),
            body: Duration::from_secs(60),
            stall: Duration::from_secs(30),
        }
    }
}

/// How many connections there may be, in all and from one address. 0: no bound.
pub struct Places {
    most: usize,
    most_of_one: usize,
    /// They speak for many.
    proxies: Proxies,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
    /// Whether the log knows that there are too many.
    told: bool,
}

/// One connection's place; given back when it is dropped.
pub struct Place {
    places: Arc<Places>,
    address: IpAddr,
}

impl Places {
    /// `most` in all, `most_of_one` from one address that is no proxy of ours.
    pub fn new(most: usize, most_of_one: usize, proxies: Proxies) -> Arc<Self> {
        Arc::new(Self {
            most,
            most_of_one,
            proxies,
            taken: Mutex::default(),
        })
    }

    /// A place for a connection from `peer`; `None` when there is none. This machine always has one: events, pictures and
    /// operators come from here.
    fn take(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let address = network(peer);
        let here = peer.to_canonical().is_loopback();
        let exempt = here || self.proxies.trusts(peer.to_canonical());
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let of_one = taken.by_address.get(&address).copied().unwrap_or(0);
        let full = self.most > 0 && taken.all >= self.most && !here;
        let greedy = self.most_of_one > 0 && of_one >= self.most_of_one && !exempt;
        if full || greedy {
            metrics::counter!("mingjing_refused_total", "why" => "connections").increment(1);
            if !std::mem::replace(&mut taken.told, true) {
                tracing::warn!(%peer, all = taken.all, from_this_address = of_one, "too many connections; further ones are closed");
            }
            return None;
        }
        taken.all += 1;
        *taken.by_address.entry(address).or_default() += 1;
        Some(Place {
            places: Arc::clone(self),
            address,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self
            .places
            .taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        // Room again, and some: a bound that is only touched does not fill the log.
        if taken.all < self.places.most / 10 * 9 {
            taken.told = false;
        }
        if let Some(of_one) = taken.by_address.get_mut(&self.address) {
            *of_one -= 1;
            if *of_one == 0 {
                taken.by_address.remove(&self.address);
            }
        }
    }
}

/// Serves `service` on `listener` until `stopping`, then lets requests in flight end.
pub async fn serve(
    listener: TcpListener,
    door: Door,
    service: Router,
    stopping: CancellationToken,
) {
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopping.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                if let Some(place) = door.places.take(peer.ip()) {
                    let connection = Connection {
                        peer,
                        patience: door.patience,
                        tell: Arc::clone(&door.tell),
                        service: service.clone(),
                        stopping: stopping.clone(),
                    };
                    connections.spawn(connection.answer(stream, door.tls.clone(), place));
                }
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "connections cannot be accepted; is the limit on open files reached?");
                tokio::time::sleep(EXHAUSTED).await;
            }
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// Whether an accept failed because one connection did.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

/// One connection, once it is accepted.
struct Connection {
    peer: SocketAddr,
    patience: Patience,
    tell: Tell,
    service: Router,
    stopping: CancellationToken,
}

impl Connection {
    async fn answer(self, stream: TcpStream, tls: Option<TlsAcceptor>, place: Place) {
        // Frames of video and messages are small and wanted at once.
        let _ = stream.set_nodelay(true);
        let stall = self.patience.stall;
        let Some(tls) = tls else {
            return self.speak(Stall::new(stream, place, stall), false).await;
        };
        let handshake = async {
            let mut first = [0];
            if stream.peek(&mut first).await? == 1 && first[0] != TLS_HANDSHAKE {
                return explain(stream).await.map(|()| None);
            }
            tls.accept(stream).await.map(Some)
        };
        let done = tokio::select! {
            done = timeout(self.patience.handshake, handshake) => done,
            () = self.stopping.cancelled() => return,
        };
        match done {
            Ok(Ok(Some(stream))) => self.speak(Stall::new(stream, place, stall), true).await,
            Ok(Ok(None)) => {}
            Ok(Err(error)) => refused(self.peer, &error.to_string()),
            Err(_) => refused(self.peer, "it took too long"),
        }
    }

    /// Answers requests.
    async fn speak<S>(self, stream: Stall<S, Place>, encrypted: bool)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self {
            peer,
            patience,
            tell,
            service,
            ..
        } = self;
        let heard = stream.heard();
        let begun = Arc::clone(&heard);
        let answer = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            let extensions = request.extensions_mut();
            extensions.insert(ConnectInfo(peer));
            extensions.insert(patience);
            if encrypted {
                extensions.insert(Encrypted);
            }
            let mut service = service.clone();
            let begun = Arc::clone(&begun);
            async move {
                let answer = service.call(request).await;
                begun.store(false, Ordering::Relaxed);
                answer
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(patience.head)
            .max_headers(MAX_HEADERS)
            .max_header_size(MAX_HEAD)
            .serve_connection(TokioIo::new(stream), answer)
            .with_upgrades();
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.stopping.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "a connection ended early");
            if let Some(why) = harm(&error, heard.load(Ordering::Relaxed)) {
                metrics::counter!("mingjing_refused_total", "why" => "malformed").increment(1);
                tell(peer.ip().to_canonical(), why).await;
            }
        }
    }
}

/// What somebody meant whose connection ended so, where that is harm. A connection that only waited for its next request too long
/// has not begun one (`begun`).
fn harm(error: &hyper::Error, begun: bool) -> Option<&'static str> {
    match error {
        error if error.is_parse_too_large() => Some("head too large"),
        error if error.is_parse() => Some("malformed request"),
        error if error.is_timeout() && begun => Some("head too slow"),
        _ => None,
    }
}

fn refused(peer: SocketAddr, reason: &str) {
    metrics::counter!("mingjing_refused_total", "why" => "handshake").increment(1);
    tracing::debug!(%peer, reason, "a TLS handshake failed");
}

/// Tells somebody who speaks plain HTTP to this port what to do.
async fn explain(mut stream: TcpStream) -> io::Result<()> {
    const ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n\r\n\
        This port speaks HTTPS: write https:// before the address.\n";
    stream.write_all(ANSWER).await?;
    stream.shutdown().await?;
    // What is not read would make the kernel take the answer back.
    let _ = (&mut stream)
        .take(MAX_HEAD as u64)
        .read_to_end(&mut Vec::new())
        .await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn places_are_bounded_in_all_and_for_one_and_given_back() {
        let proxy = "10.0.0.1".to_owned().try_into().unwrap();
        let places = Places::new(4, 2, Proxies::new(&[proxy], Default::default()));
        let one = places.take(ip("192.0.2.1")).unwrap();
        let _two = places.take(ip("192.0.2.1")).unwrap();
        assert!(places.take(ip("192.0.2.1")).is_none(), "its share is taken");
        let _proxied = [(); 2].map(|()| places.take(ip("10.0.0.1")).unwrap());
        assert!(places.take(ip("192.0.2.2")).is_none(), "all are taken");
        assert!(places.take(ip("10.0.0.1")).is_none(), "for proxies too");
        assert!(
            places.take(ip("::ffff:127.0.0.1")).is_some(),
            "never for this machine"
        );
        drop(one);
        assert!(places.take(ip("192.0.2.2")).is_some());
    }

    /// Serves for as long as the guard lives, with little patience; gives its address.
    async fn served() -> (SocketAddr, tokio_util::sync::DropGuard) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let short = Duration::from_millis(300);
        let door = Door {
            tls: None,
            places: Places::new(0, 0, Proxies::default()),
            patience: Patience {
                handshake: short,
                head: short,
                body: short,
                stall: short,
            },
            tell: Arc::new(|_, _| Box::pin(async {})),
        };
        // More than the kernel keeps for one connection.
        let large = axum::routing::get(|| async { vec![b'x'; 64 << 20] });
        let service = Router::new().route("/", large);
        let stopping = CancellationToken::new();
        tokio::spawn(serve(listener, door, service, stopping.clone()));
        (address, stopping.drop_guard())
    }

    #[tokio::test]
    async fn a_head_that_trickles_in_is_not_waited_for() {
        let (address, _serving) = served().await;
        let (mut reading, mut writing) = TcpStream::connect(address).await.unwrap().into_split();
        let trickle = tokio::spawn(async move {
            let mut nothing = b"GET / HTTP/1.1\r\n"
                .iter()
                .chain(b"x: y\r\n".iter().cycle());
            while writing.write_u8(*nothing.next().unwrap()).await.is_ok() {
                // Not a wait for something: this is how slow the other side is.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let mut answer = Vec::new();
        let ended = timeout(Duration::from_secs(20), reading.read_to_end(&mut answer));
        // A reset ends it too.
        let _ = ended.await.expect("the connection is ended");
        assert!(!answer.starts_with(b"HTTP/1.1 2"));
        trickle.await.unwrap();
    }

    #[tokio::test]
    async fn an_answer_that_nobody_takes_is_given_up() {
        let (address, _serving) = served().await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        stream.peek(&mut [0]).await.unwrap();
        // Longer than the patience, then everything that is still there.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut taken = Vec::new();
        let _ = timeout(Duration::from_secs(20), stream.read_to_end(&mut taken))
            .await
            .expect("the connection is ended");
        assert!(taken.len() < 64 << 20, "the whole answer came");
    }
}
