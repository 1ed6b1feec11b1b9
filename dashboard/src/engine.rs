//! The one writer at work: [`Supervisor`] in its own task, and what it gives out carried to the screens.
//!
//! The task takes batches, people's actions and due instants in turn. The clock is looked at once a second at least, so
//! that a clock that is stepped fires neither early nor late by more than that. While the database is away batches are answered
//! with the error (the uplink then says `Retry` and the ingest spools) and due instants wait.

use std::time::Duration;

use chrono::{DateTime, Utc};
use mingjing_alerts::supervisor::{
    Absent, ActError, Actor, Applied, BatchOutcome, CardAction, Delta, NewCard, NewOrder,
    OrderAction, Quiet, QuietError, Rejection, Sightings, Supervisor,
};
use mingjing_monitor::event::CaseEvent;
use mingjing_monitor::store::{Store, StoreError, events};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::app::{App, Ready};
use crate::replay;

/// Batches and actions waiting at most; senders wait beyond that.
const QUEUE: usize = 64;
/// Sets of deltas waiting for the screens at most; beyond that pages are told to reload.
const DELTAS: usize = 256;
/// How often the clock is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Between two attempts while the database is away.
const AWAY: Duration = Duration::from_millis(500);

/// What became of a batch.
pub type Taken = Result<Applied, StoreError>;

/// Something that a person does.
#[derive(Debug)]
pub enum Deed {
    /// Acts on a card.
    Card(CardAction),
    /// Acts on a supervision order.
    Order(OrderAction),
    /// Writes a supervision order.
    NewOrder(NewOrder),
    /// Writes a card.
    NewCard(NewCard),
}

enum Command {
    Batch {
        events: Vec<CaseEvent>,
        initial_load: bool,
        done: oneshot::Sender<Taken>,
    },
    Perform {
        deed: Box<Deed>,
        done: oneshot::Sender<Result<i64, ActError>>,
    },
    Observe {
        seen: Box<Sightings>,
        done: oneshot::Sender<Result<(), StoreError>>,
    },
    HearAgain {
        done: oneshot::Sender<Result<(), StoreError>>,
    },
    Quiet {
        ask: Box<(Quiet, Actor)>,
        done: oneshot::Sender<Result<i64, QuietError>>,
    },
    Absent {
        ask: Box<(Absent, Actor)>,
        done: oneshot::Sender<Result<i64, QuietError>>,
    },
    GoOn {
        events: Vec<CaseEvent>,
        source: String,
        at: DateTime<Utc>,
        done: oneshot::Sender<Result<BatchOutcome, StoreError>>,
    },
    Reload,
}

/// The way to the writer.
#[derive(Clone)]
pub struct Engine(mpsc::Sender<Command>);

/// The writer's end, until it is started.
pub struct Inbox(mpsc::Receiver<Command>);

/// The writer is not there: the console starts or stops.
#[derive(Debug, thiserror::Error)]
#[error("the console is starting or stopping")]
pub struct NotThere;

impl Engine {
    /// The way to a writer that is not started yet.
    pub fn new() -> (Self, Inbox) {
        let (commands, inbox) = mpsc::channel(QUEUE);
        (Self(commands), Inbox(inbox))
    }

    /// Takes a batch of events in; committed when this returns.
    ///
    /// # Errors
    /// When the writer is not there. The database's own refusal is inside.
    pub async fn batch(
        &self,
        events: Vec<CaseEvent>,
        initial_load: bool,
    ) -> Result<Taken, NotThere> {
        let (done, answer) = oneshot::channel();
        self.0
            .send(Command::Batch {
                events,
                initial_load,
                done,
            })
            .await
            .map_err(|_| NotThere)?;
        answer.await.map_err(|_| NotThere)
    }

    /// Does what a person asks for; the number of the card or order.
    ///
    /// # Errors
    /// When the writer is not there. Its own refusal is inside.
    pub async fn perform(&self, deed: Deed) -> Result<Result<i64, ActError>, NotThere> {
        let (done, answer) = oneshot::channel();
        self.0
            .send(Command::Perform {
                deed: Box::new(deed),
                done,
            })
            .await
            .map_err(|_| NotThere)?;
        answer.await.map_err(|_| NotThere)
    }

    /// Tells what is seen of cameras, halls and edges.
    ///
    /// # Errors
    /// When the writer is not there. The database's own refusal is inside.
    pub async fn observe(&self, seen: Sightings) -> Result<Result<(), StoreError>, NotThere> {
        let (done, answer) = oneshot::channel();
        let seen = Box::new(seen);
        let command = Command::Observe { seen, done };
        self.0.send(command).await.map_err(|_| NotThere)?;
        answer.await.map_err(|_| NotThere)
    }

    /// An edge is back: what the outage says of the words that come by it is read before any of them is judged.
    ///
    /// # Errors
    /// When the writer is not there. The database's own refusal is inside.
    pub async fn hear_again(&self) -> Result<Result<(), StoreError>, NotThere> {
        let (done, answer) = oneshot::channel();
        let command = Command::HearAgain { done };
        self.0.send(command).await.map_err(|_| NotThere)?;
        answer.await.map_err(|_| NotThere)
    }

    /// Keeps something quiet, or no longer; the number of a maintenance that was planned, 0 for everything else.
    ///
    /// # Errors
    /// When the writer is not there. Its own refusal is inside.
    pub async fn quiet(
        &self,
        ask: Quiet,
        actor: Actor,
    ) -> Result<Result<i64, QuietError>, NotThere> {
        let (done, answer) = oneshot::channel();
        let ask = Box::new((ask, actor));
        self.0
            .send(Command::Quiet { ask, done })
            .await
            .map_err(|_| NotThere)?;
        answer.await.map_err(|_| NotThere)
    }

    /// Enters a pause or leave of a window, ends it, or decides about it; its number.
    ///
    /// # Errors
    /// When the writer is not there. Its own refusal is inside.
    pub async fn absent(
        &self,
        ask: Absent,
        actor: Actor,
    ) -> Result<Result<i64, QuietError>, NotThere> {
        let (done, answer) = oneshot::channel();
        let ask = Box::new((ask, actor));
        self.0
            .send(Command::Absent { ask, done })
            .await
            .map_err(|_| NotThere)?;
        answer.await.map_err(|_| NotThere)
    }

    /// Goes on to `at` by the clock of a log, with `events` of `source` that happened until then.
    ///
    /// # Errors
    /// When the writer is not there. The database's own refusal is inside; the same again goes on from there.
    pub async fn go_on(
        &self,
        events: Vec<CaseEvent>,
        source: &str,
        at: DateTime<Utc>,
    ) -> Result<Result<BatchOutcome, StoreError>, NotThere> {
        let (done, answer) = oneshot::channel();
        let command = Command::GoOn {
            events,
            source: source.to_owned(),
            at,
            done,
        };
        self.0.send(command).await.map_err(|_| NotThere)?;
        answer.await.map_err(|_| NotThere)
    }

    /// Reads again what cases are judged by. Not waited for.
    pub fn reload(&self) {
        // A full queue: a reload waits in it already, or the writer is busy and another notice will come.
        if self.0.try_send(Command::Reload).is_err() {
            tracing::debug!("the writer is too busy to be told to reload");
        }
    }
}

/// Runs the writer until the console stops.
pub async fn run(app: App, store: Store, mut inbox: Inbox) {
    let (deltas, changes) = mpsc::channel(DELTAS);
    let screens = tokio::spawn(crate::publish::run(app.clone(), changes));
    if let Some(supervisor) = start(&app, &store).await {
        app.set_ready(Ready::Yes);
        let mut writer = Writer {
            app: app.clone(),
            supervisor,
            store,
            deltas,
        };
        writer.run(&mut inbox).await;
    }
    let _ = screens.await;
}

async fn start(app: &App, store: &Store) -> Option<Supervisor> {
    loop {
        let begun = std::time::Instant::now();
        match Supervisor::start(store.pool().clone(), app.now()).await {
            Ok(mut supervisor) => {
                if app.clock().is_of_log() {
                    supervisor.ignore_answers();
                }
                let (instants, took) = (supervisor.queue_len(), begun.elapsed());
                tracing::info!(
                    instants,
                    ?took,
                    edition = store.edition().as_str(),
                    compression = %store.compression(),
                    "deadlines are loaded"
                );
                return Some(supervisor);
            }
            Err(error) => {
                app.set_ready(Ready::Waiting(
                    "the deadlines cannot be loaded: the database is away".into(),
                ));
                tracing::warn!(%error, "the deadlines cannot be loaded yet");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(AWAY) => {}
            () = app.stopping().cancelled() => return None,
        }
    }
}

struct Writer {
    app: App,
    supervisor: Supervisor,
    store: Store,
    deltas: mpsc::Sender<Vec<Delta>>,
}

impl Writer {
    async fn run(&mut self, inbox: &mut Inbox) {
        loop {
            let wake = self.fire().await;
            tokio::select! {
                command = inbox.0.recv() => match command {
                    Some(command) => self.take(command).await,
                    None => return,
                },
                () = sleep_until(wake) => {}
                () = self.app.stopping().cancelled() => return self.finish(inbox).await,
            }
        }
    }

    /// What was sent before the end is still answered; nothing that was acknowledged is open.
    async fn finish(&mut self, inbox: &mut Inbox) {
        inbox.0.close();
        while let Some(command) = inbox.0.recv().await {
            self.take(command).await;
        }
    }

    /// Fires one chunk of what has fallen due; the instant to come back at.
    async fn fire(&mut self) -> Instant {
        let now = self.app.now();
        if self.supervisor.next_due().is_none_or(|due| due > now) {
            return self.wake(now);
        }
        match self.supervisor.fire_due(now).await {
            Ok(deltas) => {
                self.back();
                self.give_out(deltas);
                self.wake(self.app.now())
            }
            Err(error) => {
                self.away(&error);
                Instant::now() + AWAY
            }
        }
    }

    /// When to look again: at the next due instant, in a second at the latest.
    fn wake(&self, now: DateTime<Utc>) -> Instant {
        let until = self
            .supervisor
            .next_due()
            .map(|due| (due - now).to_std().unwrap_or(Duration::ZERO));
        Instant::now() + until.unwrap_or(LOOK).min(LOOK)
    }

    async fn take(&mut self, command: Command) {
        match command {
            Command::Batch {
                events,
                initial_load,
                done,
            } => {
                let taken = self.batch(events, initial_load).await;
                let _ = done.send(taken);
            }
            Command::Perform { deed, done } => {
                let performed = self.perform(&deed).await.map(|(id, deltas)| {
                    self.give_out(deltas);
                    id
                });
                let _ = done.send(performed);
            }
            Command::Observe { seen, done } => {
                let observed = match self.supervisor.observe(&seen, self.app.now()).await {
                    Ok(deltas) => {
                        self.give_out(deltas);
                        Ok(())
                    }
                    Err(error) => Err(error),
                };
                let _ = done.send(observed);
            }
            Command::HearAgain { done } => {
                let heard = self.supervisor.hear_again(self.app.now()).await;
                let _ = done.send(heard.map(|deltas| self.give_out(deltas)));
            }
            Command::Quiet { ask, done } => {
                let (ask, actor) = *ask;
                let kept = match self.supervisor.quiet(&ask, &actor, self.app.now()).await {
                    Ok((id, deltas)) => {
                        self.give_out(deltas);
                        Ok(id)
                    }
                    Err(error) => Err(error),
                };
                let _ = done.send(kept);
            }
            Command::Absent { ask, done } => {
                let (ask, actor) = *ask;
                let kept = match self.supervisor.absent(&ask, &actor, self.app.now()).await {
                    Ok((id, deltas)) => {
                        self.give_out(deltas);
                        Ok(id)
                    }
                    Err(error) => Err(error),
                };
                let _ = done.send(kept);
            }
            Command::GoOn {
                events,
                source,
                at,
                done,
            } => {
                let gone = self.go_on(&events, &source, at).await;
                let _ = done.send(gone);
            }
            Command::Reload => match self.supervisor.reload(self.app.now()).await {
                Ok(deltas) => self.give_out(deltas),
                Err(error) => self.away(&error),
            },
        }
    }

    async fn perform(&mut self, deed: &Deed) -> Result<(i64, Vec<Delta>), ActError> {
        let now = self.app.now();
        match deed {
            Deed::Card(action) => {
                let deltas = self.supervisor.act(action, now).await?;
                Ok((action.card, deltas))
            }
            Deed::Order(action) => {
                let deltas = self.supervisor.act_on_order(action, now).await?;
                Ok((action.order, deltas))
            }
            Deed::NewOrder(new) => self.supervisor.issue_by_hand(new, now).await,
            Deed::NewCard(new) => self.supervisor.issue_card(new, now).await,
        }
    }

    async fn batch(&mut self, events: Vec<CaseEvent>, initial_load: bool) -> Taken {
        let count = events.len();
        let begun = std::time::Instant::now();
        let taken = match self
            .supervisor
            .apply_batch(events.clone(), initial_load, self.app.now())
            .await
        {
            // The database is there and refuses: find out which event it is, so that the others go in.
            Err(error) if !error.is_passing() => {
                self.one_by_one(events, initial_load, &error).await
            }
            taken => taken,
        };
        match taken {
            Ok(mut applied) => {
                self.back();
                metrics::counter!("mingjing_events_total", "outcome" => "accepted")
                    .increment(applied.outcome.accepted as u64);
                metrics::counter!("mingjing_events_total", "outcome" => "duplicate")
                    .increment(applied.outcome.duplicate as u64);
                metrics::counter!("mingjing_events_total", "outcome" => "rejected")
                    .increment(applied.outcome.rejected.len() as u64);
                metrics::histogram!("mingjing_batch_seconds").record(begun.elapsed().as_secs_f64());
                tracing::debug!(count, took = ?begun.elapsed(), "batch committed");
                self.give_out(std::mem::take(&mut applied.deltas));
                Ok(applied)
            }
            Err(error) => {
                self.away(&error);
                Err(error)
            }
        }
    }

    async fn go_on(
        &mut self,
        events: &[CaseEvent],
        source: &str,
        at: DateTime<Utc>,
    ) -> Result<BatchOutcome, StoreError> {
        match replay::advance(&mut self.supervisor, events, source, at).await {
            Ok(applied) => {
                self.back();
                self.app.clock().turn_to(at);
                self.give_out(applied.deltas);
                Ok(applied.outcome)
            }
            Err(error) => {
                self.away(&error);
                Err(error)
            }
        }
    }

    /// Halves a batch that cannot be stored until the event that spoils it stands alone; that one goes to the quarantine.
    async fn one_by_one(
        &mut self,
        events: Vec<CaseEvent>,
        initial_load: bool,
        error: &StoreError,
    ) -> Taken {
        tracing::error!(%error, count = events.len(), "a batch cannot be stored as a whole");
        let mut all = Applied::default();
        let mut parts = vec![(0, events)];
        while let Some((first, part)) = parts.pop() {
            match self
                .supervisor
                .apply_batch(part.clone(), initial_load, self.app.now())
                .await
            {
                Ok(applied) => add(&mut all, first, applied),
                Err(error) if error.is_passing() => return Err(error),
                Err(error) if part.len() == 1 => {
                    all.outcome
                        .rejected
                        .push(self.quarantine(first, &part[0], &error).await?);
                }
                Err(_) => {
                    let mut left = part;
                    let right = left.split_off(left.len() / 2);
                    parts.push((first + left.len(), right));
                    parts.push((first, left));
                }
            }
        }
        Ok(all)
    }

    async fn quarantine(
        &self,
        index: usize,
        event: &CaseEvent,
        error: &StoreError,
    ) -> Result<Rejection, StoreError> {
        tracing::error!(%error, source = event.source, id = event.id, "an event cannot be stored");
        let reason = "the console could not store this event; its log says why, and it is kept in the quarantine";
        let body = serde_json::to_value(event)?;
        let (source, id) = (Some(event.source.as_str()), Some(event.id.as_str()));
        events::quarantine(self.store.pool(), event.received, source, id, reason, &body).await?;
        Ok(Rejection {
            index,
            id: event.id.clone(),
            source: event.source.clone(),
            reason: reason.into(),
        })
    }

    /// Hands deltas to the screens. They never hold up the writer: when they cannot follow, pages reload.
    fn give_out(&self, deltas: Vec<Delta>) {
        if !deltas.is_empty() && self.deltas.try_send(deltas).is_err() {
            self.app.live().reload_all();
        }
    }

    fn away(&self, error: &StoreError) {
        if self.app.ready() == Ready::Yes {
            tracing::warn!(%error, "the database is away: events wait in the spool, deadlines in the queue");
        }
        self.app.set_ready(Ready::Waiting(
            "the database is away; events are kept and deadlines wait".into(),
        ));
    }

    fn back(&self) {
        if self.app.ready() != Ready::Yes {
            tracing::info!("the database is back");
            self.app.set_ready(Ready::Yes);
        }
    }
}

fn add(all: &mut Applied, first: usize, part: Applied) {
    all.outcome.accepted += part.outcome.accepted;
    all.outcome.duplicate += part.outcome.duplicate;
    let moved = part
        .outcome
        .rejected
        .into_iter()
        .map(|rejection| Rejection {
            index: rejection.index + first,
            ..rejection
        });
    all.outcome.rejected.extend(moved);
    all.deltas.extend(part.deltas);
}
