//! Counters and gauges of the county over time.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{PgConnection, PgPool};

use super::StoreError;

/// A value at an instant.
#[derive(Debug, Clone, Copy, PartialEq, sqlx::FromRow)]
pub struct Point {
    /// When; of a bucket, its beginning.
    pub time: DateTime<Utc>,
    /// The value; of a bucket, the mean.
    pub value: f64,
}

/// Stores values of one instant: name, hall (`None`: the county), value.
pub async fn store(
    connection: &mut PgConnection,
    time: DateTime<Utc>,
    values: &[(&str, Option<&str>, f64)],
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO metric (time, name, hall, value)
         SELECT $1, * FROM UNNEST($2::text[], $3::text[], $4::float8[])",
    )
    .bind(time)
    .bind(values.iter().map(|value| value.0).collect::<Vec<_>>())
    .bind(values.iter().map(|value| value.1).collect::<Vec<_>>())
    .bind(values.iter().map(|value| value.2).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// When a metric of the county was last stored.
pub async fn last(
    connection: &mut PgConnection,
    name: &str,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let row = sqlx::query_scalar(
        "SELECT time FROM metric WHERE name = $1 AND hall IS NULL ORDER BY time DESC LIMIT 1",
    );
    Ok(row.bind(name).fetch_optional(connection).await?)
}

/// The means of a metric in buckets of `bucket` over [from, to), oldest first. `hall` `None`: the county's own values.
pub async fn read(
    pool: &PgPool,
    name: &str,
    hall: Option<&str>,
    bucket: TimeDelta,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<Point>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT time_bucket(make_interval(secs => $3), time) AS time, avg(value) AS value FROM metric
         WHERE name = $1 AND hall IS NOT DISTINCT FROM $2 AND time >= $4 AND time < $5 GROUP BY 1 ORDER BY 1",
    );
    let seconds = bucket.num_seconds().max(1) as f64;
    Ok(rows
        .bind(name)
        .bind(hall)
        .bind(seconds)
        .bind(from)
        .bind(to)
        .fetch_all(pool)
        .await?)
}
