//! What an order or a card is written about: a card, a case, a camera's picture, a complaint, or a hall alone. What it is about
//! says who bears it, unless the writer does.

use chrono::{DateTime, Utc};
use mingjing_alerts::store::orders::About;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::{cards, cases};
use crate::app::App;
use crate::caller::Caller;
use crate::problem::{Problem, Result};

/// Longest number of a complaint.
const MAX_NUMBER: usize = 80;

/// What the writer names.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct Written {
    /// Number of a card.
    card: Option<i64>,
    /// Number of a case.
    case: Option<String>,
    /// A camera, for a picture of it …
    camera: Option<String>,
    /// … at this instant.
    picture_at: Option<DateTime<Utc>>,
    /// Number of a complaint.
    complaint: Option<String>,
    /// Code of the unit that bears it; else that of what it is about.
    unit: Option<String>,
    /// Number of the window; likewise.
    window: Option<String>,
}

/// Who bears what is written, and what it is about.
#[derive(Debug)]
pub struct Bearer {
    /// Code of the hall.
    pub hall: String,
    /// Code of the unit.
    pub unit: Option<String>,
    /// Number of the window.
    pub window: Option<String>,
    /// Code of the item, of a case.
    pub item: Option<String>,
    /// What it is about.
    pub about: About,
}

/// Looks up what is named, as far as the caller sees it, and who bears it.
///
/// # Errors
/// `not-found` for what lies outside; `invalid` where nothing tells a hall.
pub async fn resolve(
    app: &App,
    caller: &Caller,
    written: Written,
    hall: Option<String>,
) -> Result<Bearer> {
    let directory = app.directory();
    let mut found = (None, None, None, None);
    let mut about = About {
        complaint: number(written.complaint)?,
        ..About::default()
    };
    if let Some(id) = written.card {
        let card = cards::find(app, caller, id).await?;
        about.card = Some(card.id);
        about.case_no.clone_from(&card.case_no);
        match card.about.as_str() {
            "complaint" => about.complaint = about.complaint.or(card.subject),
            "camera" => {
                about.camera = card.subject;
                about.picture_at = Some(card.due_at);
            }
            _ => {}
        }
        found = (Some(card.hall), card.unit, card.win, card.item);
    }
    if let Some(no) = written.case {
        let (row, _) = cases::find(app, caller, &no).await?;
        about.case_no = Some(row.no);
        let named = |code: String| Some(code).filter(|code| !code.is_empty());
        found = (Some(row.hall), named(row.unit), row.window, named(row.item));
    }
    if let Some(id) = written.camera {
        let camera = directory
            .camera(&id)
            .filter(|camera| directory.sees_camera(&caller.scope, camera))
            .ok_or_else(|| Problem::not_found("camera"))?;
        about.camera = Some(id);
        about.picture_at = written.picture_at.or(Some(app.now()));
        if found.0.is_none() {
            let window = camera.windows.first().filter(|_| camera.windows.len() == 1);
            let unit = window
                .and_then(|no| directory.window(&camera.hall, no))
                .and_then(|window| window.unit.clone());
            found = (Some(camera.hall.clone()), unit, window.cloned(), None);
        }
    }
    let (of_hall, unit, window, item) = found;
    let named = |text: Option<String>| text.filter(|text| !text.is_empty());
    let hall = named(hall).or(of_hall).ok_or_else(|| {
        Problem::invalid("`hall` is missing: say which hall it goes to, or what it is about")
    })?;
    let bearer = Bearer {
        unit: named(written.unit).or(unit),
        window: named(written.window).or(window),
        hall,
        item,
        about,
    };
    let (unit, window) = (bearer.unit.as_deref(), bearer.window.as_deref());
    if !directory.sees(&caller.scope, &bearer.hall, unit, window) {
        return Err(Problem::not_found("hall"));
    }
    if unit.is_some_and(|code| !directory.units().any(|unit| unit.code == code)) {
        return Err(Problem::not_found("unit"));
    }
    Ok(bearer)
}

fn number(complaint: Option<String>) -> Result<Option<String>> {
    let complaint = complaint
        .map(|number| number.trim().to_owned())
        .filter(|number| !number.is_empty());
    if complaint
        .as_ref()
        .is_some_and(|number| number.chars().count() > MAX_NUMBER)
    {
        return Err(Problem::invalid(format!(
            "`complaint` is longer than {MAX_NUMBER} characters: give its number"
        )));
    }
    Ok(complaint)
}
