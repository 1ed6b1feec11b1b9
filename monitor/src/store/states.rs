//! The state of every case as the supervisor keeps it: its fold, its clock at the last look, and when to look again.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::StoreError;
use crate::case::{CaseFold, Spent};

/// A row of `case_state`.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseRecord {
    /// What the events add up to; holds number, source and status.
    pub fold: CaseFold,
    /// Who has it now.
    pub hall: String,
    /// The unit that handles it; empty where no event has named one.
    pub unit: String,
    /// The window.
    pub window: Option<String>,
    /// The item; empty where no event has named one.
    pub item: String,
    /// Version of the item in force at acceptance; `None` while the item is not known.
    pub item_version: Option<i32>,
    /// Handling kind, a word of `HandlingKind`.
    pub kind: String,
    /// `not_started`, `running`, `suspended` or `stopped`.
    pub clock: String,
    /// `on_time`, `over_promise_only`, `over_legal` or `no_deadline`; `None` while the clock has not started.
    pub bucket: Option<String>,
    /// Accepted or applied for, and not over.
    pub is_open: bool,
    /// Acceptance, or application, or the first event: what lists are sorted by.
    pub opened_at: DateTime<Utc>,
    /// When the promise falls due.
    pub promise_due: Option<DateTime<Utc>>,
    /// When the legal limit falls due.
    pub legal_due: Option<DateTime<Utc>>,
    /// Whether one of them lies in a year not loaded (预计).
    pub expected: bool,
    /// The next instant at which anything can change by time alone.
    pub next_instant: Option<DateTime<Utc>>,
    /// Working time; `None`: not measured yet, and in no statistics.
    pub spent: Option<Spent>,
}

impl CaseRecord {
    /// The instant by which lateness is judged: the promise, or the law where nothing is promised.
    pub fn due(&self) -> Option<DateTime<Utc>> {
        self.promise_due.or(self.legal_due)
    }

    /// Whether the two differ in nothing but when to look again.
    pub fn looks_like(&self, other: &Self) -> bool {
        (&self.hall, &self.unit, &self.window, &self.item, &self.kind)
            == (
                &other.hall,
                &other.unit,
                &other.window,
                &other.item,
                &other.kind,
            )
            && (&self.clock, &self.bucket, self.is_open)
                == (&other.clock, &other.bucket, other.is_open)
            && (self.promise_due, self.legal_due, self.expected)
                == (other.promise_due, other.legal_due, other.expected)
            && self.fold == other.fold
    }

    /// When it was decided.
    pub fn decided_at(&self) -> Option<DateTime<Utc>> {
        self.fold.decided.as_ref().map(|moment| moment.at)
    }

    /// When it was accepted.
    pub fn accepted_at(&self) -> Option<DateTime<Utc>> {
        self.fold.accepted.as_ref().map(|moment| moment.at)
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    hall: String,
    unit: String,
    win: Option<String>,
    item: String,
    item_version: Option<i32>,
    kind: String,
    clock: String,
    bucket: Option<String>,
    is_open: bool,
    opened_at: DateTime<Utc>,
    promise_due: Option<DateTime<Utc>>,
    legal_due: Option<DateTime<Utc>>,
    expected: bool,
    next_instant: Option<DateTime<Utc>>,
    spent: Option<Json<Spent>>,
    fold: Json<CaseFold>,
}

/// The columns of a [`CaseRecord`].
macro_rules! select_records {
    ($rest:literal) => {
        concat!(
            "SELECT hall, unit, win, item, item_version, kind, clock, bucket, is_open, opened_at, promise_due, legal_due,
                expected, next_instant, spent, fold
             FROM case_state ",
            $rest
        )
    };
}

impl From<Row> for CaseRecord {
    fn from(row: Row) -> Self {
        Self {
            fold: row.fold.0,
            hall: row.hall,
            unit: row.unit,
            window: row.win,
            item: row.item,
            item_version: row.item_version,
            kind: row.kind,
            clock: row.clock,
            bucket: row.bucket,
            is_open: row.is_open,
            opened_at: row.opened_at,
            promise_due: row.promise_due,
            legal_due: row.legal_due,
            expected: row.expected,
            next_instant: row.next_instant,
            spent: row.spent.map(|spent| spent.0),
        }
    }
}

/// The states of these cases. No lock is taken: one writer owns the partition.
pub async fn load(
    connection: &mut PgConnection,
    cases: &[&str],
) -> Result<Vec<CaseRecord>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(select_records!("WHERE no = ANY($1)"))
        .bind(cases)
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().map(CaseRecord::from).collect())
}

/// All cases by number, after `after`, at most `limit`.
pub async fn page(
    connection: &mut PgConnection,
    after: &str,
    limit: i64,
) -> Result<Vec<CaseRecord>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(select_records!("WHERE no > $1 ORDER BY no LIMIT $2"))
        .bind(after)
        .bind(limit)
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().map(CaseRecord::from).collect())
}

/// Cases whose next instant has come at `now`, earliest first, at most `limit`; those of sources in `except` left out.
pub async fn due(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
    except: &[String],
    limit: i64,
) -> Result<Vec<CaseRecord>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(select_records!(
        "WHERE next_instant <= $1 AND source <> ALL($2) ORDER BY next_instant LIMIT $3"
    ))
    .bind(now)
    .bind(except)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(CaseRecord::from).collect())
}

/// Like [`due`], of one source only.
pub async fn due_of_source(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
    source: &str,
    limit: i64,
) -> Result<Vec<CaseRecord>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(select_records!(
        "WHERE next_instant <= $1 AND source = $2 ORDER BY next_instant LIMIT $3"
    ))
    .bind(now)
    .bind(source)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(CaseRecord::from).collect())
}

/// Every distinct instant at which some case has to be looked at. Deadlines fall on closing times, so there are far
/// fewer instants than cases.
pub async fn instants(connection: &mut PgConnection) -> Result<Vec<DateTime<Utc>>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT DISTINCT next_instant FROM case_state WHERE next_instant IS NOT NULL",
    )
    .fetch_all(connection)
    .await?)
}

/// Cases whose deadline was only expected, when a calendar year has been loaded.
pub async fn expected(
    connection: &mut PgConnection,
    after: &str,
    limit: i64,
) -> Result<Vec<CaseRecord>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(select_records!(
        "WHERE expected AND no > $1 ORDER BY no LIMIT $2"
    ))
    .bind(after)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(CaseRecord::from).collect())
}

/// Cases of which something may have fallen due from `from` to `to`, by number. What fell due over 400 days after a case had
/// ended is not looked for.
pub async fn between(
    connection: &mut PgConnection,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    after: &str,
    limit: i64,
) -> Result<Vec<CaseRecord>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(select_records!(
        "WHERE opened_at < $2 AND no > $3
           AND (decided_at IS NULL OR greatest(decided_at, delivered_at) >= $1 - interval '400 days')
         ORDER BY no LIMIT $4"
    ))
    .bind(from)
    .bind(to)
    .bind(after)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(CaseRecord::from).collect())
}

/// How many [`between`] gives in all.
pub async fn between_count(
    pool: &sqlx::PgPool,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let count: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM case_state WHERE opened_at < $2
           AND (decided_at IS NULL OR greatest(decided_at, delivered_at) >= $1 - interval '400 days')",
    )
    .bind(from)
    .bind(to)
    .fetch_one(pool)
    .await?;
    Ok(count.unsigned_abs())
}

/// Cases that were taken up before working time was measured.
pub async fn unmeasured(
    connection: &mut PgConnection,
    after: &str,
    limit: i64,
) -> Result<Vec<CaseRecord>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(select_records!(
        "WHERE spent IS NULL AND no > $1 ORDER BY no LIMIT $2"
    ))
    .bind(after)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(CaseRecord::from).collect())
}

/// How many open cases of `hall` and below have a deadline that is only expected.
pub async fn expected_count(pool: &sqlx::PgPool, hall: &str) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar(
        "SELECT count(*) FROM case_state s JOIN hall h ON h.code = s.hall
         WHERE s.expected AND s.is_open AND h.path @> ARRAY[$1::text]",
    );
    Ok(count.bind(hall).fetch_one(pool).await?)
}

/// Cases that may still come to something, and those decided or delivered since then: what has to be looked at when the rules
/// or the calendar change.
pub async fn waiting(
    connection: &mut PgConnection,
    decided_since: Option<DateTime<Utc>>,
    after: &str,
    limit: i64,
) -> Result<Vec<CaseRecord>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(select_records!(
        "WHERE (is_open OR next_instant IS NOT NULL OR greatest(decided_at, delivered_at) >= $1) AND no > $2
         ORDER BY no LIMIT $3"
    ))
    .bind(decided_since)
    .bind(after)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(CaseRecord::from).collect())
}

/// The cases of these applicants ([`Applicant::key`](crate::event::Applicant::key)) for these items that were opened since then, by
/// number.
pub async fn of_applicants(
    connection: &mut PgConnection,
    wanted: &[(String, &str)],
    opened_since: DateTime<Utc>,
) -> Result<Vec<CaseRecord>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(select_records!(
        "WHERE fold ? 'applicant' AND (coalesce(nullif(fold->'applicant'->>'id_hash', ''),
             nullif(fold->'applicant'->>'name', '') || ' ' || nullif(fold->'applicant'->>'phone', '')), item)
             IN (SELECT * FROM UNNEST($1::text[], $2::text[])) AND opened_at >= $3 ORDER BY no"
    ))
    .bind(wanted.iter().map(|(applicant, _)| applicant.as_str()).collect::<Vec<_>>())
    .bind(wanted.iter().map(|(_, item)| *item).collect::<Vec<_>>())
    .bind(opened_since)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(CaseRecord::from).collect())
}

/// Of the cases of these applicants for these items those that were withdrawn since then, by number.
pub async fn withdrawn(
    connection: &mut PgConnection,
    wanted: &[(String, &str)],
    since: DateTime<Utc>,
) -> Result<Vec<CaseFold>, StoreError> {
    let rows: Vec<Json<CaseFold>> = sqlx::query_scalar(
        "SELECT fold FROM case_state
         WHERE status = 'withdrawn' AND fold ? 'applicant' AND (coalesce(nullif(fold->'applicant'->>'id_hash', ''),
             nullif(fold->'applicant'->>'name', '') || ' ' || nullif(fold->'applicant'->>'phone', '')), item)
             IN (SELECT * FROM UNNEST($1::text[], $2::text[])) AND decided_at >= $3 ORDER BY no",
    )
    .bind(wanted.iter().map(|(applicant, _)| applicant.as_str()).collect::<Vec<_>>())
    .bind(wanted.iter().map(|(_, item)| *item).collect::<Vec<_>>())
    .bind(since)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Whether there is any case.
pub async fn any(connection: &mut PgConnection) -> Result<bool, StoreError> {
    let any = sqlx::query_scalar("SELECT EXISTS (SELECT FROM case_state)");
    Ok(any.fetch_one(connection).await?)
}

/// Writes whole rows, new or not.
pub async fn upsert(
    connection: &mut PgConnection,
    records: &[&CaseRecord],
    changed: DateTime<Utc>,
) -> Result<(), StoreError> {
    fn column<'a, T>(records: &[&'a CaseRecord], pick: impl Fn(&'a CaseRecord) -> T) -> Vec<T> {
        records.iter().map(|&record| pick(record)).collect()
    }
    sqlx::query(
        "INSERT INTO case_state (no, source, hall, unit, win, item, item_version, kind, status, clock, bucket, is_open,
             opened_at, applied_at, accepted_at, decided_at, delivered_at, promise_due, legal_due, expected,
             next_instant, spent, fold, changed)
         SELECT *, $24 FROM UNNEST($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int[],
             $8::text[], $9::text[], $10::text[], $11::text[], $12::bool[], $13::timestamptz[], $14::timestamptz[],
             $15::timestamptz[], $16::timestamptz[], $17::timestamptz[], $18::timestamptz[], $19::timestamptz[],
             $20::bool[], $21::timestamptz[], $22::jsonb[], $23::jsonb[])
         ON CONFLICT (no) DO UPDATE SET source = excluded.source, hall = excluded.hall, unit = excluded.unit,
             win = excluded.win, item = excluded.item, item_version = excluded.item_version, kind = excluded.kind,
             status = excluded.status, clock = excluded.clock, bucket = excluded.bucket, is_open = excluded.is_open,
             opened_at = excluded.opened_at, applied_at = excluded.applied_at, accepted_at = excluded.accepted_at,
             decided_at = excluded.decided_at, delivered_at = excluded.delivered_at,
             promise_due = excluded.promise_due, legal_due = excluded.legal_due, expected = excluded.expected,
             next_instant = excluded.next_instant, spent = excluded.spent, fold = excluded.fold, changed = excluded.changed",
    )
    .bind(column(records, |record| record.fold.case_no.as_str()))
    .bind(column(records, |record| record.fold.source.as_str()))
    .bind(column(records, |record| record.hall.as_str()))
    .bind(column(records, |record| record.unit.as_str()))
    .bind(column(records, |record| record.window.as_deref()))
    .bind(column(records, |record| record.item.as_str()))
    .bind(column(records, |record| record.item_version))
    .bind(column(records, |record| record.kind.as_str()))
    .bind(column(records, |record| record.fold.status.as_str()))
    .bind(column(records, |record| record.clock.as_str()))
    .bind(column(records, |record| record.bucket.as_deref()))
    .bind(column(records, |record| record.is_open))
    .bind(column(records, |record| record.opened_at))
    .bind(column(records, |record| record.fold.applied.as_ref().map(|moment| moment.at)))
    .bind(column(records, CaseRecord::accepted_at))
    .bind(column(records, CaseRecord::decided_at))
    .bind(column(records, |record| record.fold.delivered.as_ref().map(|moment| moment.at)))
    .bind(column(records, |record| record.promise_due))
    .bind(column(records, |record| record.legal_due))
    .bind(column(records, |record| record.expected))
    .bind(column(records, |record| record.next_instant))
    .bind(column(records, |record| record.spent.as_ref().map(Json)))
    .bind(column(records, |record| Json(&record.fold)))
    .bind(changed)
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes what time, the rules or the calendar change: clock, bucket, working time and the next instant. The fold is not touched.
pub async fn advance(
    connection: &mut PgConnection,
    records: &[&CaseRecord],
    changed: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE case_state s SET clock = n.clock, bucket = n.bucket, promise_due = n.promise_due,
             legal_due = n.legal_due, expected = n.expected, next_instant = n.next_instant, spent = n.spent, changed = $9
         FROM UNNEST($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::bool[],
                     $7::timestamptz[], $8::jsonb[])
             AS n (no, clock, bucket, promise_due, legal_due, expected, next_instant, spent)
         WHERE s.no = n.no",
    )
    .bind(records.iter().map(|record| record.fold.case_no.as_str()).collect::<Vec<_>>())
    .bind(records.iter().map(|record| record.clock.as_str()).collect::<Vec<_>>())
    .bind(records.iter().map(|record| record.bucket.as_deref()).collect::<Vec<_>>())
    .bind(records.iter().map(|record| record.promise_due).collect::<Vec<_>>())
    .bind(records.iter().map(|record| record.legal_due).collect::<Vec<_>>())
    .bind(records.iter().map(|record| record.expected).collect::<Vec<_>>())
    .bind(records.iter().map(|record| record.next_instant).collect::<Vec<_>>())
    .bind(records.iter().map(|record| record.spent.as_ref().map(Json)).collect::<Vec<_>>())
    .bind(changed)
    .execute(connection)
    .await?;
    Ok(())
}
