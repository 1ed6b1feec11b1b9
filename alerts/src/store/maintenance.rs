//! Planned maintenance of halls, cameras and sources, and acknowledgements of cards: what keeps alerts quiet, and until when.

use chrono::{DateTime, Utc};
use mingjing_monitor::store::StoreError;
use sqlx::PgConnection;

use crate::rules::watched::Hold;

/// A planned maintenance.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Maintenance {
    /// Its number.
    pub id: i64,
    /// `hall`, `camera` or `source`.
    pub thing: String,
    /// Which.
    pub subject: String,
    /// The hall in whose scope it lies.
    pub hall: String,
    /// From when.
    pub starts: DateTime<Utc>,
    /// Until when.
    pub ends: DateTime<Utc>,
    /// Why.
    pub why: String,
    /// Who planned it.
    pub who: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When it was ended before its time or called off.
    pub ended_at: Option<DateTime<Utc>>,
    /// By whom.
    pub ended_by: Option<String>,
    /// Alerts that it held or holds back.
    pub held: i64,
}

impl Maintenance {
    /// Until when it holds.
    pub fn until(&self) -> DateTime<Utc> {
        self.ended_at
            .map_or(self.ends, |ended| ended.min(self.ends))
    }

    /// The time in which it holds alerts back; `None` when it was called off.
    pub fn hold(&self) -> Option<Hold> {
        let until = self.until();
        (self.starts < until).then_some(Hold {
            from: self.starts,
            until: Some(until),
        })
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT m.id, m.thing, m.subject, m.hall, m.starts, m.ends, m.why, m.who, m.created_at, m.ended_at, m.ended_by,
                 (SELECT count(*) FROM episode e
                  WHERE (m.thing || ':' || m.subject = e.thing || ':' || e.subject OR m.thing || ':' || m.subject = ANY(e.above))
                    AND e.since < coalesce(m.ended_at, m.ends) AND coalesce(e.until, 'infinity') > m.starts
                    AND m.starts <= $1) AS held
             FROM maintenance m ",
            $rest
        )
    };
}

/// Of these things (as `thing:subject`), what lasts at or after `since`.
pub async fn of_things(
    connection: &mut PgConnection,
    things: &[String],
    since: DateTime<Utc>,
) -> Result<Vec<Maintenance>, StoreError> {
    let rows = sqlx::query_as(select!(
        "WHERE m.thing || ':' || m.subject = ANY($2) AND m.ends >= $1 ORDER BY m.id"
    ));
    Ok(rows.bind(since).bind(things).fetch_all(connection).await?)
}

/// Maintenance in the subtree of `hall`: what is not over at `now` first, by its beginning; then what is over, newest first.
pub async fn list(
    connection: &mut PgConnection,
    hall: &str,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Maintenance>, StoreError> {
    let rows = sqlx::query_as(select!(
        "JOIN hall h ON h.code = m.hall AND h.path @> ARRAY[$2]
         ORDER BY (least(coalesce(m.ended_at, m.ends), m.ends) <= $1),
                  CASE WHEN least(coalesce(m.ended_at, m.ends), m.ends) > $1 THEN m.starts END, m.ends DESC, m.id DESC
         LIMIT $3"
    ));
    Ok(rows
        .bind(now)
        .bind(hall)
        .bind(limit)
        .fetch_all(connection)
        .await?)
}

/// The one with this number.
pub async fn find(
    connection: &mut PgConnection,
    id: i64,
    now: DateTime<Utc>,
) -> Result<Option<Maintenance>, StoreError> {
    let row = sqlx::query_as(select!("WHERE m.id = $2"));
    Ok(row.bind(now).bind(id).fetch_optional(connection).await?)
}

/// A maintenance to be planned.
#[derive(Debug, Clone)]
pub struct Planned<'a> {
    /// `hall`, `camera` or `source`.
    pub thing: &'a str,
    /// Which.
    pub subject: &'a str,
    /// The hall in whose scope it lies.
    pub hall: &'a str,
    /// From when.
    pub starts: DateTime<Utc>,
    /// Until when.
    pub ends: DateTime<Utc>,
    /// Why.
    pub why: &'a str,
    /// The account that plans it.
    pub account: i64,
    /// Its name.
    pub who: &'a str,
}

/// Plans one; its number.
pub async fn plan(
    connection: &mut PgConnection,
    planned: &Planned<'_>,
    now: DateTime<Utc>,
) -> Result<i64, StoreError> {
    let row = sqlx::query_scalar(
        "INSERT INTO maintenance (thing, subject, hall, starts, ends, why, account, who, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id",
    );
    Ok(row
        .bind(planned.thing)
        .bind(planned.subject)
        .bind(planned.hall)
        .bind(planned.starts)
        .bind(planned.ends)
        .bind(planned.why)
        .bind(planned.account)
        .bind(planned.who)
        .bind(now)
        .fetch_one(connection)
        .await?)
}

/// Ends one now, or calls it off; whether there was one to end.
pub async fn end(
    connection: &mut PgConnection,
    id: i64,
    who: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE maintenance SET ended_at = $3, ended_by = $2 WHERE id = $1 AND ended_at IS NULL AND ends > $3",
    )
    .bind(id)
    .bind(who)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}
