//! The events socket: batches up, acknowledgements down, the spool drained beside what comes in.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

use super::LinkState;
use super::backoff::Backoff;
use super::batch::Outbound;
use super::courier::{Courier, Submission};
use super::pins;
use super::protocol::{BatchOutcome, ToConsole, ToIngest, VERSION};
use super::roster::{Roster, RosterView, descriptions};
use super::socket::{Endpoint, LinkError, PING, Socket};
use super::tokens::Tokens;
use crate::camera::CameraHealth;
use crate::managed::follow::{Following, Sent};
use crate::recording::Recorder;
use crate::spool::{Key, Spool};

const PATH: &str = "/uplink/v1/events";

/// Batches of waiting senders under way at once.
const WINDOW: usize = 16;
/// Batches of the spool under way at once: a backlog never takes the way from what comes in now.
const SPOOL_WINDOW: usize = 4;
/// Entries of the spool are joined up to so many events and bytes.
const JOIN_EVENTS: usize = 1_000;
const JOIN_BYTES: usize = 1 << 20;
/// Messages waiting to be written: both windows, pings and health.
const QUEUE: usize = 128;
/// Places of the queue that health leaves free for batches.
const RESERVED: usize = WINDOW + SPOOL_WINDOW + 4;
/// The console's answer to the hello.
const WELCOME: Duration = Duration::from_secs(5);
/// How soon a change of a camera's state is looked for.
const HEALTH_TICK: Duration = Duration::from_millis(250);
/// How often health is told without a change.
const HEALTH_EVERY: Duration = Duration::from_secs(10);
/// At the end: how long acknowledgements are waited for.
const FAREWELL: Duration = Duration::from_secs(3);

/// The task that keeps the events socket up.
pub(crate) struct EventsLink {
    pub(crate) endpoint: Endpoint,
    /// Name of this ingest.
    pub(crate) name: String,
    pub(crate) roster: Arc<Roster>,
    pub(crate) spool: Spool,
    pub(crate) tokens: Tokens,
    pub(crate) recorder: Arc<Recorder>,
    /// The cameras that the console manages.
    pub(crate) managed: Following,
    pub(crate) shutdown: CancellationToken,
}

impl EventsLink {
    /// Starts the task; gives the courier that feeds it and the state of the link.
    pub(crate) fn start(
        self,
    ) -> (
        Courier,
        watch::Receiver<LinkState>,
        tokio::task::JoinHandle<()>,
    ) {
        let (state, seen) = watch::channel(LinkState::Connecting);
        let (courier, inbox) = Courier::new(seen.clone(), self.spool.clone());
        (courier, seen, tokio::spawn(self.run(inbox, state)))
    }

    async fn run(self, mut inbox: mpsc::Receiver<Submission>, state: watch::Sender<LinkState>) {
        let mut backoff = Backoff::default();
        let mut down_since: Option<DateTime<Utc>> = None;
        while !self.shutdown.is_cancelled() {
            let mut roster = self.roster.subscribe();
            let told = roster.borrow_and_update().clone();
            let ended = match self.connect(&told).await {
                Ok(socket) => {
                    backoff.reset();
                    if let Some(since) = down_since.take() {
                        tracing::info!(%since, "the uplink is back");
                    }
                    Session::new(&self, socket, &state)
                        .run(&mut inbox, roster)
                        .await
                }
                Err(error) => Err(error),
            };
            let Err(error) = ended else { break };
            let since = *down_since.get_or_insert_with(Utc::now);
            let before = state.send_replace(LinkState::Down {
                since,
                reason: error.to_string(),
            });
            if !matches!(before, LinkState::Down { reason, .. } if reason == error.to_string()) {
                tracing::warn!(%error, "the uplink is down: events go to the spool");
            }
            let wait = tokio::time::sleep(backoff.next());
            tokio::pin!(wait);
            loop {
                tokio::select! {
                    () = &mut wait => break,
                    () = self.shutdown.cancelled() => break,
                    // Dropped: its sender goes to the spool.
                    submission = inbox.recv() => if submission.is_none() { break },
                }
            }
        }
        state.send_replace(LinkState::Down {
            since: Utc::now(),
            reason: "this ingest stops".into(),
        });
    }

    /// Opens the socket and exchanges greetings; `roster` is what the console is told of.
    async fn connect(&self, roster: &RosterView) -> Result<Socket, LinkError> {
        let mut socket = self.endpoint.open(PATH, QUEUE).await?;
        let hello = ToConsole::Hello {
            version: VERSION,
            edge: self.name.clone(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            now: Utc::now(),
            cameras: descriptions(roster),
            keeps: true,
        };
        send(&socket, &hello)?;
        let answer = tokio::time::timeout(WELCOME, socket.text())
            .await
            .map_err(|_| LinkError::Silent)??;
        match read(&answer)? {
            ToIngest::Welcome {
                version: VERSION,
                tokens,
            } => self.tokens.replace(tokens).await,
            ToIngest::Welcome { version, .. } => {
                return Err(LinkError::Version {
                    ours: VERSION,
                    theirs: version,
                });
            }
            _ => return Err(LinkError::Protocol("something before its welcome".into())),
        }
        Ok(socket)
    }
}

/// Queues a message; the queue is larger than all that may wait in it.
fn send(socket: &Socket, message: &ToConsole) -> Result<(), LinkError> {
    let text =
        serde_json::to_string(message).map_err(|error| LinkError::Protocol(error.to_string()))?;
    push(socket, text)
}

fn push(socket: &Socket, text: String) -> Result<(), LinkError> {
    socket
        .outgoing
        .try_send(Message::text(text))
        .map_err(|_| LinkError::Silent)
}

fn read(text: &str) -> Result<ToIngest, LinkError> {
    serde_json::from_str(text).map_err(|error| LinkError::Protocol(error.to_string()))
}

/// A batch under way.
enum Flight {
    /// Somebody waits for it, or has put it into the spool meanwhile.
    Live(oneshot::Sender<BatchOutcome>, Arc<OnceLock<Key>>),
    /// It is in the spool under these keys.
    Spooled {
        keys: Vec<Key>,
        batch: Outbound,
        /// Whether the console knows that: what it refuses then goes to its quarantine.
        marked: bool,
    },
}

/// One connection.
struct Session<'a> {
    link: &'a EventsLink,
    socket: Socket,
    state: &'a watch::Sender<LinkState>,
    number: u64,
    flights: HashMap<u64, Flight>,
    /// How many of them are live.
    live: usize,
    /// The newest key taken from the spool on this connection.
    cursor: Option<Key>,
    /// Whether the spool may hold more behind the cursor.
    more: bool,
    /// Refused for now, to be sent again, oldest first.
    again: VecDeque<(Vec<Key>, Outbound)>,
    /// No batch of the spool before this instant.
    not_before: Instant,
    health: Health,
    /// Pins that were written down.
    kept: (mpsc::Sender<Kept>, mpsc::Receiver<Kept>),
}

/// Number and revision of each.
type Kept = Vec<(i64, i32)>;

impl<'a> Session<'a> {
    fn new(link: &'a EventsLink, socket: Socket, state: &'a watch::Sender<LinkState>) -> Self {
        Self {
            link,
            socket,
            state,
            number: 0,
            flights: HashMap::new(),
            live: 0,
            cursor: None,
            more: true,
            again: VecDeque::new(),
            not_before: Instant::now(),
            health: Health::default(),
            kept: mpsc::channel(1),
        }
    }

    /// Serves the connection until it fails, or until this ingest stops (`Ok`).
    async fn run(
        mut self,
        inbox: &mut mpsc::Receiver<Submission>,
        mut roster: watch::Receiver<RosterView>,
    ) -> Result<(), LinkError> {
        self.state.send_replace(LinkState::Up);
        let mut appended = self.link.spool.appended();
        let mut managed = self.link.managed.outcome();
        let mut ping = tokio::time::interval(PING);
        let mut tick = tokio::time::interval(HEALTH_TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        ping.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let shutdown = self.link.shutdown.clone();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return self.farewell().await,
                text = self.socket.text() => self.heard(read(&text?)?).await?,
                _ = ping.tick() => self.socket.ping()?,
                submission = inbox.recv(), if self.live < WINDOW => match submission {
                    Some(submission) => self.submit(submission)?,
                    None => return self.farewell().await,
                },
                () = tokio::time::sleep_until(self.not_before), if self.wants_spool() => self.feed().await?,
                Some(pins) = self.kept.1.recv() => send(&self.socket, &ToConsole::Kept { pins })?,
                Ok(()) = managed.changed() => {
                    let outcome = managed.borrow_and_update().clone();
                    if let Some(outcome) = outcome {
                        let (number, cameras) = (outcome.number, outcome.cameras.clone());
                        send(&self.socket, &ToConsole::Managed { number, cameras })?;
                    }
                }
                Ok(()) = appended.changed() => self.more = true,
                Ok(()) = roster.changed() => {
                    let cameras = descriptions(&roster.borrow_and_update());
                    send(&self.socket, &ToConsole::Cameras { cameras })?;
                }
                _ = tick.tick() => self.health.tell(&self.link.roster.now(), &self.socket)?,
            }
        }
    }

    fn wants_spool(&self) -> bool {
        (self.more || !self.again.is_empty()) && self.flights.len() - self.live < SPOOL_WINDOW
    }

    fn submit(&mut self, submission: Submission) -> Result<(), LinkError> {
        // Its sender's patience is over: it is in the spool already.
        if submission.reply.is_closed() {
            return Ok(());
        }
        let number = self.next();
        self.live += 1;
        self.flights.insert(
            number,
            Flight::Live(submission.reply, submission.spooled_as),
        );
        self.transmit(number, &submission.batch, false)
    }

    fn next(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    fn transmit(&self, number: u64, batch: &Outbound, spooled: bool) -> Result<(), LinkError> {
        let text = batch
            .message(number, spooled)
            .map_err(|error| LinkError::Protocol(error.to_string()))?;
        push(&self.socket, text)
    }

    /// Sends the next batch of the spool.
    async fn feed(&mut self) -> Result<(), LinkError> {
        let (keys, batch) = match self.again.pop_front() {
            Some(again) => again,
            None => match self.take().await {
                Some(taken) => taken,
                None => return Ok(()),
            },
        };
        let number = self.next();
        self.transmit(number, &batch, true)?;
        self.flights.insert(
            number,
            Flight::Spooled {
                keys,
                batch,
                marked: true,
            },
        );
        Ok(())
    }

    /// Takes the oldest entries behind the cursor, joined into one batch.
    async fn take(&mut self) -> Option<(Vec<Key>, Outbound)> {
        self.more = false;
        let entries = match self
            .link
            .spool
            .peek(self.cursor, JOIN_EVENTS, JOIN_BYTES)
            .await
        {
            Ok(entries) => entries,
            Err(error) => {
                tracing::error!(%error, "the spool cannot be read");
                self.more = true;
                self.not_before = Instant::now() + Duration::from_secs(1);
                return None;
            }
        };
        let mut joined: Option<(Vec<Key>, Outbound)> = None;
        for (key, bytes) in entries {
            self.more = true;
            let Some(batch) = Outbound::from_entry(&bytes) else {
                tracing::error!(
                    key,
                    "an entry of the spool cannot be read; it stays where it is"
                );
                self.cursor = Some(key);
                continue;
            };
            if let Some(number) = self.under_way_as(key) {
                if joined.is_some() {
                    break;
                }
                self.cursor = Some(key);
                self.live -= 1;
                self.flights.insert(
                    number,
                    Flight::Spooled {
                        keys: vec![key],
                        batch,
                        marked: false,
                    },
                );
                continue;
            }
            match &mut joined {
                None => joined = Some((vec![key], batch)),
                Some((keys, joined)) => {
                    if joined.join(batch, JOIN_EVENTS).is_some() {
                        break;
                    }
                    keys.push(key);
                }
            }
            self.cursor = Some(key);
        }
        joined
    }

    /// The flight of an entry that was sent while its sender still waited: the console is at it, and it is not sent twice.
    fn under_way_as(&self, key: Key) -> Option<u64> {
        let of = |flight: &Flight| matches!(flight, Flight::Live(_, spooled) if spooled.get() == Some(&key));
        self.flights
            .iter()
            .find(|(_, flight)| of(flight))
            .map(|(number, _)| *number)
    }

    async fn heard(&mut self, message: ToIngest) -> Result<(), LinkError> {
        match message {
            ToIngest::Ack { number, outcome } => self.acknowledged(number, outcome).await,
            ToIngest::Retry { number, after_ms } => self.refused(number, after_ms),
            ToIngest::Tokens { tokens } => self.link.tokens.replace(tokens).await,
            ToIngest::Keep { pins } => {
                let (recorder, kept) = (Arc::clone(&self.link.recorder), self.kept.0.clone());
                // Beside the batches: the disk may be slow.
                tokio::spawn(async move {
                    let _ = kept.send(pins::write_down(recorder, pins).await).await;
                });
            }
            ToIngest::Manage {
                number,
                cameras,
                unchanged,
            } => self.link.managed.take(Sent {
                number,
                cameras,
                unchanged,
            }),
            ToIngest::Welcome { .. } => return Err(LinkError::Protocol("a second welcome".into())),
        }
        Ok(())
    }

    async fn acknowledged(&mut self, number: u64, outcome: BatchOutcome) {
        self.state
            .send_if_modified(|state| std::mem::replace(state, LinkState::Up) != LinkState::Up);
        match self.flights.remove(&number) {
            Some(Flight::Live(reply, spooled_as)) => {
                self.live -= 1;
                let refused = !outcome.rejected.is_empty();
                match spooled_as.get() {
                    // Its sender gave up waiting; the entry has not been looked at yet, and need not be.
                    Some(key) if !refused => self.remove(vec![*key]).await,
                    // Where the patience ends this moment, the entry is sent again and recognised.
                    _ => drop(reply.send(outcome)),
                }
            }
            Some(Flight::Spooled {
                keys,
                batch,
                marked,
            }) => {
                let (rejected, of) = (outcome.rejected.len(), batch.count());
                if rejected > 0 && !marked {
                    // Nobody heard of these refusals: once more, as what it is, for the quarantine.
                    self.again.push_back((keys, batch));
                    return;
                }
                if rejected > 0 {
                    tracing::warn!(
                        rejected,
                        of,
                        "the console refused spooled events: they are in its quarantine"
                    );
                }
                self.remove(keys).await;
            }
            None => tracing::warn!(
                number,
                "the console acknowledged a batch that is not under way"
            ),
        }
    }

    async fn remove(&self, keys: Vec<Key>) {
        if let Err(error) = self.link.spool.remove(keys).await {
            tracing::error!(%error, "acknowledged events stay in the spool and will be sent again");
        }
    }

    fn refused(&mut self, number: u64, after_ms: u64) {
        // Bounded: a console that says "in a year" is wrong.
        let wait = Duration::from_millis(after_ms.min(60_000));
        self.not_before = Instant::now() + wait;
        self.state.send_replace(LinkState::Held);
        match self.flights.remove(&number) {
            // Dropping the reply sends its sender to the spool, which comes back here.
            Some(Flight::Live(..)) => self.live -= 1,
            Some(Flight::Spooled { keys, batch, .. }) => {
                let place = self
                    .again
                    .iter()
                    .position(|(other, _)| other > &keys)
                    .unwrap_or(self.again.len());
                self.again.insert(place, (keys, batch));
            }
            None => {}
        }
    }

    /// Waits a little for what is under way; what is not acknowledged then goes to the spool or stays there.
    async fn farewell(mut self) -> Result<(), LinkError> {
        self.state.send_replace(LinkState::Down {
            since: Utc::now(),
            reason: "this ingest stops".into(),
        });
        self.health.tell(&self.link.roster.now(), &self.socket)?;
        let deadline = Instant::now() + FAREWELL;
        while !self.flights.is_empty() {
            let Ok(text) = tokio::time::timeout_at(deadline, self.socket.text()).await else {
                break;
            };
            self.heard(read(&text?)?).await?;
        }
        Ok(())
    }
}

/// What the console was last told of each camera.
#[derive(Default)]
struct Health {
    told: HashMap<String, (CameraHealth, Instant)>,
}

impl Health {
    /// Tells what changed, and everything every ten seconds. What finds no place in the queue is told next time.
    fn tell(&mut self, roster: &RosterView, socket: &Socket) -> Result<(), LinkError> {
        let now = Instant::now();
        self.told.retain(|camera, _| roster.contains_key(camera));
        for (id, running) in roster.iter() {
            let health = running.handle.health();
            let health = health.borrow();
            let due = self.told.get(id).is_none_or(|(told, at)| {
                !told.says_the_same(&health) || now.duration_since(*at) >= HEALTH_EVERY
            });
            if due && socket.outgoing.capacity() > RESERVED {
                let health = health.clone();
                send(socket, &ToConsole::CameraHealth(health.clone()))?;
                self.told.insert(id.clone(), (health, now));
            }
        }
        Ok(())
    }
}
