//! What a bulletin counts of a span beside what statistics count: what came of cards, cases over the legal limit, orders, and what was
//! down. A span is [from, to), and everything is seen as it stood when the span ended, as far as the database still knows.

use chrono::{DateTime, Utc};
use mingjing_monitor::store::StoreError;
use sqlx::PgPool;

use super::scores::weighing;

/// The halls of the subtree $1.
macro_rules! below {
    () => {
        "(SELECT code FROM hall WHERE path @> ARRAY[$1])"
    };
}
/// Cases decided past the legal limit since $2, or not decided yet, whose limit ran out before $3. Each half by its own index: asked for one or the
/// other, the database would go through all years.
macro_rules! over_legal {
    () => {
        "(SELECT no, item, hall, unit, legal_due, decided_at, is_open FROM case_state
          WHERE bucket = 'over_legal' AND is_open AND legal_due < $3
            -- Said again for the index.
            AND bucket IN ('over_promise_only', 'over_legal')
          UNION ALL
          SELECT no, item, hall, unit, legal_due, decided_at, is_open FROM case_state
          WHERE bucket = 'over_legal' AND NOT is_open AND decided_at >= $2 AND legal_due < $3) AS s"
    };
}

/// Yellow and red cards that fell due in the span, and what came of them. Cards of a trial run are not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Cards {
    /// Yellow cards that weigh.
    pub yellow: i64,
    /// Red cards that weigh.
    pub red: i64,
    /// Of both, those whose correction order was answered.
    pub answered: i64,
    /// Yellow and red cards that were issued and taken back.
    pub taken_back: i64,
    /// Of the red cards, those that are closed.
    pub red_closed: i64,
    /// Of the red cards, those that a supervision order followed.
    pub red_followed: i64,
}

/// The cards of a subtree.
pub async fn cards(
    pool: &PgPool,
    hall: &str,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Cards, StoreError> {
    let row = sqlx::query_as(concat!(
        "SELECT count(*) FILTER (WHERE c.grade = 'yellow_card' AND c.state = ANY($4)) AS yellow,
             count(*) FILTER (WHERE c.grade = 'red_card' AND c.state = ANY($4)) AS red,
             count(*) FILTER (WHERE o.answered_at IS NOT NULL AND c.state = ANY($4)) AS answered,
             count(*) FILTER (WHERE c.state IN ('revoked', 'withdrawn')) AS taken_back,
             count(*) FILTER (WHERE c.grade = 'red_card' AND c.state = 'closed') AS red_closed,
             count(*) FILTER (WHERE c.grade = 'red_card' AND c.state = ANY($4) AND EXISTS (
                 SELECT FROM supervision_order s WHERE s.card = c.id AND s.state <> 'cancelled')) AS red_followed
         FROM card c LEFT JOIN correction_order o ON o.card = c.id
         WHERE c.due_at >= $2 AND c.due_at < $3 AND NOT c.trial AND c.grade IN ('yellow_card', 'red_card')
           AND c.state NOT IN ('provisional', 'pending', 'unconfirmed') AND c.hall IN ",
        below!()
    ));
    Ok(row
        .bind(hall)
        .bind(from)
        .bind(to)
        .bind(weighing())
        .fetch_one(pool)
        .await?)
}

/// A case over the legal limit.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Overrun {
    /// Its number.
    pub no: String,
    /// Code of its item.
    pub item: String,
    /// Code of its hall.
    pub hall: String,
    /// Code of its unit; empty where no event named it.
    pub unit: String,
    /// When the legal limit ran out.
    pub legal_due: DateTime<Utc>,
    /// When it was decided; `None`: not when the span ended.
    pub decided_at: Option<DateTime<Utc>>,
}

/// Cases decided past the legal limit in the span, and those past it and not decided when it ended; of both the `most` that were over
/// for longest, the worst first.
pub async fn overruns(
    pool: &PgPool,
    hall: &str,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    most: i64,
) -> Result<Vec<Overrun>, StoreError> {
    let rows = sqlx::query_as(concat!(
        "SELECT no, item, hall, unit, legal_due, CASE WHEN decided_at < $3 THEN decided_at END AS decided_at FROM ",
        over_legal!(),
        " WHERE hall IN ",
        below!(),
        " ORDER BY least(decided_at, $3) - legal_due DESC, no LIMIT $4"
    ));
    Ok(rows
        .bind(hall)
        .bind(from)
        .bind(to)
        .bind(most)
        .fetch_all(pool)
        .await?)
}

/// How many cases [`overruns`] would name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Over {
    /// Decided past the legal limit in the span.
    pub decided: i64,
    /// Past it and not decided when the span ended.
    pub open: i64,
}

/// Counts cases over the legal limit.
pub async fn over(
    pool: &PgPool,
    hall: &str,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Over, StoreError> {
    let row = sqlx::query_as(concat!(
        "SELECT count(*) FILTER (WHERE decided_at < $3) AS decided,
             count(*) FILTER (WHERE is_open OR decided_at >= $3) AS open
         FROM ",
        over_legal!(),
        " WHERE hall IN ",
        below!()
    ));
    Ok(row.bind(hall).bind(from).bind(to).fetch_one(pool).await?)
}

/// Supervision orders.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Orders {
    /// Issued in the span.
    pub issued: i64,
    /// Over in the span.
    pub closed: i64,
    /// Not over when it ended.
    pub open: i64,
    /// Of those, with the answer not there when it was due.
    pub late: i64,
}

/// The supervision orders of a subtree, but for those of a trial run.
pub async fn orders(
    pool: &PgPool,
    hall: &str,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Orders, StoreError> {
    let row = sqlx::query_as(concat!(
        "SELECT count(*) FILTER (WHERE issued_at >= $2) AS issued,
             count(*) FILTER (WHERE closed_at >= $2 AND closed_at < $3) AS closed,
             count(*) FILTER (WHERE closed_at IS NULL OR closed_at >= $3) AS open,
             count(*) FILTER (WHERE (closed_at IS NULL OR closed_at >= $3) AND answer_due < $3
                 AND (answered_at IS NULL OR answered_at >= $3)) AS late
         FROM supervision_order
         WHERE issued_at < $3 AND (closed_at IS NULL OR closed_at >= $2) AND NOT trial AND hall IN ",
        below!()
    ));
    Ok(row.bind(hall).bind(from).bind(to).fetch_one(pool).await?)
}

/// What was down.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Down {
    /// `camera`, `source`, `edge` or `hall`.
    pub thing: String,
    /// How many of them.
    pub things: i64,
    /// How often.
    pub times: i64,
    /// For how long in the span, in seconds.
    pub seconds: i64,
}

/// What was down in the span, by what it is.
pub async fn down(
    pool: &PgPool,
    hall: &str,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Vec<Down>, StoreError> {
    let rows = sqlx::query_as(concat!(
        "SELECT thing, count(DISTINCT subject) AS things, count(*) AS times,
             sum(extract(epoch FROM least(until, $3) - greatest(since, $2)))::bigint AS seconds
         FROM episode
         WHERE since < $3 AND (until IS NULL OR until > $2) AND thing IN ('camera', 'source', 'edge', 'hall') AND hall IN ",
        below!(),
        " GROUP BY thing ORDER BY thing"
    ));
    Ok(rows.bind(hall).bind(from).bind(to).fetch_all(pool).await?)
}
