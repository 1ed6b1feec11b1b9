//! Patrols and shifts: who looked where and found what, and what was open when a shift was handed over.

use chrono::{DateTime, Utc};
use mingjing_monitor::store::StoreError;
use serde_json::Value;
use sqlx::{PgConnection, PgPool};

/// Somebody on duty.
#[derive(Debug, Clone)]
pub struct Watcher {
    /// The account.
    pub account: i64,
    /// Their name.
    pub who: String,
    /// In which role.
    pub role: &'static str,
}

/// A round through the cameras of a hall and all below it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Patrol {
    /// Its number.
    pub id: i64,
    /// The hall at the top of it.
    pub hall: String,
    /// When it began.
    pub begun: DateTime<Utc>,
    /// Whose account.
    pub account: i64,
    /// Their name.
    pub who: String,
    /// In which role.
    pub role: String,
}

/// A hall that was looked at.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Stop {
    /// On which patrol.
    pub patrol: i64,
    /// The hall.
    pub hall: String,
    /// What was on the screen.
    pub cameras: Vec<String>,
    /// What of it showed a live picture.
    pub live: Vec<String>,
    /// From when on it was looked at.
    pub since: DateTime<Utc>,
    /// Until when.
    pub until: DateTime<Utc>,
    /// What was found.
    pub finding: Option<String>,
}

/// A shift that was handed over.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Handover {
    /// Its number.
    pub id: i64,
    /// For this hall and all below it.
    pub hall: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Who handed it over.
    pub account: i64,
    /// Their name.
    pub who: String,
    /// In which role.
    pub role: String,
    /// What they said.
    pub note: String,
    /// What was open.
    pub open: Value,
    /// When somebody took it over.
    pub taken_at: Option<DateTime<Utc>>,
    /// Who.
    pub taken_by: Option<String>,
}

/// Begins a patrol; its number.
pub async fn begin(
    connection: &mut PgConnection,
    hall: &str,
    by: &Watcher,
    now: DateTime<Utc>,
) -> Result<i64, StoreError> {
    let id = sqlx::query_scalar(
        "INSERT INTO patrol (hall, begun, account, who, role) VALUES ($1, $2, $3, $4, $5) RETURNING id",
    );
    Ok(id
        .bind(hall)
        .bind(now)
        .bind(by.account)
        .bind(&by.who)
        .bind(by.role)
        .fetch_one(connection)
        .await?)
}

/// The patrol of this number.
pub async fn patrol(pool: &PgPool, id: i64) -> Result<Option<Patrol>, StoreError> {
    let row =
        sqlx::query_as("SELECT id, hall, begun, account, who, role FROM patrol WHERE id = $1");
    Ok(row.bind(id).fetch_optional(pool).await?)
}

/// Writes down that a hall was looked at.
pub async fn stop(connection: &mut PgConnection, stop: &Stop) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO patrol_stop (patrol, hall, cameras, live, since, until, finding) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(stop.patrol)
    .bind(&stop.hall)
    .bind(&stop.cameras)
    .bind(&stop.live)
    .bind(stop.since)
    .bind(stop.until)
    .bind(&stop.finding)
    .execute(connection)
    .await?;
    Ok(())
}

/// Patrols that have a stop in a subtree, newest first.
pub async fn patrols(
    pool: &PgPool,
    hall: &str,
    below: Option<i64>,
    limit: i64,
) -> Result<Vec<Patrol>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT id, hall, begun, account, who, role FROM patrol p
         WHERE ($2::bigint IS NULL OR id < $2)
           AND EXISTS (SELECT 1 FROM patrol_stop s JOIN hall h ON h.code = s.hall
                       WHERE s.patrol = p.id AND h.path @> ARRAY[$1])
         ORDER BY id DESC LIMIT $3",
    );
    Ok(rows
        .bind(hall)
        .bind(below)
        .bind(limit)
        .fetch_all(pool)
        .await?)
}

/// The stops of patrols in a subtree, in their order.
pub async fn stops(pool: &PgPool, hall: &str, patrols: &[i64]) -> Result<Vec<Stop>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT s.patrol, s.hall, s.cameras, s.live, s.since, s.until, s.finding
         FROM patrol_stop s JOIN hall h ON h.code = s.hall
         WHERE s.patrol = ANY($2) AND h.path @> ARRAY[$1] ORDER BY s.id",
    );
    Ok(rows.bind(hall).bind(patrols).fetch_all(pool).await?)
}

/// What patrols found in a subtree since the shift before was handed over there, newest first.
pub async fn findings(pool: &PgPool, hall: &str, limit: i64) -> Result<Vec<Stop>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT s.patrol, s.hall, s.cameras, s.live, s.since, s.until, s.finding
         FROM patrol_stop s JOIN hall h ON h.code = s.hall
         WHERE s.finding IS NOT NULL AND h.path @> ARRAY[$1]
           AND s.until > coalesce((SELECT max(at) FROM handover WHERE hall = $1), '-infinity')
         ORDER BY s.until DESC LIMIT $2",
    );
    Ok(rows.bind(hall).bind(limit).fetch_all(pool).await?)
}

/// Hands a shift over; its number.
pub async fn hand_over(
    connection: &mut PgConnection,
    hall: &str,
    by: &Watcher,
    note: &str,
    open: &Value,
    now: DateTime<Utc>,
) -> Result<i64, StoreError> {
    let id = sqlx::query_scalar(
        "INSERT INTO handover (hall, at, account, who, role, note, open) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
    );
    Ok(id
        .bind(hall)
        .bind(now)
        .bind(by.account)
        .bind(&by.who)
        .bind(by.role)
        .bind(note)
        .bind(open)
        .fetch_one(connection)
        .await?)
}

/// Shifts, and who took them over.
macro_rules! select_handovers {
    ($rest:literal) => {
        concat!(
            "SELECT o.id, o.hall, o.at, o.account, o.who, o.role, o.note, o.open, t.at AS taken_at, t.who AS taken_by
             FROM handover o JOIN hall h ON h.code = o.hall LEFT JOIN handover_taken t ON t.handover = o.id ",
            $rest
        )
    };
}

/// Shifts of a subtree, newest first.
pub async fn handovers(
    pool: &PgPool,
    hall: &str,
    below: Option<i64>,
    limit: i64,
) -> Result<Vec<Handover>, StoreError> {
    let rows = sqlx::query_as(select_handovers!(
        "WHERE h.path @> ARRAY[$1] AND ($2::bigint IS NULL OR o.id < $2) ORDER BY o.id DESC LIMIT $3"
    ));
    Ok(rows
        .bind(hall)
        .bind(below)
        .bind(limit)
        .fetch_all(pool)
        .await?)
}

/// The shift of this number.
pub async fn handover(pool: &PgPool, id: i64) -> Result<Option<Handover>, StoreError> {
    let row = sqlx::query_as(select_handovers!("WHERE o.id = $1"));
    Ok(row.bind(id).fetch_optional(pool).await?)
}

/// Takes a shift over; false where somebody was faster.
pub async fn take(
    connection: &mut PgConnection,
    id: i64,
    by: &Watcher,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO handover_taken (handover, at, account, who, role) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (handover) DO NOTHING",
    )
    .bind(id)
    .bind(now)
    .bind(by.account)
    .bind(&by.who)
    .bind(by.role)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}
