//! Pauses and leave that people enter (暂停牌, 请假), and what somebody above the hall decides about leave.

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_monitor::audit::{Action, Draft};
use mingjing_monitor::presence::{Kind, window_key};
use mingjing_monitor::store::absences::{self, Decision, New};
use mingjing_monitor::store::{StoreError, audit};
use serde_json::json;

use super::Supervisor;
use super::delta::{Actor, Delta, Deltas};
use super::quiet::{JUST_NOW, QuietError};

/// The longest pause that can be entered at once†; how much of it excuses is the profile's business.
pub const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(24);
/// The longest leave†.
pub const LONGEST_LEAVE: TimeDelta = TimeDelta::days(60);

/// What somebody enters about a window. Whether it lies in the person's subtree, and whether who decides stands above the hall, is
/// for the caller to have asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Absent {
    /// A pause or leave.
    Enter {
        /// Code of the hall.
        hall: String,
        /// Number of the window.
        no: String,
        /// Leave, or a paused sign.
        leave: bool,
        /// From when.
        starts: DateTime<Utc>,
        /// Until when.
        ends: DateTime<Utc>,
        /// Why.
        why: String,
    },
    /// The window serves again before that.
    Serve {
        /// Number of the pause or leave.
        id: i64,
    },
    /// Somebody above the hall decides about leave.
    Decide {
        /// Its number.
        id: i64,
        /// Whether it is approved.
        approved: bool,
        /// Why; a refusal needs it.
        why: Option<String>,
    },
}

/// What was done: its number, the window, from when on it matters, and what the audit log keeps.
struct Done {
    id: i64,
    hall: String,
    no: String,
    from: DateTime<Utc>,
    action: Action,
    after: serde_json::Value,
    reason: Option<String>,
}

impl Supervisor {
    /// Does what somebody asks for; the number of the pause or leave.
    pub async fn absent(
        &mut self,
        ask: &Absent,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<(i64, Vec<Delta>), QuietError> {
        self.recover().await?;
        let mut transaction = self.pool.begin().await.map_err(StoreError::from)?;
        let done = match ask {
            Absent::Enter { .. } => enter(&mut transaction, ask, actor, now).await?,
            Absent::Serve { id } => serve(&mut transaction, *id, actor, now).await?,
            Absent::Decide { id, approved, why } => {
                let why = why.as_deref().map(str::trim).filter(|why| !why.is_empty());
                if !approved && why.is_none() {
                    return Err(QuietError::NeedsWhy);
                }
                let decision = Decision {
                    absence: *id,
                    approved: *approved,
                    account: actor.account,
                    who: &actor.who,
                    role: &actor.role,
                    why,
                };
                decide(&mut transaction, &decision, now).await?
            }
        };
        let mut deltas = Deltas::default();
        let calendar = &self.reference.calendar;
        let since = calendar.midnight(calendar.date(done.from));
        let windows = [window_key(&done.hall, &done.no)];
        let looked = self
            .look_at_windows(&mut transaction, &windows, since, now, &mut deltas)
            .await?;
        let id = done.id;
        deltas.add(Delta::WindowChanged {
            hall: done.hall.clone(),
            no: done.no.clone(),
        });
        audit::append(&mut transaction, &[entry(done, actor)]).await?;
        transaction.commit().await.map_err(StoreError::from)?;
        self.remember(looked);
        Ok((id, deltas.into_vec()))
    }
}

async fn enter(
    connection: &mut sqlx::PgConnection,
    ask: &Absent,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Done, QuietError> {
    let Absent::Enter {
        hall,
        no,
        leave,
        starts,
        ends,
        why,
    } = ask
    else {
        return Err(QuietError::Nothing);
    };
    let why = why.trim();
    if why.is_empty() {
        return Err(QuietError::NeedsWhy);
    }
    if ends <= starts || *ends <= now {
        return Err(QuietError::Ends);
    }
    let longest = if *leave { LONGEST_LEAVE } else { LONGEST_PAUSE };
    if *ends - *starts > longest {
        return Err(QuietError::TooLong(longest.num_days()));
    }
    if *starts < now - JUST_NOW {
        return Err(QuietError::Past);
    }
    let kind = if *leave { Kind::Leave } else { Kind::Paused };
    let new = New {
        hall,
        no,
        kind,
        starts: *starts,
        ends: Some(*ends),
        reason: Some(why),
        account: actor.account,
        who: &actor.who,
        role: &actor.role,
        approved: false,
    };
    let id = absences::enter(connection, &new, now).await?;
    Ok(Done {
        id,
        hall: hall.clone(),
        no: no.clone(),
        from: *starts,
        action: Action::AbsenceEntered,
        after: json!({"kind": kind.as_str(), "window": no, "starts": starts, "ends": ends}),
        reason: Some(why.to_owned()),
    })
}

async fn serve(
    connection: &mut sqlx::PgConnection,
    id: i64,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Done, QuietError> {
    let found = absences::find(&mut *connection, id).await?;
    let lasts = found.filter(|it| it.ends.is_none_or(|ends| ends > now));
    let row = lasts.ok_or(QuietError::Nothing)?;
    let new = New {
        hall: &row.hall,
        no: &row.no,
        kind: Kind::Resumed,
        // One that is yet to begin is called off: it ends as it begins.
        starts: now.max(row.starts),
        ends: None,
        reason: None,
        account: actor.account,
        who: &actor.who,
        role: &actor.role,
        approved: false,
    };
    absences::enter(connection, &new, now).await?;
    Ok(Done {
        id,
        from: now,
        action: Action::AbsenceEntered,
        after: json!({"kind": "resumed", "window": row.no, "starts": new.starts}),
        reason: None,
        hall: row.hall,
        no: row.no,
    })
}

async fn decide(
    connection: &mut sqlx::PgConnection,
    decision: &Decision<'_>,
    now: DateTime<Utc>,
) -> Result<Done, QuietError> {
    let id = decision.absence;
    let found = absences::find(&mut *connection, id).await?;
    let row = found
        .filter(|row| row.is_asked())
        .ok_or(QuietError::Nothing)?;
    if !absences::decide(connection, decision, now).await? {
        return Err(QuietError::Nothing);
    }
    Ok(Done {
        id,
        from: row.starts,
        action: Action::AbsenceDecided,
        after: json!({"approved": decision.approved, "window": row.no}),
        reason: decision.why.map(str::to_owned),
        hall: row.hall,
        no: row.no,
    })
}

fn entry(done: Done, actor: &Actor) -> Draft {
    Draft {
        at: actor.at,
        actor: actor.trail.clone(),
        action: done.action,
        subject: Some(("absence", done.id.to_string())),
        hall: Some(done.hall),
        before: None,
        after: Some(done.after),
        reason: done.reason,
    }
}
