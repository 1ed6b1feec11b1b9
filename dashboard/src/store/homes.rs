//! Which ingest carried a camera when: the table `camera_home`, kept by the database itself.

use chrono::{DateTime, Utc};
use mingjing_monitor::store::StoreError;
use sqlx::PgPool;

/// A time in which an ingest carried a camera.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Home {
    /// The ingest.
    pub edge: String,
    /// Its begin; `None`: as long as the camera is known.
    pub since: Option<DateTime<Utc>>,
    /// Its end; `None`: it carries it now.
    pub until: Option<DateTime<Utc>>,
}

/// The ingests that carry and carried a camera, the newest first.
///
/// # Errors
/// When the database cannot be asked.
pub async fn of(db: &PgPool, camera: &str) -> Result<Vec<Home>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT edge, since, until FROM camera_home WHERE camera = $1 ORDER BY since DESC NULLS LAST",
    );
    Ok(rows.bind(camera).fetch_all(db).await?)
}

/// When any of these cameras went from one ingest to another, in order.
///
/// # Errors
/// When the database cannot be asked.
pub async fn moves(
    db: &PgPool,
    cameras: &[String],
) -> Result<Vec<(String, DateTime<Utc>)>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT camera, since FROM camera_home WHERE camera = ANY($1) AND since IS NOT NULL ORDER BY since",
    );
    Ok(rows.bind(cameras).fetch_all(db).await?)
}
