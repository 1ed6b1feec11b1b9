//! Rankings by score, month by month: units of the county hall, town centres, village points; and the sheet of each score.

use axum::extract::State;
use chrono::{Datelike, Months, NaiveDate};
use mingjing_monitor::org::Level;
use mingjing_monitor::score::{self, Facts, Grade, Held, Part, Points, Sheet, Standing};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::caller::Caller;
use crate::directory::Directory;
use crate::performance::{self, Evaluated, Month};
use crate::problem::{Json, Problem, Query, Result};
use crate::store::Seen;

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

/// What a part of the nine gives.
#[derive(Debug, Serialize, ToSchema)]
pub struct PartPoints {
    #[schema(value_type = String)]
    part: Part,
    #[schema(value_type = f64)]
    weight: Points,
    /// Null: there was nothing to judge by, and it is left out.
    #[schema(value_type = Option<f64>)]
    points: Option<Points>,
}

/// One line.
#[derive(Debug, Serialize, ToSchema)]
pub struct Rank {
    /// Equal scores share a rank; null with fewer than `ranked_from` cases due.
    rank: Option<u32>,
    /// The rank of the month before.
    previous: Option<u32>,
    subject: Subject,
    /// Null: there was nothing to judge by.
    #[schema(value_type = Option<f64>)]
    score: Option<Points>,
    /// Against the month before.
    #[schema(value_type = Option<f64>)]
    change: Option<Points>,
    /// Between which two values the score would lie, with 95 % confidence, were the month repeated.
    band: Option<(f64, f64)>,
    /// `excellent`, `good`, `pass` or `fail`.
    #[schema(value_type = Option<String>)]
    grade: Option<Grade>,
    /// What holds the grade under what the score alone would make it: `fee`, `late` or `far_too_late`.
    #[schema(value_type = Option<String>)]
    held_at: Option<Held>,
    parts: Vec<PartPoints>,
    /// Rescaling and bonuses: what the score has beside the points of the parts.
    #[schema(value_type = f64)]
    beside: Points,
    /// Cases that fell due in the month and are judged.
    due: u64,
    /// Of them, decided in time.
    met: u64,
    rate: Option<f64>,
    open: i64,
    yellow_cards: usize,
    red_cards: usize,
}

/// The ranking.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ranking {
    #[schema(value_type = String)]
    level: Level,
    month: String,
    ranked_from: u64,
    /// The version of the rule profile whose formula scored the month.
    profile_version: i32,
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
    let (first, now, ranked) = ranked(&app, which.level, which.month.as_deref()).await?;
    let seen = directory.seen(&caller.scope, None)?;
    let rows = ranked.into_iter().filter_map(|line| {
        let one = now.subjects.get(&line.subject)?;
        visible(&directory, &seen, which.level, &line.subject)
            .then(|| rank(which.level, line, one, &now))
    });
    Ok(Json(Ranking {
        level: which.level,
        month: first.format("%Y-%m").to_string(),
        ranked_from: now.profile.formula.ranked_from,
        profile_version: now.profile.version,
        seq,
        rows: rows.collect(),
    }))
}

/// Whose sheet.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Whose {
    /// `county` (its units), `town` or `village`.
    #[param(value_type = String)]
    level: Level,
    /// Code of the hall or unit.
    subject: String,
    /// `2026-10`; this month where it is left out.
    month: Option<String>,
}

/// A score with everything that it is made of.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScoreSheet {
    month: String,
    profile_version: i32,
    ranked_from: u64,
    line: Rank,
    /// `{"parts":[{"part","weight","points","lines":[{"points","because",…}]}],"beside":[…],"score","grade","held_at"}`: the score
    /// is the sum of the parts' points and of the lines beside them, a part's points that of its weight and its lines.
    #[schema(value_type = Object)]
    sheet: Sheet,
    /// Complaints closed, upheld or not.
    complaints: u64,
    /// Ratings, the best level first.
    ratings: [u64; 5],
}

/// The sheet of one score.
#[utoipa::path(
    get, path = "/api/v1/scores", tag = "performance", operation_id = "score_sheet", params(Whose),
    responses((status = 200, body = ScoreSheet), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub async fn sheet(
    State(app): State<App>,
    caller: Caller,
    Query(whose): Query<Whose>,
) -> Result<Json<ScoreSheet>> {
    let directory = app.directory();
    let seen = directory.seen(&caller.scope, None)?;
    let missing = || Problem::not_found("hall or unit in this ranking");
    if !visible(&directory, &seen, whose.level, &whose.subject) {
        return Err(missing());
    }
    let (first, mut now, ranked) = ranked(&app, whose.level, whose.month.as_deref()).await?;
    let mut lines = ranked.into_iter();
    let line = lines
        .find(|line| line.subject == whose.subject)
        .ok_or_else(missing)?;
    let one = now.subjects.get(&whose.subject).ok_or_else(missing)?;
    let line = rank(whose.level, line, one, &now);
    let Evaluated { facts, sheet, .. } = now.subjects.remove(&whose.subject).ok_or_else(missing)?;
    let Facts {
        complaints,
        ratings,
        ..
    } = facts;
    Ok(Json(ScoreSheet {
        month: first.format("%Y-%m").to_string(),
        profile_version: now.profile.version,
        ranked_from: now.profile.formula.ranked_from,
        line,
        sheet,
        complaints,
        ratings,
    }))
}

/// The month, scored, and its ranking.
async fn ranked(
    app: &App,
    level: Level,
    text: Option<&str>,
) -> Result<(NaiveDate, Month, Vec<Standing<String>>)> {
    let today = app
        .now()
        .with_timezone(&app.directory().zone())
        .date_naive();
    let first = match text {
        Some(text) => month(text)?,
        None => today.with_day(1).unwrap_or(today),
    };
    let now = performance::month(app, level, first).await?;
    let before = performance::month(app, level, first - Months::new(1)).await?;
    let ranked = score::rank(
        &now.entries(),
        &before.entries(),
        now.profile.formula.ranked_from,
    );
    Ok((first, now, ranked))
}

/// Whether the caller sees this line. The numbers of a hall are those of all its units.
fn visible(directory: &Directory, seen: &Seen, level: Level, subject: &str) -> bool {
    match level {
        Level::County => {
            seen.hall == directory.root() && seen.unit.as_ref().is_none_or(|unit| unit == subject)
        }
        Level::Town | Level::Village => {
            seen.unit.is_none() && directory.tree().contains(&seen.hall, subject)
        }
    }
}

fn rank(level: Level, line: Standing<String>, one: &Evaluated, month: &Month) -> Rank {
    let Evaluated {
        standing,
        facts,
        sheet,
    } = one;
    let parts: Vec<PartPoints> = sheet
        .parts
        .iter()
        .map(|part| PartPoints {
            part: part.part,
            weight: part.weight,
            points: part.points,
        })
        .collect();
    let red_cards = facts.cards.iter().filter(|card| card.red).count();
    Rank {
        rank: line.rank,
        previous: line.previous,
        subject: Subject {
            kind: if level == Level::County {
                "unit"
            } else {
                "hall"
            },
            code: standing.code.clone(),
            name: standing.name.clone(),
            name_en: standing.name_en.clone(),
        },
        score: line.score,
        change: line.change,
        band: one.band(&month.profile),
        grade: sheet.grade,
        held_at: sheet.held_at,
        parts,
        beside: sheet.beside.iter().map(|line| line.points).sum(),
        due: facts.due,
        met: facts.met,
        rate: (facts.due > 0).then(|| facts.met as f64 / facts.due as f64),
        open: standing.open,
        yellow_cards: facts.cards.len() - red_cards,
        red_cards,
    }
}

/// The first day of `2026-10`.
fn month(text: &str) -> Result<NaiveDate> {
    NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d")
        .map_err(|_| Problem::invalid(format!("month {text:?} is none: write it like 2026-10")))
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
