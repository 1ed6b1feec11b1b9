//! One look at a camera before it is taken into service.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::failure::Failure;
use super::{
    Camera, CameraConfig, CameraConfigError, CameraHandle, CameraHealth, CameraState, Service,
};
use crate::picture::{Picture, PictureBudget, Watching, is_decoded};

/// How long a camera that was looked at is waited for to let go of the session.
const LETTING_GO: Duration = Duration::from_secs(2);

/// What a look at a camera showed.
#[derive(Clone, Debug)]
pub struct Look {
    /// Its health then: codec, size.
    pub health: CameraHealth,
    /// Its first picture; `None`: it sends some, of a codec that is not decoded here.
    pub picture: Option<Arc<Picture>>,
}

/// Connects to a camera, and to its sub-stream where one is given, waits for the first picture and until it is known how the
/// sub-stream is, and lets go of it again.
///
/// # Errors
/// A configuration that cannot work; else why there is no picture, within `patience`, as the state that a camera in service would
/// have.
pub async fn probe(
    config: CameraConfig,
    sub: Option<CameraConfig>,
    budget: Arc<PictureBudget>,
    patience: Duration,
) -> Result<Result<Look, Failure>, CameraConfigError> {
    let stop = CancellationToken::new();
    // Also when whoever asked goes away.
    let _stopped = stop.clone().drop_guard();
    let service = Service {
        session: config,
        sub,
        recorder: None,
        watching: Watching::default(),
    };
    let handle = Camera::spawn_after(None, service, budget, &stop)?;
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
        let sub = now
            .sub
            .as_ref()
            .map(|sub| (sub.state, sub.codec.as_deref()));
        let undecoded = |codec: Option<&str>| codec.is_some_and(|codec| !is_decoded(codec));
        let none_comes = undecoded(now.codec.as_deref())
            && sub.is_none_or(|(state, codec)| !state.is_live() || undecoded(codec));
        let sub_known = sub.is_none_or(|(state, _)| state != CameraState::Connecting);
        if now.state.is_live() && sub_known && (picture.is_some() || none_comes) {
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
