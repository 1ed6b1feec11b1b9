//! The numbers at the top of the monitoring page: cases by lateness, cards, windows, cameras, sources, the day's curve.

use std::collections::BTreeMap;

use axum::extract::State;
use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use mingjing_monitor::store::cases;
use mingjing_monitor::store::rollups::{self, HourCounts};
use mingjing_monitor::store::sources::SourceState;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::caller::Caller;
use crate::problem::{Json, Problem, Query, Result};
use crate::publish;
use crate::store::{Seen, overview as numbers};
use crate::views::{BucketCounts, WindowTile};

/// Which halls.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Where {
    /// Only this hall and what is below it.
    hall: Option<String>,
}

/// The four buckets of open and of completed cases.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Cases {
    open: BucketCounts,
    completed: BucketCounts,
}

/// Cards that stand.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Cards {
    warning: i64,
    yellow_card: i64,
    red_card: i64,
    provisional: i64,
    /// Seen by a camera, and not looked at by a person yet.
    unconfirmed: i64,
    contested: i64,
}

/// Today, by the county's date: cases accepted, cases decided, and open cases in time that fall due before it ends.
#[derive(Debug, Serialize, ToSchema)]
pub struct Today {
    accepted: i64,
    completed: i64,
    due: i64,
}

/// This month so far: cases whose promise ran out, and those of them that were decided in time.
#[derive(Debug, Serialize, ToSchema)]
pub struct Month {
    due: i64,
    met: i64,
}

/// Windows by state; `open` is every state but `closed`.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Windows {
    total: usize,
    open: usize,
    serving: usize,
    idle: usize,
    empty: usize,
    paused: usize,
    unknown: usize,
    closed: usize,
}

/// How many cameras, and how many of them send pictures.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Cameras {
    total: usize,
    live: usize,
}

/// How many sources, how many of them are silent, and which are still bringing their history: until those are through, every
/// number here is too small.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Sources {
    total: usize,
    silent: usize,
    loading: Vec<LoadingSource>,
}

/// A source whose history is being loaded.
#[derive(Debug, Serialize, ToSchema)]
pub struct LoadingSource {
    name: String,
    /// The latest event time so far.
    until: DateTime<Utc>,
}

/// One hall of the overview.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct HallNumbers {
    hall: String,
    open: BucketCounts,
    completed: BucketCounts,
    cards: Cards,
}

/// One hour of today's curve.
#[derive(Debug, Serialize, ToSchema)]
pub struct CurvePoint {
    hour: DateTime<Utc>,
    accepted: i64,
    completed: i64,
}

/// Everything in one answer, so that the numbers belong together.
#[derive(Debug, Serialize, ToSchema)]
pub struct Overview {
    seq: u64,
    epoch: String,
    at: DateTime<Utc>,
    cases: Cases,
    cards: Cards,
    today: Today,
    month: Month,
    windows: Windows,
    cameras: Cameras,
    sources: Sources,
    by_hall: Vec<HallNumbers>,
    curve: Vec<CurvePoint>,
}

/// The overview of what the caller sees. Read from roll-ups and state, never from events.
#[utoipa::path(
    get, path = "/api/v1/overview", tag = "monitoring", operation_id = "overview", params(Where),
    responses((status = 200, body = Overview), (status = 404, body = Problem))
)]
pub async fn show(
    State(app): State<App>,
    caller: Caller,
    Query(place): Query<Where>,
) -> Result<Json<Overview>> {
    let (seq, now) = (app.live().seq(&caller), app.now());
    let directory = app.directory();
    let seen = directory.seen(&caller.scope, place.hall.as_deref())?;
    let zone = directory.zone();
    let today = now.with_timezone(&zone).date_naive();
    let first = today.with_day(1).unwrap_or(today);
    let unit = seen.unit.as_deref();
    let tomorrow = midnight(today + Days::new(1), zone);
    let days = async |from| Ok(rollups::days(app.db(), &seen.hall, unit, from, today).await?);
    let due = async { Ok(cases::due_before(app.db(), &seen.hall, unit, tomorrow).await?) };
    let tiles = async { Ok(publish::tiles(&app, &seen).await?) };
    // Side by side: none waits for another.
    let (by_hall, day, month, due, curve, tiles, sources) = tokio::try_join!(
        by_hall(&app, &seen),
        days(today),
        days(first),
        due,
        curve(&app, &seen, today, zone),
        tiles,
        super::sources::seen(&app, &seen.hall),
    )?;
    let cameras: Vec<_> = directory
        .cameras()
        .filter(|camera| directory.tree().contains(&seen.hall, &camera.hall))
        .filter(|camera| directory.sees_camera(&caller.scope, camera))
        .collect();
    let live = |id: &str| app.edges().health(id).is_some_and(|known| known.is_live());
    let mut overview = Overview {
        seq,
        epoch: app.live().epoch().to_owned(),
        at: now,
        cases: Cases::default(),
        cards: Cards::default(),
        today: Today {
            accepted: day.accepted,
            completed: day.completed,
            due,
        },
        month: Month {
            due: month.met + month.over,
            met: month.met,
        },
        windows: windows(&tiles),
        cameras: Cameras {
            total: cameras.len(),
            live: cameras.iter().filter(|camera| live(&camera.id)).count(),
        },
        sources: Sources {
            total: sources.len(),
            silent: sources
                .iter()
                .filter(|source| source.state(now) == SourceState::Silent)
                .count(),
            loading: sources
                .iter()
                .filter_map(|source| {
                    let (name, until) = (source.name.clone(), source.loading_until?);
                    Some(LoadingSource { name, until })
                })
                .collect(),
        },
        by_hall: Vec::new(),
        curve,
    };
    for hall in by_hall {
        overview.cases.open += hall.open;
        overview.cases.completed += hall.completed;
        overview.cards.add(&hall.cards);
        overview.by_hall.push(hall);
    }
    Ok(Json(overview))
}

impl Cards {
    /// A card that stands counts at its grade; one that does not weigh yet, or no longer for sure, under what it is.
    fn count(&mut self, grade: &str, state: &str, n: i64) {
        let slot = match (state, grade) {
            ("provisional", _) => &mut self.provisional,
            ("unconfirmed", _) => &mut self.unconfirmed,
            ("contested", _) => &mut self.contested,
            ("pending", _) => return,
            (_, "warning") => &mut self.warning,
            (_, "yellow_card") => &mut self.yellow_card,
            (_, "red_card") => &mut self.red_card,
            _ => return,
        };
        *slot += n;
    }

    fn add(&mut self, other: &Self) {
        self.warning += other.warning;
        self.yellow_card += other.yellow_card;
        self.red_card += other.red_card;
        self.provisional += other.provisional;
        self.unconfirmed += other.unconfirmed;
        self.contested += other.contested;
    }
}

async fn by_hall(app: &App, seen: &Seen) -> Result<Vec<HallNumbers>> {
    let mut halls: BTreeMap<String, HallNumbers> = BTreeMap::new();
    let (buckets, cards) = tokio::try_join!(
        rollups::buckets(app.db(), &seen.hall, seen.unit.as_deref()),
        numbers::cards(app.db(), seen),
    )?;
    for row in buckets {
        let entry = halls.entry(row.hall).or_default();
        entry.open = row.open.into();
        entry.completed = row.completed.into();
    }
    for (hall, grade, state, n) in cards {
        halls
            .entry(hall)
            .or_default()
            .cards
            .count(&grade, &state, n);
    }
    let named = halls
        .into_iter()
        .map(|(hall, numbers)| HallNumbers { hall, ..numbers });
    Ok(named.collect())
}

fn windows(tiles: &[WindowTile]) -> Windows {
    let mut windows = Windows {
        total: tiles.len(),
        ..Windows::default()
    };
    for tile in tiles {
        let slot = match tile.state() {
            "serving" => &mut windows.serving,
            "idle" => &mut windows.idle,
            "empty" => &mut windows.empty,
            "paused" => &mut windows.paused,
            "closed" => &mut windows.closed,
            _ => &mut windows.unknown,
        };
        *slot += 1;
    }
    windows.open = windows.total - windows.closed;
    windows
}

async fn curve(app: &App, seen: &Seen, today: NaiveDate, zone: Tz) -> Result<Vec<CurvePoint>> {
    let (from, to) = (midnight(today, zone), midnight(today + Days::new(1), zone));
    let hours: Vec<HourCounts> = match &seen.unit {
        Some(unit) => rollups::hours_of_unit(app.db(), &seen.hall, unit, from, to).await?,
        None => rollups::hours(app.db(), &seen.hall, from, to).await?,
    };
    let points = hours.into_iter().map(|hour| CurvePoint {
        hour: hour.hour,
        accepted: hour.accepted,
        completed: hour.completed,
    });
    Ok(points.collect())
}

/// The first instant of a local day.
pub fn midnight(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    zone.from_local_datetime(&day.and_time(NaiveTime::MIN))
        .earliest()
        .map_or_else(
            || day.and_time(NaiveTime::MIN).and_utc(),
            |local| local.with_timezone(&Utc),
        )
}
