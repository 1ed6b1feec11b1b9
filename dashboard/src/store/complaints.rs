//! Complaints, as far as events tell of them.

use mingjing_monitor::store::StoreError;
use sqlx::PgPool;

/// How many complaints about a case are neither closed nor refused.
pub async fn open_about(db: &PgPool, case: &str) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar(
        "SELECT count(DISTINCT r.case_no) FROM case_event r
         WHERE r.type LIKE 'complaint.%' AND r.type = 'complaint.received' AND r.data->>'case' = $1
           AND NOT EXISTS (SELECT FROM case_event e WHERE e.type LIKE 'complaint.%' AND e.case_no = r.case_no
                           AND e.type IN ('complaint.closed', 'complaint.refused'))",
    );
    Ok(count.bind(case).fetch_one(db).await?)
}
