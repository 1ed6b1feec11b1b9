//! What time alone brings about: deadlines, and sources that fall silent.

use chrono::{DateTime, Utc};
use mingjing_monitor::store::rollups::Changes;
use mingjing_monitor::store::states::CaseRecord;
use mingjing_monitor::store::{StoreError, states};
use sqlx::PgConnection;

use super::delta::{Delta, Deltas};
use super::write::{Rows, Touched};
use super::{FIRE_CHUNK, Supervisor};

/// From so many cases on, what falls due is written by two transactions side by side: the database is what takes the time.
const LANE_MIN: usize = 500;

impl Supervisor {
    /// Fires what has fallen due by `now`, a few thousand cases a call in one or two transactions: call it while [`Supervisor::next_due`] is not after
    /// `now`. Each card carries its true due time, however late this runs.
    pub async fn fire_due(&mut self, now: DateTime<Utc>) -> Result<Vec<Delta>, StoreError> {
        self.recover().await?;
        let mut deltas = Deltas::default();
        self.find_silent(now, &mut deltas).await?;
        self.fire_episodes(now, &mut deltas).await?;
        self.fire_acknowledgements(now, &mut deltas).await?;
        self.fire_months(now, &mut deltas).await?;
        match self.fire_closings(now, &mut deltas).await {
            // No month is worth a deadline that does not fire.
            Err(error) if !error.is_passing() => {
                tracing::error!(%error, "months that are over could not be closed; tried again tomorrow");
                self.closings.next_at = self.midnight_after(now);
            }
            fired => fired?,
        }
        self.sweep_on(now, &mut deltas).await?;
        if self.queue.first().is_none_or(|&first| first > now) {
            return Ok(self.give_out(deltas, now));
        }
        let mut transaction = self.pool.begin().await?;
        let of_complaints = self
            .fire_complaints(&mut transaction, None, now, &mut deltas)
            .await?;
        transaction.commit().await?;
        let mut connection = self.pool.acquire().await?;
        let mut records = states::due(&mut connection, now, &self.loading(), FIRE_CHUNK).await?;
        drop(connection);
        let last_chunk = (records.len() as i64) < FIRE_CHUNK;
        let second = records.split_off(match records.len() {
            few @ ..LANE_MIN => few,
            many => many / 2,
        });
        // No case is in both halves. What they share are roll-ups: both write those last and in one order, so that the second
        // waits for the first and neither for ever.
        let (first, second) =
            tokio::join!(self.fire_lane(records, now), self.fire_lane(second, now));
        let (done, failed): (Vec<_>, Vec<_>) = [first, second].into_iter().partition(Result::is_ok);
        if let Some(Err(error)) = failed.into_iter().next() {
            self.stale = true;
            if done.is_empty() {
                return Err(error);
            }
            // The other half is committed and has to be told; what failed is found again by the next call.
            tracing::warn!(%error, "half of the cases that fell due could not be written and is tried again");
        }
        let answers = match self.fire_answers(now).await {
            Ok(answers) => {
                self.queue.extend(answers.next);
                deltas.extend(answers.deltas);
                answers.all
            }
            Err(error) => {
                self.stale = true;
                tracing::warn!(%error, "what answers that stay out bring about could not be written and is tried again");
                false
            }
        };
        if last_chunk && answers && !self.stale {
            self.queue = self
                .queue
                .split_off(&(now + chrono::TimeDelta::nanoseconds(1)));
        }
        self.queue.extend(of_complaints);
        for (next, told) in done.into_iter().flatten() {
            self.queue.extend(next);
            deltas.extend(told);
        }
        Ok(self.give_out(deltas, now))
    }

    /// Fires some of the due cases in a transaction of its own; their next instants, and what there is to tell.
    async fn fire_lane(
        &self,
        records: Vec<CaseRecord>,
        now: DateTime<Utc>,
    ) -> Result<(Vec<DateTime<Utc>>, Deltas), StoreError> {
        let mut deltas = Deltas::default();
        if records.is_empty() {
            return Ok((Vec::new(), deltas));
        }
        let mut transaction = self.pool.begin().await?;
        let next = self
            .fire(&mut transaction, records, now, false, &mut deltas)
            .await?;
        transaction.commit().await?;
        Ok((next, deltas))
    }

    /// Looks at cases at `at` without new events; their next instants.
    pub(super) async fn fire(
        &self,
        connection: &mut PgConnection,
        records: Vec<CaseRecord>,
        at: DateTime<Utc>,
        lived: bool,
        deltas: &mut Deltas,
    ) -> Result<Vec<DateTime<Utc>>, StoreError> {
        let look = |before: CaseRecord| {
            let assessment = self.reference.assess(before.fold.clone(), at);
            Touched::new(Some(before), assessment, at, lived)
        };
        let mut touched: Vec<Touched> = records.into_iter().map(look).collect();
        let writer = self.writer(at);
        writer
            .write(connection, &mut touched, Rows::Advance, deltas)
            .await?;
        Ok(touched.iter().flat_map(Touched::instants).collect())
    }

    /// A calendar year was loaded: what was only expected may have become certain.
    pub(super) async fn look_again_at_expected(
        &mut self,
        now: DateTime<Utc>,
    ) -> Result<Vec<Delta>, StoreError> {
        let (mut deltas, mut after) = (Deltas::default(), String::new());
        loop {
            let mut transaction = self.pool.begin().await?;
            let records = states::expected(&mut transaction, &after, FIRE_CHUNK).await?;
            let Some(last) = records.last() else { break };
            after.clone_from(&last.fold.case_no);
            let next = self
                .fire(&mut transaction, records, now, false, &mut deltas)
                .await?;
            transaction.commit().await?;
            self.queue.extend(next);
        }
        Ok(self.give_out(deltas, now))
    }

    /// Cases that an older program took up, without their working time: measured once, so that statistics count them too. No rule is
    /// asked.
    pub(super) async fn measure_unmeasured(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        let (mut after, mut measured) = (String::new(), 0);
        loop {
            let mut transaction = self.pool.begin().await?;
            let records = states::unmeasured(&mut transaction, &after, FIRE_CHUNK).await?;
            let Some(last) = records.last() else { break };
            after.clone_from(&last.fold.case_no);
            measured += records.len();
            let mut changes = Changes::default();
            let look = |before: CaseRecord| {
                let spent = self.reference.assess(before.fold.clone(), now).record.spent;
                let after = CaseRecord {
                    spent,
                    ..before.clone()
                };
                changes.replace(Some(&before), &after, self.reference.calendar.zone);
                after
            };
            let records: Vec<CaseRecord> = records.into_iter().map(look).collect();
            let records: Vec<&CaseRecord> = records.iter().collect();
            states::advance(&mut transaction, &records, now).await?;
            changes.write(&mut transaction).await?;
            transaction.commit().await?;
        }
        if measured > 0 {
            tracing::info!(cases = measured, "the working time of cases was measured");
        }
        Ok(())
    }
}
