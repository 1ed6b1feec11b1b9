//! What people attach to steps of cards and orders. Here stands what is known of a file; its bytes are the console's.

use chrono::{DateTime, Utc};
use mingjing_monitor::store::StoreError;
use sqlx::{PgConnection, PgPool};

/// What a file goes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum With {
    /// This card.
    Card(i64),
    /// This supervision order.
    Order(i64),
}

impl With {
    fn key(self) -> (&'static str, i64) {
        match self {
            Self::Card(id) => ("card", id),
            Self::Order(id) => ("order", id),
        }
    }
}

/// A file that somebody brought.
#[derive(Debug, Clone, Copy)]
pub struct NewFile<'a> {
    /// Of its bytes.
    pub sha256: &'a [u8],
    /// As it is offered for saving.
    pub name: &'a str,
    /// By its content.
    pub media_type: &'a str,
    /// How long it is.
    pub bytes: i64,
    /// Who brought it.
    pub account: i64,
    /// Their name.
    pub who: &'a str,
}

/// Keeps what is known of a file; its number.
pub async fn insert(
    connection: &mut PgConnection,
    file: &NewFile<'_>,
    at: DateTime<Utc>,
) -> Result<i64, StoreError> {
    let id = sqlx::query_scalar(
        "INSERT INTO attachment_file (sha256, name, media_type, bytes, at, account, who)
         VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
    );
    Ok(id
        .bind(file.sha256)
        .bind(file.name)
        .bind(file.media_type)
        .bind(file.bytes)
        .bind(at)
        .bind(file.account)
        .bind(file.who)
        .fetch_one(connection)
        .await?)
}

/// How many files an account has brought since then and attached to nothing.
pub async fn unused(db: &PgPool, account: i64, since: DateTime<Utc>) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar(
        "SELECT count(*) FROM attachment_file f
         WHERE f.account = $1 AND f.at >= $2 AND NOT EXISTS (SELECT FROM attachment a WHERE a.file = f.id)",
    );
    Ok(count.bind(account).bind(since).fetch_one(db).await?)
}

/// Binds files of `account` to a line of a history. How many were bound: fewer than asked for when one is not theirs, not there
/// or bound already; then the transaction must not stand.
pub async fn attach(
    connection: &mut PgConnection,
    with: With,
    transition: i64,
    account: i64,
    files: &[i64],
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    if files.is_empty() {
        return Ok(0);
    }
    let (kind, subject) = with.key();
    let bound = sqlx::query(
        "INSERT INTO attachment (file, subject_kind, subject, transition, at)
         SELECT f.id, $1, $2, $3, $4 FROM attachment_file f
         WHERE f.id = ANY($5) AND f.account = $6 AND NOT EXISTS (SELECT FROM attachment a WHERE a.file = f.id)",
    );
    Ok(bound
        .bind(kind)
        .bind(subject)
        .bind(transition)
        .bind(at)
        .bind(files)
        .bind(account)
        .execute(connection)
        .await?
        .rows_affected())
}

/// A file that goes with something.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Attached {
    /// Its number.
    pub id: i64,
    /// The line of the history that it goes with.
    pub transition: i64,
    /// Of its bytes.
    pub sha256: Vec<u8>,
    /// As it is offered for saving.
    pub name: String,
    /// By its content.
    pub media_type: String,
    /// How long it is.
    pub bytes: i64,
}

/// Everything that goes with a card or an order, oldest first.
pub async fn list(db: &PgPool, with: With) -> Result<Vec<Attached>, StoreError> {
    let (kind, subject) = with.key();
    let rows = sqlx::query_as(
        "SELECT f.id, a.transition, f.sha256, f.name, f.media_type, f.bytes
         FROM attachment a JOIN attachment_file f ON f.id = a.file
         WHERE a.subject_kind = $1 AND a.subject = $2 ORDER BY f.id",
    );
    Ok(rows.bind(kind).bind(subject).fetch_all(db).await?)
}
