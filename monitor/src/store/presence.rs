//! How many minutes of a day somebody was at the windows.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{PgConnection, PgPool};

use super::StoreError;

/// A window in a minute in which its hall was open, nothing excused it and a camera could say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Minute {
    /// Code of the hall.
    pub hall: String,
    /// Number of the window.
    pub no: String,
    /// Code of the unit that staffs it.
    pub unit: Option<String>,
    /// Somebody sat there.
    pub staffed: bool,
}

/// Counts one minute of these windows on its day. A minute that was counted is not counted again.
pub async fn count(
    connection: &mut PgConnection,
    day: NaiveDate,
    minute: DateTime<Utc>,
    windows: &[Minute],
) -> Result<(), StoreError> {
    if windows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO presence_day AS p (day, hall, no, unit, known, staffed, upto)
         SELECT $1, n.hall, n.no, n.unit, 1, n.staffed::int, $2
         FROM UNNEST($3::text[], $4::text[], $5::text[], $6::bool[]) AS n (hall, no, unit, staffed)
         ON CONFLICT (hall, no, day) DO UPDATE SET unit = excluded.unit, known = p.known + 1,
             staffed = p.staffed + excluded.staffed, upto = excluded.upto
         WHERE p.upto < excluded.upto",
    )
    .bind(day)
    .bind(minute)
    .bind(
        windows
            .iter()
            .map(|one| one.hall.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(
        windows
            .iter()
            .map(|one| one.no.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(
        windows
            .iter()
            .map(|one| one.unit.as_deref())
            .collect::<Vec<_>>(),
    )
    .bind(windows.iter().map(|one| one.staffed).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// Window-minutes of one hall and unit.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Minutes {
    /// Code of the hall.
    pub hall: String,
    /// Code of the unit.
    pub unit: Option<String>,
    /// Open, not excused, and seen.
    pub known: i64,
    /// Of them, with somebody there.
    pub staffed: i64,
}

/// The window-minutes from `first` to `last`, both included, by hall and unit.
pub async fn between(
    pool: &PgPool,
    first: NaiveDate,
    last: NaiveDate,
) -> Result<Vec<Minutes>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT hall, unit, sum(known) AS known, sum(staffed) AS staffed FROM presence_day
         WHERE day >= $1 AND day <= $2 GROUP BY hall, unit ORDER BY hall, unit",
    );
    Ok(rows.bind(first).bind(last).fetch_all(pool).await?)
}
