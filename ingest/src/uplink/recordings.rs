//! Answers about recordings, and about cameras that are found and looked at before they are added: a socket each, so that they hold up neither
//! events nor live pictures.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::Utc;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

use super::protocol::{Answer, Ask, ByteRange, Fetched, VERSION};
use super::socket::{Endpoint, LinkError, Socket};
use crate::cameras::Cameras;
use crate::managed::Reach;
use crate::onvif::{self, Asked};
use crate::recording::Recorder;
use crate::recording::clip::{ClipError, Reader};
use crate::recording::sums::sums;

const PATH: &str = "/uplink/v1/recordings";

/// Messages waiting to be written.
const QUEUE: usize = 2;

/// Bytes of a message at most.
const MESSAGE: usize = 256 << 10;

/// A camera that is looked at shows its first picture within this, or the answer says why not.
const LOOK: Duration = Duration::from_secs(8);

/// Who looks at a clip and pauses takes nothing for a while; past this the player asks again.
const PATIENCE: Duration = Duration::from_secs(60);

/// What answers about recordings.
#[derive(Debug, Clone)]
pub(crate) struct Recordings {
    pub(crate) endpoint: Endpoint,
    /// Name of this ingest.
    pub(crate) name: String,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) cameras: Cameras,
}

impl Recordings {
    /// Answers one request.
    pub(super) async fn answer(self, request: u64, camera: String, ask: Ask) {
        if let Err(error) = self.try_answer(request, camera, ask).await {
            tracing::debug!(%error, "an answer about recordings was not taken to its end");
        }
    }

    async fn try_answer(self, request: u64, camera: String, ask: Ask) -> Result<(), LinkError> {
        let opening = self.endpoint.open_patient(PATH, QUEUE, PATIENCE);
        let recorder = Arc::clone(&self.recorder);
        let finding = tokio::task::spawn_blocking(move || find(&recorder, &camera, ask));
        let (socket, found) = tokio::join!(opening, finding);
        let found = found.unwrap_or((Answer::Unreadable, Follows::Nothing));
        self.tell(socket?, request, found).await
    }

    /// Looks at a camera for the console.
    pub(super) async fn look(self, request: u64, camera: String, reach: Reach) {
        let found = look(&self.cameras, &camera, &reach).await;
        self.found(request, found).await;
    }

    /// Looks for cameras in the networks of this machine.
    pub(super) async fn discover(self, request: u64) {
        let cameras = onvif::discover().await;
        let answer = Answer::Discovered { cameras };
        self.found(request, (answer, Follows::Nothing)).await;
    }

    /// Asks a camera for its streams.
    pub(super) async fn profiles(self, request: u64, asked: Asked) {
        let told = onvif::profiles(&asked, Utc::now()).await;
        let answer = Answer::Profiles { told };
        self.found(request, (answer, Follows::Nothing)).await;
    }

    /// Answers with what took a while to find out: the console does not wait so long for the first word of a socket.
    async fn found(self, request: u64, found: (Answer, Follows)) {
        let told = async {
            let socket = self.endpoint.open_patient(PATH, QUEUE, PATIENCE).await?;
            self.tell(socket, request, found).await
        };
        if let Err(error) = told.await {
            tracing::debug!(%error, "what was found out about cameras was not taken to its end");
        }
    }

    async fn tell(
        self,
        socket: Socket,
        request: u64,
        (answer, follows): (Answer, Follows),
    ) -> Result<(), LinkError> {
        let hello = Fetched {
            version: VERSION,
            edge: self.name,
            request,
            answer,
        };
        let hello = serde_json::to_string(&hello)
            .map_err(|error| LinkError::Protocol(error.to_string()))?;
        let Socket { outgoing, .. } = &socket;
        let outgoing = outgoing.clone();
        send(&outgoing, Message::text(hello)).await?;
        tokio::select! {
            sent = bytes(outgoing, follows) => sent?,
            error = closed(socket) => return Err(error),
        }
        Ok(())
    }
}

/// Comes when the console wants no more, or goes away.
async fn closed(mut socket: Socket) -> LinkError {
    loop {
        if let Err(error) = socket.text().await {
            return error;
        }
    }
}

async fn bytes(outgoing: mpsc::Sender<Message>, follows: Follows) -> Result<(), LinkError> {
    let mut reader = match follows {
        Follows::Nothing => None,
        Follows::Clip(reader) => Some(reader),
        Follows::Picture(jpeg) => return send(&outgoing, Message::Binary(jpeg)).await,
    };
    while let Some(mut reading) = reader.take() {
        let read = tokio::task::spawn_blocking(move || reading.read().map(|read| (reading, read)));
        let (reading, read) = match read.await {
            Ok(Ok(read)) => read,
            Ok(Err(error)) => {
                // Cut short, it is not taken for the whole.
                tracing::warn!(%error, "a recording cannot be read to its end");
                return Ok(());
            }
            Err(_) => return Ok(()),
        };
        let Some(mut read) = read else { return Ok(()) };
        while !read.is_empty() {
            let part: Bytes = read.split_to(read.len().min(MESSAGE));
            send(&outgoing, Message::Binary(part)).await?;
        }
        reader = Some(reading);
    }
    Ok(())
}

async fn send(outgoing: &mpsc::Sender<Message>, message: Message) -> Result<(), LinkError> {
    outgoing.send(message).await.map_err(|_| LinkError::Silent)
}

/// The bytes that follow an answer.
enum Follows {
    Nothing,
    Clip(Reader),
    Picture(Bytes),
}

/// What a look at a camera shows, and its picture.
async fn look(cameras: &Cameras, camera: &str, reach: &Reach) -> (Answer, Follows) {
    let unusable = |reason: String| (Answer::Unusable { reason }, Follows::Nothing);
    let (config, sub) = match reach.sessions(camera) {
        Ok(sessions) => sessions,
        Err(reason) => return unusable(reason),
    };
    match cameras.look(config, sub, LOOK).await {
        Err(error) => unusable(error.to_string()),
        Ok(Err(failure)) => {
            let answer = Answer::Looked {
                state: failure.state,
                detail: failure.detail,
                codec: None,
                width: None,
                height: None,
                sub: None,
                picture: false,
            };
            (answer, Follows::Nothing)
        }
        Ok(Ok(look)) => {
            let answer = Answer::Looked {
                state: look.health.state,
                detail: None,
                codec: look.health.codec,
                width: look.health.width,
                height: look.health.height,
                sub: look.health.sub,
                picture: look.picture.is_some(),
            };
            let jpeg = look.picture.map(|one| one.snapshot.jpeg.clone());
            (answer, jpeg.map_or(Follows::Nothing, Follows::Picture))
        }
    }
}

/// The answer, and the bytes that follow it.
fn find(recorder: &Recorder, camera: &str, ask: Ask) -> (Answer, Follows) {
    let unreadable = |error: std::io::Error| {
        tracing::warn!(camera, %error, "a recording cannot be read");
        (Answer::Unreadable, Follows::Nothing)
    };
    match ask {
        Ask::Coverage { from, to } => match recorder.coverage(camera, from, to, Utc::now()) {
            Some(found) => {
                let answer = Answer::Coverage {
                    spans: found.spans,
                    gaps: found.gaps,
                    pinned: found.pinned,
                    until: found.until,
                    begins: found.begins,
                };
                (answer, Follows::Nothing)
            }
            None => (Answer::Nothing, Follows::Nothing),
        },
        Ask::Clip { from, to, range } => {
            let clip = match recorder.clip(camera, from, to) {
                Ok(clip) => clip,
                Err(ClipError::Nothing) => return (Answer::Nothing, Follows::Nothing),
                Err(ClipError::Parameters(at)) => {
                    return (Answer::Parameters { at }, Follows::Nothing);
                }
                Err(ClipError::Unreadable(error)) => return unreadable(error),
            };
            let (len, tag) = (clip.len(), clip.tag.clone());
            let Some((first, last)) = range.unwrap_or(ByteRange::From(0)).within(len) else {
                return (Answer::OutOfRange { len }, Follows::Nothing);
            };
            let (begins, ends) = (clip.begins, clip.ends);
            let answer = Answer::Clip {
                len,
                first,
                last,
                tag,
                begins,
                ends,
            };
            (answer, Follows::Clip(clip.reader(first, last)))
        }
        Ask::Preview { at } => {
            let Some(archive) = recorder.of(camera) else {
                return (Answer::Nothing, Follows::Nothing);
            };
            match recorder.previews().of(camera, &archive, at) {
                Ok(Some(found)) => {
                    let captured_at = found.captured_at;
                    let picture = Follows::Picture(found.jpeg);
                    (Answer::Preview { captured_at }, picture)
                }
                Ok(None) => (Answer::Nothing, Follows::Nothing),
                Err(error) => unreadable(error),
            }
        }
        Ask::Sums { from, to } => {
            let Some(archive) = recorder.of(camera) else {
                return (Answer::Nothing, Follows::Nothing);
            };
            match sums(&archive, from, to) {
                Ok(files) => (Answer::Sums { files }, Follows::Nothing),
                Err(error) => unreadable(error),
            }
        }
    }
}
