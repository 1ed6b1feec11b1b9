//! Bulletins: the list, one to be read, its files, and what becomes of it.

pub mod acting;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::rankings;
use crate::app::App;
use crate::bulletin::document::Words;
use crate::bulletin::print::Format;
use crate::bulletin::steps;
use crate::bulletin::{Document, Edits, Language, Of, publish};
use crate::caller::{Caller, Who};
use crate::problem::{Json, Path, Problem, Query, Result};
use crate::statistics::named;
use crate::store::bulletins::{self as store, Bulletin};

/// A bulletin in the list.
#[derive(Debug, Serialize, ToSchema)]
pub struct BulletinRow {
    month: String,
    /// Code of the town; null of the county's.
    town: Option<String>,
    /// Name of the county or town.
    name: Words,
    /// `draft`, `signed` or `published`.
    state: String,
    drafted_at: DateTime<Utc>,
    signed_at: Option<DateTime<Utc>>,
    published_at: Option<DateTime<Utc>>,
    /// How many addenda there are.
    addenda: i64,
}

/// The bulletins.
#[derive(Debug, Serialize, ToSchema)]
pub struct BulletinList {
    /// The newest month first; of each the county before its towns.
    bulletins: Vec<BulletinRow>,
}

/// The bulletins of the caller's halls, and the published ones of the halls over them. Those that are not published are listed to inspectors,
/// leaders and the commission alone.
#[utoipa::path(
    get, path = "/api/v1/bulletins", tag = "performance", operation_id = "bulletins",
    responses((status = 200, body = BulletinList))
)]
pub async fn list(State(app): State<App>, caller: Caller) -> Result<Json<BulletinList>> {
    let directory = app.directory();
    let (root, drafts) = (directory.root(), steps::reads_drafts(caller.role));
    let found = store::list(app.db(), &caller.scope.hall, drafts).await?;
    let row = |it: store::Listed| BulletinRow {
        month: rankings::text(it.month),
        name: directory.hall(&it.hall).map_or_else(
            || Words::same(it.hall.clone()),
            |hall| named(&hall.name, &hall.name_en),
        ),
        town: (it.hall != root).then_some(it.hall),
        state: it.state,
        drafted_at: it.drafted_at,
        signed_at: it.signed_at,
        published_at: it.published_at,
        addenda: it.addenda,
    };
    let bulletins = found.into_iter().map(row).collect();
    Ok(Json(BulletinList { bulletins }))
}

/// Which month.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct OfMonth {
    /// `2026-10`; with `.pdf`, `.docx` or `.html` after it the bulletin as a file.
    month: String,
}

/// Which bulletin of a month.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Code of the town; the county's bulletin where it is left out.
    town: Option<String>,
    /// Language of a file: `zh` or `en`.
    #[param(value_type = Option<String>)]
    lang: Option<Language>,
    /// Of a file: the addendum with this number instead of the bulletin.
    addendum: Option<i32>,
}

/// What was done to a bulletin.
#[derive(Debug, Serialize, ToSchema)]
pub struct BulletinStep {
    at: DateTime<Utc>,
    /// `draft`, `text`, `sign`, `take_back`, `publish` or `addendum`.
    step: String,
    who: String,
    role: String,
    why: Option<String>,
}

/// An addendum.
#[derive(Debug, Serialize, ToSchema)]
pub struct BulletinAddendum {
    n: i32,
    at: DateTime<Utc>,
    who: String,
    document: Document,
}

/// A bulletin.
#[derive(Debug, Serialize, ToSchema)]
pub struct BulletinDetail {
    month: String,
    /// Code of the town; null of the county's.
    town: Option<String>,
    /// `draft`, `signed` or `published`.
    state: String,
    /// Send it back with every change: what is signed is what was read.
    revision: i32,
    /// When its figures were read.
    drafted_at: DateTime<Utc>,
    /// As it stands.
    document: Document,
    /// By section, what people wrote in place of what was drafted; for those who read drafts.
    #[schema(value_type = Object)]
    edits: Edits,
    addenda: Vec<BulletinAddendum>,
    steps: Vec<BulletinStep>,
    /// What the caller may do: `draft`, `text`, `sign`, `take_back`, `publish`, `addendum`.
    actions: Vec<&'static str>,
}

/// A bulletin with its text, charts and tables; with `.pdf`, `.docx` or `.html` after the month the same as a file. What is published is
/// given as it was then, to the byte.
#[utoipa::path(
    get, path = "/api/v1/bulletins/{month}", tag = "performance", operation_id = "bulletin", params(OfMonth, Which),
    responses((status = 200, body = BulletinDetail), (status = 404, body = Problem), (status = 422, body = Problem),
              (status = 503, body = Problem))
)]
pub async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(OfMonth { month }): Path<OfMonth>,
    Query(which): Query<Which>,
) -> Result<Response> {
    let (month, ending) = month.split_once('.').unwrap_or((&month, ""));
    let (of, bulletin) = find(&app, &caller, month, which.town.as_deref()).await?;
    if ending.is_empty() {
        return Ok(Json(detail(&app, &caller, bulletin).await?).into_response());
    }
    let format = Format::parse(ending).ok_or_else(|| Problem::not_found("bulletin"))?;
    let (language, addendum) = (which.lang.unwrap_or_default(), which.addendum.unwrap_or(0));
    let kept = store::file(
        app.db(),
        (bulletin.id, addendum),
        ending,
        publish::word(language),
    )
    .await?;
    let bytes = match kept {
        Some(bytes) => bytes,
        None if addendum == 0 => {
            let done = store::history(app.db(), bulletin.id).await?;
            let document = publish::current(&bulletin, &done, app.directory().zone());
            publish::print(document, format, language).await?
        }
        None => return Err(Problem::not_found("addendum")),
    };
    let name = match addendum {
        0 => of.file_name(format),
        n => of.addendum_name(n, format),
    };
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""))
        .map_err(Problem::internal)?;
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static(format.kind()),
        ),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, bytes).into_response())
}

/// The bulletin that is asked for, where the caller may read it.
async fn find(
    app: &App,
    caller: &Caller,
    month: &str,
    town: Option<&str>,
) -> Result<(Of, Bulletin)> {
    let absent = || Problem::not_found("bulletin");
    let first = rankings::month(month)?;
    let directory = app.directory();
    let hall = match town.filter(|town| !town.is_empty()) {
        Some(town) => town.to_owned(),
        None => directory.root(),
    };
    let own = directory.covers(&caller.scope, &hall);
    if !own && !directory.is_over(&caller.scope, &hall) {
        return Err(absent());
    }
    let bulletin = store::find(app.db(), first, &hall)
        .await?
        .ok_or_else(absent)?;
    if bulletin.state != "published" && !(own && steps::reads_drafts(caller.role)) {
        return Err(absent());
    }
    let town = hall != directory.root();
    let month = first;
    Ok((Of { month, hall, town }, bulletin))
}

async fn detail(app: &App, caller: &Caller, bulletin: Bulletin) -> Result<BulletinDetail> {
    let directory = app.directory();
    let done = store::history(app.db(), bulletin.id).await?;
    let addenda = store::addenda(app.db(), bulletin.id).await?;
    let document = publish::current(&bulletin, &done, directory.zone());
    let own = directory.covers(&caller.scope, &bulletin.hall);
    let acts = own && matches!(caller.who, Who::Account { .. });
    let actions = steps::open_to(caller.role, &bulletin.state).filter(|_| acts);
    let actions = actions.map(|step| step.name).collect();
    // Of a published one it reads what was published; how it came about is its authors' own.
    let (seen, edits) = match own && steps::reads_drafts(caller.role) {
        true => (done, bulletin.edits.0),
        false => Default::default(),
    };
    Ok(BulletinDetail {
        month: rankings::text(bulletin.month),
        town: (bulletin.hall != directory.root()).then_some(bulletin.hall),
        state: bulletin.state,
        revision: bulletin.revision,
        drafted_at: bulletin.drafted_at,
        document,
        edits,
        addenda: addenda
            .into_iter()
            .map(|it| BulletinAddendum {
                n: it.n,
                at: it.at,
                who: it.who,
                document: it.document.0,
            })
            .collect(),
        steps: seen
            .into_iter()
            .map(|it| BulletinStep {
                at: it.at,
                step: it.step,
                who: it.who,
                role: it.role,
                why: it.why,
            })
            .collect(),
        actions,
    })
}
