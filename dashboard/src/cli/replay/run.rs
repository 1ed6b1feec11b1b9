//! A replay in its scratch database: at once, at once and then served, or served while it goes on.

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_alerts::supervisor::{BatchOutcome, Supervisor};
use tokio::net::TcpListener;

use super::print;
use crate::cli::{CliError, serve};
use crate::clock::Clock;
use crate::config::Config;
use crate::replay::{self, Loaded, ReplayError, Scratch, console};

/// A log and the database made for it.
pub struct Run<'a> {
    pub scratch: &'a Scratch,
    pub log: &'a Loaded,
    /// Where the replay ends.
    pub end: DateTime<Utc>,
    /// Name of the database, where it is kept.
    pub kept: Option<&'a str>,
    pub json: bool,
}

impl Run<'_> {
    /// Replays, under the county's `name`; serves on `listener` where there is one, at `speed` while it goes on.
    pub async fn all(
        &self,
        name: &str,
        config: &Config,
        listener: Option<TcpListener>,
        speed: Option<f64>,
    ) -> Result<(), CliError> {
        let root = replay::import(&self.scratch.store, self.log, name)
            .await
            .map_err(ReplayError::from)?;
        let Some(listener) = listener else {
            return self.at_once().await;
        };
        let address = listener
            .local_addr()
            .map_err(|error| CliError::Failed(format!("the listener has no address: {error}")))?;
        let password = console::inspector(self.scratch, &root)
            .await
            .map_err(ReplayError::from)?;
        let config = console::config(config, self.scratch, address);
        let scheme = config.server.tls.as_ref().map_or("http", |_| "https");
        match speed {
            None => {
                self.at_once().await?;
                print::served(scheme, address, &password, self.kept);
                let app = serve::app(config, Clock::of_log(self.end))?;
                serve::run(app, listener).await
            }
            Some(speed) => {
                print::served(scheme, address, &password, self.kept);
                self.served_while_it_goes_on(config, listener, speed).await
            }
        }
    }

    /// As fast as it goes.
    async fn at_once(&self) -> Result<(), CliError> {
        let outcome = tokio::select! {
            outcome = self.drive() => outcome?,
            () = serve::signalled() => return Err(CliError::Failed("stopped".into())),
        };
        self.summarise(outcome).await
    }

    async fn drive(&self) -> Result<BatchOutcome, ReplayError> {
        let (log, end) = (self.log, self.end);
        let events = log.until(end);
        let bar = print::bar(events.len() as u64);
        let first = events.first().map_or(end, |event| event.time);
        let mut supervisor = Supervisor::start(self.scratch.store.pool().clone(), first).await?;
        supervisor.ignore_answers();
        let outcome =
            replay::drive(&mut supervisor, events, &log.source, end, |n| bar.inc(n)).await?;
        bar.finish_and_clear();
        Ok(outcome)
    }

    async fn summarise(&self, outcome: BatchOutcome) -> Result<(), CliError> {
        let db = self.scratch.store.pool();
        let mut summary = replay::summarise(db, self.log, self.end)
            .await
            .map_err(ReplayError::from)?;
        // Two events of the log with one id and different content: the first stands.
        for rejection in outcome.rejected {
            summary.reject(&rejection.id, rejection.reason);
        }
        print::summary(&summary, self.kept, self.json);
        Ok(())
    }

    /// The log's clock goes on while people look; at its end it stands, and the console stays.
    async fn served_while_it_goes_on(
        &self,
        config: Config,
        listener: TcpListener,
        speed: f64,
    ) -> Result<(), CliError> {
        let events = self.log.until(self.end);
        let first = events.first().map_or(self.end, |event| event.time);
        let app = serve::app(config, Clock::of_log(first - TimeDelta::seconds(1)))?;
        let told = async {
            let told = match replay::pace(&app, self.log, self.end, speed).await {
                Ok(Some(outcome)) => self.summarise(outcome).await,
                Ok(None) => Ok(()),
                Err(error) => Err(error.into()),
            };
            if told.is_err() {
                app.stopping().cancel();
            }
            told
        };
        let (served, told) = tokio::join!(serve::run(app.clone(), listener), told);
        served.and(told)
    }
}
