//! The console's side of the uplink (`ingest::uplink::protocol`): what ingests send, and what they are told.

mod clock;
pub mod edges;
mod events;
mod media;
mod outages;
mod recordings;
mod tokens;

pub use clock::ClockOffset;
pub use events::open as open_events;
pub use media::open as open_media;
pub use outages::Outages;
pub use recordings::open as open_recordings;
pub use tokens::{current as current_tokens, for_scope};

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use chrono::Utc;

use crate::app::App;
use crate::caller::{Caller, Scope, Who};
use crate::store::cameras;

/// An ingest pings every two seconds. Nothing for this long: it is gone, whatever TCP says.
const SILENCE: Duration = Duration::from_secs(8);
/// An ingest that takes nothing for this long is gone.
const STUCK: Duration = Duration::from_secs(10);
/// Close code: not understood, or of another version.
const REFUSED: u16 = 4400;

async fn close(mut socket: WebSocket, code: u16, reason: String) {
    // A close frame carries 123 bytes of reason at most.
    let mut reason = reason;
    reason.truncate(reason.floor_char_boundary(123));
    let frame = CloseFrame {
        code,
        reason: reason.into(),
    };
    let _ = tokio::time::timeout(
        Duration::from_secs(1),
        socket.send(Message::Close(Some(frame))),
    )
    .await;
}

/// How far an edge speaks. The console's own ingest speaks for the whole county, whose root an import may change.
pub(crate) fn scope(app: &App, caller: &Caller) -> Scope {
    match caller.who {
        Who::Token { id: None, .. } => Scope {
            hall: app.directory().root(),
            unit: None,
            window: None,
        },
        _ => caller.scope.clone(),
    }
}

/// Whether the edge of this name carries cameras outside the caller's halls: it is somebody else's name then.
fn is_foreign(app: &App, caller: &Caller, edge: &str) -> bool {
    let (directory, top) = (app.directory(), scope(app, caller).hall);
    directory
        .cameras()
        .any(|camera| camera.edge == edge && !directory.tree().contains(&top, &camera.hall))
}

/// The name is this token's from now on, unless it is another's that still holds: that one's edge is only away, and its cameras are not for
/// whoever asks. The reason of a refusal is for who runs the edge.
async fn claim(app: &App, caller: &Caller, edge: &str, token: i64) -> Result<(), String> {
    let hall = scope(app, caller).hall;
    match cameras::claim_edge(app.db(), edge, token, &hall, Utc::now()).await {
        Ok(None) => Ok(()),
        Ok(Some(other)) => Err(format!(
            "the name {edge:.30} is of the token {other:.30}: revoke that one, or set another `name`"
        )),
        Err(error) => {
            tracing::debug!(edge, %error, "whose name this is could not be asked");
            Err("the database is away: try again".into())
        }
    }
}

/// The edge that the caller speaks for, by the name that it gives itself.
async fn speaks_for(app: &App, caller: &Caller, named: String) -> Result<String, String> {
    let (edge, token) = match &caller.who {
        Who::Token { id: None, .. } => (edges::LOCAL.to_owned(), None),
        Who::Token { id, .. } => (named, *id),
        Who::Account { .. } => return Err("a person is no edge".into()),
    };
    if app.edges().is_taken(&edge, token) {
        return Err("another ingest has this name".into());
    }
    if is_foreign(app, caller, &edge) {
        return Err("the edge of that name carries cameras outside the token's halls".into());
    }
    if let Some(token) = token {
        claim(app, caller, &edge, token).await?;
    }
    Ok(edge)
}
