//! One look at a camera before it is taken into service.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::failure::Failure;
use super::{Camera, CameraConfig, CameraConfigError, CameraHandle, CameraHealth, CameraState};
use crate::picture::{Picture, PictureBudget};

/// How long a camera that was looked at is waited for to let go of the session.
const LETTING_GO: Duration = Duration::from_secs(2);

/// What a look at a camera showed.
#[derive(Clone, Debug)]
pub struct Look {
    /// Its health then: codec, size.
    pub health: CameraHealth,
    /// Its first picture.
    pub picture: Arc<Picture>,
}

/// Connects to a camera, waits for its first picture and lets go of it again.
///
/// # Errors
/// A configuration that cannot work; else why there is no picture, within `patience`, as the state that a camera in service would
/// have.
pub async fn probe(
    config: CameraConfig,
    budget: Arc<PictureBudget>,
    patience: Duration,
) -> Result<Result<Look, Failure>, CameraConfigError> {
    let stop = CancellationToken::new();
    // Also when whoever asked goes away.
    let _stopped = stop.clone().drop_guard();
    let handle = Camera::spawn(config, budget, &stop)?;
    let found = match timeout(patience, first_picture(&handle)).await {
        Ok(found) => found,
        Err(_) => Err(late(&handle.health().borrow())),
    };
    handle.stop();
    let _ = timeout(LETTING_GO, handle.stopped()).await;
    Ok(found)
}

async fn first_picture(handle: &CameraHandle) -> Result<Look, Failure> {
    let (mut health, mut pictures) = (handle.health(), handle.pictures());
    loop {
        let now = health.borrow_and_update().clone();
        let picture = pictures.borrow_and_update().clone();
        if let Some(picture) = picture {
            return Ok(Look {
                health: now,
                picture,
            });
        }
        if !matches!(now.state, CameraState::Connecting | CameraState::Live) {
            return Err(Failure {
                state: now.state,
                detail: now.detail,
            });
        }
        let changed = tokio::select! {
            changed = health.changed() => changed,
            changed = pictures.changed() => changed,
        };
        if changed.is_err() {
            return Err(CameraState::Stopped.into());
        }
    }
}

/// Why nothing was seen in time.
fn late(health: &CameraHealth) -> Failure {
    match health.state {
        CameraState::Live if health.picture_errors > 0 => {
            Failure::with(CameraState::Damaged, "its pictures cannot be decoded")
        }
        CameraState::Connecting => CameraState::Silent.into(),
        _ => CameraState::NoKeyFrame.into(),
    }
}
