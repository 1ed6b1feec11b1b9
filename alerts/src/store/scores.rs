//! What of cards and orders a month's scores are made of.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use mingjing_monitor::store::StoreError;
use sqlx::PgPool;

use crate::card::State;

/// A yellow or red card that weighs in a month.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Weighing {
    /// Its number.
    pub id: i64,
    /// Its rule; `manual` where somebody wrote it.
    pub rule: String,
    /// Its kind, a word of `card::Kind`.
    pub kind: String,
    /// `yellow_card` or `red_card`.
    pub grade: String,
    /// Where it stands.
    pub state: String,
    /// The hall that bears it.
    pub hall: String,
    /// The unit.
    pub unit: Option<String>,
    /// The window.
    pub window: Option<String>,
    /// What it found, where a rule finds different things.
    pub what: Option<String>,
    /// It fell due in an earlier month, and its case still lay past the legal limit in this one.
    pub again: bool,
}

/// The cards that weigh in the month [from, to): those that fell due in it, and red ones of earlier months whose case was not
/// decided when it began. Cards of a trial run weigh nothing.
pub async fn cards(
    pool: &PgPool,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<Weighing>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT id, rule, kind, grade, state, hall, unit, win AS window, facts ->> 'what' AS what, false AS again FROM card
         WHERE due_at >= $1 AND due_at < $2 AND grade IN ('yellow_card', 'red_card') AND NOT trial AND state = ANY($3)
         UNION ALL
         -- From the cases that went on: they are few, however many years of red cards lie behind. A red R2 card stands on a case that is over.
         SELECT c.id, c.rule, c.kind, c.grade, c.state, c.hall, c.unit, c.win, c.facts ->> 'what', true
         FROM (SELECT no FROM case_state WHERE bucket IN ('over_promise_only', 'over_legal') AND is_open
               UNION ALL
               SELECT no FROM case_state WHERE bucket IN ('over_promise_only', 'over_legal') AND NOT is_open AND decided_at >= $1) AS s
         JOIN card c ON c.case_no = s.no
         WHERE c.due_at < $1 AND c.rule = 'R2' AND c.grade = 'red_card' AND NOT c.trial AND c.state = ANY($3)
         ORDER BY id",
    );
    Ok(rows
        .bind(from)
        .bind(to)
        .bind(weighing())
        .fetch_all(pool)
        .await?)
}

/// Who bears each of these cards, by its number: who did what it found, or held the step when it fell due, or handled the case
/// last. A card that is not about a case is borne by nobody in person.
pub async fn bearers(pool: &PgPool, cards: &[i64]) -> Result<HashMap<i64, String>, StoreError> {
    let rows: Vec<(i64, String)> = sqlx::query_as(
        "SELECT c.id, coalesce(c.facts ->> 'handler', held.handler, s.fold ->> 'handler') AS person
         FROM card c JOIN case_state s ON s.no = c.case_no
         LEFT JOIN LATERAL (
             SELECT step ->> 'handler' AS handler FROM jsonb_array_elements(s.fold -> 'steps') AS step
             WHERE step ? 'handler' AND (step #>> '{started,at}')::timestamptz <= c.due_at
               AND coalesce((step #>> '{finished,at}')::timestamptz > c.due_at, true)
             ORDER BY step #>> '{started,at}' DESC LIMIT 1) AS held ON true
         WHERE c.id = ANY($1) AND coalesce(c.facts ->> 'handler', held.handler, s.fold ->> 'handler') IS NOT NULL",
    )
    .bind(cards)
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().collect())
}

/// An order that was to be answered.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Answer {
    /// The card that a correction order went out with.
    pub card: Option<i64>,
    /// The number of a supervision order.
    pub supervision_order: Option<i64>,
    /// The hall.
    pub hall: String,
    /// The unit.
    pub unit: Option<String>,
    /// Whether it was answered in time, and the answer stood.
    pub met: bool,
    /// It fell due before the span, and lay unanswered when that began.
    pub again: bool,
}

/// The orders whose answer fell due in [from, to), and those that fell due before and lay unanswered at `from`: correction orders of
/// cards that weigh, and supervision orders that were not cancelled. What is not answered weighs in every month in which it is not: so
/// nobody gains by leaving many unanswered in one.
pub async fn answers(
    pool: &PgPool,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<Answer>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT o.card, NULL::bigint AS supervision_order, c.hall, c.unit,
                (o.answered_at IS NOT NULL AND o.answered_at <= o.answer_due AND c.state <> 'returned') AS met, false AS again
         FROM correction_order o JOIN card c ON c.id = o.card
         WHERE o.answer_due >= $1 AND o.answer_due < $2 AND NOT c.trial AND c.state = ANY($3)
         UNION ALL
         SELECT NULL, id, hall, unit,
                (answered_at IS NOT NULL AND answered_at <= answer_due AND state NOT IN ('returned', 'escalated')), false
         FROM supervision_order
         WHERE answer_due >= $1 AND answer_due < $2 AND NOT trial AND state <> 'cancelled'
         UNION ALL
         SELECT o.card, NULL, c.hall, c.unit, false, true
         FROM correction_order o JOIN card c ON c.id = o.card
         WHERE o.answer_due < $1 AND o.answer_due < $2 AND (o.answered_at IS NULL OR o.answered_at >= $1)
           AND (c.closed_at IS NULL OR c.closed_at >= $1) AND NOT c.trial AND c.state = ANY($3)
         UNION ALL
         SELECT NULL, id, hall, unit, false, true
         FROM supervision_order
         WHERE answer_due < $1 AND answer_due < $2 AND (answered_at IS NULL OR answered_at >= $1)
           AND (closed_at IS NULL OR closed_at >= $1) AND NOT trial AND state <> 'cancelled'
         ORDER BY card, supervision_order, again",
    );
    Ok(rows
        .bind(from)
        .bind(to)
        .bind(weighing())
        .fetch_all(pool)
        .await?)
}

/// The words of the states in which a card weighs.
pub(super) fn weighing() -> Vec<&'static str> {
    let all = State::ALL.iter().filter(|state| state.weighs());
    all.map(|state| state.as_str()).collect()
}
