//! What somebody must act on, cards, orders and leave together, the most urgent first.

use chrono::{DateTime, Utc};
use mingjing_monitor::store::StoreError;
use mingjing_monitor::store::paging::{Cursor, Page};
use sqlx::PgPool;

use super::Seen;

/// Something that awaits its holder.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Awaiting {
    /// `card`, `order` or `leave`.
    pub kind: String,
    /// Its number there.
    pub id: i64,
    /// Grade of a card, origin of an order, `leave`.
    pub sort: String,
    /// Where it stands.
    pub state: String,
    /// Its hall.
    pub hall: String,
    /// Its unit.
    pub unit: Option<String>,
    /// Its window.
    pub win: Option<String>,
    /// Its case.
    pub case_no: Option<String>,
    /// What it says, in Chinese.
    pub text_zh: String,
    /// In English.
    pub text_en: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// By when; `None`: nothing says.
    pub due: Option<DateTime<Utc>>,
    /// What the list is sorted by: what has no due instant comes last.
    pub urgent: DateTime<Utc>,
    /// Name it to act.
    pub revision: i32,
}

/// Cards and orders whose holder is a role, and leave that waits for whoever stands above its hall, as far as somebody of it sees them: hall, unit and window of [`Seen`] are `$1` to
/// `$3`, the role `$4`. What a trial run brought awaits nobody once that is over. Who holds what is `card::State::holder` and
/// `order::State::holder`; who decides about leave, `mingjing_monitor::presence::approves`; tests keep this to them.
macro_rules! awaiting {
    ($head:literal, $rest:literal) => {
        concat!(
            $head,
            " FROM (
               SELECT 'card' AS kind, c.id, c.grade AS sort, c.state, c.hall, c.unit, c.win, c.case_no, c.sentence_zh AS text_zh,
                      c.sentence_en AS text_en, coalesce(c.issued_at, c.created_at) AS since,
                      CASE WHEN c.state IN ('appealed', 'referred') THEN c.decide_due
                           WHEN c.state IN ('issued', 'received', 'returned') THEN c.answer_due END AS due,
                      c.revision
               FROM card c
               WHERE (NOT c.trial OR (SELECT trial_run FROM county))
                 AND (($4 = 'hall_manager' AND c.state IN ('issued', 'received', 'returned')
                        AND c.grade IN ('yellow_card', 'red_card'))
                  OR ($4 = 'inspector' AND c.state IN ('pending', 'unconfirmed', 'answered', 'appealed', 'contested'))
                  OR ($4 = 'commission' AND c.state = 'referred'))
               UNION ALL
               SELECT 'order', o.id, o.origin, o.state, o.hall, o.unit, o.win, o.case_no, o.text_zh, o.text_en, o.issued_at,
                      CASE WHEN o.state <> 'answered' THEN o.answer_due END, o.revision
               FROM supervision_order o
               WHERE o.closed_at IS NULL AND (NOT o.trial OR (SELECT trial_run FROM county))
                 AND $4 = CASE WHEN o.state <> 'answered' THEN o.rung
                   WHEN o.rung = 'commission' THEN 'commission' ELSE 'inspector' END
               UNION ALL
               SELECT 'leave', l.id, 'leave', 'asked', l.hall, w.unit, l.no, NULL, coalesce(l.reason, ''), coalesce(l.reason, ''),
                      l.entered, l.starts, 0
               FROM window_absence l LEFT JOIN hall_window w ON w.hall = l.hall AND w.no = l.no
               WHERE l.kind = 'leave' AND NOT l.approved AND ($4 IN ('inspector', 'unit_head') OR ($4 = 'hall_manager' AND l.hall <> $1))
                 AND NOT EXISTS (SELECT 1 FROM leave_decision d WHERE d.absence = l.id)
                 AND NOT EXISTS (SELECT 1 FROM window_absence x WHERE x.source = l.source AND x.replaces = l.event)
             ) a JOIN hall h ON h.code = a.hall AND h.path @> ARRAY[$1]
             WHERE ($2::text IS NULL OR a.unit = $2) AND ($3::text IS NULL OR a.win = $3) ",
            $rest
        )
    };
}

/// What somebody of `role` must act on, the most urgent first, and the next page's cursor.
pub async fn list(
    db: &PgPool,
    seen: &Seen,
    role: &str,
    page: &Page,
) -> Result<(Vec<Awaiting>, Option<Cursor>), StoreError> {
    let after = page.after.as_ref();
    let mut rows: Vec<Awaiting> = sqlx::query_as(awaiting!(
        "SELECT a.*, coalesce(a.due, a.since + interval '1000 years') AS urgent",
        "AND ($5::timestamptz IS NULL
              OR (coalesce(a.due, a.since + interval '1000 years'), a.kind || '-' || a.id) > ($5, $6))
         ORDER BY urgent, a.kind || '-' || a.id LIMIT $7"
    ))
    .bind(&seen.hall)
    .bind(&seen.unit)
    .bind(&seen.window)
    .bind(role)
    .bind(after.map(|cursor| cursor.at))
    .bind(after.map(|cursor| cursor.key.as_str()))
    .bind(page.probe())
    .fetch_all(db)
    .await?;
    let next = page.cut(&mut rows, |row| Cursor {
        at: row.urgent,
        key: format!("{}-{}", row.kind, row.id),
    });
    Ok((rows, next))
}

/// How many cards, orders and leaves that are, and how many of them are late.
pub async fn counts(
    db: &PgPool,
    seen: &Seen,
    role: &str,
    now: DateTime<Utc>,
) -> Result<(i64, i64, i64, i64), StoreError> {
    let row = sqlx::query_as(awaiting!(
        "SELECT count(*) FILTER (WHERE a.kind = 'card'), count(*) FILTER (WHERE a.kind = 'order'),
                count(*) FILTER (WHERE a.kind = 'leave'),
                count(*) FILTER (WHERE a.due < $5)",
        ""
    ));
    Ok(row
        .bind(&seen.hall)
        .bind(&seen.unit)
        .bind(&seen.window)
        .bind(role)
        .bind(now)
        .fetch_one(db)
        .await?)
}
