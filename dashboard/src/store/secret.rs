//! What `mingjing secret rotate` asks the database.

use mingjing_monitor::store::StoreError;
use sqlx::PgPool;

/// How many accounts have a second factor, which is sealed with the same key. Asked of the rows as they are: a database that was
/// brought further may have them, and one of this version none.
///
/// # Errors
/// When the database cannot be asked.
pub async fn second_factors(db: &PgPool) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar(
        "SELECT count(*) FROM account a WHERE to_jsonb(a) ->> 'totp' IS NOT NULL",
    );
    Ok(count.fetch_one(db).await?)
}
