//! What cards, orders and complaints point to in recordings is kept from retention, at the ingest that holds it.
//!
//! The table `recording_pin` says what is to be kept ([`wanted`] says why and how long); [`run`] makes it follow what stands. Each
//! ingest is told what it has not written down yet ([`tell`]), over its events socket, and says when it has: one that is away is told when
//! it is back.

mod tell;
mod wanted;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_monitor::case::held;
use mingjing_monitor::store::{StoreError, events};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use self::wanted::Course;
use crate::app::{App, Ready};
use crate::store::pins::{self, Subject};

pub use tell::tell;

/// How often is looked at what stands.
const LOOK: Duration = Duration::from_secs(3);
/// What was over before the last look by less is looked at again: its transaction may have been committed later.
const MARGIN: TimeDelta = TimeDelta::minutes(1);
/// After a start, what was over so long before is looked at too.
const BEFORE: TimeDelta = TimeDelta::minutes(10);

/// Tells the ingests' connections that there is something to tell.
#[derive(Debug, Default)]
pub struct Pins(watch::Sender<u64>);

impl Pins {
    /// Tells when there may be something new.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }

    fn changed(&self) {
        self.0.send_modify(|count| *count += 1);
    }
}

/// Follows what stands until the console stops. On the clock of a log nothing is kept: its cameras are of another day.
pub async fn run(app: App) {
    if app.clock().is_of_log() {
        return;
    }
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut follower = Follower {
        known: HashMap::new(),
        since: Utc::now() - BEFORE,
        settled: false,
    };
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = app.stopping().cancelled() => return,
        }
        if app.ready() != Ready::Yes {
            continue;
        }
        match follower.look(&app, Utc::now()).await {
            Ok(true) => app.pins().changed(),
            Ok(false) => {}
            Err(error) => {
                tracing::debug!(%error, "what is kept of recordings could not be looked at")
            }
        }
    }
}

struct Follower {
    /// The revision in which each subject was looked at.
    known: HashMap<(String, String), i64>,
    /// What was over since then is looked at.
    since: DateTime<Utc>,
    /// What was over while no console ran was looked for.
    settled: bool,
}

impl Follower {
    /// One look; true: there is something to tell.
    async fn look(&mut self, app: &App, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let db = app.db();
        if !self.settled {
            // Pins of what was over while nobody looked: as if it were over now.
            let standing: HashSet<(String, String)> = pins::subjects(db, now)
                .await?
                .into_iter()
                .map(|subject| (subject.kind, subject.subject))
                .collect();
            let over = pins::endless(db).await?;
            for (kind, subject) in over.iter().filter(|it| !standing.contains(it)) {
                pins::end(db, kind, subject, now + wanted::AFTER).await?;
            }
            self.settled = true;
        }
        let subjects = pins::subjects(db, self.since).await?;
        let mut changed = false;
        for subject in &subjects {
            let key = (subject.kind.clone(), subject.subject.clone());
            if self.known.get(&key) == Some(&subject.revision) {
                continue;
            }
            let course = course(app, subject).await?;
            let spans = wanted::spans(subject, &course, &app.directory());
            let until = wanted::until(subject);
            changed |= pins::set(db, &subject.kind, &subject.subject, &spans, until).await?;
            self.known.insert(key, subject.revision);
        }
        self.since = now - MARGIN;
        let seen: HashSet<(&str, &str)> = subjects.iter().map(Subject::key).collect();
        self.known
            .retain(|key, _| seen.contains(&(key.0.as_str(), key.1.as_str())));
        Ok(changed | (pins::expire(db, now).await? > 0))
    }
}

/// The course of the case that a subject is about.
async fn course(app: &App, subject: &Subject) -> Result<Course, StoreError> {
    let Some(case) = &subject.case_no else {
        return Ok(Course::default());
    };
    let stored = events::of_case(app.db(), case).await?;
    Ok(Course {
        held: held(stored.iter().map(|stored| &stored.event)),
        // Of a date alone nobody knows the minute.
        instants: stored
            .iter()
            .filter(|stored| !stored.event.date_only)
            .map(|stored| stored.event.time)
            .collect(),
    })
}
