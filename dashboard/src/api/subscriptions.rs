//! What a person wants to be told, over which channel and when: of the own account, by whoever sees cards.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{NaiveTime, Utc};
use mingjing_alerts::card::Grade;
use mingjing_alerts::channel::Kind;
use mingjing_alerts::store::channels::{self, SubscriptionRow, SubscriptionWrite};
use mingjing_monitor::audit::Action;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::channels::{language, receiver};
use crate::app::App;
use crate::audit::{Record, Trail};
use crate::caller::Caller;
use crate::directory::Directory;
use crate::problem::{Json, Path, Problem, Result};
use crate::sender;

/// Subscriptions of one person at most.
const MOST: usize = 20;

/// What somebody is told.
#[derive(Debug, Serialize, ToSchema)]
pub struct Subscription {
    id: i64,
    channel: i64,
    channel_name: String,
    kind: String,
    /// Whether the channel is on.
    channel_enabled: bool,
    /// Number or mail address; the owner's own, and shown to nobody else.
    address: Option<String>,
    grades: Vec<String>,
    /// Empty: every rule.
    rules: Vec<String>,
    hall: String,
    hall_name: String,
    language: String,
    /// `22:00`, by the county's clock.
    quiet_from: Option<String>,
    quiet_until: Option<String>,
    red_breaks_quiet: bool,
}

impl Subscription {
    fn new(row: SubscriptionRow, directory: &Directory) -> Self {
        let time = |time: Option<NaiveTime>| time.map(|time| time.format("%H:%M").to_string());
        Self {
            id: row.id,
            channel: row.channel,
            channel_name: row.channel_name,
            kind: row.kind,
            channel_enabled: row.channel_enabled,
            address: row.address,
            grades: row.grades,
            rules: row.rules,
            hall_name: directory.hall_name(&row.hall),
            hall: row.hall,
            language: row.language,
            quiet_from: time(row.quiet_from),
            quiet_until: time(row.quiet_until),
            red_breaks_quiet: row.red_breaks_quiet,
        }
    }
}

/// A channel that one may subscribe to.
#[derive(Debug, Serialize, ToSchema)]
pub struct Offered {
    id: i64,
    name: String,
    kind: String,
    /// Whether it needs a number or mail address.
    needs_address: bool,
}

/// What one is told, and over what one could be.
#[derive(Debug, Serialize, ToSchema)]
pub struct Subscriptions {
    items: Vec<Subscription>,
    channels: Vec<Offered>,
}

/// The caller's subscriptions, and the channels that they may use.
#[utoipa::path(
    get, path = "/api/v1/account/subscriptions", tag = "account", operation_id = "list_subscriptions",
    responses((status = 200, body = Subscriptions))
)]
pub async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Subscriptions>> {
    let directory = app.directory();
    let rows = channels::subscriptions(&mut *app.db().acquire().await?, account(&caller)?).await?;
    let offered = channels::offered(app.db(), &caller.scope.hall).await?;
    let offered = offered.into_iter().map(|row| Offered {
        needs_address: Kind::parse(&row.kind).is_some_and(|kind| !kind.is_shared()),
        id: row.id,
        name: row.name,
        kind: row.kind,
    });
    Ok(Json(Subscriptions {
        items: rows
            .into_iter()
            .map(|row| Subscription::new(row, &directory))
            .collect(),
        channels: offered.collect(),
    }))
}

/// What somebody wants to be told.
#[derive(Debug, Deserialize, ToSchema)]
pub struct WriteSubscription {
    /// The channel.
    #[serde(default)]
    channel: i64,
    /// Number or mail address, where the channel needs one.
    address: Option<String>,
    /// Of `notice`, `warning`, `yellow_card`, `red_card`.
    #[serde(default)]
    grades: Vec<String>,
    /// Rules, `R2`; every one where it is empty.
    #[serde(default)]
    rules: Vec<String>,
    /// The hall at the top; the caller's own where it is left out.
    hall: Option<String>,
    /// `zh` (where it is left out) or `en`.
    language: Option<String>,
    /// `22:00`, by the county's clock; may pass midnight.
    quiet_from: Option<String>,
    quiet_until: Option<String>,
    /// Red cards come through; they do where it is left out.
    red_breaks_quiet: Option<bool>,
}

/// A subscription that holds.
struct Checked {
    channel: i64,
    address: Option<String>,
    shown: String,
    grades: Vec<String>,
    rules: Vec<String>,
    hall: String,
    language: &'static str,
    quiet: Option<(NaiveTime, NaiveTime)>,
    red_breaks_quiet: bool,
}

impl Checked {
    async fn read(app: &App, caller: &Caller, new: WriteSubscription) -> Result<Self> {
        let hall = app
            .directory()
            .seen(&caller.scope, new.hall.as_deref())?
            .hall;
        let offered = channels::offered(app.db(), &caller.scope.hall).await?;
        let channel = offered.into_iter().find(|row| row.id == new.channel);
        let channel =
            channel.ok_or_else(|| Problem::invalid("channel is none of those that you may use"))?;
        let kind = Kind::parse(&channel.kind)
            .ok_or_else(|| Problem::invalid("channel is of no known kind"))?;
        let address = receiver(kind, new.address.as_deref())?;
        if new.grades.is_empty() || new.grades.iter().any(|word| Grade::parse(word).is_none()) {
            return Err(Problem::invalid(
                "grades must name one or more of notice, warning, yellow_card, red_card",
            ));
        }
        let rule = |rule: &String| {
            rule.len() <= 4
                && rule
                    .strip_prefix('R')
                    .is_some_and(|n| n.parse::<u8>().is_ok())
        };
        if new.rules.len() > 30 || !new.rules.iter().all(rule) {
            return Err(Problem::invalid("rules must be words like R2"));
        }
        Ok(Self {
            channel: channel.id,
            shown: address.as_deref().map_or(channel.name, sender::shown),
            address,
            grades: new.grades,
            rules: new.rules,
            hall,
            language: language(new.language.as_deref())?.as_str(),
            quiet: quiet(new.quiet_from.as_deref(), new.quiet_until.as_deref())?,
            red_breaks_quiet: new.red_breaks_quiet.unwrap_or(true),
        })
    }

    fn write(&self) -> SubscriptionWrite<'_> {
        SubscriptionWrite {
            channel: self.channel,
            address: self.address.as_deref(),
            shown: &self.shown,
            grades: &self.grades,
            rules: &self.rules,
            hall: &self.hall,
            language: self.language,
            quiet: self.quiet,
            red_breaks_quiet: self.red_breaks_quiet,
        }
    }
}

fn quiet(from: Option<&str>, until: Option<&str>) -> Result<Option<(NaiveTime, NaiveTime)>> {
    let time = |text: &str| NaiveTime::parse_from_str(text, "%H:%M").ok();
    match (
        from.filter(|it| !it.is_empty()),
        until.filter(|it| !it.is_empty()),
    ) {
        (None, None) => Ok(None),
        (Some(from), Some(until)) => match (time(from), time(until)) {
            (Some(from), Some(until)) if from != until => Ok(Some((from, until))),
            _ => Err(Problem::invalid(
                "quiet_from and quiet_until must be two times like 22:00 and 07:30",
            )),
        },
        _ => Err(Problem::invalid("quiet_from and quiet_until go together")),
    }
}

/// Adds one.
#[utoipa::path(
    post, path = "/api/v1/account/subscriptions", tag = "account", operation_id = "subscribe", request_body = WriteSubscription,
    responses((status = 201, body = Subscription), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub async fn create(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Json(new): Json<WriteSubscription>,
) -> Result<(StatusCode, Json<Subscription>)> {
    let account = account(&caller)?;
    let new = Checked::read(&app, &caller, new).await?;
    let mut tx = app.db().begin().await?;
    if channels::subscriptions(&mut tx, account).await?.len() >= MOST {
        return Err(Problem::invalid(format!(
            "at most {MOST} subscriptions: take one away first"
        )));
    }
    let id = channels::subscribe(&mut tx, account, &new.write(), Utc::now()).await?;
    let row = own(&mut tx, account, id).await?;
    let record = Record::of(Action::SubscriptionChanged)
        .on("subscription", id)
        .hall(&row.hall);
    trail.append(&mut tx, record.after(facts(&row))).await?;
    tx.commit().await?;
    Ok((
        StatusCode::CREATED,
        Json(Subscription::new(row, &app.directory())),
    ))
}

/// A subscription's number.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct SubscriptionId {
    /// One of the caller's.
    id: i64,
}

/// Changes one.
#[utoipa::path(
    put, path = "/api/v1/account/subscriptions/{id}", tag = "account", operation_id = "change_subscription",
    params(SubscriptionId), request_body = WriteSubscription,
    responses((status = 200, body = Subscription), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub async fn change(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(SubscriptionId { id }): Path<SubscriptionId>,
    Json(new): Json<WriteSubscription>,
) -> Result<Json<Subscription>> {
    let account = account(&caller)?;
    let mut tx = app.db().begin().await?;
    let before = own(&mut tx, account, id).await?;
    let new = Checked::read(&app, &caller, new).await?;
    channels::change_subscription(&mut tx, account, id, &new.write()).await?;
    let row = own(&mut tx, account, id).await?;
    let record = Record::of(Action::SubscriptionChanged)
        .on("subscription", id)
        .hall(&row.hall);
    trail
        .append(&mut tx, record.before(facts(&before)).after(facts(&row)))
        .await?;
    tx.commit().await?;
    Ok(Json(Subscription::new(row, &app.directory())))
}

/// Takes one away. What waits for it is not sent, and the log says so.
#[utoipa::path(
    delete, path = "/api/v1/account/subscriptions/{id}", tag = "account", operation_id = "unsubscribe", params(SubscriptionId),
    responses((status = 204), (status = 404, body = Problem))
)]
pub async fn remove(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(SubscriptionId { id }): Path<SubscriptionId>,
) -> Result<StatusCode> {
    let account = account(&caller)?;
    let mut tx = app.db().begin().await?;
    let before = own(&mut tx, account, id).await?;
    channels::unsubscribe(&mut tx, account, id).await?;
    let record = Record::of(Action::SubscriptionChanged)
        .on("subscription", id)
        .hall(&before.hall);
    trail.append(&mut tx, record.before(facts(&before))).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

fn account(caller: &Caller) -> Result<i64> {
    caller
        .account()
        .ok_or_else(|| Problem::forbidden("Subscriptions are for people."))
}

async fn own(
    connection: &mut sqlx::PgConnection,
    account: i64,
    id: i64,
) -> Result<SubscriptionRow> {
    let rows = channels::subscriptions(connection, account).await?;
    rows.into_iter()
        .find(|row| row.id == id)
        .ok_or_else(|| Problem::not_found("subscription"))
}

/// What the audit log keeps of a subscription.
fn facts(row: &SubscriptionRow) -> Value {
    json!({
        "channel": row.channel_name, "to": row.shown, "grades": row.grades, "rules": row.rules, "hall": row.hall,
        "language": row.language, "quiet_from": row.quiet_from, "quiet_until": row.quiet_until,
        "red_breaks_quiet": row.red_breaks_quiet,
    })
}
