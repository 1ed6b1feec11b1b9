//! What is judged by the month (R8): looked at when a day begins, of the month that is over.

use std::sync::Arc;

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, Utc};
use mingjing_monitor::store::StoreError;
use sqlx::PgConnection;

use super::Supervisor;
use super::assess::{Found, Reference};
use super::delta::Deltas;
use super::subjects::Affair;
use crate::performance::month_after;
use crate::profile::RuleSet;
use crate::rules::{Evaluation, r8};
use crate::store::episodes;

const RULE: &str = "R8";
/// How many months of history are looked at when it was loaded†.
const HISTORY: u32 = 36;

/// How far the months were looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Round {
    /// First day of the last month that was looked at; `None`: none yet.
    done: Option<NaiveDate>,
    /// When to look next.
    pub next_at: DateTime<Utc>,
    /// History was loaded: what it holds was not missed, and is told to nobody.
    history: bool,
}

pub(super) fn first_of_month(date: NaiveDate) -> NaiveDate {
    date.with_day(1).unwrap_or(date)
}

pub(super) fn month_before(month: NaiveDate) -> NaiveDate {
    month.checked_sub_months(Months::new(1)).unwrap_or(month)
}

impl Round {
    /// As it is stored; where nothing is, from the coming midnight on.
    pub(super) fn new(stored: Option<(NaiveDate, DateTime<Utc>)>, midnight: DateTime<Utc>) -> Self {
        Self {
            done: stored.map(|(month, _)| month),
            next_at: stored.map_or(midnight, |(_, next_at)| next_at),
            history: false,
        }
    }

    /// History was loaded: its months are looked at now.
    pub(super) fn again(&mut self, now: DateTime<Utc>) {
        *self = Self {
            done: None,
            next_at: now,
            history: true,
        };
    }
}

impl Reference {
    /// What the rules find of a unit's month that ended at `to`, and the rules that hold for it now.
    fn of_month(
        &self,
        of: &r8::UnitMonth,
        month: NaiveDate,
        to: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> (Vec<Found>, Arc<RuleSet>) {
        let place = self.place(&of.hall, &of.unit, "");
        let (found, _, rules) = self.judge(&place, to, now, |rules| Evaluation {
            anomalies: r8::evaluate(of, month, to, rules).into_iter().collect(),
            next_instant: None,
        });
        (found, rules)
    }

    /// The same for all units whose month ended in [from, to), each with its name as cards have it.
    pub(crate) async fn of_months(
        &self,
        connection: &mut PgConnection,
        (from, to): (DateTime<Utc>, DateTime<Utc>),
        now: DateTime<Utc>,
    ) -> Result<Vec<(String, Vec<Found>)>, StoreError> {
        let mut all = Vec::new();
        let mut month = month_before(first_of_month(self.calendar.date(from)));
        loop {
            let end = self.calendar.midnight(month_after(month));
            if end >= to {
                return Ok(all);
            }
            let units =
                episodes::unit_months(&mut *connection, self.calendar.midnight(month), end).await?;
            all.extend(units.iter().map(|of| {
                let (found, _) = self.of_month(of, month, end, now);
                (format!("{}/{}", of.hall, of.unit), found)
            }));
            month = month_after(month);
        }
    }
}

impl Supervisor {
    /// The next local midnight.
    pub(super) fn midnight_after(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let calendar = &self.reference.calendar;
        let today = calendar.date(now);
        calendar.midnight(today.checked_add_days(Days::new(1)).unwrap_or(today))
    }

    /// Looks at the months that are over, if a day has begun.
    pub(super) async fn fire_months(
        &mut self,
        now: DateTime<Utc>,
        deltas: &mut Deltas,
    ) -> Result<(), StoreError> {
        if self.round.next_at > now {
            return Ok(());
        }
        let mut transaction = self.pool.begin().await?;
        let calendar = &self.reference.calendar;
        let last = month_before(first_of_month(calendar.date(now)));
        let first = match self.round.done {
            Some(done) => last.min(month_after(done)),
            None if self.round.history => {
                let first = episodes::first_case(&mut transaction).await?;
                let first = first.map_or(last, |at| first_of_month(calendar.date(at)));
                let oldest = last
                    .checked_sub_months(Months::new(HISTORY))
                    .unwrap_or(last);
                first.clamp(oldest, last)
            }
            None => last,
        };
        let (mut month, mut next) = (first, Vec::new());
        while month <= last {
            let (from, to) = (
                calendar.midnight(month),
                calendar.midnight(month_after(month)),
            );
            let units = episodes::unit_months(&mut transaction, from, to).await?;
            let look = |of: &r8::UnitMonth| {
                let (found, rules) = self.reference.of_month(of, month, to, now);
                Affair {
                    about: "unit",
                    subject: format!("{}/{}", of.hall, of.unit),
                    source: None,
                    item: String::new(),
                    cause: Some(r8::cause(of, month)),
                    found,
                    rules,
                    facts: Vec::new(),
                    at: now,
                    lived: self.round.history,
                    in_time: Default::default(),
                    cards: Vec::new(),
                }
            };
            let mut affairs: Vec<Affair> = units.iter().map(look).collect();
            let writer = self.writer(now);
            writer.load_affairs(&mut transaction, &mut affairs).await?;
            let due = writer
                .write_affairs(&mut transaction, &mut affairs, deltas)
                .await?;
            next.extend(due);
            month = month_after(month);
        }
        let next_at = self.midnight_after(now);
        episodes::set_round(&mut transaction, RULE, last, next_at).await?;
        transaction.commit().await?;
        self.queue.extend(next);
        self.round = Round {
            done: Some(last),
            next_at,
            history: false,
        };
        Ok(())
    }
}
