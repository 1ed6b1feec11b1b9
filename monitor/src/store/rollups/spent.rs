//! Roll-ups of time: how cases came in, how long they and their steps took, and which way they went. There are rows of days and of months, of
//! ways of months only: they are many, and one day says little of them.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use super::month_of;
use crate::case::{Spent, StepSpent};
use crate::statistics::histogram;
use crate::store::StoreError;
use crate::store::states::CaseRecord;

/// Longest name of a channel, in characters; the rest is cut off.
const MAX_CHANNEL: usize = 40;

/// What is counted: a day or the first of a month, where, and for which item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    grain: i8,
    start: NaiveDate,
    hall: String,
    unit: String,
    item: String,
}

/// `rollup_day`'s sister tables have rows of days…
const DAY: i8 = b'd'.cast_signed();
/// … and of months.
const MONTH: i8 = b'm'.cast_signed();

/// The sums of a step, in the order of the columns.
type Step = [i64; 6];

/// The change of these roll-ups by a batch.
#[derive(Debug, Default)]
pub(super) struct Changes {
    channel: BTreeMap<(Place, String), i64>,
    duration: BTreeMap<(Place, i16), i64>,
    step: BTreeMap<(Place, String), Step>,
    follows: BTreeMap<(Place, String, String), i64>,
    variant: BTreeMap<(Place, Vec<u8>), (Value, i64)>,
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        self.channel.values().all(|&n| n == 0)
            && self.duration.values().all(|&n| n == 0)
            && self.step.values().flatten().all(|&n| n == 0)
            && self.follows.values().all(|&n| n == 0)
            && self.variant.values().all(|(_, n)| *n == 0)
    }

    pub(super) fn count(&mut self, case: &CaseRecord, spent: &Spent, n: i64, zone: Tz) {
        let day = |at: DateTime<Utc>| at.with_timezone(&zone).date_naive();
        if let Some(at) = case.accepted_at() {
            let channel = case.fold.channel.as_deref().unwrap_or_default();
            let channel: String = channel.chars().take(MAX_CHANNEL).collect();
            for place in places(case, day(at)) {
                *self.channel.entry((place, channel.clone())).or_default() += n;
            }
        }
        for step in &spent.steps {
            self.finished(case, step, n, &day);
        }
        let decided = case.decided_at().filter(|_| case.bucket.is_some());
        if let (Some(at), Some(worked)) = (decided, spent.worked) {
            for place in places(case, day(at)) {
                let class = histogram::class_of(worked);
                *self.duration.entry((place, class)).or_default() += n;
            }
            let [_, month] = places(case, day(at));
            self.went(case, &month, n);
        }
    }

    fn finished(
        &mut self,
        case: &CaseRecord,
        step: &StepSpent,
        n: i64,
        day: &impl Fn(DateTime<Utc>) -> NaiveDate,
    ) {
        let Some(run) = case.fold.steps.get(step.run) else {
            return;
        };
        let Some(finished) = &run.finished else {
            return;
        };
        let (begun, worked) = (step.worked.is_some(), step.worked.unwrap_or(0));
        let sums = [
            1,
            i64::from(begun),
            if begun { step.waited } else { 0 },
            worked,
            if begun { 0 } else { step.waited },
            i64::from(step.over),
        ];
        for mut place in places(case, day(finished.at)) {
            // Who did the step, not who has the case.
            place.hall.clone_from(&run.hall);
            if let Some(unit) = &run.unit {
                place.unit.clone_from(unit);
            }
            let counts = self.step.entry((place, run.step.clone())).or_default();
            counts
                .iter_mut()
                .zip(sums)
                .for_each(|(sum, it)| *sum += n * it);
        }
    }

    /// The way of a decided case: each step after the one before, and the whole.
    fn went(&mut self, case: &CaseRecord, month: &Place, n: i64) {
        let steps: Vec<&str> = case
            .fold
            .steps
            .iter()
            .map(|run| run.step.as_str())
            .collect();
        let earlier = std::iter::once("").chain(steps.iter().copied());
        let later = steps.iter().copied().chain(std::iter::once(""));
        for (earlier, later) in earlier.zip(later) {
            let key = (month.clone(), earlier.to_owned(), later.to_owned());
            *self.follows.entry(key).or_default() += n;
        }
        let way = Value::from(steps);
        let hash = Sha256::digest(way.to_string());
        let counted = self.variant.entry((month.clone(), hash[..16].to_vec()));
        counted.or_insert((way, 0)).1 += n;
    }

    pub(super) async fn write(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        self.write_channels(&mut *connection).await?;
        self.write_durations(&mut *connection).await?;
        self.write_steps(&mut *connection).await?;
        self.write_follows(&mut *connection).await?;
        self.write_variants(connection).await
    }

    async fn write_channels(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let rows: Vec<_> = self.channel.iter().filter(|(_, n)| **n != 0).collect();
        if rows.is_empty() {
            return Ok(());
        }
        sqlx::query(
            r#"INSERT INTO rollup_channel AS r (grain, start, hall, unit, item, channel, n)
             SELECT * FROM UNNEST($1::"char"[], $2::date[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[])
             ON CONFLICT (grain, start, hall, unit, item, channel) DO UPDATE SET n = r.n + excluded.n"#,
        )
        .bind(rows.iter().map(|(key, _)| key.0.grain).collect::<Vec<_>>())
        .bind(rows.iter().map(|(key, _)| key.0.start).collect::<Vec<_>>())
        .bind(rows.iter().map(|(key, _)| key.0.hall.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(key, _)| key.0.unit.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(key, _)| key.0.item.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(key, _)| key.1.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, n)| **n).collect::<Vec<_>>())
        .execute(connection)
        .await?;
        Ok(())
    }

    async fn write_durations(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let rows: Vec<_> = self.duration.iter().filter(|(_, n)| **n != 0).collect();
        if rows.is_empty() {
            return Ok(());
        }
        sqlx::query(
            r#"INSERT INTO rollup_duration AS r (grain, start, hall, unit, item, class, n)
             SELECT * FROM UNNEST($1::"char"[], $2::date[], $3::text[], $4::text[], $5::text[], $6::smallint[], $7::bigint[])
             ON CONFLICT (grain, start, hall, unit, item, class) DO UPDATE SET n = r.n + excluded.n"#,
        )
        .bind(rows.iter().map(|(key, _)| key.0.grain).collect::<Vec<_>>())
        .bind(rows.iter().map(|(key, _)| key.0.start).collect::<Vec<_>>())
        .bind(rows.iter().map(|(key, _)| key.0.hall.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(key, _)| key.0.unit.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(key, _)| key.0.item.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(key, _)| key.1).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, n)| **n).collect::<Vec<_>>())
        .execute(connection)
        .await?;
        Ok(())
    }

    async fn write_steps(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let moved = |sums: &Step| sums.iter().any(|&n| n != 0);
        let rows: Vec<_> = self.step.iter().filter(|(_, sums)| moved(sums)).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let mut query = sqlx::query(
            r#"INSERT INTO rollup_step AS r (grain, start, hall, unit, item, step, runs, begun, waited, worked, undivided, over)
             SELECT * FROM UNNEST($1::"char"[], $2::date[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[],
                 $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[])
             ON CONFLICT (grain, start, hall, unit, item, step) DO UPDATE SET runs = r.runs + excluded.runs,
                 begun = r.begun + excluded.begun, waited = r.waited + excluded.waited,
                 worked = r.worked + excluded.worked, undivided = r.undivided + excluded.undivided,
                 over = r.over + excluded.over"#,
        )
        .bind(rows.iter().map(|(key, _)| key.0.grain).collect::<Vec<_>>())
        .bind(rows.iter().map(|(key, _)| key.0.start).collect::<Vec<_>>())
        .bind(rows.iter().map(|(key, _)| key.0.hall.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(key, _)| key.0.unit.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(key, _)| key.0.item.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(key, _)| key.1.as_str()).collect::<Vec<_>>());
        for column in 0..Step::default().len() {
            query = query.bind(
                rows.iter()
                    .map(|(_, sums)| sums[column])
                    .collect::<Vec<_>>(),
            );
        }
        query.execute(connection).await?;
        Ok(())
    }

    async fn write_follows(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let rows: Vec<_> = self.follows.iter().filter(|(_, n)| **n != 0).collect();
        if rows.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO rollup_follows AS r (month, hall, unit, item, earlier, later, n)
             SELECT * FROM UNNEST($1::date[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[])
             ON CONFLICT (month, hall, unit, item, earlier, later) DO UPDATE SET n = r.n + excluded.n",
        )
        .bind(rows.iter().map(|(key, _)| key.0.start).collect::<Vec<_>>())
        .bind(rows.iter().map(|(key, _)| key.0.hall.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(key, _)| key.0.unit.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(key, _)| key.0.item.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(key, _)| key.1.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(key, _)| key.2.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, n)| **n).collect::<Vec<_>>())
        .execute(connection)
        .await?;
        Ok(())
    }

    async fn write_variants(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let rows: Vec<_> = self.variant.iter().filter(|(_, (_, n))| *n != 0).collect();
        if rows.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO rollup_variant AS r (month, hall, unit, item, variant, steps, n)
             SELECT * FROM UNNEST($1::date[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::jsonb[], $7::bigint[])
             ON CONFLICT (month, hall, unit, item, variant) DO UPDATE SET n = r.n + excluded.n",
        )
        .bind(rows.iter().map(|(key, _)| key.0.start).collect::<Vec<_>>())
        .bind(rows.iter().map(|(key, _)| key.0.hall.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(key, _)| key.0.unit.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(key, _)| key.0.item.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(key, _)| key.1.as_slice()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, (way, _))| way).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, (_, n))| *n).collect::<Vec<_>>())
        .execute(connection)
        .await?;
        Ok(())
    }
}

/// The day and its month, at the case's hall, unit and item.
fn places(case: &CaseRecord, day: NaiveDate) -> [Place; 2] {
    [(DAY, day), (MONTH, month_of(day))].map(|(grain, start)| Place {
        grain,
        start,
        hall: case.hall.clone(),
        unit: case.unit.clone(),
        item: case.item.clone(),
    })
}
