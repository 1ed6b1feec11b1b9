//! Rankings inside a hall (persons, windows), and of a unit across the halls that it serves.

use axum::extract::State;
use chrono::Months;
use mingjing_alerts::performance::Month;
use mingjing_alerts::within::By;
use mingjing_monitor::score::{self, Figures, Points, Sheet};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::rankings;
use crate::app::App;
use crate::caller::Caller;
use crate::performance;
use crate::policy::Role;
use crate::problem::{Json, Problem, Query, Result};

/// What is ranked inside a hall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Of {
    /// Who handles its cases.
    Person,
    /// Its windows.
    Window,
}

/// Which hall, and what of it.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Inside {
    /// The hall; the caller's own where it is left out.
    hall: Option<String>,
    /// `person` or `window`; windows where it is left out.
    of: Option<Of>,
    /// `2026-10`; this month where it is left out.
    month: Option<String>,
}

/// A person, a window, or a hall that a unit serves.
#[derive(Debug, Serialize, ToSchema)]
pub struct Part {
    /// As the sources name the person; the window's number; the hall's code.
    subject: String,
    name: String,
    name_en: String,
    rank: Option<u32>,
    previous: Option<u32>,
    #[schema(value_type = Option<f64>)]
    change: Option<Points>,
    /// As of a line of the rankings: `score`, `grade`, `held_at`, `band`, `parts`, `beside`, `due`, `met`, cards.
    #[schema(value_type = Object)]
    #[serde(flatten)]
    figures: Figures,
    /// The score opened to its last card, as of a score sheet.
    #[schema(value_type = Object)]
    sheet: Sheet,
}

/// The ranking.
#[derive(Debug, Serialize, ToSchema)]
pub struct PartRanking {
    month: String,
    ranked_from: u64,
    profile_version: i32,
    rows: Vec<Part>,
}

/// The windows of a hall, or the persons who handle its cases, by score. Who bears a card is who held the step when time ran out.
/// Persons are named to those whom they concern: the hall's manager, the unit's head (their own unit's alone), inspectors and leaders.
#[utoipa::path(
    get, path = "/api/v1/rankings/within", tag = "performance", operation_id = "rankings_within", params(Inside),
    responses((status = 200, body = PartRanking), (status = 403, body = Problem), (status = 404, body = Problem),
              (status = 422, body = Problem))
)]
pub async fn within(
    State(app): State<App>,
    caller: Caller,
    Query(which): Query<Inside>,
) -> Result<Json<PartRanking>> {
    let of = which.of.unwrap_or(Of::Window);
    let concerned = [
        Role::HallManager,
        Role::UnitHead,
        Role::Inspector,
        Role::Leader,
    ];
    if of == Of::Person && !concerned.contains(&caller.role) {
        return Err(Problem::forbidden(
            "Persons are named to the hall's manager, the unit's head, inspectors and leaders.",
        ));
    }
    let seen = app.directory().seen(&caller.scope, which.hall.as_deref())?;
    let first = rankings::first_of(&app, which.month.as_deref())?;
    let reference = performance::reference(&app).await?;
    let grounds = reference.grounds(app.now());
    let by = match of {
        Of::Person => By::Person,
        Of::Window => By::Window,
    };
    let place = (seen.hall.as_str(), seen.unit.as_deref());
    let now = grounds.within(app.db(), place, by, first).await?;
    let before = grounds
        .within(app.db(), place, by, first - Months::new(1))
        .await?;
    Ok(Json(ranking(first, now, &before)))
}

/// Which unit.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Across {
    /// The unit; the caller's own where it is left out.
    unit: Option<String>,
    /// `2026-10`; this month where it is left out.
    month: Option<String>,
}

/// The halls that a unit serves, by what it did there. Ranks are those of all its halls; the caller sees the lines of their own subtree.
#[utoipa::path(
    get, path = "/api/v1/rankings/across", tag = "performance", operation_id = "rankings_across", params(Across),
    responses((status = 200, body = PartRanking), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub async fn across(
    State(app): State<App>,
    caller: Caller,
    Query(which): Query<Across>,
) -> Result<Json<PartRanking>> {
    let directory = app.directory();
    let seen = directory.seen(&caller.scope, None)?;
    let unit = which
        .unit
        .filter(|unit| !unit.is_empty())
        .or_else(|| seen.unit.clone())
        .ok_or_else(|| Problem::invalid("unit: say which unit"))?;
    if seen.unit.as_ref().is_some_and(|own| *own != unit) {
        return Err(Problem::not_found("unit"));
    }
    let first = rankings::first_of(&app, which.month.as_deref())?;
    let reference = performance::reference(&app).await?;
    let grounds = reference.grounds(app.now());
    let now = grounds.across(app.db(), &unit, first).await?;
    let before = grounds
        .across(app.db(), &unit, first - Months::new(1))
        .await?;
    let mut ranking = ranking(first, now, &before);
    let sees = |part: &Part| directory.tree().contains(&seen.hall, &part.subject);
    ranking.rows.retain(sees);
    Ok(Json(ranking))
}

fn ranking(first: chrono::NaiveDate, mut month: Month, before: &Month) -> PartRanking {
    let ranked_from = month.ranked_from;
    let standings = score::rank(&month.entries(), &before.entries(), ranked_from);
    let rows = standings.into_iter().filter_map(|standing| {
        let one = month.subjects.remove(&standing.subject)?;
        Some(Part {
            subject: standing.subject,
            name: one.name,
            name_en: one.name_en,
            rank: standing.rank,
            previous: standing.previous,
            change: standing.change,
            figures: one.figures,
            sheet: one.sheet,
        })
    });
    PartRanking {
        month: rankings::text(first),
        ranked_from,
        profile_version: month.profile.version,
        rows: rows.collect(),
    }
}
