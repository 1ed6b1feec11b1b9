//! The media socket: thumbnails and snapshots as they come, live video while somebody watches.
//!
//! Nothing here may slow a camera down or grow: the queue to the socket is short, each viewer reads its camera's ring at
//! the socket's pace, and one that falls behind jumps to the newest key frame ([`crate::camera::LiveStream`]).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::protocol::{MediaFrame, MediaToConsole, MediaToIngest, VERSION, camera_of_sub};
use super::recordings::Recordings;
use super::roster::{Roster, RosterView, Running};
use super::socket::{Endpoint, LinkError, PING, Socket};
use crate::media;
use crate::picture::Picture;

const PATH: &str = "/uplink/v1/media";

/// Messages waiting to be written. Short: what waits here is already old.
const QUEUE: usize = 16;

/// Cameras watched at once at most: more than any county has.
const MAX_WATCHED: usize = 10_000;

/// Answers about recordings at once at most.
const ANSWERS: usize = 64;

/// The task that keeps the media socket up.
pub(crate) struct MediaLink {
    pub(crate) endpoint: Endpoint,
    /// Name of this ingest.
    pub(crate) name: String,
    pub(crate) roster: Arc<Roster>,
    pub(crate) recordings: Recordings,
    pub(crate) shutdown: CancellationToken,
}

impl MediaLink {
    /// Starts the task.
    pub(crate) fn start(self) -> tokio::task::JoinHandle<()> {
        tokio::spawn(self.run())
    }

    async fn run(self) {
        let mut backoff = Backoff::default();
        loop {
            let ended = tokio::select! {
                () = self.shutdown.cancelled() => return,
                ended = self.connected(&mut backoff) => ended,
            };
            if let Err(error) = ended {
                // The events socket says it aloud.
                tracing::debug!(%error, "the media socket ended");
            }
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                () = tokio::time::sleep(backoff.next()) => {}
            }
        }
    }

    async fn connected(&self, backoff: &mut Backoff) -> Result<(), LinkError> {
        let mut socket = self.endpoint.open(PATH, QUEUE).await?;
        let hello = MediaToConsole::Hello {
            version: VERSION,
            edge: self.name.clone(),
        };
        let hello = text(&hello)?;
        socket
            .outgoing
            .try_send(hello)
            .map_err(|_| LinkError::Silent)?;
        let mut pumps = Pumps::new(&socket, self.recordings.clone());
        let mut roster = self.roster.subscribe();
        pumps.follow(&roster.borrow_and_update());
        let mut ping = tokio::time::interval(PING);
        ping.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let opened = tokio::time::Instant::now();
        loop {
            tokio::select! {
                message = socket.text() => {
                    let message = serde_json::from_str(&message?)
                        .map_err(|error| LinkError::Protocol(error.to_string()))?;
                    pumps.asked(message, &roster.borrow());
                }
                _ = ping.tick() => {
                    socket.ping()?;
                    // No welcome is said here: a connection that lasts was accepted.
                    if opened.elapsed() > Duration::from_secs(5) {
                        backoff.reset();
                    }
                }
                Ok(()) = roster.changed() => pumps.follow(&roster.borrow_and_update()),
                Some(_) = pumps.tasks.join_next() => {}
            }
        }
    }
}

fn text(message: &MediaToConsole) -> Result<Message, LinkError> {
    serde_json::to_string(message)
        .map(Message::text)
        .map_err(|error| LinkError::Protocol(error.to_string()))
}

/// The tasks of one connection; they end with it.
struct Pumps {
    outgoing: mpsc::Sender<Message>,
    tasks: JoinSet<()>,
    pictures: HashMap<String, (u64, tokio::task::AbortHandle)>,
    /// What the console watches; without a task while the camera is not here.
    watched: HashMap<String, Option<(u64, tokio::task::AbortHandle)>>,
    recordings: Recordings,
    /// Each answer about recordings that is under way.
    answers: Arc<Semaphore>,
}

impl Pumps {
    fn new(socket: &Socket, recordings: Recordings) -> Self {
        Self {
            outgoing: socket.outgoing.clone(),
            tasks: JoinSet::new(),
            pictures: HashMap::new(),
            watched: HashMap::new(),
            recordings,
            answers: Arc::new(Semaphore::new(ANSWERS)),
        }
    }

    /// Follows the roster: pictures of every camera, and live video of those watched, also when one got a new session.
    fn follow(&mut self, roster: &RosterView) {
        self.pictures.retain(|id, (generation, task)| {
            let same = roster
                .get(id)
                .is_some_and(|running| running.generation == *generation);
            if !same {
                task.abort();
            }
            same
        });
        for (id, running) in roster.iter() {
            if !self.pictures.contains_key(id) {
                let pump =
                    pump_pictures(id.clone(), running.handle.pictures(), self.outgoing.clone());
                let task = self.tasks.spawn(pump);
                self.pictures.insert(id.clone(), (running.generation, task));
            }
        }
        let watched = self.watched.iter();
        let begun = watched.map(|(stream, task)| (stream, task.as_ref().map(|(begun, _)| *begun)));
        let anew: Vec<String> = begun
            .filter(|(stream, begun)| {
                let now = running(roster, stream).map(|running| running.generation);
                now.is_some() && now != *begun
            })
            .map(|(stream, _)| stream.clone())
            .collect();
        for stream in anew {
            self.watch(stream, roster);
        }
    }

    /// Gives an answer beside all else, where there are not too many already.
    fn answer(&mut self, answer: impl Future<Output = ()> + Send + 'static) {
        match Arc::clone(&self.answers).try_acquire_owned() {
            Ok(place) => {
                self.tasks.spawn(async move {
                    answer.await;
                    drop(place);
                });
            }
            Err(_) => tracing::warn!(
                "the console asks for too much at once: the request is left unanswered"
            ),
        }
    }

    fn asked(&mut self, message: MediaToIngest, roster: &RosterView) {
        match message {
            MediaToIngest::Watch { camera } if self.watched.len() < MAX_WATCHED => {
                self.watch(camera, roster);
            }
            MediaToIngest::Watch { camera } => {
                tracing::warn!(camera, "too many cameras are watched at once")
            }
            MediaToIngest::Fetch {
                request,
                camera,
                ask,
            } => self.answer(self.recordings.clone().answer(request, camera, ask)),
            MediaToIngest::Look {
                request,
                camera,
                reach,
            } => self.answer(self.recordings.clone().look(request, camera, reach)),
            MediaToIngest::Discover { request } => {
                self.answer(self.recordings.clone().discover(request));
            }
            MediaToIngest::Profiles { request, asked } => {
                self.answer(self.recordings.clone().profiles(request, asked));
            }
            MediaToIngest::Unwatch { camera } => {
                if let Some(Some((_, task))) = self.watched.remove(&camera) {
                    task.abort();
                }
            }
        }
    }

    /// Starts (afresh) with the newest group of pictures; a camera that is not here yet begins when it comes.
    fn watch(&mut self, stream: String, roster: &RosterView) {
        let begun = running(roster, &stream).and_then(|running| {
            let live = match camera_of_sub(&stream) {
                Some(_) => running.handle.subscribe_sub()?,
                None => running.handle.subscribe(),
            };
            let pump = pump_live(stream.clone(), live, self.outgoing.clone());
            Some((running.generation, self.tasks.spawn(pump)))
        });
        if let Some(Some((_, old))) = self.watched.insert(stream, begun) {
            old.abort();
        }
    }
}

/// The camera that a stream is of.
fn running<'a>(roster: &'a RosterView, stream: &str) -> Option<&'a Running> {
    roster.get(camera_of_sub(stream).unwrap_or(stream))
}

/// Sends each picture that is newer than the last one sent; those that came while the socket was busy are skipped.
async fn pump_pictures(
    camera: String,
    mut pictures: watch::Receiver<Option<Arc<Picture>>>,
    outgoing: mpsc::Sender<Message>,
) {
    let mut sent: (Option<DateTime<Utc>>, Option<DateTime<Utc>>) = (None, None);
    loop {
        let newest = pictures.borrow_and_update().clone();
        if let Some(picture) = newest {
            let mut frames = Vec::with_capacity(2);
            if sent.0 != Some(picture.captured_at) {
                sent.0 = Some(picture.captured_at);
                frames.push(MediaFrame::Thumbnail {
                    camera: camera.clone(),
                    captured_at: picture.captured_at,
                    jpeg: picture.thumbnail.clone(),
                });
            }
            if sent.1 != Some(picture.snapshot.captured_at) {
                sent.1 = Some(picture.snapshot.captured_at);
                frames.push(MediaFrame::Snapshot {
                    camera: camera.clone(),
                    captured_at: picture.snapshot.captured_at,
                    jpeg: picture.snapshot.jpeg.clone(),
                });
            }
            for frame in frames {
                let Ok(bytes) = frame.encode() else { return };
                if outgoing.send(Message::Binary(bytes)).await.is_err() {
                    return;
                }
            }
        }
        if pictures.changed().await.is_err() {
            return;
        }
    }
}

/// Sends live video until the camera is taken out of service.
async fn pump_live(
    camera: String,
    mut stream: crate::camera::LiveStream,
    outgoing: mpsc::Sender<Message>,
) {
    while let Some(message) = stream.next().await {
        for message in messages(&camera, message) {
            if outgoing.send(message).await.is_err() {
                return;
            }
        }
    }
}

/// The socket's messages for one of a camera's.
fn messages(camera: &str, message: media::Message) -> Vec<Message> {
    let camera = camera.to_owned();
    let (control, frame) = match message {
        media::Message::Init(init) => (
            Some(MediaToConsole::Init {
                camera: camera.clone(),
                codec: init.codec.clone(),
                width: init.width,
                height: init.height,
            }),
            Some(MediaFrame::Init {
                camera,
                segment: init.segment.clone(),
            }),
        ),
        media::Message::Fragment(fragment) => (
            None,
            Some(MediaFrame::Fragment {
                camera,
                key: fragment.key,
                captured_at: fragment.captured_at,
                bytes: fragment.bytes,
            }),
        ),
        media::Message::Dropped { frames } => {
            (Some(MediaToConsole::Dropped { camera, frames }), None)
        }
        media::Message::Offline { since, state } => (
            Some(MediaToConsole::Offline {
                camera,
                since,
                state,
            }),
            None,
        ),
    };
    let control = control.and_then(|control| text(&control).ok());
    let frame = frame
        .and_then(|frame| frame.encode().ok())
        .map(Message::Binary);
    control.into_iter().chain(frame).collect()
}
