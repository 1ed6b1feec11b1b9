//! Roll-ups of time: how cases came in, how long they and their steps took, and which way they went. There are rows of days and of months, of
//! ways of months only: they are many, and one day says little of them.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use super::{Place, at_places, month_of};
use crate::case::{Spent, StepSpent};
use crate::statistics::histogram;
use crate::store::StoreError;
use crate::store::states::CaseRecord;

/// Longest name of a channel, in characters; the rest is cut off.
const MAX_CHANNEL: usize = 40;

/// The sums of a step, in the order of the columns.
type Step = [i64; 6];

/// What is there of a step and what comes.
macro_rules! added {
    () => {
        "runs = r.runs + excluded.runs, begun = r.begun + excluded.begun, waited = r.waited + excluded.waited, worked =
         r.worked + excluded.worked, undivided = r.undivided + excluded.undivided, over = r.over + excluded.over"
    };
}
/// A day and the month that it lies in, for the days of `f`.
macro_rules! grains {
    () => {
        "CROSS JOIN LATERAL (VALUES ('d'::\"char\", day), ('m', date_trunc('month', day)::date)) AS g (grain, start)"
    };
}
/// What a row of `f` is in a sum.
macro_rules! cut {
    () => {
        "cut, grain, start, CASE WHEN c.hall THEN f.hall ELSE '' END, CASE WHEN c.unit THEN f.unit ELSE '' END,
             CASE WHEN c.item THEN f.item ELSE '' END"
    };
}
/// `rollup_channel` and its sums.
const ADD_CHANNELS: &str = concat!(
    "WITH f AS (SELECT * FROM UNNEST($1::date[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
         AS f (day, hall, unit, item, channel, n)),
     fine AS (INSERT INTO rollup_channel AS r (grain, start, hall, unit, item, channel, n)
         SELECT grain, start, hall, unit, item, channel, sum(n) FROM f ", grains!(), " GROUP BY 1, 2, 3, 4, 5, 6
         ON CONFLICT (hall, grain, start, unit, item, channel) DO UPDATE SET n = r.n + excluded.n)
     INSERT INTO rollup_channel_sum AS r (cut, grain, start, hall, unit, item, channel, n)
         SELECT ", cut!(), ", channel, sum(n) FROM f JOIN rollup_cut c ON NOT c.item ", grains!(), " GROUP BY 1, 2, 3, 4, 5, 6, 7
         ON CONFLICT (cut, grain, hall, start, unit, item, channel) DO UPDATE SET n = r.n + excluded.n"
);
/// `rollup_duration` and its sums, whose rows hold sixteen classes each.
const ADD_DURATIONS: &str = concat!(
    "WITH f AS (SELECT * FROM UNNEST($1::date[], $2::text[], $3::text[], $4::text[], $5::smallint[], $6::bigint[])
         AS f (day, hall, unit, item, class, n)),
     fine AS (INSERT INTO rollup_duration AS r (grain, start, hall, unit, item, class, n)
         SELECT grain, start, hall, unit, item, class, sum(n) FROM f ", grains!(), " GROUP BY 1, 2, 3, 4, 5, 6
         ON CONFLICT (hall, grain, start, unit, item, class) DO UPDATE SET n = r.n + excluded.n)
     INSERT INTO rollup_duration_sum AS r (cut, grain, start, hall, unit, item, octave,
             n_0, n_1, n_2, n_3, n_4, n_5, n_6, n_7, n_8, n_9, n_10, n_11, n_12, n_13, n_14, n_15)
         SELECT ", cut!(), ", class / 16,
             coalesce(sum(n) FILTER (WHERE class % 16 = 0), 0), coalesce(sum(n) FILTER (WHERE class % 16 = 1), 0),
             coalesce(sum(n) FILTER (WHERE class % 16 = 2), 0), coalesce(sum(n) FILTER (WHERE class % 16 = 3), 0),
             coalesce(sum(n) FILTER (WHERE class % 16 = 4), 0), coalesce(sum(n) FILTER (WHERE class % 16 = 5), 0),
             coalesce(sum(n) FILTER (WHERE class % 16 = 6), 0), coalesce(sum(n) FILTER (WHERE class % 16 = 7), 0),
             coalesce(sum(n) FILTER (WHERE class % 16 = 8), 0), coalesce(sum(n) FILTER (WHERE class % 16 = 9), 0),
             coalesce(sum(n) FILTER (WHERE class % 16 = 10), 0), coalesce(sum(n) FILTER (WHERE class % 16 = 11), 0),
             coalesce(sum(n) FILTER (WHERE class % 16 = 12), 0), coalesce(sum(n) FILTER (WHERE class % 16 = 13), 0),
             coalesce(sum(n) FILTER (WHERE class % 16 = 14), 0), coalesce(sum(n) FILTER (WHERE class % 16 = 15), 0)
         FROM f CROSS JOIN rollup_cut c ", grains!(), " GROUP BY 1, 2, 3, 4, 5, 6, 7
         ON CONFLICT (cut, grain, hall, start, unit, item, octave) DO UPDATE SET
             n_0 = r.n_0 + excluded.n_0, n_1 = r.n_1 + excluded.n_1, n_2 = r.n_2 + excluded.n_2, n_3 = r.n_3 + excluded.n_3,
             n_4 = r.n_4 + excluded.n_4, n_5 = r.n_5 + excluded.n_5, n_6 = r.n_6 + excluded.n_6, n_7 = r.n_7 + excluded.n_7,
             n_8 = r.n_8 + excluded.n_8, n_9 = r.n_9 + excluded.n_9, n_10 = r.n_10 + excluded.n_10, n_11 = r.n_11 +
             excluded.n_11, n_12 = r.n_12 + excluded.n_12, n_13 = r.n_13 + excluded.n_13, n_14 = r.n_14 + excluded.n_14, n_15
             = r.n_15 + excluded.n_15"
);
/// `rollup_step` and its sums.
const ADD_STEPS: &str = concat!(
    "WITH f AS (SELECT * FROM UNNEST($1::date[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[],
             $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[])
         AS f (day, hall, unit, item, step, runs, begun, waited, worked, undivided, over)),
     fine AS (INSERT INTO rollup_step AS r (grain, start, hall, unit, item, step, runs, begun, waited, worked, undivided, over)
         SELECT grain, start, hall, unit, item, step, sum(runs), sum(begun), sum(waited), sum(worked), sum(undivided), sum(over)
         FROM f ", grains!(), " GROUP BY 1, 2, 3, 4, 5, 6
         ON CONFLICT (hall, grain, start, unit, item, step) DO UPDATE SET ", added!(), ")
     INSERT INTO rollup_step_sum AS r (cut, grain, start, hall, unit, item, step, runs, begun, waited, worked, undivided, over)
         SELECT ", cut!(), ", step, sum(runs), sum(begun), sum(waited), sum(worked), sum(undivided), sum(over)
         FROM f JOIN rollup_cut c ON c.unit AND NOT c.item ", grains!(), " GROUP BY 1, 2, 3, 4, 5, 6, 7
         ON CONFLICT (cut, grain, hall, start, unit, item, step) DO UPDATE SET ", added!()
);

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
            *self
                .channel
                .entry((Place::of(case, day(at)), channel))
                .or_default() += n;
        }
        for step in &spent.steps {
            self.finished(case, step, n, &day);
        }
        let decided = case.decided_at().filter(|_| case.bucket.is_some());
        if let (Some(at), Some(worked)) = (decided, spent.worked) {
            let class = histogram::class_of(worked);
            *self
                .duration
                .entry((Place::of(case, day(at)), class))
                .or_default() += n;
            self.went(case, &Place::of(case, month_of(day(at))), n);
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
        let mut place = Place::of(case, day(finished.at));
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
        at_places(ADD_CHANNELS, rows.iter().map(|(key, _)| &key.0))
            .bind(
                rows.iter()
                    .map(|(key, _)| key.1.as_str())
                    .collect::<Vec<_>>(),
            )
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
        at_places(ADD_DURATIONS, rows.iter().map(|(key, _)| &key.0))
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
        let mut query = at_places(ADD_STEPS, rows.iter().map(|(key, _)| &key.0)).bind(
            rows.iter()
                .map(|(key, _)| key.1.as_str())
                .collect::<Vec<_>>(),
        );
        for which in 0..Step::default().len() {
            let sums = rows.iter().map(|(_, sums)| sums[which]);
            query = query.bind(sums.collect::<Vec<_>>());
        }
        query.execute(connection).await?;
        Ok(())
    }

    async fn write_follows(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let rows: Vec<_> = self.follows.iter().filter(|(_, n)| **n != 0).collect();
        if rows.is_empty() {
            return Ok(());
        }
        at_places(
            "INSERT INTO rollup_follows AS r (month, hall, unit, item, earlier, later, n)
             SELECT * FROM UNNEST($1::date[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[])
             ON CONFLICT (month, hall, unit, item, earlier, later) DO UPDATE SET n = r.n + excluded.n",
            rows.iter().map(|(key, _)| &key.0),
        )
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
        at_places(
            "INSERT INTO rollup_variant AS r (month, hall, unit, item, variant, steps, n)
             SELECT * FROM UNNEST($1::date[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::jsonb[], $7::bigint[])
             ON CONFLICT (month, hall, unit, item, variant) DO UPDATE SET n = r.n + excluded.n",
            rows.iter().map(|(key, _)| &key.0),
        )
        .bind(rows.iter().map(|(key, _)| key.1.as_slice()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, (way, _))| way).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, (_, n))| *n).collect::<Vec<_>>())
        .execute(connection)
        .await?;
        Ok(())
    }
}
