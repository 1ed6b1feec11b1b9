//! Tells one ingest what it is to keep of its recordings.

use std::time::Duration;

use chrono::Utc;
use mingjing_ingest::uplink::protocol::{Pin, ToIngest};
use mingjing_monitor::store::StoreError;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::app::App;
use crate::store::pins;
use crate::uplink::ClockOffset;

/// Pins in one message at most.
const AT_ONCE: i64 = 200;
/// An ingest that has not written them down within this is asked again.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often is looked for what nobody said.
const LOOK: Duration = Duration::from_secs(60);

/// Tells `edge` what it has not written down yet, as it comes, until its connection ends (`outgoing` is closed then). What it says that it wrote
/// down comes through `written`.
pub async fn tell(
    app: App,
    edge: String,
    clock: ClockOffset,
    outgoing: mpsc::Sender<ToIngest>,
    mut written: mpsc::Receiver<Vec<(i64, i32)>>,
) {
    let mut changed = app.pins().watch();
    loop {
        let more = match batch(&app, &edge, clock, &outgoing, &mut written).await {
            Ok(more) => more,
            Err(error) => {
                tracing::debug!(edge, %error, "an ingest could not be told what it is to keep");
                false
            }
        };
        if more {
            continue;
        }
        tokio::select! {
            () = outgoing.closed() => return,
            _ = changed.changed() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Tells the next ones; true: there may be more.
async fn batch(
    app: &App,
    edge: &str,
    clock: ClockOffset,
    outgoing: &mpsc::Sender<ToIngest>,
    written: &mut mpsc::Receiver<Vec<(i64, i32)>>,
) -> Result<bool, StoreError> {
    let untold = pins::untold(app.db(), edge, AT_ONCE).await?;
    if untold.is_empty() {
        return Ok(false);
    }
    let pins = untold
        .iter()
        .map(|row| Pin {
            id: row.id,
            revision: row.revision,
            owner: format!("{}:{}#{}", row.kind, row.subject, row.id),
            camera: row.camera.clone(),
            keep: (!row.released).then(|| (clock.theirs(row.from_at), clock.theirs(row.to_at))),
        })
        .collect();
    if outgoing.send(ToIngest::Keep { pins }).await.is_err() {
        return Ok(false);
    }
    match timeout(PATIENCE, written.recv()).await {
        Ok(Some(done)) => {
            pins::told(app.db(), &done, Utc::now()).await?;
            Ok(!done.is_empty())
        }
        Ok(None) | Err(_) => Ok(false),
    }
}
