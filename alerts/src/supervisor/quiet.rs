//! What people keep quiet, and until when: planned maintenance, and cards that somebody knows of.

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_monitor::audit::{Action, Draft};
use mingjing_monitor::store::{StoreError, audit};
use serde_json::json;

use super::Supervisor;
use super::delta::{ActError, Actor, Delta, Deltas};
use crate::rules::watched::Thing;
use crate::store::acknowledgements::{self, Asked};
use crate::store::cards;
use crate::store::maintenance::{self, Planned};

/// The longest maintenance that can be planned at once†.
pub const LONGEST_MAINTENANCE: TimeDelta = TimeDelta::days(30);
/// The longest time for which a card can be acknowledged†.
pub const LONGEST_ACKNOWLEDGEMENT: TimeDelta = TimeDelta::days(7);

/// What somebody asks to be kept quiet. Whether it lies in the person's subtree is for the caller to have asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Quiet {
    /// A hall, camera or source will be worked on.
    Plan {
        /// Which kind.
        thing: Thing,
        /// Which.
        subject: String,
        /// The hall in whose scope it lies.
        hall: String,
        /// From when.
        starts: DateTime<Utc>,
        /// Until when.
        ends: DateTime<Utc>,
        /// Why.
        why: String,
    },
    /// A planned maintenance is over before its time, or called off.
    End {
        /// Its number.
        id: i64,
        /// Its hall.
        hall: String,
    },
    /// Somebody knows of a card, and is left alone with it until then.
    Acknowledge {
        /// The card.
        card: i64,
        /// Until when.
        until: DateTime<Utc>,
        /// Why.
        why: String,
    },
    /// An acknowledgement is taken back.
    Resume {
        /// The card.
        card: i64,
    },
}

/// Why nothing was kept quiet.
#[derive(Debug, thiserror::Error)]
pub enum QuietError {
    /// A reason is missing.
    #[error("`why` is missing: say why")]
    NeedsWhy,
    /// The end lies before the beginning, or in the past.
    #[error("it ends before it begins, or in the past: choose a later end")]
    Ends,
    /// Longer than may be.
    #[error("it lasts too long: at most {0} days; plan the rest when it comes")]
    TooLong(i64),
    /// It has begun already.
    #[error("it begins in the past: what has happened cannot be made quiet afterwards")]
    Past,
    /// There is no such maintenance that could be ended, or no such card that is open.
    #[error("there is nothing here that is going on: look at it again")]
    Nothing,
    /// The card, or the database.
    #[error(transparent)]
    Act(#[from] ActError),
}

impl From<StoreError> for QuietError {
    fn from(error: StoreError) -> Self {
        Self::Act(error.into())
    }
}

/// A beginning may lie so far back: forms are filled in for "now".
pub(super) const JUST_NOW: TimeDelta = TimeDelta::minutes(5);

impl Supervisor {
    /// Does what somebody asks for; the number of a maintenance that was planned, 0 for everything else.
    pub async fn quiet(
        &mut self,
        ask: &Quiet,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<(i64, Vec<Delta>), QuietError> {
        self.recover().await?;
        match ask {
            Quiet::Plan { .. } | Quiet::End { .. } => self.maintain(ask, actor, now).await,
            Quiet::Acknowledge { card, until, why } => {
                let why = why.trim();
                if why.is_empty() {
                    return Err(QuietError::NeedsWhy);
                }
                if *until <= now {
                    return Err(QuietError::Ends);
                }
                if *until - now > LONGEST_ACKNOWLEDGEMENT {
                    return Err(QuietError::TooLong(LONGEST_ACKNOWLEDGEMENT.num_days()));
                }
                let deltas = self
                    .acknowledge(*card, Some((*until, why)), actor, now)
                    .await?;
                Ok((0, deltas))
            }
            Quiet::Resume { card } => Ok((0, self.acknowledge(*card, None, actor, now).await?)),
        }
    }

    async fn maintain(
        &mut self,
        ask: &Quiet,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<(i64, Vec<Delta>), QuietError> {
        let pool = self.pool.clone();
        let mut transaction = pool.begin().await.map_err(StoreError::from)?;
        let (id, entry) = match ask {
            Quiet::Plan {
                thing,
                subject,
                hall,
                starts,
                ends,
                why,
            } => {
                let why = why.trim();
                check_plan(*starts, *ends, why, now)?;
                let planned = Planned {
                    thing: thing.as_str(),
                    subject,
                    hall,
                    starts: *starts,
                    ends: *ends,
                    why,
                    account: actor.account,
                    who: &actor.who,
                };
                let id = maintenance::plan(&mut transaction, &planned, now).await?;
                let after = json!({"thing": thing.as_str(), "subject": subject, "starts": starts, "ends": ends});
                let why = Some(why.to_owned());
                (
                    id,
                    entry(Action::MaintenancePlanned, id, hall, after, why, actor),
                )
            }
            Quiet::End { id, hall } => {
                if !maintenance::end(&mut transaction, *id, &actor.who, now).await? {
                    return Err(QuietError::Nothing);
                }
                let after = json!({"ended_at": now});
                (
                    *id,
                    entry(Action::MaintenanceEnded, *id, hall, after, None, actor),
                )
            }
            Quiet::Acknowledge { .. } | Quiet::Resume { .. } => return Err(QuietError::Nothing),
        };
        let mut deltas = Deltas::default();
        let looked = self
            .look_at_all_episodes(&mut transaction, now, &mut deltas)
            .await?;
        audit::append(&mut transaction, &[entry]).await?;
        transaction.commit().await.map_err(StoreError::from)?;
        self.remember(looked);
        deltas.add(Delta::OverviewChanged);
        Ok((id, self.give_out(deltas, now)))
    }

    async fn acknowledge(
        &mut self,
        id: i64,
        asked: Option<(DateTime<Utc>, &str)>,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<Vec<Delta>, QuietError> {
        let mut transaction = self.pool.begin().await.map_err(StoreError::from)?;
        let card = cards::find(&mut transaction, id)
            .await?
            .ok_or(ActError::NotFound(id))?;
        if card.state.is_over() {
            return Err(QuietError::Nothing);
        }
        let stood = match asked {
            Some((until, why)) => {
                let asked = Asked {
                    card: id,
                    account: actor.account,
                    who: &actor.who,
                    role: &actor.role,
                    until,
                    why,
                };
                acknowledgements::put(&mut transaction, &asked, now).await?;
                true
            }
            None => acknowledgements::end(&mut transaction, id, now).await?,
        };
        if !stood {
            return Err(QuietError::Nothing);
        }
        let draft = Draft {
            at: actor.at,
            actor: actor.trail.clone(),
            action: Action::CardChanged,
            subject: Some(("card", id.to_string())),
            hall: Some(card.hall.clone()),
            before: None,
            after: Some(json!({"acknowledged_until": asked.map(|(until, _)| until)})),
            reason: asked.map(|(_, why)| why.to_owned()),
        };
        audit::append(&mut transaction, &[draft]).await?;
        transaction.commit().await.map_err(StoreError::from)?;
        self.acknowledged.extend(asked.map(|(until, _)| until));
        let mut deltas = Deltas::default();
        deltas.add(Delta::CardChanged {
            id,
            hall: card.hall,
        });
        deltas.add(Delta::OverviewChanged);
        Ok(self.give_out(deltas, now))
    }

    /// Acknowledgements run out: what is still open comes back as if it were new.
    pub(super) async fn fire_acknowledgements(
        &mut self,
        now: DateTime<Utc>,
        deltas: &mut Deltas,
    ) -> Result<(), StoreError> {
        if self.acknowledged.first().is_none_or(|&first| first > now) {
            return Ok(());
        }
        let mut connection = self.pool.acquire().await?;
        for (id, hall, comes_back) in acknowledgements::expire(&mut connection, now).await? {
            deltas.add(if comes_back {
                Delta::CardIssued { id, hall }
            } else {
                Delta::CardChanged { id, hall }
            });
            deltas.add(Delta::OverviewChanged);
        }
        self.acknowledged = self
            .acknowledged
            .split_off(&(now + TimeDelta::nanoseconds(1)));
        Ok(())
    }
}

fn check_plan(
    starts: DateTime<Utc>,
    ends: DateTime<Utc>,
    why: &str,
    now: DateTime<Utc>,
) -> Result<(), QuietError> {
    if why.is_empty() {
        return Err(QuietError::NeedsWhy);
    }
    if ends <= starts || ends <= now {
        return Err(QuietError::Ends);
    }
    if ends - starts > LONGEST_MAINTENANCE {
        return Err(QuietError::TooLong(LONGEST_MAINTENANCE.num_days()));
    }
    if starts < now - JUST_NOW {
        return Err(QuietError::Past);
    }
    Ok(())
}

fn entry(
    action: Action,
    id: i64,
    hall: &str,
    after: serde_json::Value,
    reason: Option<String>,
    actor: &Actor,
) -> Draft {
    Draft {
        at: actor.at,
        actor: actor.trail.clone(),
        action,
        subject: Some(("maintenance", id.to_string())),
        hall: Some(hall.to_owned()),
        before: None,
        after: Some(after),
        reason,
    }
}
