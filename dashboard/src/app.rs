//! What every handler reaches: one value, shared.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use chrono::{DateTime, Utc};
use metrics_exporter_prometheus::PrometheusHandle;
use mingjing_alerts::supervisor::{Reference, load_reference};
use mingjing_ingest::Cameras;
use mingjing_ingest::seal::{SealError, Sealer};
use mingjing_monitor::store::StoreError;
use mingjing_monitor::store::tokens::ValidToken;
use sqlx::PgPool;
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use crate::audit::Tally;
use crate::auth::oidc::Oidc;
use crate::auth::secret;
use crate::clock::Clock;
use crate::config::Config;
use crate::directory::Directory;
use crate::engine::{Engine, Inbox};
use crate::live::Live;
use crate::media::MediaHub;
use crate::pins::Pins;
use crate::shadow::Shadows;
use crate::transport::client::Proxies;
use crate::transport::rate::Rates;
use crate::uplink::Outages;
use crate::uplink::edges::Edges;

/// The source tokens that hold.
pub type SourceTokens = Arc<Vec<ValidToken>>;

/// How far the console has come up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ready {
    /// Not yet, and what is missing.
    Waiting(String),
    /// The database answers and the deadlines are loaded.
    Yes,
}

/// The console's shared state.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    config: Config,
    clock: Clock,
    db: PgPool,
    live: Live,
    directory: RwLock<Arc<Directory>>,
    rates: Rates,
    proxies: Proxies,
    oidc: Option<Oidc>,
    /// Token of the ingest inside this process.
    edge_token: String,
    edge_hash: Vec<u8>,
    ready: watch::Sender<Ready>,
    access: watch::Sender<u64>,
    directory_changed: watch::Sender<u64>,
    ended: broadcast::Sender<Vec<u8>>,
    stopping: CancellationToken,
    metrics: Option<PrometheusHandle>,
    openapi: OnceLock<String>,
    engine: Engine,
    inbox: Mutex<Option<Inbox>>,
    media: MediaHub,
    edges: Edges,
    outages: Outages,
    pins: Pins,
    shadows: Shadows,
    tally: Tally,
    tokens: watch::Sender<Option<SourceTokens>>,
    reference: RwLock<Option<Arc<Reference>>>,
    intake: watch::Sender<Option<axum::Router>>,
    cameras: RwLock<Option<Cameras>>,
}

impl App {
    /// A console on the wall clock that has not come up yet.
    pub fn new(config: Config, db: PgPool, metrics: Option<PrometheusHandle>) -> Self {
        Self::on_clock(Clock::wall(), config, db, metrics)
    }

    /// A console on this clock that has not come up yet.
    pub fn on_clock(
        clock: Clock,
        config: Config,
        db: PgPool,
        metrics: Option<PrometheusHandle>,
    ) -> Self {
        let edge_token = secret::random();
        let epoch: String = secret::random()
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .take(8)
            .collect();
        let live = Live::new(epoch, config.server.live_ring);
        let (engine, inbox) = Engine::new();
        Self(Arc::new(Inner {
            rates: Rates::new(
                config.limits.requests_per_address,
                config.limits.requests_per_caller,
            ),
            proxies: Proxies::new(&config.server.trusted_proxies, config.server.proxy_header),
            oidc: config.oidc.clone().map(Oidc::new),
            config,
            clock,
            db,
            live,
            directory: RwLock::default(),
            edge_hash: secret::hash(&edge_token),
            edge_token,
            ready: watch::Sender::new(Ready::Waiting("the database has not answered yet".into())),
            access: watch::Sender::new(0),
            directory_changed: watch::Sender::new(0),
            ended: broadcast::Sender::new(256),
            stopping: CancellationToken::new(),
            metrics,
            openapi: OnceLock::new(),
            engine,
            inbox: Mutex::new(Some(inbox)),
            media: MediaHub::default(),
            edges: Edges::default(),
            outages: Outages::default(),
            pins: Pins::default(),
            shadows: Shadows::default(),
            tally: Tally::default(),
            tokens: watch::Sender::new(None),
            reference: RwLock::default(),
            intake: watch::Sender::new(None),
            cameras: RwLock::default(),
        }))
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The clock that cases are judged by.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Now, by [`Self::clock`].
    pub fn now(&self) -> DateTime<Utc> {
        self.0.clock.now()
    }

    /// The database.
    pub fn db(&self) -> &PgPool {
        &self.0.db
    }

    /// The live stream.
    pub fn live(&self) -> &Live {
        &self.0.live
    }

    /// The county as it stands.
    pub fn directory(&self) -> Arc<Directory> {
        Arc::clone(
            &self
                .0
                .directory
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Reads the county again, and what cases are judged by.
    ///
    /// # Errors
    /// When the database cannot be asked; the old ones stay.
    pub async fn reload_directory(&self) -> Result<(), StoreError> {
        let directory = Arc::new(Directory::load(&self.0.db).await?);
        let reference = Arc::new(load_reference(&self.0.db, self.now()).await?);
        *self
            .0
            .directory
            .write()
            .unwrap_or_else(PoisonError::into_inner) = directory;
        *self
            .0
            .reference
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Some(reference);
        self.0.directory_changed.send_modify(|count| *count += 1);
        Ok(())
    }

    /// Tells when the county was read again.
    pub fn watch_directory(&self) -> watch::Receiver<u64> {
        self.0.directory_changed.subscribe()
    }

    /// What cases are judged by, once it has been read.
    pub fn reference(&self) -> Option<Arc<Reference>> {
        self.0
            .reference
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The way to the one writer.
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// The writer's end; once.
    pub fn take_inbox(&self) -> Option<Inbox> {
        self.0
            .inbox
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Pictures and live video.
    pub fn media(&self) -> &MediaHub {
        &self.0.media
    }

    /// Connected ingests and the health of cameras.
    pub fn edges(&self) -> &Edges {
        &self.0.edges
    }

    /// Outages that wait to be written.
    pub fn outages(&self) -> &Outages {
        &self.0.outages
    }

    /// What is kept of recordings.
    pub fn pins(&self) -> &Pins {
        &self.0.pins
    }

    /// The shadow run that goes on, or was the last.
    pub fn shadows(&self) -> &Shadows {
        &self.0.shadows
    }

    /// What happens again and again, counted for the audit log.
    pub fn tally(&self) -> &Tally {
        &self.0.tally
    }

    /// The source tokens that hold, as they change; `None` until they have been read.
    pub fn watch_tokens(&self) -> watch::Receiver<Option<SourceTokens>> {
        self.0.tokens.subscribe()
    }

    /// Reads the source tokens again.
    ///
    /// # Errors
    /// When the database cannot be asked; the old ones stay.
    pub async fn reload_tokens(&self) -> Result<(), StoreError> {
        let tokens = crate::uplink::current_tokens(&self.0.db).await?;
        self.0.tokens.send_replace(Some(tokens));
        Ok(())
    }

    /// The intake of the ingest inside this process, once it runs.
    pub fn intake(&self) -> Option<axum::Router> {
        self.0.intake.borrow().clone()
    }

    /// Sets the intake.
    pub fn set_intake(&self, intake: Option<axum::Router>) {
        self.0.intake.send_replace(intake);
    }

    /// The cameras of the ingest inside this process, while it runs.
    pub fn cameras(&self) -> Option<Cameras> {
        let cameras = self.0.cameras.read();
        cameras.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets the cameras.
    pub fn set_cameras(&self, cameras: Option<Cameras>) {
        *self
            .0
            .cameras
            .write()
            .unwrap_or_else(PoisonError::into_inner) = cameras;
    }

    /// Seals and opens the secrets that the console has to read again. The key is read each time: `secret rotate` replaces it
    /// under a console that runs.
    ///
    /// # Errors
    /// When the key file cannot be used.
    pub fn sealer(&self) -> Result<Sealer, SealError> {
        self.0.config.sealer()
    }

    /// How often somebody may ask.
    pub fn rates(&self) -> &Rates {
        &self.0.rates
    }

    /// The proxies whose word about their clients counts.
    pub fn proxies(&self) -> &Proxies {
        &self.0.proxies
    }

    /// Single sign-on, where the county has it.
    pub fn oidc(&self) -> Option<&Oidc> {
        self.0.oidc.as_ref()
    }

    /// Token of the ingest inside this process.
    pub fn edge_token(&self) -> &str {
        &self.0.edge_token
    }

    /// Whether a token hash is that of the ingest inside this process.
    pub fn is_own_edge(&self, hash: &[u8]) -> bool {
        self.0.edge_hash == hash
    }

    /// How far the console has come up.
    pub fn ready(&self) -> Ready {
        self.0.ready.borrow().clone()
    }

    /// Sets how far the console has come up.
    pub fn set_ready(&self, ready: Ready) {
        self.0
            .ready
            .send_if_modified(|old| std::mem::replace(old, ready.clone()) != ready);
    }

    /// Waits until the console is up.
    pub async fn wait_ready(&self) {
        let _ = self
            .0
            .ready
            .subscribe()
            .wait_for(|ready| *ready == Ready::Yes)
            .await;
    }

    /// Accounts or tokens changed: whoever is connected is looked at again.
    pub fn access_changed(&self) {
        self.0.access.send_modify(|count| *count += 1);
    }

    /// Tells when accounts or tokens changed.
    pub fn watch_access(&self) -> watch::Receiver<u64> {
        self.0.access.subscribe()
    }

    /// A session was closed by its owner.
    pub fn session_ended(&self, hash: Vec<u8>) {
        // Nobody listening is fine.
        let _ = self.0.ended.send(hash);
    }

    /// Tells which sessions are closed.
    pub fn watch_ended_sessions(&self) -> broadcast::Receiver<Vec<u8>> {
        self.0.ended.subscribe()
    }

    /// Cancelled when the console stops.
    pub fn stopping(&self) -> &CancellationToken {
        &self.0.stopping
    }

    /// Renders the metrics, where a recorder is installed.
    pub fn metrics(&self) -> Option<&PrometheusHandle> {
        self.0.metrics.as_ref()
    }

    /// The OpenAPI document.
    pub fn openapi(&self) -> &OnceLock<String> {
        &self.0.openapi
    }
}
