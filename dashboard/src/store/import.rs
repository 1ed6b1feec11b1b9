//! What an import needs beside `monitor::store`.

use sqlx::PgConnection;

/// Codes of every unit.
pub async fn unit_codes(connection: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar("SELECT code FROM unit")
        .fetch_all(connection)
        .await
}

/// Takes away the hall that the console put at the root of an empty database, once an import that does not know it
/// brings the real ones. A hall that anything refers to stays.
pub async fn leave_placeholder(
    connection: &mut PgConnection,
    imported: &[String],
) -> sqlx::Result<()> {
    sqlx::query(
        "DELETE FROM hall h WHERE parent IS NULL AND NOT code = ANY($1)
             AND NOT EXISTS (SELECT FROM hall c WHERE c.parent = h.code)
             AND NOT EXISTS (SELECT FROM account a WHERE a.hall = h.code)
             AND NOT EXISTS (SELECT FROM token t WHERE t.hall = h.code)
             AND NOT EXISTS (SELECT FROM camera c WHERE c.hall = h.code)
             AND NOT EXISTS (SELECT FROM hall_window w WHERE w.hall = h.code)",
    )
    .bind(imported)
    .execute(connection)
    .await?;
    Ok(())
}

/// Tells running consoles that the organisation has changed.
pub async fn announce(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query("SELECT pg_notify('mingjing', 'organisation')")
        .execute(connection)
        .await?;
    Ok(())
}
