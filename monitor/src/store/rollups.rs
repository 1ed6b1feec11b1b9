//! Roll-ups: counts kept beside the cases, moved by what changed in the transaction that changed it, so that no page
//! ever counts events or cases.

mod spent;

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, DurationRound, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{PgConnection, PgPool, Postgres};
use tokio::sync::mpsc;

use super::StoreError;
use super::states::{self, CaseRecord};
use super::statistics::{By, sums};
use crate::case::{CaseStatus, Spent};

/// The change of all roll-ups by a batch: what the touched cases counted for after it, less what they did before.
#[derive(Debug, Default)]
pub struct Changes {
    day: BTreeMap<Place, Day>,
    spent: spent::Changes,
    hour: BTreeMap<(DateTime<Utc>, String), [i64; 2]>,
    bucket: BTreeMap<(String, String, bool, String), i64>,
}

/// What is counted: a day, of ways the first of a month; where, and for which item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    start: NaiveDate,
    hall: String,
    unit: String,
    item: String,
}

impl Place {
    /// The day at the case's hall, unit and item.
    fn of(case: &CaseRecord, start: NaiveDate) -> Self {
        Self {
            start,
            hall: case.hall.clone(),
            unit: case.unit.clone(),
            item: case.item.clone(),
        }
    }
}

/// A statement with its first four arguments, $1 to $4: the columns of these places.
fn at_places<'a>(
    sql: &'static str,
    places: impl Iterator<Item = &'a Place> + Clone,
) -> Query<'static, Postgres, PgArguments> {
    sqlx::query(sql)
        .bind(places.clone().map(|at| at.start).collect::<Vec<_>>())
        .bind(column(places.clone(), |at| &at.hall))
        .bind(column(places.clone(), |at| &at.unit))
        .bind(column(places, |at| &at.item))
}

/// A column of texts.
fn column<'a, T: 'a>(rows: impl Iterator<Item = &'a T>, of: fn(&'a T) -> &'a str) -> Vec<&'a str> {
    rows.map(of).collect()
}

/// The counts of a day, in the order of its columns.
type Day = [i64; 21];

const ACCEPTED: usize = 0;
const COMPLETED: usize = 1;
const DUE: usize = 2;
const DUE_MET: usize = 3;
const DUE_OVER: usize = 4;
const PROMISED: usize = 5;
const EARLY: usize = 6;
/// The first of five levels.
const RATED: usize = 7;
const REFUSED: usize = 12;
const WITHDRAWN: usize = 13;
const VOIDED: usize = 14;
const MEASURED: usize = 15;
const WORKED: usize = 16;
const LEGAL_WORKED: usize = 17;
const LEGAL_ALLOWED: usize = 18;
const CUT_PROMISE: usize = 19;
const CUT_LEGAL: usize = 20;

/// The first day of the month of a day.
fn month_of(day: NaiveDate) -> NaiveDate {
    day.with_day(1).unwrap_or(day)
}

/// The columns of counts.
macro_rules! counted {
    () => {
        "accepted, completed, due, due_met, due_over, promised, early, rated_1, rated_2, rated_3, rated_4, rated_5,
         refused, withdrawn, voided, measured, worked, legal_worked, legal_allowed, cut_promise, cut_legal"
    };
}
/// Their sums.
macro_rules! summed {
    () => {
        "sum(accepted), sum(completed), sum(due), sum(due_met), sum(due_over), sum(promised), sum(early),
         sum(rated_1), sum(rated_2), sum(rated_3), sum(rated_4), sum(rated_5), sum(refused), sum(withdrawn),
         sum(voided), sum(measured), sum(worked), sum(legal_worked), sum(legal_allowed), sum(cut_promise),
         sum(cut_legal)"
    };
}
/// What is there and what comes.
macro_rules! added {
    () => {
        "accepted = r.accepted + excluded.accepted, completed = r.completed + excluded.completed, due = r.due +
         excluded.due, due_met = r.due_met + excluded.due_met, due_over = r.due_over + excluded.due_over, promised =
         r.promised + excluded.promised, early = r.early + excluded.early, rated_1 = r.rated_1 + excluded.rated_1,
         rated_2 = r.rated_2 + excluded.rated_2, rated_3 = r.rated_3 + excluded.rated_3, rated_4 = r.rated_4 +
         excluded.rated_4, rated_5 = r.rated_5 + excluded.rated_5, refused = r.refused + excluded.refused, withdrawn
         = r.withdrawn + excluded.withdrawn, voided = r.voided + excluded.voided, measured = r.measured +
         excluded.measured, worked = r.worked + excluded.worked, legal_worked = r.legal_worked +
         excluded.legal_worked, legal_allowed = r.legal_allowed + excluded.legal_allowed, cut_promise = r.cut_promise
         + excluded.cut_promise, cut_legal = r.cut_legal + excluded.cut_legal"
    };
}

/// Adds the counts of days to `rollup_day`, `rollup_month`, `rollup_level` and `rollup_sum`. Rows are written in one order, so that two transactions never wait
/// for each other.
const ADD_DAYS: &str = concat!(
    "WITH f AS (SELECT * FROM UNNEST($1::date[], $2::text[], $3::text[], $4::text[],
             $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[],
             $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[],
             $19::bigint[], $20::bigint[], $21::bigint[], $22::bigint[], $23::bigint[], $24::bigint[], $25::bigint[])
         AS f (day, hall, unit, item, ", counted!(), ")),
     days AS (INSERT INTO rollup_day AS r (day, hall, unit, item, ", counted!(), ")
         SELECT * FROM f ORDER BY 1, 2, 3, 4
         ON CONFLICT (day, hall, unit, item) DO UPDATE SET ", added!(), "),
     months AS (INSERT INTO rollup_month AS r (month, hall, unit, item, ", counted!(), ")
         SELECT date_trunc('month', day)::date, hall, unit, item, ", summed!(), " FROM f GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
         ON CONFLICT (hall, month, unit, item) DO UPDATE SET ", added!(), "),
     levels AS (INSERT INTO rollup_level AS r (grain, start, item, unit, level, accepted)
         SELECT grain, start, f.item, f.unit, coalesce(h.level, ''), sum(f.accepted)
         FROM f LEFT JOIN hall h ON h.code = f.hall
         CROSS JOIN LATERAL (VALUES ('d'::\"char\", day), ('m', date_trunc('month', day)::date)) AS g (grain, start)
         WHERE f.accepted <> 0 GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
         ON CONFLICT (grain, start, item, unit, level) DO UPDATE SET accepted = r.accepted + excluded.accepted)
     INSERT INTO rollup_sum AS r (cut, grain, start, hall, unit, item, ", counted!(), ")
         SELECT cut, grain, start, CASE WHEN c.hall THEN f.hall ELSE '' END, CASE WHEN c.unit THEN f.unit ELSE '' END,
             CASE WHEN c.item THEN f.item ELSE '' END, ", summed!(), "
         FROM f CROSS JOIN rollup_cut c
         CROSS JOIN LATERAL (VALUES ('d'::\"char\", day), ('m', date_trunc('month', day)::date)) AS g (grain, start)
         GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
         ON CONFLICT (cut, grain, hall, start, unit, item) DO UPDATE SET ", added!()
);

impl Changes {
    /// The case counts as `after` and no longer as `before`; days are those of `zone`.
    pub fn replace(&mut self, before: Option<&CaseRecord>, after: &CaseRecord, zone: Tz) {
        // What time alone changes moves nothing that is counted of durations and steps.
        let same =
            before.is_some_and(|before| before.spent == after.spent && before.looks_like(after));
        if !same {
            if let Some(before) = before {
                self.measure(before, -1, zone);
            }
            self.measure(after, 1, zone);
        }
        if let Some(before) = before {
            self.count(before, -1, zone);
        }
        self.count(after, 1, zone);
    }

    /// Whether any count moves.
    pub fn is_empty(&self) -> bool {
        self.day.values().flatten().all(|&n| n == 0)
            && self.hour.values().flatten().all(|&n| n == 0)
            && self.bucket.values().all(|&n| n == 0)
            && self.spent.is_empty()
    }

    /// The earliest day whose counts move.
    pub fn first_day(&self) -> Option<NaiveDate> {
        let moved = self
            .day
            .iter()
            .find(|(_, counts)| counts.iter().any(|&n| n != 0));
        moved.map(|(at, _)| at.start)
    }

    fn count(&mut self, case: &CaseRecord, n: i64, zone: Tz) {
        if let Some(at) = case.accepted_at() {
            self.happened(case, at, ACCEPTED, n, zone);
            if let Some(at) = case.decided_at() {
                self.happened(case, at, COMPLETED, n, zone);
                self.kept(case, at, n, zone);
            }
            // What was withdrawn or voided has no bucket: it was due to nobody.
            let counted = case.kind != "immediate" && case.bucket.is_some();
            if let Some(due) = case.due().filter(|_| counted) {
                self.fell_due(case, due, n, zone);
            }
        }
        if let Some(rating) = &case.fold.rating {
            self.day_of(case, rating.at.at, zone)[RATED + rating.grade as usize] += n;
        }
        if let Some(bucket) = &case.bucket {
            let key = (
                case.hall.clone(),
                case.unit.clone(),
                case.is_open,
                bucket.clone(),
            );
            *self.bucket.entry(key).or_default() += n;
        }
    }

    /// What statistics count beside: how the case ended, and the time that it and its steps took.
    fn measure(&mut self, case: &CaseRecord, n: i64, zone: Tz) {
        let Some(spent) = &case.spent else { return };
        self.spent.count(case, spent, n, zone);
        if let (Some(_), Some(at)) = (case.accepted_at(), case.decided_at()) {
            self.ended(case, spent, at, n, zone);
        }
    }

    fn ended(&mut self, case: &CaseRecord, spent: &Spent, at: DateTime<Utc>, n: i64, zone: Tz) {
        let counts = self.day_of(case, at, zone);
        match case.fold.status {
            CaseStatus::Refused => counts[REFUSED] += n,
            CaseStatus::Withdrawn => counts[WITHDRAWN] += n,
            CaseStatus::Voided => counts[VOIDED] += n,
            _ => {}
        }
        let Some(worked) = spent.worked.filter(|_| case.bucket.is_some()) else {
            return;
        };
        counts[MEASURED] += n;
        counts[WORKED] += n * worked;
        let Some(legal) = spent.legal else { return };
        counts[LEGAL_WORKED] += n * worked;
        counts[LEGAL_ALLOWED] += n * legal;
        if let Some(promise) = spent.promise {
            counts[CUT_PROMISE] += n * promise;
            counts[CUT_LEGAL] += n * legal;
        }
    }

    fn happened(&mut self, case: &CaseRecord, at: DateTime<Utc>, what: usize, n: i64, zone: Tz) {
        self.day_of(case, at, zone)[what] += n;
        let hour = at.duration_trunc(TimeDelta::hours(1)).unwrap_or(at);
        self.hour.entry((hour, case.hall.clone())).or_default()[what] += n;
    }

    /// Decided: with a promise, and before its day?
    fn kept(&mut self, case: &CaseRecord, at: DateTime<Utc>, n: i64, zone: Tz) {
        let counted = case.kind != "immediate" && case.bucket.is_some();
        if let Some(due) = case.promise_due.filter(|_| counted) {
            let day = |at: DateTime<Utc>| at.with_timezone(&zone).date_naive();
            let counts = self.day_of(case, at, zone);
            counts[PROMISED] += n;
            counts[EARLY] += if day(at) < day(due) { n } else { 0 };
        }
    }

    fn fell_due(&mut self, case: &CaseRecord, due: DateTime<Utc>, n: i64, zone: Tz) {
        let over = matches!(
            case.bucket.as_deref(),
            Some("over_promise_only" | "over_legal")
        );
        let counts = self.day_of(case, due, zone);
        counts[DUE] += n;
        if over {
            counts[DUE_OVER] += n;
        } else if case.decided_at().is_some() {
            counts[DUE_MET] += n;
        }
    }

    fn day_of(&mut self, case: &CaseRecord, at: DateTime<Utc>, zone: Tz) -> &mut Day {
        let day = at.with_timezone(&zone).date_naive();
        self.day.entry(Place::of(case, day)).or_default()
    }

    /// Adds the changes to the tables.
    pub async fn write(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        self.write_days(&mut *connection).await?;
        self.write_hours(&mut *connection).await?;
        self.write_buckets(&mut *connection).await?;
        self.spent.write(connection).await
    }

    async fn write_days(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let moved = |counts: &Day| counts.iter().any(|&n| n != 0);
        let rows: Vec<_> = self.day.iter().filter(|(_, it)| moved(it)).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let mut query = at_places(ADD_DAYS, rows.iter().map(|(at, _)| *at));
        for which in 0..Day::default().len() {
            let counts = rows.iter().map(|(_, counts)| counts[which]);
            query = query.bind(counts.collect::<Vec<_>>());
        }
        query.execute(connection).await?;
        Ok(())
    }

    async fn write_hours(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let rows: Vec<_> = self
            .hour
            .iter()
            .filter(|(_, counts)| counts.iter().any(|&n| n != 0))
            .collect();
        if rows.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO rollup_hour AS r (hour, hall, accepted, completed)
             SELECT * FROM UNNEST($1::timestamptz[], $2::text[], $3::bigint[], $4::bigint[])
             ON CONFLICT (hour, hall) DO UPDATE SET accepted = r.accepted + excluded.accepted,
                 completed = r.completed + excluded.completed",
        )
        .bind(rows.iter().map(|(key, _)| key.0).collect::<Vec<_>>())
        .bind(
            rows.iter()
                .map(|(key, _)| key.1.as_str())
                .collect::<Vec<_>>(),
        )
        .bind(
            rows.iter()
                .map(|(_, counts)| counts[ACCEPTED])
                .collect::<Vec<_>>(),
        )
        .bind(
            rows.iter()
                .map(|(_, counts)| counts[COMPLETED])
                .collect::<Vec<_>>(),
        )
        .execute(connection)
        .await?;
        Ok(())
    }

    async fn write_buckets(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let rows: Vec<_> = self.bucket.iter().filter(|(_, n)| **n != 0).collect();
        if rows.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO rollup_bucket AS r (hall, unit, is_open, bucket, n)
             SELECT * FROM UNNEST($1::text[], $2::text[], $3::bool[], $4::text[], $5::bigint[])
             ON CONFLICT (hall, unit, is_open, bucket) DO UPDATE SET n = r.n + excluded.n",
        )
        .bind(
            rows.iter()
                .map(|(key, _)| key.0.as_str())
                .collect::<Vec<_>>(),
        )
        .bind(
            rows.iter()
                .map(|(key, _)| key.1.as_str())
                .collect::<Vec<_>>(),
        )
        .bind(rows.iter().map(|(key, _)| key.2).collect::<Vec<_>>())
        .bind(
            rows.iter()
                .map(|(key, _)| key.3.as_str())
                .collect::<Vec<_>>(),
        )
        .bind(rows.iter().map(|(_, n)| **n).collect::<Vec<_>>())
        .execute(connection)
        .await?;
        Ok(())
    }
}

/// Counts everything again from the states of the cases, and leaves nothing else in the tables; `zone` is the county's. Who
/// writes cases meanwhile waits. Takes two connections. How many cases were counted.
pub async fn rebuild(pool: &PgPool, zone: Tz) -> Result<u64, StoreError> {
    let mut transaction = pool.begin().await?;
    let connection = &mut *transaction;
    sqlx::query("LOCK TABLE case_state IN SHARE MODE")
        .execute(&mut *connection)
        .await?;
    for table in [
        "DELETE FROM rollup_day",
        "DELETE FROM rollup_month",
        "DELETE FROM rollup_sum",
        "DELETE FROM rollup_level",
        "DELETE FROM rollup_hour",
        "DELETE FROM rollup_bucket",
        "DELETE FROM rollup_channel",
        "DELETE FROM rollup_channel_sum",
        "DELETE FROM rollup_duration",
        "DELETE FROM rollup_duration_sum",
        "DELETE FROM rollup_step",
        "DELETE FROM rollup_step_sum",
        "DELETE FROM rollup_follows",
        "DELETE FROM rollup_variant",
    ] {
        sqlx::query(table).execute(&mut *connection).await?;
    }
    // Sums of a hundred thousand rows at a time, in memory.
    sqlx::query("SET LOCAL work_mem = '128MB'")
        .execute(&mut *connection)
        .await?;
    // Cases are read and counted while what was counted is written: nobody changes them meanwhile.
    let (counted, mut written) = mpsc::channel::<Changes>(1);
    let count = count_all(pool.clone(), zone, counted);
    let write = async {
        while let Some(changes) = written.recv().await {
            changes.write(&mut *connection).await?;
        }
        Ok(())
    };
    let (counted, ()) = tokio::try_join!(count, write)?;
    transaction.commit().await?;
    Ok(counted)
}

/// Counts all cases and hands on what they come to, part by part. How many they were.
async fn count_all(pool: PgPool, zone: Tz, to: mpsc::Sender<Changes>) -> Result<u64, StoreError> {
    let mut connection = pool.acquire().await?;
    let (mut after, mut counted) = (String::new(), 0);
    let mut changes = Changes::default();
    loop {
        let page = states::page(&mut connection, &after, PAGE).await?;
        let done = page.last().is_none();
        if let Some(last) = page.last() {
            after.clone_from(&last.fold.case_no);
        }
        counted += page.len() as u64;
        for case in &page {
            changes.replace(None, case, zone);
        }
        // A row that every page writes again grows slower each time, as long as the transaction lasts.
        if done || changes.day.len() > KEPT {
            // Who does not take it has failed, and says why.
            to.send(std::mem::take(&mut changes)).await.ok();
        }
        if done {
            return Ok(counted);
        }
    }
}

/// Rows of days that are gathered before they are written.
const KEPT: usize = 100_000;
/// Cases that are counted at a time.
const PAGE: i64 = 5_000;

/// The four disjoint buckets of lateness.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Buckets {
    /// Within promise and law.
    pub on_time: i64,
    /// Past the promise, within the law.
    pub over_promise_only: i64,
    /// Past what the law allows.
    pub over_legal: i64,
    /// Neither promise nor legal limit.
    pub no_deadline: i64,
}

impl Buckets {
    /// Counts `n` cases more of a bucket, a word of `case_state.bucket`.
    pub fn add(&mut self, bucket: &str, n: i64) {
        match bucket {
            "on_time" => self.on_time += n,
            "over_promise_only" => self.over_promise_only += n,
            "over_legal" => self.over_legal += n,
            _ => self.no_deadline += n,
        }
    }

    /// The sum of the four.
    pub fn total(&self) -> i64 {
        self.on_time + self.over_promise_only + self.over_legal + self.no_deadline
    }
}

/// The cases of a hall by lateness.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HallBuckets {
    /// Code of the hall.
    pub hall: String,
    /// Open cases.
    pub open: Buckets,
    /// Decided cases.
    pub completed: Buckets,
}

/// Open and decided cases by lateness, hall by hall, for the halls of a subtree that have any; of one `unit` where it is given.
pub async fn buckets(
    pool: &PgPool,
    scope: &str,
    unit: Option<&str>,
) -> Result<Vec<HallBuckets>, StoreError> {
    let rows: Vec<(String, bool, String, i64)> = sqlx::query_as(
        "SELECT r.hall, r.is_open, r.bucket, sum(r.n)::bigint FROM rollup_bucket r JOIN hall h ON h.code = r.hall
         WHERE h.path @> ARRAY[$1] AND ($2::text IS NULL OR r.unit = $2)
         GROUP BY r.hall, r.is_open, r.bucket HAVING sum(r.n) <> 0 ORDER BY r.hall",
    )
    .bind(scope)
    .bind(unit)
    .fetch_all(pool)
    .await?;
    let mut halls: BTreeMap<String, HallBuckets> = BTreeMap::new();
    for (hall, is_open, bucket, n) in rows {
        let entry = halls.entry(hall.clone()).or_insert_with(|| HallBuckets {
            hall,
            ..HallBuckets::default()
        });
        let side = if is_open {
            &mut entry.open
        } else {
            &mut entry.completed
        };
        side.add(&bucket, n);
    }
    Ok(halls.into_values().collect())
}

/// What happened on the days of a span in a subtree.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct DayCounts {
    /// Cases accepted.
    pub accepted: i64,
    /// Cases decided.
    pub completed: i64,
    /// Cases due, finished or not; immediate items apart.
    pub due: i64,
    /// Of them, decided in time.
    pub met: i64,
    /// Of them, over.
    pub over: i64,
}

/// Counts of the local days from `from` to `to`, both included; of one `unit` where it is given.
pub async fn days(
    pool: &PgPool,
    scope: &str,
    unit: Option<&str>,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<DayCounts, StoreError> {
    let sums = sums(pool, scope, unit.is_some(), false, By::Whole).await?;
    let row = sqlx::query_as(
        "SELECT coalesce(sum(accepted), 0)::bigint AS accepted, coalesce(sum(completed), 0)::bigint AS completed,
                coalesce(sum(due), 0)::bigint AS due, coalesce(sum(due_met), 0)::bigint AS met,
                coalesce(sum(due_over), 0)::bigint AS over
         FROM rollup_sum r
         WHERE cut = $5 AND grain = 'd' AND start BETWEEN $3 AND $4 AND ($2::text IS NULL OR r.unit = $2)
           AND hall = ANY(CASE WHEN $5 IN ('h', 'p') THEN ARRAY(SELECT code FROM hall WHERE path @> ARRAY[$1]) ELSE ARRAY[''] END)",
    );
    Ok(row
        .bind(scope)
        .bind(unit)
        .bind(from)
        .bind(to)
        .bind(sums.map(|sums| sums.cut))
        .fetch_one(pool)
        .await?)
}

/// A point of the day's curve.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct HourCounts {
    /// Its beginning.
    pub hour: DateTime<Utc>,
    /// Cases accepted in it.
    pub accepted: i64,
    /// Cases decided in it.
    pub completed: i64,
}

/// The hours of [from, to) in which anything happened in the subtree, oldest first.
pub async fn hours(
    pool: &PgPool,
    scope: &str,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<HourCounts>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT r.hour, sum(r.accepted)::bigint AS accepted, sum(r.completed)::bigint AS completed
         FROM rollup_hour r JOIN hall h ON h.code = r.hall
         WHERE h.path @> ARRAY[$1] AND r.hour >= $2 AND r.hour < $3 GROUP BY r.hour ORDER BY r.hour",
    );
    Ok(rows.bind(scope).bind(from).bind(to).fetch_all(pool).await?)
}

/// The same of one unit. The hourly roll-up knows no units: one unit's day is a few cases, found by
/// their indexes (what is accepted was opened when it was accepted).
pub async fn hours_of_unit(
    pool: &PgPool,
    scope: &str,
    unit: &str,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<HourCounts>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT hour, sum(accepted)::bigint AS accepted, sum(completed)::bigint AS completed FROM (
             SELECT date_trunc('hour', s.accepted_at) AS hour, 1 AS accepted, 0 AS completed, s.hall FROM case_state s
             WHERE s.unit = $2 AND s.opened_at >= $3 AND s.opened_at < $4 AND s.accepted_at IS NOT NULL
             UNION ALL
             SELECT date_trunc('hour', s.decided_at), 0, 1, s.hall FROM case_state s
             WHERE s.unit = $2 AND s.decided_at >= $3 AND s.decided_at < $4 AND s.accepted_at IS NOT NULL
         ) AS c JOIN hall h ON h.code = c.hall WHERE h.path @> ARRAY[$1] GROUP BY hour ORDER BY hour",
    );
    Ok(rows
        .bind(scope)
        .bind(unit)
        .bind(from)
        .bind(to)
        .fetch_all(pool)
        .await?)
}
