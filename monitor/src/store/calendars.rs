//! Calendar years loaded on top of the shipped ones.

use chrono::NaiveDate;
use sqlx::{PgConnection, PgPool};

use super::StoreError;

/// A year of the statutory calendar as a notice of the State Council gives it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct CalendarYear {
    /// The year.
    pub year: i32,
    /// Days off beside weekends (a weekend day may stand here too).
    pub holidays: Vec<NaiveDate>,
    /// Weekend days that are worked (调休).
    pub makeup: Vec<NaiveDate>,
    /// The notice it comes from.
    pub notice: String,
}

/// Every year loaded, oldest first.
pub async fn years(pool: &PgPool) -> Result<Vec<CalendarYear>, StoreError> {
    let rows =
        sqlx::query_as("SELECT year, holidays, makeup, notice FROM calendar_year ORDER BY year");
    Ok(rows.fetch_all(pool).await?)
}

/// Adds or replaces a year. Days of another year are refused.
pub async fn set_year(
    connection: &mut PgConnection,
    year: &CalendarYear,
) -> Result<(), StoreError> {
    use chrono::Datelike;
    if let Some(stray) = year
        .holidays
        .iter()
        .chain(&year.makeup)
        .find(|day| day.year() != year.year)
    {
        return Err(StoreError::Import(format!(
            "{stray} stands in the calendar of {}: move it to its own year",
            year.year
        )));
    }
    sqlx::query(
        "INSERT INTO calendar_year (year, holidays, makeup, notice) VALUES ($1, $2, $3, $4)
         ON CONFLICT (year) DO UPDATE SET holidays = excluded.holidays, makeup = excluded.makeup, notice = excluded.notice",
    )
    .bind(year.year)
    .bind(&year.holidays)
    .bind(&year.makeup)
    .bind(&year.notice)
    .execute(connection)
    .await?;
    Ok(())
}
