//! Cards of the overview: of a subtree, and inside it of one unit or window where a caller sees only that.
//!
//! Cards of a trial run are left out of every number and mark, but while the county is in its trial run and each page says so. In
//! rankings they never count.

use mingjing_monitor::store::StoreError;
use sqlx::PgPool;

use super::Seen;

/// Cards that stand, by grade and state, hall by hall.
pub async fn cards(
    db: &PgPool,
    seen: &Seen,
) -> Result<Vec<(String, String, String, i64)>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT c.hall, c.grade, c.state, count(*) FROM card c JOIN hall h ON h.code = c.hall
         WHERE c.closed_at IS NULL AND h.path @> ARRAY[$1] AND ($2::text IS NULL OR c.unit = $2)
           AND ($3::text IS NULL OR c.win = $3) AND (NOT c.trial OR (SELECT trial_run FROM county))
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
           AND (NOT c.trial OR (SELECT trial_run FROM county))
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
         WHERE case_no = ANY($1) AND closed_at IS NULL AND (NOT trial OR (SELECT trial_run FROM county))
           AND state IN ('issued', 'received', 'answered', 'appealed', 'returned', 'referred', 'contested')
         ORDER BY case_no, array_position(ARRAY['red_card', 'yellow_card', 'warning', 'notice'], grade), due_at",
    );
    Ok(rows.bind(cases).fetch_all(db).await?)
}
