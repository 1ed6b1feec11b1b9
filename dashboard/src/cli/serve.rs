//! `mingjing serve`

use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;
use metrics_exporter_prometheus::PrometheusBuilder;
use mingjing_ingest::camera::Secret;
use mingjing_ingest::{Ingest, log as log_lines};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::CliError;
use crate::app::App;
use crate::auth::oidc::provider as oidc;
use crate::boot::{self, FirstAccount};
use crate::clock::Clock;
use crate::config::{Config, ConfigError, LogFormat, Tls};
use crate::store::Notice;
use crate::transport::listener::Patience;
use crate::transport::tls::Certificates;
use crate::{audit, background, cameras, engine, sender, server, store};

/// Run the console.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  DATABASE_URL=$(scripts/timescaledb url) mingjing serve --listen 127.0.0.1:8080"
)]
pub struct Serve {
    /// Address and port [default: server.listen of the configuration, 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

impl Serve {
    /// Serves until SIGTERM or SIGINT.
    ///
    /// # Errors
    /// When the console cannot start, or its database refuses.
    pub async fn run(self, mut config: Config) -> Result<(), CliError> {
        if let Some(listen) = self.listen {
            config.server.listen = listen;
        }
        config.check_listen()?;
        log(&config)?;
        let listener = bind(config.server.listen).await?;
        let app = app(config, Clock::wall())?;
        // Now, and not when the first person signs in: a key that cannot be read is found by whoever starts the console.
        app.sealer()
            .map_err(|error| CliError::Failed(error.to_string()))?;
        if let Some(oidc) = app.oidc() {
            oidc.check()?;
        }
        run(app, listener).await
    }
}

/// A console of this configuration on this clock, which stops on SIGTERM and SIGINT.
///
/// # Errors
/// When the address of the database cannot be understood.
pub fn app(config: Config, clock: Clock) -> Result<App, CliError> {
    let url = config.database_url()?;
    let db = store::pool(&url, config.database.max_connections).map_err(|error| {
        CliError::Failed(format!(
            "the database address cannot be understood: {error}"
        ))
    })?;
    let recorder = PrometheusBuilder::new()
        .install_recorder()
        .map_err(|error| CliError::Failed(format!("metrics cannot be recorded: {error}")))?;
    let app = App::on_clock(clock, config, db, Some(recorder));
    tokio::spawn(stop_on_signal(app.clone()));
    Ok(app)
}

/// Runs a console on `listener` until [`App::stopping`]: server, writer and the ingest inside this process. On the clock of a
/// log there is no ingest: nothing comes in but the log.
///
/// # Errors
/// When its database refuses, its ingest cannot start, or the listener fails.
pub async fn run(app: App, listener: TcpListener) -> Result<(), CliError> {
    let address = local(&listener)?;
    let certificates = certificates(app.config())?;
    let scheme = if certificates.is_some() {
        "https"
    } else {
        "http"
    };
    tracing::info!("listening on {scheme}://{address}");
    allow_open_files();
    let mut serving = JoinSet::new();
    let uplink = if certificates.is_some() {
        let inner = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let address = local(&inner)?;
        serving.spawn(server::run_uplink(app.clone(), inner));
        address
    } else {
        address
    };
    let front = server::Front {
        listener,
        certificates,
        patience: Patience::default(),
    };
    serving.spawn(server::run(app.clone(), front));
    let done = work(&app, uplink).await;
    // Also after a failure: what is under way is ended in order.
    app.stopping().cancel();
    while let Some(served) = serving.join_next().await {
        served.map_err(|error| CliError::Failed(format!("serving failed: {error}")))?;
    }
    done
}

fn local(listener: &TcpListener) -> Result<SocketAddr, CliError> {
    listener
        .local_addr()
        .map_err(|error| CliError::Failed(format!("the listener has no address: {error}")))
}

/// The certificate of the configuration, where there is one.
fn certificates(config: &Config) -> Result<Option<Arc<Certificates>>, CliError> {
    let load = |tls: &Tls| Certificates::load(&tls.cert, &tls.key);
    let loaded = config.server.tls.as_ref().map(load).transpose();
    loaded.map_err(|error| CliError::Failed(error.to_string()))
}

/// Every connection is an open file, and the usual bound is 1,024: takes as many as the system gives.
fn allow_open_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit on open files stays as it is");
    }
}

/// Everything but the HTTP server: ends when the console stops, or when it cannot come up.
async fn work(app: &App, address: SocketAddr) -> Result<(), CliError> {
    let ingest = match app.clock().is_of_log() {
        true => None,
        false => Some(start_ingest(app, address).await?),
    };
    app.set_intake(ingest.as_ref().map(Ingest::router));
    let carried = ingest.as_ref().map(|ingest| ingest.cameras().clone());
    app.set_cameras(carried.clone());
    let prepared = boot::prepare(app)
        .await
        .map_err(|error| CliError::Failed(error.to_string()))?;
    let Some((store, first)) = prepared else {
        stop(app, ingest).await;
        return Ok(());
    };
    if let Some(first) = first {
        announce(&first);
    }
    tokio::spawn(oidc::follow(app.clone()));
    let inbox = app
        .take_inbox()
        .ok_or_else(|| CliError::Failed("this console has been started before".into()))?;
    let writer = tokio::spawn(engine::run(app.clone(), store, inbox));
    let engine = app.engine().clone();
    let reload = move |notice| {
        if notice == Notice::Organisation {
            engine.reload();
        }
    };
    tokio::spawn(boot::follow_changes(app.clone(), reload));
    if let Some(carried) = carried {
        tokio::spawn(cameras::follow(app.clone(), carried));
    }
    tokio::spawn(background::run(app.clone()));
    // On the clock of a log nothing goes out: what it shows happened long ago.
    let sending = (!app.clock().is_of_log()).then(|| tokio::spawn(sender::run(app.clone())));
    let counting = tokio::spawn(audit::follow(app.clone()));
    app.stopping().cancelled().await;
    // The ingest first: what it could not deliver is in its spool before the writer ends.
    stop(app, ingest).await;
    if tokio::time::timeout(server::GRACE, writer).await.is_err() {
        tracing::warn!("the writer did not end in time; what was not acknowledged comes again");
    }
    if let Some(sending) = sending
        && tokio::time::timeout(server::GRACE, sending).await.is_err()
    {
        tracing::warn!(
            "the sender did not end in time; what was on its way is tried again at the next start"
        );
    }
    if tokio::time::timeout(server::GRACE, counting).await.is_err() {
        tracing::warn!("counts for the audit log could not be written in time");
    }
    Ok(())
}

async fn stop(app: &App, ingest: Option<Ingest>) {
    app.set_intake(None);
    app.set_cameras(None);
    if let Some(ingest) = ingest {
        ingest.stop().await;
    }
}

/// The ingest for the cameras of this configuration: connected over loopback, like any other.
async fn start_ingest(app: &App, address: SocketAddr) -> Result<Ingest, CliError> {
    let host: std::net::IpAddr = match address {
        SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
    };
    // Where the console listens on one address only, that is the one to call.
    let host = if address.ip().is_unspecified() {
        host
    } else {
        address.ip()
    };
    let console = format!("ws://{}", SocketAddr::new(host, address.port()));
    let console = console
        .parse()
        .map_err(|error| CliError::Failed(format!("{console}: {error}")))?;
    let mut config = app.config().ingest();
    // The console's own address, and plain text to it was allowed or it is loopback.
    config.uplink.allow_plain = true;
    let token = Secret::new(app.edge_token());
    // Not a child of `stopping`: it is stopped in its turn.
    Ingest::start(config, token, console, &CancellationToken::new())
        .await
        .map_err(|error| CliError::Failed(error.to_string()))
}

fn announce(first: &FirstAccount) {
    eprintln!(
        "\n  First start: sign in as `{}` with the one-time password  {}\n  \
         It is shown only now; you choose your own, and set up a second factor, when you sign in.\n  \
         Then appoint who grants roles: mingjing user add LOGIN --role secadmin\n",
        first.login, first.password
    );
}

/// Listens, or says what stands in the way.
///
/// # Errors
/// When the port is taken or may not be used.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, CliError> {
    TcpListener::bind(address).await.map_err(|error| {
        let hint = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                "another program listens there: stop it, or choose another with --listen"
            }
            std::io::ErrorKind::PermissionDenied => {
                "ports under 1024 need the right to use them: choose a higher one"
            }
            _ => "choose another with --listen",
        };
        CliError::Failed(format!("cannot listen on {address}: {error} ({hint})"))
    })
}

async fn stop_on_signal(app: App) {
    signalled().await;
    tracing::info!("stopping");
    app.stopping().cancel();
}

/// Waits for SIGTERM or SIGINT.
pub async fn signalled() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        tracing::error!("signals cannot be received: stop with kill -9 only");
        return std::future::pending().await;
    };
    tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
}

/// Starts the log.
///
/// # Errors
/// When the level cannot be understood.
pub fn log(config: &Config) -> Result<(), CliError> {
    let filter = log_lines::filter(&config.log.level).map_err(|error| ConfigError::LogLevel {
        level: config.log.level.clone(),
        reason: error.to_string(),
    })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let started = match config.log.format {
        LogFormat::Json => builder.json().try_init(),
        LogFormat::Text => builder.try_init(),
    };
    started.map_err(|error| CliError::Failed(format!("the log cannot be started: {error}")))
}
