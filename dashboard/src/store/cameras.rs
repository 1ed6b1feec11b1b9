//! How the ingest of this console reaches the cameras that people manage on its pages.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use mingjing_ingest::managed::Settled;
use mingjing_monitor::store::StoreError;
use mingjing_monitor::store::halls::Camera;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use sqlx::{PgConnection, PgPool};
use utoipa::ToSchema;

/// Where a window is in a camera's picture. Corners are `[x, y]`, as fractions of the picture's width and height from its upper left corner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Region {
    /// Number of the window.
    pub window: String,
    /// Where whoever staffs it sits or stands.
    pub seat: Vec<[f64; 2]>,
    /// Where people wait for it, if they shall be counted.
    #[serde(default)]
    pub waiting: Option<Vec<[f64; 2]>>,
}

/// What is done with a camera's pictures.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Pictures {
    /// Whether they are looked at for faults.
    pub checks: bool,
    /// Whether the sound is recorded with them: `keep` or `ignore`.
    pub audio: String,
    /// Where windows are in them.
    pub regions: Json<Vec<Region>>,
    /// Whether they are recorded; `None`, here and below: as the console's configuration says.
    pub recorded: Option<bool>,
    /// For how many days.
    pub record_days: Option<i32>,
    /// When, as lines of a schedule; none of them: always.
    pub record_hours: Option<Vec<String>>,
}

impl Default for Pictures {
    fn default() -> Self {
        Self {
            checks: true,
            audio: "ignore".into(),
            regions: Json(Vec::new()),
            recorded: None,
            record_days: None,
            record_hours: None,
        }
    }
}

/// Address and credentials of a camera, and what is done with its pictures.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Connection {
    /// The camera.
    pub camera: String,
    /// `rtsp://…`, without user and password.
    pub url: String,
    /// The same of its sub-stream, where it has one.
    pub sub_url: Option<String>,
    /// User, where the camera asks for one.
    pub username: Option<String>,
    /// Sealed.
    pub password: Option<String>,
    /// `tcp` or `udp`.
    pub transport: String,
    /// What is done with them.
    #[sqlx(flatten)]
    pub pictures: Pictures,
    /// Counts the changes.
    pub revision: i32,
}

/// A camera that people manage here, with its connection.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Managed {
    /// What the county knows of it.
    #[sqlx(flatten)]
    pub row: Camera,
    /// How it is reached.
    #[sqlx(flatten)]
    pub connection: Connection,
}

/// Every camera that people manage here, by id.
pub async fn managed(pool: &PgPool) -> Result<Vec<Managed>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT c.id, c.hall, c.name, c.windows, c.edge, n.camera, n.url, n.sub_url, n.username, n.password, n.transport, n.checks, n.audio, n.regions,
             n.recorded, n.record_days, n.record_hours, n.revision
         FROM camera c JOIN camera_connection n ON n.camera = c.id ORDER BY c.id",
    );
    Ok(rows.fetch_all(pool).await?)
}

/// Ids of the cameras that people manage here.
pub async fn ids(pool: &PgPool) -> Result<Vec<String>, StoreError> {
    let rows = sqlx::query_scalar("SELECT camera FROM camera_connection");
    Ok(rows.fetch_all(pool).await?)
}

/// The cameras that people manage here, each with the ingest that it is given to.
pub async fn given(connection: &mut PgConnection) -> Result<HashMap<String, String>, StoreError> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT c.id, c.edge FROM camera c JOIN camera_connection n ON n.camera = c.id",
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().collect())
}

/// How far an edge has come with a camera that it was sent.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Push {
    /// The camera.
    pub camera: String,
    /// The edge.
    pub edge: String,
    /// Which of the camera's changes.
    pub revision: i32,
    /// When it was said last.
    pub at: DateTime<Utc>,
    /// Why it is not as asked; `None`: it is.
    pub refused: Option<String>,
    /// What the code alone does not say.
    pub detail: Option<String>,
}

/// What edges said of the cameras that they were sent.
pub async fn pushes(pool: &PgPool) -> Result<Vec<Push>, StoreError> {
    let rows =
        sqlx::query_as("SELECT camera, edge, revision, at, refused, detail FROM camera_push");
    Ok(rows.fetch_all(pool).await?)
}

/// Notes what became of cameras at the edge that they were sent to; whether that is news. What was moved or taken away since is left out.
pub async fn note_pushes(
    pool: &PgPool,
    edge: &str,
    settled: &[Settled],
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let part = |of: fn(&Settled) -> Option<String>| settled.iter().map(of).collect::<Vec<_>>();
    let revisions: Vec<i32> = settled.iter().map(|one| one.revision).collect();
    let noted = sqlx::query(
        "INSERT INTO camera_push (camera, edge, revision, at, refused, detail)
         SELECT n.camera, $1, s.revision, $2, s.refused, s.detail
         FROM UNNEST($3::text[], $4::integer[], $5::text[], $6::text[]) AS s (camera, revision, refused, detail)
         JOIN camera_connection n ON n.camera = s.camera JOIN camera c ON c.id = s.camera AND c.edge = $1
         ON CONFLICT (camera) DO UPDATE SET edge = excluded.edge, revision = excluded.revision, at = excluded.at, refused = excluded.refused,
             detail = excluded.detail
         WHERE (camera_push.edge, camera_push.revision, camera_push.refused, camera_push.detail)
             IS DISTINCT FROM (excluded.edge, excluded.revision, excluded.refused, excluded.detail)",
    )
    .bind(edge)
    .bind(now)
    .bind(part(|one| Some(one.id.clone())))
    .bind(revisions)
    .bind(part(|one| Some(one.refused.as_ref()?.why.clone())))
    .bind(part(|one| one.refused.as_ref()?.detail.clone()))
    .execute(pool)
    .await?;
    Ok(noted.rows_affected() > 0)
}

/// The edges that take cameras from here, each with the hall at the top of those whose cameras it takes.
pub async fn edges(pool: &PgPool) -> Result<Vec<(String, String)>, StoreError> {
    let rows = sqlx::query_as("SELECT name, hall FROM camera_edge ORDER BY name");
    Ok(rows.fetch_all(pool).await?)
}

/// The edge of this name came with `token` and takes cameras of `hall` and all below it. `Some`: the name of another token, which still
/// holds, and whose the name is.
pub async fn claim_edge(
    pool: &PgPool,
    name: &str,
    token: i64,
    hall: &str,
    now: DateTime<Utc>,
) -> Result<Option<String>, StoreError> {
    sqlx::query(
        "INSERT INTO camera_edge (name, hall, token) VALUES ($1, $2, $3)
         ON CONFLICT (name) DO UPDATE SET hall = excluded.hall, token = excluded.token
         WHERE (camera_edge.hall, camera_edge.token) IS DISTINCT FROM (excluded.hall, excluded.token)
           AND (camera_edge.token = excluded.token OR NOT EXISTS (
               SELECT FROM token t WHERE t.id = camera_edge.token AND t.revoked IS NULL AND (t.expires IS NULL OR t.expires > $4)))",
    )
    .bind(name)
    .bind(hall)
    .bind(token)
    .bind(now)
    .execute(pool)
    .await?;
    let other = sqlx::query_scalar(
        "SELECT t.name FROM camera_edge e JOIN token t ON t.id = e.token WHERE e.name = $1 AND e.token <> $2",
    );
    Ok(other.bind(name).bind(token).fetch_optional(pool).await?)
}

/// The connection of a camera, held until the end of the transaction: of two people at once the second sees what the first did.
pub async fn hold(
    connection: &mut PgConnection,
    camera: &str,
) -> Result<Option<Connection>, StoreError> {
    let row = sqlx::query_as(
        "SELECT camera, url, sub_url, username, password, transport, checks, audio, regions, recorded, record_days, record_hours, revision
         FROM camera_connection WHERE camera = $1 FOR UPDATE",
    );
    Ok(row.bind(camera).fetch_optional(connection).await?)
}

/// Adds a connection, or replaces the one of its camera.
pub async fn put(connection: &mut PgConnection, new: &Connection) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO camera_connection
             (camera, url, username, password, transport, revision, checks, regions, recorded, record_days, record_hours, sub_url, audio)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         ON CONFLICT (camera) DO UPDATE SET url = excluded.url, sub_url = excluded.sub_url, username = excluded.username, password = excluded.password,
             transport = excluded.transport, revision = excluded.revision, checks = excluded.checks, regions = excluded.regions,
             recorded = excluded.recorded, record_days = excluded.record_days, record_hours = excluded.record_hours,
             audio = excluded.audio",
    )
    .bind(&new.camera)
    .bind(&new.url)
    .bind(&new.username)
    .bind(&new.password)
    .bind(&new.transport)
    .bind(new.revision)
    .bind(new.pictures.checks)
    .bind(&new.pictures.regions)
    .bind(new.pictures.recorded)
    .bind(new.pictures.record_days)
    .bind(&new.pictures.record_hours)
    .bind(&new.sub_url)
    .bind(&new.pictures.audio)
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether a camera of this id is known, wherever it is carried.
pub async fn is_known(connection: &mut PgConnection, camera: &str) -> Result<bool, StoreError> {
    let known = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM camera WHERE id = $1)");
    Ok(known.bind(camera).fetch_one(connection).await?)
}

/// Takes a camera away, with its connection; `false`: there is none of this id.
pub async fn remove(connection: &mut PgConnection, camera: &str) -> Result<bool, StoreError> {
    let gone = sqlx::query("DELETE FROM camera WHERE id = $1");
    Ok(gone.bind(camera).execute(connection).await?.rows_affected() > 0)
}

/// Sealed passwords, each with its camera, for a new key.
pub async fn sealed(connection: &mut PgConnection) -> Result<Vec<(String, String)>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT camera, password FROM camera_connection WHERE password IS NOT NULL ORDER BY camera FOR UPDATE",
    );
    Ok(rows.fetch_all(connection).await?)
}

/// Puts a password that was sealed again in the place of the one before.
pub async fn reseal(
    connection: &mut PgConnection,
    camera: &str,
    password: &str,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE camera_connection SET password = $2 WHERE camera = $1")
        .bind(camera)
        .bind(password)
        .execute(connection)
        .await?;
    Ok(())
}
