//! Rankings by on-time rate, month by month: units of the county hall, town centres, village points.

use std::collections::HashMap;

use axum::extract::State;
use chrono::{Datelike, Days, Months, NaiveDate};
use mingjing_monitor::org::Level;
use mingjing_monitor::score::{self, MIN_CASES, Tally};
use mingjing_monitor::store::rankings::{self, Standing};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::overview::midnight;
use crate::app::App;
use crate::caller::Caller;
use crate::problem::{Json, Problem, Query, Result};
use crate::store::{Seen, overview};

/// Which ranking.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// `county` (its units), `town` or `village`.
    #[param(value_type = String)]
    level: Level,
    /// `2026-10`; this month where it is left out.
    month: Option<String>,
}

/// Who is ranked.
#[derive(Debug, Serialize, ToSchema)]
pub struct Subject {
    /// `hall` or `unit`.
    #[schema(value_type = String)]
    kind: &'static str,
    code: String,
    name: String,
    name_en: String,
}

/// One line.
#[derive(Debug, Serialize, ToSchema)]
pub struct Rank {
    /// Equal rates share a rank; null with fewer than `min_cases`.
    rank: Option<u32>,
    /// The rank of the month before.
    previous: Option<u32>,
    subject: Subject,
    /// Cases that fell due in the month and are judged.
    due: u64,
    /// Of them, decided in time.
    met: u64,
    rate: Option<f64>,
    open: i64,
    yellow_cards: i64,
    red_cards: i64,
}

/// The ranking.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ranking {
    #[schema(value_type = String)]
    level: Level,
    month: String,
    min_cases: u64,
    seq: u64,
    rows: Vec<Rank>,
}

/// The ranking of a level. Ranks are those of the whole county; the caller sees the lines of their own subtree.
#[utoipa::path(
    get, path = "/api/v1/rankings", tag = "performance", operation_id = "rankings", params(Which),
    responses((status = 200, body = Ranking), (status = 422, body = Problem))
)]
pub async fn show(
    State(app): State<App>,
    caller: Caller,
    Query(which): Query<Which>,
) -> Result<Json<Ranking>> {
    let seq = app.live().seq(&caller);
    let directory = app.directory();
    let today = app.now().with_timezone(&directory.zone()).date_naive();
    let first = match &which.month {
        Some(text) => month(text)?,
        None => today.with_day(1).unwrap_or(today),
    };
    let now = standings(&app, which.level, first).await?;
    let before = standings(&app, which.level, first - Months::new(1)).await?;
    let ranked = score::rank(&tallies(&now), &tallies(&before), MIN_CASES);
    let cards = cards(&app, which.level, first).await?;
    let mut known: HashMap<String, Standing> = now
        .into_iter()
        .map(|standing| (standing.code.clone(), standing))
        .collect();
    let seen = directory.seen(&caller.scope, None)?;
    let rows = ranked.into_iter().filter_map(|line| {
        let standing = known.remove(&line.subject)?;
        let visible = match which.level {
            Level::County => {
                seen.hall == directory.root()
                    && seen.unit.as_ref().is_none_or(|unit| *unit == line.subject)
            }
            // The numbers of a hall are those of all its units.
            Level::Town | Level::Village => {
                seen.unit.is_none() && directory.tree().contains(&seen.hall, &line.subject)
            }
        };
        let [yellow_cards, red_cards] = cards.get(&line.subject).copied().unwrap_or_default();
        visible.then(|| Rank {
            rank: line.rank,
            previous: line.previous,
            subject: Subject {
                kind: if which.level == Level::County {
                    "unit"
                } else {
                    "hall"
                },
                code: standing.code,
                name: standing.name,
                name_en: standing.name_en,
            },
            due: line.tally.due,
            met: line.tally.met,
            rate: line.rate,
            open: standing.open,
            yellow_cards,
            red_cards,
        })
    });
    Ok(Json(Ranking {
        level: which.level,
        month: first.format("%Y-%m").to_string(),
        min_cases: MIN_CASES,
        seq,
        rows: rows.collect(),
    }))
}

/// The first day of `2026-10`.
fn month(text: &str) -> Result<NaiveDate> {
    NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d")
        .map_err(|_| Problem::invalid(format!("month {text:?} is none: write it like 2026-10")))
}

async fn standings(app: &App, level: Level, first: NaiveDate) -> Result<Vec<Standing>> {
    let (root, last) = (
        app.directory().root(),
        first + Months::new(1) - Days::new(1),
    );
    Ok(match level {
        Level::County => rankings::units(app.db(), &root, first, last).await?,
        Level::Town => rankings::halls(app.db(), &root, "town", first, last).await?,
        Level::Village => rankings::halls(app.db(), &root, "village", first, last).await?,
    })
}

fn tallies(standings: &[Standing]) -> Vec<(String, Tally)> {
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    standings
        .iter()
        .map(|standing| {
            let tally = Tally {
                due: count(standing.due),
                met: count(standing.met),
            };
            (standing.code.clone(), tally)
        })
        .collect()
}

/// Yellow and red cards of the month by hall, or by unit of the county halls.
async fn cards(app: &App, level: Level, first: NaiveDate) -> Result<HashMap<String, [i64; 2]>> {
    let directory = app.directory();
    let zone = directory.zone();
    let all = Seen {
        hall: directory.root(),
        unit: None,
        window: None,
    };
    let (from, to) = (
        midnight(first, zone),
        midnight(first + Months::new(1), zone),
    );
    let mut counts: HashMap<String, [i64; 2]> = HashMap::new();
    for (hall, unit, grade, n) in overview::month_cards(app.db(), &all, from, to).await? {
        let subject = match level {
            Level::County => {
                let at_county = directory
                    .hall(&hall)
                    .is_some_and(|hall| hall.level == Level::County);
                unit.filter(|_| at_county)
            }
            Level::Town | Level::Village => Some(hall),
        };
        if let Some(subject) = subject {
            counts.entry(subject).or_default()[usize::from(grade == "red_card")] += n;
        }
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_read_and_rubbish_is_refused() {
        assert_eq!(
            month("2026-10").unwrap(),
            NaiveDate::from_ymd_opt(2026, 10, 1).unwrap()
        );
        for rubbish in ["2026-13", "October", "2026-10-01", ""] {
            assert_eq!(month(rubbish).unwrap_err().kind(), "/problems/invalid");
        }
    }
}
