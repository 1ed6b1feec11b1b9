//! `/uplink/v1/events`: batches and camera health come up, acknowledgements and tokens go down.

use std::collections::HashSet;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use chrono::Utc;
use mingjing_ingest::uplink::protocol::{
    BatchOutcome, CameraDescription, Rejection, ToConsole, ToIngest, VERSION,
};
use mingjing_monitor::event::CaseEvent;
use mingjing_monitor::store::{StoreError, events, halls};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::{REFUSED, REVOKED, SILENCE, STUCK, close, edges, scope, tokens};
use crate::app::{App, SourceTokens};
use crate::auth;
use crate::caller::{Caller, Who};
use crate::engine::NotThere;

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
    // The name is the token's for an ingest apart: two ingests cannot pass for one another.
    let edge = match &caller.who {
        Who::Token { id: None, .. } => "local".to_owned(),
        _ => hello.edge,
    };
    let number = app.edges().connected(&edge);
    record_back(&app, &edge);
    tracing::info!(edge, program = hello.program, "an ingest is connected");
    let session = Session {
        app: app.clone(),
        caller,
        edge: edge.clone(),
    };
    session.run(socket, hello.cameras).await;
    let now = Utc::now();
    if app.edges().disconnected(&edge, number, now) && !app.stopping().is_cancelled() {
        tracing::warn!(edge, "an ingest is gone: its cameras are unknown");
        app.outages().begins("edge", &edge, now);
        // What such a source sends meanwhile waits in the spool: it is not held against anybody that it comes late.
        app.edges()
            .sources_of(&edge)
            .iter()
            .for_each(|source| app.outages().begins("source", source, now));
        let cameras: Vec<String> = app
            .directory()
            .cameras()
            .filter(|camera| camera.edge == edge)
            .map(|camera| camera.id.clone())
            .collect();
        cameras.iter().for_each(|camera| edges::tell(&app, camera));
    }
}

fn record_back(app: &App, edge: &str) {
    let now = Utc::now();
    app.outages().over("edge", edge, now);
    app.edges()
        .sources_of(edge)
        .iter()
        .for_each(|source| app.outages().over("source", source, now));
}

struct Hello {
    edge: String,
    program: String,
    cameras: Vec<CameraDescription>,
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
    let offset = (Utc::now() - now).num_seconds();
    if offset.abs() > CLOCK {
        tracing::warn!(
            edge,
            offset_seconds = offset,
            "the clock of an ingest is off: set it by NTP"
        );
    }
    Ok(Some(Hello {
        edge,
        program,
        cameras,
    }))
}

struct Session {
    app: App,
    caller: Caller,
    edge: String,
}

impl Session {
    async fn run(&self, mut socket: WebSocket, mut cameras: Vec<CameraDescription>) {
        let Some(mut tokens) = self.welcome(&mut socket).await else {
            return;
        };
        let (batches, queue) = mpsc::channel(QUEUE);
        let (answers, mut outgoing) = mpsc::channel(QUEUE * 2);
        let committing = tokio::spawn(commit(
            self.app.clone(),
            self.caller.clone(),
            self.edge.clone(),
            queue,
            answers.clone(),
        ));
        let mut access = self.app.watch_access();
        let mut directory = self.app.watch_directory();
        self.cameras(&cameras).await;
        loop {
            let sent = tokio::select! {
                message = timeout(SILENCE, socket.recv()) => match message {
                    Ok(Some(Ok(Message::Text(text)))) => match serde_json::from_str(&text) {
                        Ok(ToConsole::Cameras { cameras: now }) => {
                            cameras = now;
                            self.cameras(&cameras).await;
                            true
                        }
                        Ok(message) => { self.heard(message, &batches, &answers).await; true }
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
                _ = access.changed() => {
                    let Who::Token { id, .. } = self.caller.who else { break };
                    if matches!(auth::token_valid(&self.app, id).await, Ok(false)) {
                        break close(socket, REVOKED, "the token was revoked".into()).await;
                    }
                    true
                }
                () = self.app.stopping().cancelled() => {
                    // What is committed is still acknowledged.
                    drop(batches);
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

    async fn heard(
        &self,
        message: ToConsole,
        batches: &mpsc::Sender<Batch>,
        answers: &mpsc::Sender<ToIngest>,
    ) {
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
                if batches.try_send(batch).is_err() {
                    let _ = answers.try_send(ToIngest::Retry {
                        number,
                        after_ms: RETRY_MS,
                    });
                }
            }
            ToConsole::CameraHealth(health) => {
                let camera = health.camera.clone();
                let directory = self.app.directory();
                if directory
                    .camera(&camera)
                    .is_some_and(|row| row.edge == self.edge)
                {
                    self.app.edges().heard(&self.edge, health, Utc::now());
                    edges::tell(&self.app, &camera);
                }
            }
            ToConsole::Cameras { .. } | ToConsole::Hello { .. } => {
                tracing::warn!(edge = self.edge, "an ingest greets twice");
            }
        }
    }

    /// Registers the cameras that the edge carries, as far as they stand in halls that its token speaks for.
    async fn cameras(&self, cameras: &[CameraDescription]) {
        let directory = self.app.directory();
        let top = scope(&self.app, &self.caller).hall;
        let (mine, foreign): (Vec<_>, Vec<_>) = cameras
            .iter()
            .partition(|camera| directory.tree().contains(&top, &camera.hall));
        for camera in foreign {
            tracing::warn!(
                edge = self.edge,
                camera = camera.id,
                hall = camera.hall,
                "a camera stands in a hall that is not known, or that its ingest's token does not speak for; it is left out"
            );
        }
        let ids: HashSet<String> = mine.iter().map(|camera| camera.id.clone()).collect();
        let rows: Vec<halls::Camera> = mine
            .into_iter()
            .map(|camera| halls::Camera {
                id: camera.id.clone(),
                hall: camera.hall.clone(),
                name: camera.name.clone(),
                windows: camera.windows.clone(),
                edge: self.edge.clone(),
            })
            .filter(|row| directory.camera(&row.id) != Some(row))
            .collect();
        if !rows.is_empty()
            && let Err(error) = self.register(&rows).await
        {
            tracing::warn!(edge = self.edge, %error, "cameras could not be registered");
        }
        self.app.edges().carries(&self.edge, &ids);
        self.app.media().assign(&self.edge, ids);
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

/// Hands batches to the writer one after the other, and answers each after its commit.
async fn commit(
    app: App,
    caller: Caller,
    edge: String,
    mut batches: mpsc::Receiver<Batch>,
    answers: mpsc::Sender<ToIngest>,
) {
    while let Some(batch) = batches.recv().await {
        let number = batch.number;
        let answer = match take(&app, &caller, &edge, batch).await {
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

/// `None`: it could not be committed now.
async fn take(app: &App, caller: &Caller, edge: &str, batch: Batch) -> Option<BatchOutcome> {
    if batch.initial_load {
        tracing::info!(
            token = batch.token,
            events = batch.events.len(),
            "history is posted with an initial-load token"
        );
    }
    let (inside, mut rejected) = inside(app, caller, batch.events);
    let (index, events): (Vec<usize>, Vec<CaseEvent>) = inside.into_iter().unzip();
    app.edges()
        .delivers(edge, events.iter().map(|event| event.source.as_str()));
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
