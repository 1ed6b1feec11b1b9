//! The state of every complaint as the supervisor keeps it: its fold, its due instants, and when to look again.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::StoreError;
use crate::complaint::ComplaintFold;

/// A row of `complaint`.
#[derive(Debug, Clone, PartialEq)]
pub struct ComplaintRecord {
    /// What the events add up to; holds number, source, hall and status.
    pub fold: ComplaintFold,
    /// Came in, and neither refused nor closed.
    pub is_open: bool,
    /// When it came in, as far as that is known.
    pub opened_at: DateTime<Utc>,
    /// By when it is to be accepted.
    pub accept_due: Option<DateTime<Utc>>,
    /// By when it is to be answered.
    pub finish_due: Option<DateTime<Utc>>,
    /// The next instant at which anything can change by time alone.
    pub next_instant: Option<DateTime<Utc>>,
}

#[derive(sqlx::FromRow)]
struct Row {
    is_open: bool,
    opened_at: DateTime<Utc>,
    accept_due: Option<DateTime<Utc>>,
    finish_due: Option<DateTime<Utc>>,
    next_instant: Option<DateTime<Utc>>,
    fold: Json<ComplaintFold>,
}

impl From<Row> for ComplaintRecord {
    fn from(row: Row) -> Self {
        Self {
            fold: row.fold.0,
            is_open: row.is_open,
            opened_at: row.opened_at,
            accept_due: row.accept_due,
            finish_due: row.finish_due,
            next_instant: row.next_instant,
        }
    }
}

/// The states of these complaints. No lock is taken: one writer owns the partition.
pub async fn load(
    connection: &mut PgConnection,
    numbers: &[&str],
) -> Result<Vec<ComplaintRecord>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT is_open, opened_at, accept_due, finish_due, next_instant, fold FROM complaint WHERE no = ANY($1)",
    )
    .bind(numbers)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(ComplaintRecord::from).collect())
}

/// Complaints whose next instant has come at `now`, earliest first, at most `limit`; of `source` alone where one is given, else
/// of all sources but those in `except`.
pub async fn due(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
    source: Option<&str>,
    except: &[String],
    limit: i64,
) -> Result<Vec<ComplaintRecord>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT is_open, opened_at, accept_due, finish_due, next_instant, fold FROM complaint
         WHERE next_instant <= $1 AND source = coalesce($2, source) AND source <> ALL($3)
         ORDER BY next_instant LIMIT $4",
    )
    .bind(now)
    .bind(source)
    .bind(except)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(ComplaintRecord::from).collect())
}

/// Complaints that are not over, by number, after `after`: the rules changed, and all are looked at again.
pub async fn open(
    connection: &mut PgConnection,
    after: &str,
    limit: i64,
) -> Result<Vec<ComplaintRecord>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT is_open, opened_at, accept_due, finish_due, next_instant, fold FROM complaint
         WHERE is_open AND no > $1 ORDER BY no LIMIT $2",
    )
    .bind(after)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(ComplaintRecord::from).collect())
}

/// Complaints opened before `before`, by number, after `after`: of each something may have fallen due since.
pub async fn opened_before(
    connection: &mut PgConnection,
    before: DateTime<Utc>,
    after: &str,
    limit: i64,
) -> Result<Vec<ComplaintRecord>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT is_open, opened_at, accept_due, finish_due, next_instant, fold FROM complaint
         WHERE opened_at < $1 AND no > $2 ORDER BY no LIMIT $3",
    )
    .bind(before)
    .bind(after)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(ComplaintRecord::from).collect())
}

/// Every distinct instant at which some complaint has to be looked at.
pub async fn instants(connection: &mut PgConnection) -> Result<Vec<DateTime<Utc>>, StoreError> {
    let rows = sqlx::query_scalar(
        "SELECT DISTINCT next_instant FROM complaint WHERE next_instant IS NOT NULL",
    );
    Ok(rows.fetch_all(connection).await?)
}

/// Numbers of complaints that events tell of and that have no row: events from before there were rows.
pub async fn unfolded(connection: &mut PgConnection) -> Result<Vec<String>, StoreError> {
    let rows = sqlx::query_scalar(
        "SELECT DISTINCT e.case_no FROM case_event e
         WHERE e.type LIKE 'complaint.%' AND e.case_no IS NOT NULL
           AND NOT EXISTS (SELECT FROM complaint c WHERE c.no = e.case_no)",
    );
    Ok(rows.fetch_all(connection).await?)
}

/// Writes whole rows, new or not.
pub async fn upsert(
    connection: &mut PgConnection,
    records: &[&ComplaintRecord],
    changed: DateTime<Utc>,
) -> Result<(), StoreError> {
    fn column<'a, T>(
        records: &[&'a ComplaintRecord],
        pick: impl Fn(&'a ComplaintRecord) -> T,
    ) -> Vec<T> {
        records.iter().map(|&record| pick(record)).collect()
    }
    if records.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO complaint (no, source, hall, unit, kind, channel, case_no, status, is_open, upheld, opened_at,
             accept_due, finish_due, next_instant, fold, decided_at, finished_at, changed)
         SELECT *, $18 FROM UNNEST($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
             $8::text[], $9::bool[], $10::bool[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[],
             $14::timestamptz[], $15::jsonb[], $16::timestamptz[], $17::timestamptz[])
         ON CONFLICT (no) DO UPDATE SET source = excluded.source, hall = excluded.hall, unit = excluded.unit,
             kind = excluded.kind, channel = excluded.channel, case_no = excluded.case_no, status = excluded.status,
             is_open = excluded.is_open, upheld = excluded.upheld, opened_at = excluded.opened_at,
             accept_due = excluded.accept_due, finish_due = excluded.finish_due, next_instant = excluded.next_instant,
             fold = excluded.fold, decided_at = excluded.decided_at, finished_at = excluded.finished_at, changed = excluded.changed",
    )
    .bind(column(records, |record| record.fold.no.as_str()))
    .bind(column(records, |record| record.fold.source.as_str()))
    .bind(column(records, |record| record.fold.hall.as_str()))
    .bind(column(records, |record| record.fold.unit.as_deref()))
    .bind(column(records, |record| record.fold.kind.as_deref()))
    .bind(column(records, |record| record.fold.channel.as_deref()))
    .bind(column(records, |record| record.fold.case.as_deref()))
    .bind(column(records, |record| record.fold.status.as_str()))
    .bind(column(records, |record| record.is_open))
    .bind(column(records, |record| record.fold.upheld))
    .bind(column(records, |record| record.opened_at))
    .bind(column(records, |record| record.accept_due))
    .bind(column(records, |record| record.finish_due))
    .bind(column(records, |record| record.next_instant))
    .bind(column(records, |record| Json(&record.fold)))
    .bind(column(records, |record| record.fold.decided_at()))
    .bind(column(records, |record| {
        record.fold.finished().map(|moment| moment.at)
    }))
    .bind(changed)
    .execute(connection)
    .await?;
    Ok(())
}
