//! Rule profiles: the versions that were, are and will be in force. The rules are nobody's secret; drafts are another matter.

pub mod drafts;
pub mod form;
pub mod shadow;

use std::collections::HashMap;

use axum::extract::State;
use chrono::{DateTime, Utc};
use mingjing_alerts::check;
use mingjing_alerts::numbers::{self, Change, Number, Place};
use mingjing_alerts::store::profiles::{self, Version};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::caller::Caller;
use crate::problem::{Json, Path, Problem, Result};

/// Longest text of a profile, in bytes.
pub const MAX_TEXT: usize = 64 * 1024;

/// A version of the rule profile.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionRow {
    version: i32,
    name: String,
    remark: String,
    /// From when it is in force.
    from: DateTime<Utc>,
    /// Until when; null: until another one is put in force.
    to: Option<DateTime<Utc>>,
    /// `past`, `now` or `coming`.
    state: &'static str,
    enforced_at: Option<DateTime<Utc>>,
    drafter: String,
    enforcer: String,
    /// The draft it was.
    draft: Option<i64>,
    /// Cards of the caller's halls that name it.
    cards: i64,
}

/// The versions.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionList {
    /// The newest first.
    items: Vec<VersionRow>,
    /// The one in force now.
    now: i32,
}

/// A version with what it says.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionDetail {
    #[serde(flatten)]
    row: VersionRow,
    /// TOML, as it was written.
    text: String,
    /// Every number: `{"part":"R1","key":"workdays","value":2,"standard":null,"scopes":[{"scope":0,"place":[["level","village"]],"value":1}]}`.
    #[schema(value_type = Vec<Object>)]
    numbers: Vec<Number>,
    /// What it changed of the version before: `{"key":"R1.workdays","before":"2","after":"1"}`.
    #[schema(value_type = Vec<Object>)]
    changes: Vec<Change>,
}

async fn rows(app: &App, caller: &Caller) -> Result<Vec<(VersionRow, String)>> {
    let versions = profiles::list(app.db()).await?;
    let scope = &caller.scope;
    let cards: HashMap<i32, i64> = profiles::cards(app.db(), &scope.hall, scope.unit.as_deref())
        .await?
        .into_iter()
        .collect();
    let now = app.now();
    // The newest first: of two that come into force at one instant the newer one holds, and the older never did.
    let mut next: Option<DateTime<Utc>> = None;
    let row = |version: Version| {
        let to = next.replace(version.in_force);
        let state = match to {
            _ if version.in_force > now => "coming",
            Some(to) if to <= now => "past",
            _ => "now",
        };
        let row = VersionRow {
            version: version.version,
            name: version.name,
            remark: version.remark,
            from: version.in_force,
            to,
            state,
            enforced_at: version.enforced_at,
            drafter: version.drafter,
            enforcer: version.enforcer,
            draft: version.draft,
            cards: cards.get(&version.version).copied().unwrap_or(0),
        };
        (row, version.text)
    };
    Ok(versions.into_iter().map(row).collect())
}

/// The versions of the rule profile, the newest first.
#[utoipa::path(
    get, path = "/api/v1/profiles", tag = "rules", operation_id = "list_profiles",
    responses((status = 200, body = VersionList), (status = 401, body = Problem))
)]
pub async fn list(State(app): State<App>, caller: Caller) -> Result<Json<VersionList>> {
    let items: Vec<VersionRow> = rows(&app, &caller)
        .await?
        .into_iter()
        .map(|(row, _)| row)
        .collect();
    let now = items.iter().find(|row| row.state == "now");
    let now = now.map_or(0, |row| row.version);
    Ok(Json(VersionList { items, now }))
}

/// The number of a version.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct VersionNumber {
    /// The version.
    version: i32,
}

/// A version, with its text, its numbers and what it changed.
#[utoipa::path(
    get, path = "/api/v1/profiles/{version}", tag = "rules", operation_id = "show_profile", params(VersionNumber),
    responses((status = 200, body = VersionDetail), (status = 404, body = Problem))
)]
pub async fn one(
    State(app): State<App>,
    caller: Caller,
    Path(VersionNumber { version }): Path<VersionNumber>,
) -> Result<Json<VersionDetail>> {
    let mut rows = rows(&app, &caller).await?.into_iter();
    let found = rows.find(|(row, _)| row.version == version);
    let (row, text) = found.ok_or_else(|| Problem::not_found("version of the rule profile"))?;
    let before = rows.next().map(|(_, text)| text);
    let changes = before.map_or_else(Vec::new, |before| numbers::changes(&before, &text));
    Ok(Json(VersionDetail {
        numbers: numbers::numbers(&text),
        changes,
        row,
        text,
    }))
}

/// A text to look at.
#[derive(Debug, Deserialize, ToSchema)]
pub struct TextToCheck {
    text: String,
}

/// A fault.
#[derive(Debug, Serialize, ToSchema)]
pub struct FaultView {
    /// From 1.
    line: usize,
    what: String,
}

/// What is to be said of a text.
#[derive(Debug, Serialize, ToSchema)]
pub struct Checked {
    /// In the order of the lines; empty: it holds.
    faults: Vec<FaultView>,
    /// Every number, where the text is TOML.
    #[schema(value_type = Vec<Object>)]
    numbers: Vec<Number>,
    /// Where its overrides hold, in their order: `[[["level","village"]]]`.
    #[schema(value_type = Vec<Object>)]
    scopes: Vec<Place>,
    /// What it changes of the version in force, where it holds.
    #[schema(value_type = Vec<Object>)]
    changes: Vec<Change>,
}

impl Checked {
    fn of(text: &str, in_force: &str) -> Self {
        let faults: Vec<FaultView> = check::faults(text)
            .into_iter()
            .map(|fault| FaultView {
                line: fault.line,
                what: fault.what,
            })
            .collect();
        let holds = faults.is_empty();
        Self {
            faults,
            numbers: numbers::numbers(text),
            scopes: numbers::places(text),
            changes: if holds {
                numbers::changes(in_force, text)
            } else {
                Vec::new()
            },
        }
    }
}

/// Names every fault of a text with its line, or what it would change; nothing is kept.
#[utoipa::path(
    post, path = "/api/v1/profiles/check", tag = "rules", operation_id = "check_profile", request_body = TextToCheck,
    responses((status = 200, body = Checked), (status = 422, body = Problem))
)]
pub async fn check(
    State(app): State<App>,
    Json(TextToCheck { text }): Json<TextToCheck>,
) -> Result<Json<Checked>> {
    bounded(&text)?;
    let in_force = in_force(&app).await?;
    Ok(Json(Checked::of(&text, &in_force)))
}

fn bounded(text: &str) -> Result<()> {
    if text.len() > MAX_TEXT {
        return Err(Problem::invalid(format!(
            "text: give at most {} KiB",
            MAX_TEXT / 1024
        )));
    }
    if text.contains('\0') {
        return Err(Problem::invalid("text: it holds a zero byte"));
    }
    Ok(())
}

/// The text of the version in force.
async fn in_force(app: &App) -> Result<String> {
    let now = app.now();
    let versions = profiles::list(app.db()).await?;
    let found = versions.into_iter().find(|version| version.in_force <= now);
    Ok(found.map(|version| version.text).unwrap_or_default())
}
