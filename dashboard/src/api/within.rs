//! Rankings inside a hall (persons, windows), and of a unit across the halls that it serves.

use std::collections::BTreeMap;

use axum::extract::State;
use chrono::{Months, NaiveDate};
use mingjing_alerts::performance::{Month, entry};
use mingjing_alerts::store::{closings, within as published};
use mingjing_alerts::within::{By, Place};
use mingjing_monitor::score::{self, Entry, Figures, Points, Sheet};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::rankings::{self, Corrected, Standstill};
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
    /// Where it came out otherwise since it was published.
    corrected: Option<CorrectedSheet>,
}

/// What came out otherwise since a month closed, opened.
#[derive(Debug, Serialize, ToSchema)]
pub struct CorrectedSheet {
    #[serde(flatten)]
    now: Corrected,
    /// As of a score sheet.
    #[schema(value_type = Object)]
    sheet: Sheet,
}

/// The ranking.
#[derive(Debug, Serialize, ToSchema)]
pub struct PartRanking {
    month: String,
    /// Where the month stands.
    standing: Standstill,
    /// Whether the lines are as they were published when it closed; else they are from what is known now.
    published: bool,
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
    let place = Place {
        hall: seen.hall,
        unit: seen.unit,
        by: match of {
            Of::Person => By::Person,
            Of::Window => By::Window,
        },
    };
    let now = Inner::new(&app, &place, first).await?;
    let before = Inner::new(&app, &place, first - Months::new(1)).await?;
    Ok(Json(now.ranking(&app, first, &before).await?))
}

/// The persons or windows of a place in a month: as they were published, or as they stand now.
struct Inner {
    published: bool,
    ranked_from: u64,
    profile_version: i32,
    lines: BTreeMap<String, Line>,
}

/// One of them.
struct Line {
    published_rank: Option<u32>,
    /// `None`: it did not stand in what was published.
    shown: Option<(Figures, Sheet)>,
    corrected: Option<(Figures, Sheet)>,
}

impl Line {
    /// What holds: corrected, or else as shown.
    fn holding(&self) -> Option<&(Figures, Sheet)> {
        self.corrected.as_ref().or(self.shown.as_ref())
    }
}

impl Inner {
    async fn new(app: &App, place: &Place, first: NaiveDate) -> Result<Self> {
        let reference = performance::reference(app).await?;
        let grounds = reference.grounds(app.now());
        let profile = grounds.profile(first);
        let closing = closings::published(app.db(), first).await?;
        let closed = match closing {
            Some(id) => published::is_published(app.db(), id).await?.then_some(id),
            None => None,
        };
        let mut lines = BTreeMap::new();
        if let Some(closing) = closed {
            let of = |figures: Option<sqlx::types::Json<Figures>>,
                      sheet: Option<sqlx::types::Json<Sheet>>| {
                Some((figures?.0, sheet?.0))
            };
            for row in published::standings(app.db(), closing, place).await? {
                let line = Line {
                    published_rank: row.rank.and_then(|rank| u32::try_from(rank).ok()),
                    shown: of(row.figures, row.sheet),
                    corrected: of(row.corrected, row.corrected_sheet),
                };
                lines.insert(row.subject, line);
            }
        } else {
            let month = grounds.within(app.db(), place, first).await?;
            for (subject, one) in month.subjects {
                let line = Line {
                    published_rank: None,
                    shown: Some((one.figures, one.sheet)),
                    corrected: None,
                };
                lines.insert(subject, line);
            }
        }
        Ok(Self {
            published: closed.is_some(),
            ranked_from: profile.formula.ranked_from,
            profile_version: profile.version,
            lines,
        })
    }

    /// What is ranked by what holds.
    fn entries(&self) -> Vec<Entry<String>> {
        let lines = self.lines.iter();
        lines
            .filter_map(|(subject, line)| Some(entry(subject, &line.holding()?.0)))
            .collect()
    }

    async fn ranking(mut self, app: &App, first: NaiveDate, before: &Self) -> Result<PartRanking> {
        let standings = score::rank(&self.entries(), &before.entries(), self.ranked_from);
        let mut rows: Vec<Part> = Vec::with_capacity(standings.len());
        for standing in standings {
            let Some(line) = self.lines.remove(&standing.subject) else {
                continue;
            };
            let rank = if self.published {
                line.published_rank
            } else {
                standing.rank
            };
            let moved = line.corrected.is_some() || rank != standing.rank;
            let Some((holding, holding_sheet)) = line.holding().cloned() else {
                continue;
            };
            let (figures, sheet) = line
                .shown
                .unwrap_or_else(|| (holding.clone(), holding_sheet.clone()));
            rows.push(Part {
                name: standing.subject.clone(),
                name_en: standing.subject.clone(),
                subject: standing.subject,
                rank,
                previous: standing.previous,
                change: standing.change,
                figures,
                sheet,
                corrected: moved.then(|| CorrectedSheet {
                    now: Corrected::new(standing.rank, &holding),
                    sheet: holding_sheet,
                }),
            });
        }
        if self.published {
            let key = |row: &Part| {
                (
                    row.rank.unwrap_or(u32::MAX),
                    std::cmp::Reverse(row.figures.score),
                )
            };
            rows.sort_by_key(key);
        }
        Ok(PartRanking {
            month: rankings::text(first),
            standing: standing(app, first).await?,
            published: self.published,
            ranked_from: self.ranked_from,
            profile_version: self.profile_version,
            rows,
        })
    }
}

/// Where a month stands.
async fn standing(app: &App, first: NaiveDate) -> Result<Standstill> {
    let reference = performance::reference(app).await?;
    let closing = closings::months(app.db())
        .await?
        .remove(&first)
        .unwrap_or_default();
    let running = first >= performance::this_month(app);
    Ok(Standstill::new(
        &closing,
        reference.closes_at(first, &closing),
        running,
    ))
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
    let standing = standing(&app, first).await?;
    let mut ranking = ranking(first, standing, now, &before);
    let sees = |part: &Part| directory.tree().contains(&seen.hall, &part.subject);
    ranking.rows.retain(sees);
    Ok(Json(ranking))
}

fn ranking(
    first: NaiveDate,
    standing: Standstill,
    mut month: Month,
    before: &Month,
) -> PartRanking {
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
            corrected: None,
        })
    });
    PartRanking {
        month: rankings::text(first),
        standing,
        published: false,
        ranked_from,
        profile_version: month.profile.version,
        rows: rows.collect(),
    }
}
