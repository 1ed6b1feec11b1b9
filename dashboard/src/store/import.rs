//! What an import needs beside `monitor::store`.

use sqlx::PgConnection;

/// Codes of every unit.
pub async fn unit_codes(connection: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar("SELECT code FROM unit")
        .fetch_all(connection)
        .await
}

/// Takes away the hall that the console put at the root of an empty database, once an import that does not know it
/// brings the real ones. Accounts and tokens that were made meanwhile move to the new root; a hall that anything else
/// refers to stays.
pub async fn leave_placeholder(
    connection: &mut PgConnection,
    imported: &[String],
) -> sqlx::Result<()> {
    let placeholder: Option<String> = sqlx::query_scalar(
        "SELECT h.code FROM hall h WHERE h.parent IS NULL AND NOT h.code = ANY($1)
             AND NOT EXISTS (SELECT FROM hall c WHERE c.parent = h.code)
             AND NOT EXISTS (SELECT FROM camera c WHERE c.hall = h.code)
             AND NOT EXISTS (SELECT FROM hall_window w WHERE w.hall = h.code)
             AND NOT EXISTS (SELECT FROM case_state s WHERE s.hall = h.code) LIMIT 1",
    )
    .bind(imported)
    .fetch_optional(&mut *connection)
    .await?;
    let root: Option<String> =
        sqlx::query_scalar("SELECT code FROM hall WHERE parent IS NULL AND code = ANY($1) LIMIT 1")
            .bind(imported)
            .fetch_optional(&mut *connection)
            .await?;
    let (Some(placeholder), Some(root)) = (placeholder, root) else {
        return Ok(());
    };
    for statement in [
        "UPDATE account SET hall = $2 WHERE hall = $1",
        "UPDATE token SET hall = $2 WHERE hall = $1",
        "DELETE FROM hall WHERE code = $1 AND $2 <> ''",
    ] {
        sqlx::query(statement)
            .bind(&placeholder)
            .bind(&root)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Tells running consoles that the organisation has changed.
pub async fn announce(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query("SELECT pg_notify('mingjing', 'organisation')")
        .execute(connection)
        .await?;
    Ok(())
}
