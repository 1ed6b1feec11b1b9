//! Channels as a sysadmin sets them up. Secrets go in and never come out: their names are told, nothing else.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use mingjing_alerts::channel::answer::Outcome;
use mingjing_alerts::channel::settings::{is_mail_address, is_phone};
use mingjing_alerts::channel::{Kind, Language, Secrets, Settings};
use mingjing_alerts::store::channels::{self, ApplicantTexts, ChannelRow, ChannelWrite};
use mingjing_monitor::audit::Action;
use mingjing_monitor::store::StoreError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use super::accounts::{name, named};
use super::list::List;
use crate::app::App;
use crate::audit::{Record, Trail};
use crate::caller::Caller;
use crate::directory::Directory;
use crate::problem::{Json, Path, Problem, Query, Result};
use crate::sender;
use crate::store::{Notice, notify};

/// A channel, without its secrets.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChannelView {
    id: i64,
    name: String,
    /// `sms`, `mail`, `wecom`, `dingtalk` or `webhook`.
    kind: String,
    hall: String,
    hall_name: String,
    #[schema(value_type = Object)]
    settings: Value,
    /// The names of the secrets that are set.
    secrets: Vec<String>,
    enabled: bool,
    per_minute: i32,
    created: DateTime<Utc>,
    /// To be named by whoever changes it.
    revision: i32,
    /// Attempts that failed in a row because of the channel itself.
    failures: i32,
    /// When the next may be made.
    retry_at: Option<DateTime<Utc>>,
    last_sent: Option<DateTime<Utc>>,
    last_error: Option<String>,
}

impl ChannelView {
    fn new(row: ChannelRow, directory: &Directory) -> Self {
        Self {
            id: row.id,
            name: row.name,
            kind: row.kind,
            hall_name: directory.hall_name(&row.hall),
            hall: row.hall,
            settings: row.settings.0,
            secrets: row.secret_names,
            enabled: row.enabled,
            per_minute: row.per_minute,
            created: row.created,
            revision: row.revision,
            failures: row.failures,
            retry_at: row.retry_at,
            last_sent: row.last_sent,
            last_error: row.last_error,
        }
    }
}

/// Which channels.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FindChannels {
    /// Only this hall and what is below it.
    hall: Option<String>,
}

/// The channels of the caller's halls, by name.
#[utoipa::path(
    get, path = "/api/v1/channels", tag = "channels", operation_id = "list_channels", params(FindChannels),
    responses((status = 200, body = List<ChannelView>), (status = 404, body = Problem))
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(find): Query<FindChannels>,
) -> Result<Json<List<ChannelView>>> {
    let directory = app.directory();
    let seen = directory.seen(&caller.scope, find.hall.as_deref())?;
    let rows = channels::of_halls(app.db(), &seen.hall).await?;
    Ok(Json(List {
        items: rows
            .into_iter()
            .map(|row| ChannelView::new(row, &directory))
            .collect(),
        next: None,
        seq: app.live().seq(&caller),
    }))
}

/// A channel to make.
#[derive(Deserialize, ToSchema)]
pub struct NewChannel {
    name: String,
    /// `sms`, `mail`, `wecom`, `dingtalk` or `webhook`.
    #[serde(default)]
    kind: String,
    /// The caller's own where it is left out.
    hall: Option<String>,
    /// What is not secret, by kind: see docs/operations.md.
    #[serde(default)]
    #[schema(value_type = Object)]
    settings: Value,
    /// Secrets by name; never told again.
    #[serde(default)]
    #[schema(value_type = Object, write_only)]
    secrets: Value,
    /// Whether it is on.
    #[serde(default)]
    enabled: bool,
    /// Messages a minute at most; what the service bears where it is left out.
    per_minute: Option<u32>,
}

/// Makes a channel.
#[utoipa::path(
    post, path = "/api/v1/channels", tag = "channels", operation_id = "create_channel", request_body = NewChannel,
    responses((status = 201, body = ChannelView), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub async fn create(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Json(new): Json<NewChannel>,
) -> Result<(StatusCode, Json<ChannelView>)> {
    let hall = app
        .directory()
        .seen(&caller.scope, new.hall.as_deref())?
        .hall;
    let name = name(&new.name)?;
    let kind = Kind::parse(&new.kind)
        .ok_or_else(|| Problem::invalid("kind must be sms, mail, wecom, dingtalk or webhook"))?;
    let per_minute = rate(kind, new.per_minute)?;
    let settings = Settings::read(kind, &new.settings).map_err(Problem::invalid)?;
    let secrets = changed_secrets(Secrets::default(), &new.secrets)?;
    settings.check_secrets(&secrets).map_err(Problem::invalid)?;
    let names: Vec<String> = secrets.0.keys().cloned().collect();
    let write = ChannelWrite {
        name: &name,
        kind: kind.as_str(),
        hall: &hall,
        settings: &new.settings,
        secret_names: &names,
        enabled: new.enabled,
        per_minute,
    };
    let mut tx = app.db().begin().await?;
    let id = channels::create(&mut tx, &write, Utc::now())
        .await
        .map_err(named)?;
    store_secrets(&app, &mut tx, id, &secrets).await?;
    let row = find(&mut tx, &caller, id).await?;
    notify(&mut tx, Notice::Organisation).await?;
    let record = Record::of(Action::ChannelChanged)
        .on("channel", id)
        .hall(&hall)
        .after(facts(&row));
    trail.append(&mut tx, record).await?;
    tx.commit().await?;
    app.engine().reload();
    Ok((
        StatusCode::CREATED,
        Json(ChannelView::new(row, &app.directory())),
    ))
}

/// A channel's number.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ChannelId {
    /// The channel.
    id: i64,
}

/// What a channel is to be.
#[derive(Deserialize, ToSchema)]
pub struct ChangeChannel {
    /// The revision that the caller saw.
    revision: i32,
    #[serde(default)]
    name: String,
    /// What is not secret, whole.
    #[serde(default)]
    #[schema(value_type = Object)]
    settings: Value,
    /// Secrets that change, by name; null takes one away, what is not named stays.
    #[serde(default)]
    #[schema(value_type = Object, write_only)]
    secrets: Value,
    #[serde(default)]
    enabled: bool,
    per_minute: Option<u32>,
}

/// Changes a channel, or switches it on or off. What waited because it failed is tried at once.
#[utoipa::path(
    put, path = "/api/v1/channels/{id}", tag = "channels", operation_id = "change_channel", params(ChannelId),
    request_body = ChangeChannel,
    responses((status = 200, body = ChannelView), (status = 404, body = Problem), (status = 409, body = Problem),
              (status = 422, body = Problem))
)]
pub async fn change(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(ChannelId { id }): Path<ChannelId>,
    Json(new): Json<ChangeChannel>,
) -> Result<Json<ChannelView>> {
    let mut tx = app.db().begin().await?;
    let before = find(&mut tx, &caller, id).await?;
    if before.revision != new.revision {
        return Err(conflict());
    }
    let name = name(&new.name)?;
    let kind = Kind::parse(&before.kind).ok_or_else(|| Problem::not_found("channel"))?;
    let per_minute = rate(kind, new.per_minute)?;
    let settings = Settings::read(kind, &new.settings).map_err(Problem::invalid)?;
    let secrets = changed_secrets(stored_secrets(&app, &before, &new.secrets)?, &new.secrets)?;
    settings.check_secrets(&secrets).map_err(Problem::invalid)?;
    // Elsewhere the old secret would be handed to whoever the new address belongs to.
    let moved = Settings::read(kind, &before.settings.0)
        .is_ok_and(|before| before.target() != settings.target());
    let given = new.secrets.as_object().is_some_and(|given| {
        before
            .secret_names
            .iter()
            .all(|name| given.contains_key(name))
    });
    if moved && !before.secret_names.is_empty() && !given {
        return Err(Problem::invalid(
            "another receiver needs its secrets given anew: the old ones are not sent there",
        ));
    }
    let names: Vec<String> = secrets.0.keys().cloned().collect();
    let write = ChannelWrite {
        name: &name,
        kind: kind.as_str(),
        hall: &before.hall,
        settings: &new.settings,
        secret_names: &names,
        enabled: new.enabled,
        per_minute,
    };
    if !channels::change(&mut tx, id, new.revision, &write)
        .await
        .map_err(named)?
    {
        return Err(conflict());
    }
    store_secrets(&app, &mut tx, id, &secrets).await?;
    let row = find(&mut tx, &caller, id).await?;
    notify(&mut tx, Notice::Organisation).await?;
    let mut after = facts(&row);
    // Which secrets were given anew, for the record: never what they are.
    let given: Vec<&String> = new
        .secrets
        .as_object()
        .into_iter()
        .flat_map(|given| given.keys())
        .collect();
    after["secrets_given"] = json!(given);
    let record = Record::of(Action::ChannelChanged)
        .on("channel", id)
        .hall(&row.hall);
    trail
        .append(&mut tx, record.before(facts(&before)).after(after))
        .await?;
    tx.commit().await?;
    app.engine().reload();
    Ok(Json(ChannelView::new(row, &app.directory())))
}

/// Where a test goes.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct TestChannel {
    /// The number or mail address, where the channel is not the receiver itself.
    to: Option<String>,
    /// `zh` (where it is left out) or `en`.
    language: Option<String>,
}

/// What came of a test.
#[derive(Debug, Serialize, ToSchema)]
pub struct Tested {
    sent: bool,
    /// Why not, a word of the delivery log.
    reason: Option<String>,
    /// What the service said.
    answer: String,
}

/// Sends a test message at once, and waits for what comes of it.
#[utoipa::path(
    post, path = "/api/v1/channels/{id}/test", tag = "channels", operation_id = "test_channel", params(ChannelId),
    request_body = TestChannel,
    responses((status = 200, body = Tested), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub async fn test(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(ChannelId { id }): Path<ChannelId>,
    Json(test): Json<TestChannel>,
) -> Result<Json<Tested>> {
    let row = find(&mut *app.db().acquire().await?, &caller, id).await?;
    let kind = Kind::parse(&row.kind).ok_or_else(|| Problem::not_found("channel"))?;
    let to = receiver(kind, test.to.as_deref())?;
    let language = language(test.language.as_deref())?;
    let hall = row.hall.clone();
    let record = Record::of(Action::ChannelTested)
        .on("channel", id)
        .hall(&hall);
    trail
        .record(
            app.db(),
            record.after(json!({"to": to.as_deref().map(sender::shown)})),
        )
        .await?;
    let outcome = sender::test(&app, row, to.as_deref(), caller.account(), language).await?;
    Ok(Json(match outcome {
        Outcome::Sent { answer } => Tested {
            sent: true,
            reason: None,
            answer,
        },
        Outcome::Refused { reason, answer } | Outcome::Later { reason, answer, .. } => Tested {
            sent: false,
            reason: Some(reason.as_str().to_owned()),
            answer,
        },
    }))
}

/// The texts to applicants.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Texts {
    /// Off unless switched on.
    #[serde(default)]
    enabled: bool,
    /// A channel for text messages.
    channel: Option<i64>,
    /// Of `accepted`, `step`, `completed`.
    #[serde(default)]
    moments: Vec<String>,
    /// Codes of the steps of which is told.
    #[serde(default)]
    steps: Vec<String>,
    /// Where to query.
    #[serde(default)]
    query_at: String,
    /// Where to complain.
    #[serde(default)]
    complain_at: String,
    /// `zh` or `en`.
    #[serde(default)]
    language: Option<String>,
}

impl From<ApplicantTexts> for Texts {
    fn from(texts: ApplicantTexts) -> Self {
        Self {
            enabled: texts.enabled,
            channel: texts.channel,
            moments: texts.moments,
            steps: texts.steps,
            query_at: texts.query_at,
            complain_at: texts.complain_at,
            language: Some(texts.language),
        }
    }
}

/// What applicants are told of their cases, and how.
#[utoipa::path(
    get, path = "/api/v1/applicant-texts", tag = "channels", operation_id = "show_applicant_texts",
    responses((status = 200, body = Texts))
)]
pub async fn applicant_texts(State(app): State<App>) -> Result<Json<Texts>> {
    let texts = channels::applicant_texts(app.db()).await?;
    let never = || Texts {
        enabled: false,
        channel: None,
        moments: vec!["accepted".into(), "completed".into()],
        steps: Vec::new(),
        query_at: String::new(),
        complain_at: String::new(),
        language: Some("zh".into()),
    };
    Ok(Json(texts.map_or_else(never, Texts::from)))
}

/// Sets up the texts to applicants. They are the county's: only its own administrators do.
#[utoipa::path(
    put, path = "/api/v1/applicant-texts", tag = "channels", operation_id = "set_applicant_texts", request_body = Texts,
    responses((status = 200, body = Texts), (status = 422, body = Problem))
)]
pub async fn set_applicant_texts(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Json(new): Json<Texts>,
) -> Result<Json<Texts>> {
    if caller.scope.hall != app.directory().root() {
        return Err(Problem::invalid(
            "texts to applicants are set up by an administrator of the whole county",
        ));
    }
    let texts = checked_texts(&app, new).await?;
    let before = channels::applicant_texts(app.db()).await?;
    let mut tx = app.db().begin().await?;
    channels::set_applicant_texts(&mut tx, &texts).await?;
    notify(&mut tx, Notice::Organisation).await?;
    let after = Texts::from(texts);
    let mut record = Record::of(Action::SettingChanged)
        .on("setting", "applicant_texts")
        .hall(&caller.scope.hall);
    if let Some(before) = before {
        record = record.before(json!(Texts::from(before)));
    }
    trail.append(&mut tx, record.after(json!(after))).await?;
    tx.commit().await?;
    app.engine().reload();
    Ok(Json(after))
}

async fn checked_texts(app: &App, new: Texts) -> Result<ApplicantTexts> {
    let known = ["accepted", "step", "completed"];
    if let Some(wrong) = new
        .moments
        .iter()
        .find(|moment| !known.contains(&moment.as_str()))
    {
        return Err(Problem::invalid(format!(
            "moments: {wrong:?} is none of accepted, step, completed"
        )));
    }
    let long = |text: &str| text.chars().count() > 100 || text.chars().any(char::is_control);
    if long(&new.query_at) || long(&new.complain_at) {
        return Err(Problem::invalid(
            "query_at and complain_at may have 100 characters each, in one line",
        ));
    }
    if new.steps.len() > 100 || new.steps.iter().any(|step| step.len() > 100) {
        return Err(Problem::invalid("steps: at most a hundred codes"));
    }
    if new.enabled
        && (new.channel.is_none()
            || new.query_at.trim().is_empty()
            || new.complain_at.trim().is_empty())
    {
        return Err(Problem::invalid(
            "to be switched on they need channel, query_at and complain_at",
        ));
    }
    if let Some(id) = new.channel {
        let row = channels::find(app.db(), id).await?;
        if row.is_none_or(|row| row.kind != Kind::Sms.as_str()) {
            return Err(Problem::invalid("channel is none for text messages"));
        }
    }
    Ok(ApplicantTexts {
        enabled: new.enabled,
        channel: new.channel,
        moments: new.moments,
        steps: new.steps,
        query_at: new.query_at.trim().to_owned(),
        complain_at: new.complain_at.trim().to_owned(),
        language: language(new.language.as_deref())?.as_str().to_owned(),
    })
}

/// A language, Chinese where none is given.
pub(super) fn language(word: Option<&str>) -> Result<Language> {
    Language::parse(word.unwrap_or("zh"))
        .ok_or_else(|| Problem::invalid("language must be zh or en"))
}

/// The receiver that such a channel needs.
pub(super) fn receiver(kind: Kind, to: Option<&str>) -> Result<Option<String>> {
    let to = to.map(str::trim).filter(|to| !to.is_empty());
    match (kind, to) {
        (Kind::Sms, Some(to)) if is_phone(to) => Ok(Some(to.to_owned())),
        (Kind::Sms, _) => Err(Problem::invalid(
            "a number is needed: 5 to 15 digits, with + before the code of a country",
        )),
        (Kind::Mail, Some(to)) if is_mail_address(to) => Ok(Some(to.to_owned())),
        (Kind::Mail, _) => Err(Problem::invalid("a mail address is needed")),
        // Such a channel is its own receiver.
        _ => Ok(None),
    }
}

fn rate(kind: Kind, asked: Option<u32>) -> Result<i32> {
    let most = kind.most_per_minute();
    let rate = asked.unwrap_or(kind.per_minute());
    if rate == 0 || rate > most {
        return Err(Problem::invalid(format!("per_minute must be 1 to {most}")));
    }
    Ok(i32::try_from(rate).unwrap_or(1))
}

/// The stored secrets; where they do not open and all of them are given anew, none.
fn stored_secrets(app: &App, row: &ChannelRow, given: &Value) -> Result<Secrets> {
    let Some(sealed) = &row.secrets else {
        return Ok(Secrets::default());
    };
    let replaced = row
        .secret_names
        .iter()
        .all(|name| given.get(name).is_some());
    let opened = app
        .sealer()
        .and_then(|sealer| sealer.open(sealed, &sender::belongs_to(row.id)));
    match opened {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_default()),
        Err(_) if replaced => Ok(Secrets::default()),
        Err(error) => {
            tracing::error!(%error, channel = row.name, "the secrets of a channel do not open");
            Err(Problem::invalid(
                "the stored secrets do not open: give all of them anew",
            ))
        }
    }
}

/// What is given, over what was. No value is ever repeated in an error.
fn changed_secrets(mut secrets: Secrets, given: &Value) -> Result<Secrets> {
    let wrong = || {
        Problem::invalid(
            "secrets must be an object of texts of at most 500 characters, or null to take one away",
        )
    };
    let given: BTreeMap<String, Value> = match given {
        Value::Null => return Ok(secrets),
        Value::Object(given) => given.clone().into_iter().collect(),
        _ => return Err(wrong()),
    };
    for (name, value) in given {
        match value {
            Value::Null => {
                secrets.0.remove(&name);
            }
            Value::String(value)
                if (1..=500).contains(&value.len()) && !value.chars().any(char::is_control) =>
            {
                secrets.0.insert(name, value);
            }
            _ => return Err(wrong()),
        }
    }
    Ok(secrets)
}

async fn store_secrets(
    app: &App,
    connection: &mut PgConnection,
    id: i64,
    secrets: &Secrets,
) -> Result<()> {
    if secrets.0.is_empty() {
        return Ok(channels::set_secrets(connection, id, None).await?);
    }
    let sealer = app.sealer().map_err(Problem::internal)?;
    let json = serde_json::to_vec(secrets).map_err(StoreError::from)?;
    let sealed = sealer.seal(&json, &sender::belongs_to(id));
    Ok(channels::set_secrets(connection, id, Some(&sealed)).await?)
}

/// What the audit log keeps of a channel.
fn facts(row: &ChannelRow) -> Value {
    json!({
        "name": row.name, "kind": row.kind, "hall": row.hall, "settings": row.settings.0, "secrets": row.secret_names,
        "enabled": row.enabled, "per_minute": row.per_minute,
    })
}

fn conflict() -> Problem {
    Problem::conflict("the channel has changed since you saw it: look at it again")
}

/// Outside the caller's halls there is no such channel.
async fn find(connection: &mut PgConnection, caller: &Caller, id: i64) -> Result<ChannelRow> {
    channels::one(connection, &caller.scope.hall, id)
        .await?
        .ok_or_else(|| Problem::not_found("channel"))
}
