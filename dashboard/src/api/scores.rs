//! The sheet of a score: everything that it is made of, what was corrected, and how it went over twelve months.

use axum::extract::State;
use chrono::Months;
use mingjing_alerts::store::closings;
use mingjing_monitor::org::Level;
use mingjing_monitor::score::Sheet;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::months::Change;
use super::rankings::{self, MonthScore, Rank, Standstill};
use crate::app::App;
use crate::caller::Caller;
use crate::performance::Field;
use crate::problem::{Json, Problem, Query, Result};

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
    /// `2026`: the year instead of a month.
    year: Option<i32>,
}

/// A score with everything that it is made of.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScoreSheet {
    /// Null of a year.
    month: Option<String>,
    /// Null of a month.
    year: Option<i32>,
    /// Where the month stands; null of a year.
    standing: Option<Standstill>,
    profile_version: i32,
    ranked_from: u64,
    line: Rank,
    /// `{"parts":[{"part","weight","points","lines":[{"points","because",…}]}],"beside":[…],"score","grade","held_at"}`: the score
    /// is the sum of the parts' points and of the lines beside them, a part's points that of its weight and its lines. Of a closed
    /// month, as published. Null of a year, whose `line.months` add up, and where nothing was published.
    #[schema(value_type = Option<Object>)]
    sheet: Option<Sheet>,
    /// The sheet as it holds since something came out otherwise.
    #[schema(value_type = Option<Object>)]
    corrected: Option<Sheet>,
    /// Each time it came out otherwise, the newest first.
    changes: Vec<Change>,
    /// The twelve months that end here, as far as they had a score: closed ones by what holds, open ones as they stand.
    trend: Vec<MonthScore>,
    /// Complaints closed, upheld or not.
    complaints: u64,
    /// Ratings, the best level first.
    ratings: [u64; 5],
}

/// The sheet of one score, of a month or of a year.
#[utoipa::path(
    get, path = "/api/v1/scores", tag = "performance", operation_id = "score_sheet", params(Whose),
    responses((status = 200, body = ScoreSheet), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub async fn show(
    State(app): State<App>,
    caller: Caller,
    Query(whose): Query<Whose>,
) -> Result<Json<ScoreSheet>> {
    let directory = app.directory();
    let seen = directory.seen(&caller.scope, None)?;
    let missing = || Problem::not_found("hall or unit in this ranking");
    let (level, subject) = (whose.level, whose.subject);
    if !rankings::visible(&directory, &seen, level, &subject) {
        return Err(missing());
    }
    let field = Field::new(&app, level).await?;
    let last = rankings::first_of(&app, whose.month.as_deref())?;
    if let Some(year) = whose.year {
        let lines = rankings::of_year(&app, &field, level, year).await?;
        let mut lines = lines.into_iter();
        let line = lines
            .find(|line| line.is_of(&subject))
            .ok_or_else(missing)?;
        let reference = crate::performance::reference(&app).await?;
        let profile = reference.profiles.at(app.now());
        return Ok(Json(ScoreSheet {
            month: None,
            year: Some(year),
            standing: None,
            profile_version: profile.version,
            ranked_from: profile.formula.ranked_from(level),
            line,
            sheet: None,
            corrected: None,
            changes: Vec::new(),
            trend: Vec::new(),
            complaints: 0,
            ratings: [0; 5],
        }));
    }
    let mut month = field.month(last).await?;
    let lines = rankings::of_month(&field, level, &month).await?;
    let mut lines = lines.into_iter();
    let line = lines
        .find(|line| line.is_of(&subject))
        .ok_or_else(missing)?;
    let one = month.lines.remove(&subject).ok_or_else(missing)?;
    let figures = one.holding().ok_or_else(missing)?;
    let (complaints, ratings) = (figures.complaints, figures.ratings);
    let which = closings::Which {
        month: Some(last),
        subject: Some(&subject),
        ..closings::Which::default()
    };
    let (sheet, corrected, changes) = match month.published() {
        Some(done) => {
            let (sheet, corrected) = closings::sheets(app.db(), done.id, level, &subject).await?;
            let changes = closings::changes(app.db(), which).await?;
            (sheet, corrected, changes)
        }
        None => (one.sheet, None, Vec::new()),
    };
    let score = corrected
        .as_ref()
        .or(sheet.as_ref())
        .and_then(|sheet| sheet.score);
    let mut trend: Vec<MonthScore> = Vec::new();
    let closed = field.trend(&subject, last).await?;
    if let Some(line) = closed.lines.get(&subject) {
        trend.extend(line.scores.iter().map(|(month, score)| MonthScore {
            month: rankings::text(*month),
            score: *score,
            share: None,
            closed: true,
        }));
    }
    // The month that is shown, and the one before it, may not be closed yet.
    let before = last - Months::new(1);
    if month.published().is_none() {
        if !closed.months.contains(&before) {
            let open = field.month(before).await?;
            let score = open
                .lines
                .get(&subject)
                .and_then(|line| line.holding()?.score);
            trend.extend(score.map(|score| open_month(before, score)));
        }
        trend.extend(score.map(|score| open_month(last, score)));
    }
    let level_word = level.as_str();
    Ok(Json(ScoreSheet {
        month: Some(rankings::text(last)),
        year: None,
        standing: Some(rankings::standing(&app, &field, &month)),
        profile_version: month.profile_version,
        ranked_from: month.ranked_from,
        line,
        sheet,
        corrected,
        changes: changes
            .into_iter()
            .filter(|change| change.level == level_word)
            .map(Change::from)
            .collect(),
        trend,
        complaints,
        ratings,
    }))
}

fn open_month(month: chrono::NaiveDate, score: mingjing_monitor::score::Points) -> MonthScore {
    MonthScore {
        month: rankings::text(month),
        score,
        share: None,
        closed: false,
    }
}
