//! Which camera comes from where, and who watches it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use mingjing_ingest::camera::{CameraState, LiveHub, LiveStream};
use mingjing_ingest::managed::Reach;
use mingjing_ingest::media::{Fragment, InitSegment, Message};
use mingjing_ingest::onvif::Asked;
use mingjing_ingest::uplink::protocol::{Ask, MediaFrame, MediaToConsole, MediaToIngest};
use tokio::sync::{mpsc, oneshot};
use tracing::warn;

use super::fetch::{ANSWER, FetchError, Found, LOOK, Waiting};

/// Control messages waiting for an edge. A full queue means that its socket is dead; it learns everything anew when it
/// comes back.
const CONTROL_QUEUE: usize = 1_024;

/// A decoded key frame as JPEG.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// When the camera took it.
    pub captured_at: DateTime<Utc>,
    /// The file.
    pub jpeg: Bytes,
}

/// All cameras of all edges. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct MediaHub {
    inner: Arc<Mutex<Inner>>,
    waiting: Waiting,
}

#[derive(Debug, Default)]
struct Inner {
    cameras: HashMap<String, Camera>,
    edges: HashMap<String, Edge>,
    next_attachment: u64,
}

#[derive(Debug)]
struct Edge {
    attachment: u64,
    control: mpsc::Sender<MediaToIngest>,
}

#[derive(Debug, Default)]
struct Camera {
    edge: String,
    live: LiveHub,
    viewers: usize,
    /// Parameters that were announced; their segment is the next binary message.
    announced: Option<(String, u16, u16)>,
    init: Option<Arc<InitSegment>>,
    thumbnail: Option<Picture>,
    snapshot: Option<Picture>,
}

impl MediaHub {
    /// Makes `cameras` the ones that `edge` carries. A camera that another edge carried moves here; one that is no longer
    /// named ends for its viewers.
    pub fn assign(&self, edge: &str, cameras: impl IntoIterator<Item = String>) {
        let mut inner = self.lock();
        let named: Vec<String> = cameras.into_iter().collect();
        inner.cameras.retain(|id, camera| {
            let stays = camera.edge != edge || named.contains(id);
            if !stays {
                camera.live.close();
            }
            stays
        });
        for id in named {
            inner.cameras.entry(id).or_default().edge = edge.to_owned();
        }
    }

    /// An edge's media socket is open: what must be sent to it comes out of the receiver, first the cameras that are
    /// being watched. Dropping the attachment tells the viewers that nothing is known any more.
    pub fn attach(&self, edge: &str) -> (Attachment, mpsc::Receiver<MediaToIngest>) {
        let (control, outgoing) = mpsc::channel(CONTROL_QUEUE);
        let mut inner = self.lock();
        let attachment = inner.next_attachment;
        inner.next_attachment += 1;
        for (id, _) in inner
            .cameras
            .iter()
            .filter(|(_, camera)| camera.edge == edge && camera.viewers > 0)
        {
            let camera = id.clone();
            let _ = control.try_send(MediaToIngest::Watch { camera });
        }
        inner.edges.insert(
            edge.to_owned(),
            Edge {
                attachment,
                control,
            },
        );
        let attachment = Attachment {
            hub: self.clone(),
            edge: edge.to_owned(),
            number: attachment,
        };
        (attachment, outgoing)
    }

    /// Begins to watch a camera; `None` when no edge ever named it.
    pub fn watch(&self, id: &str, now: DateTime<Utc>) -> Option<Viewer> {
        let mut inner = self.lock();
        let Inner { cameras, edges, .. } = &mut *inner;
        let camera = cameras.get_mut(id)?;
        camera.viewers += 1;
        match edges.get(&camera.edge) {
            Some(edge) if camera.viewers == 1 => edge.ask(MediaToIngest::Watch {
                camera: id.to_owned(),
            }),
            Some(_) => {}
            None => camera.live.offline(now, CameraState::Unknown),
        }
        Some(Viewer {
            stream: camera.live.subscribe(),
            hub: self.clone(),
            camera: id.to_owned(),
        })
    }

    /// The newest thumbnail, about 320 pixels wide.
    pub fn thumbnail(&self, id: &str) -> Option<Picture> {
        self.lock().cameras.get(id)?.thumbnail.clone()
    }

    /// The newest full picture.
    pub fn snapshot(&self, id: &str) -> Option<Picture> {
        self.lock().cameras.get(id)?.snapshot.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the edge of a camera about its recordings.
    ///
    /// # Errors
    /// When there is no edge that could answer, or it does not.
    pub async fn fetch(&self, camera: &str, ask: Ask) -> Result<Found, FetchError> {
        let edge = {
            let inner = self.lock();
            let known = inner.cameras.get(camera).ok_or(FetchError::Unknown)?;
            known.edge.clone()
        };
        self.fetch_at(&edge, camera, ask).await
    }

    /// Asks an edge about its recordings of a camera, which it need not carry any more.
    ///
    /// # Errors
    /// When the edge is not there, or does not answer.
    pub async fn fetch_at(&self, edge: &str, camera: &str, ask: Ask) -> Result<Found, FetchError> {
        let camera = camera.to_owned();
        let message = |request| MediaToIngest::Fetch {
            request,
            camera,
            ask,
        };
        self.ask(edge, ANSWER, message).await
    }

    /// Asks an edge to look at a camera once, which need not be known.
    ///
    /// # Errors
    /// When the edge is not there, or does not answer.
    pub async fn look(&self, edge: &str, camera: &str, reach: Reach) -> Result<Found, FetchError> {
        let message = |request| MediaToIngest::Look {
            request,
            camera: camera.to_owned(),
            reach,
        };
        self.ask(edge, LOOK, message).await
    }

    /// Asks an edge to look for cameras in its networks.
    ///
    /// # Errors
    /// When the edge is not there, or does not answer.
    pub async fn discover(&self, edge: &str) -> Result<Found, FetchError> {
        let message = |request| MediaToIngest::Discover { request };
        self.ask(edge, LOOK, message).await
    }

    /// Has an edge ask a camera in one of its networks for its streams.
    ///
    /// # Errors
    /// When the edge is not there, or does not answer.
    pub async fn profiles(&self, edge: &str, asked: Asked) -> Result<Found, FetchError> {
        let message = |request| MediaToIngest::Profiles { request, asked };
        self.ask(edge, LOOK, message).await
    }

    async fn ask(
        &self,
        edge: &str,
        patience: Duration,
        message: impl FnOnce(u64) -> MediaToIngest,
    ) -> Result<Found, FetchError> {
        let control = {
            let inner = self.lock();
            let there = inner.edges.get(edge).ok_or(FetchError::Away)?;
            there.control.clone()
        };
        let edge = edge.to_owned();
        self.waiting.ask(edge, control, patience, message).await
    }

    /// Who waits for an answer of `edge` to this request.
    pub fn waiting(&self, request: u64, edge: &str) -> Option<oneshot::Sender<Found>> {
        self.waiting.take(request, edge)
    }
}

impl Edge {
    fn ask(&self, message: MediaToIngest) {
        if self.control.try_send(message).is_err() {
            warn!("an edge's media socket takes no more control messages");
        }
    }
}

/// One open media socket of an edge.
#[derive(Debug)]
pub struct Attachment {
    hub: MediaHub,
    edge: String,
    number: u64,
}

impl Attachment {
    /// A text message of the edge. What it says of a camera that it does not carry is left unheard.
    pub fn text(&self, message: MediaToConsole) {
        match message {
            MediaToConsole::Hello { .. } => {}
            MediaToConsole::Init {
                camera,
                codec,
                width,
                height,
            } => self.with(&camera, |camera| {
                camera.announced = Some((codec, width, height));
            }),
            MediaToConsole::Dropped { camera, frames } => {
                self.with(&camera, |camera| camera.live.left_out(frames));
            }
            MediaToConsole::Offline {
                camera,
                since,
                state,
            } => self.with(&camera, |camera| {
                camera.init = None;
                camera.live.offline(since, state);
            }),
        }
    }

    /// A binary message of the edge.
    pub fn frame(&self, frame: MediaFrame) {
        match frame {
            MediaFrame::Init { camera, segment } => self.with(&camera, |camera| {
                if let Some((codec, width, height)) = camera.announced.take() {
                    camera.init = Some(Arc::new(InitSegment {
                        codec,
                        width,
                        height,
                        segment,
                        with_audio: None,
                    }));
                }
            }),
            MediaFrame::Fragment {
                camera,
                key,
                captured_at,
                bytes,
            } => self.with(&camera, |camera| {
                let Some(init) = &camera.init else { return };
                let sequence = camera.live.next_sequence();
                camera.live.publish(
                    init,
                    Fragment {
                        bytes,
                        audio: Bytes::new(),
                        key,
                        captured_at,
                        sequence,
                    },
                );
            }),
            MediaFrame::Thumbnail {
                camera,
                captured_at,
                jpeg,
            } => self.with(&camera, |camera| {
                camera.thumbnail = Some(Picture { captured_at, jpeg });
            }),
            MediaFrame::Snapshot {
                camera,
                captured_at,
                jpeg,
            } => self.with(&camera, |camera| {
                camera.snapshot = Some(Picture { captured_at, jpeg });
            }),
        }
    }

    fn with(&self, id: &str, change: impl FnOnce(&mut Camera)) {
        if let Some(camera) = self.hub.lock().cameras.get_mut(id)
            && camera.edge == self.edge
        {
            change(camera);
        }
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        let now = Utc::now();
        let mut inner = self.hub.lock();
        // A reconnect may have come before the old socket was found dead.
        if inner
            .edges
            .get(&self.edge)
            .is_none_or(|edge| edge.attachment != self.number)
        {
            return;
        }
        inner.edges.remove(&self.edge);
        for camera in inner.cameras.values_mut() {
            if camera.edge == self.edge {
                camera.init = None;
                camera.live.offline(now, CameraState::Unknown);
            }
        }
    }
}

/// Somebody who watches a camera. Dropping it is to stop; the last one stops the video on the uplink.
#[derive(Debug)]
pub struct Viewer {
    stream: LiveStream,
    hub: MediaHub,
    camera: String,
}

impl Viewer {
    /// What comes next; `None` once the camera is taken out of service.
    pub async fn next(&mut self) -> Option<Message> {
        self.stream.next().await
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        let mut inner = self.hub.lock();
        let Inner { cameras, edges, .. } = &mut *inner;
        let Some(camera) = cameras.get_mut(&self.camera) else {
            return;
        };
        camera.viewers = camera.viewers.saturating_sub(1);
        if camera.viewers == 0 {
            camera.init = None;
            camera.live.clear();
            if let Some(edge) = edges.get(&camera.edge) {
                edge.ask(MediaToIngest::Unwatch {
                    camera: self.camera.clone(),
                });
            }
        }
    }
}
