//! What goes on beside requests: health and metrics into their tables, and window tiles that change by time alone.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use mingjing_monitor::store::sources::SourceState;
use mingjing_monitor::store::{StoreError, health, metrics as series, rollups, sources, tokens};
use tokio::time::{MissedTickBehavior, interval};

use crate::app::{App, Ready};
use crate::boot::ALIVE;
use crate::publish;
use crate::store::{Seen, overview};
use crate::views::WindowTile;

/// How often health and outages are written.
const HEALTH: Duration = Duration::from_secs(5);
/// How often window tiles are looked at: serving turns idle, halls open and close.
const TILES: Duration = Duration::from_secs(15);
/// How often the county's counters are written.
const METRICS: Duration = Duration::from_secs(60);

/// Runs until the console stops.
pub async fn run(app: App) {
    tokio::spawn(expire_tokens(app.clone()));
    tokio::spawn(crate::watch::run(app.clone()));
    tokio::spawn(crate::pins::run(app.clone()));
    tokio::spawn(crate::retention::run(app.clone()));
    tokio::spawn(crate::bulletin::drafts::run(app.clone()));
    let [mut health, mut tiles, mut metrics] = [HEALTH, TILES, METRICS].map(|every| {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    });
    let mut shown = HashMap::new();
    loop {
        tokio::select! {
            _ = health.tick() => write_health(&app).await,
            _ = tiles.tick() => if let Err(error) = look_at_tiles(&app, &mut shown).await {
                tracing::debug!(%error, "the windows could not be looked at");
            },
            _ = metrics.tick() => if let Err(error) = write_metrics(&app).await {
                tracing::debug!(%error, "metrics could not be written");
            },
            () = app.stopping().cancelled() => return write_health(&app).await,
        }
    }
}

/// Between two looks for tokens that will run out, where none is known to.
const EXPIRY: Duration = Duration::from_secs(600);

/// Lets tokens run out at their instant, until the console stops: their sockets fall, and ingests take nothing with them.
pub async fn expire_tokens(app: App) {
    let mut changed = app.watch_access();
    loop {
        let now = Utc::now();
        let next = match tokens::next_expiry(app.db(), now).await {
            Ok(next) => next,
            // The database is away: look again soon.
            Err(_) => Some(now + TimeDelta::seconds(5)),
        };
        let wait = next
            .and_then(|next| (next - now).to_std().ok())
            .map_or(EXPIRY, |wait| wait.min(EXPIRY));
        tokio::select! {
            () = tokio::time::sleep(wait) => {
                if next.is_some_and(|next| next <= Utc::now()) {
                    app.access_changed();
                    if let Err(error) = app.reload_tokens().await {
                        tracing::debug!(%error, "the tokens could not be read again");
                    }
                }
            }
            change = changed.changed() => if change.is_err() { return },
            () = app.stopping().cancelled() => return,
        }
    }
}

async fn write_health(app: &App) {
    app.outages().write(app.db()).await;
    let points = app.edges().take_points();
    if points.is_empty() {
        return;
    }
    let written = async {
        let mut connection = app.db().acquire().await?;
        health::camera(&mut connection, &points).await
    };
    if let Err(error) = written.await {
        tracing::debug!(%error, "camera health waits for the database");
        app.edges().restore(points);
    }
}

/// Tells the tiles whose state changed without an event.
async fn look_at_tiles(
    app: &App,
    shown: &mut HashMap<(String, String), &'static str>,
) -> Result<(), StoreError> {
    if !app.live().has_readers() || app.ready() != Ready::Yes {
        shown.clear();
        return Ok(());
    }
    let all = Seen {
        hall: app.directory().root(),
        unit: None,
        window: None,
    };
    let tiles = publish::tiles(app, &all).await?;
    let key = |tile: &WindowTile| (tile.hall().to_owned(), tile.no().to_owned());
    if !shown.is_empty() {
        for tile in &tiles {
            if shown.get(&key(tile)) != Some(&tile.state()) {
                publish::tell_tile(app, tile);
                app.live().counts_changed(tile.hall());
            }
        }
    }
    *shown = tiles.iter().map(|tile| (key(tile), tile.state())).collect();
    Ok(())
}

/// The county's counters and gauges, one point each.
async fn write_metrics(app: &App) -> Result<(), StoreError> {
    if app.ready() != Ready::Yes {
        return Ok(());
    }
    let (db, now) = (app.db(), app.now());
    let all = Seen {
        hall: app.directory().root(),
        unit: None,
        window: None,
    };
    let halls = rollups::buckets(db, &all.hall, None).await?;
    let cards = overview::cards(db, &all).await?;
    let sources = sources::sources(db).await?;
    let standing: HashSet<&str> = [
        "issued",
        "received",
        "answered",
        "appealed",
        "returned",
        "referred",
        "contested",
    ]
    .into();
    let count_cards = |grade: &str| {
        let of = cards
            .iter()
            .filter(|(_, of, state, _)| of == grade && standing.contains(state.as_str()));
        of.map(|(.., n)| *n as f64).sum::<f64>()
    };
    let silent = sources
        .iter()
        .filter(|source| source.state(now) == SourceState::Silent)
        .count();
    let county = [
        (
            "cases.open",
            halls.iter().map(|hall| hall.open.total() as f64).sum(),
        ),
        (
            "cases.completed",
            halls.iter().map(|hall| hall.completed.total() as f64).sum(),
        ),
        (
            "cases.over_promise",
            halls
                .iter()
                .map(|hall| hall.open.over_promise_only as f64)
                .sum(),
        ),
        (
            "cases.over_legal",
            halls.iter().map(|hall| hall.open.over_legal as f64).sum(),
        ),
        ("cards.yellow", count_cards("yellow_card")),
        ("cards.red", count_cards("red_card")),
        (
            "events.accepted",
            sources.iter().map(|source| source.accepted as f64).sum(),
        ),
        (
            "events.rejected",
            sources.iter().map(|source| source.rejected as f64).sum(),
        ),
        ("sources.silent", silent as f64),
        (ALIVE, app.edges().live() as f64),
    ];
    let mut values: Vec<(&str, Option<&str>, f64)> = county
        .iter()
        .map(|(name, value): &(&str, f64)| (*name, None, *value))
        .collect();
    values.extend(halls.iter().map(|hall| {
        (
            "cases.open",
            Some(hall.hall.as_str()),
            hall.open.total() as f64,
        )
    }));
    let mut connection = db.acquire().await?;
    series::store(&mut connection, now, &values).await
}
