//! Cards counted for statistics: by index over the instant at which they fell due; there are few beside the cases.

use chrono::{DateTime, Utc};
use mingjing_monitor::store::StoreError;
use mingjing_monitor::store::statistics::Filter;
use sqlx::PgPool;

use crate::card::State;

/// The cards of one rule.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Found {
    /// A word of `card::Kind`.
    pub kind: String,
    /// `R2`; `manual` where somebody wrote it.
    pub rule: String,
    /// Notices and warnings, cleared or not.
    pub warnings: i64,
    /// Yellow cards that weigh.
    pub yellow: i64,
    /// Red cards that weigh.
    pub red: i64,
    /// Yellow and red cards that were issued and taken back.
    pub taken_back: i64,
}

/// What fell due in [from, to), by rule, most cards first. Cards of a trial run are not counted.
pub async fn anomalies(
    pool: &PgPool,
    filter: &Filter,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<Found>, StoreError> {
    let weighing = State::ALL.iter().filter(|state| state.weighs());
    let weighing: Vec<&str> = weighing.map(|state| state.as_str()).collect();
    let rows = sqlx::query_as(
        "SELECT kind, rule, count(*) FILTER (WHERE grade IN ('notice', 'warning') AND state <> 'withdrawn') AS warnings,
             count(*) FILTER (WHERE grade = 'yellow_card' AND state = ANY($6)) AS yellow,
             count(*) FILTER (WHERE grade = 'red_card' AND state = ANY($6)) AS red,
             count(*) FILTER (WHERE grade IN ('yellow_card', 'red_card') AND state IN ('revoked', 'withdrawn')) AS taken_back
         FROM card c
         WHERE due_at >= $4 AND due_at < $5 AND NOT trial AND state NOT IN ('provisional', 'pending', 'unconfirmed')
           AND hall IN (SELECT code FROM hall WHERE path @> ARRAY[$1]) AND ($2::text IS NULL OR unit = $2)
           AND ($3::text IS NULL OR item = $3)
         GROUP BY kind, rule ORDER BY 5 DESC, 4 DESC, 3 DESC, rule",
    );
    Ok(rows
        .bind(&filter.hall)
        .bind(filter.unit.as_deref())
        .bind(filter.item.as_deref())
        .bind(from)
        .bind(to)
        .bind(weighing)
        .fetch_all(pool)
        .await?)
}
