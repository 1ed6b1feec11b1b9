//! The rules or the calendar change: every case that may still come to something is looked at by the new version, a few thousand a call, so
//! that batches and deadlines go on meanwhile. How far that got need not survive a stop: looking twice changes nothing, and
//! a version, or a calendar, counts as settled only when all cases were looked at under it.

use chrono::{DateTime, Utc};
use mingjing_monitor::calendar::CalendarMark;
use mingjing_monitor::store::states::CaseRecord;
use mingjing_monitor::store::{StoreError, calendars, states};

use super::delta::Deltas;
use super::{FIRE_CHUNK, Supervisor};
use crate::store::profiles;
use crate::versions::Versions;

/// How far the look at all cases got.
#[derive(Debug)]
pub(super) struct Sweep {
    /// The newest version under which every case was looked at.
    settled: i32,
    /// The version that is being settled, and the number of the last case that was looked at under it.
    going: Option<(i32, String)>,
    /// Every case is to be looked at though no version is new: the calendar changed, or a lag.
    again: bool,
    /// And so are those that were decided since then.
    decided_since: Option<DateTime<Utc>>,
    /// When there is something to do.
    due: Option<DateTime<Utc>>,
}

impl Sweep {
    pub(super) fn new(settled: i32, versions: &Versions, now: DateTime<Utc>) -> Self {
        let mut sweep = Self {
            settled,
            going: None,
            again: false,
            decided_since: None,
            due: None,
        };
        sweep.learn(versions, now);
        sweep
    }

    /// The versions were read again, or one was settled.
    pub(super) fn learn(&mut self, versions: &Versions, now: DateTime<Utc>) {
        // Cases are not looked at as of the past: a version that was in force before we heard of it comes now.
        let change = versions.first_after(self.settled);
        self.due = change.map(|from| from.max(now));
        if self.again {
            self.due = Some(now);
        }
    }

    /// Every case has to be looked at once more, whatever was settled, and those that were decided since then.
    pub(super) fn again(&mut self, decided_since: Option<DateTime<Utc>>, now: DateTime<Utc>) {
        self.going = None;
        self.again = true;
        self.decided_since = match (self.decided_since, decided_since) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        self.due = Some(now);
    }

    /// Whether cases are still to be looked at by the present calendar.
    pub(super) fn goes_on_again(&self) -> bool {
        self.again
    }

    /// When there is something to do.
    pub(super) fn due(&self) -> Option<DateTime<Utc>> {
        self.due
    }
}

impl Supervisor {
    /// The calendar is not the one by which every case was looked at: a stop came between, or the program brought other years.
    pub(super) async fn catch_up_with_calendar(
        &mut self,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mark = self.reference.calendar.mark();
        match calendars::settled(&self.pool).await? {
            Some(before) if before == mark => {}
            Some(before) => self.follow_calendar(&before, now),
            None => {
                let mut connection = self.pool.acquire().await?;
                if states::any(&mut connection).await? {
                    self.sweep.again(None, now);
                } else {
                    calendars::settle(&mut connection, &mark, now).await?;
                }
            }
        }
        Ok(())
    }

    /// Every open case is to be looked at by the present calendar. What days were is a fact: where a year says something else
    /// than it did, cases decided in it or later are judged by it too.
    pub(super) fn follow_calendar(&mut self, before: &CalendarMark, now: DateTime<Utc>) {
        let calendar = &self.reference.calendar;
        let first = calendar.mark().first_change(before);
        let since = first.map(|year| calendar.new_year(year));
        self.sweep.again(since, now);
    }

    /// Looks at the next few thousand cases under a version that came into force by `now`.
    pub(super) async fn sweep_on(
        &mut self,
        now: DateTime<Utc>,
        deltas: &mut Deltas,
    ) -> Result<(), StoreError> {
        if self.sweep.due.is_none_or(|due| due > now) {
            return Ok(());
        }
        let version = self.reference.profiles.at(now).version;
        let after = match &self.sweep.going {
            Some((going, after)) if *going == version => after.clone(),
            _ => String::new(),
        };
        let mut transaction = self.pool.begin().await?;
        let since = self.sweep.decided_since;
        let records = states::waiting(&mut transaction, since, &after, FIRE_CHUNK).await?;
        let last = records.last().map(|record| record.fold.case_no.clone());
        let mut next = Vec::new();
        for (at, lived, cases) in self.by_source(records, now) {
            next.extend(
                self.fire(&mut transaction, cases, at, lived, deltas)
                    .await?,
            );
        }
        transaction.commit().await?;
        self.queue.extend(next);
        match last {
            Some(last) => {
                self.sweep.going = Some((version, last));
                Ok(())
            }
            None => self.finish_sweep(version, now, deltas).await,
        }
    }

    /// Every case was looked at. What else the rules are about is next, and only then is it settled: a stop before that begins
    /// again.
    async fn finish_sweep(
        &mut self,
        version: i32,
        now: DateTime<Utc>,
        deltas: &mut Deltas,
    ) -> Result<(), StoreError> {
        self.look_at_open_complaints(now, deltas).await?;
        self.look_at_episodes_again(now, deltas).await?;
        let mut transaction = self.pool.begin().await?;
        profiles::settle(&mut transaction, version, now).await?;
        let mark = self.reference.calendar.mark();
        calendars::settle(&mut transaction, &mark, now).await?;
        transaction.commit().await?;
        tracing::info!(version, "every case was looked at under the new rules");
        self.sweep = Sweep::new(version, &self.reference.profiles, now);
        Ok(())
    }

    /// Cases of sources that are loading history are looked at as of where that history has got to.
    fn by_source(
        &self,
        records: Vec<CaseRecord>,
        now: DateTime<Utc>,
    ) -> Vec<(DateTime<Utc>, bool, Vec<CaseRecord>)> {
        let mut groups: Vec<(DateTime<Utc>, bool, Vec<CaseRecord>)> = Vec::new();
        for record in records {
            let source = self.sources.get(&record.fold.source);
            let loading = source.and_then(|source| source.loading_until);
            let key = (loading.unwrap_or(now), loading.is_some());
            match groups.iter_mut().find(|group| (group.0, group.1) == key) {
                Some(group) => group.2.push(record),
                None => groups.push((key.0, key.1, vec![record])),
            }
        }
        groups
    }
}
