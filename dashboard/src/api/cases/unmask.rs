//! Who applied, in the clear: for those who must act, with a reason, and never unrecorded.

use axum::extract::State;
use mingjing_monitor::audit::Action;
use mingjing_monitor::store::events;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{ApplicantView, No, find};
use crate::api::reason::Why;
use crate::app::App;
use crate::audit::{Record, Trail};
use crate::caller::Caller;
use crate::masking;
use crate::problem::{Json, Path, Problem, Result};

/// Its path.
pub const PATH: &str = "/api/v1/cases/{no}/unmask";

/// What is masked elsewhere.
#[derive(Debug, Serialize, ToSchema)]
pub struct Clear {
    applicant: Option<ApplicantView>,
    /// Sentences of the case's events in which numbers of people were masked.
    texts: Vec<ClearText>,
}

/// A sentence of an event.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClearText {
    source: String,
    id: String,
    #[schema(value_type = String)]
    field: &'static str,
    text: String,
}

/// Shows who applied, once. The audit log keeps who asked, and why.
#[utoipa::path(
    post, path = "/api/v1/cases/{no}/unmask", tag = "cases", operation_id = "unmask_case", params(No), request_body = Why,
    responses(
        (status = 200, body = Clear), (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)
    )
)]
pub async fn unmask(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(No { no }): Path<No>,
    Json(why): Json<Why>,
) -> Result<Json<Clear>> {
    let reason = why.read()?;
    let (row, fold) = find(&app, &caller, &no).await?;
    let texts: Vec<ClearText> = events::of_case(app.db(), &no)
        .await?
        .into_iter()
        .flat_map(|stored| {
            let hidden = masking::hidden(&stored.event.data());
            hidden.into_iter().map(move |(field, text)| ClearText {
                source: stored.event.source.clone(),
                id: stored.event.id.clone(),
                field,
                text,
            })
        })
        .collect();
    let shown = Record::of(Action::PersonUnmasked)
        .on("case", &no)
        .hall(row.hall)
        .after(json!({"applicant": fold.applicant.is_some(), "texts": texts.len()}))
        .reason(reason);
    trail.record(app.db(), shown).await?;
    Ok(Json(Clear {
        applicant: fold.applicant.map(|applicant| ApplicantView {
            name: applicant.name,
            phone: applicant.phone,
        }),
        texts,
    }))
}
