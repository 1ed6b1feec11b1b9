//! Rankings: what each hall of a level, or each unit of the county hall, had due in a month and met.

use chrono::NaiveDate;
use sqlx::PgPool;

use super::StoreError;

/// The numbers of one ranked hall or unit. Ranks are given by `monitor::score`; cards are counted by `alerts`.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Standing {
    /// Code of the hall or unit.
    pub code: String,
    /// Name in Chinese.
    pub name: String,
    /// Name in English.
    pub name_en: String,
    /// Cases that fell due in the month and are judged: met or over. Immediate items apart.
    pub due: i64,
    /// Of them, decided in time.
    pub met: i64,
    /// Open cases now.
    pub open: i64,
}

/// The halls of a level, `town` or `village`, in the subtree; days `from` to `to`, both included.
pub async fn halls(
    pool: &PgPool,
    scope: &str,
    level: &str,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Vec<Standing>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT h.code, h.name, h.name_en, coalesce(d.met + d.over, 0)::bigint AS due, coalesce(d.met, 0)::bigint AS met,
                coalesce(b.open, 0)::bigint AS open
         FROM hall h
         LEFT JOIN (SELECT hall, sum(due_met) AS met, sum(due_over) AS over FROM rollup_day
                    WHERE day BETWEEN $3 AND $4 GROUP BY hall) d ON d.hall = h.code
         LEFT JOIN (SELECT hall, sum(n) AS open FROM rollup_bucket WHERE is_open GROUP BY hall) b ON b.hall = h.code
         WHERE h.path @> ARRAY[$1] AND h.level = $2 ORDER BY h.path",
    );
    Ok(rows
        .bind(scope)
        .bind(level)
        .bind(from)
        .bind(to)
        .fetch_all(pool)
        .await?)
}

/// The units that have windows or cases in the county halls of the subtree.
pub async fn units(
    pool: &PgPool,
    scope: &str,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Vec<Standing>, StoreError> {
    let rows = sqlx::query_as(
        "WITH top AS (SELECT code FROM hall WHERE path @> ARRAY[$1] AND level = 'county'),
              d AS (SELECT unit, sum(due_met) AS met, sum(due_over) AS over FROM rollup_day
                    WHERE day BETWEEN $2 AND $3 AND hall IN (SELECT code FROM top) GROUP BY unit),
              b AS (SELECT unit, sum(n) AS open FROM rollup_bucket
                    WHERE is_open AND hall IN (SELECT code FROM top) GROUP BY unit)
         SELECT u.code, u.name, u.name_en, coalesce(d.met + d.over, 0)::bigint AS due,
                coalesce(d.met, 0)::bigint AS met, coalesce(b.open, 0)::bigint AS open
         FROM unit u LEFT JOIN d ON d.unit = u.code LEFT JOIN b ON b.unit = u.code
         WHERE d.unit IS NOT NULL OR b.unit IS NOT NULL
            OR EXISTS (SELECT FROM hall_window w WHERE w.unit = u.code AND w.hall IN (SELECT code FROM top))
         ORDER BY u.code",
    );
    Ok(rows.bind(scope).bind(from).bind(to).fetch_all(pool).await?)
}
