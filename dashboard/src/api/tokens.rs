//! Tokens of programs. A sysadmin makes one and sees it once; a secadmin grants it what it may; either revokes it.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use mingjing_monitor::audit::Action;
use mingjing_monitor::store::tokens::{self, Grant, Token};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use super::accounts::{filled, name, named};
use super::list::{ById, List};
use crate::app::App;
use crate::audit::{Record, Trail};
use crate::auth::secret;
use crate::caller::Caller;
use crate::directory::Directory;
use crate::policy::Role;
use crate::problem::{Json, Path, Problem, Query, Result};
use crate::store::{Notice, notify};

/// A token, never its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenRow {
    id: i64,
    name: String,
    /// `unassigned` until a secadmin grants one.
    role: String,
    hall: String,
    hall_name: String,
    /// The only CloudEvents source that it may speak for.
    source: Option<String>,
    initial_load: bool,
    created: DateTime<Utc>,
    last_used: Option<DateTime<Utc>>,
    expires: Option<DateTime<Utc>>,
    revoked: Option<DateTime<Utc>>,
    /// `valid`, `expired` or `revoked`.
    #[schema(value_type = String)]
    state: &'static str,
}

impl TokenRow {
    fn new(row: Token, directory: &Directory, now: DateTime<Utc>) -> Self {
        let state = if row.revoked.is_some() {
            "revoked"
        } else if row.expires.is_some_and(|expires| expires <= now) {
            "expired"
        } else {
            "valid"
        };
        Self {
            id: row.id,
            name: row.name,
            role: row.role,
            hall_name: directory.hall_name(&row.hall),
            hall: row.hall,
            source: row.source,
            initial_load: row.initial_load,
            created: row.created,
            last_used: row.last_used,
            expires: row.expires,
            revoked: row.revoked,
            state,
        }
    }
}

/// Which tokens.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FindTokens {
    /// Only those that hold, or only those that do not.
    valid: Option<bool>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// Rows, 1 to 500 (100).
    limit: Option<u32>,
    /// Only this hall and what is below it.
    hall: Option<String>,
}

/// The tokens of the caller's halls, newest first.
#[utoipa::path(
    get, path = "/api/v1/tokens", tag = "administration", operation_id = "list_tokens", params(FindTokens),
    responses((status = 200, body = List<TokenRow>), (status = 404, body = Problem))
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(find): Query<FindTokens>,
) -> Result<Json<List<TokenRow>>> {
    let (directory, now) = (app.directory(), Utc::now());
    let seen = directory.seen(&caller.scope, find.hall.as_deref())?;
    let page = ById::read(find.cursor, find.limit)?;
    let (after, probe) = (page.after, page.probe());
    let mut rows = tokens::of_halls(app.db(), &seen.hall, find.valid, after, probe, now).await?;
    let next = page.cut(&mut rows, |row| row.id);
    let items = rows
        .into_iter()
        .map(|row| TokenRow::new(row, &directory, now));
    Ok(Json(List {
        items: items.collect(),
        next,
        seq: app.live().seq(&caller),
    }))
}

/// A token to make.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewToken {
    /// What it is for.
    name: String,
    /// The caller's own where it is left out. It grants nothing.
    hall: Option<String>,
    /// When it runs out; until it is revoked where it is left out.
    expires: Option<DateTime<Utc>>,
}

/// A token with its secret, shown only now.
#[derive(Serialize, ToSchema)]
pub struct TokenWithSecret {
    token: TokenRow,
    secret: String,
}

/// Makes a token. It opens nothing until a secadmin grants it a role.
#[utoipa::path(
    post, path = "/api/v1/tokens", tag = "administration", operation_id = "create_token", request_body = NewToken,
    responses((status = 201, body = TokenWithSecret), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub async fn create(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Json(new): Json<NewToken>,
) -> Result<(StatusCode, Json<TokenWithSecret>)> {
    let (name, now) = (name(&new.name)?, Utc::now());
    if new.expires.is_some_and(|expires| expires <= now) {
        return Err(Problem::invalid("expires lies in the past"));
    }
    let hall = app
        .directory()
        .seen(&caller.scope, new.hall.as_deref())?
        .hall;
    let secret = secret::random();
    let token = tokens::NewToken {
        name: &name,
        hash: &secret::hash(&secret),
        role: Role::Unassigned.code(),
        hall: &hall,
        source: None,
        initial_load: false,
        expires: new.expires,
    };
    let mut tx = app.db().begin().await?;
    let id = tokens::create(&mut tx, &token, now).await.map_err(named)?;
    let row = find(&mut tx, &caller, id).await?;
    notify(&mut tx, Notice::Tokens).await?;
    let record = Record::of(Action::TokenCreated);
    trail
        .append(
            &mut tx,
            record.on("token", id).hall(&hall).after(facts(&row)),
        )
        .await?;
    tx.commit().await?;
    let token = TokenRow::new(row, &app.directory(), now);
    Ok((StatusCode::CREATED, Json(TokenWithSecret { token, secret })))
}

/// A token's number.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct TokenId {
    /// The token.
    id: i64,
}

/// What a token is granted.
#[derive(Debug, Deserialize, ToSchema)]
pub struct GrantToken {
    /// `source`, `edge` or `reader`; `unassigned` takes it away.
    role: Role,
    /// The hall whose subtree it covers; the caller's own where it is left out.
    hall: Option<String>,
    /// For a `source`: the only CloudEvents source that it may speak for.
    source: Option<String>,
    /// For a `source`: may post history.
    #[serde(default)]
    initial_load: bool,
}

/// Grants a token its role in place of the one before; its open sockets fall.
#[utoipa::path(
    post, path = "/api/v1/tokens/{id}/role", tag = "administration", operation_id = "grant_token",
    params(TokenId), request_body = GrantToken,
    responses((status = 200, body = TokenRow), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub async fn grant(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(TokenId { id }): Path<TokenId>,
    Json(grant): Json<GrantToken>,
) -> Result<Json<TokenRow>> {
    if !grant.role.is_machine() && grant.role != Role::Unassigned {
        let what = format!(
            "{} is for people: grant it to an account",
            grant.role.code()
        );
        return Err(Problem::invalid(what));
    }
    let source = filled(grant.source);
    if grant.role != Role::Source && (source.is_some() || grant.initial_load) {
        return Err(Problem::invalid(
            "source and initial_load go with the role source, and only with it",
        ));
    }
    let hall = app
        .directory()
        .seen(&caller.scope, grant.hall.as_deref())?
        .hall;
    let mut tx = app.db().begin().await?;
    let before = find(&mut tx, &caller, id).await?;
    let granted = Grant {
        role: grant.role.code(),
        hall: &hall,
        source: source.as_deref(),
        initial_load: grant.initial_load,
    };
    tokens::grant(&mut tx, id, granted).await.map_err(named)?;
    let row = find(&mut tx, &caller, id).await?;
    notify(&mut tx, Notice::Tokens).await?;
    let record = Record::of(Action::TokenGranted)
        .on("token", id)
        .hall(&hall)
        .before(facts(&before))
        .after(facts(&row));
    trail.append(&mut tx, record).await?;
    tx.commit().await?;
    at_once(&app).await;
    Ok(Json(TokenRow::new(row, &app.directory(), Utc::now())))
}

/// Revokes a token at once; its open sockets fall.
#[utoipa::path(
    delete, path = "/api/v1/tokens/{id}", tag = "administration", operation_id = "revoke_token", params(TokenId),
    responses((status = 200, body = TokenRow), (status = 404, body = Problem))
)]
pub async fn revoke(
    State(app): State<App>,
    caller: Caller,
    trail: Trail,
    Path(TokenId { id }): Path<TokenId>,
) -> Result<Json<TokenRow>> {
    let now = Utc::now();
    let mut tx = app.db().begin().await?;
    let before = find(&mut tx, &caller, id).await?;
    tokens::revoke(&mut tx, id, now).await?;
    let row = find(&mut tx, &caller, id).await?;
    notify(&mut tx, Notice::Tokens).await?;
    let record = Record::of(Action::TokenRevoked);
    trail
        .append(
            &mut tx,
            record
                .on("token", id)
                .hall(&row.hall)
                .before(facts(&before)),
        )
        .await?;
    tx.commit().await?;
    at_once(&app).await;
    Ok(Json(TokenRow::new(row, &app.directory(), now)))
}

/// What the audit log keeps of a token.
fn facts(row: &Token) -> Value {
    json!({
        "name": row.name, "role": row.role, "hall": row.hall, "source": row.source,
        "initial_load": row.initial_load, "expires": row.expires,
    })
}

/// Other consoles hear of it by the notice; this one does not wait for it.
async fn at_once(app: &App) {
    app.access_changed();
    if let Err(error) = app.reload_tokens().await {
        tracing::warn!(%error, "the tokens could not be read again; the notice of the change will be followed");
    }
}

/// Outside the caller's halls there is no such token.
async fn find(connection: &mut PgConnection, caller: &Caller, id: i64) -> Result<Token> {
    tokens::one(connection, &caller.scope.hall, id)
        .await?
        .ok_or_else(|| Problem::not_found("token"))
}
