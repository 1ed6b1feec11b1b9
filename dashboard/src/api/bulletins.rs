//! Bulletins: the list, one to be read, its files, and what becomes of it.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use mingjing_alerts::store::deliveries;
use mingjing_monitor::audit::Action;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::types::Json as Stored;
use utoipa::{IntoParams, ToSchema};

use super::rankings;
use crate::app::App;
use crate::audit::{Record, Trail};
use crate::bulletin::document::Words;
use crate::bulletin::print::Format;
use crate::bulletin::steps::{self, Step};
use crate::bulletin::{self, Document, Edits, Language, Of, publish};
use crate::caller::{Caller, Who};
use crate::problem::{Json, Path, Problem, Query, Result};
use crate::statistics::named;
use crate::store::bulletins::{self as store, Addendum, Bulletin, Done};

/// Longest text of a section, of an addendum and longest reason, in characters.
const MAX_TEXT: usize = 10_000;

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

/// The bulletins of the caller's halls. Those that are not published are listed to inspectors, leaders and the commission alone.
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
    /// By section, what people wrote in place of what was drafted.
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

/// The bulletin that is asked for, where the caller may know of it.
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
    directory
        .seen(&caller.scope, Some(&hall))
        .map_err(|_| absent())?;
    let bulletin = store::find(app.db(), first, &hall)
        .await?
        .ok_or_else(absent)?;
    if bulletin.state != "published" && !steps::reads_drafts(caller.role) {
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
    let is_person = matches!(caller.who, Who::Account { .. });
    let actions = steps::open_to(caller.role, &bulletin.state).filter(|_| is_person);
    let actions = actions.map(|step| step.name).collect();
    // Of a published one it reads what was published; how it came about is its authors' own.
    let seen = if steps::reads_drafts(caller.role) {
        done
    } else {
        Vec::new()
    };
    Ok(BulletinDetail {
        month: rankings::text(bulletin.month),
        town: (bulletin.hall != directory.root()).then_some(bulletin.hall),
        state: bulletin.state,
        revision: bulletin.revision,
        drafted_at: bulletin.drafted_at,
        document,
        edits: bulletin.edits.0,
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

/// What somebody does to a bulletin.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ActOnBulletin {
    /// The revision that was read.
    revision: i32,
    /// Why; who takes back has to say.
    why: Option<String>,
}

/// What somebody writes in place of drafted paragraphs.
#[derive(Debug, Deserialize, ToSchema)]
pub struct BulletinText {
    /// The revision that was read.
    revision: i32,
    /// By section, in both languages, a paragraph a line; a section that is left out, or empty in Chinese, has what was drafted.
    #[schema(value_type = Object)]
    text: BTreeMap<String, Words>,
}

/// What is corrected of a published bulletin.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewAddendum {
    /// How many addenda were read: of two people at once the second is told.
    addenda: i32,
    /// In both languages, a paragraph a line; in English the Chinese stands where there is none.
    text: Words,
}

/// A step on its way: who takes it, and what it is taken of.
struct Taking {
    of: Of,
    bulletin: Bulletin,
    step: &'static Step,
    login: String,
    name: String,
    now: DateTime<Utc>,
}

/// Finds the bulletin, and the step that the caller may take.
async fn taking(
    app: &App,
    caller: &Caller,
    (month, town): (&str, Option<&str>),
    step: &str,
) -> Result<Taking> {
    let (login, name) = match &caller.who {
        Who::Account { login, name, .. } => (login.clone(), name.clone()),
        Who::Token { .. } => return Err(Problem::forbidden("A person has to do this.")),
    };
    let (of, bulletin) = find(app, caller, month, town).await?;
    let found = steps::open_to(caller.role, &bulletin.state).find(|it| it.name == step);
    let step = found.ok_or_else(|| {
        Problem::conflict(format!(
            "A bulletin that is {} does not allow that.",
            bulletin.state
        ))
    })?;
    Ok(Taking {
        of,
        bulletin,
        step,
        login,
        name,
        now: app.now(),
    })
}

impl Taking {
    /// Of two people at once the second is told: what they read is no longer what stands there.
    fn read(&self, revision: i32) -> Result<()> {
        if revision == self.bulletin.revision {
            return Ok(());
        }
        Err(changed())
    }

    /// Holds the bulletin in a transaction, and takes the step; what more belongs to it is written by the caller.
    async fn begin(
        &mut self,
        app: &App,
        caller: &Caller,
        why: Option<String>,
    ) -> Result<sqlx::Transaction<'static, sqlx::Postgres>> {
        let mut tx = app.db().begin().await?;
        let (state, revision) = store::hold(&mut tx, self.bulletin.id).await?;
        if (state.as_str(), revision) != (self.bulletin.state.as_str(), self.bulletin.revision) {
            return Err(changed());
        }
        // What is published is never written again, not even its revision.
        if state != "published" {
            self.bulletin.state = self.step.to.as_str().to_owned();
            self.bulletin.revision += 1;
            store::update(&mut tx, &self.bulletin).await?;
        }
        let done = Done {
            at: self.now,
            step: self.step.name.to_owned(),
            login: Some(self.login.clone()),
            who: self.name.clone(),
            role: caller.role.code().to_owned(),
            revision: self.bulletin.revision,
            why,
        };
        store::append(&mut tx, self.bulletin.id, &done).await?;
        Ok(tx)
    }

    /// Writes it down and commits; how the bulletin stands then.
    async fn end(
        self,
        (app, caller, trail): (&App, &Caller, &Trail),
        mut tx: sqlx::Transaction<'static, sqlx::Postgres>,
        (after, why): (serde_json::Value, Option<String>),
    ) -> Result<Json<BulletinDetail>> {
        let mut record = Record::of(Action::BulletinChanged)
            .on("bulletin", self.of.name())
            .hall(self.of.hall.clone())
            .before(json!({"state": self.step.from.as_str()}))
            .after(after);
        if let Some(why) = why {
            record = record.reason(why);
        }
        trail.append(&mut tx, record).await?;
        tx.commit().await?;
        let bulletin = store::find(app.db(), self.of.month, &self.of.hall).await?;
        let bulletin = bulletin.ok_or_else(|| Problem::not_found("bulletin"))?;
        Ok(Json(detail(app, caller, bulletin).await?))
    }

    fn after(&self) -> serde_json::Value {
        json!({"step": self.step.name, "state": self.step.to.as_str(), "revision": self.bulletin.revision})
    }
}

fn changed() -> Problem {
    Problem::conflict("Somebody changed the bulletin meanwhile: read it again.")
}

/// Reads the month's figures again; what was edited stays.
#[utoipa::path(
    post, path = "/api/v1/bulletins/{month}/draft", tag = "performance", operation_id = "draft_bulletin", params(OfMonth, Which),
    request_body = ActOnBulletin,
    responses((status = 200, body = BulletinDetail), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub async fn draft(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(OfMonth { month }): Path<OfMonth>,
    Query(which): Query<Which>,
    Json(act): Json<ActOnBulletin>,
) -> Result<Json<BulletinDetail>> {
    let mut taking = taking(&app, &caller, (&month, which.town.as_deref()), "draft").await?;
    taking.read(act.revision)?;
    let document = bulletin::draft(&app, &taking.of).await?;
    taking.bulletin.document = Stored(document);
    taking.bulletin.drafted_at = taking.now;
    let tx = taking.begin(&app, &caller, None).await?;
    let after = taking.after();
    taking.end((&app, &caller, &trail), tx, (after, None)).await
}

/// Writes sections in other words than the drafted ones. Figures in tables and charts cannot be edited.
#[utoipa::path(
    post, path = "/api/v1/bulletins/{month}/text", tag = "performance", operation_id = "edit_bulletin", params(OfMonth, Which),
    request_body = BulletinText,
    responses((status = 200, body = BulletinDetail), (status = 404, body = Problem), (status = 409, body = Problem),
              (status = 422, body = Problem))
)]
pub async fn text(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(OfMonth { month }): Path<OfMonth>,
    Query(which): Query<Which>,
    Json(new): Json<BulletinText>,
) -> Result<Json<BulletinDetail>> {
    let mut taking = taking(&app, &caller, (&month, which.town.as_deref()), "text").await?;
    taking.read(new.revision)?;
    let document = &taking.bulletin.document.0;
    let mut edits = Edits::new();
    for (key, text) in new.text {
        if !document.sections.iter().any(|section| section.key == key) {
            return Err(Problem::invalid(format!(
                "text: there is no section {key:?}"
            )));
        }
        if let Some(text) = written(&text)? {
            edits.insert(key, text);
        }
    }
    let after = json!({"step": "text", "sections": edits.keys().collect::<Vec<_>>(), "revision": taking.bulletin.revision + 1});
    taking.bulletin.edits = Stored(edits);
    let tx = taking.begin(&app, &caller, None).await?;
    taking.end((&app, &caller, &trail), tx, (after, None)).await
}

/// A text in both languages; `None`: there is none. Where there is no English the Chinese stands.
fn written(text: &Words) -> Result<Option<Words>> {
    let clean = |text: &str| text.trim().to_owned();
    let (zh, en) = (clean(&text.zh), clean(&text.en));
    if zh.is_empty() {
        return Ok(None);
    }
    let bad = |text: &String| text.chars().count() > MAX_TEXT || text.contains('\0');
    if bad(&zh) || bad(&en) {
        return Err(Problem::invalid(format!(
            "text: at most {MAX_TEXT} characters"
        )));
    }
    let en = if en.is_empty() { zh.clone() } else { en };
    Ok(Some(Words::new(zh, en)))
}

/// Signs the bulletin as it stands.
#[utoipa::path(
    post, path = "/api/v1/bulletins/{month}/sign", tag = "performance", operation_id = "sign_bulletin", params(OfMonth, Which),
    request_body = ActOnBulletin,
    responses((status = 200, body = BulletinDetail), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub async fn sign(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(OfMonth { month }): Path<OfMonth>,
    Query(which): Query<Which>,
    Json(act): Json<ActOnBulletin>,
) -> Result<Json<BulletinDetail>> {
    let mut taking = taking(&app, &caller, (&month, which.town.as_deref()), "sign").await?;
    taking.read(act.revision)?;
    let tx = taking.begin(&app, &caller, None).await?;
    let after = taking.after();
    taking.end((&app, &caller, &trail), tx, (after, None)).await
}

/// Takes a signed bulletin back before it is published: it is a draft again, and has to be signed anew.
#[utoipa::path(
    post, path = "/api/v1/bulletins/{month}/take-back", tag = "performance", operation_id = "take_back_bulletin",
    params(OfMonth, Which), request_body = ActOnBulletin,
    responses((status = 200, body = BulletinDetail), (status = 404, body = Problem), (status = 409, body = Problem),
              (status = 422, body = Problem))
)]
pub async fn take_back(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(OfMonth { month }): Path<OfMonth>,
    Query(which): Query<Which>,
    Json(act): Json<ActOnBulletin>,
) -> Result<Json<BulletinDetail>> {
    let mut taking = taking(&app, &caller, (&month, which.town.as_deref()), "take_back").await?;
    taking.read(act.revision)?;
    let why = act.why.map(|why| why.trim().to_owned());
    let why = why
        .filter(|why| !why.is_empty())
        .ok_or_else(|| Problem::invalid("why: say why"))?;
    if why.chars().count() > MAX_TEXT || why.contains('\0') {
        return Err(Problem::invalid(format!(
            "why: at most {MAX_TEXT} characters, and no U+0000"
        )));
    }
    let tx = taking.begin(&app, &caller, Some(why.clone())).await?;
    let after = taking.after();
    taking
        .end((&app, &caller, &trail), tx, (after, Some(why)))
        .await
}

/// Publishes a signed bulletin: its files are made, kept and told of, and nothing of it changes any more.
#[utoipa::path(
    post, path = "/api/v1/bulletins/{month}/publish", tag = "performance", operation_id = "publish_bulletin",
    params(OfMonth, Which), request_body = ActOnBulletin,
    responses((status = 200, body = BulletinDetail), (status = 404, body = Problem), (status = 409, body = Problem),
              (status = 503, body = Problem))
)]
pub async fn publish(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(OfMonth { month }): Path<OfMonth>,
    Query(which): Query<Which>,
    Json(act): Json<ActOnBulletin>,
) -> Result<Json<BulletinDetail>> {
    let mut taking = taking(&app, &caller, (&month, which.town.as_deref()), "publish").await?;
    taking.read(act.revision)?;
    let zone = app.directory().zone();
    let done = store::history(app.db(), taking.bulletin.id).await?;
    let today = taking.now.with_timezone(&zone).date_naive();
    let document = publish::published(&taking.bulletin, &done, zone, today);
    let files = publish::files(&document).await?;
    taking.bulletin.document = Stored(document);
    let mut tx = taking.begin(&app, &caller, None).await?;
    store::keep(&mut tx, (taking.bulletin.id, 0), &files).await?;
    let trial = app
        .directory()
        .county()
        .is_some_and(|county| county.trial_run);
    let notice = publish::notice(
        &taking.of,
        None,
        &taking.bulletin.document.0,
        taking.now,
        trial,
    );
    deliveries::announce(&mut tx, &[notice]).await?;
    let after = taking.after();
    taking.end((&app, &caller, &trail), tx, (after, None)).await
}

/// Publishes a numbered addendum to a published bulletin, which itself stays as it is.
#[utoipa::path(
    post, path = "/api/v1/bulletins/{month}/addenda", tag = "performance", operation_id = "correct_bulletin",
    params(OfMonth, Which), request_body = NewAddendum,
    responses((status = 200, body = BulletinDetail), (status = 404, body = Problem), (status = 409, body = Problem),
              (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub async fn correct(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(OfMonth { month }): Path<OfMonth>,
    Query(which): Query<Which>,
    Json(new): Json<NewAddendum>,
) -> Result<Json<BulletinDetail>> {
    let mut taking = taking(&app, &caller, (&month, which.town.as_deref()), "addendum").await?;
    let text =
        written(&new.text)?.ok_or_else(|| Problem::invalid("text: say what is corrected"))?;
    let there = store::addenda(app.db(), taking.bulletin.id).await?;
    if i32::try_from(there.len()).ok() != Some(new.addenda) {
        return Err(changed());
    }
    let n = new.addenda + 1;
    let today = taking
        .now
        .with_timezone(&app.directory().zone())
        .date_naive();
    let document = publish::addendum(&taking.bulletin.document.0, n, &text, &taking.name, today);
    let files = publish::files(&document).await?;
    let trial = app
        .directory()
        .county()
        .is_some_and(|county| county.trial_run);
    let notice = publish::notice(&taking.of, Some(n), &document, taking.now, trial);
    let addendum = Addendum {
        n,
        at: taking.now,
        who: taking.name.clone(),
        document: Stored(document),
    };
    let mut tx = taking.begin(&app, &caller, None).await?;
    // Who was faster has this number.
    if !store::add(&mut tx, taking.bulletin.id, &addendum).await? {
        return Err(changed());
    }
    store::keep(&mut tx, (taking.bulletin.id, n), &files).await?;
    deliveries::announce(&mut tx, &[notice]).await?;
    let after = json!({"step": "addendum", "n": n});
    taking.end((&app, &caller, &trail), tx, (after, None)).await
}
