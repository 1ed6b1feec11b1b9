//! What people do to bulletins: draft again, write, sign, take back, publish, correct.

use std::collections::BTreeMap;

use axum::extract::{FromRequestParts, State};
use chrono::{DateTime, Utc};
use mingjing_alerts::channel::Notice;
use mingjing_alerts::store::deliveries;
use mingjing_monitor::audit::Action;
use serde::Deserialize;
use serde_json::json;
use sqlx::types::Json as Stored;
use utoipa::ToSchema;

use super::{BulletinDetail, OfMonth, Which, detail, find};
use crate::app::App;
use crate::audit::{Record, Trail};
use crate::bulletin::document::Words;
use crate::bulletin::steps::{self, Step};
use crate::bulletin::{self, Document, Edits, Of, publish};
use crate::caller::{Caller, Who};
use crate::problem::{Json, Path, Problem, Query, Result};
use crate::store::bulletins::{self as store, Addendum, Bulletin, Done};

/// Longest text of a section, of an addendum and longest reason, in characters.
const MAX_TEXT: usize = 10_000;

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

/// Who acts on which bulletin: what comes with every step.
#[derive(FromRequestParts)]
#[from_request(state(App))]
pub struct Acting {
    #[from_request(via(State))]
    app: App,
    caller: Caller,
    trail: Trail,
    #[from_request(via(Path))]
    of: OfMonth,
    #[from_request(via(Query))]
    which: Which,
}

impl Acting {
    /// Finds the bulletin, and the step that the caller may take.
    async fn takes(&self, step: &str) -> Result<Taking<'_>> {
        let Self { app, caller, .. } = self;
        let (login, name) = match &caller.who {
            Who::Account { login, name, .. } => (login.clone(), name.clone()),
            Who::Token { .. } => return Err(Problem::forbidden("A person has to do this.")),
        };
        let (of, bulletin) = find(app, caller, &self.of.month, self.which.town.as_deref()).await?;
        if !app.directory().covers(&caller.scope, &of.hall) {
            return Err(Problem::not_found("bulletin of your halls"));
        }
        let found = steps::open_to(caller.role, &bulletin.state).find(|it| it.name == step);
        let step = found.ok_or_else(|| {
            Problem::conflict(format!(
                "A bulletin that is {} does not allow that.",
                bulletin.state
            ))
        })?;
        Ok(Taking {
            by: self,
            of,
            bulletin,
            step,
            login,
            name,
            now: app.now(),
        })
    }
}

/// A step on its way: who takes it, and what it is taken of.
struct Taking<'a> {
    by: &'a Acting,
    of: Of,
    bulletin: Bulletin,
    step: &'static Step,
    login: String,
    name: String,
    now: DateTime<Utc>,
}

impl Taking<'_> {
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
        why: Option<String>,
    ) -> Result<sqlx::Transaction<'static, sqlx::Postgres>> {
        let mut tx = self.by.app.db().begin().await?;
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
            role: self.by.caller.role.code().to_owned(),
            revision: self.bulletin.revision,
            why,
        };
        store::append(&mut tx, self.bulletin.id, &done).await?;
        Ok(tx)
    }

    /// Writes it down and commits; how the bulletin stands then.
    async fn end(
        self,
        mut tx: sqlx::Transaction<'static, sqlx::Postgres>,
        after: serde_json::Value,
        why: Option<String>,
    ) -> Result<Json<BulletinDetail>> {
        let Acting {
            app, caller, trail, ..
        } = self.by;
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

    /// Takes a step to which nothing more belongs.
    async fn alone(mut self, why: Option<String>) -> Result<Json<BulletinDetail>> {
        let tx = self.begin(why.clone()).await?;
        let after = self.after();
        self.end(tx, after, why).await
    }

    fn after(&self) -> serde_json::Value {
        json!({"step": self.step.name, "state": self.step.to.as_str(), "revision": self.bulletin.revision})
    }

    /// What is told of the publication of `document`, or of addendum `n`.
    fn notice(&self, n: Option<i32>, document: &Document) -> Notice {
        let directory = self.by.app.directory();
        let trial = directory.county().is_some_and(|county| county.trial_run);
        publish::notice(&self.of, n, document, self.now, trial)
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
pub async fn draft(acting: Acting, Json(act): Json<ActOnBulletin>) -> Result<Json<BulletinDetail>> {
    let mut taking = acting.takes("draft").await?;
    taking.read(act.revision)?;
    let document = bulletin::draft(&acting.app, &taking.of).await?;
    taking.bulletin.document = Stored(document);
    taking.bulletin.drafted_at = taking.now;
    taking.alone(None).await
}

/// Writes sections in other words than the drafted ones. Figures in tables and charts cannot be edited.
#[utoipa::path(
    post, path = "/api/v1/bulletins/{month}/text", tag = "performance", operation_id = "edit_bulletin", params(OfMonth, Which),
    request_body = BulletinText,
    responses((status = 200, body = BulletinDetail), (status = 404, body = Problem), (status = 409, body = Problem),
              (status = 422, body = Problem))
)]
pub async fn text(acting: Acting, Json(new): Json<BulletinText>) -> Result<Json<BulletinDetail>> {
    let mut taking = acting.takes("text").await?;
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
    let tx = taking.begin(None).await?;
    taking.end(tx, after, None).await
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
pub async fn sign(acting: Acting, Json(act): Json<ActOnBulletin>) -> Result<Json<BulletinDetail>> {
    let taking = acting.takes("sign").await?;
    taking.read(act.revision)?;
    taking.alone(None).await
}

/// Takes a signed bulletin back before it is published: it is a draft again, and has to be signed anew.
#[utoipa::path(
    post, path = "/api/v1/bulletins/{month}/take-back", tag = "performance", operation_id = "take_back_bulletin",
    params(OfMonth, Which), request_body = ActOnBulletin,
    responses((status = 200, body = BulletinDetail), (status = 404, body = Problem), (status = 409, body = Problem),
              (status = 422, body = Problem))
)]
pub async fn take_back(
    acting: Acting,
    Json(act): Json<ActOnBulletin>,
) -> Result<Json<BulletinDetail>> {
    let taking = acting.takes("take_back").await?;
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
    taking.alone(Some(why)).await
}

/// Publishes a signed bulletin: its files are made, kept and told of, and nothing of it changes any more.
#[utoipa::path(
    post, path = "/api/v1/bulletins/{month}/publish", tag = "performance", operation_id = "publish_bulletin",
    params(OfMonth, Which), request_body = ActOnBulletin,
    responses((status = 200, body = BulletinDetail), (status = 404, body = Problem), (status = 409, body = Problem),
              (status = 503, body = Problem))
)]
pub async fn publish(
    acting: Acting,
    Json(act): Json<ActOnBulletin>,
) -> Result<Json<BulletinDetail>> {
    let mut taking = acting.takes("publish").await?;
    taking.read(act.revision)?;
    let zone = acting.app.directory().zone();
    let done = store::history(acting.app.db(), taking.bulletin.id).await?;
    let today = taking.now.with_timezone(&zone).date_naive();
    let document = publish::published(&taking.bulletin, &done, zone, today);
    let files = publish::files(&document).await?;
    taking.bulletin.document = Stored(document);
    let mut tx = taking.begin(None).await?;
    store::keep(&mut tx, (taking.bulletin.id, 0), &files).await?;
    let notice = taking.notice(None, &taking.bulletin.document.0);
    deliveries::announce(&mut tx, &[notice]).await?;
    let after = taking.after();
    taking.end(tx, after, None).await
}

/// Publishes a numbered addendum to a published bulletin, which itself stays as it is.
#[utoipa::path(
    post, path = "/api/v1/bulletins/{month}/addenda", tag = "performance", operation_id = "correct_bulletin",
    params(OfMonth, Which), request_body = NewAddendum,
    responses((status = 200, body = BulletinDetail), (status = 404, body = Problem), (status = 409, body = Problem),
              (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub async fn correct(acting: Acting, Json(new): Json<NewAddendum>) -> Result<Json<BulletinDetail>> {
    let mut taking = acting.takes("addendum").await?;
    let text =
        written(&new.text)?.ok_or_else(|| Problem::invalid("text: say what is corrected"))?;
    let there = store::addenda(acting.app.db(), taking.bulletin.id).await?;
    if i32::try_from(there.len()).ok() != Some(new.addenda) {
        return Err(changed());
    }
    let n = new.addenda + 1;
    let zone = acting.app.directory().zone();
    let today = taking.now.with_timezone(&zone).date_naive();
    let document = publish::addendum(&taking.bulletin.document.0, n, &text, &taking.name, today);
    let files = publish::files(&document).await?;
    let notice = taking.notice(Some(n), &document);
    let addendum = Addendum {
        n,
        at: taking.now,
        who: taking.name.clone(),
        document: Stored(document),
    };
    let mut tx = taking.begin(None).await?;
    // Who was faster has this number.
    if !store::add(&mut tx, taking.bulletin.id, &addendum).await? {
        return Err(changed());
    }
    store::keep(&mut tx, (taking.bulletin.id, n), &files).await?;
    deliveries::announce(&mut tx, &[notice]).await?;
    let after = json!({"step": "addendum", "n": n});
    taking.end(tx, after, None).await
}
