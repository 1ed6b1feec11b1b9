//! `/api/v1/cameras/{id}/live`: one viewer's socket.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use tokio::time::{Instant, interval_at, timeout};

use super::Viewer;

/// How often the viewer is pinged.
const PING: Duration = Duration::from_secs(30);
/// A viewer that answers no ping for this long is gone.
const SILENCE: Duration = Duration::from_secs(100);
/// A viewer that takes nothing for this long is gone.
const STUCK: Duration = Duration::from_secs(10);

/// Sends what the camera gives until the viewer leaves, `ended` comes true (the session ended: close code, reason), or the
/// camera is taken out of service.
pub async fn serve(
    mut socket: WebSocket,
    mut viewer: Viewer,
    ended: impl Future<Output = (u16, &'static str)>,
) {
    let mut ping = interval_at(Instant::now() + PING, PING);
    let mut heard = Instant::now();
    tokio::pin!(ended);
    loop {
        let sent = tokio::select! {
            message = viewer.next() => match message {
                Some(message) => forward(&mut socket, &message).await,
                None => return close(&mut socket, 1000, "the camera was taken out of service").await,
            },
            received = socket.recv() => match received {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => { heard = Instant::now(); Ok(()) },
            },
            // Not even the pings are answered, whatever TCP says.
            () = tokio::time::sleep_until(heard + SILENCE) => return,
            _ = ping.tick() => send(&mut socket, Message::Ping(Default::default())).await,
            (code, why) = &mut ended => return close(&mut socket, code, why).await,
        };
        if sent.is_err() {
            return;
        }
    }
}

/// The viewer is gone.
struct Gone;

async fn forward(
    socket: &mut WebSocket,
    message: &mingjing_ingest::media::Message,
) -> Result<(), Gone> {
    if let Some(control) = message.control() {
        let json = serde_json::to_string(&control).map_err(|_| Gone)?;
        send(socket, Message::Text(json.into())).await?;
    }
    if let Some(bytes) = message.binary() {
        send(socket, Message::Binary(bytes)).await?;
    }
    Ok(())
}

async fn send(socket: &mut WebSocket, message: Message) -> Result<(), Gone> {
    match timeout(STUCK, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(Gone),
    }
}

async fn close(socket: &mut WebSocket, code: u16, why: &'static str) {
    let frame = CloseFrame {
        code,
        reason: why.into(),
    };
    let _ = send(socket, Message::Close(Some(frame))).await;
}
