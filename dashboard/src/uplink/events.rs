//! `/uplink/v1/events`: batches and camera health come up, acknowledgements and tokens go down.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use chrono::{DateTime, Utc};
use mingjing_ingest::uplink::protocol::{
    BatchOutcome, CameraDescription, Rejection, ToConsole, ToIngest, VERSION, sub_stream,
};
use mingjing_monitor::audit::Action;
use mingjing_monitor::event::CaseEvent;
use mingjing_monitor::store::{StoreError, events, halls, sources, tokens as stored_tokens, ways};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::clock::ClockOffset;
use super::edges::LOCAL;
use super::{REFUSED, SILENCE, STUCK, claim, close, edges, is_foreign, scope, tokens};
use crate::app::{App, SourceTokens};
use crate::audit::{Record, Trail};
use crate::caller::{Caller, Who};
use crate::cameras::{self, push};
use crate::engine::NotThere;
use crate::live::ended;
use crate::pins;

/// Batches waiting for the writer, of one edge. An ingest has fewer under way.
const QUEUE: usize = 64;
/// Largest message: 10,000 events.
const MAX_MESSAGE: usize = 64 << 20;
/// What an ingest waits before it sends a batch again.
const RETRY_MS: u64 = 1_000;
/// An ingest whose clock is off by more is told of in the log.
const CLOCK: i64 = 5;

/// Opens the socket.
pub async fn open(State(app): State<App>, caller: Caller, upgrade: WebSocketUpgrade) -> Response {
    upgrade
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .on_upgrade(move |socket| async move { serve(app, caller, socket).await })
}

struct Batch {
    number: u64,
    initial_load: bool,
    spooled: bool,
    token: Option<String>,
    events: Vec<CaseEvent>,
}

async fn serve(app: App, caller: Caller, mut socket: WebSocket) {
    let hello = match greet(&mut socket).await {
        Ok(Some(hello)) => hello,
        Ok(None) => return,
        Err(reason) => return close(socket, REFUSED, reason).await,
    };
    let (edge, token, clock) = match &caller.who {
        Who::Token { id: None, .. } => (LOCAL.to_owned(), None, ClockOffset::default()),
        Who::Token { id, .. } => (hello.edge, *id, hello.clock),
        Who::Account { .. } => return,
    };
    if is_foreign(&app, &caller, &edge) {
        let reason = "the edge of that name carries cameras outside the token's halls".into();
        return close(socket, REFUSED, reason).await;
    }
    if let Some(token) = token
        && let Err(reason) = claim(&app, &caller, &edge, token).await
    {
        tracing::warn!(edge, token, "an ingest is refused: {reason}");
        return close(socket, REFUSED, reason).await;
    }
    let Some(number) = app.edges().connected(&edge, token, clock) else {
        tracing::warn!(edge, token, "another ingest has this name");
        let reason = format!("another ingest is called {edge:.40}: set another `name` here");
        return close(socket, REFUSED, reason).await;
    };
    if clock.seconds().abs() > CLOCK {
        tracing::warn!(
            edge,
            offset_seconds = clock.seconds(),
            "the clock of an ingest is off: set it by NTP; until then its times are put right here"
        );
    }
    let session = Session {
        app: app.clone(),
        caller,
        edge: edge.clone(),
        clock,
        keeps: hello.keeps,
    };
    let mut heard = Utc::now();
    if let Some(tokens) = session.welcome(&mut socket).await {
        // Opened where it is not known: the first connection makes the edge known.
        app.outages().begins("edge", &edge, heard);
        app.outages().over("edge", &edge, heard);
        tracing::info!(edge, program = hello.program, "an ingest is connected");
        session.run(socket, tokens, hello.cameras, &mut heard).await;
    }
    if app.edges().disconnected(&edge, number, heard) && !app.stopping().is_cancelled() {
        tracing::warn!(edge, "an ingest is gone: its cameras are unknown");
        app.outages().begins("edge", &edge, heard);
        app.outages().write(app.db()).await;
        let cameras: Vec<String> = app
            .directory()
            .cameras()
            .filter(|camera| camera.edge == edge)
            .map(|camera| camera.id.clone())
            .collect();
        cameras.iter().for_each(|camera| edges::tell(&app, camera));
    }
}

struct Hello {
    edge: String,
    program: String,
    clock: ClockOffset,
    cameras: Vec<CameraDescription>,
    keeps: bool,
}

/// The first message. `Ok(None)`: it went away.
async fn greet(socket: &mut WebSocket) -> Result<Option<Hello>, String> {
    let message = match timeout(SILENCE, socket.recv()).await {
        Ok(Some(Ok(Message::Text(text)))) => text,
        Ok(Some(Ok(_))) => return Err("the first message must be the hello, as JSON text".into()),
        _ => return Ok(None),
    };
    let hello = serde_json::from_str(&message)
        .map_err(|error| format!("the hello is not understood: {error}"))?;
    let ToConsole::Hello {
        version,
        edge,
        program,
        now,
        cameras,
        keeps,
    } = hello
    else {
        return Err("the first message must be the hello".into());
    };
    if version != VERSION {
        return Err(format!(
            "this console speaks version {VERSION} of the uplink, the ingest version {version}"
        ));
    }
    if edge.is_empty() || edge.len() > 128 {
        return Err("an ingest needs a name of 1 to 128 bytes".into());
    }
    Ok(Some(Hello {
        edge,
        program,
        clock: ClockOffset::between(now, Utc::now()),
        cameras,
        keeps,
    }))
}

#[derive(Clone)]
struct Session {
    app: App,
    caller: Caller,
    edge: String,
    clock: ClockOffset,
    /// It can be told what it is to keep of its recordings.
    keeps: bool,
}

/// The ways from a session to what goes on beside it.
struct Ways {
    batches: mpsc::Sender<Batch>,
    answers: mpsc::Sender<ToIngest>,
    kept: mpsc::Sender<Vec<(i64, i32)>>,
    settled: watch::Sender<push::Said>,
}

impl Session {
    /// Serves the connection until it ends; `last` is when the ingest was last heard.
    async fn run(
        &self,
        mut socket: WebSocket,
        mut tokens: watch::Receiver<Option<SourceTokens>>,
        mut cameras: Vec<CameraDescription>,
        last: &mut DateTime<Utc>,
    ) {
        let (batches, queue) = mpsc::channel(QUEUE);
        let (answers, mut outgoing) = mpsc::channel(QUEUE * 2);
        let committing = tokio::spawn(self.clone().commit(queue, answers.clone()));
        let (kept, written) = mpsc::channel(1);
        if self.keeps {
            let (app, edge, answers) = (self.app.clone(), self.edge.clone(), answers.clone());
            tokio::spawn(pins::tell(app, edge, self.clock, answers, written));
        }
        let (settled, said) = watch::channel(None);
        // The console's own ingest follows the table itself.
        if self.edge != LOCAL {
            let (app, edge, answers) = (self.app.clone(), self.edge.clone(), answers.clone());
            tokio::spawn(push::follow(app, edge, self.caller.clone(), answers, said));
        }
        let ways = Ways {
            batches,
            answers,
            kept,
            settled,
        };
        let ended = ended(&self.app, &self.caller);
        tokio::pin!(ended);
        let mut directory = self.app.watch_directory();
        self.cameras(&cameras).await;
        loop {
            let sent = tokio::select! {
                message = timeout(SILENCE, socket.recv()) => match heard(message, last) {
                    Ok(Some(Ok(Message::Text(text)))) => match serde_json::from_str(&text) {
                        Ok(ToConsole::Cameras { cameras: now }) => {
                            cameras = now;
                            self.cameras(&cameras).await;
                            true
                        }
                        Ok(message) => { self.heard(message, &cameras, &ways).await; true }
                        Err(error) => {
                            tracing::warn!(edge = self.edge, %error, "an ingest sent what is not understood");
                            break close(socket, REFUSED, "a message is not understood".into()).await;
                        }
                    },
                    Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) | Err(_) => break,
                    Ok(Some(Ok(_))) => true,
                },
                Some(answer) = outgoing.recv() => send(&mut socket, &answer).await,
                changed = tokens.changed() => {
                    let list = tokens.borrow_and_update().clone();
                    match list {
                        Some(list) if changed.is_ok() => {
                            let tokens = tokens::for_scope(&list, &scope(&self.app, &self.caller), &self.app.directory());
                            send(&mut socket, &ToIngest::Tokens { tokens }).await
                        }
                        _ => true,
                    }
                }
                _ = directory.changed() => {
                    // Halls came or went: what the tokens speak for, and which cameras have a hall.
                    self.cameras(&cameras).await;
                    let list = tokens.borrow().clone().unwrap_or_default();
                    let tokens = tokens::for_scope(&list, &scope(&self.app, &self.caller), &self.app.directory());
                    send(&mut socket, &ToIngest::Tokens { tokens }).await
                }
                (code, _) = &mut ended, if !self.app.stopping().is_cancelled() => {
                    // It also ends with the console; the branch below then has the word.
                    if self.app.stopping().is_cancelled() {
                        continue;
                    }
                    break close(socket, code, "the token was revoked, ran out or covers other halls now".into()).await;
                }
                () = self.app.stopping().cancelled() => {
                    // What is committed is still acknowledged.
                    drop(ways);
                    let _ = timeout(Duration::from_secs(3), committing).await;
                    while let Ok(answer) = outgoing.try_recv() {
                        if !send(&mut socket, &answer).await { break }
                    }
                    return close(socket, 1001, "the console is being restarted".into()).await;
                }
            };
            if !sent {
                break;
            }
        }
    }

    /// Sends the welcome once the tokens are known: an ingest must not forget the ones it has for want of a database.
    async fn welcome(
        &self,
        socket: &mut WebSocket,
    ) -> Option<watch::Receiver<Option<SourceTokens>>> {
        let mut tokens = self.app.watch_tokens();
        let list = tokio::select! {
            list = tokens.wait_for(Option::is_some) => list.ok()?.clone()?,
            () = self.app.stopping().cancelled() => return None,
        };
        let tokens_now = tokens::for_scope(
            &list,
            &scope(&self.app, &self.caller),
            &self.app.directory(),
        );
        let welcome = ToIngest::Welcome {
            version: VERSION,
            tokens: tokens_now,
        };
        send(socket, &welcome).await.then_some(tokens)
    }

    async fn heard(&self, message: ToConsole, cameras: &[CameraDescription], ways: &Ways) {
        match message {
            ToConsole::Batch {
                number,
                initial_load,
                spooled,
                token,
                events,
            } => {
                let batch = Batch {
                    number,
                    initial_load,
                    spooled,
                    token,
                    events,
                };
                // Never wait here: an ingest that hears nothing for eight seconds believes us dead.
                if ways.batches.try_send(batch).is_err() {
                    let _ = ways.answers.try_send(ToIngest::Retry {
                        number,
                        after_ms: RETRY_MS,
                    });
                }
            }
            // Nobody asked: nothing is lost.
            ToConsole::Kept { pins } => drop(ways.kept.try_send(pins)),
            ToConsole::Managed { number, cameras } => {
                ways.settled.send_replace(Some((number, cameras)));
            }
            ToConsole::CameraHealth(mut health) => {
                let camera = health.camera.clone();
                let directory = self.app.directory();
                let registered = directory.camera(&camera);
                if registered.is_some_and(|row| row.edge == self.edge) {
                    self.clock.health(&mut health);
                    self.app.edges().heard(&self.edge, health, Utc::now());
                    edges::tell(&self.app, &camera);
                } else if cameras
                    .iter()
                    .any(|one| one.id == camera && self.may_carry(one))
                {
                    // The ingest that carried it has given it up since.
                    self.cameras(cameras).await;
                }
            }
            ToConsole::Cameras { .. } | ToConsole::Hello { .. } => {
                tracing::warn!(edge = self.edge, "an ingest greets twice");
            }
        }
    }

    /// Whether a camera stands in a hall that the edge's token speaks for, is known in no hall outside, and no other ingest
    /// carries it: an edge moves no camera of somebody else's into its own halls. Of a camera that people manage on the pages the
    /// table says who carries it, also while another ingest has not given it up yet.
    fn may_carry(&self, camera: &CameraDescription) -> bool {
        let (directory, top) = (self.app.directory(), scope(&self.app, &self.caller).hall);
        let known = directory.camera(&camera.id);
        let inside = directory.tree().contains(&top, &camera.hall)
            && known.is_none_or(|known| directory.tree().contains(&top, &known.hall));
        let its = match directory.given_to(&camera.id) {
            Some(edge) => edge == self.edge,
            // It was taken away, and the edge does not know it yet.
            None if camera.managed => false,
            None => {
                let edges = self.app.edges();
                edges.carried_by_another(&camera.id, &self.edge).is_none()
            }
        };
        // Or it would go by the name of another camera's sub-stream.
        let plain = !camera.id.chars().any(char::is_control);
        plain && inside && its
    }

    /// Registers the cameras that the edge [may carry](Self::may_carry).
    async fn cameras(&self, cameras: &[CameraDescription]) {
        let directory = self.app.directory();
        let (mine, others): (Vec<_>, Vec<_>) =
            cameras.iter().partition(|camera| self.may_carry(camera));
        for camera in others.iter().filter(|camera| !camera.managed) {
            let another = self.app.edges().carried_by_another(&camera.id, &self.edge);
            tracing::warn!(
                edge = self.edge,
                camera = camera.id,
                hall = camera.hall,
                another,
                "a camera is left out: another ingest carries it, or its hall is not known, or its ingest's token does not \
                 speak for that hall"
            );
        }
        let ids: HashSet<String> = mine.iter().map(|camera| camera.id.clone()).collect();
        let subs = mine.iter().filter(|camera| camera.sub);
        let streams: Vec<String> = subs
            .map(|camera| sub_stream(&camera.id))
            .chain(ids.iter().cloned())
            .collect();
        let rows: Vec<halls::Camera> = mine
            .into_iter()
            .map(|camera| halls::Camera {
                id: camera.id.clone(),
                hall: camera.hall.clone(),
                name: camera.name.clone(),
                windows: camera.windows.clone(),
                edge: self.edge.clone(),
            })
            .filter(|row| directory.camera(&row.id) != Some(row) && self.makes_known(&row.id))
            .collect();
        if !rows.is_empty()
            && let Err(error) = self.register(&rows).await
        {
            tracing::warn!(edge = self.edge, %error, "cameras could not be registered");
        }
        self.app.edges().carries(&self.edge, &ids);
        self.app.media().assign(&self.edge, streams);
    }

    /// Whether a list of this edge makes a camera known: of the cameras that people manage on the pages the table alone says so,
    /// or a list that is under way would bring back what somebody has just taken away.
    fn makes_known(&self, camera: &str) -> bool {
        match self.edge.as_str() {
            LOCAL => cameras::in_file(&self.app, camera),
            _ => self.app.directory().given_to(camera).is_none(),
        }
    }

    async fn register(&self, rows: &[halls::Camera]) -> Result<(), StoreError> {
        let mut connection = self.app.db().acquire().await?;
        halls::upsert_cameras(&mut connection, rows).await?;
        drop(connection);
        self.app.reload_directory().await
    }
}

async fn send(socket: &mut WebSocket, message: &ToIngest) -> bool {
    let Ok(json) = serde_json::to_string(message) else {
        return false;
    };
    matches!(
        timeout(STUCK, socket.send(Message::Text(json.into()))).await,
        Ok(Ok(()))
    )
}

/// Notes when a message came.
fn heard<T, E>(message: Result<T, E>, last: &mut DateTime<Utc>) -> Result<T, E> {
    if message.is_ok() {
        *last = Utc::now();
    }
    message
}

/// Writes down that history is posted, and with whose token: what comes so counts as received when it happened.
async fn history_loaded(app: &App, caller: &Caller, sha256: Option<&str>) {
    let hash = sha256.and_then(|sha256| hex::decode(sha256).ok());
    let token = match hash {
        Some(hash) => stored_tokens::by_hash(app.db(), &hash, Utc::now())
            .await
            .ok()
            .flatten(),
        None => None,
    };
    let mut used = Record::of(Action::HistoryLoaded);
    if let Some(token) = token {
        used = used.on("token", token.id).hall(token.hall);
    }
    Trail::new(Some(caller), None).tally(app, used).await;
}

impl Session {
    /// Hands batches to the writer one after the other, and answers each after its commit.
    async fn commit(self, mut batches: mpsc::Receiver<Batch>, answers: mpsc::Sender<ToIngest>) {
        let mut used = tokens::Used::default();
        let mut back = self.is_back().await;
        while let Some(batch) = batches.recv().await {
            let number = batch.number;
            used.mark(&self.app, batch.token.as_deref()).await;
            back = back || self.is_back().await;
            let taken = match back {
                true => self.take(batch).await,
                false => None,
            };
            let answer = match taken {
                Some(outcome) => ToIngest::Ack { number, outcome },
                None => ToIngest::Retry {
                    number,
                    after_ms: RETRY_MS,
                },
            };
            if answers.send(answer).await.is_err() {
                return;
            }
        }
    }

    /// Lets the writer know how long the edge was away, before anything is judged that came by it. False: not now.
    async fn is_back(&self) -> bool {
        self.app.outages().write(self.app.db()).await
            && matches!(self.app.engine().hear_again().await, Ok(Ok(())))
    }

    /// Keeps which sources come by this edge.
    async fn delivers(&self, events: &[CaseEvent]) -> Result<(), StoreError> {
        let edges = self.app.edges();
        let sources = events.iter().map(|event| event.source.as_str());
        let new = edges.not_known_to_deliver(&self.edge, sources);
        if new.is_empty() {
            return Ok(());
        }
        let since = events.iter().map(|event| event.received).min();
        let mut connection = self.app.db().acquire().await?;
        ways::opened(
            &mut connection,
            &self.edge,
            &new,
            since.unwrap_or_else(Utc::now),
        )
        .await?;
        new.iter()
            .for_each(|source| edges.delivers(&self.edge, source));
        Ok(())
    }

    /// `None`: it could not be committed now.
    async fn take(&self, mut batch: Batch) -> Option<BatchOutcome> {
        let app = &self.app;
        if batch.initial_load {
            history_loaded(app, &self.caller, batch.token.as_deref()).await;
        }
        self.clock
            .received(&mut batch.events, batch.spooled, Utc::now());
        let (inside, mut rejected) = inside(app, &self.caller, batch.events);
        let (index, events): (Vec<usize>, Vec<CaseEvent>) = inside.into_iter().unzip();
        if self.delivers(&events).await.is_err() {
            return None;
        }
        if batch.spooled && self.excuse(&events).await.is_err() {
            return None;
        }
        let kept = batch.spooled.then(|| events.clone());
        let applied = match app.engine().batch(events, batch.initial_load).await {
            Ok(Ok(applied)) => applied,
            // The writer has said why in the log.
            Ok(Err(_)) | Err(NotThere) => return None,
        };
        let refused = applied.outcome.rejected;
        if let Some(events) = kept {
            for rejection in &refused {
                let Some(event) = events.get(rejection.index) else {
                    continue;
                };
                if quarantine(app, event, &rejection.reason).await.is_err() {
                    return None;
                }
            }
        }
        rejected.extend(refused.into_iter().map(|rejection| {
            Rejection {
                index: index
                    .get(rejection.index)
                    .copied()
                    .unwrap_or(rejection.index),
                id: Some(rejection.id),
                reason: rejection.reason,
            }
        }));
        rejected.sort_by_key(|rejection| rejection.index);
        Some(BatchOutcome {
            accepted: applied.outcome.accepted,
            duplicate: applied.outcome.duplicate,
            rejected,
        })
    }

    /// What waited in the spool while the edge was cut off is not held against anybody for coming late: its sources were cut
    /// off with the edge.
    async fn excuse(&self, events: &[CaseEvent]) -> Result<(), StoreError> {
        let received = || events.iter().map(|event| event.received);
        let (Some(from), Some(to)) = (received().min(), received().max()) else {
            return Ok(());
        };
        let sources: BTreeSet<&String> = events.iter().map(|event| &event.source).collect();
        let sources: Vec<String> = sources.into_iter().cloned().collect();
        // The outage itself may not be written yet.
        self.app.outages().write(self.app.db()).await;
        let mut connection = self.app.db().acquire().await?;
        sources::cut_off_with_edge(&mut connection, &self.edge, &sources, from, to).await
    }
}

/// The events that the edge's token may send, each with its place in the batch; the others are named.
fn inside(
    app: &App,
    caller: &Caller,
    events: Vec<CaseEvent>,
) -> (Vec<(usize, CaseEvent)>, Vec<Rejection>) {
    let directory = app.directory();
    let top = scope(app, caller).hall;
    let whole = top == directory.root();
    let (mut inside, mut outside) = (Vec::with_capacity(events.len()), Vec::new());
    for (index, event) in events.into_iter().enumerate() {
        let hall = &event.place.hall;
        if whole || hall.is_empty() || directory.tree().contains(&top, hall) {
            inside.push((index, event));
        } else {
            let reason = format!(
                "`data.hall` is {hall:?}: it lies outside the halls of the ingest that sent it"
            );
            outside.push(Rejection {
                index,
                id: Some(event.id),
                reason,
            });
        }
    }
    (inside, outside)
}

/// Keeps an event whose sender was told that it is kept.
async fn quarantine(app: &App, event: &CaseEvent, reason: &str) -> Result<(), StoreError> {
    let body = serde_json::to_value(event)?;
    let (source, id) = (Some(event.source.as_str()), Some(event.id.as_str()));
    events::quarantine(app.db(), event.received, source, id, reason, &body).await
}
