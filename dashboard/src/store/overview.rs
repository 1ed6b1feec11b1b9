//! Numbers of the overview: of a subtree, and inside it of one unit where a caller sees only that. Roll-ups answer, never
//! the events.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use mingjing_monitor::store::StoreError;
use mingjing_monitor::store::rollups::{Buckets, DayCounts, HallBuckets, HourCounts};
use sqlx::PgPool;

use super::Seen;

/// Open and decided cases by lateness, hall by hall, for the halls that have any.
pub async fn buckets(db: &PgPool, seen: &Seen) -> Result<Vec<HallBuckets>, StoreError> {
    let rows: Vec<(String, bool, String, i64)> = sqlx::query_as(
        "SELECT r.hall, r.is_open, r.bucket, sum(r.n)::bigint FROM rollup_bucket r JOIN hall h ON h.code = r.hall
         WHERE h.path @> ARRAY[$1] AND ($2::text IS NULL OR r.unit = $2)
         GROUP BY r.hall, r.is_open, r.bucket HAVING sum(r.n) <> 0 ORDER BY r.hall",
    )
    .bind(&seen.hall)
    .bind(&seen.unit)
    .fetch_all(db)
    .await?;
    let mut halls: BTreeMap<String, HallBuckets> = BTreeMap::new();
    for (hall, is_open, bucket, n) in rows {
        let entry = halls.entry(hall.clone()).or_insert_with(|| HallBuckets {
            hall,
            ..HallBuckets::default()
        });
        let side = if is_open {
            &mut entry.open
        } else {
            &mut entry.completed
        };
        *slot(side, &bucket) += n;
    }
    Ok(halls.into_values().collect())
}

fn slot<'a>(buckets: &'a mut Buckets, name: &str) -> &'a mut i64 {
    match name {
        "on_time" => &mut buckets.on_time,
        "over_promise_only" => &mut buckets.over_promise_only,
        "over_legal" => &mut buckets.over_legal,
        _ => &mut buckets.no_deadline,
    }
}

/// Counts of the local days from `from` to `to`, both included.
pub async fn days(
    db: &PgPool,
    seen: &Seen,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<DayCounts, StoreError> {
    let row = sqlx::query_as(
        "SELECT coalesce(sum(accepted), 0)::bigint AS accepted, coalesce(sum(completed), 0)::bigint AS completed,
                coalesce(sum(due), 0)::bigint AS due, coalesce(sum(due_met), 0)::bigint AS met,
                coalesce(sum(due_over), 0)::bigint AS over
         FROM rollup_day r JOIN hall h ON h.code = r.hall
         WHERE h.path @> ARRAY[$1] AND ($2::text IS NULL OR r.unit = $2) AND r.day BETWEEN $3 AND $4",
    );
    Ok(row
        .bind(&seen.hall)
        .bind(&seen.unit)
        .bind(from)
        .bind(to)
        .fetch_one(db)
        .await?)
}

/// The hours of [from, to) in which one unit accepted or decided anything, oldest first. The hourly roll-up knows no units:
/// one unit's day is a few cases, found by their index.
pub async fn hours_of_unit(
    db: &PgPool,
    seen: &Seen,
    unit: &str,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<HourCounts>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT hour, sum(accepted)::bigint AS accepted, sum(completed)::bigint AS completed FROM (
             SELECT date_trunc('hour', s.accepted_at) AS hour, 1 AS accepted, 0 AS completed, s.hall FROM case_state s
             WHERE s.unit = $2 AND s.accepted_at >= $3 AND s.accepted_at < $4
             UNION ALL
             SELECT date_trunc('hour', s.decided_at), 0, 1, s.hall FROM case_state s
             WHERE s.unit = $2 AND s.decided_at >= $3 AND s.decided_at < $4
         ) AS c JOIN hall h ON h.code = c.hall WHERE h.path @> ARRAY[$1] GROUP BY hour ORDER BY hour",
    );
    Ok(rows
        .bind(&seen.hall)
        .bind(unit)
        .bind(from)
        .bind(to)
        .fetch_all(db)
        .await?)
}

/// Cards that stand, by grade and state, hall by hall.
pub async fn cards(
    db: &PgPool,
    seen: &Seen,
) -> Result<Vec<(String, String, String, i64)>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT c.hall, c.grade, c.state, count(*) FROM card c JOIN hall h ON h.code = c.hall
         WHERE c.closed_at IS NULL AND h.path @> ARRAY[$1] AND ($2::text IS NULL OR c.unit = $2)
           AND ($3::text IS NULL OR c.win = $3)
         GROUP BY c.hall, c.grade, c.state",
    );
    Ok(rows
        .bind(&seen.hall)
        .bind(&seen.unit)
        .bind(&seen.window)
        .fetch_all(db)
        .await?)
}

/// The gravest standing card of each window: hall, window, card, grade.
pub async fn window_cards(
    db: &PgPool,
    seen: &Seen,
) -> Result<Vec<(String, String, i64, String)>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT DISTINCT ON (c.hall, c.win) c.hall, c.win, c.id, c.grade FROM card c JOIN hall h ON h.code = c.hall
         WHERE c.closed_at IS NULL AND c.win IS NOT NULL AND h.path @> ARRAY[$1]
           AND c.state IN ('issued', 'received', 'answered', 'appealed', 'returned', 'referred', 'contested')
           AND ($2::text IS NULL OR c.unit = $2) AND ($3::text IS NULL OR c.win = $3)
         ORDER BY c.hall, c.win, array_position(ARRAY['red_card', 'yellow_card', 'warning', 'notice'], c.grade), c.due_at",
    );
    Ok(rows
        .bind(&seen.hall)
        .bind(&seen.unit)
        .bind(&seen.window)
        .fetch_all(db)
        .await?)
}

/// The gravest standing card of each of these cases: case, card, grade.
pub async fn case_cards(
    db: &PgPool,
    cases: &[String],
) -> Result<Vec<(String, i64, String)>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT DISTINCT ON (case_no) case_no, id, grade FROM card
         WHERE case_no = ANY($1) AND closed_at IS NULL
           AND state IN ('issued', 'received', 'answered', 'appealed', 'returned', 'referred', 'contested')
         ORDER BY case_no, array_position(ARRAY['red_card', 'yellow_card', 'warning', 'notice'], grade), due_at",
    );
    Ok(rows.bind(cases).fetch_all(db).await?)
}

/// Yellow and red cards that fell due in [from, to) and weigh, by hall and by unit of county halls.
pub async fn month_cards(
    db: &PgPool,
    seen: &Seen,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<(String, Option<String>, String, i64)>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT c.hall, c.unit, c.grade, count(*) FROM card c JOIN hall h ON h.code = c.hall
         WHERE c.due_at >= $3 AND c.due_at < $4 AND c.grade IN ('yellow_card', 'red_card')
           AND c.state IN ('issued', 'received', 'answered', 'appealed', 'returned', 'referred', 'closed')
           AND h.path @> ARRAY[$1] AND ($2::text IS NULL OR c.unit = $2)
         GROUP BY c.hall, c.unit, c.grade",
    );
    Ok(rows
        .bind(&seen.hall)
        .bind(&seen.unit)
        .bind(from)
        .bind(to)
        .fetch_all(db)
        .await?)
}
