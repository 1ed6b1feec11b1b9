//! Rankings by score, by the month and by the year: units of the county hall, town centres, village points.

use axum::extract::State;
use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};
use mingjing_alerts::closing;
use mingjing_monitor::org::Level;
use mingjing_monitor::score::{self, Cuts, Figures, Grade, Held, PartPoints, Points, Standing};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::caller::Caller;
use crate::directory::Directory;
use crate::performance::{self, Field, LineOfYear, Month, YearOf};
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
    /// `2026`: the year instead of a month, from its closed months.
    year: Option<i32>,
}

/// Who is ranked.
#[derive(Debug, Serialize, ToSchema)]
pub struct Subject {
    /// `hall` or `unit`.
    #[schema(value_type = String)]
    pub(super) kind: &'static str,
    pub(super) code: String,
    pub(super) name: String,
    pub(super) name_en: String,
}

impl Subject {
    /// A subject of a level.
    pub(super) fn new(level: Level, code: String, name: String, name_en: String) -> Self {
        let kind = if level == Level::County {
            "unit"
        } else {
            "hall"
        };
        Self {
            kind,
            code,
            name,
            name_en,
        }
    }
}

/// What came out otherwise since a month closed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Corrected {
    /// The rank by what holds now.
    rank: Option<u32>,
    #[schema(value_type = Option<f64>)]
    score: Option<Points>,
    #[schema(value_type = Option<String>)]
    grade: Option<Grade>,
}

impl Corrected {
    pub(super) fn new(rank: Option<u32>, holding: &Figures) -> Self {
        Self {
            rank,
            score: holding.score,
            grade: holding.grade,
        }
    }
}

/// A month and its score.
#[derive(Debug, Serialize, ToSchema)]
pub struct MonthScore {
    pub(super) month: String,
    #[schema(value_type = f64)]
    pub(super) score: Points,
    /// Of a year: what the month gives to it. All of them together are its score.
    #[schema(value_type = Option<f64>)]
    pub(super) share: Option<Points>,
    /// Whether its figures are published; else the score still moves.
    pub(super) closed: bool,
}

/// One line.
#[derive(Debug, Serialize, ToSchema)]
pub struct Rank {
    /// Equal scores share a rank; null with fewer than `ranked_from` services. Of a closed month, as published.
    rank: Option<u32>,
    /// The rank of the month (or year) before, by what holds.
    previous: Option<u32>,
    subject: Subject,
    /// Null: there was nothing to judge by. Of a closed month, as published; of a year, the mean of its closed months.
    #[schema(value_type = Option<f64>)]
    score: Option<Points>,
    /// Against the month (or year) before, of what holds.
    #[schema(value_type = Option<f64>)]
    change: Option<Points>,
    /// Against the same month of last year, where that is closed.
    #[schema(value_type = Option<f64>)]
    change_year: Option<Points>,
    /// Where it came out otherwise since it was published; the year goes by this.
    corrected: Option<Corrected>,
    /// Between which two values the score would lie, with 95 % confidence, were the month repeated.
    band: Option<(f64, f64)>,
    /// `excellent`, `good`, `pass` or `fail`.
    #[schema(value_type = Option<String>)]
    grade: Option<Grade>,
    /// What holds the grade under what the score alone would make it: `fee`, `late` or `far_too_late`.
    #[schema(value_type = Option<String>)]
    held_at: Option<Held>,
    /// `[{"part","weight","points"}]`; none of a year.
    #[schema(value_type = Vec<Object>)]
    parts: Vec<PartPoints>,
    /// Rescaling and bonuses: what the score has beside the points of the parts.
    #[schema(value_type = f64)]
    beside: Points,
    /// What a rank asks for at least so many of: cases due, of a village point the queries assisted too.
    services: u64,
    /// Cases that fell due and are judged.
    due: u64,
    /// Of them, decided in time.
    met: u64,
    rate: Option<f64>,
    /// Open cases now; null of a closed month and of a year.
    open: Option<i64>,
    yellow_cards: u64,
    red_cards: u64,
    /// Of a year: its closed months.
    months: Vec<MonthScore>,
}

impl Rank {
    /// Whether it is this subject's.
    pub(super) fn is_of(&self, subject: &str) -> bool {
        self.subject.code == subject
    }
}

/// Where a month stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct Standstill {
    /// `running`, `open` (over, and not closed yet), `closed`, or `asked` (closed, and somebody asks to open it again).
    #[schema(value_type = String)]
    state: &'static str,
    /// When it closes by itself; null: it is closed, or nobody can say yet.
    closes_at: Option<DateTime<Utc>>,
    closed_at: Option<DateTime<Utc>>,
}

impl Standstill {
    /// Of a month.
    pub(super) fn new(
        closing: &closing::Closing,
        closes_at: Option<DateTime<Utc>>,
        running: bool,
    ) -> Self {
        Self {
            state: if running {
                "running"
            } else {
                closing.state.as_str()
            },
            closes_at,
            closed_at: closing.published.as_ref().map(|done| done.at),
        }
    }
}

/// The ranking.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ranking {
    #[schema(value_type = String)]
    level: Level,
    /// Null of a year.
    month: Option<String>,
    /// Null of a month.
    year: Option<i32>,
    /// Where the month stands; null of a year.
    standing: Option<Standstill>,
    ranked_from: u64,
    /// The version of the rule profile whose formula scored the month.
    profile_version: i32,
    seq: u64,
    rows: Vec<Rank>,
}

/// The ranking of a level, by the month or by the year. Ranks are those of the whole county; the caller sees the lines of their own
/// subtree.
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
    let seen = directory.seen(&caller.scope, None)?;
    let level = which.level;
    let sees = |subject: &str| visible(&directory, &seen, level, subject);
    let field = Field::new(&app, level).await?;
    if let Some(year) = which.year {
        let lines = of_year(&app, &field, level, year).await?;
        let profile = performance::reference(&app).await?;
        let profile = profile.profiles.at(app.now());
        return Ok(Json(Ranking {
            level,
            month: None,
            year: Some(year),
            standing: None,
            ranked_from: profile.formula.ranked_from(level),
            profile_version: profile.version,
            seq,
            rows: lines
                .into_iter()
                .filter(|line| sees(&line.subject.code))
                .collect(),
        }));
    }
    let first = first_of(&app, which.month.as_deref())?;
    let month = field.month(first).await?;
    let rows = of_month(&field, level, &month).await?;
    Ok(Json(Ranking {
        level,
        month: Some(text(first)),
        year: None,
        standing: Some(standing(&app, &field, &month)),
        ranked_from: month.ranked_from,
        profile_version: month.profile_version,
        seq,
        rows: rows
            .into_iter()
            .filter(|line| sees(&line.subject.code))
            .collect(),
    }))
}

/// Where a month stands.
pub(super) fn standing(app: &App, field: &Field<'_>, month: &Month) -> Standstill {
    let running = month.first >= performance::this_month(app);
    Standstill::new(&month.closing, field.closes_at(month), running)
}

/// The lines of a month, in the order of their ranks.
pub(super) async fn of_month(field: &Field<'_>, level: Level, month: &Month) -> Result<Vec<Rank>> {
    let (before, last_year) = tokio::try_join!(
        field.month(month.first - Months::new(1)),
        field.closed(month.first - Months::new(12)),
    )?;
    let standings = score::rank(&month.entries(), &before.entries(), month.ranked_from);
    let mut rows: Vec<Rank> = standings
        .into_iter()
        .filter_map(|standing| line(level, standing, month, last_year.as_ref()))
        .collect();
    if month.published().is_some() {
        // As it was published: the ranks of that day, whatever came out since.
        rows.sort_by_key(|row| (row.rank.unwrap_or(u32::MAX), std::cmp::Reverse(row.score)));
    }
    Ok(rows)
}

fn line(
    level: Level,
    standing: Standing<String>,
    month: &Month,
    last_year: Option<&Month>,
) -> Option<Rank> {
    let line = month.lines.get(&standing.subject)?;
    let holding = line.holding()?;
    let shown = line.figures.as_ref().unwrap_or(holding);
    let closed = month.published().is_some();
    let rank = if closed {
        line.published_rank
    } else {
        standing.rank
    };
    let moved = closed && (line.corrected.is_some() || standing.rank != rank);
    let a_year_ago = last_year
        .and_then(|month| month.lines.get(&standing.subject)?.holding()?.score)
        .zip(holding.score);
    Some(Rank {
        rank,
        previous: standing.previous,
        subject: Subject::new(
            level,
            standing.subject,
            line.name.clone(),
            line.name_en.clone(),
        ),
        score: line.figures.as_ref().and_then(|figures| figures.score),
        change: standing.change,
        change_year: a_year_ago.map(|(before, now)| now - before),
        corrected: moved.then(|| Corrected::new(standing.rank, holding)),
        months: Vec::new(),
        open: line.open,
        ..figures(shown)
    })
}

/// A line with nothing but its figures.
fn figures(shown: &Figures) -> Rank {
    Rank {
        rank: None,
        previous: None,
        subject: Subject::new(Level::County, String::new(), String::new(), String::new()),
        score: shown.score,
        change: None,
        change_year: None,
        corrected: None,
        band: shown.band,
        grade: shown.grade,
        held_at: shown.held_at,
        parts: shown.parts.clone(),
        beside: shown.beside,
        services: shown.services(),
        due: shown.due,
        met: shown.met,
        rate: rate(shown.due, shown.met),
        open: None,
        yellow_cards: shown.yellow_cards,
        red_cards: shown.red_cards,
        months: Vec::new(),
    }
}

/// The lines of a year, in the order of their ranks.
pub(super) async fn of_year(
    app: &App,
    field: &Field<'_>,
    level: Level,
    year: i32,
) -> Result<Vec<Rank>> {
    if !(1..=9999).contains(&year) {
        return Err(Problem::invalid(format!(
            "year {year} is none: write it like 2026"
        )));
    }
    let (now, before) = tokio::try_join!(field.year(year), field.year(year - 1))?;
    let reference = performance::reference(app).await?;
    let formula = &reference.profiles.at(app.now()).formula;
    let ranked = now.ranked(&before, formula.ranked_from(level));
    let line = |standing| line_of_year(level, standing, &now, &formula.grades);
    Ok(ranked.into_iter().filter_map(line).collect())
}

fn line_of_year(
    level: Level,
    standing: Standing<String>,
    year: &YearOf,
    cuts: &Cuts,
) -> Option<Rank> {
    let line = year.lines.get(&standing.subject)?;
    Some(Rank {
        rank: standing.rank,
        previous: standing.previous,
        subject: Subject::new(
            level,
            standing.subject,
            line.name.clone(),
            line.name_en.clone(),
        ),
        score: standing.score,
        change: standing.change,
        change_year: None,
        corrected: None,
        band: None,
        grade: line.year().grade(cuts),
        held_at: None,
        parts: Vec::new(),
        beside: Points::ZERO,
        services: line.services,
        due: line.due,
        met: line.met,
        rate: rate(line.due, line.met),
        open: None,
        yellow_cards: line.yellow_cards,
        red_cards: line.red_cards,
        months: months(line),
    })
}

/// The closed months of a line, with what each gives to the year.
fn months(line: &LineOfYear) -> Vec<MonthScore> {
    let months = line.year().months.into_iter();
    months
        .map(|month| MonthScore {
            month: text(month.month),
            score: month.score,
            share: Some(month.share),
            closed: true,
        })
        .collect()
}

fn rate(due: u64, met: u64) -> Option<f64> {
    (due > 0).then(|| met as f64 / due as f64)
}

/// Whether the caller sees this line. The numbers of a hall are those of all its units.
pub(super) fn visible(directory: &Directory, seen: &Seen, level: Level, subject: &str) -> bool {
    match level {
        Level::County => {
            seen.hall == directory.root() && seen.unit.as_ref().is_none_or(|unit| unit == subject)
        }
        Level::Town | Level::Village => {
            seen.unit.is_none() && directory.tree().contains(&seen.hall, subject)
        }
    }
}

/// The first day of the month that is asked for: the running one where none is.
pub(super) fn first_of(app: &App, text: Option<&str>) -> Result<NaiveDate> {
    text.map_or_else(|| Ok(performance::this_month(app)), month)
}

/// `2026-10`.
pub(super) fn text(first: NaiveDate) -> String {
    first.format("%Y-%m").to_string()
}

/// The first day of `2026-10`.
pub(super) fn month(text: &str) -> Result<NaiveDate> {
    NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d")
        .ok()
        .filter(|first| (1..=9999).contains(&first.year()))
        .ok_or_else(|| Problem::invalid(format!("month {text:?} is none: write it like 2026-10")))
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
