//! Drafts of rule profiles, and what became of them.

use chrono::{DateTime, Utc};
use mingjing_monitor::store::StoreError;
use sqlx::{PgConnection, PgPool};

/// A draft.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Draft {
    /// Its number.
    pub id: i64,
    /// What it is called.
    pub name: String,
    /// Why there is it.
    pub remark: String,
    /// The version whose text it began with.
    pub based_on: i32,
    /// TOML.
    pub body: String,
    /// Where it stands, a word of `draft::State`.
    pub state: String,
    /// Counts the changes.
    pub revision: i32,
    /// Login of who writes it.
    pub drafted_by: String,
    /// Their name.
    pub drafter: String,
    /// When it was begun.
    pub created: DateTime<Utc>,
    /// When it changed last.
    pub changed: DateTime<Utc>,
}

/// What somebody did to a draft.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Done {
    /// When.
    pub at: DateTime<Utc>,
    /// What: a name of `draft::STEPS`, or `write`.
    pub step: String,
    /// Login.
    pub login: String,
    /// Name.
    pub who: String,
    /// The draft's revision after it.
    pub revision: i32,
    /// Why.
    pub why: Option<String>,
}

/// Drafts listed at most: what came of older ones stands in the versions and in the audit log.
const MOST: i64 = 200;

/// The drafts, those that are still open first, then the newest.
pub async fn list(pool: &PgPool) -> Result<Vec<Draft>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT id, name, remark, based_on, body, state, revision, drafted_by, drafter, created, changed FROM rule_draft
         ORDER BY state IN ('dropped', 'enforced'), id DESC LIMIT $1",
    );
    Ok(rows.bind(MOST).fetch_all(pool).await?)
}

/// A draft.
pub async fn find(pool: &PgPool, id: i64) -> Result<Option<Draft>, StoreError> {
    let row = sqlx::query_as(
        "SELECT id, name, remark, based_on, body, state, revision, drafted_by, drafter, created, changed FROM rule_draft
         WHERE id = $1",
    );
    Ok(row.bind(id).fetch_optional(pool).await?)
}

/// A draft; held until the end of the transaction, so that of two people at once the second sees what the first did.
pub async fn hold(connection: &mut PgConnection, id: i64) -> Result<Option<Draft>, StoreError> {
    let row = sqlx::query_as(
        "SELECT id, name, remark, based_on, body, state, revision, drafted_by, drafter, created, changed FROM rule_draft
         WHERE id = $1 FOR UPDATE",
    );
    Ok(row.bind(id).fetch_optional(connection).await?)
}

/// What was done to a draft, the first first.
pub async fn history(connection: &mut PgConnection, id: i64) -> Result<Vec<Done>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT at, step, login, who, revision, why FROM rule_draft_step WHERE draft = $1 ORDER BY id",
    );
    Ok(rows.bind(id).fetch_all(connection).await?)
}

/// Begins a draft; its number. `id`, `state` and `revision` of what is given do not matter.
pub async fn begin(connection: &mut PgConnection, draft: &Draft) -> Result<i64, StoreError> {
    let id = sqlx::query_scalar(
        "INSERT INTO rule_draft (name, remark, based_on, body, state, drafted_by, drafter, created, changed)
         VALUES ($1, $2, $3, $4, 'open', $5, $6, $7, $7) RETURNING id",
    );
    Ok(id
        .bind(&draft.name)
        .bind(&draft.remark)
        .bind(draft.based_on)
        .bind(&draft.body)
        .bind(&draft.drafted_by)
        .bind(&draft.drafter)
        .bind(draft.created)
        .fetch_one(connection)
        .await?)
}

/// Writes what may change of a draft.
pub async fn update(connection: &mut PgConnection, draft: &Draft) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE rule_draft SET name = $2, remark = $3, body = $4, state = $5, revision = $6, changed = $7 WHERE id = $1",
    )
    .bind(draft.id)
    .bind(&draft.name)
    .bind(&draft.remark)
    .bind(&draft.body)
    .bind(&draft.state)
    .bind(draft.revision)
    .bind(draft.changed)
    .execute(connection)
    .await?;
    Ok(())
}

/// Keeps what was done.
pub async fn append(
    connection: &mut PgConnection,
    draft: i64,
    done: &Done,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO rule_draft_step (draft, at, step, login, who, revision, why) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(draft)
    .bind(done.at)
    .bind(&done.step)
    .bind(&done.login)
    .bind(&done.who)
    .bind(done.revision)
    .bind(&done.why)
    .execute(connection)
    .await?;
    Ok(())
}
