//! The sender: one task that turns notices into deliveries and carries them to the services, a channel at a time each.
//!
//! The queue is the database (`alerts::store::deliveries`); in memory stands one round of each channel, at most
//! [`deliveries::READY`] rows. Sending lives here and not in `alerts`: see `docs/decisions/0016-sending-in-the-console.md`.

pub mod compose;
pub mod guard;
pub mod wire;

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_alerts::channel::answer::{Outcome, Reason};
use mingjing_alerts::channel::body::{self, Message, Outgoing};
use mingjing_alerts::channel::plan::{self, Ready};
use mingjing_alerts::channel::{Kind, Language, Secrets, Settings, retry, text};
use mingjing_alerts::store::channels::{self, ChannelRow};
use mingjing_alerts::store::deliveries::{self, Done, Due, TestMessage, Then};
use mingjing_alerts::supervisor::remind;
use mingjing_ingest::seal::Sealer;
use mingjing_monitor::store::StoreError;
use sqlx::{Connection, PgConnection};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::app::App;
use crate::live::About;

/// How often the queue is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How often answers that fall due and messages that are given up are looked for.
const SELDOM: Duration = Duration::from_secs(30);
/// For how long messages on their way are waited for when the console stops.
const GRACE: Duration = Duration::from_secs(5);
/// Only one console sends over a database.
const LOCK: i64 = 7_365_217;

/// Authorities that are trusted beside the system's: a county's own.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    http: Vec<reqwest::Certificate>,
    mail: Vec<Vec<u8>>,
}

impl Trust {
    /// Of a PEM file.
    ///
    /// # Errors
    /// When it cannot be read or holds no certificate.
    pub fn read(path: Option<&Path>) -> Result<Self, String> {
        use rustls::pki_types::CertificateDer;
        use rustls::pki_types::pem::PemObject;
        let Some(path) = path else {
            return Ok(Self::default());
        };
        let wrong = |reason: String| format!("[channels] ca_file {}: {reason}", path.display());
        let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
        let der: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let der = der.map_err(|_| wrong("it is no PEM".into()))?;
        if der.is_empty() {
            return Err(wrong("it holds no certificate".into()));
        }
        let http: Result<Vec<_>, _> = der
            .iter()
            .map(|der| reqwest::Certificate::from_der(der))
            .collect();
        Ok(Self {
            http: http.map_err(|_| wrong("a certificate cannot be used".into()))?,
            mail: der.iter().map(|der| der.to_vec()).collect(),
        })
    }
}

/// What belongs to a channel's sealed secrets.
pub fn belongs_to(channel: i64) -> String {
    format!("channel/{channel}/secrets")
}

/// The settings and secrets of a channel.
///
/// # Errors
/// What does not hold or open, for the log; no secret stands in it.
pub fn open(sealer: &Sealer, row: &ChannelRow) -> Result<(Settings, Secrets), String> {
    let kind =
        Kind::parse(&row.kind).ok_or_else(|| format!("{} is no kind of channel", row.kind))?;
    let settings = Settings::read(kind, &row.settings.0)?;
    let secrets = match &row.secrets {
        None => Secrets::default(),
        Some(sealed) => {
            let bytes = sealer
                .open(sealed, &belongs_to(row.id))
                .map_err(|error| error.to_string())?;
            serde_json::from_slice(&bytes)
                .map_err(|_| "its secrets cannot be read: set them anew".to_owned())?
        }
    };
    settings.check_secrets(&secrets)?;
    Ok((settings, secrets))
}

/// Runs until the console stops.
pub async fn run(app: App) {
    app.wait_ready().await;
    let mut sender = Sender {
        app: app.clone(),
        lock: None,
        busy: HashSet::new(),
        running: JoinSet::new(),
        seldom: Instant::now(),
    };
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                if let Err(error) = sender.round().await {
                    tracing::debug!(%error, "the queue of messages waits for the database");
                    sender.lock = None;
                }
            }
            () = app.stopping().cancelled() => break,
        }
    }
    // What is on its way is waited for; what is not done then goes out again at the next start.
    let ended = tokio::time::timeout(GRACE, async {
        while sender.running.join_next().await.is_some() {}
    });
    if ended.await.is_err() {
        tracing::warn!(
            "messages were on their way when the console stopped; they are tried again at the next start"
        );
    }
}

struct Sender {
    app: App,
    /// Holds the lock by which one console sends.
    lock: Option<PgConnection>,
    /// Channels at work.
    busy: HashSet<i64>,
    running: JoinSet<i64>,
    seldom: Instant,
}

impl Sender {
    async fn round(&mut self) -> Result<(), StoreError> {
        while let Some(done) = self.running.try_join_next() {
            match done {
                Ok(channel) => self.busy.remove(&channel),
                Err(error) => {
                    tracing::error!(%error, "a channel's round ended by a fault");
                    // Which one is not known; what it had begun is put back at the next start.
                    self.busy.clear();
                    true
                }
            };
        }
        if !self.holds_lock().await? {
            return Ok(());
        }
        let now = Utc::now();
        while deliveries::is_full(deliveries::expand(self.app.db(), now).await?) {}
        if self.seldom <= Instant::now() {
            self.seldom = Instant::now() + SELDOM;
            self.look_seldom(now).await?;
        }
        for channel in deliveries::busy_channels(self.app.db(), now).await? {
            if self.busy.insert(channel) {
                let app = self.app.clone();
                self.running.spawn(async move {
                    if let Err(error) = serve(&app, channel).await {
                        tracing::debug!(%error, channel, "a channel waits for the database");
                    }
                    changed(&app);
                    channel
                });
            }
        }
        Ok(())
    }

    async fn look_seldom(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        if let Some(reference) = self.app.reference() {
            remind(self.app.db(), &reference, now).await?;
        }
        let given_up = deliveries::give_up(
            self.app.db(),
            retry::patience(false),
            retry::patience(true),
            now,
        )
        .await?;
        if given_up > 0 {
            tracing::error!(
                messages = given_up,
                "NOT SENT: given up; see the delivery log"
            );
            metrics::counter!("mingjing_deliveries_total", "outcome" => "not_sent")
                .increment(given_up);
            changed(&self.app);
        }
        Ok(())
    }

    /// Whether this console is the one that sends. Whoever begins puts back what another one left in the middle.
    async fn holds_lock(&mut self) -> Result<bool, StoreError> {
        if let Some(connection) = &mut self.lock {
            connection.ping().await?;
            return Ok(true);
        }
        let mut connection = self.app.db().acquire().await?.detach();
        if !deliveries::lock(&mut connection, LOCK).await? {
            return Ok(false);
        }
        self.lock = Some(connection);
        if self.running.is_empty() {
            let interrupted = deliveries::interrupted(self.app.db(), Utc::now()).await?;
            if interrupted > 0 {
                tracing::warn!(
                    messages = interrupted,
                    "messages were on their way when the console stopped: they are tried again"
                );
            }
        }
        Ok(true)
    }
}

/// Pages look at the log again.
fn changed(app: &App) {
    let nothing = serde_json::json!({});
    app.live().publish(
        &app.directory(),
        About::Everybody,
        "delivery.changed",
        &nothing,
    );
}

/// One round of a channel.
async fn serve(app: &App, id: i64) -> Result<(), StoreError> {
    let Some(row) = channels::find(app.db(), id).await? else {
        return Ok(());
    };
    let now = Utc::now();
    let due = deliveries::due(app.db(), id, now).await?;
    if !row.enabled {
        let ids: Vec<i64> = due.iter().map(|due| due.id).collect();
        return deliveries::drop_unsent(app.db(), &ids, Reason::SwitchedOff, "", now).await;
    }
    let channel = match Channel::open(app, row) {
        Ok(channel) => channel,
        Err(why) => {
            return channels::fails(app.db(), id, now + retry::wait(10, 1.0, None), &why).await;
        }
    };
    let gone: Vec<i64> = due
        .iter()
        .filter(|due| !due.allowed)
        .map(|due| due.id)
        .collect();
    deliveries::drop_unsent(app.db(), &gone, Reason::NotAllowed, "", now).await?;
    let due: Vec<Due> = due.into_iter().filter(|due| due.allowed).collect();
    let used = deliveries::attempts_since(app.db(), id, now - plan::window()).await?;
    let allowance = (i64::from(channel.row.per_minute) - used).max(0);
    let ready = due.iter().map(ready).collect();
    let plan = plan::plan(
        ready,
        usize::try_from(allowance).unwrap_or(0),
        app.directory().zone(),
        now,
    );
    deliveries::hold(app.db(), &plan.hold).await?;
    for members in &plan.digests {
        deliveries::digest(app.db(), members, now).await?;
    }
    for single in plan.single {
        let Some(due) = due.iter().find(|due| due.id == single) else {
            continue;
        };
        if app.stopping().is_cancelled() || !channel.deliver(app, due).await? {
            break;
        }
    }
    Ok(())
}

fn ready(due: &Due) -> Ready {
    Ready {
        id: due.id,
        target: due.target.clone(),
        grade: due.grade(),
        quiet: due.quiet(),
        was_held: due.state == "held",
        alone: !matches!(due.about.as_str(), "card" | "order"),
    }
}

/// A channel that is open.
struct Channel {
    row: ChannelRow,
    settings: Settings,
    secrets: Secrets,
    trust: Trust,
}

impl Channel {
    fn open(app: &App, row: ChannelRow) -> Result<Self, String> {
        let sealer = app.sealer().map_err(|error| error.to_string())?;
        let (settings, secrets) = open(&sealer, &row)?;
        let trust = Trust::read(app.config().channels.ca_file.as_deref())?;
        Ok(Self {
            row,
            settings,
            secrets,
            trust,
        })
    }

    /// Tries to deliver one; whether the channel goes on.
    async fn deliver(&self, app: &App, due: &Due) -> Result<bool, StoreError> {
        let Some(composed) = compose::compose(app, self.settings.kind(), due).await? else {
            deliveries::drop_unsent(app.db(), &[due.id], Reason::NoAddress, "", Utc::now()).await?;
            return Ok(true);
        };
        if !deliveries::begin(app.db(), due.id).await? {
            return Ok(true);
        }
        let outcome = self
            .send(app, composed.message, composed.address.as_deref())
            .await;
        self.settle(app, due, outcome).await
    }

    async fn send(&self, app: &App, message: Message, address: Option<&str>) -> Outcome {
        let id = message.id.clone();
        let outgoing = match body::pack(&self.settings, &self.secrets, message, Utc::now()) {
            Ok(outgoing) => outgoing,
            Err(why) => {
                return Outcome::Refused {
                    reason: Reason::Settings,
                    answer: self.secrets.removed_from(&why),
                };
            }
        };
        let target = self.settings.target();
        let inside = &app.config().channels.inside;
        let addresses = match guard::addresses(self.settings.kind(), &target, inside).await {
            Ok(addresses) => addresses,
            Err(why @ guard::Refusal::Unknown(_)) => {
                return Outcome::Later {
                    reason: Reason::Unreachable,
                    answer: why.to_string(),
                    after: None,
                };
            }
            Err(why) => {
                return Outcome::Refused {
                    reason: Reason::Inside,
                    answer: why.to_string(),
                };
            }
        };
        match (&outgoing, &self.settings, address) {
            (Outgoing::Http(request), settings, _) => {
                wire::http(settings, &self.secrets, request, &addresses, &self.trust).await
            }
            (Outgoing::Mail(letter), Settings::Mail(mail), Some(to)) => {
                wire::mail(
                    mail,
                    &self.secrets,
                    letter,
                    &id,
                    to,
                    &addresses,
                    &self.trust,
                )
                .await
            }
            (Outgoing::Mail(_), ..) => Outcome::Refused {
                reason: Reason::NoAddress,
                answer: String::new(),
            },
        }
    }

    /// Writes down what came of it; whether the channel goes on.
    async fn settle(&self, app: &App, due: &Due, outcome: Outcome) -> Result<bool, StoreError> {
        let (now, id) = (Utc::now(), self.row.id);
        let mut failing = None;
        let (answer, then) = match outcome {
            Outcome::Sent { answer } => (answer, Then::Sent),
            Outcome::Refused { reason, answer } => {
                // The next would fare alike: the others wait, so that they go out when it is put right.
                if matches!(
                    reason,
                    Reason::Credentials | Reason::Settings | Reason::Inside | Reason::Redirect
                ) {
                    failing = Some(now + retry::wait(10, 1.0, None));
                }
                (answer, Then::NotSent(reason))
            }
            Outcome::Later {
                reason,
                answer,
                after,
            } => {
                let failures = u32::try_from(self.row.failures)
                    .unwrap_or(0)
                    .max(due.attempts.unsigned_abs());
                let at = now + retry::wait(failures + 1, rand::random(), after);
                failing = Some(at);
                let applicant = due.about == "case";
                let then = if retry::is_given_up(due.since, applicant, at) {
                    Then::GaveUp
                } else {
                    Then::Again(reason, at)
                };
                (answer, then)
            }
        };
        self.tell(due, then, &answer);
        let done = Done {
            id: due.id,
            channel: id,
            at: now,
            answer: answer.clone(),
            then,
        };
        deliveries::finish(app.db(), &done).await?;
        match failing {
            Some(at) => channels::fails(app.db(), id, at, &answer).await?,
            None if then == Then::Sent => channels::works(app.db(), id, now).await?,
            None => {}
        }
        Ok(failing.is_none())
    }

    fn tell(&self, due: &Due, then: Then, answer: &str) {
        let (channel, delivery) = (self.row.name.as_str(), due.id);
        let outcome = match then {
            Then::Sent => "sent",
            Then::Again(..) => "again",
            Then::NotSent(_) | Then::GaveUp => "not_sent",
        };
        metrics::counter!("mingjing_deliveries_total", "outcome" => outcome).increment(1);
        match then {
            Then::Sent => tracing::debug!(channel, delivery, "sent"),
            Then::Again(reason, at) => {
                tracing::warn!(channel, delivery, reason = reason.as_str(), answer, next = %at, "not sent yet");
            }
            Then::NotSent(reason) => tracing::error!(
                channel,
                delivery,
                reason = reason.as_str(),
                answer,
                "NOT SENT"
            ),
            Then::GaveUp => tracing::error!(channel, delivery, answer, "NOT SENT: given up"),
        }
    }
}

/// "Send a test": at once, and once; what came of it.
///
/// # Errors
/// When the database cannot be asked.
pub async fn test(
    app: &App,
    row: ChannelRow,
    to: Option<&str>,
    account: Option<i64>,
    language: Language,
) -> Result<Outcome, StoreError> {
    let now = Utc::now();
    let hall = row.hall.clone();
    let shown = to.map_or_else(|| row.name.clone(), shown);
    let test = TestMessage {
        channel: row.id,
        account,
        recipient: &shown,
        hall: &hall,
        language: language.as_str(),
    };
    let id = deliveries::queue_test(&mut *app.db().acquire().await?, &test, now).await?;
    let channel_id = row.id;
    let directory = app.directory();
    let setting = text::Setting {
        language,
        zone: directory.zone(),
        hall: "",
        console: None,
    };
    let message = Message {
        id: format!("d-{id}"),
        kind: "test".into(),
        text: text::of_test(&row.name, now, &setting),
        data: serde_json::Value::Null,
        phone: to.map(str::to_owned),
    };
    let outcome = match Channel::open(app, row) {
        Ok(channel) => channel.send(app, message, to).await,
        Err(why) => Outcome::Refused {
            reason: Reason::Settings,
            answer: why,
        },
    };
    let (answer, then) = match &outcome {
        Outcome::Sent { answer } => (answer.clone(), Then::Sent),
        Outcome::Refused { reason, answer } | Outcome::Later { reason, answer, .. } => {
            (answer.clone(), Then::NotSent(*reason))
        }
    };
    let at = Utc::now();
    deliveries::finish(
        app.db(),
        &Done {
            id,
            channel: channel_id,
            at,
            answer,
            then,
        },
    )
    .await?;
    if then == Then::Sent {
        // What waited behind it need not wait on.
        channels::works(app.db(), channel_id, at).await?;
    }
    changed(app);
    Ok(outcome)
}

/// A number or mail address as the log shows it.
pub fn shown(address: &str) -> String {
    match address.split_once('@') {
        Some((local, domain)) => format!("{}***@{domain}", local.chars().next().unwrap_or('*')),
        None => mingjing_monitor::personal::mask_phone(address),
    }
}

/// Since when what was not sent is counted on the pages.
pub fn counted_since(now: DateTime<Utc>) -> DateTime<Utc> {
    now - TimeDelta::hours(24)
}
