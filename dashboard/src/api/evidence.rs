//! Evidence files of a card and of a case, to be saved.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use mingjing_monitor::audit::Action;
use serde::Serialize;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio_util::io::ReaderStream;

use super::{cards, cases};
use crate::app::App;
use crate::audit::{Record, Trail};
use crate::caller::{Caller, Who};
use crate::evidence::{self, Contents, Evidence, Maker};
use crate::pins;
use crate::problem::{Path, Problem, Result};
use crate::store::pins::Subject;

/// Evidence files that are made at once: each reads hours of video.
static AT_ONCE: Semaphore = Semaphore::const_new(2);

/// Everything about a card for the record: the card with its history, its case, and the recordings that it points to.
#[utoipa::path(
    get, path = "/api/v1/cards/{id}/evidence.zip", tag = "cards", operation_id = "card_evidence", params(cards::Id),
    responses(
        (status = 200, content_type = "application/zip", body = Vec<u8>), (status = 404, body = Problem), (status = 429, body = Problem)
    )
)]
pub async fn of_card(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(id): Path<cards::Id>,
) -> Result<Response> {
    let number = id.id;
    let card = cards::detail(&app, &caller, number).await?;
    let found = pins::subject(&app, "card", &number.to_string()).await?;
    let subject = found.ok_or_else(|| Problem::not_found("card"))?;
    let mut documents = vec![("card.json", document(&card)?)];
    if let Some(case) = &subject.case_no {
        let case = cases::detail(&app, &caller, case).await?;
        documents.push(("case.json", document(&case)?));
    }
    let contents = contents(&app, format!("card {number}"), documents, &subject).await?;
    hand_over(
        &app,
        &caller,
        &trail,
        contents,
        ("card", number.to_string()),
        subject.hall,
    )
    .await
}

/// Everything about a case for the record: the case with its events and cards, and what was recorded when they happened.
#[utoipa::path(
    get, path = "/api/v1/cases/{no}/evidence.zip", tag = "cases", operation_id = "case_evidence", params(cases::No),
    responses(
        (status = 200, content_type = "application/zip", body = Vec<u8>), (status = 404, body = Problem), (status = 429, body = Problem)
    )
)]
pub async fn of_case(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(cases::No { no }): Path<cases::No>,
) -> Result<Response> {
    let (row, _) = cases::find(&app, &caller, &no).await?;
    let case = cases::detail(&app, &caller, &no).await?;
    let replay = cases::replay::course(&app, &caller, &no).await?;
    let documents = vec![
        ("case.json", document(&case)?),
        ("replay.json", document(&replay)?),
    ];
    let subject = Subject::of_case(&no, &row.hall, row.window.clone(), row.opened_at);
    let contents = contents(&app, format!("case {no}"), documents, &subject).await?;
    hand_over(&app, &caller, &trail, contents, ("case", no), row.hall).await
}

fn document(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(value).map_err(Problem::internal)
}

async fn contents(
    app: &App,
    about: String,
    documents: Vec<(&'static str, Vec<u8>)>,
    subject: &Subject,
) -> Result<Contents> {
    Ok(Contents {
        about,
        documents,
        spans: pins::spans(app, subject).await?,
    })
}

/// Makes the file, writes down who took it, and hands it over.
async fn hand_over(
    app: &App,
    caller: &Caller,
    trail: &Trail,
    contents: Contents,
    (kind, name): (&'static str, String),
    hall: String,
) -> Result<Response> {
    let _turn = AT_ONCE.try_acquire().map_err(|_| Problem::too_many(10))?;
    let now: DateTime<Utc> = Utc::now();
    let made = evidence::make(app, caller, maker(caller), contents, now).await;
    let Evidence {
        file,
        bytes,
        manifest_sha256,
        recordings,
        missing,
    } = made.map_err(Problem::internal)?;
    let saved = format!("evidence-{kind}-{name}.zip");
    let taken = Record::of(Action::ExportMade)
        .on(kind, name)
        .hall(hall)
        .after(json!({
            "what": "evidence", "manifest": manifest_sha256, "recordings": recordings, "missing": missing, "bytes": bytes,
        }));
    trail.record(app.db(), taken).await?;
    let text = |text: String| HeaderValue::try_from(text).map_err(Problem::internal);
    let fixed = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/zip"),
        ),
        (header::CONTENT_LENGTH, HeaderValue::from(bytes)),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, no-store"),
        ),
        (
            header::CONTENT_DISPOSITION,
            text(format!("attachment; filename=\"{}\"", plain(&saved)))?,
        ),
        (
            header::HeaderName::from_static("x-evidence-manifest"),
            text(manifest_sha256)?,
        ),
    ];
    let file = tokio::fs::File::from_std(file);
    let stream = ReaderStream::with_capacity(file, 1 << 17);
    Ok((fixed, Body::from_stream(stream)).into_response())
}

/// A name without what a header or a file system could take for something else.
fn plain(name: &str) -> String {
    let safe = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '.' | '_');
    name.chars()
        .map(|sign| if safe(sign) { sign } else { '_' })
        .collect()
}

fn maker(caller: &Caller) -> Maker {
    let (login, name) = match &caller.who {
        Who::Account { login, name, .. } => (login.clone(), name.clone()),
        Who::Token { name, .. } => (String::new(), name.clone()),
    };
    Maker {
        login,
        name,
        role: caller.role.code().to_owned(),
    }
}
