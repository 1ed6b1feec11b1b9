//! What is kept of recordings, and for what: the table `recording_pin`, and what its rows are made from.

use chrono::{DateTime, Utc};
use mingjing_monitor::store::StoreError;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{PgConnection, PgPool};

/// A card, order or complaint, as far as its pins need it.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Subject {
    /// `card`, `order` or `complaint`.
    pub kind: String,
    /// Its number.
    pub subject: String,
    /// Code of its hall.
    pub hall: String,
    /// Its window.
    pub win: Option<String>,
    /// The case that it is about.
    pub case_no: Option<String>,
    /// The camera that it is about.
    pub camera: Option<String>,
    /// The instant that it is about.
    pub at: DateTime<Utc>,
    /// The numbers of a card.
    pub facts: Json<Value>,
    /// When it was over.
    pub closed_at: Option<DateTime<Utc>>,
    /// Over, and it was nothing: revoked, withdrawn, cleared, cancelled.
    pub void: bool,
}

impl Subject {
    /// A case itself, opened at this instant: no card, but what points to recordings as one does.
    pub fn of_case(no: &str, hall: &str, window: Option<String>, opened_at: DateTime<Utc>) -> Self {
        Self {
            kind: "case".into(),
            subject: no.into(),
            hall: hall.into(),
            win: window,
            case_no: Some(no.into()),
            camera: None,
            at: opened_at,
            facts: Json(Value::Null),
            closed_at: None,
            void: false,
        }
    }
}

/// Kind, number and revision of what stands, and of what was over since `since`.
///
/// # Errors
/// When the database cannot be asked.
pub async fn revisions(
    db: &PgPool,
    since: DateTime<Utc>,
) -> Result<Vec<(String, String, i64)>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT 'card', id::text, revision::bigint FROM card WHERE closed_at IS NULL OR closed_at >= $1
         UNION ALL
         SELECT 'order', id::text, revision::bigint FROM supervision_order WHERE closed_at IS NULL OR closed_at >= $1
         UNION ALL
         SELECT 'complaint', no, (extract(epoch FROM changed) * 1000000)::bigint FROM complaint WHERE is_open OR changed >= $1",
    );
    Ok(rows.bind(since).fetch_all(db).await?)
}

/// One of them, whether it stands or not.
///
/// # Errors
/// When the database cannot be asked.
pub async fn subject(db: &PgPool, kind: &str, number: &str) -> Result<Option<Subject>, StoreError> {
    let row = sqlx::query_as(
        "SELECT 'card' AS kind, id::text AS subject, hall, win, case_no, CASE WHEN about = 'camera' THEN subject END AS camera,
             due_at AS at, facts, closed_at, state IN ('revoked', 'withdrawn', 'cleared', 'cancelled') AS void
         FROM card WHERE id = CASE WHEN $1 = 'card' THEN $2::text::bigint END
         UNION ALL
         SELECT 'order', o.id::text, o.hall, o.win, coalesce(o.case_no, c.case_no),
             coalesce(o.camera, CASE WHEN c.about = 'camera' THEN c.subject END), coalesce(o.picture_at, c.due_at, o.due_at),
             coalesce(c.facts, '{}'), o.closed_at, o.state = 'cancelled'
         FROM supervision_order o LEFT JOIN card c ON c.id = o.card
         WHERE o.id = CASE WHEN $1 = 'order' THEN $2::text::bigint END
         UNION ALL
         SELECT 'complaint', no, hall, fold->>'window', case_no, NULL, opened_at, '{}', CASE WHEN NOT is_open THEN changed END,
             status = 'refused'
         FROM complaint WHERE $1 = 'complaint' AND no = $2",
    );
    Ok(row.bind(kind).bind(number).fetch_optional(db).await?)
}

/// Subjects that are over and whose pins do not know it: they were over while nobody looked.
///
/// # Errors
/// When the database cannot be asked.
pub async fn endless(db: &PgPool) -> Result<Vec<(String, String)>, StoreError> {
    let rows =
        sqlx::query_as("SELECT DISTINCT kind, subject FROM recording_pin WHERE until IS NULL");
    Ok(rows.fetch_all(db).await?)
}

/// A time of one camera's recordings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, sqlx::FromRow)]
pub struct Span {
    /// The camera.
    pub camera: String,
    /// Begin.
    pub from_at: DateTime<Utc>,
    /// End.
    pub to_at: DateTime<Utc>,
}

/// Makes the pins of a subject these, until then. True: something changed that an ingest must hear of.
///
/// # Errors
/// When the database refuses.
pub async fn set(
    db: &PgPool,
    kind: &str,
    subject: &str,
    spans: &[Span],
    until: Option<DateTime<Utc>>,
) -> Result<bool, StoreError> {
    let mut tx = db.begin().await?;
    let old: Vec<(i64, String, DateTime<Utc>, DateTime<Utc>)> = sqlx::query_as(
        "SELECT id, camera, from_at, to_at FROM recording_pin WHERE kind = $1 AND subject = $2 AND NOT released FOR UPDATE",
    )
    .bind(kind)
    .bind(subject)
    .fetch_all(&mut *tx)
    .await?;
    let is = |(_, camera, from, to): &(i64, String, DateTime<Utc>, DateTime<Utc>), span: &Span| {
        (camera, from, to) == (&span.camera, &span.from_at, &span.to_at)
    };
    let gone: Vec<i64> = old
        .iter()
        .filter(|row| !spans.iter().any(|span| is(row, span)))
        .map(|row| row.0)
        .collect();
    let new: Vec<&Span> = spans
        .iter()
        .filter(|span| !old.iter().any(|row| is(row, span)))
        .collect();
    sqlx::query(
        "INSERT INTO recording_pin (kind, subject, camera, from_at, to_at)
         SELECT $1, $2, * FROM UNNEST($3::text[], $4::timestamptz[], $5::timestamptz[])",
    )
    .bind(kind)
    .bind(subject)
    .bind(
        new.iter()
            .map(|span| span.camera.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(new.iter().map(|span| span.from_at).collect::<Vec<_>>())
    .bind(new.iter().map(|span| span.to_at).collect::<Vec<_>>())
    .execute(&mut *tx)
    .await?;
    release(&mut tx, &gone).await?;
    sqlx::query(
        "UPDATE recording_pin SET until = $3 WHERE kind = $1 AND subject = $2 AND NOT released AND until IS DISTINCT FROM $3",
    )
    .bind(kind)
    .bind(subject)
    .bind(until)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(!gone.is_empty() || !new.is_empty())
}

/// What a subject's pins are for is over: they are kept until then.
///
/// # Errors
/// When the database refuses.
pub async fn end(
    db: &PgPool,
    kind: &str,
    subject: &str,
    until: DateTime<Utc>,
) -> Result<(), StoreError> {
    let ended = sqlx::query(
        "UPDATE recording_pin SET until = $3 WHERE kind = $1 AND subject = $2 AND until IS NULL",
    );
    ended
        .bind(kind)
        .bind(subject)
        .bind(until)
        .execute(db)
        .await?;
    Ok(())
}

/// Lets go of the pins whose time is over; how many.
///
/// # Errors
/// When the database refuses.
pub async fn expire(db: &PgPool, now: DateTime<Utc>) -> Result<usize, StoreError> {
    let mut tx = db.begin().await?;
    let over: Vec<i64> = sqlx::query_scalar(
        "SELECT id FROM recording_pin WHERE until <= $1 AND NOT released FOR UPDATE",
    )
    .bind(now)
    .fetch_all(&mut *tx)
    .await?;
    release(&mut tx, &over).await?;
    tx.commit().await?;
    Ok(over.len())
}

async fn release(connection: &mut PgConnection, pins: &[i64]) -> Result<(), StoreError> {
    let released = sqlx::query(
        "UPDATE recording_pin SET released = true, told_at = NULL, revision = revision + 1 WHERE id = ANY($1)",
    );
    released.bind(pins).execute(connection).await?;
    Ok(())
}

/// What an ingest has not heard of yet.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Untold {
    /// The row.
    pub id: i64,
    /// For what.
    pub kind: String,
    /// Its number.
    pub subject: String,
    /// Of the row.
    pub revision: i32,
    /// The camera.
    pub camera: String,
    /// Begin.
    pub from_at: DateTime<Utc>,
    /// End.
    pub to_at: DateTime<Utc>,
    /// It is to be let go.
    pub released: bool,
}

/// The oldest pins that an ingest has not heard of: of the times in which it carried their cameras.
///
/// # Errors
/// When the database cannot be asked.
pub async fn untold(db: &PgPool, edge: &str, limit: i64) -> Result<Vec<Untold>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT id, kind, subject, revision, camera, from_at, to_at, released FROM recording_pin p
         WHERE told_at IS NULL AND $1 = (
             SELECT h.edge FROM camera_home h WHERE h.camera = p.camera AND (h.since IS NULL OR h.since <= p.from_at)
             ORDER BY h.since DESC NULLS LAST LIMIT 1)
         ORDER BY id LIMIT $2",
    );
    Ok(rows.bind(edge).bind(limit).fetch_all(db).await?)
}

/// The ingest wrote these down, in these revisions; what was let go is over.
///
/// # Errors
/// When the database refuses.
pub async fn told(db: &PgPool, pins: &[(i64, i32)], now: DateTime<Utc>) -> Result<(), StoreError> {
    let (ids, revisions): (Vec<i64>, Vec<i32>) = pins.iter().copied().unzip();
    let mut tx = db.begin().await?;
    sqlx::query(
        "DELETE FROM recording_pin p USING UNNEST($1::bigint[], $2::int[]) AS t (id, revision)
         WHERE p.id = t.id AND p.revision = t.revision AND p.released",
    )
    .bind(&ids)
    .bind(&revisions)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "UPDATE recording_pin p SET told_at = $3 FROM UNNEST($1::bigint[], $2::int[]) AS t (id, revision)
         WHERE p.id = t.id AND p.revision = t.revision",
    )
    .bind(&ids)
    .bind(&revisions)
    .bind(now)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

/// What is kept for one subject, and whether its ingest has written it down.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Kept {
    /// The camera.
    pub camera: String,
    /// Begin.
    pub from_at: DateTime<Utc>,
    /// End.
    pub to_at: DateTime<Utc>,
    /// The ingest that holds the recordings has written it down.
    pub told: bool,
}

/// What is kept for one subject.
///
/// # Errors
/// When the database cannot be asked.
pub async fn of(db: &PgPool, kind: &str, subject: &str) -> Result<Vec<Kept>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT camera, from_at, to_at, told_at IS NOT NULL AS told FROM recording_pin
         WHERE kind = $1 AND subject = $2 AND NOT released ORDER BY from_at, camera",
    );
    Ok(rows.bind(kind).bind(subject).fetch_all(db).await?)
}
