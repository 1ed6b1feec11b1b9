//! Counters and gauges of the county over time.

use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use mingjing_monitor::store::metrics;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::caller::Caller;
use crate::problem::{Json, Problem, Query, Result};

/// Most points in one answer.
const MAX_POINTS: i64 = 10_000;

/// Which series.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// For example `cases.open`.
    name: String,
    /// Of this hall; the county's own where it is left out.
    hall: Option<String>,
    /// Width of a point: `1m`, `15m`, `1h` (default), `1d`.
    bucket: Option<String>,
    /// Not before; a day ago where it is left out.
    from: Option<DateTime<Utc>>,
    /// Before; now where it is left out.
    to: Option<DateTime<Utc>>,
}

/// One point: the mean of its bucket.
#[derive(Debug, Serialize, ToSchema)]
pub struct Point {
    time: DateTime<Utc>,
    value: f64,
}

/// A series, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Series {
    points: Vec<Point>,
}

/// A series of a metric.
#[utoipa::path(
    get, path = "/api/v1/metrics", tag = "monitoring", operation_id = "metrics", params(Which),
    responses((status = 200, body = Series), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub async fn show(
    State(app): State<App>,
    caller: Caller,
    Query(which): Query<Which>,
) -> Result<Json<Series>> {
    let directory = app.directory();
    let seen = directory.seen(&caller.scope, which.hall.as_deref())?;
    // The county's own numbers are for those who see the county.
    let hall = Some(seen.hall).filter(|hall| which.hall.is_some() || *hall != directory.root());
    let bucket = width(which.bucket.as_deref().unwrap_or("1h"))?;
    let to = which.to.unwrap_or_else(|| app.now());
    let from = which.from.unwrap_or(to - TimeDelta::days(1));
    if from >= to {
        return Err(Problem::invalid("from must be before to"));
    }
    if (to - from).num_seconds() / bucket.num_seconds() > MAX_POINTS {
        return Err(Problem::invalid(format!(
            "that is over {MAX_POINTS} points: ask for a shorter time or a wider bucket"
        )));
    }
    let points = metrics::read(app.db(), &which.name, hall.as_deref(), bucket, from, to).await?;
    let points = points.into_iter().map(|point| Point {
        time: point.time,
        value: point.value,
    });
    Ok(Json(Series {
        points: points.collect(),
    }))
}

/// `15m` → 15 minutes.
fn width(text: &str) -> Result<TimeDelta> {
    let wrong = || {
        Problem::invalid(format!(
            "bucket {text:?} is none: write a number and s, m, h or d, like 15m"
        ))
    };
    let unit = text.chars().last().ok_or_else(wrong)?;
    let n: i64 = text[..text.len() - unit.len_utf8()]
        .parse()
        .ok()
        .filter(|n| (1..=1_000).contains(n))
        .ok_or_else(wrong)?;
    match unit {
        's' => Ok(TimeDelta::seconds(n)),
        'm' => Ok(TimeDelta::minutes(n)),
        'h' => Ok(TimeDelta::hours(n)),
        'd' => Ok(TimeDelta::days(n)),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_read_and_rubbish_is_refused() {
        assert_eq!(width("15m").unwrap(), TimeDelta::minutes(15));
        assert_eq!(width("1d").unwrap(), TimeDelta::days(1));
        for rubbish in ["", "m", "0h", "-1h", "1w", "1时", "99999s"] {
            assert_eq!(
                width(rubbish).unwrap_err().kind(),
                "/problems/invalid",
                "{rubbish}"
            );
        }
    }
}
