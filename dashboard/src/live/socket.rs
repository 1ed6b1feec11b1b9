//! `/api/v1/live`: one page's end of the stream.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use futures::SinkExt;
use serde::Deserialize;
use tokio::time::{Instant, interval_at, timeout};
use tracing::debug;

use super::{Audience, Read, Ring, ended};
use crate::app::App;
use crate::caller::Caller;
use crate::problem::Query;

/// How often the page is pinged, and its session looked at.
const PING: Duration = Duration::from_secs(30);
/// A page that takes nothing for this long is gone.
const STUCK: Duration = Duration::from_secs(20);
/// A page that answers no ping for this long is gone.
const SILENCE: Duration = Duration::from_secs(100);
/// Messages sent between two flushes.
const BATCH: usize = 64;

/// `?since=SEQ&epoch=E`
#[derive(Debug, Deserialize)]
pub struct Resume {
    since: Option<u64>,
    epoch: Option<String>,
}

/// Opens the stream.
pub async fn open(
    State(app): State<App>,
    caller: Caller,
    Query(resume): Query<Resume>,
    upgrade: WebSocketUpgrade,
) -> Response {
    // The page only answers pings: nothing that it sends is large.
    upgrade
        .max_message_size(4096)
        .max_frame_size(4096)
        .on_upgrade(move |socket| async move {
            metrics::gauge!("mingjing_consoles").increment(1.0);
            let end = serve(&app, &caller, resume, socket).await;
            metrics::gauge!("mingjing_consoles").decrement(1.0);
            debug!(who = caller.name(), ?end, "live socket closed");
        })
}

/// Why a socket ended.
#[derive(Debug)]
enum End {
    Gone,
    Stuck,
    /// Closed by the console.
    Closed,
}

async fn serve(app: &App, caller: &Caller, resume: Resume, mut socket: WebSocket) -> End {
    let ring = app.live().ring(&Audience::of(caller));
    let mut news = ring.subscribe();
    let ended = ended(app, caller);
    tokio::pin!(ended);
    let mut ping = interval_at(Instant::now() + PING, PING);
    let mut heard = Instant::now();

    let (mut at, first) = begin(app, &ring, &resume);
    if let Err(end) = send(&mut socket, [first]).await {
        return end;
    }
    loop {
        match catch_up(app, &ring, &mut at, &mut socket).await {
            Ok(()) => {}
            Err(end) => return end,
        }
        tokio::select! {
            changed = news.changed() => if changed.is_err() { return End::Gone },
            message = socket.recv() => match message {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return End::Gone,
                Some(Ok(_)) => heard = Instant::now(),
            },
            // Not even the pings are answered, whatever TCP says.
            () = tokio::time::sleep_until(heard + SILENCE) => return End::Gone,
            _ = ping.tick() => match timeout(STUCK, socket.send(Message::Ping(Default::default()))).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return End::Gone,
                Err(_) => return End::Stuck,
            },
            (code, why) = &mut ended => return close(&mut socket, code, why).await,
        }
    }
}

/// Where a page goes on, and what it is told first.
fn begin(app: &App, ring: &Arc<Ring>, resume: &Resume) -> (u64, Utf8Bytes) {
    let newest = ring.newest();
    let Some(since) = resume.since else {
        return (newest, app.live().control(newest, "hello"));
    };
    let same_run = resume.epoch.as_deref() == Some(app.live().epoch());
    if same_run && matches!(ring.after(since, 0), Read::Messages(_)) {
        (since, app.live().control(since, "hello"))
    } else {
        (newest, app.live().control(newest, "reload"))
    }
}

/// Sends all that the ring has and the page has not.
async fn catch_up(app: &App, ring: &Ring, at: &mut u64, socket: &mut WebSocket) -> Result<(), End> {
    loop {
        match ring.after(*at, BATCH) {
            Read::Messages(messages) if messages.is_empty() => return Ok(()),
            Read::Messages(messages) => {
                *at += messages.len() as u64;
                send(socket, messages).await?;
            }
            Read::Gap => {
                *at = ring.newest();
                metrics::counter!("mingjing_live_reloads_total").increment(1);
                send(socket, [app.live().control(*at, "reload")]).await?;
            }
        }
    }
}

async fn send(
    socket: &mut WebSocket,
    messages: impl IntoIterator<Item = Utf8Bytes>,
) -> Result<(), End> {
    let all = async {
        for message in messages {
            socket.feed(Message::Text(message)).await?;
        }
        socket.flush().await
    };
    match timeout(STUCK, all).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(End::Gone),
        Err(_) => Err(End::Stuck),
    }
}

async fn close(socket: &mut WebSocket, code: u16, reason: &'static str) -> End {
    let frame = CloseFrame {
        code,
        reason: Utf8Bytes::from_static(reason),
    };
    let _ = timeout(
        Duration::from_secs(1),
        socket.send(Message::Close(Some(frame))),
    )
    .await;
    End::Closed
}
