//! The county, its halls, windows, units, items and cameras.

use chrono::NaiveTime;
use serde_json::Value;
use sqlx::PgPool;
use sqlx::types::Json;

/// The one row of `county`.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct County {
    /// Code.
    pub code: String,
    /// Name.
    pub name: String,
    /// Name in English.
    pub name_en: String,
    /// IANA time zone.
    pub time_zone: String,
    /// Office hours begin.
    pub office_opens: NaiveTime,
    /// Office hours end.
    pub office_closes: NaiveTime,
    /// Nothing counts yet.
    pub trial_run: bool,
}

/// A row of `hall`.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct HallRow {
    /// Code.
    pub code: String,
    /// Code of the hall above.
    pub parent: Option<String>,
    /// `county`, `town` or `village`.
    pub level: String,
    /// Name.
    pub name: String,
    /// Name in English.
    pub name_en: String,
    /// Codes from the root down to this hall.
    pub path: Vec<String>,
    /// Opening hours by ISO weekday.
    pub opening: Json<std::collections::BTreeMap<String, (String, String)>>,
}

/// A row of `hall_window`.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct WindowRow {
    /// Its hall.
    pub hall: String,
    /// Number.
    pub no: String,
    /// Unit that staffs it.
    pub unit: String,
    /// Name.
    pub name: String,
}

/// A row of `unit`.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct UnitRow {
    /// Code.
    pub code: String,
    /// Name.
    pub name: String,
    /// Name in English.
    pub name_en: String,
}

/// A row of `camera`.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct CameraRow {
    /// Id.
    pub id: String,
    /// Its hall.
    pub hall: String,
    /// Name.
    pub name: String,
    /// Windows that it sees.
    pub windows: Vec<String>,
    /// Ingest that carries it.
    pub edge: String,
}

/// A row of `item`: one version.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ItemRow {
    /// Code.
    pub code: String,
    /// Version.
    pub version: i32,
    /// Name.
    pub name: String,
    /// Name in English.
    pub name_en: String,
    /// Unit that owns it.
    pub unit: Option<String>,
    /// Handling kind.
    pub kind: String,
    /// Limit promised.
    pub promise: Option<Json<Value>>,
    /// Limit by law.
    pub legal: Option<Json<Value>>,
    /// Ordered steps.
    pub steps: Json<Value>,
}

/// The county, once it has been set up.
pub async fn county(db: &PgPool) -> sqlx::Result<Option<County>> {
    sqlx::query_as(
        "SELECT code, name, name_en, time_zone, office_opens, office_closes, trial_run FROM county",
    )
    .fetch_optional(db)
    .await
}

/// Every hall, parents first.
pub async fn halls(db: &PgPool) -> sqlx::Result<Vec<HallRow>> {
    sqlx::query_as("SELECT code, parent, level, name, name_en, path, opening FROM hall ORDER BY cardinality(path), code")
        .fetch_all(db)
        .await
}

/// Every window, in the order of their numbers.
pub async fn windows(db: &PgPool) -> sqlx::Result<Vec<WindowRow>> {
    sqlx::query_as("SELECT hall, no, unit, name FROM hall_window ORDER BY hall, length(no), no")
        .fetch_all(db)
        .await
}

/// Every unit.
pub async fn units(db: &PgPool) -> sqlx::Result<Vec<UnitRow>> {
    sqlx::query_as("SELECT code, name, name_en FROM unit ORDER BY code")
        .fetch_all(db)
        .await
}

/// Every camera.
pub async fn cameras(db: &PgPool) -> sqlx::Result<Vec<CameraRow>> {
    sqlx::query_as("SELECT id, hall, name, windows, edge FROM camera ORDER BY hall, id")
        .fetch_all(db)
        .await
}

/// Name of each item in its newest version.
pub async fn item_names(db: &PgPool) -> sqlx::Result<Vec<(String, String)>> {
    sqlx::query_as("SELECT DISTINCT ON (code) code, name FROM item ORDER BY code, version DESC")
        .fetch_all(db)
        .await
}

/// The newest version of each item whose code or name holds `q`, after `cursor`, in the order of codes.
pub async fn items(db: &PgPool, q: &str, cursor: &str, limit: i64) -> sqlx::Result<Vec<ItemRow>> {
    sqlx::query_as(
        "SELECT * FROM (
             SELECT DISTINCT ON (code) code, version, name, name_en, unit, kind, promise, legal, steps
             FROM item WHERE code > $2 ORDER BY code, version DESC
         ) newest
         WHERE $1 = '' OR strpos(lower(code), lower($1)) > 0 OR strpos(lower(name), lower($1)) > 0
             OR strpos(lower(name_en), lower($1)) > 0
         ORDER BY code LIMIT $3",
    )
    .bind(q)
    .bind(cursor)
    .bind(limit)
    .fetch_all(db)
    .await
}

/// Adds or renews a camera that an ingest carries. False when its hall does not exist.
pub async fn register_camera(db: &PgPool, camera: &CameraRow) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "INSERT INTO camera (id, hall, name, windows, edge)
         SELECT $1, code, $3, $4, $5 FROM hall WHERE code = $2
         ON CONFLICT (id) DO UPDATE SET hall = EXCLUDED.hall, name = EXCLUDED.name,
             windows = EXCLUDED.windows, edge = EXCLUDED.edge",
    )
    .bind(&camera.id)
    .bind(&camera.hall)
    .bind(&camera.name)
    .bind(&camera.windows)
    .bind(&camera.edge)
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Writes the county and the hall at its root into an empty database. False: they were there.
pub async fn found_county(db: &PgPool, county: &crate::config::County) -> sqlx::Result<bool> {
    let mut tx = db.begin().await?;
    let new = sqlx::query(
        "INSERT INTO county (code, name, name_en, time_zone) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
    )
    .bind(&county.code)
    .bind(&county.name)
    .bind(&county.name_en)
    .bind(&county.time_zone)
    .execute(&mut *tx)
    .await?
    .rows_affected()
        > 0;
    if new {
        sqlx::query(
            r#"INSERT INTO hall (code, parent, level, name, name_en, path, opening)
               VALUES ($1, NULL, 'county', $2, $3, ARRAY[$1],
                   '{"1":["09:00","17:30"],"2":["09:00","17:30"],"3":["09:00","17:30"],"4":["09:00","17:30"],"5":["09:00","17:30"]}')
               ON CONFLICT DO NOTHING"#,
        )
        .bind(&county.code)
        .bind(&county.name)
        .bind(&county.name_en)
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await?;
    Ok(new)
}
