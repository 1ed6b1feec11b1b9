//! Lists and look-ups of cases, for the pages.

use chrono::{DateTime, Utc};
use sqlx::PgPool;
use sqlx::types::Json;

use super::StoreError;
use super::paging::{Cursor, Page};
use crate::case::CaseFold;
use crate::org::Level;

/// A case as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct CaseRow {
    /// Its number.
    pub no: String,
    /// Code of the hall that has it.
    pub hall: String,
    /// Name of that hall.
    pub hall_name: String,
    /// The window.
    #[sqlx(rename = "win")]
    pub window: Option<String>,
    /// Code of the unit; empty where no event named one.
    pub unit: String,
    /// Name of the unit.
    pub unit_name: Option<String>,
    /// Code of the item; empty where no event named one.
    pub item: String,
    /// Name of the item; `None` when it is not in the catalogue.
    pub item_name: Option<String>,
    /// Handling kind.
    pub kind: String,
    /// Life-cycle status.
    pub status: String,
    /// `not_started`, `running`, `suspended` or `stopped`.
    pub clock: String,
    /// Bucket of lateness; `None` while the clock has not started.
    pub bucket: Option<String>,
    /// What the list is sorted by.
    pub opened_at: DateTime<Utc>,
    /// Acceptance.
    pub accepted_at: Option<DateTime<Utc>>,
    /// Decision.
    pub decided_at: Option<DateTime<Utc>>,
    /// When the promise falls due.
    pub promise_due: Option<DateTime<Utc>>,
    /// When the legal limit falls due.
    pub legal_due: Option<DateTime<Utc>>,
    /// Whether a due instant lies in a year not loaded.
    pub expected: bool,
}

impl CaseRow {
    /// Where the list continues after this row.
    pub fn cursor(&self) -> Cursor {
        Cursor {
            at: self.opened_at,
            key: self.no.clone(),
        }
    }
}

/// The columns of a [`CaseRow`] and where they come from; `$1` is the top of the subtree.
macro_rules! select_rows {
    ($rest:literal) => {
        concat!(
            "SELECT s.no, s.hall, h.name AS hall_name, s.win, s.unit, u.name AS unit_name, s.item, i.name AS item_name,
                s.kind, s.status, s.clock, s.bucket, s.opened_at, s.accepted_at, s.decided_at, s.promise_due,
                s.legal_due, s.expected
             FROM case_state s
             JOIN hall h ON h.code = s.hall AND h.path @> ARRAY[$1]
             LEFT JOIN unit u ON u.code = s.unit
             LEFT JOIN LATERAL (SELECT name FROM item WHERE code = s.item ORDER BY version DESC LIMIT 1) i ON true ",
            $rest
        )
    };
}

/// What a list of cases is narrowed to; `None` leaves a thing open.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Open cases or decided ones.
    pub is_open: Option<bool>,
    /// Bucket of lateness.
    pub bucket: Option<String>,
    /// Code of the unit.
    pub unit: Option<String>,
    /// Code of the item.
    pub item: Option<String>,
    /// Number of the window (inside the halls of the scope).
    pub window: Option<String>,
    /// Beginning of the case number.
    pub query: Option<String>,
    /// Accepted (or applied for) at or after.
    pub from: Option<DateTime<Utc>>,
    /// Accepted (or applied for) before.
    pub to: Option<DateTime<Utc>>,
    /// The promise, or the law where nothing is promised, falls due at or after.
    pub due_from: Option<DateTime<Utc>>,
    /// It falls due before.
    pub due_before: Option<DateTime<Utc>>,
    /// Decided, after it was accepted, at or after.
    pub decided_from: Option<DateTime<Utc>>,
    /// Decided, after it was accepted, before.
    pub decided_to: Option<DateTime<Utc>>,
    /// Only cases that have a bucket: their clock has started.
    pub timed: bool,
    /// Only cases that rankings judge: over, or decided in time; immediate items apart.
    pub judged: bool,
    /// Only cases of halls of this level.
    pub level: Option<Level>,
    /// Only cases of the hall itself, none of those below it.
    pub hall_alone: bool,
    /// Only these.
    pub only: Option<Vec<String>>,
}

/// The cases of a subtree, newest first, and the next page's cursor.
pub async fn list(
    pool: &PgPool,
    scope: &str,
    filter: &Filter,
    page: &Page,
) -> Result<(Vec<CaseRow>, Option<Cursor>), StoreError> {
    let mut rows: Vec<CaseRow> = sqlx::query_as(
        select_rows!("WHERE ($2::bool IS NULL OR s.is_open = $2)
           AND ($3::text IS NULL OR s.bucket = $3)
           AND ($4::text IS NULL OR s.unit = $4)
           AND ($5::text IS NULL OR s.item = $5)
           AND ($6::text IS NULL OR s.win = $6)
           AND ($7::text IS NULL OR s.no LIKE $7)
           AND ($8::timestamptz IS NULL OR s.opened_at >= $8)
           AND ($9::timestamptz IS NULL OR s.opened_at < $9)
           AND ($10::timestamptz IS NULL OR (s.opened_at, s.no) < ($10, $11))
           AND ($12::timestamptz IS NULL OR coalesce(s.promise_due, s.legal_due) >= $12)
           AND ($13::timestamptz IS NULL OR coalesce(s.promise_due, s.legal_due) < $13)
           AND ($14::timestamptz IS NULL OR s.decided_at >= $14 AND s.accepted_at IS NOT NULL)
           AND ($15::timestamptz IS NULL OR s.decided_at < $15 AND s.accepted_at IS NOT NULL)
           AND (NOT $16 OR s.bucket IS NOT NULL)
           AND (NOT $17 OR s.kind <> 'immediate' AND s.accepted_at IS NOT NULL
                AND (s.bucket IN ('over_promise_only', 'over_legal') OR s.bucket = 'on_time' AND s.decided_at IS NOT NULL))
           AND ($18::text IS NULL OR h.level = $18)
           AND (NOT $19 OR s.hall = $1)
           AND ($20::text[] IS NULL OR s.no = ANY($20))
         ORDER BY s.opened_at DESC, s.no DESC LIMIT $21"),
    )
    .bind(scope)
    .bind(filter.is_open)
    .bind(&filter.bucket)
    .bind(&filter.unit)
    .bind(&filter.item)
    .bind(&filter.window)
    .bind(filter.query.as_deref().map(prefix_pattern))
    .bind(filter.from)
    .bind(filter.to)
    .bind(page.after.as_ref().map(|cursor| cursor.at))
    .bind(page.after.as_ref().map(|cursor| cursor.key.as_str()))
    .bind(filter.due_from)
    .bind(filter.due_before)
    .bind(filter.decided_from)
    .bind(filter.decided_to)
    .bind(filter.timed)
    .bind(filter.judged)
    .bind(filter.level.map(Level::as_str))
    .bind(filter.hall_alone)
    .bind(&filter.only)
    .bind(page.probe())
    .fetch_all(pool)
    .await?;
    let next = page.cut(&mut rows, CaseRow::cursor);
    Ok((rows, next))
}

/// A LIKE pattern of everything that begins with `text`.
pub fn prefix_pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// The cases with these numbers, inside the subtree.
pub async fn rows(
    pool: &PgPool,
    scope: &str,
    cases: &[String],
) -> Result<Vec<CaseRow>, StoreError> {
    let rows = sqlx::query_as(select_rows!("WHERE s.no = ANY($2)"));
    Ok(rows.bind(scope).bind(cases).fetch_all(pool).await?)
}

/// One case, inside the subtree: its row, its fold, and the version of its item.
pub async fn find(
    pool: &PgPool,
    scope: &str,
    no: &str,
) -> Result<Option<(CaseRow, CaseFold, Option<i32>)>, StoreError> {
    let Some(row) = rows(pool, scope, &[no.to_owned()]).await?.pop() else {
        return Ok(None);
    };
    let stored: Option<(Json<CaseFold>, Option<i32>)> =
        sqlx::query_as("SELECT fold, item_version FROM case_state WHERE no = $1")
            .bind(no)
            .fetch_optional(pool)
            .await?;
    Ok(stored.map(|(fold, version)| (row, fold.0, version)))
}

/// Open cases of a subtree, in time, that fall due before an instant; of one `unit` where it is given.
pub async fn due_before(
    pool: &PgPool,
    scope: &str,
    unit: Option<&str>,
    before: DateTime<Utc>,
) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar(
        // What is due is little, wherever it lies: a plan that went by the halls of the scope would read all their cases of all years.
        "WITH due AS MATERIALIZED (
             SELECT hall, count(*) AS n FROM case_state
             WHERE is_open AND bucket = 'on_time' AND coalesce(promise_due, legal_due) < $3 AND ($2::text IS NULL OR unit = $2)
             GROUP BY hall)
         SELECT coalesce(sum(n), 0)::bigint FROM due JOIN hall h ON h.code = due.hall WHERE h.path @> ARRAY[$1]",
    );
    Ok(count
        .bind(scope)
        .bind(unit)
        .bind(before)
        .fetch_one(pool)
        .await?)
}

#[cfg(test)]
mod tests {
    use super::prefix_pattern;

    #[test]
    fn a_search_text_is_no_pattern() {
        assert_eq!(prefix_pattern("2026-1"), "2026-1%");
        assert_eq!(prefix_pattern(r"5%_\"), r"5\%\_\\%");
    }
}
