//! What the console says is to be kept of recordings, written down where they lie.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::protocol::Pin;
use crate::recording::Recorder;

/// Writes these down; those that are safely on the disk, by number and revision. What fails is told again.
pub(super) async fn write_down(recorder: Arc<Recorder>, pins: Vec<Pin>) -> Vec<(i64, i32)> {
    let mut by_camera: BTreeMap<String, Vec<Pin>> = BTreeMap::new();
    for pin in pins {
        by_camera.entry(pin.camera.clone()).or_default().push(pin);
    }
    let mut written = Vec::new();
    for (camera, pins) in by_camera {
        let numbers = pins
            .iter()
            .map(|pin| (pin.id, pin.revision))
            .collect::<Vec<_>>();
        let changes = pins.into_iter().map(|pin| (pin.owner, pin.keep)).collect();
        match recorder.keep(&camera, changes).await {
            Ok(()) => written.extend(numbers),
            Err(error) => {
                tracing::error!(camera, %error, "what is to be kept of a recording could not be written down")
            }
        }
    }
    written
}
