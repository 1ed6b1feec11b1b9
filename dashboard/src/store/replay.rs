//! The counts that a replay prints.

use sqlx::PgPool;

/// Cases of one hall in one state.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct CaseCount {
    /// Code of the hall.
    pub hall: String,
    /// Accepted or applied for, and not over.
    pub is_open: bool,
    /// Decided, refused, withdrawn or voided.
    pub is_decided: bool,
    /// Bucket of lateness; `None` while the clock has not started.
    pub bucket: Option<String>,
    /// How many.
    pub cases: i64,
    /// Of these: with a special procedure that an event ended.
    pub resumed: i64,
    /// Of these: with an extension.
    pub extended: i64,
}

/// Cases by hall and state.
pub async fn cases(db: &PgPool) -> sqlx::Result<Vec<CaseCount>> {
    sqlx::query_as(
        "SELECT hall, is_open, decided_at IS NOT NULL AS is_decided, bucket, count(*) AS cases,
                count(*) FILTER (WHERE jsonb_path_exists(fold, '$.suspensions[*].resumed')) AS resumed,
                count(*) FILTER (WHERE fold ? 'extension') AS extended
         FROM case_state GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4",
    )
    .fetch_all(db)
    .await
}

/// Cards that stand or have stood, by rule and grade; those taken back on evidence are left out.
pub async fn cards(db: &PgPool) -> sqlx::Result<Vec<(String, String, i64)>> {
    sqlx::query_as(
        "SELECT rule, grade, count(*) FROM card WHERE state <> 'withdrawn' GROUP BY 1, 2 ORDER BY length(rule), 1, 2",
    )
    .fetch_all(db)
    .await
}
