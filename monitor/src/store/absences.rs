//! Pauses and leave of windows, as events and people enter them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

use super::StoreError;
use crate::event::{Absence, CaseEvent, EventKind};
use crate::org::Tree;
use crate::presence::{Entry, Kind, approves, window_key, window_of};

/// Keeps what events say of windows; the windows whose absences that may change, by key, and from when on.
pub async fn hear(
    connection: &mut PgConnection,
    events: &[&CaseEvent],
    tree: &Tree,
) -> Result<Vec<(String, DateTime<Utc>)>, StoreError> {
    let said = |event: &CaseEvent| -> Option<(Kind, Absence)> {
        match &event.kind {
            EventKind::WindowPaused(absence) => Some((Kind::Paused, absence.clone())),
            EventKind::WindowLeave(absence) => Some((Kind::Leave, absence.clone())),
            EventKind::WindowResumed => Some((Kind::Resumed, Absence::default())),
            _ => None,
        }
    };
    let rows: Vec<(&CaseEvent, &str, Kind, Absence)> = events
        .iter()
        .filter_map(|event| {
            let no = event.place.window.as_deref()?;
            let (kind, absence) = said(event)?;
            Some((*event, no, kind, absence))
        })
        .collect();
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let approved = |(event, _, kind, absence): &(&CaseEvent, &str, Kind, Absence)| {
        let by = (
            absence.approver_hall.as_deref(),
            absence.approver_role.as_deref(),
        );
        *kind == Kind::Leave
            && absence.approver.is_some()
            && approves(tree, &event.place.hall, by.0, by.1)
    };
    sqlx::query(
        "INSERT INTO window_absence (hall, no, kind, starts, ends, entered, reason, source, event, replaces, approver,
             approver_role, approver_hall, approved)
         SELECT * FROM UNNEST($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[],
             $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::bool[])
         ON CONFLICT (source, event) WHERE source IS NOT NULL DO NOTHING",
    )
    .bind(rows.iter().map(|row| row.0.place.hall.as_str()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.1).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.2.as_str()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.0.time).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.3.until).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.0.received).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.3.reason.as_deref()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.0.source.as_str()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.0.id.as_str()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.0.replaces.as_deref()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.3.approver.as_deref()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.3.approver_role.as_deref()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.3.approver_hall.as_deref()).collect::<Vec<_>>())
    .bind(rows.iter().map(approved).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    let key = |row: &(&CaseEvent, &str, Kind, Absence)| {
        (window_key(&row.0.place.hall, row.1), row.0.time)
    };
    Ok(rows.iter().map(key).collect())
}

#[derive(sqlx::FromRow)]
struct Row {
    hall: String,
    no: String,
    kind: String,
    starts: DateTime<Utc>,
    ends: Option<DateTime<Utc>>,
    entered: DateTime<Utc>,
    approved: bool,
}

/// Absences of whatever `$who` says, an end for each: its own, or when the window served again. What an event of the same source
/// corrects is left out.
macro_rules! select_absences {
    ($columns:literal, $rest:literal) => {
        concat!(
            "SELECT a.hall, a.no, a.kind, a.starts, a.entered, a.approved OR coalesce(d.approved, false) AS approved,
                    least(a.ends, (SELECT min(r.starts) FROM window_absence r
                        WHERE r.hall = a.hall AND r.no = a.no AND r.kind = 'resumed' AND r.starts >= a.starts
                          AND NOT EXISTS (SELECT 1 FROM window_absence x WHERE x.source = r.source AND x.replaces = r.event)
                    )) AS ends",
            $columns,
            " FROM window_absence a LEFT JOIN leave_decision d ON d.absence = a.id
             LEFT JOIN hall_window w ON w.hall = a.hall AND w.no = a.no
             WHERE a.kind <> 'resumed'
               AND NOT EXISTS (SELECT 1 FROM window_absence x WHERE x.source = a.source AND x.replaces = a.event) ",
            $rest
        )
    };
}

/// What was entered about these windows (by key) and may excuse anything in [from, to), by key.
pub async fn of_windows(
    connection: &mut PgConnection,
    windows: &[String],
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<HashMap<String, Vec<Entry>>, StoreError> {
    let mut all: HashMap<String, Vec<Entry>> = HashMap::new();
    if windows.is_empty() {
        return Ok(all);
    }
    let (halls, numbers): (Vec<&str>, Vec<&str>) =
        windows.iter().filter_map(|key| window_of(key)).unzip();
    let rows: Vec<Row> = sqlx::query_as(select_absences!(
        "",
        "AND (a.hall, a.no) IN (SELECT * FROM UNNEST($1::text[], $2::text[]))
         AND a.starts < $4 AND (a.ends IS NULL OR a.ends > $3) ORDER BY a.starts, a.id"
    ))
    .bind(halls)
    .bind(numbers)
    .bind(from)
    .bind(to)
    .fetch_all(connection)
    .await?;
    for row in rows {
        let key = window_key(&row.hall, &row.no);
        let entry = row.entry()?;
        all.entry(key).or_default().push(entry);
    }
    Ok(all)
}

impl Row {
    fn entry(&self) -> Result<Entry, StoreError> {
        let kind = Kind::parse(&self.kind)
            .ok_or_else(|| StoreError::Stored(format!("{:?} is no absence", self.kind)))?;
        Ok(Entry {
            kind,
            starts: self.starts,
            ends: self.ends,
            entered: self.entered,
            approved: self.approved,
        })
    }
}

/// What was entered about the windows of a subtree and stands at `at`, by key.
pub async fn standing(
    pool: &PgPool,
    scope: &str,
    from: DateTime<Utc>,
    at: DateTime<Utc>,
) -> Result<HashMap<String, Vec<Entry>>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(select_absences!(
        "",
        "AND a.hall IN (SELECT code FROM hall WHERE path @> ARRAY[$1])
         AND a.starts <= $3 AND (a.ends IS NULL OR a.ends > $2) ORDER BY a.starts, a.id"
    ))
    .bind(scope)
    .bind(from)
    .bind(at)
    .fetch_all(pool)
    .await?;
    let mut all: HashMap<String, Vec<Entry>> = HashMap::new();
    for row in rows {
        let key = window_key(&row.hall, &row.no);
        let entry = row.entry()?;
        all.entry(key).or_default().push(entry);
    }
    Ok(all)
}

/// A pause or leave that somebody enters on a page.
#[derive(Debug, Clone, Copy)]
pub struct New<'a> {
    /// Code of the hall.
    pub hall: &'a str,
    /// Number of the window.
    pub no: &'a str,
    /// What.
    pub kind: Kind,
    /// From when.
    pub starts: DateTime<Utc>,
    /// Until when.
    pub ends: Option<DateTime<Utc>>,
    /// Why.
    pub reason: Option<&'a str>,
    /// Who enters it.
    pub account: i64,
    /// Their name.
    pub who: &'a str,
    /// In which role.
    pub role: &'a str,
    /// Of a leave: whoever enters it may approve it too.
    pub approved: bool,
}

/// Enters it at `now`; its number.
pub async fn enter(
    connection: &mut PgConnection,
    new: &New<'_>,
    now: DateTime<Utc>,
) -> Result<i64, StoreError> {
    let id = sqlx::query_scalar(
        "INSERT INTO window_absence (hall, no, kind, starts, ends, entered, reason, account, who, role, approved)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id",
    );
    Ok(id
        .bind(new.hall)
        .bind(new.no)
        .bind(new.kind.as_str())
        .bind(new.starts)
        .bind(new.ends)
        .bind(now)
        .bind(new.reason)
        .bind(new.account)
        .bind(new.who)
        .bind(new.role)
        .bind(new.approved)
        .fetch_one(connection)
        .await?)
}

/// What somebody above the hall decides about a leave.
#[derive(Debug, Clone, Copy)]
pub struct Decision<'a> {
    /// The leave.
    pub absence: i64,
    /// Whether it is approved.
    pub approved: bool,
    /// Who.
    pub account: i64,
    /// Their name.
    pub who: &'a str,
    /// In which role.
    pub role: &'a str,
    /// Why.
    pub why: Option<&'a str>,
}

/// Keeps it; false where somebody was faster.
pub async fn decide(
    connection: &mut PgConnection,
    decision: &Decision<'_>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO leave_decision (absence, approved, at, account, who, role, why) VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (absence) DO NOTHING",
    )
    .bind(decision.absence)
    .bind(decision.approved)
    .bind(now)
    .bind(decision.account)
    .bind(decision.who)
    .bind(decision.role)
    .bind(decision.why)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A pause or leave as a page shows it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct AbsenceRow {
    /// Its number.
    pub id: i64,
    /// Code of the hall.
    pub hall: String,
    /// Number of the window.
    pub no: String,
    /// Code of the unit that staffs the window.
    pub unit: Option<String>,
    /// `paused` or `leave`.
    pub kind: String,
    /// From when.
    pub starts: DateTime<Utc>,
    /// Until when; `None`: nobody has said.
    pub ends: Option<DateTime<Utc>>,
    /// When it was entered.
    pub entered: DateTime<Utc>,
    /// Why.
    pub reason: Option<String>,
    /// The source that told of it; `None`: somebody entered it here.
    pub source: Option<String>,
    /// Who entered it here.
    pub account: Option<i64>,
    /// Their name.
    pub who: Option<String>,
    /// Of a leave: it is approved.
    pub approved: bool,
    /// Of a leave: when somebody above the hall decided here.
    pub decided_at: Option<DateTime<Utc>>,
    /// Who approved or refused it.
    pub decided_by: Option<String>,
    /// Why.
    pub decided_why: Option<String>,
}

impl AbsenceRow {
    /// Whether it is a leave that nobody above the hall has decided about.
    pub fn is_asked(&self) -> bool {
        self.kind == "leave" && !self.approved && self.decided_at.is_none()
    }
}

/// Which absences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Leave that waits for a decision.
    Asked,
    /// What lasts or is to come.
    Standing,
    /// All.
    All,
}

/// The absences of a subtree, or of one unit or window in it, the latest to begin first.
pub async fn list(
    pool: &PgPool,
    (hall, unit, window): (&str, Option<&str>, Option<&str>),
    which: Which,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<AbsenceRow>, StoreError> {
    let rows = sqlx::query_as(concat!(
        "SELECT * FROM (",
        select_absences!(
            ", a.id, w.unit, a.reason, a.source, a.account, a.who, d.at AS decided_at,
               coalesce(d.who, a.approver) AS decided_by, d.why AS decided_why",
            "AND a.hall IN (SELECT code FROM hall WHERE path @> ARRAY[$1])
             AND ($2::text IS NULL OR w.unit = $2) AND ($3::text IS NULL OR a.no = $3)"
        ),
        ") x WHERE CASE $4 WHEN 'asked' THEN kind = 'leave' AND NOT approved AND decided_at IS NULL
                           WHEN 'standing' THEN ends IS NULL OR ends > greatest($5, starts) ELSE true END
         ORDER BY starts DESC, id DESC LIMIT $6"
    ));
    let which = match which {
        Which::Asked => "asked",
        Which::Standing => "standing",
        Which::All => "all",
    };
    Ok(rows
        .bind(hall)
        .bind(unit)
        .bind(window)
        .bind(which)
        .bind(now)
        .bind(limit)
        .fetch_all(pool)
        .await?)
}

/// One absence.
pub async fn find(
    connection: &mut PgConnection,
    id: i64,
) -> Result<Option<AbsenceRow>, StoreError> {
    let row = sqlx::query_as(select_absences!(
        ", a.id, w.unit, a.reason, a.source, a.account, a.who, d.at AS decided_at,
           coalesce(d.who, a.approver) AS decided_by, d.why AS decided_why",
        "AND a.id = $1"
    ));
    Ok(row.bind(id).fetch_optional(connection).await?)
}
