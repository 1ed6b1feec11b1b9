//! Calendar years loaded on top of the shipped ones.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::types::Json;
use sqlx::{PgConnection, PgPool};

use super::StoreError;
use crate::calendar::{CalendarMark, WorkdayYear, Workdays};

type Row = (i32, Vec<NaiveDate>, Vec<NaiveDate>, String);

/// Every year loaded, oldest first.
pub async fn years(pool: &PgPool) -> Result<Vec<WorkdayYear>, StoreError> {
    let rows: Vec<Row> =
        sqlx::query_as("SELECT year, holidays, makeup, notice FROM calendar_year ORDER BY year")
            .fetch_all(pool)
            .await?;
    let year = |(year, holidays, makeup, notice)| WorkdayYear {
        year,
        notice,
        holidays,
        makeup,
    };
    Ok(rows.into_iter().map(year).collect())
}

/// The shipped workdays with every loaded year added or replaced.
pub async fn workdays(pool: &PgPool) -> Result<Workdays, StoreError> {
    let years = years(pool).await?;
    let stored = |error: crate::calendar::CalendarError| StoreError::Stored(error.to_string());
    years
        .into_iter()
        .try_fold(Workdays::shipped(), |days, year| {
            days.with_year(year).map_err(stored)
        })
}

/// Adds or replaces a year; one that contradicts itself is refused.
pub async fn set_year(connection: &mut PgConnection, year: &WorkdayYear) -> Result<(), StoreError> {
    Workdays::new([year.clone()]).map_err(|error| StoreError::Import(error.to_string()))?;
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

/// The calendar by which every case was looked at; `None` where that was never kept.
pub async fn settled(pool: &PgPool) -> Result<Option<CalendarMark>, StoreError> {
    let mark: Option<Json<CalendarMark>> = sqlx::query_scalar("SELECT mark FROM calendar_settled")
        .fetch_optional(pool)
        .await?;
    Ok(mark.map(|mark| mark.0))
}

/// Every case was looked at by this calendar.
pub async fn settle(
    connection: &mut PgConnection,
    mark: &CalendarMark,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO calendar_settled (mark, at) VALUES ($1, $2)
         ON CONFLICT (only_one) DO UPDATE SET mark = excluded.mark, at = excluded.at",
    )
    .bind(Json(mark))
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}
