//! Supervision orders as the pages show them. Writing them is `alerts::supervisor`.

use chrono::{DateTime, Utc};
use mingjing_monitor::store::StoreError;
use mingjing_monitor::store::paging::{Cursor, Page};
use sqlx::PgPool;

use super::Seen;

/// An order.
#[derive(Debug, Clone, sqlx::FromRow)]
#[allow(missing_docs)] // the columns of `supervision_order`, which say what they are
pub struct Order {
    pub id: i64,
    pub origin: String,
    pub state: String,
    pub rung: String,
    pub addressee: String,
    pub hall: String,
    pub unit: Option<String>,
    pub win: Option<String>,
    pub card: Option<i64>,
    pub case_no: Option<String>,
    pub camera: Option<String>,
    pub picture_at: Option<DateTime<Utc>>,
    pub complaint: Option<String>,
    pub text_zh: String,
    pub text_en: String,
    pub issued_at: DateTime<Utc>,
    pub issued_by: String,
    pub issued_role: String,
    pub due_at: DateTime<Utc>,
    pub answer_due: DateTime<Utc>,
    pub answered_at: Option<DateTime<Utc>>,
    pub closed_at: Option<DateTime<Utc>>,
    pub objective: Option<bool>,
    pub measures: Option<String>,
    pub profile_version: i32,
    pub trial: bool,
    pub revision: i32,
}

impl Order {
    /// Where the list continues after this row.
    fn cursor(&self) -> Cursor {
        Cursor {
            at: self.issued_at,
            key: self.id.to_string(),
        }
    }
}

/// The orders that a caller sees: hall, unit and window of [`Seen`] are `$1` to `$3`.
macro_rules! select_orders {
    ($rest:literal) => {
        concat!(
            "SELECT o.id, o.origin, o.state, o.rung, o.addressee, o.hall, o.unit, o.win, o.card, o.case_no, o.camera,
                o.picture_at, o.complaint, o.text_zh, o.text_en, o.issued_at, o.issued_by, o.issued_role, o.due_at,
                o.answer_due, o.answered_at, o.closed_at, o.objective, o.measures, o.profile_version, o.trial, o.revision
             FROM supervision_order o JOIN hall h ON h.code = o.hall AND h.path @> ARRAY[$1]
             WHERE ($2::text IS NULL OR o.unit = $2) AND ($3::text IS NULL OR o.win = $3) ",
            $rest
        )
    };
}

/// What a list of orders is narrowed to; `None` leaves a thing open.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// In one of these states.
    pub states: Option<Vec<String>>,
    /// Of this origin.
    pub origin: Option<String>,
    /// On this rung.
    pub rung: Option<String>,
    /// Following or about this card.
    pub card: Option<i64>,
    /// About this case.
    pub case: Option<String>,
    /// Part of the text, the case number or the complaint's.
    pub query: Option<String>,
    /// Issued at or after.
    pub from: Option<DateTime<Utc>>,
    /// Issued before.
    pub to: Option<DateTime<Utc>>,
}

/// The orders that a caller sees, newest first, and the next page's cursor.
pub async fn list(
    db: &PgPool,
    seen: &Seen,
    filter: &Filter,
    page: &Page,
) -> Result<(Vec<Order>, Option<Cursor>), StoreError> {
    let after = page.after.as_ref();
    let mut rows: Vec<Order> = sqlx::query_as(select_orders!(
        "AND ($4::text[] IS NULL OR o.state = ANY($4)) AND ($5::text IS NULL OR o.origin = $5)
           AND ($6::text IS NULL OR o.rung = $6) AND ($7::bigint IS NULL OR o.card = $7)
           AND ($8::text IS NULL OR o.case_no = $8)
           AND ($9::text IS NULL OR strpos(lower(o.text_zh), lower($9)) > 0
                OR strpos(lower(coalesce(o.case_no, '')), lower($9)) > 0
                OR strpos(lower(coalesce(o.complaint, '')), lower($9)) > 0)
           AND ($10::timestamptz IS NULL OR o.issued_at >= $10) AND ($11::timestamptz IS NULL OR o.issued_at < $11)
           AND ($12::timestamptz IS NULL OR (o.issued_at, o.id) < ($12, $13))
         ORDER BY o.issued_at DESC, o.id DESC LIMIT $14"
    ))
    .bind(&seen.hall)
    .bind(&seen.unit)
    .bind(&seen.window)
    .bind(&filter.states)
    .bind(&filter.origin)
    .bind(&filter.rung)
    .bind(filter.card)
    .bind(&filter.case)
    .bind(&filter.query)
    .bind(filter.from)
    .bind(filter.to)
    .bind(after.map(|cursor| cursor.at))
    .bind(after.and_then(|cursor| cursor.key.parse::<i64>().ok()))
    .bind(page.probe())
    .fetch_all(db)
    .await?;
    let next = page.cut(&mut rows, Order::cursor);
    Ok((rows, next))
}

/// These orders, as far as a caller sees them.
pub async fn of_ids(db: &PgPool, seen: &Seen, ids: &[i64]) -> Result<Vec<Order>, StoreError> {
    let rows = sqlx::query_as(select_orders!("AND o.id = ANY($4) ORDER BY o.id"));
    Ok(rows
        .bind(&seen.hall)
        .bind(&seen.unit)
        .bind(&seen.window)
        .bind(ids)
        .fetch_all(db)
        .await?)
}

/// How many orders stand in each state, in the whole of what is seen, and how many of those that await feedback are late.
pub async fn counts(
    db: &PgPool,
    seen: &Seen,
    now: DateTime<Utc>,
) -> Result<Vec<(String, i64, i64)>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT o.state, count(*), count(*) FILTER (WHERE o.answer_due < $4
             AND o.state IN ('issued', 'received', 'returned', 'escalated'))
         FROM supervision_order o JOIN hall h ON h.code = o.hall AND h.path @> ARRAY[$1]
         WHERE ($2::text IS NULL OR o.unit = $2) AND ($3::text IS NULL OR o.win = $3) GROUP BY o.state",
    );
    Ok(rows
        .bind(&seen.hall)
        .bind(&seen.unit)
        .bind(&seen.window)
        .bind(now)
        .fetch_all(db)
        .await?)
}

/// A line of an order's history.
#[derive(Debug, Clone, sqlx::FromRow)]
#[allow(missing_docs)] // the columns of `supervision_order_transition`
pub struct Line {
    pub id: i64,
    pub at: DateTime<Utc>,
    pub due_at: Option<DateTime<Utc>>,
    pub transition: String,
    pub from_state: Option<String>,
    pub to_state: String,
    pub rung: String,
    pub who: String,
    pub role: String,
    pub why: Option<String>,
    pub objective: Option<bool>,
    pub measures: Option<String>,
}

/// Everything that happened to an order, oldest first.
pub async fn history(db: &PgPool, order: i64) -> Result<Vec<Line>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT id, at, due_at, transition, from_state, to_state, rung, who, role, why, objective, measures
         FROM supervision_order_transition WHERE supervision_order = $1 ORDER BY id",
    );
    Ok(rows.bind(order).fetch_all(db).await?)
}
