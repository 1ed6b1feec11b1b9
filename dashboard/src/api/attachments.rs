//! Files that go with answers, appeals and orders: brought first, named by the step that they belong to, fetched from there.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use chrono::{TimeDelta, Utc};
use mingjing_alerts::store::attachments::{self, Attached, NewFile, With};
use mingjing_monitor::audit::Action;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::attachments::{MAX_BYTES, MAX_FILES, MAX_UNUSED, Vault, kind, name};
use crate::audit::{Record, Trail};
use crate::caller::Caller;
use crate::problem::{Json, Path, Problem, Query, Result};
use crate::transport::body::promised;

/// Longest name that is looked at, in bytes.
const MAX_NAME: usize = 1_000;

/// What the sender calls the file.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Named {
    /// With its ending: jpg, png, webp, pdf, docx, xlsx, txt or csv.
    name: String,
}

/// A file, as a step or a history names it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Attachment {
    id: i64,
    name: String,
    media_type: String,
    bytes: i64,
}

impl From<&Attached> for Attachment {
    fn from(file: &Attached) -> Self {
        Self {
            id: file.id,
            name: file.name.clone(),
            media_type: file.media_type.clone(),
            bytes: file.bytes,
        }
    }
}

/// The files of one line of a history.
pub fn of_line(files: &[Attached], line: i64) -> Vec<Attachment> {
    let of_line = files.iter().filter(|file| file.transition == line);
    of_line.map(Attachment::from).collect()
}

/// Takes a file in. A step names it by its number within a day; what no step names goes with nothing and is seen by nobody.
#[utoipa::path(
    post, path = "/api/v1/attachments", tag = "attachments", operation_id = "bring_attachment", params(Named),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 200, body = Attachment), (status = 403, body = Problem), (status = 413, body = Problem),
        (status = 422, body = Problem), (status = 429, body = Problem)
    )
)]
pub async fn bring(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Query(Named { name }): Query<Named>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Attachment>> {
    let account = caller
        .account()
        .ok_or_else(|| Problem::forbidden("Only people attach files."))?;
    let clean = Some(&name)
        .filter(|name| name.len() <= MAX_NAME)
        .and_then(|name| name::clean(name))
        .ok_or_else(|| {
            Problem::unfit_file("`name` is no name of a file: give it one with its ending")
        })?;
    let yesterday = Utc::now() - TimeDelta::days(1);
    if attachments::unused(app.db(), account, yesterday).await? >= MAX_UNUSED {
        return Err(Problem::too_many(3_600));
    }
    if promised(&headers).is_some_and(|length| length > MAX_BYTES as u64) {
        return Err(Problem::large_file());
    }
    let bytes = axum::body::to_bytes(body, MAX_BYTES)
        .await
        .map_err(Problem::unread)?;
    let kind = kind::of(&clean, &bytes).map_err(|unfit| Problem::unfit_file(unfit.to_string()))?;
    let size = i64::try_from(bytes.len()).map_err(Problem::internal)?;
    let sha256 = Vault::of(&app.config().storage.dir)
        .put(bytes)
        .await
        .map_err(Problem::internal)?;
    let file = NewFile {
        sha256: &sha256,
        name: &clean,
        media_type: kind.media_type(),
        bytes: size,
        account,
        who: caller.name(),
    };
    let mut transaction = app.db().begin().await?;
    let id = attachments::insert(&mut transaction, &file, Utc::now()).await?;
    let brought = Record::of(Action::AttachmentBrought)
        .on("attachment", id)
        .hall(caller.scope.hall.clone())
        .after(json!({"name": clean, "type": kind.media_type(), "bytes": size, "sha256": hex::encode(&sha256)}));
    trail.append(&mut transaction, brought).await?;
    transaction.commit().await?;
    Ok(Json(Attachment {
        id,
        name: clean,
        media_type: kind.media_type().to_owned(),
        bytes: size,
    }))
}

/// The files that a step may name: so many, each once.
///
/// # Errors
/// `invalid` when there are more.
pub fn checked(mut files: Vec<i64>) -> Result<Vec<i64>> {
    files.sort_unstable();
    files.dedup();
    if files.len() > MAX_FILES {
        return Err(Problem::invalid(format!(
            "more than {MAX_FILES} attachments with one step: put them into one file"
        )));
    }
    Ok(files)
}

/// A file of a card.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct IdFile {
    /// The card or order.
    pub id: i64,
    /// The file.
    pub file: i64,
}

/// A file that goes with a card.
#[utoipa::path(
    get, path = "/api/v1/cards/{id}/attachments/{file}", tag = "attachments", operation_id = "card_attachment", params(IdFile),
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>), (status = 404, body = Problem))
)]
pub async fn of_card(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(IdFile { id, file }): Path<IdFile>,
) -> Result<Response> {
    let hall = super::cards::find(&app, &caller, id).await?.hall;
    hand_out(&app, &trail, With::Card(id), ("card", id, hall), file).await
}

/// Hands a file out to be saved, and writes down who took it. Whether the caller reaches what it goes with has been asked.
pub(super) async fn hand_out(
    app: &App,
    trail: &Trail,
    with: With,
    (kind, id, hall): (&'static str, i64, String),
    file: i64,
) -> Result<Response> {
    let files = attachments::list(app.db(), with).await?;
    let file = files
        .into_iter()
        .find(|one| one.id == file)
        .ok_or_else(|| Problem::not_found("attachment"))?;
    let bytes = Vault::of(&app.config().storage.dir)
        .get(&file.sha256)
        .await
        .map_err(Problem::internal)?;
    let taken = Record::of(Action::AttachmentTaken)
        .on("attachment", file.id)
        .hall(hall)
        .after(json!({"name": file.name, kind: id}));
    trail.record(app.db(), taken).await?;
    let named = HeaderValue::try_from(name::disposition(&file.name)).map_err(Problem::internal)?;
    let media_type = HeaderValue::try_from(file.media_type).map_err(Problem::internal)?;
    let headers = [
        (header::CONTENT_TYPE, media_type),
        (header::CONTENT_DISPOSITION, named),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("sandbox; default-src 'none'"),
        ),
    ];
    Ok((headers, bytes).into_response())
}
