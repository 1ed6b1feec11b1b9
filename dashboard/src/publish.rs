//! From what the writer changed to what open pages are told.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use mingjing_alerts::supervisor::Delta;
use mingjing_monitor::store::{StoreError, cases, sources, windows};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use crate::app::App;
use crate::clock::Reading;
use crate::live::About;
use crate::presence;
use crate::store::{Seen, cards, orders, overview};
use crate::views::{CardMark, CardRow, CaseRow, OrderRow, SourceView, WindowTile};

/// Rows told one by one; when more change at once, pages fetch their lists again.
const MOST: usize = 500;

/// Hall, unit and window that bore a card.
type Place = (String, Option<String>, Option<String>);

/// What changed since the last time, each once.
#[derive(Default)]
struct Changes {
    issued: BTreeSet<i64>,
    cards: BTreeSet<i64>,
    /// Cards that somebody else bears now, with who bore them.
    left: BTreeSet<(i64, Place)>,
    new_orders: BTreeSet<i64>,
    orders: BTreeSet<i64>,
    cases: BTreeSet<String>,
    windows: BTreeSet<(String, String)>,
    sources: BTreeSet<String>,
    /// Halls whose counts moved; with `county` all of them.
    halls: BTreeSet<String>,
    county: bool,
}

impl Changes {
    fn take(&mut self, delta: Delta) {
        match delta {
            Delta::CardIssued { id, hall } => {
                self.issued.insert(id);
                self.halls.insert(hall);
            }
            Delta::CardChanged { id, hall } => {
                self.cards.insert(id);
                self.halls.insert(hall);
            }
            Delta::CardLeft {
                id,
                hall,
                unit,
                window,
            } => {
                self.halls.insert(hall.clone());
                self.left.insert((id, (hall, unit, window)));
            }
            Delta::OrderIssued { id, .. } => {
                self.new_orders.insert(id);
            }
            Delta::OrderChanged { id, .. } => {
                self.orders.insert(id);
            }
            Delta::CaseChanged { no, hall } => {
                self.cases.insert(no);
                self.halls.insert(hall);
            }
            Delta::WindowChanged { hall, no } => {
                self.windows.insert((hall, no));
            }
            Delta::SourceChanged { id } => {
                self.sources.insert(id);
            }
            Delta::OverviewChanged | Delta::RankingChanged => self.county = true,
        }
    }

    fn len(&self) -> usize {
        let supervised =
            self.issued.len() + self.cards.len() + self.new_orders.len() + self.orders.len();
        supervised + self.cases.len() + self.windows.len()
    }
}

/// Tells the screens until the writer ends.
pub async fn run(app: App, mut changes: mpsc::Receiver<Vec<Delta>>) {
    let mut second = tokio::time::interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut shown = app.clock().reading();
    loop {
        tokio::select! {
            deltas = changes.recv() => {
                let Some(deltas) = deltas else { return };
                let mut all = Changes::default();
                deltas.into_iter().for_each(|delta| all.take(delta));
                while let Ok(more) = changes.try_recv() {
                    more.into_iter().for_each(|delta| all.take(delta));
                }
                tell(&app, all).await;
            }
            _ = second.tick() => {
                tell_clock(&app, &mut shown);
                app.live().tick(&app.directory());
            }
        }
    }
}

/// The clock of a replay, when it went on or stopped. The wall clock needs no telling.
fn tell_clock(app: &App, shown: &mut Reading) {
    let reading = app.clock().reading();
    if reading.replay && reading != *shown {
        *shown = reading;
        let everybody = About::Everybody;
        app.live()
            .publish(&app.directory(), everybody, "clock.changed", &reading);
    }
}

/// The county, its calendar or its rules changed: pages that show them ask again.
pub fn county_changed(app: &App) {
    let nothing = serde_json::json!({});
    app.live().publish(
        &app.directory(),
        About::Everybody,
        "county.changed",
        &nothing,
    );
}

/// Something was done to a draft of the rules: who reads drafts asks again.
pub fn rules_changed(app: &App) {
    let nothing = serde_json::json!({});
    app.live().publish(
        &app.directory(),
        About::Everybody,
        "rules.changed",
        &nothing,
    );
}

async fn tell(app: &App, changes: Changes) {
    let root = app.directory().root();
    if changes.county && changes.halls.is_empty() {
        app.live().counts_changed(&root);
    }
    changes
        .halls
        .iter()
        .for_each(|hall| app.live().counts_changed(hall));
    if !app.live().has_readers() {
        return;
    }
    if changes.len() > MOST {
        app.live().reload_all();
        return;
    }
    if let Err(error) = rows(app, &root, changes).await {
        // The rows cannot be read, so nobody can be told what they are: pages fetch them when they can be read again.
        tracing::warn!(%error, "the screens could not be told");
        app.live().reload_all();
    }
}

async fn rows(app: &App, root: &str, changes: Changes) -> Result<(), StoreError> {
    let all = Seen {
        hall: root.to_owned(),
        unit: None,
        window: None,
    };
    tell_cards(app, &all, &changes).await?;
    tell_orders(app, &all, &changes).await?;
    tell_cases(app, &all, changes.cases.into_iter().collect()).await?;
    tell_windows(app, &all, &changes.windows).await?;
    if !changes.sources.is_empty() {
        tell_sources(app, &changes.sources).await?;
    }
    Ok(())
}

async fn tell_cards(app: &App, all: &Seen, changes: &Changes) -> Result<(), StoreError> {
    let ids: Vec<i64> = changes.issued.union(&changes.cards).copied().collect();
    if ids.is_empty() {
        return Ok(());
    }
    let directory = app.directory();
    for card in cards::of_ids(app.db(), all, &ids).await? {
        let kind = if changes.issued.contains(&card.id) {
            "card.issued"
        } else {
            "card.changed"
        };
        let about = About::Supervision {
            hall: &card.hall,
            unit: card.unit.as_deref(),
            window: card.win.as_deref(),
        };
        for (id, (hall, unit, window)) in changes.left.iter().filter(|(id, _)| *id == card.id) {
            let from = About::Supervision {
                hall,
                unit: unit.as_deref(),
                window: window.as_deref(),
            };
            let gone = serde_json::json!({"id": id});
            let about = About::Left {
                from: &from,
                to: &about,
            };
            app.live().publish(&directory, about, "card.left", &gone);
        }
        app.live()
            .publish(&directory, about, kind, &CardRow::new(&card, &directory));
    }
    Ok(())
}

async fn tell_orders(app: &App, all: &Seen, changes: &Changes) -> Result<(), StoreError> {
    let ids: Vec<i64> = changes.new_orders.union(&changes.orders).copied().collect();
    if ids.is_empty() {
        return Ok(());
    }
    let directory = app.directory();
    for order in orders::of_ids(app.db(), all, &ids).await? {
        let kind = if changes.new_orders.contains(&order.id) {
            "order.issued"
        } else {
            "order.changed"
        };
        let about = About::Supervision {
            hall: &order.hall,
            unit: order.unit.as_deref(),
            window: order.win.as_deref(),
        };
        let row = OrderRow::new(&order, &directory);
        app.live().publish(&directory, about, kind, &row);
    }
    Ok(())
}

async fn tell_cases(app: &App, all: &Seen, numbers: Vec<String>) -> Result<(), StoreError> {
    if numbers.is_empty() {
        return Ok(());
    }
    let directory = app.directory();
    let mut marks: HashMap<String, CardMark> = case_marks(app, &numbers).await?;
    for row in cases::rows(app.db(), &all.hall, &numbers).await? {
        let (hall, unit, window) = (row.hall.clone(), row.unit.clone(), row.window.clone());
        let mark = marks.remove(&row.no);
        let about = About::Supervision {
            hall: &hall,
            unit: Some(&unit),
            window: window.as_deref(),
        };
        app.live()
            .publish(&directory, about, "case.changed", &CaseRow::new(row, mark));
    }
    Ok(())
}

/// The gravest standing card of each case.
///
/// # Errors
/// When the database cannot be asked.
pub async fn case_marks(
    app: &App,
    numbers: &[String],
) -> Result<HashMap<String, CardMark>, StoreError> {
    let marks = overview::case_cards(app.db(), numbers).await?;
    Ok(marks
        .into_iter()
        .map(|(no, id, grade)| (no, CardMark::new(id, grade)))
        .collect())
}

async fn tell_windows(
    app: &App,
    all: &Seen,
    touched: &BTreeSet<(String, String)>,
) -> Result<(), StoreError> {
    if touched.is_empty() {
        return Ok(());
    }
    for tile in tiles(app, all).await? {
        if touched.contains(&(tile.hall().to_owned(), tile.no().to_owned())) {
            tell_tile(app, &tile);
        }
    }
    Ok(())
}

/// What cameras see of these windows changed.
pub async fn windows_changed(app: &App, windows: BTreeSet<(String, String)>) {
    let changes = Changes {
        windows,
        ..Changes::default()
    };
    tell(app, changes).await;
}

/// Tells one tile to whoever sees its window.
pub fn tell_tile(app: &App, tile: &WindowTile) {
    let directory = app.directory();
    let unit = directory
        .window(tile.hall(), tile.no())
        .and_then(|window| window.unit.clone());
    let about = About::Supervision {
        hall: tile.hall(),
        unit: unit.as_deref(),
        window: Some(tile.no()),
    };
    app.live()
        .publish(&directory, about, "window.changed", tile);
}

/// The tiles of the windows that a caller sees, as they stand now.
///
/// # Errors
/// When the database cannot be asked.
pub async fn tiles(app: &App, seen: &Seen) -> Result<Vec<WindowTile>, StoreError> {
    let (directory, now) = (app.directory(), app.now());
    let mut silent: BTreeSet<String> = sources::sources(app.db())
        .await?
        .into_iter()
        .filter(|source| source.state(now) == sources::SourceState::Silent)
        .map(|source| source.id)
        .collect();
    silent.extend(app.edges().cut_sources());
    let cards = overview::window_cards(app.db(), seen).await?;
    let mut cards: HashMap<(String, String), (i64, String)> = cards
        .into_iter()
        .map(|(hall, no, id, grade)| ((hall, no), (id, grade)))
        .collect();
    let rows = windows::windows(app.db(), &seen.hall).await?;
    let seats = presence::seats_now(app, &directory);
    let places = presence::places(app, &seen.hall, &seats).await?;
    let mine = rows.iter().filter(|row| {
        let unit = directory
            .window(&row.hall, &row.no)
            .and_then(|window| window.unit.as_deref());
        seen.unit.as_deref().is_none_or(|only| unit == Some(only))
            && seen.window.as_deref().is_none_or(|only| row.no == only)
    });
    Ok(mine
        .map(|row| {
            let key = (row.hall.clone(), row.no.clone());
            let state = row.state(
                now,
                &places.get(&key).copied().unwrap_or_default(),
                |source| silent.contains(source),
            );
            WindowTile::new(row, state, cards.remove(&key), &directory)
        })
        .collect())
}

async fn tell_sources(app: &App, ids: &BTreeSet<String>) -> Result<(), StoreError> {
    let (directory, now) = (app.directory(), app.now());
    let mut halls: HashMap<String, Vec<String>> = HashMap::new();
    for (source, hall) in sources::halls(app.db()).await? {
        halls.entry(source).or_default().push(hall);
    }
    for source in sources::sources(app.db())
        .await?
        .iter()
        .filter(|source| ids.contains(&source.id))
    {
        app.live().publish(
            &directory,
            About::Source(halls.get(&source.id).map_or(&[][..], Vec::as_slice)),
            "source.changed",
            &SourceView::new(source, now),
        );
    }
    Ok(())
}
