//! `/uplink/v1/recordings`: one answer about recordings, and the bytes that follow it.

use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use bytes::Bytes;
use mingjing_ingest::uplink::MAX_FRAME;
use mingjing_ingest::uplink::protocol::{Fetched, VERSION};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{REFUSED, SILENCE, close, speaks_for};
use crate::app::App;
use crate::caller::Caller;
use crate::live::ended;
use crate::media::Found;

/// Messages that wait for whoever takes them.
const QUEUE: usize = 2;

/// An edge that reads a disk may take so long for the next bytes.
const NEXT: Duration = Duration::from_secs(30);

/// Opens the socket.
pub async fn open(State(app): State<App>, caller: Caller, upgrade: WebSocketUpgrade) -> Response {
    upgrade
        .max_message_size(MAX_FRAME)
        .max_frame_size(MAX_FRAME)
        .on_upgrade(move |socket| async move { serve(app, caller, socket).await })
}

async fn serve(app: App, caller: Caller, mut socket: WebSocket) {
    let said = match timeout(SILENCE, socket.recv()).await {
        Ok(Some(Ok(Message::Text(text)))) => serde_json::from_str::<Fetched>(&text).ok(),
        _ => return,
    };
    let Some(said) = said.filter(|said| said.version == VERSION) else {
        return close(socket, REFUSED, "the answer is not understood".into()).await;
    };
    let edge = match speaks_for(&app, &caller, said.edge).await {
        Ok(edge) => edge,
        Err(reason) => return close(socket, REFUSED, reason).await,
    };
    // Nobody asked this edge, or nobody waits any more.
    let Some(waiting) = app.media().waiting(said.request, &edge) else {
        return close(socket, REFUSED, "nobody waits for this".into()).await;
    };
    let (taker, bytes) = mpsc::channel(QUEUE);
    let answer = app.edges().clock(&edge).answer(said.answer);
    if waiting.send(Found { answer, bytes }).is_err() {
        return;
    }
    let ended = ended(&app, &caller);
    tokio::pin!(ended);
    tokio::select! {
        () = relay(&mut socket, &taker) => {}
        () = taker.closed() => {}
        _ = &mut ended => {}
    }
}

/// Hands on what comes, at the pace of whoever takes it.
async fn relay(socket: &mut WebSocket, taker: &mpsc::Sender<Bytes>) {
    loop {
        match timeout(NEXT, socket.recv()).await {
            Ok(Some(Ok(Message::Binary(bytes)))) => {
                if taker.send(bytes).await.is_err() {
                    return;
                }
            }
            Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) | Err(_) => return,
            Ok(Some(Ok(_))) => {}
        }
    }
}
