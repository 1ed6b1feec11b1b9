//! The delivery log: what went out, what waits, and what was not sent and why. A sysadmin sees that and over what; only
//! whoever supervises cards sees what it was about.

use std::collections::HashMap;

use axum::extract::State;
use chrono::{DateTime, Utc};
use mingjing_alerts::store::channels::{self, AttemptRow, LogRow, Wanted};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::list::{ById, List};
use crate::app::App;
use crate::caller::Caller;
use crate::directory::Directory;
use crate::policy::Role;
use crate::problem::{Json, Problem, Query, Result};
use crate::sender;

/// An attempt.
#[derive(Debug, Serialize, ToSchema)]
pub struct Attempt {
    n: i32,
    at: DateTime<Utc>,
    /// `sent`, `later`, `refused` or `interrupted`.
    outcome: String,
    /// What the service said, cut, without secrets.
    answer: String,
}

/// A message and what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Delivery {
    id: i64,
    queued_at: DateTime<Utc>,
    channel: i64,
    channel_name: String,
    kind: String,
    /// Who receives, masked.
    recipient: String,
    /// Who subscribes.
    person: Option<String>,
    /// `card`, `order`, `case`, `digest` or `test`.
    about: String,
    /// What happened: `issued`, `revoked`, `accepted`, …
    what: String,
    hall: String,
    hall_name: String,
    /// Null for those who see no cards, as is all that follows up to `sentence_en`.
    subject: Option<String>,
    grade: Option<String>,
    rule: Option<String>,
    sentence_zh: Option<String>,
    sentence_en: Option<String>,
    /// `queued`, `held`, `sending`, `retrying`, `sent`, `digested` or `not_sent`.
    state: String,
    /// Why it was not sent, or not yet.
    reason: Option<String>,
    detail: Option<String>,
    next_at: Option<DateTime<Utc>>,
    done_at: Option<DateTime<Utc>>,
    /// The delivery in which it is counted.
    digest: Option<i64>,
    /// How many a digest counts.
    messages: Option<i64>,
    attempts: Vec<Attempt>,
}

impl Delivery {
    fn new(
        row: LogRow,
        attempts: Vec<AttemptRow>,
        directory: &Directory,
        sees_cards: bool,
    ) -> Self {
        let words = |name: &str| row.body.0.get(name)?.as_str().map(str::to_owned);
        let told = sees_cards && matches!(row.about.as_str(), "card" | "order" | "case");
        Self {
            sentence_zh: words("sentence_zh").filter(|_| told),
            sentence_en: words("sentence_en").filter(|_| told),
            subject: Some(row.subject).filter(|_| told),
            grade: row.grade.filter(|_| sees_cards),
            rule: row.rule.filter(|_| sees_cards),
            messages: row
                .body
                .0
                .get("messages")
                .and_then(serde_json::Value::as_i64),
            id: row.id,
            queued_at: row.queued_at,
            channel: row.channel,
            channel_name: row.channel_name,
            kind: row.kind,
            recipient: row.recipient,
            person: row.person,
            about: row.about,
            what: row.what,
            hall_name: directory.hall_name(&row.hall),
            hall: row.hall,
            state: row.state,
            reason: row.reason,
            detail: row.detail,
            next_at: row.next_at,
            done_at: row.done_at,
            digest: row.digest,
            attempts: attempts
                .into_iter()
                .map(|row| Attempt {
                    n: row.n,
                    at: row.at,
                    outcome: row.outcome,
                    answer: row.answer,
                })
                .collect(),
        }
    }
}

/// Which messages.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FindDeliveries {
    /// Only in this state.
    state: Option<String>,
    /// Only over this channel.
    channel: Option<i64>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// Rows, 1 to 500 (100).
    limit: Option<u32>,
    /// Only this hall and what is below it.
    hall: Option<String>,
    /// Queued not before.
    from: Option<DateTime<Utc>>,
    /// Queued before.
    to: Option<DateTime<Utc>>,
}

/// The messages about the caller's halls, newest first, with every attempt.
#[utoipa::path(
    get, path = "/api/v1/deliveries", tag = "channels", operation_id = "list_deliveries", params(FindDeliveries),
    responses((status = 200, body = List<Delivery>), (status = 404, body = Problem))
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(find): Query<FindDeliveries>,
) -> Result<Json<List<Delivery>>> {
    let directory = app.directory();
    let seen = directory.seen(&caller.scope, find.hall.as_deref())?;
    let page = ById::read(find.cursor, find.limit)?;
    let wanted = Wanted {
        state: find.state.as_deref(),
        channel: find.channel,
        from: find.from,
        to: find.to,
        before: page.after,
        limit: page.probe(),
    };
    let mut rows = channels::log(app.db(), &seen.hall, &wanted).await?;
    let next = page.cut(&mut rows, |row| row.id);
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let mut attempts: HashMap<i64, Vec<AttemptRow>> = HashMap::new();
    for attempt in channels::attempts(app.db(), &ids).await? {
        attempts.entry(attempt.delivery).or_default().push(attempt);
    }
    let sees_cards = caller.role != Role::Sysadmin;
    let items = rows.into_iter().map(|row| {
        let attempts = attempts.remove(&row.id).unwrap_or_default();
        Delivery::new(row, attempts, &directory, sees_cards)
    });
    Ok(Json(List {
        items: items.collect(),
        next,
        seq: app.live().seq(&caller),
    }))
}

/// How it stands with what goes out.
#[derive(Debug, Serialize, ToSchema)]
pub struct Summary {
    /// Not sent within the last 24 hours.
    not_sent: i64,
    /// Waiting for their turn, a failing channel or the morning.
    waiting: i64,
    /// Channels that are on and fail.
    failing: Vec<Failing>,
}

/// A channel that fails.
#[derive(Debug, Serialize, ToSchema)]
pub struct Failing {
    id: i64,
    name: String,
    failures: i32,
    last_error: Option<String>,
    retry_at: Option<DateTime<Utc>>,
}

/// Which halls.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OfHall {
    /// Only this hall and what is below it.
    hall: Option<String>,
}

/// What was not sent, and what waits.
#[utoipa::path(
    get, path = "/api/v1/deliveries/summary", tag = "channels", operation_id = "summarise_deliveries", params(OfHall),
    responses((status = 200, body = Summary), (status = 404, body = Problem))
)]
pub async fn summary(
    State(app): State<App>,
    caller: Caller,
    Query(of): Query<OfHall>,
) -> Result<Json<Summary>> {
    let seen = app.directory().seen(&caller.scope, of.hall.as_deref())?;
    let since = sender::counted_since(Utc::now());
    let failing = channels::of_halls(app.db(), &seen.hall).await?;
    let failing = failing
        .into_iter()
        .filter(|row| row.enabled && row.failures > 0);
    Ok(Json(Summary {
        not_sent: channels::not_sent(app.db(), &seen.hall, since).await?,
        waiting: channels::waiting(app.db(), &seen.hall).await?,
        failing: failing
            .map(|row| Failing {
                id: row.id,
                name: row.name,
                failures: row.failures,
                last_error: row.last_error,
                retry_at: row.retry_at,
            })
            .collect(),
    }))
}
