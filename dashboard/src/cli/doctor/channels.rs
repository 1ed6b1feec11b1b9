//! Channels: whether their secrets open, whether they may connect to where they send, and whether anything answers there.
//! Nothing is sent.

use futures::future::join_all;
use mingjing_alerts::channel::Settings;
use mingjing_alerts::store::channels::{self, ChannelRow};
use mingjing_ingest::seal::Sealer;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Check, PATIENCE};
use crate::config::Config;
use crate::sender::{self, Trust, guard};
use crate::store;

/// Every channel that is on. What keeps the database from answering is told by its own check.
pub(super) async fn check(config: &Config) -> Vec<Check> {
    let Some(rows) = rows(config).await else {
        return Vec::new();
    };
    let mut checks = Vec::new();
    if let Err(why) = Trust::read(config.channels.ca_file.as_deref()) {
        checks.push(Check::fail("channels", why, "see [channels] ca_file"));
    }
    let sealer = match config.sealer() {
        Ok(sealer) => sealer,
        Err(error) => {
            let remedy = "run it as the user of the console";
            return vec![Check::fail("channels", error.to_string(), remedy)];
        }
    };
    let on = rows.iter().filter(|row| row.enabled);
    checks.extend(join_all(on.map(|row| one(config, &sealer, row))).await);
    if checks.is_empty() {
        let found = format!("none is on, of {}", rows.len());
        checks.push(Check::ok("channels", found));
    }
    checks
}

async fn rows(config: &Config) -> Option<Vec<ChannelRow>> {
    let pool = store::pool(&config.database_url().ok()?, 1).ok()?;
    let rows = timeout(PATIENCE, channels::all(&pool)).await;
    pool.close().await;
    rows.ok()?.ok()
}

async fn one(config: &Config, sealer: &Sealer, row: &ChannelRow) -> Check {
    let check = format!("channel {}", row.name);
    let settings: Settings = match sender::open(sealer, row) {
        Ok((settings, _)) => settings,
        Err(why) => {
            return Check::fail(
                check,
                why,
                "give it its settings and secrets anew on its page",
            );
        }
    };
    let target = settings.target();
    let addresses = match guard::addresses(settings.kind(), &target, &config.channels.inside).await
    {
        Ok(addresses) => addresses,
        Err(why) => {
            return Check::fail(
                check,
                why.to_string(),
                "name it in [channels] inside if it is meant",
            );
        }
    };
    let remedy = "a firewall may stand between; the page of channels sends a test";
    match timeout(PATIENCE, TcpStream::connect(&addresses[..])).await {
        Err(_) => Check::fail(
            check,
            format!("no answer within {} s", PATIENCE.as_secs()),
            remedy,
        ),
        Ok(Err(error)) => Check::fail(check, error.to_string(), remedy),
        Ok(Ok(_)) if row.failures > 0 => {
            let why = row.last_error.as_deref().unwrap_or_default();
            let found = format!("answers, and failed {} times in a row: {why}", row.failures);
            Check::warn(check, found, "send a test from its page")
        }
        Ok(Ok(_)) => Check::ok(check, format!("port {} answers", target.port)),
    }
}
