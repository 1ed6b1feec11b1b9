//! Shadow runs and what came of them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use mingjing_monitor::store::StoreError;
use sqlx::types::Json;
use sqlx::{PgConnection, PgPool};

use crate::shadow::{Outcome, Unlike};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It is through.
    Done,
    /// Somebody called it off.
    Cancelled,
    /// It could not go on; the console's log says why.
    Failed,
}

impl Ending {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }
}

/// A run that begins.
#[derive(Debug, Clone)]
pub struct NewRun<'a> {
    /// Who asked for it.
    pub who: &'a str,
    /// The draft that is tried and its revision; `None`: a text that stands nowhere else.
    pub draft: Option<(i64, i32)>,
    /// Its name.
    pub name: &'a str,
    /// What is tried: TOML.
    pub body: &'a str,
    /// What fell due from here.
    pub from: DateTime<Utc>,
    /// And before this.
    pub to: DateTime<Utc>,
    /// The version of the rule profile in force.
    pub compared_with: i32,
    /// When it begins.
    pub begun: DateTime<Utc>,
}

/// A run, without what came out in full.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Run {
    /// Its number.
    pub id: i64,
    /// Who asked for it.
    pub who: String,
    /// The draft that was tried; `None`: a text that stands nowhere else.
    pub draft: Option<i64>,
    /// The draft's revision then.
    pub revision: Option<i32>,
    /// Its name.
    pub name: String,
    /// What fell due from here.
    pub due_from: DateTime<Utc>,
    /// And before this.
    pub due_to: DateTime<Utc>,
    /// The version of the rule profile in force when it began.
    pub compared_with: i32,
    /// When it began.
    pub begun: DateTime<Utc>,
    /// When it ended; `None`: it goes on, or was broken off.
    pub ended: Option<DateTime<Utc>>,
    /// How: a word of [`Ending`].
    pub ending: Option<String>,
    /// Cases that were looked at when it ended.
    pub looked_at: i64,
    /// Of how many.
    pub of_all: i64,
    /// Differences of each kind, of a run that is through.
    pub unlike: Option<Json<BTreeMap<Unlike, u64>>>,
}

/// Keeps that a run begins; its number.
pub async fn begin(connection: &mut PgConnection, run: &NewRun<'_>) -> Result<i64, StoreError> {
    let (draft, revision) = run.draft.unzip();
    let id = sqlx::query_scalar(
        "INSERT INTO shadow_run (who, draft, revision, name, body, due_from, due_to, compared_with, begun)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id",
    );
    Ok(id
        .bind(run.who)
        .bind(draft)
        .bind(revision)
        .bind(run.name)
        .bind(run.body)
        .bind(run.from)
        .bind(run.to)
        .bind(run.compared_with)
        .bind(run.begun)
        .fetch_one(connection)
        .await?)
}

/// Keeps how a run ended, once: a second ending changes nothing.
pub async fn end(
    pool: &PgPool,
    id: i64,
    (ending, at): (Ending, DateTime<Utc>),
    (looked_at, of_all): (i64, i64),
    outcome: Option<&Outcome>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO shadow_end (run, ended, ending, looked_at, of_all, outcome) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (run) DO NOTHING",
    )
    .bind(id)
    .bind(at)
    .bind(ending.as_str())
    .bind(looked_at)
    .bind(of_all)
    .bind(outcome.map(Json))
    .execute(pool)
    .await?;
    Ok(())
}

/// At most `limit` runs, the newest first: of one draft where it is given, and older than `before`.
pub async fn list(
    pool: &PgPool,
    draft: Option<i64>,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Run>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT id, who, draft, revision, name, due_from, due_to, compared_with, begun, ended, ending,
                coalesce(looked_at, 0) AS looked_at, coalesce(of_all, 0) AS of_all, outcome -> 'unlike' AS unlike
         FROM shadow_run LEFT JOIN shadow_end ON run = id
         WHERE ($1::bigint IS NULL OR draft = $1) AND ($2::bigint IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
    );
    Ok(rows
        .bind(draft)
        .bind(before)
        .bind(limit)
        .fetch_all(pool)
        .await?)
}

/// A run.
pub async fn find(pool: &PgPool, id: i64) -> Result<Option<Run>, StoreError> {
    let next = id.checked_add(1);
    let found = list(pool, None, next, 1).await?.pop();
    Ok(found.filter(|run| run.id == id))
}

/// What was tried in a run, and what came out of one that is through.
pub async fn whole(pool: &PgPool, id: i64) -> Result<(String, Option<Outcome>), StoreError> {
    let row: (String, Option<Json<Outcome>>) = sqlx::query_as(
        "SELECT body, outcome FROM shadow_run LEFT JOIN shadow_end ON run = id WHERE id = $1",
    )
    .bind(id)
    .fetch_one(pool)
    .await?;
    Ok((row.0, row.1.map(|outcome| outcome.0)))
}
