//! A console that does as each test says: both sockets of the uplink, recorded.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use mingjing_ingest::uplink::protocol::{
    BatchOutcome, MediaFrame, MediaToConsole, MediaToIngest, Rejection, ToConsole, ToIngest,
    TokenHash, VERSION,
};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, broadcast, mpsc};
use tokio_util::sync::CancellationToken;

/// The token of the edge.
pub const EDGE: &str = "edge-secret";

/// Longer than anything here may take on a busy machine, and still an end.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    let patience = Duration::from_secs(60);
    tokio::time::timeout(patience, future)
        .await
        .expect("it did not happen in time")
}

/// What a console answers to a batch; `None`: nothing.
pub type Script = Arc<dyn Fn(u64, &ToConsole) -> Option<ToIngest> + Send + Sync>;

/// A message of the media socket.
#[derive(Debug)]
pub enum Media {
    /// Control.
    Text(MediaToConsole),
    /// Bytes.
    Frame(MediaFrame),
}

/// The console; ends with this value, its connections with it.
pub struct Console {
    /// Where it listens.
    pub address: SocketAddr,
    batches: Mutex<mpsc::UnboundedReceiver<(Vec<String>, bool)>>,
    others: Mutex<mpsc::UnboundedReceiver<ToConsole>>,
    media: Mutex<mpsc::UnboundedReceiver<Media>>,
    to_media: broadcast::Sender<MediaToIngest>,
    to_events: broadcast::Sender<ToIngest>,
    stop: CancellationToken,
}

#[derive(Clone)]
struct Shared {
    script: Script,
    batches: mpsc::UnboundedSender<(Vec<String>, bool)>,
    others: mpsc::UnboundedSender<ToConsole>,
    media: mpsc::UnboundedSender<Media>,
    to_media: broadcast::Sender<MediaToIngest>,
    to_events: broadcast::Sender<ToIngest>,
    stop: CancellationToken,
}

impl Console {
    /// Starts it on a listener.
    pub fn start(listener: TcpListener, script: Script) -> Self {
        let address = listener.local_addr().expect("it is bound");
        let (batches_in, batches) = mpsc::unbounded_channel();
        let (others_in, others) = mpsc::unbounded_channel();
        let (media_in, media) = mpsc::unbounded_channel();
        let (to_media, _) = broadcast::channel(16);
        let (to_events, _) = broadcast::channel(16);
        let stop = CancellationToken::new();
        let shared = Shared {
            script,
            batches: batches_in,
            others: others_in,
            media: media_in,
            to_media: to_media.clone(),
            to_events: to_events.clone(),
            stop: stop.clone(),
        };
        let app = Router::new()
            .route("/uplink/v1/events", any(events))
            .route("/uplink/v1/media", any(pictures))
            .with_state(shared);
        let closed = stop.clone().cancelled_owned();
        tokio::spawn(async move {
            axum::serve(listener, app)
                .with_graceful_shutdown(closed)
                .await
        });
        let (batches, others, media) = (Mutex::new(batches), Mutex::new(others), Mutex::new(media));
        Self {
            address,
            batches,
            others,
            media,
            to_media,
            to_events,
            stop,
        }
    }

    /// A console that commits everything but events whose id begins with `refuse`.
    pub async fn good() -> Self {
        Self::start(any_port().await, committing())
    }

    /// The next batch: ids of its events, and whether it was marked as spooled.
    pub async fn batch(&self) -> (Vec<String>, bool) {
        within(self.batches.lock().await.recv())
            .await
            .expect("the console goes on")
    }

    /// A batch that has already come.
    pub async fn batch_now(&self) -> Option<(Vec<String>, bool)> {
        self.batches.lock().await.try_recv().ok()
    }

    /// The next message that is no batch and as wanted.
    pub async fn other<T>(&self, wanted: impl Fn(ToConsole) -> Option<T>) -> T {
        let mut others = self.others.lock().await;
        within(async {
            loop {
                if let Some(found) = wanted(others.recv().await.expect("the console goes on")) {
                    return found;
                }
            }
        })
        .await
    }

    /// The next message of the media socket that is as wanted.
    pub async fn media<T>(&self, wanted: impl Fn(Media) -> Option<T>) -> T {
        let mut media = self.media.lock().await;
        within(async {
            loop {
                if let Some(found) = wanted(media.recv().await.expect("the console goes on")) {
                    return found;
                }
            }
        })
        .await
    }

    /// Says something on the media socket.
    pub fn say(&self, message: MediaToIngest) {
        self.to_media.send(message).expect("an ingest is connected");
    }

    /// Says something on the events socket; its greeting must have been seen.
    pub fn tell(&self, message: ToIngest) {
        self.to_events
            .send(message)
            .expect("an ingest is connected");
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A listener on a free port.
pub async fn any_port() -> TcpListener {
    TcpListener::bind("127.0.0.1:0")
        .await
        .expect("loopback has a free port")
}

/// A listener on the port of a console that was there before.
pub async fn same_port(address: SocketAddr) -> TcpListener {
    within(async {
        loop {
            match TcpListener::bind(address).await {
                Ok(listener) => return listener,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    })
    .await
}

/// SHA-256 of a token, hex.
pub fn token_hash(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

/// The tokens that the console tells: `all`, `t07` (hall T07 only), `bound` (source //approval only), `history`.
pub fn tokens() -> Vec<TokenHash> {
    let token = |secret: &str, change: fn(&mut TokenHash)| {
        let sha256 = token_hash(secret);
        let mut token = TokenHash {
            sha256,
            source: None,
            halls: None,
            initial_load: false,
            expires: None,
        };
        change(&mut token);
        token
    };
    vec![
        token("all", |_| ()),
        token("t07", |token| token.halls = Some(vec!["T07".into()])),
        token("bound", |token| token.source = Some("//approval".into())),
        token("history", |token| token.initial_load = true),
    ]
}

/// Commits everything but events whose id begins with `refuse`.
pub fn committing() -> Script {
    Arc::new(|number, batch| Some(commit(number, batch)))
}

/// The acknowledgement of a batch; ids that begin with `refuse` are rejected.
pub fn commit(number: u64, batch: &ToConsole) -> ToIngest {
    let ToConsole::Batch { events, .. } = batch else {
        panic!("no batch: {batch:?}")
    };
    let rejected: Vec<_> = events
        .iter()
        .enumerate()
        .filter(|(_, event)| event.id.starts_with("refuse"))
        .map(|(index, event)| Rejection {
            index,
            id: Some(event.id.clone()),
            reason: "conflict".into(),
        })
        .collect();
    let accepted = events.len() - rejected.len();
    ToIngest::Ack {
        number,
        outcome: BatchOutcome {
            accepted,
            duplicate: 0,
            rejected,
        },
    }
}

fn is_edge(headers: &HeaderMap) -> bool {
    headers
        .get("authorization")
        .is_some_and(|value| value == &format!("Bearer {EDGE}"))
}

async fn events(
    State(shared): State<Shared>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !is_edge(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    upgrade
        .max_message_size(64 << 20)
        .on_upgrade(move |socket| serve_events(socket, shared))
}

async fn serve_events(mut socket: WebSocket, shared: Shared) {
    let mut to_ingest = shared.to_events.subscribe();
    loop {
        let message = tokio::select! {
            () = shared.stop.cancelled() => return,
            Ok(say) = to_ingest.recv() => {
                let text = serde_json::to_string(&say).expect("it serialises");
                if socket.send(Message::text(text)).await.is_err() {
                    return;
                }
                continue;
            }
            message = socket.recv() => message,
        };
        let Some(Ok(message)) = message else { return };
        let Message::Text(text) = message else {
            continue;
        };
        let message: ToConsole = serde_json::from_str(&text).expect("the protocol is spoken");
        let answer = match &message {
            ToConsole::Hello { .. } => {
                let _ = shared.others.send(message);
                Some(ToIngest::Welcome {
                    version: VERSION,
                    tokens: tokens(),
                })
            }
            ToConsole::Batch {
                number,
                events,
                spooled,
                ..
            } => {
                let ids = events.iter().map(|event| event.id.clone()).collect();
                let _ = shared.batches.send((ids, *spooled));
                (shared.script)(*number, &message)
            }
            _ => {
                let _ = shared.others.send(message);
                None
            }
        };
        if let Some(answer) = answer {
            let text = serde_json::to_string(&answer).expect("it serialises");
            if socket.send(Message::text(text)).await.is_err() {
                return;
            }
        }
    }
}

async fn pictures(
    State(shared): State<Shared>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !is_edge(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    upgrade.on_upgrade(move |socket| serve_media(socket, shared))
}

async fn serve_media(mut socket: WebSocket, shared: Shared) {
    let mut to_ingest = shared.to_media.subscribe();
    loop {
        let message = tokio::select! {
            () = shared.stop.cancelled() => return,
            Ok(say) = to_ingest.recv() => {
                let text = serde_json::to_string(&say).expect("it serialises");
                if socket.send(Message::text(text)).await.is_err() {
                    return;
                }
                continue;
            }
            message = socket.recv() => message,
        };
        let media = match message {
            Some(Ok(Message::Text(text))) => {
                Media::Text(serde_json::from_str(&text).expect("the protocol is spoken"))
            }
            Some(Ok(Message::Binary(bytes))) => {
                Media::Frame(MediaFrame::decode(bytes).expect("a media frame"))
            }
            Some(Ok(_)) => continue,
            Some(Err(_)) | None => return,
        };
        let _ = shared.media.send(media);
    }
}
