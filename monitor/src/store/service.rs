//! What halls tell of their service, counted by the day.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, NaiveDate, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{PgConnection, PgPool};

use super::{StoreError, retention};
use crate::calendar::local_to_utc;
use crate::event::{Applicant, CaseEvent};
use crate::service::{Day, Minute, Sign, person};

/// The types of the events, as the index has them.
macro_rules! types {
    () => {
        "('hall.opened', 'hall.closed', 'terminal.heartbeat', 'service.assisted')"
    };
}

/// Days that are counted at a time.
const PAGE: usize = 2_000;

/// Counts the days again of which these events tell, and those of which the events told that they correct; the events lie in the
/// database already. From when on that may move scores; `None`: nothing of them is about service.
pub async fn hear(
    connection: &mut PgConnection,
    events: &[&CaseEvent],
    zone: Tz,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    if events.is_empty() {
        return Ok(None);
    }
    let date = |at: DateTime<Utc>| at.with_timezone(&zone).date_naive();
    let mut days: BTreeSet<(NaiveDate, String)> = events
        .iter()
        .map(|event| (date(event.time), event.place.hall.clone()))
        .collect();
    let replacing = events
        .iter()
        .filter_map(|event| Some((event.source.as_str(), event.replaces.as_deref()?)));
    let (sources, ids): (Vec<&str>, Vec<&str>) = replacing.unzip();
    if !ids.is_empty() {
        let replaced: Vec<(String, DateTime<Utc>)> = sqlx::query_as(concat!(
            "SELECT e.hall, e.time FROM UNNEST($1::text[], $2::text[]) AS q (source, id)
             JOIN event_identity i ON i.source = q.source AND i.id = q.id
             JOIN case_event e ON e.time = i.time AND e.source = i.source AND e.id = i.id
             WHERE e.type IN ",
            types!()
        ))
        .bind(sources)
        .bind(ids)
        .fetch_all(&mut *connection)
        .await?;
        days.extend(replaced.into_iter().map(|(hall, at)| (date(at), hall)));
    }
    let days: Vec<_> = days.into_iter().collect();
    for page in days.chunks(PAGE) {
        count(&mut *connection, page, zone).await?;
    }
    Ok(days.first().map(|(day, _)| midnight(*day, zone)))
}

fn midnight(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    local_to_utc(day.and_time(chrono::NaiveTime::MIN), zone)
}

#[derive(sqlx::FromRow)]
struct Told {
    hall: String,
    day: NaiveDate,
    r#type: String,
    time: DateTime<Utc>,
    data: Json<Value>,
}

impl Told {
    fn sign(&self, zone: Tz) -> Option<Sign> {
        let minute = |at: DateTime<Utc>| {
            let local = at.with_timezone(&zone);
            if local.date_naive() < self.day {
                return 0;
            }
            (local.num_seconds_from_midnight() / 60) as Minute
        };
        let at = minute(self.time);
        Some(match self.r#type.as_str() {
            "hall.opened" => Sign::Opened(at),
            "hall.closed" => Sign::Closed(at),
            "terminal.heartbeat" => {
                let since = self.data.get("up_since").and_then(Value::as_str);
                let since = since.and_then(|text| DateTime::parse_from_rfc3339(text).ok());
                Sign::Up(since.map_or(at, |since| minute(since.into())), at)
            }
            "service.assisted" => {
                let who: Option<Applicant> = self
                    .data
                    .get("applicant")
                    .and_then(|who| serde_json::from_value(who.clone()).ok());
                Sign::Assisted(at, person(who.and_then(|who| who.key()).as_deref()))
            }
            _ => return None,
        })
    }
}

/// Counts these days from their events and writes them.
async fn count(
    connection: &mut PgConnection,
    days: &[(NaiveDate, String)],
    zone: Tz,
) -> Result<(), StoreError> {
    let halls: Vec<&str> = days.iter().map(|(_, hall)| hall.as_str()).collect();
    let dates: Vec<NaiveDate> = days.iter().map(|(day, _)| *day).collect();
    let begins: Vec<_> = dates.iter().map(|day| midnight(*day, zone)).collect();
    let ends: Vec<_> = dates
        .iter()
        .map(|day| midnight(*day + TimeDelta::days(1), zone))
        .collect();
    // Word of what is still to come is none, and neither is word that comes a day after its source usually speaks: a month of service
    // cannot be told at its end.
    let told: Vec<Told> = sqlx::query_as(concat!(
        "SELECT w.hall, w.day, e.type, e.time, e.data
         FROM UNNEST($1::text[], $2::date[], $3::timestamptz[], $4::timestamptz[]) AS w (hall, day, begins, ends)
         JOIN case_event e ON e.hall = w.hall AND e.time >= w.begins AND e.time < w.ends
         LEFT JOIN source s ON s.id = e.source
         WHERE e.type IN ",
        types!(),
        " AND NOT e.date_only AND e.time <= e.received + interval '5 minutes'
           AND e.received <= e.time + make_interval(secs => 86400 + coalesce(s.lag_seconds, 0))
           AND NOT EXISTS (SELECT FROM case_event x WHERE x.source = e.source AND x.data ->> 'replaces' = e.id AND x.data ? 'replaces'
                 AND x.type IN ",
        types!(),
        ") ORDER BY w.day, w.hall, e.time, e.seq NULLS FIRST, e.type, e.id"
    ))
    .bind(&halls)
    .bind(&dates)
    .bind(begins)
    .bind(ends)
    .fetch_all(&mut *connection)
    .await?;
    let mut signs: BTreeMap<(NaiveDate, &str), Vec<Sign>> = BTreeMap::new();
    for one in &told {
        let of = signs.entry((one.day, one.hall.as_str())).or_default();
        of.extend(one.sign(zone));
    }
    sqlx::query(
        "DELETE FROM service_day d USING UNNEST($1::date[], $2::text[]) AS w (day, hall)
         WHERE d.day = w.day AND d.hall = w.hall",
    )
    .bind(&dates)
    .bind(&halls)
    .execute(&mut *connection)
    .await?;
    let flat = |stretches: &[(Minute, Minute)]| -> Vec<Minute> {
        stretches
            .iter()
            .flat_map(|(from, to)| [*from, *to])
            .collect()
    };
    // A JSON document for the arrays of each row: UNNEST takes arrays apart to the last element.
    let rows: Vec<Value> = signs
        .into_iter()
        .map(|((day, hall), signs)| {
            let told = Day::of(signs);
            let (at, who): (Vec<Minute>, Vec<String>) = told.assisted.into_iter().unzip();
            serde_json::json!({
                "day": day, "hall": hall, "open": flat(&told.open), "up": flat(&told.up),
                "assisted_at": at, "assisted": who, "told": told.told,
            })
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO service_day (day, hall, open, up, assisted_at, assisted, told)
         SELECT day, hall, open, up, assisted_at, assisted, told FROM jsonb_populate_recordset(NULL::service_day, $1)",
    )
    .bind(Json(Value::Array(rows)))
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT INTO service_point AS p (hall, since)
         SELECT d.hall, min(d.day) FROM service_day d JOIN UNNEST($1::date[], $2::text[]) AS w (day, hall)
             ON d.day = w.day AND d.hall = w.hall
         GROUP BY d.hall
         ON CONFLICT (hall) DO UPDATE SET since = excluded.since WHERE excluded.since < p.since",
    )
    .bind(&dates)
    .bind(&halls)
    .execute(connection)
    .await?;
    Ok(())
}

/// Counts every day again of which there are still events; days from before events were dropped stay as they are. How many days.
pub async fn rebuild(connection: &mut PgConnection, zone: Tz) -> Result<u64, StoreError> {
    let kept = retention::dropped_until(&mut *connection).await?;
    // The day in which the drop ends has lost its morning.
    let first = kept.map(|at| at.with_timezone(&zone).date_naive() + TimeDelta::days(1));
    let days: Vec<(NaiveDate, String)> = sqlx::query_as(concat!(
        "SELECT day, hall FROM service_day WHERE $1::date IS NULL OR day >= $1
         UNION SELECT (time AT TIME ZONE $2)::date, hall FROM case_event WHERE type IN ",
        types!(),
        " AND ($1::date IS NULL OR (time AT TIME ZONE $2)::date >= $1)
         ORDER BY 1, 2"
    ))
    .bind(first)
    .bind(zone.name())
    .fetch_all(&mut *connection)
    .await?;
    for page in days.chunks(PAGE) {
        count(&mut *connection, page, zone).await?;
    }
    Ok(days.len() as u64)
}

#[derive(sqlx::FromRow)]
struct Row {
    day: NaiveDate,
    hall: String,
    open: Vec<Minute>,
    up: Vec<Minute>,
    assisted_at: Vec<Minute>,
    assisted: Vec<String>,
    told: i32,
}

/// What halls told of the days from `first` to `last`, both included, by hall and day.
pub async fn between(
    pool: &PgPool,
    first: NaiveDate,
    last: NaiveDate,
) -> Result<HashMap<String, BTreeMap<NaiveDate, Day>>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT day, hall, open, up, assisted_at, assisted, told FROM service_day WHERE day >= $1 AND day <= $2",
    )
    .bind(first)
    .bind(last)
    .fetch_all(pool)
    .await?;
    let pairs = |flat: &[Minute]| {
        flat.chunks_exact(2)
            .map(|pair| (pair[0], pair[1]))
            .collect()
    };
    let mut all: HashMap<String, BTreeMap<NaiveDate, Day>> = HashMap::new();
    for row in rows {
        let day = Day {
            open: pairs(&row.open),
            up: pairs(&row.up),
            assisted: row.assisted_at.into_iter().zip(row.assisted).collect(),
            told: u32::try_from(row.told).unwrap_or(0),
        };
        all.entry(row.hall).or_default().insert(row.day, day);
    }
    Ok(all)
}

/// From which day on each hall tells of its service.
pub async fn points(pool: &PgPool) -> Result<HashMap<String, NaiveDate>, StoreError> {
    let rows: Vec<(String, NaiveDate)> = sqlx::query_as("SELECT hall, since FROM service_point")
        .fetch_all(pool)
        .await?;
    Ok(rows.into_iter().collect())
}
