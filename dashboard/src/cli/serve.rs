//! `mingjing serve`

use std::net::SocketAddr;

use clap::Args;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use super::CliError;
use crate::app::{App, Ready};
use crate::boot::{self, FirstAccount};
use crate::config::{Config, ConfigError, LogFormat};
use crate::{server, store};

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
        let app = app(config)?;
        run(app, listener).await
    }
}

/// A console of this configuration, which stops on SIGTERM and SIGINT.
///
/// # Errors
/// When the address of the database cannot be understood.
pub fn app(config: Config) -> Result<App, CliError> {
    let url = config.database_url()?;
    let db = store::pool(&url, config.database.max_connections).map_err(|error| {
        CliError::Failed(format!(
            "the database address cannot be understood: {error}"
        ))
    })?;
    let recorder = PrometheusBuilder::new()
        .install_recorder()
        .map_err(|error| CliError::Failed(format!("metrics cannot be recorded: {error}")))?;
    let app = App::new(config, db, Some(recorder));
    tokio::spawn(stop_on_signal(app.clone()));
    Ok(app)
}

/// Runs a console on `listener` until [`App::stopping`].
///
/// # Errors
/// When its database refuses, or the listener fails.
pub async fn run(app: App, listener: TcpListener) -> Result<(), CliError> {
    if let Ok(address) = listener.local_addr() {
        tracing::info!("listening on http://{address}");
    }
    let serving = tokio::spawn(server::run(app.clone(), listener));
    let up = tokio::spawn(come_up(app.clone()));
    let ended = up
        .await
        .unwrap_or_else(|error| Err(CliError::Failed(format!("starting failed: {error}"))));
    if ended.is_err() {
        app.stopping().cancel();
    }
    match serving.await {
        Ok(Ok(())) => ended,
        Ok(Err(error)) => Err(CliError::Failed(format!("serving failed: {error}"))),
        Err(error) => Err(CliError::Failed(format!("serving failed: {error}"))),
    }
}

async fn come_up(app: App) -> Result<(), CliError> {
    let first = boot::prepare(&app)
        .await
        .map_err(|error| CliError::Failed(error.to_string()))?;
    if let Some(first) = first {
        announce(&first);
    }
    tokio::spawn(boot::follow_changes(app.clone(), || {}, || {}));
    app.set_ready(Ready::Yes);
    tracing::info!("ready");
    app.stopping().cancelled().await;
    Ok(())
}

fn announce(first: &FirstAccount) {
    eprintln!(
        "\n  First start: sign in as `{}` with the one-time password  {}\n  \
         It is shown only now. Then add people: mingjing user add LOGIN --role inspector\n",
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
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        tracing::error!("signals cannot be received: stop the console with kill -9 only");
        return;
    };
    tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
    tracing::info!("stopping");
    app.stopping().cancel();
}

/// Starts the log.
///
/// # Errors
/// When the level cannot be understood.
pub fn log(config: &Config) -> Result<(), CliError> {
    let filter = EnvFilter::try_new(&config.log.level).map_err(|error| ConfigError::Wrong {
        place: "[log] level".into(),
        what: format!("{:?} is no level: {error}", config.log.level),
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
