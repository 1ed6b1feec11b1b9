//! `/uplink/v1/media`: pictures and live video come up, requests to watch go down.

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use mingjing_ingest::uplink::MAX_FRAME;
use mingjing_ingest::uplink::protocol::{MediaFrame, MediaToConsole, VERSION};
use tokio::time::{Instant, timeout, timeout_at};

use super::{REFUSED, SILENCE, STUCK, close, speaks_for};
use crate::app::App;
use crate::caller::Caller;
use crate::live::ended;

/// Opens the socket.
pub async fn open(State(app): State<App>, caller: Caller, upgrade: WebSocketUpgrade) -> Response {
    upgrade
        .max_message_size(MAX_FRAME)
        .max_frame_size(MAX_FRAME)
        .on_upgrade(move |socket| async move { serve(app, caller, socket).await })
}

async fn serve(app: App, caller: Caller, mut socket: WebSocket) {
    let named = match timeout(SILENCE, socket.recv()).await {
        Ok(Some(Ok(Message::Text(text)))) => match serde_json::from_str(&text) {
            Ok(MediaToConsole::Hello {
                version: VERSION,
                edge,
            }) => edge,
            _ => return close(socket, REFUSED, "the hello is not understood".into()).await,
        },
        _ => return,
    };
    let edge = match speaks_for(&app, &caller, named).await {
        Ok(edge) => edge,
        Err(reason) => return close(socket, REFUSED, reason).await,
    };
    let (attachment, mut outgoing) = app.media().attach(&edge);
    let ended = ended(&app, &caller);
    tokio::pin!(ended);
    // Silence is that of the ingest: what it is asked meanwhile does not prolong it.
    let mut heard = Instant::now();
    loop {
        tokio::select! {
            message = timeout_at(heard + SILENCE, socket.recv()) => {
                heard = Instant::now();
                match message {
                    Ok(Some(Ok(Message::Binary(bytes)))) => match MediaFrame::decode(bytes) {
                        Ok(frame) => attachment.frame(app.edges().clock(&edge).frame(frame)),
                        Err(error) => {
                            tracing::warn!(edge, %error, "an ingest sent a frame that is not understood");
                            return close(socket, REFUSED, "a frame is not understood".into()).await;
                        }
                    },
                    Ok(Some(Ok(Message::Text(text)))) => match serde_json::from_str(&text) {
                        Ok(message) => attachment.text(app.edges().clock(&edge).message(message)),
                        Err(error) => {
                            tracing::warn!(edge, %error, "an ingest sent a message that is not understood");
                            return close(socket, REFUSED, "a message is not understood".into()).await;
                        }
                    },
                    Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) | Err(_) => return,
                    Ok(Some(Ok(_))) => {}
                }
            }
            Some(ask) = outgoing.recv() => {
                let Ok(json) = serde_json::to_string(&ask) else { return };
                if !matches!(timeout(STUCK, socket.send(Message::Text(json.into()))).await, Ok(Ok(()))) {
                    return;
                }
            }
            (code, why) = &mut ended => return close(socket, code, why.into()).await,
        }
    }
}
