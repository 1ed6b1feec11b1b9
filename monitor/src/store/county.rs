//! The county itself: one row.

use std::sync::Arc;

use chrono::NaiveTime;
use sqlx::{PgConnection, PgPool};

use super::StoreError;
use crate::calendar::{Calendar, OfficeHours, Span};

/// The county and what holds for all of it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct County {
    /// Code, e.g. `320382`.
    pub code: String,
    /// Name in Chinese.
    pub name: String,
    /// Name in English.
    pub name_en: String,
    /// IANA name; days, office hours and months are reckoned in it.
    pub time_zone: String,
    /// Office hours of statutory workdays: they give a workday's closing time and measure service hours.
    pub office_opens: NaiveTime,
    /// See `office_opens`.
    pub office_closes: NaiveTime,
    /// Trial run 试运行: everything works, nothing counts and nothing is sent.
    pub trial_run: bool,
}

impl County {
    /// Its office hours; 09:00 to 17:30 when the stored ones cannot be (imports are checked).
    pub fn office(&self) -> OfficeHours {
        Span::new(self.office_opens, self.office_closes)
            .map_or_else(|_| OfficeHours::default(), OfficeHours)
    }

    /// The time zone; `Asia/Shanghai` when the stored name is not one (imports are checked).
    pub fn zone(&self) -> chrono_tz::Tz {
        self.time_zone.parse().unwrap_or(chrono_tz::Asia::Shanghai)
    }
}

/// The county; `None` until one is set.
pub async fn county(pool: &PgPool) -> Result<Option<County>, StoreError> {
    let row = sqlx::query_as(
        "SELECT code, name, name_en, time_zone, office_opens, office_closes, trial_run FROM county",
    );
    Ok(row.fetch_optional(pool).await?)
}

/// Begins or ends the trial run; the county's code, or `None` when it was so already.
pub async fn set_trial_run(
    connection: &mut PgConnection,
    on: bool,
) -> Result<Option<String>, StoreError> {
    let code =
        sqlx::query_scalar("UPDATE county SET trial_run = $1 WHERE trial_run <> $1 RETURNING code");
    Ok(code.bind(on).fetch_optional(connection).await?)
}

/// The calendar that every statutory clock is measured by: workdays, office hours and zone, as they are stored.
pub async fn calendar(pool: &PgPool) -> Result<Calendar, StoreError> {
    let workdays = Arc::new(super::calendars::workdays(pool).await?);
    Ok(match county(pool).await? {
        Some(county) => Calendar {
            workdays,
            office: county.office(),
            zone: county.zone(),
        },
        None => Calendar {
            workdays,
            ..Calendar::default()
        },
    })
}

/// Sets or replaces the county. A time zone that does not exist is refused.
pub async fn set_county(connection: &mut PgConnection, county: &County) -> Result<(), StoreError> {
    if county.time_zone.parse::<chrono_tz::Tz>().is_err() {
        return Err(StoreError::Import(format!(
            "time zone {:?} is not known: give an IANA name such as Asia/Shanghai",
            county.time_zone
        )));
    }
    if county.office_opens >= county.office_closes {
        return Err(StoreError::Import(format!(
            "office hours open {} and close {}: they must open before they close",
            county.office_opens, county.office_closes
        )));
    }
    sqlx::query(
        "INSERT INTO county (code, name, name_en, time_zone, office_opens, office_closes, trial_run)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (only_one) DO UPDATE SET code = excluded.code, name = excluded.name, name_en = excluded.name_en,
             time_zone = excluded.time_zone, office_opens = excluded.office_opens,
             office_closes = excluded.office_closes, trial_run = excluded.trial_run",
    )
    .bind(&county.code)
    .bind(&county.name)
    .bind(&county.name_en)
    .bind(&county.time_zone)
    .bind(county.office_opens)
    .bind(county.office_closes)
    .bind(county.trial_run)
    .execute(connection)
    .await?;
    Ok(())
}
