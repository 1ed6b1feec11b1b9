//! `mingjing-ingest`: cameras and event intake of a hall or a town, in a process of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use clap::{Parser, Subcommand};
use mingjing_ingest::config::{self, IngestConfig};
use mingjing_ingest::seal::command::{CommandError, SecretCommand};
use mingjing_ingest::{Ingest, log, seal};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use url::Url;

/// How long requests being answered are waited for at the end.
const LAST_ANSWERS: Duration = Duration::from_secs(4);

/// Receive the cameras and case events of a hall and carry them to the console.
///
/// Events are taken at http://LISTEN/api/v1/events. While the console is away they are kept on disk and delivered
/// later, in order; video is recorded here and goes up only while somebody watches.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = EXAMPLE,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Address of the console: wss://HOST, or ws://127.0.0.1:PORT on the same machine
    #[arg(long, value_name = "URL", required = true)]
    console: Option<Url>,
    /// File with this ingest's token (`mingjing token create --role edge`)
    #[arg(long, value_name = "FILE", required = true)]
    token_file: Option<PathBuf>,
    /// Configuration: name, listen, cameras, … (TOML)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Write the log as JSON, one object a line
    #[arg(long)]
    log_json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Seal passwords of cameras, and replace the key that seals them
    #[command(
        after_help = "Example:\n  mingjing-ingest secret seal --camera t07-1 --config edge.toml < password.txt\n\n\
        The key lies in secret.key in data_dir, or where [secrets] key_file says. Run it as the user of the ingest."
    )]
    Secret {
        #[command(subcommand)]
        command: SecretCommand,
        /// Configuration of the ingest (TOML)
        #[arg(long, value_name = "FILE", global = true)]
        config: Option<PathBuf>,
    },
}

/// Does `secret …`; gives what is printed.
fn secret(command: &SecretCommand, config: Option<&Path>) -> Result<String, String> {
    let settings: IngestConfig = config::load(config).map_err(|error| error.to_string())?;
    let (secrets, data) = (&settings.secrets, &settings.data_dir);
    let done = match command {
        SecretCommand::Seal { camera } => secrets
            .sealer(data)
            .map_err(CommandError::from)
            .and_then(|sealer| seal::command::seal(&sealer, camera)),
        SecretCommand::Rotate => secrets
            .file(data)
            .ok_or(CommandError::NoFile)
            .and_then(|key| seal::command::rotate(&key, config, data))
            .map(|sealed| format!("a new key; {sealed} passwords sealed again")),
    };
    done.map_err(|error| error.to_string())
}

const EXAMPLE: &str = "\
Example:
  mingjing-ingest --console wss://console.county.example --token-file /etc/mingjing/edge.token --config edge.toml

edge.toml:
  name = \"T07\"
  listen = \"127.0.0.1:8081\"
  data_dir = \"/var/lib/mingjing-ingest\"

  [[camera]]
  id = \"t07-1\"
  name = \"Window 1\"
  hall = \"320382-T07\"
  windows = [\"1\"]
  url = \"rtsp://10.7.0.11/main\"
  username = \"viewer\"
  password = \"sealed:…\"          # mingjing-ingest secret seal; or password_file, password_env
  recording = { days = 90 }        # else as [recording] says: 30 days, 64 GiB, always

Every key can be set as MINGJING_SECTION__KEY too, e.g. MINGJING_SPOOL__MAX_BYTES=1000000000.
Exit codes: 0 stopped as asked, 1 failed, 2 used wrongly.";

fn main() -> ExitCode {
    let args = Args::parse();
    // HTTP clients take the process's provider; the workspace builds none into them.
    let _ = rustls::crypto::ring::default_provider().install_default();
    if let Some(Command::Secret { command, config }) = &args.command {
        return match secret(command, config.as_deref()) {
            Ok(done) => {
                println!("{done}");
                ExitCode::SUCCESS
            }
            Err(message) => failed(&message),
        };
    }
    let directives = std::env::var("RUST_LOG").unwrap_or_else(|_| "info".into());
    let filter = match log::filter(&directives) {
        Ok(filter) => filter,
        Err(error) => return failed(&format!("RUST_LOG={directives}: {error}")),
    };
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if args.log_json {
        lines.json().init();
    } else {
        lines.init();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return failed(&format!("cannot start: {error}")),
    };
    let outcome = runtime.block_on(run(args));
    // Blocking threads (a resolver, a decoder) must not hold up the end.
    runtime.shutdown_timeout(Duration::from_secs(1));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => failed(&message),
    }
}

fn failed(message: &str) -> ExitCode {
    eprintln!("mingjing-ingest: {message}");
    ExitCode::FAILURE
}

async fn run(args: Args) -> Result<(), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let config: IngestConfig =
        config::load(args.config.as_deref()).map_err(|error| text(&error))?;
    let (Some(console), Some(token_file)) = (args.console, args.token_file) else {
        return Err("--console and --token-file are needed".into());
    };
    let token = config::read_secret(&token_file).map_err(|error| {
        format!(
            "cannot read the token file {}: {error}",
            token_file.display()
        )
    })?;
    let listen = config.listen;
    if !listen.ip().is_loopback() && !config.intake.allow_plain {
        return Err(format!(
            "listen = {listen} would take tokens in plain HTTP from the network: listen on 127.0.0.1 behind a proxy with \
             TLS, or set `intake.allow_plain = true`"
        ));
    }
    let listener = tokio::net::TcpListener::bind(listen)
        .await
        .map_err(|error| {
            format!("cannot listen on {listen}: {error}; free the port or change `listen`")
        })?;
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| text(&error))?;
    let shutdown = CancellationToken::new();
    let ingest = Ingest::start(config, token, console, &shutdown)
        .await
        .map_err(|error| text(&error))?;
    let local = listener.local_addr().unwrap_or(listen);
    let closing = CancellationToken::new();
    let server = tokio::spawn(serve(listener, ingest.router(), closing.clone()));
    announce(local);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    tracing::info!("stopping");
    // First no new requests, then the answers under way, then the uplink that they need.
    closing.cancel();
    if tokio::time::timeout(LAST_ANSWERS, server).await.is_err() {
        tracing::warn!("requests were still being answered; their senders will send again");
    }
    ingest.stop().await;
    Ok(())
}

fn announce(local: SocketAddr) {
    tracing::info!("events are taken at http://{local}/api/v1/events");
}

async fn serve(listener: tokio::net::TcpListener, events: Router, closing: CancellationToken) {
    let app = events.route("/health/live", get(|| async { "live\n" }));
    let closed = async move { closing.cancelled().await };
    if let Err(error) = axum::serve(listener, app)
        .with_graceful_shutdown(closed)
        .await
    {
        tracing::error!(%error, "the listener failed");
    }
}
