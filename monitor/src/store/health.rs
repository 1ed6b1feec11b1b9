//! Health over time: cameras and sources.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

use super::StoreError;

/// The health of a camera at one instant.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct CameraPoint {
    /// When.
    pub time: DateTime<Utc>,
    /// The camera's id.
    pub camera: String,
    /// Its state, a word of the ingest's `CameraState`.
    pub state: String,
    /// Bits per second.
    pub bit_rate: Option<i64>,
    /// Frames per second.
    pub frame_rate: Option<f32>,
    /// Packets lost since the session began.
    pub losses: i64,
    /// Reconnects since the ingest began.
    pub reconnects: i64,
}

/// Stores points of camera health.
pub async fn camera(
    connection: &mut PgConnection,
    points: &[CameraPoint],
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO camera_health (time, camera, state, bit_rate, frame_rate, losses, reconnects)
         SELECT * FROM UNNEST($1::timestamptz[], $2::text[], $3::text[], $4::bigint[], $5::real[], $6::bigint[], $7::bigint[])",
    )
    .bind(points.iter().map(|point| point.time).collect::<Vec<_>>())
    .bind(points.iter().map(|point| point.camera.as_str()).collect::<Vec<_>>())
    .bind(points.iter().map(|point| point.state.as_str()).collect::<Vec<_>>())
    .bind(points.iter().map(|point| point.bit_rate).collect::<Vec<_>>())
    .bind(points.iter().map(|point| point.frame_rate).collect::<Vec<_>>())
    .bind(points.iter().map(|point| point.losses).collect::<Vec<_>>())
    .bind(points.iter().map(|point| point.reconnects).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// The health of a camera in [from, to), oldest first, at most `limit` points.
pub async fn of_camera(
    pool: &PgPool,
    camera: &str,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<CameraPoint>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT time, camera, state, bit_rate, frame_rate, losses, reconnects FROM camera_health
         WHERE camera = $1 AND time >= $2 AND time < $3 ORDER BY time LIMIT $4",
    );
    Ok(rows
        .bind(camera)
        .bind(from)
        .bind(to)
        .bind(limit)
        .fetch_all(pool)
        .await?)
}

/// Records that a source's state changed.
pub async fn source(
    connection: &mut PgConnection,
    time: DateTime<Utc>,
    source: &str,
    state: &str,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO source_health (time, source, state) VALUES ($1, $2, $3)")
        .bind(time)
        .bind(source)
        .bind(state)
        .execute(connection)
        .await?;
    Ok(())
}
