//! Cards that inspectors write by hand, from a case, a camera's picture or a complaint.

use axum::extract::State;
use mingjing_alerts::card::{Grade, Kind};
use mingjing_alerts::supervisor::NewCard;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{CardDetail, actor, detail, perform, short};
use crate::api::attachments;
use crate::api::orders::about;
use crate::app::App;
use crate::audit::Trail;
use crate::caller::Caller;
use crate::engine::Deed;
use crate::problem::{Json, Problem, Result};

/// A card to be written.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewCard)]
pub struct Manual {
    /// `notice`, `yellow_card` or `red_card`.
    #[schema(value_type = String)]
    grade: Grade,
    /// `timeliness`, `process`, `content`, `discretion`, `conduct`, `complaint` or `data`.
    #[schema(value_type = String)]
    kind: Kind,
    #[serde(flatten)]
    #[schema(inline)]
    about: about::Written,
    /// What happened, in a sentence.
    sentence: String,
    /// Why it is issued.
    why: String,
    /// Files that the caller brought and that go with it.
    #[serde(default)]
    attachments: Vec<i64>,
    /// Code of the hall; where nothing that it is about tells one.
    hall: Option<String>,
}

/// Issues a card by hand.
#[utoipa::path(
    post, path = "/api/v1/cards", tag = "cards", operation_id = "issue_card", request_body = Manual,
    responses(
        (status = 200, body = CardDetail), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem)
    )
)]
pub async fn issue(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Json(manual): Json<Manual>,
) -> Result<Json<CardDetail>> {
    if manual.grade == Grade::Warning {
        return Err(Problem::invalid(
            "a warning clears by itself and is not written by hand: give notice, yellow_card or red_card",
        ));
    }
    short("sentence", Some(&manual.sentence))?;
    short("why", Some(&manual.why))?;
    let attachments = attachments::checked(manual.attachments)?;
    let bearer = about::resolve(&app, &caller, manual.about, manual.hall).await?;
    let new = NewCard {
        grade: manual.grade,
        kind: manual.kind,
        hall: bearer.hall,
        unit: bearer.unit,
        window: bearer.window,
        item: bearer.item,
        about: bearer.about,
        sentence: manual.sentence,
        why: manual.why,
        attachments,
        actor: actor(&caller, &trail)?,
    };
    let id = perform(&app, Deed::NewCard(new)).await?;
    detail(&app, &caller, id).await.map(Json)
}
