//! The audit log, for the auditor: to read, to take away as a file, to check.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use futures::{StreamExt, stream};
use mingjing_monitor::audit::{Action, Entry, Head};
use mingjing_monitor::store::audit::{self, Filter};
use mingjing_monitor::store::paging;
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;
use tokio::sync::Semaphore;
use utoipa::{IntoParams, ToSchema};

use super::list::Page;
use crate::app::App;
use crate::audit::csv;
use crate::audit::{Record, Trail};
use crate::caller::Caller;
use crate::problem::{Json, Problem, Query, Result};

/// Rows that an export reads at once.
const EXPORT: u32 = 1_000;

/// What the list is narrowed to.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Narrow {
    /// Not before.
    from: Option<DateTime<Utc>>,
    /// Before.
    to: Option<DateTime<Utc>>,
    /// Login of who acted.
    actor: Option<String>,
    /// `session.opened`, or `session` for all that begin so.
    action: Option<String>,
    /// `card:17`, or `card` for all cards.
    subject: Option<String>,
    /// This hall and what is below it.
    hall: Option<String>,
    /// Part of login, name, subject, address or reason.
    text: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// Rows, 1 to 500 (100).
    limit: Option<u32>,
}

impl Narrow {
    /// What is asked for, inside what the caller stands over. Entries that concern no hall are for an auditor of the whole county.
    fn filter(&self, app: &App, caller: &Caller) -> Result<Filter> {
        let text = |value: &Option<String>| {
            let value = value.as_deref().map(str::trim);
            value.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let subject = text(&self.subject);
        let (kind, name) = match subject.as_deref().map(|subject| subject.split_once(':')) {
            Some(Some((kind, name))) => (Some(kind.to_owned()), Some(name.to_owned())),
            _ => (subject, None),
        };
        let directory = app.directory();
        let asked = text(&self.hall);
        let hall = Some(directory.seen(&caller.scope, asked.as_deref())?.hall);
        Ok(Filter {
            from: self.from,
            to: self.to,
            actor: text(&self.actor),
            action: text(&self.action),
            subject_kind: kind,
            subject: name,
            hall: hall.filter(|hall| asked.is_some() || *hall != directory.root()),
            text: text(&self.text),
        })
    }

    /// What was asked for, as the log tells of an export.
    fn told(&self) -> serde_json::Value {
        json!({
            "from": self.from, "to": self.to, "actor": self.actor, "action": self.action, "subject": self.subject,
            "hall": self.hall, "text": self.text,
        })
    }
}

/// An entry of the log.
#[derive(Debug, Serialize, ToSchema)]
pub struct EntryView {
    seq: i64,
    at: DateTime<Utc>,
    actor: ActorView,
    action: String,
    subject: Option<SubjectView>,
    hall: Option<String>,
    /// What was.
    #[schema(value_type = Option<Object>)]
    before: Option<Box<RawValue>>,
    /// What is since, or the facts of what was done.
    #[schema(value_type = Option<Object>)]
    after: Option<Box<RawValue>>,
    reason: Option<String>,
    /// In hexadecimal digits.
    hash: String,
}

/// Who acted.
#[derive(Debug, Serialize, ToSchema)]
pub struct ActorView {
    /// `account`, `token`, `command`, `system` or `nobody`.
    kind: String,
    id: Option<i64>,
    login: Option<String>,
    name: Option<String>,
    role: Option<String>,
    address: Option<String>,
}

/// On what.
#[derive(Debug, Serialize, ToSchema)]
pub struct SubjectView {
    kind: String,
    name: Option<String>,
}

impl From<Entry> for EntryView {
    fn from(entry: Entry) -> Self {
        let raw = |text: Option<String>| text.and_then(|text| RawValue::from_string(text).ok());
        Self {
            seq: entry.seq,
            at: entry.at,
            actor: ActorView {
                kind: entry.actor_kind,
                id: entry.actor_id,
                login: entry.login,
                name: entry.name,
                role: entry.role,
                address: entry.address,
            },
            action: entry.action,
            subject: entry.subject_kind.map(|kind| SubjectView {
                kind,
                name: entry.subject,
            }),
            hall: entry.hall,
            before: raw(entry.before),
            after: raw(entry.after),
            reason: entry.reason,
            hash: hex::encode(entry.hash),
        }
    }
}

/// A page of the log.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditList {
    items: Vec<EntryView>,
    next: Option<String>,
    /// Every action that there is, for the filter.
    #[schema(value_type = Vec<String>)]
    actions: Vec<&'static str>,
}

/// The audit log, newest first.
#[utoipa::path(
    get, path = "/api/v1/audit", tag = "audit", operation_id = "list_audit", params(Narrow),
    responses((status = 200, body = AuditList), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(narrow): Query<Narrow>,
) -> Result<Json<AuditList>> {
    let page = Page {
        cursor: narrow.cursor.clone(),
        limit: narrow.limit,
        ..Page::default()
    }
    .keyed()?;
    let (rows, next) = audit::list(app.db(), &narrow.filter(&app, &caller)?, &page).await?;
    Ok(Json(AuditList {
        items: rows.into_iter().map(EntryView::from).collect(),
        next: next.as_ref().map(paging::Cursor::encode),
        actions: Action::ALL.iter().map(|action| action.code()).collect(),
    }))
}

/// The entries that a filter leaves, as a file for a spreadsheet. The taking itself is the newest entry in it.
#[utoipa::path(
    get, path = "/api/v1/audit/export.csv", tag = "audit", operation_id = "export_audit", params(Narrow),
    responses((status = 200, content_type = "text/csv", body = String), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub async fn export(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Query(narrow): Query<Narrow>,
) -> Result<Response> {
    let filter = narrow.filter(&app, &caller)?;
    let taken = Record::of(Action::ExportMade)
        .on("audit", "export.csv")
        .after(narrow.told());
    trail.record(app.db(), taken).await?;
    let head = Bytes::from(csv::head());
    let body = stream::unfold(Some(None), move |after| {
        let (app, filter) = (app.clone(), filter.clone());
        async move {
            let page = paging::Page {
                after: after?,
                limit: EXPORT,
            };
            match audit::list(app.db(), &filter, &page).await {
                Ok((rows, next)) => Some((Ok(Bytes::from(csv::rows(&rows))), next.map(Some))),
                // The file breaks off, and the reader sees that it is not whole.
                Err(error) => Some((Err(std::io::Error::other(error)), None)),
            }
        }
    });
    // Fused: what compresses asks once more after the end, which an unfolded stream answers with a panic.
    let body = stream::iter([Ok(head)]).chain(body).fuse();
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/csv; charset=utf-8"),
        ),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_static("attachment; filename=\"audit.csv\""),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// What the log is held against.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Known {
    /// A head that was written down earlier, `NUMBER:HASH`.
    head: Option<String>,
}

/// What came of the check.
#[derive(Debug, Serialize, ToSchema)]
pub struct Checked {
    /// Nothing was changed, removed or moved.
    whole: bool,
    entries: u64,
    /// Where the sound part ends, `NUMBER:HASH`; to be written down.
    head: String,
    /// The first broken link.
    fault: Option<FaultView>,
}

/// A broken link.
#[derive(Debug, Serialize, ToSchema)]
pub struct FaultView {
    /// `changed`, `removed`, `moved`, `unlinked`, `cut` or `forged`.
    #[schema(value_type = String)]
    kind: &'static str,
    /// The first entry that is not as it was.
    seq: i64,
    detail: String,
}

/// Follows the chain from its first entry and names the first broken link.
#[utoipa::path(
    get, path = "/api/v1/audit/verify", tag = "audit", operation_id = "verify_audit", params(Known),
    responses((status = 200, body = Checked), (status = 422, body = Problem), (status = 429, body = Problem))
)]
pub async fn verify(
    State(app): State<App>,
    trail: Trail,
    Query(known): Query<Known>,
) -> Result<Json<Checked>> {
    // It reads the whole table: one at a time.
    static ONE: Semaphore = Semaphore::const_new(1);
    let head = known.head.as_deref().map(str::parse::<Head>).transpose();
    let head = head.map_err(|error| Problem::invalid(error.to_string()))?;
    let _turn = ONE.try_acquire().map_err(|_| Problem::too_many(10))?;
    let verdict = audit::verify(app.db(), head.as_slice(), |_, _| {}).await?;
    let fault = verdict.fault.map(|fault| FaultView {
        kind: fault.kind(),
        seq: fault.seq(),
        detail: fault.to_string(),
    });
    let checked = Checked {
        whole: fault.is_none(),
        entries: verdict.entries,
        head: verdict.head.to_string(),
        fault,
    };
    let facts = json!({"whole": checked.whole, "entries": checked.entries, "fault": checked.fault});
    let record = Record::of(Action::AuditVerified).after(facts);
    trail.record(app.db(), record).await?;
    Ok(Json(checked))
}
