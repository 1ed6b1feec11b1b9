//! What holds for the county as a whole: its trial run (试运行).

use axum::extract::State;
use mingjing_monitor::audit::Action;
use mingjing_monitor::store::county;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::accounts::filled;
use crate::app::App;
use crate::audit::{Record, Trail};
use crate::problem::{Json, Problem, Result};
use crate::store::{Notice, notify};

/// Longest reason, in characters.
const MAX_WORDS: usize = 2_000;

/// Whether the county is in its trial run.
#[derive(Debug, Deserialize, ToSchema)]
pub struct SetTrialRun {
    on: bool,
    /// Why; it goes into the audit log.
    reason: String,
}

/// Whether the county is in its trial run.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrialRun {
    on: bool,
}

/// Begins or ends the trial run: everything works, nothing counts and nothing is sent. A card keeps what it was issued as: at
/// the end only those from then on count.
#[utoipa::path(
    post, path = "/api/v1/county/trial-run", tag = "rules", operation_id = "set_trial_run", request_body = SetTrialRun,
    responses((status = 200, body = TrialRun), (status = 409, body = Problem), (status = 422, body = Problem))
)]
pub async fn set_trial_run(
    State(app): State<App>,
    trail: Trail,
    Json(set): Json<SetTrialRun>,
) -> Result<Json<TrialRun>> {
    let reason = filled(Some(set.reason))
        .filter(|reason| reason.chars().count() <= MAX_WORDS)
        .ok_or_else(|| {
            Problem::invalid(format!(
                "reason: say why, in at most {MAX_WORDS} characters"
            ))
        })?;
    let mut tx = app.db().begin().await?;
    let Some(code) = county::set_trial_run(&mut tx, set.on).await? else {
        return Err(Problem::conflict(if set.on {
            "The county is in its trial run already."
        } else {
            "The county is not in a trial run."
        }));
    };
    notify(&mut tx, Notice::Organisation).await?;
    let record = Record::of(Action::SettingChanged)
        .on("setting", "trial_run")
        .hall(code)
        .before(json!({"trial_run": !set.on}))
        .after(json!({"trial_run": set.on}))
        .reason(reason);
    trail.append(&mut tx, record).await?;
    tx.commit().await?;
    Ok(Json(TrialRun { on: set.on }))
}
