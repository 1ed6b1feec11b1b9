//! Drafts of a rule profile: one inspector writes, another puts in force (`alerts::draft` has the table).

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use mingjing_alerts::check::faults;
use mingjing_alerts::draft::{self, Party};
use mingjing_alerts::numbers;
use mingjing_alerts::store::drafts::{self, Done, Draft};
use mingjing_alerts::store::profiles::{self, Enforced};
use mingjing_monitor::audit::Action;
use mingjing_monitor::store::StoreError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use super::{Checked, bounded, in_force};
use crate::api::accounts::filled;
use crate::app::App;
use crate::audit::{Record, Trail};
use crate::caller::{Caller, Who};
use crate::problem::{Json, Path, Problem, Result};
use crate::publish;
use crate::store::{Notice, notify};

/// Longest name of a draft, in characters.
const MAX_NAME: usize = 100;
/// Longest remark or reason, in characters.
const MAX_WORDS: usize = 2_000;
/// A little late is at once: the clock of a desk is not the console's.
const LATE: TimeDelta = TimeDelta::minutes(2);

/// A draft in the list.
#[derive(Debug, Serialize, ToSchema)]
pub struct DraftRow {
    id: i64,
    name: String,
    remark: String,
    /// The version whose text it began with.
    based_on: i32,
    /// `open`, `sent`, `refused`, `dropped` or `enforced`.
    state: String,
    /// Send it back with every change: what is put in force is what was read.
    revision: i32,
    drafter: String,
    /// The caller writes it.
    own: bool,
    created: DateTime<Utc>,
    changed: DateTime<Utc>,
    /// What the caller may do to it now.
    #[schema(value_type = Vec<String>)]
    actions: Vec<&'static str>,
}

/// What somebody did to a draft.
#[derive(Debug, Serialize, ToSchema)]
pub struct DraftStep {
    at: DateTime<Utc>,
    /// `write`, `change`, `send`, `take_back`, `refuse`, `drop` or `enforce`.
    step: String,
    who: String,
    revision: i32,
    why: Option<String>,
}

/// A draft with its text.
#[derive(Debug, Serialize, ToSchema)]
pub struct DraftDetail {
    #[serde(flatten)]
    row: DraftRow,
    /// TOML.
    text: String,
    /// The text of the version in force now.
    in_force: String,
    #[serde(flatten)]
    checked: Checked,
    /// The first first.
    history: Vec<DraftStep>,
}

/// The drafts.
#[derive(Debug, Serialize, ToSchema)]
pub struct DraftList {
    /// Those that are still open first, then the newest.
    items: Vec<DraftRow>,
}

/// A number of a draft.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct DraftId {
    /// The draft.
    id: i64,
}

/// What to write.
#[derive(Debug, Deserialize, ToSchema)]
pub struct WriteDraft {
    name: String,
    #[serde(default)]
    remark: String,
    /// TOML; it may have faults until it is sent.
    text: String,
    /// For a new draft: the version that it begins with.
    based_on: Option<i32>,
    /// For a draft that is there: the revision that was read.
    revision: Option<i32>,
}

/// What is done to a draft.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ActOnDraft {
    /// The revision that was read.
    revision: i32,
    /// Why; `refuse` must say.
    why: Option<String>,
    /// For `enforce`: from when; at once where it is left out.
    from: Option<DateTime<Utc>>,
}

/// Which draft, and what is done to it.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct DraftAction {
    /// The draft.
    id: i64,
    /// `send`, `take_back`, `drop`, `refuse` or `enforce`.
    action: String,
}

/// Login and name of a person who calls; no program writes rules.
fn person(caller: &Caller) -> Result<(&str, &str)> {
    match &caller.who {
        Who::Account { login, name, .. } => Ok((login, name)),
        Who::Token { .. } => Err(Problem::forbidden("A person has to do this.")),
    }
}

fn party(draft: &Draft, login: &str) -> Party {
    if draft.drafted_by == login {
        Party::Drafter
    } else {
        Party::Other
    }
}

impl DraftRow {
    fn new(draft: &Draft, caller: &Caller) -> Self {
        let login = person(caller).map_or("", |(login, _)| login);
        let party = party(draft, login);
        // Leaders read along; the table of routes lets them do nothing.
        let acts = caller.role == crate::policy::Role::Inspector;
        let actions = draft::State::parse(&draft.state)
            .filter(|_| acts)
            .map(|state| draft::open_to(state, party).map(|step| step.name).collect());
        Self {
            id: draft.id,
            name: draft.name.clone(),
            remark: draft.remark.clone(),
            based_on: draft.based_on,
            state: draft.state.clone(),
            revision: draft.revision,
            drafter: draft.drafter.clone(),
            own: party == Party::Drafter,
            created: draft.created,
            changed: draft.changed,
            actions: actions.unwrap_or_default(),
        }
    }
}

async fn detail(
    app: &App,
    connection: &mut PgConnection,
    draft: Draft,
    caller: &Caller,
) -> Result<DraftDetail> {
    let steps = drafts::history(connection, draft.id).await?;
    let history = steps.into_iter().map(|done| DraftStep {
        at: done.at,
        step: done.step,
        who: done.who,
        revision: done.revision,
        why: done.why,
    });
    let history = history.collect();
    let in_force = in_force(app).await?;
    Ok(DraftDetail {
        row: DraftRow::new(&draft, caller),
        checked: Checked::of(&draft.body, &in_force),
        text: draft.body,
        in_force,
        history,
    })
}

/// The drafts of rule profiles.
#[utoipa::path(
    get, path = "/api/v1/profiles/drafts", tag = "rules", operation_id = "list_drafts",
    responses((status = 200, body = DraftList), (status = 403, body = Problem))
)]
pub async fn list(State(app): State<App>, caller: Caller) -> Result<Json<DraftList>> {
    let rows = drafts::list(app.db()).await?;
    let items = rows.iter().map(|draft| DraftRow::new(draft, &caller));
    Ok(Json(DraftList {
        items: items.collect(),
    }))
}

/// A draft: its text, its faults, what it would change, and what was done to it.
#[utoipa::path(
    get, path = "/api/v1/profiles/drafts/{id}", tag = "rules", operation_id = "show_draft", params(DraftId),
    responses((status = 200, body = DraftDetail), (status = 404, body = Problem))
)]
pub async fn one(
    State(app): State<App>,
    caller: Caller,
    Path(DraftId { id }): Path<DraftId>,
) -> Result<Json<DraftDetail>> {
    let mut tx = app.db().begin().await?;
    let draft = held(&mut tx, id).await?;
    detail(&app, &mut tx, draft, &caller).await.map(Json)
}

async fn held(connection: &mut PgConnection, id: i64) -> Result<Draft> {
    drafts::hold(connection, id)
        .await?
        .ok_or_else(|| Problem::not_found("draft"))
}

/// Begins a draft.
#[utoipa::path(
    post, path = "/api/v1/profiles/drafts", tag = "rules", operation_id = "write_draft", request_body = WriteDraft,
    responses((status = 201, body = DraftDetail), (status = 403, body = Problem), (status = 422, body = Problem))
)]
pub async fn create(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Json(new): Json<WriteDraft>,
) -> Result<(StatusCode, Json<DraftDetail>)> {
    let (login, name) = person(&caller)?;
    let versions = profiles::list(app.db()).await?;
    let based_on = new
        .based_on
        .ok_or_else(|| Problem::invalid("based_on: say with which version it begins"))?;
    let base = versions.iter().find(|version| version.version == based_on);
    let base = base.ok_or_else(|| Problem::not_found("version of the rule profile"))?;
    let now = app.now();
    let mut draft = Draft {
        id: 0,
        name: words("name", &new.name, 1, MAX_NAME)?,
        remark: words("remark", &new.remark, 0, MAX_WORDS)?,
        based_on,
        body: new.text,
        state: draft::State::Open.as_str().to_owned(),
        revision: 1,
        drafted_by: login.to_owned(),
        drafter: name.to_owned(),
        created: now,
        changed: now,
    };
    bounded(&draft.body)?;
    let mut tx = app.db().begin().await?;
    draft.id = drafts::begin(&mut tx, &draft).await?;
    keep(&mut tx, &draft, "write", &caller, None, now).await?;
    let answer = detail(&app, &mut tx, draft.clone(), &caller).await?;
    let after = json!({
        "step": "write", "name": draft.name, "based_on": based_on, "changes": numbers::changes(&base.text, &draft.body),
    });
    let record = Record::of(Action::ProfileChanged)
        .on("draft", draft.id)
        .after(after);
    trail.append(&mut tx, record).await?;
    tx.commit().await?;
    publish::rules_changed(&app);
    Ok((StatusCode::CREATED, Json(answer)))
}

/// Changes a draft; only who wrote it.
#[utoipa::path(
    put, path = "/api/v1/profiles/drafts/{id}", tag = "rules", operation_id = "change_draft", params(DraftId),
    request_body = WriteDraft,
    responses((status = 200, body = DraftDetail), (status = 403, body = Problem), (status = 409, body = Problem),
              (status = 422, body = Problem))
)]
pub async fn change(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(DraftId { id }): Path<DraftId>,
    Json(new): Json<WriteDraft>,
) -> Result<Json<DraftDetail>> {
    let now = app.now();
    let mut tx = app.db().begin().await?;
    let mut draft = held(&mut tx, id).await?;
    let before = draft.body.clone();
    take(&mut draft, "change", new.revision, &caller, now)?;
    draft.name = words("name", &new.name, 1, MAX_NAME)?;
    draft.remark = words("remark", &new.remark, 0, MAX_WORDS)?;
    bounded(&new.text)?;
    draft.body = new.text;
    drafts::update(&mut tx, &draft).await?;
    keep(&mut tx, &draft, "change", &caller, None, now).await?;
    let answer = detail(&app, &mut tx, draft.clone(), &caller).await?;
    let record = Record::of(Action::ProfileChanged)
        .on("draft", id)
        .after(json!({"step": "change", "name": draft.name, "changes": numbers::changes(&before, &draft.body)}));
    trail.append(&mut tx, record).await?;
    tx.commit().await?;
    publish::rules_changed(&app);
    Ok(Json(answer))
}

/// Sends a draft to be put in force, takes it back, gives it up, refuses it, or puts it in force. Whoever wrote it can do
/// neither of the last two.
#[utoipa::path(
    post, path = "/api/v1/profiles/drafts/{id}/{action}", tag = "rules", operation_id = "act_on_draft",
    params(DraftAction), request_body = ActOnDraft,
    responses((status = 200, body = DraftDetail), (status = 403, body = Problem), (status = 409, body = Problem),
              (status = 422, body = Problem))
)]
pub async fn act(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(DraftAction { id, action }): Path<DraftAction>,
    Json(act): Json<ActOnDraft>,
) -> Result<Json<DraftDetail>> {
    let now = app.now();
    let why = filled(act.why);
    if let Some(why) = &why {
        words("why", why, 1, MAX_WORDS)?;
    }
    let mut tx = app.db().begin().await?;
    let mut draft = held(&mut tx, id).await?;
    let before = draft.state.clone();
    let step = take(&mut draft, &action, Some(act.revision), &caller, now)?;
    if step.needs_why && why.is_none() {
        return Err(Problem::invalid("why: say why you refuse it"));
    }
    if matches!(step.name, "send" | "enforce") {
        holds(&draft.body)?;
    }
    drafts::update(&mut tx, &draft).await?;
    keep(&mut tx, &draft, step.name, &caller, why.clone(), now).await?;
    let record = if step.name == "enforce" {
        let from = instant(act.from, now)?;
        enforce(&mut tx, &draft, &caller, from, now).await?
    } else {
        Record::of(Action::ProfileChanged)
            .on("draft", id)
            .before(json!({"state": before}))
            .after(json!({"step": step.name, "state": draft.state, "revision": draft.revision}))
    };
    let record = match why {
        Some(why) => record.reason(why),
        None => record,
    };
    let answer = detail(&app, &mut tx, draft, &caller).await?;
    trail.append(&mut tx, record).await?;
    tx.commit().await?;
    publish::rules_changed(&app);
    Ok(Json(answer))
}

/// Puts a draft in force, and tells the writer.
async fn enforce(
    connection: &mut PgConnection,
    draft: &Draft,
    caller: &Caller,
    from: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Record> {
    let before = profiles::last(connection).await?;
    let new = Enforced {
        text: &draft.body,
        name: &draft.name,
        remark: &draft.remark,
        drafted_by: (&draft.drafted_by, &draft.drafter),
        enforced_by: person(caller)?,
        draft: Some(draft.id),
        at: now,
        from,
    };
    let version = profiles::enforce(connection, &new)
        .await
        .map_err(|error| match error {
            StoreError::Import(what) => Problem::conflict(what),
            other => other.into(),
        })?;
    notify(connection, Notice::Organisation).await?;
    let (old, text) = before.unwrap_or_default();
    Ok(Record::of(Action::ProfileChanged)
        .on("profile", version)
        .before(json!({"version": old}))
        .after(json!({
            "step": "enforce", "version": version, "from": from, "draft": draft.id, "drafted_by": draft.drafted_by,
            "changes": changes(&text, &draft.body),
        })))
}

fn changes(before: &str, after: &str) -> Value {
    serde_json::to_value(numbers::changes(before, after)).unwrap_or(Value::Null)
}

/// Takes a step of the table, if it is open to the caller and nobody was faster.
fn take(
    draft: &mut Draft,
    name: &str,
    revision: Option<i32>,
    caller: &Caller,
    now: DateTime<Utc>,
) -> Result<&'static draft::Step> {
    let (login, _) = person(caller)?;
    if revision != Some(draft.revision) {
        return Err(Problem::conflict(
            "The draft has changed since you read it: read it again.",
        ));
    }
    let state = draft::State::parse(&draft.state)
        .ok_or_else(|| Problem::internal(format!("{:?} is no state of a draft", draft.state)))?;
    let party = party(draft, login);
    let other = match party {
        Party::Drafter => Party::Other,
        Party::Other => Party::Drafter,
    };
    let Some(step) = draft::allowed(name, state, party) else {
        return Err(match draft::allowed(name, state, other) {
            Some(_) if party == Party::Drafter => {
                Problem::forbidden("You wrote this draft: another inspector has to do this.")
            }
            Some(_) => Problem::forbidden("Only who wrote this draft can do this."),
            None => Problem::conflict(format!(
                "A draft that is {} does not allow that.",
                draft.state
            )),
        });
    };
    draft.state = step.to.as_str().to_owned();
    draft.revision += 1;
    draft.changed = now;
    Ok(step)
}

async fn keep(
    connection: &mut PgConnection,
    draft: &Draft,
    step: &str,
    caller: &Caller,
    why: Option<String>,
    now: DateTime<Utc>,
) -> Result<()> {
    let (login, who) = person(caller)?;
    let done = Done {
        at: now,
        step: step.to_owned(),
        login: login.to_owned(),
        who: who.to_owned(),
        revision: draft.revision,
        why,
    };
    Ok(drafts::append(connection, draft.id, &done).await?)
}

fn holds(text: &str) -> Result<()> {
    match faults(text).first() {
        None => Ok(()),
        Some(fault) => Err(Problem::invalid(format!(
            "line {}: {}: take the faults out first",
            fault.line, fault.what
        ))),
    }
}

/// From when: not in the past, where the old rules held.
fn instant(from: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<DateTime<Utc>> {
    match from {
        None => Ok(now),
        Some(from) if from < now - LATE => Err(Problem::invalid(
            "from: rules do not apply to the past; leave it out to put them in force at once",
        )),
        Some(from) => Ok(from.max(now)),
    }
}

fn words(what: &str, text: &str, least: usize, most: usize) -> Result<String> {
    let text = text.trim();
    let count = text.chars().count();
    if (least..=most).contains(&count) && !text.contains('\0') {
        return Ok(text.to_owned());
    }
    Err(Problem::invalid(format!(
        "{what}: give {least} to {most} characters"
    )))
}
