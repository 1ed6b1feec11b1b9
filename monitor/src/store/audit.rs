//! The audit log: appended to, read, checked; never changed.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, PgPool, Postgres, Row, Transaction};

use super::StoreError;
use super::paging::{Cursor, Page};
use crate::audit::{Draft, Entry, Hash, Head, Verdict, Verifier};

/// Key of the lock under which entries are appended.
const LOCK: i64 = 0x0061_7564_6974;
/// Entries read at once while the chain is followed.
const CHUNK: i64 = 5_000;

impl<'r> FromRow<'r, PgRow> for Entry {
    fn from_row(row: &'r PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            seq: row.try_get("seq")?,
            at: row.try_get("at")?,
            actor_kind: row.try_get("actor_kind")?,
            actor_id: row.try_get("actor_id")?,
            login: row.try_get("login")?,
            name: row.try_get("name")?,
            role: row.try_get("role")?,
            address: row.try_get("address")?,
            action: row.try_get("action")?,
            subject_kind: row.try_get("subject_kind")?,
            subject: row.try_get("subject")?,
            hall: row.try_get("hall")?,
            before: row.try_get("before")?,
            after: row.try_get("after")?,
            reason: row.try_get("reason")?,
            prev: hash(row.try_get("prev")?),
            hash: hash(row.try_get("hash")?),
        })
    }
}

/// The table holds 32 bytes; whatever somebody made of it fits no entry.
fn hash(bytes: Vec<u8>) -> Hash {
    bytes.try_into().unwrap_or([0xff; 32])
}

/// Appends `drafts`, in their order, in the transaction of what they tell of: both stand, or neither. The head after them.
///
/// Call it last in a transaction: from here to the commit no other entry can be appended, and whoever holds this lock must
/// not wait for another.
pub async fn append(
    transaction: &mut Transaction<'_, Postgres>,
    drafts: &[Draft],
) -> Result<Head, StoreError> {
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(LOCK)
        .execute(&mut **transaction)
        .await?;
    let mut head = head(transaction).await?;
    let mut entries = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let entry = Entry::after(&head, draft);
        head = entry.head();
        entries.push(entry);
    }
    insert(transaction, &entries).await?;
    Ok(head)
}

/// Appends one entry that tells of nothing in the database.
pub async fn record(pool: &PgPool, drafts: &[Draft]) -> Result<Head, StoreError> {
    let mut transaction = pool.begin().await?;
    let head = append(&mut transaction, drafts).await?;
    transaction.commit().await?;
    Ok(head)
}

async fn insert(connection: &mut PgConnection, entries: &[Entry]) -> Result<(), StoreError> {
    fn column<'a, T>(entries: &'a [Entry], of: impl Fn(&'a Entry) -> T) -> Vec<T> {
        entries.iter().map(of).collect()
    }
    sqlx::query(
        "INSERT INTO audit (seq, at, actor_kind, actor_id, login, name, role, address, action, subject_kind, subject, hall,
                            before, after, reason, prev, hash)
         SELECT * FROM UNNEST($1::bigint[], $2::timestamptz[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[],
                              $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[],
                              $15::text[], $16::bytea[], $17::bytea[])
             AS entry (seq, at, actor_kind, actor_id, login, name, role, address, action, subject_kind, subject, hall, before,
                       after, reason, prev, hash)
         ORDER BY entry.seq",
    )
    .bind(column(entries, |entry| entry.seq))
    .bind(column(entries, |entry| entry.at))
    .bind(column(entries, |entry| entry.actor_kind.as_str()))
    .bind(column(entries, |entry| entry.actor_id))
    .bind(column(entries, |entry| entry.login.as_deref()))
    .bind(column(entries, |entry| entry.name.as_deref()))
    .bind(column(entries, |entry| entry.role.as_deref()))
    .bind(column(entries, |entry| entry.address.as_deref()))
    .bind(column(entries, |entry| entry.action.as_str()))
    .bind(column(entries, |entry| entry.subject_kind.as_deref()))
    .bind(column(entries, |entry| entry.subject.as_deref()))
    .bind(column(entries, |entry| entry.hall.as_deref()))
    .bind(column(entries, |entry| entry.before.as_deref()))
    .bind(column(entries, |entry| entry.after.as_deref()))
    .bind(column(entries, |entry| entry.reason.as_deref()))
    .bind(column(entries, |entry| entry.prev.as_slice()))
    .bind(column(entries, |entry| entry.hash.as_slice()))
    .execute(connection)
    .await?;
    Ok(())
}

/// Where the log ends.
///
/// # Errors
/// Also when somebody removed the head.
pub async fn head(connection: &mut PgConnection) -> Result<Head, StoreError> {
    let row: Option<(i64, Vec<u8>)> = sqlx::query_as("SELECT seq, hash FROM audit_head")
        .fetch_optional(connection)
        .await?;
    let (seq, bytes) = row.ok_or_else(|| {
        StoreError::Stored("the head of the audit log is gone: somebody altered audit_head".into())
    })?;
    Ok(Head {
        seq,
        hash: hash(bytes),
    })
}

/// Follows the chain from its first entry to the end, and holds it against the stored head and those in `known`. What is
/// appended meanwhile does not disturb. `followed` hears how many entries are done, and of how many.
pub async fn verify(
    pool: &PgPool,
    known: &[Head],
    mut followed: impl FnMut(u64, u64),
) -> Result<Verdict, StoreError> {
    let mut connection = pool.acquire().await?;
    let stored = head(&mut connection).await?;
    let total = u64::try_from(stored.seq).unwrap_or(0);
    let mut verifier = Verifier::new(known.iter().copied().chain([stored]));
    let (mut after, mut done) = (i64::MIN, 0);
    loop {
        let entries: Vec<Entry> = sqlx::query_as(
            "SELECT seq, at, actor_kind, actor_id, login, name, role, address, action, subject_kind, subject, hall, before,
                    after, reason, prev, hash
             FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2",
        )
        .bind(after)
        .bind(CHUNK)
        .fetch_all(&mut *connection)
        .await?;
        let Some(last) = entries.last() else { break };
        after = last.seq;
        done += entries.len() as u64;
        entries.iter().for_each(|entry| verifier.push(entry));
        followed(done, total.max(done));
    }
    Ok(verifier.finish())
}

/// What the list is narrowed to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Not before.
    pub from: Option<DateTime<Utc>>,
    /// Before.
    pub to: Option<DateTime<Utc>>,
    /// Login of who acted.
    pub actor: Option<String>,
    /// Code of an action, or the first part of several: `session`.
    pub action: Option<String>,
    /// Kind of the subject.
    pub subject_kind: Option<String>,
    /// The subject.
    pub subject: Option<String>,
    /// This hall and what is below it.
    pub hall: Option<String>,
    /// Part of login, name, subject, address or reason.
    pub text: Option<String>,
}

/// Entries, newest first, and the next page's cursor.
pub async fn list(
    pool: &PgPool,
    filter: &Filter,
    page: &Page,
) -> Result<(Vec<Entry>, Option<Cursor>), StoreError> {
    let after = page.after.as_ref();
    let mut rows: Vec<Entry> = sqlx::query_as(
        "SELECT a.seq, a.at, a.actor_kind, a.actor_id, a.login, a.name, a.role, a.address, a.action, a.subject_kind, a.subject,
                a.hall, a.before, a.after, a.reason, a.prev, a.hash
         FROM audit a
         WHERE ($1::timestamptz IS NULL OR a.at >= $1) AND ($2::timestamptz IS NULL OR a.at < $2)
           AND ($3::text IS NULL OR a.login = $3)
           AND ($4::text IS NULL OR a.action = $4 OR starts_with(a.action, $4 || '.'))
           AND ($5::text IS NULL OR a.subject_kind = $5) AND ($6::text IS NULL OR a.subject = $6)
           AND ($7::text IS NULL OR a.hall IN (SELECT h.code FROM hall h WHERE h.path @> ARRAY[$7]))
           AND ($8::text IS NULL OR strpos(lower(concat_ws(' ', a.login, a.name, a.subject, a.address, a.reason)), lower($8)) > 0)
           AND ($9::timestamptz IS NULL OR (a.at, a.seq) < ($9, $10))
         ORDER BY a.at DESC, a.seq DESC LIMIT $11",
    )
    .persistent(false)
    .bind(filter.from)
    .bind(filter.to)
    .bind(&filter.actor)
    .bind(&filter.action)
    .bind(&filter.subject_kind)
    .bind(&filter.subject)
    .bind(&filter.hall)
    .bind(&filter.text)
    .bind(after.map(|cursor| cursor.at))
    .bind(after.map(|cursor| cursor.key.parse::<i64>().unwrap_or(i64::MAX)))
    .bind(page.probe())
    .fetch_all(pool)
    .await?;
    let next = page.cut(&mut rows, |entry| Cursor {
        at: entry.at,
        key: entry.seq.to_string(),
    });
    Ok((rows, next))
}
