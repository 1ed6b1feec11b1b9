//! Episodes: each time something that is watched went wrong.

use chrono::{DateTime, NaiveDate, Utc};
use mingjing_monitor::store::StoreError;
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::rules::r8::UnitMonth;
use crate::rules::watched::{Episode, Hold, Thing, Trouble};

/// A row of `episode`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpisodeRecord {
    /// Its number; 0 until it is stored.
    pub id: i64,
    /// What happened.
    pub episode: Episode,
    /// What stands over it, as `thing:subject`.
    pub above: Vec<String>,
    /// The next instant at which time alone changes anything.
    pub next_instant: Option<DateTime<Utc>>,
}

impl EpisodeRecord {
    /// It, as others name it above them.
    pub fn key(&self) -> String {
        key(self.episode.thing, &self.episode.subject)
    }
}

/// A thing as `above` names it.
pub fn key(thing: Thing, subject: &str) -> String {
    format!("{}:{subject}", thing.as_str())
}

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    thing: String,
    subject: String,
    name: String,
    hall: String,
    unit: Option<String>,
    trouble: String,
    since: DateTime<Utc>,
    until: Option<DateTime<Utc>>,
    cameras: i32,
    above: Vec<String>,
    unseen: Json<Vec<Hold>>,
    next_instant: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for EpisodeRecord {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let unknown = |word: &str| StoreError::Stored(format!("{word:?} in an episode"));
        Ok(Self {
            id: row.id,
            episode: Episode {
                thing: Thing::parse(&row.thing).ok_or_else(|| unknown(&row.thing))?,
                trouble: Trouble::parse(&row.trouble).ok_or_else(|| unknown(&row.trouble))?,
                subject: row.subject,
                name: row.name,
                hall: row.hall,
                unit: row.unit,
                unseen: row.unseen.0,
                since: row.since,
                until: row.until,
                cameras: u32::try_from(row.cameras).unwrap_or_default(),
            },
            above: row.above,
            next_instant: row.next_instant,
        })
    }
}

fn records(rows: Vec<Row>) -> Result<Vec<EpisodeRecord>, StoreError> {
    rows.into_iter().map(EpisodeRecord::try_from).collect()
}

/// Those that go on.
pub async fn going_on(connection: &mut PgConnection) -> Result<Vec<EpisodeRecord>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT id, thing, subject, name, hall, unit, trouble, since, until, cameras, above, unseen, next_instant FROM episode
         WHERE until IS NULL ORDER BY id",
    );
    records(rows.fetch_all(connection).await?)
}

/// Those of these things (as `thing:subject`) that lasted at or after `since`: what holds others back.
pub async fn of_things(
    connection: &mut PgConnection,
    things: &[String],
    since: DateTime<Utc>,
) -> Result<Vec<EpisodeRecord>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT id, thing, subject, name, hall, unit, trouble, since, until, cameras, above, unseen, next_instant FROM episode
         WHERE thing || ':' || subject = ANY($1) AND (until IS NULL OR until >= $2) ORDER BY id",
    );
    records(rows.bind(things).bind(since).fetch_all(connection).await?)
}

/// Those of which something may have fallen due in [from, to): what is away is judged within a month of opening hours.
pub async fn between(
    connection: &mut PgConnection,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<EpisodeRecord>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT id, thing, subject, name, hall, unit, trouble, since, until, cameras, above, unseen, next_instant FROM episode
         WHERE since < $2 AND (until IS NULL OR until >= $1) ORDER BY id",
    );
    records(rows.bind(from).bind(to).fetch_all(connection).await?)
}

/// A new one; its number.
pub async fn insert(
    connection: &mut PgConnection,
    record: &EpisodeRecord,
) -> Result<i64, StoreError> {
    let episode = &record.episode;
    // Back at the very instant at which it had gone before: the same one goes on.
    let row = sqlx::query_scalar(
        "INSERT INTO episode (thing, subject, name, hall, trouble, since, until, cameras, above, next_instant, unit, unseen)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         ON CONFLICT (thing, subject, since) DO UPDATE SET until = excluded.until, next_instant = excluded.next_instant
         RETURNING id",
    );
    Ok(row
        .bind(episode.thing.as_str())
        .bind(&episode.subject)
        .bind(&episode.name)
        .bind(&episode.hall)
        .bind(episode.trouble.as_str())
        .bind(episode.since)
        .bind(episode.until)
        .bind(i32::try_from(episode.cameras).unwrap_or(i32::MAX))
        .bind(&record.above)
        .bind(record.next_instant)
        .bind(&episode.unit)
        .bind(Json(&episode.unseen))
        .fetch_one(connection)
        .await?)
}

/// Writes its end, what is known of it and when to look again.
pub async fn update(
    connection: &mut PgConnection,
    record: &EpisodeRecord,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE episode SET until = $2, cameras = $3, above = $4, next_instant = $5, unseen = $6 WHERE id = $1",
    )
    .bind(record.id)
    .bind(record.episode.until)
    .bind(i32::try_from(record.episode.cameras).unwrap_or(i32::MAX))
    .bind(&record.above)
    .bind(record.next_instant)
    .bind(Json(&record.episode.unseen))
    .execute(connection)
    .await?;
    Ok(())
}

/// How far a rule's months were looked at, and when to look next.
pub async fn round(
    connection: &mut PgConnection,
    rule: &str,
) -> Result<Option<(NaiveDate, DateTime<Utc>)>, StoreError> {
    let row = sqlx::query_as("SELECT month, next_at FROM month_round WHERE rule = $1");
    Ok(row.bind(rule).fetch_optional(connection).await?)
}

/// Remembers it.
pub async fn set_round(
    connection: &mut PgConnection,
    rule: &str,
    month: NaiveDate,
    next_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO month_round (rule, month, next_at) VALUES ($1, $2, $3)
         ON CONFLICT (rule) DO UPDATE SET month = excluded.month, next_at = excluded.next_at",
    )
    .bind(rule)
    .bind(month)
    .bind(next_at)
    .execute(connection)
    .await?;
    Ok(())
}

/// When the first case was accepted; `None`: there is none.
pub async fn first_case(
    connection: &mut PgConnection,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    Ok(
        sqlx::query_scalar("SELECT min(opened_at) FROM case_state WHERE accepted_at IS NOT NULL")
            .fetch_one(connection)
            .await?,
    )
}

/// What became of the cases accepted in [from, to), by hall and unit. Reads the state of those cases, no event.
pub async fn unit_months(
    connection: &mut PgConnection,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<UnitMonth>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT hall, unit, count(*) AS accepted, count(*) FILTER (WHERE status = 'voided') AS voided,
             count(*) FILTER (WHERE status = 'refused') AS returned, count(*) FILTER (WHERE status = 'withdrawn') AS withdrawn,
             count(*) FILTER (WHERE suspended) AS suspended,
             count(*) FILTER (WHERE suspended OR status IN ('voided', 'refused', 'withdrawn')) AS touched
         FROM (SELECT hall, unit, status, coalesce(jsonb_array_length(fold->'suspensions'), 0) > 0 AS suspended
               FROM case_state
               WHERE opened_at >= $1 AND opened_at < $2 AND accepted_at IS NOT NULL AND unit <> '') c
         GROUP BY hall, unit ORDER BY hall, unit",
    );
    Ok(rows.bind(from).bind(to).fetch_all(connection).await?)
}
