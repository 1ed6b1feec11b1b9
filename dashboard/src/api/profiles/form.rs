//! Numbers of a profile changed one by one, as a form does it: the console writes each change into the text and keeps nothing. What
//! is kept is the text, by whoever writes the draft.

use axum::extract::State;
use mingjing_alerts::check::faults;
use mingjing_alerts::profile::{self, Described, Edit, EditError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Checked, bounded, in_force};
use crate::app::App;
use crate::problem::{Json, Problem, Result};

/// Every number that a profile may say.
#[derive(Debug, Serialize, ToSchema)]
pub struct NumberList {
    /// The clock first, then the rules by their numbers, then the score.
    #[schema(value_type = Vec<Object>)]
    items: &'static [Described],
}

/// What numbers there are: what each is called, which values it takes and in which unit, and what the standard says.
#[utoipa::path(
    get, path = "/api/v1/profiles/numbers", tag = "rules", operation_id = "list_profile_numbers",
    responses((status = 200, body = NumberList), (status = 401, body = Problem))
)]
pub async fn numbers() -> Json<NumberList> {
    Json(NumberList {
        items: profile::catalogue(),
    })
}

/// A text, and what to change in it.
#[derive(Debug, Deserialize, ToSchema)]
pub struct EditText {
    text: String,
    /// `{"do":"set","scope":null,"part":"R1","key":"share","value":0.25}`, `{"do":"unset","scope":0,"part","key"}`,
    /// `{"do":"add","place":{"level":"village"}}` or `{"do":"remove","scope":0}`.
    #[schema(value_type = Object)]
    edit: Edit,
}

/// The text after it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Edited {
    /// TOML; what was not changed stands as it was written.
    text: String,
    #[serde(flatten)]
    checked: Checked,
}

/// Makes one change in a text; nothing is kept. Numbers that do not hold together yet are faults of the answer.
#[utoipa::path(
    post, path = "/api/v1/profiles/edit", tag = "rules", operation_id = "edit_profile", request_body = EditText,
    responses((status = 200, body = Edited), (status = 422, body = Problem))
)]
pub async fn edit(
    State(app): State<App>,
    Json(EditText { text, edit }): Json<EditText>,
) -> Result<Json<Edited>> {
    bounded(&text)?;
    let text = profile::edit(&text, &edit).map_err(|error| match error {
        EditError::Text => Problem::invalid(unreadable(&text)),
        named => Problem::invalid(named.to_string()),
    })?;
    bounded(&text)?;
    let in_force = in_force(&app).await?;
    Ok(Json(Edited {
        checked: Checked::of(&text, &in_force),
        text,
    }))
}

/// Where to put a text right before a number of it can be changed.
fn unreadable(text: &str) -> String {
    match faults(text).first() {
        Some(fault) => format!("text: line {}: {}", fault.line, fault.what),
        None => "text: it cannot be read".to_owned(),
    }
}
